// SPDX-License-Identifier: BSD-2-Clause
/* The profiler against the real kernel. The workloads run until they are killed, the profiler for
 * a second or so; what is asserted are sums, identities and contents, never times. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/cpu_profiler.h"
#include "core/clock.h"

TestSuite(cpu_profiler, .timeout = 60);

#define SETUP()                                                             \
	do {                                                                \
		if (geteuid() != 0)                                         \
			cr_skip_test("needs root to load BPF programs");    \
	} while (0)

struct workload {
	pid_t pid;   /* our child */
	pid_t spins; /* who burns the CPU */
};

static struct workload start(const char *mode)
{
	struct workload workload;
	int out[2];
	FILE *line;

	cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
	workload.pid = fork();
	if (workload.pid == 0) {
		dup2(out[1], STDOUT_FILENO);
		execl(getenv("EO_SPIN"), "spin", mode, NULL);
		_exit(127);
	}
	close(out[1]);
	line = fdopen(out[0], "r");
	cr_assert_eq(fscanf(line, "%d", &workload.spins), 1, "is EO_SPIN set?");
	fclose(line);
	return workload;
}

static void end(struct workload workload)
{
	if (workload.spins != workload.pid)
		kill(workload.spins, SIGKILL);
	kill(workload.pid, SIGKILL);
	waitpid(workload.pid, NULL, 0);
}

static struct eo_cpu_profiler *begin(const struct eo_config *config, const struct eo_cpu_profiler_options *options)
{
	struct eo_cpu_profiler *profiler;
	struct eo_error err = {0};

	cr_assert_eq(eo_cpu_profiler_new(config, options, &profiler, &err), 0, "%s", err.text);
	cr_assert_eq(eo_cpu_profiler_start(profiler, &err), 0, "%s", err.text);
	return profiler;
}

/* Let it sample until it has seen @samples, pumping like a session, or not at all. */
static void run(struct eo_cpu_profiler *profiler, uint64_t samples, bool pump)
{
	for (int i = 0; i < 2000 && eo_cpu_profiler_stats(profiler).seen < samples; i++) {
		usleep(10000);
		if (pump)
			cr_assert_eq(eo_cpu_profiler_pump(profiler, NULL), 0);
	}
	cr_assert_geq(eo_cpu_profiler_stats(profiler).seen, samples);
}

static struct eo_profile *stop(struct eo_cpu_profiler *profiler)
{
	struct eo_profile *profile;
	struct eo_error err = {0};

	cr_assert_eq(eo_cpu_profiler_stop(profiler, &profile, &err), 0, "%s", err.text);
	return profile;
}

static struct eo_config at(uint32_t hz)
{
	struct eo_config config = eo_config_default();

	config.sample_rate_hz = hz;
	config.duration_ns = 0;
	return config;
}

static const struct eo_label *label(const struct eo_profile *profile, const struct eo_sample *sample, const char *key)
{
	struct eo_span set = profile->label_sets[sample->label_set];

	for (uint32_t i = 0; i < set.count; i++)
		if (strcmp(profile->strings[profile->labels[set.first + i].key], key) == 0)
			return &profile->labels[set.first + i];
	return NULL;
}

static const char *frame_name(const struct eo_profile *profile, uint32_t location)
{
	const struct eo_location *l = &profile->locations[location];

	return l->line_count ? profile->strings[profile->functions[profile->lines[l->first_line].function].name] : "";
}

/* Samples whose leaf is called @name. */
static int64_t leaf_count(const struct eo_profile *profile, const char *name)
{
	int64_t sum = 0;

	for (size_t i = 0; i < profile->sample_count; i++) {
		struct eo_span stack = profile->stacks[profile->samples[i].stack];

		if (stack.count && strcmp(frame_name(profile, profile->frames[stack.first]), name) == 0)
			sum += profile->values[profile->samples[i].values];
	}
	return sum;
}

static void check_identity(const struct eo_profile_stats *stats)
{
	cr_assert_eq(stats->seen,
		     stats->emitted + stats->aggregated + stats->filtered + stats->lost_ring_full +
			     stats->lost_map_full + stats->lost_busy,
		     "seen %lu = aggregated %lu + filtered %lu + ring_full %lu + busy %lu", stats->seen,
		     stats->aggregated, stats->filtered, stats->lost_ring_full, stats->lost_busy);
}

