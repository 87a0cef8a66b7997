/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/auto.h"
#include "otlp/ids.h"
#include "otlp/messages.h"
#include "otlp/metric_batch.h"
#include "otlp/recent.h"
#include "otlp_events.h"

#define MESSAGE_LIMIT 1000000u

static char *many(int count, const char *type, const char *data)
{
	char *lines = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&lines, &size);

	for (int i = 0; i < count; i++)
		fputs(event_line(type, i, data), out);
	fclose(out);
	return lines;
}

static size_t waiting(const struct otlp *otlp, enum signal signal)
{
	return signal == SPANS	 ? eo_span_batch_count(otlp->spans) :
	       signal == METRICS ? eo_metric_batch_count(otlp->metrics) :
				   eo_log_batch_count(otlp->logs);
}

Test(otlp_batches, an_empty_batch_writes_nothing)
{
	struct otlp otlp;

	otlp_init(&otlp, "run");
	for (int signal = SPANS; signal <= LOGS; signal++)
		for (int encoding = EO_OTLP_PROTOBUF; encoding <= EO_OTLP_JSON; encoding++) {
			size_t size = 1;

			free(otlp_write(&otlp, (enum signal)signal,
					(enum eo_otlp_encoding)encoding, &size));
			cr_expect_eq(size, 0u);
		}
	otlp_fini(&otlp);
}

Test(otlp_batches, what_is_written_is_no_longer_in_the_batch)
{
	struct otlp otlp;

	otlp_init(&otlp, "run");
	otlp_feed(&otlp, SPANS, event_line("dns", 1, ""));
	cr_expect_eq(eo_span_batch_count(otlp.spans), 1u);
	cr_expect_gt(eo_span_batch_bytes(otlp.spans), 0u);
	free(otlp_write(&otlp, SPANS, EO_OTLP_PROTOBUF, NULL));
	cr_expect_eq(eo_span_batch_count(otlp.spans), 0u);
	cr_expect_eq(eo_span_batch_bytes(otlp.spans), 0u);
	otlp_fini(&otlp);
}

/* Feed @lines, write it all, and check each message. Returns the number of items. */
static size_t write_all(struct otlp *otlp, enum signal signal, enum eo_otlp_encoding encoding,
			size_t *messages)
{
	size_t items = 0;

	for (*messages = 0; waiting(otlp, signal); ++*messages) {
		size_t before = waiting(otlp, signal), size;

		free(otlp_write(otlp, signal, encoding, &size));
		cr_assert_lt(waiting(otlp, signal), before);
		items += before - waiting(otlp, signal);
		cr_expect_leq(before - waiting(otlp, signal), 5000u);
		cr_expect_lt(size, MESSAGE_LIMIT, "%zu bytes", size);
		cr_expect_gt(size, 0u);
	}
	return items;
}

Test(otlp_batches, requests_stay_below_five_thousand_spans_and_a_megabyte)
{
	EO_AUTO_FREE char *small = many(12000, "dns", "");
	EO_AUTO_FREE char *large = many(
		3000, "dns",
		"\"question\":\"\\u0001\\u0002\\\"\\\\\\u001f\\u0003\\u0004\\u0005\\u0006\\u0007\","
		"\"answers\":[\"2001:db8:1111:2222:3333:4444:5555:6666\",\"\\\"\\\"\\\"\\\"\\\"\"],"
		"\"server\":{\"address\":\"10.0.0.1\",\"port\":53},\"duration_ns\":9007199254740991");
	static const enum signal signals[] = { SPANS, LOGS };

	for (size_t s = 0; s < EO_ARRAY_SIZE(signals); s++)
		for (int encoding = EO_OTLP_PROTOBUF; encoding <= EO_OTLP_JSON; encoding++) {
			struct otlp otlp;
			size_t messages;

			otlp_init(&otlp, "run");
			otlp_feed(&otlp, signals[s], small);
			cr_expect_eq(write_all(&otlp, signals[s], (enum eo_otlp_encoding)encoding,
					       &messages),
				     12000u);
			cr_expect_geq(messages, 3u);
			otlp_feed(&otlp, signals[s], large);
			cr_expect_eq(write_all(&otlp, signals[s], (enum eo_otlp_encoding)encoding,
					       &messages),
				     3000u);
			cr_expect_geq(messages, 2u);
			otlp_fini(&otlp);
		}
}

