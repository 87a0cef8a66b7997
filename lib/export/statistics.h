/* SPDX-License-Identifier: BSD-2-Clause */
/* The closing statistics: one JSON object for machines, a short table for people. Both say the
 * same; the shape is described in ebpfotel-events(7). */
#ifndef EO_EXPORT_STATISTICS_H
#define EO_EXPORT_STATISTICS_H

#include <stdbool.h>
#include <stdio.h>

#include "capture/cpu_profiler.h"
#include "core/overhead.h"

struct eo_statistics {
	uint64_t duration_ns;
	const struct eo_profile_stats *profile; /* NULL: did not run */
	struct eo_overhead overhead;
};

/** Everything that was lost, over all parts and reasons. */
uint64_t eo_statistics_lost(const struct eo_statistics *statistics);
/** One line, newline at its end. Write errors stay in @out. */
int eo_statistics_write_json(const struct eo_statistics *statistics, FILE *out);
void eo_statistics_write_text(const struct eo_statistics *statistics, FILE *out);

#endif
