/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "allocations.h"
#include "model/profile.h"
#include "model/string_table.h"
#include "profile_samples.h"

Test(string_table, equal_strings_share_a_number_and_text_stays_in_place)
{
	struct eo_string_table table;
	const char *first;
	char text[32];
	uint32_t number;

	cr_assert_eq(eo_string_table_init(&table), 0);
	cr_assert_eq(eo_string_table_intern(&table, "first", 5, &number), 0);
	cr_assert_eq(number, 1);
	first = table.strings[1];
	for (uint32_t i = 0; i < 20000; i++) {
		int len = snprintf(text, sizeof(text), "text %u", i);

		cr_assert_eq(eo_string_table_intern(&table, text, (size_t)len, &number), 0);
		cr_assert_eq(number, i + 2);
	}
	for (uint32_t i = 0; i < 20000; i++) {
		int len = snprintf(text, sizeof(text), "text %u", i);

		cr_assert_eq(eo_string_table_intern(&table, text, (size_t)len, &number), 0);
		cr_assert_eq(number, i + 2);
		cr_assert_str_eq(table.strings[number], text);
	}
	cr_assert_eq(table.count, 20002);
	cr_assert_eq(table.strings[1], first);
	eo_string_table_fini(&table);
}

Test(string_table, only_whole_strings_are_equal)
{
	struct eo_string_table table;
	uint32_t whole, part, cut, empty, nothing;

	cr_assert_eq(eo_string_table_init(&table), 0);
	eo_string_table_intern(&table, "abcdefghij", 10, &whole);
	eo_string_table_intern(&table, "abcdefghij", 9, &part);
	eo_string_table_intern(&table, "abcdefghi\0j", 11, &cut);
	eo_string_table_intern(&table, "", 0, &empty);
	eo_string_table_intern(&table, "\0x", 2, &nothing);
	cr_expect_eq(whole, 1);
	cr_expect_eq(part, 2);
	cr_expect_eq(cut, 2, "a string ends at the first NUL");
	cr_expect_eq(empty, 0);
	cr_expect_eq(nothing, 0);
	cr_expect_str_eq(table.strings[1], "abcdefghij");
	cr_expect_str_eq(table.strings[2], "abcdefghi");
	cr_expect_str_eq(table.strings[0], "");
	eo_string_table_fini(&table);
}

Test(string_table, strings_longer_than_a_block_are_kept_whole)
{
	struct eo_string_table table;
	char *text = malloc(200000);
	uint32_t small, large, again;

	memset(text, 'x', 200000);
	cr_assert_eq(eo_string_table_init(&table), 0);
	eo_string_table_intern(&table, "small", 5, &small);
	cr_assert_eq(eo_string_table_intern(&table, text, 200000, &large), 0);
	cr_assert_eq(eo_string_table_intern(&table, text, 200000, &again), 0);
	cr_expect_eq(large, again);
	cr_expect_eq(strlen(table.strings[large]), 200000);
	cr_expect_str_eq(table.strings[small], "small");
	eo_string_table_fini(&table);
	free(text);
}

Test(profile, element_0_is_nothing)
{
	struct eo_profile *profile = eo_profile_new();

	cr_assert(profile);
	cr_expect_eq(eo_profile_string(profile, ""), 0);
	cr_expect_eq(eo_profile_mapping(profile, &(struct eo_mapping){ 0 }), 0);
	cr_expect_eq(eo_profile_function(profile, &(struct eo_function){ 0 }), 0);
	cr_expect_eq(eo_profile_stack(profile, NULL, 0), 0);
	cr_expect_eq(eo_profile_label_set(profile, NULL, 0), 0);
	cr_expect_neq(eo_profile_location(profile, &(struct eo_location){ 0 }, NULL, 0), 0,
		      "a frame of which nothing is known is a frame");
	cr_expect_eq(eo_profile_status(profile), 0);
	eo_profile_free(profile);
	eo_profile_free(NULL);
}

