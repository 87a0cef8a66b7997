/* SPDX-License-Identifier: BSD-2-Clause */
#include "otlp/otlp_profile_attributes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/hash.h"
#include "otlp/otlp_profile.h"

typedef Opentelemetry__Proto__Common__V1__AnyValue AnyValue;
typedef Opentelemetry__Proto__Profiles__V1development__KeyValueAndUnit KeyValueAndUnit;

/* One attribute in the making: labels of the same key. */
struct entry {
	uint32_t key, unit; /* ids */
	uint32_t first, last; /* labels, counted from 1 */
	uint32_t count;
};

/* Room for @extra elements behind @count of them. Returns @array, perhaps moved; or NULL, and the
 * status says why. */
static void *reserve(struct eo_otlp_attributes *a, void *array, size_t count, size_t extra,
		     size_t *capacity, size_t size)
{
	size_t wanted = *capacity + *capacity / 2 + 8;
	void *larger;

	if (a->status < 0)
		return NULL;
	if (count + extra > INT32_MAX) {
		a->status = -E2BIG;
		return NULL;
	}
	if (array && count + extra <= *capacity)
		return array;
	if (wanted < count + extra)
		wanted = count + extra;
	larger = reallocarray(array, wanted, size);
	if (larger)
		*capacity = wanted;
	else
		a->status = -ENOMEM;
	return larger;
}

/* False, and @array is as it was, when there is no room. */
#define RESERVE(a, array, counter, extra, room)                                           \
	({                                                                                \
		void *larger_ = reserve(a, (a)->array, counter, extra, &(room),           \
					sizeof(*(a)->array));                             \
		if (larger_)                                                              \
			(a)->array = larger_;                                             \
		larger_ != NULL;                                                          \
	})

static bool index_add(struct eo_otlp_attributes *a, struct eo_index *index, uint32_t hash,
		      size_t number)
{
	if (eo_index_add(index, hash, (uint32_t)number) < 0)
		a->status = -ENOMEM;
	return a->status == 0;
}

/* Is there a label in samples whose name OTLP would give to another one? */
static bool has_attribute_name(const struct eo_otlp_attributes *a)
{
	const struct eo_profile *profile = a->strings->profile;

	for (size_t i = 0; i < profile->sample_count; i++) {
		struct eo_span span = profile->label_sets[profile->samples[i].label_set];

		if (i && profile->samples[i].label_set == profile->samples[i - 1].label_set)
			continue;
		for (uint32_t at = 0; at < span.count; at++) {
			uint32_t key = a->strings->ids[profile->labels[span.first + at].key];

			for (size_t name = 0; name < a->name_count; name++)
				if (key == a->attribute_names[name])
					return true;
		}
	}
	return false;
}

int eo_otlp_attributes_init(struct eo_otlp_attributes *a, struct eo_otlp_strings *strings)
{
	const struct eo_profile *profile = strings->profile;
	size_t texts = profile->string_count + strings->own_count, labels = 1;

	*a = (struct eo_otlp_attributes){ .strings = strings, .seed = eo_hash_seed(), .count = 1,
					  .link_count = 1, .set_count = 1 };
	for (size_t i = 0; i < profile->label_set_count; i++)
		if (profile->label_sets[i].count > labels)
			labels = profile->label_sets[i].count;
	for (; eo_otlp_labels[a->name_count].label; a->name_count++) {
		const struct eo_otlp_label *row = &eo_otlp_labels[a->name_count];

		a->label_names[a->name_count] = eo_otlp_strings_name(strings, row->label);
		a->attribute_names[a->name_count] = eo_otlp_strings_name(strings, row->attribute);
	}
	a->labels_kept = has_attribute_name(a);

	a->capacity = a->link_capacity = a->set_capacity = 1;
	a->attributes = calloc(1, sizeof(*a->attributes));
	a->links = calloc(1, sizeof(*a->links));
	a->sets = calloc(1, sizeof(*a->sets));
	a->sets_of = calloc(profile->label_set_count, sizeof(*a->sets_of));
	a->entry_of = calloc(texts, sizeof(*a->entry_of));
	a->entries = calloc(labels, sizeof(*a->entries));
	a->next = calloc(labels + 1, sizeof(*a->next));
	a->entry_values = calloc(labels, sizeof(*a->entry_values));
	a->entry_members = calloc(labels, sizeof(*a->entry_members));
	return a->attributes && a->links && a->sets && a->sets_of && a->entry_of && a->entries &&
		       a->next && a->entry_values && a->entry_members ? 0 : -ENOMEM;
}

