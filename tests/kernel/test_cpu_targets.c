// SPDX-License-Identifier: BSD-2-Clause
/* Whose samples the profiler takes. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"
#include "cpu_run.h"

TestSuite(cpu_targets, .timeout = 60);

Test(cpu_targets, a_pid_filter_excludes_everybody_else)
{
	SETUP();
	struct spin a = spin_start("hot"), b = spin_start("hot");
	struct eo_config config = rate(499);
	uint32_t pid = (uint32_t)a.spins;
	struct eo_cpu_profiler_options options = {.target = {.pids = &pid, .pid_count = 1}};
	struct eo_cpu_profiler *profiler = profile_begin(&config, &options);

	profile_run(profiler, 211, true);
	struct eo_profile *profile = profile_end(profiler);

	cr_assert_gt(profile->sample_count, 0);
	for (size_t i = 0; i < profile->sample_count; i++)
		cr_assert_eq(label_of(profile, &profile->samples[i], "pid")->num, a.spins);
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
	spin_end(a);
	spin_end(b);
}

Test(cpu_targets, children_are_followed_unless_told_not_to)
{
	SETUP();
	for (int no_follow = 0; no_follow <= 1; no_follow++) {
		struct eo_config config = rate(499);
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
		struct eo_cpu_profiler *profiler = profile_begin(&config, &options);

		cr_assert_eq(write(go[1], "go\n", 3), 3);
		close(go[1]);
		if (no_follow) {
			for (int i = 0; i < 80; i++) {
				usleep(10000);
				eo_cpu_profiler_pump(profiler, NULL);
			}
		} else {
			profile_run(profiler, 101, true);
		}
		struct eo_profile *profile = profile_end(profiler);

		cr_assert_eq(leaf_count(profile, "hot_a") > 0, !no_follow);
		eo_profile_free(profile);
		eo_cpu_profiler_free(profiler);
		kill(shell, SIGKILL); /* spin dies with it */
		waitpid(shell, NULL, 0);
	}
}

Test(cpu_targets, a_thread_filter_takes_one_thread)
{
	SETUP();
	struct spin a = spin_start("threads");
	struct eo_config config = rate(499);
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
	struct eo_cpu_profiler *profiler = profile_begin(&config, &options);
	profile_run(profiler, 101, true);
	struct eo_profile *profile = profile_end(profiler);

	for (size_t i = 0; i < profile->sample_count; i++) {
		cr_assert_eq(label_of(profile, &profile->samples[i], "tid")->num, tid);
		cr_assert_str_eq(profile->strings[label_of(profile, &profile->samples[i], "thread")->str], "second");
		cr_assert_str_eq(profile->strings[label_of(profile, &profile->samples[i], "comm")->str], "spin");
	}
	eo_profile_free(profile);
	eo_cpu_profiler_free(profiler);
	spin_end(a);
}

Test(cpu_targets, comm_and_uid_filters_must_both_hold)
{
	SETUP();
	struct spin a = spin_start("hot");
	struct eo_config config = rate(499);
	static const char comms[][EO_COMM_BYTES] = {"nobody-has-this", "spin"};
	uint32_t root = 0, other = 12345;
	struct eo_cpu_profiler_options options = {
		.target = {.comms = comms, .comm_count = 2, .uids = &root, .uid_count = 1}};
	struct eo_cpu_profiler *profiler = profile_begin(&config, &options);

	profile_run(profiler, 101, true);
	struct eo_profile *profile = profile_end(profiler);
	for (size_t i = 0; i < profile->sample_count; i++)
		cr_assert_str_eq(profile->strings[label_of(profile, &profile->samples[i], "comm")->str], "spin");
	eo_profile_free(profile);
	eo_cpu_profiler_free(profiler);

	options.target.uids = &other;
	profiler = profile_begin(&config, &options);
	usleep(300000);
	profile = profile_end(profiler);
	cr_assert_eq(eo_cpu_profiler_stats(profiler).seen, 0);
	cr_assert_eq(profile->sample_count, 0);
	eo_profile_free(profile);
	eo_cpu_profiler_free(profiler);
	spin_end(a);
}

