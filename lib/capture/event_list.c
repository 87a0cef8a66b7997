// SPDX-License-Identifier: BSD-2-Clause
#include "capture/event_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/array.h"

/* An event, its attributes and all texts lie in one block each. */
struct eo_event_list {
	struct eo_event **events;
	size_t count, capacity;
};

struct eo_event_list *eo_event_list_new(void)
{
	return calloc(1, sizeof(struct eo_event_list));
}

void eo_event_list_free(struct eo_event_list *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->count; i++)
		free(list->events[i]);
	free(list->events);
	free(list);
}

static size_t text_bytes(const struct eo_attr *attr)
{
	size_t bytes = attr->key ? strlen(attr->key) + 1 : 0;

	return bytes + (attr->type == EO_ATTR_STRING ? strlen(attr->str) + 1 : 0);
}

static const char *keep_text(char **room, const char *text)
{
	char *copy = *room;

	*room = stpcpy(copy, text) + 1;
	return copy;
}

static struct eo_event *copy_event(const struct eo_event *event)
{
	size_t attr_bytes = event->data_count * sizeof(*event->data), bytes = sizeof(*event) + attr_bytes;
	struct eo_event *copy;
	struct eo_attr *attrs;
	char *room;

	for (size_t i = 0; i < event->data_count; i++)
		bytes += text_bytes(&event->data[i]);
	copy = malloc(bytes);
	if (!copy)
		return NULL;
	attrs = (struct eo_attr *)(copy + 1);
	room = (char *)attrs + attr_bytes;
	*copy = *event;
	copy->data = attrs;
	for (size_t i = 0; i < event->data_count; i++) {
		attrs[i] = event->data[i];
		if (attrs[i].key)
			attrs[i].key = keep_text(&room, attrs[i].key);
		if (attrs[i].type == EO_ATTR_STRING)
			attrs[i].str = keep_text(&room, attrs[i].str);
	}
	return copy;
}

int eo_event_list_add(struct eo_event_list *list, const struct eo_event *event)
{
	if (!EO_ARRAY_RESERVE(list->events, list->count + 1, list->capacity, 64))
		return -ENOMEM;
	list->events[list->count] = copy_event(event);
	if (!list->events[list->count])
		return -ENOMEM;
	list->count++;
	return 0;
}

size_t eo_event_list_count(const struct eo_event_list *list)
{
	return list->count;
}

const struct eo_event *eo_event_list_get(const struct eo_event_list *list, size_t index)
{
	return index < list->count ? list->events[index] : NULL;
}
