/* SPDX-License-Identifier: BSD-2-Clause */
/* What to capture, how often and how long; and the four environments with their defaults. */
#ifndef EO_CORE_CONFIG_H
#define EO_CORE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

#define EO_SAMPLE_RATE_MAX_HZ 1000u
#define EO_MAX_SAMPLES_LIMIT 10000000u
#define EO_DURATION_MIN_NS 1000000ull /* 1 ms */

struct eo_config {
	bool enable_cpu_profiling;
	bool enable_network_tracing;
	bool enable_syscall_tracing;
	bool enable_memory_tracing;
	uint32_t sample_rate_hz; /* per CPU, 1 to EO_SAMPLE_RATE_MAX_HZ */
	uint64_t duration_ns;	 /* 0 is unlimited, else at least EO_DURATION_MIN_NS */
	uint64_t max_samples;	 /* distinct stacks, or events collected by stop, held in memory */
};

enum eo_env {
	EO_ENV_PRODUCTION,
	EO_ENV_STAGING,
	EO_ENV_DEVELOPMENT,
	EO_ENV_DEBUG,
	EO_ENV_COUNT,
};

/** CPU profiling at 99 Hz for 60 s, at most 100,000 stacks, no tracer. */
struct eo_config eo_config_default(void);

/** The default with rate and duration of @env. @env must be a member of the enumeration. */
struct eo_config eo_config_recommended(enum eo_env env);
uint32_t eo_recommended_sample_rate(enum eo_env env);
uint64_t eo_recommended_duration(enum eo_env env); /* ns */

/** Returns 0, or -EINVAL and a CONFIG error that names the field and its bounds. */
int eo_config_validate(const struct eo_config *config, struct eo_error *err);

/**
 * Look an environment up by its long or short name ("production", "prod", "dev"…).
 * Returns 0, or -EINVAL and a CONFIG error that lists the valid names.
 */
int eo_env_parse(const char *name, enum eo_env *ret, struct eo_error *err);
const char *eo_env_name(enum eo_env env);

#endif
