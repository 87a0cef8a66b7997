/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which call it is, and with what arguments: the part that each kind of machine does its own way. */
#ifndef EO_SYSCALL_REGS_BPF_H
#define EO_SYSCALL_REGS_BPF_H

#include "syscall_records.h"
#include "tracer.bpf.h"

/* 32 bits each; the fields are as wide as registers, which saves the programs much shifting. */
struct call_number {
	__u64 nr;
	__u64 abi; /* enum eo_syscall_abi */
};

#define NO_NUMBER 0xffffffffull /* -1 */

#ifdef __TARGET_ARCH_x86

#define TS_COMPAT    0x0002	/* arch/x86/include/asm/thread_info.h */
#define X32_BIT	     0x40000000 /* arch/x86/include/uapi/asm/unistd.h */

/* A 64-bit program can make 32-bit calls through int $0x80, so it is the call that tells. */
static __always_inline struct call_number call_number(struct task_struct *task, long id,
						      const int btf)
{
	struct call_number number = {.nr = (__u32)id, .abi = EO_ABI_NATIVE};

	if (TASK_FIELD(btf, task, thread_info.status) & TS_COMPAT) {
		number.abi = EO_ABI_COMPAT;
	} else if (number.nr != NO_NUMBER && number.nr & X32_BIT) {
		number.abi = EO_ABI_X32;
		number.nr &= ~(__u64)X32_BIT;
	}
	return number;
}

static __always_inline long exit_number(struct pt_regs___kernel *regs, const int btf)
{
	return TASK_FIELD(btf, regs, orig_ax);
}

#define READ_ARG(index, native, compat)                                              \
	args[index] = abi == EO_ABI_COMPAT ? (__u32)TASK_FIELD(btf, regs, compat) :  \
					     TASK_FIELD(btf, regs, native)

static __always_inline void read_args(struct pt_regs___kernel *regs, __u32 abi,
				      __u64 args[EO_SYSCALL_ARGS], const int btf)
{
	READ_ARG(0, di, bx);
	READ_ARG(1, si, cx);
	READ_ARG(2, dx, dx);
	READ_ARG(3, r10, si);
	READ_ARG(4, r8, di);
	READ_ARG(5, r9, bp);
}

static __always_inline int is_clone(struct call_number call)
{
	if (call.abi == EO_ABI_COMPAT) /* fork, clone, vfork, clone3 */
		return call.nr == 2 || call.nr == 120 || call.nr == 190 || call.nr == 435;
	return (call.nr >= 56 && call.nr <= 58) || call.nr == 435; /* clone, fork, vfork */
}

static __always_inline int is_exec(struct call_number call)
{
	if (call.abi == EO_ABI_COMPAT)
		return call.nr == 11 || call.nr == 358;
	return call.nr == 59 || call.nr == 322 || call.nr == 520 || call.nr == 545; /* x32: two last */
}

#endif

#ifdef __TARGET_ARCH_arm64

#define TIF_32BIT 22 /* arch/arm64/include/asm/thread_info.h */

static __always_inline struct call_number call_number(struct task_struct *task, long id,
						      const int btf)
{
	struct call_number number = {.nr = (__u32)id, .abi = EO_ABI_NATIVE};

	if (TASK_FIELD(btf, task, thread_info.flags) & (1ul << TIF_32BIT))
		number.abi = EO_ABI_COMPAT;
	return number;
}

static __always_inline long exit_number(struct pt_regs___kernel *regs, const int btf)
{
	return TASK_FIELD(btf, regs, syscallno);
}

/* Registers of 32-bit programs have their upper halves clear. */
static __always_inline void read_args(struct pt_regs___kernel *regs, __u32 abi,
				      __u64 args[EO_SYSCALL_ARGS], const int btf)
{
	args[0] = TASK_FIELD(btf, regs, orig_x0);
	args[1] = TASK_FIELD(btf, regs, regs[1]);
	args[2] = TASK_FIELD(btf, regs, regs[2]);
	args[3] = TASK_FIELD(btf, regs, regs[3]);
	args[4] = TASK_FIELD(btf, regs, regs[4]);
	args[5] = TASK_FIELD(btf, regs, regs[5]);
}

static __always_inline int is_clone(struct call_number call)
{
	if (call.abi == EO_ABI_COMPAT)
		return call.nr == 2 || call.nr == 120 || call.nr == 190 || call.nr == 435;
	return call.nr == 220 || call.nr == 435;
}

static __always_inline int is_exec(struct call_number call)
{
	if (call.abi == EO_ABI_COMPAT)
		return call.nr == 11 || call.nr == 387;
	return call.nr == 221 || call.nr == 281;
}

#endif

#endif
