/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/clock.h"

#include <time.h>

#define OFFSET_ATTEMPTS 5
/* No machine sleeps for less; this much two readings may differ where we are scheduled away. */
#define SLEEP_MIN_NS 1000000

static uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	/* Cannot fail: both clocks exist everywhere and ts is ours. */
	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * EO_NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

uint64_t eo_clock_monotonic_ns(void)
{
	return now_ns(CLOCK_MONOTONIC);
}

uint64_t eo_clock_wall_ns(void)
{
	return now_ns(CLOCK_REALTIME);
}

static int64_t ahead_of_monotonic_ns(clockid_t clock)
{
	uint64_t best_gap = UINT64_MAX;
	int64_t offset = 0;

	/* The two clocks cannot be read at one moment. We may be scheduled away between the reads,
	 * so the narrowest of a few attempts counts. */
	for (int i = 0; i < OFFSET_ATTEMPTS; i++) {
		uint64_t before = eo_clock_monotonic_ns();
		uint64_t there = now_ns(clock);
		uint64_t gap = eo_clock_monotonic_ns() - before;

		if (gap < best_gap) {
			best_gap = gap;
			offset = (int64_t)(there - (before + gap / 2));
		}
	}
	return offset;
}

int64_t eo_clock_wall_offset_ns(void)
{
	return ahead_of_monotonic_ns(CLOCK_REALTIME);
}

int64_t eo_clock_asleep_ns(void)
{
	return ahead_of_monotonic_ns(CLOCK_BOOTTIME);
}

struct eo_wall_clock eo_wall_clock_begin(void)
{
	return (struct eo_wall_clock){
		.offset_ns = eo_clock_wall_offset_ns(),
		.asleep_ns = eo_clock_asleep_ns(),
	};
}

int64_t eo_wall_clock_offset_ns(struct eo_wall_clock *clock)
{
	int64_t slept_ns = eo_clock_asleep_ns() - clock->asleep_ns;

	if (slept_ns >= SLEEP_MIN_NS) {
		clock->offset_ns += slept_ns;
		clock->asleep_ns += slept_ns;
	}
	return clock->offset_ns;
}
