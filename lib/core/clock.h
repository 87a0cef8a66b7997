/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's monotonic time and the wall clock. All values are nanoseconds. */
#ifndef EO_CORE_CLOCK_H
#define EO_CORE_CLOCK_H

#include <stdint.h>

#define EO_NS_PER_SEC 1000000000ull

uint64_t eo_clock_monotonic_ns(void); /* the clock of bpf_ktime_get_ns() */
uint64_t eo_clock_wall_ns(void);      /* since 1970, UTC */

/**
 * Wall-clock minus monotonic, measured with the smallest of a few read gaps.
 * Add it to a ktime to get Unix time. Measure again from time to time: wall clocks step.
 */
int64_t eo_clock_wall_offset_ns(void);

#endif
