/* SPDX-License-Identifier: BSD-2-Clause */
/* Driven by the descriptors of the schemas, as the writer is.
 *
 * A tree of a whole file takes twelve times the file. So the braces, commas and colons of messages
 * that hold other messages are walked here, and jansson gets what is inside, piece by piece: keys,
 * and values of which none is large. */
#include "otlp/json_reader.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/json_load.h"
#include "format/read_profile.h"
#include "format/read_wire.h"

/* The messages are seven deep; only values of attributes hold values. */
#define DEPTH_MAX 64u
/* Of what jansson gets at once, lest a tree grow out of proportion. */
#define PIECE_MAX (32u << 20)

struct writer {
	struct eo_json_text *text;
	struct eo_json_message *to;
	const struct eo_input *input;
	struct eo_error *err;
	unsigned int depth;
};

static int put_message(struct writer *w, const ProtobufCMessageDescriptor *descriptor,
		       const json_t *object);

static int bad(const struct writer *w, const char *key, const char *why)
{
	return eo_read_failed(w->input, UINT64_MAX, w->err, "line %zu: \"%.40s\" %s", w->text->line,
			      key, why);
}

/* What a function of the message returned, with an error if it is one. */
static int put(const struct writer *w, int status)
{
	if (status == 0)
		return 0;
	if (status == -E2BIG)
		return eo_read_failed(w->input, UINT64_MAX, w->err, "more than 2 GiB");
	return eo_error_set(w->err, EO_ERROR_EVENT_PROCESSING_FAILED, -status, NULL, "read %.120s",
			    eo_input_name(w->input));
}

static int put_tag(const struct writer *w, const ProtobufCFieldDescriptor *field,
		   enum eo_wire_type type)
{
	return put(w, eo_json_message_varint(w->to, (uint64_t)field->id << 3 | type));
}

/* --- numbers --------------------------------------------------------------------------------- */

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
		return (struct range){INT32_MIN, INT32_MAX};
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		return (struct range){0, UINT32_MAX};
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return (struct range){0, UINT64_MAX};
	default:
		return (struct range){INT64_MIN, INT64_MAX};
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

/* --- bytes ----------------------------------------------------------------------------------- */

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
		r = put(w, eo_json_message_bytes(w->to, &byte, 1));
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
			r = put(w, eo_json_message_bytes(w->to, &byte, 1));
		}
		if (r < 0)
			return r;
	}
	return 0;
}

static bool is_id(const char *field_name)
{
	static const char *const names[] = {"trace_id", "span_id", "parent_span_id", "profile_id"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(field_name, names[i]))
			return true;
	return false;
}

/* --- fields ---------------------------------------------------------------------------------- */

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
		return put(w, eo_json_message_fixed(w->to, number, 8));
	case EO_WIRE_FIXED32:
		return put(w, eo_json_message_fixed(w->to, number, 4));
	default:
		return put(w, eo_json_message_varint(w->to, number));
	}
}

static int put_content(struct writer *w, const ProtobufCFieldDescriptor *field, const char *key,
		       const json_t *value)
{
	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		return json_is_object(value) ? put_message(w, field->descriptor, value)
					     : bad(w, key, "is no object");
	if (!json_is_string(value))
		return bad(w, key, "is no string");
	if (field->type == PROTOBUF_C_TYPE_STRING)
		return put(w, eo_json_message_bytes(w->to, json_string_value(value),
						    json_string_length(value)));
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
	r = put(w, eo_json_message_begin(w->to, &length));
	if (r == 0)
		r = put_content(w, field, key, value);
	if (r == 0)
		eo_json_message_end(w->to, length);
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
			r = put(w, eo_json_message_begin(w->to, &length));
	}
	json_array_foreach(array, i, value) {
		if (r < 0)
			return r;
		r = is_packed ? put_number(w, field, key, value)
			      : put_element(w, field, key, value);
	}
	if (r == 0 && is_packed)
		eo_json_message_end(w->to, length);
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
		return eo_read_failed(w->input, UINT64_MAX, w->err,
				      "line %zu: objects in objects, more than %u deep",
				      w->text->line, DEPTH_MAX);
	json_object_foreach((json_t *)object, key, value) { /* which only reads it */
		const ProtobufCFieldDescriptor *field = find_field(descriptor, key);

		if (!field || json_is_null(value))
			continue;
		r = field->label == PROTOBUF_C_LABEL_REPEATED ? put_array(w, field, key, value)
							      : put_element(w, field, key, value);
		if (r < 0)
			return r;
	}
	w->depth--;
	return 0;
}

/* --- text ------------------------------------------------------------------------------------ */

static void skip_space(struct eo_json_text *text)
{
	for (; text->at < text->end; text->at++) {
		if (*text->at == '\n') {
			text->line++;
			text->line_start = text->at + 1;
		} else if (*text->at != ' ' && *text->at != '\t' && *text->at != '\r') {
			break;
		}
	}
}

static int bad_text(const struct writer *w, size_t column, const char *why)
{
	return eo_read_failed(w->input, UINT64_MAX, w->err, "line %zu, column %zu: %s",
			      w->text->line, column, why);
}

/* Behind white space, @wanted. */
static int take(struct writer *w, char wanted)
{
	struct eo_json_text *text = w->text;
	char why[] = "'?' is missing";

	skip_space(text);
	if (text->at < text->end && *text->at == wanted) {
		text->at++;
		return 0;
	}
	why[1] = wanted;
	return bad_text(w, (size_t)(text->at - text->line_start) + 1, why);
}

