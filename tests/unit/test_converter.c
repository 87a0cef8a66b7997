/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "core/auto.h"
#include "otlp_events.h"

#define START_NS 1795302060000000000 /* what event_line() counts from */

#define ENDS "\"local\":{\"address\":\"10.0.0.7\",\"port\":51234},\"peer\":{\"address\":\"10.0.0.5\",\"port\":5432}"
#define CONN "\"conn\":\"0x1f3a\",\"role\":\"client\",\"family\":\"ipv4\"," ENDS
#define HTTP "\"scheme\":\"http\",\"method\":\"GET\",\"host\":\"shop:8080\",\"path\":\"/cart?id=1\",\"version\":\"1.1\""
#define PARENT "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

static void expect_text(const char *found, const char *expected, const char *what, int line)
{
	if (!expected)
		cr_expect_null(found, "line %d: %s is '%s', not absent", line, what, found);
	else if (!found)
		cr_expect_fail("line %d: %s is absent, not '%s'", line, what, expected);
	else
		cr_expect_str_eq(found, expected, "line %d: %s is '%s', not '%s'", line, what,
				 found, expected);
}

#define EXPECT(object, key, expected) expect_text(otlp_text(object, key), expected, key, __LINE__)
#define EXPECT_ATTRIBUTE(object, key, expected) \
	expect_text(otlp_attribute(object, key), expected, key, __LINE__)

static const char *wall(long long elapsed_ns)
{
	static char texts[8][32];
	static int at;
	char *text = texts[at++ % 8];

	snprintf(text, sizeof(texts[0]), "%lld", START_NS + elapsed_ns);
	return text;
}

static char *file_text(const char *name)
{
	char path[512];
	char *text = NULL;
	size_t size = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", EO_EVENTS_DIR, name);
	file = fopen(path, "r");
	cr_assert_not_null(file, "%s", path);
	cr_assert_geq(getdelim(&text, &size, '\0', file), 0);
	fclose(file);
	return text;
}

static size_t count(json_t *request, size_t resource)
{
	return json_array_size(otlp_items(request, resource));
}

/* --- states ------------------------------------------------------------------------------ */

Test(converter, without_a_batch_there_is_an_error_and_no_crash)
{
	EO_AUTO(eo_otlp_converter) converter = NULL;
	const struct eo_event event = { .type = EO_EVENT_LOSS };
	const struct eo_event_clock clock = { .start_ns = 0 };
	struct eo_error err = { 0 };

	cr_assert_eq(eo_otlp_converter_new("", 0, &converter, &err), 0);
	cr_expect_not(eo_otlp_converter_is_configured(converter));
	cr_expect_eq(eo_otlp_converter_convert_event_to_span(converter, &event, &clock, &err),
		     -EINVAL);
	cr_expect_not_null(strstr(err.text, "no tracer"));
	cr_expect_eq(eo_otlp_converter_convert_event_to_metric(converter, &event, &clock, &err),
		     -EINVAL);
	cr_expect_not_null(strstr(err.text, "no meter"));
	cr_expect_eq(eo_otlp_converter_convert_event_to_log(converter, &event, &clock, &err),
		     -EINVAL);
	cr_expect_not_null(strstr(err.text, "no logger"));
	cr_expect_eq(eo_otlp_converter_convert_events_batch(converter, &event, 1, &clock, &err),
		     -EINVAL);
	cr_expect_eq(err.kind, EO_ERROR_CONFIG);
}

Test(converter, a_batch_can_be_given_and_taken_away)
{
	struct otlp otlp;

	otlp_init(&otlp, "run");
	cr_expect(eo_otlp_converter_is_configured(otlp.converter));
	eo_otlp_converter_with_tracer(otlp.converter, NULL);
	eo_otlp_converter_with_logger(otlp.converter, NULL);
	cr_expect(eo_otlp_converter_is_configured(otlp.converter));
	eo_otlp_converter_with_meter(otlp.converter, NULL);
	cr_expect_not(eo_otlp_converter_is_configured(otlp.converter));
	otlp_fini(&otlp);
}

Test(converter, a_type_that_is_none_is_an_error)
{
	const struct eo_event event = { .type = EO_EVENT_TYPE_COUNT };
	const struct eo_event_clock clock = { .start_ns = 0 };
	struct otlp otlp;

	otlp_init(&otlp, "run");
	cr_expect_eq(eo_otlp_converter_convert_event_to_span(otlp.converter, &event, &clock, NULL),
		     -EINVAL);
	otlp_fini(&otlp);
}

Test(converter, events_without_span_make_none_and_no_error)
{
	static const char *const types[] = {
		"cpu_sample", "network_packet", "memory_alloc", "memory_free",	   "loss",
		"start",      "process",	"end",		"syscall_summary", "net_summary",
		"mem_summary",
	};
	struct otlp otlp;

	otlp_init(&otlp, "run");
	for (size_t i = 0; i < EO_ARRAY_SIZE(types); i++) {
		otlp_feed(&otlp, SPANS, event_line(types[i], 5, ""));
		cr_expect_eq(otlp.made, 0, "%s", types[i]);
	}
	cr_expect_eq(eo_span_batch_count(otlp.spans), 0u);
	otlp_fini(&otlp);
}

