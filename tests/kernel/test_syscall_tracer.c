// SPDX-License-Identifier: BSD-2-Clause
/* The tracer of system calls against the real kernel, with workloads that make known numbers of
 * calls. What is asserted are counts and contents, never times. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
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

static void check_mixed(const struct run *run)
{
	const struct taken *taken = run->taken;

	cr_assert_eq(taken->by_nr[SYS_getppid], eo_many());
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

	eo_run_prepare(&run, "mixed", "1");
	eo_run_trace(&run);
	check_mixed(&run);
	cr_assert_eq(run.taken->no_entry, 1, "the read that waited for the start");
	eo_run_done(&run);
}

Test(syscall_tracer, load_on_all_cpus_changes_no_count)
{
	struct workload load[2];
	struct run run;

	for (int i = 0; i < 2; i++) {
		load[i] = eo_workload_start("getppid", "1000000000");
		eo_workload_go(&load[i]);
	}
	eo_run_prepare(&run, "mixed", "1");
	eo_run_only(&run, "getppid,openat");
	eo_run_trace(&run);
	for (int i = 0; i < 2; i++) {
		kill(load[i].pid, SIGKILL);
		waitpid(load[i].pid, NULL, 0);
	}
	/* Who reads the rings may have to wait for longer than they last, but has its turns. */
	cr_assert_leq(run.taken->loss_count, eo_many() / 2, "%lu lost", run.taken->loss_count);
	cr_assert_eq(run.figures.syscalls_traced, eo_many() + 10008);
	cr_assert_eq(run.figures.errors, 10007);
	cr_assert_eq(run.taken->count + run.taken->loss_count, eo_many() + 10008);
	cr_assert_eq(run.taken->loss_count, eo_trace_stats_lost(&run.stats));
	eo_run_done(&run);
}

Test(syscall_tracer, ring_that_nobody_reads_loses_calls_and_counts_each)
{
	struct run run;

	eo_run_prepare(&run, "mixed", "1");
	run.options.base.ring_bytes = 4096;
	run.tracer = eo_tracer_begin(&run.options);
	eo_workload_go(&run.workload);
	eo_workload_wait(&run.workload);
	eo_run_finish(&run);
	cr_assert_gt(run.taken->count, 0);
	cr_assert_gt(run.stats.lost[EO_LOSS_RING_FULL], eo_many() / 10 * 9);
	cr_assert_eq(run.stats.emitted, run.taken->count);
	cr_assert_eq(run.taken->loss_count, run.stats.lost[EO_LOSS_RING_FULL]);
	cr_assert_eq(run.figures.syscalls_traced, run.stats.seen);
	cr_assert_geq(run.figures.syscalls_traced, eo_many() + 10008 + 5003);
	cr_assert_eq(run.figures.errors, 10007, "the kernel counts what the stream loses");
	eo_run_done(&run);
}

Test(syscall_tracer, small_rings_that_are_read_tell_each_gap)
{
	struct run run;

	eo_run_prepare(&run, "mixed", "1");
	run.options.base.ring_bytes = 4096;
	eo_run_trace(&run);
	cr_assert_eq(run.stats.emitted, run.taken->count);
	cr_assert_eq(run.taken->loss_count, eo_trace_stats_lost(&run.stats));
	cr_assert_eq(run.stats.seen, run.taken->count + run.taken->loss_count);
	eo_run_done(&run);
}

Test(syscall_tracer, sink_without_room_lets_the_rings_fill)
{
	struct run run;

	eo_run_prepare(&run, "getppid", "30011");
	run.taken->not_ready = true;
	run.tracer = eo_tracer_begin(&run.options);
	eo_tracer_through(run.tracer, &run.workload);
	cr_assert_eq(run.taken->count, 0);
	run.taken->not_ready = false;
	eo_run_finish(&run);
	cr_assert_eq(run.taken->by_nr[SYS_getppid], 30011);
	cr_assert_eq(eo_trace_stats_lost(&run.stats), 0);
	eo_run_done(&run);
}

Test(syscall_tracer, sink_that_never_has_room_again_loses_by_the_stop)
{
	struct run run;

	eo_run_prepare(&run, "getppid", "101");
	run.taken->not_ready = true;
	run.tracer = eo_tracer_begin(&run.options);
	eo_tracer_through(run.tracer, &run.workload);
	eo_run_finish(&run);
	cr_assert_eq(run.taken->count, 0);
	cr_assert_eq(run.stats.emitted, 0);
	cr_assert_gt(run.stats.lost[EO_LOSS_STOPPED], 101);
	cr_assert_eq(run.stats.lost[EO_LOSS_STOPPED], run.stats.seen);
	eo_run_done(&run);
}

