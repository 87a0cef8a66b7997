/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <string.h>
#include <time.h>

#include "core/auto.h"
#include "format/jsonl.h"

static const struct eo_event_clock clock_2026 = {
	.wall_offset_ns = 1795302061000000000, /* 2026-11-21T23:01:01Z */
	.start_ns = 1000,
};

static char *line_of(const struct eo_event *event, const struct eo_event_clock *clock)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	cr_assert_eq(eo_jsonl_write(event, clock, out), 0);
	fclose(out);
	cr_assert_eq(strlen(text), size);
	return text;
}

static void expect_data(const struct eo_attr *data, size_t count, const char *expected)
{
	struct eo_event event = { .type = EO_EVENT_LOSS, .data = data, .data_count = count };
	EO_AUTO_FREE char *line = line_of(&event, &clock_2026);
	char *found = strstr(line, "\"data\":");

	cr_assert_not_null(found);
	found += strlen("\"data\":");
	cr_assert(strlen(found) >= 2 && !strcmp(found + strlen(found) - 2, "}\n"));
	found[strlen(found) - 2] = '\0';
	cr_expect_str_eq(found, expected);
}

#define EXPECT_DATA(expected, ...)                                     \
	do {                                                           \
		const struct eo_attr data_[] = { __VA_ARGS__ };        \
		expect_data(data_, EO_ARRAY_SIZE(data_), expected);    \
	} while (0)

#define STR(k, v)    { .key = k, .type = EO_ATTR_STRING, .str = v }
#define INT(k, v)    { .key = k, .type = EO_ATTR_INT, .num = v }
#define UINT(k, v)   { .key = k, .type = EO_ATTR_UINT, .unum = v }
#define HEX(k, v)    { .key = k, .type = EO_ATTR_HEX, .unum = v }
#define BOOL(k, v)   { .key = k, .type = EO_ATTR_BOOL, .num = v }
#define REAL(k, v)   { .key = k, .type = EO_ATTR_REAL, .real = v }
#define OBJECT(k, n) { .key = k, .type = EO_ATTR_OBJECT, .count = n }
#define ARRAY(k, n)  { .key = k, .type = EO_ATTR_ARRAY, .count = n }

Test(jsonl, a_line_has_the_promised_keys_in_the_promised_order)
{
	const struct eo_attr data[] = { STR("name", "openat"), UINT("nr", 257) };
	struct eo_event event = {
		.type = EO_EVENT_SYSCALL,
		.ktime_ns = 123456789,
		.pid = 4711,
		.tid = 4713,
		.ns_pid = 7,
		.comm = "nginx",
		.thread = "worker",
		.data = data,
		.data_count = 2,
	};
	EO_AUTO_FREE char *line = line_of(&event, &clock_2026);

	cr_expect_str_eq(line, "{\"event_type\":\"syscall\","
			       "\"timestamp\":\"2026-11-21T23:01:01.123456789Z\","
			       "\"elapsed_ns\":123455789,\"pid\":4711,\"tid\":4713,\"ns_pid\":7,"
			       "\"comm\":\"nginx\",\"thread\":\"worker\","
			       "\"data\":{\"name\":\"openat\",\"nr\":257}}\n");
}

Test(jsonl, what_is_unknown_or_the_same_is_absent)
{
	struct eo_event event = { .type = EO_EVENT_LOSS, .ktime_ns = 1000 };
	EO_AUTO_FREE char *line = line_of(&event, &clock_2026);
	EO_AUTO_FREE char *same = NULL;

	cr_expect_str_eq(line, "{\"event_type\":\"loss\","
			       "\"timestamp\":\"2026-11-21T23:01:01.000001000Z\","
			       "\"elapsed_ns\":0,\"data\":{}}\n");
	event.pid = event.tid = event.ns_pid = 5;
	same = line_of(&event, &clock_2026);
	cr_expect_null(strstr(same, "ns_pid"));
	cr_expect_not_null(strstr(same, "\"pid\":5,\"tid\":5,\"data\""));
}

Test(jsonl, what_began_before_the_trace_has_a_negative_time)
{
	struct eo_event event = { .type = EO_EVENT_LOSS, .ktime_ns = 400 };
	EO_AUTO_FREE char *line = line_of(&event, &clock_2026);

	cr_expect_not_null(strstr(line, "\"elapsed_ns\":-600,"));
}

