/* SPDX-License-Identifier: BSD-2-Clause */
#include "otlp/otlp_profile_plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "format/writer.h"

static bool is_type(const struct eo_profile *profile, const struct eo_value_type *type,
		    const char *name, const char *unit)
{
	return !strcmp(profile->strings[type->type], name) &&
	       !strcmp(profile->strings[type->unit], unit);
}

/* The second value of every sample is the first times the period. */
static bool second_follows(const struct eo_profile *profile)
{
	for (size_t i = 0; i < profile->sample_count; i++) {
		const int64_t *values = profile->values + profile->samples[i].values;
		int64_t product;

		if (__builtin_mul_overflow(values[0], profile->period, &product) ||
		    product != values[1])
			return false;
	}
	return true;
}

static enum eo_otlp_cpu_from_period cpu_from_period(const struct eo_profile *profile)
{
	const struct eo_value_type *types = profile->value_types;

	if (profile->period <= 0 || !is_type(profile, &profile->period_type, "cpu", "nanoseconds") ||
	    !is_type(profile, &types[0], "samples", "count"))
		return EO_OTLP_CPU_NOT_SAID;
	if (profile->value_type_count == 1)
		return EO_OTLP_CPU_DOES_NOT_FOLLOW;
	if (profile->value_type_count == 2 && is_type(profile, &types[1], "cpu", "nanoseconds") &&
	    second_follows(profile))
		return EO_OTLP_CPU_FOLLOWS;
	return EO_OTLP_CPU_NOT_SAID;
}

/* The default first. */
static bool plan_types(struct eo_otlp_plan *plan, const struct eo_profile *profile)
{
	size_t first = eo_profile_default_value_type(profile);

	plan->types = calloc(profile->value_type_count, sizeof(*plan->types));
	if (!plan->types)
		return false;
	plan->cpu_from_period = cpu_from_period(profile);
	if (plan->cpu_from_period == EO_OTLP_CPU_FOLLOWS) {
		plan->type_count = 1; /* which is element 0 of the model */
		return true;
	}
	plan->types[plan->type_count++].value_type = first;
	for (size_t i = 0; i < profile->value_type_count; i++)
		if (i != first)
			plan->types[plan->type_count++].value_type = i;
	return true;
}

struct weight {
	uint64_t sum;
	size_t resource; /* in the order in which samples name them */
};

static int compare_weights(const void *left, const void *right)
{
	const struct weight *a = left, *b = right;

	if (a->sum != b->sum)
		return a->sum > b->sum ? -1 : 1;
	return (a->resource > b->resource) - (a->resource < b->resource);
}

static uint64_t weight_of(const struct eo_profile *profile, uint32_t sample)
{
	int64_t value = profile->values[profile->samples[sample].values];

	return value < 0 ? -(uint64_t)value : (uint64_t)value;
}

/* Find the resources and give each its place among the rows. @number_of: by label set, from 1 */
static bool plan_resources(struct eo_otlp_plan *plan, const struct eo_profile *profile,
			   const struct eo_order *order, uint32_t *number_of)
{
	EO_AUTO_FREE struct weight *weights = NULL;
	EO_AUTO_FREE uint32_t *found = calloc(profile->label_set_count, sizeof(*found));
	size_t row = 0;

	if (!found)
		return false;
	for (size_t i = 0; i < profile->sample_count; i++) {
		uint32_t resource = profile->samples[order->samples[i]].resource;

		if (!number_of[resource]) {
			found[plan->resource_count++] = resource;
			number_of[resource] = (uint32_t)plan->resource_count;
		}
	}
	if (!plan->resource_count)
		plan->resource_count = 1; /* the empty one, which nobody names */

	weights = calloc(plan->resource_count, sizeof(*weights));
	plan->resources = calloc(plan->resource_count, sizeof(*plan->resources));
	if (!weights || !plan->resources)
		return false;
	for (size_t i = 0; i < plan->resource_count; i++)
		weights[i].resource = i;
	for (size_t i = 0; i < profile->sample_count; i++) {
		size_t at = number_of[profile->samples[i].resource] - 1;

		if (__builtin_add_overflow(weights[at].sum, weight_of(profile, (uint32_t)i),
					   &weights[at].sum))
			weights[at].sum = UINT64_MAX;
	}
	qsort(weights, plan->resource_count, sizeof(*weights), compare_weights);
	for (size_t i = 0; i < plan->resource_count; i++) {
		uint32_t label_set = found[weights[i].resource];

		plan->resources[i].label_set = label_set;
		number_of[label_set] = (uint32_t)i + 1;
	}
	for (size_t i = 0; i < profile->sample_count; i++)
		plan->resources[number_of[profile->samples[i].resource] - 1].row_count++;
	for (size_t i = 0; i < plan->resource_count; i++) {
		plan->resources[i].first_row = row;
		row += plan->resources[i].row_count;
	}
	return true;
}

