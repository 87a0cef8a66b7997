/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Stacks for tracers: where in the code the thing happened that a program sees. */
#ifndef EO_TRACE_STACK_BPF_H
#define EO_TRACE_STACK_BPF_H

#include <linux/ptrace.h>
#include <bpf/bpf_tracing.h>

#define STACK_SLOTS 4
#include "stack.bpf.h"

/* A slot of this CPU that no preempted thread is using; NULL: there is none. */
static __always_inline struct stack_slot *claim_slot(__u32 *number)
{
	for (__u32 i = 0; i < STACK_SLOTS; i++) {
		__u32 key = i;
		struct stack_slot *slot = bpf_map_lookup_elem(&stack_slots, &key);

		if (!slot)
			return NULL;
		/* Who finds another one besides himself leaves: at most one stays. */
		__sync_fetch_and_add(&slot->taken, 1);
		if (*(volatile __u32 *)&slot->taken == 1) {
			*number = i;
			return slot;
		}
		__sync_fetch_and_add(&slot->taken, -1);
	}
	return NULL;
}

static __always_inline void release_slot(struct stack_slot *slot)
{
	__sync_fetch_and_add(&slot->taken, -1);
}

/* Take the stack of the current thread into a claimed slot: the user half from where it entered the
 * kernel.
 * @kernel: with the kernel half */
static __always_inline void take_current_stack(struct stack_slot *slot, __u32 number, void *ctx,
					       struct task_struct *task, __u64 pid_tgid,
					       const int kernel)
{
	begin_stack(&slot->record, task, pid_tgid, kernel);
	if (kernel)
		take_kernel_half(&slot->record, ctx);
	if (BPF_CORE_READ(task, flags) & PF_KTHREAD)
		return;
#ifdef WALKS_BY_TABLES
	if (stack_config.tables) {
		struct user_registers from;

		saved_user_registers(&from);
		take_user_half_by_tables(slot, number, task, &from);
		return;
	}
#endif
	take_user_half_by_fp(&slot->record, ctx);
}

/* In a uprobe: the stack from there on. */
static __always_inline void take_probe_stack(struct stack_slot *slot, __u32 number,
					     struct pt_regs *ctx, struct task_struct *task,
					     __u64 pid_tgid)
{
	begin_stack(&slot->record, task, pid_tgid, 0);
#ifdef WALKS_BY_TABLES
	if (stack_config.tables) {
		const struct user_registers from = {
			.pc = PT_REGS_IP(ctx),
			.sp = PT_REGS_SP(ctx),
			.fp = PT_REGS_FP(ctx),
			.exact = 1,
		};

		take_user_half_by_tables(slot, number, task, &from);
		return;
	}
#endif
	take_user_half_by_fp(&slot->record, ctx);
}

/* In a uretprobe: the stack of the function that returns, which is its innermost frame.
 * @function: its first instruction */
static __always_inline void take_call_stack(struct stack_slot *slot, __u32 number,
					    struct pt_regs *ctx, struct task_struct *task,
					    __u64 pid_tgid, __u64 function)
{
	struct eo_stack_record *record = &slot->record;
	__u32 count = 0;

	begin_stack(record, task, pid_tgid, 0);
	record->frames[0] = function;
#ifdef WALKS_BY_TABLES
	if (stack_config.tables) {
		const struct user_registers from = {
			.pc = PT_REGS_IP(ctx),
			.sp = PT_REGS_SP(ctx),
			.fp = PT_REGS_FP(ctx),
		};
		__u64 miss = 0;

		record->user_walk = walk_user_tables(slot, number, 1, &from, &count, &miss);
		record->user_frames = 1 + count;
		send_miss(record, miss);
		return;
	}
#endif
	record->user_walk = walk_user_fp(ctx, record->frames + 1, &count);
	record->user_frames = 1 + count;
}

/* Stacks that user space was told of. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct eo_stack_count);
} stack_ids SEC(".maps");

/* Have user space know the stack in a slot. Returns its hash; 0 when that was not possible. */
static __always_inline __u64 tell_stack(struct stack_slot *slot, __u64 now)
{
	struct eo_stack_count *entry, fresh = {};
	__u64 hash = hash_stack(&slot->record);

	entry = bpf_map_lookup_elem(&stack_ids, &hash);
	if (!entry) {
		bpf_map_update_elem(&stack_ids, &hash, &fresh, BPF_NOEXIST);
		entry = bpf_map_lookup_elem(&stack_ids, &hash);
	}
	if (!entry)
		return 0;
	if (entry->sent)
		return hash;
	slot->record.hash = hash;
	slot->record.ktime_ns = now;
	entry->sent = 1;
	if (send_stack(&slot->record))
		entry->sent = 0; /* the next one with it tries again */
	return hash;
}

/* The hash of the current thread's stack, for a record's field; 0: there is none. */
static __always_inline __u64 current_stack(void *ctx, struct task_struct *task, __u64 pid_tgid,
					   const int kernel, __u64 now)
{
	struct stack_slot *slot;
	__u64 hash = 0;
	__u32 number;

	slot = claim_slot(&number);
	if (!slot)
		return 0;
	take_current_stack(slot, number, ctx, task, pid_tgid, kernel);
	hash = tell_stack(slot, now);
	release_slot(slot);
	return hash;
}

/* The same in a uretprobe; see take_call_stack(). */
static __always_inline __u64 ended_call_stack(struct pt_regs *ctx, __u64 function, __u64 now)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct stack_slot *slot;
	__u64 hash;
	__u32 number;

	slot = claim_slot(&number);
	if (!slot)
		return 0;
	take_call_stack(slot, number, ctx, task, bpf_get_current_pid_tgid(), function);
	hash = tell_stack(slot, now);
	release_slot(slot);
	return hash;
}

/* The same of an interrupt: whose process it stopped is no matter, so the kernel half is nobody's. */
static __always_inline __u64 interrupt_stack(void *ctx, __u64 now)
{
	struct eo_stack_record *record;
	struct stack_slot *slot;
	__u64 hash = 0;
	__u32 number;

	slot = claim_slot(&number);
	if (!slot)
		return 0;
	record = &slot->record;
	record->tgid = record->tid = record->exec_id = 0;
	record->in_kernel = 1;
	record->user_walk = EO_USER_NONE;
	record->kernel_frames = record->user_frames = 0;
	__builtin_memset(record->comm, 0, sizeof(record->comm));
	__builtin_memset(record->thread, 0, sizeof(record->thread));
	take_kernel_half(record, ctx);
	if (record->kernel_frames)
		hash = tell_stack(slot, now);
	release_slot(slot);
	return hash;
}

#endif
