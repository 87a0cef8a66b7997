/* SPDX-License-Identifier: BSD-2-Clause */
/* The dictionary of an OTLP message, as far as it can be in the model: indices in it become the
 * model's. */
#ifndef EO_OTLP_READ_OTLP_DICTIONARY_H
#define EO_OTLP_READ_OTLP_DICTIONARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "format/read_message.h"
#include "model/profile.h"
#include "otlp/read_otlp_values.h"

EO_DEFINE_VECTOR(struct eo_span, eo_otlp_spans)
EO_DEFINE_VECTOR(struct eo_otlp_value, eo_otlp_values)
EO_DEFINE_VECTOR(struct eo_value_type, eo_links) /* type: trace id, unit: span id, as strings */

struct eo_otlp_dictionary {
	const struct eo_message_reader *message;
	struct eo_profile *profile;
	struct eo_numbers strings, mappings, functions, locations, stacks; /* the model's numbers */
	struct eo_numbers kinds;	 /* of the mappings: enum eo_frame_kind */
	struct eo_otlp_spans attributes; /* in values */
	struct eo_otlp_values values;
	struct eo_links links;

	/* How many values attributes may yet have in all: a few bytes can refer to many. */
	uint64_t values_left;

	/* scratch */
	struct eo_numbers frames;
	struct eo_values indices;
	struct eo_lines lines;
};

/* Zeroed memory is an empty dictionary; messages and profiles stay the caller's. */
void eo_otlp_dictionary_fini(struct eo_otlp_dictionary *dictionary);

/** The strings alone, for who wants only names. @wire: the message, of any earlier one nothing
 * remains. */
int eo_otlp_dictionary_read_strings(struct eo_otlp_dictionary *dictionary, struct eo_wire wire);

/** All tables. */
int eo_otlp_dictionary_read(struct eo_otlp_dictionary *dictionary, struct eo_wire wire);

/**
 * Look up something that @at refers to.
 * @what: for the error, "string"
 */
int eo_otlp_find(const struct eo_otlp_dictionary *dictionary, const struct eo_numbers *table,
		 const unsigned char *at, uint64_t index, const char *what, uint32_t *ret);

/** The values of all the attributes that a field of indices names, none for index 0. */
int eo_otlp_attributes(struct eo_otlp_dictionary *dictionary, const struct eo_wire_field *field,
		       eo_otlp_value_fn fn, void *ctx);

/** A ValueType message. */
int eo_otlp_value_type(const struct eo_otlp_dictionary *dictionary, struct eo_wire wire,
		       struct eo_value_type *ret);

#endif
