// SPDX-License-Identifier: BSD-2-Clause
/* The summary of system calls against the real kernel. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "syscall_run.h"

static void need_root(void)
{
	if (geteuid() != 0)
		cr_skip_test("needs root to load BPF programs");
}

TestSuite(syscall_summary, .init = need_root, .timeout = 120);

/* Rows of native calls, added up over all that is told. */
struct sums {
	uint64_t count[EO_SYSCALL_MAX], errors[EO_SYSCALL_MAX], untimed[EO_SYSCALL_MAX];
	uint64_t total, rows, of_pid, of_comm;
	uint32_t pid;
};

static int add_row(void *ctx, const struct eo_syscall_key *key, const struct eo_syscall_row *row)
{
	struct sums *sums = ctx;
	uint64_t count = eo_syscall_row_count(row), p50 = eo_syscall_row_quantile(row, 0.5);

	sums->rows++;
	sums->total += count;
	sums->of_pid += key->tgid == sums->pid ? count : 0;
	sums->of_comm += !strcmp(key->comm, "calls") ? count : 0;
	if (count > row->untimed) {
		cr_assert_leq(row->min_ns, p50);
		cr_assert_leq(p50, eo_syscall_row_quantile(row, 0.99));
		cr_assert_leq(eo_syscall_row_quantile(row, 0.99), row->max_ns);
		cr_assert_leq(row->min_ns * (count - row->untimed), row->total_ns);
		cr_assert_geq(row->max_ns * (count - row->untimed), row->total_ns);
	}
	if (key->abi == EO_ABI_NATIVE && key->nr < EO_SYSCALL_MAX) {
		sums->count[key->nr] += count;
		sums->errors[key->nr] += row->errors;
		sums->untimed[key->nr] += row->untimed;
	}
	return 0;
}

static void check_mixed(const struct sums *sums)
{
	cr_assert_eq(sums->count[SYS_getppid], eo_many());
	cr_assert_eq(sums->errors[SYS_getppid], 0);
	cr_assert_eq(sums->count[SYS_openat], 10007 + 1);
	cr_assert_eq(sums->errors[SYS_openat], 10007);
	cr_assert_eq(sums->count[SYS_read], 5003 + 1);
	cr_assert_eq(sums->untimed[SYS_read], 1, "it began before the trace");
	cr_assert_eq(sums->count[SYS_exit_group], 1);
	cr_assert_eq(sums->untimed[SYS_exit_group], 1);
}

static struct eo_syscall_options summary_of(const struct workload *workload, uint32_t *pid)
{
	*pid = (uint32_t)workload->pid;
	return (struct eo_syscall_options){
		.base.summary = true,
		.base.target = {.pids = pid, .pid_count = 1},
	};
}

static void check_stats(struct eo_tracer *tracer, const struct eo_trace_stats *stats, const struct sums *sums)
{
	struct eo_syscall_stats figures = eo_syscall_tracer_get_stats(tracer);

	cr_assert_eq(stats->aggregated, sums->total);
	cr_assert_eq(stats->emitted, 0);
	cr_assert_eq(eo_trace_stats_lost(stats), 0);
	cr_assert_eq(figures.syscalls_traced, sums->total);
}

Test(syscall_summary, known_numbers_of_calls_are_counted_exactly)
{
	struct workload workload = eo_workload_start("mixed", "1");
	struct sums sums = {0};
	struct eo_syscall_options options = summary_of(&workload, &sums.pid);
	struct eo_tracer *tracer = eo_tracer_begin(&options);
	struct eo_trace_stats stats;

	eo_tracer_through(tracer, &workload);
	stats = eo_tracer_end(tracer);
	cr_assert_eq(eo_syscall_tracer_rows(tracer, add_row, &sums, NULL), 0);
	check_mixed(&sums);
	check_stats(tracer, &stats, &sums);
	cr_assert_eq(eo_syscall_tracer_get_stats(tracer).errors, 10007);
	cr_assert_eq(eo_syscall_tracer_get_stats(tracer).unique_syscalls, sums.rows);
	eo_tracer_free(tracer);
}

Test(syscall_summary, intervals_lose_nothing_under_load)
{
	struct workload load = eo_workload_start("getppid", "1000000000");
	struct workload workload = eo_workload_start("mixed", "1");
	struct sums sums = {0};
	struct eo_syscall_options options = summary_of(&workload, &sums.pid);
	struct eo_tracer *tracer = eo_tracer_begin(&options);
	struct eo_trace_stats stats;
	int intervals = 0;

	eo_workload_go(&load);
	eo_workload_go(&workload);
	for (; !eo_tracer_targets_gone(tracer); intervals++) {
		cr_assert_eq(eo_tracer_pump(tracer, NULL), 0);
		usleep(20000);
		cr_assert_eq(eo_syscall_tracer_rows(tracer, add_row, &sums, NULL), 0);
	}
	eo_workload_wait(&workload);
	kill(load.pid, SIGKILL);
	waitpid(load.pid, NULL, 0);
	stats = eo_tracer_end(tracer);
	cr_assert_eq(eo_syscall_tracer_rows(tracer, add_row, &sums, NULL), 0);
	cr_assert_gt(intervals, 1);
	check_mixed(&sums);
	check_stats(tracer, &stats, &sums);
	eo_tracer_free(tracer);
}

