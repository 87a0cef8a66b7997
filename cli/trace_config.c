/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace_config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LIST_MAX  32
#define ATTRS_MAX EO_TRACE_CONFIG_MAX

static bool set_scalar(struct eo_attr *attr, const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_STRING:
		attr->type = EO_ATTR_STRING;
		attr->str = json_string_value(value);
		return true;
	case JSON_INTEGER:
		attr->type = EO_ATTR_INT;
		attr->num = json_integer_value(value);
		return true;
	case JSON_REAL:
		attr->type = EO_ATTR_REAL;
		attr->real = json_real_value(value);
		return true;
	case JSON_TRUE:
	case JSON_FALSE:
		attr->type = EO_ATTR_BOOL;
		attr->num = json_is_true(value);
		return true;
	default:
		return false;
	}
}

/* Scalars and lists of them; what does not fit is left out as a whole. */
static void add(struct trace_config *config, const char *key, const json_t *value)
{
	struct eo_attr *attr = &config->attrs[config->count];
	size_t inside = json_is_array(value) ? json_array_size(value) : 0;

	if (inside > LIST_MAX || config->count + 1 + inside > ATTRS_MAX)
		return;
	*attr = (struct eo_attr){.key = key, .type = EO_ATTR_ARRAY, .count = (uint32_t)inside};
	if (!json_is_array(value)) {
		config->count += set_scalar(attr, value);
		return;
	}
	for (size_t i = 0; i < inside; i++) {
		attr[1 + i] = (struct eo_attr){.key = NULL};
		if (!set_scalar(&attr[1 + i], json_array_get(value, i)))
			return;
	}
	config->count += 1 + inside;
}

int trace_config_init(struct trace_config *config, json_t *object)
{
	size_t bytes = 0;
	const char *key;
	json_t *value;
	char *at;

	*config = (struct trace_config){.attrs = calloc(ATTRS_MAX, sizeof(*config->attrs))};
	json_object_foreach(object, key, value)
		bytes += strlen(key) + 1;
	config->texts = at = malloc(bytes + 1);
	if (!config->attrs || !config->texts) {
		trace_config_fini(config);
		return -ENOMEM;
	}
	json_object_foreach(object, key, value) {
		char *name = at;

		at = stpcpy(at, key) + 1;
		for (char *c = name; *c; c++)
			if (*c == '-')
				*c = '_';
		add(config, name, value);
	}
	return 0;
}

void trace_config_fini(struct trace_config *config)
{
	free(config->attrs);
	free(config->texts);
	*config = (struct trace_config){.attrs = NULL};
}
