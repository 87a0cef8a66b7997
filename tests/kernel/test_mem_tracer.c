// SPDX-License-Identifier: BSD-2-Clause
/* What programs allocate and free, counted to the last block. The workload is
 * tests/kernel/workloads/heap.c. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem_run.h"

TestSuite(mem_tracer, .timeout = 240);

Test(mem_tracer, counters_are_exact)
{
	SETUP();
	struct program heap = start_heap("counts", NULL);
	const struct eo_mem_options mem = {0};
	struct eo_tracer *tracer = begin(heap.pid, &mem, true);
	struct eo_trace_stats stats;

	do_step(&heap, tracer);
	stats = eo_tracer_stats(tracer);
	expect_counts(&stats);
	stats = stop(tracer);
	expect_counts(&stats);
	expect_sound(&stats);
	cr_expect_eq(stats.aggregated, stats.seen);
	done(&heap, tracer);
}

Test(mem_tracer, an_allocator_may_be_in_the_program_itself)
{
	SETUP();
	struct program heap = start_variant("EO_HEAP_STATIC", "counts", NULL);
	const struct eo_mem_options mem = {0};
	struct eo_tracer *tracer = begin(heap.pid, &mem, true);
	struct eo_trace_stats stats;

	stats = last_step(&heap, tracer);
	expect_counts(&stats);
	expect_sound(&stats);
	done(&heap, tracer);
}

Test(mem_tracer, an_allocator_may_tell_of_itself)
{
	SETUP();
	struct program pool = start_variant("EO_DECLARES", NULL, NULL);
	const struct eo_mem_options mem = {.leaks = true};
	struct eo_tracer *tracer = begin(pool.pid, &mem, true);
	uint64_t small = 0, large = 0;
	struct eo_event_list *leaks;
	struct eo_trace_stats stats;

	stats = last_step(&pool, tracer);
	expect_sound(&stats);
	EXPECT_TOTAL(&stats, "allocations", 211 + 17);
	EXPECT_TOTAL(&stats, "total_allocated", 211 * 24 + 17 * 1009);
	EXPECT_TOTAL(&stats, "frees", 101);
	EXPECT_TOTAL(&stats, "failed_allocations", 13);
	EXPECT_TOTAL(&stats, "unknown_frees", 7);
	leaks = rows_of(tracer);
	for (size_t i = 0; i < eo_event_list_count(leaks); i++) {
		const struct eo_event *row = eo_event_list_get(leaks, i);
		uint64_t *sum = strcmp(frame_name(row, 0), "pool_take") == 0 ? &small : &large;

		cr_expect_str_eq(frame_name(row, 0), sum == &small ? "pool_take" : "pool_take_large");
		cr_expect_str_eq(frame_name(row, 1), "main");
		*sum += number(row, "active_bytes");
	}
	cr_expect_eq(small, 110 * 24);
	cr_expect_eq(large, 17 * 1009);
	eo_event_list_free(leaks);
	done(&pool, tracer);
}

Test(mem_tracer, a_library_that_is_none_is_told)
{
	SETUP();
	struct program idle = start_program((const char *[]){getenv("EO_HEAP"), "counts", NULL});
	const uint32_t target = (uint32_t)idle.pid;
	const char *const libraries[] = {"/dev/null"};
	const struct eo_mem_options mem = {.libraries = libraries, .library_count = 1};
	const struct eo_tracer_options options = {.target = {.pids = &target, .pid_count = 1}, .summary = true};
	struct eo_config config = tracing_config();
	struct eo_tracer *tracer;
	struct eo_error err = {0};

	cr_assert_eq(eo_mem_tracer_new(&config, &options, &mem, &tracer, &err), 0);
	cr_assert_lt(eo_tracer_start(tracer, &err), 0);
	cr_expect(strstr(err.text, "read library /dev/null"), "%s", err.text);
	cr_expect_not(eo_tracer_is_running(tracer));
	done(&idle, tracer);
}

Test(mem_tracer, each_call_is_an_event)
{
	SETUP();
	struct program heap = start_heap("older", NULL);
	const struct eo_mem_options mem = {0};
	struct eo_tracer *tracer = begin(heap.pid, &mem, false);
	struct eo_event_list *list = NULL;
	struct eo_trace_stats stats;
	uint64_t counts[EO_EVENT_TYPE_COUNT] = {0}, address;

	do_step(&heap, tracer);
	do_step(&heap, tracer);
	cr_assert_eq(eo_tracer_stop(tracer, &list, NULL), 0);
	stats = eo_tracer_stats(tracer);
	expect_sound(&stats);
	cr_expect_eq(stats.emitted, 3 * 503);
	cr_assert_eq(eo_event_list_count(list), 3 * 503);
	for (size_t i = 0; i < eo_event_list_count(list); i++) {
		const struct eo_event *event = eo_event_list_get(list, i);
		const struct eo_attr *data = event->data;
		bool is_free = event->type == EO_EVENT_MEMORY_FREE;

		counts[event->type]++;
		cr_assert_eq(event->pid, (uint32_t)heap.pid);
		cr_assert_str_eq(event->comm, "heap");
		cr_assert_str_eq(eo_event_data(event, "function")->str, is_free ? "free" : "malloc");
		cr_assert_str_eq(eo_event_data(event, "source")->str, "libc");
		cr_assert_null(eo_event_data(event, "error"));
		cr_assert_null(eo_event_data(event, "stack"));
		if (i < 503) { /* older */
			cr_assert(is_free);
			cr_assert_eq(event->data_count, 3, "neither size nor lifetime");
			continue;
		}
		cr_assert_eq(eo_event_data(event, "size_bytes")->unum, 80);
		cr_assert_eq(is_free, eo_event_data(event, "lifetime_ns") != NULL);
		address = eo_event_data(event, "address")->unum;
		cr_assert_eq(address % 16, 0);
		cr_assert_str_eq(data[2].key, "address");
	}
	cr_expect_eq(counts[EO_EVENT_MEMORY_ALLOC], 503);
	cr_expect_eq(counts[EO_EVENT_MEMORY_FREE], 2 * 503);
	eo_event_list_free(list);
	done(&heap, tracer);
}

