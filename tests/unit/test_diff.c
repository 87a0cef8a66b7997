/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "format/diff.h"
#include "profile_samples.h"

static void subtract(struct eo_profile *profile, const struct eo_profile *base)
{
	struct eo_error err = { 0 };

	cr_assert_eq(eo_profile_subtract(profile, base, &err), 0, "%s", err.text);
}

static void expect_folded(const struct eo_profile *profile, const char *expected)
{
	char *text = written(eo_write_folded, profile, NULL, NULL);

	cr_expect_str_eq(text, expected);
	free(text);
}

Test(diff, a_profile_minus_itself_is_nothing)
{
	struct eo_profile *profile = rich_profile(), *base = rich_profile();
	size_t samples = profile->sample_count;

	subtract(profile, base);
	cr_expect_eq(eo_profile_total(profile, 0), 0);
	cr_expect_eq(eo_profile_total(profile, 1), 0);
	cr_expect_eq(profile->sample_count, 2 * samples);
	expect_folded(profile, "");
	eo_profile_free(profile);
	eo_profile_free(base);
}

Test(diff, equal_things_are_not_added_again)
{
	struct eo_profile *profile = rich_profile(), *base = rich_profile();
	size_t mappings = profile->mapping_count, functions = profile->function_count;
	size_t locations = profile->location_count, stacks = profile->stack_count;

	subtract(profile, base);
	cr_expect_eq(profile->mapping_count, mappings);
	cr_expect_eq(profile->function_count, functions);
	cr_expect_eq(profile->location_count, locations);
	cr_expect_eq(profile->stack_count, stacks);
	eo_profile_free(profile);
	eo_profile_free(base);
}

Test(diff, values_are_new_minus_base_and_not_scaled)
{
	struct eo_profile *profile = cpu_profile(), *base = cpu_profile();
	struct frame main = { "main", "/bin/x", 1 };

	profile->duration_ns = 1000000000;
	base->duration_ns = 2000000000;
	add_stack(profile, (struct frame[]){ main, { "grown", NULL, 1 } }, 2, "x", -1, 9);
	add_stack(profile, (struct frame[]){ main, { "new", NULL, 2 } }, 2, "x", -1, 1);
	add_stack(profile, (struct frame[]){ main, { "same", NULL, 3 } }, 2, "x", -1, 5);
	add_stack(base, (struct frame[]){ main, { "grown", NULL, 1 } }, 2, "x", -1, 2);
	add_stack(base, (struct frame[]){ main, { "same", NULL, 3 } }, 2, "x", -1, 5);
	add_stack(base, (struct frame[]){ { "gone", "/bin/y", 4 } }, 1, "x", -1, 11);
	subtract(profile, base);
	expect_folded(profile, "x;gone -11\nx;main;grown 7\nx;main;new 1\n");
	cr_expect_eq(eo_profile_total(profile, 0), 15 - 18);
	cr_expect_eq(eo_profile_total(profile, 1), -3 * 10000000LL);
	cr_expect_eq(profile->duration_ns, 1000000000);
	eo_profile_free(profile);
	eo_profile_free(base);
}

Test(diff, the_sides_can_be_told_apart)
{
	struct eo_profile *profile = rich_profile(), *base = rich_profile();
	int64_t positive = 0, negative = 0;

	cr_expect(!eo_profile_is_difference(profile));
	subtract(profile, base);
	cr_expect(eo_profile_is_difference(profile));
	cr_expect(!eo_profile_is_difference(base));
	for (size_t i = 0; i < profile->sample_count; i++) {
		const struct eo_sample *sample = &profile->samples[i];
		int64_t value = profile->values[sample->values];

		cr_expect_eq(eo_profile_is_base(profile, sample->label_set), value < 0);
		*(value < 0 ? &negative : &positive) += value;
	}
	cr_expect_eq(positive, 37);
	cr_expect_eq(negative, -37);
	eo_profile_free(profile);
	eo_profile_free(base);
}

Test(diff, labels_and_resources_of_the_base_stay)
{
	struct eo_profile *profile = cpu_profile(), *base = cpu_profile();
	uint32_t frame = eo_profile_synthetic_frame(base, "f");
	struct eo_label service = { .key = eo_profile_string(base, "service.name"),
				    .str = eo_profile_string(base, "shop") };
	struct eo_label size = { .key = eo_profile_string(base, "size"), .num = 42,
				 .unit = eo_profile_string(base, "bytes"), .is_number = true };
	const struct eo_sample *sample;
	const struct eo_label *label;

	eo_profile_add_sample_of(base, eo_profile_label_set(base, &service, 1),
				 eo_profile_stack(base, &frame, 1),
				 eo_profile_label_set(base, &size, 1), (int64_t[]){ 3, 4 });
	subtract(profile, base);
	cr_assert_eq(profile->sample_count, 1);
	sample = &profile->samples[0];
	cr_assert_eq(profile->label_sets[sample->resource].count, 1);
	label = &profile->labels[profile->label_sets[sample->resource].first];
	cr_expect_str_eq(profile->strings[label->key], "service.name");
	cr_expect_str_eq(profile->strings[label->str], "shop");
	cr_assert_eq(profile->label_sets[sample->label_set].count, 2);
	label = &profile->labels[profile->label_sets[sample->label_set].first];
	cr_expect_str_eq(profile->strings[label[0].key], "size");
	cr_expect_eq(label[0].num, 42);
	cr_expect_str_eq(profile->strings[label[0].unit], "bytes");
	cr_expect_str_eq(profile->strings[label[1].key], "pprof::base");
	cr_expect_str_eq(profile->strings[label[1].str], "true");
	cr_expect_eq(profile->values[sample->values], -3);
	cr_expect_eq(profile->values[sample->values + 1], -4);
	eo_profile_free(profile);
	eo_profile_free(base);
}