static int compare_rows(const void *left, const void *right)
{
	const struct eo_otlp_row *a = left, *b = right;

	if (a->set != b->set)
		return a->set > b->set ? 1 : -1;
	return (a->sample > b->sample) - (a->sample < b->sample);
}

/* Samples come in the order of their stacks; within a stack bring equal sets together. */
static void join_rows(struct eo_otlp_plan *plan, const struct eo_profile *profile,
		      const struct eo_otlp_resource *resource)
{
	size_t end = resource->first_row + resource->row_count, next;

	for (size_t row = resource->first_row; row < end; row = next) {
		uint32_t stack = profile->samples[plan->rows[row].sample].stack;

		for (next = row + 1; next < end; next++)
			if (profile->samples[plan->rows[next].sample].stack != stack)
				break;
		qsort(plan->rows + row, next - row, sizeof(*plan->rows), compare_rows);
	}
}

static bool plan_rows(struct eo_otlp_plan *plan, const struct eo_profile *profile,
		      const struct eo_order *order, struct eo_otlp_attributes *attributes)
{
	EO_AUTO_FREE uint32_t *number_of = calloc(profile->label_set_count, sizeof(*number_of));
	EO_AUTO_FREE size_t *filled = NULL;

	if (!number_of || !plan_resources(plan, profile, order, number_of))
		return false;
	filled = calloc(plan->resource_count, sizeof(*filled));
	plan->rows = calloc(profile->sample_count + 1, sizeof(*plan->rows));
	if (!filled || !plan->rows)
		return false;
	plan->row_count = profile->sample_count;
	for (size_t i = 0; i < profile->sample_count; i++) {
		uint32_t sample = order->samples[i];
		size_t at = number_of[profile->samples[sample].resource] - 1;

		plan->rows[plan->resources[at].first_row + filled[at]++].sample = sample;
	}
	for (size_t i = 0; i < plan->resource_count; i++) {
		const struct eo_otlp_resource *resource = &plan->resources[i];
		struct eo_otlp_row *row = plan->rows + resource->first_row;

		for (size_t left = resource->row_count; left; left--, row++)
			row->set = eo_otlp_attributes_set_of(
				attributes, profile->samples[row->sample].label_set,
				resource->label_set);
	}
	for (size_t i = 0; attributes->sets_shared && i < plan->resource_count; i++)
		join_rows(plan, profile, &plan->resources[i]);
	return true;
}

size_t eo_otlp_plan_sample_end(const struct eo_otlp_plan *plan, const struct eo_profile *profile,
			       const struct eo_otlp_resource *resource, size_t row)
{
	size_t end = resource->first_row + resource->row_count, next = row + 1;
	uint32_t stack = profile->samples[plan->rows[row].sample].stack;

	while (next < end && plan->rows[next].set == plan->rows[row].set &&
	       profile->samples[plan->rows[next].sample].stack == stack)
		next++;
	return next;
}

