// SPDX-License-Identifier: BSD-2-Clause
/* What programs allocate and free, counted to the last block. The workload is
 * tests/kernel/workloads/heap.c. */
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/mem_tracer.h"

TestSuite(mem_tracer, .timeout = 240);

#define SETUP()                                                          \
	do {                                                             \
		if (geteuid() != 0)                                      \
			cr_skip_test("needs root to load BPF programs"); \
		if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_loop, NULL) == 0) \
			cr_skip_test("needs bpf_loop(), Linux 5.17");    \
	} while (0)

struct program {
	pid_t pid;
	int in, out;
};

static struct program start_program(const char *const *argv)
{
	struct program program;
	int in[2], out[2];

	cr_assert_eq(pipe(in), 0);
	cr_assert_eq(pipe(out), 0);
	program.pid = fork();
	if (program.pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails does not get to end() */
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		close(in[0]);
		close(in[1]);
		close(out[0]);
		close(out[1]);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	program.in = in[1];
	program.out = out[0];
	return program;
}

static void expect_line(const struct program *program, const char *line)
{
	char text[32] = "";

	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		cr_assert_eq(read(program->out, text + i, 1), 1, "the workload has ended");
		if (text[i] == '\n')
			break;
	}
	cr_assert_str_eq(text, line);
}

static struct program start_variant(const char *variant, const char *what, const char *number)
{
	struct program program = start_program((const char *[]){getenv(variant), what, number, NULL});

	expect_line(&program, "ready\n");
	return program;
}

static struct program start_heap(const char *what, const char *number)
{
	return start_variant("EO_HEAP", what, number);
}

static void end_program(struct program *program)
{
	kill(program->pid, SIGKILL);
	waitpid(program->pid, NULL, 0);
	close(program->in);
	close(program->out);
}

/* One step of the workload, while the tracer is pumped. */
static void do_step(struct program *program, struct eo_tracer *tracer)
{
	struct pollfd fd = {.fd = program->out, .events = POLLIN};

	cr_assert_eq(write(program->in, "x", 1), 1);
	while (poll(&fd, 1, 5) == 0)
		cr_assert_eq(eo_tracer_pump(tracer, NULL), 0);
	expect_line(program, "done\n");
	cr_assert_eq(eo_tracer_pump(tracer, NULL), 0);
}

static struct eo_config tracing_config(void)
{
	struct eo_config config = eo_config_default();

	config.enable_memory_tracing = true;
	config.duration_ns = 0;
	return config;
}

static struct eo_tracer *begin(pid_t pid, const struct eo_mem_options *mem, bool summary)
{
	uint32_t target = (uint32_t)pid;
	const struct eo_tracer_options options = {
		.target = {.pids = &target, .pid_count = 1},
		.summary = summary,
		.ring_bytes = 1u << 22,
	};
	struct eo_config config = tracing_config();
	struct eo_tracer *tracer;
	struct eo_error err = {0};

	cr_assert_eq(eo_mem_tracer_new(&config, &options, mem, &tracer, &err), 0, "%s", err.text);
	cr_assert_eq(eo_tracer_start(tracer, &err), 0, "%s: %s", err.text, strerror(err.code));
	return tracer;
}

static uint64_t total(const struct eo_trace_stats *stats, const char *key)
{
	for (size_t i = 0; i < stats->total_count; i++)
		if (strcmp(stats->totals[i].key, key) == 0)
			return stats->totals[i].value;
	for (size_t i = 0; i < stats->degraded_count; i++)
		if (strcmp(stats->degraded[i].key, key) == 0)
			return stats->degraded[i].value;
	cr_assert_fail("no figure %s", key);
	return 0;
}

#define EXPECT_TOTAL(stats, key, expected)                                                       \
	cr_expect_eq(total(stats, key), (uint64_t)(expected), "%s: %llu, not %llu", key,         \
		     (unsigned long long)total(stats, key), (unsigned long long)(expected))

/* The identity, and nothing lost or missing. */
static void expect_sound(const struct eo_trace_stats *stats)
{
	cr_expect_eq(stats->seen,
		     stats->emitted + stats->aggregated + stats->filtered + eo_trace_stats_lost(stats));
	cr_expect_eq(eo_trace_stats_lost(stats), 0);
	EXPECT_TOTAL(stats, "blocks_untracked", 0);
	EXPECT_TOTAL(stats, "frees_missed", 0);
	EXPECT_TOTAL(stats, "calls_abandoned", 0);
}

