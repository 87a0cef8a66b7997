// SPDX-License-Identifier: BSD-2-Clause
#include "syscall_run.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "preemption.h"

/* Until it sleeps in the read that it waits in. */
static void wait_for_sleep(pid_t pid)
{
	char path[64], text[512];

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	for (int i = 0; i < 5000; i++) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t len = read(fd, text, sizeof(text) - 1);

		close(fd);
		cr_assert_gt(len, 0);
		text[len] = '\0';
		if (strstr(text, ") S "))
			return;
		usleep(1000);
	}
	cr_assert_fail("the workload does not wait");
}

struct workload eo_workload_start(const char *kind, const char *count)
{
	struct workload workload;
	int out[2], in[2];
	char line[32] = "";

	cr_assert_eq(pipe2(out, O_CLOEXEC), 0);
	cr_assert_eq(pipe2(in, O_CLOEXEC), 0);
	workload.pid = fork();
	if (workload.pid == 0) {
		dup2(out[1], STDOUT_FILENO);
		dup2(in[0], STDIN_FILENO);
		execl(getenv("EO_CALLS"), "calls", kind, count, NULL);
		_exit(127);
	}
	close(out[1]);
	close(in[0]);
	workload.go = in[1];
	cr_assert_gt(read(out[0], line, sizeof(line) - 1), 0, "is EO_CALLS set?");
	cr_assert_eq(atoi(line), workload.pid);
	close(out[0]);
	wait_for_sleep(workload.pid);
	return workload;
}

uint64_t eo_many(void)
{
	const char *many = getenv("EO_MANY");

	return many ? strtoull(many, NULL, 10) : 1000003;
}

void eo_workload_go(struct workload *workload)
{
	cr_assert_eq(write(workload->go, "", 1), 1);
	close(workload->go);
}

void eo_workload_wait(struct workload *workload)
{
	int status;

	cr_assert_eq(waitpid(workload->pid, &status, 0), workload->pid);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the workload ended with %x", status);
}

/* --- records ----------------------------------------------------------------------------- */

static int take_record(void *ctx, const struct eo_syscall_record *record, size_t size)
{
	struct taken *taken = ctx;

	if (taken->fail_after && (int)taken->count + 1 == taken->fail_after)
		return -EPIPE;
	taken->count++;
	taken->no_entry += (record->flags & EO_SYSCALL_NO_ENTRY) != 0;
	taken->no_return += (record->flags & EO_SYSCALL_NO_RETURN) != 0;
	if (record->nr < EO_SYSCALL_MAX && record->abi == EO_ABI_NATIVE) {
		taken->by_nr[record->nr]++;
		taken->failed[record->nr] += record->ret < 0;
		if (record->nr == SYS_read && record->ret == 4099)
			taken->bytes_read += (uint64_t)record->ret;
	}
	if ((taken->keep_nr == record->nr || taken->keep_nr == UINT32_MAX) &&
	    taken->kept_count < KEPT_RECORDS) {
		struct kept_record *kept = &taken->kept[taken->kept_count++];

		kept->size = size;
		memcpy(&kept->record, record, size);
	}
	return 0;
}

static int take_event(void *ctx, const struct eo_event *event)
{
	struct taken *taken = ctx;

	cr_assert_eq(event->type, EO_EVENT_LOSS);
	taken->loss_events++;
	taken->loss_count += eo_event_data(event, "count")->unum;
	return 0;
}

static bool is_ready(void *ctx)
{
	return !((struct taken *)ctx)->not_ready;
}

struct eo_syscall_options eo_taken_options(struct taken *taken)
{
	return (struct eo_syscall_options){
		.base.sink = {.event = take_event, .ready = is_ready, .ctx = taken},
		.string_limit = EO_SYSCALL_STRING_LIMIT,
		.record = take_record,
	};
}

