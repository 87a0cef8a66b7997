/* SPDX-License-Identifier: BSD-2-Clause */
#include "format/read_wire.h"

#define NUMBER_MAX ((1u << 29) - 1)

const char *eo_wire_reason(int status)
{
	switch (status) {
	case -ENODATA:
		return "the data end inside a field";
	case -EOVERFLOW:
		return "a number of more than 64 bits";
	case -E2BIG:
		return "a field of 2 GiB or more";
	case -EPROTOTYPE:
		return "a field of a type that does not exist";
	default:
		return "a field number that cannot be";
	}
}

static int fixed(struct eo_wire *wire, size_t size, uint64_t *ret)
{
	if ((size_t)(wire->end - wire->at) < size)
		return -ENODATA;
	*ret = 0;
	for (size_t i = 0; i < size; i++)
		*ret |= (uint64_t)wire->at[i] << (8 * i);
	wire->at += size;
	return 1;
}

static int bytes(struct eo_wire *wire, struct eo_wire *ret)
{
	uint64_t size;
	int r = eo_wire_varint(wire, &size);

	if (r < 0)
		return r;
	if (size > EO_WIRE_MAX)
		return -E2BIG;
	if (size > (size_t)(wire->end - wire->at))
		return -ENODATA;
	*ret = (struct eo_wire){wire->at, wire->at + size};
	wire->at += size;
	return 1;
}

int eo_wire_next(struct eo_wire *wire, struct eo_wire_field *ret)
{
	struct eo_wire ahead = *wire;
	uint64_t tag;
	int r;

	if (wire->at == wire->end)
		return 0;
	ret->start = wire->at;
	r = eo_wire_varint(&ahead, &tag);
	if (r < 0)
		return r;
	if (tag >> 3 == 0 || tag >> 3 > NUMBER_MAX)
		return -EBADMSG;
	ret->number = (uint32_t)(tag >> 3);
	ret->type = tag & 7;
	switch (ret->type) {
	case EO_WIRE_VARINT:
		r = eo_wire_varint(&ahead, &ret->value);
		break;
	case EO_WIRE_FIXED64:
		r = fixed(&ahead, 8, &ret->value);
		break;
	case EO_WIRE_BYTES:
		r = bytes(&ahead, &ret->bytes);
		break;
	case EO_WIRE_FIXED32:
		r = fixed(&ahead, 4, &ret->value);
		break;
	default: /* groups, which proto3 has not */
		r = -EPROTOTYPE;
	}
	if (r > 0)
		*wire = ahead;
	return r;
}
