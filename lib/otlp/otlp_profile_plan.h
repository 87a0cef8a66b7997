/* SPDX-License-Identifier: BSD-2-Clause */
/* What of a profile becomes which Profile and which Sample, decided before anything is written. */
#ifndef EO_OTLP_OTLP_PROFILE_PLAN_H
#define EO_OTLP_OTLP_PROFILE_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/order.h"
#include "model/profile.h"
#include "otlp/otlp_profile_attributes.h"

/* A sample of the model. Rows of the same stack and set are one Sample and stand together. */
struct eo_otlp_row {
	uint32_t sample, set;
};

struct eo_otlp_resource {
	uint32_t label_set;
	size_t first_row, row_count;
};

/* One Profile in each resource. */
struct eo_otlp_type {
	size_t value_type;
	bool timed; /* timestamps instead of values */
};

/* Is a lone samples/count the time on a CPU? See EO_OTLP_CPU_FROM_PERIOD. */
enum eo_otlp_cpu_from_period {
	EO_OTLP_CPU_NOT_SAID,
	EO_OTLP_CPU_FOLLOWS,
	EO_OTLP_CPU_DOES_NOT_FOLLOW,
};

struct eo_otlp_plan {
	struct eo_otlp_type *types;
	size_t type_count;
	enum eo_otlp_cpu_from_period cpu_from_period;
	struct eo_otlp_resource *resources; /* the one with most samples first; never none */
	size_t resource_count;
	struct eo_otlp_row *rows;
	size_t row_count;
	size_t *first_time; /* by row, and one behind the last; NULL without timestamps */
	uint64_t *times;    /* ascending within a Sample */
	uint64_t start_ns, duration_ns;
};

/** Returns 0 or -ENOMEM or what @attributes says; fini() is fine either way. */
int eo_otlp_plan_init(struct eo_otlp_plan *plan, const struct eo_profile *profile,
		      const struct eo_order *order, struct eo_otlp_attributes *attributes);
void eo_otlp_plan_fini(struct eo_otlp_plan *plan);

/** The first row behind the Sample that begins with @row. */
size_t eo_otlp_plan_sample_end(const struct eo_otlp_plan *plan, const struct eo_profile *profile,
			       const struct eo_otlp_resource *resource, size_t row);

#endif