const struct eo_syscall_piece *eo_piece_of(const struct kept_record *kept, unsigned int arg)
{
	size_t at = EO_SYSCALL_HEADER_BYTES;

	for (unsigned int i = 0; i < kept->record.pieces; i++) {
		const struct eo_syscall_piece *piece =
			(const void *)((const char *)&kept->record + at);

		at += sizeof(*piece) + ((piece->bytes + 7u) & ~7u);
		cr_assert_leq(at, kept->size);
		if (piece->arg == arg)
			return piece;
	}
	return NULL;
}

const char *eo_piece_text(const struct kept_record *kept, unsigned int arg)
{
	static _Thread_local char text[EO_SYSCALL_BYTES_MAX];
	const struct eo_syscall_piece *piece = eo_piece_of(kept, arg);

	cr_assert_not_null(piece);
	memcpy(text, piece + 1, piece->bytes);
	text[piece->bytes] = '\0';
	return text;
}

/* --- tracer ------------------------------------------------------------------------------ */

struct eo_tracer *eo_tracer_begin(const struct eo_syscall_options *options)
{
	struct eo_config config = eo_config_default();
	struct eo_tracer *tracer;
	struct eo_error err = {0};

	config.duration_ns = 0;
	cr_assert_eq(eo_syscall_tracer_new(&config, options, &tracer, &err), 0, "%s", err.text);
	cr_assert_eq(eo_tracer_start(tracer, &err), 0, "%s", err.text);
	return tracer;
}

void eo_tracer_through(struct eo_tracer *tracer, struct workload *workload)
{
	struct eo_error err = {0};

	eo_workload_go(workload);
	while (!eo_tracer_targets_gone(tracer)) {
		cr_assert_eq(eo_tracer_pump(tracer, &err), 0, "%s", err.text);
		usleep(1000);
	}
	eo_workload_wait(workload);
}

struct eo_trace_stats eo_tracer_end(struct eo_tracer *tracer)
{
	struct eo_trace_stats stats;
	struct eo_error err = {0};

	cr_assert_eq(eo_tracer_stop(tracer, NULL, &err), 0, "%s", err.text);
	stats = eo_tracer_stats(tracer);
	cr_assert_eq(stats.seen, stats.emitted + stats.aggregated + stats.filtered + eo_trace_stats_lost(&stats),
		     "%lu seen, %lu emitted, %lu aggregated, %lu filtered, %lu lost", stats.seen,
		     stats.emitted, stats.aggregated, stats.filtered, eo_trace_stats_lost(&stats));
	need_all_runs(&stats);
	return stats;
}

/* --- all of it --------------------------------------------------------------------------- */

void eo_run_prepare(struct run *run, const char *kind, const char *count)
{
	run->taken = calloc(1, sizeof(*run->taken));
	run->options = eo_taken_options(run->taken);
	run->workload = eo_workload_start(kind, count);
	run->pid = (uint32_t)run->workload.pid;
	run->options.base.target = (struct eo_target){.pids = &run->pid, .pid_count = 1};
}

void eo_run_finish(struct run *run)
{
	run->stats = eo_tracer_end(run->tracer);
	run->figures = eo_syscall_tracer_get_stats(run->tracer);
}

void eo_run_trace(struct run *run)
{
	run->tracer = eo_tracer_begin(&run->options);
	eo_tracer_through(run->tracer, &run->workload);
	eo_run_finish(run);
}

void eo_run_done(struct run *run)
{
	eo_tracer_free(run->tracer);
	free(run->taken);
}

uint64_t eo_run_degraded(const struct run *run, const char *key)
{
	for (size_t i = 0; i < run->stats.degraded_count; i++)
		if (!strcmp(run->stats.degraded[i].key, key))
			return run->stats.degraded[i].value;
	cr_assert_fail("%s is not counted", key);
	return 0;
}

void eo_run_only(struct run *run, const char *list)
{
	struct eo_error err = {0};

	run->options.by_calls = true;
	cr_assert_eq(eo_syscall_list_parse(list, &run->options.calls, &err), 0, "%s", err.text);
}
