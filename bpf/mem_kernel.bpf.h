/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the kernel takes of its slab allocator while it works for a program, and when it gives that
 * back, wherever it does: many objects end in somebody else's time, or in an interrupt.
 *
 * These programs must not allocate, so that their map is made in full beforehand. */
#ifndef EO_MEM_KERNEL_BPF_H
#define EO_MEM_KERNEL_BPF_H

#include "mem_live.bpf.h"

BLOCKS(kernel_blocks, 0);

#define NO_OBJECT 16 /* include/linux/slab.h: ZERO_SIZE_PTR */

/* @task: NULL: in nobody's name */
static __always_inline int begin_kernel_event(struct event *event, struct task_struct *task,
					      struct eo_tracer_counters *count, __u32 function)
{
	event->count = count;
	event->sums = mem_sums();
	event->task = task;
	event->blocks = &kernel_blocks;
	event->pid_tgid = task ? bpf_get_current_pid_tgid() : 0;
	event->source = EO_MEM_KERNEL;
	event->function = function;
	return event->sums != NULL;
}

/* The whole machine comes by here, and little of it is wanted: what costs least is asked first.
 * @cache: it has the size, where there is one */
static __always_inline void kernel_allocates(void *ctx, __u32 function, __u64 address, __u64 size,
					     struct kmem_cache *cache,
					     struct eo_tracer_counters *count)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct event event = {};

	if (!is_open || (address && address <= NO_OBJECT) ||
	    !filter_current(task, bpf_get_current_pid_tgid()) || !is_on_stack_of(task, ctx) ||
	    !begin_kernel_event(&event, task, count, function))
		return;
	event.now = bpf_ktime_get_ns();
	if (cache)
		size = BPF_CORE_READ(cache, size);
	if (address)
		allocated(&event, ctx, PLACE_KERNEL, 0, address, size);
	else
		failed(&event, size, ENOMEM);
}

/* A block that is known is told whoever frees it. */
static __always_inline void kernel_frees(void *ctx, __u32 function, __u64 address,
					 struct eo_tracer_counters *count)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct event event = {};
	struct eo_mem_block block;
	int known;

	if (!is_open || address <= NO_OBJECT || !begin_kernel_event(&event, NULL, count, function))
		return;
	known = take_block(&event, address, &block);
	if (!known && !filter_current(task, bpf_get_current_pid_tgid()))
		return;
	if (is_on_stack_of(task, ctx)) {
		event.task = task;
		event.pid_tgid = bpf_get_current_pid_tgid();
	} else if (!known) {
		return;
	}
	event.now = bpf_ktime_get_ns();
	if (known)
		freed(&event, address, &block);
	else
		freed_unknown(&event, address);
}

#endif
