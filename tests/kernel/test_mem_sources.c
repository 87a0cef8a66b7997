// SPDX-License-Identifier: BSD-2-Clause
/* Other sources than allocators: address space, resident pages, and the kernel's objects. The
 * workload is tests/kernel/workloads/pages.c. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mem_run.h"

TestSuite(mem_sources, .timeout = 120);

#define PAGE 4096ul

static struct program start_pages(const char *what, const char *number)
{
	return start_variant("EO_PAGES", what, number);
}

static const struct eo_mem_options maps = {.sources = EO_MEM_BIT(EO_MEM_MMAP)};
static const struct eo_mem_options faults = {.sources = EO_MEM_BIT(EO_MEM_FAULTS)};
static const struct eo_mem_options objects = {.sources = EO_MEM_BIT(EO_MEM_KERNEL)};

/* ---- address space ---- */

/* What map_step() does, told once more. Bytes are pages, but for those of the break. */
static void expect_map_step(const struct eo_trace_stats *stats)
{
	const uint64_t taken = 101 * 3 + 53 * 7 + 11 * 16 + 19 * 8 + (64 + 17) + 13 * (2 + 9) + (10 + 5 + 5) + 1;
	const uint64_t given = 53 * 7 + 11 * 5 + 19 * 3 + 17 + 13 * 2 + (10 + 5 + 5);

	EXPECT_TOTAL(stats, "allocations", 101 + 53 + 11 + 19 + (1 + 17) + 13 * 2 + (1 + 2) + 1 + 2);
	EXPECT_TOTAL(stats, "total_allocated", taken * PAGE + 40009 + 30011);
	EXPECT_TOTAL(stats, "frees", 53 + 11 + 19 + 17 + 13 + (1 + 2) + 1);
	EXPECT_TOTAL(stats, "total_freed", given * PAGE + 20011);
	EXPECT_TOTAL(stats, "failed_allocations", 7 + 3);
	EXPECT_TOTAL(stats, "unknown_frees", 1);
	/* In pieces: a hole makes two of one. */
	EXPECT_TOTAL(stats, "active_allocations", 101 + 2 * 11 + 19 + (17 + 17 + 1) + 13 + 1 + 2);
	EXPECT_TOTAL(stats, "active_bytes", (taken - given) * PAGE + 40009 + 10000);
}

Test(mem_sources, address_space_is_counted_to_the_page)
{
	SETUP();
	struct program pages = start_pages("map", NULL);
	struct eo_tracer *tracer = begin(pages.pid, &maps, true);
	struct eo_trace_stats stats;

	stats = last_step(&pages, tracer);
	expect_map_step(&stats);
	expect_sound(&stats);
	cr_expect_eq(stats.aggregated, stats.seen);
	done(&pages, tracer);
}

Test(mem_sources, each_call_on_address_space_is_an_event)
{
	SETUP();
	struct program pages = start_pages("map", NULL);
	struct eo_tracer *tracer = begin(pages.pid, &maps, false);
	struct eo_event_list *list = NULL;
	struct eo_trace_stats stats;
	struct {
		const char *function;
		bool is_free;
		uint64_t count, bytes;
	} sums[] = {
		{"mmap", false, 101 + 53 + 11 + 19 + 1 + 17 + 13 + 3 + 1,
		 (101 * 3 + 53 * 7 + 11 * 16 + 19 * 8 + 64 + 17 + 13 * 2 + 20 + 1) * PAGE},
		{"mremap", false, 13, 13 * 9 * PAGE},
		{"brk", false, 2, 40009 + 30011},
		{"mmap", true, 17, 17 * PAGE},
		{"munmap", true, 53 + 11 + 19 + 3, (53 * 7 + 11 * 5 + 19 * 3 + 20) * PAGE},
		{"mremap", true, 13, 13 * 2 * PAGE},
		{"brk", true, 1, 20011},
	};
	size_t failures = 0, unknown = 0;

	do_step(&pages, tracer);
	cr_assert_eq(eo_tracer_stop(tracer, &list, NULL), 0);
	stats = eo_tracer_stats(tracer);
	expect_map_step(&stats);
	expect_sound(&stats);
	cr_assert_eq(eo_event_list_count(list), stats.emitted);
	for (size_t i = 0; i < eo_event_list_count(list); i++) {
		const struct eo_event *event = eo_event_list_get(list, i);
		const char *function = eo_event_data(event, "function")->str;
		bool is_free = event->type == EO_EVENT_MEMORY_FREE;

		cr_assert_str_eq(eo_event_data(event, "source")->str, "mmap");
		cr_assert_eq(event->pid, (uint32_t)pages.pid);
		if (eo_event_data(event, "error")) {
			failures++;
			cr_expect_str_eq(eo_event_data(event, "error")->str,
					 strcmp(function, "mremap") == 0 ? "ENOMEM" : "EINVAL");
			continue;
		}
		cr_assert(eo_event_data(event, "address"));
		if (!eo_event_data(event, "size_bytes")) {
			unknown++;
			cr_expect_str_eq(function, "munmap");
			continue;
		}
		cr_expect_eq(is_free, eo_event_data(event, "lifetime_ns") != NULL);
		for (size_t k = 0; k < sizeof(sums) / sizeof(*sums); k++)
			if (sums[k].is_free == is_free && strcmp(sums[k].function, function) == 0) {
				sums[k].count--;
				sums[k].bytes -= number(event, "size_bytes");
			}
	}
	for (size_t k = 0; k < sizeof(sums) / sizeof(*sums); k++) {
		cr_expect_eq(sums[k].count, 0, "%s, row %zu: %lld", sums[k].function, k, (long long)sums[k].count);
		cr_expect_eq(sums[k].bytes, 0, "%s, row %zu: %lld", sums[k].function, k, (long long)sums[k].bytes);
	}
	cr_expect_eq(failures, 10);
	cr_expect_eq(unknown, 1);
	eo_event_list_free(list);
	done(&pages, tracer);
}