Test(syscall_tracer, error_of_the_sink_ends_the_pump_with_it)
{
	struct eo_error err = {0};
	struct run run;
	int r = 0;

	eo_run_prepare(&run, "getppid", "1009");
	run.taken->fail_after = 101;
	run.tracer = eo_tracer_begin(&run.options);
	eo_workload_go(&run.workload);
	eo_workload_wait(&run.workload);
	for (int i = 0; i < 100 && r >= 0; i++)
		r = eo_tracer_pump(run.tracer, &err);
	cr_assert_eq(r, -EPIPE);
	cr_assert_eq(err.kind, EO_ERROR_NONE);
	cr_assert_eq(run.taken->count, 100);
	eo_run_done(&run);
}

Test(syscall_tracer, tracer_can_be_started_again)
{
	struct run run;

	eo_run_prepare(&run, "getppid", "1009");
	eo_run_trace(&run);
	cr_assert_eq(run.taken->by_nr[SYS_getppid], 1009);
	run.workload = eo_workload_start("getppid", "503");
	run.pid = (uint32_t)run.workload.pid;
	cr_assert_eq(eo_tracer_start(run.tracer, NULL), 0);
	eo_tracer_through(run.tracer, &run.workload);
	eo_run_finish(&run);
	cr_assert_eq(run.taken->by_nr[SYS_getppid], 1009 + 503);
	cr_assert_leq(run.stats.seen, 600);
	eo_run_done(&run);
}

/* --- filters ----------------------------------------------------------------------------- */

Test(syscall_tracer, only_the_calls_that_are_asked_for_come_out)
{
	struct run run;

	eo_run_prepare(&run, "mixed", "1");
	eo_run_only(&run, "openat,read");
	eo_run_trace(&run);
	cr_assert_eq(run.taken->by_nr[SYS_openat], 10008);
	cr_assert_eq(run.taken->by_nr[SYS_read], 5003 + 1);
	cr_assert_eq(run.taken->count, 10008 + 5004);
	cr_assert_geq(run.stats.filtered, eo_many());
	cr_assert_eq(run.figures.unique_syscalls, 2);
	eo_run_done(&run);
}

Test(syscall_tracer, negated_list_takes_in_unknown_numbers)
{
	struct run run;

	eo_run_prepare(&run, "unknown", "7");
	eo_run_only(&run, "!read,exit_group,munmap,mmap,brk");
	eo_run_trace(&run);
	cr_assert_eq(run.taken->count, 14);
	cr_assert_eq(run.figures.errors, 14);
	cr_assert_eq(run.figures.unique_syscalls, 1);
	eo_run_done(&run);
}

Test(syscall_tracer, filter_takes_a_list_until_the_start)
{
	struct eo_error err = {0};
	struct run run;

	eo_run_prepare(&run, "mixed", "1");
	run.tracer = eo_tracer_begin(&run.options);
	cr_assert_eq(eo_syscall_tracer_filter(run.tracer, "openat", &err), -EBUSY);
	eo_run_finish(&run);
	cr_assert_eq(eo_syscall_tracer_filter(run.tracer, "opnat", &err), -EINVAL);
	cr_assert_eq(eo_syscall_tracer_filter(run.tracer, "openat", &err), 0);
	memset(run.taken, 0, sizeof(*run.taken));
	cr_assert_eq(eo_tracer_start(run.tracer, &err), 0, "%s", err.text);
	eo_tracer_through(run.tracer, &run.workload);
	eo_run_finish(&run);
	cr_assert_eq(run.taken->count, 10008);
	eo_run_done(&run);
}

Test(syscall_tracer, failed_only)
{
	struct run run;

	eo_run_prepare(&run, "mixed", "1");
	run.options.failed = true;
	eo_run_trace(&run);
	cr_assert_eq(run.taken->count, 10007);
	cr_assert_eq(run.taken->failed[SYS_openat], 10007);
	cr_assert_eq(run.stats.seen - run.stats.filtered, 10007);
	eo_run_done(&run);
}

Test(syscall_tracer, errors_are_told_apart)
{
	struct run run;

	eo_run_prepare(&run, "hostile", "1"); /* four times ENOENT, and the empty name too */
	run.options.by_errnos = true;
	cr_assert_eq(eo_errno_list_parse("EACCES", &run.options.errnos, NULL), 0);
	eo_run_trace(&run);
	cr_assert_eq(run.taken->count, 0);
	eo_run_done(&run);
	eo_run_prepare(&run, "hostile", "1");
	run.options.by_errnos = true;
	cr_assert_eq(eo_errno_list_parse("EACCES,ENOENT", &run.options.errnos, NULL), 0);
	eo_run_trace(&run);
	cr_assert_eq(run.taken->count, 5);
	eo_run_done(&run);
}

