/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/redaction.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/array.h"

#define PROGRAMS_MAX 4 /* paths of programs in one event */

enum hiding {
	HIDE_NOTHING,
	HIDE_ALL,     /* the text, or those in an array */
	HIDE_FOLDER,  /* of a program */
	HIDE_COMMAND, /* an array: a program and its arguments */
};

/* What a text of these keys is, wherever in an event it stands. */
static const struct {
	const char *key;
	enum hiding hiding;
	bool of_start; /* in these records alone: words of our own command line */
} hidden[] = {
	{"path", HIDE_ALL, false},
	{"exe", HIDE_FOLDER, false},
	{"process.executable.path", HIDE_FOLDER, false},
	{"command", HIDE_COMMAND, false},
	{"output", HIDE_ALL, true},
	{"stats", HIDE_ALL, true},
	{"library", HIDE_ALL, true},
	{"cgroup", HIDE_ALL, true},
};

struct eo_redaction {
	struct eo_event event;
	struct eo_attr *attrs;
	size_t room;
	char programs[PROGRAMS_MAX][sizeof(EO_REDACTED "/") + NAME_MAX];
	size_t program_count;
};

int eo_redaction_new(struct eo_redaction **ret)
{
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

void eo_redaction_free(struct eo_redaction *redaction)
{
	if (redaction)
		free(redaction->attrs);
	free(redaction);
}

static enum hiding find_hiding(const struct eo_event *event, const struct eo_attr *attr)
{
	for (size_t i = 0; i < EO_ARRAY_SIZE(hidden); i++)
		if (attr->key && !strcmp(attr->key, hidden[i].key) &&
		    (!hidden[i].of_start || event->type == EO_EVENT_START))
			return hidden[i].hiding;
	return HIDE_NOTHING;
}

static const char *without_folder(struct eo_redaction *redaction, const char *path)
{
	const char *slash = strrchr(path, '/');
	char *text;

	if (!slash)
		return path;
	if (redaction->program_count == PROGRAMS_MAX)
		return EO_REDACTED;
	text = redaction->programs[redaction->program_count++];
	snprintf(text, sizeof(redaction->programs[0]), EO_REDACTED "%s", slash);
	return text;
}

static void hide(struct eo_redaction *redaction, struct eo_attr *attr, enum hiding hiding)
{
	if (attr->type == EO_ATTR_STRING)
		attr->str = hiding == HIDE_ALL ? EO_REDACTED : without_folder(redaction, attr->str);
}

const struct eo_event *eo_redaction_apply(struct eo_redaction *redaction, const struct eo_event *event)
{
	bool any = false;

	for (size_t i = 0; i < event->data_count && !any; i++)
		any = find_hiding(event, &event->data[i]) != HIDE_NOTHING;
	if (!any)
		return event;
	if (!EO_ARRAY_RESERVE(redaction->attrs, event->data_count, redaction->room, 64))
		return NULL;
	memcpy(redaction->attrs, event->data, event->data_count * sizeof(*redaction->attrs));
	redaction->program_count = 0;
	for (size_t i = 0; i < event->data_count; i++) {
		struct eo_attr *attr = &redaction->attrs[i];
		enum hiding hiding = find_hiding(event, attr);

		if (hiding == HIDE_NOTHING)
			continue;
		if (attr->type != EO_ATTR_ARRAY) {
			hide(redaction, attr, hiding);
			continue;
		}
		for (uint32_t j = 1; j <= attr->count && i + j < event->data_count; j++)
			hide(redaction, attr + j,
			     hiding == HIDE_COMMAND && j == 1 ? HIDE_FOLDER : HIDE_ALL);
		i += attr->count;
	}
	redaction->event = *event;
	redaction->event.data = redaction->attrs;
	return &redaction->event;
}
