/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/auto.h"
#include "otlp_events.h"

static size_t count(json_t *request, size_t resource)
{
	return json_array_size(otlp_items(request, resource));
}

Test(span_rules, a_system_call_is_a_span_under_its_thread)
{
	json_t *r =
		otlp_of(SPANS, event_line("syscall", 2512345678,
					  "\"name\":\"openat\",\"nr\":257,\"path\":\"/etc/hosts\","
					  "\"args\":{\"dfd\":-100,\"how\":{\"flags\":[1,\"x\"]},"
					  "\"addr\":\"0x10\"},\"ret\":-2,\"error\":\"ENOENT\","
					  "\"duration_ns\":1834"));
	json_t *call = otlp_find(r, "openat"), *parent = otlp_find(r, "system calls");

	cr_assert(call && parent);
	EXPECT(call, "kind", "1");
	EXPECT(call, "startTimeUnixNano", event_wall(2512345678));
	EXPECT(call, "endTimeUnixNano", event_wall(2512345678 + 1834));
	EXPECT(call, "parentSpanId", otlp_text(parent, "spanId"));
	EXPECT(call, "traceId", otlp_text(parent, "traceId"));
	EXPECT(json_object_get(call, "status"), "code", "2");
	EXPECT_ATTRIBUTE(call, "error.type", "ENOENT");
	EXPECT_ATTRIBUTE(call, "file.path", "/etc/hosts");
	EXPECT_ATTRIBUTE(call, "ebpfotel.syscall.nr", "257");
	EXPECT_ATTRIBUTE(call, "ebpfotel.syscall.ret", "-2");
	EXPECT_ATTRIBUTE(call, "ebpfotel.syscall.arg.dfd", "-100");
	EXPECT_ATTRIBUTE(call, "ebpfotel.syscall.arg.how", "{\"flags\":[1,\"x\"]}");
	EXPECT_ATTRIBUTE(call, "ebpfotel.syscall.arg.addr", "0x10");
	EXPECT_ATTRIBUTE(call, "thread.id", "8");
	EXPECT(parent, "kind", "1");
	EXPECT(parent, "parentSpanId", NULL);
	EXPECT(parent, "startTimeUnixNano", event_wall(2000000000));
	EXPECT(parent, "endTimeUnixNano", event_wall(3000000000));
	EXPECT(parent, "status", NULL);
	EXPECT_ATTRIBUTE(parent, "thread.name", "app");
	EXPECT_RESOURCE(r, 0, "service.name", "unknown_service:app");
	EXPECT_RESOURCE(r, 0, "process.pid", "7");
	json_decref(r);
}

Test(span_rules, a_thread_has_one_parent_span_per_interval_in_any_order)
{
	static const long long times[] = { 100, 2000000000, 200, 5000000000, 2000000001,
					   0,	70000000000, 5000000001, 100 };
	struct otlp otlp;
	json_t *r, *span;
	size_t i, parents = 0;

	otlp_init(&otlp, "run");
	for (i = 0; i < EO_ARRAY_SIZE(times); i++)
		otlp_feed(&otlp, SPANS,
			  event_line("syscall", times[i], "\"name\":\"read\",\"duration_ns\":1"));
	r = otlp_request(&otlp, SPANS);
	json_array_foreach(otlp_items(r, 0), i, span)
		parents += !strcmp(otlp_text(span, "name"), "system calls");
	cr_expect_eq(parents, 4u);
	cr_expect_eq(count(r, 0), EO_ARRAY_SIZE(times) + 4);
	json_decref(r);
	otlp_fini(&otlp);
}