/* ---- the sums of heap counts ---- */

struct sums {
	uint64_t allocations, allocated, frees, freed, failed;
};

/* What count_step() does, told once more. */
static struct sums count_sums(void)
{
	struct sums sums = {0};

	for (int i = 0; i < 100003; i++) {
		sums.allocations++;
		sums.allocated += i < 500 ? 1009 : i < 997 ? 2003 : 16 + (uint64_t)i % 257;
	}
	for (int i = 0; i < 10007; i++) {
		sums.allocations++;
		sums.allocated += (1 + (uint64_t)i % 7) * 24;
	}
	sums.allocations += 4; /* what is reallocated: one a thread */
	sums.allocated += 4 * 1000;
	for (int i = 0; i < 5003; i++) {
		if (i % 3 == 2) {
			sums.failed++;
			continue;
		}
		sums.allocations++;
		sums.allocated += i % 3 == 0 ? 3000 : 100;
	}
	for (int i = 0; i < 1009; i++) {
		sums.allocations++;
		sums.allocated += i % 3 == 0 ? 192 : i % 3 == 1 ? 300 : 96;
	}
	sums.frees = sums.allocations - 997;
	sums.freed = sums.allocated - 500 * 1009 - 497 * 2003;
	return sums;
}

static void expect_counts(const struct eo_trace_stats *stats)
{
	struct sums sums = count_sums();

	EXPECT_TOTAL(stats, "allocations", sums.allocations);
	EXPECT_TOTAL(stats, "total_allocated", sums.allocated);
	EXPECT_TOTAL(stats, "frees", sums.frees);
	EXPECT_TOTAL(stats, "total_freed", sums.freed);
	EXPECT_TOTAL(stats, "failed_allocations", sums.failed);
	EXPECT_TOTAL(stats, "unknown_frees", 0);
	EXPECT_TOTAL(stats, "active_allocations", 997);
	EXPECT_TOTAL(stats, "active_bytes", 500 * 1009 + 497 * 2003);
	cr_expect_eq(stats->seen, sums.allocations + sums.frees + sums.failed);
}

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
	cr_assert_eq(eo_tracer_stop(tracer, NULL, NULL), 0);
	stats = eo_tracer_stats(tracer);
	expect_counts(&stats);
	expect_sound(&stats);
	cr_expect_eq(stats.aggregated, stats.seen);
	eo_tracer_free(tracer);
	end_program(&heap);
}

static int count_event(void *ctx, const struct eo_event *event)
{
	uint64_t *counts = ctx;

	counts[event->type]++;
	return 0;
}

Test(mem_tracer, an_allocator_may_be_in_the_program_itself)
{
	SETUP();
	struct program heap = start_variant("EO_HEAP_STATIC", "counts", NULL);
	const struct eo_mem_options mem = {0};
	struct eo_tracer *tracer = begin(heap.pid, &mem, true);
	struct eo_trace_stats stats;

	do_step(&heap, tracer);
	cr_assert_eq(eo_tracer_stop(tracer, NULL, NULL), 0);
	stats = eo_tracer_stats(tracer);
	expect_counts(&stats);
	expect_sound(&stats);
	eo_tracer_free(tracer);
	end_program(&heap);
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
	eo_tracer_free(tracer);
	end_program(&idle);
}

Test(mem_tracer, what_is_older_than_the_trace_is_freed_unknown)
{
	SETUP();
	struct program heap = start_heap("older", NULL);
	const struct eo_mem_options mem = {0};
	struct eo_tracer *tracer = begin(heap.pid, &mem, true);
	struct eo_trace_stats stats;

	do_step(&heap, tracer);
	stats = eo_tracer_stats(tracer);
	EXPECT_TOTAL(&stats, "unknown_frees", 503);
	EXPECT_TOTAL(&stats, "frees", 0);
	EXPECT_TOTAL(&stats, "active_allocations", 0);
	EXPECT_TOTAL(&stats, "active_bytes", 0);
	do_step(&heap, tracer);
	cr_assert_eq(eo_tracer_stop(tracer, NULL, NULL), 0);
	stats = eo_tracer_stats(tracer);
	expect_sound(&stats);
	EXPECT_TOTAL(&stats, "unknown_frees", 503);
	EXPECT_TOTAL(&stats, "allocations", 503);
	EXPECT_TOTAL(&stats, "frees", 503);
	EXPECT_TOTAL(&stats, "active_bytes", 0);
	eo_tracer_free(tracer);
	end_program(&heap);
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

		count_event(counts, event);
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
	eo_tracer_free(tracer);
	end_program(&heap);
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
	eo_tracer_free(tracer);
	end_program(&heap);
}

