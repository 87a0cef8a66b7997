/* SPDX-License-Identifier: BSD-2-Clause */
/* One trace: open the output, start the command if there is one, let the tracers run until
 * something ends them, and stay until the command has ended as well. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture_session.h"
#include "cli.h"
#include "core/clock.h"
#include "export/trace_envelope.h"
#include "format/summary_table.h"
#include "report.h"
#include "trace_config.h"
#include "trace_heap.h"
#include "trace_options.h"
#include "trace_output.h"

#define LAST_NS EO_NS_PER_SEC /* that a reader gets at the end */

struct session {
	struct capture_session capture;
	const struct trace_options *options;
	struct trace_output *output;
	struct eo_tracer *tracers[TRACERS_MAX];
	size_t count;
	struct eo_trace_envelope *envelope;
	json_t *json;
	struct trace_config config;
	uint64_t start_ns; /* when the trace began */
	bool has_rows;	   /* a table was written */
};

/* --- rows of a summary --- */

static int add_row(void *ctx, const struct eo_event *row)
{
	return eo_summary_table_add(ctx, row);
}

static int write_table(struct session *s, const struct eo_summary_table *table,
		       const struct trace_tracer *tracer)
{
	EO_AUTO_FREE char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	bool color = !strcmp(s->options->output, "-") && cli_has_color();

	if (!out)
		return -ENOMEM;
	if (s->has_rows)
		fputc('\n', out);
	s->has_rows = true;
	eo_summary_table_write(table, s->options->top, color, out);
	if (!eo_summary_table_count(table))
		fprintf(out, "%s: nothing %s\n", tracer->name,
			s->options->mem.leaks ? "is held of what was taken meanwhile" : "happened");
	if (fclose(out) != 0 || !text)
		return -ENOMEM;
	return trace_output_text(s->output, text, size);
}

static int write_rows(struct session *s, const struct eo_summary_table *table)
{
	size_t rows = eo_summary_table_count(table);
	int r = 0;

	if (s->options->top && s->options->top < rows)
		rows = s->options->top;
	for (size_t i = 0; !r && i < rows; i++)
		r = trace_output_event(s->output, eo_summary_table_row(table, i));
	return r;
}

static int summarise(struct session *s, size_t i)
{
	const struct trace_tracer *tracer = s->options->tracers[i];
	EO_AUTO(eo_summary_table) table = eo_summary_table_new();
	int r = table ? 0 : -ENOMEM;

	if (!r)
		r = eo_tracer_summary(s->tracers[i], add_row, table, &s->capture.err);
	if (r < 0)
		return r;
	eo_summary_table_sort(table, s->options->sort ?: tracer->sort);
	return s->options->format == TRACE_TEXT ? write_table(s, table, tracer) :
						  write_rows(s, table);
}

static int summarise_all(struct session *s)
{
	int r = 0;

	for (size_t i = 0; !r && s->options->summary && i < s->count; i++)
		r = summarise(s, i);
	return r;
}

/* --- the capture --- */

/* There is room again, after rings were left as they were. */
static int on_room(void *ctx)
{
	struct session *s = ctx;
	int r = 0;

	for (size_t i = 0; r >= 0 && i < s->count; i++)
		if (eo_tracer_is_running(s->tracers[i]))
			r = eo_tracer_pump(s->tracers[i], &s->capture.err);
	return r < 0 ? r : 0;
}

/* Which ways it goes on this kernel. */
static void say_hooks(const struct cli *cli, const struct eo_tracer *tracer)
{
	const struct eo_trace_hook *hooks;
	size_t count = eo_tracer_hooks(tracer, &hooks);

	for (size_t i = 0; cli->verbose && i < count; i++)
		cli_note(cli, "trace %s: %s: %s", eo_tracer_name(tracer), hooks[i].key, hooks[i].value);
}

static int on_start(void *ctx)
{
	struct session *s = ctx;
	struct eo_error *err = &s->capture.err;
	int r = 0;

	for (size_t i = 0; !r && i < s->count; i++) {
		const struct trace_tracer *tracer = s->options->tracers[i];

		r = eo_tracer_start(s->tracers[i], err);
		if (!r)
			say_hooks(s->capture.cli, s->tracers[i]);
		if (!r && tracer->started)
			r = tracer->started(s->options, s->tracers[i], s->capture.cli, err);
	}
	if (!r)
		r = trace_output_watch(s->output, s->capture.loop, on_room, s, err);
	for (size_t i = 0; !r && i < s->count; i++)
		r = eo_tracer_watch(s->tracers[i], s->capture.loop, err);
	return r;
}

