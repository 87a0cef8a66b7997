/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's monotonic time and the wall clock. All values are nanoseconds. */
#ifndef EO_CORE_CLOCK_H
#define EO_CORE_CLOCK_H

#include <stdint.h>

#define EO_NS_PER_SEC 1000000000ull

uint64_t eo_clock_monotonic_ns(void); /* the clock of bpf_ktime_get_ns() */
uint64_t eo_clock_wall_ns(void);      /* since 1970, UTC */

int64_t eo_clock_asleep_ns(void); /* what the machine has slept: CLOCK_BOOTTIME minus monotonic */

/**
 * Wall-clock minus monotonic, measured with the smallest of a few read gaps.
 * Add it to a ktime to get Unix time. Wall clocks step: what was measured at two moments may differ
 * by years.
 */
int64_t eo_clock_wall_offset_ns(void);

/**
 * The time of day as what belongs together tells it, the records of a file or of a run: from where
 * the wall clock was when it began. That the clock was set since does not show, so that moments
 * keep their order and their distances, and none is before the beginning.
 */
struct eo_wall_clock {
	int64_t offset_ns; /* wall clock minus monotonic */
	int64_t asleep_ns; /* what the machine has slept: CLOCK_BOOTTIME minus monotonic */
};

struct eo_wall_clock eo_wall_clock_begin(void);

/** The offset, to be added to a ktime of about now: monotonic time leaves out what the machine
 * sleeps. */
int64_t eo_wall_clock_offset_ns(struct eo_wall_clock *clock);

#endif