Test(mem_tracer, failures_are_events_with_their_error)
{
	SETUP();
	struct program heap = start_heap("counts", NULL);
	const struct eo_mem_options mem = {.min_size = 1u << 30};
	struct eo_tracer *tracer = begin(heap.pid, &mem, false);
	struct eo_event_list *list = NULL;
	struct eo_trace_stats stats;
	struct sums sums = count_sums();

	do_step(&heap, tracer);
	cr_assert_eq(eo_tracer_stop(tracer, &list, NULL), 0);
	stats = eo_tracer_stats(tracer);
	expect_sound(&stats);
	cr_expect_eq(stats.emitted, sums.failed);
	cr_expect_eq(stats.filtered, sums.allocations + sums.frees, "what is smaller");
	EXPECT_TOTAL(&stats, "failed_allocations", sums.failed);
	EXPECT_TOTAL(&stats, "allocations", 0);
	EXPECT_TOTAL(&stats, "unknown_frees", 0);
	cr_assert_eq(eo_event_list_count(list), sums.failed);
	for (size_t i = 0; i < eo_event_list_count(list); i++) {
		const struct eo_event *event = eo_event_list_get(list, i);

		cr_assert_eq(event->type, EO_EVENT_MEMORY_ALLOC);
		cr_assert_str_eq(eo_event_data(event, "function")->str, "realloc");
		cr_assert_str_eq(eo_event_data(event, "error")->str, "ENOMEM");
		cr_assert_eq(eo_event_data(event, "size_bytes")->unum, (uint64_t)PTRDIFF_MAX - 4096);
		cr_assert_null(eo_event_data(event, "address"));
	}
	eo_event_list_free(list);
	done(&heap, tracer);
}

