// SPDX-License-Identifier: BSD-2-Clause
/* Blocks through the life of programs and of the trace: what is older, fork, exec, exit, threads,
 * and the sudden end of either side. */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "mem_run.h"

TestSuite(mem_life, .timeout = 240);

Test(mem_life, what_is_older_than_the_trace_is_freed_unknown)
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
	stats = last_step(&heap, tracer);
	expect_sound(&stats);
	EXPECT_TOTAL(&stats, "unknown_frees", 503);
	EXPECT_TOTAL(&stats, "allocations", 503);
	EXPECT_TOTAL(&stats, "frees", 503);
	EXPECT_TOTAL(&stats, "active_bytes", 0);
	done(&heap, tracer);
}

Test(mem_life, fork_copies_the_blocks)
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
	for (int i = 0; i < 2000 && total(&stats, "processes_late") < 1; i++) { /* until the child is probed */
		usleep(10000);
		cr_assert_eq(eo_tracer_pump(tracer, NULL), 0);
		stats = eo_tracer_stats(tracer);
	}
	do_step(&heap, tracer);
	stats = eo_tracer_stats(tracer);
	EXPECT_TOTAL(&stats, "allocations", 211);
	EXPECT_TOTAL(&stats, "frees", 101);
	EXPECT_TOTAL(&stats, "unknown_frees", 0);
	EXPECT_TOTAL(&stats, "active_allocations", 211 + 110);
	EXPECT_TOTAL(&stats, "processes_late", 1);
	stats = stop(tracer);
	expect_sound(&stats);
	EXPECT_TOTAL(&stats, "processes_late", 1);
	done(&heap, tracer);
}

Test(mem_life, exec_clears_the_blocks_and_probes_go_on)
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
	stats = last_step(&heap, tracer);
	expect_sound(&stats);
	EXPECT_TOTAL(&stats, "allocations", total(&before, "allocations") + sums.allocations);
	EXPECT_TOTAL(&stats, "frees", total(&before, "frees") + sums.frees);
	EXPECT_TOTAL(&stats, "active_allocations", total(&before, "active_allocations") + 997);
	EXPECT_TOTAL(&stats, "unknown_frees", 0);
	done(&heap, tracer);
}

Test(mem_life, what_was_held_at_exit_is_a_leak_and_no_longer_in_use)
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
	stop(tracer);
	leaks = rows_of(tracer);
	cr_assert_eq(eo_event_list_count(leaks), 1);
	cr_expect_str_eq(frame_name(eo_event_list_get(leaks, 0), 1), "exits");
	cr_expect_eq(eo_event_data(eo_event_list_get(leaks, 0), "active_bytes")->unum, 301 * 32);
	eo_event_list_free(leaks);
	done(&heap, tracer);
}

Test(mem_life, addresses_that_wander_between_threads_stay_right)
{
	SETUP();
	struct program heap = start_heap("reuse", "250007");
	const struct eo_mem_options mem = {0};
	struct eo_tracer *tracer = begin(heap.pid, &mem, true);
	struct eo_trace_stats stats;

	stats = last_step(&heap, tracer);
	expect_sound(&stats);
	EXPECT_TOTAL(&stats, "allocations", 4 * 250007);
	EXPECT_TOTAL(&stats, "frees", 4 * 250007);
	EXPECT_TOTAL(&stats, "unknown_frees", 0);
	EXPECT_TOTAL(&stats, "active_allocations", 0);
	EXPECT_TOTAL(&stats, "active_bytes", 0);
	done(&heap, tracer);
}

Test(mem_life, calls_left_by_longjmp_hide_nothing)
{
	SETUP();
	struct program heap = start_heap("jump", NULL);
	const struct eo_mem_options mem = {0};
	struct eo_tracer *tracer = begin(heap.pid, &mem, true);
	struct eo_trace_stats stats;

	stats = last_step(&heap, tracer);
	EXPECT_TOTAL(&stats, "allocations", 19);
	EXPECT_TOTAL(&stats, "active_bytes", 19 * 40);
	EXPECT_TOTAL(&stats, "calls_abandoned", 17);
	done(&heap, tracer);
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
	for (int i = 0; i < 4000; i++) { /* emulated machines take their time */
		if ((first_byte(pid) == byte) == is)
			return true;
		usleep(10000);
	}
	return false;
}

