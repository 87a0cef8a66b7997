/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "core/auto.h"
#include "format/event_profile.h"
#include "format/reader.h"
#include "otlp_events.h"

#define STACK_A "\"stack\":[{\"function\":\"malloc\",\"module\":\"libc.so.6\",\"offset\":\"0x1a\",\"kind\":\"native\"},{\"function\":\"main\",\"module\":\"app\"}]"
#define STACK_B "\"stack\":[{\"function\":\"do_sys_open\",\"kind\":\"kernel\"},{\"module\":\"app\",\"offset\":\"0x9c\"}]"

static int add(void *ctx, const struct eo_event *event, const struct eo_event_clock *clock,
	       struct eo_error *err)
{
	int status = eo_event_profile_add(ctx, event, clock, err);

	return status < 0 ? status : 0;
}

static int profile_of(const char *lines, struct eo_profile **ret, struct eo_error *err)
{
	EO_AUTO(eo_event_profile) events = NULL;
	EO_AUTO(eo_input) input = NULL;
	int status;

	cr_assert_eq(eo_event_profile_new(&events, err), 0);
	cr_assert_eq(eo_input_open_memory(lines, strlen(lines), &input, err), 0);
	status = eo_read_events(input, add, events, err);
	return status ? status : eo_event_profile_finish(events, ret, err);
}

static struct eo_profile *must(const char *lines)
{
	struct eo_profile *profile = NULL;
	struct eo_error err = { 0 };

	cr_assert_eq(profile_of(lines, &profile, &err), 0, "%s", err.text);
	return profile;
}

static void expect_type(const struct eo_profile *profile, size_t i, const char *type,
			const char *unit, int64_t total)
{
	cr_assert_lt(i, profile->value_type_count);
	cr_expect_str_eq(profile->strings[profile->value_types[i].type], type);
	cr_expect_str_eq(profile->strings[profile->value_types[i].unit], unit);
	cr_expect_eq(eo_profile_total(profile, i), total, "%s", type);
}

Test(event_profile, calls_with_stacks_give_counts_and_time)
{
	EO_AUTO_FREE char *lines = NULL;
	EO_AUTO(eo_profile) profile = NULL;
	const struct eo_location *leaf;
	const struct eo_span *stack;

	cr_assert_gt(asprintf(&lines, "%s%s%s",
			      event_line("syscall", 10, "\"name\":\"a\",\"duration_ns\":5," STACK_B),
			      event_line("syscall", 20, "\"name\":\"b\",\"duration_ns\":7," STACK_B),
			      event_line("syscall", 30, "\"name\":\"c\",\"duration_ns\":9")),
		     0);
	profile = must(lines);
	cr_expect_eq(profile->value_type_count, 2u);
	expect_type(profile, 0, "samples", "count", 2);
	expect_type(profile, 1, "duration", "nanoseconds", 12);
	cr_assert_eq(profile->sample_count, 1u);
	cr_expect_eq(profile->time_ns, 1795302060000000010);
	cr_expect_eq(profile->duration_ns, 20);
	stack = &profile->stacks[profile->samples[0].stack];
	cr_assert_eq(stack->count, 2u);
	leaf = &profile->locations[profile->frames[stack->first]];
	cr_expect_eq(leaf->kind, EO_FRAME_KERNEL);
	cr_expect_str_eq(profile->strings[profile->functions[profile->lines[leaf->first_line].function]
						  .name],
			 "do_sys_open");
	leaf = &profile->locations[profile->frames[stack->first + 1]];
	cr_expect_eq(leaf->line_count, 0u);
	cr_expect_eq(leaf->address, 0x9cu);
	cr_expect_str_eq(profile->strings[profile->mappings[leaf->mapping].filename], "app");
}

Test(event_profile, allocations_give_a_heap_profile)
{
	EO_AUTO_FREE char *lines = NULL;
	EO_AUTO(eo_profile) profile = NULL;

	cr_assert_gt(
		asprintf(&lines, "%s%s%s%s%s%s",
			 event_line("memory_alloc", 1, "\"address\":\"0x10\",\"size_bytes\":64," STACK_A),
			 event_line("memory_alloc", 2, "\"address\":\"0x20\",\"size_bytes\":100," STACK_A),
			 event_line("memory_free", 3, "\"address\":\"0x10\",\"size_bytes\":64," STACK_B),
			 event_line("memory_free", 4, "\"address\":\"0x999\""),
			 event_line("memory_alloc", 5,
				    "\"size_bytes\":1000,\"error\":\"ENOMEM\"," STACK_A),
			 event_line("memory_alloc", 6, "\"address\":\"0x20\",\"size_bytes\":7," STACK_A)),
		0);
	profile = must(lines);
	cr_expect_eq(profile->value_type_count, 4u);
	expect_type(profile, 0, "alloc_objects", "count", 3);
	expect_type(profile, 1, "alloc_space", "bytes", 171);
	expect_type(profile, 2, "inuse_objects", "count", 1);
	expect_type(profile, 3, "inuse_space", "bytes", 7);
	cr_expect_eq(profile->sample_count, 1u);
}

