/* SPDX-License-Identifier: BSD-2-Clause */
/* Inside of the profiler: its state, and what arrives in its ring. */
#ifndef EO_CAPTURE_CPU_RECORDS_H
#define EO_CAPTURE_CPU_RECORDS_H

#include "capture/cpu_events.h"
#include "capture/cpu_profiler.h"
#include "capture/cpu_programs.h"
#include "capture/stack_source.h"
#include "capture/stack_store.h"
#include "core/clock.h"
#include "records.h"

struct ring_buffer;

/* Samples that came as a copy of registers and stack. */
struct eo_cpu_snapshots {
	uint64_t received, dropped; /* dropped ones are in lost_ring_full */
	uint64_t kept[2];	    /* by generation & 1 */
	uint64_t walk[EO_USER_WALK_COUNT], stack_limit;
	uint64_t seed; /* of their hashes */
};

struct eo_cpu_profiler {
	struct eo_config config;
	struct eo_cpu_profiler_options options;
	uint32_t *cpus; /* copy of options.cpus */

	/* While running. */
	struct eo_cpu_programs *programs;
	struct ring_buffer *ring;
	struct eo_cpu_events *events;
	struct eo_stack_source *source;
	struct eo_process_resource *resources; /* with options.resources */
	struct eo_stack_store *store; /* of the generation in progress */
	struct eo_stack_store *next;  /* during a cut: of the one that begins; not owned */
	uint32_t generation;
	unsigned char *batch;
	size_t batch_used;
	uint64_t named_ns; /* of the last record of a batch */

	bool running, paused;
	uint64_t since_ns;	/* monotonic: profiled time counts from here unless paused */
	uint64_t generation_ns; /* profiled time of the generation in progress, up to since_ns */
	uint64_t ended_ns;	/* the same of the one that was ended last */
	uint64_t total_ns;	/* the same of the whole run */
	struct eo_wall_clock wall; /* of the generation */
	int64_t started_wall_ns;   /* the same */
	uint64_t limit_taken;	/* [stack limit] samples that earlier generations gave out */
	uint64_t lost_ring_full, lost_map_full, stacks_unknown, stacks_done;
	uint64_t counted; /* by the kernel, in the generation that ends */
	uint64_t refused; /* of lost_map_full: in earlier generations */
	struct eo_cpu_snapshots snapshots;

	struct eo_overhead_mark mark;
	struct eo_latency latency;
	struct eo_profile_stats last_stats; /* once stopped */
	struct eo_overhead last_overhead;

	/* While watched by a loop. */
	struct eo_loop *loop;
	struct eo_loop_source *tick, *second, *records;
};

/** Between load and attach: map the ring. Ends with close(), which may come without an open(). */
int eo_cpu_records_open(struct eo_cpu_profiler *profiler, struct eo_error *err);
void eo_cpu_records_close(struct eo_cpu_profiler *profiler);

/** Take batches until the ring is empty or @limit_ns has passed. */
int eo_cpu_records_drain(struct eo_cpu_profiler *profiler, uint64_t limit_ns, struct eo_error *err);

#endif