Test(cpu_profiler, every_sample_seen_is_in_the_profile)
{
	SETUP();
	struct workload a = start("hot"), b = start("kernel");
	struct eo_config config = at(499);
	struct eo_cpu_profiler_options options = {0};
	struct eo_cpu_profiler *profiler = begin(&config, &options);

	run(profiler, 997, true);
	struct eo_profile *profile = stop(profiler);
	struct eo_profile_stats stats = eo_cpu_profiler_stats(profiler);

	check_identity(&stats);
	cr_assert_eq(stats.lost_ring_full + stats.lost_busy, 0, "ring_full %lu, busy %lu", stats.lost_ring_full, stats.lost_busy);
	cr_assert_eq(eo_profile_total(profile, 0), (int64_t)(stats.emitted + stats.aggregated));
	cr_assert_eq(eo_profile_total(profile, 1), (int64_t)(stats.emitted + stats.aggregated) * (1000000000 / 499));
	uint64_t walks = 0;
	for (int i = 0; i < EO_USER_WALK_COUNT; i++)
		walks += stats.user_walk[i];
	cr_assert_eq(walks, stats.emitted + stats.aggregated);
	cr_assert_gt(stats.kernel, 0);
	cr_assert_lt(stats.kernel, stats.emitted + stats.aggregated);
	eo_profile_free(profile);
	eo_cpu_profiler_free(profiler);
	end(a);
	end(b);
}

Test(cpu_profiler, a_flood_that_overruns_the_ring_is_lost_by_the_unit)
{
	SETUP();
	struct workload a = start("stacks"), b = start("stacks");
	struct eo_config config = at(1000);
	struct eo_cpu_profiler_options options = {.ring_bytes = 4096, .unwind = EO_UNWIND_FP};
	struct eo_cpu_profiler *profiler = begin(&config, &options);

	run(profiler, 1009, false); /* nobody reads */
	struct eo_profile *profile = stop(profiler);
	struct eo_profile_stats stats = eo_cpu_profiler_stats(profiler);

	check_identity(&stats);
	cr_assert_gt(stats.lost_ring_full, 500);
	cr_assert_gt(stats.aggregated, 0);
	cr_assert_gt(stats.stacks_unknown, 0);
	cr_assert_eq(eo_profile_total(profile, 0), (int64_t)(stats.emitted + stats.aggregated));
	eo_profile_free(profile);
	eo_cpu_profiler_free(profiler);
	end(a);
	end(b);
}

Test(cpu_profiler, a_flood_that_is_read_loses_nothing)
{
	SETUP();
	struct workload a = start("stacks"), b = start("stacks");
	struct eo_config config = at(1000);
	struct eo_cpu_profiler_options options = {0};
	struct eo_cpu_profiler *profiler = begin(&config, &options);

	run(profiler, 2003, true);
	struct eo_profile *profile = stop(profiler);
	struct eo_profile_stats stats = eo_cpu_profiler_stats(profiler);

	check_identity(&stats);
	cr_assert_eq(stats.lost_ring_full + stats.lost_busy, 0, "ring_full %lu, busy %lu", stats.lost_ring_full, stats.lost_busy);
	cr_assert_gt(stats.stacks, 1000);
	cr_assert_eq(eo_profile_total(profile, 0), (int64_t)(stats.emitted + stats.aggregated));
	eo_profile_free(profile);
	eo_cpu_profiler_free(profiler);
	end(a);
	end(b);
}

Test(cpu_profiler, timestamps_are_one_for_each_sample)
{
	SETUP();
	struct workload a = start("stacks"), b = start("hot");
	struct eo_config config = at(997);
	struct eo_cpu_profiler_options options = {.timestamps = true};
	struct eo_cpu_profiler *profiler = begin(&config, &options);
	int64_t sum = 0;

	for (uint64_t i = 1; i <= 2; i++) {
		struct eo_profile *profile;

		run(profiler, eo_cpu_profiler_stats(profiler).seen + 503, true);
		if (i < 2)
			cr_assert_eq(eo_cpu_profiler_cut(profiler, &profile, NULL), 0);
		else
			profile = stop(profiler);
		cr_assert_eq((int64_t)profile->timestamp_count, eo_profile_total(profile, 0));
		for (size_t k = 0; k < profile->timestamp_count; k++) {
			int64_t since = (int64_t)profile->timestamps[k].time_ns - profile->time_ns;

			cr_assert(since > -50000000 && since < profile->duration_ns + 50000000, "%ld", since);
			cr_assert_lt(profile->timestamps[k].sample, profile->sample_count);
		}
		sum += eo_profile_total(profile, 0);
		eo_profile_free(profile);
	}
	struct eo_profile_stats stats = eo_cpu_profiler_stats(profiler);
	check_identity(&stats);
	cr_assert_eq(stats.lost_ring_full + stats.lost_busy + stats.lost_map_full, 0, "ring_full %lu, busy %lu, map_full %lu",
		     stats.lost_ring_full, stats.lost_busy, stats.lost_map_full);
	cr_assert_eq(stats.aggregated, 0);
	cr_assert_eq(sum, (int64_t)stats.emitted);
	eo_cpu_profiler_free(profiler);
	end(a);
	end(b);
}