Test(otlp_batches, an_event_too_large_for_a_request_drops_attributes_and_says_so)
{
	EO_AUTO_FREE char *lines = NULL;
	size_t size = 0, messages;
	FILE *out = open_memstream(&lines, &size);
	struct otlp otlp;
	json_t *r;

	fputs("{\"event_type\":\"dns\",\"timestamp\":\"2026-11-21T23:01:00Z\",\"elapsed_ns\":0,"
	      "\"pid\":7,\"tid\":7,\"data\":{\"question\":\"", out);
	for (int i = 0; i < 600000; i++)
		putc('x', out);
	fputs("\",\"qtype\":\"A\",\"duration_ns\":5}}\n", out);
	fclose(out);
	for (int signal = SPANS; signal <= LOGS; signal += LOGS) {
		otlp_init(&otlp, "run");
		otlp_feed(&otlp, (enum signal)signal, lines);
		r = otlp_request(&otlp, (enum signal)signal);
		cr_expect_str_eq(otlp_text(json_array_get(otlp_items(r, 0), 0),
					   "droppedAttributesCount"),
				 "1");
		json_decref(r);
		otlp_feed(&otlp, (enum signal)signal, lines);
		write_all(&otlp, (enum signal)signal, EO_OTLP_JSON, &messages);
		otlp_fini(&otlp);
	}
}

Test(otlp_batches, spans_of_a_resource_stand_together_in_their_order)
{
	EO_AUTO_FREE char *lines = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&lines, &size);
	json_t *r;

	for (int i = 0; i < 30; i++)
		fprintf(out,
			"{\"event_type\":\"dns\",\"timestamp\":\"2026-11-21T23:01:00.%09dZ\","
			"\"elapsed_ns\":%d,\"pid\":%d,\"tid\":1,\"comm\":\"app\",\"data\":{}}\n",
			i, i, 100 + i % 3);
	fclose(out);
	r = otlp_of(SPANS, lines);
	for (size_t resource = 0; resource < 3; resource++) {
		json_t *spans = otlp_items(r, resource);
		char pid[16];

		snprintf(pid, sizeof(pid), "%zu", 100 + resource);
		cr_expect_str_eq(otlp_resource(r, resource, "process.pid"), pid);
		cr_assert_eq(json_array_size(spans), 10u);
		for (size_t i = 0; i < 10; i++) {
			char time[32];

			snprintf(time, sizeof(time), "%lld", 1795302060000000000 +
				 (long long)(resource + 3 * i));
			cr_expect_str_eq(otlp_text(json_array_get(spans, i), "startTimeUnixNano"),
					 time);
		}
	}
	cr_expect_null(otlp_items(r, 3));
	json_decref(r);
}

Test(otlp_batches, protobuf_can_be_unpacked_again)
{
	struct otlp otlp;
	EO_AUTO_FREE char *bytes = NULL;
	size_t size;
	Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceRequest *request;
	EoSpan *span;

	otlp_init(&otlp, "run");
	otlp_feed(&otlp, SPANS, event_line("dns", 1, "\"qtype\":\"A\",\"duration_ns\":5"));
	bytes = otlp_write(&otlp, SPANS, EO_OTLP_PROTOBUF, &size);
	request = opentelemetry__proto__collector__trace__v1__export_trace_service_request__unpack(
		NULL, size, (const uint8_t *)bytes);
	cr_assert_not_null(request);
	cr_assert_eq(request->n_resource_spans, 1u);
	cr_assert_eq(request->resource_spans[0]->n_scope_spans, 1u);
	cr_assert_eq(request->resource_spans[0]->scope_spans[0]->n_spans, 1u);
	span = request->resource_spans[0]->scope_spans[0]->spans[0];
	cr_expect_str_eq(span->name, "DNS A");
	cr_expect_eq(span->trace_id.len, 16u);
	cr_expect_eq(span->span_id.len, 8u);
	cr_expect_eq(span->parent_span_id.len, 0u);
	cr_expect_eq(span->end_time_unix_nano - span->start_time_unix_nano, 5u);
	opentelemetry__proto__collector__trace__v1__export_trace_service_request__free_unpacked(
		request, NULL);
	otlp_fini(&otlp);
}

