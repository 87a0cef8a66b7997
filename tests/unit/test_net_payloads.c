// SPDX-License-Identifier: BSD-2-Clause
/* Captured payloads, put back into order and read. */
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "capture/event_list.h"
#include "capture/net_payloads.h"

struct seen {
	struct eo_event_list *list;
	int answer; /* of the event function */
	uint64_t stack; /* of the last event */
};

static int on_event(void *ctx, const struct eo_event *event, uint64_t stack)
{
	struct seen *seen = ctx;

	seen->stack = stack;
	cr_assert_eq(eo_event_list_add(seen->list, event), 0);
	return seen->answer;
}

static struct eo_net_payloads *begin(struct seen *seen)
{
	struct eo_net_payloads_options options = {.event = on_event, .ctx = seen};

	seen->list = eo_event_list_new();
	return eo_net_payloads_new(&options);
}

static struct eo_payload_record payload(uint64_t ktime_ns, uint64_t cookie, bool received,
					const void *bytes, size_t size)
{
	struct eo_payload_record record = {
		.header = {.kind = EO_RECORD_PAYLOAD, .tgid = 4711, .tid = 4713,
			   .ktime_ns = ktime_ns, .comm = "shop", .thread = "worker"},
		.cookie = cookie,
		.protocol = IPPROTO_TCP,
		.use = EO_PAYLOAD_HTTP,
		.role = EO_ROLE_SERVER,
		.received = received,
		.length = (uint32_t)size,
		.captured = (uint32_t)size,
		.ends = {.local = {{10, 0, 0, 1}, 80, AF_INET}, .peer = {{10, 0, 0, 2}, 5000, AF_INET}},
	};

	memcpy(record.bytes, bytes, size);
	return record;
}

static void add(struct eo_net_payloads *payloads, const struct eo_payload_record *record)
{
	eo_net_payloads_add(payloads, &record->header, EO_PAYLOAD_HEADER_BYTES + record->captured);
}

static void say(struct eo_net_payloads *payloads, uint64_t ktime_ns, uint64_t cookie, bool received,
		const char *text)
{
	struct eo_payload_record record =
		payload(ktime_ns, cookie, received, text, strlen(text));

	add(payloads, &record);
}

static const char *text_of(const struct eo_event_list *list, size_t i, const char *key)
{
	return eo_event_data(eo_event_list_get(list, i), key)->str;
}

#define REQUEST(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"
#define RESPONSE      "HTTP/1.1 204 No Content\r\n\r\n"

Test(net_payloads, what_comes_late_is_read_in_its_place)
{
	struct seen seen = {0};
	struct eo_net_payloads *payloads = begin(&seen);
	struct eo_payload_record second = payload(300, 1, true, REQUEST("/b"), strlen(REQUEST("/b")));

	second.offset = strlen(REQUEST("/a"));
	say(payloads, 200, 1, false, RESPONSE);
	add(payloads, &second);
	say(payloads, 100, 1, true, REQUEST("/a"));
	cr_assert_eq(eo_net_payloads_run(payloads, 150), 0);
	cr_assert_eq(eo_event_list_count(seen.list), 0);
	cr_assert_eq(eo_net_payloads_run(payloads, 1000), 0);
	cr_assert_eq(eo_event_list_count(seen.list), 1);
	cr_assert_str_eq(text_of(seen.list, 0, "path"), "/a");
	cr_assert_eq(eo_event_list_get(seen.list, 0)->pid, 4711);
	cr_assert_eq(eo_event_data(eo_event_list_get(seen.list, 0), "duration_ns")->unum, 100);
	eo_net_payloads_free(payloads);
	eo_event_list_free(seen.list);
}

static void say_from(struct eo_net_payloads *payloads, uint64_t ktime_ns, bool received, uint64_t offset,
		     const char *text, uint64_t stack)
{
	struct eo_payload_record record = payload(ktime_ns, 1, received, text, strlen(text));

	record.offset = offset;
	record.stack = stack;
	add(payloads, &record);
}

