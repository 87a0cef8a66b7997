/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Address space, by the system calls that take it and give it back: mmap, munmap, mremap, brk.
 *
 * What one call maps is a block. A later call may take any part of it, or of several, so that a
 * block is cut: the part is freed, and what remains stays as one block or two, of the same age and
 * origin. As with allocators, what is to go is taken out when the call begins and put back should it
 * fail: nobody else can be given these addresses in between. */
#ifndef EO_MEM_MAPS_BPF_H
#define EO_MEM_MAPS_BPF_H

#include <asm/unistd.h>
#include <linux/mman.h>

#include "mem_image.bpf.h"
#include "syscall_regs.bpf.h"

#define PAGE_BYTES 4096ull /* the smallest; whoever has larger ones asks for multiples */

/* A part of a block that goes. */
struct piece {
	__u64 address;
	struct eo_mem_block block; /* of the part's size */
};

/* A call takes one or two as a rule. Further ones are freed at once, whatever becomes of it. */
#define PIECES 8

struct map_call {
	__u64 old_break;
	__u32 function; /* EO_MEM_CALL_NONE: there is no call that began */
	__u32 count;
	struct piece pieces[PIECES];
};

TASK_STORAGE(map_calls, struct map_call);

static __always_inline __u64 whole_pages(__u64 size)
{
	return (size + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1);
}

static __always_inline __u32 map_function(struct call_number call)
{
	if (call.abi == EO_ABI_COMPAT) {
		switch (call.nr) { /* the same on x86 and arm */
		case 192: /* mmap2 */
			return EO_MEM_CALL_MMAP;
		case 91:
			return EO_MEM_CALL_MUNMAP;
		case 163:
			return EO_MEM_CALL_MREMAP;
		case 45:
			return EO_MEM_CALL_BRK;
		}
		return EO_MEM_CALL_NONE;
	}
	switch (call.nr) {
	case __NR_mmap:
		return EO_MEM_CALL_MMAP;
	case __NR_munmap:
		return EO_MEM_CALL_MUNMAP;
	case __NR_mremap:
		return EO_MEM_CALL_MREMAP;
	case __NR_brk:
		return EO_MEM_CALL_BRK;
	}
	return EO_MEM_CALL_NONE;
}

/* ---- ranges ---- */

struct cut {
	struct event *event;
	struct map_call *call;
	__u64 from, to;
};

/* Returns 0 where there is no room for it. */
static __always_inline int take_piece(struct map_call *call, __u64 address,
				      const struct eo_mem_block *block)
{
	__u32 n = call->count;

	asm volatile("" : "+r"(n)); /* the verifier is to see the very register that is compared */
	if (n >= PIECES)
		return 0;
	call->pieces[n].address = address;
	call->pieces[n].block = *block;
	call->count = n + 1;
	return 1;
}

/* What lies in the range of one block that reaches into it. */
static long cut_block(void *map, struct eo_mem_block_key *key, struct eo_mem_block *block,
		      struct cut *cut)
{
	struct event *event = cut->event;
	__u64 start = key->address, end = start + block->size, from = cut->from, to = cut->to;
	struct eo_mem_block whole, part;

	if (key->image.tgid != event->image.tgid || key->image.serial != event->image.serial ||
	    end <= from || start >= to)
		return 0;
	if (!take_block(event, start, &whole))
		return 0;
	part = whole;
	if (start < from) {
		part.size = from - start;
		put_block(event, start, &part);
		start = from;
	}
	if (end > to) {
		part.size = end - to;
		put_block(event, to, &part);
		end = to;
	}
	part.size = end - start;
	if (!take_piece(cut->call, start, &part)) {
		event->function = cut->call->function;
		freed(event, start, &part);
	}
	return 0;
}

/* Most calls give back what one call took. Else all are looked at: there are some hundreds as a
 * rule, and no order among them. */
static __always_inline void take_range(struct event *event, struct map_call *call, __u64 from,
				       __u64 size)
{
	struct eo_mem_block_key key = {.image = event->image, .address = from};
	struct eo_mem_block *block = bpf_map_lookup_elem(&mappings, &key), whole;
	struct cut cut = {.event = event, .call = call, .from = from, .to = from + size};

	if (from + size <= from)
		return;
	if (block && block->size == size) {
		if (take_block(event, from, &whole))
			take_piece(call, from, &whole); /* the first of one or two ranges */
		return;
	}
	bpf_for_each_map_elem(&mappings, cut_block, &cut, 0);
}

/* ---- calls ---- */

static __always_inline int begin_map_event(struct event *event, struct eo_tracer_counters *count,
					   struct task_struct *task, __u32 function)
{
	event->count = count;
	event->sums = mem_sums();
	event->task = task;
	event->blocks = &mappings;
	event->pid_tgid = task_pid_tgid(task, 1);
	event->now = bpf_ktime_get_ns();
	event->source = EO_MEM_MMAP;
	event->function = function;
	if (event->sums && find_image(&event->image, event->pid_tgid >> 32))
		return 1;
	COUNT(count->seen);
	COUNT(count->lost[EO_LOSS_BUSY]);
	return 0;
}