Test(converter, events_without_data_are_fine_in_all_signals)
{
	for (int type = 0; type < EO_EVENT_TYPE_COUNT; type++) {
		struct otlp otlp;

		otlp_init(&otlp, "run");
		for (int signal = SPANS; signal <= LOGS; signal++) {
			json_t *request;

			otlp_feed(&otlp, (enum signal)signal,
				  event_line(eo_event_type_name((enum eo_event_type)type), 5, ""));
			request = otlp_request(&otlp, (enum signal)signal);
			json_decref(request);
		}
		otlp_fini(&otlp);
	}
}

Test(converter, a_batch_of_events_fills_all_that_is_configured)
{
	const struct eo_attr data[] = { { .key = "name", .str = "read" },
					{ .key = "duration_ns", .type = EO_ATTR_UINT, .unum = 7 } };
	const struct eo_event events[] = {
		{ .type = EO_EVENT_SYSCALL, .pid = 1, .tid = 1, .ktime_ns = 5, .data = data,
		  .data_count = 2 },
		{ .type = EO_EVENT_SYSCALL, .pid = 1, .tid = 1, .ktime_ns = 15, .data = data,
		  .data_count = 2 },
	};
	const struct eo_event_clock clock = { .wall_offset_ns = START_NS };
	struct otlp otlp;

	otlp_init(&otlp, "run");
	cr_expect_eq(eo_otlp_converter_convert_events_batch(otlp.converter, events, 2, &clock, NULL),
		     0);
	cr_expect_eq(eo_span_batch_count(otlp.spans), 3u);
	cr_expect_eq(eo_metric_batch_count(otlp.metrics), 1u);
	cr_expect_eq(eo_log_batch_count(otlp.logs), 2u);
	otlp_fini(&otlp);
}

/* --- spans ------------------------------------------------------------------------------- */

Test(converter, a_system_call_is_a_span_under_its_thread)
{
	json_t *r = otlp_of(SPANS, event_line("syscall", 2512345678,
					      "\"name\":\"openat\",\"nr\":257,\"path\":\"/etc/hosts\","
					      "\"args\":{\"dfd\":-100,\"how\":{\"flags\":[1,\"x\"]},"
					      "\"addr\":\"0x10\"},\"ret\":-2,\"error\":\"ENOENT\","
					      "\"duration_ns\":1834"));
	json_t *call = otlp_find(r, "openat"), *parent = otlp_find(r, "system calls");

	cr_assert(call && parent);
	EXPECT(call, "kind", "1");
	EXPECT(call, "startTimeUnixNano", wall(2512345678));
	EXPECT(call, "endTimeUnixNano", wall(2512345678 + 1834));
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
	EXPECT(parent, "startTimeUnixNano", wall(2000000000));
	EXPECT(parent, "endTimeUnixNano", wall(3000000000));
	EXPECT(parent, "status", NULL);
	EXPECT_ATTRIBUTE(parent, "thread.name", "app");
	expect_text(otlp_resource(r, 0, "service.name"), "unknown_service:app", "service", __LINE__);
	expect_text(otlp_resource(r, 0, "process.pid"), "7", "pid", __LINE__);
	json_decref(r);
}

Test(converter, a_thread_has_one_parent_span_per_interval_in_any_order)
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

Test(converter, the_addresses_of_sockets_are_peers_except_where_they_are_ours)
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

Test(converter, interruptions_are_no_errors)
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

Test(converter, a_call_that_never_returns_ends_where_it_begins_and_has_no_duration)
{
	const char *line = event_line("syscall", 9, "\"name\":\"exit_group\",\"nr\":231");
	json_t *r = otlp_of(SPANS, line), *m = otlp_of(METRICS, line);

	EXPECT(otlp_find(r, "exit_group"), "startTimeUnixNano", wall(9));
	EXPECT(otlp_find(r, "exit_group"), "endTimeUnixNano", wall(9));
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

Test(converter, a_connection_is_one_span_with_its_events)
{
	json_t *r = connection(
		event_line("tcp_retransmit", 50000000, "\"conn\":\"0x1f3a\"," ENDS ",\"count\":3"));
	json_t *span = otlp_find(r, "tcp connection"), *events = json_object_get(span, "events");

	cr_assert_eq(count(r, 0), 1u);
	EXPECT(span, "kind", "1");
	EXPECT(span, "parentSpanId", NULL);
	EXPECT(span, "startTimeUnixNano", wall(1000000));
	EXPECT(span, "endTimeUnixNano", wall(94000000));
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
	EXPECT(json_array_get(events, 0), "timeUnixNano", wall(1420000));
	EXPECT(json_array_get(events, 1), "name", "first_byte");
	EXPECT(json_array_get(events, 1), "timeUnixNano", wall(1900000));
	EXPECT(json_array_get(events, 2), "name", "retransmit");
	EXPECT(json_array_get(events, 2), "timeUnixNano", wall(50000000));
	EXPECT_ATTRIBUTE(json_array_get(events, 2), "ebpfotel.count", "3");
	json_decref(r);
}

Test(converter, too_many_retransmits_are_counted_as_dropped)
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

Test(converter, for_a_server_the_roles_are_the_other_way_round)
{
	json_t *r = otlp_of(SPANS, event_line("tcp_close", 5, "\"conn\":\"0x1\",\"role\":\"server\"," ENDS));
	json_t *span = otlp_find(r, "tcp connection");

	EXPECT_ATTRIBUTE(span, "server.address", "10.0.0.7");
	EXPECT_ATTRIBUTE(span, "server.port", "51234");
	EXPECT_ATTRIBUTE(span, "client.address", "10.0.0.5");
	EXPECT_ATTRIBUTE(span, "client.port", "5432");
	EXPECT_ATTRIBUTE(span, "error.type", NULL);
	cr_expect_null(json_object_get(span, "status"));
	json_decref(r);
}

Test(converter, an_attempt_that_fails_is_one_span_even_if_it_is_closed_later)
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
	EXPECT(otlp_find(r, "tcp connection"), "endTimeUnixNano", wall(17));
	EXPECT_ATTRIBUTE(otlp_find(r, "tcp connection"), "error.type", "ECONNREFUSED");
	json_decref(r);
}

