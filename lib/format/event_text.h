/* SPDX-License-Identifier: BSD-2-Clause */
/* Events as lines for people. Nothing that stands in an event drives the terminal. */
#ifndef EO_FORMAT_EVENT_TEXT_H
#define EO_FORMAT_EVENT_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/event.h"
#include "format/jsonl.h"

/* What is kept from one line to the next. Zeroed but for @color is ready. */
struct eo_event_text {
	bool color;

	/* private */
	int64_t second; /* the one that @clock shows */
	char clock[16];
};

/**
 * One line: local time, name[pid.tid], and what happened; of a stack a line a frame. In @to, cut at @size bytes, without a
 * NUL. Returns its length without the cut.
 */
size_t eo_event_text_line(struct eo_event_text *text, const struct eo_event *event,
			  const struct eo_event_clock *clock, char *to, size_t size);

/** The stack of @event, a line a frame, as above; nothing when it has none. */
size_t eo_event_text_stack(const struct eo_event *event, char *to, size_t size);

/** The value of @attr as people read it: units by the key's ending, addresses with their ports. */
size_t eo_event_text_value(const struct eo_attr *attr, char *to, size_t size);

#endif
