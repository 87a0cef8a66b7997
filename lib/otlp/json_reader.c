/* SPDX-License-Identifier: BSD-2-Clause */
/* Driven by the descriptors of the schemas, as the writer is. A message's length stands before it
 * and is known behind it, so five bytes are kept free for it: protobuf allows numbers that are
 * longer than they need be. */
#include "otlp/json_reader.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "format/read_wire.h"

#define LENGTH_BYTES 5u
/* The messages are seven deep; only values of attributes hold values. */
#define DEPTH_MAX 64u

struct writer {
	struct eo_json_message *to;
	const char *where;
	struct eo_error *err;
	unsigned int depth;
};

static int put_message(struct writer *w, const ProtobufCMessageDescriptor *descriptor,
		       const json_t *object);

static int bad(const struct writer *w, const char *key, const char *why)
{
	return eo_error_set(w->err, EO_ERROR_EVENT_PROCESSING_FAILED, 0, NULL, "%s: \"%s\" %s",
			    w->where, key, why);
}

static int reserve(struct writer *w, size_t extra)
{
	struct eo_json_message *to = w->to;
	size_t wanted = to->size + extra;
	unsigned char *larger;

	if (wanted > EO_WIRE_MAX)
		return eo_error_set(w->err, EO_ERROR_EVENT_PROCESSING_FAILED, 0, NULL,
				    "%s: more than 2 GiB", w->where);
	if (wanted <= to->room)
		return 0;
	if (wanted < to->room + to->room / 2)
		wanted = to->room + to->room / 2;
	if (wanted < 4096)
		wanted = 4096;
	larger = realloc(to->bytes, wanted);
	if (!larger)
		return eo_error_set(w->err, EO_ERROR_EVENT_PROCESSING_FAILED, ENOMEM, NULL, "%s",
				    w->where);
	to->bytes = larger;
	to->room = wanted;
	return 0;
}

static int put_bytes(struct writer *w, const void *bytes, size_t size)
{
	int r = reserve(w, size);

	if (r < 0 || !size)
		return r;
	memcpy(w->to->bytes + w->to->size, bytes, size);
	w->to->size += size;
	return 0;
}

static int put_varint(struct writer *w, uint64_t value)
{
	unsigned char bytes[10];
	size_t size = 0;

	do
		bytes[size++] = (unsigned char)(value & 0x7f) | (value > 0x7f ? 0x80 : 0);
	while (value >>= 7);
	return put_bytes(w, bytes, size);
}

static int put_fixed(struct writer *w, uint64_t value, size_t size)
{
	unsigned char bytes[8];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(value >> (8 * i));
	return put_bytes(w, bytes, size);
}

static int put_tag(struct writer *w, const ProtobufCFieldDescriptor *field, enum eo_wire_type type)
{
	return put_varint(w, (uint64_t)field->id << 3 | type);
}

/* Room for the length of what follows; @ret: where it is. */
static int begin_length(struct writer *w, size_t *ret)
{
	int r = reserve(w, LENGTH_BYTES);

	*ret = w->to->size;
	if (r == 0)
		w->to->size += LENGTH_BYTES;
	return r;
}

static void end_length(struct writer *w, size_t at)
{
	size_t length = w->to->size - at - LENGTH_BYTES;

	for (size_t i = 0; i < LENGTH_BYTES; i++)
		w->to->bytes[at + i] = (unsigned char)(length >> (7 * i) & 0x7f) |
				       (i + 1 < LENGTH_BYTES ? 0x80 : 0);
}

/* --- numbers ----------------------------------------------------------------------------------- */

struct range {
	int64_t min;
	uint64_t max;
};

static struct range range_of(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_ENUM:
		return (struct range){ INT32_MIN, INT32_MAX };
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		return (struct range){ 0, UINT32_MAX };
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return (struct range){ 0, UINT64_MAX };
	default:
		return (struct range){ INT64_MIN, INT64_MAX };
	}
}

/* "-12": digits and nothing else. */
static bool parse_integer(const char *text, bool *negative, uint64_t *ret)
{
	*ret = 0;
	*negative = *text == '-';
	text += *negative;
	if (!*text)
		return false;
	for (; *text; text++)
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(*ret, 10, ret) ||
		    __builtin_add_overflow(*ret, (uint64_t)(*text - '0'), ret))
			return false;
	return true;
}