Test(converter, a_udp_session_ended_at_its_event)
{
	json_t *r = otlp_of(SPANS, event_line("udp_session", 700,
					      "\"conn\":\"0x2\",\"role\":\"client\","
					      "\"local\":{\"address\":\"::1\",\"port\":1},"
					      "\"peer\":{\"address\":\"::2\",\"port\":53},"
					      "\"tx_packets\":2,\"rx_packets\":1,\"tx_bytes\":96,"
					      "\"rx_bytes\":180,\"lifetime_ns\":500"));
	json_t *span = otlp_find(r, "udp session");

	EXPECT(span, "kind", "1");
	EXPECT(span, "startTimeUnixNano", wall(200));
	EXPECT(span, "endTimeUnixNano", wall(700));
	EXPECT_ATTRIBUTE(span, "network.transport", "udp");
	EXPECT_ATTRIBUTE(span, "network.type", "ipv6");
	EXPECT_ATTRIBUTE(span, "server.port", "53");
	EXPECT_ATTRIBUTE(span, "ebpfotel.tx_packets", "2");
	json_decref(r);
}

Test(converter, a_lookup_is_a_client_span)
{
	json_t *r = otlp_of(SPANS, event_line("dns", 1,
					      "\"server\":{\"address\":\"10.0.0.2\",\"port\":53},"
					      "\"question\":\"a.example\",\"qtype\":\"AAAA\","
					      "\"rcode\":\"NXDOMAIN\",\"duration_ns\":1300"));
	json_t *span = otlp_find(r, "DNS AAAA");

	cr_assert_not_null(span);
	EXPECT(span, "kind", "3");
	EXPECT(span, "endTimeUnixNano", wall(1301));
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

Test(converter, a_request_to_a_server_hangs_under_its_traceparent)
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
	EXPECT(span, "endTimeUnixNano", wall(40));
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

	snprintf(data, sizeof(data), "\"conn\":\"0x1\",\"role\":\"%s\"," HTTP ",\"duration_ns\":30%s",
		 role, more);
	return event_line("http_request", 10, data);
}

Test(converter, a_client_span_is_made_only_where_its_sdk_makes_none)
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

Test(converter, http_failures_depend_on_the_role)
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