Test(profile, every_field_tells_elements_apart)
{
	struct eo_profile *profile = eo_profile_new();
	uint32_t a = eo_profile_string(profile, "a"), b = eo_profile_string(profile, "b");
	const struct eo_mapping mappings[] = {
		{ .start = 1 },	     { .limit = 1 },	       { .offset = 1 },
		{ .filename = a },   { .build_id = a },	       { .filename = b },
		{ .has_functions = true },    { .has_filenames = true },
		{ .has_line_numbers = true }, { .has_inline_frames = true },
	};
	const struct eo_function functions[] = {
		{ .name = a }, { .system_name = a }, { .filename = a }, { .start_line = 1 },
		{ .name = b }, { .start_line = -1 },
	};
	uint32_t m, f, number;

	for (uint32_t i = 0; i < 2 * EO_ARRAY_SIZE(mappings); i++)
		cr_expect_eq(eo_profile_mapping(profile, &mappings[i % EO_ARRAY_SIZE(mappings)]),
			     1 + i % EO_ARRAY_SIZE(mappings));
	for (uint32_t i = 0; i < 2 * EO_ARRAY_SIZE(functions); i++)
		cr_expect_eq(eo_profile_function(profile, &functions[i % EO_ARRAY_SIZE(functions)]),
			     1 + i % EO_ARRAY_SIZE(functions));
	m = 1;
	f = 1;
	const struct eo_location locations[] = {
		{ .address = 1 }, { .mapping = m }, { .kind = EO_FRAME_JIT }, { .is_folded = true },
		{ 0 }, { 0 }, { 0 }, { 0 },
	};
	const struct eo_line lines[][2] = {
		{ { 0 } }, { { 0 } }, { { 0 } }, { { 0 } },
		{ { .function = f } }, { { .line = 1 } }, { { .column = 1 } },
		{ { .line = 1 }, { .line = 1 } },
	};
	for (uint32_t i = 0; i < 16; i++) {
		size_t count = i % 8 < 4 ? 0 : i % 8 == 7 ? 2 : 1;

		number = eo_profile_location(profile, &locations[i % 8], lines[i % 8], count);
		cr_expect_eq(number, 1 + i % 8);
		cr_expect_eq(profile->locations[number].line_count, count);
		cr_expect(!count ||
			  profile->lines[profile->locations[number].first_line].line ==
				  lines[i % 8][0].line);
	}
	const struct eo_label labels[] = {
		{ .key = a },
		{ .key = a, .str = b },
		{ .key = a, .num = 1, .is_number = true },
		{ .key = a, .num = 1, .unit = b, .is_number = true },
		{ .key = a, .is_number = true },
	};
	for (uint32_t i = 0; i < 2 * EO_ARRAY_SIZE(labels); i++)
		cr_expect_eq(eo_profile_label_set(profile, &labels[i % EO_ARRAY_SIZE(labels)], 1),
			     1 + i % EO_ARRAY_SIZE(labels));
	cr_expect_eq(eo_profile_label_set(profile, labels, 2), 6);
	const struct eo_label turned[] = { labels[1], labels[0] };
	const struct eo_label twice[] = { labels[0], labels[0] };
	const struct eo_label stray[] = { { .key = a, .str = b, .num = 9, .unit = a } };

	cr_expect_eq(eo_profile_label_set(profile, turned, 2), 7, "order matters");
	cr_expect_eq(eo_profile_label_set(profile, twice, 2), 8, "duplicates stay");
	cr_expect_eq(eo_profile_label_set(profile, stray, 1), 2, "a string has no number");
	cr_expect_eq(eo_profile_status(profile), 0);
	eo_profile_free(profile);
}

