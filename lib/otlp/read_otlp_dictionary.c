/* SPDX-License-Identifier: BSD-2-Clause */
#include "otlp/read_otlp_dictionary.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "otlp/otlp_profile.h"

/* Values in values; nobody nests attributes so deep. */
#define DEPTH_MAX 16u

enum { /* fields of ProfilesDictionary */
       MAPPING_TABLE = 1,
       LOCATION_TABLE,
       FUNCTION_TABLE,
       LINK_TABLE,
       STRING_TABLE,
       ATTRIBUTE_TABLE,
       STACK_TABLE,
       TABLES,
};

enum { MAPPING_START = 1, MAPPING_LIMIT, MAPPING_OFFSET, MAPPING_FILENAME, MAPPING_ATTRIBUTES };
enum { LOCATION_MAPPING = 1, LOCATION_ADDRESS, LOCATION_LINES, LOCATION_ATTRIBUTES };
enum { LINE_FUNCTION = 1, LINE_LINE, LINE_COLUMN };
enum { FUNCTION_NAME = 1, FUNCTION_SYSTEM_NAME, FUNCTION_FILENAME, FUNCTION_START_LINE };
enum { LINK_TRACE_ID = 1, LINK_SPAN_ID };
enum { ATTRIBUTE_KEY = 1, ATTRIBUTE_VALUE, ATTRIBUTE_UNIT };
enum { KEY_VALUE_KEY = 1, KEY_VALUE_VALUE, KEY_VALUE_KEY_STRINDEX };
enum { STACK_LOCATIONS = 1 };
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

void eo_otlp_dictionary_fini(struct eo_otlp_dictionary *d)
{
	free(d->strings.items);
	free(d->mappings.items);
	free(d->functions.items);
	free(d->locations.items);
	free(d->stacks.items);
	free(d->attributes.items);
	free(d->links.items);
	free(d->frames.items);
	free(d->indices.items);
	free(d->lines.items);
}

int eo_otlp_find(const struct eo_otlp_dictionary *d, const struct eo_numbers *table,
		 const unsigned char *at, uint64_t index, const char *what, uint32_t *ret)
{
	*ret = 0;
	/* Where there is no table there are no names, and 0 says that there is none. */
	if (!index && !table->count)
		return 0;
	if (index >= table->count)
		return eo_message_bad(d->message, at, "%s %" PRId64 " of a table of %zu", what,
				      (int64_t)index, table->count);
	*ret = table->items[index];
	return 0;
}

static int find_string(const struct eo_otlp_dictionary *d, const unsigned char *at, uint64_t index,
		       uint32_t *ret)
{
	return eo_otlp_find(d, &d->strings, at, index, "string", ret);
}

/* --- values --------------------------------------------------------------------------------- */

/* OTLP's words for units are UCUM's. */
static uint32_t pprof_unit(struct eo_profile *profile, uint32_t unit)
{
	if (!strcmp(profile->strings[unit], "By"))
		return eo_profile_string(profile, "bytes");
	if (!strcmp(profile->strings[unit], "ns"))
		return eo_profile_string(profile, "nanoseconds");
	return unit;
}

int eo_otlp_value_type(const struct eo_otlp_dictionary *d, struct eo_wire wire,
		       struct eo_value_type *ret)
{
	uint64_t numbers[3];
	int status = eo_message_numbers(d->message, wire, "value type", "vv", numbers);

	if (status == 0)
		status = find_string(d, wire.at, numbers[1], &ret->type);
	if (status == 0)
		status = find_string(d, wire.at, numbers[2], &ret->unit);
	if (status == 0)
		ret->unit = pprof_unit(d->profile, ret->unit);
	return status;
}

