/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>

#include "reading.h"

static struct eo_profile *folded(const char *text)
{
	return profile_of(eo_read_folded, text, strlen(text));
}

static void expect_bad(const char *text, const char *reason)
{
	expect_error(eo_read_folded, text, strlen(text), reason);
}

Test(read_folded, lines_come_out_as_they_went_in)
{
	static const char text[] = "app 3\n"
				   "app;main;[libc.so.6+0x12] 9\n"
				   "app;main;vfs_read_[k];fget_[k] 2\n"
				   "app;main;work(int, char) 12\n"
				   "java;Lx/Y;:z_[j] 1\n";
	struct eo_profile *profile = folded(text);

	cr_expect_eq(profile->value_type_count, 1);
	cr_expect_str_eq(profile->strings[profile->value_types[0].type], "samples");
	cr_expect_str_eq(profile->strings[profile->value_types[0].unit], "count");
	cr_expect_eq(profile->sample_count, 5);
	expect_folded(profile, 0, text);
	eo_profile_free(profile);
}

Test(read_folded, all_elements_are_frames_leaf_first)
{
	struct eo_profile *profile = folded("comm;main;read_[k] 7\n");
	const struct eo_span stack = profile->stacks[profile->samples[0].stack];
	const struct eo_location *leaf = &profile->locations[profile->frames[stack.first]];

	cr_expect_eq(stack.count, 3);
	cr_expect_eq(profile->samples[0].label_set, 0);
	cr_expect_eq(leaf->kind, EO_FRAME_KERNEL);
	cr_expect_str_eq(profile->strings[profile->mappings[leaf->mapping].filename],
			 "[kernel.kallsyms]");
	cr_expect_str_eq(profile->strings[profile->functions[profile->lines[leaf->first_line]
								     .function]
						  .name],
			 "read");
	eo_profile_free(profile);
}

Test(read_folded, what_we_write_of_other_profiles_reads_back)
{
	struct eo_profile *rich = rich_profile();
	char *text = written(eo_write_folded, rich, NULL, NULL);
	struct eo_profile *profile = folded(text);

	expect_folded(profile, 0, text);
	free(text);
	eo_profile_free(profile);
	eo_profile_free(rich);
}

Test(read_folded, equal_lines_are_added)
{
	struct eo_profile *profile = folded("a;b 1\na;c -4\r\n\n# comment;1 2\na;b   2  \n");

	expect_folded(profile, 0, "a;b 3\na;c -4\n");
	eo_profile_free(profile);
}

Test(read_folded, bad_lines_are_named)
{
	expect_bad("a;b 1\na;b\n", "line 2: it is no stack");
	expect_bad("a;b 1.5\n", "line 1: it is no stack");
	expect_bad("a;b 1e3\n", "line 1:");
	expect_bad("a;b NaN\n", "line 1:");
	expect_bad("12\n", "line 1:");
	expect_bad(" 12\n", "line 1:");
	expect_bad("a;b 9223372036854775808\n", "line 1:");
	expect_bad("a;b 9223372036854775807\na;b 1\n", "64 bits");
	expect_error(eo_read_folded, "a;b\0 1\n", 7, "NUL");
}

Test(read_folded, the_limits_of_64_bits_fit)
{
	struct eo_profile *profile =
		folded("a;b 9223372036854775807\na;c -9223372036854775808\n");

	expect_folded(profile, 0, "a;b 9223372036854775807\na;c -9223372036854775808\n");
	eo_profile_free(profile);
}

Test(read_folded, bad_utf8_is_kept)
{
	struct eo_profile *profile = folded("caf\xe9;b 1\n");

	expect_folded(profile, 0, "caf\xe9;b 1\n");
	eo_profile_free(profile);
}

Test(read_folded, inputs_are_merged)
{
	struct eo_profile *profile = folded("a;b 1\na;c 2\n");

	cr_expect_eq(read_into(profile, eo_read_folded, "a;b 3\n", 6, NULL), 0);
	expect_folded(profile, 0, "a;b 4\na;c 2\n");
	eo_profile_free(profile);
}

Test(read_folded, other_types_of_values_do_not_mix)
{
	struct eo_profile *profile = cpu_profile();
	struct eo_error err = { 0 };

	cr_expect_eq(read_into(profile, eo_read_folded, "a;b 3\n", 6, &err), -EINVAL);
	cr_expect_str_eq(err.text, "read memory: its values are samples/count, those before "
				   "samples/count cpu/nanoseconds");
	eo_profile_free(profile);
}

Test(read_folded, nothing_is_a_profile_without_samples)
{
	struct eo_profile *profile = folded("");

	cr_expect_eq(profile->sample_count, 0);
	eo_profile_free(profile);
}
