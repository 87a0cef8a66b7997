// SPDX-License-Identifier: BSD-2-Clause
/* Processes that come, exec, load libraries and go, a hundred or more a second on a handful of pids: no
 * stack has a frame of somebody else, every sample is counted, and nothing grows. */
#include <criterion/criterion.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/cpu_profiler.h"
#include "core/clock.h"

TestSuite(churn, .timeout = 200);

#define PART_NS (2 * EO_NS_PER_SEC)
#define PARTS 11
#define WARM_PARTS 5

/* What is in use then. */
struct use {
	uint64_t heap_bytes, map_bytes, row_bytes, processes;
};

struct churn {
	struct eo_cpu_profiler *profiler;
	struct eo_loop *loop;
	int parts;
	struct use warm, last;
	int64_t total; /* of all profiles */
	uint64_t own, strange; /* samples of the programs; with frames of another */
	uint64_t rooted; /* of own: up to _start */
};

static const char *text_of(const struct eo_profile *profile, const struct eo_sample *sample, const char *key)
{
	struct eo_span set = profile->label_sets[sample->label_set];

	for (uint32_t i = 0; i < set.count; i++)
		if (strcmp(profile->strings[profile->labels[set.first + i].key], key) == 0)
			return profile->strings[profile->labels[set.first + i].str];
	return "";
}

static const char *name_of(const struct eo_profile *profile, uint32_t location)
{
	const struct eo_location *l = &profile->locations[location];

	return l->line_count ? profile->strings[profile->functions[profile->lines[l->first_line].function].name] : "";
}

static bool begins_with(const char *text, const char *beginning)
{
	return strncmp(text, beginning, strlen(beginning)) == 0;
}

/* Functions are named after the program they are in. */
static bool is_strange(const char *function, const char *comm)
{
	static const char *const programs[] = {"apple", "pear"};

	for (size_t i = 0; i < EO_ARRAY_SIZE(programs); i++) {
		size_t length = strlen(programs[i]);

		if (begins_with(function, programs[i]) && function[length] == '_' &&
		    !(begins_with(comm, "churn_") && strcmp(comm + 6, programs[i]) == 0))
			return true;
	}
	return false;
}

static void print_stack(const struct eo_profile *profile, const struct eo_sample *sample, const char *comm)
{
	struct eo_span stack = profile->stacks[sample->stack];

	fprintf(stderr, "%s:", comm);
	for (uint32_t i = stack.count; i-- > 0;)
		fprintf(stderr, " %s", name_of(profile, profile->frames[stack.first + i]));
	fprintf(stderr, "\n");
}

static void look_at(struct churn *churn, const struct eo_profile *profile)
{
	for (size_t i = 0; i < profile->sample_count; i++) {
		const struct eo_sample *sample = &profile->samples[i];
		struct eo_span stack = profile->stacks[sample->stack];
		const char *comm = text_of(profile, sample, "comm");
		uint64_t count = (uint64_t)profile->values[sample->values], strange = 0;

		for (uint32_t k = 0; k < stack.count; k++)
			strange += is_strange(name_of(profile, profile->frames[stack.first + k]), comm);
		if (strange && churn->strange < 10)
			print_stack(profile, sample, comm);
		churn->strange += strange ? count : 0;
		if (begins_with(comm, "churn_")) {
			churn->own += count;
			churn->rooted += strcmp(name_of(profile, profile->frames[stack.first + stack.count - 1]),
						"_start") == 0 ? count : 0;
		}
	}
	churn->total += eo_profile_total(profile, 0);
}

static struct use use_of(struct eo_cpu_profiler *profiler)
{
	struct eo_profile_stats stats = eo_cpu_profiler_stats(profiler);

	malloc_trim(0);
	return (struct use){
		.heap_bytes = mallinfo2().uordblks + mallinfo2().hblkhd,
		.map_bytes = eo_cpu_profiler_get_overhead(profiler).map_bytes,
		.row_bytes = stats.unwinder.tables.rows_bytes,
		.processes = stats.unwinder.tables.processes,
	};
}

