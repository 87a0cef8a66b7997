/* SPDX-License-Identifier: BSD-2-Clause */
#include "syscall/text.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/auto.h"
#include "core/clock.h"
#include "core/text.h"
#include "format/jsonl.h"
#include "syscall/tables.h"

/* An argument of the event, and what the tables know of it. */
struct shown {
	const struct eo_attr *attr;
	const struct eo_call_arg *arg; /* NULL: nothing */
	const char *suffix;	       /* of its key, behind the argument's name */
};

/* --- values --- */

/* Escaped as in JSON, which is nearly C. */
static void put_string(struct eo_text *line, const char *text, bool quotes)
{
	const struct eo_attr attr = { .type = EO_ATTR_STRING, .str = text };
	/* Nothing is longer than a path in which every byte is escaped. */
	char quoted[4096 * 6 + 3];
	size_t size = eo_jsonl_value(&attr, quoted, sizeof(quoted));

	if (size >= sizeof(quoted))
		size = sizeof(quoted) - 1;
	if (quotes)
		eo_text_bytes(line, quoted, size);
	else if (size > 2)
		eo_text_bytes(line, quoted + 1, size - 2);
}

static int digit_of(char digit)
{
	return digit >= '0' && digit <= '9' ? digit - '0' :
	       digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 :
					      -1;
}

/* "7f454c46" as "\177ELF": digits of eight cannot swallow what follows. Something else as it is. */
static void put_hex_bytes(struct eo_text *line, const char *digits)
{
	size_t len = strlen(digits);

	if (len % 2 || strspn(digits, "0123456789abcdef") != len) {
		put_string(line, digits, true);
		return;
	}
	eo_text_string(line, "\"");
	for (; *digits; digits += 2) {
		int byte = digit_of(digits[0]) << 4 | digit_of(digits[1]);

		if (byte < ' ' || byte >= 0x7f)
			eo_text_format(line, "\\%03o", (unsigned int)byte);
		else if (byte == '"' || byte == '\\')
			eo_text_format(line, "\\%c", byte);
		else
			eo_text_format(line, "%c", byte);
	}
	eo_text_string(line, "\"");
}

/* Names of numbers are not put into quotes. */
static bool is_symbol(const char *text)
{
	size_t len = strlen(text);

	return len && strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789|xabcdef") == len &&
	       !(*text >= 'a' && *text <= 'z');
}

/* Members of objects that are somebody's own words. */
static bool is_quoted_member(const struct eo_attr *attr)
{
	static const char *const keys[] = { "path", "sysname", "nodename", "release", "version",
					    "machine" };

	for (size_t i = 0; i < EO_ARRAY_SIZE(keys); i++)
		if (!strcmp(attr->key, keys[i]))
			return true;
	return false;
}

static void put_value(struct eo_text *line, const struct eo_attr *attr, bool quotes);

static void put_members(struct eo_text *line, const struct eo_attr *attr, bool quotes)
{
	bool is_object = attr->type == EO_ATTR_OBJECT;

	eo_text_string(line, is_object ? "{" : "[");
	for (uint32_t i = 0; i < attr->count; i++) {
		const struct eo_attr *member = &attr[1 + i];

		if (i)
			eo_text_string(line, ", ");
		if (is_object) {
			put_string(line, member->key, false);
			eo_text_string(line, "=");
		}
		put_value(line, member, is_object ? is_quoted_member(member) : quotes);
		if (member->type == EO_ATTR_OBJECT || member->type == EO_ATTR_ARRAY)
			i += member->count;
	}
	eo_text_string(line, is_object ? "}" : "]");
}

static void put_value(struct eo_text *line, const struct eo_attr *attr, bool quotes)
{
	switch (attr->type) {
	case EO_ATTR_STRING:
		put_string(line, attr->str, quotes);
		break;
	case EO_ATTR_INT:
		eo_text_format(line, "%" PRId64, attr->num);
		break;
	case EO_ATTR_UINT:
		if (attr->unum == UINT64_MAX)
			eo_text_string(line, "RLIM64_INFINITY");
		else
			eo_text_format(line, "%" PRIu64, attr->unum);
		break;
	case EO_ATTR_HEX:
		eo_text_format(line, "0x%" PRIx64, attr->unum);
		break;
	case EO_ATTR_BOOL:
		eo_text_string(line, attr->num ? "true" : "false");
		break;
	case EO_ATTR_OBJECT:
	case EO_ATTR_ARRAY:
		put_members(line, attr, quotes);
		break;
	case EO_ATTR_REAL:
		eo_text_format(line, "%g", attr->real);
		break;
	}
}

