/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory tracer's sums as rows of a summary: by size, by stack, or of what is held. */
#ifndef EO_CAPTURE_MEM_ROWS_H
#define EO_CAPTURE_MEM_ROWS_H

#include <stddef.h>

#include "capture/mem_blocks.h"
#include "capture/tracer_class.h"
#include "mem_records.h"

/* To an event whose data is @data, which has room. */
static inline void eo_mem_add_text(struct eo_event *event, struct eo_attr *data, const char *key,
				   const char *text)
{
	data[event->data_count++] =
		(struct eo_attr){.key = key, .type = EO_ATTR_STRING, .str = text};
}

static inline void eo_mem_add_number(struct eo_event *event, struct eo_attr *data, const char *key,
				     uint64_t number)
{
	data[event->data_count++] =
		(struct eo_attr){.key = key, .type = EO_ATTR_UINT, .unum = number};
}

#define EO_MEM_ROWS_CLASSES (EO_MEM_SOURCES * EO_MEM_CLASSES)

/** By source and size class, since the last time. @told: what was told until then; starts as zeros */
int eo_mem_rows_by_size(struct eo_tracer *tracer, struct eo_mem_class told[EO_MEM_ROWS_CLASSES],
			eo_trace_event_fn fn, void *ctx);

/** By stack. @held: is sorted anew */
int eo_mem_rows_by_stack(struct eo_tracer *tracer, int totals_fd, struct eo_mem_held *held,
			 size_t count, eo_trace_event_fn fn, void *ctx);

/** What is held, with the age of the oldest. */
int eo_mem_rows_of_held(struct eo_tracer *tracer, const struct eo_mem_held *held, size_t count,
			eo_trace_event_fn fn, void *ctx);

#endif
