/* SPDX-License-Identifier: BSD-2-Clause */
/* Programs that burn CPU time until they are killed, a profiler that samples them, and what its profile says. */
#ifndef EO_TESTS_CPU_RUN_H
#define EO_TESTS_CPU_RUN_H

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

#include "capture/cpu_profiler.h"

#define SETUP()                                                          \
	do {                                                             \
		if (geteuid() != 0)                                      \
			cr_skip_test("needs root to load BPF programs"); \
	} while (0)

struct spin {
	pid_t pid;   /* our child */
	pid_t spins; /* who burns the CPU */
};

struct spin spin_start(const char *mode); /* see workloads/spin.c */
void spin_end(struct spin spin);

/* So many samples a second, until it is stopped. */
struct eo_config rate(uint32_t hz);

struct eo_cpu_profiler *profile_begin(const struct eo_config *config, const struct eo_cpu_profiler_options *options);
/* Let it sample until it has seen @samples, pumping like a session, or not at all. */
void profile_run(struct eo_cpu_profiler *profiler, uint64_t samples, bool pump);
struct eo_profile *profile_end(struct eo_cpu_profiler *profiler);

const struct eo_label *label_of(const struct eo_profile *profile, const struct eo_sample *sample, const char *key);
const char *frame_name(const struct eo_profile *profile, uint32_t location);
/* Samples whose leaf is called @name. */
int64_t leaf_count(const struct eo_profile *profile, const char *name);
/* What was seen is in the profile, filtered or lost. */
void check_identity(const struct eo_profile_stats *stats);

#endif
