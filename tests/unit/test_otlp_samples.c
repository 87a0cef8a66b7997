/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>

#include "otlp_written.h"

/* --- labels ------------------------------------------------------------------------------ */

/* The only sample of a profile with these labels. */
static const P(Sample) *labelled(const struct eo_label *labels, size_t count,
				 struct eo_profile *profile, ProfilesData **data)
{
	add_sample(profile, 0, "f", eo_profile_label_set(profile, labels, count), 1);
	*data = otlp_of(profile);
	cr_assert_eq(scope_of(*data, 0)->profiles[0]->n_samples, 1);
	return scope_of(*data, 0)->profiles[0]->samples[0];
}

Test(otlp_profile, labels_have_the_names_of_otlp)
{
	struct eo_profile *profile = cpu_profile();
	struct eo_label labels[] = {
		number_label(profile, "pid", 42),	 number_label(profile, "tid", 43),
		text_label(profile, "comm", "app"),	 text_label(profile, "thread", "worker"),
		number_label(profile, "bytes", 0),	 text_label(profile, "empty", ""),
	};
	ProfilesData *data;
	const P(Sample) *sample;

	labels[4].unit = eo_profile_string(profile, "kilobytes");
	sample = labelled(labels, 6, profile, &data);
	cr_expect_eq(sample->n_attribute_indices, 6);
	cr_expect_eq(sample_attribute(data, sample, "process.pid")->value->int_value, 42);
	cr_expect_eq(sample_attribute(data, sample, "thread.id")->value->int_value, 43);
	cr_expect_str_eq(sample_attribute(data, sample, "process.title")->value->string_value, "app");
	cr_expect_str_eq(sample_attribute(data, sample, "thread.name")->value->string_value, "worker");
	cr_expect_eq(sample_attribute(data, sample, "bytes")->value->value_case, ANY(INT_VALUE));
	cr_expect_eq(sample_attribute(data, sample, "bytes")->value->int_value, 0);
	cr_expect_str_eq(string(data, sample_attribute(data, sample, "bytes")->unit_strindex),
			 "kilobytes");
	cr_expect_eq(sample_attribute(data, sample, "empty")->value->value_case, ANY(STRING_VALUE));
	free_data(data);
}

Test(otlp_profile, labels_of_another_kind_keep_their_names)
{
	struct eo_profile *profile = cpu_profile();
	struct eo_label labels[] = { text_label(profile, "pid", "42"), number_label(profile, "tid", 1),
				     number_label(profile, "comm", 2) };
	ProfilesData *data;
	const P(Sample) *sample;

	labels[1].unit = eo_profile_string(profile, "count");
	sample = labelled(labels, 3, profile, &data);
	cr_expect_str_eq(sample_attribute(data, sample, "pid")->value->string_value, "42");
	cr_expect_eq(sample_attribute(data, sample, "tid")->value->int_value, 1);
	cr_expect_eq(sample_attribute(data, sample, "comm")->value->int_value, 2);
	free_data(data);
}

Test(otlp_profile, no_label_is_renamed_where_one_has_such_a_name)
{
	struct eo_profile *profile = cpu_profile();
	struct eo_label labels[] = { number_label(profile, "pid", 42),
				     text_label(profile, "thread.name", "x") };
	ProfilesData *data;
	const P(Sample) *sample = labelled(labels, 2, profile, &data);

	cr_expect_eq(sample_attribute(data, sample, "pid")->value->int_value, 42);
	cr_assert(scope_value(data, EO_OTLP_LABELS_KEPT));
	cr_expect(scope_value(data, EO_OTLP_LABELS_KEPT)->bool_value);
	free_data(data);
}

Test(otlp_profile, several_labels_of_a_key_are_an_array)
{
	struct eo_profile *profile = cpu_profile();
	struct eo_label labels[] = { number_label(profile, "size", 4096),
				     text_label(profile, "other", "x"),
				     number_label(profile, "size", -1),
				     text_label(profile, "size", "large") };
	const P(KeyValueAndUnit) *size;
	ProfilesData *data;
	const P(Sample) *sample;

	labels[0].unit = labels[2].unit = eo_profile_string(profile, "bytes");
	sample = labelled(labels, 4, profile, &data);
	cr_expect_eq(sample->n_attribute_indices, 2);
	size = sample_attribute(data, sample, "size");
	cr_expect_str_eq(string(data, size->unit_strindex), "bytes");
	cr_assert_eq(size->value->value_case, ANY(ARRAY_VALUE));
	cr_assert_eq(size->value->array_value->n_values, 3);
	cr_expect_eq(size->value->array_value->values[0]->int_value, 4096);
	cr_expect_eq(size->value->array_value->values[1]->int_value, -1);
	cr_expect_str_eq(size->value->array_value->values[2]->string_value, "large");
	free_data(data);
}

