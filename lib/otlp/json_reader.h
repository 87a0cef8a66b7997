/* SPDX-License-Identifier: BSD-2-Clause */
/* OTLP/JSON as protobuf: an object becomes the bytes of the message that it describes, so that one
 * reader serves both. */
#ifndef EO_OTLP_JSON_READER_H
#define EO_OTLP_JSON_READER_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

#include "core/error.h"
#include "format/input.h"
#include "otlp/json_reader_bytes.h"

/* What is left of a text, and where in it that is. */
struct eo_json_text {
	const char *at, *end;
	const char *line_start;
	size_t line; /* counts from 1 */
};

/**
 * Append the object that comes next in @text as a message of @descriptor. Keys are in
 * lowerCamelCase, unknown ones are passed over; numbers may be strings.
 * @input: for errors
 * Returns 1, 0 when nothing but white space is left, or a negative errno with @err.
 */
int eo_otlp_json_read(struct eo_json_text *text, const ProtobufCMessageDescriptor *descriptor,
		      struct eo_json_message *to, const struct eo_input *input,
		      struct eo_error *err);

#endif
