/* SPDX-License-Identifier: BSD-2-Clause */
#include "otlp/otlp_profile_encoder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "otlp/json.h"

#define PACKED_BYTES 65536
#define LENGTH_DELIMITED 2

void eo_otlp_encoder_init(struct eo_otlp_encoder *encoder, enum eo_otlp_encoder_kind kind, FILE *out)
{
	*encoder = (struct eo_otlp_encoder){ .kind = kind, .out = out };
}

void eo_otlp_encoder_fini(struct eo_otlp_encoder *encoder)
{
	free(encoder->lengths);
	free(encoder->packed);
}

void eo_otlp_encoder_write_measured(struct eo_otlp_encoder *encoder, FILE *out)
{
	encoder->kind = EO_OTLP_WRITE_PROTOBUF;
	encoder->out = out;
}

static void fail(struct eo_otlp_encoder *encoder, int status)
{
	if (!encoder->status)
		encoder->status = status;
}

static size_t varint_size(uint64_t number)
{
	size_t size = 1;

	for (; number >= 0x80; number >>= 7)
		size++;
	return size;
}

static uint64_t tag(unsigned int field)
{
	return (uint64_t)field << 3 | LENGTH_DELIMITED;
}

/* Of a field with @size bytes in it. */
static size_t field_size(unsigned int field, size_t size)
{
	return varint_size(tag(field)) + varint_size(size) + size;
}

static void flush(struct eo_otlp_encoder *encoder)
{
	if (fwrite(encoder->packed, 1, encoder->packed_used, encoder->out) != encoder->packed_used)
		fail(encoder, errno ? -errno : -EIO);
	encoder->packed_used = 0;
}

/* Room for @size bytes, which are then taken; NULL, and the encoder has failed, without memory. */
static uint8_t *reserve(struct eo_otlp_encoder *encoder, size_t size)
{
	uint8_t *room;

	if (encoder->packed_size - encoder->packed_used < size) {
		if (encoder->packed_used)
			flush(encoder);
		if (encoder->packed_size < size) {
			size_t wanted = size > PACKED_BYTES ? size : PACKED_BYTES;
			uint8_t *larger = realloc(encoder->packed, wanted);

			if (!larger) {
				fail(encoder, -ENOMEM);
				return NULL;
			}
			encoder->packed = larger;
			encoder->packed_size = wanted;
		}
	}
	room = encoder->packed + encoder->packed_used;
	encoder->packed_used += size;
	return room;
}

static uint8_t *write_varint(uint8_t *to, uint64_t number)
{
	for (; number >= 0x80; number >>= 7)
		*to++ = (uint8_t)(number | 0x80);
	*to++ = (uint8_t)number;
	return to;
}

static void write_header(struct eo_otlp_encoder *encoder, unsigned int field, size_t size)
{
	size_t header = varint_size(tag(field)) + varint_size(size);
	uint8_t *to = reserve(encoder, header);

	if (to)
		write_varint(write_varint(to, tag(field)), size);
}