static int add_row(void *ctx, const struct eo_event *event)
{
	return eo_event_list_add(ctx, event);
}

static struct eo_event_list *rows_of(struct eo_tracer *tracer)
{
	struct eo_event_list *list = eo_event_list_new();

	cr_assert_eq(eo_tracer_summary(tracer, add_row, list, NULL), 0);
	return list;
}

static uint64_t number(const struct eo_event *event, const char *key)
{
	const struct eo_attr *attr = eo_event_data(event, key);

	cr_assert(attr && attr->type == EO_ATTR_UINT, "no %s", key);
	return attr->unum;
}

/* The function of frame @i of the event's stack. */
static const char *frame_name(const struct eo_event *event, uint32_t i)
{
	const struct eo_attr *stack = eo_event_data(event, "stack");
	const struct eo_attr *name;

	cr_assert(stack && stack->count > 0);
	for (uint32_t at = 1; at <= stack->count; at += 1 + stack[at].count)
		if (i-- == 0) {
			name = eo_attr_member(&stack[at], "function");
			return name ? name->str : "?";
		}
	return "";
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

	do_step(&heap, tracer);
	cr_assert_eq(eo_tracer_stop(tracer, NULL, NULL), 0);
	stats = eo_tracer_stats(tracer);
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
	eo_tracer_free(tracer);
	end_program(&heap);
}

/* Sum of a value over the samples that have a frame of this name. */
static int64_t sum_of(const struct eo_profile *profile, const char *function, size_t value)
{
	int64_t sum = 0;

	for (size_t i = 0; i < profile->sample_count; i++) {
		struct eo_span stack = profile->stacks[profile->samples[i].stack];

		for (uint32_t k = 0; k < stack.count; k++) {
			const struct eo_location *l = &profile->locations[profile->frames[stack.first + k]];
			uint32_t name = l->line_count ?
						profile->functions[profile->lines[l->first_line].function].name : 0;

			if (strcmp(profile->strings[name], function) == 0) {
				sum += profile->values[profile->samples[i].values + value];
				break;
			}
		}
	}
	return sum;
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

	do_step(&heap, tracer);
	cr_assert_eq(eo_tracer_stop(tracer, NULL, NULL), 0);
	stats = eo_tracer_stats(tracer);
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
	eo_tracer_free(tracer);
	end_program(&heap);
}

Test(mem_tracer, fork_copies_the_blocks)
{
	SETUP();
	struct program heap = start_heap("fork", NULL);
	const struct eo_mem_options mem = {0};
	struct eo_tracer *tracer = begin(heap.pid, &mem, true);
	struct eo_trace_stats stats;

	do_step(&heap, tracer);
	stats = eo_tracer_stats(tracer);
	EXPECT_TOTAL(&stats, "active_allocations", 211);
	do_step(&heap, tracer); /* the fork */
	stats = eo_tracer_stats(tracer);
	EXPECT_TOTAL(&stats, "active_allocations", 2 * 211);
	EXPECT_TOTAL(&stats, "active_bytes", 2 * 211 * 64);
	for (int i = 0; i < 50; i++) { /* until the child is probed */
		usleep(10000);
		cr_assert_eq(eo_tracer_pump(tracer, NULL), 0);
	}
	do_step(&heap, tracer);
	stats = eo_tracer_stats(tracer);
	EXPECT_TOTAL(&stats, "allocations", 211);
	EXPECT_TOTAL(&stats, "frees", 101);
	EXPECT_TOTAL(&stats, "unknown_frees", 0);
	EXPECT_TOTAL(&stats, "active_allocations", 211 + 110);
	EXPECT_TOTAL(&stats, "processes_late", 1);
	cr_assert_eq(eo_tracer_stop(tracer, NULL, NULL), 0);
	stats = eo_tracer_stats(tracer);
	expect_sound(&stats);
	EXPECT_TOTAL(&stats, "processes_late", 1);
	eo_tracer_free(tracer);
	end_program(&heap);
}