Test(mem_sources, leaks_of_address_space_have_stacks)
{
	SETUP();
	struct program pages = start_pages("map", NULL);
	const struct eo_mem_options mem = {.sources = EO_MEM_BIT(EO_MEM_MMAP), .leaks = true};
	struct eo_tracer *tracer = begin(pages.pid, &mem, true);
	struct {
		const char *site;
		uint64_t count, bytes;
	} expected[] = {
		{"map_kept", 101, 101 * 3 * PAGE},
		{"map_gone", 0, 0},
		{"map_with_holes", 22, 11 * 11 * PAGE},
		{"map_without_heads", 19, 19 * 5 * PAGE},
		{"map_over", 35, 64 * PAGE},
		{"map_and_grow", 13, 13 * 9 * PAGE},
		{"move_break", 2, 50009},
	};
	struct eo_event_list *rows;

	last_step(&pages, tracer);
	rows = rows_of(tracer);
	for (size_t k = 0; k < sizeof(expected) / sizeof(*expected); k++) {
		uint64_t count = 0, bytes = 0;

		for (size_t i = 0; i < eo_event_list_count(rows); i++) {
			const struct eo_event *row = eo_event_list_get(rows, i);

			cr_expect_str_eq(eo_event_data(row, "source")->str, "mmap");
			if (!has_frame(row, expected[k].site))
				continue;
			count += number(row, "active_allocations");
			bytes += number(row, "active_bytes");
		}
		cr_expect_eq(count, expected[k].count, "%s: %llu", expected[k].site, (unsigned long long)count);
		cr_expect_eq(bytes, expected[k].bytes, "%s: %llu", expected[k].site, (unsigned long long)bytes);
	}
	eo_event_list_free(rows);
	done(&pages, tracer);
}

Test(mem_sources, addresses_that_are_mapped_again_at_once_stay_right)
{
	SETUP();
	struct program pages = start_pages("race", "10007");
	struct eo_tracer *tracer = begin(pages.pid, &maps, true);
	struct eo_trace_stats stats;

	stats = last_step(&pages, tracer);
	expect_sound(&stats);
	EXPECT_TOTAL(&stats, "allocations", 4 * 10007);
	EXPECT_TOTAL(&stats, "frees", 4 * 10007);
	EXPECT_TOTAL(&stats, "total_freed", 4 * 10007 * PAGE);
	EXPECT_TOTAL(&stats, "unknown_frees", 0);
	EXPECT_TOTAL(&stats, "active_bytes", 0);
	done(&pages, tracer);
}