Test(converter, odd_methods_and_hosts_keep_cardinality_low)
{
	json_t *r = otlp_of(SPANS, event_line("http_request", 10,
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

Test(converter, with_a_traceparent_for_the_run_all_spans_hang_under_it)
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

/* --- ids --------------------------------------------------------------------------------- */

static char *bytes_of(const char *run_id, const char *lines, enum signal signal)
{
	struct otlp otlp;
	char *bytes;

	otlp_init(&otlp, run_id);
	otlp_feed(&otlp, signal, lines);
	bytes = otlp_write(&otlp, signal, EO_OTLP_JSON, NULL);
	otlp_fini(&otlp);
	return bytes;
}

Test(converter, the_same_events_give_the_same_bytes)
{
	EO_AUTO_FREE char *lines = file_text("bare.jsonl");

	for (int signal = SPANS; signal <= LOGS; signal++) {
		EO_AUTO_FREE char *a = bytes_of("one", lines, (enum signal)signal);
		EO_AUTO_FREE char *b = bytes_of("one", lines, (enum signal)signal);
		EO_AUTO_FREE char *c = bytes_of("two", lines, (enum signal)signal);

		cr_expect_str_eq(a, b);
		cr_expect_eq(!strcmp(a, c), signal != SPANS);
	}
}

Test(converter, a_start_record_brings_the_run_id)
{
	EO_AUTO_FREE char *lines = file_text("examples.jsonl");
	EO_AUTO_FREE char *a = bytes_of("one", lines, SPANS), *b = bytes_of("two", lines, SPANS);

	cr_expect_str_eq(a, b);
}

Test(converter, ids_of_a_run_are_all_different)
{
	EO_AUTO_FREE char *lines = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&lines, &size);
	json_t *r, *span, *seen = json_object();
	size_t i;

	for (int n = 0; n < 500; n++) {
		fputs(event_line("udp_session", n, "\"conn\":\"0x1\""), out);
		fputs(event_line("dns", n, ""), out);
		fputs(event_line("syscall", n * 10000000ll, "\"name\":\"read\""), out);
	}
	fclose(out);
	r = otlp_of(SPANS, lines);
	json_array_foreach(otlp_items(r, 0), i, span) {
		cr_expect_null(json_object_get(seen, otlp_text(span, "spanId")));
		json_object_set_new(seen, otlp_text(span, "spanId"), json_true());
		cr_expect_eq(strlen(otlp_text(span, "spanId")), 16u);
		cr_expect_eq(strlen(otlp_text(span, "traceId")), 32u);
	}
	cr_expect_eq(json_object_size(seen), 1505u);
	json_decref(seen);
	json_decref(r);
}

/* --- live and from a file ------------------------------------------------------------- */

static int convert_all(void *ctx, const struct eo_event *event, const struct eo_event_clock *clock,
		       struct eo_error *err)
{
	return eo_otlp_converter_convert_events_batch(((struct otlp *)ctx)->converter, event, 1,
						      clock, err);
}

Test(converter, a_file_gives_the_same_bytes_as_the_stream_it_holds)
{
	const struct eo_attr start[] = {
		{ .key = "run_id", .str = "5b8efff798038103d269b633813fc60c" },
		{ .key = "ktime_ns", .type = EO_ATTR_UINT, .unum = 1ull << 60 },
		{ .key = "host_name", .str = "h\xff" },
	};
	const struct eo_attr process[] = {
		{ .key = "exe", .str = "/bin/a\x80" },
		{ .key = "resource", .type = EO_ATTR_OBJECT, .count = 2 },
		{ .key = "service.name", .str = "\xc3" },
		{ .key = "shard", .type = EO_ATTR_UINT, .unum = 3 },
	};
	const struct eo_attr call[] = {
		{ .key = "name", .str = "mmap" },
		{ .key = "nr", .type = EO_ATTR_INT, .num = 9 },
		{ .key = "path", .str = "/tmp/\xfe\x01" },
		{ .key = "args", .type = EO_ATTR_OBJECT, .count = 6 },
		{ .key = "addr", .type = EO_ATTR_HEX, .unum = 0 },
		{ .key = "len", .type = EO_ATTR_UINT, .unum = UINT64_MAX },
		{ .key = "at", .type = EO_ATTR_INT, .num = INT64_MIN },
		{ .key = "flags", .type = EO_ATTR_ARRAY, .count = 2 },
		{ .key = NULL, .type = EO_ATTR_UINT, .unum = 1ull << 55 },
		{ .key = NULL, .type = EO_ATTR_BOOL, .num = 1 },
		{ .key = "ret_address", .type = EO_ATTR_HEX, .unum = 0x7f0000000000 },
		{ .key = "duration_ns", .type = EO_ATTR_UINT, .unum = 1834 },
	};
	const struct eo_event_clock clock = { .wall_offset_ns = START_NS - (1ll << 60),
					      .start_ns = 1ull << 60 };
	struct eo_event events[] = {
		{ .type = EO_EVENT_START, .ktime_ns = 1ull << 60, .data = start, .data_count = 3 },
		{ .type = EO_EVENT_PROCESS, .ktime_ns = (1ull << 60) + 1, .pid = 5, .tid = 5,
		  .comm = "a\x80", .data = process, .data_count = 4 },
		{ .type = EO_EVENT_SYSCALL, .ktime_ns = (1ull << 60) + 77, .pid = 5, .tid = 6,
		  .comm = "a\x80", .thread = "\xff\xff", .data = call, .data_count = 12 },
		{ .type = EO_EVENT_SYSCALL, .ktime_ns = (1ull << 60) - 77, .pid = 9, .tid = 9,
		  .comm = "\xf0\x9f", .data = call, .data_count = 12 },
	};
	EO_AUTO_FREE char *lines = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&lines, &size);
	EO_AUTO(eo_input) input = NULL;
	struct otlp live, file;

	otlp_init(&live, "one");
	otlp_init(&file, "two");
	for (size_t i = 0; i < EO_ARRAY_SIZE(events); i++)
		cr_assert_eq(eo_jsonl_write(&events[i], &clock, out), 0);
	fclose(out);
	cr_assert_eq(eo_otlp_converter_convert_events_batch(live.converter, events,
							    EO_ARRAY_SIZE(events), &clock, NULL),
		     0);
	cr_assert_eq(eo_input_open_memory(lines, size, &input, NULL), 0);
	cr_assert_eq(eo_read_events(input, convert_all, &file, NULL), 0);
	for (int signal = SPANS; signal <= LOGS; signal++) {
		size_t a_size, b_size;
		EO_AUTO_FREE char *a = otlp_write(&live, (enum signal)signal, EO_OTLP_JSON, &a_size);
		EO_AUTO_FREE char *b = otlp_write(&file, (enum signal)signal, EO_OTLP_JSON, &b_size);

		cr_expect_gt(a_size, 0u);
		cr_expect_str_eq(a, b);
	}
	otlp_fini(&live);
	otlp_fini(&file);
}

/* --- resources --------------------------------------------------------------------------- */

Test(converter, a_process_is_what_it_says_it_is)
{
	EO_AUTO_FREE char *lines = NULL;
	json_t *r;

	cr_assert_gt(asprintf(&lines, "%s%s%s",
			      event_line("start", 0,
					 "\"host_name\":\"h\",\"host_id\":\"i\",\"host_arch\":\"amd64\""),
			      event_line("process", 1,
					 "\"exe\":\"/usr/bin/real\",\"container_id\":\"c0\","
					 "\"pod_uid\":\"u0\",\"resource\":{\"service.name\":\"shop\","
					 "\"process.pid\":1,\"team\":\"blue\"}"),
			      event_line("dns", 2, "")),
		     0);
	r = otlp_of(SPANS, lines);
	expect_text(otlp_resource(r, 0, "service.name"), "shop", "service", __LINE__);
	expect_text(otlp_resource(r, 0, "process.pid"), "7", "pid", __LINE__);
	expect_text(otlp_resource(r, 0, "team"), "blue", "team", __LINE__);
	expect_text(otlp_resource(r, 0, "process.executable.name"), "real", "exe", __LINE__);
	expect_text(otlp_resource(r, 0, "process.executable.path"), "/usr/bin/real", "exe", __LINE__);
	expect_text(otlp_resource(r, 0, "container.id"), "c0", "container", __LINE__);
	expect_text(otlp_resource(r, 0, "k8s.pod.uid"), "u0", "pod", __LINE__);
	expect_text(otlp_resource(r, 0, "host.name"), "h", "host", __LINE__);
	expect_text(otlp_resource(r, 0, "host.id"), "i", "host", __LINE__);
	expect_text(otlp_resource(r, 0, "host.arch"), "amd64", "host", __LINE__);
	expect_text(otlp_resource(r, 0, "os.type"), "linux", "os", __LINE__);
	json_decref(r);
}

Test(converter, an_undeclared_service_is_named_after_its_program)
{
	EO_AUTO_FREE char *lines = NULL;
	json_t *r;

	cr_assert_gt(asprintf(&lines, "%s%s", event_line("process", 1, "\"exe\":\"/usr/bin/real\""),
			      event_line("dns", 2, "")),
		     0);
	r = otlp_of(SPANS, lines);
	expect_text(otlp_resource(r, 0, "service.name"), "unknown_service:real", "service", __LINE__);
	json_decref(r);
}

Test(converter, what_the_user_adds_is_in_every_resource_and_overrules)
{
	static const struct eo_attribute additional[] = { { .key = "service.name", .str = "mine" },
							  { .key = "answer", .num = 42 } };
	static const enum signal signals[] = { SPANS, METRICS, LOGS };
	struct otlp otlp;

	for (size_t i = 0; i < EO_ARRAY_SIZE(signals); i++) {
		json_t *r;

		otlp_init(&otlp, "run");
		cr_expect_eq(eo_otlp_converter_add_resource(otlp.converter, additional, 2), 0);
		otlp_feed(&otlp, signals[i], event_line("dns", 2, "\"duration_ns\":1"));
		cr_expect_eq(eo_otlp_converter_add_resource(otlp.converter, additional, 2), -EINVAL);
		r = otlp_request(&otlp, signals[i]);
		expect_text(otlp_resource(r, 0, "service.name"), "mine", "service", __LINE__);
		expect_text(otlp_resource(r, 0, "answer"), "42", "answer", __LINE__);
		json_decref(r);
		otlp_fini(&otlp);
	}
}

Test(converter, a_resource_that_is_too_large_is_cut_and_says_so)
{
	EO_AUTO_FREE char *lines = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&lines, &size);
	json_t *r, *resource;

	fputs("{\"event_type\":\"process\",\"timestamp\":\"2026-11-21T23:01:00Z\",\"elapsed_ns\":0,"
	      "\"pid\":7,\"tid\":7,\"data\":{\"resource\":{\"service.name\":\"", out);
	for (int i = 0; i < 2000; i++)
		putc('x', out);
	putc('"', out);
	for (int i = 0; i < 100; i++)
		fprintf(out, ",\"k%d\":\"v\"", i);
	fputs("}}}\n", out);
	fputs(event_line("dns", 2, ""), out);
	fclose(out);
	r = otlp_of(SPANS, lines);
	resource = json_object_get(json_array_get(json_object_get(r, "resourceSpans"), 0), "resource");
	cr_expect_eq(json_array_size(json_object_get(resource, "attributes")), 64u);
	cr_expect_gt(atoi(otlp_text(resource, "droppedAttributesCount")), 37);
	expect_text(otlp_resource(r, 0, "service.name"), "unknown_service", "service", __LINE__);
	json_decref(r);
}