Test(span_rules, the_addresses_of_sockets_are_peers_except_where_they_are_ours)
{
	static const struct {
		const char *name, *key;
	} cases[] = {
		{ "connect", "network.peer" },
		{ "sendto", "network.peer" },
		{ "bind", "network.local" },
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(cases); i++) {
		char data[256], key[64];
		json_t *r;

		snprintf(data, sizeof(data),
			 "\"name\":\"%s\",\"args\":{\"fd\":3,\"addr\":{\"family\":\"ipv4\","
			 "\"address\":\"10.0.0.5\",\"port\":443}},\"ret\":0,\"duration_ns\":1",
			 cases[i].name);
		r = otlp_of(SPANS, event_line("syscall", 1, data));
		snprintf(key, sizeof(key), "%s.address", cases[i].key);
		EXPECT_ATTRIBUTE(otlp_find(r, cases[i].name), key, "10.0.0.5");
		snprintf(key, sizeof(key), "%s.port", cases[i].key);
		EXPECT_ATTRIBUTE(otlp_find(r, cases[i].name), key, "443");
		json_decref(r);
	}
}

Test(span_rules, interruptions_are_no_errors)
{
	json_t *r = otlp_of(SPANS,
			    event_line("syscall", 1,
				       "\"name\":\"read\",\"ret\":-512,\"error\":\"ERESTARTSYS\","
				       "\"duration_ns\":1,\"interrupted\":true"));
	json_t *call = otlp_find(r, "read");

	EXPECT_ATTRIBUTE(call, "error.type", NULL);
	cr_expect_null(json_object_get(call, "status"));
	EXPECT_ATTRIBUTE(call, "ebpfotel.syscall.interrupted", "true");
	json_decref(r);
}

Test(span_rules, a_call_that_never_returns_ends_where_it_begins_and_has_no_duration)
{
	const char *line = event_line("syscall", 9, "\"name\":\"exit_group\",\"nr\":231");
	json_t *r = otlp_of(SPANS, line), *m = otlp_of(METRICS, line);

	EXPECT(otlp_find(r, "exit_group"), "startTimeUnixNano", event_wall(9));
	EXPECT(otlp_find(r, "exit_group"), "endTimeUnixNano", event_wall(9));
	cr_expect_null(otlp_find(m, "ebpfotel.syscall.duration"));
	json_decref(r);
	json_decref(m);
}

static json_t *connection(const char *middle)
{
	EO_AUTO_FREE char *lines = NULL;

	cr_assert_gt(asprintf(&lines, "%s%s%s",
			      event_line("tcp_connect", 1000000, CONN ",\"duration_ns\":420000"),
			      middle,
			      event_line("tcp_close", 94000000,
					 CONN ",\"error\":\"ECONNRESET\",\"reset_by\":\"peer\","
					      "\"tx_bytes\":812,\"rx_bytes\":94,\"retransmits\":5,"
					      "\"rtt_ns\":310000,\"first_byte_ns\":900000,"
					      "\"lifetime_ns\":93000000")),
		     0);
	return otlp_of(SPANS, lines);
}

Test(span_rules, a_connection_is_one_span_with_its_events)
{
	json_t *r = connection(
		event_line("tcp_retransmit", 50000000, "\"conn\":\"0x1f3a\"," ENDS ",\"count\":3"));
	json_t *span = otlp_find(r, "tcp connection"), *events = json_object_get(span, "events");

	cr_assert_eq(count(r, 0), 1u);
	EXPECT(span, "kind", "1");
	EXPECT(span, "parentSpanId", NULL);
	EXPECT(span, "startTimeUnixNano", event_wall(1000000));
	EXPECT(span, "endTimeUnixNano", event_wall(94000000));
	EXPECT_ATTRIBUTE(span, "network.transport", "tcp");
	EXPECT_ATTRIBUTE(span, "network.type", "ipv4");
	EXPECT_ATTRIBUTE(span, "network.local.address", "10.0.0.7");
	EXPECT_ATTRIBUTE(span, "network.local.port", "51234");
	EXPECT_ATTRIBUTE(span, "network.peer.address", "10.0.0.5");
	EXPECT_ATTRIBUTE(span, "network.peer.port", "5432");
	EXPECT_ATTRIBUTE(span, "server.address", "10.0.0.5");
	EXPECT_ATTRIBUTE(span, "server.port", "5432");
	EXPECT_ATTRIBUTE(span, "client.address", "10.0.0.7");
	EXPECT_ATTRIBUTE(span, "client.port", "51234");
	EXPECT_ATTRIBUTE(span, "ebpfotel.tx_bytes", "812");
	EXPECT_ATTRIBUTE(span, "ebpfotel.rx_bytes", "94");
	EXPECT_ATTRIBUTE(span, "ebpfotel.rtt_ns", "310000");
	EXPECT_ATTRIBUTE(span, "error.type", "ECONNRESET");
	EXPECT(json_object_get(span, "status"), "code", "2");
	cr_assert_eq(json_array_size(events), 3u);
	EXPECT(json_array_get(events, 0), "name", "connected");
	EXPECT(json_array_get(events, 0), "timeUnixNano", event_wall(1420000));
	EXPECT(json_array_get(events, 1), "name", "first_byte");
	EXPECT(json_array_get(events, 1), "timeUnixNano", event_wall(1900000));
	EXPECT(json_array_get(events, 2), "name", "retransmit");
	EXPECT(json_array_get(events, 2), "timeUnixNano", event_wall(50000000));
	EXPECT_ATTRIBUTE(json_array_get(events, 2), "ebpfotel.count", "3");
	json_decref(r);
}