/* Whatever came after it, and whoever answers. */
Test(net_payloads, a_request_has_the_stack_of_its_own_call)
{
	struct seen seen = {0};
	struct eo_net_payloads *payloads = begin(&seen);
	uint64_t next = strlen(REQUEST("/a")), answered = strlen(RESPONSE);

	say_from(payloads, 100, true, 0, REQUEST("/a"), 7);
	say_from(payloads, 200, true, next, REQUEST("/b"), 11);
	say_from(payloads, 300, false, 0, RESPONSE, 13);
	cr_assert_eq(eo_net_payloads_run(payloads, 350), 0);
	cr_assert_str_eq(text_of(seen.list, 0, "path"), "/a");
	cr_assert_eq(seen.stack, 7);
	say_from(payloads, 400, false, answered, RESPONSE, 17);
	cr_assert_eq(eo_net_payloads_run(payloads, 450), 0);
	cr_assert_str_eq(text_of(seen.list, 1, "path"), "/b");
	cr_assert_eq(seen.stack, 11);
	eo_net_payloads_free(payloads);
	eo_event_list_free(seen.list);
}

Test(net_payloads, the_end_of_a_connection_ends_its_requests)
{
	struct seen seen = {0};
	struct eo_net_payloads *payloads = begin(&seen);
	struct eo_tcp_record end = {
		.header = {.kind = EO_RECORD_TCP_CLOSE, .ktime_ns = 200}, .cookie = 1, .error = 104};

	say(payloads, 100, 1, true, REQUEST("/a"));
	eo_net_payloads_add(payloads, &end.header, sizeof(end));
	/* The cookie is free for another one now. */
	say(payloads, 300, 1, true, REQUEST("/b"));
	say(payloads, 400, 1, false, RESPONSE);
	cr_assert_eq(eo_net_payloads_run(payloads, 1000), 0);
	cr_assert_eq(eo_event_list_count(seen.list), 2);
	cr_assert_str_eq(text_of(seen.list, 0, "error"), "ECONNRESET");
	cr_assert_str_eq(text_of(seen.list, 1, "path"), "/b");
	cr_assert_eq(eo_net_payloads_counts(payloads).events, 2);
	eo_net_payloads_free(payloads);
	eo_event_list_free(seen.list);
}

Test(net_payloads, the_end_of_the_trace_tells_of_responses_as_far_as_they_came)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
	struct eo_payload_record cut = payload(200, 1, false, head, strlen(head));
	struct seen seen = {0};
	struct eo_net_payloads *payloads = begin(&seen);

	cut.length = 9001;
	say(payloads, 100, 1, true, REQUEST("/a"));
	add(payloads, &cut);
	say(payloads, 300, 2, true, REQUEST("/b"));
	cr_assert_eq(eo_net_payloads_run(payloads, 1000), 0);
	cr_assert_eq(eo_event_list_count(seen.list), 0);
	cr_assert_eq(eo_net_payloads_finish(payloads, 2000), 0);
	cr_assert_eq(eo_event_list_count(seen.list), 1);
	cr_assert_str_eq(text_of(seen.list, 0, "path"), "/a");
	cr_assert_eq(eo_event_data(eo_event_list_get(seen.list, 0), "status")->unum, 200);
	cr_assert_eq(eo_event_data(eo_event_list_get(seen.list, 0), "duration_ns")->unum, 100);
	cr_assert_null(eo_event_data(eo_event_list_get(seen.list, 0), "error"));
	cr_assert_eq(eo_net_payloads_counts(payloads).http_unpaired, 1);
	eo_net_payloads_free(payloads);
	eo_event_list_free(seen.list);
}

Test(net_payloads, what_is_inside_of_tls_is_told_apart_and_ends_with_its_connection)
{
	struct seen seen = {0};
	struct eo_net_payloads *payloads = begin(&seen);
	struct eo_payload_record inside =
		payload(300, 1, true, REQUEST("/inside"), strlen(REQUEST("/inside")));
	struct eo_tcp_record end = {
		.header = {.kind = EO_RECORD_TCP_CLOSE, .ktime_ns = 500}, .cookie = 1, .error = 104};

	/* A tunnel is asked for, and TLS goes through it. */
	say(payloads, 100, 1, true, "CONNECT h:443 HTTP/1.1\r\n\r\n");
	say(payloads, 200, 1, false, "HTTP/1.1 200 OK\r\n\r\n");
	inside.tls = 1;
	add(payloads, &inside);
	eo_net_payloads_add(payloads, &end.header, sizeof(end));
	cr_assert_eq(eo_net_payloads_run(payloads, 1000), 0);
	cr_assert_eq(eo_event_list_count(seen.list), 2);
	cr_assert_str_eq(text_of(seen.list, 0, "method"), "CONNECT");
	cr_assert_str_eq(text_of(seen.list, 0, "scheme"), "http");
	cr_assert_null(eo_event_data(eo_event_list_get(seen.list, 0), "tls"));
	cr_assert_str_eq(text_of(seen.list, 1, "path"), "/inside");
	cr_assert_str_eq(text_of(seen.list, 1, "scheme"), "https");
	cr_assert_str_eq(text_of(seen.list, 1, "error"), "ECONNRESET");
	cr_assert_eq(eo_event_data(eo_event_list_get(seen.list, 1), "tls")->num, 1);
	eo_net_payloads_free(payloads);
	eo_event_list_free(seen.list);
}