void eo_otlp_attributes_fini(struct eo_otlp_attributes *a)
{
	free(a->attributes);
	free(a->values);
	free(a->links);
	free(a->sets);
	free(a->members);
	eo_index_fini(&a->attribute_index);
	eo_index_fini(&a->link_index);
	eo_index_fini(&a->set_index);
	free(a->sets_of);
	free(a->entry_of);
	free(a->entries);
	free(a->next);
	free(a->entry_values);
	free(a->entry_members);
	free(a->any);
	free(a->any_pointers);
}

static bool equal_values(const struct eo_otlp_value *a, const struct eo_otlp_value *b, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (a[i].type != b[i].type || a[i].num != b[i].num)
			return false;
	return true;
}

uint32_t eo_otlp_attributes_add(struct eo_otlp_attributes *a, uint32_t key, uint32_t unit,
				const struct eo_otlp_value *values, size_t count, bool is_array)
{
	uint32_t key_number = eo_otlp_strings_number(a->strings, key);
	uint32_t unit_number = eo_otlp_strings_number(a->strings, unit);
	const uint64_t head[] = { (uint64_t)key_number << 32 | unit_number, is_array || count > 1 };
	uint64_t hash = eo_hash(a->seed, head, sizeof(head));
	uint32_t cursor = 0, number;

	is_array |= count > 1;
	for (size_t i = 0; i < count; i++)
		hash = eo_hash_words(hash, (uint64_t[]){ values[i].type, (uint64_t)values[i].num }, 2);
	while ((number = eo_index_next(&a->attribute_index, (uint32_t)hash, &cursor)) !=
	       EO_INDEX_NONE) {
		const struct eo_otlp_attribute *known = &a->attributes[number];

		if (known->key == key_number && known->unit == unit_number &&
		    known->is_array == is_array && known->values.count == count &&
		    equal_values(a->values + known->values.first, values, count))
			return number;
	}

	if (!RESERVE(a, attributes, a->count, 1, a->capacity) ||
	    !RESERVE(a, values, a->value_count, count, a->value_capacity) ||
	    !index_add(a, &a->attribute_index, (uint32_t)hash, a->count))
		return 0;
	memcpy(a->values + a->value_count, values, count * sizeof(*values));
	a->attributes[a->count] = (struct eo_otlp_attribute){
		key_number, unit_number, { (uint32_t)a->value_count, (uint32_t)count }, is_array
	};
	a->value_count += count;
	return (uint32_t)a->count++;
}

uint32_t eo_otlp_attributes_add_text(struct eo_otlp_attributes *a, const char *name, uint32_t text)
{
	const struct eo_otlp_value value = { EO_OTLP_VALUE_STRING, text };

	return eo_otlp_attributes_add(a, eo_otlp_strings_name(a->strings, name), 0, &value, 1, false);
}

uint32_t eo_otlp_attributes_add_true(struct eo_otlp_attributes *a, const char *name)
{
	const struct eo_otlp_value value = { EO_OTLP_VALUE_BOOL, 1 };

	return eo_otlp_attributes_add(a, eo_otlp_strings_name(a->strings, name), 0, &value, 1, false);
}

/* @size bytes of @text, which must be all there is, in lower case and not all zero. */
static bool parse_id(const char *text, uint8_t *to, size_t size)
{
	uint8_t any = 0;

	if (strlen(text) != 2 * size || strspn(text, "0123456789abcdef") != 2 * size)
		return false;
	for (size_t i = 0; i < 2 * size; i++) {
		uint8_t digit = (uint8_t)(text[i] <= '9' ? text[i] - '0' : text[i] - 'a' + 10);

		to[i / 2] = (uint8_t)(i % 2 ? to[i / 2] | digit : digit << 4);
		any |= digit;
	}
	return any;
}

static uint32_t add_link(struct eo_otlp_attributes *a, const struct eo_otlp_link *link)
{
	uint32_t hash = (uint32_t)eo_hash(a->seed, link, sizeof(*link));
	uint32_t cursor = 0, number;

	while ((number = eo_index_next(&a->link_index, hash, &cursor)) != EO_INDEX_NONE)
		if (!memcmp(&a->links[number], link, sizeof(*link)))
			return number;
	if (!RESERVE(a, links, a->link_count, 1, a->link_capacity) ||
	    !index_add(a, &a->link_index, hash, a->link_count))
		return 0;
	a->links[a->link_count] = *link;
	return (uint32_t)a->link_count++;
}

/* The text of the one label of a key that is @name; NULL when there is no such, or several. */
static const char *only_text(const struct eo_otlp_attributes *a, struct eo_span labels,
			     const char *name)
{
	const struct eo_profile *profile = a->strings->profile;
	uint32_t at = a->entry_of[eo_otlp_strings_name(a->strings, name)];
	const struct entry *entry = at ? &a->entries[at - 1] : NULL;
	const struct eo_label *label;

	if (!entry || entry->count != 1)
		return NULL;
	label = &profile->labels[labels.first + entry->first - 1];
	return label->is_number ? NULL : profile->strings[label->str];
}

