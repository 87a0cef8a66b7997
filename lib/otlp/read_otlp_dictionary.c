/* SPDX-License-Identifier: BSD-2-Clause */
#include "otlp/read_otlp_dictionary.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "otlp/otlp_profile.h"

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
enum { STACK_LOCATIONS = 1 };
void eo_otlp_dictionary_fini(struct eo_otlp_dictionary *d)
{
	free(d->strings.items);
	free(d->mappings.items);
	free(d->functions.items);
	free(d->locations.items);
	free(d->stacks.items);
	free(d->kinds.items);
	free(d->attributes.items);
	free(d->values.items);
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
		ret->unit = eo_otlp_unit(d->profile, ret->unit);
	return status;
}

/* --- attributes ----------------------------------------------------------------------------- */

static int keep_value(void *ctx, const struct eo_otlp_value *value)
{
	struct eo_otlp_dictionary *d = ctx;

	return eo_otlp_values_add(&d->values, *value) ? 0 : eo_message_no_memory(d->message);
}

int eo_otlp_attributes(struct eo_otlp_dictionary *d, const struct eo_wire_field *field,
		       eo_otlp_value_fn fn, void *ctx)
{
	int status;

	d->indices.count = 0;
	status = eo_message_integers(d->message, field, "attribute indices", &d->indices);
	for (size_t i = 0; status == 0 && i < d->indices.count; i++) {
		uint64_t index = (uint64_t)d->indices.items[i];
		struct eo_span span;

		if (!index)
			continue; /* none */
		if (index >= d->attributes.count)
			return eo_message_bad(d->message, field->start,
					      "attribute %" PRId64 " of a table of %zu",
					      (int64_t)index, d->attributes.count);
		span = d->attributes.items[index];
		if (span.count > d->values_left)
			return eo_message_bad(d->message, field->start,
					      "attributes with far more values than they are "
					      "worth");
		d->values_left -= span.count;
		for (uint32_t at = 0; status == 0 && at < span.count; at++)
			status = fn(ctx, &d->values.items[span.first + at]);
	}
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

/* Each is taken apart once, however often it is referred to. */
static int read_attribute(struct eo_otlp_dictionary *d, struct eo_wire wire)
{
	struct eo_span span = {.first = (uint32_t)d->values.count};
	struct eo_wire value = {0};
	uint32_t key, unit;
	struct eo_wire_field field;
	uint64_t numbers[4];
	int status = eo_message_numbers(d->message, wire, "attribute", "v-v", numbers);

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
	if (status == 0 && value.at)
		status = eo_otlp_any_value(d, value, key, eo_otlp_unit(d->profile, unit),
					   keep_value, d);
	if (status < 0)
		return status;
	span.count = (uint32_t)(d->values.count - span.first);
	return eo_otlp_spans_add(&d->attributes, span) ? 0 : eo_message_no_memory(d->message);
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
	enum eo_frame_kind kind;
	uint64_t numbers[6];
	int status = eo_message_numbers(d->message, wire, "mapping", "vvvv-", numbers);

	if (status == 0)
		status = find_string(d, wire.at, numbers[MAPPING_FILENAME], &mapping.filename);
	while (status >= 0 && (status = eo_message_next(d->message, &wire, &field)) > 0)
		if (field.number == MAPPING_ATTRIBUTES)
			status = eo_otlp_attributes(d, &field, take_mapping_attribute, &attributes);
	if (status < 0)
		return status;
	mapping.start = numbers[MAPPING_START];
	mapping.limit = numbers[MAPPING_LIMIT];
	mapping.offset = numbers[MAPPING_OFFSET];
	kind = eo_read_frame_kind(d->profile->strings[mapping.filename]);
	/* Only what is certain: the others may be interpreted. */
	status = add_number(d, &d->kinds, kind == EO_FRAME_NATIVE ? EO_FRAME_UNKNOWN : kind);
	if (status < 0)
		return status;
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
			status = eo_otlp_attributes(d, &field, take_location_attribute,
						    &attributes);
	}
	if (status < 0)
		return status;
	location.address = numbers[LOCATION_ADDRESS];
	/* Ours say it unless they do not know. */
	if (!attributes.has_kind && numbers[LOCATION_MAPPING])
		location.kind = d->kinds.items[numbers[LOCATION_MAPPING]];
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
			eo_otlp_hex(d->profile, field.bytes);
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
	d->kinds.count = d->values.count = 0;
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
