/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace_output.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "core/clock.h"
#include "export/redaction.h"
#include "interval_files.h"
#include "line_output.h"
#include "report.h"
#include "signal_output.h"

#define WAITING_MAX   (256u << 10)	  /* bytes, until a reader has taken some */
#define FLUSH_NS      (EO_NS_PER_SEC / 40) /* a line waits so long at most */
#define TICK_NS	      EO_NS_PER_SEC
#define METRICS_MS    60000 /* OTEL_METRIC_EXPORT_INTERVAL */
#define LAST_WORDS_NS (EO_NS_PER_SEC / 10) /* for the end record, once all else is settled */

const char *const trace_format_names[] = {
	[TRACE_JSONL] = "jsonl",
	[TRACE_TEXT] = "text",
	[TRACE_OTLP] = "otlp",
	[TRACE_OTLP_JSON] = "otlp-json",
	NULL,
};

const char *const trace_format_texts[] = {
	[TRACE_JSONL] = "one JSON object a line (.jsonl); the default",
	[TRACE_TEXT] = "lines to read (.txt); the default on a terminal",
	[TRACE_OTLP] = "OpenTelemetry, protobuf messages behind their length (.otlp)",
	[TRACE_OTLP_JSON] = "OpenTelemetry, one JSON request a line (.json)",
};

bool trace_format_of_file(const char *path, enum trace_format *ret)
{
	static const struct {
		const char *ending;
		enum trace_format format;
	} endings[] = {
		{".jsonl", TRACE_JSONL},
		{".txt", TRACE_TEXT},
		{".otlp", TRACE_OTLP},
		{".json", TRACE_OTLP_JSON},
	};
	size_t len = strlen(path);

	for (size_t i = 0; i < EO_ARRAY_SIZE(endings); i++) {
		size_t ending = strlen(endings[i].ending);

		if (len > ending && !strcmp(path + len - ending, endings[i].ending)) {
			*ret = endings[i].format;
			return true;
		}
	}
	return false;
}

/* A stream that the loop looks at. */
struct watched {
	struct trace_output *output;
	struct eo_loop_source *source;
	uint32_t events;
};

struct trace_output {
	struct trace_output_options options;
	struct line_output *lines;     /* JSON lines and text; NULL: OTLP */
	struct eo_redaction *redaction; /* NULL: events go out as they are */
	struct signal_output *signals; /* OTLP; else NULL */
	struct eo_otlp_converter *converter;
	struct eo_trace_envelope *envelope; /* NULL: its records are of no use here */
	struct eo_event_clock clock;
	struct interval_files files;
	char name[PATH_MAX];
	struct interval_clock intervals;
	struct eo_wall_clock wall; /* of the file, or of the run */

	struct eo_loop *loop; /* while watched */
	trace_room_fn room;
	void *room_ctx;
	struct watched watched[SIGNAL_COUNT];
	struct eo_loop_source *flush, *tick;
	uint64_t metrics_period_ns, metrics_ns; /* when they are due */

	bool has_begun;	 /* the start record is out */
	bool was_full;	 /* since ready() said no */
	bool discarding; /* nobody is waited for any more */
	uint64_t deadline_ns;
	uint64_t count; /* of events that were taken */
	uint64_t undelivered, unwanted;
	struct eo_error err;
};

static bool is_otlp(const struct trace_output *o)
{
	return o->options.format == TRACE_OTLP || o->options.format == TRACE_OTLP_JSON;
}

/* NULL where there is none. */
static struct eo_stream *stream_of(const struct trace_output *o, size_t i)
{
	if (o->signals)
		return signal_output_stream(o->signals, (enum signal_kind)i);
	return i == 0 && o->lines ? line_output_stream(o->lines) : NULL;
}

/* --- opening --- */

