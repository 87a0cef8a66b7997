/* SPDX-License-Identifier: BSD-2-Clause */
/* The protobuf wire format, field by field, over bytes in memory. It allocates nothing, does not
 * recurse, and knows where it stands, so a reader of hostile files can say which byte is wrong. */
#ifndef EO_FORMAT_READ_WIRE_H
#define EO_FORMAT_READ_WIRE_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* No implementation of protobuf takes longer messages or fields. */
#define EO_WIRE_MAX 0x7fffffffu

enum eo_wire_type {
	EO_WIRE_VARINT = 0,
	EO_WIRE_FIXED64 = 1,
	EO_WIRE_BYTES = 2,
	EO_WIRE_FIXED32 = 5,
};

/* What is left of a message. */
struct eo_wire {
	const unsigned char *at, *end;
};

struct eo_wire_field {
	uint32_t number;
	enum eo_wire_type type;
	uint64_t value;	      /* unless type is EO_WIRE_BYTES */
	struct eo_wire bytes; /* if it is */
	const unsigned char *start; /* of its tag */
};

/** What eo_wire_next() and eo_wire_varint() mean by -EBADMSG … in words. Static text. */
const char *eo_wire_reason(int status);

/**
 * Returns 1; -ENODATA when the bytes end inside, -EOVERFLOW when it is longer than ten bytes or
 * 64 bits.
 */
static inline int eo_wire_varint(struct eo_wire *wire, uint64_t *ret)
{
	const unsigned char *at = wire->at;
	uint64_t value = 0;

	for (unsigned int shift = 0; shift < 64; shift += 7) {
		if (at == wire->end)
			return -ENODATA;
		value |= (uint64_t)(*at & 0x7f) << shift;
		if (*at++ < 0x80) {
			/* The tenth byte has room for one bit. */
			if (shift == 63 && at[-1] > 1)
				return -EOVERFLOW;
			wire->at = at;
			*ret = value;
			return 1;
		}
	}
	return -EOVERFLOW;
}

/** The next field. Returns 1, 0 at the end, or what eo_wire_reason() explains; @wire stays then. */
int eo_wire_next(struct eo_wire *wire, struct eo_wire_field *ret);

/** Walk the integers of a repeated field, of which packed ones are many and others one. */
struct eo_wire_integers {
	struct eo_wire packed;
	uint64_t single;
	bool has_single;
};

/** False when @field holds no integers. */
static inline bool eo_wire_integers(const struct eo_wire_field *field,
				    struct eo_wire_integers *ret)
{
	*ret = (struct eo_wire_integers){ 0 };
	if (field->type == EO_WIRE_BYTES)
		ret->packed = field->bytes;
	else if (field->type == EO_WIRE_VARINT)
		ret->has_single = true, ret->single = field->value;
	else
		return false;
	return true;
}

/** Returns 1, 0 behind the last, or what eo_wire_reason() explains. */
static inline int eo_wire_next_integer(struct eo_wire_integers *integers, uint64_t *ret)
{
	if (integers->has_single) {
		integers->has_single = false;
		*ret = integers->single;
		return 1;
	}
	return integers->packed.at == integers->packed.end ? 0 :
							     eo_wire_varint(&integers->packed, ret);
}

#endif