/* Two's complement in 64 bits. False when it is no whole number of @type. */
static bool integer(const json_t *value, ProtobufCType type, uint64_t *ret)
{
	struct range range = range_of(type);
	bool negative;

	if (json_is_string(value)) {
		if (!parse_integer(json_string_value(value), &negative, ret))
			return false;
	} else if (json_is_integer(value)) {
		json_int_t number = json_integer_value(value);

		negative = number < 0;
		*ret = negative ? -(uint64_t)number : (uint64_t)number;
	} else if (json_is_real(value)) {
		double number = json_real_value(value);

		/* 1e3 is a whole number; from 2^53 on nobody knows which was meant. */
		if (number != floor(number) || fabs(number) > 0x1p53)
			return false;
		negative = number < 0;
		*ret = (uint64_t)fabs(number);
	} else {
		return false;
	}
	if (!negative)
		return *ret <= range.max;
	if (*ret > -(uint64_t)range.min)
		return false;
	*ret = -*ret;
	return true;
}

static bool real(const json_t *value, double *ret)
{
	const char *text = json_string_value(value);
	char *end;

	if (json_is_number(value)) {
		*ret = json_number_value(value);
		return true;
	}
	if (!text || !*text)
		return false;
	*ret = strtod(text, &end); /* takes NaN and Infinity too */
	return !*end;
}

/* --- bytes ------------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int put_hex(struct writer *w, const char *key, const char *text)
{
	for (; *text; text += 2) {
		int high = hex_digit(text[0]), low = high < 0 ? -1 : hex_digit(text[1]);
		unsigned char byte;
		int r;

		if (low < 0)
			return bad(w, key, "is not in hex");
		byte = (unsigned char)(high << 4 | low);
		r = put_bytes(w, &byte, 1);
		if (r < 0)
			return r;
	}
	return 0;
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

static int put_base64(struct writer *w, const char *key, const char *text)
{
	size_t len = strlen(text);
	unsigned int bits = 0, count = 0;

	while (len && text[len - 1] == '=')
		len--;
	for (size_t i = 0; i < len; i++) {
		int digit = base64_digit(text[i]), r = 0;

		if (digit < 0)
			return bad(w, key, "is not in base64");
		bits = bits << 6 | (unsigned int)digit;
		count += 6;
		if (count >= 8) {
			unsigned char byte;

			count -= 8;
			byte = (unsigned char)(bits >> count);
			bits &= (1u << count) - 1;
			r = put_bytes(w, &byte, 1);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

static bool is_id(const char *field_name)
{
	static const char *const names[] = { "trace_id", "span_id", "parent_span_id",
					     "profile_id" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(field_name, names[i]))
			return true;
	return false;
}

/* --- fields ------------------------------------------------------------------------------------ */

static enum eo_wire_type wire_type(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return EO_WIRE_FIXED64;
	case PROTOBUF_C_TYPE_FIXED32:
	case PROTOBUF_C_TYPE_SFIXED32:
	case PROTOBUF_C_TYPE_FLOAT:
		return EO_WIRE_FIXED32;
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_BYTES:
	case PROTOBUF_C_TYPE_MESSAGE:
		return EO_WIRE_BYTES;
	default:
		return EO_WIRE_VARINT;
	}
}

/* A number, without its tag. */
static int put_number(struct writer *w, const ProtobufCFieldDescriptor *field, const char *key,
		      const json_t *value)
{
	uint64_t number;
	double decimal;

	switch (field->type) {
	case PROTOBUF_C_TYPE_BOOL:
		if (!json_is_boolean(value))
			return bad(w, key, "is neither true nor false");
		number = json_is_true(value);
		break;
	case PROTOBUF_C_TYPE_DOUBLE:
		if (!real(value, &decimal))
			return bad(w, key, "is no number");
		memcpy(&number, &decimal, sizeof(number));
		break;
	default:
		if (!integer(value, field->type, &number))
			return bad(w, key, "is no whole number, or too large");
		if (field->type == PROTOBUF_C_TYPE_SINT32 || field->type == PROTOBUF_C_TYPE_SINT64)
			number = number << 1 ^ -(number >> 63); /* zigzag */
	}
	switch (wire_type(field->type)) {
	case EO_WIRE_FIXED64:
		return put_fixed(w, number, 8);
	case EO_WIRE_FIXED32:
		return put_fixed(w, number, 4);
	default:
		return put_varint(w, number);
	}
}