static int set_name(struct trace_output *o, uint64_t wall_ns, struct eo_error *err)
{
	const char *path = o->options.path;

	if (o->options.interval_ns && strchr(path, '%')) {
		if (interval_name(path, wall_ns, o->name, sizeof(o->name)))
			return 0;
	} else if (strlen(path) < sizeof(o->name)) {
		strcpy(o->name, path);
		return 0;
	}
	return eo_error_set(err, EO_ERROR_CONFIG, 0, NULL, "name the output '%.200s': too long",
			    path);
}

static int open_signals(struct trace_output *o, struct eo_error *err)
{
	const struct signal_output_options options = {
		.path = o->name,
		.encoding = o->options.format == TRACE_OTLP ? EO_OTLP_PROTOBUF : EO_OTLP_JSON,
		.signals = o->options.signals,
		.traces = o->options.traces,
		.stream = true,
	};

	return signal_output_new(&options, &o->signals, err);
}

static int open_lines(struct trace_output *o, struct eo_error *err)
{
	const struct line_output_options options = {
		.path = o->name,
		.text = o->options.format == TRACE_TEXT,
		.color = o->options.color,
	};

	return line_output_new(&options, &o->lines, err);
}

static uint64_t metrics_period_ns(void)
{
	const char *text = getenv("OTEL_METRIC_EXPORT_INTERVAL");
	char *end;
	unsigned long ms;

	if (!text || !*text)
		return METRICS_MS * 1000000ull;
	ms = strtoul(text, &end, 10);
	return (*end || !ms || ms > INT_MAX ? METRICS_MS : ms) * 1000000ull;
}

int trace_output_new(const struct trace_output_options *options, struct trace_output **ret,
		     struct eo_error *err)
{
	EO_AUTO(trace_output) o = calloc(1, sizeof(*o));
	int r;

	if (!o)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, ENOMEM, NULL,
				    "prepare the output");
	o->options = *options;
	o->files = (struct interval_files){.keep = options->keep, .cli = options->cli};
	o->clock.start_ns = options->start_ns;
	o->wall = eo_wall_clock_begin();
	o->clock.wall_offset_ns = o->wall.offset_ns;
	o->intervals = (struct interval_clock){
		.started_wall_ns = options->start_ns + (uint64_t)o->clock.wall_offset_ns,
		.interval_ns = options->interval_ns,
	};
	o->metrics_period_ns = metrics_period_ns();
	o->metrics_ns = options->start_ns + o->metrics_period_ns;
	if (options->redact && eo_redaction_new(&o->redaction) < 0)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, ENOMEM, NULL,
				    "prepare the output");
	r = set_name(o, o->intervals.started_wall_ns, err);
	if (!r)
		r = is_otlp(o) ? open_signals(o, err) : open_lines(o, err);
	if (r < 0)
		return r;
	*ret = eo_steal(&o);
	return 0;
}

void trace_output_free(struct trace_output *o)
{
	if (!o)
		return;
	trace_output_unwatch(o);
	line_output_free(o->lines);
	signal_output_free(o->signals);
	eo_otlp_converter_free(o->converter);
	eo_redaction_free(o->redaction);
	interval_files_fini(&o->files);
	free(o);
}

bool trace_output_is_stdout(const struct trace_output *o)
{
	for (size_t i = 0; i < SIGNAL_COUNT; i++)
		if (stream_of(o, i) && eo_stream_is_stdout(stream_of(o, i)))
			return true;
	return false;
}

int trace_output_set_envelope(struct trace_output *o, struct eo_trace_envelope *envelope,
			      struct eo_error *err)
{
	const char *run_id = eo_trace_envelope_run_id(envelope);

	if (is_otlp(o) || o->options.envelope)
		o->envelope = envelope;
	return is_otlp(o) ? eo_otlp_converter_new(run_id, strlen(run_id), &o->converter, err) : 0;
}

int trace_output_error(const struct trace_output *o, struct eo_error *err)
{
	if (!o->err.kind)
		return 0;
	*err = o->err;
	return o->err.code ? -o->err.code : -EINVAL;
}

/* --- one event --- */

