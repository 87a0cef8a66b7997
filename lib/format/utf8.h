/* SPDX-License-Identifier: BSD-2-Clause */
/* UTF-8 of doubtful origin: names come from ELF files and processes, which promise nothing. */
#ifndef EO_FORMAT_UTF8_H
#define EO_FORMAT_UTF8_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/**
 * Bytes of the well-formed character at the start of @text, 1 to 4; 0 when there is none.
 * A NUL is no character. @ret: its code point, may be NULL
 */
size_t eo_utf8_char(const char *text, uint32_t *ret);

/**
 * @text from anywhere, for a terminal: control characters, and bytes that are part of no character,
 * as \xNN, so that none of it may steer one.
 */
void eo_utf8_print(const char *text, FILE *out);

/* Room for text that had to change. Starts out zeroed; free(bytes) ends it. */
struct eo_utf8_buffer {
	char *bytes;
	size_t size;
};

/**
 * @text, or a copy in @buffer in which U+FFFD stands for each byte that is part of no character.
 * Returns NULL when memory is out.
 */
const char *eo_utf8_repair(const char *text, struct eo_utf8_buffer *buffer);

#endif