Test(otlp_batches, protoc_knows_every_field_and_every_text)
{
	static const struct {
		const char *message, *file;
	} requests[] = {
		[SPANS] = { "trace.v1.ExportTraceServiceRequest", "trace/v1/trace_service.proto" },
		[METRICS] = { "metrics.v1.ExportMetricsServiceRequest",
			      "metrics/v1/metrics_service.proto" },
		[LOGS] = { "logs.v1.ExportLogsServiceRequest", "logs/v1/logs_service.proto" },
	};
	static const char *const inputs[] = { "examples.jsonl", "bare.jsonl", "odd.jsonl" };

	if (system("protoc --version >/dev/null 2>&1"))
		cr_skip_test("no protoc");
	for (size_t i = 0; i < EO_ARRAY_SIZE(inputs); i++)
		for (int signal = SPANS; signal <= LOGS; signal++) {
			char path[512], file[] = "/tmp/otlp-batch-XXXXXX";
			EO_AUTO_FREE char *command = NULL, *lines = NULL, *bytes = NULL,
					  *line = NULL;
			EO_AUTO_CLOSE int fd = mkstemp(file);
			size_t size = 0, decoded = 0;
			struct otlp otlp;
			FILE *in, *pipe;

			snprintf(path, sizeof(path), "%s/%s", EO_EVENTS_DIR, inputs[i]);
			in = fopen(path, "r");
			cr_assert(in && getdelim(&lines, &size, '\0', in) > 0);
			fclose(in);
			otlp_init(&otlp, "run");
			otlp_feed(&otlp, (enum signal)signal, lines);
			bytes = otlp_write(&otlp, (enum signal)signal, EO_OTLP_PROTOBUF, &size);
			cr_assert_eq(write(fd, bytes, size), (ssize_t)size);
			cr_assert_gt(
				asprintf(&command,
					 "protoc -I %s --decode=opentelemetry.proto.collector.%s "
					 "%s/opentelemetry/proto/collector/%s <%s",
					 EO_PROTO_DIR, requests[signal].message, EO_PROTO_DIR,
					 requests[signal].file, file),
				0);
			pipe = popen(command, "r");
			cr_assert_not_null(pipe);
			size = 0;
			while (getline(&line, &size, pipe) > 0) {
				const char *name = line + strspn(line, " ");

				cr_expect(*name < '0' || *name > '9', "unknown field %s", name);
				decoded++;
			}
			cr_expect_eq(pclose(pipe), 0);
			cr_expect_gt(decoded, 20u);
			unlink(file);
			otlp_fini(&otlp);
		}
}

Test(otlp_batches, a_write_error_is_told)
{
	struct otlp otlp;
	FILE *out = fopen("/dev/full", "w");
	struct eo_error err = { 0 };

	cr_assert_not_null(out);
	setvbuf(out, NULL, _IONBF, 0);
	otlp_init(&otlp, "run");
	otlp_feed(&otlp, SPANS, event_line("dns", 1, ""));
	cr_expect_eq(eo_span_batch_write(otlp.spans, EO_OTLP_JSON, out, &err), -EIO);
	cr_expect_eq(err.kind, EO_ERROR_EVENT_PROCESSING_FAILED);
	cr_expect_eq(eo_span_batch_count(otlp.spans), 0u);
	fclose(out);
	otlp_fini(&otlp);
}

/* --- metrics ----------------------------------------------------------------------------- */

static json_t *point(json_t *request, const char *metric)
{
	return json_array_get(otlp_points(request, metric), 0);
}