Test(cpu_profiler, timestamps_that_find_no_room_are_lost_by_the_unit)
{
	SETUP();
	struct workload a = start("stacks"), b = start("stacks");

	for (int full_ring = 0; full_ring <= 1; full_ring++) {
		struct eo_config config = at(1000);
		struct eo_cpu_profiler_options options = {.timestamps = true,
							  .ring_bytes = full_ring ? 4096 : 0};
		struct eo_cpu_profiler *profiler;

		if (!full_ring)
			config.max_samples = 101;
		profiler = begin(&config, &options);
		run(profiler, 503, !full_ring);
		struct eo_profile *profile = stop(profiler);
		struct eo_profile_stats stats = eo_cpu_profiler_stats(profiler);

		check_identity(&stats);
		cr_assert_gt(full_ring ? stats.lost_ring_full : stats.lost_map_full, 0);
		if (!full_ring)
			cr_assert_eq(stats.emitted, 101);
		cr_assert_eq((int64_t)profile->timestamp_count, (int64_t)stats.emitted);
		cr_assert_eq(eo_profile_total(profile, 0), (int64_t)stats.emitted);
		eo_profile_free(profile);
		eo_cpu_profiler_free(profiler);
	}
	end(a);
	end(b);
}

Test(cpu_profiler, stacks_beyond_max_samples_are_counted_under_one_frame)
{
	SETUP();
	struct workload a = start("stacks");
	struct eo_config config = at(997);
	uint32_t pid = (uint32_t)a.spins;
	struct eo_cpu_profiler_options options = {.target = {.pids = &pid, .pid_count = 1}, .unwind = EO_UNWIND_FP};

	config.max_samples = 7;
	struct eo_cpu_profiler *profiler = begin(&config, &options);
	run(profiler, 503, true);
	struct eo_profile *profile = stop(profiler);
	struct eo_profile_stats stats = eo_cpu_profiler_stats(profiler);

	check_identity(&stats);
	cr_assert_eq(stats.stacks, 7);
	cr_assert_eq(stats.lost_ring_full + stats.lost_busy, 0, "ring_full %lu, busy %lu", stats.lost_ring_full, stats.lost_busy);
	cr_assert_gt(stats.stack_limit, 0);
	cr_assert_eq(leaf_count(profile, "[stack limit]"), (int64_t)stats.stack_limit);
	cr_assert_eq(eo_profile_total(profile, 0), (int64_t)(stats.emitted + stats.aggregated));
	eo_profile_free(profile);
	eo_cpu_profiler_free(profiler);
	end(a);
}

Test(cpu_profiler, cuts_share_out_every_sample)
{
	SETUP();
	struct workload a = start("stacks"), b = start("hot");
	struct eo_config config = at(997);
	struct eo_cpu_profiler_options options = {0};
	struct eo_cpu_profiler *profiler = begin(&config, &options);
	int64_t sum = 0;

	for (uint64_t i = 1; i <= 5; i++) {
		struct eo_profile *profile;

		run(profiler, eo_cpu_profiler_stats(profiler).seen + 211, true);
		if (i < 5)
			cr_assert_eq(eo_cpu_profiler_cut(profiler, &profile, NULL), 0);
		else
			profile = stop(profiler);
		cr_assert_gt(eo_profile_total(profile, 0), 0, "part %lu is empty", i);
		cr_assert_gt(profile->duration_ns, 0);
		sum += eo_profile_total(profile, 0);
		eo_profile_free(profile);
	}
	struct eo_profile_stats stats = eo_cpu_profiler_stats(profiler);

	check_identity(&stats);
	cr_assert_eq(stats.lost_ring_full + stats.lost_busy, 0, "ring_full %lu, busy %lu", stats.lost_ring_full, stats.lost_busy);
	cr_assert_eq(sum, (int64_t)(stats.emitted + stats.aggregated));
	eo_cpu_profiler_free(profiler);
	end(a);
	end(b);
}

