/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "core/auto.h"
#include "format/reader.h"

/* As we write it, and as others may. */
#define NINE \
	"\"event_type\":\"syscall\",\"timestamp\":\"2026-11-21T23:01:02.500000000Z\",\"elapsed_ns\":500"
#define OUTER \
	"\"event_type\":\"syscall\",\"timestamp\":\"2026-11-21T23:01:02.5Z\",\"elapsed_ns\":500"

struct seen {
	FILE *out;
	size_t count;
	struct eo_event last;
	struct eo_event_clock clock;
	int answer;
};

static int see(void *ctx, const struct eo_event *event, const struct eo_event_clock *clock,
	       struct eo_error *err)
{
	struct seen *seen = ctx;

	(void)err;
	seen->count++;
	seen->last = *event;
	seen->clock = *clock;
	if (seen->out)
		cr_assert_eq(eo_jsonl_write(event, clock, seen->out), 0);
	return seen->answer;
}

static int read_text(const char *text, size_t size, struct seen *seen, struct eo_error *err)
{
	EO_AUTO(eo_input) input = NULL;

	cr_assert_eq(eo_input_open_memory(text, size, &input, err), 0);
	return eo_read_events(input, see, seen, err);
}

/* What comes out when @text is read and written again. */
static char *round_trip(const char *text, size_t *count)
{
	struct eo_error err = { 0 };
	struct seen seen = { 0 };
	char *result = NULL;
	size_t size = 0;

	seen.out = open_memstream(&result, &size);
	cr_assert_eq(read_text(text, strlen(text), &seen, &err), 0, "%s", err.text);
	fclose(seen.out);
	*count = seen.count;
	return result;
}

static void expect_same(const char *text, size_t events)
{
	size_t count;
	EO_AUTO_FREE char *again = round_trip(text, &count);

	cr_expect_str_eq(again, text);
	cr_expect_eq(count, events);
}

/* One event with this data, or this text in place of the whole line. */
static void expect_error(const char *line, const char *expected)
{
	struct eo_error err = { 0 };
	struct seen seen = { 0 };

	cr_expect_eq(read_text(line, strlen(line), &seen, &err), -EINVAL, "%s", line);
	cr_expect_eq(err.kind, EO_ERROR_EVENT_PROCESSING_FAILED);
	cr_expect_not_null(strstr(err.text, expected), "'%s' in '%s'", expected, err.text);
	cr_expect_eq(seen.count, 0u);
}