Test(otlp_batches, sums_are_cumulative_and_their_state_stays)
{
	struct otlp otlp;
	json_t *r;

	otlp_init(&otlp, "run");
	otlp_feed(&otlp, METRICS, event_line("loss", 1, "\"count\":3"));
	r = otlp_request(&otlp, METRICS);
	cr_expect_str_eq(otlp_text(point(r, "ebpfotel.events.lost"), "asInt"), "3");
	json_decref(r);
	cr_expect_eq(eo_metric_batch_count(otlp.metrics), 0u);
	otlp_feed(&otlp, METRICS, event_line("loss", 7, "\"count\":4"));
	otlp_feed(&otlp, METRICS, event_line("udp_session", 8, "\"tx_bytes\":1"));
	cr_expect_eq(eo_metric_batch_count(otlp.metrics), 2u);
	r = otlp_request(&otlp, METRICS);
	cr_expect_str_eq(otlp_text(point(r, "ebpfotel.events.lost"), "asInt"), "7");
	cr_expect_str_eq(otlp_text(point(r, "ebpfotel.events.lost"), "startTimeUnixNano"),
			 "1795302060000000000");
	cr_expect_str_eq(otlp_text(point(r, "ebpfotel.events.lost"), "timeUnixNano"),
			 "1795302060000000008");
	json_decref(r);
	otlp_fini(&otlp);
}

Test(otlp_batches, deltas_begin_where_the_last_one_ended)
{
	struct otlp otlp;
	json_t *r;

	otlp_init(&otlp, "run");
	cr_assert_eq(eo_metric_batch_set_preference(otlp.metrics, "DELTA", NULL), 0);
	otlp_feed(&otlp, METRICS, event_line("loss", 5, "\"count\":3"));
	otlp_feed(&otlp, METRICS, event_line("dns", 6, "\"duration_ns\":1"));
	otlp_feed(&otlp, METRICS, event_line("memory_alloc", 7, "\"size_bytes\":10"));
	r = otlp_request(&otlp, METRICS);
	cr_expect_str_eq(otlp_text(json_object_get(otlp_find(r, "ebpfotel.events.lost"), "sum"),
				   "aggregationTemporality"),
			 "1");
	json_decref(r);
	otlp_feed(&otlp, METRICS, event_line("loss", 9, "\"count\":4"));
	otlp_feed(&otlp, METRICS, event_line("memory_free", 9, "\"size_bytes\":3"));
	r = otlp_request(&otlp, METRICS);
	cr_expect_str_eq(otlp_text(point(r, "ebpfotel.events.lost"), "asInt"), "4");
	cr_expect_str_eq(otlp_text(point(r, "ebpfotel.events.lost"), "startTimeUnixNano"),
			 "1795302060000000007");
	cr_expect_str_eq(otlp_text(point(r, "ebpfotel.events.lost"), "timeUnixNano"),
			 "1795302060000000009");
	cr_expect_null(otlp_find(r, "dns.lookup.duration"));
	/* What can fall is cumulative also now. */
	cr_expect_str_eq(otlp_text(point(r, "ebpfotel.memory.active"), "asInt"), "7");
	cr_expect_str_eq(otlp_text(json_object_get(otlp_find(r, "ebpfotel.memory.active"), "sum"),
				   "aggregationTemporality"),
			 "2");
	json_decref(r);
	otlp_feed(&otlp, METRICS, event_line("dns", 10, "\"duration_ns\":1"));
	r = otlp_request(&otlp, METRICS);
	cr_expect_str_eq(otlp_text(point(r, "dns.lookup.duration"), "count"), "1");
	json_decref(r);
	otlp_fini(&otlp);
}

Test(otlp_batches, preferences_are_those_of_the_specification)
{
	EO_AUTO(eo_metric_batch) batch = eo_metric_batch_new();
	struct eo_error err = { 0 };

	cr_expect_eq(eo_metric_batch_set_preference(batch, NULL, &err), 0);
	cr_expect_eq(eo_metric_batch_set_preference(batch, "", &err), 0);
	cr_expect_eq(eo_metric_batch_set_preference(batch, "cumulative", &err), 0);
	cr_expect_eq(eo_metric_batch_set_preference(batch, "LowMemory", &err), 0);
	cr_expect_eq(eo_metric_batch_set_preference(batch, "deltas", &err), -EINVAL);
	cr_expect_eq(err.kind, EO_ERROR_CONFIG);
	cr_expect_not_null(strstr(err.text, "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"));
}