Test(cpu_profiler, a_pid_filter_excludes_everybody_else)
{
	SETUP();
	struct workload a = start("hot"), b = start("hot");
	struct eo_config config = at(499);
	uint32_t pid = (uint32_t)a.spins;
	struct eo_cpu_profiler_options options = {.target = {.pids = &pid, .pid_count = 1}};
	struct eo_cpu_profiler *profiler = begin(&config, &options);

	run(profiler, 211, true);
	struct eo_profile *profile = stop(profiler);

	cr_assert_gt(profile->sample_count, 0);
	for (size_t i = 0; i < profile->sample_count; i++)
		cr_assert_eq(label(profile, &profile->samples[i], "pid")->num, a.spins);
	cr_assert_gt(leaf_count(profile, "hot_a"), 0);
	for (size_t i = 1; i < profile->location_count; i++) { /* each in the mapping it came from */
		const struct eo_location *location = &profile->locations[i];
		const struct eo_mapping *mapping = &profile->mappings[location->mapping];
		const char *file = profile->strings[mapping->filename];

		if (strncmp(frame_name(profile, (uint32_t)i), "hot_", 4) == 0)
			cr_assert_not_null(strstr(file, "/spin"), "%s", file);
		if (location->kind == EO_FRAME_KERNEL)
			cr_assert_eq(file[0], '[', "%s", file);
		if (location->mapping)
			cr_assert(location->address >= mapping->start && location->address < mapping->limit);
	}
	eo_profile_free(profile);
	eo_cpu_profiler_free(profiler);
	end(a);
	end(b);
}

Test(cpu_profiler, children_are_followed_unless_told_not_to)
{
	SETUP();
	for (int no_follow = 0; no_follow <= 1; no_follow++) {
		struct eo_config config = at(499);
		int go[2];

		/* A shell that starts the workload when it is told to: it is watched then. */
		cr_assert_eq(pipe(go), 0);
		pid_t shell = fork();

		if (shell == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			dup2(go[0], STDIN_FILENO);
			close(go[1]);
			execl("/bin/sh", "sh", "-c", "read -r go; \"$EO_SPIN\" hot >/dev/null & wait; :", NULL);
			_exit(127);
		}
		close(go[0]);
		uint32_t pid = (uint32_t)shell;
		struct eo_cpu_profiler_options options = {
			.target = {.pids = &pid, .pid_count = 1, .no_follow = no_follow}};
		struct eo_cpu_profiler *profiler = begin(&config, &options);

		cr_assert_eq(write(go[1], "go\n", 3), 3);
		close(go[1]);
		if (no_follow) {
			for (int i = 0; i < 80; i++) {
				usleep(10000);
				eo_cpu_profiler_pump(profiler, NULL);
			}
		} else {
			run(profiler, 101, true);
		}
		struct eo_profile *profile = stop(profiler);

		cr_assert_eq(leaf_count(profile, "hot_a") > 0, !no_follow);
		eo_profile_free(profile);
		eo_cpu_profiler_free(profiler);
		kill(shell, SIGKILL); /* spin dies with it */
		waitpid(shell, NULL, 0);
	}
}

Test(cpu_profiler, a_thread_filter_takes_one_thread)
{
	SETUP();
	struct workload a = start("threads");
	struct eo_config config = at(499);
	char path[64], text[32] = "";
	uint32_t tid = 0;

	usleep(100000);
	for (uint32_t id = (uint32_t)a.spins + 1; id < (uint32_t)a.spins + 100 && !tid; id++) {
		snprintf(path, sizeof(path), "/proc/%d/task/%u/comm", a.spins, id);
		FILE *comm = fopen(path, "r");
		if (comm && fgets(text, sizeof(text), comm) && strcmp(text, "second\n") == 0)
			tid = id;
		if (comm)
			fclose(comm);
	}
	cr_assert_neq(tid, 0);
	struct eo_cpu_profiler_options options = {.target = {.tids = &tid, .tid_count = 1}, .per_thread = true};
	struct eo_cpu_profiler *profiler = begin(&config, &options);
	run(profiler, 101, true);
	struct eo_profile *profile = stop(profiler);

	for (size_t i = 0; i < profile->sample_count; i++) {
		cr_assert_eq(label(profile, &profile->samples[i], "tid")->num, tid);
		cr_assert_str_eq(profile->strings[label(profile, &profile->samples[i], "thread")->str], "second");
		cr_assert_str_eq(profile->strings[label(profile, &profile->samples[i], "comm")->str], "spin");
	}
	eo_profile_free(profile);
	eo_cpu_profiler_free(profiler);
	end(a);
}

