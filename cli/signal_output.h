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

/**
 * @path: with {signal} in it where the signal's name is to stand; "-" is stdout. Must outlive the
 *        result
 * @signals: bits of enum signal_kind, whose outputs are opened at once. 0: metrics, and as soon as
 *           there is an event of the network, traces
 */
int signal_output_new(const char *path, enum eo_otlp_encoding encoding, unsigned int signals,
		      struct signal_output **ret, struct eo_error *err);
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

/** Write what is left and complete the files. */
int signal_output_finish(struct signal_output *output, struct eo_error *err);

/** How many items were written as @kind; and to where, NULL when it was not written. */
uint64_t signal_output_count(const struct signal_output *output, enum signal_kind kind);
const char *signal_output_name(const struct signal_output *output, enum signal_kind kind);

#endif