Test(net_payloads, many_connections_are_told_apart)
{
	struct seen seen = {0};
	struct eo_net_payloads *payloads = begin(&seen);

	for (uint64_t i = 1; i <= 1009; i++)
		say(payloads, i, i, true, REQUEST("/x"));
	for (uint64_t i = 1; i <= 1009; i++)
		say(payloads, 2000 + i, i, false, RESPONSE);
	cr_assert_eq(eo_net_payloads_run(payloads, 10000), 0);
	cr_assert_eq(eo_event_list_count(seen.list), 1009);
	for (size_t i = 0; i < 1009; i++)
		cr_assert_eq(eo_event_data(eo_event_list_get(seen.list, i), "duration_ns")->unum, 2000);
	eo_net_payloads_free(payloads);
	eo_event_list_free(seen.list);
}

static int count_event(void *ctx, const struct eo_event *event, uint64_t stack)
{
	uint64_t *count = ctx;

	(void)event;
	(void)stack;
	++*count;
	return 0;
}

/* More than there are places for, and than memory allows, of connections that never end. */
Test(net_payloads, connections_whose_end_is_lost_make_room_for_others)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
	struct eo_payload_record cut = payload(20, 1, false, head, strlen(head));
	uint64_t count = 0, cookie = 3;
	struct eo_net_payloads_options options = {.event = count_event, .ctx = &count};
	struct eo_net_payloads *payloads = eo_net_payloads_new(&options);

	/* One of which the end of the response was not seen, and one without. */
	cut.length = 9001;
	say(payloads, 10, 1, true, REQUEST("/a"));
	add(payloads, &cut);
	say(payloads, 30, 2, true, REQUEST("/b"));
	for (; cookie < 70001; cookie++) {
		say(payloads, 100 * cookie, cookie, true, "this is something else");
		cr_assert_eq(eo_net_payloads_run(payloads, 100 * cookie), 0);
	}
	cr_assert_eq(count, 1);
	cr_assert_eq(eo_net_payloads_counts(payloads).http_unpaired, 1);
	for (; cookie < 140001; cookie++) {
		say(payloads, 100 * cookie, cookie, true, REQUEST("/c"));
		say(payloads, 100 * cookie + 1, cookie, false, RESPONSE);
		cr_assert_eq(eo_net_payloads_run(payloads, 100 * cookie + 1), 0);
	}
	cr_assert_eq(count, 70001);
	cr_assert_eq(eo_net_payloads_counts(payloads).http_unpaired, 1);
	cr_assert_eq(eo_net_payloads_counts(payloads).dropped, 0);
	eo_net_payloads_free(payloads);
}

Test(net_payloads, records_that_contradict_themselves_are_dropped)
{
	struct seen seen = {0};
	struct eo_net_payloads *payloads = begin(&seen);
	struct eo_payload_record record = payload(1, 1, true, "x", 1);

	record.captured = 4096; /* more than there is */
	eo_net_payloads_add(payloads, &record.header, EO_PAYLOAD_HEADER_BYTES + 1);
	record.captured = 8192; /* more than there can be */
	record.length = 8192;
	eo_net_payloads_add(payloads, &record.header, sizeof(record));
	record.captured = 1;
	record.length = 0; /* more than was moved */
	eo_net_payloads_add(payloads, &record.header, EO_PAYLOAD_HEADER_BYTES + 1);
	eo_net_payloads_add(payloads, &record.header, sizeof(record.header));
	cr_assert_eq(eo_net_payloads_run(payloads, 1000), 0);
	cr_assert_eq(eo_net_payloads_counts(payloads).dropped, 4);
	cr_assert_eq(eo_event_list_count(seen.list), 0);
	eo_net_payloads_free(payloads);
	eo_event_list_free(seen.list);
}

