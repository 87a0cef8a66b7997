/* SPDX-License-Identifier: BSD-2-Clause */
#include "format/diff.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define BASE_KEY "pprof::base"
#define BASE_VALUE "true"

/* Indices of the base's elements in the profile they move to; 0: not moved yet, or none. */
struct move {
	struct eo_profile *to;
	const struct eo_profile *from;
	uint32_t *strings, *mappings, *functions, *locations;
	uint32_t *scratch; /* as long as the longest stack */
	struct eo_line *lines;
	struct eo_label *labels; /* one more than in the largest label set */
	int64_t *values;
};

static void move_fini(struct move *m)
{
	free(m->strings);
	free(m->mappings);
	free(m->functions);
	free(m->locations);
	free(m->scratch);
	free(m->lines);
	free(m->labels);
	free(m->values);
}

static uint32_t longest(const struct eo_span *spans, size_t count)
{
	uint32_t most = 0;

	for (size_t i = 0; i < count; i++)
		if (spans[i].count > most)
			most = spans[i].count;
	return most;
}

static int move_init(struct move *m, struct eo_profile *to, const struct eo_profile *from)
{
	uint32_t lines = 0;

	for (size_t i = 0; i < from->location_count; i++)
		if (from->locations[i].line_count > lines)
			lines = from->locations[i].line_count;
	*m = (struct move){ .to = to, .from = from };
	m->strings = calloc(from->string_count, sizeof(*m->strings));
	m->mappings = calloc(from->mapping_count, sizeof(*m->mappings));
	m->functions = calloc(from->function_count, sizeof(*m->functions));
	m->locations = calloc(from->location_count, sizeof(*m->locations));
	m->scratch = calloc((size_t)longest(from->stacks, from->stack_count) + 1,
			    sizeof(*m->scratch));
	m->lines = calloc((size_t)lines + 1, sizeof(*m->lines));
	m->labels = calloc((size_t)longest(from->label_sets, from->label_set_count) + 1,
			   sizeof(*m->labels));
	m->values = calloc(from->value_type_count + 1, sizeof(*m->values));
	return m->strings && m->mappings && m->functions && m->locations && m->scratch &&
	       m->lines && m->labels && m->values ? 0 : -ENOMEM;
}

static uint32_t move_string(struct move *m, uint32_t from)
{
	uint32_t *to = &m->strings[from];

	if (from && !*to)
		*to = eo_profile_string(m->to, m->from->strings[from]);
	return *to;
}

static uint32_t move_mapping(struct move *m, uint32_t from)
{
	struct eo_mapping mapping = m->from->mappings[from];
	uint32_t *to = &m->mappings[from];

	if (from && !*to) {
		mapping.filename = move_string(m, mapping.filename);
		mapping.build_id = move_string(m, mapping.build_id);
		*to = eo_profile_mapping(m->to, &mapping);
	}
	return *to;
}

static uint32_t move_function(struct move *m, uint32_t from)
{
	struct eo_function function = m->from->functions[from];
	uint32_t *to = &m->functions[from];

	if (from && !*to) {
		function.name = move_string(m, function.name);
		function.system_name = move_string(m, function.system_name);
		function.filename = move_string(m, function.filename);
		*to = eo_profile_function(m->to, &function);
	}
	return *to;
}

static uint32_t move_location(struct move *m, uint32_t from)
{
	struct eo_location location = m->from->locations[from];
	uint32_t *to = &m->locations[from];

	if (from && !*to) {
		for (uint32_t i = 0; i < location.line_count; i++) {
			m->lines[i] = m->from->lines[location.first_line + i];
			m->lines[i].function = move_function(m, m->lines[i].function);
		}
		location.mapping = move_mapping(m, location.mapping);
		*to = eo_profile_location(m->to, &location, m->lines, location.line_count);
	}
	return *to;
}

static uint32_t move_stack(struct move *m, uint32_t from)
{
	struct eo_span span = m->from->stacks[from];

	for (uint32_t i = 0; i < span.count; i++)
		m->scratch[i] = move_location(m, m->from->frames[span.first + i]);
	return eo_profile_stack(m->to, m->scratch, span.count);
}

/* With @mark behind it, when there is one. */
static uint32_t move_label_set(struct move *m, uint32_t from, const struct eo_label *mark)
{
	struct eo_span span = m->from->label_sets[from];

	for (uint32_t i = 0; i < span.count; i++) {
		struct eo_label *label = &m->labels[i];

		*label = m->from->labels[span.first + i];
		label->key = move_string(m, label->key);
		label->str = move_string(m, label->str);
		label->unit = move_string(m, label->unit);
	}
	if (mark)
		m->labels[span.count++] = *mark;
	return eo_profile_label_set(m->to, m->labels, span.count);
}

