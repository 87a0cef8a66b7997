/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/clock.h"

#include <criterion/criterion.h>
#include <time.h>

Test(clock, monotonic_is_the_clock_of_its_name_and_never_goes_back)
{
	struct timespec ts;
	uint64_t before = eo_clock_monotonic_ns(), between;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	between = (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
	cr_expect_leq(before, between);
	cr_expect_leq(between, eo_clock_monotonic_ns());
}

Test(clock, wall_is_unix_time)
{
	time_t before = time(NULL);
	uint64_t wall = eo_clock_wall_ns();

	/* time() reads a coarse clock that may lag behind by a tick. */
	cr_expect_geq(wall / EO_NS_PER_SEC, (uint64_t)before);
	cr_expect_leq(wall / EO_NS_PER_SEC, (uint64_t)time(NULL) + 1);
}

Test(clock, offset_turns_monotonic_into_wall_time)
{
	uint64_t before = eo_clock_wall_ns();
	int64_t offset = eo_clock_wall_offset_ns();
	uint64_t now = eo_clock_monotonic_ns() + (uint64_t)offset;

	/* A second is generous for a busy machine, and far below any mistake in the sum. */
	cr_expect_geq(now + EO_NS_PER_SEC, before);
	cr_expect_leq(now, eo_clock_wall_ns() + EO_NS_PER_SEC);
}

Test(clock, a_wall_clock_goes_with_monotonic_time)
{
	struct eo_wall_clock clock = eo_wall_clock_begin(), awake = clock, slept = clock;

	cr_expect_eq(eo_wall_clock_offset_ns(&awake), clock.offset_ns);
	/* As if it had begun before the machine slept for an hour. */
	slept.asleep_ns -= 3600 * (int64_t)EO_NS_PER_SEC;
	for (int i = 0; i < 2; i++) {
		int64_t moved_ns = eo_wall_clock_offset_ns(&slept) - clock.offset_ns;

		cr_expect_geq(moved_ns, 3599 * (int64_t)EO_NS_PER_SEC);
		cr_expect_leq(moved_ns, 3601 * (int64_t)EO_NS_PER_SEC);
	}
}
