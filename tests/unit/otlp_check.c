/* SPDX-License-Identifier: BSD-2-Clause */
#include "otlp_check.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define P(name) Opentelemetry__Proto__Profiles__V1development__##name
#define C(name) Opentelemetry__Proto__Common__V1__##name

enum table { MAPPINGS, LOCATIONS, FUNCTIONS, LINKS, STRINGS, ATTRIBUTES, STACKS, TABLE_COUNT };

static const char *const table_names[] = { "mapping_table", "location_table", "function_table",
					   "link_table", "string_table", "attribute_table",
					   "stack_table" };

struct check {
	const P(ProfilesDictionary) *dictionary;
	FILE *report;
	size_t count;
	size_t sizes[TABLE_COUNT];
	bool *used[TABLE_COUNT];
};

static void complain(struct check *check, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void complain(struct check *check, const char *fmt, ...)
{
	va_list args;

	check->count++;
	va_start(args, fmt);
	vfprintf(check->report, fmt, args);
	va_end(args);
	fputc('\n', check->report);
}

/* False when there is no such element. */
static bool refer(struct check *check, enum table table, int64_t index, const char *from)
{
	if (index < 0 || (size_t)index >= check->sizes[table]) {
		complain(check, "%s refers to element %" PRId64 " of %s, which has %zu", from,
			 index, table_names[table], check->sizes[table]);
		return false;
	}
	check->used[table][index] = true;
	return true;
}

/* --- any message ---------------------------------------------------------------------------- */

static bool is_utf8(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	while (*p) {
		/* The second byte shuts out overlong forms, surrogates and what is above U+10FFFF. */
		unsigned char low = *p == 0xe0 ? 0xa0 : *p == 0xf0 ? 0x90 : 0x80;
		unsigned char high = *p == 0xed ? 0x9f : *p == 0xf4 ? 0x8f : 0xbf;
		size_t more = *p < 0x80 ? 0 : *p < 0xc2 ? 9 : *p < 0xe0 ? 1 : *p < 0xf0 ? 2 :
			      *p < 0xf5 ? 3 : 9;

		if (more == 9)
			return false;
		for (p++; more; more--, p++, low = 0x80, high = 0xbf)
			if (*p < low || *p > high)
				return false;
	}
	return true;
}

static size_t element_size(ProtobufCType type)
{
	switch (type) {
	case PROTOBUF_C_TYPE_STRING:
	case PROTOBUF_C_TYPE_MESSAGE:
		return sizeof(void *);
	case PROTOBUF_C_TYPE_BYTES:
		return sizeof(ProtobufCBinaryData);
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
	case PROTOBUF_C_TYPE_DOUBLE:
		return 8;
	default:
		return 4;
	}
}

/* The values of a field: how many, and where. Of a oneof the chosen one. */
static size_t values_of(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
			const char **ret)
{
	const char *quantifier = (const char *)message + field->quantifier_offset;

	*ret = (const char *)message + field->offset;
	if (field->label == PROTOBUF_C_LABEL_REPEATED) {
		*ret = *(const char *const *)*ret;
		return *(const size_t *)quantifier;
	}
	if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF)
		return *(const uint32_t *)quantifier == field->id;
	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		return *(const void *const *)*ret != NULL;
	return 1;
}

/* Strings are UTF-8, and the schema knows every field. */
static void check_message(struct check *check, const ProtobufCMessage *message)
{
	if (message->n_unknown_fields)
		complain(check, "%s has an unknown field %u", message->descriptor->name,
			 message->unknown_fields[0].tag);
	for (unsigned int i = 0; i < message->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
		const char *values;
		size_t count = values_of(message, field, &values);

		for (size_t at = 0; at < count; at++, values += element_size(field->type))
			if (field->type == PROTOBUF_C_TYPE_MESSAGE)
				check_message(check, *(const ProtobufCMessage *const *)values);
			else if (field->type == PROTOBUF_C_TYPE_STRING &&
				 !is_utf8(*(const char *const *)values))
				complain(check, "%s.%s is no UTF-8", message->descriptor->name,
					 field->name);
	}
}

struct packed {
	uint8_t *bytes;
	size_t size, index;
};

static int compare_packed(const void *left, const void *right)
{
	const struct packed *a = left, *b = right;
	size_t common = a->size < b->size ? a->size : b->size;
	int r = common ? memcmp(a->bytes, b->bytes, common) : 0;

	return r ? r : (a->size > b->size) - (a->size < b->size);
}

static struct packed pack(const ProtobufCMessage *message, size_t index)
{
	struct packed packed = { .size = protobuf_c_message_get_packed_size(message),
				 .index = index };

