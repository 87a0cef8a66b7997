/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/auto.h"
#include "otlp_events.h"

#define MEM_ROW                                                                             \
	"\"name\":\"64-127\",\"source\":\"mmap\",\"count\":17,\"errors\":0,\"frees\":13," \
	"\"total_allocated\":1009,\"total_freed\":503"

struct expected_point {
	const char *type, *data;
	const char *metric, *unit, *value; /* value NULL: a histogram with one measurement */
	const char *attribute, *attribute_value;
	const char *is_monotonic;
};

Test(metric_rules, every_event_has_the_metrics_of_the_table)
{
	static const struct expected_point cases[] = {
		{"syscall", "\"name\":\"read\",\"error\":\"EIO\",\"duration_ns\":5",
		 "ebpfotel.syscall.duration", "s", NULL, "ebpfotel.syscall.name", "read", NULL},
		{"syscall", "\"name\":\"read\",\"error\":\"EIO\",\"duration_ns\":5",
		 "ebpfotel.syscall.duration", "s", NULL, "error.type", "EIO", NULL},
		{"tcp_connect", CONN, "ebpfotel.tcp.connections", "{connection}", "1",
		 "ebpfotel.tcp.state", "established", "true"},
		{"tcp_accept", CONN, "ebpfotel.tcp.connections", "{connection}", "1",
		 "ebpfotel.tcp.state", "established", "true"},
		{"tcp_connect", CONN ",\"error\":\"ECONNREFUSED\"", "ebpfotel.tcp.connections",
		 "{connection}", "1", "ebpfotel.tcp.state", "failed", "true"},
		{"tcp_close", CONN, "ebpfotel.tcp.connections", "{connection}", "1",
		 "ebpfotel.tcp.state", "closed", "true"},
		{"tcp_close", CONN ",\"tx_bytes\":812", "process.network.io", "By", "812",
		 "network.io.direction", "transmit", "true"},
		{"tcp_close", CONN ",\"rx_bytes\":94", "process.network.io", "By", "94",
		 "network.io.direction", "receive", "true"},
		{"tcp_close", CONN ",\"rtt_ns\":310000", "ebpfotel.tcp.rtt", "s", NULL,
		 "ebpfotel.role", "client", NULL},
		{"tcp_close", CONN ",\"retransmits\":3", "ebpfotel.tcp.retransmits", "{segment}",
		 "3", "error.type", NULL, "true"},
		{"tcp_retransmit", CONN ",\"count\":2", "ebpfotel.tcp.retransmits", "{segment}",
		 "2", "error.type", NULL, "true"},
		{"udp_session", "\"tx_bytes\":96", "process.network.io", "By", "96",
		 "network.io.direction", "transmit", "true"},
		{"udp_session", "\"rx_bytes\":180", "process.network.io", "By", "180",
		 "network.io.direction", "receive", "true"},
		{"dns", "\"question\":\"a.example\",\"duration_ns\":5", "dns.lookup.duration", "s",
		 NULL, "dns.question.name", "a.example", NULL},
		{"http_request", "\"role\":\"server\"," HTTP ",\"status\":502,\"duration_ns\":5",
		 "http.server.request.duration", "s", NULL, "http.response.status_code", "502",
		 NULL},
		{"http_request", "\"role\":\"client\"," HTTP ",\"status\":200,\"duration_ns\":5",
		 "http.client.request.duration", "s", NULL, "server.address", "shop", NULL},
		{"net_summary", "\"proto\":\"tcp\",\"role\":\"client\",\"count\":7",
		 "ebpfotel.tcp.connections", "{connection}", "7", "ebpfotel.role", "client", "true"},
		{"net_summary", "\"proto\":\"tcp\",\"retransmits\":3", "ebpfotel.tcp.retransmits",
		 "{segment}", "3", "error.type", NULL, "true"},
		{"net_summary", "\"proto\":\"udp\",\"tx_bytes\":96", "process.network.io", "By",
		 "96", "network.io.direction", "transmit", "true"},
		{"net_summary", "\"proto\":\"tcp\",\"rx_bytes\":97", "process.network.io", "By",
		 "97", "network.io.direction", "receive", "true"},
		{"net_summary", "\"proto\":\"http\",\"role\":\"server\"," HTTP
				",\"total_ns\":9,\"min_ns\":9,\"max_ns\":9,\"buckets\":[0,0,0,1]",
		 "http.server.request.duration", "s", NULL, "url.path", "/cart", NULL},
		{"net_summary", "\"proto\":\"http\",\"role\":\"client\"," HTTP
				",\"total_ns\":9,\"min_ns\":9,\"max_ns\":9,\"buckets\":[0,0,0,1]",
		 "http.client.request.duration", "s", NULL, "server.address", "shop", NULL},
		{"memory_alloc", "\"source\":\"libc\",\"size_bytes\":64",
		 "ebpfotel.memory.allocated", "By", "64", "ebpfotel.memory.source", "libc", "true"},
		{"memory_alloc", "\"source\":\"libc\",\"size_bytes\":64",
		 "ebpfotel.memory.allocations", "{allocation}", "1", "ebpfotel.memory.source",
		 "libc", "true"},
		{"memory_alloc", "\"source\":\"libc\",\"size_bytes\":64", "ebpfotel.memory.active",
		 "By", "64", "ebpfotel.memory.source", "libc", NULL},
		{"memory_free", "\"source\":\"libc\",\"size_bytes\":64", "ebpfotel.memory.active",
		 "By", "-64", "ebpfotel.memory.source", "libc", NULL},
		{"memory_free", "\"source\":\"libc\",\"size_bytes\":64", "ebpfotel.memory.freed",
		 "By", "64", "ebpfotel.memory.source", "libc", "true"},
		{"memory_free", "\"source\":\"libc\"", "ebpfotel.memory.frees", "{free}", "1",
		 "ebpfotel.memory.source", "libc", "true"},
		{"mem_summary", MEM_ROW, "ebpfotel.memory.allocations", "{allocation}", "17",
		 "ebpfotel.memory.source", "mmap", "true"},
		{"mem_summary", MEM_ROW, "ebpfotel.memory.allocated", "By", "1009",
		 "ebpfotel.memory.source", "mmap", "true"},
		{"mem_summary", MEM_ROW, "ebpfotel.memory.frees", "{free}", "13",
		 "ebpfotel.memory.source", "mmap", "true"},
		{"mem_summary", MEM_ROW, "ebpfotel.memory.freed", "By", "503",
		 "ebpfotel.memory.source", "mmap", "true"},
		{"mem_summary", MEM_ROW, "ebpfotel.memory.active", "By", "506",
		 "ebpfotel.memory.source", "mmap", NULL},
		{"network_packet",
		 "\"direction\":\"tx\",\"interface\":\"eth0\",\"length_bytes\":1480",
		 "system.network.packet.count", "{packet}", "1", "system.device", "eth0", "true"},
		{"network_packet",
		 "\"direction\":\"rx\",\"interface\":\"eth0\",\"length_bytes\":9,\"segments\":4",
		 "system.network.packet.count", "{packet}", "4", "network.io.direction", "receive",
		 "true"},
		{"network_packet",
		 "\"direction\":\"tx\",\"interface\":\"eth0\",\"length_bytes\":1480",
		 "system.network.io", "By", "1480", "network.interface.name", "eth0", "true"},
		{"loss", "\"reason\":\"ring_full\",\"tracer\":\"net\",\"count\":17",
		 "ebpfotel.events.lost", "{event}", "17", "ebpfotel.reason", "ring_full", "true"},
		{"end", "\"overhead\":{\"user_ns\":1500000000}", "process.cpu.time", "s", "1.5",
		 "cpu.mode", "user", "true"},
		{"end", "\"overhead\":{\"system_ns\":500000000}", "process.cpu.time", "s", "0.5",
		 "cpu.mode", "system", "true"},
		{"end", "\"overhead\":{\"rss_bytes\":4096}", "process.memory.usage", "By", "4096",
		 "cpu.mode", NULL, NULL},
		{"end", "\"overhead\":{\"bpf_ns\":250000000}", "ebpfotel.bpf.run_time", "s", "0.25",
		 "cpu.mode", NULL, "true"},
		{"end", "\"overhead\":{\"map_bytes\":8192}", "ebpfotel.bpf.map.size", "By", "8192",
		 "cpu.mode", NULL, NULL},
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

			if (e->attribute_value ? value && !strcmp(value, e->attribute_value)
					       : !value)
				break;
		}
		cr_assert_not_null(point, "%s=%s of %s", e->attribute, e->attribute_value,
				   e->metric);
		EXPECT(point, "startTimeUnixNano", event_wall(0));
		if (e->value) {
			const char *value = otlp_text(point, "asInt");

			otlp_expect(value ? value : otlp_text(point, "asDouble"), e->value,
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

Test(metric_rules, metrics_belong_to_services_hosts_and_ourselves)
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

		EXPECT_RESOURCE(r, 0, "service.name", cases[i].service);
		EXPECT_RESOURCE(r, 0, "process.pid", cases[i].pid);
		json_decref(r);
	}
}

Test(metric_rules, by_pid_metrics_belong_to_processes)
{
	EO_AUTO_FREE char *lines = NULL;
	json_t *r;

	cr_assert_gt(asprintf(&lines, "%s%s", event_line("start", 0, "\"config\":{\"by\":\"pid\"}"),
			      event_line("dns", 5, "\"duration_ns\":1")),
		     0);
	r = otlp_of(METRICS, lines);
	EXPECT_RESOURCE(r, 0, "process.pid", "7");
	json_decref(r);
}

Test(metric_rules, processes_of_one_service_share_their_streams)
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

Test(metric_rules, retransmits_that_had_their_own_event_count_once)
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

Test(metric_rules, an_allocation_that_failed_is_none)
{
	json_t *r = otlp_of(METRICS, event_line("memory_alloc", 5,
						"\"source\":\"libc\",\"size_bytes\":64,"
						"\"error\":\"ENOMEM\""));

	cr_expect_null(otlp_find(r, "ebpfotel.memory.allocations"));
	cr_expect_null(otlp_find(r, "ebpfotel.memory.allocated"));
	json_decref(r);
}

Test(metric_rules, the_end_of_two_runs_adds_up)
{
	EO_AUTO_FREE char *lines = NULL;
	json_t *r;

	cr_assert_gt(asprintf(&lines, "%s%s%s",
			      event_line("end", 1, "\"overhead\":{\"user_ns\":2000000000}"),
			      event_line("end", 2, "\"overhead\":{\"user_ns\":3000000000}"),
			      event_line("end", 3, "\"overhead\":{\"user_ns\":1000000000}")),
		     0);
	r = otlp_of(METRICS, lines);
	EXPECT(json_array_get(otlp_points(r, "process.cpu.time"), 0), "asDouble", "4");
	json_decref(r);
}

Test(metric_rules, a_row_of_a_summary_is_a_histogram_with_its_counts)
{
	/* 2^2 <= ns < 2^3: 3 calls; 2^10 <= ns < 2^11: 7. Twice, as two intervals tell it. */
	static const char row[] =
		"\"name\":\"read\",\"count\":11,\"errors\":1,\"total_ns\":10007,\"min_ns\":4,"
		"\"max_ns\":2039,\"buckets\":[0,0,3,0,0,0,0,0,0,0,7]";
	char lines[2048];
	json_t *request, *point, *counts;
	size_t length;

	length = (size_t)snprintf(lines, sizeof(lines), "%s\n",
				  event_line("syscall_summary", 1000, row));
	snprintf(lines + length, sizeof(lines) - length, "%s\n",
		 event_line("syscall_summary", 2000, row));
	request = otlp_of(METRICS, lines);
	point = json_array_get(otlp_points(request, "ebpfotel.syscall.duration"), 0);
	EXPECT(point, "count", "20");
	counts = json_object_get(point, "bucketCounts");
	cr_expect_eq(json_array_size(counts), 42);
	cr_expect_str_eq(json_string_value(json_array_get(counts, 3)), "6");
	cr_expect_str_eq(json_string_value(json_array_get(counts, 11)), "14");
	cr_expect_eq(json_real_value(json_object_get(point, "sum")), 20014 / 1e9);
	cr_expect_eq(json_real_value(json_object_get(point, "min")), 4 / 1e9);
	cr_expect_eq(json_real_value(json_object_get(point, "max")), 2039 / 1e9);
	EXPECT_ATTRIBUTE(point, "ebpfotel.syscall.name", "read");
	json_decref(request);
}
