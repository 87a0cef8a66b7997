/* SPDX-License-Identifier: BSD-2-Clause */
#include "format/event_text.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/auto.h"
#include "core/clock.h"
#include "format/summary_table.h"

#define TEXT(k, v) {.key = k, .type = EO_ATTR_STRING, .str = v}
#define UINT(k, v) {.key = k, .type = EO_ATTR_UINT, .unum = v}
#define OBJECT(k, n) {.key = k, .type = EO_ATTR_OBJECT, .count = n}
#define ARRAY(k, n) {.key = k, .type = EO_ATTR_ARRAY, .count = n}

static const struct eo_event_clock noon = {.wall_offset_ns = 43200 * (int64_t)EO_NS_PER_SEC};

static const char *line_of(const struct eo_event *event, bool color)
{
	static char line[8192];
	struct eo_event_text text = {.color = color};
	size_t length;

	setenv("TZ", "UTC", 1);
	length = eo_event_text_line(&text, event, &noon, line, sizeof(line) - 1);
	cr_assert_lt(length, sizeof(line));
	line[length] = '\0';
	return line;
}

Test(event_text, a_connection_is_a_line_of_keys_and_values)
{
	static const struct eo_attr data[] = {
		TEXT("role", "client"),
		OBJECT("local", 2), TEXT("address", "10.0.0.7"), UINT("port", 51234),
		OBJECT("peer", 2), TEXT("address", "2001:db8::5"), UINT("port", 5432),
		TEXT("error", "ECONNRESET"), UINT("tx_bytes", 8120000), UINT("rtt_ns", 310000),
		TEXT("note", "two words"),
	};
	const struct eo_event event = {.type = EO_EVENT_TCP_CLOSE, .ktime_ns = 1234567, .pid = 4711,
				       .tid = 4713, .comm = "psql", .data = data,
				       .data_count = EO_ARRAY_SIZE(data)};

	cr_expect_str_eq(line_of(&event, false),
			 "12:00:00.001234 psql[4711.4713]          tcp_close role=client "
			 "local=10.0.0.7:51234 peer=[2001:db8::5]:5432 error=ECONNRESET "
			 "tx_bytes=8.12 MB rtt_ns=310 \302\265s note=\"two words\"\n");
	cr_expect_not_null(strstr(line_of(&event, true), "\033[31mECONNRESET\033[0m"));
}

Test(event_text, nothing_in_an_event_drives_the_terminal)
{
	static const struct eo_attr data[] = {TEXT("host", "a\033[2J\n\302\233b"), TEXT("path", "\377\r")};
	const struct eo_event event = {.type = EO_EVENT_HTTP_REQUEST, .pid = 7, .comm = "x\033[31m\ny",
				       .data = data, .data_count = EO_ARRAY_SIZE(data)};
	const char *line = line_of(&event, false);

	cr_expect_null(strchr(line, '\033'));
	cr_expect_null(strchr(line, '\r'));
	cr_expect_null(strstr(line, "\302\233"));
	cr_expect_eq(strchr(line, '\n'), line + strlen(line) - 1);
}

Test(event_text, a_system_call_is_a_line_of_c)
{
	static const struct eo_attr data[] = {
		TEXT("name", "close"), UINT("nr", 3), OBJECT("args", 1),
		{.key = "fd", .type = EO_ATTR_INT, .num = 5}, {.key = "ret", .type = EO_ATTR_INT, .num = 0},
		UINT("duration_ns", 18000),
	};
	const struct eo_event event = {.type = EO_EVENT_SYSCALL, .pid = 9, .tid = 9, .comm = "sh", .data = data,
				       .data_count = EO_ARRAY_SIZE(data)};

	cr_expect_str_eq(line_of(&event, false), "12:00:00.000000 sh[9]                    close(5) = 0 <0.000018>\n");
}