Test(otlp_profile, label_sets_of_the_same_labels_are_one_sample)
{
	struct eo_profile *profile = cpu_profile();
	struct eo_label a = text_label(profile, "a", "1"), b = text_label(profile, "b", "2");
	uint32_t ab = eo_profile_label_set(profile, (struct eo_label[]){ a, b }, 2);
	uint32_t ba = eo_profile_label_set(profile, (struct eo_label[]){ b, a }, 2);
	uint32_t only_b = eo_profile_label_set(profile, &b, 1);
	ProfilesData *data;

	cr_assert_neq(ab, ba);
	add_sample(profile, 0, "f", ab, 1);
	add_sample(profile, 0, "f", only_b, 2);
	add_sample(profile, 0, "f", ba, 4);
	add_sample(profile, 0, "g", ba, 8);
	data = otlp_of(profile);
	cr_expect_eq(scope_of(data, 0)->profiles[0]->n_samples, 3);
	cr_expect_eq(total(data, 0), 15);
	free_data(data);
}

Test(otlp_profile, trace_and_span_ids_are_a_link)
{
	static const char trace[] = "5b8efff798038103d269b633813fc60c", span[] = "eee19b7ec3c1b174";
	struct eo_profile *profile = cpu_profile();
	struct eo_label labels[] = { text_label(profile, "trace_id", trace),
				     text_label(profile, "k", "v"),
				     text_label(profile, "span_id", span) };
	ProfilesData *data;
	const P(Sample) *sample;
	const P(Link) *link;

	sample = labelled(labels, 3, profile, &data);
	cr_assert_eq(sample->link_index, 1);
	cr_expect_eq(sample->n_attribute_indices, 1);
	cr_assert_eq(data->dictionary->n_link_table, 2);
	link = data->dictionary->link_table[1];
	cr_expect_eq(link->trace_id.len, 16);
	cr_expect_eq(link->trace_id.data[0], 0x5b);
	cr_expect_eq(link->trace_id.data[15], 0x0c);
	cr_expect_eq(link->span_id.len, 8);
	cr_expect_eq(link->span_id.data[0], 0xee);
	free_data(data);
}

Test(otlp_profile, other_ids_stay_labels)
{
	static const char good[] = "5b8efff798038103d269b633813fc60c";
	static const struct {
		const char *trace, *span;
	} cases[] = {
		{ good, NULL },
		{ NULL, "eee19b7ec3c1b174" },
		{ good, "eee19b7ec3c1b17" },
		{ good, "EEE19B7EC3C1B174" },
		{ good, "0000000000000000" },
		{ good, "eee19b7ec3c1b17g" },
		{ "00000000000000000000000000000000", "eee19b7ec3c1b174" },
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(cases); i++) {
		struct eo_profile *profile = cpu_profile();
		struct eo_label labels[2];
		size_t count = 0;
		ProfilesData *data;
		const P(Sample) *sample;

		if (cases[i].trace)
			labels[count++] = text_label(profile, "trace_id", cases[i].trace);
		if (cases[i].span)
			labels[count++] = text_label(profile, "span_id", cases[i].span);
		sample = labelled(labels, count, profile, &data);
		cr_expect_eq(sample->link_index, 0, "case %zu", i);
		cr_expect_eq(sample->n_attribute_indices, count, "case %zu", i);
		cr_expect_eq(data->dictionary->n_link_table, 1);
		free_data(data);
	}
}

/* --- resources --------------------------------------------------------------------------- */

