/* SPDX-License-Identifier: BSD-2-Clause */
/* A list of attributes in the making. Texts are copied and repaired on the way, sizes are counted,
 * and a record that would not fit into a message drops what is too much and says so. */
#ifndef EO_OTLP_ATTRIBUTE_LIST_H
#define EO_OTLP_ATTRIBUTE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attribute.h"
#include "core/event.h"
#include "otlp/arena.h"
#include "otlp/messages.h"

/* Most that the attributes of one record may take. A message has twice the room. */
#define EO_OTLP_RECORD_BYTES (512u << 10)

struct eo_attribute_list {
	struct eo_arena *arena; /* where everything lives */
	EoKeyValue **items;
	size_t count, capacity;
	size_t bytes; /* at most, in either encoding */
	uint32_t dropped;
	bool failed; /* memory is out: the list is incomplete */
};

/** Keys are not copied: they live as long as the arena. */
void eo_attribute_list_string(struct eo_attribute_list *list, const char *key, const char *text);
void eo_attribute_list_int(struct eo_attribute_list *list, const char *key, int64_t number);
void eo_attribute_list_add(struct eo_attribute_list *list, const struct eo_attribute *attribute);

/**
 * A value of an event. Objects become maps, arrays arrays; addresses and numbers that do not fit
 * are hex texts, as in JSON lines.
 * @key: NULL for the value's own, which is copied
 */
void eo_attribute_list_value(struct eo_attribute_list *list, const char *key,
			      const struct eo_attr *value);

/**
 * Copy @text, U+FFFD in place of bytes that are no character. NULL and failed when memory is out.
 * @cost: bytes that it takes at most, is added to; may be NULL
 */
char *eo_otlp_text(struct eo_attribute_list *list, const char *text, size_t *cost);

#endif
