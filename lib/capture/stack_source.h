/* SPDX-License-Identifier: BSD-2-Clause */
/* All that makes the stacks of a BPF object with bpf/stack.bpf.h complete and readable: news of
 * processes and their mappings, tables for the walker in the kernel, unwinding of snapshots, names.
 *
 * Who reads such an object's rings does so in batches, and the order inside a batch is the point:
 * first the records are copied out, then update() applies the news of processes up to that moment,
 * then the misses among the records are mended, then the stacks are named, each as of its time. So
 * a stack never meets mappings that are older than itself, nor those of a later program, and a
 * process that lived 20 ms is still known although it has gone. Not thread-safe. */
#ifndef EO_CAPTURE_STACK_SOURCE_H
#define EO_CAPTURE_STACK_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/target.h"
#include "core/auto.h"
#include "core/error.h"
#include "core/loop.h"
#include "records.h"
#include "symbol/symbolizer.h"
#include "unwind/snapshot.h"
#include "unwind/unwinder.h"

struct bpf_object;

struct eo_stack_source_stats {
	bool has_tables;
	struct eo_unwinder_stats unwinder; /* when so */
	struct eo_symbolizer_stats names;
	uint64_t mappings_lost; /* news that the kernel could not deliver */
};

struct eo_stack_source;

int eo_stack_source_new(const struct eo_symbolizer_options *names, struct eo_stack_source **ret,
			struct eo_error *err);
/** NULL is fine. Before the object whose tables it fills is closed. */
void eo_stack_source_free(struct eo_stack_source *source);
EO_DEFINE_AUTO(eo_stack_source)

/**
 * After load of an object that eo_table_store_prepare() has sized: keep its walker's tables filled.
 * @tick: unwind_tick in the object's memory
 * @memory: bytes of rows; 0: EO_TABLE_MEMORY_DEFAULT
 */
int eo_stack_source_use_tables(struct eo_stack_source *source, struct bpf_object *object,
			       uint32_t *tick, uint64_t memory, struct eo_error *err);
int eo_stack_source_use_snapshots(struct eo_stack_source *source, struct eo_error *err);

/** Take news from all online CPUs from now on. */
int eo_stack_source_listen(struct eo_stack_source *source, struct eo_error *err);

/** After listen: read the mappings of those that run already. */
void eo_stack_source_scan(struct eo_stack_source *source, const struct eo_target *target);

/**
 * After scan: have the tables ready that the named processes need, so that their first stacks are
 * complete already. Waits for them, but not longer than half a second.
 */
void eo_stack_source_expect(struct eo_stack_source *source, const struct eo_target *target);

/** Apply the news up to @now_ns, which may not lie in the future, and publish tables. 0, -ENOMEM. */
int eo_stack_source_update(struct eo_stack_source *source, uint64_t now_ns);

/** After update(): have the walker find next time what it missed, of each process once a batch. */
void eo_stack_source_mend(struct eo_stack_source *source, const struct eo_miss_record *miss);

/** What is named or unwound from now on is of @ktime_ns; 0: of the present. See process.h. */
void eo_stack_source_as_of(struct eo_stack_source *source, uint64_t ktime_ns);

/** After a batch, or several: read again what news was lost of, forget who ended long ago. */
void eo_stack_source_settle(struct eo_stack_source *source, uint64_t now_ns);

/** Once a second: CPUs may have come, files may go out of use. */
int eo_stack_source_tick(struct eo_stack_source *source, struct eo_error *err);

/**
 * Let @loop call tick(), and @pump when there is news of processes or a table is ready.
 * @pump: as eo_loop_timer_fn; is to take a batch
 * The caller's own timers do the rest. Ends with unwatch(), which forgets about the loop.
 */
int eo_stack_source_watch(struct eo_stack_source *source, struct eo_loop *loop,
			  eo_loop_timer_fn pump, void *ctx, struct eo_error *err);
void eo_stack_source_unwatch(struct eo_stack_source *source); /* NULL is fine */

struct eo_symbolizer *eo_stack_source_symbolizer(const struct eo_stack_source *source);

/** See eo_snapshot_unwind(); only with use_snapshots(). */
uint32_t eo_stack_source_unwind(struct eo_stack_source *source, const struct eo_snapshot *snapshot,
				__u64 *frames, enum eo_user_walk *walk);

struct eo_stack_source_stats eo_stack_source_stats(const struct eo_stack_source *source);

/** Bytes of the kernel's memory for news. */
uint64_t eo_stack_source_bytes(const struct eo_stack_source *source);

#endif
