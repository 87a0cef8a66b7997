// SPDX-License-Identifier: BSD-2-Clause
/* Stacks that are copied in the kernel and unwound here: complete, and counted to the unit. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/cpu_profiler.h"

TestSuite(unwind_snapshot, .timeout = 120);

#define SETUP()                                                          \
	do {                                                             \
		if (geteuid() != 0)                                      \
			cr_skip_test("needs root to load BPF programs"); \
	} while (0)

/* Start a program that writes a line when it works. */
static pid_t start(const char *program)
{
	char line[32];
	int out[2];
	pid_t pid;

	cr_assert_eq(pipe(out), 0);
	pid = fork();
	if (pid == 0) {
		dup2(out[1], STDOUT_FILENO);
		close(out[0]);
		close(out[1]);
		execlp(program, program, NULL);
		_exit(127);
	}
	close(out[1]);
	cr_assert_gt(read(out[0], line, sizeof(line)), 0, "%s did not start", program);
	close(out[0]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static struct eo_cpu_profiler *begin(uint32_t hz, uint64_t max_samples,
				     const struct eo_cpu_profiler_options *options)
{
	struct eo_config config = eo_config_default();
	struct eo_cpu_profiler *profiler;
	struct eo_error err = {0};

	config.sample_rate_hz = hz;
	config.duration_ns = 0;
	if (max_samples)
		config.max_samples = max_samples;
	cr_assert_eq(eo_cpu_profiler_new(&config, options, &profiler, &err), 0, "%s", err.text);
	cr_assert_eq(eo_cpu_profiler_start(profiler, &err), 0, "%s", err.text);
	return profiler;
}

/* Until @samples more than now were seen. */
static void run(struct eo_cpu_profiler *profiler, uint64_t samples, bool pump)
{
	uint64_t until = eo_cpu_profiler_stats(profiler).seen + samples;

	for (int i = 0; i < 6000 && eo_cpu_profiler_stats(profiler).seen < until; i++) {
		usleep(5000);
		if (pump)
			cr_assert_eq(eo_cpu_profiler_pump(profiler, NULL), 0);
	}
	cr_assert_geq(eo_cpu_profiler_stats(profiler).seen, until);
}

static struct eo_profile *stop(struct eo_cpu_profiler *profiler)
{
	struct eo_profile *profile = NULL;
	struct eo_error err = {0};

	cr_assert_eq(eo_cpu_profiler_stop(profiler, &profile, &err), 0, "%s", err.text);
	return profile;
}

static void check_identity(const struct eo_profile_stats *stats)
{
	uint64_t walks = 0;

	cr_assert_eq(
		stats->seen,
		stats->emitted + stats->aggregated + stats->filtered + stats->lost_ring_full +
			stats->lost_map_full + stats->lost_busy,
		"seen %lu = emitted %lu + aggregated %lu + filtered %lu + ring_full %lu + map_full %lu + busy %lu",
		stats->seen, stats->emitted, stats->aggregated, stats->filtered,
		stats->lost_ring_full, stats->lost_map_full, stats->lost_busy);
	for (int i = 0; i < EO_USER_WALK_COUNT; i++)
		walks += stats->user_walk[i];
	cr_assert_leq(stats->emitted + stats->aggregated, walks);
}

static const char *name_of(const struct eo_profile *profile, uint32_t location)
{
	const struct eo_location *l = &profile->locations[location];

	return l->line_count
		       ? profile->strings[profile->functions[profile->lines[l->first_line].function]
						  .name]
		       : "";
}

Test(unwind_snapshot, a_program_without_frame_pointers_is_complete_up_to_its_beginning)
{
	SETUP();
	pid_t pid = start(getenv("EO_DEEP"));
	uint32_t target = (uint32_t)pid;
	struct eo_cpu_profiler_options options = {
		.target = {.pids = &target, .pid_count = 1},
		.unwind = EO_UNWIND_SNAPSHOT,
	};
	struct eo_cpu_profiler *profiler = begin(199, 0, &options); /* emulated machines are slow */
	int64_t rooted = 0, all = 0;

	run(profiler, 503, true);
	struct eo_profile *profile = stop(profiler);
	struct eo_profile_stats stats = eo_cpu_profiler_stats(profiler);

	check_identity(&stats);
	cr_assert_not(stats.has_tables);
	cr_assert_eq(stats.lost_ring_full + stats.lost_busy, 0);
	cr_assert_eq(eo_profile_total(profile, 0), (int64_t)(stats.emitted + stats.aggregated));
	/* Before v5.15 those taken in kernel mode have no registers. */
	cr_assert_geq(stats.emitted * 100, (stats.seen - stats.kernel) * 95);
	cr_assert_geq(stats.user_walk[EO_USER_SNAPSHOT] * 100, (stats.seen - stats.kernel) * 95,
		      "%lu cut", stats.user_walk[EO_USER_SNAPSHOT_CUT]);
	for (size_t i = 0; i < profile->sample_count; i++) {
		struct eo_span stack = profile->stacks[profile->samples[i].stack];
		const char *root = name_of(profile, profile->frames[stack.first + stack.count - 1]);
		int64_t count = profile->values[profile->samples[i].values];

		all += count;
		rooted += strcmp(root, "_start") == 0 || strstr(root, "clone") ? count : 0;
	}
	cr_assert_geq(rooted * 100, all * 95, "%ld of %ld", rooted, all);
	eo_profile_free(profile);
	eo_cpu_profiler_free(profiler);
	end(pid);
}

Test(unwind_snapshot, what_a_full_ring_loses_is_counted_by_the_unit)
{
	SETUP();
	/* A snapshot is 1 to 17 KB. */
	static const uint32_t rings[] = {4096, 65536};
	pid_t pid = start(getenv("EO_DEEP"));
	uint32_t target = (uint32_t)pid;
	uint64_t unwound;

	for (int i = 0; i < 2; i++) {
		for (int timestamps = 0; timestamps < 2; timestamps++) {
			struct eo_cpu_profiler_options options = {
				.target = {.pids = &target, .pid_count = 1},
				.unwind = EO_UNWIND_SNAPSHOT,
				.ring_bytes = rings[i],
				.timestamps = timestamps,
			};
			struct eo_cpu_profiler *profiler = begin(997, 0, &options);

			run(profiler, 211, false); /* nobody reads */
			struct eo_profile *profile = stop(profiler);
			struct eo_profile_stats stats = eo_cpu_profiler_stats(profiler);

			check_identity(&stats);
			cr_assert_geq(stats.lost_ring_full, 150);
			cr_assert_eq(eo_profile_total(profile, 0),
				     (int64_t)(stats.emitted + stats.aggregated));
			unwound = stats.user_walk[EO_USER_SNAPSHOT] +
				  stats.user_walk[EO_USER_SNAPSHOT_CUT];
			cr_assert_leq(unwound, rings[i] / 1024);
			if (rings[i] == 65536)
				cr_assert_gt(unwound, 0);
			eo_profile_free(profile);
			eo_cpu_profiler_free(profiler);
		}
	}
	end(pid);
}

Test(unwind_snapshot, profiles_of_intervals_add_up)
{
	SETUP();
	pid_t pid = start(getenv("EO_DEEP"));
	uint32_t target = (uint32_t)pid;

	for (int timestamps = 0; timestamps < 2; timestamps++) {
		struct eo_cpu_profiler_options options = {
			.target = {.pids = &target, .pid_count = 1},
			.unwind = EO_UNWIND_SNAPSHOT,
			.timestamps = timestamps,
		};
		struct eo_cpu_profiler *profiler = begin(997, 0, &options);
		struct eo_profile *profile;
		int64_t sum = 0;

		for (int i = 0; i < 5; i++) {
			run(profiler, 101, true);
			if (i < 4)
				cr_assert_eq(eo_cpu_profiler_cut(profiler, &profile, NULL), 0);
			else
				profile = stop(profiler);
			cr_assert_gt(eo_profile_total(profile, 0), 0);
			cr_assert_eq((int64_t)profile->timestamp_count,
				     timestamps ? eo_profile_total(profile, 0) : 0);
			sum += eo_profile_total(profile, 0);
			eo_profile_free(profile);
		}
		struct eo_profile_stats stats = eo_cpu_profiler_stats(profiler);

		check_identity(&stats);
		cr_assert_gt(stats.emitted, 0);
		cr_assert_eq(sum, (int64_t)(stats.emitted + stats.aggregated));
		eo_cpu_profiler_free(profiler);
	}
	end(pid);
}

Test(unwind_snapshot, stacks_beyond_the_limit_are_counted_under_one_frame)
{
	SETUP();
	pid_t pid = start(getenv("EO_DEEP"));
	uint32_t target = (uint32_t)pid;
	struct eo_cpu_profiler_options options = {
		.target = {.pids = &target, .pid_count = 1},
		.unwind = EO_UNWIND_SNAPSHOT,
	};
	struct eo_cpu_profiler *profiler = begin(997, 10, &options);
	int64_t limited = 0;

	run(profiler, 211, true);
	struct eo_profile *profile = stop(profiler);
	struct eo_profile_stats stats = eo_cpu_profiler_stats(profiler);

	check_identity(&stats);
	cr_assert_eq(eo_profile_total(profile, 0), (int64_t)(stats.emitted + stats.aggregated));
	for (size_t i = 0; i < profile->sample_count; i++) {
		struct eo_span stack = profile->stacks[profile->samples[i].stack];

		if (strcmp(name_of(profile, profile->frames[stack.first]), "[stack limit]") == 0)
			limited += profile->values[profile->samples[i].values];
	}
	cr_assert_gt(limited, 100);
	cr_assert_eq(limited, (int64_t)stats.stack_limit);
	cr_assert_leq(stats.stacks, 20);
	eo_profile_free(profile);
	eo_cpu_profiler_free(profiler);
	end(pid);
}

Test(unwind_snapshot, until_its_tables_are_there_a_fresh_program_has_snapshots)
{
	SETUP();
	const char name[][EO_COMM_BYTES] = {"deep"};
	struct eo_cpu_profiler_options options = {.target = {.comms = name, .comm_count = 1}};
	struct eo_cpu_profiler *profiler = begin(997, 0, &options);

	if (!eo_cpu_profiler_stats(profiler).has_tables)
		cr_skip_test("this kernel cannot walk by tables");
	pid_t pid = start(getenv("EO_DEEP"));
	for (int i = 0; i < 50 && eo_cpu_profiler_stats(profiler).user_walk[EO_USER_COMPLETE] == 0;
	     i++)
		run(profiler, 101, true);
	struct eo_profile *profile = stop(profiler);
	struct eo_profile_stats stats = eo_cpu_profiler_stats(profiler);
	uint64_t wanting = stats.user_walk[EO_USER_NO_PROCESS] +
			   stats.user_walk[EO_USER_NOT_LOADED] +
			   stats.user_walk[EO_USER_NO_MAPPING];

	check_identity(&stats);
	cr_assert_eq(eo_profile_total(profile, 0), (int64_t)(stats.emitted + stats.aggregated));
	cr_assert_gt(stats.user_walk[EO_USER_SNAPSHOT], 0);
	cr_assert_gt(stats.user_walk[EO_USER_COMPLETE], 0);
	/* In the middle of an exec there is no stack to copy. */
	cr_assert_leq(wanting, 10 + stats.snapshots_limited,
		      "%lu without: %lu no process, %lu not loaded, %lu no mapping; %lu limited",
		      wanting, stats.user_walk[EO_USER_NO_PROCESS],
		      stats.user_walk[EO_USER_NOT_LOADED], stats.user_walk[EO_USER_NO_MAPPING],
		      stats.snapshots_limited);
	cr_assert_eq(stats.emitted,
		     stats.user_walk[EO_USER_SNAPSHOT] + stats.user_walk[EO_USER_SNAPSHOT_CUT]);
	eo_profile_free(profile);
	eo_cpu_profiler_free(profiler);
	end(pid);
}
