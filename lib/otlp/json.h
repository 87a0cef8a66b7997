/* SPDX-License-Identifier: BSD-2-Clause */
/* protobuf-c messages as OTLP/JSON, by their descriptors: names in lowerCamelCase, integers of 64
 * bits as strings, enums as numbers, trace, span and profile ids in hex, other bytes in base64.
 * Fields with their default value are left out, chosen members of a oneof never are.
 *
 * Strings must be valid UTF-8 and not NULL. Errors stay in the stream. */
#ifndef EO_OTLP_JSON_H
#define EO_OTLP_JSON_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdio.h>

/** One object, without a newline. */
void eo_otlp_json_message(const ProtobufCMessage *message, FILE *out);

/**
 * The fields of @message without the braces, for an object that is written in parts.
 * @comma: whether a field stands before them; becomes true when one is written
 */
void eo_otlp_json_fields(const ProtobufCMessage *message, bool *comma, FILE *out);

/** "startTimeUnixNano": of "start_time_unix_nano", with its colon. */
void eo_otlp_json_key(const char *field_name, FILE *out);

/** In quotation marks. */
void eo_otlp_json_string(const char *text, FILE *out);

#endif
