/* SPDX-License-Identifier: BSD-2-Clause */
/* System calls as C programmers write them:
 *
 *	openat(AT_FDCWD, "/etc/hosts", O_RDONLY|O_CLOEXEC) = -1 ENOENT (No such file or directory)
 */
#ifndef EO_SYSCALL_TEXT_H
#define EO_SYSCALL_TEXT_H

#include <stddef.h>

#include "core/event.h"

/**
 * The line of an event of type syscall, from a tracer or from a file, with its duration at the end
 * ("<0.000018>", in seconds), without a newline. Nothing in it drives a terminal. Without data
 * that belong to a call there is less in it, never nothing.
 * @to: gets at most @size bytes, without a NUL
 * Returns the length of the whole line, which may be more than @size.
 */
size_t eo_syscall_text(const struct eo_event *event, char *to, size_t size);

#endif
