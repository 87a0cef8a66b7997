/* SPDX-License-Identifier: BSD-2-Clause */
#include "otlp/otlp_profile_encoder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "format/write_wire.h"
#include "opentelemetry/proto/profiles/v1development/profiles.pb-c.h"
#include "otlp/json.h"

#define FIRST_BYTES 4096
#define FIRST_OPENED 8
#define PIECE_BYTES 65536 /* a file system may take twice as long over a write of megabytes */

void eo_otlp_encoder_init(struct eo_otlp_encoder *encoder, enum eo_otlp_encoder_kind kind, FILE *out)
{
	*encoder = (struct eo_otlp_encoder){ .kind = kind, .out = out };
}

void eo_otlp_encoder_fini(struct eo_otlp_encoder *encoder)
{
	free(encoder->opened);
	free(encoder->packed);
}

static void fail(struct eo_otlp_encoder *encoder, int status)
{
	if (!encoder->status)
		encoder->status = status;
}

/* Room for @size bytes, which are then taken; NULL, and the encoder has failed, without memory. */
static uint8_t *reserve(struct eo_otlp_encoder *encoder, size_t size)
{
	uint8_t *room;

	if (encoder->packed_size - encoder->packed_used < size) {
		/* Untouched pages of the larger room cost nothing. */
		size_t wanted = 2 * (encoder->packed_used + size) + FIRST_BYTES;
		uint8_t *larger = realloc(encoder->packed, wanted);

		if (!larger) {
			fail(encoder, -ENOMEM);
			return NULL;
		}
		encoder->packed = larger;
		encoder->packed_size = wanted;
	}
	room = encoder->packed + encoder->packed_used;
	encoder->packed_used += size;
	return room;
}

typedef Opentelemetry__Proto__Profiles__V1development__Stack Stack;

#define STACK_FIELD 1 /* location_indices */

/* Most of a large profile is stacks, each the packed numbers of one field, and protobuf-c walks
 * those three times, slowly. */
static const Stack *as_stack(const ProtobufCMessage *message)
{
	bool is_stack = message->descriptor ==
			&opentelemetry__proto__profiles__v1development__stack__descriptor;

	return is_stack && ((const Stack *)message)->n_location_indices ? (const Stack *)message :
									 NULL;
}

static void write_stack(struct eo_otlp_encoder *encoder, unsigned int field, const Stack *stack)
{
	size_t numbers = 0, size;
	uint8_t *to;

	for (size_t i = 0; i < stack->n_location_indices; i++)
		numbers += eo_wire_varint_size((uint64_t)stack->location_indices[i]);
	size = eo_wire_header_size(STACK_FIELD, numbers) + numbers;
	to = reserve(encoder, eo_wire_header_size(field, size) + size);
	if (!to)
		return;
	to = eo_wire_put_header(eo_wire_put_header(to, field, size), STACK_FIELD, numbers);
	for (size_t i = 0; i < stack->n_location_indices; i++)
		to = eo_wire_put_varint(to, (uint64_t)stack->location_indices[i]);
}

/* JSON: up to where the value of @field begins. Elements of a field come one behind the other. */
static void lead_in(struct eo_otlp_encoder *encoder, const ProtobufCFieldDescriptor *field)
{
	bool is_array = field->label == PROTOBUF_C_LABEL_REPEATED;
	FILE *out = encoder->out;

	if (is_array && encoder->open[encoder->depth - 1].array == field) {
		putc_unlocked(',', out);
		return;
	}
	if (encoder->open[encoder->depth - 1].array)
		putc_unlocked(']', out);
	if (encoder->open[encoder->depth - 1].comma)
		putc_unlocked(',', out);
	encoder->open[encoder->depth - 1].comma = true;
	encoder->open[encoder->depth - 1].array = is_array ? field : NULL;
	eo_otlp_json_key(field->name, out);
	if (is_array)
		putc_unlocked('[', out);
}

/* False, and the encoder has failed, without memory. */
static bool remember(struct eo_otlp_encoder *encoder, unsigned int field)
{
	if (!EO_ARRAY_RESERVE(encoder->opened, encoder->opened_count + 1, encoder->opened_capacity,
			      FIRST_OPENED)) {
		fail(encoder, -ENOMEM);
		return false;
	}
	encoder->opened[encoder->opened_count] =
		(struct eo_otlp_opened){ .field = field, .at = encoder->packed_used };
	encoder->open[encoder->depth].opened = encoder->opened_count++;
	return true;
}

/* A message begins now. */
static void push(struct eo_otlp_encoder *encoder, unsigned int field)
{
	if (encoder->depth == EO_OTLP_ENCODER_DEPTH) {
		fail(encoder, -E2BIG);
		return;
	}
	if (encoder->kind == EO_OTLP_PROTOBUF && !remember(encoder, field))
		return;
	encoder->open[encoder->depth].array = NULL;
	encoder->open[encoder->depth].comma = false;
	encoder->depth++;
}

