/* SPDX-License-Identifier: BSD-2-Clause */
/* Unwinds a stack from the registers of its thread and a copy of its upper end, by libunwind and
 * the call frame information of the files that the process maps. It serves where the walker in the
 * kernel has no tables: for processes and files not known yet, and on kernels where it cannot be
 * loaded. Not thread-safe. */
#ifndef EO_UNWIND_SNAPSHOT_H
#define EO_UNWIND_SNAPSHOT_H

#include <stddef.h>
#include <stdint.h>

#include "core/auto.h"
#include "core/error.h"
#include "records.h"
#include "symbol/process.h"

struct eo_snapshot {
	uint32_t tgid;
	const __u64 *registers; /* EO_SNAPSHOT_REGISTERS, by their DWARF numbers */
	uint64_t stack_at;	/* address of the copy's first byte */
	const unsigned char *stack;
	size_t stack_bytes;
	const __u64 *fp; /* return addresses by frame pointers, leaf first; the whole chain, or */
	size_t fp_count; /* EO_SNAPSHOT_FP_FRAMES of it */
};

struct eo_snapshot_unwinder;

/**
 * @processes: stays the caller's and must outlive the unwinder
 * Returns 0, or a negative errno: -ENOTSUP on machines other than x86-64.
 */
int eo_snapshot_unwinder_new(struct eo_processes *processes, struct eo_snapshot_unwinder **ret,
			     struct eo_error *err);
void eo_snapshot_unwinder_free(struct eo_snapshot_unwinder *unwinder); /* NULL is fine */
EO_DEFINE_AUTO(eo_snapshot_unwinder)

/** Once a second: files that are not used any more are closed. */
void eo_snapshot_unwinder_tick(struct eo_snapshot_unwinder *unwinder);

/**
 * Unwind @snapshot. Nothing in it is trusted, and the time is bounded. Go programs keep frame
 * pointers, and their runtime works on another stack than the one that it was called on: where the
 * copy ends in code of theirs, the chain goes on.
 * @frames: room for EO_MAX_FRAMES addresses, leaf first
 * @walk: EO_USER_SNAPSHOT: to the bottom of the stack; EO_USER_SNAPSHOT_CUT: up to where the copy,
 * the call frame information or the room ended
 * Returns the number of frames, at least 1.
 */
uint32_t eo_snapshot_unwind(struct eo_snapshot_unwinder *unwinder,
			    const struct eo_snapshot *snapshot, __u64 *frames,
			    enum eo_user_walk *walk);

#endif
