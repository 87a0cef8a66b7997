/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/profile_time.h"

#include <criterion/criterion.h>
#include <errno.h>

static struct eo_profile *one_sample(int64_t time_ns, int64_t duration_ns, uint64_t moment_ns)
{
	struct eo_profile *profile = eo_profile_new();
	uint32_t frame, sample;

	cr_assert_not_null(profile);
	eo_profile_add_value_type(profile, "samples", "count");
	frame = eo_profile_synthetic_frame(profile, "main");
	sample = eo_profile_add_sample_of(profile, 0, eo_profile_stack(profile, &frame, 1), 0,
					  &(int64_t){ 1 });
	if (moment_ns)
		eo_profile_add_timestamp(profile, sample, moment_ns);
	profile->time_ns = time_ns;
	profile->duration_ns = duration_ns;
	cr_assert_eq(eo_profile_status(profile), 0);
	return profile;
}

Test(profile_time, the_end_is_where_it_was_asked_for)
{
	struct eo_profile *profile = one_sample(1000, 50, 1049);

	cr_assert_eq(eo_profile_end_at(profile, 7000), 0);
	cr_expect_eq(profile->time_ns, 6950);
	cr_expect_eq(profile->duration_ns, 50);
	cr_expect_eq(profile->timestamps[0].time_ns, 6999);
	cr_assert_eq(eo_profile_end_at(profile, 60), 0);
	cr_expect_eq(profile->time_ns, 10);
	cr_expect_eq(profile->timestamps[0].time_ns, 59);
	eo_profile_free(profile);
}

Test(profile_time, a_timestamp_behind_the_end_is_the_end)
{
	struct eo_profile *profile = one_sample(1000, 50, 2000);

	cr_assert_eq(eo_profile_end_at(profile, 5001), 0);
	cr_expect_eq(profile->timestamps[0].time_ns, 5000);
	cr_expect_eq(profile->time_ns, 4000);
	eo_profile_free(profile);
}

Test(profile_time, times_that_do_not_fit_change_nothing)
{
	static const struct {
		int64_t time_ns, duration_ns;
		uint64_t moment_ns, end_ns;
	} cases[] = {
		{ 0, 100, 0, 50 },			   /* would begin before 1970 */
		{ 1000, 0, 10, 900 },			   /* a moment would be before it */
		{ INT64_MIN, INT64_MAX, 0, 1 },
		{ INT64_MIN, INT64_MIN, 0, UINT64_MAX },
		{ 0, 0, 1, UINT64_MAX },
		{ INT64_MAX, INT64_MAX, UINT64_MAX, 1 },
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(cases); i++) {
		struct eo_profile *profile =
			one_sample(cases[i].time_ns, cases[i].duration_ns, cases[i].moment_ns);

		cr_expect_eq(eo_profile_end_at(profile, cases[i].end_ns), -ERANGE, "case %zu", i);
		cr_expect_eq(profile->time_ns, cases[i].time_ns, "case %zu", i);
		if (cases[i].moment_ns)
			cr_expect_eq(profile->timestamps[0].time_ns, cases[i].moment_ns, "case %zu", i);
		eo_profile_free(profile);
	}
}

Test(profile_time, the_largest_times_can_come_back)
{
	struct eo_profile *profile = one_sample(INT64_MAX, INT64_MAX, 0);

	cr_assert_eq(eo_profile_end_at(profile, INT64_MAX), 0);
	cr_expect_eq(profile->time_ns, 0);
	eo_profile_free(profile);
}
