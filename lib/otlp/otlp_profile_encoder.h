/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes one large message in parts, as JSON or as protobuf, so that its tree is never in memory.
 *
 * A message is opened as a field of the one around it, then come its fields: whole, element by
 * element, or opened in turn. Whoever writes both encodings brings the fields in the order of
 * their numbers.
 *
 * protobuf puts the length of a message in front of it. So a message is written twice: once to an
 * encoder that measures, and then, the same again, to one that knows the lengths from it. */
#ifndef EO_OTLP_OTLP_PROFILE_ENCODER_H
#define EO_OTLP_OTLP_PROFILE_ENCODER_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define EO_OTLP_ENCODER_DEPTH 8

enum eo_otlp_encoder_kind {
	EO_OTLP_MEASURE,
	EO_OTLP_WRITE_PROTOBUF,
	EO_OTLP_WRITE_JSON,
};

struct eo_otlp_encoder {
	int status; /* 0, or why the first part did not go out; then the others are ignored */

	/* private */
	enum eo_otlp_encoder_kind kind;
	FILE *out;
	size_t *lengths; /* of opened messages, in the order in which they were opened */
	size_t length_count, length_capacity, next_length;
	uint8_t *packed;
	size_t packed_size, packed_used;
	struct {
		size_t length; /* measuring: index in lengths */
		unsigned int field;
		const ProtobufCFieldDescriptor *array; /* JSON: the one whose bracket is open */
		bool comma;
	} open[EO_OTLP_ENCODER_DEPTH];
	size_t depth;
};

/** @out: NULL when @kind measures */
void eo_otlp_encoder_init(struct eo_otlp_encoder *encoder, enum eo_otlp_encoder_kind kind,
			  FILE *out);
void eo_otlp_encoder_fini(struct eo_otlp_encoder *encoder);

/** After all was measured: from now on @encoder writes to @out what must be the same. */
void eo_otlp_encoder_write_measured(struct eo_otlp_encoder *encoder, FILE *out);

/** The outermost message has no field: it begins with begin() and ends with end(). */
void eo_otlp_encoder_begin(struct eo_otlp_encoder *encoder);
int eo_otlp_encoder_end(struct eo_otlp_encoder *encoder); /* returns the status */

void eo_otlp_encoder_open(struct eo_otlp_encoder *encoder, const ProtobufCFieldDescriptor *field);
void eo_otlp_encoder_close(struct eo_otlp_encoder *encoder);

/** All fields of @part become fields of the open message. */
void eo_otlp_encoder_fields(struct eo_otlp_encoder *encoder, const ProtobufCMessage *part);

/** One element, or the message, of @field. */
void eo_otlp_encoder_message(struct eo_otlp_encoder *encoder,
			     const ProtobufCFieldDescriptor *field,
			     const ProtobufCMessage *message);
void eo_otlp_encoder_text(struct eo_otlp_encoder *encoder, const ProtobufCFieldDescriptor *field,
			  const char *text);

#endif