void eo_otlp_encoder_begin(struct eo_otlp_encoder *encoder)
{
	if (encoder->status < 0)
		return;
	if (encoder->kind == EO_OTLP_JSON)
		putc_unlocked('{', encoder->out);
	push(encoder, 0);
}

static void put(struct eo_otlp_encoder *encoder, const uint8_t *from, size_t size)
{
	while (encoder->status == 0 && size) {
		size_t piece = size < PIECE_BYTES ? size : PIECE_BYTES;

		errno = 0;
		if (fwrite(from, 1, piece, encoder->out) != piece)
			fail(encoder, errno ? -errno : -EIO);
		from += piece;
		size -= piece;
	}
}

/* Put the headers where they belong, but that of the outermost message, which has none. */
static void put_packed(struct eo_otlp_encoder *encoder)
{
	size_t done = 0;

	for (size_t i = 1; i < encoder->opened_count; i++) {
		const struct eo_otlp_opened *message = &encoder->opened[i];
		uint8_t header[2 * EO_WIRE_VARINT_MAX];

		if (message->at > done)
			put(encoder, encoder->packed + done, message->at - done);
		put(encoder, header,
		    (size_t)(eo_wire_put_header(header, message->field, message->size) - header));
		done = message->at;
	}
	if (encoder->packed_used > done)
		put(encoder, encoder->packed + done, encoder->packed_used - done);
}

int eo_otlp_encoder_end(struct eo_otlp_encoder *encoder)
{
	if (encoder->status < 0)
		return encoder->status;
	if (encoder->kind == EO_OTLP_JSON)
		fputs_unlocked(encoder->open[0].array ? "]}\n" : "}\n", encoder->out);
	else
		put_packed(encoder);
	encoder->depth = 0;
	return encoder->status;
}

void eo_otlp_encoder_open(struct eo_otlp_encoder *encoder, const ProtobufCFieldDescriptor *field)
{
	if (encoder->status < 0)
		return;
	if (encoder->kind == EO_OTLP_JSON) {
		lead_in(encoder, field);
		putc_unlocked('{', encoder->out);
	}
	push(encoder, field->id);
}

/* Its length is known now, and its header belongs to the message around it. */
static void close_packed(struct eo_otlp_encoder *encoder)
{
	struct eo_otlp_opened *message = &encoder->opened[encoder->open[encoder->depth].opened];
	size_t inner_headers = message->size;

	message->size += encoder->packed_used - message->at;
	encoder->opened[encoder->open[encoder->depth - 1].opened].size +=
		inner_headers + eo_wire_header_size(message->field, message->size);
}

void eo_otlp_encoder_close(struct eo_otlp_encoder *encoder)
{
	if (encoder->status < 0)
		return;
	encoder->depth--;
	if (encoder->kind == EO_OTLP_JSON)
		fputs_unlocked(encoder->open[encoder->depth].array ? "]}" : "}", encoder->out);
	else
		close_packed(encoder);
}

void eo_otlp_encoder_fields(struct eo_otlp_encoder *encoder, const ProtobufCMessage *part)
{
	uint8_t *to;

	if (encoder->status < 0)
		return;
	if (encoder->kind == EO_OTLP_JSON) {
		if (encoder->open[encoder->depth - 1].array)
			putc_unlocked(']', encoder->out);
		encoder->open[encoder->depth - 1].array = NULL;
		eo_otlp_json_fields(part, &encoder->open[encoder->depth - 1].comma, encoder->out);
		return;
	}
	to = reserve(encoder, protobuf_c_message_get_packed_size(part));
	if (to)
		protobuf_c_message_pack(part, to);
}

void eo_otlp_encoder_message(struct eo_otlp_encoder *encoder,
			     const ProtobufCFieldDescriptor *field, const ProtobufCMessage *message)
{
	const Stack *stack = as_stack(message);
	size_t size;
	uint8_t *to;

	if (encoder->status < 0)
		return;
	if (encoder->kind == EO_OTLP_JSON) {
		lead_in(encoder, field);
		eo_otlp_json_message(message, encoder->out);
		return;
	}
	if (stack) {
		write_stack(encoder, field->id, stack);
		return;
	}
	size = protobuf_c_message_get_packed_size(message);
	to = reserve(encoder, eo_wire_header_size(field->id, size) + size);
	if (to)
		protobuf_c_message_pack(message, eo_wire_put_header(to, field->id, size));
}

void eo_otlp_encoder_text(struct eo_otlp_encoder *encoder, const ProtobufCFieldDescriptor *field,
			  const char *text)
{
	size_t size = strlen(text);
	uint8_t *to;

	if (encoder->status < 0)
		return;
	if (encoder->kind == EO_OTLP_JSON) {
		lead_in(encoder, field);
		eo_otlp_json_string(text, encoder->out);
		return;
	}
	to = reserve(encoder, eo_wire_header_size(field->id, size) + size);
	if (to)
		memcpy(eo_wire_put_header(to, field->id, size), text, size);
}