static int put(struct trace_output *o, const struct eo_event *event, uint32_t weight)
{
	if (o->redaction)
		event = eo_redaction_apply(o->redaction, event);
	if (!event)
		return eo_error_set(&o->err, EO_ERROR_EVENT_PROCESSING_FAILED, ENOMEM, NULL,
				    "write %.200s", o->name);
	if (o->signals)
		return signal_output_add(o->signals, o->converter, event, &o->clock, &o->err);
	return line_output_add(o->lines, event, &o->clock, weight, &o->err);
}

/* The records of the envelope come through here: they are no events of a tracer. */
static int put_record(void *ctx, const struct eo_event *event)
{
	return put(ctx, event, 0);
}

static int begin(struct trace_output *o)
{
	if (o->has_begun)
		return 0;
	o->has_begun = true;
	return o->envelope ? eo_trace_envelope_start(o->envelope, &o->wall, put_record, o) : 0;
}

static size_t waiting(const struct trace_output *o)
{
	size_t sum = 0;

	for (size_t i = 0; i < SIGNAL_COUNT; i++)
		if (stream_of(o, i))
			sum += eo_stream_waiting(stream_of(o, i));
	return sum;
}

static int on_flush(void *ctx);

/* What came just now waits for more, but not for long. */
static int arm_flush(struct trace_output *o)
{
	bool holds = o->lines && line_output_holds(o->lines);

	if (!o->loop || o->flush || (!holds && !waiting(o)))
		return 0;
	return eo_loop_add_timer(o->loop, FLUSH_NS, 0, on_flush, o, &o->flush, &o->err);
}

int trace_output_event(void *ctx, const struct eo_event *event)
{
	struct trace_output *o = ctx;
	bool is_counted = event->type != EO_EVENT_LOSS;
	int r;

	/* A table has no place for it, and the statistics tell it. */
	if (!is_counted && o->options.tables)
		return 0;
	if (is_counted && o->options.max_events && o->count >= o->options.max_events) {
		o->unwanted++;
		return 0;
	}
	if (o->discarding) {
		o->undelivered += is_counted;
		return 0;
	}
	r = begin(o);
	if (!r && o->envelope)
		r = eo_trace_envelope_process(o->envelope, event, put_record, o);
	if (!r)
		r = put(o, event, is_counted);
	if (!r)
		r = arm_flush(o);
	if (r < 0)
		return r;
	o->count += is_counted;
	if (o->loop && o->options.max_events && o->count == o->options.max_events)
		eo_loop_stop(o->loop);
	return 0;
}

int trace_output_text(struct trace_output *o, const char *text, size_t size)
{
	int r = line_output_text(o->lines, text, size, &o->err);

	return r < 0 ? r : arm_flush(o);
}

/* --- readers --- */

static int pump(struct trace_output *o)
{
	int r = o->lines ? line_output_release(o->lines, &o->err) : 0;

	for (size_t i = 0; !r && i < SIGNAL_COUNT; i++)
		if (stream_of(o, i) && eo_stream_pump(stream_of(o, i)) < 0)
			r = eo_stream_failed(stream_of(o, i), &o->err);
	return r;
}

bool trace_output_ready(void *ctx)
{
	struct trace_output *o = ctx;

	if (o->discarding || waiting(o) <= WAITING_MAX)
		return true;
	/* What failed is told by the next event. */
	if (pump(o) < 0 || waiting(o) <= WAITING_MAX)
		return true;
	o->discarding = o->deadline_ns && eo_clock_monotonic_ns() >= o->deadline_ns;
	o->was_full = !o->discarding;
	return o->discarding;
}

static int on_ready(void *ctx, uint32_t events);

/* @events: 0 is for the reader's end alone */
static int watch(struct trace_output *o, size_t i, uint32_t events)
{
	struct eo_stream *stream = stream_of(o, i);
	struct watched *w = &o->watched[i];

	if (w->source && w->events == events)
		return 0;
	eo_loop_remove(o->loop, eo_steal(&w->source));
	w->output = o;
	w->events = events;
	return eo_loop_add_fd(o->loop, eo_stream_fd(stream), events, on_ready, w, &w->source,
			      &o->err);
}

