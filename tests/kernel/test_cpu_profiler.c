// SPDX-License-Identifier: BSD-2-Clause
/* The profiler against the real kernel. The workloads run until they are killed, the profiler for
 * a second or so; what is asserted are sums, identities and contents, never times. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../unit/open_files.h"
#include "core/loop.h"
#include "cpu_run.h"

TestSuite(cpu_profiler, .timeout = 60);

Test(cpu_profiler, every_sample_seen_is_in_the_profile)
{
	SETUP();
	struct spin a = spin_start("hot"), b = spin_start("kernel");
	struct eo_config config = rate(499);
	struct eo_cpu_profiler_options options = {0};
	struct eo_cpu_profiler *profiler = profile_begin(&config, &options);

	profile_run(profiler, 997, true);
	struct eo_profile *profile = profile_end(profiler);
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
	spin_end(a);
	spin_end(b);
}

Test(cpu_profiler, a_flood_that_overruns_the_ring_is_lost_by_the_unit)
{
	SETUP();
	struct spin a = spin_start("stacks"), b = spin_start("stacks");
	struct eo_config config = rate(1000);
	struct eo_cpu_profiler_options options = {.ring_bytes = 4096, .unwind = EO_UNWIND_FP};
	struct eo_cpu_profiler *profiler = profile_begin(&config, &options);

	profile_run(profiler, 1009, false); /* nobody reads */
	struct eo_profile *profile = profile_end(profiler);
	struct eo_profile_stats stats = eo_cpu_profiler_stats(profiler);

	check_identity(&stats);
	cr_assert_gt(stats.lost_ring_full, 500);
	cr_assert_gt(stats.aggregated, 0);
	cr_assert_gt(stats.stacks_unknown, 0);
	cr_assert_eq(eo_profile_total(profile, 0), (int64_t)(stats.emitted + stats.aggregated));
	eo_profile_free(profile);
	eo_cpu_profiler_free(profiler);
	spin_end(a);
	spin_end(b);
}

Test(cpu_profiler, a_flood_that_is_read_loses_nothing)
{
	SETUP();
	struct spin a = spin_start("stacks"), b = spin_start("stacks");
	struct eo_config config = rate(1000);
	struct eo_cpu_profiler_options options = {0};
	struct eo_cpu_profiler *profiler = profile_begin(&config, &options);

	profile_run(profiler, 2003, true);
	struct eo_profile *profile = profile_end(profiler);
	struct eo_profile_stats stats = eo_cpu_profiler_stats(profiler);

	check_identity(&stats);
	cr_assert_eq(stats.lost_ring_full + stats.lost_busy, 0, "ring_full %lu, busy %lu", stats.lost_ring_full, stats.lost_busy);
	cr_assert_gt(stats.stacks, 1000);
	cr_assert_eq(eo_profile_total(profile, 0), (int64_t)(stats.emitted + stats.aggregated));
	eo_profile_free(profile);
	eo_cpu_profiler_free(profiler);
	spin_end(a);
	spin_end(b);
}

