/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Sends a sample with its registers and the upper end of its stack, for user space to unwind.
 *
 * The copy begins at least 256 bytes below rsp: in an epilogue the call frame information still
 * finds registers there. It is made of aligned blocks, because a stack ends with a page: an
 * unaligned block across its end would fail as a whole, and with it the outermost frames. */
#ifndef EO_SNAPSHOT_BPF_H
#define EO_SNAPSHOT_BPF_H

#include <linux/bpf.h>
#include <linux/bpf_perf_event.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "kernel.h"
#include "records.h"
#include "registers.bpf.h"
#include "stack.bpf.h"

#define SNAPSHOT_BELOW 256u
#define SNAPSHOT_BURST 16u	 /* at once, before the limit on their rate is felt */
#define NO_MAPPING_FRAMES_MAX 4u /* deeper ones are more likely garbage than new mappings */

struct snapshot {
	__u64 next_ns; /* when the next one would be due if they came evenly */
	struct eo_snapshot_record record;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct snapshot);
} snapshots SEC(".maps");

static __always_inline int wants_snapshot(const struct eo_stack_record *record)
{
	if (profiler.snapshots == EO_SNAPSHOTS_ALWAYS)
		return 1;
	return record->user_walk == EO_USER_NO_PROCESS || record->user_walk == EO_USER_NOT_LOADED ||
	       (record->user_walk == EO_USER_NO_MAPPING && record->user_frames <= NO_MAPPING_FRAMES_MAX);
}

/* Where there is something to fall back on, there are limits. */
static __always_inline int may_take_snapshot(struct snapshot *snapshot, __u64 now)
{
	__u64 burst_ns = SNAPSHOT_BURST * profiler.snapshot_interval_ns;

	if (!profiler.snapshot_interval_ns)
		return 1;
	/* They take much room in the ring, and must not drive out the stacks that were walked. */
	if (bpf_ringbuf_query(&stacks, BPF_RB_AVAIL_DATA) > 2 * (__u64)stack_config.wakeup_bytes)
		return 0;
	if (snapshot->next_ns < now)
		snapshot->next_ns = now; /* what was not taken is owed no longer */
	if (snapshot->next_ns > now + burst_ns)
		return 0;
	snapshot->next_ns += profiler.snapshot_interval_ns;
	return 1;
}

/* Copy the stack to @to until the first block that cannot be read. Returns the bytes. */
static __always_inline __u32 copy_stack(struct eo_snapshot_record *record, __u8 *to)
{
	__u64 from = (record->registers[EO_SNAPSHOT_SP] - SNAPSHOT_BELOW) & ~(__u64)(EO_SNAPSHOT_STEP - 1);
	__u32 bytes = 0;

	/* Below rsp the stack may never have been touched yet. */
	if (bpf_probe_read_user(to, EO_SNAPSHOT_STEP, (void *)from))
		from += EO_SNAPSHOT_STEP;
	record->stack_at = from;
	for (int i = 0; i < (int)EO_SNAPSHOT_STEPS; i++) {
		if (bpf_probe_read_user(to + bytes, EO_SNAPSHOT_STEP, (void *)(from + bytes)))
			break;
		bytes += EO_SNAPSHOT_STEP;
	}
	return bytes;
}

static __always_inline void copy_frame_pointers(void *ctx, struct eo_snapshot_record *record)
{
	long bytes = bpf_get_stack(ctx, record->fp, sizeof(record->fp), BPF_F_USER_STACK);

	record->fp_frames = bytes > 0 ? (__u32)bytes / sizeof(*record->fp) : 0;
}

/* Returns 1 when this was the sample's end, and 0 when it is to be counted with what the walk has
 * found. */
static __always_inline int send_snapshot(struct bpf_perf_event_data *ctx, struct task_struct *task,
					 const struct eo_stack_record *stack,
					 struct eo_profile_counters *count, __u64 now)
{
	__u32 zero = 0, kernel = stack->kernel_frames, bytes;
	struct snapshot *snapshot;
	struct eo_snapshot_record *record;

	if (!wants_snapshot(stack) || BPF_CORE_READ(task, flags) & PF_EXITING)
		return 0;
	snapshot = bpf_map_lookup_elem(&snapshots, &zero);
	if (!snapshot)
		return 0;
	if (!may_take_snapshot(snapshot, now)) {
		count->snapshots_limited++;
		return 0;
	}
	record = &snapshot->record;
	if (!stack->in_kernel)
		interrupted_registers(ctx, record->registers);
	else if (!saved_registers(record->registers))
		return 0;

	kernel &= EO_MAX_FRAMES;
	asm volatile("" : "+r"(kernel));
	kernel &= EO_MAX_FRAMES;
	bytes = copy_stack(record, record->bytes + kernel * sizeof(__u64));
	if (!bytes)
		return 0;
	copy_frame_pointers(ctx, record);
	if (kernel)
		bpf_probe_read_kernel(record->bytes, kernel * sizeof(__u64), stack->frames);
	record->kind = EO_RECORD_SNAPSHOT;
	record->generation = generation;
	record->ktime_ns = now;
	record->tgid = stack->tgid;
	record->tid = stack->tid;
	record->kernel_frames = kernel;
	record->stack_bytes = bytes;
	record->in_kernel = stack->in_kernel;
	record->exec_id = stack->exec_id;
	__builtin_memcpy(record->comm, stack->comm, sizeof(record->comm));
	__builtin_memcpy(record->thread, stack->thread, sizeof(record->thread));

	if (bpf_ringbuf_output(&stacks, record, EO_SNAPSHOT_HEADER_BYTES + kernel * sizeof(__u64) + bytes,
			       wakeup_flags()))
		count->snapshots_lost++;
	else
		count->snapshots++;
	return 1;
}

#endif