Test(mem_sources, a_child_has_its_parents_mappings)
{
	SETUP();
	struct program pages = start_pages("fork", NULL);
	struct eo_tracer *tracer = begin(pages.pid, &maps, true);
	struct eo_trace_stats stats;

	do_step(&pages, tracer);
	stats = eo_tracer_stats(tracer);
	EXPECT_TOTAL(&stats, "active_bytes", 23 * 2 * PAGE);
	do_step(&pages, tracer);
	stats = eo_tracer_stats(tracer);
	EXPECT_TOTAL(&stats, "allocations", 23);
	EXPECT_TOTAL(&stats, "frees", 11);
	EXPECT_TOTAL(&stats, "active_allocations", 23 + 12);
	EXPECT_TOTAL(&stats, "unknown_frees", 0);
	stats = stop(tracer);
	expect_sound(&stats);
	done(&pages, tracer);
}

/* ---- resident pages ---- */

#define TOUCHED (64ul << 20)

/* Kernels before 6.2 count by 64 pages of a thread. */
static void expect_about(uint64_t bytes, uint64_t expected, const char *what)
{
	uint64_t gap = bytes > expected ? bytes - expected : expected - bytes;

	cr_expect_leq(gap, expected / 100, "%s: %llu, not %llu", what, (unsigned long long)bytes,
		      (unsigned long long)expected);
}

Test(mem_sources, what_becomes_resident_has_a_stack)
{
	SETUP();
	struct program pages = start_pages("touch", NULL);
	const struct eo_mem_options mem = {.sources = EO_MEM_BIT(EO_MEM_FAULTS), .profile = true};
	struct eo_tracer *tracer = begin(pages.pid, &mem, false);
	struct eo_trace_stats stats;
	struct eo_profile *profile;
	int64_t small, huge;

	do_step(&pages, tracer);
	do_step(&pages, tracer);
	stats = eo_tracer_stats(tracer);
	expect_about(total(&stats, "active_bytes"), TOUCHED, "in memory");
	do_step(&pages, tracer); /* it is given back */
	stats = eo_tracer_stats(tracer);
	cr_expect_lt(total(&stats, "active_bytes"), TOUCHED / 100);
	expect_about(total(&stats, "total_freed"), TOUCHED, "given back");
	stats = last_step(&pages, tracer);
	expect_sound(&stats);
	profile = eo_mem_tracer_take_profile(tracer);
	cr_assert(profile);
	cr_assert_eq(profile->value_type_count, 2, "pages in use are nobody's");
	small = sum_of(profile, "touch_small_pages", 1);
	huge = sum_of(profile, "touch_huge_pages", 1);
	expect_about((uint64_t)small, TOUCHED, "small pages");
	expect_about((uint64_t)huge, TOUCHED, "huge pages");
	/* A fault each, or one for two megabytes where the kernel has such pages. */
	cr_expect_leq(sum_of(profile, "touch_huge_pages", 0), sum_of(profile, "touch_small_pages", 0));
	cr_expect_eq((uint64_t)eo_profile_total(profile, 1), total(&stats, "total_allocated"));
	eo_profile_free(profile);
	done(&pages, tracer);
}

Test(mem_sources, page_faults_have_addresses_and_what_the_kernel_fills_has_none)
{
	SETUP();
	struct program pages = start_pages("touch", NULL);
	struct eo_tracer *tracer = begin(pages.pid, &faults, false);
	uint64_t by_fault = 0, by_call = 0, released = 0;
	struct eo_event_list *list = NULL;
	struct eo_trace_stats stats;

	for (int i = 0; i < 5; i++)
		do_step(&pages, tracer);
	cr_assert_eq(eo_tracer_stop(tracer, &list, NULL), 0);
	stats = eo_tracer_stats(tracer);
	expect_sound(&stats);
	cr_assert_eq(eo_event_list_count(list), stats.emitted);
	for (size_t i = 0; i < eo_event_list_count(list); i++) {
		const struct eo_event *event = eo_event_list_get(list, i);
		const char *function = eo_event_data(event, "function")->str;

		cr_assert_str_eq(eo_event_data(event, "source")->str, "fault");
		cr_assert_null(eo_event_data(event, "lifetime_ns"));
		if (event->type == EO_EVENT_MEMORY_FREE) {
			cr_assert_str_eq(function, "released");
			if (eo_event_data(event, "size_bytes"))
				released += number(event, "size_bytes");
		} else if (strcmp(function, "page_fault") == 0) {
			cr_assert(eo_event_data(event, "address"));
			by_fault += number(event, "size_bytes");
		} else {
			cr_assert_str_eq(function, "resident");
			cr_assert_null(eo_event_data(event, "address"));
			by_call += number(event, "size_bytes");
		}
	}
	expect_about(released, TOUCHED, "released");
#ifdef __x86_64__ /* others do not tell of page faults */
	expect_about(by_fault, 2 * TOUCHED, "by faults");
	cr_expect_geq(by_call, (1 << 20) - 64 * PAGE, "%llu", (unsigned long long)by_call);
#else
	expect_about(by_call, 2 * TOUCHED + (1 << 20), "in all");
#endif
	eo_event_list_free(list);
	done(&pages, tracer);
}

