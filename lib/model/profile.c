/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/profile.h"

#include <errno.h>
#include <string.h>

#include "core/hash.h"
#include "core/index.h"
#include "model/string_table.h"

/* What a profile needs to grow, apart from what its readers see. */
struct eo_profile_index {
	struct eo_string_table strings;
	struct eo_index mappings, functions, locations, stacks, label_sets;
	/* Most stacks have one sample, which is found here; the index knows the further ones. */
	uint32_t *first_samples; /* by stack; EO_INDEX_NONE: it has none */
	struct eo_index further_samples;
	struct {
		size_t mappings, functions, locations, lines, stacks, frames, label_sets, labels,
			samples, values, timestamps, value_types, comments, first_samples;
	} capacity;
	uint64_t seed;
	int status;
};

static const char *const frame_kind_names[] = {
	[EO_FRAME_NATIVE] = "native",
	[EO_FRAME_KERNEL] = "kernel",
	[EO_FRAME_JIT] = "jit",
	[EO_FRAME_SYNTHETIC] = "synthetic",
};

const char *eo_frame_kind_name(enum eo_frame_kind kind)
{
	return (size_t)kind < EO_ARRAY_SIZE(frame_kind_names) ? frame_kind_names[kind] : NULL;
}

enum eo_frame_kind eo_frame_kind_parse(const char *name)
{
	for (size_t i = 0; i < EO_ARRAY_SIZE(frame_kind_names); i++)
		if (frame_kind_names[i] && strcmp(frame_kind_names[i], name) == 0)
			return (enum eo_frame_kind)i;
	return EO_FRAME_UNKNOWN;
}

static void fail(struct eo_profile *profile, int status)
{
	if (!profile->index->status)
		profile->index->status = status;
}

static bool failed(const struct eo_profile *profile)
{
	return profile->index->status < 0;
}

/* Room for @extra elements behind @count, by half as much again, so that adding is amortised.
 * Returns @array, perhaps moved; or NULL, then the profile has failed and @array is as it was. */
static void *reserve(struct eo_profile *profile, void *array, size_t count, size_t extra,
		     size_t *capacity, size_t limit, size_t size)
{
	size_t wanted;
	void *larger;

	if (count > limit || extra > limit - count) {
		fail(profile, -E2BIG);
		return NULL;
	}
	if (array && count + extra <= *capacity)
		return array;

	wanted = *capacity + *capacity / 2;
	if (wanted < 8)
		wanted = 8;
	if (wanted < count + extra)
		wanted = count + extra;
	larger = reallocarray(array, wanted, size);
	if (!larger) {
		fail(profile, -ENOMEM);
		return NULL;
	}
	*capacity = wanted;
	return larger;
}

/* Reserve in profile->FIELDs; COUNT is the name of their number. False when that failed. */
#define RESERVE(profile, field, counter, extra, limit)                                           \
	({                                                                                       \
		void *larger_ = reserve(profile, (profile)->field, (profile)->counter, extra,    \
					&(profile)->index->capacity.field, limit,                \
					sizeof(*(profile)->field));                              \
		if (larger_)                                                                     \
			(profile)->field = larger_;                                              \
		larger_ != NULL;                                                                 \
	})

/* A stack is about to be added, and has no sample. */
static bool reserve_stack(struct eo_profile *profile)
{
	struct eo_profile_index *index = profile->index;
	size_t number = profile->stack_count;
	uint32_t *larger;

	if (!RESERVE(profile, stacks, stack_count, 1, UINT32_MAX))
		return false;
	larger = reserve(profile, index->first_samples, number, 1, &index->capacity.first_samples,
			 UINT32_MAX, sizeof(*larger));
	if (!larger)
		return false;
	index->first_samples = larger;
	larger[number] = EO_INDEX_NONE;
	return true;
}

/* The last step of an interning function, when the element is in place but not yet counted. */
static bool remember(struct eo_profile *profile, struct eo_index *set, uint64_t hash,
		     size_t number)
{
	int r = eo_index_add(set, hash, (uint32_t)number);

	if (r < 0)
		fail(profile, r);
	return r == 0;
}

static void adopt_strings(struct eo_profile *profile)
{
	profile->strings = profile->index->strings.strings;
	profile->string_count = profile->index->strings.count;
}

struct eo_profile *eo_profile_new(void)
{
	EO_AUTO(eo_profile) profile = calloc(1, sizeof(*profile));

	if (!profile)
		return NULL;
	profile->index = calloc(1, sizeof(*profile->index));
	if (!profile->index)
		return NULL;
	profile->index->seed = eo_hash_seed();
	if (eo_string_table_init(&profile->index->strings) < 0)
		return NULL;
	adopt_strings(profile);

