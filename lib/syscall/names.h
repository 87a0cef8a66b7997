/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers as names: "O_RDONLY|O_CLOEXEC". */
#ifndef EO_SYSCALL_NAMES_H
#define EO_SYSCALL_NAMES_H

#include <stddef.h>
#include <stdint.h>

struct eo_name_list;

/** The name of @value in a list of single numbers; NULL where it has none. */
const char *eo_name_of(const struct eo_name_list *list, uint64_t value);

/**
 * The names of @value's bits, with "|" between; what has no name follows in hex. 0 is "0" where
 * it has no name of its own.
 * Returns where the text ends, before @end; it is cut there, and has no NUL.
 */
char *eo_names_of_flags(const struct eo_name_list *list, uint64_t value, char *to, const char *end);

#endif