static uint32_t hex_text(struct eo_profile *profile, struct eo_wire bytes, size_t max)
{
	static const char digits[] = "0123456789abcdef";
	char text[129];
	size_t size = (size_t)(bytes.end - bytes.at), len = 0;

	if (size > max)
		size = max;
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
		ret->str = hex_text(profile, field->bytes, 64);
		return 0;
	default:
		return find_string(d, field->start, field->value, &ret->str);
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
	char text[256];

	if (!parent)
		return key;
	snprintf(text, sizeof(text), "%s.%s", profile->strings[parent], profile->strings[key]);
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
			status = find_string(d, field.start, field.value, &key);
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

int eo_otlp_attribute(const struct eo_otlp_dictionary *d, const unsigned char *at, uint64_t index,
		      eo_otlp_value_fn fn, void *ctx)
{
	struct visit visit = {.d = d, .fn = fn, .ctx = ctx};
	struct eo_wire wire, value = {0};
	uint32_t key, unit;
	struct eo_wire_field field;
	uint64_t numbers[4];
	int status;

	if (!index)
		return 0;
	if (index >= d->attributes.count)
		return eo_message_bad(d->message, at, "attribute %" PRId64 " of a table of %zu",
				      (int64_t)index, d->attributes.count);
	wire = d->attributes.items[index];
	status = eo_message_numbers(d->message, wire, "attribute", "v-v", numbers);
	if (status == 0)
		status = find_string(d, wire.at, numbers[ATTRIBUTE_KEY], &key);
	if (status == 0)
		status = find_string(d, wire.at, numbers[ATTRIBUTE_UNIT], &unit);
	while (status >= 0 && (status = eo_message_next(d->message, &wire, &field)) > 0) {
		if (field.number != ATTRIBUTE_VALUE)
			continue;
		if (field.type != EO_WIRE_BYTES)
			return eo_message_bad(d->message, field.start,
					      "the value of an attribute has the wrong type");
		value = field.bytes;
	}
	if (status < 0 || !value.at)
		return status;
	return visit_any(&visit, value, key, pprof_unit(d->profile, unit));
}

int eo_otlp_attributes(const struct eo_otlp_dictionary *d, const struct eo_wire_field *field,
		       struct eo_values *indices, eo_otlp_value_fn fn, void *ctx)
{
	int status;

	indices->count = 0;
	status = eo_message_integers(d->message, field, "attribute indices", indices);
	for (size_t i = 0; status == 0 && i < indices->count; i++)
		status = eo_otlp_attribute(d, field->start, (uint64_t)indices->items[i], fn, ctx);
	return status;
}

/* --- tables --------------------------------------------------------------------------------- */

static int add_number(const struct eo_otlp_dictionary *d, struct eo_numbers *table, uint32_t number)
{
	return eo_numbers_add(table, number) ? 0 : eo_message_no_memory(d->message);
}

static int read_string(struct eo_otlp_dictionary *d, struct eo_wire wire)
{
	size_t size = (size_t)(wire.end - wire.at);

	if (!d->strings.count && size)
		return eo_message_bad(d->message, wire.at, "the first string is not empty");
	return add_number(d, &d->strings,
			  eo_profile_string_n(d->profile, (const char *)wire.at, size));
}

static int read_attribute(struct eo_otlp_dictionary *d, struct eo_wire wire)
{
	return eo_wires_add(&d->attributes, wire) ? 0 : eo_message_no_memory(d->message);
}

static int read_function(struct eo_otlp_dictionary *d, struct eo_wire wire)
{
	struct eo_function function = {0};
	uint64_t numbers[5];
	int status = eo_message_numbers(d->message, wire, "function", "vvvv", numbers);

	if (status == 0)
		status = find_string(d, wire.at, numbers[FUNCTION_NAME], &function.name);
	if (status == 0)
		status = find_string(d, wire.at, numbers[FUNCTION_SYSTEM_NAME],
				     &function.system_name);
	if (status == 0)
		status = find_string(d, wire.at, numbers[FUNCTION_FILENAME], &function.filename);
	if (status < 0)
		return status;
	function.start_line = (int64_t)numbers[FUNCTION_START_LINE];
	return add_number(d, &d->functions, eo_profile_function(d->profile, &function));
}

struct mapping_attributes {
	const struct eo_profile *profile;
	struct eo_mapping *mapping;
	size_t build_id_rank; /* of the one that was taken, 0 none */
};

static int take_mapping_attribute(void *ctx, const struct eo_otlp_value *value)
{
	/* The linker's is what pprof means; the others are better than none. */
	static const char *const build_ids[] = {"process.executable.build_id.htlhash",
						"process.executable.build_id.go",
						EO_OTLP_BUILD_ID_GNU};
	struct mapping_attributes *a = ctx;
	const char *key = a->profile->strings[value->key];
	const struct {
		const char *key;
		bool *flag;
	} flags[] = {
		{EO_OTLP_HAS_FUNCTIONS, &a->mapping->has_functions},
		{EO_OTLP_HAS_FILENAMES, &a->mapping->has_filenames},
		{EO_OTLP_HAS_LINE_NUMBERS, &a->mapping->has_line_numbers},
		{EO_OTLP_HAS_INLINE_FRAMES, &a->mapping->has_inline_frames},
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(build_ids); i++)
		if (value->str && i + 1 > a->build_id_rank && !strcmp(key, build_ids[i])) {
			a->mapping->build_id = value->str;
			a->build_id_rank = i + 1;
		}
	for (size_t i = 0; i < EO_ARRAY_SIZE(flags); i++)
		if (!strcmp(key, flags[i].key))
			*flags[i].flag = value->num != 0;
	return 0;
}

static int read_mapping(struct eo_otlp_dictionary *d, struct eo_wire wire)
{
	struct eo_mapping mapping = {0};
	struct mapping_attributes attributes = {.profile = d->profile, .mapping = &mapping};
	struct eo_wire_field field;
	uint64_t numbers[6];
	int status = eo_message_numbers(d->message, wire, "mapping", "vvvv-", numbers);

	if (status == 0)
		status = find_string(d, wire.at, numbers[MAPPING_FILENAME], &mapping.filename);
	while (status >= 0 && (status = eo_message_next(d->message, &wire, &field)) > 0)
		if (field.number == MAPPING_ATTRIBUTES)
			status = eo_otlp_attributes(d, &field, &d->indices, take_mapping_attribute,
						    &attributes);
	if (status < 0)
		return status;
	mapping.start = numbers[MAPPING_START];
	mapping.limit = numbers[MAPPING_LIMIT];
	mapping.offset = numbers[MAPPING_OFFSET];
	return add_number(d, &d->mappings, eo_profile_mapping(d->profile, &mapping));
}

static int read_line(struct eo_otlp_dictionary *d, struct eo_wire wire)
{
	struct eo_line line = {0};
	uint64_t numbers[4];
	int status = eo_message_numbers(d->message, wire, "line", "vvv", numbers);

	if (status == 0)
		status = eo_otlp_find(d, &d->functions, wire.at, numbers[LINE_FUNCTION], "function",
				      &line.function);
	if (status < 0)
		return status;
	/* A function without any name is none to the model, nor is its line. */
	if (!line.function)
		return 0;
	line.line = (int64_t)numbers[LINE_LINE];
	line.column = (int64_t)numbers[LINE_COLUMN];
	return eo_lines_add(&d->lines, line) ? 0 : eo_message_no_memory(d->message);
}

struct location_attributes {
	const struct eo_profile *profile;
	struct eo_location *location;
	bool has_kind;
};

static enum eo_frame_kind kind_of(const char *word)
{
	for (const struct eo_otlp_frame_type *type = eo_otlp_frame_types; type->word; type++)
		if (!strcmp(type->word, word))
			return type->kind;
	return EO_FRAME_JIT;
}

static int take_location_attribute(void *ctx, const struct eo_otlp_value *value)
{
	struct location_attributes *a = ctx;
	const char *key = a->profile->strings[value->key];

	if (!strcmp(key, EO_OTLP_IS_FOLDED))
		a->location->is_folded = value->num != 0;
	if (!strcmp(key, EO_OTLP_FRAME_TYPE) && value->str) {
		a->location->kind = kind_of(a->profile->strings[value->str]);
		a->has_kind = true;
	}
	return 0;
}

/* Of frames of which nobody said it. Ours say so unless they do not know, so only what is certain
 * is taken from the name of the file. */
static enum eo_frame_kind kind_in_file(const struct eo_otlp_dictionary *d, uint32_t mapping)
{
	enum eo_frame_kind kind =
		eo_read_frame_kind(d->profile->strings[d->profile->mappings[mapping].filename]);

	return kind == EO_FRAME_NATIVE ? EO_FRAME_UNKNOWN : kind;
}

static int read_location(struct eo_otlp_dictionary *d, struct eo_wire wire)
{
	struct eo_location location = {0};
	struct location_attributes attributes = {.profile = d->profile, .location = &location};
	struct eo_wire_field field;
	uint64_t numbers[5];
	int status = eo_message_numbers(d->message, wire, "location", "vv--", numbers);

	d->lines.count = 0;
	if (status == 0)
		status = eo_otlp_find(d, &d->mappings, wire.at, numbers[LOCATION_MAPPING],
				      "mapping", &location.mapping);
	while (status >= 0 && (status = eo_message_next(d->message, &wire, &field)) > 0) {
		if (field.number == LOCATION_LINES)
			status = field.type == EO_WIRE_BYTES
					 ? read_line(d, field.bytes)
					 : eo_message_bad(d->message, field.start,
							  "a line has the wrong type");
		else if (field.number == LOCATION_ATTRIBUTES)
			status = eo_otlp_attributes(d, &field, &d->indices, take_location_attribute,
						    &attributes);
	}
	if (status < 0)
		return status;
	location.address = numbers[LOCATION_ADDRESS];
	if (!attributes.has_kind)
		location.kind = kind_in_file(d, location.mapping);
	return add_number(d, &d->locations,
			  eo_profile_location(d->profile, &location, d->lines.items,
					      d->lines.count));
}

static int read_stack(struct eo_otlp_dictionary *d, struct eo_wire wire)
{
	struct eo_wire_field field;
	int status = 0;

	d->frames.count = 0;
	while (status >= 0 && (status = eo_message_next(d->message, &wire, &field)) > 0) {
		if (field.number != STACK_LOCATIONS)
			continue;
		d->indices.count = 0;
		status = eo_message_integers(d->message, &field, "location indices", &d->indices);
		for (size_t i = 0; status == 0 && i < d->indices.count; i++) {
			uint64_t index = (uint64_t)d->indices.items[i];

			if (index >= d->locations.count)
				status = eo_message_bad(d->message, field.start,
							"location %" PRId64 " of a table of %zu",
							(int64_t)index, d->locations.count);
			else
				status = add_number(d, &d->frames, d->locations.items[index]);
		}
	}
	if (status < 0)
		return status;
	return add_number(d, &d->stacks,
			  eo_profile_stack(d->profile, d->frames.items, d->frames.count));
}

static int read_link(struct eo_otlp_dictionary *d, struct eo_wire wire)
{
	struct eo_value_type link = {0};
	struct eo_wire_field field;
	int status;

	while ((status = eo_message_next(d->message, &wire, &field)) > 0) {
		size_t wanted = field.number == LINK_TRACE_ID ? 16 : 8, size;

		if (field.number > LINK_SPAN_ID)
			continue;
		if (field.type != EO_WIRE_BYTES)
			return eo_message_bad(d->message, field.start, "an id has the wrong type");
		size = (size_t)(field.bytes.end - field.bytes.at);
		if (size && size != wanted)
			return eo_message_bad(d->message, field.start,
					      "link %zu has an id of %zu bytes instead of %zu",
					      d->links.count, size, wanted);
		*(field.number == LINK_TRACE_ID ? &link.type : &link.unit) =
			hex_text(d->profile, field.bytes, wanted);
	}
	if (status < 0)
		return status;
	return eo_links_add(&d->links, link) ? 0 : eo_message_no_memory(d->message);
}

static int each(struct eo_otlp_dictionary *d, struct eo_wire wire, uint32_t number,
		int (*read)(struct eo_otlp_dictionary *, struct eo_wire))
{
	struct eo_wire_field field;
	int status = 0;

	while (status >= 0 && (status = eo_message_next(d->message, &wire, &field)) > 0) {
		if (field.number != number)
			continue;
		status = field.type == EO_WIRE_BYTES
				 ? read(d, field.bytes)
				 : eo_message_bad(d->message, field.start,
						  "a table of the dictionary has the wrong type");
	}
	return status < 0 ? status : eo_read_status(d->message->input, d->profile, d->message->err);
}

/* The elements 0 stand for "none", whatever they hold. */
static void forget_first(struct eo_numbers *table)
{
	if (table->count)
		table->items[0] = 0;
}

int eo_otlp_dictionary_read_strings(struct eo_otlp_dictionary *d, struct eo_wire wire)
{
	d->strings.count = d->mappings.count = d->functions.count = d->locations.count = 0;
	d->stacks.count = d->attributes.count = d->links.count = 0;
	return each(d, wire, STRING_TABLE, read_string);
}

int eo_otlp_dictionary_read(struct eo_otlp_dictionary *d, struct eo_wire wire)
{
	int status = eo_otlp_dictionary_read_strings(d, wire);

	/* In the order in which they refer to each other. */
	if (status == 0)
		status = each(d, wire, ATTRIBUTE_TABLE, read_attribute);
	if (status == 0)
		status = each(d, wire, LINK_TABLE, read_link);
	if (status == 0)
		status = each(d, wire, FUNCTION_TABLE, read_function);
	forget_first(&d->functions);
	if (status == 0)
		status = each(d, wire, MAPPING_TABLE, read_mapping);
	forget_first(&d->mappings);
	if (status == 0)
		status = each(d, wire, LOCATION_TABLE, read_location);
	if (status == 0)
		status = each(d, wire, STACK_TABLE, read_stack);
	return status;
}