static void expect_data_error(const char *data, const char *expected)
{
	EO_AUTO_FREE char *line = NULL;

	cr_assert_gt(asprintf(&line, "{" OUTER ",\"data\":{%s}}\n", data), 0);
	expect_error(line, expected);
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

Test(read_events, the_examples_come_out_as_they_were)
{
	EO_AUTO_FREE char *text = file_text("examples.jsonl");

	expect_same(text, EO_EVENT_TYPE_COUNT);
}

Test(read_events, a_stream_without_envelope_comes_out_as_it_was)
{
	EO_AUTO_FREE char *text = file_text("bare.jsonl");

	expect_same(text, 5);
}

Test(read_events, odd_names_come_out_as_they_were)
{
	EO_AUTO_FREE char *text = file_text("odd.jsonl");

	expect_same(text, 5);
}

static int mark(void *ctx, const struct eo_event *event, const struct eo_event_clock *clock,
		struct eo_error *err)
{
	(void)clock;
	(void)err;
	((size_t *)ctx)[event->type]++;
	for (size_t i = 0; i < event->data_count; i++) {
		const struct eo_attr *attr = &event->data[i];

		cr_expect_not_null(eo_event_key_find(eo_event_keys(event->type), attr->key),
				   "%s is not laid down for %s", attr->key,
				   eo_event_type_name(event->type));
		if (attr->type == EO_ATTR_OBJECT || attr->type == EO_ATTR_ARRAY)
			i += attr->count;
	}
	return 0;
}

Test(read_events, the_examples_show_every_record_once_and_no_unknown_key)
{
	EO_AUTO_FREE char *text = file_text("examples.jsonl");
	size_t counts[EO_EVENT_TYPE_COUNT] = { 0 };
	EO_AUTO(eo_input) input = NULL;

	cr_assert_eq(eo_input_open_memory(text, strlen(text), &input, NULL), 0);
	cr_assert_eq(eo_read_events(input, mark, counts, NULL), 0);
	for (int i = 0; i < EO_EVENT_TYPE_COUNT; i++)
		cr_expect_eq(counts[i], 1u, "%s", eo_event_type_name((enum eo_event_type)i));
}

Test(read_events, times_follow_the_start_record)
{
	static const char text[] =
		"{\"event_type\":\"start\",\"timestamp\":\"2026-11-21T23:01:02.000000000Z\","
		"\"elapsed_ns\":0,\"data\":{\"ktime_ns\":86400000000001}}\n"
		"{\"event_type\":\"loss\",\"timestamp\":\"2026-11-21T23:01:02.000000007Z\","
		"\"elapsed_ns\":7,\"data\":{}}\n";
	struct seen seen = { 0 };

	cr_assert_eq(read_text(text, strlen(text), &seen, NULL), 0);
	cr_expect_eq(seen.last.ktime_ns, 86400000000008u);
	cr_expect_eq(seen.clock.start_ns, 86400000000001u);
	cr_expect_eq((int64_t)seen.last.ktime_ns + seen.clock.wall_offset_ns,
		     1795302062000000007);
}

Test(read_events, without_start_record_the_trace_begins_at_zero)
{
	static const char text[] = "{" OUTER ",\"data\":{}}\n";
	struct seen seen = { 0 };

	cr_assert_eq(read_text(text, strlen(text), &seen, NULL), 0);
	cr_expect_eq(seen.clock.start_ns, 0u);
	cr_expect_eq(seen.last.ktime_ns, 500u);
	cr_expect_eq(500 + seen.clock.wall_offset_ns, 1795302062500000000);
}

Test(read_events, a_clock_step_between_two_events_stays)
{
	static const char text[] =
		"{\"event_type\":\"loss\",\"timestamp\":\"2026-11-21T23:01:02.000000000Z\","
		"\"elapsed_ns\":5,\"data\":{}}\n"
		"{\"event_type\":\"loss\",\"timestamp\":\"2026-11-21T22:00:00.000000000Z\","
		"\"elapsed_ns\":6,\"data\":{}}\n";

	expect_same(text, 2);
}

Test(read_events, values_large_and_unknown_come_out_as_they_were)
{
	static const char text[] =
		"{" NINE ",\"data\":{\"nr\":\"0x8000000000000000\",\"ret\":\"-0x8000000000000000\","
		"\"ret_address\":\"0x10\",\"interrupted\":true,\"other\":\"0x10\",\"ratio\":1.5,"
		"\"stack\":[{\"offset\":\"0x1a\"}]}}\n";

	expect_same(text, 1);
}

static int look(void *ctx, const struct eo_event *event, const struct eo_event_clock *clock,
		struct eo_error *err)
{
	static const enum eo_attr_type types[] = {
		EO_ATTR_UINT,	EO_ATTR_INT,  EO_ATTR_HEX,   EO_ATTR_BOOL,   EO_ATTR_STRING,
		EO_ATTR_REAL,	EO_ATTR_INT,  EO_ATTR_ARRAY, EO_ATTR_OBJECT, EO_ATTR_HEX,
	};

	(void)clock;
	(void)err;
	cr_assert_eq(event->data_count, EO_ARRAY_SIZE(types));
	for (size_t i = 0; i < EO_ARRAY_SIZE(types); i++)
		cr_expect_eq(event->data[i].type, types[i], "value %zu", i);
	cr_expect_eq(event->data[0].unum, 1ull << 63);
	cr_expect_eq(event->data[1].num, INT64_MIN);
	cr_expect_eq(event->data[2].unum, 16u);
	cr_expect_eq(event->data[6].num, INT64_MAX);
	cr_expect_eq(event->data[7].count, 2u);
	cr_expect_eq(event->data[8].count, 1u);
	*(bool *)ctx = true;
	return 0;
}

Test(read_events, the_model_holds_what_the_line_says)
{
	static const char text[] =
		"{" OUTER
		",\"data\":{\"nr\":\"0x8000000000000000\",\"ret\":\"-0x8000000000000000\","
		"\"ret_address\":\"0x10\",\"interrupted\":true,\"other\":\"0x10\",\"ratio\":1.5,"
		"\"big\":9223372036854775807,\"stack\":[{\"offset\":\"0x1a\"}]}}\n";
	EO_AUTO(eo_input) input = NULL;
	bool looked = false;

	cr_assert_eq(eo_input_open_memory(text, strlen(text), &input, NULL), 0);
	cr_assert_eq(eo_read_events(input, look, &looked, NULL), 0);
	cr_expect(looked);
}

Test(read_events, bad_bytes_of_a_name_fit_again)
{
	struct eo_event event = { .type = EO_EVENT_SYSCALL, .pid = 5, .tid = 5 };
	struct eo_event_clock clock = { .wall_offset_ns = 1 };
	EO_AUTO_FREE char *line = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&line, &size);

	memset(event.comm, 0xfe, EO_COMM_BYTES - 1);
	cr_assert_eq(eo_jsonl_write(&event, &clock, out), 0);
	fclose(out);
	expect_same(line, 1);
}