/* --- metrics ----------------------------------------------------------------------------- */

struct expected_point {
	const char *type, *data;
	const char *metric, *unit, *value; /* value NULL: a histogram with one measurement */
	const char *attribute, *attribute_value;
	const char *is_monotonic;
};

Test(converter, every_event_has_the_metrics_of_the_table)
{
	static const struct expected_point cases[] = {
		{ "syscall", "\"name\":\"read\",\"error\":\"EIO\",\"duration_ns\":5",
		  "ebpfotel.syscall.duration", "s", NULL, "ebpfotel.syscall.name", "read", NULL },
		{ "syscall", "\"name\":\"read\",\"error\":\"EIO\",\"duration_ns\":5",
		  "ebpfotel.syscall.duration", "s", NULL, "error.type", "EIO", NULL },
		{ "tcp_connect", CONN, "ebpfotel.tcp.connections", "{connection}", "1",
		  "ebpfotel.tcp.state", "established", "true" },
		{ "tcp_accept", CONN, "ebpfotel.tcp.connections", "{connection}", "1",
		  "ebpfotel.tcp.state", "established", "true" },
		{ "tcp_connect", CONN ",\"error\":\"ECONNREFUSED\"", "ebpfotel.tcp.connections",
		  "{connection}", "1", "ebpfotel.tcp.state", "failed", "true" },
		{ "tcp_close", CONN, "ebpfotel.tcp.connections", "{connection}", "1",
		  "ebpfotel.tcp.state", "closed", "true" },
		{ "tcp_close", CONN ",\"tx_bytes\":812", "process.network.io", "By", "812",
		  "network.io.direction", "transmit", "true" },
		{ "tcp_close", CONN ",\"rx_bytes\":94", "process.network.io", "By", "94",
		  "network.io.direction", "receive", "true" },
		{ "tcp_close", CONN ",\"rtt_ns\":310000", "ebpfotel.tcp.rtt", "s", NULL,
		  "ebpfotel.role", "client", NULL },
		{ "tcp_close", CONN ",\"retransmits\":3", "ebpfotel.tcp.retransmits", "{segment}",
		  "3", "error.type", NULL, "true" },
		{ "tcp_retransmit", CONN ",\"count\":2", "ebpfotel.tcp.retransmits", "{segment}",
		  "2", "error.type", NULL, "true" },
		{ "udp_session", "\"tx_bytes\":96", "process.network.io", "By", "96",
		  "network.io.direction", "transmit", "true" },
		{ "udp_session", "\"rx_bytes\":180", "process.network.io", "By", "180",
		  "network.io.direction", "receive", "true" },
		{ "dns", "\"question\":\"a.example\",\"duration_ns\":5", "dns.lookup.duration", "s",
		  NULL, "dns.question.name", "a.example", NULL },
		{ "http_request", "\"role\":\"server\"," HTTP ",\"status\":502,\"duration_ns\":5",
		  "http.server.request.duration", "s", NULL, "http.response.status_code", "502",
		  NULL },
		{ "http_request", "\"role\":\"client\"," HTTP ",\"status\":200,\"duration_ns\":5",
		  "http.client.request.duration", "s", NULL, "server.address", "shop", NULL },
		{ "memory_alloc", "\"source\":\"libc\",\"size_bytes\":64", "ebpfotel.memory.allocated",
		  "By", "64", "ebpfotel.memory.source", "libc", "true" },
		{ "memory_alloc", "\"source\":\"libc\",\"size_bytes\":64",
		  "ebpfotel.memory.allocations", "{allocation}", "1", "ebpfotel.memory.source",
		  "libc", "true" },
		{ "memory_alloc", "\"source\":\"libc\",\"size_bytes\":64", "ebpfotel.memory.active",
		  "By", "64", "ebpfotel.memory.source", "libc", NULL },
		{ "memory_free", "\"source\":\"libc\",\"size_bytes\":64", "ebpfotel.memory.active",
		  "By", "-64", "ebpfotel.memory.source", "libc", NULL },
		{ "memory_free", "\"source\":\"libc\",\"size_bytes\":64", "ebpfotel.memory.freed",
		  "By", "64", "ebpfotel.memory.source", "libc", "true" },
		{ "memory_free", "\"source\":\"libc\"", "ebpfotel.memory.frees", "{free}", "1",
		  "ebpfotel.memory.source", "libc", "true" },
		{ "network_packet", "\"direction\":\"tx\",\"interface\":\"eth0\",\"length_bytes\":1480",
		  "system.network.packet.count", "{packet}", "1", "system.device", "eth0", "true" },
		{ "network_packet",
		  "\"direction\":\"rx\",\"interface\":\"eth0\",\"length_bytes\":9,\"segments\":4",
		  "system.network.packet.count", "{packet}", "4", "network.io.direction", "receive",
		  "true" },
		{ "network_packet", "\"direction\":\"tx\",\"interface\":\"eth0\",\"length_bytes\":1480",
		  "system.network.io", "By", "1480", "network.interface.name", "eth0", "true" },
		{ "loss", "\"reason\":\"ring_full\",\"tracer\":\"net\",\"count\":17",
		  "ebpfotel.events.lost", "{event}", "17", "ebpfotel.reason", "ring_full", "true" },
		{ "end", "\"overhead\":{\"user_ns\":1500000000}", "process.cpu.time", "s", "1.5",
		  "cpu.mode", "user", "true" },
		{ "end", "\"overhead\":{\"system_ns\":500000000}", "process.cpu.time", "s", "0.5",
		  "cpu.mode", "system", "true" },
		{ "end", "\"overhead\":{\"rss_bytes\":4096}", "process.memory.usage", "By", "4096",
		  "cpu.mode", NULL, NULL },
		{ "end", "\"overhead\":{\"bpf_ns\":250000000}", "ebpfotel.bpf.run_time", "s", "0.25",
		  "cpu.mode", NULL, "true" },
		{ "end", "\"overhead\":{\"map_bytes\":8192}", "ebpfotel.bpf.map.size", "By", "8192",
		  "cpu.mode", NULL, NULL },
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(cases); i++) {
		const struct expected_point *e = &cases[i];
		json_t *r = otlp_of(METRICS, event_line(e->type, 5, e->data));
		json_t *metric = otlp_find(r, e->metric), *point = NULL, *points;
		size_t at;

		cr_assert_not_null(metric, "%s of %s", e->metric, e->type);
		EXPECT(metric, "unit", e->unit);
		points = otlp_points(r, e->metric);
		json_array_foreach(points, at, point) {
			const char *value = otlp_attribute(point, e->attribute);

			if (e->attribute_value ? value && !strcmp(value, e->attribute_value) : !value)
				break;
		}
		cr_assert_not_null(point, "%s=%s of %s", e->attribute, e->attribute_value, e->metric);
		EXPECT(point, "startTimeUnixNano", wall(0));
		if (e->value) {
			const char *value = otlp_text(point, "asInt");

			expect_text(value ? value : otlp_text(point, "asDouble"), e->value,
				    e->metric, __LINE__);
			EXPECT(json_object_get(metric, "sum"), "isMonotonic", e->is_monotonic);
			EXPECT(json_object_get(metric, "sum"), "aggregationTemporality", "2");
		} else {
			EXPECT(point, "count", "1");
			EXPECT(json_object_get(metric, "histogram"), "aggregationTemporality", "2");
		}
		json_decref(r);
	}
}