/* Takes the labels of a link out of the entries. Returns the link's number, 0 when there is none. */
static uint32_t take_link(struct eo_otlp_attributes *a, struct eo_span labels)
{
	const char *trace = only_text(a, labels, EO_OTLP_TRACE_ID_LABEL);
	const char *span = only_text(a, labels, EO_OTLP_SPAN_ID_LABEL);
	struct eo_otlp_link link;
	static const char *const names[] = { EO_OTLP_TRACE_ID_LABEL, EO_OTLP_SPAN_ID_LABEL };

	if (!trace || !span || !parse_id(trace, link.trace_id, sizeof(link.trace_id)) ||
	    !parse_id(span, link.span_id, sizeof(link.span_id)))
		return 0;
	for (size_t i = 0; i < EO_ARRAY_SIZE(names); i++)
		a->entries[a->entry_of[eo_otlp_strings_name(a->strings, names[i])] - 1].count = 0;
	return add_link(a, &link);
}

/* The name of a label in OTLP, see eo_otlp_labels[]. */
static uint32_t key_of(const struct eo_otlp_attributes *a, const struct eo_label *label)
{
	uint32_t id = a->strings->ids[label->key];

	for (size_t i = 0; !a->labels_kept && i < a->name_count; i++)
		if (id == a->label_names[i] && label->is_number == eo_otlp_labels[i].is_number &&
		    !(label->is_number && label->unit))
			return a->attribute_names[i];
	return id;
}

/* Does @resource say the process.pid that is the label's value? */
static bool says_pid(const struct eo_otlp_attributes *a, uint32_t resource, uint32_t key,
		     const struct eo_label *label)
{
	const struct eo_profile *profile = a->strings->profile;
	struct eo_span span = profile->label_sets[resource];

	if (!span.count || key != eo_otlp_strings_name(a->strings, EO_OTLP_PID))
		return false;
	for (uint32_t i = 0; i < span.count; i++) {
		const struct eo_label *said = &profile->labels[span.first + i];

		if (a->strings->ids[said->key] == key)
			return said->is_number && label->is_number && said->num == label->num;
	}
	return false;
}

/* Group labels by key. Returns the number of entries. */
static size_t read_labels(struct eo_otlp_attributes *a, struct eo_span labels, uint32_t resource)
{
	size_t count = 0;

	for (uint32_t i = 1; i <= labels.count; i++) {
		const struct eo_label *label = &a->strings->profile->labels[labels.first + i - 1];
		uint32_t key = key_of(a, label);
		struct entry *entry;

		a->next[i] = 0;
		if (!a->labels_kept && says_pid(a, resource, key, label))
			continue;
		if (!a->entry_of[key]) {
			a->entries[count++] = (struct entry){ .key = key, .first = i };
			a->entry_of[key] = (uint32_t)count;
		}
		entry = &a->entries[a->entry_of[key] - 1];
		if (entry->count++)
			a->next[entry->last] = i;
		entry->last = i;
		if (!entry->unit)
			entry->unit = a->strings->ids[label->unit];
	}
	return count;
}

static uint32_t add_entry(struct eo_otlp_attributes *a, struct eo_span labels,
			  const struct entry *entry)
{
	size_t count = 0;

	for (uint32_t i = entry->first; i; i = a->next[i]) {
		const struct eo_label *label = &a->strings->profile->labels[labels.first + i - 1];
		struct eo_otlp_value *value = &a->entry_values[count++];

		value->type = label->is_number ? EO_OTLP_VALUE_INT : EO_OTLP_VALUE_STRING;
		value->num = label->is_number ? label->num : a->strings->ids[label->str];
	}
	return eo_otlp_attributes_add(a, entry->key, entry->unit, a->entry_values, count, false);
}

/* Sets have no order and no duplicates, but mostly they are made in the same order. */
static bool equal_sets(const uint32_t *a, const uint32_t *b, size_t count)
{
	if (!memcmp(a, b, count * sizeof(*a)))
		return true;
	for (size_t i = 0; i < count; i++) {
		size_t at = 0;

		while (at < count && b[at] != a[i])
			at++;
		if (at == count)
			return false;
	}
	return true;
}