	/* Element 0 of each table. */
	if (!RESERVE(profile, mappings, mapping_count, 1, UINT32_MAX) ||
	    !RESERVE(profile, functions, function_count, 1, UINT32_MAX) ||
	    !RESERVE(profile, locations, location_count, 1, UINT32_MAX) ||
	    !reserve_stack(profile) ||
	    !RESERVE(profile, label_sets, label_set_count, 1, UINT32_MAX))
		return NULL;
	profile->mappings[profile->mapping_count++] = (struct eo_mapping){ 0 };
	profile->functions[profile->function_count++] = (struct eo_function){ 0 };
	profile->locations[profile->location_count++] = (struct eo_location){ 0 };
	profile->stacks[profile->stack_count++] = (struct eo_span){ 0 };
	profile->label_sets[profile->label_set_count++] = (struct eo_span){ 0 };
	return eo_steal(&profile);
}

void eo_profile_free(struct eo_profile *profile)
{
	if (!profile)
		return;
	if (profile->index) {
		eo_string_table_fini(&profile->index->strings);
		eo_index_fini(&profile->index->mappings);
		eo_index_fini(&profile->index->functions);
		eo_index_fini(&profile->index->locations);
		eo_index_fini(&profile->index->stacks);
		eo_index_fini(&profile->index->label_sets);
		eo_index_fini(&profile->index->further_samples);
		free(profile->index->first_samples);
	}
	free(profile->index);
	free(profile->mappings);
	free(profile->functions);
	free(profile->locations);
	free(profile->lines);
	free(profile->stacks);
	free(profile->frames);
	free(profile->label_sets);
	free(profile->labels);
	free(profile->samples);
	free(profile->values);
	free(profile->timestamps);
	free(profile->value_types);
	free(profile->comments);
	free(profile);
}

int eo_profile_status(const struct eo_profile *profile)
{
	return profile->index->status;
}

uint32_t eo_profile_string_n(struct eo_profile *profile, const char *text, size_t len)
{
	uint32_t number;
	int r;

	if (failed(profile))
		return 0;
	r = eo_string_table_intern(&profile->index->strings, text, len, &number);
	if (r < 0)
		fail(profile, r);
	adopt_strings(profile);
	return number;
}

uint32_t eo_profile_string(struct eo_profile *profile, const char *text)
{
	return eo_profile_string_n(profile, text, strlen(text));
}

void eo_profile_add_value_type(struct eo_profile *profile, const char *type, const char *unit)
{
	struct eo_value_type added = { eo_profile_string(profile, type),
				       eo_profile_string(profile, unit) };

	if (!failed(profile) && profile->sample_count)
		fail(profile, -EINVAL);
	if (failed(profile) || !RESERVE(profile, value_types, value_type_count, 1, UINT32_MAX))
		return;
	profile->value_types[profile->value_type_count++] = added;
}

void eo_profile_add_comment(struct eo_profile *profile, const char *text)
{
	uint32_t added = eo_profile_string(profile, text);

	if (failed(profile) || !RESERVE(profile, comments, comment_count, 1, UINT32_MAX))
		return;
	profile->comments[profile->comment_count++] = added;
}

/* False, and the profile has failed, when @index is none of @count elements. */
static bool is_index(struct eo_profile *profile, uint32_t index, size_t count)
{
	if (index < count)
		return true;
	fail(profile, -EINVAL);
	return false;
}

/* Elements are hashed and compared by their fields, for between those there is padding. */
static uint64_t hash_mapping(const struct eo_mapping *m, uint64_t seed)
{
	const uint64_t fields[] = { m->start, m->limit, m->offset,
				    (uint64_t)m->filename << 32 | m->build_id };

	return eo_hash(seed, fields, sizeof(fields));
}

static bool equal_mappings(const struct eo_mapping *a, const struct eo_mapping *b)
{
	return a->start == b->start && a->limit == b->limit && a->offset == b->offset &&
	       a->filename == b->filename && a->build_id == b->build_id &&
	       a->has_functions == b->has_functions && a->has_filenames == b->has_filenames &&
	       a->has_line_numbers == b->has_line_numbers &&
	       a->has_inline_frames == b->has_inline_frames;
}