Test(mem_tracer, leaks_are_told_by_where_they_were_allocated)
{
	SETUP();
	struct program heap = start_heap("counts", NULL);
	const struct eo_mem_options mem = {.leaks = true};
	struct eo_tracer *tracer = begin(heap.pid, &mem, true);
	struct eo_event_list *leaks;
	struct eo_trace_stats stats;
	const struct {
		const char *site;
		uint64_t count, size;
	} expected[] = {{"leak_b", 497, 2003}, {"leak_a", 500, 1009}};

	stats = last_step(&heap, tracer);
	expect_counts(&stats);
	expect_sound(&stats);
	leaks = rows_of(tracer);
	cr_assert_eq(eo_event_list_count(leaks), 2);
	for (size_t i = 0; i < 2; i++) {
		const struct eo_event *event = eo_event_list_get(leaks, i);

		cr_expect_eq(event->type, EO_EVENT_MEM_SUMMARY);
		cr_expect_eq(event->pid, (uint32_t)heap.pid);
		cr_expect_str_eq(event->comm, "heap");
		cr_expect_str_eq(frame_name(event, 0), "malloc");
		cr_expect_str_eq(frame_name(event, 1), expected[i].site);
		cr_expect_str_eq(frame_name(event, 2), "some_mallocs");
		cr_expect_str_eq(frame_name(event, 3), "count_thread");
		cr_expect_eq(eo_event_data(event, "active_allocations")->unum, expected[i].count);
		cr_expect_eq(eo_event_data(event, "active_bytes")->unum, expected[i].count * expected[i].size);
		cr_expect_gt(eo_event_data(event, "oldest_ns")->unum, 0);
	}
	eo_event_list_free(leaks);
	done(&heap, tracer);
}

Test(mem_tracer, a_heap_profile_has_all_that_was_allocated_and_is_held)
{
	SETUP();
	struct program heap = start_heap("counts", NULL);
	const struct eo_mem_options mem = {.profile = true};
	struct eo_tracer *tracer = begin(heap.pid, &mem, false);
	struct sums sums = count_sums();
	struct eo_profile *profile;
	struct eo_trace_stats stats;

	stats = last_step(&heap, tracer);
	expect_counts(&stats);
	profile = eo_mem_tracer_take_profile(tracer);
	cr_assert(profile);
	cr_expect_null(eo_mem_tracer_take_profile(tracer));
	cr_assert_eq(profile->value_type_count, 4);
	cr_expect_eq(eo_profile_total(profile, 0), (int64_t)sums.allocations);
	cr_expect_eq(eo_profile_total(profile, 1), (int64_t)sums.allocated);
	cr_expect_eq(eo_profile_total(profile, 2), 997);
	cr_expect_eq(eo_profile_total(profile, 3), 500 * 1009 + 497 * 2003);
	cr_expect_eq(sum_of(profile, "leak_a", 3), 500 * 1009);
	cr_expect_eq(sum_of(profile, "leak_b", 3), 497 * 2003);
	cr_expect_eq(sum_of(profile, "some_callocs", 0), 10007);
	cr_expect_eq(sum_of(profile, "some_aligned", 0), 1009);
	cr_expect_eq(sum_of(profile, "some_reallocs", 0), 5003 - 1667 + 4);
	cr_expect_eq(sum_of(profile, "count_thread", 1), (int64_t)sums.allocated);
	eo_profile_free(profile);
	done(&heap, tracer);
}

Test(mem_tracer, blocks_beyond_the_limit_are_counted)
{
	SETUP();
	struct program heap = start_heap("exec", NULL);
	const struct eo_mem_options mem = {.max_live = 101};
	struct eo_tracer *tracer = begin(heap.pid, &mem, true);
	struct eo_trace_stats stats;

	stats = last_step(&heap, tracer);
	EXPECT_TOTAL(&stats, "allocations", 307);
	EXPECT_TOTAL(&stats, "active_allocations", 101);
	EXPECT_TOTAL(&stats, "blocks_untracked", 206);
	done(&heap, tracer);
}

Test(mem_tracer, nobody_is_no_target)
{
	const struct eo_tracer_options options = {0};
	const struct eo_mem_options mem = {0};
	struct eo_config config = tracing_config();
	struct eo_tracer *tracer;
	struct eo_error err = {0};

	cr_assert_lt(eo_mem_tracer_new(&config, &options, &mem, &tracer, &err), 0);
	cr_expect_eq(err.kind, EO_ERROR_CONFIG);
	cr_expect_not_null(err.hint);
}