#define MAPPED(type, at, place, size, rest) \
	event_line(type, at, "\"source\":\"mmap\",\"address\":\"" place "\",\"size_bytes\":" size rest)

Test(event_profile, address_space_is_given_back_in_parts)
{
	EO_AUTO(eo_profile) profile = NULL;
	EO_AUTO_FREE char *lines = NULL;

	cr_assert_gt(asprintf(&lines, "%s%s%s%s%s%s",
			      MAPPED("memory_alloc", 1, "0x10000", "65536", "," STACK_A),
			      MAPPED("memory_alloc", 2, "0x90000", "4096", "," STACK_A),
			      MAPPED("memory_free", 3, "0x13000", "8192", ""), /* a hole */
			      MAPPED("memory_free", 4, "0x10000", "4096", ""), /* the head */
			      MAPPED("memory_free", 5, "0x15000", "45056", ""), /* all behind the hole */
			      MAPPED("memory_free", 6, "0x50000", "4096", "")), /* older */
		     0);
	profile = must(lines);
	expect_type(profile, 0, "alloc_objects", "count", 2);
	expect_type(profile, 1, "alloc_space", "bytes", 65536 + 4096);
	expect_type(profile, 2, "inuse_objects", "count", 2);
	expect_type(profile, 3, "inuse_space", "bytes", 8192 + 4096);
}

Test(event_profile, resident_pages_have_no_use)
{
	EO_AUTO(eo_profile) profile = NULL;
	EO_AUTO_FREE char *lines = NULL;

	cr_assert_gt(asprintf(&lines, "%s%s%s",
			      event_line("memory_alloc", 1, "\"source\":\"fault\",\"address\":\"0x10\",\"size_bytes\":4096," STACK_A),
			      event_line("memory_alloc", 2, "\"source\":\"fault\",\"size_bytes\":8192," STACK_A),
			      event_line("memory_free", 3, "\"source\":\"fault\",\"size_bytes\":4096")),
		     0);
	profile = must(lines);
	cr_expect_eq(profile->value_type_count, 2u);
	expect_type(profile, 0, "alloc_objects", "count", 2);
	expect_type(profile, 1, "alloc_space", "bytes", 12288);
	cr_expect_str_eq(profile->strings[profile->default_value_type], "alloc_space");
}

Test(event_profile, sources_do_not_mix)
{
	struct eo_profile *profile = NULL;
	EO_AUTO_FREE char *lines = NULL;
	struct eo_error err = { 0 };

	cr_assert_gt(asprintf(&lines, "%s%s", event_line("memory_alloc", 1, "\"source\":\"libc\"," STACK_A),
			      event_line("memory_alloc", 2, "\"source\":\"mmap\"," STACK_A)),
		     0);
	cr_expect_eq(profile_of(lines, &profile, &err), -EINVAL);
	cr_expect_not_null(strstr(err.text, "allocations cannot hold address space"), "%s", err.text);
}

Test(event_profile, many_blocks_come_and_go)
{
	EO_AUTO_FREE char *lines = NULL;
	EO_AUTO(eo_profile) profile = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&lines, &size);

	for (int round = 0; round < 3; round++)
		for (int i = 0; i < 2000; i++) {
			char data[512];

			snprintf(data, sizeof(data),
				 "\"address\":\"0x%x\",\"size_bytes\":%d," STACK_A, i * 16, i);
			fputs(event_line("memory_alloc", 1, data), out);
			if (i % 10) {
				snprintf(data, sizeof(data), "\"address\":\"0x%x\"", i * 16);
				fputs(event_line("memory_free", 1, data), out);
			}
		}
	fclose(out);
	profile = must(lines);
	expect_type(profile, 0, "alloc_objects", "count", 6000);
	expect_type(profile, 2, "inuse_objects", "count", 200);
	expect_type(profile, 3, "inuse_space", "bytes", 199000);
}

Test(event_profile, cpu_samples_are_counted)
{
	EO_AUTO(eo_profile) profile = must(event_line("cpu_sample", 1, "\"cpu\":0," STACK_A));

	cr_expect_eq(profile->value_type_count, 1u);
	expect_type(profile, 0, "samples", "count", 1);
}

Test(event_profile, kinds_do_not_mix)
{
	EO_AUTO_FREE char *lines = NULL;
	struct eo_profile *profile = NULL;
	struct eo_error err = { 0 };

	cr_assert_gt(asprintf(&lines, "%s%s", event_line("cpu_sample", 1, STACK_A),
			      event_line("memory_alloc", 2, STACK_A)),
		     0);
	cr_expect_eq(profile_of(lines, &profile, &err), -EINVAL);
	cr_expect_not_null(strstr(err.text, "CPU samples cannot hold allocations"), "%s", err.text);
}

Test(event_profile, without_stacks_there_is_no_profile)
{
	struct eo_profile *profile = NULL;
	struct eo_error err = { 0 };

	cr_expect_eq(profile_of(event_line("syscall", 1, ""), &profile, &err), -ENODATA);
	cr_expect_not_null(strstr(err.hint, "--stack"));
	cr_expect_eq(profile_of("", &profile, &err), -ENODATA);
}