Test(cpu_profiler, comm_and_uid_filters_must_both_hold)
{
	SETUP();
	struct workload a = start("hot");
	struct eo_config config = at(499);
	static const char comms[][EO_COMM_BYTES] = {"nobody-has-this", "spin"};
	uint32_t root = 0, other = 12345;
	struct eo_cpu_profiler_options options = {
		.target = {.comms = comms, .comm_count = 2, .uids = &root, .uid_count = 1}};
	struct eo_cpu_profiler *profiler = begin(&config, &options);

	run(profiler, 101, true);
	struct eo_profile *profile = stop(profiler);
	for (size_t i = 0; i < profile->sample_count; i++)
		cr_assert_str_eq(profile->strings[label(profile, &profile->samples[i], "comm")->str], "spin");
	eo_profile_free(profile);
	eo_cpu_profiler_free(profiler);

	options.target.uids = &other;
	profiler = begin(&config, &options);
	usleep(300000);
	profile = stop(profiler);
	cr_assert_eq(eo_cpu_profiler_stats(profiler).seen, 0);
	cr_assert_eq(profile->sample_count, 0);
	eo_profile_free(profile);
	eo_cpu_profiler_free(profiler);
	end(a);
}

Test(cpu_profiler, halves_can_be_left_out)
{
	SETUP();
	struct workload a = start("kernel");
	struct eo_config config = at(499);
	uint32_t pid = (uint32_t)a.spins;

	for (int kernel_only = 0; kernel_only <= 1; kernel_only++) {
		struct eo_cpu_profiler_options options = {.target = {.pids = &pid, .pid_count = 1},
							  .kernel_only = kernel_only,
							  .user_only = !kernel_only};
		struct eo_cpu_profiler *profiler = begin(&config, &options);

		run(profiler, 211, true);
		struct eo_profile *profile = stop(profiler);
		struct eo_profile_stats stats = eo_cpu_profiler_stats(profiler);

		check_identity(&stats);
		cr_assert_gt(stats.emitted + stats.aggregated, 0);
		cr_assert_eq(stats.filtered > 0, kernel_only, "user mode samples have no kernel half");
		for (size_t i = 1; i < profile->location_count; i++)
			cr_assert_eq(profile->locations[i].kind == EO_FRAME_KERNEL, kernel_only, "%s",
				     frame_name(profile, (uint32_t)i));
		eo_profile_free(profile);
		eo_cpu_profiler_free(profiler);
	}
	end(a);
}

Test(cpu_profiler, two_profilers_do_not_disturb_each_other)
{
	SETUP();
	struct workload a = start("hot"), b = start("hot");
	struct eo_config config = at(499);
	uint32_t pids[] = {(uint32_t)a.spins, (uint32_t)b.spins};
	struct eo_cpu_profiler *profilers[2];
	int64_t totals[2];

	for (int i = 0; i < 2; i++) {
		struct eo_cpu_profiler_options options = {.target = {.pids = &pids[i], .pid_count = 1}};

		profilers[i] = begin(&config, &options);
	}
	for (int i = 0; i < 2; i++)
		run(profilers[i], 211, true);
	for (int i = 0; i < 2; i++) {
		struct eo_profile *profile = stop(profilers[i]);
		struct eo_profile_stats stats = eo_cpu_profiler_stats(profilers[i]);

		check_identity(&stats);
		totals[i] = eo_profile_total(profile, 0);
		cr_assert_eq(totals[i], (int64_t)(stats.emitted + stats.aggregated));
		for (size_t k = 0; k < profile->sample_count; k++)
			cr_assert_eq(label(profile, &profile->samples[k], "pid")->num, pids[i]);
		eo_profile_free(profile);
		eo_cpu_profiler_free(profilers[i]);
	}
	end(a);
	end(b);
}

