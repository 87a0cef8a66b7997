/* SPDX-License-Identifier: BSD-2-Clause */
#include "otlp/attribute_list.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/auto.h"
#include "format/jsonl.h"
#include "format/utf8.h"

/* What stands around a value in JSON, the longer of the two encodings: a text has its quotes, a
 * number its digits as well. */
enum {
	PAIR_BYTES = 24,  /* {"key":"","value":}, */
	TEXT_BYTES = 20,  /* {"stringValue":""}, */
	NUMBER_BYTES = 48, /* {"doubleValue":-1.7976931348623157e+308}, */
	LIST_BYTES = 32,  /* {"kvlistValue":{"values":[]}}, */
};

static void *take(struct eo_attribute_list *list, size_t size)
{
	void *piece = eo_arena_alloc(list->arena, size);

	if (!piece)
		list->failed = true;
	return piece;
}

char *eo_otlp_text(struct eo_attribute_list *list, const char *text, size_t *cost)
{
	size_t size = 0, escapes = 0, bad = 0, len;
	char *copy, *to;

	for (const char *p = text; *p; p += len) {
		unsigned char c = (unsigned char)*p;

		len = 1;
		if (c < 0x20)
			escapes += 5;
		else if (c == '"' || c == '\\')
			escapes++;
		else if (c >= 0x80)
			len = eo_utf8_char(p, NULL);
		size += len ? len : 3;
		if (!len) {
			bad++;
			len = 1;
		}
	}
	copy = take(list, size + 1);
	if (!copy)
		return NULL;
	if (cost)
		*cost += size + escapes;
	if (!bad) {
		memcpy(copy, text, size + 1);
		return copy;
	}
	to = copy;
	for (const char *p = text; *p; p += len ? len : 1) {
		len = eo_utf8_char(p, NULL);
		to = len ? mempcpy(to, p, len) : mempcpy(to, "\xef\xbf\xbd", 3);
	}
	*to = '\0';
	return copy;
}

static EoAnyValue *new_any(struct eo_attribute_list *list, int kind)
{
	EoAnyValue *any = take(list, sizeof(*any));

	if (any) {
		*any = (EoAnyValue)OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__INIT;
		any->value_case = (Opentelemetry__Proto__Common__V1__AnyValue__ValueCase)kind;
	}
	return any;
}

static EoAnyValue *text_value(struct eo_attribute_list *list, const char *text, size_t *cost)
{
	EoAnyValue *any = new_any(list, EO_ANY(STRING));
	char *copy = any ? eo_otlp_text(list, text, cost) : NULL;

	*cost += TEXT_BYTES;
	if (!copy)
		return NULL;
	any->string_value = copy;
	return any;
}

static EoAnyValue *int_value(struct eo_attribute_list *list, int64_t number, size_t *cost)
{
	EoAnyValue *any = new_any(list, EO_ANY(INT));

	*cost += NUMBER_BYTES;
	if (any)
		any->int_value = number;
	return any;
}

static EoKeyValue *new_pair(struct eo_attribute_list *list, const char *key, EoAnyValue *value)
{
	EoKeyValue *pair = value ? take(list, sizeof(*pair)) : NULL;

	if (pair) {
		*pair = (EoKeyValue)OPENTELEMETRY__PROTO__COMMON__V1__KEY_VALUE__INIT;
		pair->key = (char *)key; /* protobuf-c only reads it */
		pair->value = value;
	}
	return pair;
}

static void append(struct eo_attribute_list *list, const char *key, EoAnyValue *value, size_t cost)
{
	EoKeyValue *pair;

	cost += PAIR_BYTES + strlen(key);
	if (list->bytes + cost > EO_OTLP_RECORD_BYTES) {
		list->dropped++;
		return;
	}
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? 2 * list->capacity : 16;
		EoKeyValue **items = take(list, capacity * sizeof(EoKeyValue *));

		if (!items)
			return;
		if (list->count)
			memcpy(items, list->items, list->count * sizeof(EoKeyValue *));
		list->items = items;
		list->capacity = capacity;
	}
	pair = new_pair(list, key, value);
	if (!pair)
		return;
	list->items[list->count++] = pair;
	list->bytes += cost;
}

void eo_attribute_list_string(struct eo_attribute_list *list, const char *key, const char *text)
{
	size_t cost = 0;
	EoAnyValue *value = text_value(list, text, &cost);

	append(list, key, value, cost);
}

void eo_attribute_list_int(struct eo_attribute_list *list, const char *key, int64_t number)
{
	size_t cost = 0;
	EoAnyValue *value = int_value(list, number, &cost);

	append(list, key, value, cost);
}

