/* SPDX-License-Identifier: BSD-2-Clause */
#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "otlp_check.h"

static size_t differ(FILE *report, const ProtobufCFieldDescriptor *field, const char *how)
{
	fprintf(report, "%s: %s\n", field->name, how);
	return 1;
}

/* "aLongName" of "a_long_name" */
static void camel_case(const char *name, char *to)
{
	for (; *name; name++)
		if (*name == '_')
			*to++ = (char)toupper((unsigned char)*++name);
		else
			*to++ = *name;
	*to = '\0';
}

static bool ends_with(const char *text, const char *end)
{
	return strlen(text) >= strlen(end) && !strcmp(text + strlen(text) - strlen(end), end);
}

static bool same_bytes(const ProtobufCFieldDescriptor *field, const ProtobufCBinaryData *bytes,
		       const char *text)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t len = strlen(text), at = 0;
	uint32_t bits = 0;

	if (ends_with(field->name, "_id")) {
		for (size_t i = 0; i < bytes->len; i++) {
			char hex[3];

			snprintf(hex, sizeof(hex), "%02x", bytes->data[i]);
			if (strncmp(text + 2 * i, hex, 2) != 0)
				return false;
		}
		return len == 2 * bytes->len;
	}
	if (len != (bytes->len + 2) / 3 * 4)
		return false;
	for (size_t i = 0; i < len && text[i] != '='; i++) {
		const char *digit = strchr(digits, text[i]);

		if (!digit)
			return false;
		bits = bits << 6 | (uint32_t)(digit - digits);
		if (i % 4) {
			unsigned int left = 6 - 2 * (unsigned int)(i % 4);

			if (at == bytes->len || bytes->data[at++] != (uint8_t)(bits >> left))
				return false;
		}
	}
	return at == bytes->len;
}

/* One value; @value is where the message has it. */
static size_t compare_value(const ProtobufCFieldDescriptor *field, const char *value,
			    const json_t *json, FILE *report)
{
	char expected[32];
	double number;

	switch (field->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_ENUM:
		return json_is_integer(json) && json_integer_value(json) == *(const int32_t *)value ?
			       0 : differ(report, field, "want a signed number of 32 bits");
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		return json_is_integer(json) && json_integer_value(json) == *(const uint32_t *)value ?
			       0 : differ(report, field, "want an unsigned number of 32 bits");
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		snprintf(expected, sizeof(expected), "%" PRId64, *(const int64_t *)value);
		break;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		snprintf(expected, sizeof(expected), "%" PRIu64, *(const uint64_t *)value);
		break;
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_DOUBLE:
		number = field->type == PROTOBUF_C_TYPE_DOUBLE ? *(const double *)value :
								 (double)*(const float *)value;
		if (number - number == 0) /* finite */
			return json_is_number(json) && json_number_value(json) == number ?
				       0 : differ(report, field, "want another number");
		strcpy(expected, number > 0 ? "Infinity" : number < 0 ? "-Infinity" : "NaN");
		break;
	case PROTOBUF_C_TYPE_BOOL:
		return json_is_boolean(json) &&
				       json_is_true(json) == (*(const protobuf_c_boolean *)value != 0) ?
			       0 : differ(report, field, "want another truth");
	case PROTOBUF_C_TYPE_STRING:
		return json_is_string(json) &&
				       !strcmp(json_string_value(json), *(const char *const *)value) ?
			       0 : differ(report, field, "want another text");
	case PROTOBUF_C_TYPE_BYTES:
		return json_is_string(json) &&
				       same_bytes(field, (const ProtobufCBinaryData *)value,
						  json_string_value(json)) ?
			       0 : differ(report, field, "want other bytes");
	case PROTOBUF_C_TYPE_MESSAGE:
		return otlp_check_json(*(const ProtobufCMessage *const *)value, json, report);
	}
	return json_is_string(json) && !strcmp(json_string_value(json), expected) ?
		       0 : differ(report, field, "want a string of another number");
}

static size_t value_size(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_BOOL:
	case PROTOBUF_C_TYPE_ENUM:
		return 4;
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	default:
		return 8;
	}
}

static bool is_default(const ProtobufCFieldDescriptor *field, const char *value)
{
	static const char zeros[8];

	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING:
		return !**(const char *const *)value;
	case PROTOBUF_C_TYPE_BYTES:
		return !((const ProtobufCBinaryData *)value)->len;
	default:
		return !memcmp(value, zeros, value_size(field->type));
	}
}

static size_t compare_array(const ProtobufCFieldDescriptor *field, const char *values, size_t count,
			    const json_t *json, FILE *report)
{
	size_t differences = 0;

	if (!count)
		return json ? differ(report, field, "an array without elements") : 0;
	if (json_array_size(json) != count)
		return differ(report, field, "want another number of elements");
	for (size_t i = 0; i < count; i++, values += value_size(field->type))
		differences += compare_value(field, values, json_array_get(json, i), report);
	return differences;
}

size_t otlp_check_json(const ProtobufCMessage *message, const json_t *json, FILE *report)
{
	size_t differences = 0, met = 0;

	for (unsigned int i = 0; i < message->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
		const char *value = (const char *)message + field->offset;
		const char *quantifier = (const char *)message + field->quantifier_offset;
		const json_t *member;
		char key[64];

		camel_case(field->name, key);
		member = json_object_get(json, key);
		met += member != NULL;
		if (field->label == PROTOBUF_C_LABEL_REPEATED) {
			differences += compare_array(field, *(const char *const *)value,
						     *(const size_t *)quantifier, member, report);
			continue;
		}
		if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF ?
			    *(const uint32_t *)quantifier != field->id : is_default(field, value))
			differences += member ? differ(report, field, "want nothing") : 0;
		else
			differences += compare_value(field, value, member, report);
	}
	if (!json_is_object(json) || met != json_object_size(json)) {
		fprintf(report, "%s: no object, or one with unknown keys\n",
			message->descriptor->name);
		differences++;
	}
	return differences;
}
