/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes one large message in parts, as JSON or as protobuf, so that its tree is never in memory.
 *
 * A message is opened as a field of the one around it, then come its fields: whole, element by
 * element, or opened in turn. Whoever writes both encodings brings the fields in the order of
 * their numbers.
 *
 * JSON goes out as it comes. protobuf puts the length of a message in front of it, so its bytes are
 * kept until the last message is closed. */
#ifndef EO_OTLP_OTLP_PROFILE_ENCODER_H
#define EO_OTLP_OTLP_PROFILE_ENCODER_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define EO_OTLP_ENCODER_DEPTH 8

enum eo_otlp_encoder_kind {
	EO_OTLP_PROTOBUF,
	EO_OTLP_JSON,
};

/* A message whose length is not known before it ends. */
struct eo_otlp_opened {
	unsigned int field;
	size_t at;   /* in the packed bytes, of its contents */
	size_t size; /* of its contents; while it is open, what is not among those bytes */
};

struct eo_otlp_encoder {
	int status; /* 0, or why the first part did not go out; then the others are ignored */

	/* private */
	enum eo_otlp_encoder_kind kind;
	FILE *out;
	/* protobuf: all bytes but the headers of opened messages, which are known at the end */
	uint8_t *packed;
	size_t packed_size, packed_used;
	struct eo_otlp_opened *opened; /* in the order in which they were opened */
	size_t opened_count, opened_capacity;
	struct {
		size_t opened;			       /* protobuf: index of it there */
		const ProtobufCFieldDescriptor *array; /* JSON: the one whose bracket is open */
		bool comma;
	} open[EO_OTLP_ENCODER_DEPTH];
	size_t depth;
};

void eo_otlp_encoder_init(struct eo_otlp_encoder *encoder, enum eo_otlp_encoder_kind kind,
			  FILE *out);
void eo_otlp_encoder_fini(struct eo_otlp_encoder *encoder);

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
