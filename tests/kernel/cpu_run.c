// SPDX-License-Identifier: BSD-2-Clause
#include "cpu_run.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct spin spin_start(const char *mode)
{
	struct spin spin;
	int out[2];
	FILE *line;

	cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
	spin.pid = fork();
	if (spin.pid == 0) {
		dup2(out[1], STDOUT_FILENO);
		execl(getenv("EO_SPIN"), "spin", mode, NULL);
		_exit(127);
	}
	close(out[1]);
	line = fdopen(out[0], "r");
	cr_assert_eq(fscanf(line, "%d", &spin.spins), 1, "is EO_SPIN set?");
	fclose(line);
	return spin;
}

void spin_end(struct spin spin)
{
	if (spin.spins != spin.pid)
		kill(spin.spins, SIGKILL);
	kill(spin.pid, SIGKILL);
	waitpid(spin.pid, NULL, 0);
}

struct eo_cpu_profiler *profile_begin(const struct eo_config *config, const struct eo_cpu_profiler_options *options)
{
	struct eo_cpu_profiler *profiler;
	struct eo_error err = {0};

	cr_assert_eq(eo_cpu_profiler_new(config, options, &profiler, &err), 0, "%s", err.text);
	cr_assert_eq(eo_cpu_profiler_start(profiler, &err), 0, "%s", err.text);
	return profiler;
}

void profile_run(struct eo_cpu_profiler *profiler, uint64_t samples, bool pump)
{
	for (int i = 0; i < 2000 && eo_cpu_profiler_stats(profiler).seen < samples; i++) {
		usleep(10000);
		if (pump)
			cr_assert_eq(eo_cpu_profiler_pump(profiler, NULL), 0);
	}
	cr_assert_geq(eo_cpu_profiler_stats(profiler).seen, samples);
}

struct eo_profile *profile_end(struct eo_cpu_profiler *profiler)
{
	struct eo_profile *profile;
	struct eo_error err = {0};

	cr_assert_eq(eo_cpu_profiler_stop(profiler, &profile, &err), 0, "%s", err.text);
	return profile;
}

struct eo_config rate(uint32_t hz)
{
	struct eo_config config = eo_config_default();

	config.sample_rate_hz = hz;
	config.duration_ns = 0;
	return config;
}

const struct eo_label *label_of(const struct eo_profile *profile, const struct eo_sample *sample, const char *key)
{
	struct eo_span set = profile->label_sets[sample->label_set];

	for (uint32_t i = 0; i < set.count; i++)
		if (strcmp(profile->strings[profile->labels[set.first + i].key], key) == 0)
			return &profile->labels[set.first + i];
	return NULL;
}

const char *frame_name(const struct eo_profile *profile, uint32_t location)
{
	const struct eo_location *l = &profile->locations[location];

	return l->line_count ? profile->strings[profile->functions[profile->lines[l->first_line].function].name] : "";
}

int64_t leaf_count(const struct eo_profile *profile, const char *name)
{
	int64_t sum = 0;

	for (size_t i = 0; i < profile->sample_count; i++) {
		struct eo_span stack = profile->stacks[profile->samples[i].stack];

		if (stack.count && strcmp(frame_name(profile, profile->frames[stack.first]), name) == 0)
			sum += profile->values[profile->samples[i].values];
	}
	return sum;
}

void check_identity(const struct eo_profile_stats *stats)
{
	cr_assert_eq(stats->seen,
		     stats->emitted + stats->aggregated + stats->filtered + stats->lost_ring_full +
			     stats->lost_map_full + stats->lost_busy,
		     "seen %lu = aggregated %lu + filtered %lu + ring_full %lu + busy %lu", stats->seen,
		     stats->aggregated, stats->filtered, stats->lost_ring_full, stats->lost_busy);
}
