/* SPDX-License-Identifier: BSD-2-Clause */
/* The dictionary of an OTLP profile: the tables of a model in their order, and those that grow
 * while the rest is written. */
#ifndef EO_OTLP_OTLP_PROFILE_TABLES_H
#define EO_OTLP_OTLP_PROFILE_TABLES_H

#include <stdint.h>

#include "format/order.h"
#include "model/profile.h"
#include "opentelemetry/proto/profiles/v1development/profiles.pb-c.h"
#include "otlp/otlp_profile_attributes.h"
#include "otlp/otlp_profile_encoder.h"
#include "otlp/otlp_profile_plan.h"
#include "otlp/otlp_profile_strings.h"

struct eo_otlp_tables {
	const struct eo_profile *profile;
	struct eo_order *order;
	struct eo_otlp_strings strings;
	struct eo_otlp_attributes attributes;
	uint32_t *stack_numbers; /* by index in the profile; 0: none yet, or the empty stack */
	uint32_t stack_count;

	/* scratch, large enough for the largest stack and location */
	int32_t *locations;
	Opentelemetry__Proto__Profiles__V1development__Line *lines, **line_pointers;
};

/** Returns 0 or a negative errno, -E2BIG for more than 31 bits count; fini() is fine either way. */
int eo_otlp_tables_init(struct eo_otlp_tables *tables,
			    const struct eo_profile *profile);
void eo_otlp_tables_fini(struct eo_otlp_tables *tables);

/** The index of a stack, which it gets when it is first asked for. */
int32_t eo_otlp_tables_stack(struct eo_otlp_tables *tables, uint32_t stack);

/**
 * Write the tables into the open message, after all that refers to them. Stacks were asked for in
 * the order of the plan's rows.
 */
void eo_otlp_tables_write(struct eo_otlp_tables *tables,
			      const struct eo_otlp_plan *plan, struct eo_otlp_encoder *encoder);

/* Ask for the memory of rows to come, see eo_order_look_ahead(). */
__attribute__((always_inline)) static inline void
eo_otlp_tables_look_ahead(const struct eo_otlp_tables *tables,
			      const struct eo_otlp_plan *plan, size_t row)
{
	const struct eo_otlp_row *rows = plan->rows + row;
	uint32_t near;

	if (row + EO_ORDER_AHEAD >= plan->row_count)
		return;
	near = rows[EO_ORDER_AHEAD / 3].sample;
	eo_order_look_ahead(tables->profile, rows[EO_ORDER_AHEAD].sample,
			    rows[EO_ORDER_AHEAD * 2 / 3].sample, near);
	__builtin_prefetch(&tables->stack_numbers[tables->profile->samples[near].stack]);
}

#endif
