/* SPDX-License-Identifier: BSD-2-Clause */
/* Which numbers of which events make up which metrics. */
#ifndef EO_OTLP_METRIC_RULES_H
#define EO_OTLP_METRIC_RULES_H

#include "core/event.h"
#include "otlp/event_attributes.h"
#include "otlp/metric_batch.h"
#include "otlp/recent.h"
#include "otlp/resources.h"

/* What has to be remembered between events. */
struct eo_metric_rules {
	struct eo_recent retransmits; /* already counted, by connection */
	bool by_process;	      /* instead of by service */
};

void eo_metric_rules_init(struct eo_metric_rules *rules);
void eo_metric_rules_fini(struct eo_metric_rules *rules);

/** Returns 1 when the event has metrics, 0 when it has none, or -ENOMEM. @time_ns: Unix time */
int eo_metric_rules_apply(struct eo_metric_rules *rules, const struct eo_event *event,
			  uint64_t time_ns, struct eo_otlp_resources *resources,
			  struct eo_metric_batch *batch);

#endif
