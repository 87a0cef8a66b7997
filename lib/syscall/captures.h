/* SPDX-License-Identifier: BSD-2-Clause */
/* Which memory of a system call's arguments is worth taking along. */
#ifndef EO_SYSCALL_CAPTURES_H
#define EO_SYSCALL_CAPTURES_H

#include <stdbool.h>
#include <stdint.h>

#include "syscall/call.h"

struct eo_syscall_capture_options {
	bool payload;  /* also what is read, written, sent and received */
	bool fd_paths; /* also the paths of descriptors */
};

/**
 * What the BPF program takes of call @nr of @abi (enum eo_syscall_abi), what belongs to its start
 * first. @ret is all zeros where there is nothing, and for unknown numbers. Of 32-bit and x32
 * calls only that is taken which lies in memory as for native ones.
 */
void eo_syscall_captures(unsigned int abi, uint32_t nr,
			 const struct eo_syscall_capture_options *options,
			 struct eo_syscall_captures *ret);
void eo_syscall_captures_on(enum eo_machine machine, unsigned int abi, uint32_t nr,
			    const struct eo_syscall_capture_options *options,
			    struct eo_syscall_captures *ret);

#endif