Test(mem_tracer, exec_clears_the_blocks_and_probes_go_on)
{
	SETUP();
	struct program heap = start_heap("exec", NULL);
	const struct eo_mem_options mem = {0};
	struct eo_tracer *tracer = begin(heap.pid, &mem, true);
	struct eo_trace_stats before, stats;
	struct sums sums = count_sums();

	do_step(&heap, tracer);
	stats = eo_tracer_stats(tracer);
	EXPECT_TOTAL(&stats, "active_allocations", 307);
	cr_assert_eq(write(heap.in, "x", 1), 1);
	expect_line(&heap, "ready\n");
	cr_assert_eq(eo_tracer_pump(tracer, NULL), 0);
	before = eo_tracer_stats(tracer); /* with what the threads' start took */
	cr_expect_lt(total(&before, "active_allocations"), 100);
	do_step(&heap, tracer);
	cr_assert_eq(eo_tracer_stop(tracer, NULL, NULL), 0);
	stats = eo_tracer_stats(tracer);
	expect_sound(&stats);
	EXPECT_TOTAL(&stats, "allocations", total(&before, "allocations") + sums.allocations);
	EXPECT_TOTAL(&stats, "frees", total(&before, "frees") + sums.frees);
	EXPECT_TOTAL(&stats, "active_allocations", total(&before, "active_allocations") + 997);
	EXPECT_TOTAL(&stats, "unknown_frees", 0);
	eo_tracer_free(tracer);
	end_program(&heap);
}

Test(mem_tracer, what_was_held_at_exit_is_a_leak_and_no_longer_in_use)
{
	SETUP();
	struct program heap = start_heap("exit", NULL);
	const struct eo_mem_options mem = {.leaks = true};
	struct eo_tracer *tracer = begin(heap.pid, &mem, true);
	struct eo_event_list *leaks;
	struct eo_trace_stats stats;

	cr_assert_eq(write(heap.in, "x", 1), 1);
	cr_assert_eq(waitpid(heap.pid, NULL, 0), heap.pid);
	cr_expect(eo_tracer_targets_gone(tracer));
	stats = eo_tracer_stats(tracer);
	EXPECT_TOTAL(&stats, "active_allocations", 0);
	EXPECT_TOTAL(&stats, "active_bytes", 0);
	cr_assert_eq(eo_tracer_stop(tracer, NULL, NULL), 0);
	leaks = rows_of(tracer);
	cr_assert_eq(eo_event_list_count(leaks), 1);
	cr_expect_str_eq(frame_name(eo_event_list_get(leaks, 0), 1), "exits");
	cr_expect_eq(eo_event_data(eo_event_list_get(leaks, 0), "active_bytes")->unum, 301 * 32);
	eo_event_list_free(leaks);
	eo_tracer_free(tracer);
	end_program(&heap);
}

Test(mem_tracer, addresses_that_wander_between_threads_stay_right)
{
	SETUP();
	struct program heap = start_heap("reuse", "250007");
	const struct eo_mem_options mem = {0};
	struct eo_tracer *tracer = begin(heap.pid, &mem, true);
	struct eo_trace_stats stats;

	do_step(&heap, tracer);
	cr_assert_eq(eo_tracer_stop(tracer, NULL, NULL), 0);
	stats = eo_tracer_stats(tracer);
	expect_sound(&stats);
	EXPECT_TOTAL(&stats, "allocations", 4 * 250007);
	EXPECT_TOTAL(&stats, "frees", 4 * 250007);
	EXPECT_TOTAL(&stats, "unknown_frees", 0);
	EXPECT_TOTAL(&stats, "active_allocations", 0);
	EXPECT_TOTAL(&stats, "active_bytes", 0);
	eo_tracer_free(tracer);
	end_program(&heap);
}

