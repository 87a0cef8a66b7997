/* SPDX-License-Identifier: BSD-2-Clause */
#include "format/order.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Places of a table's elements among their like: comparing them is comparing the elements. */
struct ranks {
	const struct eo_profile *profile;
	uint32_t *strings, *mappings, *functions, *locations;
	uint64_t *uses; /* by location: frames of samples */
};

/* A stack on its way to its place. */
struct item {
	uint32_t stack;
	uint32_t key; /* rank of the frame that is looked at, from 1; 0: there is none */
	struct eo_span frames;
};

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))
/* Leave a comparison at the first difference. */
#define RETURN_IF_DIFFERENT(a, b)        \
	do {                             \
		if ((a) != (b))          \
			return COMPARE(a, b); \
	} while (0)

typedef int (*compare_fn)(const void *, const void *, void *);

static int compare_strings(const void *left, const void *right, void *arg)
{
	const struct ranks *ranks = arg;

	return strcmp(ranks->profile->strings[*(const uint32_t *)left],
		      ranks->profile->strings[*(const uint32_t *)right]);
}

static unsigned int mapping_flags(const struct eo_mapping *mapping)
{
	return (unsigned int)mapping->has_functions | mapping->has_filenames << 1 |
	       mapping->has_line_numbers << 2 | mapping->has_inline_frames << 3;
}

static int compare_mappings(const void *left, const void *right, void *arg)
{
	const struct ranks *ranks = arg;
	const struct eo_mapping *a = &ranks->profile->mappings[*(const uint32_t *)left];
	const struct eo_mapping *b = &ranks->profile->mappings[*(const uint32_t *)right];

	RETURN_IF_DIFFERENT(ranks->strings[a->filename], ranks->strings[b->filename]);
	RETURN_IF_DIFFERENT(ranks->strings[a->build_id], ranks->strings[b->build_id]);
	RETURN_IF_DIFFERENT(a->start, b->start);
	RETURN_IF_DIFFERENT(a->limit, b->limit);
	RETURN_IF_DIFFERENT(a->offset, b->offset);
	return COMPARE(mapping_flags(a), mapping_flags(b));
}

static int compare_functions(const void *left, const void *right, void *arg)
{
	const struct ranks *ranks = arg;
	const struct eo_function *a = &ranks->profile->functions[*(const uint32_t *)left];
	const struct eo_function *b = &ranks->profile->functions[*(const uint32_t *)right];

	RETURN_IF_DIFFERENT(ranks->strings[a->name], ranks->strings[b->name]);
	RETURN_IF_DIFFERENT(ranks->strings[a->system_name], ranks->strings[b->system_name]);
	RETURN_IF_DIFFERENT(ranks->strings[a->filename], ranks->strings[b->filename]);
	return COMPARE(a->start_line, b->start_line);
}

static int compare_locations(const void *left, const void *right, void *arg)
{
	const struct ranks *ranks = arg;
	const struct eo_profile *profile = ranks->profile;
	const struct eo_location *a = &profile->locations[*(const uint32_t *)left];
	const struct eo_location *b = &profile->locations[*(const uint32_t *)right];

	RETURN_IF_DIFFERENT(ranks->mappings[a->mapping], ranks->mappings[b->mapping]);
	RETURN_IF_DIFFERENT(a->address, b->address);
	RETURN_IF_DIFFERENT(a->line_count, b->line_count);
	for (uint32_t i = 0; i < a->line_count; i++) {
		const struct eo_line *la = &profile->lines[a->first_line + i];
		const struct eo_line *lb = &profile->lines[b->first_line + i];

		RETURN_IF_DIFFERENT(ranks->functions[la->function], ranks->functions[lb->function]);
		RETURN_IF_DIFFERENT(la->line, lb->line);
		RETURN_IF_DIFFERENT(la->column, lb->column);
	}
	RETURN_IF_DIFFERENT(a->kind, b->kind);
	return COMPARE(a->is_folded, b->is_folded);
}

/* Those first that are used most. */
static int compare_uses(const void *left, const void *right, void *arg)
{
	const struct ranks *ranks = arg;
	uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;

	RETURN_IF_DIFFERENT(ranks->uses[b], ranks->uses[a]);
	return COMPARE(ranks->locations[a], ranks->locations[b]);
}

