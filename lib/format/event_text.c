/* SPDX-License-Identifier: BSD-2-Clause */
#include "format/event_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/auto.h"
#include "core/clock.h"
#include "core/text.h"
#include "format/quantity.h"
#include "syscall/text.h"

#define OWNER_WIDTH 24

#define RED   "\033[31m"
#define BOLD  "\033[1m"
#define FAINT "\033[2m"
#define PLAIN "\033[0m"

struct line {
	struct eo_text text;
	bool color;
};

static void put_color(struct line *line, const char *escape)
{
	if (line->color)
		eo_text_string(&line->text, escape);
}

/* --- values --- */

static size_t ends_with(const char *key, const char *ending)
{
	size_t len = strlen(key), ending_len = strlen(ending);

	return len > ending_len && !strcmp(key + len - ending_len, ending);
}

static bool is_bytes(const char *key)
{
	return ends_with(key, "_bytes") || !strcmp(key, "total_allocated") ||
	       !strcmp(key, "total_freed");
}

/* {"address":…,"port":…}: the address as it stands in a URL. */
static bool put_endpoint(struct line *line, const struct eo_attr *attr)
{
	const struct eo_attr *address = eo_attr_member(attr, "address");
	const struct eo_attr *port = eo_attr_member(attr, "port");
	bool is_v6 = address && strchr(address->str, ':');
	char text[80];

	if (!address || !port || attr->count != 2 || address->type != EO_ATTR_STRING ||
	    port->type != EO_ATTR_UINT)
		return false;
	snprintf(text, sizeof(text), is_v6 ? "[%.60s]:%" PRIu64 : "%.60s:%" PRIu64, address->str,
		 port->unum);
	eo_text_string(&line->text, text);
	return true;
}

static void put_json(struct line *line, const struct eo_attr *attr)
{
	char text[4096];
	size_t length = eo_jsonl_value(attr, text, sizeof(text));
	bool is_text = (attr->type == EO_ATTR_STRING || attr->type == EO_ATTR_HEX) &&
		       length < sizeof(text) && length > 2;

	/* Quotes only where something would be taken for something else. */
	for (size_t i = 1; is_text && i + 1 < length; i++)
		is_text = text[i] > ' ' && !strchr("\\\"=", text[i]);
	if (is_text)
		eo_text_bytes(&line->text, text + 1, length - 2);
	else
		eo_text_string(&line->text, text);
}

static void put_value(struct line *line, const struct eo_attr *attr)
{
	if (attr->type == EO_ATTR_UINT && attr->key && ends_with(attr->key, "_ns"))
		eo_text_string(&line->text, eo_quantity_time_us((double)attr->unum / 1e3).s);
	else if (attr->type == EO_ATTR_UINT && attr->key && is_bytes(attr->key))
		eo_text_string(&line->text, eo_quantity_bytes(attr->unum).s);
	else if (attr->type != EO_ATTR_OBJECT || !put_endpoint(line, attr))
		put_json(line, attr);
}

size_t eo_event_text_value(const struct eo_attr *attr, char *to, size_t size)
{
	struct line line = {.text = {.to = to, .size = size - 1}};

	put_value(&line, attr);
	to[line.text.length < size ? line.text.length : size - 1] = '\0';
	return line.text.length;
}

/* --- lines --- */

static void put_time(struct line *line, struct eo_event_text *text, uint64_t wall_ns)
{
	time_t second = (time_t)(wall_ns / EO_NS_PER_SEC);
	char micros[16];
	struct tm tm;

	if (!text->clock[0] || second != text->second) {
		localtime_r(&second, &tm);
		strftime(text->clock, sizeof(text->clock), "%H:%M:%S", &tm);
		text->second = second;
	}
	snprintf(micros, sizeof(micros), ".%06u ",
		 (unsigned int)(wall_ns % EO_NS_PER_SEC / 1000) % 1000000);
	put_color(line, FAINT);
	eo_text_string(&line->text, text->clock);
	eo_text_string(&line->text, micros);
	put_color(line, PLAIN);
}