uint32_t eo_profile_mapping(struct eo_profile *profile, const struct eo_mapping *mapping)
{
	uint64_t hash = hash_mapping(mapping, profile->index->seed);
	uint32_t cursor = 0;
	uint32_t number;

	if (failed(profile) || equal_mappings(mapping, &profile->mappings[0]))
		return 0;
	if (!is_index(profile, mapping->filename, profile->string_count) ||
	    !is_index(profile, mapping->build_id, profile->string_count))
		return 0;
	while ((number = eo_index_next(&profile->index->mappings, hash, &cursor)) != EO_INDEX_NONE)
		if (equal_mappings(&profile->mappings[number], mapping))
			return number;

	if (!RESERVE(profile, mappings, mapping_count, 1, UINT32_MAX) ||
	    !remember(profile, &profile->index->mappings, hash, profile->mapping_count))
		return 0;
	profile->mappings[profile->mapping_count] = *mapping;
	return (uint32_t)profile->mapping_count++;
}

static uint64_t hash_function(const struct eo_function *f, uint64_t seed)
{
	const uint64_t fields[] = { (uint64_t)f->name << 32 | f->system_name, f->filename,
				    (uint64_t)f->start_line };

	return eo_hash(seed, fields, sizeof(fields));
}

static bool equal_functions(const struct eo_function *a, const struct eo_function *b)
{
	return a->name == b->name && a->system_name == b->system_name &&
	       a->filename == b->filename && a->start_line == b->start_line;
}

uint32_t eo_profile_function(struct eo_profile *profile, const struct eo_function *function)
{
	uint64_t hash = hash_function(function, profile->index->seed);
	uint32_t cursor = 0;
	uint32_t number;

	if (failed(profile) || equal_functions(function, &profile->functions[0]))
		return 0;
	if (!is_index(profile, function->name, profile->string_count) ||
	    !is_index(profile, function->system_name, profile->string_count) ||
	    !is_index(profile, function->filename, profile->string_count))
		return 0;
	while ((number = eo_index_next(&profile->index->functions, hash, &cursor)) != EO_INDEX_NONE)
		if (equal_functions(&profile->functions[number], function))
			return number;

	if (!RESERVE(profile, functions, function_count, 1, UINT32_MAX) ||
	    !remember(profile, &profile->index->functions, hash, profile->function_count))
		return 0;
	profile->functions[profile->function_count] = *function;
	return (uint32_t)profile->function_count++;
}

static uint64_t hash_location(const struct eo_location *location, const struct eo_line *lines,
			      size_t line_count, uint64_t seed)
{
	const uint64_t fields[] = { location->address, location->mapping,
				    (uint64_t)location->kind << 1 | location->is_folded };
	uint64_t hash = eo_hash(seed, fields, sizeof(fields));

	for (size_t i = 0; i < line_count; i++) {
		const uint64_t line[] = { lines[i].function, (uint64_t)lines[i].line,
					  (uint64_t)lines[i].column };

		hash = eo_hash(hash, line, sizeof(line));
	}
	return hash;
}

static bool equal_locations(const struct eo_profile *profile, const struct eo_location *a,
			    const struct eo_location *b, const struct eo_line *b_lines,
			    size_t b_line_count)
{
	const struct eo_line *a_lines = profile->lines + a->first_line;

	if (a->address != b->address || a->mapping != b->mapping || a->kind != b->kind ||
	    a->is_folded != b->is_folded || a->line_count != b_line_count)
		return false;
	for (size_t i = 0; i < b_line_count; i++)
		if (a_lines[i].function != b_lines[i].function ||
		    a_lines[i].line != b_lines[i].line || a_lines[i].column != b_lines[i].column)
			return false;
	return true;
}

uint32_t eo_profile_location(struct eo_profile *profile, const struct eo_location *location,
			     const struct eo_line *lines, size_t line_count)
{
	uint32_t cursor = 0;
	uint32_t number;
	uint64_t hash;

	if (failed(profile) || !is_index(profile, location->mapping, profile->mapping_count))
		return 0;
	for (size_t i = 0; i < line_count; i++)
		if (!is_index(profile, lines[i].function, profile->function_count))
			return 0;
	hash = hash_location(location, lines, line_count, profile->index->seed);
	while ((number = eo_index_next(&profile->index->locations, hash, &cursor)) != EO_INDEX_NONE)
		if (equal_locations(profile, &profile->locations[number], location, lines,
				    line_count))
			return number;

	if (!RESERVE(profile, locations, location_count, 1, UINT32_MAX) ||
	    !RESERVE(profile, lines, line_count, line_count, UINT32_MAX) ||
	    !remember(profile, &profile->index->locations, hash, profile->location_count))
		return 0;
	if (line_count)
		memcpy(profile->lines + profile->line_count, lines, line_count * sizeof(*lines));
	number = (uint32_t)profile->location_count++;
	profile->locations[number] = *location;
	profile->locations[number].first_line = (uint32_t)profile->line_count;
	profile->locations[number].line_count = (uint32_t)line_count;
	profile->line_count += line_count;
	return number;
}

