/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/auto.h"
#include "core/clock.h"

/* Rates are odd, and no divisors of the 100, 250 or 1000 Hz that kernels and programs tick at,
 * so that sampling does not run in step with what it watches. */
static const struct {
	const char *name, *short_name;
	uint32_t sample_rate_hz;
	uint64_t duration_ns;
} envs[EO_ENV_COUNT] = {
	[EO_ENV_PRODUCTION] = { "production", "prod", 19, 300 * EO_NS_PER_SEC },
	[EO_ENV_STAGING] = { "staging", NULL, 49, 120 * EO_NS_PER_SEC },
	[EO_ENV_DEVELOPMENT] = { "development", "dev", 99, 60 * EO_NS_PER_SEC },
	[EO_ENV_DEBUG] = { "debug", NULL, 199, 30 * EO_NS_PER_SEC },
};

struct eo_config eo_config_default(void)
{
	return eo_config_recommended(EO_ENV_DEVELOPMENT);
}

struct eo_config eo_config_recommended(enum eo_env env)
{
	return (struct eo_config){
		.enable_cpu_profiling = true,
		.sample_rate_hz = eo_recommended_sample_rate(env),
		.duration_ns = eo_recommended_duration(env),
		.max_samples = 100000,
	};
}

uint32_t eo_recommended_sample_rate(enum eo_env env)
{
	return envs[env].sample_rate_hz;
}

uint64_t eo_recommended_duration(enum eo_env env)
{
	return envs[env].duration_ns;
}

int eo_config_validate(const struct eo_config *config, struct eo_error *err)
{
	if (config->sample_rate_hz < 1 || config->sample_rate_hz > EO_SAMPLE_RATE_MAX_HZ)
		return eo_error_set(err, EO_ERROR_CONFIG, 0, NULL,
				    "sample_rate_hz is %" PRIu32 ", must be 1 to %u",
				    config->sample_rate_hz, EO_SAMPLE_RATE_MAX_HZ);
	if (config->duration_ns && config->duration_ns < EO_DURATION_MIN_NS)
		return eo_error_set(err, EO_ERROR_CONFIG, 0, NULL,
				    "duration_ns is %" PRIu64
				    ", must be 0 (unlimited) or at least %llu (1 ms)",
				    config->duration_ns, EO_DURATION_MIN_NS);
	if (config->max_samples < 1 || config->max_samples > EO_MAX_SAMPLES_LIMIT)
		return eo_error_set(err, EO_ERROR_CONFIG, 0, NULL,
				    "max_samples is %" PRIu64 ", must be 1 to %u",
				    config->max_samples, EO_MAX_SAMPLES_LIMIT);
	return 0;
}

int eo_env_parse(const char *name, enum eo_env *ret, struct eo_error *err)
{
	char valid[128] = "";
	size_t len = 0;

	for (size_t i = 0; i < EO_ARRAY_SIZE(envs); i++) {
		const char *alias = envs[i].short_name;

		if (!strcmp(name, envs[i].name) || (alias && !strcmp(name, alias))) {
			*ret = (enum eo_env)i;
			return 0;
		}
		len += (size_t)snprintf(valid + len, sizeof(valid) - len, "%s%s%s%s%s",
					i ? ", " : "", envs[i].name, alias ? " (" : "",
					alias ? alias : "", alias ? ")" : "");
	}
	return eo_error_set(err, EO_ERROR_CONFIG, 0, NULL,
			    "unknown environment '%.64s', must be one of %s", name, valid);
}

const char *eo_env_name(enum eo_env env)
{
	return envs[env].name;
}
