/* SPDX-License-Identifier: BSD-2-Clause */
#include "otlp/resource.h"

#include <stdlib.h>
#include <string.h>

#include "core/hash.h"

static void set(struct eo_resource_draft *draft, const struct eo_attribute *attribute)
{
	if (!*attribute->key ||
	    (attribute->str && strlen(attribute->str) > EO_RESOURCE_VALUE_BYTES) ||
	    strlen(attribute->key) > EO_RESOURCE_VALUE_BYTES) {
		draft->dropped++;
		return;
	}
	for (size_t i = 0; i < draft->count; i++) {
		if (!strcmp(draft->attributes[i].key, attribute->key)) {
			draft->attributes[i] = *attribute;
			return;
		}
	}
	if (draft->count == EO_RESOURCE_ATTRIBUTES)
		draft->dropped++;
	else
		draft->attributes[draft->count++] = *attribute;
}

void eo_resource_draft_string(struct eo_resource_draft *draft, const char *key, const char *text)
{
	if (text)
		set(draft, &(struct eo_attribute){ .key = key, .str = text });
}

void eo_resource_draft_int(struct eo_resource_draft *draft, const char *key, int64_t number)
{
	set(draft, &(struct eo_attribute){ .key = key, .num = number });
}

void eo_resource_draft_object(struct eo_resource_draft *draft, const struct eo_attr *object)
{
	if (!object || object->type != EO_ATTR_OBJECT)
		return;
	for (uint32_t i = 1; i <= object->count; i++) {
		const struct eo_attr *member = object + i;

		if (member->type == EO_ATTR_STRING) {
			eo_resource_draft_string(draft, member->key, member->str);
		} else if (member->type == EO_ATTR_INT || member->type == EO_ATTR_UINT) {
			eo_resource_draft_int(draft, member->key, member->num);
		} else {
			draft->dropped++;
			if (member->type == EO_ATTR_OBJECT || member->type == EO_ATTR_ARRAY)
				i += member->count;
		}
	}
}

bool eo_resource_draft_has(const struct eo_resource_draft *draft, const char *key)
{
	for (size_t i = 0; i < draft->count; i++)
		if (!strcmp(draft->attributes[i].key, key))
			return true;
	return false;
}

/* In JSON, the longer encoding; bytes that are no character become three. */
static size_t json_bytes(const char *text)
{
	size_t bytes = 0;

	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		bytes += c < 0x20 ? 6 : c == '"' || c == '\\' ? 2 : c >= 0x80 ? 3 : 1;
	}
	return bytes;
}

struct eo_otlp_resource *eo_otlp_resource_new(const struct eo_resource_draft *draft)
{
	struct eo_otlp_resource *resource =
		malloc(sizeof(*resource) + draft->count * sizeof(struct eo_attribute) +
		       eo_attributes_text_bytes(draft->attributes, draft->count));

	if (!resource)
		return NULL;
	resource->references = 1;
	resource->hash = eo_attributes_hash(draft->attributes, draft->count);
	resource->dropped = draft->dropped;
	resource->count = draft->count;
	resource->bytes = 256; /* braces, scope, what was dropped */
	for (size_t i = 0; i < draft->count; i++)
		resource->bytes +=
			80 + json_bytes(draft->attributes[i].key) +
			(draft->attributes[i].str ? json_bytes(draft->attributes[i].str) : 0);
	eo_attributes_copy(draft->attributes, draft->count, resource->attributes,
			   (char *)&resource->attributes[draft->count]);
	return resource;
}

struct eo_otlp_resource *eo_otlp_resource_ref(struct eo_otlp_resource *resource)
{
	resource->references++;
	return resource;
}

void eo_otlp_resource_unref(struct eo_otlp_resource *resource)
{
	if (resource && !--resource->references)
		free(resource);
}

bool eo_otlp_resource_equal(const struct eo_otlp_resource *a, const struct eo_otlp_resource *b)
{
	return a == b || (a->hash == b->hash && a->dropped == b->dropped &&
			  eo_attributes_equal(a->attributes, a->count, b->attributes, b->count));
}

uint32_t eo_attributes_hash(const struct eo_attribute *attributes, size_t count)
{
	/* The same in every table, so no table's own seed. Who makes long chains of resources or
	 * streams is stopped by the limits on their number. */
	uint64_t hash = count;

	for (size_t i = 0; i < count; i++) {
		hash = eo_hash_string(hash, attributes[i].key);
		if (attributes[i].str)
			hash = eo_hash_string(hash, attributes[i].str);
		else
			hash = eo_hash(hash, &attributes[i].num, sizeof(attributes[i].num));
	}
	return (uint32_t)hash;
}

bool eo_attributes_equal(const struct eo_attribute *a, size_t a_count,
			 const struct eo_attribute *b, size_t b_count)
{
	if (a_count != b_count)
		return false;
	for (size_t i = 0; i < a_count; i++)
		if (strcmp(a[i].key, b[i].key) || !a[i].str != !b[i].str ||
		    (a[i].str ? strcmp(a[i].str, b[i].str) : a[i].num != b[i].num))
			return false;
	return true;
}

size_t eo_attributes_text_bytes(const struct eo_attribute *attributes, size_t count)
{
	size_t bytes = 0;

	for (size_t i = 0; i < count; i++)
		bytes += strlen(attributes[i].key) + 1 +
			 (attributes[i].str ? strlen(attributes[i].str) + 1 : 0);
	return bytes;
}

static const char *copy(const char *text, char **to)
{
	char *start = *to;

	*to = stpcpy(start, text) + 1;
	return start;
}

void eo_attributes_copy(const struct eo_attribute *attributes, size_t count,
			struct eo_attribute *to, char *texts)
{
	for (size_t i = 0; i < count; i++) {
		to[i].key = copy(attributes[i].key, &texts);
		to[i].str = attributes[i].str ? copy(attributes[i].str, &texts) : NULL;
		to[i].num = attributes[i].num;
	}
}