void eo_profile_set_lines(struct eo_profile *profile, uint32_t location,
			  const struct eo_line *lines, size_t line_count)
{
	struct eo_location *changed;

	/* Element 0 is no location, so it is behind the end of them as well. */
	if (failed(profile) || !is_index(profile, location - 1, profile->location_count - 1))
		return;
	for (size_t i = 0; i < line_count; i++)
		if (!is_index(profile, lines[i].function, profile->function_count))
			return;
	if (!RESERVE(profile, lines, line_count, line_count, UINT32_MAX))
		return;
	if (line_count)
		memcpy(profile->lines + profile->line_count, lines, line_count * sizeof(*lines));
	changed = &profile->locations[location];
	changed->first_line = (uint32_t)profile->line_count;
	changed->line_count = (uint32_t)line_count;
	profile->line_count += line_count;
}

static uint32_t hash_stack(const struct eo_profile *profile, const uint32_t *locations,
			   size_t count)
{
	return (uint32_t)eo_hash(profile->index->seed, locations, count * sizeof(*locations));
}

void eo_profile_look_ahead(const struct eo_profile *profile, const uint32_t *locations,
			   size_t count)
{
	eo_index_look_ahead(&profile->index->stacks, hash_stack(profile, locations, count));
}

uint32_t eo_profile_stack(struct eo_profile *profile, const uint32_t *locations, size_t count)
{
	uint32_t cursor = 0;
	uint32_t number;
	uint64_t hash;

	if (failed(profile) || !count)
		return 0;
	for (size_t i = 0; i < count; i++)
		/* Element 0 is no location, so it is behind the end of them as well. */
		if (!is_index(profile, locations[i] - 1, profile->location_count - 1))
			return 0;
	hash = hash_stack(profile, locations, count);
	while ((number = eo_index_next(&profile->index->stacks, hash, &cursor)) != EO_INDEX_NONE) {
		struct eo_span span = profile->stacks[number];

		if (span.count == count &&
		    !memcmp(profile->frames + span.first, locations, count * sizeof(*locations)))
			return number;
	}

	if (!reserve_stack(profile) ||
	    !RESERVE(profile, frames, frame_count, count, UINT32_MAX) ||
	    !remember(profile, &profile->index->stacks, hash, profile->stack_count))
		return 0;
	memcpy(profile->frames + profile->frame_count, locations, count * sizeof(*locations));
	profile->stacks[profile->stack_count] =
		(struct eo_span){ (uint32_t)profile->frame_count, (uint32_t)count };
	profile->frame_count += count;
	return (uint32_t)profile->stack_count++;
}

/* The fields that mean nothing in this kind of label are 0 in all of them. */
static struct eo_label plain_label(const struct eo_label *label)
{
	if (label->is_number)
		return (struct eo_label){ .key = label->key, .num = label->num,
					  .unit = label->unit, .is_number = true };
	return (struct eo_label){ .key = label->key, .str = label->str };
}

static bool equal_labels(const struct eo_label *a, const struct eo_label *b)
{
	return a->key == b->key && a->is_number == b->is_number && a->str == b->str &&
	       a->num == b->num && a->unit == b->unit;
}

uint32_t eo_profile_label_set(struct eo_profile *profile, const struct eo_label *labels,
			      size_t count)
{
	uint64_t hash = profile->index->seed;
	uint32_t cursor = 0;
	uint32_t number;

	if (failed(profile) || !count)
		return 0;
	for (size_t i = 0; i < count; i++) {
		struct eo_label label = plain_label(&labels[i]);
		const uint64_t fields[] = { (uint64_t)label.key << 32 | label.str,
					    (uint64_t)label.num,
					    (uint64_t)label.unit << 1 | label.is_number };

		if (!is_index(profile, label.key, profile->string_count) ||
		    !is_index(profile, label.str, profile->string_count) ||
		    !is_index(profile, label.unit, profile->string_count))
			return 0;
		hash = eo_hash(hash, fields, sizeof(fields));
	}
	while ((number = eo_index_next(&profile->index->label_sets, hash, &cursor)) != EO_INDEX_NONE) {
		struct eo_span span = profile->label_sets[number];
		size_t same = 0;

		while (span.count == count && same < count) {
			struct eo_label label = plain_label(&labels[same]);

			if (!equal_labels(&profile->labels[span.first + same], &label))
				break;
			same++;
		}
		if (same == count)
			return number;
	}

	if (!RESERVE(profile, label_sets, label_set_count, 1, UINT32_MAX) ||
	    !RESERVE(profile, labels, label_count, count, UINT32_MAX) ||
	    !remember(profile, &profile->index->label_sets, hash, profile->label_set_count))
		return 0;
	profile->label_sets[profile->label_set_count] =
		(struct eo_span){ (uint32_t)profile->label_count, (uint32_t)count };
	for (size_t i = 0; i < count; i++)
		profile->labels[profile->label_count++] = plain_label(&labels[i]);
	return (uint32_t)profile->label_set_count++;
}

