/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/clock.h"

#include <time.h>

#define OFFSET_ATTEMPTS 5

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

int64_t eo_clock_wall_offset_ns(void)
{
	uint64_t best_gap = UINT64_MAX;
	int64_t offset = 0;

	/* The two clocks cannot be read at one moment. We may be scheduled away between the reads,
	 * so the narrowest of a few attempts counts. */
	for (int i = 0; i < OFFSET_ATTEMPTS; i++) {
		uint64_t before = eo_clock_monotonic_ns();
		uint64_t wall = eo_clock_wall_ns();
		uint64_t gap = eo_clock_monotonic_ns() - before;

		if (gap < best_gap) {
			best_gap = gap;
			offset = (int64_t)(wall - (before + gap / 2));
		}
	}
	return offset;
}
