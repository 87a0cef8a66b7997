/* SPDX-License-Identifier: BSD-2-Clause */
/* What the tracer of system calls is told to take of each call's memory. */
#ifndef EO_CAPTURE_SYSCALL_TAKES_H
#define EO_CAPTURE_SYSCALL_TAKES_H

#include <stdint.h>

#include "core/error.h"
#include "syscall/captures.h"

/** Fill the captures map of the BPF object. @string_limit: bytes of texts that are no paths */
int eo_syscall_takes_fill(int map_fd, const struct eo_syscall_capture_options *options,
			  uint32_t string_limit, struct eo_error *err);

#endif
