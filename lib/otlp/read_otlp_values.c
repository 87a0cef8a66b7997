/* SPDX-License-Identifier: BSD-2-Clause */
#include "otlp/read_otlp_values.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "otlp/read_otlp_dictionary.h"

/* Values in values; nobody nests attributes so deep. */
#define DEPTH_MAX 16u
#define HEX_MAX 64u /* bytes of a value of bytes that are shown */
#define KEY_MAX 120 /* bytes of a key that become part of a longer one */

enum { KEY_VALUE_KEY = 1, KEY_VALUE_VALUE, KEY_VALUE_KEY_STRINDEX };
enum {
	ANY_STRING = 1,
	ANY_BOOL,
	ANY_INT,
	ANY_DOUBLE,
	ANY_ARRAY,
	ANY_MAP,
	ANY_BYTES,
	ANY_STRINDEX,
};

/* OTLP's words for units are UCUM's. */
uint32_t eo_otlp_unit(struct eo_profile *profile, uint32_t unit)
{
	if (!strcmp(profile->strings[unit], "By"))
		return eo_profile_string(profile, "bytes");
	if (!strcmp(profile->strings[unit], "ns"))
		return eo_profile_string(profile, "nanoseconds");
	return unit;
}

uint32_t eo_otlp_hex(struct eo_profile *profile, struct eo_wire bytes)
{
	static const char digits[] = "0123456789abcdef";
	char text[2 * HEX_MAX];
	size_t size = (size_t)(bytes.end - bytes.at), len = 0;

	if (size > HEX_MAX)
		size = HEX_MAX;
	for (size_t i = 0; i < size; i++) {
		text[len++] = digits[bytes.at[i] >> 4];
		text[len++] = digits[bytes.at[i] & 15];
	}
	return eo_profile_string_n(profile, text, len);
}