Test(otlp_profile, samples_are_grouped_by_resource_the_largest_first)
{
	struct eo_profile *profile = cpu_profile();
	const struct eo_attribute extra[] = { { .key = "host.name", .str = "box" },
					      { .key = "service.name", .str = "chosen" },
					      { .key = "n", .num = 7 } };
	const struct eo_write_options options = { .value_type = SIZE_MAX, .resource = extra,
						  .resource_count = 3 };
	struct eo_label small[] = { text_label(profile, "service.name", "small"),
				    number_label(profile, "process.pid", 1) };
	struct eo_label large[] = { text_label(profile, "service.name", "large"),
				    number_label(profile, "process.pid", 2),
				    number_label(profile, "process.pid", 3) };
	uint32_t set_small = eo_profile_label_set(profile, small, 2);
	uint32_t set_large = eo_profile_label_set(profile, large, 3);
	ProfilesData *data;

	add_sample(profile, set_small, "f", 0, 1);
	add_sample(profile, 0, "f", 0, 5);
	add_sample(profile, set_large, "f", 0, 20);
	add_sample(profile, set_large, "g", 0, 30);
	data = written_with(profile, NULL);
	cr_assert_eq(data->n_resource_profiles, 3);
	cr_expect_str_eq(resource_value(data, 0, "service.name")->string_value, "large");
	cr_expect_eq(resource_value(data, 0, "process.pid")->int_value, 2, "the first of a key");
	cr_expect_eq(data->resource_profiles[1]->resource->n_attributes, 0);
	cr_expect_str_eq(resource_value(data, 2, "service.name")->string_value, "small");
	cr_expect_eq(scope_of(data, 0)->profiles[0]->n_samples, 2);
	cr_expect_eq(scope_of(data, 1)->profiles[0]->n_samples, 1);
	cr_expect_eq(scope_of(data, 2)->profiles[0]->n_samples, 1);
	cr_expect_eq(data->dictionary->n_stack_table, 3, "stacks are shared");
	cr_expect_eq(total(data, 0), 56);
	free_data(data);

	data = written_with(profile, &options);
	cr_assert_eq(data->n_resource_profiles, 3);
	for (size_t i = 0; i < 3; i++) {
		cr_expect_str_eq(resource_value(data, i, "host.name")->string_value, "box");
		cr_expect_str_eq(resource_value(data, i, "service.name")->string_value, "chosen");
		cr_expect_eq(resource_value(data, i, "n")->int_value, 7);
	}
	free_data(data);
	eo_profile_free(profile);
}

Test(otlp_profile, a_pid_that_the_resource_says_is_not_repeated)
{
	struct eo_profile *profile = cpu_profile();
	struct eo_label process = number_label(profile, "process.pid", 42);
	uint32_t resource = eo_profile_label_set(profile, &process, 1);
	struct eo_label same[] = { number_label(profile, "pid", 42), text_label(profile, "comm", "a") };
	struct eo_label other[] = { number_label(profile, "pid", 43), text_label(profile, "comm", "a") };
	struct eo_label none = same[1];
	const P(Profile) *first;
	ProfilesData *data;

	add_sample(profile, resource, "f", eo_profile_label_set(profile, same, 2), 10);
	add_sample(profile, resource, "f", eo_profile_label_set(profile, other, 2), 1);
	add_sample(profile, resource, "f", eo_profile_label_set(profile, &none, 1), 100);
	add_sample(profile, 0, "f", eo_profile_label_set(profile, same, 2), 1000);
	data = otlp_of(profile);
	cr_assert_eq(data->n_resource_profiles, 2);
	first = scope_of(data, 1)->profiles[0];
	cr_expect_eq(scope_of(data, 0)->profiles[0]->samples[0]->n_attribute_indices, 2);
	cr_assert_eq(first->n_samples, 2, "one of pid 42, one of pid 43");
	for (size_t i = 0; i < 2; i++) {
		const P(KeyValueAndUnit) *pid =
			sample_attribute(data, first->samples[i], "process.pid");

		cr_expect_eq(first->samples[i]->values[0], pid ? 1 : 110);
		cr_expect(!pid || pid->value->int_value == 43);
	}
	free_data(data);
}

/* --- timestamps -------------------------------------------------------------------------- */

Test(otlp_profile, samples_with_all_their_timestamps_have_no_values)
{
	struct eo_profile *profile = cpu_profile();
	uint64_t start = (uint64_t)profile->time_ns;
	uint32_t f = add_sample(profile, 0, "f", 0, 3), g = add_sample(profile, 0, "g", 0, 1);
	const P(Profile) *written_profile;
	ProfilesData *data;

	eo_profile_add_timestamp(profile, f, start + 30);
	eo_profile_add_timestamp(profile, g, start + 999999999);
	eo_profile_add_timestamp(profile, f, start + 10);
	eo_profile_add_timestamp(profile, f, start + 20);
	data = otlp_of(profile);
	written_profile = scope_of(data, 0)->profiles[0];
	cr_assert_eq(written_profile->n_samples, 2);
	cr_expect_eq(total(data, 0), 4);
	for (size_t i = 0; i < 2; i++) {
		const P(Sample) *sample = written_profile->samples[i];

		cr_expect_eq(sample->n_values, 0);
		if (sample->n_timestamps_unix_nano == 3)
			for (size_t at = 0; at < 3; at++)
				cr_expect_eq(sample->timestamps_unix_nano[at], start + 10 * (at + 1));
		else
			cr_expect_eq(sample->timestamps_unix_nano[0], start + 999999999);
	}
	cr_expect_eq(written_profile->time_unix_nano, start);
	cr_expect_eq(written_profile->duration_nano, 1000000000);
	free_data(data);
}