	packed.bytes = malloc(packed.size + 1);
	protobuf_c_message_pack(message, packed.bytes);
	return packed;
}

/* Complain of equal ones, and free them. */
static void check_distinct(struct check *check, struct packed *packed, size_t count, const char *of)
{
	qsort(packed, count, sizeof(*packed), compare_packed);
	for (size_t i = 1; i < count; i++)
		if (!compare_packed(&packed[i - 1], &packed[i]))
			complain(check, "%s has equal elements %zu and %zu", of,
				 packed[i - 1].index, packed[i].index);
	for (size_t i = 0; i < count; i++)
		free(packed[i].bytes);
	free(packed);
}

static void check_table(struct check *check, enum table table, ProtobufCMessage *const *elements)
{
	struct packed *packed = calloc(check->sizes[table] + 1, sizeof(*packed));

	for (size_t i = 0; i < check->sizes[table]; i++)
		packed[i] = pack(elements[i], i);
	if (check->sizes[table] && packed[0].size)
		complain(check, "element 0 of %s is not empty", table_names[table]);
	check_distinct(check, packed, check->sizes[table], table_names[table]);
}

/* --- attributes ----------------------------------------------------------------------------- */

static void check_key_values(struct check *check, C(KeyValue) *const *list, size_t count,
			     const char *of);

static void check_value(struct check *check, const C(AnyValue) *value, const char *of)
{
	switch (value->value_case) {
	case OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE_STRINDEX:
		if (refer(check, STRINGS, value->string_value_strindex, of) &&
		    !value->string_value_strindex)
			complain(check, "%s refers to the empty string", of);
		break;
	case OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_ARRAY_VALUE:
		for (size_t i = 0; i < value->array_value->n_values; i++)
			check_value(check, value->array_value->values[i], of);
		break;
	case OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_KVLIST_VALUE:
		check_key_values(check, value->kvlist_value->values, value->kvlist_value->n_values,
				 of);
		break;
	default:
		break;
	}
}

static const char *key_of(struct check *check, const C(KeyValue) *pair, const char *of)
{
	if (!pair->key_strindex)
		return pair->key;
	if (pair->key[0])
		complain(check, "%s has a key in both forms", of);
	return refer(check, STRINGS, pair->key_strindex, of) ?
		       check->dictionary->string_table[pair->key_strindex] : "";
}

static void check_key_values(struct check *check, C(KeyValue) *const *list, size_t count,
			     const char *of)
{
	for (size_t i = 0; i < count; i++) {
		const char *key = key_of(check, list[i], of);

		if (list[i]->value)
			check_value(check, list[i]->value, of);
		for (size_t before = 0; before < i; before++)
			if (!strcmp(key_of(check, list[before], of), key))
				complain(check, "%s has the key \"%s\" twice", of, key);
	}
}

static void check_attributes(struct check *check, const int32_t *indices, size_t count, const char *of)
{
	for (size_t i = 0; i < count; i++) {
		P(KeyValueAndUnit) *const *table = check->dictionary->attribute_table;

		if (!refer(check, ATTRIBUTES, indices[i], of))
			continue;
		if (!indices[i])
			complain(check, "%s has attribute 0", of);
		for (size_t before = 0; before < i; before++)
			if (indices[before] >= 0 &&
			    (size_t)indices[before] < check->sizes[ATTRIBUTES] &&
			    table[indices[before]]->key_strindex == table[indices[i]]->key_strindex)
				complain(check, "%s has the key of attribute %d twice", of,
					 indices[i]);
	}
}

/* --- dictionary ----------------------------------------------------------------------------- */

static void check_strings(struct check *check)
{
	struct packed *packed = calloc(check->sizes[STRINGS] + 1, sizeof(*packed));

	for (size_t i = 0; i < check->sizes[STRINGS]; i++) {
		const char *text = check->dictionary->string_table[i];

		packed[i] = (struct packed){ (uint8_t *)strdup(text), strlen(text), i };
	}
	if (check->sizes[STRINGS] && packed[0].size)
		complain(check, "string 0 is not empty");
	check_distinct(check, packed, check->sizes[STRINGS], "string_table");
}

static void check_mapping(struct check *check, const P(Mapping) *mapping)
{
	if (mapping->memory_start >= mapping->memory_limit &&
	    (mapping->memory_start || mapping->memory_limit))
		complain(check, "mapping from %" PRIx64 " to %" PRIx64, mapping->memory_start,
			 mapping->memory_limit);
	refer(check, STRINGS, mapping->filename_strindex, "mapping");
	check_attributes(check, mapping->attribute_indices, mapping->n_attribute_indices, "mapping");
}

