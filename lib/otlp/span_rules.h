/* SPDX-License-Identifier: BSD-2-Clause */
/* Which events are which spans. */
#ifndef EO_OTLP_SPAN_RULES_H
#define EO_OTLP_SPAN_RULES_H

#include "core/event.h"
#include "format/jsonl.h"
#include "otlp/event_attributes.h"
#include "otlp/ids.h"
#include "otlp/recent.h"
#include "otlp/resources.h"
#include "otlp/span_batch.h"

/* Length of the spans that hold the system calls of a thread. */
#define EO_SYSCALL_INTERVAL_NS 1000000000ull

enum eo_http_spans {
	EO_HTTP_SPANS_AUTO, /* not those which the process's own SDK makes */
	EO_HTTP_SPANS_ALL,
	EO_HTTP_SPANS_NONE,
};

struct eo_span_rules {
	struct eo_otlp_ids ids;
	struct eo_traceparent parent; /* of all spans that have no other */
	bool has_parent;
	enum eo_http_spans http_spans;
	struct eo_recent connections; /* open ones, by conn */
	struct eo_recent threads;     /* whose parent spans are made, by tid */
};

void eo_span_rules_init(struct eo_span_rules *rules, const void *run_id, size_t run_id_size);
void eo_span_rules_fini(struct eo_span_rules *rules);

/** Returns 1 when the event made a span, 0 when it has none, or -ENOMEM. */
int eo_span_rules_apply(struct eo_span_rules *rules, const struct eo_event *event,
			const struct eo_event_clock *clock, struct eo_otlp_resources *resources,
			struct eo_span_batch *batch);

#endif
