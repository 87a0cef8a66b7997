// SPDX-License-Identifier: BSD-2-Clause
/* The tracer of system calls against the real kernel, with workloads that make known numbers of
 * calls. What is asserted are counts and contents, never times. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "syscall_run.h"

static void need_root(void)
{
	if (geteuid() != 0)
		cr_skip_test("needs root to load BPF programs");
}

TestSuite(syscall_tracer, .init = need_root, .timeout = 120);

struct run {
	struct taken *taken;
	struct eo_syscall_options options;
	struct workload workload;
	uint32_t pid;
	struct eo_tracer *tracer;
	struct eo_trace_stats stats;
	struct eo_syscall_stats figures;
};

/* A workload that waits, and options to trace it alone. */
static void prepare(struct run *run, const char *kind, const char *count)
{
	run->taken = calloc(1, sizeof(*run->taken));
	run->options = eo_taken_options(run->taken);
	run->workload = eo_workload_start(kind, count);
	run->pid = (uint32_t)run->workload.pid;
	run->options.base.target = (struct eo_target){.pids = &run->pid, .pid_count = 1};
}

static void finish(struct run *run)
{
	run->stats = eo_tracer_end(run->tracer);
	run->figures = eo_syscall_tracer_get_stats(run->tracer);
}

static void trace(struct run *run)
{
	run->tracer = eo_tracer_begin(&run->options);
	eo_tracer_through(run->tracer, &run->workload);
	finish(run);
}

static void done(struct run *run)
{
	eo_tracer_free(run->tracer);
	free(run->taken);
}

static uint64_t degraded(const struct run *run, const char *key)
{
	for (size_t i = 0; i < run->stats.degraded_count; i++)
		if (!strcmp(run->stats.degraded[i].key, key))
			return run->stats.degraded[i].value;
	cr_assert_fail("%s is not counted", key);
	return 0;
}

static void check_mixed(const struct run *run)
{
	const struct taken *taken = run->taken;

	cr_assert_eq(taken->by_nr[SYS_getppid], 1000003);
	cr_assert_eq(taken->by_nr[SYS_openat], 10007 + 1); /* and one that succeeds */
	cr_assert_eq(taken->failed[SYS_openat], 10007);
	cr_assert_eq(taken->bytes_read, 5003 * 4099);
	cr_assert_eq(run->stats.emitted, taken->count);
	cr_assert_eq(run->figures.syscalls_traced, taken->count);
	cr_assert_eq(run->figures.errors, 10007);
	cr_assert_eq(eo_trace_stats_lost(&run->stats), 0);
}

/* --- counts ------------------------------------------------------------------------------ */

Test(syscall_tracer, known_numbers_of_calls_of_several_threads_come_out_exactly)
{
	struct run run;

	prepare(&run, "mixed", "1");
	trace(&run);
	check_mixed(&run);
	cr_assert_eq(run.taken->no_entry, 1, "the read that waited for the start");
	done(&run);
}

Test(syscall_tracer, load_on_all_cpus_changes_no_count)
{
	struct workload load[2];
	struct run run;

	for (int i = 0; i < 2; i++) {
		load[i] = eo_workload_start("getppid", "1000000000");
		eo_workload_go(&load[i]);
	}
	prepare(&run, "mixed", "1");
	trace(&run);
	for (int i = 0; i < 2; i++) {
		kill(load[i].pid, SIGKILL);
		waitpid(load[i].pid, NULL, 0);
	}
	check_mixed(&run);
	done(&run);
}