static bool are_targets_gone(void *ctx)
{
	const struct session *s = ctx;

	for (size_t i = 0; i < s->count; i++)
		if (!eo_tracer_targets_gone(s->tracers[i]))
			return false;
	return true;
}

/* What all tracers came to so far, or in the end. @parts: TRACERS_MAX of them */
static struct eo_statistics statistics_of(struct session *s, struct eo_trace_part *parts)
{
	struct eo_statistics statistics = {
		.parts = parts,
		.part_count = s->count,
		.undelivered = trace_output_undelivered(s->output),
		.unwanted = trace_output_unwanted(s->output),
	};

	for (size_t i = 0; i < s->count; i++) {
		struct eo_overhead overhead = eo_tracer_get_overhead(s->tracers[i]);

		parts[i].name = eo_tracer_name(s->tracers[i]);
		parts[i].stats = eo_tracer_stats(s->tracers[i]);
		if (parts[i].stats.duration_ns > statistics.duration_ns)
			statistics.duration_ns = parts[i].stats.duration_ns;
		if (i)
			eo_overhead_add(&statistics.overhead, &overhead);
		else
			statistics.overhead = overhead;
	}
	return statistics;
}

static void tell_progress(void *ctx, struct capture_progress *ret)
{
	struct session *s = ctx;
	struct eo_trace_part parts[TRACERS_MAX];
	struct eo_statistics statistics = statistics_of(s, parts);

	ret->elapsed_ns = eo_clock_monotonic_ns() - s->start_ns;
	ret->lost = eo_statistics_lost(&statistics);
	for (size_t i = 0; i < s->count; i++)
		ret->count += parts[i].stats.emitted + parts[i].stats.aggregated;
}

static int on_interval(void *ctx)
{
	struct session *s = ctx;
	int r = summarise_all(s);

	return r ? r : trace_output_cut(s->output);
}

static void on_end(void *ctx)
{
	struct session *s = ctx;

	trace_output_unwatch(s->output);
}

static void explain(void *ctx, struct eo_error *err)
{
	const struct session *s = ctx;

	trace_output_error(s->output, err);
}

static const struct capture_class trace_class = {
	.items = "events",
	.work = "trace",
	.start = on_start,
	.targets_gone = are_targets_gone,
	.progress = tell_progress,
	.interval = on_interval,
	.clear = on_end,
	.explain = explain,
};

/* --- opening --- */

static int open_output(struct session *s, struct eo_error *err)
{
	const struct trace_options *o = s->options;
	struct trace_output_options options = {
		.path = o->output,
		.format = o->format,
		.signals = o->signals,
		.envelope = trace_options_has_envelope(o),
		.redact = o->redact,
		.color = !strcmp(o->output, "-") && cli_has_color(),
		.tables = o->summary && o->format == TRACE_TEXT,
		.interval_ns = o->capture.interval_ns,
		.keep = o->capture.keep,
		.max_events = o->max_events,
		.start_ns = s->start_ns,
		.cli = s->capture.cli,
	};

	for (size_t i = 0; i < o->tracer_count; i++)
		options.traces |= o->tracers[i]->has_traces && !o->summary;
	return trace_output_new(&options, &s->output, err);
}

static int make_tracers(struct session *s, struct eo_error *err)
{
	struct eo_tracer_options base = {
		.sink = {trace_output_event, trace_output_ready, s->output},
		.summary = s->options->summary,
		.stack = s->options->stack,
		.start_ns = s->start_ns,
	};
	int r = 0;

	capture_options_target(&s->options->capture, &base.target);
	base.target.command_pid = capture_session_command_pid(&s->capture);
	while (!r && s->count < s->options->tracer_count) {
		r = s->options->tracers[s->count]->make(s->options, &s->options->config, &base,
							&s->tracers[s->count], err);
		s->count += !r;
	}
	return r;
}

