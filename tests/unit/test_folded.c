/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "profile_samples.h"

static void expect_lines(const struct eo_profile *profile, size_t value_type, const char *expected)
{
	const struct eo_write_options options = { .value_type = value_type };
	char *text = written(eo_write_folded, profile, &options, NULL);

	cr_expect_str_eq(text, expected);
	free(text);
}

Test(folded, lines_are_root_first_merged_and_sorted)
{
	struct eo_profile *profile = rich_profile();

	expect_lines(profile, SIZE_MAX,
		     "[0xdead] 6\n"
		     "[unknown] 1\n"
		     "app;clone3;main;[libc.so.6+0x1400] 2\n"
		     "app;main;entry_SYSCALL_64_[k];vfs_read_[k] 7\n"
		     "app;main;work 5\n"
		     "app;main;work;work 7\n"
		     "kworker/0:1;entry_SYSCALL_64_[k];vfs_read_[k] 1\n"
		     "main;outer();inner 8\n");
	eo_profile_free(profile);
}

Test(folded, the_value_is_chosen)
{
	struct eo_profile *profile = cpu_profile();

	add_stack(profile, (struct frame[]){ { "main", "/bin/x", 1 } }, 1, "x", -1, 3);
	expect_lines(profile, 0, "x;main 3\n");
	expect_lines(profile, 1, "x;main 30000000\n");
	expect_lines(profile, SIZE_MAX, "x;main 3\n");
	eo_profile_free(profile);
}

Test(folded, without_samples_the_default_is_the_profiles)
{
	struct eo_profile *profile = eo_profile_new();
	uint32_t frame = eo_profile_synthetic_frame(profile, "main");

	eo_profile_add_value_type(profile, "alloc_objects", "count");
	eo_profile_add_value_type(profile, "inuse_space", "bytes");
	eo_profile_add_value_type(profile, "other", "count");
	profile->default_value_type = eo_profile_string(profile, "inuse_space");
	eo_profile_add_sample(profile, eo_profile_stack(profile, &frame, 1), 0,
			      (int64_t[]){ 1, 2, 3 });
	expect_lines(profile, SIZE_MAX, "main 2\n");
	profile->default_value_type = 0;
	expect_lines(profile, SIZE_MAX, "main 3\n");
	eo_profile_free(profile);
}

Test(folded, odd_names_leave_lines_parseable)
{
	struct eo_profile *profile = cpu_profile();
	struct frame frames[] = {
		{ "a;b", "/bin/x", 1 },
		{ "new\nline\tand tab", "/bin/x", 2 },
		{ "", "/opt/lib;v.so", 0x2000 },
		{ NULL, "[vdso]", 0x1800 },
		{ NULL, NULL, 0 },
		{ NULL, "[kernel.kallsyms]", 0x3000 },
		{ "<script>", NULL, 0 },
	};

	add_stack(profile, frames, 7, "my comm;x", -1, 1);
	expect_lines(profile, 0,
		     "my comm:x;a:b;new line and tab;[lib:v.so+0x2000];[vdso+0x1800];[unknown];"
		     "[kernel.kallsyms+0x3000]_[k];<script> 1\n");
	eo_profile_free(profile);
}

Test(folded, the_order_is_that_of_bytes)
{
	struct eo_profile *profile = cpu_profile();

	/* '(' is below ';', which is below 'a': joined lines sort unlike their parts. */
	add_stack(profile, (struct frame[]){ { "a", NULL, 0 }, { "z", NULL, 0 } }, 2, NULL, -1, 1);
	add_stack(profile, (struct frame[]){ { "a(b)", NULL, 0 }, { "z", NULL, 0 } }, 2, NULL, -1, 2);
	add_stack(profile, (struct frame[]){ { "aa", NULL, 0 } }, 1, NULL, -1, 3);
	add_stack(profile, (struct frame[]){ { "a", NULL, 0 } }, 1, NULL, -1, 4);
	add_stack(profile, (struct frame[]){ { "a(b)", NULL, 0 } }, 1, NULL, -1, 5);
	add_stack(profile, (struct frame[]){ { "\xc3\xa4", NULL, 0 } }, 1, NULL, -1, 6);
	/* The command's name is a first frame like any. */
	add_stack(profile, (struct frame[]){ { "z", NULL, 0 } }, 1, "a", -1, 10);
	expect_lines(profile, 0,
		     "a 4\na(b) 5\na(b);z 2\na;z 11\naa 3\n\xc3\xa4 6\n");
	eo_profile_free(profile);
}

Test(folded, negative_values_are_shown_and_zeros_are_not)
{
	struct eo_profile *profile = cpu_profile();

	add_stack(profile, (struct frame[]){ { "less", NULL, 0 } }, 1, NULL, -1, -5);
	add_stack(profile, (struct frame[]){ { "same", NULL, 0 } }, 1, NULL, -1, 0);
	add_stack(profile, (struct frame[]){ { "twice", NULL, 0 } }, 1, NULL, 1, 4);
	add_stack(profile, (struct frame[]){ { "twice", NULL, 0 } }, 1, NULL, 2, -4);
	expect_lines(profile, 0, "less -5\n");
	eo_profile_free(profile);
}

Test(folded, nothing_gives_nothing)
{
	struct eo_profile *profile = cpu_profile();

	expect_lines(profile, SIZE_MAX, "");
	eo_profile_free(profile);
}

Test(folded, a_value_that_is_not_there_is_an_error)
{
	struct eo_profile *profile = cpu_profile();
	const struct eo_write_options options = { .value_type = 2 };
	struct eo_error err = { 0 };

	cr_expect_eq(eo_write_folded(profile, &options, stdout, &err), -EINVAL);
	cr_expect_eq(err.kind, EO_ERROR_CONFIG);
	cr_expect_str_eq(err.text, "show value 2 of a profile that has 2");
	eo_profile_free(profile);
}
