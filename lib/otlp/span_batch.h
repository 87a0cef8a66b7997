/* SPDX-License-Identifier: BSD-2-Clause */
/* How spans get into their batch; the rest stands in otlp/converter.h. */
#ifndef EO_OTLP_SPAN_BATCH_H
#define EO_OTLP_SPAN_BATCH_H

#include "otlp/attribute_list.h"
#include "otlp/converter.h"
#include "otlp/ids.h"
#include "otlp/resource.h"

/* Whether the parent is in another process, as the span's flags say it. */
#define EO_SPAN_FLAGS_LOCAL  0x100u
#define EO_SPAN_FLAGS_REMOTE 0x300u

struct eo_otlp_span_event {
	const char *name; /* static text */
	uint64_t time_ns;
	uint64_t count; /* attribute ebpfotel.count; 0: none */
};

#define EO_SPAN_EVENTS 32

struct eo_otlp_span {
	const char *name;
	int kind; /* EO_SPAN_KIND() */
	uint8_t trace_id[EO_TRACE_ID_BYTES];
	uint8_t span_id[EO_SPAN_ID_BYTES];
	uint8_t parent_id[EO_SPAN_ID_BYTES];
	bool has_parent;
	uint32_t flags;
	uint64_t start_ns, end_ns; /* Unix time */
	bool failed;
	struct eo_otlp_span_event events[EO_SPAN_EVENTS];
	uint32_t event_count, dropped_events;
};

/** An empty list for a span of this batch. */
struct eo_attribute_list eo_span_batch_attributes(struct eo_span_batch *batch);

/** Everything is copied. Returns 0 or -ENOMEM. */
int eo_span_batch_add(struct eo_span_batch *batch, const struct eo_otlp_span *span,
		      const struct eo_attribute_list *attributes,
		      struct eo_otlp_resource *resource);

#endif
