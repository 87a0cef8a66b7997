/* SPDX-License-Identifier: BSD-2-Clause */
/* The stacks of a tracer: its BPF object (with bpf/trace_stack.bpf.h) sends each distinct one once,
 * here they are named and kept by the hash that records carry. Not thread-safe. */
#ifndef EO_CAPTURE_TRACE_STACKS_H
#define EO_CAPTURE_TRACE_STACKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/stack_source.h"
#include "capture/stack_store.h"
#include "capture/target.h"
#include "core/auto.h"
#include "core/event.h"
#include "core/loop.h"
#include "records.h"

struct bpf_object;
struct eo_trace_stacks;

/** Can user halves be walked by tables here, by programs of this object? Asks the kernel, and the
 * object, which has none for some kinds of machine. */
bool eo_trace_stacks_have_tables(struct bpf_object *object);

/**
 * Between open and load: size the maps.
 * @config: stack_config in the object's rodata
 * @max_stacks: distinct ones that the kernel remembers
 */
int eo_trace_stacks_prepare(struct bpf_object *object, struct eo_stack_config *config,
			    bool tables, size_t max_stacks, struct eo_error *err);

/** Instead of it: the maps are not made, as no program that takes stacks is loaded. */
int eo_trace_stacks_leave_out(struct bpf_object *object);

/**
 * After load, before attach: news of processes is taken from now on.
 * @tick: unwind_tick in the object's memory; NULL: stacks are walked by frame pointers
 * @layout: of the profile that the stacks make in the end
 */
int eo_trace_stacks_new(struct bpf_object *object, uint32_t *tick, uint64_t table_memory,
			const struct eo_stack_layout *layout, size_t max_stacks,
			struct eo_trace_stacks **ret, struct eo_error *err);
/** NULL is fine. Before the object is closed. */
void eo_trace_stacks_free(struct eo_trace_stacks *stacks);
EO_DEFINE_AUTO(eo_trace_stacks)

/** Before attach: look at who runs already, and have the tables of the targets ready. */
void eo_trace_stacks_scan(struct eo_trace_stacks *stacks, const struct eo_target *target);

/** Take over and name what is in the ring. 0 or a negative errno. */
int eo_trace_stacks_pump(struct eo_trace_stacks *stacks);

/** Let @loop pump. Ends with unwatch() or with the stacks. */
int eo_trace_stacks_watch(struct eo_trace_stacks *stacks, struct eo_loop *loop, struct eo_error *err);
void eo_trace_stacks_unwatch(struct eo_trace_stacks *stacks);

/* Rows of the deepest stack. */
#define EO_TRACE_STACK_ROWS (1 + 2 * (EO_MAX_FRAMES + 1) * EO_STACK_FRAME_ROWS)

/**
 * The attribute "stack" of an event whose record says @hash, after a pump if it is new.
 * @rows: room for EO_TRACE_STACK_ROWS; texts live until the next call of any function here
 * Returns how many rows were filled: 0 when the stack did not arrive, which is counted.
 */
size_t eo_trace_stacks_rows(struct eo_trace_stacks *stacks, uint64_t hash, struct eo_attr *rows);

/** What stacks and names are kept in, for the profile at the end. Pump first. */
struct eo_stack_store *eo_trace_stacks_store(struct eo_trace_stacks *stacks);

struct eo_trace_stacks_stats {
	struct eo_stack_source_stats source;
	uint64_t unknown; /* hashes asked for whose stack did not arrive */
	uint64_t refused; /* stacks beyond max_stacks */
	uint64_t user_walk[EO_USER_WALK_COUNT]; /* of distinct stacks */
};
struct eo_trace_stacks_stats eo_trace_stacks_stats(const struct eo_trace_stacks *stacks);
uint64_t eo_trace_stacks_bytes(const struct eo_trace_stacks *stacks); /* of the kernel's, beside maps */

#endif