Test(syscall_tracer, ring_that_nobody_reads_loses_calls_and_counts_each)
{
	struct run run;

	prepare(&run, "mixed", "1");
	run.options.base.ring_bytes = 4096;
	run.tracer = eo_tracer_begin(&run.options);
	eo_workload_go(&run.workload);
	eo_workload_wait(&run.workload);
	finish(&run);
	cr_assert_gt(run.taken->count, 0);
	cr_assert_gt(run.stats.lost[EO_LOSS_RING_FULL], 1000000);
	cr_assert_eq(run.stats.emitted, run.taken->count);
	cr_assert_eq(run.taken->loss_count, run.stats.lost[EO_LOSS_RING_FULL]);
	cr_assert_eq(run.figures.syscalls_traced, run.stats.seen);
	cr_assert_geq(run.figures.syscalls_traced, 1000003 + 10008 + 5003);
	cr_assert_eq(run.figures.errors, 10007, "the kernel counts what the stream loses");
	done(&run);
}

Test(syscall_tracer, small_rings_that_are_read_tell_each_gap)
{
	struct run run;

	prepare(&run, "mixed", "1");
	run.options.base.ring_bytes = 4096;
	trace(&run);
	cr_assert_eq(run.stats.emitted, run.taken->count);
	cr_assert_eq(run.taken->loss_count, eo_trace_stats_lost(&run.stats));
	cr_assert_eq(run.stats.seen, run.taken->count + run.taken->loss_count);
	done(&run);
}

Test(syscall_tracer, sink_without_room_lets_the_rings_fill)
{
	struct run run;

	prepare(&run, "getppid", "30011");
	run.taken->not_ready = true;
	run.tracer = eo_tracer_begin(&run.options);
	eo_tracer_through(run.tracer, &run.workload);
	cr_assert_eq(run.taken->count, 0);
	run.taken->not_ready = false;
	finish(&run);
	cr_assert_eq(run.taken->by_nr[SYS_getppid], 30011);
	cr_assert_eq(eo_trace_stats_lost(&run.stats), 0);
	done(&run);
}

Test(syscall_tracer, sink_that_never_has_room_again_loses_by_the_stop)
{
	struct run run;

	prepare(&run, "getppid", "101");
	run.taken->not_ready = true;
	run.tracer = eo_tracer_begin(&run.options);
	eo_tracer_through(run.tracer, &run.workload);
	finish(&run);
	cr_assert_eq(run.taken->count, 0);
	cr_assert_eq(run.stats.emitted, 0);
	cr_assert_gt(run.stats.lost[EO_LOSS_STOPPED], 101);
	cr_assert_eq(run.stats.lost[EO_LOSS_STOPPED], run.stats.seen);
	done(&run);
}

Test(syscall_tracer, error_of_the_sink_ends_the_pump_with_it)
{
	struct eo_error err = {0};
	struct run run;
	int r = 0;

	prepare(&run, "getppid", "1009");
	run.taken->fail_after = 101;
	run.tracer = eo_tracer_begin(&run.options);
	eo_workload_go(&run.workload);
	eo_workload_wait(&run.workload);
	for (int i = 0; i < 100 && r >= 0; i++)
		r = eo_tracer_pump(run.tracer, &err);
	cr_assert_eq(r, -EPIPE);
	cr_assert_eq(err.kind, EO_ERROR_NONE);
	cr_assert_eq(run.taken->count, 100);
	done(&run);
}

Test(syscall_tracer, tracer_can_be_started_again)
{
	struct run run;

	prepare(&run, "getppid", "1009");
	trace(&run);
	cr_assert_eq(run.taken->by_nr[SYS_getppid], 1009);
	run.workload = eo_workload_start("getppid", "503");
	run.pid = (uint32_t)run.workload.pid;
	cr_assert_eq(eo_tracer_start(run.tracer, NULL), 0);
	eo_tracer_through(run.tracer, &run.workload);
	finish(&run);
	cr_assert_eq(run.taken->by_nr[SYS_getppid], 1009 + 503);
	cr_assert_leq(run.stats.seen, 600);
	done(&run);
}

/* --- filters ----------------------------------------------------------------------------- */

static void only(struct run *run, const char *list)
{
	struct eo_error err = {0};

	run->options.by_calls = true;
	cr_assert_eq(eo_syscall_list_parse(list, &run->options.calls, &err), 0, "%s", err.text);
}