static int compare_label_sets(const struct ranks *ranks, uint32_t left, uint32_t right)
{
	struct eo_span a = ranks->profile->label_sets[left], b = ranks->profile->label_sets[right];

	for (uint32_t i = 0; i < a.count && i < b.count; i++) {
		const struct eo_label *la = &ranks->profile->labels[a.first + i];
		const struct eo_label *lb = &ranks->profile->labels[b.first + i];

		RETURN_IF_DIFFERENT(ranks->strings[la->key], ranks->strings[lb->key]);
		RETURN_IF_DIFFERENT(la->is_number, lb->is_number);
		RETURN_IF_DIFFERENT(ranks->strings[la->str], ranks->strings[lb->str]);
		RETURN_IF_DIFFERENT(la->num, lb->num);
		RETURN_IF_DIFFERENT(ranks->strings[la->unit], ranks->strings[lb->unit]);
	}
	return COMPARE(a.count, b.count);
}

/* Of the same stack. No two of them share both of the others. */
static int compare_samples(const void *left, const void *right, void *arg)
{
	const struct ranks *ranks = arg;
	const struct eo_sample *a = &ranks->profile->samples[*(const uint32_t *)left];
	const struct eo_sample *b = &ranks->profile->samples[*(const uint32_t *)right];

	if (a->label_set != b->label_set)
		return compare_label_sets(ranks, a->label_set, b->label_set);
	return compare_label_sets(ranks, a->resource, b->resource);
}

static int compare_keys(const void *left, const void *right)
{
	return COMPARE(((const struct item *)left)->key, ((const struct item *)right)->key);
}

/* Let the keys be the frames at @depth; sort by them. */
static void sort_by_frame(struct item *items, size_t count, uint32_t depth,
			  const struct ranks *ranks)
{
	const uint32_t *frames = ranks->profile->frames;
	bool is_sorted = true;

	for (size_t i = 0; i < count; i++) {
		struct item *item = &items[i];

		item->key = depth < item->frames.count ?
				    1 + ranks->locations[frames[item->frames.first +
								item->frames.count - 1 - depth]] :
				    0;
		is_sorted &= !i || item[-1].key <= item->key;
	}
	if (!is_sorted)
		qsort(items, count, sizeof(*items), compare_keys);
}

/*
 * Sort stacks that are the same up to @depth. Most stacks have most of their frames in common with
 * others, so comparing pairs of them would read the same frames over and over: here each frame is
 * read once for as long as it is shared. The largest group of the same next frame is gone on with
 * and the smaller ones are left to a call each, so that calls do not nest deeply however deep the
 * stacks are.
 */
static void sort_stacks(struct item *items, size_t count, uint32_t depth, const struct ranks *ranks)
{
	while (count > 1) {
		size_t largest = 0, largest_count = 0, next;

		sort_by_frame(items, count, depth, ranks);
		for (size_t i = 0; i < count; i = next) {
			for (next = i + 1; next < count && items[next].key == items[i].key; next++)
				;
			if (next - i > largest_count) {
				largest = i;
				largest_count = next - i;
			}
		}
		/* A stack that has ended is alone, for no two are equal. */
		for (size_t i = 0; i < count; i = next) {
			for (next = i + 1; next < count && items[next].key == items[i].key; next++)
				;
			if (i != largest)
				sort_stacks(items + i, next - i, depth + 1, ranks);
		}
		items += largest;
		count = largest_count;
		depth++;
	}
}

/* The stacks of samples, in order. @starts: by stack, gets where its samples begin. NULL when
 * memory is out. */
static struct item *sorted_stacks(const struct ranks *ranks, uint32_t *starts, size_t *ret_count)
{
	const struct eo_profile *profile = ranks->profile;
	uint32_t start = 0;
	struct item *items;
	size_t count = 0;

	for (size_t i = 0; i < profile->sample_count; i++)
		count += !starts[profile->samples[i].stack]++;
	items = calloc(count + 1, sizeof(*items));
	if (!items)
		return NULL;
	*ret_count = count;
	for (size_t i = profile->stack_count; i-- > 0;)
		if (starts[i])
			items[--count] = (struct item){ .stack = (uint32_t)i,
							.frames = profile->stacks[i] };
	sort_stacks(items, *ret_count, 0, ranks);
	for (size_t i = 0; i < *ret_count; i++) {
		uint32_t *samples = &starts[items[i].stack];

		start += *samples;
		*samples = start - *samples;
	}
	return items;
}

