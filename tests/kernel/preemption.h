/* SPDX-License-Identifier: BSD-2-Clause */
/* From Linux 7.0 on threads are preempted inside of programs, and what others would run of the same program
 * meanwhile is left out, which is counted: there is no exact number to be expected then. */
#ifndef EO_TEST_PREEMPTION_H
#define EO_TEST_PREEMPTION_H

#include <criterion/criterion.h>
#include <string.h>

#include "capture/probe.h"
#include "capture/tracer.h"

static inline void need_all_runs(const struct eo_trace_stats *stats)
{
	if (!eo_probe_tracepoints_are_preempted())
		return;
	for (size_t i = 0; i < stats->degraded_count; i++)
		if (!strcmp(stats->degraded[i].key, "runs_missed") && stats->degraded[i].value)
			cr_skip_test("the kernel left out %lu runs of programs that it had preempted",
				     stats->degraded[i].value);
}

#endif
