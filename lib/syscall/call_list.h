/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists that a person writes: which system calls, which errors. */
#ifndef EO_SYSCALL_CALL_LIST_H
#define EO_SYSCALL_CALL_LIST_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "syscall/call.h"

/* Bits of native numbers. */
struct eo_syscall_set {
	uint64_t bits[EO_SYSCALL_MAX / 64];
};

static inline void eo_syscall_set_add(struct eo_syscall_set *set, uint32_t nr)
{
	if (nr < EO_SYSCALL_MAX)
		set->bits[nr / 64] |= 1ull << nr % 64;
}

static inline bool eo_syscall_set_has(const struct eo_syscall_set *set, uint32_t nr)
{
	return nr < EO_SYSCALL_MAX && set->bits[nr / 64] >> nr % 64 & 1;
}

/**
 * Read a list as that of -e: names, numbers, classes ("%file", also without the sign, "%net" is
 * "%network"), "all" and "none", separated by commas. "!" before the list turns it around, which
 * takes in all numbers that have no name too; "trace=" before it says nothing; "?" before a word
 * lets it be unknown.
 * Returns 0, or -EINVAL with the word at fault and the nearest valid one in @err.
 */
int eo_syscall_list_parse(const char *text, struct eo_syscall_set *ret, struct eo_error *err);

#define EO_ERRNO_MAX 532 /* the kernel's largest is 531 */

/* Bits of positive numbers. */
struct eo_errno_set {
	uint64_t bits[(EO_ERRNO_MAX + 63) / 64];
};

static inline bool eo_errno_set_has(const struct eo_errno_set *set, uint32_t code)
{
	return code < EO_ERRNO_MAX && set->bits[code / 64] >> code % 64 & 1;
}

/** The same for "ENOENT,EACCES,110". */
int eo_errno_list_parse(const char *text, struct eo_errno_set *ret, struct eo_error *err);

#endif