Test(syscall_tracer, only_the_calls_that_are_asked_for_come_out)
{
	struct run run;

	prepare(&run, "mixed", "1");
	only(&run, "openat,read");
	trace(&run);
	cr_assert_eq(run.taken->by_nr[SYS_openat], 10008);
	cr_assert_eq(run.taken->by_nr[SYS_read], 5003 + 1);
	cr_assert_eq(run.taken->count, 10008 + 5004);
	cr_assert_geq(run.stats.filtered, 1000003);
	cr_assert_eq(run.figures.unique_syscalls, 2);
	done(&run);
}

Test(syscall_tracer, negated_list_takes_in_unknown_numbers)
{
	struct run run;

	prepare(&run, "unknown", "7");
	only(&run, "!read,exit_group,munmap,mmap,brk");
	trace(&run);
	cr_assert_eq(run.taken->count, 14);
	cr_assert_eq(run.figures.errors, 14);
	cr_assert_eq(run.figures.unique_syscalls, 1);
	done(&run);
}

Test(syscall_tracer, filter_takes_a_list_until_the_start)
{
	struct eo_error err = {0};
	struct run run;

	prepare(&run, "mixed", "1");
	run.tracer = eo_tracer_begin(&run.options);
	cr_assert_eq(eo_syscall_tracer_filter(run.tracer, "openat", &err), -EBUSY);
	finish(&run);
	cr_assert_eq(eo_syscall_tracer_filter(run.tracer, "opnat", &err), -EINVAL);
	cr_assert_eq(eo_syscall_tracer_filter(run.tracer, "openat", &err), 0);
	memset(run.taken, 0, sizeof(*run.taken));
	cr_assert_eq(eo_tracer_start(run.tracer, &err), 0, "%s", err.text);
	eo_tracer_through(run.tracer, &run.workload);
	finish(&run);
	cr_assert_eq(run.taken->count, 10008);
	done(&run);
}

Test(syscall_tracer, failed_only)
{
	struct run run;

	prepare(&run, "mixed", "1");
	run.options.failed = true;
	trace(&run);
	cr_assert_eq(run.taken->count, 10007);
	cr_assert_eq(run.taken->failed[SYS_openat], 10007);
	cr_assert_eq(run.stats.seen - run.stats.filtered, 10007);
	done(&run);
}

Test(syscall_tracer, errors_are_told_apart)
{
	struct run run;

	prepare(&run, "hostile", "1"); /* four times ENOENT, and the empty name too */
	run.options.by_errnos = true;
	cr_assert_eq(eo_errno_list_parse("EACCES", &run.options.errnos, NULL), 0);
	trace(&run);
	cr_assert_eq(run.taken->count, 0);
	done(&run);
	prepare(&run, "hostile", "1");
	run.options.by_errnos = true;
	cr_assert_eq(eo_errno_list_parse("EACCES,ENOENT", &run.options.errnos, NULL), 0);
	trace(&run);
	cr_assert_eq(run.taken->count, 5);
	done(&run);
}

Test(syscall_tracer, short_calls_are_filtered_and_counted)
{
	struct run run;

	prepare(&run, "sleep", "7");
	run.options.min_duration_ns = 20000000;
	only(&run, "nanosleep,getppid");
	trace(&run);
	cr_assert_eq(run.taken->by_nr[SYS_nanosleep], 7);
	cr_assert_eq(run.taken->by_nr[SYS_getppid] + run.taken->by_nr[SYS_nanosleep], run.taken->count);
	cr_assert_geq(run.stats.filtered, 101 - run.taken->by_nr[SYS_getppid]);
	done(&run);
}

/* --- what calls point to ----------------------------------------------------------------- */