Test(cpu_targets, a_cgroup_filter_takes_the_group_and_what_is_below)
{
	SETUP();
	const char *roots[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"};
	char parent[128] = "", child[160], procs[192];
	struct eo_config config = rate(499);

	for (int i = 0; i < 2 && !parent[0]; i++) {
		snprintf(procs, sizeof(procs), "%s/cgroup.controllers", roots[i]);
		if (access(procs, F_OK) == 0)
			snprintf(parent, sizeof(parent), "%s/eo-test-%d", roots[i], getpid());
	}
	if (!parent[0] || mkdir(parent, 0755) < 0)
		cr_skip_test("no writable cgroup v2 hierarchy");
	snprintf(child, sizeof(child), "%s/below", parent);
	cr_assert_eq(mkdir(child, 0755), 0);

	struct spin a = spin_start("hot"), b = spin_start("hot");
	snprintf(procs, sizeof(procs), "%s/cgroup.procs", child);
	FILE *file = fopen(procs, "w");
	fprintf(file, "%d\n", a.spins);
	cr_assert_eq(fclose(file), 0);

	const char *cgroups[] = {parent};
	struct eo_cpu_profiler_options options = {.target = {.cgroups = cgroups, .cgroup_count = 1}};
	struct eo_cpu_profiler *profiler = profile_begin(&config, &options);
	profile_run(profiler, 101, true);
	struct eo_profile *profile = profile_end(profiler);
	for (size_t i = 0; i < profile->sample_count; i++)
		cr_assert_eq(label_of(profile, &profile->samples[i], "pid")->num, a.spins);
	eo_profile_free(profile);
	eo_cpu_profiler_free(profiler);
	spin_end(a);
	spin_end(b);
	usleep(100000);
	cr_assert_eq(rmdir(child), 0);
	cr_assert_eq(rmdir(parent), 0);
}

Test(cpu_targets, the_run_ends_with_its_targets)
{
	SETUP();
	struct spin a = spin_start("fork");
	struct eo_config config = rate(99);
	uint32_t pid = (uint32_t)a.spins;
	struct eo_cpu_profiler_options options = {.target = {.pids = &pid, .pid_count = 1}};
	struct eo_cpu_profiler *profiler = profile_begin(&config, &options);

	cr_assert_not(eo_cpu_profiler_targets_gone(profiler));
	spin_end(a);
	for (int i = 0; i < 500 && !eo_cpu_profiler_targets_gone(profiler); i++)
		usleep(10000);
	cr_assert(eo_cpu_profiler_targets_gone(profiler));
	eo_profile_free(profile_end(profiler));
	eo_cpu_profiler_free(profiler);
}

/* Before the profile begins, and while it runs; who has ended is forgotten after two seconds. */
Test(cpu_targets, a_process_whose_main_thread_has_ended_goes_on)
{
	SETUP();
	for (int late = 0; late <= 1; late++) {
		struct spin a = spin_start("headless");
		struct eo_config config = rate(199);
		uint32_t pid = (uint32_t)a.spins;
		struct eo_cpu_profiler_options options = {.target = {.pids = &pid, .pid_count = 1}};
		struct eo_cpu_profiler *profiler;
		struct eo_profile *profile;

		if (late)
			usleep(200000);
		profiler = profile_begin(&config, &options);
		profile_run(profiler, 701, true);
		cr_assert_eq(eo_cpu_profiler_cut(profiler, &profile, NULL), 0);
		eo_profile_free(profile);
		profile_run(profiler, eo_cpu_profiler_stats(profiler).seen + 211, true);
		cr_assert_not(eo_cpu_profiler_targets_gone(profiler));
		profile = profile_end(profiler);
		cr_assert_gt(leaf_count(profile, "hot_a"), 0);
		cr_assert_geq(10 * (leaf_count(profile, "hot_a") + leaf_count(profile, "hot_b") +
				    leaf_count(profile, "hot_c")),
			      9 * eo_profile_total(profile, 0));
		eo_profile_free(profile);
		eo_cpu_profiler_free(profiler);
		spin_end(a);
	}
}

Test(cpu_targets, a_command_is_sampled_from_its_exec_on)
{
	SETUP();
	struct eo_config config = rate(997);
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
	struct eo_cpu_profiler *profiler = profile_begin(&config, &options);
	cr_assert_eq(write(go[1], &byte, 1), 1);
	profile_run(profiler, 101, true);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	cr_assert(eo_cpu_profiler_targets_gone(profiler));
	struct eo_profile *profile = profile_end(profiler);
	for (size_t i = 0; i < profile->sample_count; i++)
		cr_assert_str_eq(profile->strings[label_of(profile, &profile->samples[i], "comm")->str], "spin");
	cr_assert_gt(leaf_count(profile, "hot_a"), 0);
	eo_profile_free(profile);
	eo_cpu_profiler_free(profiler);
	close(go[0]);
	close(go[1]);
}

Test(cpu_targets, only_the_wanted_cpu_is_sampled)
{
	SETUP();
	struct spin a = spin_start("hot"), b = spin_start("hot");
	struct eo_config config = rate(499);
	uint32_t cpu = 0, none = 4095;
	struct eo_cpu_profiler_options options = {.cpus = &cpu, .cpu_count = 1};
	struct eo_cpu_profiler *profiler = profile_begin(&config, &options);
	struct eo_error err = {0};

	profile_run(profiler, 101, true);
	uint64_t one = eo_cpu_profiler_stats(profiler).seen;
	uint64_t idle = eo_cpu_profiler_stats(profiler).idle;
	uint64_t ns = eo_cpu_profiler_stats(profiler).duration_ns;
	/* One CPU gives at most one sample a period (and one for the edges). */
	cr_assert_leq(one + idle, ns / (1000000000ull / 499) + 2);
	eo_profile_free(profile_end(profiler));
	eo_cpu_profiler_free(profiler);

	options.cpus = &none;
	cr_assert_eq(eo_cpu_profiler_new(&config, &options, &profiler, &err), 0);
	cr_assert_eq(eo_cpu_profiler_start(profiler, &err), -EINVAL);
	cr_assert_eq(err.kind, EO_ERROR_CONFIG);
	cr_assert_not_null(strstr(err.text, "4095"));
	eo_cpu_profiler_free(profiler);
	spin_end(a);
	spin_end(b);
}
