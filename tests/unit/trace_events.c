/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace_events.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/tracer_class.h"

struct named {
	struct eo_tracer base;
	struct eo_tracer_class class;
};

static void free_named(struct eo_tracer *tracer)
{
	free(tracer);
}

struct eo_tracer *trace_events_tracer(const char *name)
{
	struct named *tracer = calloc(1, sizeof(*tracer));

	cr_assert_not_null(tracer);
	tracer->class = (struct eo_tracer_class){.name = name, .free = free_named};
	tracer->base.class = &tracer->class;
	eo_tracer_add_hook(&tracer->base, "entry", "made");
	return &tracer->base;
}

const struct eo_event *trace_events_call(uint32_t pid, uint64_t ktime_ns, unsigned int number)
{
	static struct eo_attr data[8];
	static struct eo_event event;

	data[0] = (struct eo_attr){.key = "name", .type = EO_ATTR_STRING, .str = "openat"};
	data[1] = (struct eo_attr){.key = "nr", .type = EO_ATTR_UINT, .unum = 257};
	data[2] = (struct eo_attr){.key = "args", .type = EO_ATTR_OBJECT, .count = 1};
	data[3] = (struct eo_attr){.key = "dfd", .type = EO_ATTR_INT, .num = number};
	data[4] = (struct eo_attr){.key = "ret", .type = EO_ATTR_INT, .num = -2};
	data[5] = (struct eo_attr){.key = "error", .type = EO_ATTR_STRING, .str = "ENOENT"};
	data[6] = (struct eo_attr){.key = "duration_ns", .type = EO_ATTR_UINT,
				   .unum = 1000 + number};
	event = (struct eo_event){
		.type = EO_EVENT_SYSCALL,
		.ktime_ns = ktime_ns,
		.pid = pid,
		.tid = pid,
		.comm = "made",
		.data = data,
		.data_count = 7,
	};
	return &event;
}

json_t *trace_events_read(const char *path)
{
	FILE *in = fopen(path, "r");
	json_t *lines = json_array();
	char *line = NULL;
	size_t size = 0;
	ssize_t length;

	cr_assert_not_null(in, "%s", path);
	while ((length = getline(&line, &size, in)) > 0) {
		json_t *value = json_loadb(line, (size_t)length, JSON_REJECT_DUPLICATES, NULL);

		cr_assert_not_null(value, "no JSON: %s", line);
		cr_assert_eq(line[length - 1], '\n');
		json_array_append_new(lines, value);
	}
	free(line);
	fclose(in);
	return lines;
}

static bool is_of(const json_t *line, const char *type)
{
	const char *name = json_string_value(json_object_get(line, "event_type"));

	return name && !strcmp(name, type);
}

size_t trace_events_count(const json_t *lines, const char *type)
{
	size_t count = 0;

	for (size_t i = 0; i < json_array_size(lines); i++)
		count += is_of(json_array_get(lines, i), type);
	return count;
}

const json_t *trace_events_first(const json_t *lines, const char *type)
{
	for (size_t i = 0; i < json_array_size(lines); i++)
		if (is_of(json_array_get(lines, i), type))
			return json_array_get(lines, i);
	return NULL;
}