Test(read_events, blank_lines_and_a_missing_last_newline_are_fine)
{
	static const char text[] = "\n \t\r\n{" OUTER ",\"data\":{}}\r\n\n{" OUTER ",\"data\":{}}";
	struct seen seen = { 0 };

	cr_expect_eq(read_text(text, strlen(text), &seen, NULL), 0);
	cr_expect_eq(seen.count, 2u);
}

Test(read_events, a_negative_answer_ends_the_reading)
{
	static const char text[] = "{" OUTER ",\"data\":{}}\n{" OUTER ",\"data\":{}}\n";
	struct seen seen = { .answer = -EPIPE };

	cr_expect_eq(read_text(text, strlen(text), &seen, NULL), -EPIPE);
	cr_expect_eq(seen.count, 1u);
}

Test(read_events, the_line_at_fault_is_named)
{
	static const char text[] = "{" OUTER ",\"data\":{}}\n\n{" OUTER ",\"data\":{\"nr\":-1}}\n";
	struct eo_error err = { 0 };
	struct seen seen = { 0 };

	cr_expect_eq(read_text(text, strlen(text), &seen, &err), -EINVAL);
	cr_expect_eq(seen.count, 1u);
	cr_expect_not_null(strstr(err.text, "line 3: \"nr\" is an integer, not an integer from 0"),
			   "%s", err.text);
}

Test(read_events, wrong_types_are_errors)
{
	expect_data_error("\"nr\":\"1\"", "\"nr\" is a string");
	expect_data_error("\"name\":7", "\"name\" is an integer, not a string");
	expect_data_error("\"ret_address\":16", "\"ret_address\" is an integer");
	expect_data_error("\"ret_address\":\"0x\"", "\"ret_address\" is a string");
	expect_data_error("\"ret_address\":\"0x10000000000000000\"", "up to 64 bits");
	expect_data_error("\"ret_address\":\"0xG\"", "\"ret_address\"");
	expect_data_error("\"ret\":\"-0x8000000000000001\"", "\"ret\"");
	expect_data_error("\"ret\":1.5", "\"ret\" is a number with a fraction");
	expect_data_error("\"args\":[]", "\"args\" is an array, not an object");
	expect_data_error("\"stack\":{}", "\"stack\" is an object, not an array");
	expect_data_error("\"stack\":[1]", "an element is an integer, not an object");
	expect_data_error("\"stack\":[{\"offset\":1}]", "\"offset\"");
	expect_data_error("\"interrupted\":1", "\"interrupted\"");
	expect_data_error("\"path\":null", "\"path\" is null");
	expect_data_error("\"future\":null", "\"future\" is null");
	expect_data_error("\"future\":[null]", "an element is null");
}

Test(read_events, outer_keys_are_checked)
{
	static const struct {
		const char *line, *expected;
	} cases[] = {
		{ "[]", "an array, not an object" },
		{ "7", "expected near" },
		{ "{}", "no \"event_type\"" },
		{ "{\"event_type\":\"loss\"}", "no \"timestamp\"" },
		{ "{\"event_type\":7}", "\"event_type\" wants a string" },
		{ "{" OUTER "}", "no \"data\"" },
		{ "{" OUTER ",\"data\":[]}", "\"data\" wants an object" },
		{ "{" OUTER ",\"pid\":0,\"data\":{}}", "\"pid\" wants" },
		{ "{" OUTER ",\"pid\":4294967296,\"data\":{}}", "\"pid\" wants" },
		{ "{" OUTER ",\"tid\":\"7\",\"data\":{}}", "\"tid\" wants" },
		{ "{" OUTER ",\"ns_pid\":-1,\"data\":{}}", "\"ns_pid\" wants" },
		{ "{" OUTER ",\"comm\":\"sixteen bytes 16\",\"data\":{}}", "\"comm\" wants" },
		{ "{" OUTER ",\"data\":{},\"data\":{}}", "duplicate" },
		{ "{" OUTER ",\"colour\":1,\"data\":{}}", "unknown key \"colour\"" },
		{ "{" OUTER ",\"data\":{}} x", "column" },
		{ "{" OUTER ",\"data\":{}", "column" },
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(cases); i++)
		expect_error(cases[i].line, cases[i].expected);
}

