/* SPDX-License-Identifier: BSD-2-Clause */
/* The attribute and link tables of OTLP, and what label sets become in them. Equal attributes,
 * links and sets have one number; number 0 is the empty one. Not thread-safe. */
#ifndef EO_OTLP_OTLP_PROFILE_ATTRIBUTES_H
#define EO_OTLP_OTLP_PROFILE_ATTRIBUTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/index.h"
#include "opentelemetry/proto/profiles/v1development/profiles.pb-c.h"
#include "otlp/otlp_profile_strings.h"

enum eo_otlp_value_type {
	EO_OTLP_VALUE_STRING, /* num is the id of a text */
	EO_OTLP_VALUE_INT,
	EO_OTLP_VALUE_BOOL,
};

struct eo_otlp_value {
	enum eo_otlp_value_type type;
	int64_t num;
};

struct eo_otlp_attribute {
	uint32_t key, unit;    /* numbers of strings */
	struct eo_span values; /* in the pool */
	bool is_array;
};

/* The attributes of samples, and their link. */
struct eo_otlp_attribute_set {
	struct eo_span members; /* in the pool */
	uint32_t link;
	uint32_t label_set; /* that it was made for first */
};

struct eo_otlp_link {
	uint8_t trace_id[16], span_id[8];
};

struct eo_otlp_attributes {
	struct eo_otlp_strings *strings;
	struct eo_otlp_attribute *attributes; /* by number */
	size_t count, capacity;
	struct eo_otlp_value *values; /* pool */
	size_t value_count, value_capacity;
	struct eo_otlp_link *links; /* by number */
	size_t link_count, link_capacity;
	struct eo_otlp_attribute_set *sets; /* by number */
	size_t set_count, set_capacity;
	uint32_t *members; /* pool */
	size_t member_count, member_capacity;
	bool labels_kept; /* no label is renamed, see otlp_profile.h */
	bool sets_shared; /* some set was made of different label sets */
	int status;	  /* 0, -ENOMEM or -E2BIG: tables are full */

	/* private */
	struct eo_index attribute_index, link_index, set_index;
	uint64_t seed;
	uint32_t label_names[8], attribute_names[8]; /* ids of eo_otlp_labels[] */
	size_t name_count;
	struct {
		uint32_t set, resource;
		bool known;
	} *sets_of; /* by label set, for the resource that was last asked for */
	uint32_t *entry_of; /* by id of a key: in entries, from 1, while one label set is read */
	struct entry *entries;
	uint32_t *next; /* by label: the next one of the same key, 0 none */
	struct eo_otlp_value *entry_values;
	uint32_t *entry_members;

	/* scratch of eo_otlp_attributes_message() */
	Opentelemetry__Proto__Common__V1__AnyValue *any;
	Opentelemetry__Proto__Common__V1__AnyValue **any_pointers;
	size_t any_capacity;
	Opentelemetry__Proto__Common__V1__AnyValue any_outer;
	Opentelemetry__Proto__Common__V1__ArrayValue any_array;
};

/** Returns 0 or -ENOMEM; fini() is fine either way. @strings must live as long. */
int eo_otlp_attributes_init(struct eo_otlp_attributes *attributes, struct eo_otlp_strings *strings);
void eo_otlp_attributes_fini(struct eo_otlp_attributes *attributes);

/** @key, @unit: ids of texts. Several values, or @is_array, are an array. */
uint32_t eo_otlp_attributes_add(struct eo_otlp_attributes *attributes, uint32_t key, uint32_t unit,
				const struct eo_otlp_value *values, size_t count, bool is_array);

/** One text or one truth; @name: one of the names in otlp_profile.h, @text: id */
uint32_t eo_otlp_attributes_add_text(struct eo_otlp_attributes *attributes, const char *name,
				     uint32_t text);
uint32_t eo_otlp_attributes_add_true(struct eo_otlp_attributes *attributes, const char *name);

/** The set of a sample's labels. @resource: the sample's */
uint32_t eo_otlp_attributes_set_of(struct eo_otlp_attributes *attributes, uint32_t label_set,
				   uint32_t resource);

/** The table's element @number, good until the next call. */
Opentelemetry__Proto__Profiles__V1development__KeyValueAndUnit
eo_otlp_attributes_message(struct eo_otlp_attributes *attributes, size_t number);

#endif