/* With as many digits as it takes to read the same number back. */
static uint32_t double_text(struct eo_profile *profile, uint64_t bits)
{
	char text[32];
	double value;

	memcpy(&value, &bits, sizeof(value));
	for (int digits = 15; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	return eo_profile_string(profile, text);
}

struct visit {
	const struct eo_otlp_dictionary *d;
	eo_otlp_value_fn fn;
	void *ctx;
	unsigned int depth;
};

static int visit_any(struct visit *visit, struct eo_wire wire, uint32_t key, uint32_t unit);
static int visit_key_value(struct visit *visit, struct eo_wire wire, uint32_t parent);

/* An ArrayValue, or a KeyValueList when @is_map: both have their elements in field 1. */
static int visit_list(struct visit *visit, struct eo_wire wire, uint32_t key, uint32_t unit,
		      bool is_map)
{
	struct eo_wire_field field;
	int status;

	if (visit->depth == DEPTH_MAX)
		return eo_message_bad(visit->d->message, wire.at,
				      "an attribute with values in values, more than %u deep",
				      DEPTH_MAX);
	visit->depth++;
	while ((status = eo_message_next(visit->d->message, &wire, &field)) > 0) {
		if (field.number != 1)
			continue;
		if (field.type != EO_WIRE_BYTES)
			return eo_message_bad(visit->d->message, field.start,
					      "a list of values has the wrong type");
		status = is_map ? visit_key_value(visit, field.bytes, key)
				: visit_any(visit, field.bytes, key, unit);
		if (status < 0)
			return status;
	}
	visit->depth--;
	return status;
}

/* @field: a member of an AnyValue that is no list */
static int scalar(const struct eo_otlp_dictionary *d, const struct eo_wire_field *field,
		  struct eo_otlp_value *ret)
{
	struct eo_profile *profile = d->profile;

	switch (field->number) {
	case ANY_STRING:
		ret->str = eo_profile_string_n(profile, (const char *)field->bytes.at,
					       (size_t)(field->bytes.end - field->bytes.at));
		return 0;
	case ANY_BOOL:
		ret->num = field->value != 0;
		ret->str = eo_profile_string(profile, ret->num ? "true" : "false");
		return 0;
	case ANY_INT:
		ret->num = (int64_t)field->value;
		ret->is_number = true;
		return 0;
	case ANY_DOUBLE:
		ret->str = double_text(profile, field->value);
		return 0;
	case ANY_BYTES:
		ret->str = eo_otlp_hex(profile, field->bytes);
		return 0;
	default:
		return eo_otlp_find(d, &d->strings, field->start, field->value, "string",
				    &ret->str);
	}
}

static int visit_any(struct visit *visit, struct eo_wire wire, uint32_t key, uint32_t unit)
{
	static const enum eo_wire_type types[] = {
		[ANY_STRING] = EO_WIRE_BYTES, [ANY_BOOL] = EO_WIRE_VARINT,
		[ANY_INT] = EO_WIRE_VARINT,   [ANY_DOUBLE] = EO_WIRE_FIXED64,
		[ANY_ARRAY] = EO_WIRE_BYTES,  [ANY_MAP] = EO_WIRE_BYTES,
		[ANY_BYTES] = EO_WIRE_BYTES,  [ANY_STRINDEX] = EO_WIRE_VARINT,
	};
	const struct eo_message_reader *message = visit->d->message;
	struct eo_otlp_value value = {.key = key, .unit = unit};
	struct eo_wire_field field, last = {0};
	int status;

	while ((status = eo_message_next(message, &wire, &field)) > 0) {
		if (field.number > ANY_STRINDEX)
			continue;
		if (field.type != types[field.number])
			return eo_message_bad(message, field.start,
					      "the value of an attribute has the wrong type");
		last = field;
	}
	if (status < 0 || !last.number)
		return status; /* an empty value is legal and says nothing */
	if (last.number == ANY_ARRAY || last.number == ANY_MAP)
		return visit_list(visit, last.bytes, key, unit, last.number == ANY_MAP);
	status = scalar(visit->d, &last, &value);
	return status < 0 ? status : visit->fn(visit->ctx, &value);
}

/* "parent.key" */
static uint32_t joined(struct eo_profile *profile, uint32_t parent, uint32_t key)
{
	char text[2 * KEY_MAX + 2];

	if (!parent)
		return key;
	snprintf(text, sizeof(text), "%.*s.%.*s", KEY_MAX, profile->strings[parent], KEY_MAX,
		 profile->strings[key]);
	return eo_profile_string(profile, text);
}

static int visit_key_value(struct visit *visit, struct eo_wire wire, uint32_t parent)
{
	const struct eo_otlp_dictionary *d = visit->d;
	struct eo_wire value = {0};
	struct eo_wire_field field;
	uint32_t key = 0;
	int status;

	while ((status = eo_message_next(d->message, &wire, &field)) > 0) {
		if (field.number > KEY_VALUE_KEY_STRINDEX)
			continue;
		if (field.type !=
		    (field.number == KEY_VALUE_KEY_STRINDEX ? EO_WIRE_VARINT : EO_WIRE_BYTES))
			return eo_message_bad(d->message, field.start,
					      "field %" PRIu32 " of an attribute has the wrong "
					      "type",
					      field.number);
		if (field.number == KEY_VALUE_VALUE)
			value = field.bytes;
		else if (field.number == KEY_VALUE_KEY)
			key = eo_profile_string_n(d->profile, (const char *)field.bytes.at,
						  (size_t)(field.bytes.end - field.bytes.at));
		else if (field.value) /* 0: not used */
			status = eo_otlp_find(d, &d->strings, field.start, field.value, "string",
					      &key);
		if (status < 0)
			return status;
	}
	return status < 0 || !value.at
		       ? status
		       : visit_any(visit, value, joined(d->profile, parent, key), 0);
}

int eo_otlp_key_value(const struct eo_otlp_dictionary *d, struct eo_wire wire, eo_otlp_value_fn fn,
		      void *ctx)
{
	struct visit visit = {.d = d, .fn = fn, .ctx = ctx};

	return visit_key_value(&visit, wire, 0);
}

int eo_otlp_any_value(const struct eo_otlp_dictionary *d, struct eo_wire wire, uint32_t key,
		      uint32_t unit, eo_otlp_value_fn fn, void *ctx)
{
	struct visit visit = {.d = d, .fn = fn, .ctx = ctx};

	return visit_any(&visit, wire, key, unit);
}