/* ---- the kernel ---- */

static bool has_slab_tracepoints(pid_t pid)
{
	uint32_t target = (uint32_t)pid;
	const struct eo_tracer_options options = {.target = {.pids = &target, .pid_count = 1}};
	struct eo_config config = tracing_config();
	struct eo_tracer *tracer;
	struct eo_error err = {0};
	int r;

	cr_assert_eq(eo_mem_tracer_new(&config, &options, &objects, &tracer, &err), 0);
	r = eo_tracer_start(tracer, &err);
	eo_tracer_free(tracer);
	if (r < 0) {
		cr_assert_eq(err.kind, EO_ERROR_INCOMPATIBLE_KERNEL, "%s", err.text);
		cr_assert_not_null(err.hint);
	}
	return r == 0;
}

/* What pipe() took, by the kernel's functions: the user half of the very first stacks may come too
 * early to be walked. */
struct object_sums {
	uint64_t pipes, pipes_freed, pipes_held, pipe_bytes, files_held, held;
	size_t of_program; /* rows */
};

static struct object_sums sum_objects(struct eo_tracer *tracer)
{
	struct eo_event_list *rows = rows_of(tracer);
	struct object_sums sums = {0};

	for (size_t i = 0; i < eo_event_list_count(rows); i++) {
		const struct eo_event *row = eo_event_list_get(rows, i);

		cr_expect_str_eq(eo_event_data(row, "source")->str, "kernel");
		if (!has_frame(row, "create_pipe_files"))
			continue;
		cr_expect(strncmp(frame_name(row, 0), "bpf_", 4) != 0, "%s", frame_name(row, 0));
		sums.of_program += has_frame(row, "open_pipes");
		/* Who called the allocator: it may take something for itself, which stays. */
		if (strcmp(frame_name(row, 1), "alloc_pipe_info") == 0) {
			sums.pipes += number(row, "count");
			sums.pipes_freed += number(row, "frees");
			sums.pipes_held += number(row, "active_allocations");
			sums.pipe_bytes += number(row, "active_bytes");
		} else if (strcmp(frame_name(row, 1), "alloc_empty_file") == 0 ||
			   strcmp(frame_name(row, 1), "__alloc_file") == 0) { /* inlined or not */
			sums.files_held += number(row, "active_allocations");
		}
		sums.held += number(row, "active_allocations");
	}
	eo_event_list_free(rows);
	return sums;
}

Test(mem_sources, the_kernels_objects_are_those_of_the_call)
{
	SETUP();
	struct program pages = start_pages("objects", "101");
	const struct eo_mem_options mem = {.sources = EO_MEM_BIT(EO_MEM_KERNEL), .by_stack = true};
	struct object_sums sums;
	struct eo_trace_stats stats;
	struct eo_tracer *tracer;

	if (!has_slab_tracepoints(pages.pid))
		cr_skip_test("needs the slab allocator's tracepoints as of Linux 6.1");
	tracer = begin(pages.pid, &mem, true);
	do_step(&pages, tracer);
	sums = sum_objects(tracer);
	cr_expect_eq(sums.pipes, 2 * 101, "the pipe, and its ring of buffers: %llu", (unsigned long long)sums.pipes);
	cr_expect_eq(sums.pipes_held, 2 * 101);
	cr_expect_geq(sums.pipe_bytes, 101 * 16 * 40, "16 buffers each");
	cr_expect_eq(sums.files_held, 2 * 101, "%llu", (unsigned long long)sums.files_held);
	cr_expect_geq(sums.held, 6 * 101, "dentries and inodes as well");
	cr_expect_gt(sums.of_program, 0);

	do_step(&pages, tracer); /* closed: inodes end in an interrupt, some time later */
	for (int i = 0; i < 200 && sum_objects(tracer).pipes_held; i++) {
		usleep(10000);
		cr_assert_eq(eo_tracer_pump(tracer, NULL), 0);
	}
	stats = stop(tracer);
	expect_identity(&stats);
	sums = sum_objects(tracer);
	cr_expect_eq(sums.pipes, 2 * 101);
	cr_expect_eq(sums.pipes_freed, 2 * 101);
	cr_expect_eq(sums.pipes_held, 0);
	done(&pages, tracer);
}

