/* SPDX-License-Identifier: BSD-2-Clause */
/* Events as JSON lines: written whole, without allocation, in the order of keys that
 * ebpfotel-events(7) promises. */
#ifndef EO_FORMAT_JSONL_H
#define EO_FORMAT_JSONL_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/event.h"

/* JSON readers keep numbers as doubles: from here on not every integer is one. Such numbers are
 * texts in hex, "0x20000000000000", "-0x20000000000000". */
#define EO_JSONL_EXACT_LIMIT (1ull << 53)

/* What turns an event's monotonic time into the times that are written. */
struct eo_event_clock {
	int64_t wall_offset_ns; /* wall clock minus monotonic, at about the event's time */
	uint64_t start_ns;	/* monotonic: when the trace began */
};

/**
 * Append one line. Bytes that no character begins with become U+FFFD; control characters, and
 * those that move a terminal's cursor or turn its text around, are escaped.
 * Returns 0, or -EIO when @out has failed; what it holds is then no whole line.
 */
int eo_jsonl_write(const struct eo_event *event, const struct eo_event_clock *clock, FILE *out);

/**
 * The same line in @to, cut at @size bytes, without a NUL. Returns its length without the cut.
 */
size_t eo_jsonl_line(const struct eo_event *event, const struct eo_event_clock *clock, char *to,
		     size_t size);

/**
 * The value of @attr alone as JSON in @to, cut at @size - 1 bytes and NUL-terminated.
 * Returns its length without the cut.
 */
size_t eo_jsonl_value(const struct eo_attr *attr, char *to, size_t size);

#endif