Test(syscall_summary, rows_are_told_apart_by_process_and_name)
{
	struct workload workload = eo_workload_start("fork", "11");
	struct sums sums = {0};
	struct eo_syscall_options options = summary_of(&workload, &sums.pid);
	struct eo_trace_stats stats;
	struct eo_tracer *tracer;

	options.by_pid = options.by_comm = options.by_cgroup = true;
	tracer = eo_tracer_begin(&options);
	eo_tracer_through(tracer, &workload);
	stats = eo_tracer_end(tracer);
	cr_assert_eq(eo_syscall_tracer_rows(tracer, add_row, &sums, NULL), 0);
	cr_assert_eq(sums.count[SYS_getppid], 77);
	cr_assert_eq(sums.of_comm, sums.total);
	cr_assert_geq(sums.total - sums.of_pid, 11 * (7 + 1));
	cr_assert_geq(sums.rows, 11 * 2 + 3);
	check_stats(tracer, &stats, &sums);
	eo_tracer_free(tracer);
}

Test(syscall_summary, filters_hold)
{
	struct workload workload = eo_workload_start("mixed", "1");
	struct sums sums = {0};
	struct eo_syscall_options options = summary_of(&workload, &sums.pid);
	struct eo_trace_stats stats;
	struct eo_tracer *tracer;

	options.failed = true;
	tracer = eo_tracer_begin(&options);
	eo_tracer_through(tracer, &workload);
	stats = eo_tracer_end(tracer);
	cr_assert_eq(eo_syscall_tracer_rows(tracer, add_row, &sums, NULL), 0);
	cr_assert_eq(sums.total, 10007);
	cr_assert_eq(sums.rows, 1);
	cr_assert_geq(stats.filtered, eo_many() + 5003);
	check_stats(tracer, &stats, &sums);
	eo_tracer_free(tracer);
}

static int check_event(void *ctx, const struct eo_event *event)
{
	uint64_t *calls = ctx;

	cr_assert_eq(event->type, EO_EVENT_SYSCALL_SUMMARY);
	for (size_t i = 0; i < event->data_count; i++) {
		const struct eo_event_key *key =
			eo_event_key_find(eo_event_keys(event->type), event->data[i].key);

		cr_assert_not_null(key, "%s", event->data[i].key);
		cr_assert_eq(key->type, event->data[i].type);
		if (key->type == EO_ATTR_ARRAY) /* elements have no keys */
			i += event->data[i].count;
	}
	if (!strcmp(eo_event_data(event, "name")->str, "getppid")) {
		cr_assert_eq(eo_event_data(event, "count")->unum, eo_many());
		cr_assert_eq(eo_event_data(event, "errors")->unum, 0);
		cr_assert_not_null(eo_event_data(event, "p99_ns"));
	}
	if (!strcmp(eo_event_data(event, "name")->str, "exit_group"))
		cr_assert_null(eo_event_data(event, "total_ns"));
	*calls += eo_event_data(event, "count")->unum;
	return 0;
}

Test(syscall_summary, rows_become_events_once)
{
	struct workload workload = eo_workload_start("mixed", "1");
	uint32_t pid;
	struct eo_syscall_options options = summary_of(&workload, &pid);
	struct eo_tracer *tracer = eo_tracer_begin(&options);
	struct eo_trace_stats stats;
	uint64_t calls = 0, again = 0;

	eo_tracer_through(tracer, &workload);
	stats = eo_tracer_end(tracer);
	cr_assert_eq(eo_tracer_summary(tracer, check_event, &calls, NULL), 0);
	cr_assert_eq(calls, stats.aggregated);
	cr_assert_eq(eo_tracer_summary(tracer, check_event, &again, NULL), 0);
	cr_assert_eq(again, 0);
	eo_tracer_free(tracer);
}

Test(syscall_summary, stream_has_none)
{
	struct taken *taken = calloc(1, sizeof(*taken));
	struct eo_syscall_options options = eo_taken_options(taken);
	struct eo_tracer *tracer = eo_tracer_begin(&options);
	uint64_t calls = 0;

	cr_assert_eq(eo_tracer_summary(tracer, check_event, &calls, NULL), -EINVAL);
	cr_assert_eq(eo_syscall_tracer_rows(tracer, add_row, &calls, NULL), -EINVAL);
	eo_tracer_free(tracer);
	free(taken);
}
