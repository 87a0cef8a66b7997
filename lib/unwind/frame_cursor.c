/* SPDX-License-Identifier: BSD-2-Clause */
#include "unwind/frame_cursor.h"

#define FORMAT_MASK 0x0fu
#define BASE_MASK 0x70u
#define PE_INDIRECT 0x80u
#define POINTER_BYTES 8u

enum {
	FORMAT_ULEB = 0x01,
	FORMAT_SLEB = 0x09,
	FORMAT_COUNT = 0x10,
};

enum {
	BASE_NONE = 0x00,
	BASE_PC = 0x10,
	BASE_TEXT = 0x20,
	BASE_DATA = 0x30,
	BASE_ALIGNED = 0x50, /* no base: an absolute pointer at a multiple of its size */
};

/* Bytes of the formats of fixed size; those from 8 on are signed. */
static const uint8_t format_bytes[FORMAT_COUNT] = {
	[0x00] = POINTER_BYTES, [0x02] = 2, [0x03] = 4, [0x04] = 8,
	[0x08] = POINTER_BYTES, [0x0a] = 2, [0x0b] = 4, [0x0c] = 8,
};

uint64_t eo_frame_uleb(struct eo_frame_cursor *cursor)
{
	uint64_t value = 0;

	for (unsigned int shift = 0;; shift += 7) {
		uint64_t byte = eo_frame_unsigned(cursor, 1), bits = byte & 0x7f;

		if (shift < 64)
			value |= bits << shift;
		if (shift == 63 ? bits > 1 : shift > 63 && bits != 0)
			eo_frame_fail(cursor);
		if (cursor->failed)
			return 0;
		if (!(byte & 0x80))
			return value;
		if (shift > 63)
			shift = 64; /* padding may be longer than the type of shift can count */
	}
}

int64_t eo_frame_sleb(struct eo_frame_cursor *cursor)
{
	uint64_t value = 0;

	for (unsigned int shift = 0;; shift += 7) {
		uint64_t byte = eo_frame_unsigned(cursor, 1), bits = byte & 0x7f;

		if (shift < 64)
			value |= bits << shift;
		/* What lies above bit 63 must repeat it. */
		if (shift >= 63 && bits != (value >> 63 ? 0x7f : 0))
			eo_frame_fail(cursor);
		if (cursor->failed)
			return 0;
		if (!(byte & 0x80)) {
			if (shift + 7 < 64 && byte & 0x40)
				value |= UINT64_MAX << (shift + 7);
			return (int64_t)value;
		}
		if (shift > 63)
			shift = 64;
	}
}

struct eo_frame_cursor eo_frame_slice(struct eo_frame_cursor *cursor, uint64_t size)
{
	struct eo_frame_cursor slice = *cursor;

	if (size > eo_frame_left(cursor)) {
		eo_frame_fail(cursor);
		eo_frame_fail(&slice);
		return slice;
	}
	cursor->at += size;
	slice.end = cursor->at;
	return slice;
}

const char *eo_frame_string(struct eo_frame_cursor *cursor)
{
	const char *text = (const char *)cursor->at;
	size_t left = eo_frame_left(cursor);
	const void *end = left ? memchr(text, '\0', left) : NULL;

	if (!end) {
		eo_frame_fail(cursor);
		return "";
	}
	cursor->at = (const unsigned char *)end + 1;
	return text;
}

static bool is_format(unsigned int format)
{
	return format_bytes[format] || format == FORMAT_ULEB || format == FORMAT_SLEB;
}

bool eo_frame_encoding_usable(uint8_t encoding, const struct eo_frame_section *section)
{
	unsigned int format = encoding & FORMAT_MASK;

	if (encoding & PE_INDIRECT || !is_format(format)) /* EO_FRAME_PE_OMIT is both */
		return false;

	switch (encoding & BASE_MASK) {
	case BASE_NONE:
	case BASE_PC:
		return true;
	case BASE_TEXT:
		return section->text_vaddr != 0;
	case BASE_DATA:
		return section->data_vaddr != 0;
	case BASE_ALIGNED:
		return format == EO_FRAME_PE_ABSPTR;
	default:
		return false;
	}
}

uint64_t eo_frame_pointer(struct eo_frame_cursor *cursor, uint8_t encoding,
			  const struct eo_frame_section *section)
{
	unsigned int format = encoding & FORMAT_MASK, base = encoding & BASE_MASK;
	uint64_t own = section->vaddr + (uint64_t)(cursor->at - section->bytes), value;

	if (!is_format(format)) {
		eo_frame_fail(cursor);
		return 0;
	}
	if (base == BASE_ALIGNED)
		eo_frame_slice(cursor, -own % POINTER_BYTES);

	if (format == FORMAT_ULEB)
		value = eo_frame_uleb(cursor);
	else if (format == FORMAT_SLEB)
		value = (uint64_t)eo_frame_sleb(cursor);
	else if (format & 0x08)
		value = eo_frame_signed(cursor, format_bytes[format]);
	else
		value = eo_frame_unsigned(cursor, format_bytes[format]);
	if (value == 0)
		return 0;

	/* Sums wrap, as they do in the unwinders that these were written for. */
	switch (base) {
	case BASE_PC:
		return own + value;
	case BASE_TEXT:
		return section->text_vaddr + value;
	case BASE_DATA:
		return section->data_vaddr + value;
	default:
		return value;
	}
}