Test(syscall_tracer, names_with_anything_in_them_arrive_byte_by_byte)
{
	static const char *const names[] = {
		"/nonexistent/new\nline", "/nonexistent/quo\"te\\", "/nonexistent/\xff\xfe\x80",
		"/nonexistent/\x1b[31mred\x1b[0m", "",
	};
	struct run run;

	prepare(&run, "hostile", "1");
	only(&run, "openat");
	run.taken->keep_nr = SYS_openat;
	trace(&run);
	cr_assert_eq(run.taken->kept_count, 5);
	for (int i = 0; i < 5; i++)
		cr_assert_str_eq(eo_piece_text(&run.taken->kept[i], 1), names[i]);
	done(&run);
}

Test(syscall_tracer, paths_of_every_length_arrive_whole)
{
	static const int lengths[] = {1, 254, 255, 256, 4095};
	const struct eo_syscall_piece *piece;
	struct run run;

	prepare(&run, "long", "1");
	only(&run, "openat,renameat2");
	run.taken->keep_nr = UINT32_MAX;
	trace(&run);
	cr_assert_eq(run.taken->kept_count, 8);
	for (int i = 0; i < 5; i++) {
		cr_assert_eq(strlen(eo_piece_text(&run.taken->kept[i], 1)), lengths[i]);
		cr_assert_eq(eo_piece_of(&run.taken->kept[i], 1)->flags, 0);
	}
	piece = eo_piece_of(&run.taken->kept[5], 1); /* 4096 and a NUL is too long for the kernel too */
	cr_assert_eq(piece->bytes, 4095);
	cr_assert_eq(piece->flags, EO_PIECE_CUT);
	cr_assert_eq(run.taken->kept[5].record.ret, -ENAMETOOLONG);
	cr_assert_eq(strspn(eo_piece_text(&run.taken->kept[6], 1), "b"), 300);
	cr_assert_eq(strspn(eo_piece_text(&run.taken->kept[6], 3), "c"), 400);
	piece = eo_piece_of(&run.taken->kept[7], 1);
	cr_assert_eq(piece->bytes, 0);
	cr_assert_eq(piece->flags, EO_PIECE_FAULT | EO_PIECE_LATE);
	cr_assert_eq(degraded(&run, "string_cut"), 1);
	cr_assert_eq(degraded(&run, "read_fault"), 1);
	done(&run);
}

Test(syscall_tracer, name_in_an_untouched_page_is_read_when_the_call_has_ended)
{
	const struct eo_syscall_piece *piece;
	struct run run;

	prepare(&run, "unfaulted", "1");
	run.options.failed = true;
	run.taken->keep_nr = SYS_openat;
	trace(&run);
	cr_assert_eq(run.taken->kept_count, 1);
	cr_assert_str_eq(eo_piece_text(&run.taken->kept[0], 1), "/nonexistent/unfaulted");
	piece = eo_piece_of(&run.taken->kept[0], 1);
	cr_assert_eq(piece->flags, EO_PIECE_LATE);
	cr_assert_eq(degraded(&run, "read_fault"), 0);
	done(&run);
}

Test(syscall_tracer, buffers_come_only_when_asked_for)
{
	const struct eo_syscall_piece *piece;
	struct run run;

	prepare(&run, "read", "3");
	only(&run, "read");
	run.taken->keep_nr = SYS_read;
	trace(&run);
	cr_assert_eq(run.taken->kept_count, 4);
	for (int i = 0; i < 4; i++)
		cr_assert_null(eo_piece_of(&run.taken->kept[i], 1));
	done(&run);
	prepare(&run, "read", "3");
	only(&run, "read");
	run.options.payload = true;
	run.options.string_limit = 1000;
	run.taken->keep_nr = SYS_read;
	trace(&run);
	piece = eo_piece_of(&run.taken->kept[2], 1);
	cr_assert_eq(piece->bytes, 1000);
	cr_assert_eq(piece->total, 4099);
	cr_assert_eq(piece->flags, EO_PIECE_CUT);
	done(&run);
}

static const char *fd_path(const struct run *run, size_t i)
{
	const struct eo_syscall_piece *piece = eo_piece_of(&run->taken->kept[i], 0);

	cr_assert_not_null(piece, "fsync %zu", i);
	cr_assert_eq(piece->flags, EO_PIECE_FD);
	return eo_piece_text(&run->taken->kept[i], 0);
}

