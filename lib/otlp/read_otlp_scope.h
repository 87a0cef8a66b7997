/* SPDX-License-Identifier: BSD-2-Clause */
/* A scope of an OTLP message: which Profiles it has, and what it says of them. */
#ifndef EO_OTLP_READ_OTLP_SCOPE_H
#define EO_OTLP_READ_OTLP_SCOPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/read_message.h"
#include "otlp/read_otlp_dictionary.h"

/* Hand the messages that are field @number of @wire to @fn. @what: for the error */
typedef int (*eo_otlp_message_fn)(void *ctx, struct eo_wire wire);
int eo_otlp_each(const struct eo_message_reader *message, struct eo_wire wire, uint32_t number,
		 const char *what, eo_otlp_message_fn fn, void *ctx);

/* What a Profile says before its samples. */
struct eo_otlp_head {
	struct eo_wire wire; /* all of it */
	struct eo_value_type type, period_type;
	int64_t period, time_ns, duration_ns;
};

EO_DEFINE_VECTOR(struct eo_otlp_head, eo_otlp_heads)

struct eo_otlp_scope {
	const struct eo_otlp_dictionary *dictionary;
	struct eo_otlp_heads heads;
	struct eo_values order; /* for each Profile, its place in the model */
	uint32_t default_type;	/* string */
	bool has_order, not_cpu_from_period, labels_kept;
};

/** @wire: a ScopeProfiles message. Of an earlier one nothing remains. */
int eo_otlp_scope_read(struct eo_otlp_scope *scope, const struct eo_otlp_dictionary *dictionary,
		       struct eo_wire wire);
void eo_otlp_scope_fini(struct eo_otlp_scope *scope); /* zeroed memory is fine */

/** Does this Profile of the scope stand for samples and CPU time? */
bool eo_otlp_stands_for_cpu(const struct eo_otlp_scope *scope, const struct eo_otlp_head *head);

/**
 * For each place in the model's order, which Profile is there: room for EO_READ_VALUE_TYPES_MAX.
 * False when the scope names no order of its Profiles.
 */
bool eo_otlp_scope_places(const struct eo_otlp_scope *scope, size_t *ret);

#endif