Test(read_events, an_unknown_type_is_an_error_that_shows_it_harmlessly)
{
	expect_error("{\"event_type\":\"warp\\u001b[2J\",\"timestamp\":\"2026-11-21T23:01:02Z\","
		     "\"elapsed_ns\":0,\"data\":{}}",
		     "unknown event_type \"warp\\u001b[2J\"");
}

Test(read_events, times_that_are_none_are_errors)
{
	static const char *const wrong[] = {
		"",
		"2026",
		"2026-11-21",
		"2026-11-21 23:01:02Z",
		"2026-11-21T23:01:02",
		"2026-11-21T23:01:02+01:00",
		"2026-11-21T23:01:02.Z",
		"2026-11-21T23:01:02.1234567890Z",
		"2026-11-21T23:01:02.5",
		"2026-13-21T23:01:02Z",
		"2026-00-21T23:01:02Z",
		"2026-11-31T23:01:02Z",
		"2026-02-29T23:01:02Z",
		"2100-02-29T23:01:02Z",
		"2026-11-21T24:01:02Z",
		"2026-11-21T23:60:02Z",
		"2026-11-21T23:01:60Z",
		"1677-11-21T23:01:02Z",
		"2262-11-21T23:01:02Z",
		"2026-11-21T23:01:02ZZ",
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(wrong); i++) {
		EO_AUTO_FREE char *line = NULL;

		cr_assert_gt(asprintf(&line,
				      "{\"event_type\":\"loss\",\"timestamp\":\"%s\","
				      "\"elapsed_ns\":0,\"data\":{}}\n",
				      wrong[i]),
			     0);
		expect_error(line, "\"timestamp\" wants a time");
	}
}

/* {"a":{"a":…{}…}} with @levels of braces below data */
static char *nested(int levels)
{
	char *text = malloc(200 + 7 * (size_t)levels), *p = stpcpy(text, "{" NINE ",\"data\":{");

	for (int i = 0; i < levels; i++)
		p = stpcpy(p, "\"a\":{");
	for (int i = 0; i < levels; i++)
		p = stpcpy(p, "}");
	strcpy(p, "}}\n");
	return text;
}

Test(read_events, depth_is_limited)
{
	EO_AUTO_FREE char *fine = nested(14), *deep = nested(15), *abyss = nested(100000);

	expect_same(fine, 1);
	expect_error(deep, "nested deeper than 16 levels");
	expect_error(abyss, "column");
}

static char *wide(int count)
{
	char *text = malloc(200 + 20 * (size_t)count), *p = stpcpy(text, "{" NINE ",\"data\":{");

	for (int i = 0; i < count; i++)
		p += sprintf(p, "%s\"k%d\":%d", i ? "," : "", i, i);
	strcpy(p, "}}\n");
	return text;
}

Test(read_events, the_number_of_values_is_limited)
{
	EO_AUTO_FREE char *fine = wide(4096), *many = wide(4097);

	expect_same(fine, 1);
	expect_error(many, "more than 4096 values");
}

Test(read_events, the_length_of_a_line_is_limited)
{
	size_t size = (1u << 20) + 100;
	EO_AUTO_FREE char *text = malloc(size);
	struct eo_error err = { 0 };
	struct seen seen = { 0 };

	memset(text, ' ', size);
	cr_expect_eq(read_text(text, size, &seen, &err), -E2BIG);
	cr_expect_eq(err.kind, EO_ERROR_EVENT_PROCESSING_FAILED);
	cr_expect_eq(seen.count, 0u);
}

Test(read_events, a_key_has_one_type_wherever_it_occurs)
{
	/* An address is that of a host or of memory: text both times. */
	for (int i = 0; i < EO_EVENT_TYPE_COUNT; i++) {
		for (int j = 0; j < i; j++) {
			const struct eo_event_key *keys = eo_event_keys((enum eo_event_type)i);

			for (; keys->key; keys++) {
				const struct eo_event_key *other = eo_event_key_find(
					eo_event_keys((enum eo_event_type)j), keys->key);

				cr_expect(!other || other->type == keys->type, "%s in %s and %s",
					  keys->key, eo_event_type_name((enum eo_event_type)i),
					  eo_event_type_name((enum eo_event_type)j));
			}
		}
	}
}
