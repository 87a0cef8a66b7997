/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads numbers off a run of bytes and never beyond its end. A read that would go there gives 0
 * and makes the cursor bad, and it stays so: callers look once, after a group of reads. */
#ifndef EO_SYMBOL_DWARF_CURSOR_H
#define EO_SYMBOL_DWARF_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct eo_dwarf_cursor {
	const unsigned char *at, *end;
	const unsigned char *start;
	uint64_t offset; /* of @start in its section */
	bool bad;
};

static inline uint64_t eo_dwarf_position(const struct eo_dwarf_cursor *c)
{
	return c->offset + (uint64_t)(c->at - c->start);
}

static inline uint64_t eo_dwarf_left(const struct eo_dwarf_cursor *c)
{
	return (uint64_t)(c->end - c->at);
}

static inline void eo_dwarf_fail(struct eo_dwarf_cursor *c)
{
	c->bad = true;
	c->at = c->end;
}

static inline void eo_dwarf_skip(struct eo_dwarf_cursor *c, uint64_t size)
{
	if (size > eo_dwarf_left(c))
		eo_dwarf_fail(c);
	else
		c->at += size;
}

/* @size: 1 to 8 bytes, in this machine's order */
static inline uint64_t eo_dwarf_uint(struct eo_dwarf_cursor *c, size_t size)
{
	uint64_t value = 0;

	if (size > eo_dwarf_left(c)) {
		eo_dwarf_fail(c);
		return 0;
	}
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	memcpy(&value, c->at, size);
#else
	memcpy((char *)&value + sizeof(value) - size, c->at, size);
#endif
	c->at += size;
	return value;
}

/* Seven bits a byte, the lowest first; bits behind the 64th are dropped. */
static inline uint64_t eo_dwarf_uleb(struct eo_dwarf_cursor *c)
{
	uint64_t value = 0;

	for (unsigned int shift = 0; c->at < c->end; shift += shift < 64 ? 7 : 0) {
		unsigned char byte = *c->at++;

		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
	eo_dwarf_fail(c);
	return 0;
}

static inline int64_t eo_dwarf_sleb(struct eo_dwarf_cursor *c)
{
	uint64_t value = 0;

	for (unsigned int shift = 0; c->at < c->end;) {
		unsigned char byte = *c->at++;

		if (shift < 64) {
			value |= (uint64_t)(byte & 0x7f) << shift;
			shift += 7;
		}
		if (!(byte & 0x80)) {
			if (shift < 64 && (byte & 0x40))
				value |= ~0ull << shift;
			return (int64_t)value;
		}
	}
	eo_dwarf_fail(c);
	return 0;
}

/* The NUL-terminated text here, behind which the cursor stands afterwards; NULL: it has no end. */
static inline const char *eo_dwarf_text(struct eo_dwarf_cursor *c)
{
	const unsigned char *text = c->at, *end = NULL;

	if (c->at < c->end)
		end = memchr(c->at, '\0', (size_t)(c->end - c->at));
	if (!end) {
		eo_dwarf_fail(c);
		return NULL;
	}
	c->at = end + 1;
	return (const char *)text;
}

#endif