static int put_content(struct writer *w, const ProtobufCFieldDescriptor *field, const char *key,
		       const json_t *value)
{
	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		return json_is_object(value) ? put_message(w, field->descriptor, value) :
					       bad(w, key, "is no object");
	if (!json_is_string(value))
		return bad(w, key, "is no string");
	if (field->type == PROTOBUF_C_TYPE_STRING)
		return put_bytes(w, json_string_value(value), json_string_length(value));
	return (is_id(field->name) ? put_hex : put_base64)(w, key, json_string_value(value));
}

/* One element with its tag. */
static int put_element(struct writer *w, const ProtobufCFieldDescriptor *field, const char *key,
		       const json_t *value)
{
	enum eo_wire_type type = wire_type(field->type);
	size_t length;
	int r = put_tag(w, field, type);

	if (r < 0)
		return r;
	if (type != EO_WIRE_BYTES)
		return put_number(w, field, key, value);
	r = begin_length(w, &length);
	if (r == 0)
		r = put_content(w, field, key, value);
	if (r == 0)
		end_length(w, length);
	return r;
}

static int put_array(struct writer *w, const ProtobufCFieldDescriptor *field, const char *key,
		     const json_t *array)
{
	bool is_packed = wire_type(field->type) != EO_WIRE_BYTES;
	size_t i, length = 0;
	json_t *value;
	int r = 0;

	if (!json_is_array(array))
		return bad(w, key, "is no array");
	if (!json_array_size(array))
		return 0;
	if (is_packed) {
		r = put_tag(w, field, EO_WIRE_BYTES);
		if (r == 0)
			r = begin_length(w, &length);
	}
	json_array_foreach(array, i, value) {
		if (r < 0)
			return r;
		r = is_packed ? put_number(w, field, key, value) :
				put_element(w, field, key, value);
	}
	if (r == 0 && is_packed)
		end_length(w, length);
	return r;
}

/* Is @key @name in lowerCamelCase? */
static bool is_key(const char *name, const char *key)
{
	for (; *name; name++, key++) {
		char c = *name;

		if (c == '_' && name[1] >= 'a' && name[1] <= 'z')
			c = (char)(*++name - 'a' + 'A');
		if (*key != c)
			return false;
	}
	return !*key;
}

static const ProtobufCFieldDescriptor *find_field(const ProtobufCMessageDescriptor *descriptor,
						  const char *key)
{
	for (unsigned int i = 0; i < descriptor->n_fields; i++)
		if (is_key(descriptor->fields[i].name, key))
			return &descriptor->fields[i];
	return NULL;
}

static int put_message(struct writer *w, const ProtobufCMessageDescriptor *descriptor,
		       const json_t *object)
{
	const char *key;
	json_t *value;
	int r = 0;

	if (++w->depth > DEPTH_MAX)
		return eo_error_set(w->err, EO_ERROR_EVENT_PROCESSING_FAILED, 0, NULL,
				    "%s: objects in objects, more than %u deep", w->where,
				    DEPTH_MAX);
	json_object_foreach((json_t *)object, key, value) { /* which only reads it */
		const ProtobufCFieldDescriptor *field = find_field(descriptor, key);

		if (!field || json_is_null(value))
			continue;
		r = field->label == PROTOBUF_C_LABEL_REPEATED ? put_array(w, field, key, value) :
								put_element(w, field, key, value);
		if (r < 0)
			return r;
	}
	w->depth--;
	return 0;
}

int eo_otlp_json_read(const json_t *object, const ProtobufCMessageDescriptor *descriptor,
		      struct eo_json_message *to, const char *where, struct eo_error *err)
{
	struct writer w = { .to = to, .where = where, .err = err };

	return put_message(&w, descriptor, object);
}