static int watch_all(struct trace_output *o)
{
	int r = 0;

	for (size_t i = 0; !r && i < SIGNAL_COUNT; i++)
		if (stream_of(o, i) && eo_stream_fd(stream_of(o, i)) >= 0)
			r = watch(o, i, eo_stream_waiting(stream_of(o, i)) ? EPOLLOUT : 0);
	return r;
}

/* Write what the readers take. With room for many events the rings are emptied now, not at the
 * tracers' next tick. */
static int go_on(struct trace_output *o)
{
	int r = pump(o);

	if (!r && o->was_full && trace_output_ready(o)) {
		o->was_full = false;
		r = o->room(o->room_ctx);
	}
	return r ? r : watch_all(o);
}

static int on_ready(void *ctx, uint32_t events)
{
	struct trace_output *o = ((struct watched *)ctx)->output;
	int r = go_on(o);

	return !r && events & (EPOLLERR | EPOLLHUP) ? -EPIPE : r;
}

static int on_flush(void *ctx)
{
	struct trace_output *o = ctx;

	o->flush = NULL;
	return go_on(o);
}

/* Machines sleep, which monotonic time leaves out; spans and log records are not to wait until
 * there are thousands. */
static int on_tick(void *ctx)
{
	struct trace_output *o = ctx;
	uint64_t now_ns = eo_clock_monotonic_ns();
	bool metrics = now_ns >= o->metrics_ns;
	int r = 0;

	o->clock.wall_offset_ns = eo_wall_clock_offset_ns(&o->wall);
	if (metrics)
		o->metrics_ns = now_ns + o->metrics_period_ns;
	if (o->signals && waiting(o) <= WAITING_MAX)
		r = signal_output_flush(o->signals, metrics && !o->options.interval_ns, &o->err);
	return r ? r : arm_flush(o);
}

int trace_output_watch(struct trace_output *o, struct eo_loop *loop, trace_room_fn fn, void *ctx,
		       struct eo_error *err)
{
	int r;

	o->loop = loop;
	o->room = fn;
	o->room_ctx = ctx;
	r = eo_loop_add_timer(loop, TICK_NS, TICK_NS, on_tick, o, &o->tick, err);
	if (!r)
		r = watch_all(o);
	if (r < 0 && !err->kind)
		*err = o->err;
	return r;
}

void trace_output_unwatch(struct trace_output *o)
{
	if (!o->loop)
		return;
	eo_loop_remove(o->loop, eo_steal(&o->flush));
	eo_loop_remove(o->loop, eo_steal(&o->tick));
	for (size_t i = 0; i < SIGNAL_COUNT; i++)
		eo_loop_remove(o->loop, eo_steal(&o->watched[i].source));
	o->loop = NULL;
}

/* --- intervals --- */

static void note_files(struct trace_output *o)
{
	for (size_t i = 0; i < SIGNAL_COUNT; i++)
		if (stream_of(o, i) && eo_stream_is_regular(stream_of(o, i)))
			interval_files_add(&o->files, eo_stream_name(stream_of(o, i)));
}

static int next_file(struct trace_output *o)
{
	uint64_t passed_ns = eo_clock_monotonic_ns() - o->options.start_ns;
	struct eo_loop *loop = o->loop;
	int r;

	for (size_t i = 0; i < SIGNAL_COUNT; i++)
		eo_loop_remove(loop, eo_steal(&o->watched[i].source));
	note_files(o);
	r = set_name(o, interval_clock_next(&o->intervals, passed_ns), &o->err);
	if (!r && o->signals) {
		r = signal_output_cut(o->signals, o->name, &o->err);
	} else if (!r) {
		r = line_output_cut(o->lines, o->name, &o->err);
		o->has_begun = false;
	}
	/* Where the wall clock was set in between, what follows goes by it. */
	o->wall = eo_wall_clock_begin();
	o->clock.wall_offset_ns = o->wall.offset_ns;
	return r ? r : watch_all(o);
}

