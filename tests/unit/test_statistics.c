/* SPDX-License-Identifier: BSD-2-Clause */
#include "export/statistics.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <jansson.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct eo_profile_stats profile = {
	.seen = 11893,
	.aggregated = 11874,
	.filtered = 2,
	.lost_ring_full = 3,
	.lost_map_full = 5,
	.lost_busy = 9,
	.idle = 25012,
	.kernel = 3700,
	.stack_limit = 4,
	.stacks = 1203,
	.user_walk[EO_USER_NONE] = 1800,
	.user_walk[EO_USER_FP] = 10000,
	.user_walk[EO_USER_CUT] = 6,
	.user_walk[EO_USER_FAILED] = 68,
	.mappings_lost = 11,
	.stacks_unknown = 13,
	.frames_named = 14211,
	.frames_unnamed = 17,
	.files_denied = 19,
	.has_tables = true,
	.unwinder = {
		.files_parsed = 101,
		.files_without = 23,
		.misses = 29,
		.tables = {
			.files_loaded = 97,
			.processes = 31,
			.rules = 2011,
			.rows_bytes = 12582912,
			.files_evicted = 37,
			.files_refused = 41,
			.resets = 43,
		},
	},
	.kernel_names_hidden = true,
	.clock = "cpu-clock",
};

static const struct eo_statistics full = {
	.duration_ns = 60012345678ull,
	.profile = &profile,
	.overhead = {
		.cpu_percent = 0.421,
		.own_cpu_percent = 0.3,
		.bpf_percent = 0.121,
		.bpf_time_measured = true,
		.memory_bytes = 22400000,
		.rss_bytes = 14100000,
		.map_bytes = 8300000,
		.event_latency_us = 67108.864,
		.event_latency_p99_us = 134217.728,
	},
};

static char *text_of(const struct eo_statistics *statistics)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	eo_statistics_write_text(statistics, out);
	fclose(out);
	return text;
}

/* Also checks that it is one line of strict JSON. */
static json_t *json_of(const struct eo_statistics *statistics)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	json_error_t error;
	json_t *json;

	cr_expect_eq(eo_statistics_write_json(statistics, out), 0);
	fclose(out);
	cr_assert_eq(strchr(text, '\n'), text + size - 1);
	json = json_loads(text, JSON_REJECT_DUPLICATES, &error);
	cr_assert_not_null(json, "%s in %s", error.text, text);
	free(text);
	return json;
}

/* "a.b" of an object. */
static json_t *at(json_t *json, const char *path)
{
	char key[64];

	while (json && *path) {
		size_t len = strcspn(path, ".");

		snprintf(key, sizeof(key), "%.*s", (int)len, path);
		json = json_object_get(json, key);
		path += len + (path[len] == '.');
	}
	return json;
}

