/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads the numbers of call frame information. A read that would pass the end fails, and so does
 * every one after it: a caller may read a whole structure and ask once. */
#ifndef EO_UNWIND_FRAME_CURSOR_H
#define EO_UNWIND_FRAME_CURSOR_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "unwind/frame_table.h"

struct eo_frame_cursor {
	const unsigned char *at, *end;
	bool failed; /* what was read since is 0 */
};

/* How pointers are written: a format, what they are relative to, and whether they point to the
 * pointer meant (Linux Standard Base, "DWARF Exception Header Encoding"). */
#define EO_FRAME_PE_ABSPTR 0x00u
#define EO_FRAME_PE_OMIT 0xffu

static inline size_t eo_frame_left(const struct eo_frame_cursor *cursor)
{
	return cursor->failed ? 0 : (size_t)(cursor->end - cursor->at);
}

static inline void eo_frame_fail(struct eo_frame_cursor *cursor)
{
	cursor->failed = true;
	cursor->at = cursor->end;
}

/** The number in the next @size bytes, at most 8. */
static inline uint64_t eo_frame_unsigned(struct eo_frame_cursor *cursor, size_t size)
{
	uint64_t value = 0;

	if (eo_frame_left(cursor) < size) {
		eo_frame_fail(cursor);
		return 0;
	}
	memcpy(&value, cursor->at, size);
	cursor->at += size;
	return le64toh(value);
}

static inline uint64_t eo_frame_signed(struct eo_frame_cursor *cursor, size_t size)
{
	unsigned int unused_bits = 64 - 8 * (unsigned int)size;

	return (uint64_t)((int64_t)(eo_frame_unsigned(cursor, size) << unused_bits) >> unused_bits);
}

/** LEB128. Padding is fine; a number of more than 64 bits is a failure. */
uint64_t eo_frame_uleb(struct eo_frame_cursor *cursor);
int64_t eo_frame_sleb(struct eo_frame_cursor *cursor);

/** A cursor over the next @size bytes, which this one skips. */
struct eo_frame_cursor eo_frame_slice(struct eo_frame_cursor *cursor, uint64_t size);

/** The text up to its NUL, which must be there; "" on failure. */
const char *eo_frame_string(struct eo_frame_cursor *cursor);

/**
 * Whether addresses in this encoding can be told from the bytes: not when they are indirect, or
 * relative to a function or to a base that @section does not know.
 */
bool eo_frame_encoding_usable(uint8_t encoding, const struct eo_frame_section *section);

/**
 * A pointer, whatever its encoding.
 * @section: that @cursor lies in
 * Returns the address; 0 when the bytes are 0, for that means none, also where it is relative.
 */
uint64_t eo_frame_pointer(struct eo_frame_cursor *cursor, uint8_t encoding,
			  const struct eo_frame_section *section);

#endif