Test(mem_tracer, calls_left_by_longjmp_hide_nothing)
{
	SETUP();
	struct program heap = start_heap("jump", NULL);
	const struct eo_mem_options mem = {0};
	struct eo_tracer *tracer = begin(heap.pid, &mem, true);
	struct eo_trace_stats stats;

	do_step(&heap, tracer);
	cr_assert_eq(eo_tracer_stop(tracer, NULL, NULL), 0);
	stats = eo_tracer_stats(tracer);
	EXPECT_TOTAL(&stats, "allocations", 19);
	EXPECT_TOTAL(&stats, "active_bytes", 19 * 40);
	EXPECT_TOTAL(&stats, "calls_abandoned", 17);
	eo_tracer_free(tracer);
	end_program(&heap);
}

Test(mem_tracer, blocks_beyond_the_limit_are_counted)
{
	SETUP();
	struct program heap = start_heap("exec", NULL);
	const struct eo_mem_options mem = {.max_live = 101};
	struct eo_tracer *tracer = begin(heap.pid, &mem, true);
	struct eo_trace_stats stats;

	do_step(&heap, tracer);
	cr_assert_eq(eo_tracer_stop(tracer, NULL, NULL), 0);
	stats = eo_tracer_stats(tracer);
	EXPECT_TOTAL(&stats, "allocations", 307);
	EXPECT_TOTAL(&stats, "active_allocations", 101);
	EXPECT_TOTAL(&stats, "blocks_untracked", 206);
	eo_tracer_free(tracer);
	end_program(&heap);
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

	do_step(&heap, tracer);
	cr_assert_eq(eo_tracer_stop(tracer, NULL, NULL), 0);
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
	eo_tracer_free(tracer);
	end_program(&heap);
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

	do_step(&heap, tracer);
	cr_assert_eq(eo_tracer_stop(tracer, NULL, NULL), 0);
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
	eo_tracer_free(tracer);
	end_program(&heap);
}

/* ---- sampling by bytes ---- */

/* What an estimate of a sum may be off by: six times its standard deviation, which happens once in
 * 500 million. The variance of the count of one block that is sampled with the probability p is
 * (1 - p) / p. */
#define SIGMAS 6.0
#define SAMPLE_BYTES 1009

static double odds_against(double size)
{
	double p = -expm1(-size / SAMPLE_BYTES);

	return (1 - p) / p;
}

struct spread {
	double count, bytes; /* variances */
};

static void spread_more(struct spread *spread, double size)
{
	spread->count += odds_against(size);
	spread->bytes += size * size * odds_against(size);
}

/* Of all that count_step() allocates. */
static struct spread count_spread(void)
{
	struct spread spread = {0};

	for (int i = 0; i < 100003; i++)
		spread_more(&spread, i < 500 ? 1009 : i < 997 ? 2003 : 16 + i % 257);
	for (int i = 0; i < 10007; i++)
		spread_more(&spread, (1 + i % 7) * 24);
	for (int i = 0; i < 4; i++)
		spread_more(&spread, 1000);
	for (int i = 0; i < 5003; i++)
		if (i % 3 != 2)
			spread_more(&spread, i % 3 == 0 ? 3000 : 100);
	for (int i = 0; i < 1009; i++)
		spread_more(&spread, i % 3 == 0 ? 192 : i % 3 == 1 ? 300 : 96);
	return spread;
}

#define EXPECT_NEAR(estimate, truth, variance)                                            \
	cr_expect_leq(fabs((double)(estimate) - (double)(truth)), SIGMAS *sqrt(variance), \
		      "%s: %.0f, not %.0f +- %.0f", #estimate, (double)(estimate),        \
		      (double)(truth), SIGMAS *sqrt(variance))

static struct spread leak_spread(void)
{
	return (struct spread){
		.count = 500 * odds_against(1009) + 497 * odds_against(2003),
		.bytes = 500 * 1009.0 * 1009 * odds_against(1009) +
			 497 * 2003.0 * 2003 * odds_against(2003),
	};
}