Test(statistics, json_holds_every_figure_under_its_key)
{
	static const struct {
		const char *path;
		json_int_t value;
	} expected[] = {
		{ "duration_ns", 60012345678 },
		{ "events_seen", 11893 },
		{ "events_emitted", 0 },
		{ "events_aggregated", 11874 },
		{ "events_filtered", 2 },
		{ "lost.ring_full", 3 },
		{ "lost.map_full", 5 },
		{ "lost.busy", 9 },
		{ "degraded.stack_limit", 4 },
		{ "degraded.stack_cut", 6 },
		{ "degraded.stack_failed", 68 },
		{ "degraded.stacks_unknown", 13 },
		{ "degraded.mappings_lost", 11 },
		{ "degraded.files_denied", 19 },
		{ "profile.samples", 11874 },
		{ "profile.stacks", 1203 },
		{ "profile.unwind.none", 1800 },
		{ "profile.unwind.fp", 10000 },
		{ "profile.unwind.cut", 6 },
		{ "profile.unwind.failed", 68 },
		{ "profile.tables.files_parsed", 101 },
		{ "profile.tables.files_without", 23 },
		{ "profile.tables.misses", 29 },
		{ "profile.tables.files_loaded", 97 },
		{ "profile.tables.processes", 31 },
		{ "profile.tables.rules", 2011 },
		{ "profile.tables.rows_bytes", 12582912 },
		{ "profile.tables.files_evicted", 37 },
		{ "profile.tables.files_refused", 41 },
		{ "profile.tables.resets", 43 },
		{ "profile.idle", 25012 },
		{ "profile.kernel", 3700 },
		{ "profile.stack_limit", 4 },
		{ "profile.frames_named", 14211 },
		{ "profile.frames_unnamed", 17 },
		{ "overhead.memory_bytes", 22400000 },
		{ "overhead.rss_bytes", 14100000 },
		{ "overhead.map_bytes", 8300000 },
	};
	json_t *json = json_of(&full);

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		json_t *value = at(json, expected[i].path);

		cr_assert(json_is_integer(value), "%s", expected[i].path);
		cr_expect_eq(json_integer_value(value), expected[i].value, "%s", expected[i].path);
	}
	cr_expect_str_eq(json_string_value(at(json, "profile.clock")), "cpu-clock");
	cr_expect(json_is_true(at(json, "profile.kernel_names_hidden")));
	cr_expect_str_eq(json_string_value(at(json, "overhead.bpf_time")), "measured");
	cr_expect_eq(json_real_value(at(json, "overhead.cpu_percent")), 0.421);
	cr_expect_eq(json_real_value(at(json, "overhead.own_cpu_percent")), 0.3);
	cr_expect_eq(json_real_value(at(json, "overhead.bpf_percent")), 0.121);
	cr_expect_eq(json_real_value(at(json, "overhead.event_latency_us")), 67108.864);
	cr_expect_eq(json_real_value(at(json, "overhead.event_latency_p99_us")), 134217.728);
	cr_expect_eq(json_object_size(json), 9);
	json_decref(json);
}

Test(statistics, seen_is_emitted_aggregated_filtered_and_lost)
{
	json_t *json = json_of(&full);
	json_int_t sum = 0;
	const char *key;
	json_t *value;

	json_object_foreach(at(json, "lost"), key, value)
		sum += json_integer_value(value);
	cr_expect_eq((uint64_t)sum, eo_statistics_lost(&full));
	sum += json_integer_value(at(json, "events_emitted")) +
	       json_integer_value(at(json, "events_aggregated")) +
	       json_integer_value(at(json, "events_filtered"));
	cr_expect_eq(sum, json_integer_value(at(json, "events_seen")));
	json_decref(json);
}

Test(statistics, parts_that_did_not_run_are_absent)
{
	struct eo_statistics none = { .duration_ns = 512000000 };
	json_t *json = json_of(&none);
	char *text = text_of(&none);

	cr_expect_eq(eo_statistics_lost(&none), 0);
	cr_expect_null(at(json, "profile"));
	cr_expect_eq(json_integer_value(at(json, "lost.busy")), 0);
	cr_expect(json_is_integer(at(json, "events_seen")));
	cr_expect_str_eq(json_string_value(at(json, "overhead.bpf_time")), "estimated");
	cr_expect_not_null(strstr(text, "512 ms"));
	cr_expect_null(strstr(text, "samples"));
	json_decref(json);
	free(text);
}

Test(statistics, numbers_are_never_nan_infinite_or_negative)
{
	static const double odd[] = { NAN, INFINITY, -INFINITY, -1, 1e300 };

	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		struct eo_statistics statistics = full;
		char *text;

		statistics.overhead.cpu_percent = odd[i];
		statistics.overhead.event_latency_us = odd[i];
		json_decref(json_of(&statistics));
		text = text_of(&statistics);
		cr_expect_null(strstr(text, "nan"));
		cr_expect_null(strstr(text, "inf"));
		free(text);
	}
}

Test(statistics, largest_counters_fit)
{
	struct eo_profile_stats stats;
	struct eo_statistics statistics = { .profile = &stats };
	char *text;

	memset(&stats, 0, sizeof(stats));
	stats.aggregated = stats.seen = stats.kernel = stats.user_walk[EO_USER_FP] = INT64_MAX;
	statistics.duration_ns = INT64_MAX;
	json_decref(json_of(&statistics));
	text = text_of(&statistics);
	cr_expect_not_null(strstr(text, "9,223,372,036,854,775,807"));
	free(text);
}