Test(syscall_tracer, descriptors_have_the_paths_that_proc_shows)
{
	unsigned long inode;
	char status[64];
	struct run run;

	prepare(&run, "fds", "1");
	only(&run, "fsync");
	run.options.fd_paths = true;
	run.taken->keep_nr = SYS_fsync;
	snprintf(status, sizeof(status), "/proc/%u/status", run.pid);
	trace(&run);
	cr_assert_eq(run.taken->kept_count, 8);
	cr_assert_str_eq(fd_path(&run, 0), "/");
	cr_assert_str_eq(fd_path(&run, 1), status);
	cr_assert_eq(strncmp(fd_path(&run, 2), "/tmp/ebpfotel-fd-", 17), 0);
	cr_assert_eq(strlen(fd_path(&run, 2)), 23);
	cr_assert_eq(sscanf(fd_path(&run, 3), "socket:[%lu]", &inode), 1);
	cr_assert_str_eq(fd_path(&run, 4), "anon_inode:[eventpoll]");
	cr_assert_eq(sscanf(fd_path(&run, 5), "pipe:[%lu]", &inode), 1);
	cr_assert_str_eq(fd_path(&run, 6) + 23, " (deleted)");
	cr_assert_null(eo_piece_of(&run.taken->kept[7], 0), "there is no descriptor 9999");
	done(&run);
}

struct stacks {
	uint64_t events, with_function;
};

static int look_for_function(void *ctx, const struct eo_event *event)
{
	struct stacks *stacks = ctx;
	const struct eo_attr *stack = eo_event_data(event, "stack");

	if (event->type != EO_EVENT_SYSCALL || strcmp(eo_event_data(event, "name")->str, "nanosleep"))
		return 0;
	stacks->events++;
	if (!stack)
		return 0;
	for (uint32_t i = 1; i <= stack->count; i++)
		if (stack[i].key && !strcmp(stack[i].key, "function") && !strcmp(stack[i].str, "sleep_some")) {
			stacks->with_function++;
			break;
		}
	return 0;
}

Test(syscall_tracer, events_have_the_stack_of_who_made_the_call)
{
	struct stacks stacks = {0};
	struct run run;

	prepare(&run, "sleep", "53");
	only(&run, "nanosleep");
	run.options.record = NULL;
	run.options.base.sink.event = look_for_function;
	run.options.base.sink.ready = NULL;
	run.options.base.sink.ctx = &stacks;
	run.options.base.stack = true;
	trace(&run);
	cr_assert_eq(stacks.events, 53);
	cr_assert_geq(stacks.with_function, 23, "from when the tables of its files are there");
	done(&run);
}

Test(syscall_tracer, events_are_collected_where_no_sink_takes_them)
{
	struct eo_event_list *list;
	const struct eo_event *event;
	struct run run;
	uint64_t calls = 0;

	prepare(&run, "open", "1009");
	run.options.record = NULL;
	run.options.base.sink = (struct eo_trace_sink){0};
	run.tracer = eo_tracer_begin(&run.options);
	eo_tracer_through(run.tracer, &run.workload);
	cr_assert_eq(eo_tracer_stop(run.tracer, &list, NULL), 0);
	run.stats = eo_tracer_stats(run.tracer);
	cr_assert_eq(eo_event_list_count(list), run.stats.emitted);
	for (size_t i = 0; i < eo_event_list_count(list); i++) {
		event = eo_event_list_get(list, i);
		if (strcmp(eo_event_data(event, "name")->str, "openat") != 0)
			continue;
		calls++;
		cr_assert_str_eq(event->comm, "calls");
		cr_assert_eq(event->pid, run.pid);
		cr_assert_str_eq(eo_event_data(event, "path")->str, "/nonexistent/file");
		cr_assert_str_eq(eo_event_data(event, "error")->str, "ENOENT");
		cr_assert_str_eq(eo_attr_member(eo_event_data(event, "args"), "flags")->str,
				 "O_RDONLY|O_CLOEXEC");
	}
	cr_assert_eq(calls, 1009);
	eo_event_list_free(list);
	done(&run);
}