Test(jsonl, timestamps_are_right_to_the_nanosecond_in_all_years)
{
	static const struct {
		int64_t wall_ns;
		const char *text;
	} times[] = {
		{ 0, "1970-01-01T00:00:00.000000000Z" },
		{ -1, "1969-12-31T23:59:59.999999999Z" },
		{ 951782399999999999, "2000-02-28T23:59:59.999999999Z" },
		{ 951782400000000001, "2000-02-29T00:00:00.000000001Z" },
		{ 951868800000000000, "2000-03-01T00:00:00.000000000Z" },
		{ 1709164800000000000, "2024-02-29T00:00:00.000000000Z" },
		{ 1735689599000000000, "2024-12-31T23:59:59.000000000Z" },
		{ 4107542400000000000, "2100-03-01T00:00:00.000000000Z" },
		{ -2203891200000000000, "1900-03-01T00:00:00.000000000Z" },
		{ INT64_MAX, "2262-04-11T23:47:16.854775807Z" },
		{ INT64_MIN, "1677-09-21T00:12:43.145224192Z" },
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(times); i++) {
		struct eo_event_clock clock = { .wall_offset_ns = times[i].wall_ns };
		struct eo_event event = { .type = EO_EVENT_LOSS };
		EO_AUTO_FREE char *line = line_of(&event, &clock);

		cr_expect_not_null(strstr(line, times[i].text), "%s in %s", times[i].text, line);
	}
}

Test(jsonl, timestamps_agree_with_gmtime_on_every_day_of_ninety_years)
{
	for (time_t day = 0; day < 90 * 366; day++) {
		time_t seconds = day * 86400 + day % 86400;
		struct eo_event_clock clock = { .wall_offset_ns = seconds * 1000000000 };
		struct eo_event event = { .type = EO_EVENT_LOSS };
		EO_AUTO_FREE char *line = line_of(&event, &clock);
		char expected[64];
		struct tm tm;

		strftime(expected, sizeof(expected), "\"%Y-%m-%dT%H:%M:%S.000000000Z\"",
			 gmtime_r(&seconds, &tm));
		cr_assert_not_null(strstr(line, expected), "%s in %s", expected, line);
	}
}

Test(jsonl, every_kind_of_value_has_its_form)
{
	EXPECT_DATA("{\"a\":\"x\",\"b\":-2,\"c\":7,\"d\":\"0x7f00\",\"e\":true,\"f\":false}",
		    STR("a", "x"), INT("b", -2), UINT("c", 7), HEX("d", 0x7f00), BOOL("e", 1),
		    BOOL("f", 0));
	EXPECT_DATA(
		"{\"o\":{\"p\":{\"q\":1},\"r\":{}},\"s\":[],\"t\":[\"u\",{\"v\":2},[3]],\"w\":4}",
		OBJECT("o", 3), OBJECT("p", 1), INT("q", 1), OBJECT("r", 0), ARRAY("s", 0),
		ARRAY("t", 5), STR(NULL, "u"), OBJECT(NULL, 1), INT("v", 2), ARRAY(NULL, 1),
		INT(NULL, 3), INT("w", 4));
}

Test(jsonl, numbers_that_are_not_exact_in_a_double_are_hex_strings)
{
	EXPECT_DATA("{\"a\":9007199254740991,\"b\":\"0x20000000000000\","
		    "\"c\":\"0xffffffffffffffff\",\"d\":0}",
		    UINT("a", (1ull << 53) - 1), UINT("b", 1ull << 53), UINT("c", UINT64_MAX),
		    UINT("d", 0));
	EXPECT_DATA("{\"a\":-9007199254740991,\"b\":\"-0x20000000000000\","
		    "\"c\":\"-0x8000000000000000\",\"d\":\"0x7fffffffffffffff\"}",
		    INT("a", -((1ll << 53) - 1)), INT("b", -(1ll << 53)), INT("c", INT64_MIN),
		    INT("d", INT64_MAX));
	EXPECT_DATA("{\"a\":\"0x0\",\"b\":\"0x10\",\"c\":\"0xffffffffffffffff\"}", HEX("a", 0),
		    HEX("b", 16), HEX("c", UINT64_MAX));
}

Test(jsonl, fractions_are_short_and_never_what_json_has_not)
{
	EXPECT_DATA("{\"a\":0.42,\"b\":0,\"c\":-1.5,\"d\":0,\"e\":0,\"f\":1e+20,"
		    "\"g\":0.30000000000000004,\"h\":-8.8888888888808832e+16,\"i\":1234567890123456}",
		    REAL("a", 0.42), REAL("b", -0.0), REAL("c", -1.5), REAL("d", NAN),
		    REAL("e", INFINITY), REAL("f", 1e20), REAL("g", 0.1 + 0.2),
		    REAL("h", -88888888888808832.0), REAL("i", 1234567890123456.0));
}

