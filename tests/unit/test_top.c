/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "profile_samples.h"

static void expect_text(const struct eo_profile *profile, struct eo_write_options options,
			const char *expected)
{
	char *text = written(eo_write_top, profile, &options, NULL);

	cr_expect_str_eq(text, expected);
	free(text);
}

#define HEADER "      flat   flat%    sum%        cum    cum%  function\n"

Test(top, functions_are_listed_by_what_they_did_themselves)
{
	struct eo_profile *profile = rich_profile();

	expect_text(profile, (struct eo_write_options){ .value_type = SIZE_MAX },
		    "Type: cpu\n"
		    "Time: 2023-11-14 22:13:20 UTC\n"
		    "Duration: 1s, Total samples = 370ms (37.00%)\n" HEADER
		    "     120ms  32.43%  32.43%      120ms  32.43%  work  app\n"
		    "      80ms  21.62%  54.05%       80ms  21.62%  inner  app\n"
		    "      80ms  21.62%  75.68%       80ms  21.62%  vfs_read  [kernel.kallsyms]\n"
		    "      60ms  16.22%  91.89%       60ms  16.22%  [unknown]\n"
		    "      20ms   5.41%  97.30%       20ms   5.41%  [libc.so.6]\n"
		    "         0   0.00%  97.30%       20ms   5.41%  clone3  libc.so.6\n"
		    "         0   0.00%  97.30%       80ms  21.62%  entry_SYSCALL_64  [kernel.kallsyms]\n"
		    "         0   0.00%  97.30%      290ms  78.38%  main  app\n"
		    "         0   0.00%  97.30%       80ms  21.62%  outer()  app\n");
	eo_profile_free(profile);
}

Test(top, rows_colour_and_value_are_chosen)
{
	struct eo_profile *profile = rich_profile();

	profile->duration_ns = 0;
	expect_text(profile,
		    (struct eo_write_options){ .value_type = 0, .top_rows = 2, .color = true },
		    "Type: samples\n"
		    "Time: 2023-11-14 22:13:20 UTC\n"
		    "Total samples = 37\n"
		    "Showing 2 of 9 functions\n"
		    "\033[1m      flat   flat%    sum%        cum    cum%  function\033[0m\n"
		    "        12  32.43%  32.43%         12  32.43%  work  app\n"
		    "         8  21.62%  54.05%          8  21.62%  inner  app\n");
	eo_profile_free(profile);
}

Test(top, names_cannot_steer_a_terminal)
{
	struct eo_profile *profile = cpu_profile();

	profile->time_ns = 0;
	add_stack(profile, (struct frame[]){ { "\033[2Jx\ny\x7f", "/bin/\ax", 1 } }, 1, NULL, -1, 3);
	add_stack(profile, (struct frame[]){ { "csi \xc2\x9b" "2J caf\xe9 \xc3\xa9", NULL, 1 } }, 1,
		  NULL, -1, 2);
	add_stack(profile, (struct frame[]){ { NULL, "/bin/\x1b]x", 1 } }, 1, NULL, -1, 1);
	expect_text(profile, (struct eo_write_options){ .value_type = 0 },
		    "Type: samples\n"
		    "Duration: 1s, Total samples = 6\n" HEADER
		    "         3  50.00%  50.00%          3  50.00%  \\x1b[2Jx\\x0ay\\x7f  \\x07x\n"
		    "         2  33.33%  83.33%          2  33.33%  csi \\xc2\\x9b2J caf\\xe9 \xc3\xa9\n"
		    "         1  16.67% 100.00%          1  16.67%  [\\x1b]x]\n");
	eo_profile_free(profile);
}

