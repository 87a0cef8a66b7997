/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Takes stacks: for the profiler, and for every tracer that tells where in the code something
 * happened. Each object that includes this has scratch memory, tables and a ring of its own, so
 * that a sampler may interrupt a tracer at any point.
 *
 * A stack goes through the ring `stacks` once and is known by its hash from then on. The ring is
 * apart from that of a tracer's events: user space empties it after the events, and so has the
 * stacks of all of them. */
#ifndef EO_STACK_BPF_H
#define EO_STACK_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "filter.bpf.h"
#include "kernel.h"
#include "records.h"
#include "registers.bpf.h"
#include "unwind_fp.bpf.h"
#include "unwind_table.h"

const volatile struct eo_stack_config stack_config = {};

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} stacks SEC(".maps");

#define WINDOW 1024u

/* The state of a walk by tables. */
struct walk {
	__u64 pc, sp, fp;
	struct eo_unwind_process process;
	struct eo_unwind_mapping mapping; /* of the last pc */
	__u32 status;		  /* enum eo_user_walk */
	__u32 exact;		  /* pc is where execution stands, no return address */
	__u32 start;		  /* of the user half in the record */
	__u32 count;
	__u32 descents; /* how often the caller's frame lay below, on another stack */
	__u32 reserved;
	__u64 window_at; /* user address of window[0]; 0: nothing was read yet */
	__u8 window[WINDOW + 8];
};

struct stack_slot {
	struct eo_stack_record record;
	struct walk walk;
	__u32 taken;
	__u32 reserved;
};

/* Programs of one kind do not interrupt themselves in perf events, but a thread in a uprobe or a
 * tracepoint may be preempted, and another one come along on the same CPU. */
#ifndef STACK_SLOTS
#define STACK_SLOTS 1
#endif

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, STACK_SLOTS);
	__type(key, __u32);
	__type(value, struct stack_slot);
} stack_slots SEC(".maps");

volatile __u32 unwind_tick; /* user space's clock of last uses of tables */

#ifdef WALKS_BY_TABLES
#include "unwind_table.bpf.h"
#endif

/* User space looks by itself ten times a second; a wakeup costs more than a record. */
static __always_inline __u64 wakeup_flags(void)
{
	return bpf_ringbuf_query(&stacks, BPF_RB_AVAIL_DATA) > stack_config.wakeup_bytes ?
		       BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

/* Multiply and fold; good enough that 10 million stacks collide once in 370,000 runs. */
static __always_inline __u64 mix(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
	return hash ^ (hash >> 32);
}

static __always_inline __u64 hash_stack(const struct eo_stack_record *record)
{
	__u32 frames = record->kernel_frames + record->user_frames;
	const __u64 *comm = (const __u64 *)record->comm, *thread = (const __u64 *)record->thread;
	__u64 hash = mix(record->tgid, record->tid);

	hash = mix(hash, (__u64)record->exec_id << 32 | record->in_kernel << 16 | record->user_walk);
	hash = mix(hash, (__u64)record->kernel_frames << 32 | record->user_frames);
	hash = mix(mix(hash, comm[0]), comm[1]);
	hash = mix(mix(hash, thread[0]), thread[1]);
	for (__u32 i = 0; i < 2 * EO_MAX_FRAMES; i++) {
		if (i >= frames)
			break;
		hash = mix(hash, record->frames[i]);
	}
	return hash;
}

/* Whose stack it is. */
static __always_inline void begin_stack(struct eo_stack_record *record, struct task_struct *task,
					__u64 pid_tgid, int in_kernel)
{
	record->tgid = pid_tgid >> 32;
	record->tid = stack_config.per_thread ? (__u32)pid_tgid : 0;
	record->exec_id = BPF_CORE_READ(task, self_exec_id);
	record->in_kernel = in_kernel;
	record->user_walk = EO_USER_NONE;
	record->kernel_frames = 0;
	record->user_frames = 0;
	read_process_comm(task, record->comm);
	__builtin_memset(record->thread, 0, sizeof(record->thread));
	if (stack_config.per_thread)
		bpf_get_current_comm(record->thread, sizeof(record->thread));
}

/* The mask says nothing new to us, but the verifier wants to see the bound. */
static __always_inline __u32 bound_frames(__u32 frames)
{
	frames &= EO_MAX_FRAMES;
	asm volatile("" : "+r"(frames));
	return frames & EO_MAX_FRAMES;
}

static __always_inline void take_kernel_half(struct eo_stack_record *record, void *ctx)
{
	long bytes = bpf_get_stack(ctx, record->frames, EO_MAX_FRAMES * sizeof(__u64), 0);

	if (bytes > 0)
		record->kernel_frames = (__u32)bytes / sizeof(__u64);
}

/* User space is to fill in at once what the walk did not find: the process may not live long. */
static __always_inline void send_miss(const struct eo_stack_record *record, __u64 pc)
{
	struct eo_miss_record miss = {
		.kind = EO_RECORD_MISS,
		.tgid = record->tgid,
		.ktime_ns = bpf_ktime_get_ns(),
		.pc = pc,
		.user_walk = record->user_walk,
	};

	if (record->user_walk == EO_USER_NO_PROCESS || record->user_walk == EO_USER_NO_MAPPING ||
	    record->user_walk == EO_USER_NOT_LOADED)
		bpf_ringbuf_output(&stacks, &miss, sizeof(miss), BPF_RB_FORCE_WAKEUP);
}

#ifdef WALKS_BY_TABLES
/* The user half by tables, behind the kernel half. */
static __always_inline void take_user_half_by_tables(struct stack_slot *slot, __u32 number,
						     struct task_struct *task,
						     const struct user_registers *from)
{
	struct eo_stack_record *record = &slot->record;
	__u32 count = 0;
	__u64 miss = 0;

	if (BPF_CORE_READ(task, flags) & PF_EXITING) {
		record->user_walk = EO_USER_EXITING;
		return;
	}
	record->user_walk = walk_user_tables(slot, number, bound_frames(record->kernel_frames), from,
					     &count, &miss);
	record->user_frames = count;
	send_miss(record, miss);
}
#endif

/* The same by frame pointers. */
static __always_inline void take_user_half_by_fp(struct eo_stack_record *record, void *ctx)
{
	__u32 count = 0;

	record->user_walk =
		walk_user_fp(ctx, record->frames + bound_frames(record->kernel_frames), &count);
	record->user_frames = count;
}

/* Returns 0 when it is in the ring. */
static __always_inline long send_stack(struct eo_stack_record *record)
{
	__u32 frames = record->kernel_frames + record->user_frames;

	if (frames > 2 * EO_MAX_FRAMES)
		return 0; /* never */
	record->kind = EO_RECORD_STACK;
	return bpf_ringbuf_output(&stacks, record, EO_STACK_HEADER_BYTES + frames * sizeof(__u64),
				  wakeup_flags());
}

#endif