/* Buckets of @request's only histogram point, and what all of them have in common. */
static json_t *buckets(json_t *request, const char *metric)
{
	json_t *p = point(request, metric), *bounds = json_object_get(p, "explicitBounds");
	json_t *counts = json_object_get(p, "bucketCounts"), *count;
	unsigned long long sum = 0;
	double last = -1;
	size_t i;

	json_array_foreach(counts, i, count)
		sum += strtoull(json_string_value(count), NULL, 10);
	cr_expect_eq(sum, strtoull(otlp_text(p, "count"), NULL, 10));
	cr_expect_eq(json_array_size(counts), json_array_size(bounds) + 1);
	for (i = 0; i < json_array_size(bounds); i++) {
		cr_expect_gt(json_number_value(json_array_get(bounds, i)), last);
		last = json_number_value(json_array_get(bounds, i));
	}
	return counts;
}

Test(otlp_batches, the_bounds_of_durations_are_those_of_the_kernels_slots)
{
	json_t *r = otlp_of(METRICS, event_line("syscall", 1, "\"name\":\"a\",\"duration_ns\":1"));
	json_t *bounds = json_object_get(point(r, "ebpfotel.syscall.duration"), "explicitBounds");

	cr_assert_eq(json_array_size(bounds), 41u);
	for (int k = 0; k <= 40; k++)
		cr_expect_eq(json_number_value(json_array_get(bounds, (size_t)k)),
			     (double)((1ull << k) - 1) / 1e9, "bound %d", k);
	json_decref(r);
}

Test(otlp_batches, a_duration_falls_into_the_bucket_of_its_slot)
{
	for (int k = 0; k < 40; k++) {
		const uint64_t ends[] = { 1ull << k, (1ull << (k + 1)) - 1 };

		for (int i = 0; i < 2; i++) {
			char data[96];
			json_t *r;

			snprintf(data, sizeof(data), "\"name\":\"a\",\"duration_ns\":%llu",
				 (unsigned long long)ends[i]);
			r = otlp_of(METRICS, event_line("syscall", 1, data));
			cr_expect_str_eq(json_string_value(json_array_get(
						 buckets(r, "ebpfotel.syscall.duration"),
						 (size_t)k + 1)),
					 "1", "%llu ns", (unsigned long long)ends[i]);
			json_decref(r);
		}
	}
}

Test(otlp_batches, zero_and_eternity_have_buckets_too)
{
	EO_AUTO_FREE char *lines = NULL;
	json_t *r, *counts;

	cr_assert_gt(asprintf(&lines, "%s%s",
			      event_line("syscall", 1, "\"name\":\"a\",\"duration_ns\":0"),
			      event_line("syscall", 1,
					 "\"name\":\"a\",\"duration_ns\":\"0x7fffffffffffffff\"")),
		     0);
	r = otlp_of(METRICS, lines);
	counts = buckets(r, "ebpfotel.syscall.duration");
	cr_expect_str_eq(json_string_value(json_array_get(counts, 0)), "1");
	cr_expect_str_eq(json_string_value(json_array_get(counts, 41)), "1");
	json_decref(r);
}

Test(otlp_batches, requests_have_the_advised_bounds_upper_ends_included)
{
	static const double advised[] = { 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25,
					  0.5,	 0.75, 1,     2.5,  5,	   7.5, 10 };
	EO_AUTO_FREE char *lines = NULL;
	json_t *r, *bounds, *counts;

	cr_assert_gt(asprintf(&lines, "%s%s%s", event_line("dns", 1, "\"duration_ns\":5000000"),
			      event_line("dns", 1, "\"duration_ns\":5000001"),
			      event_line("dns", 1, "\"duration_ns\":10000000001")),
		     0);
	r = otlp_of(METRICS, lines);
	bounds = json_object_get(point(r, "dns.lookup.duration"), "explicitBounds");
	cr_assert_eq(json_array_size(bounds), EO_ARRAY_SIZE(advised));
	for (size_t i = 0; i < EO_ARRAY_SIZE(advised); i++)
		cr_expect_eq(json_number_value(json_array_get(bounds, i)), advised[i]);
	counts = buckets(r, "dns.lookup.duration");
	cr_expect_str_eq(json_string_value(json_array_get(counts, 0)), "1");
	cr_expect_str_eq(json_string_value(json_array_get(counts, 1)), "1");
	cr_expect_str_eq(json_string_value(json_array_get(counts, 14)), "1");
	cr_expect_str_eq(otlp_text(point(r, "dns.lookup.duration"), "count"), "3");
	json_decref(r);
}

