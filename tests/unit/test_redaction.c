// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>
#include <string.h>

#include "core/auto.h"
#include "export/redaction.h"

#define TEXT(key_, text) {.key = (key_), .type = EO_ATTR_STRING, .str = (text)}
#define INSIDE(key_, kind, size) {.key = (key_), .type = (kind), .count = (size)}

static struct eo_redaction *new_redaction(void)
{
	struct eo_redaction *redaction = NULL;

	cr_assert_eq(eo_redaction_new(&redaction), 0);
	return redaction;
}

static const struct eo_event *redact(struct eo_redaction *redaction, const struct eo_attr *data, size_t count)
{
	static struct eo_event event;

	event = (struct eo_event){.type = EO_EVENT_PROCESS, .pid = 4711, .data = data, .data_count = count};
	return eo_redaction_apply(redaction, &event);
}

Test(redaction, paths_go_programs_keep_their_names_and_the_rest_stays)
{
	const struct eo_attr data[] = {
		TEXT("method", "GET"), TEXT("path", "/secret/cart"), TEXT("exe", "/home/secret/nginx"),
		INSIDE("resource", EO_ATTR_OBJECT, 2),
			TEXT("service.name", "shop"),
			TEXT("process.executable.path", "/home/secret/nginx"),
		TEXT("host", "shop:80"),
	};
	const char *const expected[] = {"GET", "[redacted]", "[redacted]/nginx", NULL, "shop",
					"[redacted]/nginx", "shop:80"};
	EO_AUTO(eo_redaction) redaction = new_redaction();
	const struct eo_event *event;

	event = redact(redaction, data, EO_ARRAY_SIZE(data));
	cr_assert_not_null(event);
	cr_assert_eq(event->data_count, EO_ARRAY_SIZE(data));
	cr_expect_eq(event->pid, 4711);
	for (size_t i = 0; i < event->data_count; i++) {
		cr_expect_eq(event->data[i].key, data[i].key);
		if (expected[i])
			cr_expect_str_eq(event->data[i].str, expected[i]);
	}
	cr_expect_eq(event->data[3].count, 2);
	cr_expect_str_eq(data[1].str, "/secret/cart", "what was given is untouched");
}

Test(redaction, of_a_command_the_program_alone_is_told)
{
	const struct eo_attr data[] = {
		INSIDE("command", EO_ATTR_ARRAY, 3), TEXT("", "/opt/secret/job"), TEXT("", "--password=secret"),
		TEXT("", "x"), TEXT("tracer", "syscall"),
	};
	const char *const expected[] = {NULL, "[redacted]/job", "[redacted]", "[redacted]", "syscall"};
	EO_AUTO(eo_redaction) redaction = new_redaction();
	const struct eo_event *event;

	event = redact(redaction, data, EO_ARRAY_SIZE(data));
	for (size_t i = 1; i < EO_ARRAY_SIZE(data); i++)
		cr_expect_str_eq(event->data[i].str, expected[i]);
}

Test(redaction, of_our_own_options_files_are_hidden)
{
	const struct eo_attr data[] = {
		INSIDE("config", EO_ATTR_OBJECT, 8),
			INSIDE("cgroup", EO_ATTR_ARRAY, 2), TEXT("", "/secret"), TEXT("", "/secret/b"),
			INSIDE("library", EO_ATTR_ARRAY, 1), TEXT("", "/opt/secret/alloc.so"),
			TEXT("stats", "secret.json"), TEXT("format", "jsonl"), TEXT("output", "/secret/out"),
	};
	const char *const expected[] = {NULL, NULL, "[redacted]", "[redacted]", NULL, "[redacted]",
					"[redacted]", "jsonl", "[redacted]"};
	struct eo_event start = {.type = EO_EVENT_START, .data = data, .data_count = EO_ARRAY_SIZE(data)};
	EO_AUTO(eo_redaction) redaction = new_redaction();
	const struct eo_event *event = eo_redaction_apply(redaction, &start);

	cr_assert_eq(event->data_count, EO_ARRAY_SIZE(data));
	for (size_t i = 0; i < EO_ARRAY_SIZE(data); i++)
		if (expected[i])
			cr_expect_str_eq(event->data[i].str, expected[i]);
	cr_expect_eq(redact(redaction, data, EO_ARRAY_SIZE(data))->data, data,
		     "in other records these keys are something else");
}

Test(redaction, what_hides_nothing_is_not_copied)
{
	const struct eo_attr data[] = {
		TEXT("name", "openat"), {.key = "path", .type = EO_ATTR_UINT, .unum = 7}, TEXT("error", "ENOENT"),
	};
	EO_AUTO(eo_redaction) redaction = new_redaction();
	const struct eo_event *event;

	event = redact(redaction, data, 1);
	cr_expect_eq(event->data, data);
	event = redact(redaction, data, EO_ARRAY_SIZE(data));
	cr_expect_eq(event->data[1].unum, 7, "a number is no path");
	eo_redaction_free(NULL);
}

Test(redaction, more_programs_than_an_event_has_are_hidden_whole)
{
	struct eo_attr data[9];
	EO_AUTO(eo_redaction) redaction = new_redaction();
	const struct eo_event *event;
	char longest[600];

	for (size_t i = 0; i < EO_ARRAY_SIZE(data); i++)
		data[i] = (struct eo_attr)TEXT("exe", "/secret/a");
	memset(longest, 'x', sizeof(longest) - 1);
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	data[0].str = longest;
	event = redact(redaction, data, EO_ARRAY_SIZE(data));
	cr_expect_eq(strncmp(event->data[0].str, "[redacted]/xxx", 14), 0);
	cr_expect_str_eq(event->data[1].str, "[redacted]/a");
	for (size_t i = 4; i < EO_ARRAY_SIZE(data); i++)
		cr_expect_str_eq(event->data[i].str, "[redacted]");
}