Test(converter, metrics_belong_to_services_hosts_and_ourselves)
{
	static const struct {
		const char *type, *data, *service, *pid;
	} cases[] = {
		{ "dns", "\"duration_ns\":1", "unknown_service:app", NULL },
		{ "network_packet", "\"direction\":\"tx\",\"length_bytes\":1", NULL, NULL },
		{ "loss", "\"count\":1", "ebpfotel", NULL },
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(cases); i++) {
		json_t *r = otlp_of(METRICS, event_line(cases[i].type, 5, cases[i].data));

		expect_text(otlp_resource(r, 0, "service.name"), cases[i].service, "service", __LINE__);
		expect_text(otlp_resource(r, 0, "process.pid"), cases[i].pid, "pid", __LINE__);
		json_decref(r);
	}
}

Test(converter, by_pid_metrics_belong_to_processes)
{
	EO_AUTO_FREE char *lines = NULL;
	json_t *r;

	cr_assert_gt(asprintf(&lines, "%s%s", event_line("start", 0, "\"config\":{\"by\":\"pid\"}"),
			      event_line("dns", 5, "\"duration_ns\":1")),
		     0);
	r = otlp_of(METRICS, lines);
	expect_text(otlp_resource(r, 0, "process.pid"), "7", "pid", __LINE__);
	json_decref(r);
}