Test(mem_sources, objects_are_events_of_who_asked_for_them)
{
	SETUP();
	struct program pages = start_pages("objects", "13");
	struct eo_event_list *list = NULL;
	struct eo_trace_stats stats;
	struct eo_tracer *tracer;
	size_t allocations = 0;

	if (!has_slab_tracepoints(pages.pid))
		cr_skip_test("needs the slab allocator's tracepoints as of Linux 6.1");
	tracer = begin(pages.pid, &objects, false);
	do_step(&pages, tracer);
	do_step(&pages, tracer);
	cr_assert_eq(eo_tracer_stop(tracer, &list, NULL), 0);
	stats = eo_tracer_stats(tracer);
	cr_assert_eq(eo_event_list_count(list), stats.emitted);
	for (size_t i = 0; i < eo_event_list_count(list); i++) {
		const struct eo_event *event = eo_event_list_get(list, i);
		const char *function = eo_event_data(event, "function")->str;

		cr_assert_str_eq(eo_event_data(event, "source")->str, "kernel");
		if (event->type != EO_EVENT_MEMORY_ALLOC) {
			cr_assert(!strcmp(function, "kfree") || !strcmp(function, "kmem_cache_free"));
			continue;
		}
		cr_assert(!strcmp(function, "kmalloc") || !strcmp(function, "kmem_cache_alloc"));
		cr_assert_eq(event->pid, (uint32_t)pages.pid);
		cr_assert_gt(number(event, "size_bytes"), 0);
		allocations++;
	}
	cr_expect_eq(allocations, total(&stats, "allocations"));
	cr_expect_geq(allocations, 13 * 7);
	eo_event_list_free(list);
	done(&pages, tracer);
}

/* ---- several ---- */

Test(mem_sources, several_sources_keep_their_own_figures)
{
	SETUP();
	struct program pages = start_pages("map", NULL);
	const struct eo_mem_options mem = {
		.sources = EO_MEM_BIT(EO_MEM_LIBC) | EO_MEM_BIT(EO_MEM_MMAP) | EO_MEM_BIT(EO_MEM_FAULTS)};
	struct eo_tracer *tracer = begin(pages.pid, &mem, true);
	uint64_t mapped = 0, allocated = 0;
	struct eo_event_list *rows;

	last_step(&pages, tracer);
	rows = rows_of(tracer);
	for (size_t i = 0; i < eo_event_list_count(rows); i++) {
		const struct eo_event *row = eo_event_list_get(rows, i);
		const char *source = eo_event_data(row, "source")->str;

		if (strcmp(source, "mmap") == 0)
			mapped += number(row, "count");
		else if (strcmp(source, "libc") == 0)
			allocated += number(row, "count");
		else
			cr_expect_str_eq(source, "fault");
	}
	cr_expect_eq(mapped, 101 + 53 + 11 + 19 + (1 + 17) + 13 * 2 + (1 + 2) + 1 + 2);
	cr_expect_eq(allocated, 0);
	eo_event_list_free(rows);
	done(&pages, tracer);
}

Test(mem_sources, what_makes_no_sense_is_refused)
{
	const uint32_t pid = 1;
	const struct eo_target target = {.pids = &pid, .pid_count = 1};
	const struct eo_mem_options wrong[] = {
		{.sources = 1u << EO_MEM_SOURCES},
		{.sources = EO_MEM_BIT(EO_MEM_LIBC) | EO_MEM_BIT(EO_MEM_MMAP), .profile = true},
		{.sources = EO_MEM_BIT(EO_MEM_FAULTS), .leaks = true},
		{.sources = EO_MEM_BIT(EO_MEM_FAULTS), .sample_bytes = 101},
		{.sources = EO_MEM_BIT(EO_MEM_MMAP), .library_count = 1},
	};
	struct eo_config config = tracing_config();

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		const struct eo_tracer_options options = {.target = target, .summary = !wrong[i].profile};
		struct eo_tracer *tracer = NULL;
		struct eo_error err = {0};

		cr_expect_lt(eo_mem_tracer_new(&config, &options, &wrong[i], &tracer, &err), 0, "%zu", i);
		cr_expect_eq(err.kind, EO_ERROR_CONFIG);
		cr_expect_null(tracer);
	}
}