Test(top, one_unit_serves_the_whole_table)
{
	struct eo_profile *profile = eo_profile_new();
	const int64_t bytes[] = { 3LL << 30, 5 << 20, 1000, -(1 << 20) };

	eo_profile_add_value_type(profile, "inuse_space", "bytes");
	for (size_t i = 0; i < 4; i++) {
		char name[2] = { (char)('a' + i), 0 };
		uint32_t frame = eo_profile_synthetic_frame(profile, name);

		eo_profile_add_sample(profile, eo_profile_stack(profile, &frame, 1), 0, &bytes[i]);
	}
	expect_text(profile, (struct eo_write_options){ .value_type = SIZE_MAX },
		    "Type: inuse_space\n"
		    "Total samples = 3.01GB\n" HEADER
		    "    3072MB  99.81%  99.81%     3072MB  99.81%  a\n"
		    "       5MB   0.16%  99.97%        5MB   0.16%  b\n"
		    "         0   0.00%  99.97%          0   0.00%  c\n"
		    "      -1MB  -0.03%  99.94%       -1MB  -0.03%  d\n");
	eo_profile_free(profile);
}

Test(top, nothing_is_a_heading)
{
	struct eo_profile *profile = cpu_profile();

	expect_text(profile, (struct eo_write_options){ .value_type = SIZE_MAX },
		    "Type: cpu\n"
		    "Time: 2023-11-14 22:13:20 UTC\n"
		    "Duration: 1s, Total samples = 0 (0.00%)\n" HEADER);
	eo_profile_free(profile);
}

Test(top, a_profile_without_values_is_an_error)
{
	struct eo_profile *profile = eo_profile_new();
	const struct eo_write_options options = { .value_type = SIZE_MAX };
	struct eo_error err = { 0 };

	cr_expect_eq(eo_write_top(profile, &options, stdout, &err), -EINVAL);
	cr_expect_str_eq(err.text, "show value 0 of a profile that has 0");
	eo_profile_free(profile);
}

/* Flat and cum of function @name in a table of ours or of pprof. */
static bool find_numbers(const char *table, const char *name, long *flat, long *cum)
{
	for (const char *line = table; line && *line; line = strchr(line, '\n'),
			line += line != NULL) {
		char found[128];

		if (sscanf(line, "%ld %*f%% %*f%% %ld %*f%% %127s", flat, cum, found) == 3 &&
		    !strcmp(found, name))
			return true;
	}
	return false;
}

Test(top, go_tool_pprof_counts_the_same)
{
	struct eo_profile *profile = cpu_profile();
	const struct eo_write_options options = { .value_type = 0 };
	char path[] = "/tmp/test_top.XXXXXX";
	char *go = find_tool("go");
	char *ours, *bytes, *theirs;
	unsigned int random = 1;
	size_t len;
	int fd;

	for (int sample = 0; sample < 300; sample++) {
		struct frame frames[20];
		char names[20][8];
		size_t depth = 1 + (size_t)sample % 20;

		for (size_t i = 0; i < depth; i++) {
			unsigned int pick;

			random = random * 1103515245 + 12345;
			pick = random >> 16 & 31;
			snprintf(names[i], sizeof(names[i]), "f%u", pick);
			frames[i] = (struct frame){ names[i], "/bin/x",
						    0x1000 + pick * 16 + i % 2 };
		}
		add_stack(profile, frames, depth, "x", sample % 7, 1 + sample);
	}
	ours = written(eo_write_top, profile, &options, NULL);
	bytes = written(eo_write_pprof, profile, NULL, &len);
	fd = mkstemp(path);
	cr_assert_eq(write(fd, bytes, len), (ssize_t)len);
	close(fd);
	if (go) {
		theirs = output_of("%s tool pprof -symbolize=none -sample_index=samples -top "
				   "-nodefraction=0 -edgefraction=0 -nodecount=0 %s 2>&1", go, path);
		cr_expect(theirs);
		for (unsigned int i = 0; theirs && i < 32; i++) {
			long flat, cum, go_flat, go_cum;
			char name[8];

			snprintf(name, sizeof(name), "f%u", i);
			cr_assert(find_numbers(ours, name, &flat, &cum), "%s in %s", name, ours);
			cr_assert(find_numbers(theirs, name, &go_flat, &go_cum), "%s in %s", name,
				  theirs);
			cr_expect_eq(flat, go_flat, "%s: %ld, pprof %ld", name, flat, go_flat);
			cr_expect_eq(cum, go_cum, "%s: %ld, pprof %ld", name, cum, go_cum);
		}
		free(theirs);
	}
	unlink(path);
	free(go);
	free(ours);
	free(bytes);
	eo_profile_free(profile);
}
