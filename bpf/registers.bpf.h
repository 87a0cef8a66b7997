/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Registers of user space: the part of taking stacks that each kind of machine does its own way.
 * Arguments of functions are bpf_tracing.h's, those of system calls syscall_regs.bpf.h's. */
#ifndef EO_REGISTERS_BPF_H
#define EO_REGISTERS_BPF_H

#include <linux/bpf.h>
#include <linux/bpf_perf_event.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "kernel.h"

/* Where the walk of a user half begins. */
struct user_registers {
	__u64 pc, sp, fp;
	__u32 exact; /* pc is where execution stands, no return address */
};

#ifdef __TARGET_ARCH_x86

/* There are tables for this machine (unwind_table.h), and snapshots with its registers. */
#define WALKS_BY_TABLES

/* The tracepoint page_fault_user, which other machines do not have. */
#define TELLS_OF_PAGE_FAULTS

/* What a call's return pops of the stack. */
#define RETURN_BYTES 8

/* What a uprobe's context is. */
#define probe_registers pt_regs

static __always_inline void interrupted_user_registers(struct bpf_perf_event_data *ctx,
						       struct user_registers *from)
{
	from->pc = ctx->regs.rip;
	from->sp = ctx->regs.rsp;
	from->fp = ctx->regs.rbp;
	from->exact = 1;
}

/* Those saved on entry to the kernel: in any program that runs for a thread of user space. */
static __always_inline void saved_user_registers(struct user_registers *from)
{
	struct pt_regs___kernel *saved = (void *)bpf_task_pt_regs(bpf_get_current_task_btf());

	from->pc = BPF_CORE_READ(saved, ip);
	from->sp = BPF_CORE_READ(saved, sp);
	from->fp = BPF_CORE_READ(saved, bp);
	from->exact = 1;
}

/* All of them, by their DWARF numbers. */
static __always_inline void interrupted_registers(struct bpf_perf_event_data *ctx, __u64 *to)
{
	to[0] = ctx->regs.rax;
	to[1] = ctx->regs.rdx;
	to[2] = ctx->regs.rcx;
	to[3] = ctx->regs.rbx;
	to[4] = ctx->regs.rsi;
	to[5] = ctx->regs.rdi;
	to[6] = ctx->regs.rbp;
	to[7] = ctx->regs.rsp;
	to[8] = ctx->regs.r8;
	to[9] = ctx->regs.r9;
	to[10] = ctx->regs.r10;
	to[11] = ctx->regs.r11;
	to[12] = ctx->regs.r12;
	to[13] = ctx->regs.r13;
	to[14] = ctx->regs.r14;
	to[15] = ctx->regs.r15;
	to[16] = ctx->regs.rip;
}

/* Those saved on entry to the kernel. The helper that finds them is there since v5.15, kernel
 * commit dd6e10fbd9fb; without it such a sample has none. */
static __always_inline int saved_registers(__u64 *to)
{
	struct pt_regs___kernel *saved;

	if (!bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		return 0;
	saved = (void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	to[0] = BPF_CORE_READ(saved, ax);
	to[1] = BPF_CORE_READ(saved, dx);
	to[2] = BPF_CORE_READ(saved, cx);
	to[3] = BPF_CORE_READ(saved, bx);
	to[4] = BPF_CORE_READ(saved, si);
	to[5] = BPF_CORE_READ(saved, di);
	to[6] = BPF_CORE_READ(saved, bp);
	to[7] = BPF_CORE_READ(saved, sp);
	to[8] = BPF_CORE_READ(saved, r8);
	to[9] = BPF_CORE_READ(saved, r9);
	to[10] = BPF_CORE_READ(saved, r10);
	to[11] = BPF_CORE_READ(saved, r11);
	to[12] = BPF_CORE_READ(saved, r12);
	to[13] = BPF_CORE_READ(saved, r13);
	to[14] = BPF_CORE_READ(saved, r14);
	to[15] = BPF_CORE_READ(saved, r15);
	to[16] = BPF_CORE_READ(saved, ip);
	return 1;
}

#endif

#ifdef __TARGET_ARCH_arm64

#define RETURN_BYTES 0 /* the return address is in x30 */

#define probe_registers user_pt_regs

#endif

#endif