Test(mem_tracer, a_summary_has_rows_by_size)
{
	SETUP();
	struct program heap = start_heap("counts", NULL);
	const struct eo_mem_options mem = {0};
	struct eo_tracer *tracer = begin(heap.pid, &mem, true);
	struct sums sums = count_sums(), found = {0};
	struct eo_event_list *rows;

	last_step(&heap, tracer);
	rows = rows_of(tracer);
	for (size_t i = 0; i < eo_event_list_count(rows); i++) {
		const struct eo_event *row = eo_event_list_get(rows, i);
		const char *name = eo_event_data(row, "name")->str;

		found.allocations += number(row, "count");
		found.allocated += number(row, "total_allocated");
		found.frees += number(row, "frees");
		found.freed += number(row, "total_freed");
		found.failed += number(row, "errors");
		if (strcmp(name, "512-1023") == 0)
			cr_expect_eq(number(row, "count"), 500 + 4, "the first leak, and what is reallocated");
		if (strcmp(name, "1024-2047") == 0)
			cr_expect_eq(number(row, "frees"), 0, "nothing but leaks");
		cr_expect_eq(strcmp(name, "4611686018427387904-9223372036854775807") == 0,
			     number(row, "errors") > 0);
	}
	cr_expect(memcmp(&sums, &found, sizeof(sums)) == 0);
	eo_event_list_free(rows);
	rows = rows_of(tracer);
	cr_expect_eq(eo_event_list_count(rows), 0, "all was told");
	eo_event_list_free(rows);
	done(&heap, tracer);
}

Test(mem_tracer, a_summary_has_rows_by_stack)
{
	SETUP();
	struct program heap = start_heap("counts", NULL);
	const struct eo_mem_options mem = {.by_stack = true};
	struct eo_tracer *tracer = begin(heap.pid, &mem, true);
	struct sums sums = count_sums(), found = {0};
	struct eo_event_list *rows;
	uint64_t held = 0;

	last_step(&heap, tracer);
	rows = rows_of(tracer);
	for (size_t i = 0; i < eo_event_list_count(rows); i++) {
		const struct eo_event *row = eo_event_list_get(rows, i);

		found.allocations += number(row, "count");
		found.allocated += number(row, "total_allocated");
		found.frees += number(row, "frees");
		found.freed += number(row, "total_freed");
		held += number(row, "active_bytes");
		if (strcmp(frame_name(row, 1), "leak_a") == 0) {
			cr_expect_eq(number(row, "count"), 500);
			cr_expect_eq(number(row, "active_allocations"), 500);
			cr_expect_eq(number(row, "frees"), 0);
		}
	}
	cr_expect_eq(found.allocations, sums.allocations);
	cr_expect_eq(found.allocated, sums.allocated);
	cr_expect_eq(found.frees, sums.frees);
	cr_expect_eq(found.freed, sums.freed);
	cr_expect_eq(held, sums.allocated - sums.freed);
	eo_event_list_free(rows);
	done(&heap, tracer);
}

Test(mem_tracer, another_allocator_stands_in_for_that_of_the_libc)
{
	SETUP();
	const char *const argv[] = {"env", "LD_PRELOAD=libjemalloc.so.2", getenv("EO_HEAP"), "counts", NULL};
	const struct eo_mem_options mem = {.leaks = true};
	struct eo_event_list *leaks;
	struct eo_trace_stats stats;
	struct eo_tracer *tracer;
	struct program heap;

	/* Loaded later than at the start it may find no room. */
	if (system("test -z \"$(LD_PRELOAD=libjemalloc.so.2 /bin/true 2>&1)\"") != 0)
		cr_skip_test("needs libjemalloc");
	heap = start_program(argv);
	expect_line(&heap, "ready\n");
	tracer = begin(heap.pid, &mem, true);
	stats = last_step(&heap, tracer);
	expect_counts(&stats);
	expect_sound(&stats);
	leaks = rows_of(tracer);
	cr_assert_geq(eo_event_list_count(leaks), 2);
	cr_expect_str_eq(frame_name(eo_event_list_get(leaks, 0), 1), "leak_b");
	eo_event_list_free(leaks);
	done(&heap, tracer);
}

Test(mem_tracer, the_cost_of_a_busy_target_is_known_at_once)
{
	SETUP();
	struct program heap = start_heap("loop", "1000000000");
	const struct eo_mem_options mem = {0};
	struct eo_tracer *tracer = begin(heap.pid, &mem, true);
	double idle, busy;

	cr_assert_eq(eo_mem_tracer_measure(tracer, 50000000, &idle, NULL), 0);
	cr_expect_eq(idle, 0.0);
	cr_assert_eq(write(heap.in, "x", 1), 1);
	cr_assert_eq(eo_mem_tracer_measure(tracer, 500000000, &busy, NULL), 0);
	cr_expect_gt(busy, 0.1);
	stop(tracer);
	cr_expect_lt(eo_mem_tracer_measure(tracer, 1, &busy, NULL), 0, "it does not run any more");
	done(&heap, tracer);
}
