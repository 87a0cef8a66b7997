/* SPDX-License-Identifier: BSD-2-Clause */
/* How log records get into their batch; the rest stands in otlp/converter.h. */
#ifndef EO_OTLP_LOG_BATCH_H
#define EO_OTLP_LOG_BATCH_H

#include "otlp/attribute_list.h"
#include "otlp/converter.h"
#include "otlp/ids.h"
#include "otlp/resource.h"

#define EO_SEVERITY_INFO 9
#define EO_SEVERITY_WARN 13

struct eo_otlp_log {
	const char *event_name; /* static text */
	uint64_t time_ns;	/* Unix time */
	int severity;
	const struct eo_traceparent *context; /* NULL: none */
};

struct eo_attribute_list eo_log_batch_attributes(struct eo_log_batch *batch);

/** Returns 0 or -ENOMEM. */
int eo_log_batch_add(struct eo_log_batch *batch, const struct eo_otlp_log *log,
		     const struct eo_attribute_list *attributes,
		     struct eo_otlp_resource *resource);

#endif