Test(jsonl, every_byte_in_a_string_gives_valid_json_without_control_characters)
{
	for (int first = 1; first < 256; first++) {
		char text[] = { 'a', (char)first, 'b', '\0' };
		const struct eo_attr data[] = { STR("path", text) };
		struct eo_event event = { .type = EO_EVENT_SYSCALL, .data = data, .data_count = 1 };
		EO_AUTO_FREE char *line = NULL;
		const char *back;
		json_t *root;

		memcpy(event.comm, text, sizeof(text));
		line = line_of(&event, &clock_2026);
		for (const char *p = line; *p; p++)
			cr_assert(*p == '\n' ? !p[1] : (unsigned char)*p >= 0x20 && *p != 0x7f);
		root = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
		cr_assert_not_null(root, "byte %d: %s", first, line);
		back = json_string_value(
			json_object_get(json_object_get(root, "data"), "path"));
		cr_expect_str_eq(back, first < 0x80 ? text : "a\xef\xbf\xbd" "b");
		cr_expect_str_eq(json_string_value(json_object_get(root, "comm")), back);
		json_decref(root);
	}
}

Test(jsonl, bad_utf8_is_replaced_and_good_utf8_stays)
{
	EXPECT_DATA("{\"a\":\"ü€😀\"}", STR("a", "ü€😀"));
	EXPECT_DATA("{\"a\":\"\xef\xbf\xbd(\"}", STR("a", "\xc3("));
	EXPECT_DATA("{\"a\":\"\xef\xbf\xbd\xef\xbf\xbd\"}", STR("a", "\xc0\x80"));
	EXPECT_DATA("{\"a\":\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"}", STR("a", "\xed\xa0\x80"));
	EXPECT_DATA("{\"a\":\"x\xef\xbf\xbd\"}", STR("a", "x\xf0"));
}

Test(jsonl, what_would_move_a_terminal_is_escaped)
{
	EXPECT_DATA("{\"a\":\"\\u001b[2J\\n\\t\\r\\b\\f\\u0007\\u007f\\\"\\\\/\"}",
		    STR("a", "\x1b[2J\n\t\r\b\f\a\x7f\"\\/"));
	EXPECT_DATA("{\"a\":\"\\u009b\\u0085\\u202e\\u2028\\u200f\\ufeff\\u2066\"}",
		    STR("a", "\xc2\x9b\xc2\x85\u202e\u2028\u200f\ufeff\u2066"));
}

Test(jsonl, odd_keys_of_files_are_escaped_as_well)
{
	EXPECT_DATA("{\"a\\\"\\n\":1}", INT("a\"\n", 1));
}

Test(jsonl, names_may_fill_their_array)
{
	struct eo_event event = { .type = EO_EVENT_LOSS };
	EO_AUTO_FREE char *line = NULL;

	memset(event.comm, 'c', sizeof(event.comm));
	memset(event.thread, 0xfe, sizeof(event.thread));
	line = line_of(&event, &clock_2026);
	cr_expect_not_null(strstr(line, "\"comm\":\"cccccccccccccccc\",\"thread\":\"\xef\xbf\xbd"));
}

Test(jsonl, lines_longer_than_any_buffer_are_whole)
{
	enum { SIZE = 100000 };
	EO_AUTO_FREE char *text = malloc(SIZE + 1);

	for (size_t size = 4000; size <= SIZE; size = size < 4300 ? size + 1 : size * 3) {
		const struct eo_attr data[] = { STR("a", text), UINT("z", 1) };
		struct eo_event event = { .type = EO_EVENT_LOSS, .data = data, .data_count = 2 };
		EO_AUTO_FREE char *line = NULL;
		json_t *root;

		memset(text, 'x', size);
		for (size_t i = 0; i + 3 < size; i += 97)
			memcpy(text + i, "\x01\xff\n", 3);
		text[size] = '\0';
		line = line_of(&event, &clock_2026);
		root = json_loads(line, 0, NULL);
		cr_assert_not_null(root);
		cr_expect_eq(json_string_length(
				     json_object_get(json_object_get(root, "data"), "a")),
			     size + 2 * ((size - 4) / 97 + 1));
		json_decref(root);
	}
}

Test(jsonl, a_write_error_is_told)
{
	static const struct eo_event event = { .type = EO_EVENT_LOSS };
	FILE *out = fopen("/dev/full", "w");
	int status = 0;

	cr_assert_not_null(out);
	setvbuf(out, NULL, _IONBF, 0);
	for (int i = 0; i < 3 && !status; i++)
		status = eo_jsonl_write(&event, &clock_2026, out);
	cr_expect_eq(status, -EIO);
	fclose(out);
}

Test(jsonl, a_single_value_is_cut_to_its_room)
{
	const struct eo_attr value[] = { OBJECT("o", 2), STR("a", "b"), INT("c", 1) };
	char text[32];

	cr_expect_eq(eo_jsonl_value(value, text, sizeof(text)), 15u);
	cr_expect_str_eq(text, "{\"a\":\"b\",\"c\":1}");
	cr_expect_eq(eo_jsonl_value(value, text, 5), 15u);
	cr_expect_str_eq(text, "{\"a\"");
}
