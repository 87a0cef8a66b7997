/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Calls of an allocator's functions, by probes on their first instruction and their return.
 *
 * Only the outermost call of a thread counts: what an allocator calls inside itself is its own
 * affair. A thread's call is told by its stack pointer, which the return finds again, so that a
 * call that was left by longjmp() is known to be gone when an outer one begins. */
#ifndef EO_MEM_CALLS_BPF_H
#define EO_MEM_CALLS_BPF_H

#include "mem_image.bpf.h"
#include "registers.bpf.h"

/* A thread's call that has not returned yet, and its program. */
struct thread {
	__u64 sp; /* at entry; 0: there is none */
	__u64 pc;
	__u64 size;
	__u64 out;	   /* where posix_memalign() is to put the pointer */
	__u64 old_address; /* of what is reallocated */
	struct eo_mem_block old; /* the same, taken out of the blocks in use */
	__u32 old_known;
	__u32 cookie;
	struct eo_mem_image image; /* serial 0: not known yet */
};

TASK_STORAGE(threads, struct thread);

/* The size is beyond all memory when it does not fit. */
static __always_inline __u64 multiply(__u64 count, __u64 size)
{
	__u64 most = count ? ~0ull / count : ~0ull;

	/* clang would make a 128-bit product of it, which BPF does not have. */
	asm volatile("" : "+r"(most));
	return size > most ? ~0ull : count * size;
}

/* Does the call that was entered at @sp still run? Then the kernel's trampoline stands where its
 * return address was, and that is the first byte of a page: get_trampoline in
 * kernel/events/uprobes.c. Where return addresses are in a register nobody can tell. */
static __always_inline int is_running(__u64 sp)
{
	__u64 word;

	if (!RETURN_BYTES || bpf_probe_read_user(&word, sizeof(word), (void *)sp))
		return 1;
	return word && !(word & 0xfff);
}

/* Is there a call of this thread around the one that begins at @sp? One at the same place has
 * jumped here instead of calling. */
static __always_inline int is_nested(struct thread *thread, struct eo_mem_counters *sums, __u64 sp)
{
	if (!thread->sp)
		return 0;
	if (thread->sp >= sp && is_running(thread->sp))
		return 1;
	thread->sp = 0;
	COUNT(sums->abandoned);
	return 0;
}

static __always_inline int begin_event(struct event *event, struct thread *thread)
{
	event->sums = mem_sums();
	if (!event->sums || !thread || !find_image(&thread->image, event->pid_tgid >> 32)) {
		COUNT(event->count->seen);
		COUNT(event->count->lost[EO_LOSS_BUSY]);
		return 0;
	}
	event->blocks = &blocks;
	event->image = thread->image;
	event->now = bpf_ktime_get_ns();
	return 1;
}

/* What a call wants, by its shape. */
static __always_inline void read_arguments(struct thread *thread, struct pt_regs *ctx, __u32 shape)
{
	thread->old_address = 0;
	thread->old_known = 0;
	switch (shape) {
	case EO_MEM_ALLOC:
		thread->size = PT_REGS_PARM1(ctx);
		break;
	case EO_MEM_CALLOC:
		thread->size = multiply(PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx));
		break;
	case EO_MEM_ALIGNED:
		thread->size = PT_REGS_PARM2(ctx);
		break;
	case EO_MEM_POSIX:
		thread->out = PT_REGS_PARM1(ctx);
		thread->size = PT_REGS_PARM3(ctx);
		break;
	case EO_MEM_REALLOC:
		thread->old_address = PT_REGS_PARM1(ctx);
		thread->size = PT_REGS_PARM2(ctx);
		break;
	case EO_MEM_REALLOCARRAY:
		thread->old_address = PT_REGS_PARM1(ctx);
		thread->size = multiply(PT_REGS_PARM2(ctx), PT_REGS_PARM3(ctx));
		break;
	}
}

static __always_inline void enter(struct pt_regs *ctx, struct eo_tracer_counters *count)
{
	struct event event = {.count = count, .task = bpf_get_current_task_btf()};
	__u32 cookie = bpf_get_attach_cookie(ctx), shape = cookie & 0xff;
	__u64 sp = PT_REGS_SP(ctx);
	struct thread *thread;

	if (!is_open || (shape == EO_MEM_FREE && !PT_REGS_PARM1(ctx)))
		return;
	event.pid_tgid = bpf_get_current_pid_tgid();
	if (!filter_current(event.task, event.pid_tgid))
		return;
	thread = bpf_task_storage_get(&threads, event.task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!begin_event(&event, thread) || !thread || is_nested(thread, event.sums, sp))
		return;
	if (shape == EO_MEM_FREE) {
		event.function = cookie >> 8;
		give_back(&event, PT_REGS_PARM1(ctx));
		return;
	}
	thread->sp = sp;
	thread->pc = PT_REGS_IP(ctx);
	thread->cookie = cookie;
	read_arguments(thread, ctx, shape);
	/* Nobody but the allocator may give out this address until it returns. */
	if (thread->old_address)
		thread->old_known = take_block(&event, thread->old_address, &thread->old);
}

/* What became of the block that was to be reallocated. */
static __always_inline void settle_old(struct event *event, struct thread *thread, int gone)
{
	if (!thread->old_address)
		return;
	if (!gone) {
		if (thread->old_known)
			put_block(event, thread->old_address, &thread->old);
		return;
	}
	if (thread->old_known)
		freed(event, thread->old_address, &thread->old);
	else
		freed_unknown(event, thread->old_address);
}

static __always_inline void leave(struct pt_regs *ctx, struct eo_tracer_counters *count)
{
	struct event event = {.count = count, .task = bpf_get_current_task_btf()};
	__u64 address = PT_REGS_RC(ctx), sp = PT_REGS_SP(ctx);
	__s32 error = 0;
	struct thread *thread;
	__u32 shape;

	thread = bpf_task_storage_get(&threads, event.task, 0, 0);
	if (!thread || !thread->sp || thread->sp + RETURN_BYTES != sp)
		return;
	thread->sp = 0;
	event.pid_tgid = bpf_get_current_pid_tgid();
	if (!begin_event(&event, thread))
		return;
	shape = thread->cookie & 0xff;
	event.function = thread->cookie >> 8;

	if (shape == EO_MEM_POSIX) {
		error = (__s32)address;
		address = 0;
		if (!error)
			bpf_probe_read_user(&address, sizeof(address), (void *)thread->out);
	} else if (!address) {
		error = ENOMEM;
	}
	/* realloc(old, 0) may be a free. */
	if (error && thread->old_address && !thread->size) {
		settle_old(&event, thread, 1);
		return;
	}
	settle_old(&event, thread, !error);
	if (error)
		failed(&event, thread->size, error);
	else
		allocated(&event, ctx, PLACE_CALL, thread->pc, address, thread->size);
}

#endif