static int move_sample(struct move *m, const struct eo_sample *sample, const struct eo_label *mark)
{
	uint32_t stack = move_stack(m, sample->stack);
	uint32_t resource = move_label_set(m, sample->resource, NULL);
	uint32_t label_set = move_label_set(m, sample->label_set, mark);

	for (size_t i = 0; i < m->from->value_type_count; i++)
		if (__builtin_sub_overflow(0, m->from->values[sample->values + i], &m->values[i]))
			return -EOVERFLOW;
	eo_profile_add_sample_of(m->to, resource, stack, label_set, m->values);
	return eo_profile_status(m->to);
}

static int add_comments(struct eo_profile *profile, const struct eo_profile *base)
{
	char duration[64];

	for (size_t i = 0; i < base->comment_count; i++) {
		EO_AUTO_FREE char *text = NULL;

		if (asprintf(&text, "base: %s", base->strings[base->comments[i]]) < 0) {
			text = NULL;
			return -ENOMEM;
		}
		eo_profile_add_comment(profile, text);
	}
	if (base->duration_ns > 0) {
		snprintf(duration, sizeof(duration), "base: profiled for %.6g s",
			 (double)base->duration_ns / 1e9);
		eo_profile_add_comment(profile, duration);
	}
	return eo_profile_status(profile);
}

/* "samples/count, cpu/nanoseconds" */
static void list_types(const struct eo_profile *profile, char *to, size_t size)
{
	size_t used = 0;

	snprintf(to, size, "none");
	for (size_t i = 0; i < profile->value_type_count && used < size; i++)
		used += (size_t)snprintf(to + used, size - used, "%s%s/%s", i ? ", " : "",
					 profile->strings[profile->value_types[i].type],
					 profile->strings[profile->value_types[i].unit]);
}

static bool have_equal_types(const struct eo_profile *a, const struct eo_profile *b)
{
	if (a->value_type_count != b->value_type_count)
		return false;
	for (size_t i = 0; i < a->value_type_count; i++)
		if (strcmp(a->strings[a->value_types[i].type], b->strings[b->value_types[i].type]) ||
		    strcmp(a->strings[a->value_types[i].unit], b->strings[b->value_types[i].unit]))
			return false;
	return true;
}

static int check(const struct eo_profile *profile, const struct eo_profile *base,
		 struct eo_error *err)
{
	char of_profile[96], of_base[96];

	if (eo_profile_is_difference(base))
		return eo_error_set(err, EO_ERROR_CONFIG, 0, NULL,
				    "subtract a profile that is a difference itself");
	if (have_equal_types(profile, base))
		return 0;
	list_types(profile, of_profile, sizeof(of_profile));
	list_types(base, of_base, sizeof(of_base));
	return eo_error_set(err, EO_ERROR_CONFIG, 0, NULL,
			    "subtract a profile of %s from one of %s", of_base, of_profile);
}

int eo_profile_subtract(struct eo_profile *profile, const struct eo_profile *base,
			struct eo_error *err)
{
	struct eo_label mark;
	struct move m;
	int r;

	r = check(profile, base, err);
	if (r < 0)
		return r;
	mark = (struct eo_label){ .key = eo_profile_string(profile, BASE_KEY),
				  .str = eo_profile_string(profile, BASE_VALUE) };
	r = move_init(&m, profile, base);
	for (size_t i = 0; r == 0 && i < base->sample_count; i++)
		r = move_sample(&m, &base->samples[i], &mark);
	move_fini(&m);
	if (r == 0)
		r = add_comments(profile, base);
	if (r < 0)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, -r, NULL,
				    "subtract a profile");
	return 0;
}

bool eo_profile_is_base(const struct eo_profile *profile, uint32_t label_set)
{
	struct eo_span span = profile->label_sets[label_set];

	for (uint32_t i = 0; i < span.count; i++) {
		const struct eo_label *label = &profile->labels[span.first + i];

		if (label->str && !strcmp(profile->strings[label->key], BASE_KEY) &&
		    !strcmp(profile->strings[label->str], BASE_VALUE))
			return true;
	}
	return false;
}

bool eo_profile_is_difference(const struct eo_profile *profile)
{
	for (size_t i = 0; i < profile->sample_count; i++)
		if (eo_profile_is_base(profile, profile->samples[i].label_set))
			return true;
	return false;
}