static int compare_times(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

static void sort_times(struct eo_otlp_plan *plan, const struct eo_profile *profile)
{
	for (size_t i = 0; i < plan->resource_count; i++) {
		const struct eo_otlp_resource *resource = &plan->resources[i];
		size_t end = resource->first_row + resource->row_count, next;

		for (size_t row = resource->first_row; row < end; row = next) {
			next = eo_otlp_plan_sample_end(plan, profile, resource, row);
			qsort(plan->times + plan->first_time[row],
			      plan->first_time[next] - plan->first_time[row],
			      sizeof(*plan->times), compare_times);
		}
	}
}

/* Lay timestamps out by row. */
static bool plan_times(struct eo_otlp_plan *plan, const struct eo_profile *profile)
{
	EO_AUTO_FREE uint32_t *row_of = NULL;

	if (!profile->timestamp_count)
		return true;
	row_of = calloc(plan->row_count, sizeof(*row_of));
	plan->first_time = calloc(plan->row_count + 2, sizeof(*plan->first_time));
	plan->times = calloc(profile->timestamp_count, sizeof(*plan->times));
	if (!row_of || !plan->first_time || !plan->times)
		return false;
	for (size_t row = 0; row < plan->row_count; row++)
		row_of[plan->rows[row].sample] = (uint32_t)row;
	/* Counts two places further, sums one place further: filling moves them where they belong. */
	for (size_t i = 0; i < profile->timestamp_count; i++)
		plan->first_time[row_of[profile->timestamps[i].sample] + 2]++;
	for (size_t row = 2; row < plan->row_count + 2; row++)
		plan->first_time[row] += plan->first_time[row - 1];
	for (size_t i = 0; i < profile->timestamp_count; i++) {
		size_t *at = &plan->first_time[row_of[profile->timestamps[i].sample] + 1];

		plan->times[(*at)++] = profile->timestamps[i].time_ns;
	}
	sort_times(plan, profile);
	return true;
}

/* Is every count of every sample a timestamp? */
static bool is_timed(const struct eo_otlp_plan *plan, const struct eo_profile *profile, size_t type)
{
	if (!plan->first_time ||
	    strcmp(profile->strings[profile->value_types[type].unit], "count") != 0)
		return false;
	for (size_t row = 0; row < plan->row_count; row++) {
		const struct eo_sample *sample = &profile->samples[plan->rows[row].sample];
		size_t count = plan->first_time[row + 1] - plan->first_time[row];

		if (!count || profile->values[sample->values + type] != (int64_t)count)
			return false;
	}
	return true;
}

static void plan_window(struct eo_otlp_plan *plan, const struct eo_profile *profile)
{
	uint64_t end;

	plan->start_ns = profile->time_ns > 0 ? (uint64_t)profile->time_ns : 0;
	plan->duration_ns = profile->duration_ns > 0 ? (uint64_t)profile->duration_ns : 0;
	if (!plan->first_time)
		return;
	if (!plan->start_ns)
		plan->start_ns = plan->times[0];
	end = plan->start_ns + plan->duration_ns;
	if (end < plan->start_ns)
		end = UINT64_MAX;
	for (size_t i = 0; i < profile->timestamp_count; i++) {
		uint64_t time = plan->times[i];

		if (time < plan->start_ns)
			plan->start_ns = time;
		if (time >= end)
			end = time == UINT64_MAX ? time : time + 1; /* the end is outside */
	}
	plan->duration_ns = end - plan->start_ns;
}

int eo_otlp_plan_init(struct eo_otlp_plan *plan, const struct eo_profile *profile,
		      const struct eo_order *order, struct eo_otlp_attributes *attributes)
{
	*plan = (struct eo_otlp_plan){ .type_count = 0 };
	if (!plan_types(plan, profile) || !plan_rows(plan, profile, order, attributes) ||
	    !plan_times(plan, profile))
		return -ENOMEM;
	for (size_t i = 0; i < plan->type_count; i++)
		plan->types[i].timed = is_timed(plan, profile, plan->types[i].value_type);
	plan_window(plan, profile);
	return attributes->status;
}

void eo_otlp_plan_fini(struct eo_otlp_plan *plan)
{
	free(plan->types);
	free(plan->resources);
	free(plan->rows);
	free(plan->first_time);
	free(plan->times);
}
