// SPDX-License-Identifier: BSD-2-Clause
#include "core/attribute_set.h"

#include <string.h>

bool eo_attribute_set_has(const struct eo_attribute_set *set, const char *key)
{
	for (size_t i = 0; i < set->count; i++)
		if (!strcmp(set->attributes[i].key, key))
			return true;
	return false;
}

static const char *keep(struct eo_attribute_set *set, const char *text, size_t len)
{
	char *copy = set->texts + set->used;

	memcpy(copy, text, len);
	copy[len] = '\0';
	set->used += len + 1;
	return copy;
}

/* The new attribute, which has its key, or NULL. */
static struct eo_attribute *add(struct eo_attribute_set *set, const char *key)
{
	size_t len = strnlen(key, EO_ATTRIBUTE_KEY_MAX + 1);
	struct eo_attribute *attribute;

	if (len == 0 || len > EO_ATTRIBUTE_KEY_MAX || set->count == EO_ATTRIBUTE_SET_MAX ||
	    eo_attribute_set_has(set, key))
		return NULL;
	attribute = &set->attributes[set->count++];
	*attribute = (struct eo_attribute){.key = keep(set, key, len)};
	return attribute;
}

void eo_attribute_set_text(struct eo_attribute_set *set, const char *key, const char *text)
{
	struct eo_attribute *attribute;
	size_t len;

	if (!text || !*text)
		return;
	attribute = add(set, key);
	if (!attribute)
		return;
	len = strnlen(text, EO_ATTRIBUTE_VALUE_MAX + 1);
	if (len > EO_ATTRIBUTE_VALUE_MAX) {
		len = EO_ATTRIBUTE_VALUE_MAX;
		/* A character has at most three continuation bytes; more of them is no UTF-8
		 * anyway. */
		for (int i = 0; i < 3 && (text[len] & 0xc0) == 0x80; i++)
			len--;
	}
	attribute->str = keep(set, text, len);
}

void eo_attribute_set_number(struct eo_attribute_set *set, const char *key, int64_t number)
{
	struct eo_attribute *attribute = add(set, key);

	if (attribute)
		attribute->num = number;
}
