/* SPDX-License-Identifier: BSD-2-Clause */
#include "otlp/json.h"

#include <inttypes.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A profile has a key a few times per sample, so streams are locked by their owner, not per byte. */
static void put(char c, FILE *out)
{
	putc_unlocked(c, out);
}

void eo_otlp_json_key(const char *field_name, FILE *out)
{
	put('"', out);
	for (const char *p = field_name; *p; p++) {
		if (*p != '_')
			put(*p, out);
		else if (p[1] >= 'a' && p[1] <= 'z')
			put((char)(*++p - 'a' + 'A'), out);
	}
	fputs_unlocked("\":", out);
}

void eo_otlp_json_string(const char *text, FILE *out)
{
	/* Escapes of one letter, by the byte that they stand for. */
	static const char letters[0x20] = { ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n',
					    ['\r'] = 'r', ['\t'] = 't' };

	put('"', out);
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p == 0x7f) {
			fputs_unlocked("\\u007f", out);
		} else if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0) {
			/* U+0080 to U+009F, which some terminals obey */
			fprintf(out, "\\u%04x", *++p);
		} else if (*p >= 0x20) {
			if (*p == '"' || *p == '\\')
				put('\\', out);
			put((char)*p, out);
		} else if (letters[*p]) {
			put('\\', out);
			put(letters[*p], out);
		} else {
			fprintf(out, "\\u%04x", *p);
		}
	}
	put('"', out);
}

static void put_unsigned(uint64_t number, FILE *out)
{
	char digits[20];
	size_t at = sizeof(digits);

	do
		digits[--at] = (char)('0' + number % 10);
	while (number /= 10);
	fwrite_unlocked(digits + at, 1, sizeof(digits) - at, out);
}

static void put_signed(int64_t number, FILE *out)
{
	if (number < 0)
		put('-', out);
	put_unsigned(number < 0 ? -(uint64_t)number : (uint64_t)number, out);
}

/* With as many digits as it takes to read the same number back. */
static void put_double(double number, FILE *out)
{
	char text[32];

	if (isnan(number)) {
		fputs_unlocked("\"NaN\"", out);
		return;
	}
	if (isinf(number)) {
		fputs_unlocked(number < 0 ? "\"-Infinity\"" : "\"Infinity\"", out);
		return;
	}
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, number);
		if (strtod(text, NULL) == number)
			break;
	}
	fputs_unlocked(text, out);
}

static void put_hex(const ProtobufCBinaryData *bytes, FILE *out)
{
	static const char digits[] = "0123456789abcdef";

	put('"', out);
	for (size_t i = 0; i < bytes->len; i++) {
		put(digits[bytes->data[i] >> 4], out);
		put(digits[bytes->data[i] & 15], out);
	}
	put('"', out);
}

static void put_base64(const ProtobufCBinaryData *bytes, FILE *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	put('"', out);
	for (size_t i = 0; i < bytes->len; i += 3) {
		size_t left = bytes->len - i;
		uint32_t bits = (uint32_t)bytes->data[i] << 16;

		if (left > 1)
			bits |= (uint32_t)bytes->data[i + 1] << 8;
		if (left > 2)
			bits |= bytes->data[i + 2];
		put(digits[bits >> 18], out);
		put(digits[bits >> 12 & 63], out);
		put(left > 1 ? digits[bits >> 6 & 63] : '=', out);
		put(left > 2 ? digits[bits & 63] : '=', out);
	}
	put('"', out);
}

/* OTLP wants ids in hex. Of profile_id it says nothing, but that is what the Collector reads. */
static bool is_id(const char *field_name)
{
	static const char *const names[] = { "trace_id", "span_id", "parent_span_id",
					     "profile_id" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(field_name, names[i]))
			return true;
	return false;
}

/* @value: what the field, or its element, is stored as */
static void put_value(const ProtobufCFieldDescriptor *field, const void *value, FILE *out)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_ENUM:
		put_signed(*(const int32_t *)value, out);
		break;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		put_unsigned(*(const uint32_t *)value, out);
		break;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		put('"', out);
		put_signed(*(const int64_t *)value, out);
		put('"', out);
		break;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		put('"', out);
		put_unsigned(*(const uint64_t *)value, out);
		put('"', out);
		break;
	case PROTOBUF_C_TYPE_FLOAT:
		put_double((double)*(const float *)value, out);
		break;
	case PROTOBUF_C_TYPE_DOUBLE:
		put_double(*(const double *)value, out);
		break;
	case PROTOBUF_C_TYPE_BOOL:
		fputs_unlocked(*(const protobuf_c_boolean *)value ? "true" : "false", out);
		break;
	case PROTOBUF_C_TYPE_STRING:
		eo_otlp_json_string(*(char *const *)value, out);
		break;
	case PROTOBUF_C_TYPE_BYTES:
		(is_id(field->name) ? put_hex : put_base64)(value, out);
		break;
	case PROTOBUF_C_TYPE_MESSAGE:
		eo_otlp_json_message(*(const ProtobufCMessage *const *)value, out);
		break;
	}
}

static size_t size_of(const ProtobufCFieldDescriptor *field)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return 8;
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	default:
		return 4;
	}
}

/* Does the field, which is neither repeated nor in a oneof, differ from its default? */
static bool is_set(const ProtobufCFieldDescriptor *field, const void *value)
{
	static const char zeros[8];

	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING:
		return **(char *const *)value;
	case PROTOBUF_C_TYPE_MESSAGE:
		return *(const void *const *)value;
	case PROTOBUF_C_TYPE_BYTES:
		return ((const ProtobufCBinaryData *)value)->len;
	default:
		return memcmp(value, zeros, size_of(field)) != 0;
	}
}

static void put_array(const ProtobufCFieldDescriptor *field, const char *elements, size_t count,
		      FILE *out)
{
	put('[', out);
	for (size_t i = 0; i < count; i++) {
		if (i)
			put(',', out);
		put_value(field, elements + i * size_of(field), out);
	}
	put(']', out);
}

void eo_otlp_json_fields(const ProtobufCMessage *message, bool *comma, FILE *out)
{
	for (unsigned int i = 0; i < message->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
		const char *value = (const char *)message + field->offset;
		const char *quantifier = (const char *)message + field->quantifier_offset;
		bool is_array = field->label == PROTOBUF_C_LABEL_REPEATED;

		if (is_array ? !*(const size_t *)quantifier :
		    field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF ?
			       *(const uint32_t *)quantifier != field->id :
			       !is_set(field, value))
			continue;
		if (*comma)
			put(',', out);
		*comma = true;
		eo_otlp_json_key(field->name, out);
		if (is_array)
			put_array(field, *(const char *const *)value, *(const size_t *)quantifier,
				  out);
		else
			put_value(field, value, out);
	}
}

void eo_otlp_json_message(const ProtobufCMessage *message, FILE *out)
{
	bool comma = false;

	put('{', out);
	eo_otlp_json_fields(message, &comma, out);
	put('}', out);
}