static void expect_estimates(const struct eo_trace_stats *stats)
{
	struct spread spread = count_spread(), held = leak_spread();
	struct sums sums = count_sums();

	EXPECT_NEAR(total(stats, "allocations"), sums.allocations, spread.count);
	EXPECT_NEAR(total(stats, "total_allocated"), sums.allocated, spread.bytes);
	EXPECT_NEAR(total(stats, "frees"), sums.frees, spread.count);
	EXPECT_NEAR(total(stats, "total_freed"), sums.freed, spread.bytes);
	EXPECT_NEAR(total(stats, "active_allocations"), 997, held.count);
	EXPECT_NEAR(total(stats, "active_bytes"), 500 * 1009 + 497 * 2003, held.bytes);
	EXPECT_TOTAL(stats, "failed_allocations", sums.failed);
	EXPECT_TOTAL(stats, "unknown_frees", 0);
	cr_expect_eq(stats->seen, sums.allocations + sums.frees + sums.failed);
	/* One in eight is sampled: what is not is neither counted nor kept. */
	cr_expect_gt(stats->filtered, stats->seen / 2);
	cr_expect_gt(stats->aggregated, stats->seen / 20);
}

Test(mem_tracer, a_sample_by_bytes_estimates_all)
{
	SETUP();
	struct program heap = start_heap("counts", NULL);
	const struct eo_mem_options mem = {.profile = true, .sample_bytes = SAMPLE_BYTES};
	struct eo_tracer *tracer = begin(heap.pid, &mem, false);
	struct spread spread = count_spread();
	struct sums sums = count_sums();
	struct eo_profile *profile;
	struct eo_trace_stats stats;
	double callocs = 0;

	for (int i = 0; i < 10007; i++)
		callocs += odds_against((1 + i % 7) * 24);
	do_step(&heap, tracer);
	cr_assert_eq(eo_tracer_stop(tracer, NULL, NULL), 0);
	stats = eo_tracer_stats(tracer);
	expect_sound(&stats);
	expect_estimates(&stats);
	profile = eo_mem_tracer_take_profile(tracer);
	cr_assert(profile);
	cr_expect_eq(profile->period, SAMPLE_BYTES);
	EXPECT_NEAR(eo_profile_total(profile, 0), sums.allocations, spread.count);
	EXPECT_NEAR(eo_profile_total(profile, 1), sums.allocated, spread.bytes);
	cr_expect_eq((uint64_t)eo_profile_total(profile, 1), total(&stats, "total_allocated"));
	cr_expect_eq((uint64_t)eo_profile_total(profile, 3), total(&stats, "active_bytes"));
	EXPECT_NEAR(sum_of(profile, "leak_a", 2), 500, 500 * odds_against(1009));
	EXPECT_NEAR(sum_of(profile, "leak_b", 2), 497, 497 * odds_against(2003));
	EXPECT_NEAR(sum_of(profile, "some_callocs", 0), 10007, callocs);
	/* All blocks of one place are of one size. */
	cr_expect_lt(llabs(sum_of(profile, "leak_a", 3) - 1009 * sum_of(profile, "leak_a", 2)),
		     1009);
	eo_profile_free(profile);
	eo_tracer_free(tracer);
	end_program(&heap);
}

Test(mem_tracer, a_sample_by_bytes_estimates_leaks_and_rows)
{
	SETUP();
	const struct eo_mem_options kinds[] = {{.leaks = true, .sample_bytes = SAMPLE_BYTES},
					       {.sample_bytes = SAMPLE_BYTES}};
	const char *const keys[] = {"active_bytes", "total_allocated"};
	const char *const counts[] = {"active_allocations", "count"};
	struct spread held = leak_spread(), all = count_spread();
	struct sums sums = count_sums();

	for (int kind = 0; kind < 2; kind++) {
		struct program heap = start_heap("counts", NULL);
		struct eo_tracer *tracer = begin(heap.pid, &kinds[kind], true);
		uint64_t bytes = 0, count = 0;
		struct eo_trace_stats stats;
		struct eo_event_list *rows;

		do_step(&heap, tracer);
		cr_assert_eq(eo_tracer_stop(tracer, NULL, NULL), 0);
		stats = eo_tracer_stats(tracer);
		expect_sound(&stats);
		rows = rows_of(tracer);
		for (size_t i = 0; i < eo_event_list_count(rows); i++) {
			bytes += number(eo_event_list_get(rows, i), keys[kind]);
			count += number(eo_event_list_get(rows, i), counts[kind]);
		}
		EXPECT_NEAR(bytes, kind ? sums.allocated : 500 * 1009 + 497 * 2003,
			    kind ? all.bytes : held.bytes);
		EXPECT_NEAR(count, kind ? sums.allocations : 997, kind ? all.count : held.count);
		cr_expect_eq(bytes, total(&stats, keys[kind]));
		eo_event_list_free(rows);
		eo_tracer_free(tracer);
		end_program(&heap);
	}
}

