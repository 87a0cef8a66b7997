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

EO_DEFINE_VECTOR(struct eo_value_type, eo_links) /* type: trace id, unit: span id, as strings */

struct eo_otlp_dictionary {
	const struct eo_message_reader *message;
	struct eo_profile *profile;
	struct eo_numbers strings, mappings, functions, locations, stacks; /* the model's numbers */
	struct eo_wires attributes;
	struct eo_links links;

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

/* One value of an attribute, or of several when it is an array or a map. */
struct eo_otlp_value {
	uint32_t key;  /* string; members of maps are "key.member" */
	uint32_t str;  /* string, unless is_number; other kinds of values as text */
	int64_t num;   /* also 0 or 1 of a bool */
	uint32_t unit; /* string, "bytes" and "nanoseconds" as pprof has them */
	bool is_number;
};

/* A negative return ends the walk with it; the error is the function's. */
typedef int (*eo_otlp_value_fn)(void *ctx, const struct eo_otlp_value *value);

/** The values of attribute @index, none for 0. */
int eo_otlp_attribute(const struct eo_otlp_dictionary *dictionary, const unsigned char *at,
		      uint64_t index, eo_otlp_value_fn fn, void *ctx);

/** The values of a KeyValue, of a resource or a scope. */
int eo_otlp_key_value(const struct eo_otlp_dictionary *dictionary, struct eo_wire wire,
		      eo_otlp_value_fn fn, void *ctx);

/** The values of all the attributes that a field of indices names. @indices: scratch */
int eo_otlp_attributes(const struct eo_otlp_dictionary *dictionary,
		       const struct eo_wire_field *field, struct eo_values *indices,
		       eo_otlp_value_fn fn, void *ctx);

/** A ValueType message. */
int eo_otlp_value_type(const struct eo_otlp_dictionary *dictionary, struct eo_wire wire,
		       struct eo_value_type *ret);

#endif