Test(converter, processes_of_one_service_share_their_streams)
{
	EO_AUTO_FREE char *lines = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&lines, &size);
	json_t *r;

	for (int pid = 1; pid <= 5; pid++) {
		fprintf(out,
			"{\"event_type\":\"process\",\"timestamp\":\"2026-11-21T23:01:00Z\","
			"\"elapsed_ns\":0,\"pid\":%d,\"tid\":%d,\"comm\":\"w\",\"data\":{"
			"\"exe\":\"/bin/w%d\",\"resource\":{\"service.name\":\"shop\"}}}\n",
			pid, pid, pid);
		fprintf(out,
			"{\"event_type\":\"udp_session\",\"timestamp\":\"2026-11-21T23:01:00Z\","
			"\"elapsed_ns\":0,\"pid\":%d,\"tid\":%d,\"comm\":\"w\",\"data\":{"
			"\"tx_bytes\":%d}}\n",
			pid, pid, pid);
	}
	fclose(out);
	r = otlp_of(METRICS, lines);
	cr_assert_eq(json_array_size(otlp_points(r, "process.network.io")), 1u);
	EXPECT(json_array_get(otlp_points(r, "process.network.io"), 0), "asInt", "15");
	json_decref(r);
}

Test(converter, retransmits_that_had_their_own_event_count_once)
{
	EO_AUTO_FREE char *lines = NULL;
	json_t *r;

	cr_assert_gt(asprintf(&lines, "%s%s%s%s",
			      event_line("tcp_retransmit", 1, "\"conn\":\"0x1\",\"count\":2"),
			      event_line("tcp_retransmit", 2, "\"conn\":\"0x1\",\"count\":1"),
			      event_line("tcp_close", 3, "\"conn\":\"0x1\",\"retransmits\":5"),
			      event_line("tcp_close", 4, "\"conn\":\"0x2\",\"retransmits\":1")),
		     0);
	r = otlp_of(METRICS, lines);
	EXPECT(json_array_get(otlp_points(r, "ebpfotel.tcp.retransmits"), 0), "asInt", "6");
	json_decref(r);
}