Test(statistics, json_does_not_depend_on_the_locale)
{
	static const char *const names[] = { "de_DE.UTF-8", "fr_FR.UTF-8", "de_DE" };
	bool found = false;

	for (size_t i = 0; i < 3 && !found; i++)
		found = setlocale(LC_ALL, names[i]);
	if (!found)
		cr_skip_test("no locale with a decimal comma is installed");
	json_decref(json_of(&full));
}

Test(statistics, text_says_it_all_in_words)
{
	char *text = text_of(&full);

	cr_expect_str_eq(text,
		"  time        60.0 s\n"
		"  samples     11,874 in 1,203 stacks, 31.2 % in the kernel, by cpu-clock\n"
		"  idle        25,012 more samples (67.8 %) found a CPU idle\n"
		"  filtered    2 more samples\n"
		"  user stacks 84.2 % by frame pointers, <0.1 % cut, 0.6 % unreadable, 15.2 % none\n"
		"  names       99.9 % of 14,228 frames, the kernel hides its own\n"
		"  lost        ring buffer full: 3\n"
		"              map full: 5\n"
		"              map busy: 9\n"
		"  degraded    samples beyond the limit of stacks: 4\n"
		"              samples with a cut user stack: 6\n"
		"              samples whose user stack was unreadable: 68\n"
		"              stacks counted but never received: 13\n"
		"              records of mappings lost: 11\n"
		"              files not ours to read: 19\n"
		"  tables      files thrown out for want of --table-memory: 37\n"
		"              files that found no room in --table-memory: 41\n"
		"              times that all processes were forgotten for want of room: 43\n"
		"  own cost    0.42 % of one CPU: own 0.30, BPF 0.12 measured\n"
		"              22.4 MB of memory: own 14.1 MB, maps 8.30 MB\n"
		"  delay       half within 67.1 ms, 99 % within 134 ms\n");
	free(text);
}

Test(statistics, quiet_run_is_a_short_text)
{
	struct eo_profile_stats stats = {
		.seen = 100, .aggregated = 100, .kernel = 100, .stacks = 1, .user_walk[EO_USER_FP] = 100,
		.frames_named = 5, .clock = "cycles",
	};
	struct eo_statistics statistics = { .duration_ns = 1000000000, .profile = &stats };
	char *text = text_of(&statistics);

	cr_expect_str_eq(text,
		"  time        1.00 s\n"
		"  samples     100 in 1 stack, 100 % in the kernel, by cycles\n"
		"  user stacks 100 % by frame pointers\n"
		"  names       100 % of 5 frames\n"
		"  lost        nothing\n"
		"  own cost    0.00 % of one CPU: own 0.00, BPF 0.00 estimated\n"
		"              0 B of memory: own 0 B, maps 0 B\n");
	free(text);
}

Test(statistics, tables_with_room_for_all_are_no_line_and_without_them_there_is_no_object)
{
	struct eo_profile_stats stats = {
		.seen = 5, .aggregated = 5, .stacks = 1, .has_tables = true,
		.unwinder = {.files_parsed = 7, .tables = {.files_loaded = 7, .rows_bytes = 262144}},
	};
	struct eo_statistics statistics = { .profile = &stats };
	char *text = text_of(&statistics);
	json_t *json = json_of(&statistics);

	cr_expect_null(strstr(text, "tables"));
	cr_expect_eq(json_integer_value(at(json, "profile.tables.files_loaded")), 7);
	json_decref(json);
	free(text);
	stats.has_tables = false;
	json = json_of(&statistics);
	cr_expect_null(at(json, "profile.tables"));
	json_decref(json);
}

Test(statistics, samples_with_timestamps_are_samples)
{
	struct eo_profile_stats stats = { .seen = 8, .emitted = 8, .kernel = 2, .stacks = 3 };
	struct eo_statistics statistics = { .profile = &stats };
	char *text = text_of(&statistics);

	cr_expect(strstr(text, "  samples     8 in 3 stacks, 25.0 % in the kernel\n"), "%s", text);
	free(text);
}

