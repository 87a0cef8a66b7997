/* SPDX-License-Identifier: BSD-2-Clause */
/* Values of attributes, as far as labels can say them. */
#ifndef EO_OTLP_READ_OTLP_VALUES_H
#define EO_OTLP_READ_OTLP_VALUES_H

#include <stdbool.h>
#include <stdint.h>

#include "format/read_wire.h"
#include "model/profile.h"

struct eo_otlp_dictionary;

/* One value of an attribute, or of several when it is an array or a map. */
struct eo_otlp_value {
	uint32_t key;  /* string; members of maps are "key.member" */
	uint32_t str;  /* string, unless is_number; other kinds of values as text */
	int64_t num;   /* also 0 or 1 of a bool */
	uint32_t unit; /* string, as eo_otlp_unit() has it */
	bool is_number;
};

/* A negative return ends the walk with it; the error is the function's. */
typedef int (*eo_otlp_value_fn)(void *ctx, const struct eo_otlp_value *value);

/** The values of a KeyValue, of a resource or a scope. */
int eo_otlp_key_value(const struct eo_otlp_dictionary *dictionary, struct eo_wire wire,
		      eo_otlp_value_fn fn, void *ctx);

/** The values of an AnyValue, of the attribute @key. */
int eo_otlp_any_value(const struct eo_otlp_dictionary *dictionary, struct eo_wire wire,
		      uint32_t key, uint32_t unit, eo_otlp_value_fn fn, void *ctx);

/** A unit in pprof's words: OTLP's are UCUM's, "By" and "ns". Strings, both. */
uint32_t eo_otlp_unit(struct eo_profile *profile, uint32_t unit);

/** Bytes, at most 64 of them, as a string in lower-case hex. */
uint32_t eo_otlp_hex(struct eo_profile *profile, struct eo_wire bytes);

#endif
