// SPDX-License-Identifier: BSD-2-Clause
/* Stacks of programs without frame pointers: complete, and of the right shape. */
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/cpu_profiler.h"

TestSuite(unwind, .timeout = 120);

#define SETUP()                                                                              \
	do {                                                                                 \
		if (geteuid() != 0)                                                          \
			cr_skip_test("needs root to load BPF programs");                     \
		if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_PERF_EVENT, BPF_FUNC_loop, NULL) == 0) \
			cr_skip_test("needs bpf_loop(), Linux 5.17");                        \
	} while (0)

/* Start a program that writes a line when it works. */
static pid_t start(const char *const *argv)
{
	char line[32];
	int out[2];
	pid_t pid;

	cr_assert_eq(pipe(out), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails does not get to end() */
		dup2(out[1], STDOUT_FILENO);
		close(out[0]);
		close(out[1]);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	close(out[1]);
	cr_assert_gt(read(out[0], line, sizeof(line)), 0, "%s did not start", argv[0]);
	close(out[0]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static struct eo_cpu_profiler *begin_by(enum eo_unwind unwind, uint32_t *pid, uint32_t hz,
					uint64_t table_memory)
{
	struct eo_cpu_profiler_options options = {
		.target = {.pids = pid, .pid_count = pid ? 1 : 0},
		.unwind = unwind,
		.table_memory = table_memory,
	};
	struct eo_config config = eo_config_default();
	struct eo_cpu_profiler *profiler;
	struct eo_error err = {0};

	config.sample_rate_hz = hz;
	config.duration_ns = 0;
	cr_assert_eq(eo_cpu_profiler_new(&config, &options, &profiler, &err), 0, "%s", err.text);
	cr_assert_eq(eo_cpu_profiler_start(profiler, &err), 0, "%s", err.text);
	return profiler;
}

static struct eo_cpu_profiler *begin(uint32_t *pid, uint32_t hz, uint64_t table_memory)
{
	return begin_by(EO_UNWIND_DWARF, pid, hz, table_memory);
}

/* Until @samples more than now were counted. Returns the statistics then. */
static struct eo_profile_stats run(struct eo_cpu_profiler *profiler, uint64_t samples)
{
	uint64_t until = eo_cpu_profiler_stats(profiler).seen + samples;

	for (int i = 0; i < 6000 && eo_cpu_profiler_stats(profiler).seen < until; i++) {
		usleep(5000);
		cr_assert_eq(eo_cpu_profiler_pump(profiler, NULL), 0);
	}
	cr_assert_geq(eo_cpu_profiler_stats(profiler).seen, until);
	return eo_cpu_profiler_stats(profiler);
}

static const char *name_of(const struct eo_profile *profile, uint32_t location)
{
	const struct eo_location *l = &profile->locations[location];

	return l->line_count ? profile->strings[profile->functions[profile->lines[l->first_line].function].name] : "";
}

/* Of the samples between two readings, how many in 1,000 ended at the bottom of the stack (or
 * were cut at its greatest depth). */
static uint64_t complete_permille(const struct eo_profile_stats *from, const struct eo_profile_stats *to)
{
	uint64_t complete = 0, all = 0;

	for (int i = 0; i < EO_USER_WALK_COUNT; i++) {
		uint64_t count = to->user_walk[i] - from->user_walk[i];

		all += count;
		if (i == EO_USER_COMPLETE || i == EO_USER_SNAPSHOT || i == EO_USER_CUT || i == EO_USER_NONE)
			complete += count;
	}
	return complete * 1000 / all;
}

/* Until the tables that the workload needs are there: on a slow machine that takes more samples.
 * Returns the statistics then. */
static struct eo_profile_stats warm_up(struct eo_cpu_profiler *profiler)
{
	struct eo_profile_stats from, to = run(profiler, 199);

	for (int i = 0; i < 20; i++) {
		from = to;
		to = run(profiler, 199);
		if (complete_permille(&from, &to) == 1000)
			break;
	}
	return to;
}

Test(unwind, a_steady_program_without_frame_pointers_is_complete)
{
	SETUP();
	pid_t pid = start((const char *[]){getenv("EO_DEEP"), NULL});
	uint32_t target = (uint32_t)pid;
	struct eo_cpu_profiler *profiler = begin(&target, 499, 0);
	struct eo_profile_stats warm = warm_up(profiler), stats = run(profiler, 1009);
	struct eo_profile *profile;
	size_t deep = 0, signals = 0, threads = 0;

	cr_assert_geq(complete_permille(&warm, &stats), 990);
	cr_assert_eq(eo_cpu_profiler_stop(profiler, &profile, NULL), 0);
	cr_assert_eq(eo_profile_total(profile, 0), (int64_t)eo_cpu_profiler_stats(profiler).aggregated);
	for (size_t i = 0; i < profile->sample_count; i++) {
		struct eo_span stack = profile->stacks[profile->samples[i].stack];
		const char *root = name_of(profile, profile->frames[stack.first + stack.count - 1]);
		size_t descents = 0;

		for (uint32_t k = 0; k < stack.count; k++) {
			const char *name = name_of(profile, profile->frames[stack.first + k]);

			descents += strncmp(name, "descend", 7) == 0;
			signals += strncmp(name, "on_alarm", 8) == 0;
		}
		deep += descents > 20;
		threads += strstr(root, "clone") != NULL;
	}
	cr_expect_gt(deep, 0, "no recursion was seen");
	cr_expect_gt(signals, 0, "no signal handler was seen");
	cr_expect_gt(threads, 0, "no stack ends in a thread's beginning");
	eo_profile_free(profile);
	eo_cpu_profiler_free(profiler);
	end(pid);
}

Test(unwind, stacks_end_at_the_beginning_of_the_program)
{
	SETUP();
	pid_t pid = start((const char *[]){getenv("EO_DEEP"), NULL});
	uint32_t target = (uint32_t)pid;
	struct eo_cpu_profiler *profiler = begin(&target, 499, 0);
	struct eo_profile *profile;
	int64_t rooted = 0, all = 0;

	warm_up(profiler);
	cr_assert_eq(eo_cpu_profiler_cut(profiler, &profile, NULL), 0);
	eo_profile_free(profile);
	run(profiler, 503);
	cr_assert_eq(eo_cpu_profiler_stop(profiler, &profile, NULL), 0);
	for (size_t i = 0; i < profile->sample_count; i++) {
		struct eo_span stack = profile->stacks[profile->samples[i].stack];
		const char *root = name_of(profile, profile->frames[stack.first + stack.count - 1]);
		int64_t count = profile->values[profile->samples[i].values];

		all += count;
		if (strcmp(root, "_start") == 0 || strstr(root, "clone"))
			rooted += count;
	}
	cr_assert_geq(rooted * 1000, all * 990, "%ld of %ld", rooted, all);
	eo_profile_free(profile);
	eo_cpu_profiler_free(profiler);
	end(pid);
}

static bool begins(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* Go's runtime does much of its work on a stack of its own, which the walk has to leave again. */
static void check_go(enum eo_unwind unwind)
{
	const char *program = getenv("EO_GO_STACKS");

	if (!program || access(program, X_OK) < 0)
		cr_skip_test("was built without go");
	pid_t pid = start((const char *[]){program, NULL});
	uint32_t target = (uint32_t)pid;
	struct eo_cpu_profiler *profiler = begin_by(unwind, &target, 299, 0);
	struct eo_profile *profile;
	struct eo_profile_stats warm, stats;
	int64_t all = 0, rooted = 0, runtimes = 0, stuck = 0, users = 0;

	warm_up(profiler);
	cr_assert_eq(eo_cpu_profiler_cut(profiler, &profile, NULL), 0);
	eo_profile_free(profile);
	warm = eo_cpu_profiler_stats(profiler);
	stats = run(profiler, 1009);
	warm.user_walk[EO_USER_FP] = stats.user_walk[EO_USER_FP]; /* whose end is not known */
	cr_assert_geq(complete_permille(&warm, &stats), 990);
	cr_assert_eq(eo_cpu_profiler_stop(profiler, &profile, NULL), 0);
	for (size_t i = 0; i < profile->sample_count; i++) {
		struct eo_span stack = profile->stacks[profile->samples[i].stack];
		int64_t count = profile->values[profile->samples[i].values];
		const char *root = name_of(profile, profile->frames[stack.first + stack.count - 1]);
		bool on_system_stack = false, user = false;

		for (uint32_t k = 0; k < stack.count; k++) {
			const char *name = name_of(profile, profile->frames[stack.first + k]);

			on_system_stack |= begins(name, "runtime.systemstack");
			user |= on_system_stack && begins(name, "main.");
		}
		all += count;
		/* A goroutine's beginning, or a thread's; and where the runtime has put a goroutine
		 * aside, to see what to run next, or to give it a larger stack. */
		rooted += (begins(root, "runtime.goexit") || begins(root, "runtime.mstart") ||
			   begins(root, "runtime.mcall") || begins(root, "runtime.morestack")) ? count : 0;
		runtimes += on_system_stack ? count : 0;
		stuck += begins(root, "runtime.systemstack") ? count : 0;
		users += user ? count : 0;
	}
	cr_assert_geq(rooted * 1000, all * 990, "%ld of %ld", rooted, all);
	cr_assert_geq(runtimes * 50, all, "%ld of %ld", runtimes, all);
	cr_assert_leq(stuck * 100, runtimes, "%ld of %ld end on the runtime's stack", stuck, runtimes);
	cr_assert_geq(users * 10, runtimes, "%ld of %ld were called by main", users, runtimes);
	eo_profile_free(profile);
	eo_cpu_profiler_free(profiler);
	end(pid);
}

Test(unwind, stacks_of_a_go_program_lead_from_its_runtime_to_its_functions)
{
	SETUP();
	check_go(EO_UNWIND_DWARF);
}

/* Which hold one stack, and the frame pointers that lead to the other. */
Test(unwind, snapshots_of_a_go_program_do_as_well)
{
	if (geteuid() != 0)
		cr_skip_test("needs root to load BPF programs");
	check_go(EO_UNWIND_SNAPSHOT);
}

Test(unwind, an_interpreter_and_the_kernel_half_are_no_obstacle)
{
	SETUP();
	static const char *const python[] = {
		"python3", "-uc",
		"import os\nos.write(1, b'here\\n')\nwhile True:\n sorted(str(i) for i in range(500)); os.stat('/')", NULL};
	pid_t pid = start(python);
	uint32_t target = (uint32_t)pid;
	struct eo_cpu_profiler *profiler = begin(&target, 499, 0);
	struct eo_profile_stats warm = warm_up(profiler), stats = run(profiler, 503);

	cr_assert_geq(complete_permille(&warm, &stats), 990);
	cr_assert_gt(stats.kernel, warm.kernel);
	eo_cpu_profiler_free(profiler);
	end(pid);
}

Test(unwind, a_budget_that_is_too_small_costs_stacks_but_nothing_else)
{
	SETUP();
	pid_t pid = start((const char *[]){getenv("EO_DEEP"), NULL});
	struct eo_cpu_profiler *profiler = begin(NULL, 499, EO_TABLE_MEMORY_MIN);
	struct eo_profile *profile;

	run(profiler, 1009);
	cr_assert_leq(eo_cpu_profiler_stats(profiler).unwinder.tables.rows_bytes, EO_TABLE_MEMORY_MIN);
	cr_assert_eq(eo_cpu_profiler_stop(profiler, &profile, NULL), 0);
	struct eo_profile_stats stats = eo_cpu_profiler_stats(profiler);
	cr_assert_eq(stats.seen, stats.aggregated + stats.filtered + stats.lost_ring_full + stats.lost_busy);
	cr_assert_eq(eo_profile_total(profile, 0), (int64_t)stats.aggregated);
	eo_profile_free(profile);
	eo_cpu_profiler_free(profiler);
	end(pid);
}

Test(unwind, processes_that_come_and_go_leave_nothing_behind)
{
	SETUP();
	/* Ours alone: what else there is on the machine comes and goes as it likes. */
	uint32_t own = (uint32_t)getpid();
	struct eo_cpu_profiler *profiler = begin(&own, 997, 0);
	struct eo_profile_stats stats;
	uint64_t most = 0;

	for (int i = 0; i < 211; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			execl("/bin/true", "true", NULL);
			_exit(127);
		}
		waitpid(pid, NULL, 0);
		cr_assert_eq(eo_cpu_profiler_pump(profiler, NULL), 0);
		stats = eo_cpu_profiler_stats(profiler);
		if (stats.unwinder.tables.processes > most)
			most = stats.unwinder.tables.processes;
	}
	/* Two seconds after its end a process is forgotten. */
	for (int i = 0; i < 100; i++) {
		usleep(50000);
		eo_cpu_profiler_pump(profiler, NULL);
		stats = eo_cpu_profiler_stats(profiler);
		if (stats.unwinder.tables.processes == 0)
			break;
	}
	cr_assert_gt(most, 3);
	cr_assert_eq(stats.unwinder.tables.processes, 0);
	cr_assert_eq(stats.unwinder.tables.resets, 0);
	eo_cpu_profiler_free(profiler);
}