Test(syscall_tracer, short_calls_are_filtered_and_counted)
{
	struct run run;

	eo_run_prepare(&run, "sleep", "7");
	run.options.min_duration_ns = 20000000;
	eo_run_only(&run, "nanosleep,getppid");
	eo_run_trace(&run);
	cr_assert_eq(run.taken->by_nr[SYS_nanosleep], 7);
	cr_assert_eq(run.taken->by_nr[SYS_getppid] + run.taken->by_nr[SYS_nanosleep], run.taken->count);
	cr_assert_geq(run.stats.filtered, 101 - run.taken->by_nr[SYS_getppid]);
	eo_run_done(&run);
}

/* --- beginnings and ends ----------------------------------------------------------------- */

Test(syscall_tracer, call_that_began_before_the_trace_has_no_entry)
{
	struct run run;

	eo_run_prepare(&run, "getppid", "1");
	run.taken->keep_nr = SYS_read;
	eo_run_trace(&run);
	cr_assert_eq(run.taken->no_entry, 1);
	cr_assert_eq(run.taken->kept[0].record.flags, EO_SYSCALL_NO_ENTRY);
	cr_assert_eq(run.taken->kept[0].record.ret, 1);
	cr_assert_eq(run.taken->kept[0].record.duration_ns, 0);
	eo_run_done(&run);
}

Test(syscall_tracer, threads_that_end_inside_calls_have_no_return)
{
	struct run run;

	eo_run_prepare(&run, "end", "5");
	run.taken->keep_nr = SYS_ppoll;
	eo_run_trace(&run);
	cr_assert_eq(run.taken->by_nr[SYS_ppoll], 5);
	cr_assert_eq(run.taken->by_nr[SYS_exit_group], 1);
	cr_assert_eq(run.taken->no_return, 6, "%lu", run.taken->no_return);
	for (int i = 0; i < 5; i++) {
		cr_assert_eq(run.taken->kept[i].record.flags, EO_SYSCALL_NO_RETURN);
		cr_assert_eq(run.taken->kept[i].record.header.tgid, run.pid);
		cr_assert_neq(run.taken->kept[i].record.header.tid, run.pid);
	}
	eo_run_done(&run);
}

Test(syscall_tracer, exec_of_a_thread_keeps_its_caller_and_its_arguments)
{
	const struct eo_syscall_record *record;
	struct run run;

	eo_run_prepare(&run, "exec", "1");
	run.taken->keep_nr = SYS_execve;
	eo_run_trace(&run);
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
	eo_run_done(&run);
}

struct becoming {
	int tid, go; /* ends of pipes */
};

/* Tells who it is, then becomes another program when it is let. */
static void *become_true(void *arg)
{
	const struct becoming *becoming = arg;
	uint32_t tid = (uint32_t)gettid();
	char byte;

	if (write(becoming->tid, &tid, sizeof(tid)) == sizeof(tid) && read(becoming->go, &byte, 1) == 1)
		execl("/bin/true", "true", NULL);
	_exit(1);
}

static struct workload start_thread_that_execs(uint32_t *ret_tid)
{
	struct workload workload;
	int tids[2], go[2];

	cr_assert_eq(pipe2(tids, O_CLOEXEC), 0);
	cr_assert_eq(pipe2(go, O_CLOEXEC), 0);
	workload.pid = fork();
	if (workload.pid == 0) {
		struct becoming becoming = {tids[1], go[0]};
		pthread_t thread;

		pthread_create(&thread, NULL, become_true, &becoming);
		for (;;)
			pause();
	}
	cr_assert_eq(read(tids[0], ret_tid, sizeof(*ret_tid)), sizeof(*ret_tid));
	close(tids[0]);
	close(tids[1]);
	close(go[0]);
	workload.go = go[1];
	return workload;
}

/* It takes over the number of its process, is still a target by it, and ends as one. */
Test(syscall_tracer, thread_that_execs_stays_a_target)
{
	struct taken *taken = calloc(1, sizeof(*taken));
	struct eo_syscall_options options = eo_taken_options(taken);
	struct workload workload;
	struct eo_tracer *tracer;
	uint32_t tid;

	workload = start_thread_that_execs(&tid);
	cr_assert_neq(tid, (uint32_t)workload.pid);
	options.base.target = (struct eo_target){.tids = &tid, .tid_count = 1};
	taken->keep_nr = SYS_exit_group;
	tracer = eo_tracer_begin(&options);
	eo_tracer_through(tracer, &workload);
	eo_tracer_end(tracer);
	cr_assert_eq(taken->by_nr[SYS_execve], 1);
	cr_assert_eq(taken->by_nr[SYS_exit_group], 1);
	cr_assert_eq(taken->kept[0].record.header.tid, (uint32_t)workload.pid);
	eo_tracer_free(tracer);
	free(taken);
}