Test(converter, an_allocation_that_failed_is_none)
{
	json_t *r = otlp_of(METRICS, event_line("memory_alloc", 5,
						"\"source\":\"libc\",\"size_bytes\":64,"
						"\"error\":\"ENOMEM\""));

	cr_expect_null(otlp_find(r, "ebpfotel.memory.allocations"));
	cr_expect_null(otlp_find(r, "ebpfotel.memory.allocated"));
	json_decref(r);
}

Test(converter, the_end_of_two_runs_adds_up)
{
	EO_AUTO_FREE char *lines = NULL;
	json_t *r;

	cr_assert_gt(asprintf(&lines, "%s%s%s", event_line("end", 1, "\"overhead\":{\"user_ns\":2000000000}"),
			      event_line("end", 2, "\"overhead\":{\"user_ns\":3000000000}"),
			      event_line("end", 3, "\"overhead\":{\"user_ns\":1000000000}")),
		     0);
	r = otlp_of(METRICS, lines);
	EXPECT(json_array_get(otlp_points(r, "process.cpu.time"), 0), "asDouble", "4");
	json_decref(r);
}

/* --- log records ------------------------------------------------------------------------- */

Test(converter, every_event_is_a_log_record_with_its_name_and_data)
{
	EO_AUTO_FREE char *lines = file_text("examples.jsonl");
	json_t *r = otlp_of(LOGS, lines), *record;

	for (int i = 0; i < EO_EVENT_TYPE_COUNT; i++) {
		char name[64];

		snprintf(name, sizeof(name), "ebpfotel.%s",
			 eo_event_type_name((enum eo_event_type)i));
		cr_expect_not_null(otlp_find(r, name), "%s", name);
	}
	record = otlp_find(r, "ebpfotel.syscall");
	EXPECT(record, "timeUnixNano", "1795302062123455789");
	EXPECT(record, "observedTimeUnixNano", "1795302062123455789");
	EXPECT(record, "severityNumber", "9");
	EXPECT_ATTRIBUTE(record, "name", "openat");
	EXPECT_ATTRIBUTE(record, "nr", "257");
	EXPECT_ATTRIBUTE(record, "duration_ns", "1834");
	EXPECT_ATTRIBUTE(record, "thread.id", "4713");
	EXPECT(otlp_find(r, "ebpfotel.loss"), "severityNumber", "13");
	EXPECT(otlp_find(r, "ebpfotel.http_request"), "traceId", "4bf92f3577b34da6a3ce929d0e0e4736");
	json_decref(r);
}

Test(converter, an_event_of_nobody_belongs_to_an_unknown_service)
{
	json_t *r = otlp_of(LOGS, "{\"event_type\":\"dns\",\"timestamp\":\"2026-11-21T23:01:00Z\","
				  "\"elapsed_ns\":0,\"data\":{}}\n");

	expect_text(otlp_resource(r, 0, "service.name"), "unknown_service", "service", __LINE__);
	expect_text(otlp_resource(r, 0, "process.pid"), NULL, "pid", __LINE__);
	json_decref(r);
}

/* --- profiles ---------------------------------------------------------------------------- */

Test(converter, a_profile_gets_the_additional_resource)
{
	static const struct eo_attribute additional[] = { { .key = "team", .str = "blue" } };
	struct eo_profile *profile = eo_profile_new();
	struct otlp otlp;
	EO_AUTO_FREE char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	const int64_t value = 3;
	uint32_t frame;

	eo_profile_add_value_type(profile, "samples", "count");
	frame = eo_profile_synthetic_frame(profile, "main");
	eo_profile_add_sample(profile, eo_profile_stack(profile, &frame, 1), 0, &value);
	otlp_init(&otlp, "run");
	eo_otlp_converter_add_resource(otlp.converter, additional, 1);
	cr_expect_eq(eo_otlp_converter_convert_profile_to_otlp(otlp.converter, profile, EO_OTLP_JSON,
							       out, NULL),
		     0);
	fclose(out);
	cr_expect_not_null(strstr(text, "\"team\""));
	cr_expect_not_null(strstr(text, "resourceProfiles"));
	otlp_fini(&otlp);
	eo_profile_free(profile);
}
