/* SPDX-License-Identifier: BSD-2-Clause */
/* The records around the events of a trace: start, a process at its first sight, end. Whoever
 * turns events into OTLP needs them, be they written or not. Not thread-safe. */
#ifndef EO_EXPORT_TRACE_ENVELOPE_H
#define EO_EXPORT_TRACE_ENVELOPE_H

#include "capture/tracer.h"
#include "core/auto.h"
#include "core/clock.h"
#include "core/error.h"
#include "core/event.h"
#include "export/statistics.h"

#define EO_TRACE_CONFIG_MAX 256

struct eo_trace_envelope;

/* What a start record tells. Everything must live as long as the envelope. */
struct eo_trace_start {
	uint64_t start_ns;		 /* CLOCK_MONOTONIC, when the trace began */
	const struct eo_tracer *const *tracers;
	size_t tracer_count;
	char *const *command; /* ours, ends with NULL */
	const struct eo_attr *config; /* members of the object, flat; at most EO_TRACE_CONFIG_MAX */
	size_t config_count;
	const char *traceparent; /* NULL: none */
	const char *run_id;	 /* 32 hex digits; NULL: made */
};

int eo_trace_envelope_new(const struct eo_trace_start *start, struct eo_trace_envelope **ret,
			  struct eo_error *err);
void eo_trace_envelope_free(struct eo_trace_envelope *envelope); /* NULL is fine */
EO_DEFINE_AUTO(eo_trace_envelope)

/** The id of this run, 32 hex digits. Lives as long as @envelope. */
const char *eo_trace_envelope_run_id(const struct eo_trace_envelope *envelope);

/**
 * Hand the start record, of now, to @fn, and forget which processes were seen. The records that
 * follow tell the time by @wall.
 */
int eo_trace_envelope_start(struct eo_trace_envelope *envelope, const struct eo_wall_clock *wall,
			    eo_trace_event_fn fn, void *ctx);

/**
 * Before an event: hand the record of its process to @fn, if it was not seen yet, or if the pid
 * has another program or another process by now. Returns what @fn does, or 0.
 */
int eo_trace_envelope_process(struct eo_trace_envelope *envelope, const struct eo_event *event,
			      eo_trace_event_fn fn, void *ctx);

/** Hand the end record, of now, to @fn. */
int eo_trace_envelope_end(struct eo_trace_envelope *envelope,
			  const struct eo_statistics *statistics, eo_trace_event_fn fn, void *ctx);

#endif
