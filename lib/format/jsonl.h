/* SPDX-License-Identifier: BSD-2-Clause */
/* Events as JSON lines: written whole, without allocation, in the order of keys that
 * ebpfotel-events(7) promises. */
#ifndef EO_FORMAT_JSONL_H
#define EO_FORMAT_JSONL_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/error.h"
#include "core/event.h"

/* What turns an event's monotonic time into the times that are written. */
struct eo_event_clock {
	int64_t wall_offset_ns; /* wall clock minus monotonic, at about the event's time */
	uint64_t start_ns;	/* monotonic: when the trace began */
};

/** Append one line. Control bytes are escaped and bad UTF-8 repaired. Errors stay in @out. */
int eo_jsonl_write(const struct eo_event *event, const struct eo_event_clock *clock, FILE *out);

#endif