Test(profile, values_of_equal_samples_are_added)
{
	struct eo_profile *profile = cpu_profile();
	struct frame main = { "main", "/bin/x", 1 }, work = { "work", "/bin/x", 2 };

	add_stack(profile, (struct frame[]){ main, work }, 2, "x", 1, 3);
	add_stack(profile, (struct frame[]){ main, work }, 2, "x", 2, 10);
	add_stack(profile, (struct frame[]){ main, work }, 2, "x", 1, 4);
	add_stack(profile, (struct frame[]){ work, main }, 2, "x", 1, -1);
	add_stack(profile, (struct frame[]){ main }, 1, "x", 1, 20);
	cr_assert_eq(profile->sample_count, 4);
	cr_expect_eq(profile->stack_count, 4);
	cr_expect_eq(profile->label_set_count, 3);
	cr_expect_eq(profile->values[profile->samples[0].values], 7);
	cr_expect_eq(profile->values[profile->samples[0].values + 1], 70000000);
	cr_expect_eq(profile->values[profile->samples[1].values], 10);
	cr_expect_eq(profile->values[profile->samples[2].values], -1);
	cr_expect_eq(eo_profile_total(profile, 0), 36);
	cr_expect_eq(eo_profile_total(profile, 1), 360000000);
	eo_profile_free(profile);
}

Test(profile, many_samples_keep_their_values)
{
	struct eo_profile *profile = cpu_profile();
	uint32_t frame = eo_profile_synthetic_frame(profile, "main");
	uint32_t stack = eo_profile_stack(profile, &frame, 1);

	for (int64_t round = 0; round < 2; round++)
		for (int64_t i = 0; i < 50000; i++) {
			uint32_t set = eo_profile_label_set(
				profile,
				&(struct eo_label){ .key = frame, .num = i, .is_number = true }, 1);

			eo_profile_add_sample(profile, stack, set, (int64_t[]){ i, 2 * i });
		}
	cr_assert_eq(eo_profile_status(profile), 0);
	cr_assert_eq(profile->sample_count, 50000);
	for (int64_t i = 0; i < 50000; i++) {
		struct eo_span set = profile->label_sets[profile->samples[i].label_set];

		cr_assert_eq(profile->labels[set.first].num, i);
		cr_assert_eq(profile->values[profile->samples[i].values], 2 * i);
		cr_assert_eq(profile->values[profile->samples[i].values + 1], 4 * i);
	}
	eo_profile_free(profile);
}

Test(profile, a_synthetic_frame_is_one_location)
{
	struct eo_profile *profile = eo_profile_new();
	uint32_t frame = eo_profile_synthetic_frame(profile, "[stack limit]");
	const struct eo_location *location;
	const struct eo_function *function;

	cr_expect_eq(eo_profile_synthetic_frame(profile, "[stack limit]"), frame);
	cr_expect_neq(eo_profile_synthetic_frame(profile, "[other]"), frame);
	location = &profile->locations[frame];
	cr_expect_eq(location->kind, EO_FRAME_SYNTHETIC);
	cr_expect_eq(location->mapping, 0);
	cr_assert_eq(location->line_count, 1);
	function = &profile->functions[profile->lines[location->first_line].function];
	cr_expect_str_eq(profile->strings[function->name], "[stack limit]");
	eo_profile_free(profile);
}

Test(profile, a_location_can_get_other_lines)
{
	struct eo_profile *profile = cpu_profile();
	uint32_t one = eo_profile_synthetic_frame(profile, "one"),
		 two = eo_profile_synthetic_frame(profile, "two"),
		 stack = eo_profile_stack(profile, (uint32_t[]){ one, two }, 2);
	struct eo_line lines[] = { { .function = 2, .line = 7, .column = 3 },
				   { .function = 1, .line = 9 } };
	const struct eo_location *changed;

	eo_profile_set_lines(profile, one, lines, 2);
	cr_assert_eq(eo_profile_status(profile), 0);
	changed = &profile->locations[one];
	cr_assert_eq(changed->line_count, 2);
	cr_assert_eq(profile->lines[changed->first_line].function, 2);
	cr_assert_eq(profile->lines[changed->first_line].line, 7);
	cr_assert_eq(profile->lines[changed->first_line].column, 3);
	cr_assert_eq(profile->lines[changed->first_line + 1].function, 1);
	cr_assert_eq(profile->locations[two].line_count, 1); /* the others keep theirs */
	cr_assert_eq(profile->lines[profile->locations[two].first_line].function, 2);
	cr_assert_eq(profile->frames[profile->stacks[stack].first], one);
	eo_profile_set_lines(profile, one, NULL, 0);
	cr_assert_eq(profile->locations[one].line_count, 0);
	eo_profile_free(profile);
}

