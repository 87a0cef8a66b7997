/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/config.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

Test(config, default_is_cpu_profiling_at_99_hz_for_a_minute)
{
	struct eo_config config = eo_config_default();

	cr_expect(config.enable_cpu_profiling);
	cr_expect_not(config.enable_network_tracing);
	cr_expect_not(config.enable_syscall_tracing);
	cr_expect_not(config.enable_memory_tracing);
	cr_expect_eq(config.sample_rate_hz, 99);
	cr_expect_eq(config.duration_ns, 60000000000ull);
	cr_expect_eq(config.max_samples, 100000);
	cr_expect_eq(eo_config_validate(&config, NULL), 0);
}

Test(config, every_environment_has_its_names_rate_and_duration)
{
	static const struct {
		enum eo_env env;
		const char *name, *alias;
		uint32_t rate;
		uint64_t seconds;
	} expected[] = {
		{ EO_ENV_PRODUCTION, "production", "prod", 19, 300 },
		{ EO_ENV_STAGING, "staging", "staging", 49, 120 },
		{ EO_ENV_DEVELOPMENT, "development", "dev", 99, 60 },
		{ EO_ENV_DEBUG, "debug", "debug", 199, 30 },
	};

	cr_assert_eq(sizeof(expected) / sizeof(expected[0]), EO_ENV_COUNT);
	for (int i = 0; i < EO_ENV_COUNT; i++) {
		struct eo_config config = eo_config_recommended(expected[i].env);
		enum eo_env env = EO_ENV_COUNT;

		cr_expect_str_eq(eo_env_name(expected[i].env), expected[i].name);
		cr_expect_eq(eo_env_parse(expected[i].name, &env, NULL), 0);
		cr_expect_eq(env, expected[i].env);
		env = EO_ENV_COUNT;
		cr_expect_eq(eo_env_parse(expected[i].alias, &env, NULL), 0);
		cr_expect_eq(env, expected[i].env);

		cr_expect_eq(eo_recommended_sample_rate(expected[i].env), expected[i].rate);
		cr_expect_eq(eo_recommended_duration(expected[i].env),
			     expected[i].seconds * 1000000000);
		cr_expect_eq(config.sample_rate_hz, expected[i].rate);
		cr_expect_eq(config.duration_ns, expected[i].seconds * 1000000000);
		cr_expect_eq(config.max_samples, 100000);
		cr_expect(config.enable_cpu_profiling);
		cr_expect_eq(eo_config_validate(&config, NULL), 0);
	}
}

Test(config, unknown_environment_lists_the_valid_ones)
{
	static const char *const wrong[] = { "", "Production", "produ", "production ", "test" };

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct eo_error err = { 0 };
		enum eo_env env = EO_ENV_COUNT;

		cr_expect_eq(eo_env_parse(wrong[i], &env, &err), -EINVAL);
		cr_expect_eq(env, EO_ENV_COUNT);
		cr_expect_eq(err.kind, EO_ERROR_CONFIG);
		for (int j = 0; j < EO_ENV_COUNT; j++)
			cr_expect_not_null(strstr(err.text, eo_env_name((enum eo_env)j)));
		cr_expect_not_null(strstr(err.text, "(prod)"));
		cr_expect_not_null(strstr(err.text, "(dev)"));
	}
}

Test(config, absurdly_long_environment_is_cut_but_the_list_is_whole)
{
	char name[5000];
	struct eo_error err = { 0 };
	enum eo_env env;

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	cr_expect_eq(eo_env_parse(name, &env, &err), -EINVAL);
	cr_expect_not_null(strstr(err.text, "debug"));
}

/* One field off, and what the message must be; NULL: valid. */
static void expect(const struct eo_config *config, const char *text)
{
	struct eo_error err = { 0 };
	int r = eo_config_validate(config, &err);

	if (!text) {
		cr_expect_eq(r, 0, "%s", err.text);
		return;
	}
	cr_expect_eq(r, -EINVAL);
	cr_expect_eq(err.kind, EO_ERROR_CONFIG);
	cr_expect_eq(err.code, 0);
	cr_expect_str_eq(err.text, text);
}

Test(config, bounds_are_checked_and_named)
{
	struct eo_config c = eo_config_default();

	c.sample_rate_hz = 0;
	expect(&c, "sample_rate_hz is 0, must be 1 to 1000");
	c.sample_rate_hz = 1;
	expect(&c, NULL);
	c.sample_rate_hz = 1000;
	expect(&c, NULL);
	c.sample_rate_hz = 1001;
	expect(&c, "sample_rate_hz is 1001, must be 1 to 1000");

	c = eo_config_default();
	c.duration_ns = 0;
	expect(&c, NULL);
	c.duration_ns = 999999;
	expect(&c, "duration_ns is 999999, must be 0 (unlimited) or at least 1000000 (1 ms)");
	c.duration_ns = 1000000;
	expect(&c, NULL);
	c.duration_ns = UINT64_MAX;
	expect(&c, NULL);

	c = eo_config_default();
	c.max_samples = 0;
	expect(&c, "max_samples is 0, must be 1 to 10000000");
	c.max_samples = 10000000;
	expect(&c, NULL);
	c.max_samples = 10000001;
	expect(&c, "max_samples is 10000001, must be 1 to 10000000");
}