/* --- beginnings and ends ----------------------------------------------------------------- */

Test(syscall_tracer, call_that_began_before_the_trace_has_no_entry)
{
	struct run run;

	prepare(&run, "getppid", "1");
	run.taken->keep_nr = SYS_read;
	trace(&run);
	cr_assert_eq(run.taken->no_entry, 1);
	cr_assert_eq(run.taken->kept[0].record.flags, EO_SYSCALL_NO_ENTRY);
	cr_assert_eq(run.taken->kept[0].record.ret, 1);
	cr_assert_eq(run.taken->kept[0].record.duration_ns, 0);
	done(&run);
}

Test(syscall_tracer, threads_that_end_inside_calls_have_no_return)
{
	struct run run;

	prepare(&run, "end", "5");
	run.taken->keep_nr = SYS_pause;
	trace(&run);
	cr_assert_eq(run.taken->by_nr[SYS_pause], 5);
	cr_assert_eq(run.taken->by_nr[SYS_exit_group], 1);
	cr_assert_eq(run.taken->no_return, 6, "%lu", run.taken->no_return);
	for (int i = 0; i < 5; i++) {
		cr_assert_eq(run.taken->kept[i].record.flags, EO_SYSCALL_NO_RETURN);
		cr_assert_eq(run.taken->kept[i].record.header.tgid, run.pid);
		cr_assert_neq(run.taken->kept[i].record.header.tid, run.pid);
	}
	done(&run);
}

Test(syscall_tracer, exec_of_a_thread_keeps_its_caller_and_its_arguments)
{
	const struct eo_syscall_record *record;
	struct run run;

	prepare(&run, "exec", "1");
	run.taken->keep_nr = SYS_execve;
	trace(&run);
	cr_assert_eq(run.taken->by_nr[SYS_execve], 1);
	record = &run.taken->kept[0].record;
	cr_assert_eq(record->ret, 0);
	cr_assert_eq(record->flags, 0);
	cr_assert_eq(record->header.tgid, run.pid);
	cr_assert_neq(record->header.tid, run.pid, "the tid was another one when the call began");
	cr_assert_str_eq(record->header.comm, "calls");
	cr_assert_str_eq(eo_piece_text(&run.taken->kept[0], 0), "/bin/true");
	cr_assert_eq(eo_piece_of(&run.taken->kept[0], 1)->total, 3);
	cr_assert_eq(memcmp(eo_piece_text(&run.taken->kept[0], 1), "true\0with\0words", 16), 0);
	done(&run);
}

Test(syscall_tracer, children_are_followed_and_their_birth_is_no_call)
{
	struct run run;

	prepare(&run, "fork", "11");
	run.taken->keep_nr = SYS_clone;
	trace(&run);
	cr_assert_eq(run.taken->by_nr[SYS_getppid], 77);
	cr_assert_eq(run.taken->by_nr[SYS_exit_group], 12);
	cr_assert_eq(run.taken->by_nr[SYS_clone] + run.taken->by_nr[SYS_clone3], 11);
	for (size_t i = 0; i < run.taken->kept_count; i++)
		cr_assert_gt(run.taken->kept[i].record.ret, 0);
	done(&run);
}

Test(syscall_tracer, children_can_be_left_alone)
{
	struct run run;

	prepare(&run, "fork", "11");
	run.options.base.target.no_follow = true;
	trace(&run);
	cr_assert_eq(run.taken->by_nr[SYS_getppid], 0);
	cr_assert_eq(run.taken->by_nr[SYS_wait4], 11);
	done(&run);
}