void eo_attribute_list_add(struct eo_attribute_list *list, const struct eo_attribute *attribute)
{
	if (attribute->str)
		eo_attribute_list_string(list, attribute->key, attribute->str);
	else
		eo_attribute_list_int(list, attribute->key, attribute->num);
}

static EoAnyValue *any_of(struct eo_attribute_list *list, const struct eo_attr *value,
			  size_t *cost);

static size_t inside(const struct eo_attr *value)
{
	return value->type == EO_ATTR_OBJECT || value->type == EO_ATTR_ARRAY ? value->count : 0;
}

static EoAnyValue *map_of(struct eo_attribute_list *list, const struct eo_attr *object,
			  size_t *cost)
{
	EoAnyValue *any = new_any(list, EO_ANY(KVLIST));
	EoKeyValueList *map = take(list, sizeof(*map));
	/* As many as there can be: what is nested further in is counted too. */
	EoKeyValue **pairs = take(list, (object->count + 1) * sizeof(EoKeyValue *));

	*cost += LIST_BYTES;
	if (!any || !map || !pairs)
		return NULL;
	*map = (EoKeyValueList)OPENTELEMETRY__PROTO__COMMON__V1__KEY_VALUE_LIST__INIT;
	map->values = pairs;
	any->kvlist_value = map;
	for (const struct eo_attr *m = object + 1; m <= object + object->count;
	     m += 1 + inside(m)) {
		char *key = eo_otlp_text(list, m->key, cost);
		EoKeyValue *pair = key ? new_pair(list, key, any_of(list, m, cost)) : NULL;

		*cost += PAIR_BYTES;
		if (!pair)
			return NULL;
		pairs[map->n_values++] = pair;
	}
	return any;
}

static EoAnyValue *array_of(struct eo_attribute_list *list, const struct eo_attr *array,
			    size_t *cost)
{
	EoAnyValue *any = new_any(list, EO_ANY(ARRAY));
	EoArrayValue *elements = take(list, sizeof(*elements));
	EoAnyValue **values = take(list, (array->count + 1) * sizeof(EoAnyValue *));

	*cost += LIST_BYTES;
	if (!any || !elements || !values)
		return NULL;
	*elements = (EoArrayValue)OPENTELEMETRY__PROTO__COMMON__V1__ARRAY_VALUE__INIT;
	elements->values = values;
	any->array_value = elements;
	for (const struct eo_attr *e = array + 1; e <= array + array->count; e += 1 + inside(e)) {
		EoAnyValue *value = any_of(list, e, cost);

		if (!value)
			return NULL;
		values[elements->n_values++] = value;
	}
	return any;
}

static bool is_exact(const struct eo_attr *value)
{
	uint64_t size = value->unum;

	if (value->type == EO_ATTR_INT && value->num < 0)
		size = -size;
	return size < EO_JSONL_EXACT_LIMIT;
}

static EoAnyValue *any_of(struct eo_attribute_list *list, const struct eo_attr *value,
			  size_t *cost)
{
	EoAnyValue *any = NULL;
	char text[32];

	switch (value->type) {
	case EO_ATTR_STRING:
		return text_value(list, value->str, cost);
	case EO_ATTR_INT:
	case EO_ATTR_UINT:
		/* As JSON lines have it, where readers cannot always know that it was a number:
		 * the same events give the same OTLP, whichever way they take. */
		if (is_exact(value))
			return int_value(list, value->num, cost);
		eo_jsonl_value(value, text, sizeof(text));
		text[strlen(text) - 1] = '\0'; /* the quotes */
		return text_value(list, text + 1, cost);
	case EO_ATTR_HEX:
		snprintf(text, sizeof(text), "0x%" PRIx64, value->unum);
		return text_value(list, text, cost);
	case EO_ATTR_BOOL:
		any = new_any(list, EO_ANY(BOOL));
		if (any)
			any->bool_value = value->num != 0;
		*cost += NUMBER_BYTES;
		return any;
	case EO_ATTR_REAL:
		any = new_any(list, EO_ANY(DOUBLE));
		if (any)
			any->double_value = value->real;
		*cost += NUMBER_BYTES;
		return any;
	case EO_ATTR_OBJECT:
		return map_of(list, value, cost);
	case EO_ATTR_ARRAY:
		return array_of(list, value, cost);
	}
	return NULL;
}

void eo_attribute_list_value(struct eo_attribute_list *list, const char *key,
			      const struct eo_attr *value)
{
	size_t cost = 0;
	EoAnyValue *any = any_of(list, value, &cost);

	if (!key)
		key = eo_otlp_text(list, value->key, &cost);
	if (key)
		append(list, key, any, cost);
}
