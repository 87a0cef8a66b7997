// SPDX-License-Identifier: BSD-2-Clause
#include "mem_run.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "preemption.h"

struct program start_program(const char *const *argv)
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

void expect_line(const struct program *program, const char *line)
{
	char text[32] = "";

	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		cr_assert_eq(read(program->out, text + i, 1), 1, "the workload has ended");
		if (text[i] == '\n')
			break;
	}
	cr_assert_str_eq(text, line);
}

struct program start_variant(const char *variant, const char *what, const char *number)
{
	struct program program = start_program((const char *[]){getenv(variant), what, number, NULL});

	expect_line(&program, "ready\n");
	return program;
}

void end_program(struct program *program)
{
	kill(program->pid, SIGKILL);
	waitpid(program->pid, NULL, 0);
	close(program->in);
	close(program->out);
}

void do_step(struct program *program, struct eo_tracer *tracer)
{
	struct pollfd fd = {.fd = program->out, .events = POLLIN};

	cr_assert_eq(write(program->in, "x", 1), 1);
	while (poll(&fd, 1, 5) == 0)
		cr_assert_eq(eo_tracer_pump(tracer, NULL), 0);
	expect_line(program, "done\n");
	cr_assert_eq(eo_tracer_pump(tracer, NULL), 0);
}

struct eo_trace_stats stop(struct eo_tracer *tracer)
{
	struct eo_trace_stats stats;

	cr_assert_eq(eo_tracer_stop(tracer, NULL, NULL), 0);
	stats = eo_tracer_stats(tracer);
	expect_identity(&stats);
	need_all_runs(&stats);
	return stats;
}

struct eo_trace_stats last_step(struct program *program, struct eo_tracer *tracer)
{
	do_step(program, tracer);
	return stop(tracer);
}

void run_until(struct eo_tracer *tracer, uint64_t allocations)
{
	struct eo_trace_stats stats;

	do {
		usleep(10000);
		cr_assert_eq(eo_tracer_pump(tracer, NULL), 0);
		stats = eo_tracer_stats(tracer);
	} while (total(&stats, "allocations") < allocations);
}

void done(struct program *program, struct eo_tracer *tracer)
{
	eo_tracer_free(tracer);
	end_program(program);
}

struct eo_config tracing_config(void)
{
	struct eo_config config = eo_config_default();

	config.enable_memory_tracing = true;
	config.duration_ns = 0;
	return config;
}

struct eo_tracer *begin(pid_t pid, const struct eo_mem_options *mem, bool summary)
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

uint64_t total(const struct eo_trace_stats *stats, const char *key)
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

void expect_identity(const struct eo_trace_stats *stats)
{
	cr_expect_eq(stats->seen,
		     stats->emitted + stats->aggregated + stats->filtered + eo_trace_stats_lost(stats));
}

void expect_sound(const struct eo_trace_stats *stats)
{
	expect_identity(stats);
	cr_expect_eq(eo_trace_stats_lost(stats), 0);
	EXPECT_TOTAL(stats, "blocks_untracked", 0);
	EXPECT_TOTAL(stats, "frees_missed", 0);
	EXPECT_TOTAL(stats, "calls_abandoned", 0);
}

static int add_row(void *ctx, const struct eo_event *event)
{
	return eo_event_list_add(ctx, event);
}

struct eo_event_list *rows_of(struct eo_tracer *tracer)
{
	struct eo_event_list *list = eo_event_list_new();

	cr_assert_eq(eo_tracer_summary(tracer, add_row, list, NULL), 0);
	return list;
}

uint64_t number(const struct eo_event *event, const char *key)
{
	const struct eo_attr *attr = eo_event_data(event, key);

	cr_assert(attr && attr->type == EO_ATTR_UINT, "no %s", key);
	return attr->unum;
}

const char *frame_name(const struct eo_event *event, uint32_t i)
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

bool has_frame(const struct eo_event *event, const char *function)
{
	const char *name;

	if (!eo_event_data(event, "stack"))
		return false;
	for (uint32_t i = 0; *(name = frame_name(event, i)); i++)
		if (strcmp(name, function) == 0)
			return true;
	return false;
}

int64_t sum_of(const struct eo_profile *profile, const char *function, size_t value)
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

struct program start_heap(const char *what, const char *number)
{
	return start_variant("EO_HEAP", what, number);
}

/* What count_step() does, told once more. */
struct sums count_sums(void)
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

void expect_counts(const struct eo_trace_stats *stats)
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