Test(cpu_profiler, timestamps_are_one_for_each_sample)
{
	SETUP();
	struct spin a = spin_start("stacks"), b = spin_start("hot");
	struct eo_config config = rate(997);
	struct eo_cpu_profiler_options options = {.timestamps = true};
	struct eo_cpu_profiler *profiler = profile_begin(&config, &options);
	int64_t sum = 0;

	for (uint64_t i = 1; i <= 2; i++) {
		struct eo_profile *profile;

		profile_run(profiler, eo_cpu_profiler_stats(profiler).seen + 503, true);
		if (i < 2)
			cr_assert_eq(eo_cpu_profiler_cut(profiler, &profile, NULL), 0);
		else
			profile = profile_end(profiler);
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
	spin_end(a);
	spin_end(b);
}

Test(cpu_profiler, timestamps_that_find_no_room_are_lost_by_the_unit)
{
	SETUP();
	struct spin a = spin_start("stacks"), b = spin_start("stacks");

	for (int full_ring = 0; full_ring <= 1; full_ring++) {
		struct eo_config config = rate(1000);
		struct eo_cpu_profiler_options options = {.timestamps = true,
							  .ring_bytes = full_ring ? 4096 : 0};
		struct eo_cpu_profiler *profiler;

		if (!full_ring)
			config.max_samples = 101;
		profiler = profile_begin(&config, &options);
		profile_run(profiler, 503, !full_ring);
		struct eo_profile *profile = profile_end(profiler);
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
	spin_end(a);
	spin_end(b);
}

Test(cpu_profiler, stacks_beyond_max_samples_are_counted_under_one_frame)
{
	SETUP();
	struct spin a = spin_start("stacks");
	struct eo_config config = rate(997);
	uint32_t pid = (uint32_t)a.spins;
	struct eo_cpu_profiler_options options = {.target = {.pids = &pid, .pid_count = 1}, .unwind = EO_UNWIND_FP};

	config.max_samples = 7;
	struct eo_cpu_profiler *profiler = profile_begin(&config, &options);
	profile_run(profiler, 503, true);
	struct eo_profile *profile = profile_end(profiler);
	struct eo_profile_stats stats = eo_cpu_profiler_stats(profiler);

	check_identity(&stats);
	cr_assert_eq(stats.stacks, 7);
	cr_assert_eq(stats.lost_ring_full + stats.lost_busy, 0, "ring_full %lu, busy %lu", stats.lost_ring_full, stats.lost_busy);
	cr_assert_gt(stats.stack_limit, 0);
	cr_assert_eq(leaf_count(profile, "[stack limit]"), (int64_t)stats.stack_limit);
	cr_assert_eq(eo_profile_total(profile, 0), (int64_t)(stats.emitted + stats.aggregated));
	eo_profile_free(profile);
	eo_cpu_profiler_free(profiler);
	spin_end(a);
}

Test(cpu_profiler, cuts_share_out_every_sample)
{
	SETUP();
	struct spin a = spin_start("stacks"), b = spin_start("hot");
	struct eo_config config = rate(997);
	struct eo_cpu_profiler_options options = {0};
	struct eo_cpu_profiler *profiler = profile_begin(&config, &options);
	int64_t sum = 0;

	for (uint64_t i = 1; i <= 5; i++) {
		struct eo_profile *profile;

		profile_run(profiler, eo_cpu_profiler_stats(profiler).seen + 211, true);
		if (i < 5)
			cr_assert_eq(eo_cpu_profiler_cut(profiler, &profile, NULL), 0);
		else
			profile = profile_end(profiler);
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
	spin_end(a);
	spin_end(b);
}

Test(cpu_profiler, halves_can_be_left_out)
{
	SETUP();
	struct spin a = spin_start("kernel");
	struct eo_config config = rate(499);
	uint32_t pid = (uint32_t)a.spins;

	for (int kernel_only = 0; kernel_only <= 1; kernel_only++) {
		struct eo_cpu_profiler_options options = {.target = {.pids = &pid, .pid_count = 1},
							  .kernel_only = kernel_only,
							  .user_only = !kernel_only};
		struct eo_cpu_profiler *profiler = profile_begin(&config, &options);

		profile_run(profiler, 211, true);
		struct eo_profile *profile = profile_end(profiler);
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
	spin_end(a);
}

Test(cpu_profiler, two_profilers_do_not_disturb_each_other)
{
	SETUP();
	struct spin a = spin_start("hot"), b = spin_start("hot");
	struct eo_config config = rate(499);
	uint32_t pids[] = {(uint32_t)a.spins, (uint32_t)b.spins};
	struct eo_cpu_profiler *profilers[2];
	int64_t totals[2];

	for (int i = 0; i < 2; i++) {
		struct eo_cpu_profiler_options options = {.target = {.pids = &pids[i], .pid_count = 1}};

		profilers[i] = profile_begin(&config, &options);
	}
	for (int i = 0; i < 2; i++)
		profile_run(profilers[i], 211, true);
	for (int i = 0; i < 2; i++) {
		struct eo_profile *profile = profile_end(profilers[i]);
		struct eo_profile_stats stats = eo_cpu_profiler_stats(profilers[i]);

		check_identity(&stats);
		totals[i] = eo_profile_total(profile, 0);
		cr_assert_eq(totals[i], (int64_t)(stats.emitted + stats.aggregated));
		for (size_t k = 0; k < profile->sample_count; k++)
			cr_assert_eq(label_of(profile, &profile->samples[k], "pid")->num, pids[i]);
		eo_profile_free(profile);
		eo_cpu_profiler_free(profilers[i]);
	}
	spin_end(a);
	spin_end(b);
}

Test(cpu_profiler, nothing_is_sampled_while_paused)
{
	SETUP();
	struct spin a = spin_start("hot");
	struct eo_config config = rate(499);
	struct eo_cpu_profiler_options options = {0};
	struct eo_cpu_profiler *profiler = profile_begin(&config, &options);

	profile_run(profiler, 101, true);
	cr_assert_eq(eo_cpu_profiler_pause(profiler, NULL), 0);
	cr_assert(eo_cpu_profiler_is_paused(profiler));
	usleep(20000);
	struct eo_profile_stats before = eo_cpu_profiler_stats(profiler);
	usleep(300000);
	struct eo_profile_stats after = eo_cpu_profiler_stats(profiler);
	cr_assert_eq(after.seen, before.seen);
	cr_assert_eq(after.duration_ns, before.duration_ns);
	cr_assert_eq(eo_cpu_profiler_resume(profiler, NULL), 0);
	profile_run(profiler, before.seen + 101, true);
	eo_profile_free(profile_end(profiler));
	eo_cpu_profiler_free(profiler);
	spin_end(a);
}

Test(cpu_profiler, calls_in_a_wrong_state_are_errors)
{
	SETUP();
	struct eo_config config = rate(99), bad = rate(0);
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

Test(cpu_profiler, a_stopped_profiler_leaves_nothing_open)
{
	SETUP();
	struct eo_config config = rate(99);
	struct eo_cpu_profiler_options options = {0};
	size_t before = 0;

	for (int i = 0; i < 3; i++) {
		struct eo_cpu_profiler *profiler = profile_begin(&config, &options);

		usleep(200000);
		eo_cpu_profiler_pump(profiler, NULL);
		eo_profile_free(profile_end(profiler));
		eo_cpu_profiler_free(profiler);
		if (i == 0) /* libunwind opens a pipe once, and keeps it as long as the process lives */
			before = open_files();
	}
	cr_assert_eq(open_files(), before);
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
	struct spin a = spin_start("hot"), b = spin_start("hot");
	struct eo_config config = rate(499);
	uint32_t cpu = 1;
	struct eo_cpu_profiler_options options = {.cpus = &cpu, .cpu_count = 1};
	struct eo_cpu_profiler *profiler;
	struct eo_loop *loop;

	if (!set_online(1, true))
		cr_skip_test("CPU 1 cannot be taken offline here");
	profiler = profile_begin(&config, &options);
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

	struct eo_profile *profile = profile_end(profiler);
	struct eo_profile_stats stats = eo_cpu_profiler_stats(profiler);
	check_identity(&stats);
	cr_assert_eq(eo_profile_total(profile, 0), (int64_t)(stats.emitted + stats.aggregated));
	eo_profile_free(profile);
	eo_cpu_profiler_free(profiler);
	eo_loop_free(loop);
	spin_end(a);
	spin_end(b);
}
