/* SPDX-License-Identifier: BSD-2-Clause */
/* Text of unknown origin, a line at a time, in bounded memory. */
#ifndef EO_SYMBOL_LINES_H
#define EO_SYMBOL_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EO_LINE_MAX 32768u /* a path of 4096 bytes, each escaped, and room */

struct eo_lines {
	char *buffer; /* EO_LINES_BUFFER bytes */
	size_t begin, end;
	int fd;
	bool skipping; /* inside a line that is too long */
	uint64_t consumed; /* bytes up to the end of the last line given, or skipped */
};

/** @fd: read from where it stands; stays the caller's. Returns 0 or -ENOMEM. */
int eo_lines_init(struct eo_lines *lines, int fd);
void eo_lines_fini(struct eo_lines *lines);

/**
 * The next complete line, without its newline and NUL-terminated; yours until the next call.
 * Lines of EO_LINE_MAX bytes and more are left out; so is a last one that has no newline.
 * @size: its length (NUL bytes of the file are inside it)
 * Returns 1, 0 at the end, or a negative errno of read().
 */
int eo_lines_next(struct eo_lines *lines, char **ret, size_t *size);

/**
 * Read an unsigned hexadecimal number, lower or upper case, without prefix or sign.
 * @text: moved behind its last digit
 * Returns 0, or -EINVAL when there is no digit or more than 64 bits.
 */
int eo_parse_hex(const char **text, uint64_t *ret);

#endif