static uint32_t add_set(struct eo_otlp_attributes *a, const uint32_t *members, size_t count,
			uint32_t link, uint32_t label_set)
{
	uint64_t sum = link;
	uint32_t cursor = 0, number, hash;

	if (!count && !link)
		return 0;
	for (size_t i = 0; i < count; i++)
		sum += eo_hash(a->seed, &members[i], sizeof(*members));
	hash = (uint32_t)eo_hash(a->seed, &sum, sizeof(sum));
	while ((number = eo_index_next(&a->set_index, hash, &cursor)) != EO_INDEX_NONE) {
		const struct eo_otlp_attribute_set *known = &a->sets[number];

		if (known->link != link || known->members.count != count ||
		    !equal_sets(a->members + known->members.first, members, count))
			continue;
		a->sets_shared |= known->label_set != label_set;
		return number;
	}

	if (!RESERVE(a, sets, a->set_count, 1, a->set_capacity) ||
	    !RESERVE(a, members, a->member_count, count, a->member_capacity) ||
	    !index_add(a, &a->set_index, hash, a->set_count))
		return 0;
	if (count)
		memcpy(a->members + a->member_count, members, count * sizeof(*members));
	a->sets[a->set_count] = (struct eo_otlp_attribute_set){
		{ (uint32_t)a->member_count, (uint32_t)count }, link, label_set
	};
	a->member_count += count;
	return (uint32_t)a->set_count++;
}

uint32_t eo_otlp_attributes_set_of(struct eo_otlp_attributes *a, uint32_t label_set,
				   uint32_t resource)
{
	struct eo_span labels = a->strings->profile->label_sets[label_set];
	size_t entries, count = 0;
	uint32_t link, set;

	if (a->sets_of[label_set].known && a->sets_of[label_set].resource == resource)
		return a->sets_of[label_set].set;

	entries = read_labels(a, labels, resource);
	link = take_link(a, labels);
	for (size_t i = 0; i < entries; i++)
		if (a->entries[i].count)
			a->entry_members[count++] = add_entry(a, labels, &a->entries[i]);
	for (size_t i = 0; i < entries; i++)
		a->entry_of[a->entries[i].key] = 0;
	set = add_set(a, a->entry_members, count, link, label_set);
	/* The empty set has no maker: the empty label set is. */
	a->sets_shared |= !set && label_set;
	a->sets_of[label_set].set = set;
	a->sets_of[label_set].resource = resource;
	a->sets_of[label_set].known = true;
	return set;
}

static AnyValue any_value(const struct eo_otlp_attributes *a, const struct eo_otlp_value *value)
{
	AnyValue message = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__INIT;

	switch (value->type) {
	case EO_OTLP_VALUE_STRING:
		message.value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE;
		/* protobuf-c only reads it */
		message.string_value =
			(char *)eo_otlp_strings_text(a->strings, (uint32_t)value->num);
		break;
	case EO_OTLP_VALUE_INT:
		message.value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_INT_VALUE;
		message.int_value = value->num;
		break;
	case EO_OTLP_VALUE_BOOL:
		message.value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_BOOL_VALUE;
		message.bool_value = value->num != 0;
		break;
	}
	return message;
}

/* Fill the scratch. False without memory. */
static bool fill_array(struct eo_otlp_attributes *a, const struct eo_otlp_value *values, size_t count)
{
	size_t pointer_capacity = a->any_capacity;

	if (!RESERVE(a, any_pointers, 0, count, pointer_capacity) ||
	    !RESERVE(a, any, 0, count, a->any_capacity))
		return false;
	for (size_t i = 0; i < count; i++) {
		a->any[i] = any_value(a, &values[i]);
		a->any_pointers[i] = &a->any[i];
	}
	opentelemetry__proto__common__v1__array_value__init(&a->any_array);
	a->any_array.n_values = count;
	a->any_array.values = a->any_pointers;
	return true;
}

KeyValueAndUnit eo_otlp_attributes_message(struct eo_otlp_attributes *a, size_t number)
{
	const struct eo_otlp_attribute *attribute = &a->attributes[number];
	const struct eo_otlp_value *values;
	KeyValueAndUnit message = OPENTELEMETRY__PROTO__PROFILES__V1DEVELOPMENT__KEY_VALUE_AND_UNIT__INIT;

	if (!number)
		return message;
	values = a->values + attribute->values.first;
	if (!attribute->is_array) {
		a->any_outer = any_value(a, values);
	} else {
		opentelemetry__proto__common__v1__any_value__init(&a->any_outer);
		if (fill_array(a, values, attribute->values.count)) {
			a->any_outer.value_case =
				OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_ARRAY_VALUE;
			a->any_outer.array_value = &a->any_array;
		}
	}
	message.key_strindex = (int32_t)attribute->key;
	message.unit_strindex = (int32_t)attribute->unit;
	message.value = &a->any_outer;
	return message;
}
