/* SPDX-License-Identifier: BSD-2-Clause */
/* The closing statistics: one JSON object for machines, a short table for people. Both say the
 * same; the shape is described in ebpfotel-events(7). */
#ifndef EO_EXPORT_STATISTICS_H
#define EO_EXPORT_STATISTICS_H

#include <stdbool.h>
#include <stdio.h>

#include "capture/cpu_profiler.h"
#include "capture/tracer.h"
#include "core/event.h"
#include "core/overhead.h"

#define EO_STATISTICS_PARTS 4
#define EO_STATISTICS_ATTRS 320 /* at most that many make up the object */

/* What one tracer did. */
struct eo_trace_part {
	const char *name; /* "syscall" */
	struct eo_trace_stats stats;
};

struct eo_statistics {
	uint64_t duration_ns;
	const struct eo_profile_stats *profile; /* NULL: did not run */
	const struct eo_trace_part *parts;
	size_t part_count; /* at most EO_STATISTICS_PARTS */
	/* Events that the tracers handed over and nobody got: because the reader did not take them
	 * before the end, which is a loss, or because enough had been written, which is a filter. */
	uint64_t undelivered, unwanted;
	struct eo_overhead overhead;
};

/** Everything that was lost, over all parts and reasons. */
uint64_t eo_statistics_lost(const struct eo_statistics *statistics);
uint64_t eo_statistics_emitted(const struct eo_statistics *statistics);

/**
 * The data of an end record. @ret: EO_STATISTICS_ATTRS of them
 * Returns how many were filled.
 */
size_t eo_statistics_attrs(const struct eo_statistics *statistics, struct eo_attr *ret);

/** One line, newline at its end. Write errors stay in @out. */
int eo_statistics_write_json(const struct eo_statistics *statistics, FILE *out);
void eo_statistics_write_text(const struct eo_statistics *statistics, FILE *out);

#endif
