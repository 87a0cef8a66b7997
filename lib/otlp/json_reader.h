/* SPDX-License-Identifier: BSD-2-Clause */
/* OTLP/JSON as protobuf: an object becomes the bytes of the message that it describes, so that one
 * reader serves both. */
#ifndef EO_OTLP_JSON_READER_H
#define EO_OTLP_JSON_READER_H

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

#include "core/error.h"

/* Bytes that grow; zeroed memory is empty, free(bytes) ends it. */
struct eo_json_message {
	unsigned char *bytes;
	size_t size, room;
};

/**
 * Append @object as a message of @descriptor. Keys are in lowerCamelCase, unknown ones are passed
 * over; numbers may be strings.
 * @where: begins the error's text
 */
int eo_otlp_json_read(const json_t *object, const ProtobufCMessageDescriptor *descriptor,
		      struct eo_json_message *to, const char *where, struct eo_error *err);

#endif
