/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A system call's number and arguments, from the registers with which user space made it. */
#ifndef EO_SYSCALL_ARGS_BPF_H
#define EO_SYSCALL_ARGS_BPF_H

#include <asm/unistd.h>

#include "kernel.h"

#if defined(__TARGET_ARCH_x86)
#define SYSCALL_NR(regs)   ((long)(regs)->orig_ax)
#define SYSCALL_ARG0(regs) ((regs)->di)
#define SYSCALL_ARG1(regs) ((regs)->si)
#define SYSCALL_ARG2(regs) ((regs)->dx)
#define SYSCALL_ARG3(regs) ((regs)->r10)
#define SYSCALL_ARG4(regs) ((regs)->r8)
#elif defined(__TARGET_ARCH_arm64)
#define SYSCALL_NR(regs)   ((long)(regs)->syscallno)
#define SYSCALL_ARG0(regs) ((regs)->orig_x0) /* x0 has the result */
#define SYSCALL_ARG1(regs) ((regs)->regs[1])
#define SYSCALL_ARG2(regs) ((regs)->regs[2])
#define SYSCALL_ARG3(regs) ((regs)->regs[3])
#define SYSCALL_ARG4(regs) ((regs)->regs[4])
#endif

#endif