Test(mem_tracer, a_sample_of_every_byte_is_exact)
{
	SETUP();
	struct program heap = start_heap("counts", NULL);
	const struct eo_mem_options mem = {.sample_bytes = 1};
	struct eo_tracer *tracer = begin(heap.pid, &mem, true);
	struct eo_trace_stats stats;

	do_step(&heap, tracer);
	cr_assert_eq(eo_tracer_stop(tracer, NULL, NULL), 0);
	stats = eo_tracer_stats(tracer);
	expect_counts(&stats);
	expect_sound(&stats);
	cr_expect_eq(stats.aggregated, stats.seen);
	eo_tracer_free(tracer);
	end_program(&heap);
}

Test(mem_tracer, what_a_sample_left_out_is_filtered_when_it_is_freed)
{
	SETUP();
	struct program heap = start_heap("older", NULL);
	const struct eo_mem_options mem = {.sample_bytes = 101};
	struct eo_tracer *tracer = begin(heap.pid, &mem, true);
	double p = -expm1(-80.0 / 101);
	struct eo_trace_stats stats;

	do_step(&heap, tracer);
	stats = eo_tracer_stats(tracer);
	cr_expect_eq(stats.filtered, 503, "whether they are older or left out, nobody can tell");
	do_step(&heap, tracer);
	cr_assert_eq(eo_tracer_stop(tracer, NULL, NULL), 0);
	stats = eo_tracer_stats(tracer);
	expect_sound(&stats);
	cr_expect_eq(stats.seen, 3 * 503);
	cr_expect_eq(stats.aggregated % 2, 0, "each is freed");
	EXPECT_NEAR(stats.aggregated / 2, 503 * p, 503 * p * (1 - p));
	EXPECT_NEAR(total(&stats, "allocations"), 503, 503 * (1 - p) / p);
	EXPECT_TOTAL(&stats, "frees", total(&stats, "allocations"));
	EXPECT_TOTAL(&stats, "total_freed", total(&stats, "total_allocated"));
	EXPECT_TOTAL(&stats, "unknown_frees", 0);
	EXPECT_TOTAL(&stats, "active_allocations", 0);
	EXPECT_TOTAL(&stats, "active_bytes", 0);
	eo_tracer_free(tracer);
	end_program(&heap);
}

Test(mem_tracer, events_are_no_sample)
{
	const uint32_t pid = 1;
	const struct eo_target target = {.pids = &pid, .pid_count = 1};
	const struct eo_tracer_options options = {.target = target};
	const struct eo_tracer_options summary = {.target = target, .summary = true};
	const struct eo_mem_options mem = {.sample_bytes = 1};
	const struct eo_mem_options large = {.sample_bytes = EO_MEM_SAMPLE_BYTES_MAX + 1};
	struct eo_config config = tracing_config();
	struct eo_tracer *tracer;
	struct eo_error err = {0};

	cr_assert_lt(eo_mem_tracer_new(&config, &options, &mem, &tracer, &err), 0);
	cr_expect_eq(err.kind, EO_ERROR_CONFIG);
	cr_expect_not_null(err.hint);
	cr_assert_lt(eo_mem_tracer_new(&config, &summary, &large, &tracer, &err), 0);
	cr_expect(strstr(err.text, "sample_bytes is 1073741825"), "%s", err.text);
}

/* Where the C library begins in a process. */
static uint64_t libc_base(pid_t pid)
{
	char path[32], line[512];
	uint64_t base = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	file = fopen(path, "re");
	cr_assert(file);
	while (!base && fgets(line, sizeof(line), file))
		if (strstr(line, "/libc.so.6"))
			base = strtoull(line, NULL, 16);
	fclose(file);
	cr_assert(base);
	return base;
}

/* The first byte of malloc() in a process: a breakpoint while it is probed. */
static int first_byte(pid_t pid)
{
	uint64_t address = libc_base(pid) + (uintptr_t)dlsym(RTLD_DEFAULT, "malloc") - libc_base(getpid());
	unsigned char byte;
	char path[32];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	cr_assert_geq(fd, 0);
	cr_assert_eq(pread(fd, &byte, 1, (off_t)address), 1);
	close(fd);
	return byte;
}

