/* SPDX-License-Identifier: BSD-2-Clause */
/* Samples what the CPUs execute: a perf event on each, a BPF program that counts each distinct
 * stack in the kernel and sends it once, and names for the frames.
 *
 * Not thread-safe. Between start and stop somebody calls eo_cpu_profiler_pump() at least ten
 * times a second, or hands the profiler to a loop. Any number of profilers run side by side. */
#ifndef EO_CAPTURE_CPU_PROFILER_H
#define EO_CAPTURE_CPU_PROFILER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/target.h"
#include "core/auto.h"
#include "core/config.h"
#include "core/error.h"
#include "core/loop.h"
#include "core/overhead.h"
#include "model/profile.h"
#include "records.h"
#include "unwind/unwinder.h"

enum eo_unwind {
	EO_UNWIND_AUTO,	 /* the best that the kernel allows */
	EO_UNWIND_FP,	 /* the kernel's frame pointer walk */
	EO_UNWIND_DWARF, /* tables made of .eh_frame, or an error */
	EO_UNWIND_SNAPSHOT,
};

struct eo_cpu_profiler_options {
	struct eo_target target;
	const uint32_t *cpus; /* only these; NULL: all online ones, also those that come later */
	size_t cpu_count;
	bool kernel_only, user_only;
	bool per_thread; /* one stack per thread */
	/* Keep the moment of each sample, at most config.max_samples of them between two cuts;
	 * samples are then emitted one by one instead of aggregated. */
	bool timestamps;
	bool no_symbols;
	bool resources; /* samples say which service, process, container and host they are of */
	enum eo_unwind unwind;
	uint64_t table_memory; /* bytes of unwinding rows; 0: EO_TABLE_MEMORY_DEFAULT */
	uint32_t ring_bytes; /* power of two, at least a page; 0: chosen by the number of CPUs */
};

/* Counters of a run, exact: seen = emitted + aggregated + filtered + lost_*. */
struct eo_profile_stats {
	uint64_t duration_ns; /* time profiled, without pauses */
	uint64_t seen;
	uint64_t emitted;    /* with timestamps; else 0 */
	uint64_t aggregated; /* counted in the kernel; 0 with timestamps. emitted + aggregated is
			      * the profiles' total of samples/count */
	uint64_t filtered;   /* in the half of the stack that -K or -U leaves out */
	uint64_t lost_ring_full; /* counted for stacks that never got through the ring */
	uint64_t lost_map_full;	 /* timestamps beyond max_samples; stacks become [stack limit] */
	uint64_t lost_busy;	 /* the map was locked or the allocator empty */
	uint64_t idle;		 /* samples of the idle task; not part of seen */
	uint64_t kernel;	 /* of aggregated: taken in kernel mode */
	uint64_t stack_limit;	 /* of aggregated: counted under [stack limit] */
	uint64_t stacks;	 /* distinct stacks held */
	uint64_t user_walk[EO_USER_WALK_COUNT]; /* of aggregated, how the user half ended */
	bool has_tables; /* user stacks were walked by tables */
	struct eo_unwinder_stats unwinder; /* when so */
	/* degraded: delivered with something missing */
	uint64_t mappings_lost;	 /* sideband records the kernel could not deliver */
	uint64_t stacks_unknown; /* distinct stacks that never got through the ring */
	uint64_t targets_missed; /* children of targets that could not be followed */
	uint64_t frames_named, frames_unnamed;
	bool kernel_names_hidden;
	uint64_t files_denied;
	const char *clock; /* "cycles" or "cpu-clock", static text */
};

struct eo_cpu_profiler;

/** @config and @options are copied (what @options points to is needed until start() returns). */
int eo_cpu_profiler_new(const struct eo_config *config, const struct eo_cpu_profiler_options *options,
			struct eo_cpu_profiler **ret, struct eo_error *err);
void eo_cpu_profiler_free(struct eo_cpu_profiler *profiler); /* NULL is fine; stops */
EO_DEFINE_AUTO(eo_cpu_profiler)

/** Load, attach, sample. -EALREADY when running. */
int eo_cpu_profiler_start(struct eo_cpu_profiler *profiler, struct eo_error *err);

/** Take over what the kernel has ready; bounded in time (a few ms). -EINVAL when not running. */
int eo_cpu_profiler_pump(struct eo_cpu_profiler *profiler, struct eo_error *err);

/** Let @loop pump. Ends with stop() or with the loop, whichever comes first. */
int eo_cpu_profiler_watch(struct eo_cpu_profiler *profiler, struct eo_loop *loop,
			  struct eo_error *err);

/** -EINVAL when not running, -EALREADY when paused (not paused). Paused time is not profiled. */
int eo_cpu_profiler_pause(struct eo_cpu_profiler *profiler, struct eo_error *err);
int eo_cpu_profiler_resume(struct eo_cpu_profiler *profiler, struct eo_error *err);
bool eo_cpu_profiler_is_paused(const struct eo_cpu_profiler *profiler);

/**
 * The profile since start or the last cut, which begins anew. -EINVAL when not running.
 * @ret: the caller's
 */
int eo_cpu_profiler_cut(struct eo_cpu_profiler *profiler, struct eo_profile **ret,
			struct eo_error *err);

/** Detach and hand over the profile (since the last cut). -EINVAL when not running. */
int eo_cpu_profiler_stop(struct eo_cpu_profiler *profiler, struct eo_profile **ret,
			 struct eo_error *err);

bool eo_cpu_profiler_is_running(const struct eo_cpu_profiler *profiler);
const struct eo_config *eo_cpu_profiler_config(const struct eo_cpu_profiler *profiler);

/** True once all targets (pids, tids or the command) and what they created have ended. */
bool eo_cpu_profiler_targets_gone(const struct eo_cpu_profiler *profiler);

/** Figures of the whole run; of the last one when stopped. */
struct eo_profile_stats eo_cpu_profiler_stats(struct eo_cpu_profiler *profiler);
struct eo_overhead eo_cpu_profiler_get_overhead(struct eo_cpu_profiler *profiler);

#endif
