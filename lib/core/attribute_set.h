/* SPDX-License-Identifier: BSD-2-Clause */
/* Attributes with their texts, bounded in every direction, for what strangers say about
 * themselves. Zeroed memory is an empty set, and nothing of it is allocated. */
#ifndef EO_CORE_ATTRIBUTE_SET_H
#define EO_CORE_ATTRIBUTE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/attribute.h"

#define EO_ATTRIBUTE_SET_MAX 64
#define EO_ATTRIBUTE_KEY_MAX 128    /* bytes; longer ones are left out */
#define EO_ATTRIBUTE_VALUE_MAX 1024 /* bytes; longer ones are cut, never inside a character */

struct eo_attribute_set {
	struct eo_attribute attributes[EO_ATTRIBUTE_SET_MAX];
	size_t count;
	size_t used; /* of texts */
	char texts[EO_ATTRIBUTE_SET_MAX * (EO_ATTRIBUTE_KEY_MAX + EO_ATTRIBUTE_VALUE_MAX + 2)];
};

bool eo_attribute_set_has(const struct eo_attribute_set *set, const char *key);

/**
 * Add one attribute; texts are copied. The first one of a key stays. Without a key, without a
 * text (NULL or empty), and once the set is full nothing happens.
 */
void eo_attribute_set_text(struct eo_attribute_set *set, const char *key, const char *text);
void eo_attribute_set_number(struct eo_attribute_set *set, const char *key, int64_t number);

#endif