Test(syscall_tracer, children_are_followed_and_their_birth_is_no_call)
{
	struct run run;

	eo_run_prepare(&run, "fork", "11");
	run.taken->keep_nr = SYS_clone;
	eo_run_trace(&run);
	cr_assert_eq(run.taken->by_nr[SYS_getppid], 77);
	cr_assert_eq(run.taken->by_nr[SYS_exit_group], 12);
	cr_assert_eq(run.taken->by_nr[SYS_clone] + run.taken->by_nr[SYS_clone3], 11);
	for (size_t i = 0; i < run.taken->kept_count; i++)
		cr_assert_gt(run.taken->kept[i].record.ret, 0);
	eo_run_done(&run);
}

Test(syscall_tracer, children_can_be_left_alone)
{
	struct run run;

	eo_run_prepare(&run, "fork", "11");
	run.options.base.target.no_follow = true;
	eo_run_trace(&run);
	cr_assert_eq(run.taken->by_nr[SYS_getppid], 0);
	cr_assert_eq(run.taken->by_nr[SYS_wait4], 11);
	eo_run_done(&run);
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
	eo_run_trace(&run);
	record = &run.taken->kept[0].record;
	cr_assert_eq(record->nr, SYS_execve);
	cr_assert_eq(record->ret, 0);
	cr_assert_eq(record->flags, 0);
	cr_assert_str_eq(eo_piece_text(&run.taken->kept[0], 0), "/bin/true");
	cr_assert_str_eq(record->header.comm, "true");
	cr_assert_eq(run.taken->by_nr[SYS_execve], 1);
	cr_assert_eq(run.taken->by_nr[SYS_exit_group], 1);
	cr_assert_eq(run.taken->no_entry, 0);
	eo_run_done(&run);
}

Test(syscall_tracer, interrupted_calls_are_no_errors)
{
	int restarts = 0, sigreturns = 0;
	struct run run;

	eo_run_prepare(&run, "interrupted", "1");
	run.options.base.target.no_follow = true;
	run.taken->keep_nr = UINT32_MAX;
	eo_run_trace(&run);
	for (size_t i = 0; i < run.taken->kept_count; i++) {
		const struct eo_syscall_record *record = &run.taken->kept[i].record;

		restarts += record->nr == SYS_read && record->ret == -512;
		sigreturns += record->nr == SYS_rt_sigreturn && record->ret == 0 && !record->flags;
	}
	cr_assert_geq(restarts, 2, "one that the signal ended and one that went on");
	cr_assert_eq(sigreturns, (int)run.taken->by_nr[SYS_rt_sigreturn]);
	cr_assert_geq(sigreturns, 2);
	cr_assert_eq(run.figures.errors, 0);
	eo_run_done(&run);
}

#ifdef __x86_64__
Test(syscall_tracer, calls_by_the_32_bit_door_are_labelled)
{
	struct run run;

	eo_run_prepare(&run, "compat", "7");
	run.taken->keep_nr = 20;
	eo_run_trace(&run);
	cr_assert_eq(run.taken->kept_count, 7);
	for (int i = 0; i < 7; i++) {
		cr_assert_eq(run.taken->kept[i].record.abi, EO_ABI_COMPAT);
		cr_assert_eq(run.taken->kept[i].record.ret, run.pid);
	}
	cr_assert_eq(run.taken->by_nr[SYS_writev], 0);
	eo_run_done(&run);
	eo_run_prepare(&run, "compat", "7");
	eo_run_only(&run, "getpid"); /* the name counts, not the number */
	run.taken->keep_nr = 20;
	eo_run_trace(&run);
	cr_assert_eq(run.taken->kept_count, 7);
	eo_run_done(&run);
}
#endif

Test(syscall_tracer, unknown_numbers_stay_numbers)
{
	struct run run;

	eo_run_prepare(&run, "unknown", "7");
	run.taken->keep_nr = 9999;
	eo_run_trace(&run);
	cr_assert_eq(run.taken->kept_count, 7);
	cr_assert_eq(run.taken->kept[0].record.ret, -ENOSYS);
	cr_assert_eq(run.figures.errors, 14);
	eo_run_done(&run);
}

Test(syscall_tracer, nobody_traces_the_tracer)
{
	struct run run = {.taken = calloc(1, sizeof(*run.taken))};

	run.options = eo_taken_options(run.taken);
	run.taken->keep_nr = SYS_getpgid;
	run.tracer = eo_tracer_begin(&run.options);
	for (int i = 0; i < 1009; i++)
		syscall(SYS_getpgid, 0);
	eo_run_finish(&run);
	for (size_t i = 0; i < run.taken->kept_count; i++)
		cr_assert_neq(run.taken->kept[i].record.header.tgid, (uint32_t)getpid());
	eo_run_done(&run);
}
