/* SPDX-License-Identifier: BSD-2-Clause */
/* What all tracers have in common: a life from start to stop, whom they watch, rings of records,
 * counters, and events that go to whoever asked for them. A tracer of a kind is made by its own
 * constructor (eo_syscall_tracer_new() …) and used through the functions here.
 *
 * Not thread-safe. Between start and stop somebody calls eo_tracer_pump() at least twenty times a
 * second, or hands the tracer to a loop. Any number of tracers run side by side. */
#ifndef EO_CAPTURE_TRACER_H
#define EO_CAPTURE_TRACER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/event_list.h"
#include "capture/target.h"
#include "core/auto.h"
#include "core/config.h"
#include "core/error.h"
#include "core/event.h"
#include "core/loop.h"
#include "core/overhead.h"
#include "trace_records.h"

/* @event lives until the return. A negative return ends the pump with that value. */
typedef int (*eo_trace_event_fn)(void *ctx, const struct eo_event *event);

/* Where a tracer's events go. Without @event they are collected for eo_tracer_stop(). */
struct eo_trace_sink {
	eo_trace_event_fn event;
	/* Asked before records are taken out of the rings; false: not now, there is no room for
	 * the events of a few hundred. The rings fill meanwhile; who makes room again calls
	 * eo_tracer_pump(), or the next tick does. NULL: always. */
	bool (*ready)(void *ctx);
	void *ctx;
};

struct eo_tracer_options {
	struct eo_target target; /* what it points to is needed whenever start() is called */
	struct eo_trace_sink sink;
	bool summary;	     /* aggregate in the kernel, no events */
	bool stack;	     /* events say where in the code, as far as the tracer can */
	uint64_t start_ns;   /* CLOCK_MONOTONIC, when the trace began; 0: with start() */
	uint32_t ring_bytes; /* of each CPU's, power of two, at least a page; 0: chosen */
};

/* A figure with its name: in JSON, and in the table for people. Static text. */
struct eo_trace_count {
	const char *key, *words;
	uint64_t value;
};

#define EO_TRACE_COUNTS_MAX 24

/* Exact: seen = emitted + aggregated + filtered + lost[]. */
struct eo_trace_stats {
	uint64_t duration_ns;
	uint64_t seen, emitted, aggregated, filtered;
	uint64_t lost[EO_LOSS_COUNT];
	struct eo_trace_count degraded[EO_TRACE_COUNTS_MAX]; /* delivered with something missing */
	size_t degraded_count;
	struct eo_trace_count totals[EO_TRACE_COUNTS_MAX]; /* the tracer's own part */
	size_t total_count;
};

/* Which way of several a tracer goes on this kernel, for the start record: "entry": "tp_btf". */
struct eo_trace_hook {
	const char *key, *value; /* static text */
};

struct eo_tracer;

void eo_tracer_free(struct eo_tracer *tracer); /* NULL is fine; stops */
EO_DEFINE_AUTO(eo_tracer)

const char *eo_tracer_name(const struct eo_tracer *tracer); /* "syscall" */

/** Load and attach. -EALREADY when running. */
int eo_tracer_start(struct eo_tracer *tracer, struct eo_error *err);

/**
 * Take over what the kernel has ready; bounded in time (a few ms). -EINVAL when not running.
 * A negative return of the sink comes back as it is, @err untouched.
 */
int eo_tracer_pump(struct eo_tracer *tracer, struct eo_error *err);

/** Let @loop pump. Ends with stop() or with the loop, whichever comes first. */
int eo_tracer_watch(struct eo_tracer *tracer, struct eo_loop *loop, struct eo_error *err);

/**
 * Detach, and hand over what is still in the rings; what the sink does not take in time is lost as
 * EO_LOSS_STOPPED. -EINVAL when not running.
 * @ret: the events that were collected, at most config.max_samples; those beyond it are lost as
 *       EO_LOSS_MAP_FULL. NULL with a sink
 */
int eo_tracer_stop(struct eo_tracer *tracer, struct eo_event_list **ret, struct eo_error *err);

bool eo_tracer_is_running(const struct eo_tracer *tracer);
const struct eo_config *eo_tracer_config(const struct eo_tracer *tracer);

/** True once all targets (pids, tids or the command) and what they created have ended. */
bool eo_tracer_targets_gone(const struct eo_tracer *tracer);

/** While running, and after the stop those of the last run. */
size_t eo_tracer_hooks(const struct eo_tracer *tracer, const struct eo_trace_hook **ret);

/** Figures of the whole run; of the last one when stopped. */
struct eo_trace_stats eo_tracer_stats(struct eo_tracer *tracer);
struct eo_overhead eo_tracer_get_overhead(struct eo_tracer *tracer);
uint64_t eo_trace_stats_lost(const struct eo_trace_stats *stats); /* over all reasons */

/**
 * With options.summary: tell @fn the rows since start or the last call, unsorted, as …_summary
 * events. While running, or once after stop().
 */
int eo_tracer_summary(struct eo_tracer *tracer, eo_trace_event_fn fn, void *ctx,
		      struct eo_error *err);

/** "ring_full"; NULL out of range. Static text. */
const char *eo_loss_name(enum eo_loss loss);

#endif
