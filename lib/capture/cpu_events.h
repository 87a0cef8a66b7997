/* SPDX-License-Identifier: BSD-2-Clause */
/* The clocks that drive a sampling program: one perf event on each CPU, hardware cycles where
 * there is a PMU, else the kernel's software clock. Not thread-safe. */
#ifndef EO_CAPTURE_CPU_EVENTS_H
#define EO_CAPTURE_CPU_EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/auto.h"
#include "core/error.h"

struct bpf_program;
struct eo_cpu_events;

/** @program: loaded, of type perf_event; must outlive the events. 0 or -ENOMEM. */
int eo_cpu_events_new(struct bpf_program *program, uint32_t hz, struct eo_cpu_events **ret);
void eo_cpu_events_free(struct eo_cpu_events *events); /* NULL is fine; detaches */
EO_DEFINE_AUTO(eo_cpu_events)

/**
 * Have events on exactly these CPUs: open what is missing, close what is gone.
 * @cpus: ascending
 * A CPU that goes offline meanwhile is left out and is no error.
 */
int eo_cpu_events_cover(struct eo_cpu_events *events, const uint32_t *cpus, size_t cpu_count,
			struct eo_error *err);

int eo_cpu_events_pause(struct eo_cpu_events *events, bool pause, struct eo_error *err);

size_t eo_cpu_events_count(const struct eo_cpu_events *events);
const char *eo_cpu_events_clock(const struct eo_cpu_events *events); /* "cycles", "cpu-clock" */

#endif