/* Take out what this call is to give back. Whatever the kernel refuses at sight stays. */
static __always_inline void take_old(struct event *event, struct map_call *call,
				     const __u64 args[EO_SYSCALL_ARGS])
{
	switch (call->function) {
	case EO_MEM_CALL_MMAP:
	case EO_MEM_CALL_MUNMAP:
		if (!(args[0] % PAGE_BYTES))
			take_range(event, call, args[0], whole_pages(args[1]));
		break;
	case EO_MEM_CALL_MREMAP:
		if (args[0] % PAGE_BYTES || !args[2])
			break;
		if (!(args[3] & MREMAP_DONTUNMAP))
			take_range(event, call, args[0], whole_pages(args[1]));
		if (args[3] & MREMAP_FIXED)
			take_range(event, call, args[4], whole_pages(args[2]));
		break;
	case EO_MEM_CALL_BRK:
		if (args[0] && args[0] < call->old_break)
			take_range(event, call, args[0], call->old_break - args[0]);
		break;
	}
}

static __always_inline void map_call_begins(struct eo_tracer_counters *count,
					    struct task_struct *task,
					    struct pt_regs___kernel *regs, __u32 abi,
					    __u32 function)
{
	__u64 args[EO_SYSCALL_ARGS];
	struct event event = {};
	struct map_call *call;

	if (!filter_current(task, task_pid_tgid(task, 1)))
		return;
	read_args(regs, abi, args, 1);
	/* A new place for new memory is found by the kernel, where nothing is. */
	if (function == EO_MEM_CALL_MMAP && !(args[3] & MAP_FIXED))
		return;
	call = bpf_task_storage_get(&map_calls, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!call || !begin_map_event(&event, count, task, function))
		return;
	call->function = function;
	call->count = 0;
	call->old_break = function == EO_MEM_CALL_BRK ? BPF_CORE_READ(task, mm, brk) : 0;
	take_old(&event, call, args);
}

/* What became of the pieces that were taken out. Returns how many there were. */
static __always_inline __u32 settle_pieces(struct event *event, struct map_call *call, int gone)
{
	__u32 count = call ? call->count : 0;

	for (__u32 i = 0; i < PIECES; i++) {
		if (i >= count)
			break;
		if (gone)
			freed(event, call->pieces[i].address, &call->pieces[i].block);
		else
			put_block(event, call->pieces[i].address, &call->pieces[i].block);
	}
	return count;
}

static __always_inline void break_moved(struct event *event, void *ctx, struct map_call *call,
					__u64 wanted, __u64 now)
{
	__u64 old = call->old_break;

	if (now > old) {
		allocated(event, ctx, PLACE_ENTRY, 0, old, now - old);
	} else if (now < old) {
		if (!settle_pieces(event, call, 1))
			freed_unknown(event, now);
	} else {
		settle_pieces(event, call, 0);
		if (wanted > old)
			failed(event, wanted - old, ENOMEM);
	}
}

static __always_inline void map_call_returns(void *ctx, struct eo_tracer_counters *count,
					     struct task_struct *task,
					     struct pt_regs___kernel *regs, long ret, __u32 abi,
					     __u32 function)
{
	int has_failed = ret < 0 && ret >= -4095;
	__u32 pieces;
	__u64 args[EO_SYSCALL_ARGS];
	struct event event = {};
	struct map_call *call;

	if (!filter_current(task, task_pid_tgid(task, 1)))
		return;
	read_args(regs, abi, args, 1);
	call = bpf_task_storage_get(&map_calls, task, 0, 0);
	if (call && call->function != function)
		call = NULL;
	if (call)
		call->function = EO_MEM_CALL_NONE;
	else if (function != EO_MEM_CALL_MMAP)
		return; /* it began before we did */
	if (!begin_map_event(&event, count, task, function))
		return;
	if (function == EO_MEM_CALL_BRK) {
		if (call)
			break_moved(&event, ctx, call, args[0], ret);
		return;
	}
	pieces = settle_pieces(&event, call, !has_failed);
	if (function == EO_MEM_CALL_MUNMAP) {
		if (!pieces && !has_failed)
			freed_unknown(&event, args[0]);
		return;
	}
	if (function == EO_MEM_CALL_MREMAP) {
		if (!pieces && !has_failed && args[1] && !(args[3] & MREMAP_DONTUNMAP))
			freed_unknown(&event, args[0]);
		args[1] = args[2];
	}
	if (has_failed)
		failed(&event, args[1], -ret);
	else
		allocated(&event, ctx, PLACE_ENTRY, 0, ret, whole_pages(args[1]));
}

#endif
