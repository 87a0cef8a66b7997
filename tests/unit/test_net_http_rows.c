// SPDX-License-Identifier: BSD-2-Clause
/* Requests, added up by host and path. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "capture/event_list.h"
#include "capture/net_http_rows.h"

static int keep(void *ctx, const struct eo_event *event)
{
	return eo_event_list_add(ctx, event);
}

/* @status: 0: it failed without one */
static struct eo_event request(struct eo_attr data[9], uint32_t pid, const char *role,
			       const char *host, const char *path, uint64_t status, uint64_t ns)
{
	const struct eo_attr all[] = {
		{.key = "role", .type = EO_ATTR_STRING, .str = role},
		{.key = "host", .type = EO_ATTR_STRING, .str = host},
		{.key = "path", .type = EO_ATTR_STRING, .str = path},
		{.key = "request_bytes", .type = EO_ATTR_UINT, .unum = 3},
		{.key = "response_bytes", .type = EO_ATTR_UINT, .unum = 1000},
		{.key = "duration_ns", .type = EO_ATTR_UINT, .unum = ns},
		status ? (struct eo_attr){.key = "status", .type = EO_ATTR_UINT, .unum = status} :
			 (struct eo_attr){.key = "error", .type = EO_ATTR_STRING, .str = "ECONNRESET"},
		{.key = "peer", .type = EO_ATTR_OBJECT, .count = 1},
		{.key = "address", .type = EO_ATTR_STRING, .str = pid % 2 ? "10.0.0.1" : "fd00::1"},
	};
	struct eo_event event = {.type = EO_EVENT_HTTP_REQUEST, .pid = pid, .data = data,
				 .data_count = 9};

	memcpy(data, all, sizeof(all));
	strcpy(event.comm, "shop");
	return event;
}

static void add(struct eo_net_http_rows *rows, uint32_t pid, const char *role, const char *host,
		const char *path, uint64_t status, uint64_t ns)
{
	struct eo_attr data[9];
	struct eo_event event = request(data, pid, role, host, path, status, ns);

	cr_assert_eq(eo_net_http_rows_add(rows, &event), 0);
}

static struct eo_event_list *tell(struct eo_net_http_rows *rows)
{
	struct eo_event_list *list = eo_event_list_new();

	cr_assert_eq(eo_net_http_rows_tell(rows, 7, keep, list), 0);
	return list;
}

static uint64_t number(const struct eo_event *event, const char *key)
{
	return eo_event_data(event, key)->unum;
}

Test(net_http_rows, a_row_has_all_requests_of_its_host_and_path)
{
	const struct eo_net_http_rows_options options = {.by_comm = true, .by_pid = true};
	struct eo_net_http_rows *rows = eo_net_http_rows_new(&options);
	const struct eo_attr *buckets;
	const struct eo_event *row;
	struct eo_event_list *list;

	for (int i = 0; i < 1009; i++)
		add(rows, 5, "server", "a", "/x", i < 7 ? 503 : 404, i < 1000 ? 1000 : 1000000);
	add(rows, 5, "server", "a", "/y", 200, 1);
	add(rows, 5, "server", "b", "/x", 200, 1);
	add(rows, 6, "server", "a", "/x", 200, 1);
	add(rows, 5, "client", "a", "/x", 404, 1);
	list = tell(rows);
	cr_assert_eq(eo_event_list_count(list), 5);
	row = eo_event_list_get(list, 0);
	cr_assert_eq(row->type, EO_EVENT_NET_SUMMARY);
	cr_assert_eq(row->pid, 5);
	cr_assert_str_eq(row->comm, "shop");
	cr_assert_str_eq(eo_event_data(row, "proto")->str, "http");
	cr_assert_str_eq(eo_event_data(row, "host")->str, "a");
	cr_assert_str_eq(eo_event_data(row, "path")->str, "/x");
	cr_assert_null(eo_event_data(row, "peer"));
	cr_assert_eq(number(row, "count"), 1009);
	cr_assert_eq(number(row, "errors"), 7);
	cr_assert_eq(number(row, "tx_bytes"), 1009 * 1000);
	cr_assert_eq(number(row, "rx_bytes"), 1009 * 3);
	cr_assert_eq(number(row, "total_ns"), 1000 * 1000 + 9 * 1000000);
	cr_assert_eq(number(row, "min_ns"), 1000);
	cr_assert_eq(number(row, "max_ns"), 1000000);
	cr_assert_eq(number(row, "mean_ns"), 10000000 / 1009);
	/* The end of the quarter of an octave: 896 to 1024. */
	cr_assert_eq(number(row, "p50_ns"), 1024);
	cr_assert_eq(number(row, "p99_ns"), 1024);
	buckets = eo_event_data(row, "buckets");
	cr_assert_eq(buckets->count, 20);
	cr_assert_eq(buckets[1 + 9].unum, 1000);
	cr_assert_eq(buckets[1 + 19].unum, 9);
	/* A client's 404 is an error, and its bytes go the other way. */
	row = eo_event_list_get(list, 4);
	cr_assert_eq(number(row, "errors"), 1);
	cr_assert_eq(number(row, "tx_bytes"), 3);
	eo_event_list_free(list);
	list = tell(rows);
	cr_assert_eq(eo_event_list_count(list), 0);
	eo_event_list_free(list);
	eo_net_http_rows_free(rows);
}