int trace_output_cut(struct trace_output *o)
{
	int r = begin(o);

	if (!r && strchr(o->options.path, '%'))
		return next_file(o);
	if (!r && o->signals)
		r = signal_output_flush(o->signals, true, &o->err);
	return r ? r : arm_flush(o);
}

/* --- the end --- */

void trace_output_set_deadline(struct trace_output *o, uint64_t until_ns)
{
	o->deadline_ns = until_ns;
	o->discarding = !until_ns;
}

static int drain(struct trace_output *o, uint64_t until_ns)
{
	int r = o->lines ? line_output_release(o->lines, &o->err) : 0;

	for (size_t i = 0; !r && i < SIGNAL_COUNT; i++)
		if (stream_of(o, i) && eo_stream_drain(stream_of(o, i), until_ns) < 0)
			r = eo_stream_failed(stream_of(o, i), &o->err);
	return r;
}

/* Events stand in several signals: what one of them is without was not delivered. */
static uint64_t drop(struct trace_output *o)
{
	uint64_t most = 0;

	for (size_t i = 0; i < SIGNAL_COUNT; i++) {
		uint64_t weight = stream_of(o, i) ? eo_stream_drop(stream_of(o, i)) : 0;

		if (weight > most)
			most = weight;
	}
	return most;
}

static int tell_undelivered(struct trace_output *o)
{
	const struct eo_attr data[] = {
		{.key = "reason", .type = EO_ATTR_STRING, .str = eo_loss_name(EO_LOSS_STOPPED)},
		{.key = "count", .type = EO_ATTR_UINT, .unum = o->undelivered},
	};
	const struct eo_event event = {
		.type = EO_EVENT_LOSS,
		.ktime_ns = eo_clock_monotonic_ns(),
		.data = data,
		.data_count = EO_ARRAY_SIZE(data),
	};

	return o->undelivered ? put(o, &event, 0) : 0;
}

int trace_output_settle(struct trace_output *o)
{
	int r = begin(o);

	if (!r && o->signals && !o->discarding)
		r = signal_output_flush(o->signals, false, &o->err);
	if (!r)
		r = drain(o, o->deadline_ns);
	o->undelivered += drop(o);
	return r ? r : tell_undelivered(o);
}

uint64_t trace_output_undelivered(const struct trace_output *o)
{
	return o->undelivered;
}

uint64_t trace_output_unwanted(const struct trace_output *o)
{
	return o->unwanted;
}

static void tell(const struct trace_output *o)
{
	for (unsigned int i = 0; i < SIGNAL_COUNT; i++) {
		const struct eo_stream *stream = stream_of(o, i);

		if (!stream || eo_stream_is_stdout(stream))
			continue;
		if (o->signals)
			cli_note(o->options.cli, "wrote %s (%" PRIu64 " %s)",
				 eo_stream_name(stream), signal_output_count(o->signals, i),
				 signal_items[i]);
		else
			cli_note(o->options.cli, "wrote %s (%" PRIu64 " events)",
				 eo_stream_name(stream), o->count - o->undelivered);
	}
}

int trace_output_finish(struct trace_output *o, const struct eo_statistics *statistics,
			struct eo_error *err)
{
	int r = 0;

	if (o->envelope)
		r = eo_trace_envelope_end(o->envelope, statistics, put_record, o);
	if (!r && o->signals)
		r = signal_output_flush(o->signals, true, &o->err);
	if (!r)
		r = drain(o, eo_clock_monotonic_ns() + LAST_WORDS_NS);
	drop(o);
	if (!r && o->signals)
		r = signal_output_finish(o->signals, &o->err);
	else if (!r)
		r = line_output_finish(o->lines, &o->err);
	if (!r) {
		note_files(o);
		tell(o);
	}
	if (r < 0)
		*err = o->err;
	return r;
}