static int on_part(void *ctx)
{
	struct churn *churn = ctx;
	struct eo_profile *profile;

	cr_assert_eq(eo_cpu_profiler_cut(churn->profiler, &profile, NULL), 0);
	look_at(churn, profile);
	eo_profile_free(profile);
	churn->last = use_of(churn->profiler);
	fprintf(stderr, "%2d: heap %lu, maps %lu, rows %lu bytes, %lu processes\n", churn->parts,
		churn->last.heap_bytes, churn->last.map_bytes, churn->last.row_bytes, churn->last.processes);
	churn->parts++;
	if (churn->parts == WARM_PARTS)
		churn->warm = churn->last;
	if (churn->parts == PARTS)
		eo_loop_stop(churn->loop);
	return 0;
}

/* Returns the end of a pipe that it writes its counts to. */
static int drive(pid_t *pid)
{
	char programs[8192], *second;
	int out[2];

	snprintf(programs, sizeof(programs), "%s", getenv("EO_CHURN"));
	second = strchr(programs, ':');
	cr_assert_not_null(second);
	*second++ = '\0';
	cr_assert_eq(pipe(out), 0);
	*pid = fork();
	if (*pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(out[1], STDOUT_FILENO);
		close(out[0]);
		close(out[1]);
		execl(programs, programs, "drive", "21", programs, second, NULL);
		_exit(127);
	}
	close(out[1]);
	return out[0];
}

Test(churn, no_stack_has_a_stranger_no_sample_is_missing_and_nothing_grows)
{
	if (geteuid() != 0)
		cr_skip_test("needs root to load BPF programs");
	struct eo_config config = eo_config_default();
	static const char names[][EO_COMM_BYTES] = {"churn_apple", "churn_pear"};
	struct eo_cpu_profiler_options options = {.target = {.comms = names, .comm_count = 2}};
	struct churn churn = {0};
	struct eo_profile *profile;
	unsigned long started = 0, reused = 0, failed = 0;
	char line[200] = "";
	pid_t pid;
	int counts, status;

	config.sample_rate_hz = 997;
	config.duration_ns = 0;
	cr_assert_eq(eo_loop_new(&churn.loop, NULL), 0);
	cr_assert_eq(eo_cpu_profiler_new(&config, &options, &churn.profiler, NULL), 0);
	cr_assert_eq(eo_cpu_profiler_start(churn.profiler, NULL), 0);
	cr_assert_eq(eo_cpu_profiler_watch(churn.profiler, churn.loop, NULL), 0);
	cr_assert_eq(eo_loop_add_timer(churn.loop, PART_NS, PART_NS, on_part, &churn, NULL, NULL), 0);
	counts = drive(&pid);
	cr_assert_eq(eo_loop_run(churn.loop, NULL), 0);
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_assert_gt(read(counts, line, sizeof(line) - 1), 0);
	fprintf(stderr, "%s", line);
	cr_assert_eq(sscanf(line, "%lu started, %lu numbers set free, %lu failed", &started, &reused, &failed), 3);
	cr_assert_eq(failed, 0);
	cr_assert_gt(reused, 200);

	cr_assert_eq(eo_cpu_profiler_stop(churn.profiler, &profile, NULL), 0);
	look_at(&churn, profile);
	eo_profile_free(profile);
	struct eo_profile_stats stats = eo_cpu_profiler_stats(churn.profiler);

	fprintf(stderr, "%lu samples of the programs, %lu of them up to _start; %lu of %lu with a stranger\n", churn.own,
		churn.rooted, churn.strange, (uint64_t)churn.total);
	fprintf(stderr, "%lu news of mappings lost\n", stats.mappings_lost);
	cr_expect_eq(churn.strange, 0);
	cr_expect_gt(churn.own, 1000);
	/* Most programs live 20 ms; where the machine is busy, a part of them is over before we run. */
	cr_expect_gt(churn.rooted * 3, churn.own);

	cr_expect_eq(churn.total, (int64_t)(stats.emitted + stats.aggregated));
	cr_expect_eq(stats.seen, stats.emitted + stats.aggregated + stats.filtered + stats.lost_ring_full +
					 stats.lost_map_full + stats.lost_busy);
	cr_expect_eq(stats.unwinder.tables.resets, 0);

	cr_expect_leq(churn.last.heap_bytes, churn.warm.heap_bytes + (1u << 20));
	cr_expect_leq(churn.last.map_bytes, churn.warm.map_bytes + (256u << 10));
	cr_expect_leq(churn.last.row_bytes, churn.warm.row_bytes + (512u << 10));
	cr_expect_leq(churn.last.processes, churn.warm.processes + 300);
	eo_cpu_profiler_free(churn.profiler);
	eo_loop_free(churn.loop);
	close(counts);
}