/* NULL when memory is out. */
static uint32_t *sorted_samples(struct ranks *ranks)
{
	const struct eo_profile *profile = ranks->profile;
	EO_AUTO_FREE uint32_t *starts = calloc(profile->stack_count, sizeof(*starts));
	EO_AUTO_FREE struct item *items = NULL;
	EO_AUTO_FREE uint32_t *samples = calloc(profile->sample_count + 1, sizeof(*samples));
	size_t count = 0, begin = 0;

	if (!starts || !samples)
		return NULL;
	items = sorted_stacks(ranks, starts, &count);
	if (!items)
		return NULL;
	/* Filling moves each start to the next one. */
	for (size_t i = 0; i < profile->sample_count; i++)
		samples[starts[profile->samples[i].stack]++] = (uint32_t)i;
	for (size_t i = 0; i < count; i++) {
		size_t end = starts[items[i].stack];

		if (end - begin > 1)
			qsort_r(samples + begin, end - begin, sizeof(*samples), compare_samples,
				ranks);
		begin = end;
	}
	return eo_steal(&samples);
}

/* The indices below @count, in order. NULL when memory is out. */
static uint32_t *sorted(size_t count, compare_fn compare, struct ranks *ranks)
{
	uint32_t *indices = calloc(count ? count : 1, sizeof(*indices));

	if (!indices)
		return NULL;
	for (size_t i = 0; i < count; i++)
		indices[i] = (uint32_t)i;
	qsort_r(indices, count, sizeof(*indices), compare, ranks);
	return indices;
}

static uint32_t *ranked(size_t count, compare_fn compare, struct ranks *ranks)
{
	EO_AUTO_FREE uint32_t *indices = sorted(count, compare, ranks);
	uint32_t *ret = indices ? calloc(count, sizeof(*ret)) : NULL;

	for (size_t i = 0; ret && i < count; i++)
		ret[indices[i]] = (uint32_t)i;
	return ret;
}

static void ranks_fini(struct ranks *ranks)
{
	free(ranks->strings);
	free(ranks->mappings);
	free(ranks->functions);
	free(ranks->locations);
	free(ranks->uses);
}

/* Each table's order builds on that of the one before. False when memory is out. */
static bool rank_tables(struct ranks *ranks)
{
	const struct eo_profile *profile = ranks->profile;

	return (ranks->strings = ranked(profile->string_count, compare_strings, ranks)) &&
	       (ranks->mappings = ranked(profile->mapping_count, compare_mappings, ranks)) &&
	       (ranks->functions = ranked(profile->function_count, compare_functions, ranks)) &&
	       (ranks->locations = ranked(profile->location_count, compare_locations, ranks));
}

/* A file, and none of "libc.so.6", "libc-2.36.so", "libx.so (deleted)", "[vdso]", "//anon". */
static bool is_program_file(const char *name)
{
	const char *slash = strrchr(name, '/');
	const char *base = slash ? slash + 1 : name;

	if (!base[0] || name[0] == '[' || !strncmp(name, "//", 2))
		return false;
	for (const char *so = strstr(base, ".so"); so; so = strstr(so + 1, ".so"))
		if (!so[3] || so[3] == '.' || so[3] == ' ')
			return false;
	return true;
}

/* By location: its mapping when that is a program file, else 0. NULL when memory is out. */
static uint32_t *find_programs(const struct eo_profile *profile)
{
	EO_AUTO_FREE bool *is_program = calloc(profile->mapping_count, sizeof(*is_program));
	EO_AUTO_FREE uint32_t *programs = calloc(profile->location_count, sizeof(*programs));

	if (!is_program || !programs)
		return NULL;
	for (size_t i = 1; i < profile->mapping_count; i++)
		is_program[i] = is_program_file(profile->strings[profile->mappings[i].filename]);
	for (size_t i = 1; i < profile->location_count; i++) {
		const struct eo_location *location = &profile->locations[i];

		if (location->kind != EO_FRAME_KERNEL && is_program[location->mapping])
			programs[i] = location->mapping;
	}
	return eo_steal(&programs);
}

/* The mapping of the root-most frame in a program file; 0 when there is none. */
static uint32_t program_of(const struct eo_profile *profile, uint32_t stack,
			   const uint32_t *programs)
{
	struct eo_span span = profile->stacks[stack];

	for (uint32_t i = span.count; i > 0; i--) {
		uint32_t program = programs[profile->frames[span.first + i - 1]];

		if (program)
			return program;
	}
	return 0;
}