Test(event_text, a_stack_stands_below_its_event)
{
	static const struct eo_attr data[] = {
		TEXT("function", "malloc"), ARRAY("stack", 8), OBJECT(NULL, 2), TEXT("function", "main\033"),
		TEXT("module", "app"), OBJECT(NULL, 2), TEXT("module", "cat"),
		{.key = "offset", .type = EO_ATTR_HEX, .unum = 0x1a90}, OBJECT(NULL, 1),
		{.key = "address", .type = EO_ATTR_HEX, .unum = 0x7f00},
	};
	const struct eo_event event = {.type = EO_EVENT_MEMORY_ALLOC, .pid = 9, .tid = 9, .comm = "sh", .data = data,
				       .data_count = EO_ARRAY_SIZE(data)};
	const char *line = line_of(&event, false);

	cr_expect_not_null(strstr(line, "memory_alloc function=malloc\n"), "%s", line);
	cr_expect_not_null(strstr(line, "\n    \"main\\u001b\" (app)\n    0x1a90 (cat)\n    0x7f00\n"), "%s", line);
}

Test(event_text, a_line_that_is_cut_tells_its_whole_length)
{
	static const struct eo_attr data[] = {TEXT("host", "0123456789")};
	const struct eo_event event = {.type = EO_EVENT_HTTP_REQUEST, .comm = "x", .data = data, .data_count = 1};
	size_t whole = strlen(line_of(&event, false));

	for (size_t size = 0; size <= whole; size++) {
		struct eo_event_text text = {.color = false};
		char *exact = malloc(size + 1);

		exact[size] = 'E';
		cr_expect_eq(eo_event_text_line(&text, &event, &noon, exact, size), whole);
		cr_expect_eq(exact[size], 'E');
		free(exact);
	}
}

/* --- tables --- */

static void add_row(struct eo_summary_table *table, const char *name, uint64_t count, uint64_t total_ns)
{
	const struct eo_attr data[] = {
		TEXT("name", name), UINT("pid", 4711), UINT("count", count), UINT("total_ns", total_ns),
		UINT("max_ns", total_ns / 2), ARRAY("buckets", 1), UINT(NULL, count),
	};
	const struct eo_event row = {.type = EO_EVENT_SYSCALL_SUMMARY, .data = data,
				     .data_count = EO_ARRAY_SIZE(data)};

	cr_assert_eq(eo_summary_table_add(table, &row), 0);
}

static char *written(const struct eo_summary_table *table, size_t rows)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	eo_summary_table_write(table, rows, false, out);
	fclose(out);
	return text;
}

Test(summary_table, rows_are_sorted_aligned_cut_and_summed)
{
	EO_AUTO(eo_summary_table) table = eo_summary_table_new();
	EO_AUTO_FREE char *by_time = NULL, *by_name = NULL;

	add_row(table, "read", 1000003, 7000);
	add_row(table, "openat", 10007, 9000000);
	add_row(table, "getppid", 3, 7000);
	eo_summary_table_sort(table, "total_ns");
	by_time = written(table, 2);
	cr_expect_str_eq(by_time,
			 "NAME     PID      COUNT    TOTAL      MAX\n"
			 "openat  4711     10,007  9.00 ms  4.50 ms\n"
			 "read    4711  1,000,003  7.00 \302\265s  3.50 \302\265s\n"
			 "total         1,010,013  9.01 ms\n");
	eo_summary_table_sort(table, "name");
	cr_expect_str_eq(eo_event_data(eo_summary_table_row(table, 0), "name")->str, "getppid");
	cr_expect_null(eo_summary_table_row(table, 3));
	eo_summary_table_sort(table, "count");
	by_name = written(table, 1);
	cr_expect_not_null(strstr(by_name, "\nread "));
}

Test(summary_table, rows_without_the_key_come_last)
{
	static const struct eo_attr data[] = {TEXT("name", "exit_group"), UINT("count", 5)};
	const struct eo_event row = {.type = EO_EVENT_SYSCALL_SUMMARY, .data = data, .data_count = 2};
	EO_AUTO(eo_summary_table) table = eo_summary_table_new();
	EO_AUTO_FREE char *text = NULL;

	eo_summary_table_add(table, &row);
	add_row(table, "read", 1, 1);
	eo_summary_table_sort(table, "total_ns");
	cr_expect_str_eq(eo_event_data(eo_summary_table_row(table, 1), "name")->str, "exit_group");
	text = written(table, 0);
	cr_expect_not_null(strstr(text, "exit_group            5"), "%s", text);
}

Test(summary_table, without_rows_nothing_is_written)
{
	EO_AUTO(eo_summary_table) table = eo_summary_table_new();
	EO_AUTO_FREE char *text = written(table, 0);

	cr_expect_str_eq(text, "");
}
