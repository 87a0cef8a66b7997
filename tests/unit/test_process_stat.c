/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "core/process_stat.h"

#define REST " 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 "

Test(process_stat, names_may_hold_anything)
{
	struct eo_process_stat stat;

	cr_assert_eq(eo_process_stat_parse("7 (a) R 9 (b)) S 3" REST "4711 0 0", &stat), 0);
	cr_assert_str_eq(stat.name, "a) R 9 (b)");
	cr_assert_eq(stat.state, 'S');
	cr_assert_eq(stat.ppid, 3);
	cr_assert_eq(stat.flags, 4194560);
	cr_assert_eq(stat.threads, 1);
	cr_assert_eq(stat.start_ticks, 4711);
	cr_assert_eq(eo_process_stat_parse("7 () Z 3" REST "1 0", &stat), 0);
	cr_assert_str_eq(stat.name, "");
}

Test(process_stat, names_that_are_too_long_are_cut)
{
	struct eo_process_stat stat;
	char text[400] = "7 (";

	memset(text + 3, 'x', 200);
	strcpy(text + 203, ") S 3" REST "5 0");
	cr_assert_eq(eo_process_stat_parse(text, &stat), 0);
	cr_assert_eq(strlen(stat.name), sizeof(stat.name) - 1);
	cr_assert_eq(stat.start_ticks, 5);
}

Test(process_stat, what_is_none_is_told)
{
	static const char *const texts[] = {
		"", "7", "7 (a", "7 a)", ") S 3 (", "7 (a) S", ("7 (a) S 3" REST),
	};
	struct eo_process_stat stat;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		cr_assert_eq(eo_process_stat_parse(texts[i], &stat), -EPROTO, "%s", texts[i]);
}

Test(process_stat, of_ourselves_and_of_nobody)
{
	uint64_t before_ns = eo_clock_monotonic_ns();
	pid_t child = fork();
	struct eo_process_stat stat;

	if (child == 0)
		_exit(0);
	cr_assert_eq(waitid(P_PID, (id_t)child, NULL, WEXITED | WNOWAIT), 0);
	cr_assert_eq(eo_process_stat_read((uint32_t)child, &stat), 0);
	cr_assert_eq(stat.state, 'Z');
	cr_assert_eq(stat.ppid, (uint32_t)getpid());
	/* The clocks are read anew each time, and differ by some ns. */
	for (int i = 0; i < 10007; i++) {
		cr_assert_geq(eo_process_stat_began_ns(&stat) + EO_NS_PER_SEC, before_ns);
		cr_assert_leq(eo_process_stat_began_ns(&stat), eo_clock_monotonic_ns());
	}
	waitpid(child, NULL, 0);
	cr_assert_eq(eo_process_stat_read((uint32_t)child, &stat), -ENOENT);
}