static void put_time(struct eo_text *line, const struct shown *shown)
{
	bool is_micro = shown->arg->kind == EO_ARG_TIMEVAL;
	int64_t ns = shown->attr->num, sec = ns / (int64_t)EO_NS_PER_SEC;

	ns %= (int64_t)EO_NS_PER_SEC;
	if (ns < 0) {
		ns += (int64_t)EO_NS_PER_SEC;
		sec--;
	}
	eo_text_format(line, is_micro ? "{tv_sec=%" PRId64 ", tv_usec=%" PRId64 "}" :
				    "{tv_sec=%" PRId64 ", tv_nsec=%" PRId64 "}",
		   sec, is_micro ? ns / 1000 : ns);
}

/* --- arguments --- */

static bool is_number(const struct eo_attr *attr)
{
	return attr->type == EO_ATTR_INT || attr->type == EO_ATTR_UINT;
}

static bool is_own_words(const struct shown *shown)
{
	if (!shown->arg)
		return shown->attr->type != EO_ATTR_STRING || !is_symbol(shown->attr->str);
	switch (shown->arg->kind) {
	case EO_ARG_PATH:
	case EO_ARG_TARGET:
	case EO_ARG_STR:
	case EO_ARG_TEXT:
	case EO_ARG_BYTES:
	case EO_ARG_ARGV:
		return true;
	default:
		return false;
	}
}

/* From a file, addresses come as text. */
static bool is_zero(const struct eo_attr *attr)
{
	return attr->type == EO_ATTR_HEX ? !attr->unum :
					   attr->type == EO_ATTR_STRING && !strcmp(attr->str, "0x0");
}

static void put_arg(struct eo_text *line, const struct shown *shown)
{
	const struct eo_attr *attr = shown->attr;
	unsigned int kind = shown->arg ? shown->arg->kind : EO_ARG_HEX;
	bool is_address = !strcmp(shown->suffix, "_ptr") || kind == EO_ARG_PTR;

	if ((is_address || kind == EO_ARG_HEX) && is_zero(attr))
		eo_text_string(line, is_address ? "NULL" : "0");
	else if (is_address)
		put_value(line, attr, false);
	else if (!strcmp(shown->suffix, "_hex") && attr->type == EO_ATTR_STRING)
		put_hex_bytes(line, attr->str);
	else if (!strcmp(shown->suffix, "_ns") && is_number(attr))
		put_time(line, shown);
	else if (kind == EO_ARG_DFD && is_number(attr) && attr->num == AT_FDCWD)
		eo_text_string(line, "AT_FDCWD");
	else
		put_value(line, attr, is_own_words(shown));
}

/* The argument whose name @key begins with, followed by nothing or by a suffix of ours. */
static struct shown find_arg(const struct eo_call *call, const struct eo_attr *attr)
{
	static const char *const suffixes[] = { "_ptr", "_ns", "_hex", "_cut", "_late", "_path" };
	struct shown shown = { .attr = attr, .suffix = "" };

	for (unsigned int i = 0; call && i < call->arg_count; i++)
		if (!strcmp(attr->key, call->args[i].name)) {
			shown.arg = &call->args[i];
			return shown;
		}
	for (unsigned int i = 0; call && i < call->arg_count; i++) {
		size_t len = strlen(call->args[i].name);

		if (strncmp(attr->key, call->args[i].name, len))
			continue;
		for (size_t s = 0; s < EO_ARRAY_SIZE(suffixes); s++)
			if (!strcmp(attr->key + len, suffixes[s])) {
				shown.arg = &call->args[i];
				shown.suffix = suffixes[s];
				return shown;
			}
	}
	return shown;
}

static bool is_fd(const struct eo_call_arg *arg)
{
	return arg->kind == EO_ARG_FD || arg->kind == EO_ARG_DFD;
}

static bool has_own_path(const struct eo_attr *args, const char *name)
{
	size_t len = strlen(name);

	for (uint32_t i = 0; i < args->count; i++)
		if (!strncmp(args[1 + i].key, name, len) && !strcmp(args[1 + i].key + len, "_path"))
			return true;
	return false;
}

/* The event's path is that of a descriptor where no argument names one. */
static const struct eo_call_arg *fd_of_path(const struct eo_call *call, const struct eo_attr *args)
{
	const struct eo_call_arg *first = NULL;

	for (unsigned int i = 0; call && i < call->arg_count; i++) {
		if (call->args[i].kind == EO_ARG_PATH)
			return NULL;
		if (!first && is_fd(&call->args[i]) && !has_own_path(args, call->args[i].name))
			first = &call->args[i];
	}
	return first;
}

