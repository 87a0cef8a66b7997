/* SPDX-License-Identifier: BSD-2-Clause */
/* The protobuf wire format for the few messages that a large profile has by the million, for which
 * protobuf-c's walk over descriptors takes several times as long. All else is left to it. */
#ifndef EO_FORMAT_WRITE_WIRE_H
#define EO_FORMAT_WRITE_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "format/read_wire.h"

#define EO_WIRE_VARINT_MAX 10 /* bytes */

/* Bytes of seven bits each. */
static inline size_t eo_wire_varint_size(uint64_t number)
{
	return (70 - (size_t)__builtin_clzll(number | 1)) / 7;
}

/** Returns the place behind it. */
static inline uint8_t *eo_wire_put_varint(uint8_t *to, uint64_t number)
{
	for (; number >= 0x80; number >>= 7)
		*to++ = (uint8_t)(number | 0x80);
	*to++ = (uint8_t)number;
	return to;
}

/** What stands before the @size bytes of a string, a message or packed numbers. */
static inline size_t eo_wire_header_size(uint32_t field, size_t size)
{
	return eo_wire_varint_size((uint64_t)field << 3) + eo_wire_varint_size(size);
}

static inline uint8_t *eo_wire_put_header(uint8_t *to, uint32_t field, size_t size)
{
	return eo_wire_put_varint(eo_wire_put_varint(to, (uint64_t)field << 3 | EO_WIRE_BYTES),
				  size);
}

#endif