/* Is this what comes next? Then it is taken. */
static bool comes(struct writer *w, char wanted)
{
	skip_space(w->text);
	if (w->text->at == w->text->end || *w->text->at != wanted)
		return false;
	w->text->at++;
	return true;
}

/* A value as a tree. */
static int take_value(struct writer *w, json_t **ret)
{
	struct eo_json_text *text = w->text;
	json_error_t error;
	const char *end;
	size_t size;

	skip_space(text);
	size = (size_t)(text->end - text->at);
	*ret = eo_json_load(text->at, size < PIECE_MAX ? size : PIECE_MAX,
			    JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES,
			    &error);
	if (!*ret) {
		size_t column = error.column > 0 ? (size_t)error.column : 1;

		if (error.line > 1)
			text->line += (size_t)error.line - 1;
		else
			column += (size_t)(text->at - text->line_start);
		return bad_text(w, column, error.text);
	}
	for (end = text->at + error.position; text->at < end; text->at++)
		if (*text->at == '\n') {
			text->line++;
			text->line_start = text->at + 1;
		}
	return 0;
}

/* Messages that hold any number of others. The rest is small and read as a tree. */
static bool is_large(const ProtobufCMessageDescriptor *descriptor)
{
	for (unsigned int i = 0; i < descriptor->n_fields; i++)
		if (descriptor->fields[i].label == PROTOBUF_C_LABEL_REPEATED &&
		    wire_type(descriptor->fields[i].type) == EO_WIRE_BYTES)
			return true;
	return false;
}

static int walk_object(struct writer *w, const ProtobufCMessageDescriptor *descriptor);

/* A value of a field that is no array. */
static int walk_element(struct writer *w, const ProtobufCFieldDescriptor *field, const char *key)
{
	const ProtobufCMessageDescriptor *descriptor =
		field->type == PROTOBUF_C_TYPE_MESSAGE ? field->descriptor : NULL;
	json_t *value;
	size_t length;
	int r;

	skip_space(w->text);
	if (descriptor && is_large(descriptor) && w->text->at < w->text->end &&
	    *w->text->at == '{') {
		r = put_tag(w, field, EO_WIRE_BYTES);
		if (r == 0)
			r = put(w, eo_json_message_begin(w->to, &length));
		if (r == 0)
			r = walk_object(w, descriptor);
		if (r == 0)
			eo_json_message_end(w->to, length);
		return r;
	}
	r = take_value(w, &value);
	if (r < 0)
		return r;
	if (field->label == PROTOBUF_C_LABEL_REPEATED || !json_is_null(value))
		r = put_element(w, field, key, value);
	json_decref(value);
	return r;
}

static int walk_array(struct writer *w, const ProtobufCFieldDescriptor *field, const char *key)
{
	int r = 0;

	if (comes(w, ']'))
		return 0;
	do
		r = walk_element(w, field, key);
	while (r == 0 && comes(w, ','));
	return r < 0 ? r : take(w, ']');
}

/* The value of @field, or of none. */
static int walk_value(struct writer *w, const ProtobufCFieldDescriptor *field, const char *key)
{
	bool is_array = field && field->label == PROTOBUF_C_LABEL_REPEATED;
	json_t *value;
	int r;

	if (is_array && wire_type(field->type) == EO_WIRE_BYTES && comes(w, '['))
		return walk_array(w, field, key);
	if (field && !is_array)
		return walk_element(w, field, key);
	r = take_value(w, &value);
	if (r < 0)
		return r;
	if (field && !json_is_null(value))
		r = put_array(w, field, key, value);
	json_decref(value);
	return r;
}

static int walk_member(struct writer *w, const ProtobufCMessageDescriptor *descriptor,
		       uint64_t *seen)
{
	const ProtobufCFieldDescriptor *field;
	json_t *key;
	int r = take_value(w, &key);

	if (r < 0)
		return r;
	field = json_is_string(key) ? find_field(descriptor, json_string_value(key)) : NULL;
	if (!json_is_string(key))
		r = bad_text(w, (size_t)(w->text->at - w->text->line_start), "a key is no string");
	else if (field && *seen & 1ull << (field - descriptor->fields))
		r = bad(w, json_string_value(key), "is there twice");
	else
		r = take(w, ':');
	if (r == 0 && field)
		*seen |= 1ull << (field - descriptor->fields);
	if (r == 0)
		r = walk_value(w, field, json_string_value(key));
	json_decref(key);
	return r;
}

static int walk_object(struct writer *w, const ProtobufCMessageDescriptor *descriptor)
{
	uint64_t seen = 0; /* no message has more than 64 fields */
	int r = take(w, '{');

	if (r < 0 || comes(w, '}'))
		return r;
	do
		r = walk_member(w, descriptor, &seen);
	while (r == 0 && comes(w, ','));
	return r < 0 ? r : take(w, '}');
}

int eo_otlp_json_read(struct eo_json_text *text, const ProtobufCMessageDescriptor *descriptor,
		      struct eo_json_message *to, const struct eo_input *input,
		      struct eo_error *err)
{
	struct writer w = {.text = text, .to = to, .input = input, .err = err};
	int r;

	skip_space(text);
	if (text->at == text->end)
		return 0;
	r = put(&w, eo_json_message_reserve(to, 1)); /* even an empty message is somewhere */
	if (r == 0)
		r = walk_object(&w, descriptor);
	return r < 0 ? r : 1;
}