static bool becomes(pid_t pid, int byte, bool is)
{
	for (int i = 0; i < 1000; i++) {
		if ((first_byte(pid) == byte) == is)
			return true;
		usleep(10000);
	}
	return false;
}

Test(mem_tracer, killed_it_leaves_no_probe_behind)
{
	SETUP();
	struct program heap = start_heap("older", NULL);
	int breakpoint = 0xcc, before = first_byte(heap.pid);
	char pid[16];
	pid_t self;

	snprintf(pid, sizeof(pid), "%d", heap.pid);
	cr_assert_neq(before, breakpoint);
	self = fork();
	if (self == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(getenv("EO_EBPFOTEL"), "ebpfotel", "-q", "trace", "mem", "-c", "-p", pid, NULL);
		_exit(127);
	}
	cr_assert(becomes(heap.pid, breakpoint, true), "it was not probed");
	kill(self, SIGKILL);
	waitpid(self, NULL, 0);
	cr_expect(becomes(heap.pid, before, true), "the probe is still there");
	end_program(&heap);
}

Test(mem_tracer, nothing_is_held_of_a_loop_that_is_cut_out_of_the_middle)
{
	SETUP();
	struct program heap = start_heap("loop", "1000000000");
	const struct eo_mem_options mem = {0};
	struct eo_trace_stats stats;
	struct eo_tracer *tracer;

	cr_assert_eq(write(heap.in, "x", 1), 1);
	tracer = begin(heap.pid, &mem, true);
	do {
		usleep(10000);
		cr_assert_eq(eo_tracer_pump(tracer, NULL), 0);
		stats = eo_tracer_stats(tracer);
	} while (total(&stats, "allocations") < 1009);
	cr_assert_eq(eo_tracer_stop(tracer, NULL, NULL), 0);
	stats = eo_tracer_stats(tracer);
	expect_sound(&stats);
	cr_expect_leq(total(&stats, "unknown_frees"), 1);
	cr_expect_leq(total(&stats, "active_allocations"), 1);
	cr_expect_eq(total(&stats, "allocations") - total(&stats, "frees"), total(&stats, "active_allocations"));
	eo_tracer_free(tracer);
	end_program(&heap);
}

Test(mem_tracer, a_target_that_is_killed_ends_the_run_with_its_data)
{
	SETUP();
	struct program heap = start_heap("loop", "1000000000");
	const struct eo_mem_options mem = {0};
	struct eo_tracer *tracer = begin(heap.pid, &mem, true);
	struct eo_trace_stats stats;

	cr_assert_eq(write(heap.in, "x", 1), 1);
	do {
		usleep(10000);
		cr_assert_eq(eo_tracer_pump(tracer, NULL), 0);
		stats = eo_tracer_stats(tracer);
	} while (total(&stats, "allocations") < 1009);
	kill(heap.pid, SIGKILL);
	cr_assert_eq(waitpid(heap.pid, NULL, 0), heap.pid);
	cr_expect(eo_tracer_targets_gone(tracer));
	cr_assert_eq(eo_tracer_stop(tracer, NULL, NULL), 0);
	stats = eo_tracer_stats(tracer);
	expect_sound(&stats);
	EXPECT_TOTAL(&stats, "active_allocations", 0);
	EXPECT_TOTAL(&stats, "active_bytes", 0);
	cr_expect_leq(total(&stats, "allocations") - total(&stats, "frees"), 1);
	eo_tracer_free(tracer);
	end_program(&heap);
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
	do_step(&heap, tracer);
	cr_assert_eq(eo_tracer_stop(tracer, NULL, NULL), 0);
	stats = eo_tracer_stats(tracer);
	expect_counts(&stats);
	expect_sound(&stats);
	leaks = rows_of(tracer);
	cr_assert_geq(eo_event_list_count(leaks), 2);
	cr_expect_str_eq(frame_name(eo_event_list_get(leaks, 0), 1), "leak_b");
	eo_event_list_free(leaks);
	eo_tracer_free(tracer);
	end_program(&heap);
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
	cr_assert_eq(eo_tracer_stop(tracer, NULL, NULL), 0);
	cr_expect_lt(eo_mem_tracer_measure(tracer, 1, &busy, NULL), 0, "it does not run any more");
	eo_tracer_free(tracer);
	end_program(&heap);
}
