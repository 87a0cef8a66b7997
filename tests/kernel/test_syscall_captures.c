// SPDX-License-Identifier: BSD-2-Clause
/* What system calls point to, and where they were made, against the real kernel. */
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "capture/trace_stacks.h"
#include "preemption.h"
#include "syscall_run.h"

static void need_root(void)
{
	if (geteuid() != 0)
		cr_skip_test("needs root to load BPF programs");
}

TestSuite(syscall_captures, .init = need_root, .timeout = 120);

Test(syscall_captures, names_with_anything_in_them_arrive_byte_by_byte)
{
	static const char *const names[] = {
		"/nonexistent/new\nline", "/nonexistent/quo\"te\\", "/nonexistent/\xff\xfe\x80",
		"/nonexistent/\x1b[31mred\x1b[0m", "",
	};
	struct run run;

	eo_run_prepare(&run, "hostile", "1");
	eo_run_only(&run, "openat");
	run.taken->keep_nr = SYS_openat;
	eo_run_trace(&run);
	cr_assert_eq(run.taken->kept_count, 5);
	for (int i = 0; i < 5; i++)
		cr_assert_str_eq(eo_piece_text(&run.taken->kept[i], 1), names[i]);
	eo_run_done(&run);
}

Test(syscall_captures, paths_of_every_length_arrive_whole)
{
	static const int lengths[] = {1, 254, 255, 256, 4095};
	const struct eo_syscall_piece *piece;
	struct run run;

	eo_run_prepare(&run, "long", "1");
	eo_run_only(&run, "openat,renameat2");
	run.taken->keep_nr = UINT32_MAX;
	eo_run_trace(&run);
	cr_assert_eq(run.taken->kept_count, 8);
	for (int i = 0; i < 5; i++) {
		cr_assert_eq(strlen(eo_piece_text(&run.taken->kept[i], 1)), (size_t)lengths[i]);
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
	cr_assert_eq(eo_run_degraded(&run, "string_cut"), 1);
	cr_assert_eq(eo_run_degraded(&run, "read_fault"), 1);
	eo_run_done(&run);
}

Test(syscall_captures, name_in_an_untouched_page_is_read_when_the_call_has_ended)
{
	const struct eo_syscall_piece *piece;
	struct run run;

	eo_run_prepare(&run, "unfaulted", "1");
	run.options.failed = true;
	run.taken->keep_nr = SYS_openat;
	eo_run_trace(&run);
	cr_assert_eq(run.taken->kept_count, 1);
	cr_assert_str_eq(eo_piece_text(&run.taken->kept[0], 1), "/nonexistent/unfaulted");
	piece = eo_piece_of(&run.taken->kept[0], 1);
	cr_assert_eq(piece->flags, EO_PIECE_LATE);
	cr_assert_eq(eo_run_degraded(&run, "read_fault"), 0);
	eo_run_done(&run);
}

Test(syscall_captures, buffers_come_only_when_asked_for)
{
	const struct eo_syscall_piece *piece;
	struct run run;

	eo_run_prepare(&run, "read", "3");
	eo_run_only(&run, "read");
	run.taken->keep_nr = SYS_read;
	eo_run_trace(&run);
	cr_assert_eq(run.taken->kept_count, 4);
	for (int i = 0; i < 4; i++)
		cr_assert_null(eo_piece_of(&run.taken->kept[i], 1));
	eo_run_done(&run);
	eo_run_prepare(&run, "read", "3");
	eo_run_only(&run, "read");
	run.options.payload = true;
	run.options.string_limit = 1000;
	run.taken->keep_nr = SYS_read;
	eo_run_trace(&run);
	piece = eo_piece_of(&run.taken->kept[2], 1);
	cr_assert_eq(piece->bytes, 1000);
	cr_assert_eq(piece->total, 4099);
	cr_assert_eq(piece->flags, EO_PIECE_CUT);
	eo_run_done(&run);
}

static const char *fd_path(const struct run *run, size_t i)
{
	const struct eo_syscall_piece *piece = eo_piece_of(&run->taken->kept[i], 0);

	cr_assert_not_null(piece, "fsync %zu", i);
	cr_assert_eq(piece->flags, EO_PIECE_FD);
	return eo_piece_text(&run->taken->kept[i], 0);
}

Test(syscall_captures, descriptors_have_the_paths_that_proc_shows)
{
	unsigned long inode;
	char status[64];
	struct run run;

	eo_run_prepare(&run, "fds", "1");
	eo_run_only(&run, "fsync");
	run.options.fd_paths = true;
	run.taken->keep_nr = SYS_fsync;
	snprintf(status, sizeof(status), "/proc/%u/status", run.pid);
	eo_run_trace(&run);
	cr_assert_eq(run.taken->kept_count, 10);
	cr_assert_str_eq(fd_path(&run, 0), "/");
	cr_assert_str_eq(fd_path(&run, 1), status);
	cr_assert_eq(strncmp(fd_path(&run, 2), "/tmp/ebpfotel-fd-", 17), 0);
	cr_assert_eq(strlen(fd_path(&run, 2)), 23);
	cr_assert_eq(sscanf(fd_path(&run, 3), "socket:[%lu]", &inode), 1);
	cr_assert_str_eq(fd_path(&run, 4), "anon_inode:[eventpoll]");
	cr_assert_eq(sscanf(fd_path(&run, 5), "pipe:[%lu]", &inode), 1);
	cr_assert_str_eq(fd_path(&run, 6) + 23, " (deleted)");
	cr_assert_null(eo_piece_of(&run.taken->kept[7], 0), "there is no descriptor 9999");
	cr_assert_str_eq(fd_path(&run, 8), "/memfd:ebpfotel (deleted)");
	cr_assert_null(eo_piece_of(&run.taken->kept[9], 0), "a namespace is no file");
	eo_run_done(&run);
}

struct stacks {
	uint64_t events, with_function, in_kernel, in_tracepoint;
};

static int look_for_function(void *ctx, const struct eo_event *event)
{
	struct stacks *stacks = ctx;
	const struct eo_attr *stack = eo_event_data(event, "stack");

	if (event->type != EO_EVENT_SYSCALL || strcmp(eo_event_data(event, "name")->str, "nanosleep"))
		return 0;
	stacks->events++;
	for (uint32_t i = 1; stack && i <= stack->count; i++) {
		if (!stack[i].key || strcmp(stack[i].key, "function"))
			continue;
		stacks->with_function += strcmp(stack[i].str, "sleep_some") == 0;
		stacks->in_kernel += strcmp(stack[i].str, "do_syscall_64") == 0;
		stacks->in_tracepoint += strstr(stack[i].str, "bpf_") || strstr(stack[i].str, "__traceiter");
	}
	return 0;
}

Test(syscall_captures, events_have_the_stack_of_who_made_the_call)
{
	struct stacks stacks = {0};
	struct run run;

	if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_loop, NULL) == 0)
		cr_skip_test("stacks need bpf_loop(), Linux 5.17");
	eo_run_prepare(&run, "sleep", "53");
	eo_run_only(&run, "nanosleep");
	run.options.record = NULL;
	run.options.base.sink.event = look_for_function;
	run.options.base.sink.ready = NULL;
	run.options.base.sink.ctx = &stacks;
	run.options.base.stack = true;
	eo_run_trace(&run);
	cr_assert_eq(stacks.events, 53);
	cr_assert_geq(stacks.with_function, 23, "from when the tables of its files are there");
	cr_assert_leq(stacks.with_function, 53);
#ifdef __x86_64__
	cr_assert_eq(stacks.in_kernel, 53);
#endif
	cr_assert_eq(stacks.in_tracepoint, 0, "what looks is no part of what it sees");
	eo_run_done(&run);
}

Test(syscall_captures, events_are_collected_where_no_sink_takes_them)
{
	struct eo_event_list *list;
	const struct eo_event *event;
	struct run run;
	uint64_t calls = 0;

	eo_run_prepare(&run, "open", "1009");
	run.options.record = NULL;
	run.options.base.sink = (struct eo_trace_sink){0};
	run.tracer = eo_tracer_begin(&run.options);
	eo_tracer_through(run.tracer, &run.workload);
	cr_assert_eq(eo_tracer_stop(run.tracer, &list, NULL), 0);
	run.stats = eo_tracer_stats(run.tracer);
	need_all_runs(&run.stats);
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
	eo_run_done(&run);
}
