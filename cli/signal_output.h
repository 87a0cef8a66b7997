/* SPDX-License-Identifier: BSD-2-Clause */
/* Where events go as OTLP: one output a signal, for a file holds one signal only. JSON is one
 * request object a line; a protobuf message stands behind its length, four bytes, big-endian.
 * Batches are written as they fill, so that a stream of any length needs little memory. */
#ifndef EO_CLI_SIGNAL_OUTPUT_H
#define EO_CLI_SIGNAL_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "core/auto.h"
#include "core/error.h"
#include "export/stream.h"
#include "otlp/converter.h"

enum signal_kind {
	SIGNAL_TRACES,
	SIGNAL_METRICS,
	SIGNAL_LOGS,
	SIGNAL_COUNT,
};

extern const char *const signal_names[]; /* by kind; ends with NULL */
extern const char *const signal_items[]; /* what one is made of, as in "spans" */

struct signal_output;

/** Does @path, the value of -o, give each signal a name of its own? */
bool signal_output_is_template(const char *path);

struct signal_output_options {
	/* With {signal} in it where the signal's name is to stand; "-" is stdout. Copied. */
	const char *path;
	enum eo_otlp_encoding encoding;
	/* Bits of enum signal_kind, whose outputs are opened at once. 0: metrics, and with @traces,
	 * or as soon as there is an event of the network, traces. Nothing but what is given here
	 * makes a span of each system call. */
	unsigned int signals;
	bool traces;
	/* Messages go out as they come, and nobody waits for a reader; else files appear whole. */
	bool stream;
};

int signal_output_new(const struct signal_output_options *options, struct signal_output **ret,
		      struct eo_error *err);
/** What was not finished leaves no file. NULL is fine. */
void signal_output_free(struct signal_output *output);
EO_DEFINE_AUTO(signal_output)

/**
 * Convert one event to all the signals.
 * Returns 0 or a negative errno. -EPIPE without an error: who reads the output has had enough.
 */
int signal_output_add(struct signal_output *output, struct eo_otlp_converter *converter,
		      const struct eo_event *event, const struct eo_event_clock *clock,
		      struct eo_error *err);

/** Make messages of what there is; of metrics only when @metrics. */
int signal_output_flush(struct signal_output *output, bool metrics, struct eo_error *err);

/** Write what is left and complete the files. */
int signal_output_finish(struct signal_output *output, struct eo_error *err);

/** The same, and go on in files that are named after @path. Sums go on as well. */
int signal_output_cut(struct signal_output *output, const char *path, struct eo_error *err);

/** With options.stream: where @kind goes; NULL: it is not written. */
struct eo_stream *signal_output_stream(const struct signal_output *output, enum signal_kind kind);

/** How many items were written as @kind; and to where, NULL when it was not written. */
uint64_t signal_output_count(const struct signal_output *output, enum signal_kind kind);
const char *signal_output_name(const struct signal_output *output, enum signal_kind kind);

#endif