Test(cpu_profiler, nothing_is_sampled_while_paused)
{
	SETUP();
	struct workload a = start("hot");
	struct eo_config config = at(499);
	struct eo_cpu_profiler_options options = {0};
	struct eo_cpu_profiler *profiler = begin(&config, &options);

	run(profiler, 101, true);
	cr_assert_eq(eo_cpu_profiler_pause(profiler, NULL), 0);
	cr_assert(eo_cpu_profiler_is_paused(profiler));
	usleep(20000);
	struct eo_profile_stats before = eo_cpu_profiler_stats(profiler);
	usleep(300000);
	struct eo_profile_stats after = eo_cpu_profiler_stats(profiler);
	cr_assert_eq(after.seen, before.seen);
	cr_assert_eq(after.duration_ns, before.duration_ns);
	cr_assert_eq(eo_cpu_profiler_resume(profiler, NULL), 0);
	run(profiler, before.seen + 101, true);
	eo_profile_free(stop(profiler));
	eo_cpu_profiler_free(profiler);
	end(a);
}

Test(cpu_profiler, the_run_ends_with_its_targets)
{
	SETUP();
	struct workload a = start("fork");
	struct eo_config config = at(99);
	uint32_t pid = (uint32_t)a.spins;
	struct eo_cpu_profiler_options options = {.target = {.pids = &pid, .pid_count = 1}};
	struct eo_cpu_profiler *profiler = begin(&config, &options);

	cr_assert_not(eo_cpu_profiler_targets_gone(profiler));
	end(a);
	for (int i = 0; i < 500 && !eo_cpu_profiler_targets_gone(profiler); i++)
		usleep(10000);
	cr_assert(eo_cpu_profiler_targets_gone(profiler));
	eo_profile_free(stop(profiler));
	eo_cpu_profiler_free(profiler);
}

Test(cpu_profiler, a_command_is_sampled_from_its_exec_on)
{
	SETUP();
	struct eo_config config = at(997);
	int go[2];
	char byte = 0;
	pid_t child;

	cr_assert_eq(pipe(go), 0);
	child = fork();
	if (child == 0) {
		uint64_t until = eo_clock_monotonic_ns() + 300000000ull;

		if (read(go[0], &byte, 1) != 1)
			_exit(127);
		while (eo_clock_monotonic_ns() < until) /* our own code: must not show */
			;
		execl(getenv("EO_SPIN"), "spin", "hot", NULL);
		_exit(127);
	}
	struct eo_cpu_profiler_options options = {.target = {.command_pid = (uint32_t)child}};
	struct eo_cpu_profiler *profiler = begin(&config, &options);
	cr_assert_eq(write(go[1], &byte, 1), 1);
	run(profiler, 101, true);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	cr_assert(eo_cpu_profiler_targets_gone(profiler));
	struct eo_profile *profile = stop(profiler);
	for (size_t i = 0; i < profile->sample_count; i++)
		cr_assert_str_eq(profile->strings[label(profile, &profile->samples[i], "comm")->str], "spin");
	cr_assert_gt(leaf_count(profile, "hot_a"), 0);
	eo_profile_free(profile);
	eo_cpu_profiler_free(profiler);
	close(go[0]);
	close(go[1]);
}

Test(cpu_profiler, only_the_wanted_cpu_is_sampled)
{
	SETUP();
	struct workload a = start("hot"), b = start("hot");
	struct eo_config config = at(499);
	uint32_t cpu = 0, none = 4095;
	struct eo_cpu_profiler_options options = {.cpus = &cpu, .cpu_count = 1};
	struct eo_cpu_profiler *profiler = begin(&config, &options);
	struct eo_error err = {0};

	run(profiler, 101, true);
	uint64_t one = eo_cpu_profiler_stats(profiler).seen;
	uint64_t idle = eo_cpu_profiler_stats(profiler).idle;
	uint64_t ns = eo_cpu_profiler_stats(profiler).duration_ns;
	/* One CPU gives at most one sample a period (and one for the edges). */
	cr_assert_leq(one + idle, ns / (1000000000ull / 499) + 2);
	eo_profile_free(stop(profiler));
	eo_cpu_profiler_free(profiler);

	options.cpus = &none;
	cr_assert_eq(eo_cpu_profiler_new(&config, &options, &profiler, &err), 0);
	cr_assert_eq(eo_cpu_profiler_start(profiler, &err), -EINVAL);
	cr_assert_eq(err.kind, EO_ERROR_CONFIG);
	cr_assert_not_null(strstr(err.text, "4095"));
	eo_cpu_profiler_free(profiler);
	end(a);
	end(b);
}

