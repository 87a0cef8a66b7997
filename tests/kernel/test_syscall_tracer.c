// SPDX-License-Identifier: BSD-2-Clause
/* The tracer of system calls against the real kernel, with workloads that make known numbers of
 * calls. What is asserted are counts and contents, never times. */
#include <criterion/criterion.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "syscall_run.h"

static void need_root(void)
{
	if (geteuid() != 0)
		cr_skip_test("needs root to load BPF programs");
}

TestSuite(syscall_tracer, .init = need_root, .timeout = 120);

Test(syscall_tracer, known_numbers_of_calls_come_out_exactly)
{
	struct taken *taken = calloc(1, sizeof(*taken));
	struct eo_syscall_options options = eo_taken_options(taken);
	struct workload workload = eo_workload_start("mixed", "1");
	uint32_t pid = (uint32_t)workload.pid;
	struct eo_syscall_stats figures;
	struct eo_trace_stats stats;
	struct eo_tracer *tracer;

	options.base.target = (struct eo_target){.pids = &pid, .pid_count = 1};
	tracer = eo_tracer_begin(&options);
	eo_tracer_through(tracer, &workload);
	stats = eo_tracer_end(tracer);
	figures = eo_syscall_tracer_get_stats(tracer);
	cr_assert_eq(eo_trace_stats_lost(&stats), 0);
	cr_assert_eq(stats.emitted, taken->count);
	cr_assert_eq(taken->by_nr[SYS_getppid], 1000003);
	cr_assert_eq(taken->by_nr[SYS_openat], 10007 + 1);
	cr_assert_eq(taken->failed[SYS_openat], 10007);
	cr_assert_eq(taken->bytes_read, 5003 * 4099);
	cr_assert_eq(figures.syscalls_traced, taken->count);
	cr_assert_eq(figures.errors, 10007);
	eo_tracer_free(tracer);
	free(taken);
}