static int make_envelope(struct session *s, struct eo_error *err)
{
	struct eo_trace_start start = {
		.start_ns = s->start_ns,
		.tracers = (const struct eo_tracer *const *)s->tracers,
		.tracer_count = s->count,
		.command = s->capture.cli->argv,
		/* A caller's span is what runs CMD, not whoever looks at the system beside it. */
		.traceparent = s->options->capture.argv ? getenv("TRACEPARENT") : NULL,
	};
	int r;

	s->json = trace_options_json(s->options);
	if (!s->json || trace_config_init(&s->config, s->json) < 0)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, ENOMEM, NULL,
				    "note the configuration");
	start.config = s->config.attrs;
	start.config_count = s->config.count;
	r = eo_trace_envelope_new(&start, &s->envelope, err);
	return r ? r : trace_output_set_envelope(s->output, s->envelope, err);
}

static int open_session(struct session *s, struct eo_error *err)
{
	int r = open_output(s, err);

	if (!r)
		r = capture_session_open_stats(&s->capture, err);
	if (!r)
		r = capture_session_open(&s->capture, trace_output_is_stdout(s->output), err);
	if (!r)
		r = make_tracers(s, err);
	return r ? r : make_envelope(s, err);
}

static void close_session(struct session *s)
{
	for (size_t i = 0; i < s->count; i++)
		eo_tracer_free(s->tracers[i]);
	capture_session_close(&s->capture);
	trace_output_free(s->output);
	eo_trace_envelope_free(s->envelope);
	trace_config_fini(&s->config);
	json_decref(s->json);
}

/* --- the end --- */

/* Whatever it was, the words of the output or of the tracer say it. */
static int failed(struct session *s, int r, struct eo_error *err)
{
	if (r < 0 && !err->kind)
		*err = s->capture.err;
	if (r < 0 && !err->kind)
		trace_output_error(s->output, err);
	if (r == -EPIPE && !err->kind) {
		s->capture.reader_gone = true;
		return 0;
	}
	if (r < 0 && !err->kind)
		eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, -r, NULL, "trace");
	return r;
}

static int stop_tracers(struct session *s, struct eo_error *err)
{
	int r = 0;

	/* All of them in one second, and none where nobody reads any more. */
	trace_output_set_deadline(s->output, s->capture.reader_gone ?
						     0 :
						     eo_clock_monotonic_ns() + LAST_NS);
	for (size_t i = 0; i < s->count; i++) {
		int stopped = eo_tracer_stop(s->tracers[i], NULL, err);

		stopped = failed(s, stopped, err);
		if (s->capture.reader_gone)
			trace_output_set_deadline(s->output, 0);
		r = r ?: stopped;
	}
	return r;
}

static int finish(struct session *s, struct eo_error *err)
{
	struct eo_trace_part parts[TRACERS_MAX];
	struct eo_statistics statistics;
	int r = stop_tracers(s, err);

	if (!r && !s->capture.reader_gone)
		r = failed(s, summarise_all(s), err);
	if (!r && !s->capture.reader_gone)
		r = failed(s, trace_output_settle(s->output), err);
	statistics = statistics_of(s, parts);
	if (!r && !s->capture.reader_gone)
		r = failed(s, trace_output_finish(s->output, &statistics, err), err);
	return r ? r : capture_session_write_statistics(&s->capture, &statistics, err);
}

static int run_session(struct session *s)
{
	struct eo_error err = {0};
	int r = open_session(s, &err);

	if (!r)
		r = capture_session_run(&s->capture, -1, &err);
	if (!r)
		r = finish(s, &err);
	capture_session_await_command(&s->capture);
	return capture_session_conclude(&s->capture, r, &err);
}

int cmd_trace(int argc, char **argv, struct cli *cli)
{
	struct trace_options options;
	int status;

	trace_options_init(&options, argv[0]);
	status = cli_parse(&trace_argp, argv[0], argc, argv, &options, cli);
	if (status < 0)
		status = trace_options_check(&options);
	if (status < 0 && options.capture.dry_run)
		status = trace_options_describe(&options);
	if (status < 0 && options.heap)
		status = trace_heap_run(&options, cli);
	if (status < 0) {
		struct session session = {
			.capture = {.class = &trace_class,
				    .ctx = &session,
				    .options = &options.capture,
				    .cli = cli,
				    .duration_ns = options.config.duration_ns,
				    .output_path = options.output},
			.options = &options,
			.start_ns = eo_clock_monotonic_ns(),
		};

		/* A command's terminal belongs to the command, that of the events to them. */
		progress_init(&session.capture.progress,
			      !cli->quiet && !options.capture.argv &&
				      (strcmp(options.output, "-") || !isatty(STDOUT_FILENO)));
		status = run_session(&session);
		close_session(&session);
	}
	trace_options_fini(&options);
	return status;
}