Test(net_http_rows, requests_without_response_are_errors)
{
	const struct eo_net_http_rows_options options = {0};
	struct eo_net_http_rows *rows = eo_net_http_rows_new(&options);
	struct eo_event_list *list;

	add(rows, 5, "server", "a", "/x", 0, 1);
	list = tell(rows);
	cr_assert_eq(number(eo_event_list_get(list, 0), "errors"), 1);
	cr_assert_null(eo_event_data(eo_event_list_get(list, 0), "pid"));
	cr_assert_null(eo_event_data(eo_event_list_get(list, 0), "comm"));
	eo_event_list_free(list);
	eo_net_http_rows_free(rows);
}

Test(net_http_rows, peers_are_told_apart_when_asked_for)
{
	const struct eo_net_http_rows_options options = {.by_peer = true};
	struct eo_net_http_rows *rows = eo_net_http_rows_new(&options);
	struct eo_event_list *list;

	for (uint32_t pid = 1; pid <= 10; pid++)
		add(rows, pid, "server", "a", "/x", 200, 1);
	list = tell(rows);
	cr_assert_eq(eo_event_list_count(list), 2);
	cr_assert_str_eq(eo_attr_member(eo_event_data(eo_event_list_get(list, 0), "peer"), "address")->str,
			 "10.0.0.1");
	cr_assert_str_eq(eo_attr_member(eo_event_data(eo_event_list_get(list, 1), "peer"), "address")->str,
			 "fd00::1");
	eo_event_list_free(list);
	eo_net_http_rows_free(rows);
}

Test(net_http_rows, paths_without_end_share_a_row_of_their_process)
{
	const struct eo_net_http_rows_options options = {.by_pid = true, .rows_max = 101};
	struct eo_net_http_rows *rows = eo_net_http_rows_new(&options);
	uint64_t sum = 0, beyond = 0;
	struct eo_event_list *list;
	char path[16];

	for (uint32_t i = 0; i < 1009; i++) {
		snprintf(path, sizeof(path), "/%u", i);
		add(rows, 1 + i % 3, "server", "a", path, 200, i);
	}
	list = tell(rows);
	cr_assert_eq(eo_event_list_count(list), 101 + 3);
	for (size_t i = 0; i < eo_event_list_count(list); i++) {
		const struct eo_event *row = eo_event_list_get(list, i);

		sum += number(row, "count");
		if (!strcmp(eo_event_data(row, "path")->str, "[path limit]"))
			beyond += number(row, "count");
	}
	cr_assert_eq(sum, 1009);
	cr_assert_eq(beyond, 1009 - 101);
	eo_event_list_free(list);
	eo_net_http_rows_free(rows);
}

static int refuse(void *ctx, const struct eo_event *event)
{
	(void)ctx;
	(void)event;
	return -EPIPE;
}

Test(net_http_rows, what_the_reader_says_comes_back)
{
	const struct eo_net_http_rows_options options = {0};
	struct eo_net_http_rows *rows = eo_net_http_rows_new(&options);

	add(rows, 5, "server", "a", "/x", 200, 1);
	cr_assert_eq(eo_net_http_rows_tell(rows, 7, refuse, NULL), -EPIPE);
	eo_net_http_rows_free(rows);
}