static void put_path(struct eo_text *line, const char *path)
{
	eo_text_string(line, "<");
	put_string(line, path, false);
	eo_text_string(line, ">");
}

static void put_args(struct eo_text *line, const struct eo_event *event, const struct eo_call *call)
{
	const struct eo_attr *args = eo_event_data(event, "args");
	const struct eo_attr *path = eo_event_data(event, "path");
	const struct eo_call_arg *path_fd = NULL;
	bool is_first = true;

	if (!args || args->type != EO_ATTR_OBJECT)
		return;
	if (path && path->type == EO_ATTR_STRING)
		path_fd = fd_of_path(call, args);
	for (uint32_t i = 0; i < args->count; i++) {
		struct shown shown = find_arg(call, &args[1 + i]);

		if (shown.attr->type == EO_ATTR_OBJECT || shown.attr->type == EO_ATTR_ARRAY)
			i += shown.attr->count;
		if (!strcmp(shown.suffix, "_cut")) {
			eo_text_string(line, "...");
			continue;
		}
		if (!strcmp(shown.suffix, "_late")) {
			eo_text_string(line, " /* read late */");
			continue;
		}
		if (!strcmp(shown.suffix, "_path") && shown.attr->type == EO_ATTR_STRING) {
			put_path(line, shown.attr->str);
			continue;
		}
		if (!is_first)
			eo_text_string(line, ", ");
		is_first = false;
		put_arg(line, &shown);
		if (path_fd && shown.arg == path_fd && !*shown.suffix) {
			put_path(line, path->str);
			path_fd = NULL;
		}
	}
}

/* --- the line --- */

/* A file may be from another machine, which its ABIs and its calls tell. */
static const struct eo_call *find_call(const char *name, const char *abi_name)
{
	static const enum eo_machine machines[] = {
		EO_MACHINE_HERE,
		EO_MACHINE_HERE == EO_MACHINE_X86 ? EO_MACHINE_ARM : EO_MACHINE_X86,
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(machines); i++) {
		int abi = eo_syscall_abi_find(machines[i], abi_name);
		int nr = abi < 0 ? -1 : eo_syscall_find_on(machines[i], (unsigned int)abi, name);

		if (nr >= 0)
			return eo_call_of(machines[i], (unsigned int)abi, (uint32_t)nr);
	}
	return NULL;
}

static void put_result(struct eo_text *line, const struct eo_event *event)
{
	const struct eo_attr *ret = eo_event_data(event, "ret");
	const struct eo_attr *address = eo_event_data(event, "ret_address");
	const char *error = eo_event_text(event, "error", NULL);
	const char *words;

	eo_text_string(line, " = ");
	if (eo_event_data(event, "interrupted")) {
		const char *restart = ret && is_number(ret) && ret->num < 0 && ret->num >= -4095 ?
					      eo_errno_name((unsigned int)-ret->num) :
					      NULL;

		eo_text_string(line, "? ");
		eo_text_string(line, restart ? restart : "ERESTART");
	} else if (error) {
		words = strerrordesc_np((int)eo_errno_find(error));
		eo_text_string(line, "-1 ");
		put_string(line, error, false);
		if (eo_errno_find(error) && words)
			eo_text_format(line, " (%s)", words);
	} else if (address || ret) {
		put_value(line, address ? address : ret, false);
	} else {
		eo_text_string(line, "?");
	}
}

size_t eo_syscall_text(const struct eo_event *event, char *to, size_t size)
{
	const struct eo_attr *duration = eo_event_data(event, "duration_ns");
	const char *name = eo_event_text(event, "name", NULL), *abi = eo_event_text(event, "abi", NULL);
	struct eo_text line = { .to = to, .size = size };

	if (abi) {
		eo_text_string(&line, "[");
		put_string(&line, abi, false);
		eo_text_string(&line, "] ");
	}
	put_string(&line, name ? name : "?", false);
	eo_text_string(&line, "(");
	put_args(&line, event, name ? find_call(name, abi) : NULL);
	eo_text_string(&line, ")");
	put_result(&line, event);
	if (duration && is_number(duration) && duration->num >= 0)
		eo_text_format(&line, " <%.6f>", (double)duration->unum / EO_NS_PER_SEC);
	return line.length;
}