Test(span_rules, too_many_retransmits_are_counted_as_dropped)
{
	EO_AUTO_FREE char *lines = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&lines, &size);
	json_t *r, *span;

	for (int i = 0; i < 100; i++)
		fputs(event_line("tcp_retransmit", 2000000 + i, "\"conn\":\"0x1f3a\",\"count\":1"),
		      out);
	fclose(out);
	r = connection(lines);
	span = otlp_find(r, "tcp connection");
	cr_expect_eq(json_array_size(json_object_get(span, "events")), 32u);
	EXPECT(span, "droppedEventsCount", "70");
	json_decref(r);
}

Test(span_rules, for_a_server_the_roles_are_the_other_way_round)
{
	json_t *r = otlp_of(SPANS, event_line("tcp_close", 5,
					      "\"conn\":\"0x1\",\"role\":\"server\"," ENDS));
	json_t *span = otlp_find(r, "tcp connection");

	EXPECT_ATTRIBUTE(span, "server.address", "10.0.0.7");
	EXPECT_ATTRIBUTE(span, "server.port", "51234");
	EXPECT_ATTRIBUTE(span, "client.address", "10.0.0.5");
	EXPECT_ATTRIBUTE(span, "client.port", "5432");
	EXPECT_ATTRIBUTE(span, "error.type", NULL);
	cr_expect_null(json_object_get(span, "status"));
	json_decref(r);
}

Test(span_rules, an_attempt_that_fails_is_one_span_even_if_it_is_closed_later)
{
	EO_AUTO_FREE char *lines = NULL;
	json_t *r;

	cr_assert_gt(asprintf(&lines, "%s%s",
			      event_line("tcp_connect", 10,
					 CONN ",\"duration_ns\":7,\"error\":\"ECONNREFUSED\""),
			      event_line("tcp_close", 20, CONN ",\"lifetime_ns\":10")),
		     0);
	r = otlp_of(SPANS, lines);
	cr_assert_eq(count(r, 0), 1u);
	EXPECT(otlp_find(r, "tcp connection"), "endTimeUnixNano", event_wall(17));
	EXPECT_ATTRIBUTE(otlp_find(r, "tcp connection"), "error.type", "ECONNREFUSED");
	json_decref(r);
}

