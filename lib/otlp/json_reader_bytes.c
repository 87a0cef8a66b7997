/* SPDX-License-Identifier: BSD-2-Clause */
#include "otlp/json_reader_bytes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "format/read_wire.h"

#define LENGTH_BYTES 5u

int eo_json_message_reserve(struct eo_json_message *message, size_t extra)
{
	size_t wanted = message->size + extra;
	unsigned char *larger;

	if (wanted > EO_WIRE_MAX)
		return -E2BIG;
	if (wanted <= message->room)
		return 0;
	if (wanted < message->room + message->room / 2)
		wanted = message->room + message->room / 2;
	if (wanted < 4096)
		wanted = 4096;
	larger = realloc(message->bytes, wanted);
	if (!larger)
		return -ENOMEM;
	message->bytes = larger;
	message->room = wanted;
	return 0;
}

int eo_json_message_bytes(struct eo_json_message *message, const void *bytes, size_t size)
{
	int r = eo_json_message_reserve(message, size);

	if (r < 0 || !size)
		return r;
	memcpy(message->bytes + message->size, bytes, size);
	message->size += size;
	return 0;
}

int eo_json_message_varint(struct eo_json_message *message, uint64_t value)
{
	unsigned char bytes[10];
	size_t size = 0;

	do
		bytes[size++] = (unsigned char)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));
	while (value >>= 7);
	return eo_json_message_bytes(message, bytes, size);
}

int eo_json_message_fixed(struct eo_json_message *message, uint64_t value, size_t size)
{
	unsigned char bytes[8];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(value >> (8 * i));
	return eo_json_message_bytes(message, bytes, size);
}

int eo_json_message_begin(struct eo_json_message *message, size_t *ret)
{
	int r = eo_json_message_reserve(message, LENGTH_BYTES);

	*ret = message->size;
	if (r == 0)
		message->size += LENGTH_BYTES;
	return r;
}

void eo_json_message_end(struct eo_json_message *message, size_t begin)
{
	size_t length = message->size - begin - LENGTH_BYTES;

	for (size_t i = 0; i < LENGTH_BYTES; i++)
		message->bytes[begin + i] = (unsigned char)((length >> (7 * i) & 0x7f) |
							    (i + 1 < LENGTH_BYTES ? 0x80 : 0));
}