static void check_location(struct check *check, const P(Location) *location)
{
	refer(check, MAPPINGS, location->mapping_index, "location");
	check_attributes(check, location->attribute_indices, location->n_attribute_indices,
			 "location");
	for (size_t i = 0; i < location->n_lines; i++) {
		refer(check, FUNCTIONS, location->lines[i]->function_index, "line");
		if (location->lines[i]->line < 0 || location->lines[i]->column < 0)
			complain(check, "negative line or column");
	}
}

static void check_function(struct check *check, const P(Function) *function, bool is_zero)
{
	refer(check, STRINGS, function->name_strindex, "function");
	refer(check, STRINGS, function->system_name_strindex, "function");
	refer(check, STRINGS, function->filename_strindex, "function");
	if (!is_zero && !function->name_strindex && !function->system_name_strindex &&
	    !function->filename_strindex)
		complain(check, "function without any name");
	if (function->start_line < 0)
		complain(check, "negative start line");
}

static bool is_id(const ProtobufCBinaryData *id, size_t size)
{
	for (size_t i = 0; i < id->len; i++)
		if (id->data[i])
			return id->len == size;
	return false;
}

static void check_dictionary(struct check *check)
{
	const P(ProfilesDictionary) *d = check->dictionary;

	for (enum table table = 0; table < TABLE_COUNT; table++)
		if (!check->sizes[table])
			complain(check, "%s has no element 0", table_names[table]);
	check_table(check, MAPPINGS, (ProtobufCMessage *const *)d->mapping_table);
	check_table(check, LOCATIONS, (ProtobufCMessage *const *)d->location_table);
	check_table(check, FUNCTIONS, (ProtobufCMessage *const *)d->function_table);
	check_table(check, LINKS, (ProtobufCMessage *const *)d->link_table);
	check_table(check, ATTRIBUTES, (ProtobufCMessage *const *)d->attribute_table);
	check_table(check, STACKS, (ProtobufCMessage *const *)d->stack_table);
	check_strings(check);
	for (size_t i = 0; i < d->n_mapping_table; i++)
		check_mapping(check, d->mapping_table[i]);
	for (size_t i = 0; i < d->n_location_table; i++)
		check_location(check, d->location_table[i]);
	for (size_t i = 0; i < d->n_function_table; i++)
		check_function(check, d->function_table[i], i == 0);
	for (size_t i = 1; i < d->n_link_table; i++)
		if (!is_id(&d->link_table[i]->trace_id, 16) || !is_id(&d->link_table[i]->span_id, 8))
			complain(check, "link %zu has a bad id", i);
	for (size_t i = 0; i < d->n_attribute_table; i++) {
		refer(check, STRINGS, d->attribute_table[i]->key_strindex, "attribute");
		refer(check, STRINGS, d->attribute_table[i]->unit_strindex, "attribute");
		if (d->attribute_table[i]->value)
			check_value(check, d->attribute_table[i]->value, "attribute");
	}
	for (size_t i = 0; i < d->n_stack_table; i++)
		for (size_t at = 0; at < d->stack_table[i]->n_location_indices; at++)
			if (refer(check, LOCATIONS, d->stack_table[i]->location_indices[at],
				  "stack") &&
			    !d->stack_table[i]->location_indices[at])
				complain(check, "stack %zu has location 0", i);
}

static void check_orphans(struct check *check)
{
	for (enum table table = 0; table < TABLE_COUNT; table++)
		for (size_t i = 1; i < check->sizes[table]; i++)
			if (!check->used[table][i])
				complain(check, "nothing refers to element %zu of %s", i,
					 table_names[table]);
}

/* --- profiles ------------------------------------------------------------------------------- */

enum shape { TIMES, VALUE, VALUES_AT_TIMES, NO_SHAPE };

static enum shape shape_of(const P(Sample) *sample)
{
	if (!sample->n_values && sample->n_timestamps_unix_nano)
		return TIMES;
	if (sample->n_values == 1 && !sample->n_timestamps_unix_nano)
		return VALUE;
	if (sample->n_values && sample->n_values == sample->n_timestamps_unix_nano)
		return VALUES_AT_TIMES;
	return NO_SHAPE;
}

static int compare_indices(const void *left, const void *right)
{
	int32_t a = *(const int32_t *)left, b = *(const int32_t *)right;

	return (a > b) - (a < b);
}

/* What tells a sample from others. */
static struct packed identity(const P(Sample) *sample, size_t index)
{
	P(Sample) copy = *sample;
	struct packed packed;

