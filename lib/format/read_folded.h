/* SPDX-License-Identifier: BSD-2-Clause */
/* A line of folded stacks. */
#ifndef EO_FORMAT_READ_FOLDED_H
#define EO_FORMAT_READ_FOLDED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * Take "a;b;c 12" apart. Spaces and a carriage return behind it do not matter.
 * @ret_stack_len: bytes of the stack, which begins the line
 * Returns false when it is no such line.
 */
bool eo_folded_split(const char *line, size_t len, size_t *ret_stack_len, int64_t *ret_value);

#endif