Test(span_rules, a_udp_session_ended_at_its_event)
{
	json_t *r = otlp_of(SPANS, event_line("udp_session", 700,
					      "\"conn\":\"0x2\",\"role\":\"client\","
					      "\"local\":{\"address\":\"::1\",\"port\":1},"
					      "\"peer\":{\"address\":\"::2\",\"port\":53},"
					      "\"tx_packets\":2,\"rx_packets\":1,\"tx_bytes\":96,"
					      "\"rx_bytes\":180,\"lifetime_ns\":500"));
	json_t *span = otlp_find(r, "udp session");

	EXPECT(span, "kind", "1");
	EXPECT(span, "startTimeUnixNano", event_wall(200));
	EXPECT(span, "endTimeUnixNano", event_wall(700));
	EXPECT_ATTRIBUTE(span, "network.transport", "udp");
	EXPECT_ATTRIBUTE(span, "network.type", "ipv6");
	EXPECT_ATTRIBUTE(span, "server.port", "53");
	EXPECT_ATTRIBUTE(span, "ebpfotel.tx_packets", "2");
	json_decref(r);
}

Test(span_rules, a_lookup_is_a_client_span)
{
	json_t *r = otlp_of(SPANS, event_line("dns", 1,
					      "\"server\":{\"address\":\"10.0.0.2\",\"port\":53},"
					      "\"question\":\"a.example\",\"qtype\":\"AAAA\","
					      "\"rcode\":\"NXDOMAIN\",\"duration_ns\":1300"));
	json_t *span = otlp_find(r, "DNS AAAA");

	cr_assert_not_null(span);
	EXPECT(span, "kind", "3");
	EXPECT(span, "endTimeUnixNano", event_wall(1301));
	EXPECT_ATTRIBUTE(span, "dns.question.name", "a.example");
	EXPECT_ATTRIBUTE(span, "server.address", "10.0.0.2");
	EXPECT_ATTRIBUTE(span, "error.type", "NXDOMAIN");
	json_decref(r);

	r = otlp_of(SPANS, event_line("dns", 1,
				      "\"question\":\"a\",\"qtype\":\"A\",\"error\":\"ETIMEDOUT\","
				      "\"duration_ns\":5"));
	EXPECT_ATTRIBUTE(otlp_find(r, "DNS A"), "error.type", "ETIMEDOUT");
	json_decref(r);
}

Test(span_rules, a_request_to_a_server_hangs_under_its_traceparent)
{
	json_t *r = otlp_of(SPANS, event_line("http_request", 10,
					      "\"conn\":\"0x1\",\"role\":\"server\"," HTTP
					      ",\"status\":404,\"request_bytes\":5,"
					      "\"response_bytes\":6,\"duration_ns\":30," ENDS
					      ",\"traceparent\":\"" PARENT "\""));
	json_t *span = otlp_find(r, "GET");

	cr_assert_not_null(span);
	EXPECT(span, "kind", "2");
	EXPECT(span, "traceId", "4bf92f3577b34da6a3ce929d0e0e4736");
	EXPECT(span, "parentSpanId", "00f067aa0ba902b7");
	EXPECT(span, "flags", "769"); /* sampled, parent known to be remote */
	EXPECT(span, "endTimeUnixNano", event_wall(40));
	EXPECT_ATTRIBUTE(span, "http.request.method", "GET");
	EXPECT_ATTRIBUTE(span, "url.scheme", "http");
	EXPECT_ATTRIBUTE(span, "url.path", "/cart");
	EXPECT_ATTRIBUTE(span, "url.query", "id=1");
	EXPECT_ATTRIBUTE(span, "server.address", "shop");
	EXPECT_ATTRIBUTE(span, "server.port", "8080");
	EXPECT_ATTRIBUTE(span, "http.response.status_code", "404");
	EXPECT_ATTRIBUTE(span, "network.protocol.version", "1.1");
	EXPECT_ATTRIBUTE(span, "client.address", "10.0.0.5");
	EXPECT_ATTRIBUTE(span, "url.full", NULL);
	EXPECT_ATTRIBUTE(span, "error.type", NULL); /* 404 is no failure of a server */
	json_decref(r);
}

static const char *http_line(const char *role, const char *more)
{
	static char data[2048];

	snprintf(data, sizeof(data),
		 "\"conn\":\"0x1\",\"role\":\"%s\"," HTTP ",\"duration_ns\":30%s", role, more);
	return event_line("http_request", 10, data);
}