	copy.n_values = copy.n_timestamps_unix_nano = 0;
	copy.attribute_indices = calloc(copy.n_attribute_indices + 1, sizeof(int32_t));
	if (copy.n_attribute_indices)
		memcpy(copy.attribute_indices, sample->attribute_indices,
		       copy.n_attribute_indices * sizeof(int32_t));
	qsort(copy.attribute_indices, copy.n_attribute_indices, sizeof(int32_t), compare_indices);
	packed = pack(&copy.base, index);
	free(copy.attribute_indices);
	return packed;
}

static void check_value_type(struct check *check, const P(ValueType) *type)
{
	refer(check, STRINGS, type->type_strindex, "value type");
	refer(check, STRINGS, type->unit_strindex, "value type");
}

static void check_profile(struct check *check, const P(Profile) *profile)
{
	struct packed *packed = calloc(profile->n_samples + 1, sizeof(*packed));

	if (!profile->sample_type)
		complain(check, "profile without a sample type");
	else
		check_value_type(check, profile->sample_type);
	if (profile->period_type)
		check_value_type(check, profile->period_type);
	if (profile->profile_id.len && !is_id(&profile->profile_id, 16))
		complain(check, "bad profile id");
	if (!profile->original_payload.len != !profile->original_payload_format[0])
		complain(check, "original payload and its format go together");
	check_attributes(check, profile->attribute_indices, profile->n_attribute_indices, "profile");
	for (size_t i = 0; i < profile->n_samples; i++) {
		const P(Sample) *sample = profile->samples[i];

		refer(check, STACKS, sample->stack_index, "sample");
		refer(check, LINKS, sample->link_index, "sample");
		check_attributes(check, sample->attribute_indices, sample->n_attribute_indices,
				 "sample");
		if (shape_of(sample) == NO_SHAPE)
			complain(check, "sample %zu has %zu values and %zu timestamps", i,
				 sample->n_values, sample->n_timestamps_unix_nano);
		else if (shape_of(sample) != shape_of(profile->samples[0]))
			complain(check, "sample %zu has another shape than sample 0", i);
		for (size_t at = 0; at < sample->n_timestamps_unix_nano; at++)
			if (sample->timestamps_unix_nano[at] < profile->time_unix_nano ||
			    sample->timestamps_unix_nano[at] - profile->time_unix_nano >=
				    profile->duration_nano)
				complain(check, "sample %zu was at %" PRIu64
					 ", outside of its profile's window", i,
					 sample->timestamps_unix_nano[at]);
		packed[i] = identity(sample, i);
	}
	check_distinct(check, packed, profile->n_samples, "profile");
}

static void check_scope(struct check *check, const P(ScopeProfiles) *scope)
{
	if (!scope->n_profiles)
		complain(check, "scope without profiles");
	if (scope->scope)
		check_key_values(check, scope->scope->attributes, scope->scope->n_attributes,
				 "scope");
	for (size_t i = 0; i < scope->n_profiles; i++)
		check_profile(check, scope->profiles[i]);
}

size_t otlp_check(const ProfilesData *data, FILE *report)
{
	const P(ProfilesDictionary) *d = data->dictionary;
	struct check check = { .dictionary = d, .report = report };

	check_message(&check, &data->base);
	if (!d) {
		complain(&check, "no dictionary");
		return check.count;
	}
	check.sizes[MAPPINGS] = d->n_mapping_table;
	check.sizes[LOCATIONS] = d->n_location_table;
	check.sizes[FUNCTIONS] = d->n_function_table;
	check.sizes[LINKS] = d->n_link_table;
	check.sizes[STRINGS] = d->n_string_table;
	check.sizes[ATTRIBUTES] = d->n_attribute_table;
	check.sizes[STACKS] = d->n_stack_table;
	for (enum table table = 0; table < TABLE_COUNT; table++)
		check.used[table] = calloc(check.sizes[table] + 1, sizeof(bool));

	if (!data->n_resource_profiles)
		complain(&check, "no resource profiles");
	for (size_t i = 0; i < data->n_resource_profiles; i++) {
		const P(ResourceProfiles) *resource = data->resource_profiles[i];

		if (!resource->n_scope_profiles)
			complain(&check, "resource without scopes");
		if (resource->resource)
			check_key_values(&check, resource->resource->attributes,
					 resource->resource->n_attributes, "resource");
		for (size_t at = 0; at < resource->n_scope_profiles; at++)
			check_scope(&check, resource->scope_profiles[at]);
	}
	check_dictionary(&check);
	check_orphans(&check);
	for (enum table table = 0; table < TABLE_COUNT; table++)
		free(check.used[table]);
	return check.count;
}
