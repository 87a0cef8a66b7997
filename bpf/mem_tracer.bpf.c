// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* Follows what programs take and give back, and keeps what is in use. Each source of memory has
 * programs of its own, which are loaded when it is wanted: allocators (mem_calls.bpf.h, mem_declared.bpf.h), address
 * space (mem_maps.bpf.h), resident pages (mem_faults.bpf.h) and the kernel (mem_kernel.bpf.h). */
#include <linux/bpf.h>
#include <linux/errno.h>
#include <linux/ptrace.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "filter.bpf.h"
#include "kernel.h"
#include "mem_calls.bpf.h"
#include "mem_declared.bpf.h"
#include "mem_faults.bpf.h"
#include "mem_image.bpf.h"
#include "mem_kernel.bpf.h"
#include "mem_live.bpf.h"
#include "mem_maps.bpf.h"
#include "mem_records.h"
#include "spare.bpf.h"

SEC("uprobe")
int on_enter(struct pt_regs *ctx)
{
	return UNPREEMPTED(enter(ctx, count));
}

SEC("uretprobe")
int on_leave(struct pt_regs *ctx)
{
	return UNPREEMPTED(leave(ctx, count));
}

SEC("uprobe")
int on_declared(struct pt_regs *ctx)
{
	return UNPREEMPTED(declared(ctx, count));
}

/* Both run for each system call of the machine, so nearly all of them are to pass quickly. */
SEC("tp_btf/sys_enter")
int on_map_enter(__u64 *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call_number number = call_number(task, ctx[1], 1);
	__u32 function = map_function(number);

	if (!function || !is_open)
		return 0;
	return ONCE(RUN_SYS_ENTER,
		    map_call_begins(count, task, (void *)ctx[0], number.abi, function));
}

SEC("tp_btf/sys_exit")
int on_map_return(__u64 *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call_number number = call_number(task, exit_number((void *)ctx[0], 1), 1);
	__u32 function = map_function(number);

	if (!function || !is_open)
		return 0;
	return ONCE(RUN_SYS_EXIT, map_call_returns(ctx, count, task, (void *)ctx[0], ctx[1],
						   number.abi, function));
}

SEC("tp/kmem/rss_stat")
int on_rss_stat(struct rss_stat *ctx)
{
	return UNPREEMPTED(rss_changes(ctx, count));
}

#ifdef TELLS_OF_PAGE_FAULTS
SEC("raw_tp/page_fault_user")
int on_page_fault(struct bpf_raw_tracepoint_args *ctx)
{
	return UNPREEMPTED(page_fault_begins(ctx->args[0], (void *)ctx->args[1]));
}
#endif

SEC("raw_tp/kmalloc")
int on_kmalloc(struct bpf_raw_tracepoint_args *ctx)
{
	return UNPREEMPTED(
		kernel_allocates(ctx, EO_MEM_KMALLOC, ctx->args[1], ctx->args[3], NULL, count));
}

SEC("raw_tp/kmem_cache_alloc")
int on_kmem_cache_alloc(struct bpf_raw_tracepoint_args *ctx)
{
	return UNPREEMPTED(kernel_allocates(ctx, EO_MEM_KMEM_CACHE_ALLOC, ctx->args[1], 0,
					    (void *)ctx->args[2], count));
}

SEC("raw_tp/kfree")
int on_kfree(struct bpf_raw_tracepoint_args *ctx)
{
	return UNPREEMPTED(kernel_frees(ctx, EO_MEM_KFREE, ctx->args[1], count));
}

SEC("raw_tp/kmem_cache_free")
int on_kmem_cache_free(struct bpf_raw_tracepoint_args *ctx)
{
	return UNPREEMPTED(kernel_frees(ctx, EO_MEM_KMEM_CACHE_FREE, ctx->args[1], count));
}

static __always_inline void process_begins(struct task_struct *child)
{
	follow_fork(child);
	inherit(child);
}

SEC("raw_tp/sched_process_fork")
int on_fork(struct bpf_raw_tracepoint_args *ctx)
{
	return ONCE(RUN_FORK, process_begins((void *)ctx->args[1]));
}

static __always_inline void program_begins(__u32 old_tid)
{
	bpf_task_storage_delete(&threads, bpf_get_current_task_btf());
	leave_image(1);
	expect_new_memory();
	follow_exec(old_tid);
}

SEC("raw_tp/sched_process_exec")
int on_exec(struct bpf_raw_tracepoint_args *ctx)
{
	return ONCE(RUN_EXEC, program_begins(ctx->args[1]));
}

static __always_inline void thread_ends(struct task_struct *task)
{
	if (!BPF_CORE_READ(task, signal, live.counter)) /* the last thread */
		leave_image(0);
	follow_exit(task);
}

SEC("raw_tp/sched_process_exit")
int on_exit(struct bpf_raw_tracepoint_args *ctx)
{
	return ONCE(RUN_EXIT, thread_ends((void *)ctx->args[0]));
}

SEC("raw_tp/sched_process_free")
int on_free(struct bpf_raw_tracepoint_args *ctx)
{
	return ONCE_ANYWHERE(ctx, RUN_FREE, follow_free((void *)ctx->args[0]));
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
