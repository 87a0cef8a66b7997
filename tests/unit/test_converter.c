/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "core/auto.h"
#include "otlp_events.h"

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
	const struct eo_event_clock clock = { .wall_offset_ns = EVENTS_START_NS };
	struct otlp otlp;

	otlp_init(&otlp, "run");
	cr_expect_eq(
		eo_otlp_converter_convert_events_batch(otlp.converter, events, 2, &clock, NULL), 0);
	cr_expect_eq(eo_span_batch_count(otlp.spans), 3u);
	cr_expect_eq(eo_metric_batch_count(otlp.metrics), 1u);
	cr_expect_eq(eo_log_batch_count(otlp.logs), 2u);
	otlp_fini(&otlp);
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
	const struct eo_event_clock clock = { .wall_offset_ns = EVENTS_START_NS - (1ll << 60),
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
		EO_AUTO_FREE char *a =
			otlp_write(&live, (enum signal)signal, EO_OTLP_JSON, &a_size);
		EO_AUTO_FREE char *b =
			otlp_write(&file, (enum signal)signal, EO_OTLP_JSON, &b_size);

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

	cr_assert_gt(
		asprintf(
			&lines, "%s%s%s",
			event_line("start", 0,
				   "\"host_name\":\"h\",\"host_id\":\"i\",\"host_arch\":\"amd64\""),
			event_line("process", 1,
				   "\"exe\":\"/usr/bin/real\",\"container_id\":\"c0\","
				   "\"pod_uid\":\"u0\",\"resource\":{\"service.name\":\"shop\","
				   "\"process.pid\":1,\"team\":\"blue\"}"),
			event_line("dns", 2, "")),
		0);
	r = otlp_of(SPANS, lines);
	EXPECT_RESOURCE(r, 0, "service.name", "shop");
	EXPECT_RESOURCE(r, 0, "process.pid", "7");
	EXPECT_RESOURCE(r, 0, "team", "blue");
	EXPECT_RESOURCE(r, 0, "process.executable.name", "real");
	EXPECT_RESOURCE(r, 0, "process.executable.path", "/usr/bin/real");
	EXPECT_RESOURCE(r, 0, "container.id", "c0");
	EXPECT_RESOURCE(r, 0, "k8s.pod.uid", "u0");
	EXPECT_RESOURCE(r, 0, "host.name", "h");
	EXPECT_RESOURCE(r, 0, "host.id", "i");
	EXPECT_RESOURCE(r, 0, "host.arch", "amd64");
	EXPECT_RESOURCE(r, 0, "os.type", "linux");
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
	EXPECT_RESOURCE(r, 0, "service.name", "unknown_service:real");
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
		cr_expect_eq(eo_otlp_converter_add_resource(otlp.converter, additional, 2),
			     -EINVAL);
		r = otlp_request(&otlp, signals[i]);
		EXPECT_RESOURCE(r, 0, "service.name", "mine");
		EXPECT_RESOURCE(r, 0, "answer", "42");
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
	resource =
		json_object_get(json_array_get(json_object_get(r, "resourceSpans"), 0), "resource");
	cr_expect_eq(json_array_size(json_object_get(resource, "attributes")), 64u);
	cr_expect_gt(atoi(otlp_text(resource, "droppedAttributesCount")), 37);
	EXPECT_RESOURCE(r, 0, "service.name", "unknown_service");
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
	EXPECT(otlp_find(r, "ebpfotel.http_request"), "traceId",
	       "4bf92f3577b34da6a3ce929d0e0e4736");
	json_decref(r);
}

Test(converter, an_event_of_nobody_belongs_to_an_unknown_service)
{
	json_t *r = otlp_of(LOGS, "{\"event_type\":\"dns\",\"timestamp\":\"2026-11-21T23:01:00Z\","
				  "\"elapsed_ns\":0,\"data\":{}}\n");

	EXPECT_RESOURCE(r, 0, "service.name", "unknown_service");
	EXPECT_RESOURCE(r, 0, "process.pid", NULL);
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
	cr_expect_eq(eo_otlp_converter_convert_profile_to_otlp(otlp.converter, profile,
							       EO_OTLP_JSON, out, NULL),
		     0);
	fclose(out);
	cr_expect_not_null(strstr(text, "\"team\""));
	cr_expect_not_null(strstr(text, "resourceProfiles"));
	otlp_fini(&otlp);
	eo_profile_free(profile);
}
