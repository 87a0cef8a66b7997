/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the events of all tracers come together, and go out: JSON lines, text or OTLP, with the
 * records of the envelope around them. Nobody waits for a reader: while too much waits for it the
 * tracers are told so, and at the end what it did not take in time is counted. */
#ifndef EO_CLI_TRACE_OUTPUT_H
#define EO_CLI_TRACE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/tracer.h"
#include "cli.h"
#include "core/auto.h"
#include "core/error.h"
#include "core/loop.h"
#include "export/trace_envelope.h"

enum trace_format {
	TRACE_JSONL,
	TRACE_TEXT,
	TRACE_OTLP,
	TRACE_OTLP_JSON,
};

extern const char *const trace_format_names[]; /* by format; ends with NULL */
extern const char *const trace_format_texts[]; /* what they are, for --help */

/** By the ending of @path. Returns false, @ret untouched, for one that says nothing. */
bool trace_format_of_file(const char *path, enum trace_format *ret);

struct trace_output_options {
	const char *path; /* a strftime template if there is an interval and it has a % */
	enum trace_format format;
	unsigned int signals; /* of OTLP; 0: as signal_output.h says */
	bool traces;	      /* without signals: traces as well, from the start */
	bool envelope;	      /* write its records as well */
	bool redact;	      /* without paths and commands: see export/redaction.h */
	bool color;
	bool tables;	      /* no events: trace_output_text() is called */
	uint64_t interval_ns; /* 0: one output */
	uint32_t keep;
	uint64_t max_events; /* 0: all */
	uint64_t start_ns;   /* CLOCK_MONOTONIC, when the trace began */
	const struct cli *cli;
};

struct trace_output;

/**
 * Open the (first) output, so that what cannot be written is found before the capture.
 * @options: copied; what it points to must outlive the result
 */
int trace_output_new(const struct trace_output_options *options, struct trace_output **ret,
		     struct eo_error *err);
void trace_output_free(struct trace_output *output); /* NULL is fine */
EO_DEFINE_AUTO(trace_output)

bool trace_output_is_stdout(const struct trace_output *output);

/** What is told around the events; before the first of them. Must outlive the output's use. */
int trace_output_set_envelope(struct trace_output *output, struct eo_trace_envelope *envelope,
			      struct eo_error *err);

/** Called when there is room again after ready() said no. */
typedef int (*trace_room_fn)(void *ctx);

/** Let @loop flush, watch the readers, and be stopped at options.max_events. */
int trace_output_watch(struct trace_output *output, struct eo_loop *loop, trace_room_fn fn,
		       void *ctx, struct eo_error *err);
void trace_output_unwatch(struct trace_output *output);

/* A struct eo_trace_sink of @ctx, a struct trace_output. After a negative return, but -EPIPE,
 * trace_output_error() tells why. */
int trace_output_event(void *ctx, const struct eo_event *event);
bool trace_output_ready(void *ctx);
int trace_output_error(const struct trace_output *output, struct eo_error *err);

/** Text that is no event, such as a table, with -f text. */
int trace_output_text(struct trace_output *output, const char *text, size_t size);

/** An interval has passed: write what there is, and begin the next file if there is to be one. */
int trace_output_cut(struct trace_output *output);

/** The capture ends: from @until_ns (CLOCK_MONOTONIC; 0: now) on nobody is waited for. */
void trace_output_set_deadline(struct trace_output *output, uint64_t until_ns);

/** Wait for the readers, not beyond the deadline, and count what they did not take. */
int trace_output_settle(struct trace_output *output);
uint64_t trace_output_undelivered(const struct trace_output *output); /* events */
uint64_t trace_output_unwanted(const struct trace_output *output);    /* beyond max_events */

/** The end record, and the last of everything. Says what was written. */
int trace_output_finish(struct trace_output *output, const struct eo_statistics *statistics,
			struct eo_error *err);

#endif
