/* SPDX-License-Identifier: BSD-2-Clause */
/* Which resource an event belongs to. start and process records tell about the host, about
 * ourselves and about the processes; who was not told about is named after its comm.
 * Not thread-safe. */
#ifndef EO_OTLP_RESOURCES_H
#define EO_OTLP_RESOURCES_H

#include "core/attribute.h"
#include "core/event.h"
#include "otlp/recent.h"
#include "otlp/resource.h"

enum eo_otlp_owner {
	EO_OWNER_PROCESS, /* that the event happened to */
	EO_OWNER_SERVICE, /* the same without what is of that process alone */
	EO_OWNER_HOST,
	EO_OWNER_SELF, /* ebpfotel */
	EO_OWNER_COUNT,
};

struct eo_otlp_resources {
	/* private */
	struct eo_recent processes;
	char *host[3];			/* by row of the table in resources.c */
	struct eo_attribute *additional; /* for every resource */
	size_t additional_count;
	struct eo_otlp_resource *host_resource, *self, *nobody;
};

void eo_otlp_resources_init(struct eo_otlp_resources *resources);
void eo_otlp_resources_fini(struct eo_otlp_resources *resources);

/** Copied. Counts for resources that are made from now on. Returns 0 or -ENOMEM. */
int eo_otlp_resources_add(struct eo_otlp_resources *resources,
			  const struct eo_attribute *attributes, size_t count);

/** What a start or process record says; others say nothing. Returns 0 or -ENOMEM. */
int eo_otlp_resources_learn(struct eo_otlp_resources *resources, const struct eo_event *event);

/** Lives until the next call; take a reference. NULL when memory is out. */
struct eo_otlp_resource *eo_otlp_resources_of(struct eo_otlp_resources *resources,
					      const struct eo_event *event,
					      enum eo_otlp_owner owner);

#endif
