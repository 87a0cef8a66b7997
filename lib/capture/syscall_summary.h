/* SPDX-License-Identifier: BSD-2-Clause */
/* The rows of a summary of system calls: out of the kernel, and what can be said of them. */
#ifndef EO_CAPTURE_SYSCALL_SUMMARY_H
#define EO_CAPTURE_SYSCALL_SUMMARY_H

#include <stddef.h>
#include <stdint.h>

#include "capture/syscall_tracer.h"

/**
 * Tell @fn the rows of a map that no program writes to any more, each summed up over the CPUs, and
 * empty it.
 * @key_size: of the map; what is missing of the key is zero
 */
int eo_syscall_summary_take(int map_fd, uint32_t key_size, uint32_t cpu_count, eo_syscall_row_fn fn,
			    void *ctx, struct eo_error *err);

#endif