Test(otlp_batches, streams_beyond_the_limit_add_up_in_one)
{
	enum { NAMES = 2500 };
	EO_AUTO_FREE char *lines = NULL;
	size_t size = 0, messages, points = 0, overflows = 0;
	FILE *out = open_memstream(&lines, &size);
	unsigned long long sum = 0;
	struct otlp otlp;

	for (int i = 0; i < NAMES; i++) {
		char data[96];

		snprintf(data, sizeof(data), "\"reason\":\"r%d\",\"count\":1", i);
		fputs(event_line("loss", i, data), out);
		snprintf(data, sizeof(data), "\"question\":\"q%d\",\"duration_ns\":1", i);
		fputs(event_line("dns", i, data), out);
	}
	fclose(out);
	otlp_init(&otlp, "run");
	otlp_feed(&otlp, METRICS, lines);
	cr_expect_eq(eo_metric_batch_count(otlp.metrics), 2 * 2000u);
	for (messages = 0; eo_metric_batch_count(otlp.metrics); messages++) {
		EO_AUTO_FREE char *bytes = otlp_write(&otlp, METRICS, EO_OTLP_JSON, &size);
		json_t *r = json_loads(bytes, 0, NULL);

		cr_assert_not_null(r);
		cr_expect_lt(size, MESSAGE_LIMIT);
		for (size_t resource = 0; otlp_items(r, resource); resource++) {
			json_t *metric, *p;
			size_t i, j;

			json_array_foreach(otlp_items(r, resource), i, metric) {
				json_t *data = json_object_get(metric, "sum");

				if (!data)
					data = json_object_get(metric, "histogram");
				json_array_foreach(json_object_get(data, "dataPoints"), j, p) {
					const char *value = otlp_text(p, "asInt");

					points++;
					overflows += otlp_attribute(p, "otel.metric.overflow") !=
						     NULL;
					sum += strtoull(value ? value : otlp_text(p, "count"), NULL,
							10);
				}
			}
		}
		json_decref(r);
	}
	cr_expect_gt(messages, 1u);
	cr_expect_eq(points, 2 * 2000u);
	cr_expect_eq(overflows, 2u);
	cr_expect_eq(sum, 2ull * NAMES);
	otlp_fini(&otlp);
}

/* --- small parts ------------------------------------------------------------------------- */

Test(otlp_batches, traceparents_are_checked_word_by_word)
{
	static const char *const wrong[] = {
		"",
		"00",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x",
		"ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"00-4BF92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01",
		"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
		"00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
		"00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
	};
	struct eo_traceparent parent;

	for (size_t i = 0; i < EO_ARRAY_SIZE(wrong); i++)
		cr_expect_not(eo_traceparent_parse(wrong[i], &parent), "'%s'", wrong[i]);
	cr_expect(eo_traceparent_parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03",
				       &parent));
	cr_expect_eq(parent.flags, 3);
	cr_expect_eq(parent.trace_id[0], 0x4b);
	cr_expect_eq(parent.span_id[7], 0xb7);
	cr_expect(eo_traceparent_parse(
		"01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more", &parent));
}

Test(otlp_batches, of_many_values_those_in_use_are_kept)
{
	struct eo_recent recent;
	bool is_new;

	eo_recent_init(&recent, sizeof(uint64_t), 100, NULL);
	for (uint64_t key = 0; key < 10000; key++) {
		uint64_t *value = eo_recent_put(&recent, key, &is_new);

		cr_assert(value && is_new && !*value);
		*value = key + 1;
		value = eo_recent_get(&recent, 7);
		cr_assert(key < 7 || (value && *value == 8), "key %llu", (unsigned long long)key);
	}
	cr_expect_null(eo_recent_get(&recent, 5000));
	cr_expect_not_null(eo_recent_get(&recent, 9999));
	eo_recent_remove(&recent, 9999);
	cr_expect_null(eo_recent_get(&recent, 9999));
	eo_recent_remove(&recent, 9999);
	cr_expect_not_null(eo_recent_put(&recent, 9999, &is_new));
	cr_expect(is_new);
	eo_recent_fini(&recent);
}