Test(profile, sums_stop_at_64_bits_and_say_so)
{
	struct eo_profile *profile = cpu_profile();

	eo_profile_add_sample(profile, 0, 0, (int64_t[]){ INT64_MAX, INT64_MIN });
	cr_expect_eq(eo_profile_status(profile), 0);
	eo_profile_add_sample(profile, 0, 0, (int64_t[]){ 1, -1 });
	cr_expect_eq(eo_profile_status(profile), -EOVERFLOW);
	cr_expect_eq(profile->values[0], INT64_MAX);
	cr_expect_eq(profile->values[1], INT64_MIN);
	eo_profile_free(profile);
}

Test(profile, totals_stop_at_64_bits)
{
	struct eo_profile *profile = cpu_profile();
	uint32_t frame = eo_profile_synthetic_frame(profile, "x");

	eo_profile_add_sample(profile, 0, 0, (int64_t[]){ INT64_MAX, INT64_MIN });
	eo_profile_add_sample(profile, eo_profile_stack(profile, &frame, 1), 0,
			      (int64_t[]){ INT64_MAX, INT64_MIN });
	cr_expect_eq(eo_profile_status(profile), 0);
	cr_expect_eq(eo_profile_total(profile, 0), INT64_MAX);
	cr_expect_eq(eo_profile_total(profile, 1), INT64_MIN);
	eo_profile_free(profile);
}

Test(profile, a_full_table_is_e2big_for_good)
{
	struct eo_profile *profile = cpu_profile();
	uint32_t frames[2] = { eo_profile_synthetic_frame(profile, "a"),
			       eo_profile_synthetic_frame(profile, "b") };
	size_t frame_count = profile->frame_count;
	size_t sample_count;

	/* As if the pool held all that 32 bits can count, but for one. */
	profile->frame_count = UINT32_MAX - 1;
	cr_expect_eq(eo_profile_stack(profile, frames, 2), 0);
	profile->frame_count = frame_count;
	cr_expect_eq(eo_profile_status(profile), -E2BIG);
	sample_count = profile->sample_count;
	cr_expect_eq(eo_profile_string(profile, "new"), 0);
	cr_expect_eq(eo_profile_stack(profile, frames, 1), 0);
	eo_profile_add_sample(profile, 0, 0, (int64_t[]){ 1, 1 });
	cr_expect_eq(profile->sample_count, sample_count);
	cr_expect_eq(eo_profile_status(profile), -E2BIG);
	eo_profile_free(profile);
}

Test(profile, foreign_indices_are_refused)
{
	const uint32_t no_location[] = { 1, 0 }, far[] = { 2 };
	struct eo_profile *profile[12];

	for (size_t i = 0; i < EO_ARRAY_SIZE(profile); i++) {
		profile[i] = cpu_profile();
		eo_profile_synthetic_frame(profile[i], "one");
		cr_assert_eq(eo_profile_status(profile[i]), 0);
	}
	eo_profile_stack(profile[0], no_location, 2);
	eo_profile_stack(profile[1], far, 1);
	eo_profile_mapping(profile[2], &(struct eo_mapping){ .build_id = 1000 });
	eo_profile_function(profile[3], &(struct eo_function){ .name = 1000 });
	eo_profile_location(profile[4], &(struct eo_location){ .mapping = 1 }, NULL, 0);
	eo_profile_location(profile[5], &(struct eo_location){ 0 },
			    &(struct eo_line){ .function = 2 }, 1);
	eo_profile_label_set(profile[6], &(struct eo_label){ .key = 1000 }, 1);
	eo_profile_add_sample(profile[7], 1, 0, (int64_t[]){ 1, 1 });
	eo_profile_add_sample(profile[8], 0, 0, (int64_t[]){ 1, 1 });
	eo_profile_add_value_type(profile[8], "late", "count");
	eo_profile_set_lines(profile[9], 0, NULL, 0);
	eo_profile_set_lines(profile[10], 2, NULL, 0);
	eo_profile_set_lines(profile[11], 1, &(struct eo_line){ .function = 2 }, 1);
	for (size_t i = 0; i < EO_ARRAY_SIZE(profile); i++) {
		cr_expect_eq(eo_profile_status(profile[i]), -EINVAL, "case %zu", i);
		eo_profile_free(profile[i]);
	}
}