Test(span_rules, a_client_span_is_made_only_where_its_sdk_makes_none)
{
	static const struct {
		const char *config, *more;
		size_t spans;
	} cases[] = {
		{ "auto", "", 1 },
		{ "auto", ",\"traceparent\":\"" PARENT "\"", 0 },
		{ "auto", ",\"traceparent\":\"damaged\"", 1 },
		{ "all", ",\"traceparent\":\"" PARENT "\"", 1 },
		{ "none", "", 0 },
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(cases); i++) {
		EO_AUTO_FREE char *lines = NULL;
		char config[64];
		json_t *r;

		snprintf(config, sizeof(config), "\"config\":{\"http_spans\":\"%s\"}",
			 cases[i].config);
		cr_assert_gt(asprintf(&lines, "%s%s", event_line("start", 0, config),
				      http_line("client", cases[i].more)),
			     0);
		r = otlp_of(SPANS, lines);
		cr_expect_eq(count(r, 0), cases[i].spans, "case %zu", i);
		if (cases[i].spans) {
			EXPECT(otlp_find(r, "GET"), "kind", "3");
			EXPECT_ATTRIBUTE(otlp_find(r, "GET"), "url.full",
					 "http://shop:8080/cart?id=1");
		}
		json_decref(r);
	}
}

Test(span_rules, http_failures_depend_on_the_role)
{
	static const struct {
		const char *role, *more, *error;
	} cases[] = {
		{ "client", ",\"status\":399", NULL },	{ "client", ",\"status\":400", "400" },
		{ "client", ",\"status\":503", "503" }, { "server", ",\"status\":499", NULL },
		{ "server", ",\"status\":500", "500" },
		{ "server", ",\"status\":200,\"error\":\"EPIPE\"", "EPIPE" },
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(cases); i++) {
		json_t *r = otlp_of(SPANS, http_line(cases[i].role, cases[i].more));
		json_t *span = otlp_find(r, "GET");

		EXPECT_ATTRIBUTE(span, "error.type", cases[i].error);
		cr_expect_eq(!json_object_get(span, "status"), !cases[i].error);
		json_decref(r);
	}
}

Test(span_rules, odd_methods_and_hosts_keep_cardinality_low)
{
	json_t *r = otlp_of(SPANS,
			    event_line("http_request", 10,
				       "\"role\":\"server\",\"method\":\"BREW\","
				       "\"host\":\"[::1]:81\",\"path\":\"/\",\"duration_ns\":1"));
	json_t *span = otlp_find(r, "HTTP");

	cr_assert_not_null(span);
	EXPECT_ATTRIBUTE(span, "http.request.method", "_OTHER");
	EXPECT_ATTRIBUTE(span, "http.request.method_original", "BREW");
	EXPECT_ATTRIBUTE(span, "server.address", "::1");
	EXPECT_ATTRIBUTE(span, "server.port", "81");
	json_decref(r);
}

Test(span_rules, with_a_traceparent_for_the_run_all_spans_hang_under_it)
{
	EO_AUTO_FREE char *lines = NULL;
	json_t *r, *span;
	size_t i;

	cr_assert_gt(asprintf(&lines, "%s%s%s%s",
			      event_line("start", 0, "\"traceparent\":\"" PARENT "\""),
			      event_line("syscall", 1, "\"name\":\"read\",\"duration_ns\":1"),
			      event_line("udp_session", 2, "\"conn\":\"0x1\""),
			      event_line("dns", 3, "\"qtype\":\"A\"")),
		     0);
	r = otlp_of(SPANS, lines);
	cr_assert_eq(count(r, 0), 4u);
	json_array_foreach(otlp_items(r, 0), i, span) {
		EXPECT(span, "traceId", "4bf92f3577b34da6a3ce929d0e0e4736");
		if (i != 1)
			EXPECT(span, "parentSpanId", "00f067aa0ba902b7");
	}
	EXPECT(json_array_get(otlp_items(r, 0), 1), "parentSpanId",
	       otlp_text(json_array_get(otlp_items(r, 0), 0), "spanId"));
	json_decref(r);
}