Test(mem_life, killed_it_leaves_no_probe_behind)
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

Test(mem_life, nothing_is_held_of_a_loop_that_is_cut_out_of_the_middle)
{
	SETUP();
	struct program heap = start_heap("loop", "1000000000");
	const struct eo_mem_options mem = {0};
	struct eo_trace_stats stats;
	struct eo_tracer *tracer;

	cr_assert_eq(write(heap.in, "x", 1), 1);
	tracer = begin(heap.pid, &mem, true);
	run_until(tracer, 1009);
	stats = stop(tracer);
	expect_sound(&stats);
	cr_expect_leq(total(&stats, "unknown_frees"), 1);
	cr_expect_leq(total(&stats, "active_allocations"), 1);
	cr_expect_eq(total(&stats, "allocations") - total(&stats, "frees"), total(&stats, "active_allocations"));
	done(&heap, tracer);
}

/* As containers of one image have it: one file, on two devices. */
Test(mem_life, a_file_behind_two_overlays_is_probed_once)
{
	SETUP();
	static const char comms[][EO_COMM_BYTES] = {"heap_static"};
	const struct eo_tracer_options options = {
		.target = {.all = true, .comms = comms, .comm_count = 1},
		.summary = true,
		.ring_bytes = 1u << 22,
	};
	const struct eo_mem_options mem = {0};
	const struct sums sums = count_sums();
	struct eo_config config = tracing_config();
	struct program programs[2];
	struct eo_trace_stats stats;
	struct eo_error err = {0};
	struct eo_tracer *tracer;

	cr_assert_eq(unshare(CLONE_NEWNS), 0);
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	cr_assert_eq(mount("none", "/mnt", "tmpfs", 0, NULL), 0);
	if (system("cd /mnt && mkdir image 1 2 1.up 2.up 1.work 2.work && cp \"$EO_HEAP_STATIC\" image &&"
		   "for i in 1 2; do mount -t overlay none -o lowerdir=image,upperdir=$i.up,workdir=$i.work"
		   " $i || exit; done") != 0)
		cr_skip_test("needs overlayfs");
	for (int i = 0; i < 2; i++) {
		setenv("EO_HEAP_STATIC", i ? "/mnt/2/heap_static" : "/mnt/1/heap_static", 1);
		programs[i] = start_variant("EO_HEAP_STATIC", "counts", NULL);
	}
	cr_assert_eq(eo_mem_tracer_new(&config, &options, &mem, &tracer, &err), 0, "%s", err.text);
	cr_assert_eq(eo_tracer_start(tracer, &err), 0, "%s", err.text);
	do_step(&programs[0], tracer);
	stats = last_step(&programs[1], tracer);
	expect_sound(&stats);
	EXPECT_TOTAL(&stats, "allocations", 2 * sums.allocations);
	EXPECT_TOTAL(&stats, "frees", 2 * sums.frees);
	EXPECT_TOTAL(&stats, "unknown_frees", 0);
	end_program(&programs[0]);
	done(&programs[1], tracer);
}

Test(mem_life, a_target_that_is_killed_ends_the_run_with_its_data)
{
	SETUP();
	struct program heap = start_heap("loop", "1000000000");
	const struct eo_mem_options mem = {0};
	struct eo_tracer *tracer = begin(heap.pid, &mem, true);
	struct eo_trace_stats stats;

	cr_assert_eq(write(heap.in, "x", 1), 1);
	run_until(tracer, 1009);
	kill(heap.pid, SIGKILL);
	cr_assert_eq(waitpid(heap.pid, NULL, 0), heap.pid);
	cr_expect(eo_tracer_targets_gone(tracer));
	stats = stop(tracer);
	expect_sound(&stats);
	EXPECT_TOTAL(&stats, "active_allocations", 0);
	EXPECT_TOTAL(&stats, "active_bytes", 0);
	cr_expect_leq(total(&stats, "allocations") - total(&stats, "frees"), 1);
	done(&heap, tracer);
}