/* "nginx[4711.4713] ", of the process alone where the thread is its first one. */
static void put_owner(struct line *line, const struct eo_event *event)
{
	char comm[EO_COMM_BYTES + 1] = "", quoted[8 * EO_COMM_BYTES], owner[sizeof(quoted) + 32];
	const struct eo_attr attr = {.type = EO_ATTR_STRING, .str = comm};
	size_t length;

	memcpy(comm, event->comm, EO_COMM_BYTES);
	length = eo_jsonl_value(&attr, quoted, sizeof(quoted));
	if (length >= sizeof(quoted))
		length = sizeof(quoted) - 1;
	quoted[length - 1] = '\0'; /* without its quotes */
	if (!event->pid)
		snprintf(owner, sizeof(owner), "%s", *comm ? quoted + 1 : "-");
	else if (event->tid && event->tid != event->pid)
		snprintf(owner, sizeof(owner), "%s[%" PRIu32 ".%" PRIu32 "]", quoted + 1,
			 event->pid, event->tid);
	else
		snprintf(owner, sizeof(owner), "%s[%" PRIu32 "]", quoted + 1, event->pid);
	eo_text_string(&line->text, owner);
	for (length = strlen(owner); length < OWNER_WIDTH; length++)
		eo_text_string(&line->text, " ");
	eo_text_string(&line->text, " ");
}

static size_t inside(const struct eo_attr *attr)
{
	return attr->type == EO_ATTR_OBJECT || attr->type == EO_ATTR_ARRAY ? attr->count : 0;
}

/* Types whose lines are made elsewhere. */
static const struct {
	enum eo_event_type type;
	size_t (*line)(const struct eo_event *event, char *to, size_t size);
} makers[] = {
	{EO_EVENT_SYSCALL, eo_syscall_text},
};

static bool put_made(struct line *line, const struct eo_event *event)
{
	size_t used = line->text.length < line->text.size ? line->text.length : line->text.size;

	for (size_t i = 0; i < EO_ARRAY_SIZE(makers); i++) {
		if (makers[i].type != event->type)
			continue;
		line->text.length += makers[i].line(event, line->text.to + used, line->text.size - used);
		return true;
	}
	return false;
}

/* "tcp_close local=10.0.0.7:51234 tx_bytes=812 …" */
static void put_data(struct line *line, const struct eo_event *event)
{
	put_color(line, BOLD);
	eo_text_string(&line->text, eo_event_type_name(event->type));
	put_color(line, PLAIN);
	for (size_t i = 0; i < event->data_count; i += 1 + inside(&event->data[i])) {
		const struct eo_attr *attr = &event->data[i];
		bool is_bad = !strcmp(attr->key, "error");

		if (attr->type == EO_ATTR_ARRAY && !strcmp(attr->key, "stack"))
			continue;
		eo_text_string(&line->text, " ");
		eo_text_string(&line->text, attr->key);
		eo_text_string(&line->text, "=");
		if (is_bad)
			put_color(line, RED);
		put_value(line, attr);
		if (is_bad)
			put_color(line, PLAIN);
	}
}

static const struct eo_attr *text_member(const struct eo_attr *frame, const char *key)
{
	const struct eo_attr *attr = eo_attr_member(frame, key);

	return attr && attr->type == EO_ATTR_STRING ? attr : NULL;
}

/* Below its event, a line a frame: "    malloc (libc.so.6)", "    0x1a90 (cat)" where nobody has a
 * name for that place in the file. */
static void put_stack(struct line *line, const struct eo_event *event)
{
	const struct eo_attr *stack = eo_event_data(event, "stack");

	if (!stack || stack->type != EO_ATTR_ARRAY)
		return;
	for (size_t i = 1; i <= stack->count; i += 1 + inside(&stack[i])) {
		const struct eo_attr *function = text_member(&stack[i], "function");
		const struct eo_attr *module = text_member(&stack[i], "module");
		const struct eo_attr *where = function;

		if (!where)
			where = eo_attr_member(&stack[i], "offset");
		if (!where)
			where = eo_attr_member(&stack[i], "address");
		eo_text_string(&line->text, "    ");
		if (where)
			put_json(line, where);
		else
			eo_text_string(&line->text, "?");
		if (module) {
			eo_text_string(&line->text, " (");
			put_json(line, module);
			eo_text_string(&line->text, ")");
		}
		eo_text_string(&line->text, "\n");
	}
}

size_t eo_event_text_stack(const struct eo_event *event, char *to, size_t size)
{
	struct line line = {.text = {.to = to, .size = size}};

	put_stack(&line, event);
	return line.text.length;
}

size_t eo_event_text_line(struct eo_event_text *text, const struct eo_event *event,
			  const struct eo_event_clock *clock, char *to, size_t size)
{
	struct line line = {.text = {.to = to, .size = size}, .color = text->color};

	put_time(&line, text, event->ktime_ns + (uint64_t)clock->wall_offset_ns);
	put_owner(&line, event);
	if (!put_made(&line, event))
		put_data(&line, event);
	eo_text_string(&line.text, "\n");
	put_stack(&line, event);
	return line.text.length;
}
