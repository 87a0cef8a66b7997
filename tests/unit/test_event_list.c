// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "capture/event_list.h"

static struct eo_event event_of(const struct eo_attr *data, size_t count)
{
	return (struct eo_event){
		.type = EO_EVENT_SYSCALL,
		.ktime_ns = 7919,
		.pid = 4711,
		.tid = 4713,
		.ns_pid = 3,
		.comm = "nginx",
		.thread = "worker",
		.data = data,
		.data_count = count,
	};
}

Test(event_list, new_list_is_empty)
{
	EO_AUTO(eo_event_list) list = eo_event_list_new();

	cr_assert_eq(eo_event_list_count(list), 0);
	cr_assert_null(eo_event_list_get(list, 0));
}

Test(event_list, events_outlive_what_they_were_made_of)
{
	EO_AUTO(eo_event_list) list = eo_event_list_new();
	char key[] = "path", path[] = "/etc/hosts", element[] = "-l";
	const struct eo_attr data[] = {
		{.key = key, .type = EO_ATTR_STRING, .str = path},
		{.key = "args", .type = EO_ATTR_OBJECT, .count = 3},
		{.key = "dfd", .type = EO_ATTR_INT, .num = -100},
		{.key = "argv", .type = EO_ATTR_ARRAY, .count = 1},
		{.type = EO_ATTR_STRING, .str = element},
		{.key = "ret", .type = EO_ATTR_HEX, .unum = 0xfffffffffffff000},
	};
	struct eo_event event = event_of(data, EO_ARRAY_SIZE(data));
	const struct eo_event *kept;
	const struct eo_attr *args;

	cr_assert_eq(eo_event_list_add(list, &event), 0);
	memset(key, 'x', sizeof(key) - 1);
	memset(path, 'x', sizeof(path) - 1);
	memset(element, 'x', sizeof(element) - 1);
	memset(&event, 0xff, sizeof(event));

	kept = eo_event_list_get(list, 0);
	cr_assert_eq(kept->type, EO_EVENT_SYSCALL);
	cr_assert_eq(kept->ktime_ns, 7919);
	cr_assert_eq(kept->pid, 4711);
	cr_assert_eq(kept->tid, 4713);
	cr_assert_eq(kept->ns_pid, 3);
	cr_assert_str_eq(kept->comm, "nginx");
	cr_assert_str_eq(kept->thread, "worker");
	cr_assert_eq(kept->data_count, 6);
	cr_assert_str_eq(eo_event_data(kept, "path")->str, "/etc/hosts");
	args = eo_event_data(kept, "args");
	cr_assert_eq(eo_attr_member(args, "dfd")->num, -100);
	cr_assert_eq(eo_attr_member(args, "argv")->count, 1);
	cr_assert_null(kept->data[4].key);
	cr_assert_str_eq(kept->data[4].str, "-l");
	cr_assert_eq(eo_event_data(kept, "ret")->unum, 0xfffffffffffff000);
}

Test(event_list, events_without_data_and_with_empty_texts_are_kept)
{
	EO_AUTO(eo_event_list) list = eo_event_list_new();
	const struct eo_attr data[] = {{.key = "", .type = EO_ATTR_STRING, .str = ""}};
	const struct eo_event empty = event_of(data, 1), none = event_of(NULL, 0);

	cr_assert_eq(eo_event_list_add(list, &none), 0);
	cr_assert_eq(eo_event_list_add(list, &empty), 0);
	cr_assert_eq(eo_event_list_get(list, 0)->data_count, 0);
	cr_assert_str_eq(eo_event_list_get(list, 1)->data[0].str, "");
}

Test(event_list, many_keep_their_order)
{
	EO_AUTO(eo_event_list) list = eo_event_list_new();
	char text[16];
	const struct eo_attr data[] = {{.key = "name", .type = EO_ATTR_STRING, .str = text}};
	struct eo_event event = event_of(data, 1);

	for (unsigned int i = 0; i < 10007; i++) {
		snprintf(text, sizeof(text), "%u", i * 3);
		event.pid = i;
		cr_assert_eq(eo_event_list_add(list, &event), 0);
	}
	cr_assert_eq(eo_event_list_count(list), 10007);
	for (unsigned int i = 0; i < 10007; i++) {
		const struct eo_event *kept = eo_event_list_get(list, i);

		snprintf(text, sizeof(text), "%u", i * 3);
		cr_assert_eq(kept->pid, i);
		cr_assert_str_eq(kept->data[0].str, text);
	}
	cr_assert_null(eo_event_list_get(list, 10007));
}