Test(syscall_tracer, command_begins_with_its_exec)
{
	struct run run = {.taken = calloc(1, sizeof(*run.taken))};
	const struct eo_syscall_record *record;
	int go[2];
	char byte;

	cr_assert_eq(pipe(go), 0);
	run.options = eo_taken_options(run.taken);
	run.taken->keep_nr = UINT32_MAX;
	run.workload.pid = fork();
	if (run.workload.pid == 0) {
		byte = (char)read(go[0], &byte, 1);
		execl("/nonexistent/true", "true", NULL);
		execl("/bin/true", "true", NULL);
		_exit(127);
	}
	run.workload.go = go[1];
	run.options.base.target.command_pid = (uint32_t)run.workload.pid;
	trace(&run);
	record = &run.taken->kept[0].record;
	cr_assert_eq(record->nr, SYS_execve);
	cr_assert_eq(record->ret, 0);
	cr_assert_eq(record->flags, 0);
	cr_assert_str_eq(eo_piece_text(&run.taken->kept[0], 0), "/bin/true");
	cr_assert_str_eq(record->header.comm, "true");
	cr_assert_eq(run.taken->by_nr[SYS_execve], 1);
	cr_assert_eq(run.taken->by_nr[SYS_exit_group], 1);
	cr_assert_eq(run.taken->no_entry, 0);
	done(&run);
}

Test(syscall_tracer, interrupted_calls_are_no_errors)
{
	int restarts = 0, sigreturns = 0;
	struct run run;

	prepare(&run, "interrupted", "1");
	run.options.base.target.no_follow = true;
	run.taken->keep_nr = UINT32_MAX;
	trace(&run);
	for (size_t i = 0; i < run.taken->kept_count; i++) {
		const struct eo_syscall_record *record = &run.taken->kept[i].record;

		restarts += record->nr == SYS_read && record->ret == -512;
		sigreturns += record->nr == SYS_rt_sigreturn && record->ret == 0 && !record->flags;
	}
	cr_assert_geq(restarts, 2, "one that the signal ended and one that went on");
	cr_assert_eq(sigreturns, (int)run.taken->by_nr[SYS_rt_sigreturn]);
	cr_assert_geq(sigreturns, 2);
	cr_assert_eq(run.figures.errors, 0);
	done(&run);
}

#ifdef __x86_64__
Test(syscall_tracer, calls_by_the_32_bit_door_are_labelled)
{
	struct run run;

	prepare(&run, "compat", "7");
	run.taken->keep_nr = 20;
	trace(&run);
	cr_assert_eq(run.taken->kept_count, 7);
	for (int i = 0; i < 7; i++) {
		cr_assert_eq(run.taken->kept[i].record.abi, EO_ABI_COMPAT);
		cr_assert_eq(run.taken->kept[i].record.ret, run.pid);
	}
	cr_assert_eq(run.taken->by_nr[SYS_writev], 0);
	done(&run);
	prepare(&run, "compat", "7");
	only(&run, "getpid"); /* the name counts, not the number */
	run.taken->keep_nr = 20;
	trace(&run);
	cr_assert_eq(run.taken->kept_count, 7);
	done(&run);
}
#endif

Test(syscall_tracer, unknown_numbers_stay_numbers)
{
	struct run run;

	prepare(&run, "unknown", "7");
	run.taken->keep_nr = 9999;
	trace(&run);
	cr_assert_eq(run.taken->kept_count, 7);
	cr_assert_eq(run.taken->kept[0].record.ret, -ENOSYS);
	cr_assert_eq(run.figures.errors, 14);
	done(&run);
}

Test(syscall_tracer, nobody_traces_the_tracer)
{
	struct run run = {.taken = calloc(1, sizeof(*run.taken))};

	run.options = eo_taken_options(run.taken);
	run.taken->keep_nr = SYS_getpgid;
	run.tracer = eo_tracer_begin(&run.options);
	for (int i = 0; i < 1009; i++)
		syscall(SYS_getpgid, 0);
	finish(&run);
	for (size_t i = 0; i < run.taken->kept_count; i++)
		cr_assert_neq(run.taken->kept[i].record.header.tgid, (uint32_t)getpid());
	done(&run);
}