Test(diff, the_base_says_what_was_lost_and_how_long_it_took)
{
	struct eo_profile *profile = cpu_profile(), *base = cpu_profile();

	eo_profile_add_comment(profile, "own");
	eo_profile_add_comment(base, "3 samples were lost");
	base->duration_ns = 2500000000;
	subtract(profile, base);
	cr_assert_eq(profile->comment_count, 3);
	cr_expect_str_eq(profile->strings[profile->comments[0]], "own");
	cr_expect_str_eq(profile->strings[profile->comments[1]], "base: 3 samples were lost");
	cr_expect_str_eq(profile->strings[profile->comments[2]], "base: profiled for 2.5 s");
	eo_profile_free(profile);
	eo_profile_free(base);
}

Test(diff, other_value_types_are_refused_with_both_lists)
{
	struct eo_profile *profile = cpu_profile(), *base = eo_profile_new();
	struct eo_error err = { 0 };

	eo_profile_add_value_type(base, "samples", "count");
	cr_expect_eq(eo_profile_subtract(profile, base, &err), -EINVAL);
	cr_expect_eq(err.kind, EO_ERROR_CONFIG);
	cr_expect_str_eq(err.text, "subtract a profile of samples/count from one of samples/count, cpu/nanoseconds");
	eo_profile_add_value_type(base, "cpu", "microseconds");
	cr_expect_eq(eo_profile_subtract(profile, base, &err), -EINVAL);
	cr_expect_eq(profile->sample_count, 0);
	eo_profile_free(profile);
	eo_profile_free(base);
}

Test(diff, a_difference_is_no_base)
{
	struct eo_profile *profile = rich_profile(), *base = rich_profile(), *other = rich_profile();
	struct eo_error err = { 0 };

	subtract(base, other);
	cr_expect_eq(eo_profile_subtract(profile, base, &err), -EINVAL);
	cr_expect_str_eq(err.text, "subtract a profile that is a difference itself");
	eo_profile_free(profile);
	eo_profile_free(base);
	eo_profile_free(other);
}

Test(diff, a_value_without_opposite_is_an_error)
{
	struct eo_profile *profile = cpu_profile(), *base = cpu_profile();
	struct eo_error err = { 0 };

	eo_profile_add_sample(base, 0, 0, (int64_t[]){ 1, INT64_MIN });
	cr_expect_eq(eo_profile_subtract(profile, base, &err), -EOVERFLOW);
	cr_expect_eq(err.kind, EO_ERROR_EVENT_PROCESSING_FAILED);
	eo_profile_free(profile);
	eo_profile_free(base);
}

Test(diff, go_tool_pprof_sees_the_difference)
{
	struct eo_profile *profile = cpu_profile(), *base = cpu_profile();
	char directory[] = "/tmp/eo-diff-XXXXXX";
	char *go = find_tool("go"), *top;
	char file[64];
	FILE *out;

	add_stack(profile, (struct frame[]){ { "kept", "/bin/x", 1 } }, 1, NULL, -1, 8);
	add_stack(base, (struct frame[]){ { "kept", "/bin/x", 1 } }, 1, NULL, -1, 2);
	add_stack(base, (struct frame[]){ { "gone", "/bin/x", 2 } }, 1, NULL, -1, 18);
	subtract(profile, base);
	if (go) {
		cr_assert(mkdtemp(directory));
		snprintf(file, sizeof(file), "%s/p.pb.gz", directory);
		out = fopen(file, "w");
		cr_assert(out);
		cr_assert_eq(eo_write_pprof(profile, &(struct eo_write_options){ .value_type = SIZE_MAX },
					    out, NULL), 0);
		fclose(out);
		top = output_of("%s tool pprof -symbolize=none -sample_index=samples -top %s 2>&1", go,
				file);
		cr_assert(top);
		/* Shares are of the base's 20 samples. */
		cr_expect(strstr(top, "-18 90.00%"), "%s", top);
		cr_expect(strstr(top, "6 30.00%"), "%s", top);
		free(top);
		free(output_of("rm -r %s", directory));
	}
	free(go);
	eo_profile_free(profile);
	eo_profile_free(base);
}
