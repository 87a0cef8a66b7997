/* SPDX-License-Identifier: BSD-2-Clause */
/* What telemetry belongs to: a set of attributes that does not change any more. Counted, because
 * batches outlive the process, and the converter, that a resource came from. */
#ifndef EO_OTLP_RESOURCE_H
#define EO_OTLP_RESOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attribute.h"
#include "core/event.h"

/* More, or longer, than anybody says about a service; a message has room for a few of them. */
#define EO_RESOURCE_ATTRIBUTES	64
#define EO_RESOURCE_VALUE_BYTES 1024

struct eo_otlp_resource {
	uint32_t references;
	uint32_t hash; /* equal resources have equal ones */
	uint32_t dropped;
	size_t count;
	size_t bytes; /* at most, in either encoding */
	struct eo_attribute attributes[];
};

/* A resource in the making. Texts are not copied before the end. Zeroed memory is an empty one. */
struct eo_resource_draft {
	struct eo_attribute attributes[EO_RESOURCE_ATTRIBUTES];
	size_t count;
	uint32_t dropped;
};

/** A key that is there already gets the new value. NULL text: nothing happens. */
void eo_resource_draft_string(struct eo_resource_draft *draft, const char *key, const char *text);
void eo_resource_draft_int(struct eo_resource_draft *draft, const char *key, int64_t number);
/** The members of @object that are texts or integers; NULL: none. */
void eo_resource_draft_object(struct eo_resource_draft *draft, const struct eo_attr *object);
bool eo_resource_draft_has(const struct eo_resource_draft *draft, const char *key);

/** NULL when memory is out. The caller has one reference. */
struct eo_otlp_resource *eo_otlp_resource_new(const struct eo_resource_draft *draft);
struct eo_otlp_resource *eo_otlp_resource_ref(struct eo_otlp_resource *resource);
void eo_otlp_resource_unref(struct eo_otlp_resource *resource); /* NULL is fine */
bool eo_otlp_resource_equal(const struct eo_otlp_resource *a, const struct eo_otlp_resource *b);

/** The same for lists of attributes in general. */
uint32_t eo_attributes_hash(const struct eo_attribute *attributes, size_t count);
bool eo_attributes_equal(const struct eo_attribute *a, size_t a_count,
			 const struct eo_attribute *b, size_t b_count);
/** Bytes that eo_attributes_copy() takes of @texts. */
size_t eo_attributes_text_bytes(const struct eo_attribute *attributes, size_t count);
void eo_attributes_copy(const struct eo_attribute *attributes, size_t count,
			struct eo_attribute *to, char *texts);

#endif