Test(cpu_profiler, calls_in_a_wrong_state_are_errors)
{
	SETUP();
	struct eo_config config = at(99), bad = at(0);
	struct eo_cpu_profiler_options options = {0}, both = {.kernel_only = true, .user_only = true},
				       ring = {.ring_bytes = 5000};
	struct eo_cpu_profiler *profiler = NULL;
	struct eo_profile *profile = NULL;
	struct eo_error err = {0};

	cr_assert_eq(eo_cpu_profiler_new(&bad, &options, &profiler, &err), -EINVAL);
	cr_assert_eq(eo_cpu_profiler_new(&config, &both, &profiler, &err), -EINVAL);
	cr_assert_eq(eo_cpu_profiler_new(&config, &ring, &profiler, &err), -EINVAL);
	cr_assert_eq(eo_cpu_profiler_new(&config, &options, &profiler, &err), 0);
	cr_assert_not(eo_cpu_profiler_is_running(profiler));
	cr_assert_eq(eo_cpu_profiler_config(profiler)->sample_rate_hz, 99);
	cr_assert_eq(eo_cpu_profiler_stop(profiler, &profile, &err), -EINVAL);
	cr_assert_eq(err.kind, EO_ERROR_CONFIG);
	cr_assert_eq(eo_cpu_profiler_pump(profiler, &err), -EINVAL);
	cr_assert_eq(eo_cpu_profiler_pause(profiler, &err), -EINVAL);
	cr_assert_eq(eo_cpu_profiler_resume(profiler, &err), -EINVAL);
	cr_assert_eq(eo_cpu_profiler_cut(profiler, &profile, &err), -EINVAL);
	cr_assert_eq(eo_cpu_profiler_watch(profiler, NULL, &err), -EINVAL);
	cr_assert_not(eo_cpu_profiler_targets_gone(profiler));

	for (int again = 0; again < 2; again++) { /* a stopped profiler starts anew */
		cr_assert_eq(eo_cpu_profiler_start(profiler, &err), 0, "%s", err.text);
		cr_assert_eq(eo_cpu_profiler_start(profiler, &err), -EALREADY);
		cr_assert(eo_cpu_profiler_is_running(profiler));
		cr_assert_eq(eo_cpu_profiler_resume(profiler, &err), -EALREADY);
		cr_assert_eq(eo_cpu_profiler_pause(profiler, &err), 0);
		cr_assert_eq(eo_cpu_profiler_pause(profiler, &err), -EALREADY);
		cr_assert_eq(eo_cpu_profiler_stop(profiler, &profile, &err), 0, "%s", err.text);
		eo_profile_free(profile);
		cr_assert_eq(eo_cpu_profiler_stop(profiler, &profile, &err), -EINVAL);
	}
	eo_cpu_profiler_free(profiler);
	eo_cpu_profiler_free(NULL);
}