Test(net_payloads, garbage_on_port_53_is_counted_and_not_believed)
{
	struct seen seen = {0};
	struct eo_net_payloads *payloads = begin(&seen);
	struct eo_payload_record record;
	uint8_t bytes[512];

	srand(7);
	for (uint64_t i = 0; i < 1009; i++) {
		for (size_t j = 0; j < sizeof(bytes); j++)
			bytes[j] = (uint8_t)rand();
		record = payload(i, 9, i & 1, bytes, sizeof(bytes));
		record.use = EO_PAYLOAD_DNS;
		record.protocol = IPPROTO_UDP;
		add(payloads, &record);
	}
	cr_assert_eq(eo_net_payloads_run(payloads, 2000), 0);
	cr_assert_eq(eo_event_list_count(seen.list), 0);
	cr_assert_eq(eo_net_payloads_counts(payloads).dns_malformed, 1009);
	eo_net_payloads_free(payloads);
	eo_event_list_free(seen.list);
}

#define DNS_LENGTH "\0\x13"
#define DNS_QUERY  "\x12\x34\1\0\0\1\0\0\0\0\0\0\1a\0\0\1\0\1"
#define DNS_ANSWER "\x12\x34\x81\x80\0\1\0\0\0\0\0\0\1a\0\0\1\0\1"

static void say_dns(struct eo_net_payloads *payloads, uint64_t ktime_ns, uint64_t cookie,
		    bool received, uint64_t offset, const char *bytes, size_t size)
{
	struct eo_payload_record record = payload(ktime_ns, cookie, received, bytes, size);

	record.use = EO_PAYLOAD_DNS;
	record.offset = offset;
	add(payloads, &record);
}

/* Length and message come in calls of their own. */
Test(net_payloads, lost_records_of_dns_leave_no_wrong_messages_behind)
{
	struct seen seen = {0};
	struct eo_net_payloads *payloads = begin(&seen);

	say_dns(payloads, 100, 1, false, 0, DNS_LENGTH, 2);
	say_dns(payloads, 101, 1, false, 2, DNS_QUERY, 19);
	say_dns(payloads, 102, 1, true, 0, DNS_LENGTH, 2);
	say_dns(payloads, 103, 1, true, 2, DNS_ANSWER, 19);
	/* Of the next query the message is lost, and then an answer's length on another connection. */
	say_dns(payloads, 104, 1, false, 21, DNS_LENGTH, 2);
	say_dns(payloads, 105, 1, false, 42, DNS_LENGTH, 2);
	say_dns(payloads, 106, 1, false, 44, DNS_QUERY, 19);
	say_dns(payloads, 107, 1, true, 21, DNS_LENGTH DNS_ANSWER, 21);
	say_dns(payloads, 108, 2, true, 2, DNS_ANSWER, 19);
	say_dns(payloads, 109, 2, false, 0, DNS_LENGTH DNS_QUERY, 21);
	cr_assert_eq(eo_net_payloads_run(payloads, 20000000000), 0);
	cr_assert_eq(eo_event_list_count(seen.list), 1);
	cr_assert_str_eq(text_of(seen.list, 0, "question"), "a");
	cr_assert_eq(eo_event_data(eo_event_list_get(seen.list, 0), "duration_ns")->unum, 2);
	cr_assert_eq(eo_net_payloads_counts(payloads).dns_malformed, 0);
	cr_assert_eq(eo_net_payloads_counts(payloads).dns_unmatched, 0);
	eo_net_payloads_free(payloads);
	eo_event_list_free(seen.list);
}

Test(net_payloads, what_the_event_function_says_ends_the_run)
{
	struct seen seen = {.answer = -32};
	struct eo_net_payloads *payloads = begin(&seen);

	say(payloads, 100, 1, true, REQUEST("/a"));
	say(payloads, 200, 1, false, RESPONSE);
	cr_assert_eq(eo_net_payloads_run(payloads, 1000), -32);
	eo_net_payloads_free(payloads);
	eo_event_list_free(seen.list);
}
