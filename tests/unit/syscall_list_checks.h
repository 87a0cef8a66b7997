/* SPDX-License-Identifier: BSD-2-Clause */
/* The names of lists.txt against the macros of headers. The headers of the kernel and those of the
 * C library do not go together into one file. */
#ifndef EO_TESTS_SYSCALL_LIST_CHECKS_H
#define EO_TESTS_SYSCALL_LIST_CHECKS_H

#include <stddef.h>
#include <stdint.h>

/* Fails unless @name stands for @value in the list. */
void check_list(const char *list, const char *name, int64_t value);

#define CHECK(list, name, value)                          \
	do {                                              \
		check_list(list, name, (int64_t)(value)); \
		count++;                                  \
	} while (0);

/* Both return how many names they checked. */
size_t check_library_headers(void);
size_t check_kernel_headers(void);

#endif