/* Returns 0 when there is none, and false in @ok when memory is out. */
static uint32_t main_mapping(const struct eo_profile *profile, const struct ranks *ranks, bool *ok)
{
	EO_AUTO_FREE uint32_t *programs = find_programs(profile);
	EO_AUTO_FREE uint64_t *weights = calloc(profile->mapping_count, sizeof(*weights));
	uint32_t best = 0;

	*ok = programs && weights;
	if (!*ok)
		return 0;
	for (size_t i = 0; i < profile->sample_count; i++) {
		const struct eo_sample *sample = &profile->samples[i];
		int64_t value = profile->values[sample->values];
		uint64_t weight = value < 0 ? -(uint64_t)value : (uint64_t)value;
		uint64_t *sum = &weights[program_of(profile, sample->stack, programs)];

		if (__builtin_add_overflow(*sum, weight, sum))
			*sum = UINT64_MAX;
	}
	for (uint32_t i = 1; i < profile->mapping_count; i++)
		if (weights[i] && (!best || weights[i] > weights[best] ||
				   (weights[i] == weights[best] &&
				    ranks->mappings[i] < ranks->mappings[best])))
			best = i;
	return best;
}

static bool numbering_init(struct eo_numbering *numbering, size_t table_count)
{
	numbering->numbers = calloc(table_count, sizeof(*numbering->numbers));
	numbering->indices = calloc(table_count, sizeof(*numbering->indices));
	return numbering->numbers && numbering->indices;
}

static void numbering_fini(struct eo_numbering *numbering)
{
	free(numbering->numbers);
	free(numbering->indices);
}

static void use(struct eo_numbering *numbering, uint32_t index)
{
	if (numbering->numbers[index])
		return;
	numbering->indices[numbering->count++] = index;
	numbering->numbers[index] = (uint32_t)numbering->count;
}

/* Number the locations that are used, and what they refer to. False when memory is out. */
static bool number_locations(struct eo_order *order, struct ranks *ranks)
{
	const struct eo_profile *profile = ranks->profile;
	EO_AUTO_FREE uint32_t *locations = NULL;

	ranks->uses = calloc(profile->location_count, sizeof(*ranks->uses));
	if (!ranks->uses)
		return false;
	for (size_t i = 0; i < profile->sample_count; i++) {
		struct eo_span span = profile->stacks[profile->samples[i].stack];

		for (uint32_t frame = 0; frame < span.count; frame++)
			ranks->uses[profile->frames[span.first + frame]]++;
	}
	locations = sorted(profile->location_count, compare_uses, ranks);
	if (!locations)
		return false;
	for (size_t i = 0; i < profile->location_count && ranks->uses[locations[i]]; i++) {
		const struct eo_location *location = &profile->locations[locations[i]];

		use(&order->locations, locations[i]);
		if (location->mapping)
			use(&order->mappings, location->mapping);
		for (uint32_t at = 0; at < location->line_count; at++)
			use(&order->functions, profile->lines[location->first_line + at].function);
	}
	return true;
}

static bool fill(struct eo_order *order, const struct eo_profile *profile, struct ranks *ranks)
{
	uint32_t program;
	bool ok;

	if (!rank_tables(ranks))
		return false;
	order->samples = sorted_samples(ranks);
	if (!order->samples || !numbering_init(&order->mappings, profile->mapping_count) ||
	    !numbering_init(&order->functions, profile->function_count) ||
	    !numbering_init(&order->locations, profile->location_count))
		return false;

	program = main_mapping(profile, ranks, &ok);
	if (program)
		use(&order->mappings, program);
	return ok && number_locations(order, ranks);
}

struct eo_order *eo_order_new(const struct eo_profile *profile)
{
	EO_AUTO(eo_order) order = calloc(1, sizeof(*order));
	struct ranks ranks = { .profile = profile };
	bool ok = order && fill(order, profile, &ranks);

	ranks_fini(&ranks);
	return ok ? eo_steal(&order) : NULL;
}

void eo_order_free(struct eo_order *order)
{
	if (!order)
		return;
	free(order->samples);
	numbering_fini(&order->mappings);
	numbering_fini(&order->functions);
	numbering_fini(&order->locations);
	free(order);
}