Test(profile, a_sample_needs_a_value_type)
{
	struct eo_profile *profile = eo_profile_new();

	eo_profile_add_sample(profile, 0, 0, NULL);
	cr_expect_eq(eo_profile_status(profile), -EINVAL);
	cr_expect_eq(profile->sample_count, 0);
	eo_profile_free(profile);
}

/* Fills a profile so that each table grows more than once. NULL, or its status is returned. */
static int fill(struct eo_profile **ret)
{
	struct eo_profile *profile = eo_profile_new();

	*ret = profile;
	if (!profile)
		return -ENOMEM;
	eo_profile_add_value_type(profile, "samples", "count");
	eo_profile_add_comment(profile, "comment");
	for (int64_t i = 0; i < 200; i++) {
		char text[100];
		struct eo_label label = { .num = i, .is_number = true };
		struct eo_mapping mapping = { .start = (uint64_t)i + 1 };
		uint32_t frame;

		snprintf(text, sizeof(text), "%080d", (int)i);
		eo_profile_mapping(profile, &mapping);
		frame = eo_profile_synthetic_frame(profile, text);
		if (frame)
			eo_profile_set_lines(profile, frame, &(struct eo_line){ .line = i }, 1);
		eo_profile_add_sample(profile, eo_profile_stack(profile, &frame, 1),
				      eo_profile_label_set(profile, &label, 1), &i);
	}
	return eo_profile_status(profile);
}

Test(profile, each_failed_allocation_is_enomem_and_leaves_it_usable)
{
	struct eo_profile *profile;
	long failing = 0;
	int status;

	do {
		allow_allocations(failing++);
		status = fill(&profile);
		if (allocations_left() >= 0)
			break; /* more was allowed than was needed */
		allow_allocations(-1);
		cr_assert_eq(status, -ENOMEM, "allocation %ld", failing - 1);
		if (profile) {
			cr_assert_str_eq(profile->strings[0], "");
			/* Whatever is in there is whole. */
			for (size_t i = 0; i < profile->sample_count; i++)
				cr_assert_lt(profile->samples[i].stack, profile->stack_count);
			free(written(eo_write_pprof, profile, NULL, NULL));
			free(profile->value_type_count ?
				     written(eo_write_folded, profile, NULL, NULL) :
				     NULL);
		}
		eo_profile_free(profile);
	} while (failing < 10000);
	allow_allocations(-1);
	cr_expect_eq(status, 0);
	cr_expect_gt(failing, 50, "only %ld allocations failed", failing);
	eo_profile_free(profile);
}

Test(profile, each_failed_allocation_fails_a_writer)
{
	static const eo_profile_write_fn writers[] = { eo_write_pprof, eo_write_folded,
						       eo_write_top };
	const struct eo_write_options options = { .value_type = SIZE_MAX };
	struct eo_profile *profile = rich_profile();

	eo_profile_add_comment(profile, "caf\xe9");
	for (size_t i = 0; i < EO_ARRAY_SIZE(writers); i++) {
		FILE *out = fopen("/dev/null", "w");
		long failing = 0;
		int r = 0;

		/* stdio's buffer is not what is meant. */
		setvbuf(out, NULL, _IONBF, 0);
		for (; failing < 10000; failing++) {
			struct eo_error err = { 0 };

			allow_allocations(failing);
			r = writers[i](profile, &options, out, &err);
			if (allocations_left() >= 0)
				break;
			allow_allocations(-1);
			cr_assert_eq(r, -ENOMEM, "writer %zu, allocation %ld", i, failing);
			cr_assert_eq(err.code, ENOMEM);
		}
		allow_allocations(-1);
		cr_expect_eq(r, 0);
		cr_expect_geq(failing, 4);
		fclose(out);
	}
	eo_profile_free(profile);
}