Test(otlp_profile, the_window_reaches_to_the_outermost_timestamps)
{
	static const struct {
		int64_t time_ns, duration_ns;
		uint64_t start_ns;
		uint64_t expected_duration_ns;
	} cases[] = {
		{ 1000, 100, 500, 1501 }, /* both sides */
		{ 0, 0, 500, 1501 },	  /* nothing known */
		{ 600, 0, 500, 1501 },
		{ 400, 5000, 400, 5000 }, /* wide enough */
		{ 400, 1600, 400, 1601 }, /* the end is outside */
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(cases); i++) {
		struct eo_profile *profile = cpu_profile();
		uint32_t sample = add_sample(profile, 0, "f", 0, 2);
		ProfilesData *data;

		profile->time_ns = cases[i].time_ns;
		profile->duration_ns = cases[i].duration_ns;
		eo_profile_add_timestamp(profile, sample, 2000);
		eo_profile_add_timestamp(profile, sample, 500);
		data = otlp_of(profile);
		cr_expect_eq(scope_of(data, 0)->profiles[0]->time_unix_nano, cases[i].start_ns,
			     "case %zu", i);
		cr_expect_eq(scope_of(data, 0)->profiles[0]->duration_nano,
			     cases[i].expected_duration_ns, "case %zu", i);
		free_data(data);
	}
}

Test(otlp_profile, one_sample_that_lacks_timestamps_makes_all_of_them_values)
{
	for (int64_t count = 1; count <= 3; count++) {
		struct eo_profile *profile = cpu_profile();
		uint32_t f = add_sample(profile, 0, "f", 0, 1);
		uint32_t g = add_sample(profile, 0, "g", 0, count);
		const P(Profile) *written_profile;
		ProfilesData *data;

		eo_profile_add_timestamp(profile, f, 1700000000000000001);
		for (int i = 0; i < 2; i++)
			eo_profile_add_timestamp(profile, g, 1700000000000000002);
		data = otlp_of(profile);
		written_profile = scope_of(data, 0)->profiles[0];
		cr_expect_eq(written_profile->samples[0]->n_values, count != 2);
		cr_expect_eq(total(data, 0), 1 + count);
		free_data(data);
	}
}

Test(otlp_profile, only_counts_become_timestamps)
{
	struct eo_profile *profile = cpu_profile();
	uint32_t sample = eo_profile_add_sample_of(profile, 0, 0, 0, (int64_t[]){ 1, 1 });
	ProfilesData *data;

	eo_profile_add_timestamp(profile, sample, 1700000000000000001);
	data = otlp_of(profile);
	expect_type(data, 0, "cpu", "nanoseconds");
	cr_expect_eq(scope_of(data, 0)->profiles[0]->samples[0]->n_values, 1);
	cr_expect_eq(scope_of(data, 0)->profiles[1]->samples[0]->n_timestamps_unix_nano, 1);
	free_data(data);
}

Test(otlp_profile, timestamps_of_samples_that_become_one_are_joined)
{
	struct eo_profile *profile = cpu_profile();
	struct eo_label a = text_label(profile, "a", "1"), b = text_label(profile, "b", "2");
	uint32_t first = add_sample(profile, 0, "f",
				    eo_profile_label_set(profile, (struct eo_label[]){ a, b }, 2), 1);
	uint32_t second = add_sample(profile, 0, "f",
				     eo_profile_label_set(profile, (struct eo_label[]){ b, a }, 2), 2);
	const P(Profile) *written_profile;
	ProfilesData *data;

	eo_profile_add_timestamp(profile, second, 1700000000000000003);
	eo_profile_add_timestamp(profile, first, 1700000000000000002);
	eo_profile_add_timestamp(profile, second, 1700000000000000001);
	data = otlp_of(profile);
	written_profile = scope_of(data, 0)->profiles[0];
	cr_assert_eq(written_profile->n_samples, 1);
	cr_assert_eq(written_profile->samples[0]->n_timestamps_unix_nano, 3);
	for (size_t i = 0; i < 3; i++)
		cr_expect_eq(written_profile->samples[0]->timestamps_unix_nano[i],
			     1700000000000000001 + i);
	free_data(data);
}