static void measure(struct eo_otlp_encoder *encoder, size_t size)
{
	encoder->lengths[encoder->open[encoder->depth - 1].length] += size;
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

/* Remember a message that begins now. */
static void push(struct eo_otlp_encoder *encoder, unsigned int field)
{
	if (encoder->depth == EO_OTLP_ENCODER_DEPTH) {
		fail(encoder, -E2BIG);
		return;
	}
	if (encoder->kind == EO_OTLP_MEASURE) {
		if (encoder->length_count == encoder->length_capacity) {
			size_t capacity = 2 * encoder->length_capacity + 8;
			size_t *larger = reallocarray(encoder->lengths, capacity, sizeof(*larger));

			if (!larger) {
				fail(encoder, -ENOMEM);
				return;
			}
			encoder->lengths = larger;
			encoder->length_capacity = capacity;
		}
		encoder->lengths[encoder->length_count] = 0;
	}
	encoder->open[encoder->depth].length = encoder->length_count++;
	encoder->open[encoder->depth].field = field;
	encoder->open[encoder->depth].array = NULL;
	encoder->open[encoder->depth].comma = false;
	encoder->depth++;
}

void eo_otlp_encoder_begin(struct eo_otlp_encoder *encoder)
{
	if (encoder->status < 0)
		return;
	if (encoder->kind == EO_OTLP_WRITE_JSON)
		putc_unlocked('{', encoder->out);
	encoder->next_length = 1; /* the outermost one's is not written */
	push(encoder, 0);
}

int eo_otlp_encoder_end(struct eo_otlp_encoder *encoder)
{
	if (encoder->status < 0)
		return encoder->status;
	if (encoder->kind == EO_OTLP_WRITE_JSON)
		fputs_unlocked(encoder->open[0].array ? "]}\n" : "}\n", encoder->out);
	if (encoder->kind == EO_OTLP_WRITE_PROTOBUF && encoder->packed_used)
		flush(encoder);
	encoder->depth = 0;
	return encoder->status;
}

void eo_otlp_encoder_open(struct eo_otlp_encoder *encoder, const ProtobufCFieldDescriptor *field)
{
	if (encoder->status < 0)
		return;
	if (encoder->kind == EO_OTLP_WRITE_PROTOBUF) {
		write_header(encoder, field->id, encoder->lengths[encoder->next_length++]);
	} else if (encoder->kind == EO_OTLP_WRITE_JSON) {
		lead_in(encoder, field);
		putc_unlocked('{', encoder->out);
	}
	push(encoder, field->id);
}

void eo_otlp_encoder_close(struct eo_otlp_encoder *encoder)
{
	size_t at = encoder->depth - 1;

	if (encoder->status < 0)
		return;
	encoder->depth--;
	if (encoder->kind == EO_OTLP_MEASURE)
		measure(encoder, field_size(encoder->open[at].field,
					    encoder->lengths[encoder->open[at].length]));
	else if (encoder->kind == EO_OTLP_WRITE_JSON)
		fputs_unlocked(encoder->open[at].array ? "]}" : "}", encoder->out);
}

void eo_otlp_encoder_fields(struct eo_otlp_encoder *encoder, const ProtobufCMessage *part)
{
	size_t size;
	uint8_t *to;

	if (encoder->status < 0)
		return;
	if (encoder->kind == EO_OTLP_WRITE_JSON) {
		if (encoder->open[encoder->depth - 1].array)
			putc_unlocked(']', encoder->out);
		encoder->open[encoder->depth - 1].array = NULL;
		eo_otlp_json_fields(part, &encoder->open[encoder->depth - 1].comma, encoder->out);
		return;
	}
	size = protobuf_c_message_get_packed_size(part);
	if (encoder->kind == EO_OTLP_MEASURE) {
		measure(encoder, size);
		return;
	}
	to = reserve(encoder, size);
	if (to)
		protobuf_c_message_pack(part, to);
}

void eo_otlp_encoder_message(struct eo_otlp_encoder *encoder,
			     const ProtobufCFieldDescriptor *field, const ProtobufCMessage *message)
{
	size_t size;
	uint8_t *to;

	if (encoder->status < 0)
		return;
	if (encoder->kind == EO_OTLP_WRITE_JSON) {
		lead_in(encoder, field);
		eo_otlp_json_message(message, encoder->out);
		return;
	}
	size = protobuf_c_message_get_packed_size(message);
	if (encoder->kind == EO_OTLP_MEASURE) {
		measure(encoder, field_size(field->id, size));
		return;
	}
	write_header(encoder, field->id, size);
	to = reserve(encoder, size);
	if (to)
		protobuf_c_message_pack(message, to);
}

void eo_otlp_encoder_text(struct eo_otlp_encoder *encoder, const ProtobufCFieldDescriptor *field,
			  const char *text)
{
	size_t size = strlen(text);
	uint8_t *to;

	if (encoder->status < 0)
		return;
	if (encoder->kind == EO_OTLP_WRITE_JSON) {
		lead_in(encoder, field);
		eo_otlp_json_string(text, encoder->out);
		return;
	}
	if (encoder->kind == EO_OTLP_MEASURE) {
		measure(encoder, field_size(field->id, size));
		return;
	}
	write_header(encoder, field->id, size);
	to = reserve(encoder, size);
	if (to)
		memcpy(to, text, size);
}
