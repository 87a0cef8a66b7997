/* SPDX-License-Identifier: BSD-2-Clause */
/* Which memory of a system call's arguments is worth taking along. */
#ifndef EO_SYSCALL_CAPTURES_H
#define EO_SYSCALL_CAPTURES_H

#include <stdbool.h>
#include <stdint.h>

#include "syscall/call.h"

struct eo_syscall_capture_options {
	bool payload; /* also what is read, written, sent and received */
};

/**
 * What the BPF program takes of native call @nr, as its map wants it. @ret is all zeros where
 * there is nothing, and for unknown numbers.
 */
void eo_syscall_captures(uint32_t nr, const struct eo_syscall_capture_options *options,
			 struct eo_syscall_captures *ret);
void eo_syscall_captures_on(enum eo_machine machine, uint32_t nr,
			    const struct eo_syscall_capture_options *options,
			    struct eo_syscall_captures *ret);

#endif
