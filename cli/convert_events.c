/* SPDX-License-Identifier: BSD-2-Clause */
#include "convert_events.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/hash.h"
#include "export/output.h"
#include "format/jsonl.h"
#include "hold_signals.h"
#include "otlp/converter.h"
#include "report.h"
#include "signal_output.h"

struct conversion {
	struct eo_output *lines; /* one of these two is NULL */
	struct signal_output *signals;
	struct eo_otlp_converter *converter; /* of the current input */
	int64_t shift_ns;		     /* of all times */
	uint64_t count;
	int stop_fd;			     /* a signal has come */
};

static void conversion_fini(struct conversion *c)
{
	eo_output_free(c->lines);
	signal_output_free(c->signals);
	eo_otlp_converter_free(c->converter);
	if (c->stop_fd >= 0)
		close(c->stop_fd);
}

/* --- one pass to see when the events end, for --time=now --- */

static int64_t end_of(const struct eo_event *event, const struct eo_event_clock *clock)
{
	const struct eo_attr *duration = eo_event_data(event, "duration_ns");
	uint64_t end_ns = event->ktime_ns + (uint64_t)clock->wall_offset_ns;

	/* That of an end record is the trace's, which this record ends. */
	if (duration && duration->type == EO_ATTR_UINT && event->type != EO_EVENT_END)
		end_ns += duration->unum;
	return (int64_t)end_ns;
}

static int on_event_seen(void *ctx, const struct eo_event *event,
			 const struct eo_event_clock *clock, struct eo_error *err)
{
	int64_t *end_ns = ctx, ns = end_of(event, clock);

	(void)err;
	if (ns > *end_ns)
		*end_ns = ns;
	return 0;
}

static int find_end(const char *path, int64_t *end_ns, struct eo_error *err)
{
	EO_AUTO(eo_input) input = NULL;
	struct stat st;
	int r;

	if (!strcmp(path, "-") || (!stat(path, &st) && !S_ISREG(st.st_mode)))
		return eo_error_set(
			err, EO_ERROR_CONFIG, 0, NULL,
			"read %.160s: --time=now reads events twice, which wants a file", path);
	r = eo_input_open(path, &input, err);
	return r ? r : eo_read_events(input, on_event_seen, end_ns, err);
}

static int find_shift(const struct convert_options *options, int64_t *shift_ns,
		      struct eo_error *err)
{
	int64_t end_ns = INT64_MIN;
	int r = 0;

	for (size_t i = 0; !r && i < options->input_count; i++)
		r = find_end(options->inputs[i], &end_ns, err);
	if (!r && end_ns != INT64_MIN &&
	    __builtin_sub_overflow((int64_t)eo_clock_wall_ns(), end_ns, shift_ns))
		r = eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, ERANGE, NULL,
				 "shift the times of %.200s", options->inputs[0]);
	return r;
}

/* --- the conversion --- */

/* -EPIPE without an error: the reader has had enough, which is none. */
static int stop_writing(struct eo_output *output, struct eo_error *err)
{
	int r = eo_output_commit(output, err);

	return r ? r : -EPIPE;
}

static int on_event(void *ctx, const struct eo_event *event, const struct eo_event_clock *clock,
		    struct eo_error *err)
{
	struct conversion *c = ctx;
	struct eo_event_clock shifted = *clock;

	c->count++;
	shifted.wall_offset_ns += c->shift_ns;
	if (c->signals)
		return signal_output_add(c->signals, c->converter, event, &shifted, err);
	if (eo_jsonl_write(event, &shifted, eo_output_stream(c->lines)) < 0)
		return stop_writing(c->lines, err);
	return 0;
}

/* Ids hang on how the stream begins, so that the same file gives the same ids again and two files
 * different ones. */
static int begin_run(struct conversion *c, struct eo_input *input,
		     const struct convert_options *options, struct eo_error *err)
{
	const unsigned char *bytes;
	ssize_t size = eo_input_peek(input, &bytes, err);
	uint64_t run_id;
	int r;

	if (size < 0)
		return (int)size;
	run_id = eo_hash(0, bytes, (size_t)size);
	eo_otlp_converter_free(eo_steal(&c->converter));
	r = eo_otlp_converter_new(&run_id, sizeof(run_id), &c->converter, err);
	if (!r && options->resource_count)
		r = eo_otlp_converter_add_resource(c->converter, options->resource,
						   options->resource_count);
	return r;
}

static int open_outputs(struct conversion *c, const struct convert_options *options,
			struct eo_error *err)
{
	if (!strcmp(options->format, "jsonl"))
		return eo_output_open(options->output, false, &c->lines, err);
	return signal_output_new(&(struct signal_output_options){
					 .path = options->output,
					 .encoding = strcmp(options->format, "otlp") ?
							     EO_OTLP_JSON :
							     EO_OTLP_PROTOBUF,
					 .signals = options->signals,
				 },
				 &c->signals, err);
}

/* Signals are held while there are outputs, and a pipe may say nothing for long. */
static int open_all(struct conversion *c, const struct convert_options *options,
		    struct convert_input *input, struct eo_error *err)
{
	struct held_signals held;

	hold_signals(&held);
	c->stop_fd = held_signals_fd(&held);
	if (c->stop_fd < 0)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, errno, NULL,
				    "wait for signals");
	convert_input_stop_by(input, c->stop_fd);
	return open_outputs(c, options, err);
}

static int run(struct conversion *c, const struct convert_options *options,
	       struct convert_input *input, struct eo_error *err)
{
	int r = options->time_now ? find_shift(options, &c->shift_ns, err) : 0;

	if (!r)
		r = open_all(c, options, input, err);
	if (r < 0)
		return r;
	do {
		r = c->signals ? begin_run(c, input->current, options, err) : 0;
		if (!r)
			r = eo_read_events(input->current, on_event, c, err);
	} while (!r && (r = convert_input_next(input, err)) > 0);
	/* What came before a signal is kept, as when a trace is interrupted. */
	if (r == -EINTR)
		*err = (struct eo_error){0};
	else if (r < 0)
		return r;
	return c->signals ? signal_output_finish(c->signals, err) : eo_output_commit(c->lines, err);
}

static void tell(const struct conversion *c, const struct cli *cli)
{
	if (c->lines && !eo_output_is_stdout(c->lines))
		cli_note(cli, "wrote %s (%" PRIu64 " events)", eo_output_name(c->lines), c->count);
	for (unsigned int kind = 0; c->signals && kind < SIGNAL_COUNT; kind++)
		if (signal_output_name(c->signals, kind))
			cli_note(cli, "wrote %s (%" PRIu64 " %s of %" PRIu64 " events)",
				 signal_output_name(c->signals, kind),
				 signal_output_count(c->signals, kind), signal_items[kind],
				 c->count);
}

int convert_events(const struct convert_options *options, struct convert_input *input,
		   struct eo_error *err)
{
	struct conversion c = {.stop_fd = -1};
	int r = run(&c, options, input, err);

	if (!r)
		tell(&c, input->cli);
	conversion_fini(&c);
	return r == -EPIPE && !err->kind ? 0 : r;
}