Test(statistics, write_error_is_returned)
{
	FILE *out = fopen("/dev/full", "w");

	cr_assert_not_null(out);
	setvbuf(out, NULL, _IONBF, 0);
	cr_expect_eq(eo_statistics_write_json(&full, out), -EIO);
	fclose(out);
}

/* --- tracers --- */

static const struct eo_trace_part parts[] = {
	{
		.name = "syscall",
		.stats = {
			.seen = 10007, .emitted = 9001, .filtered = 997,
			.lost = { [EO_LOSS_RING_FULL] = 5, [EO_LOSS_STOPPED] = 4 },
			.degraded = { { "string_cut", "strings cut", 3 }, { "targets_missed", "children not followed", 1 } },
			.degraded_count = 2,
			.totals = { { "syscalls_traced", "system calls", 9010 }, { "errors", "failed calls", 17 } },
			.total_count = 2,
		},
	},
	{
		.name = "net",
		.stats = {
			.seen = 113, .emitted = 101, .aggregated = 5,
			.lost = { [EO_LOSS_MAP_FULL] = 7 },
			.degraded = { { "targets_missed", "children not followed", 2 } },
			.degraded_count = 1,
			.totals = { { "tcp_connections", "connections", 31 } },
			.total_count = 1,
		},
	},
};

static const struct eo_statistics traced = {
	.duration_ns = 2000000000,
	.parts = parts,
	.part_count = 2,
	.undelivered = 11,
	.unwanted = 13,
	.overhead = { .user_ns = 3, .system_ns = 5, .bpf_time_ns = 7 },
};

Test(statistics, several_tracers_add_up_to_the_unit)
{
	static const struct {
		const char *path;
		json_int_t value;
	} expected[] = {
		{ "events_seen", 10120 },
		{ "events_emitted", 9102 - 11 - 13 },
		{ "events_aggregated", 5 },
		{ "events_filtered", 997 + 13 },
		{ "lost.ring_full", 5 },
		{ "lost.map_full", 7 },
		{ "lost.busy", 0 },
		{ "lost.rate_limited", 0 },
		{ "lost.stopped", 4 + 11 },
		{ "degraded.string_cut", 3 },
		{ "degraded.targets_missed", 3 },
		{ "syscall.syscalls_traced", 9010 },
		{ "syscall.errors", 17 },
		{ "net.tcp_connections", 31 },
		{ "overhead.user_ns", 3 },
		{ "overhead.system_ns", 5 },
		{ "overhead.bpf_ns", 7 },
	};
	json_t *json = json_of(&traced);
	json_int_t sum = 0;
	const char *key;
	json_t *value;

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
		cr_expect_eq(json_integer_value(at(json, expected[i].path)), expected[i].value, "%s: %lld",
			     expected[i].path, (long long)json_integer_value(at(json, expected[i].path)));
	cr_expect_null(at(json, "profile"));
	cr_expect_eq(eo_statistics_lost(&traced), 27);
	cr_expect_eq(eo_statistics_emitted(&traced), 9078);
	json_object_foreach(at(json, "lost"), key, value)
		sum += json_integer_value(value);
	sum += json_integer_value(at(json, "events_emitted")) + json_integer_value(at(json, "events_aggregated")) +
	       json_integer_value(at(json, "events_filtered"));
	cr_expect_eq(sum, 10120);
	json_decref(json);
}

Test(statistics, text_of_tracers_names_what_each_saw)
{
	char *text = text_of(&traced);

	cr_expect_str_eq(text,
		"  time        2.00 s\n"
		"  events      9,078 written, 5 added up, 1,010 filtered, of 10,120\n"
		"  syscall     system calls: 9,010\n"
		"              failed calls: 17\n"
		"  net         connections: 31\n"
		"  lost        ring buffer full: 5\n"
		"              map full: 7\n"
		"              still on their way at the end: 15\n"
		"  degraded    strings cut: 3\n"
		"              children not followed: 3\n"
		"  own cost    0.00 % of one CPU: own 0.00, BPF 0.00 estimated\n"
		"              0 B of memory: own 0 B, maps 0 B\n");
	free(text);
}