/* Descriptors still open, which is what programs, maps and links that were left behind would be. */
static int open_files(void)
{
	int count = 0;

	for (int fd = 0; fd < 4096; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

Test(cpu_profiler, a_stopped_profiler_leaves_nothing_open)
{
	SETUP();
	struct eo_config config = at(99);
	struct eo_cpu_profiler_options options = {0};
	int before = 0;

	for (int i = 0; i < 3; i++) {
		struct eo_cpu_profiler *profiler = begin(&config, &options);

		usleep(200000);
		eo_cpu_profiler_pump(profiler, NULL);
		eo_profile_free(stop(profiler));
		eo_cpu_profiler_free(profiler);
		if (i == 0) /* libunwind opens a pipe once, and keeps it as long as the process lives */
			before = open_files();
	}
	cr_assert_eq(open_files(), before);
}

Test(cpu_profiler, a_cgroup_filter_takes_the_group_and_what_is_below)
{
	SETUP();
	const char *roots[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
	char parent[128] = "", child[160], procs[192];
	struct eo_config config = at(499);

	for (int i = 0; i < 2 && !parent[0]; i++) {
		snprintf(procs, sizeof(procs), "%s/cgroup.controllers", roots[i]);
		if (access(procs, F_OK) == 0)
			snprintf(parent, sizeof(parent), "%s/eo-test-%d", roots[i], getpid());
	}
	if (!parent[0] || mkdir(parent, 0755) < 0)
		cr_skip_test("no writable cgroup v2 hierarchy");
	snprintf(child, sizeof(child), "%s/below", parent);
	cr_assert_eq(mkdir(child, 0755), 0);

	struct workload a = start("hot"), b = start("hot");
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", child);
	FILE *file = fopen(procs, "w");
	fprintf(file, "%d\n", a.spins);
	cr_assert_eq(fclose(file), 0);

	const char *cgroups[] = {parent};
	struct eo_cpu_profiler_options options = {.target = {.cgroups = cgroups, .cgroup_count = 1}};
	struct eo_cpu_profiler *profiler = begin(&config, &options);
	run(profiler, 101, true);
	struct eo_profile *profile = stop(profiler);
	for (size_t i = 0; i < profile->sample_count; i++)
		cr_assert_eq(label(profile, &profile->samples[i], "pid")->num, a.spins);
	eo_profile_free(profile);
	eo_cpu_profiler_free(profiler);
	end(a);
	end(b);
	usleep(100000);
	cr_assert_eq(rmdir(child), 0);
	cr_assert_eq(rmdir(parent), 0);
}

static int stop_loop(void *loop)
{
	eo_loop_stop(loop);
	return 0;
}

/* Run the session loop until @profiler has seen @samples, at most 10 s. */
static uint64_t run_loop(struct eo_cpu_profiler *profiler, struct eo_loop *loop, uint64_t samples)
{
	for (int i = 0; i < 100 && eo_cpu_profiler_stats(profiler).seen < samples; i++) {
		cr_assert_eq(eo_loop_add_timer(loop, 100000000, 0, stop_loop, loop, NULL, NULL), 0);
		cr_assert_eq(eo_loop_run(loop, NULL), 0);
	}
	return eo_cpu_profiler_stats(profiler).seen;
}

static bool set_online(int cpu, bool online)
{
	char path[64];
	int fd;
	bool done;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/online", cpu);
	fd = open(path, O_WRONLY);
	done = fd >= 0 && write(fd, online ? "1" : "0", 1) == 1;
	if (fd >= 0)
		close(fd);
	return done;
}

static void all_online(void)
{
	set_online(1, true);
}

Test(cpu_profiler, a_cpu_that_goes_and_comes_back_is_sampled_again, .fini = all_online)
{
	SETUP();
	struct workload a = start("hot"), b = start("hot");
	struct eo_config config = at(499);
	uint32_t cpu = 1;
	struct eo_cpu_profiler_options options = {.cpus = &cpu, .cpu_count = 1};
	struct eo_cpu_profiler *profiler;
	struct eo_loop *loop;

	if (!set_online(1, true))
		cr_skip_test("CPU 1 cannot be taken offline here");
	profiler = begin(&config, &options);
	cr_assert_eq(eo_loop_new(&loop, NULL), 0);
	cr_assert_eq(eo_cpu_profiler_watch(profiler, loop, NULL), 0);
	cr_assert_geq(run_loop(profiler, loop, 101), 101);

	cr_assert(set_online(1, false));
	uint64_t offline = eo_cpu_profiler_stats(profiler).seen;
	for (int i = 0; i < 20; i++) { /* two looks at the list of CPUs */
		cr_assert_eq(eo_loop_add_timer(loop, 100000000, 0, stop_loop, loop, NULL, NULL), 0);
		cr_assert_eq(eo_loop_run(loop, NULL), 0);
	}
	cr_assert_eq(eo_cpu_profiler_stats(profiler).seen, offline);
	cr_assert(set_online(1, true));
	cr_assert_geq(run_loop(profiler, loop, offline + 101), offline + 101);

	struct eo_profile *profile = stop(profiler);
	struct eo_profile_stats stats = eo_cpu_profiler_stats(profiler);
	check_identity(&stats);
	cr_assert_eq(eo_profile_total(profile, 0), (int64_t)(stats.emitted + stats.aggregated));
	eo_profile_free(profile);
	eo_cpu_profiler_free(profiler);
	eo_loop_free(loop);
	end(a);
	end(b);
}