/* False when the sum is out of range; it stops at the limit. */
static bool add(int64_t *sum, int64_t value)
{
	if (!__builtin_add_overflow(*sum, value, sum))
		return true;
	*sum = value < 0 ? INT64_MIN : INT64_MAX;
	return false;
}

static void add_values(struct eo_profile *profile, const struct eo_sample *sample,
		       const int64_t *values)
{
	for (size_t i = 0; i < profile->value_type_count; i++)
		if (!add(&profile->values[sample->values + i], values[i]))
			fail(profile, -EOVERFLOW);
}

static bool is_sample(const struct eo_profile *profile, uint32_t number, uint32_t resource,
		      uint32_t stack, uint32_t label_set)
{
	const struct eo_sample *sample = &profile->samples[number];

	return sample->stack == stack && sample->label_set == label_set &&
	       sample->resource == resource;
}

uint32_t eo_profile_add_sample_of(struct eo_profile *profile, uint32_t resource, uint32_t stack,
				  uint32_t label_set, const int64_t *values)
{
	const uint32_t key[] = { stack, label_set, resource };
	size_t types = profile->value_type_count;
	uint32_t *first, number, cursor = 0;
	uint64_t hash = 0;

	if (failed(profile))
		return UINT32_MAX;
	if (!types)
		fail(profile, -EINVAL);
	if (!types || !is_index(profile, stack, profile->stack_count) ||
	    !is_index(profile, label_set, profile->label_set_count) ||
	    !is_index(profile, resource, profile->label_set_count))
		return UINT32_MAX;
	first = &profile->index->first_samples[stack];
	number = *first;
	if (number != EO_INDEX_NONE)
		hash = eo_hash(profile->index->seed, key, sizeof(key));
	while (number != EO_INDEX_NONE && !is_sample(profile, number, resource, stack, label_set))
		number = eo_index_next(&profile->index->further_samples, hash, &cursor);
	if (number != EO_INDEX_NONE) {
		add_values(profile, &profile->samples[number], values);
		return number;
	}

	if (!RESERVE(profile, samples, sample_count, 1, UINT32_MAX - 1) ||
	    !RESERVE(profile, values, value_count, types, SIZE_MAX))
		return UINT32_MAX;
	number = (uint32_t)profile->sample_count;
	if (*first == EO_INDEX_NONE)
		*first = number;
	else if (!remember(profile, &profile->index->further_samples, hash, number))
		return UINT32_MAX;
	memcpy(profile->values + profile->value_count, values, types * sizeof(*values));
	profile->samples[profile->sample_count++] =
		(struct eo_sample){ stack, label_set, resource, profile->value_count };
	profile->value_count += types;
	return number;
}

void eo_profile_add_sample(struct eo_profile *profile, uint32_t stack, uint32_t label_set,
			   const int64_t *values)
{
	eo_profile_add_sample_of(profile, 0, stack, label_set, values);
}

void eo_profile_add_timestamp(struct eo_profile *profile, uint32_t sample, uint64_t time_ns)
{
	if (failed(profile) || !is_index(profile, sample, profile->sample_count) ||
	    !RESERVE(profile, timestamps, timestamp_count, 1, SIZE_MAX))
		return;
	profile->timestamps[profile->timestamp_count++] = (struct eo_timestamp){ sample, time_ns };
}

uint32_t eo_profile_synthetic_frame(struct eo_profile *profile, const char *name)
{
	uint32_t text = eo_profile_string(profile, name);
	struct eo_line line = { .function = eo_profile_function(
					profile, &(struct eo_function){ .name = text,
									.system_name = text }) };

	return eo_profile_location(profile,
				   &(struct eo_location){ .kind = EO_FRAME_SYNTHETIC }, &line, 1);
}

int64_t eo_profile_total(const struct eo_profile *profile, size_t type)
{
	int64_t total = 0;

	for (size_t i = 0; i < profile->sample_count; i++)
		add(&total, profile->values[profile->samples[i].values + type]);
	return total;
}
