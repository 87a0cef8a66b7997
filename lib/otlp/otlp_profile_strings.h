/* SPDX-License-Identifier: BSD-2-Clause */
/* The string table of OTLP over that of a profile: valid UTF-8, each text once, numbered in the
 * order in which numbers are asked for.
 *
 * Texts have ids before they have numbers, because attributes hold texts outside of the table. An
 * id below the profile's string_count is that string; the others are texts that the profile does
 * not have: OTLP's names, and what bad UTF-8 became. Equal texts have one id. */
#ifndef EO_OTLP_OTLP_PROFILE_STRINGS_H
#define EO_OTLP_OTLP_PROFILE_STRINGS_H

#include <stddef.h>
#include <stdint.h>

#include "core/index.h"
#include "model/profile.h"

struct eo_otlp_strings {
	const struct eo_profile *profile;
	uint32_t *ids; /* by index in the profile */
	char **own;    /* texts that the profile does not have */
	size_t own_count, own_capacity;
	struct eo_index own_set;
	uint64_t seed;
	uint32_t *numbers; /* by id; 0: none yet, or the empty string */
	uint32_t *used;	   /* by number: id */
	size_t count;	   /* of numbers */
};

/** Returns 0 or -ENOMEM; fini() is fine either way. */
int eo_otlp_strings_init(struct eo_otlp_strings *strings, const struct eo_profile *profile);
void eo_otlp_strings_fini(struct eo_otlp_strings *strings);

/** The id of one of the names in otlp_profile.h. */
uint32_t eo_otlp_strings_name(const struct eo_otlp_strings *strings, const char *name);

const char *eo_otlp_strings_text(const struct eo_otlp_strings *strings, uint32_t id);
uint32_t eo_otlp_strings_number(struct eo_otlp_strings *strings, uint32_t id);

#endif
