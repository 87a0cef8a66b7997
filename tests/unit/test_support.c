/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/support.h"
#include "capture/support_row.h"
#include "core/auto.h"
#include "emulation.h"

static size_t count_entries(const char *path)
{
	DIR *dir = opendir(path);
	size_t count = 0;

	cr_assert_not_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

/* Become nobody for good; whoever runs the test without privileges is nobody already. */
static void drop_privileges(void)
{
	if (geteuid() == 0)
		cr_assert_eq(setresuid(65534, 65534, 65534), 0);
}

Test(support, every_key_is_unique_and_found)
{
	struct eo_support support;

	eo_support_probe_all(&support);
	cr_assert_gt(support.probe_count, 30);
	cr_assert_lt(support.probe_count, EO_SUPPORT_PROBES_MAX,
		     "the table is full: a row may be missing");
	for (size_t i = 0; i < support.probe_count; i++)
		cr_expect_eq(eo_support_find(&support, support.probes[i].key), &support.probes[i],
			     "%s twice", support.probes[i].key);
	cr_expect_null(eo_support_find(&support, "no_such_key"));
}

Test(support, rows_have_labels_that_fit_and_groups_that_stand_together)
{
	struct eo_support support;

	eo_support_probe_all(&support);
	for (size_t i = 0; i < support.probe_count; i++) {
		const struct eo_support_probe *probe = &support.probes[i];

		cr_expect_gt(strlen(probe->label), 0);
		cr_expect_leq(strlen(probe->label), 22, "%s", probe->label);
		for (size_t k = 0; k + 1 < i; k++) {
			if (strcmp(support.probes[k].group, probe->group) == 0)
				cr_expect_str_eq(support.probes[i - 1].group, probe->group,
						 "%s stands apart", probe->key);
		}
	}
}

Test(support, a_fact_says_something_and_needs_no_hint)
{
	struct eo_support support;

	eo_support_probe_all(&support);
	for (size_t i = 0; i < support.probe_count; i++) {
		const struct eo_support_probe *probe = &support.probes[i];

		if (probe->state == EO_SUPPORT_INFO) {
			cr_expect_gt(strlen(probe->detail), 0, "%s", probe->key);
			cr_expect_null(probe->hint, "%s", probe->key);
		}
		if (probe->state == EO_SUPPORT_YES)
			cr_expect_null(probe->hint, "%s", probe->key);
	}
}

Test(support, tools_are_told_with_reasons)
{
	static const char *const names[] = { "profile", "trace syscall", "trace net", "trace mem" };
	struct eo_support support;

	eo_support_probe_all(&support);
	for (size_t i = 0; i < EO_SUPPORT_TOOLS; i++) {
		const struct eo_tool_support *tool = &support.tools[i];

		cr_expect_str_eq(tool->name, names[i]);
		cr_expect_eq(tool->state == EO_TOOL_READY, tool->why[0] == '\0', "%s: %s",
			     tool->name, tool->why);
	}
}

Test(support, without_privileges_all_is_denied_and_the_hint_names_the_cure)
{
	static const char *const keys[] = { "cap_bpf", "cap_perfmon", "ring_buffer", "perf_event",
					    "raw_tracepoint", "tp_btf", "iterators", "uprobe",
					    "uprobe_multi", "kernel_symbols" };
	struct eo_support support;

	SKIP_IN_EMULATION("no bpf()");
	drop_privileges();
	eo_support_probe_all(&support);
	for (size_t i = 0; i < EO_ARRAY_SIZE(keys); i++) {
		const struct eo_support_probe *probe = eo_support_find(&support, keys[i]);

		cr_expect_eq(probe->state, EO_SUPPORT_DENIED, "%s: %s", probe->key, probe->detail);
		cr_expect_not_null(probe->hint, "%s", probe->key);
	}
	for (size_t i = 0; i < EO_SUPPORT_TOOLS; i++) {
		const struct eo_tool_support *tool = &support.tools[i];

		cr_expect_eq(tool->state, EO_TOOL_UNAVAILABLE, "%s", tool->name);
		cr_expect(tool->for_permission, "%s: %s", tool->name, tool->why);
		cr_assert_not_null(tool->hint);
		cr_expect_not_null(strstr(tool->hint, "cap_bpf"), "%s", tool->hint);
	}
}

Test(support, nothing_is_left_behind)
{
	size_t descriptors = count_entries("/proc/self/fd"),
	       threads = count_entries("/proc/self/task");
	struct eo_support support;

	eo_support_probe_all(&support);
	cr_expect_eq(count_entries("/proc/self/fd"), descriptors);
	cr_expect_eq(count_entries("/proc/self/task"), threads);
	cr_expect_eq(waitpid(-1, NULL, WNOHANG), -1);
	cr_expect_eq(errno, ECHILD);
}

Test(support, asking_twice_gives_the_same_answers)
{
	struct eo_support first, second;

	eo_support_probe_all(&first);
	eo_support_probe_all(&second);
	cr_assert_eq(first.probe_count, second.probe_count);
	for (size_t i = 0; i < first.probe_count; i++) {
		cr_expect_eq(first.probes[i].state, second.probes[i].state, "%s",
			     first.probes[i].key);
		cr_expect_str_eq(first.probes[i].detail, second.probes[i].detail);
	}
}

Test(support, text_from_outside_cannot_drive_a_terminal)
{
	struct eo_support_probe probe = { 0 };
	char huge[1000];

	eo_support_say(&probe, EO_SUPPORT_NO, "at %s", "/mnt/\033[31m\nx\x7f");
	cr_expect_eq(probe.state, EO_SUPPORT_NO);
	cr_expect_str_eq(probe.detail, "at /mnt/?[31m?x?");

	memset(huge, 'a', sizeof(huge) - 1);
	huge[sizeof(huge) - 1] = '\0';
	eo_support_say(&probe, EO_SUPPORT_INFO, "%s", huge);
	cr_expect_eq(strlen(probe.detail), sizeof(probe.detail) - 1);
}
