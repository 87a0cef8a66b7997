// SPDX-License-Identifier: BSD-2-Clause
/* The walker against an unwinder that shares nothing with it: libdw gets the registers and the copy
 * of the stack of the very samples that were walked, and must find the same frames. */
#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <elfutils/libdwfl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/cpu_events.h"
#include "capture/cpus.h"
#include "capture/filter.h"
#include "unwind/unwinder.h"

#include "both_walks.skel.h" /* uses the structs of records.h */

TestSuite(unwind_libdw, .timeout = 240);

#define HZ 499
#define RING_BYTES (8u << 20)
#define PENDING 64 /* samples whose snapshot is still to come: one a CPU */
#define FRAMES_MAX (EO_MAX_FRAMES + 1)

struct comparison {
	pid_t pid;
	struct both_walks *skel;
	struct eo_processes *processes;
	struct eo_unwinder *unwinder;
	struct eo_cpu_events *events;
	struct ring_buffer *ring;
	Dwfl *dwfl;

	struct eo_stack_record pending[PENDING];
	uint32_t next_pending;

	/* Of the snapshot at hand. */
	const struct eo_snapshot_record *snapshot;
	bool left_the_copy; /* libdw wanted more of the stack than there is */
	Dwarf_Addr theirs[FRAMES_MAX];
	uint32_t their_count;

	bool warm; /* the tables are there */
	uint64_t whole, /* equal to the bottom of the stack */
		prefix, /* equal as far as the copy or the depth goes */
		frames, /* of both */
		different, unpaired;
	uint64_t wanting; /* the walk ended early; see enum eo_user_walk */
	uint64_t guessed; /* libdw does not know where the thread stands */
};

/* ---- libdw's side ---- */

static bool read_memory(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *ret, void *ctx)
{
	struct comparison *c = ctx;
	const struct eo_snapshot_record *s = c->snapshot;
	const __u8 *stack = s->bytes + s->kernel_frames * sizeof(__u64);
	uint64_t offset = address - s->stack_at;

	(void)dwfl;
	if (offset > s->stack_bytes - sizeof(*ret)) {
		c->left_the_copy = true;
		return false;
	}
	memcpy(ret, stack + offset, sizeof(*ret));
	return true;
}

static bool set_registers(Dwfl_Thread *thread, void *ctx)
{
	const struct comparison *c = ctx;
	Dwarf_Word registers[EO_SNAPSHOT_REGISTERS];

	for (int i = 0; i < EO_SNAPSHOT_REGISTERS; i++)
		registers[i] = c->snapshot->registers[i];
	return dwfl_thread_state_registers(thread, 0, EO_SNAPSHOT_REGISTERS, registers);
}

/* Whatever thread was sampled: libdw is told of one only, and its registers are the sample's. */
static pid_t next_thread(Dwfl *dwfl, void *ctx, void **thread_ctx)
{
	struct comparison *c = ctx;

	(void)dwfl;
	if (*thread_ctx)
		return 0;
	*thread_ctx = ctx;
	return c->pid;
}

static bool get_thread(Dwfl *dwfl, pid_t tid, void *ctx, void **thread_ctx)
{
	(void)dwfl;
	(void)tid;
	*thread_ctx = ctx;
	return true;
}

static int no_debuginfo(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base,
			const char *file, const char *link, GElf_Word crc, char **found)
{
	(void)module, (void)user, (void)name, (void)base, (void)file, (void)link, (void)crc, (void)found;
	return -1;
}

static Dwfl *begin_libdw(struct comparison *c)
{
	static const Dwfl_Callbacks files = {
		.find_elf = dwfl_linux_proc_find_elf,
		.find_debuginfo = no_debuginfo,
	};
	static const Dwfl_Thread_Callbacks threads = {
		.next_thread = next_thread,
		.get_thread = get_thread,
		.memory_read = read_memory,
		.set_initial_registers = set_registers,
	};
	Dwfl *dwfl = dwfl_begin(&files);

	cr_assert_not_null(dwfl);
	cr_assert_eq(dwfl_linux_proc_report(dwfl, c->pid), 0);
	cr_assert_eq(dwfl_report_end(dwfl, NULL, NULL), 0);
	cr_assert(dwfl_attach_state(dwfl, NULL, c->pid, &threads, c), "%s", dwfl_errmsg(-1));
	return dwfl;
}

static int take_frame(Dwfl_Frame *frame, void *ctx)
{
	struct comparison *c = ctx;
	Dwarf_Addr pc;

	if (!dwfl_frame_pc(frame, &pc, NULL))
		return DWARF_CB_ABORT;
	c->theirs[c->their_count++] = pc;
	return c->their_count == FRAMES_MAX ? DWARF_CB_ABORT : DWARF_CB_OK;
}

/* ---- the comparison ---- */

static void print_difference(const struct comparison *c, const struct eo_stack_record *ours)
{
	const __u64 *frames = ours->frames + ours->kernel_frames;

	fprintf(stderr, "walk ended with %u after %u frames, libdw after %u%s\n", ours->user_walk,
		ours->user_frames, c->their_count, c->left_the_copy ? ", where the copy ends" : "");
	for (uint32_t i = 0; i < ours->user_frames || i < c->their_count; i++) {
		Dwarf_Addr theirs = i < c->their_count ? c->theirs[i] : 0, mine = i < ours->user_frames ? frames[i] : 0;
		Dwfl_Module *module = dwfl_addrmodule(c->dwfl, mine);
		const char *name = module ? dwfl_module_addrname(module, mine) : NULL;

		fprintf(stderr, "%c %3u %16lx %16lx %s\n", mine == theirs ? ' ' : '!', i, mine, theirs,
			name ? name : "?");
	}
}

/* Is there call frame information for the leaf? In the middle of sigreturn() there is none: the pc
 * is the first byte behind the trampoline, and so behind its FDE. libdw follows the frame pointer
 * then, past the caller; the tables carry the rule on over the padding, to the next function. */
static bool knows_leaf(const struct comparison *c, Dwarf_Addr pc)
{
	Dwfl_Module *module = dwfl_addrmodule(c->dwfl, pc);
	Dwarf_Frame *frame = NULL;
	Dwarf_Addr bias;
	Dwarf_CFI *cfi = module ? dwfl_module_eh_cfi(module, &bias) : NULL;
	bool known = cfi && dwarf_cfi_addrframe(cfi, pc - bias, &frame) == 0;

	free(frame);
	return known;
}

static void compare(struct comparison *c, const struct eo_stack_record *ours,
		    const struct eo_snapshot_record *snapshot)
{
	const __u64 *frames = ours->frames + ours->kernel_frames;
	bool to_the_bottom, depth_cuts = ours->user_walk == EO_USER_CUT;
	uint32_t common;

	if (ours->user_walk != EO_USER_COMPLETE && !depth_cuts) {
		c->wanting++;
		return;
	}
	if (!knows_leaf(c, frames[0])) {
		c->guessed++;
		return;
	}
	c->snapshot = snapshot;
	c->left_the_copy = false;
	c->their_count = 0;
	to_the_bottom = dwfl_getthread_frames(c->dwfl, c->pid, take_frame, c) == 0 && !depth_cuts;
	common = c->their_count < ours->user_frames ? c->their_count : ours->user_frames;
	/* Only for want of bytes may libdw end before the walk, and only at its greatest depth the
	 * walk before libdw. */
	if ((common < ours->user_frames && !c->left_the_copy) || (common < c->their_count && !depth_cuts) ||
	    memcmp(frames, c->theirs, common * sizeof(*frames)) != 0) {
		if (c->different++ < 3)
			print_difference(c, ours);
		return;
	}
	c->frames += common;
	c->whole += to_the_bottom;
	c->prefix += !to_the_bottom;
}

static int take_record(void *ctx, void *data, size_t size)
{
	struct comparison *c = ctx;
	const struct eo_snapshot_record *snapshot = data;
	const struct eo_miss_record *miss = data;

	switch (*(const __u32 *)data) {
	case EO_RECORD_MISS:
		eo_unwinder_miss(c->unwinder, miss->tgid, miss->pc);
		break;
	case EO_RECORD_STACK:
		memcpy(&c->pending[c->next_pending++ % PENDING], data, size);
		break;
	case EO_RECORD_SNAPSHOT:
		for (int i = 0; i < PENDING; i++) {
			const struct eo_stack_record *ours = &c->pending[i];

			if (ours->ktime_ns != snapshot->ktime_ns || ours->tid != snapshot->tid)
				continue;
			if (c->warm)
				compare(c, ours, snapshot);
			else
				c->warm = ours->user_walk == EO_USER_COMPLETE;
			return 0;
		}
		c->unpaired += c->warm;
		break;
	}
	return 0;
}

/* Each sample is walked and copied from now on. */
static void begin(struct comparison *c, pid_t pid)
{
	struct eo_target target = {.pids = (uint32_t *)&pid, .pid_count = 1};
	EO_AUTO_FREE uint32_t *online = NULL;
	struct both_walks *skel = both_walks__open();
	struct eo_table_store *store;
	struct eo_error err = {0};
	int count = eo_cpus_online(&online, &err);

	*c = (struct comparison){.pid = pid, .skel = skel};
	cr_assert_not_null(skel);
	cr_assert_gt(count, 0);
	cr_assert_eq(eo_filter_prepare(skel->obj, &target, (void *)&skel->rodata->filter, &err), 0);
	cr_assert_eq(eo_table_store_prepare(skel->obj, &err), 0);
	bpf_program__set_autoload(skel->progs.on_sample, false);
	bpf_program__set_autoload(skel->progs.on_sample_tables, false);
	skel->rodata->stack_config.per_thread = 1;
	skel->rodata->profiler.snapshots = EO_SNAPSHOTS_ALWAYS;
	skel->rodata->stack_config.wakeup_bytes = RING_BYTES / 16;
	bpf_map__set_max_entries(skel->maps.stacks, RING_BYTES);
	cr_assert_eq(both_walks__load(skel), 0);

	cr_assert_eq(eo_processes_new(&c->processes, &err), 0);
	cr_assert_eq(eo_table_store_new(skel->obj, (uint32_t *)&skel->bss->unwind_tick,
					EO_TABLE_MEMORY_DEFAULT, &store, &err), 0, "%s", err.text);
	cr_assert_eq(eo_unwinder_new(store, c->processes, &c->unwinder, &err), 0, "%s", err.text);
	cr_assert_eq(eo_filter_fill(skel->obj, &target, (uint64_t *)&skel->bss->targets_live, &err), 0);
	c->ring = ring_buffer__new(bpf_map__fd(skel->maps.stacks), take_record, c, NULL);
	cr_assert_not_null(c->ring);
	c->dwfl = begin_libdw(c);
	cr_assert_eq(eo_cpu_events_new(skel->progs.on_sample_both, HZ, &c->events), 0);
	cr_assert_eq(eo_cpu_events_cover(c->events, online, (size_t)count, &err), 0, "%s", err.text);
}

static void end(struct comparison *c)
{
	eo_cpu_events_free(c->events);
	ring_buffer__free(c->ring);
	eo_unwinder_free(c->unwinder);
	eo_processes_free(c->processes);
	both_walks__destroy(c->skel);
	dwfl_end(c->dwfl);
}

/* Start a program that writes a line when it works. */
static pid_t start(const char *const *argv)
{
	char line[32];
	int out[2];
	pid_t pid;

	cr_assert_eq(pipe(out), 0);
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(out[1], STDOUT_FILENO);
		close(out[0]);
		close(out[1]);
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	close(out[1]);
	cr_assert_gt(read(out[0], line, sizeof(line)), 0, "%s did not start", argv[0]);
	close(out[0]);
	return pid;
}

/* Until @samples were found equal, or one was not. */
static void run(struct comparison *c, uint64_t samples)
{
	for (int i = 0; i < 6000 && c->whole < samples && c->different == 0; i++) {
		usleep(20000);
		/* One turn at a time, so that it ends even if a slow machine never empties the ring. */
		eo_cpu_events_pause(c->events, true, NULL);
		cr_assert_geq(ring_buffer__consume(c->ring), 0);
		eo_unwinder_update(c->unwinder);
		eo_cpu_events_pause(c->events, false, NULL);
	}
	fprintf(stderr,
		"%lu equal to the bottom and %lu as far as was copied, %lu frames; %lu not walked to the bottom, %lu unknown to libdw\n",
		c->whole, c->prefix, c->frames, c->wanting, c->guessed);
}

static void is_the_same(const char *const *argv)
{
	struct comparison *c = malloc(sizeof(*c));
	pid_t pid;

	if (geteuid() != 0)
		cr_skip_test("needs root to load BPF programs");
	if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_PERF_EVENT, BPF_FUNC_loop, NULL) == 0)
		cr_skip_test("needs bpf_loop(), Linux 5.17");
	cr_assert_not_null(c);
	pid = start(argv);
	begin(c, pid);
	run(c, 1009);
	cr_assert_eq(c->different, 0);
	cr_assert_geq(c->whole, 1009);
	cr_assert_eq(c->unpaired, 0);
	/* More than a leaf and its caller. */
	cr_assert_gt(c->frames, 5 * (c->whole + c->prefix));
	/* The test is of the walks that are delivered as complete. How many there are is another's, for
	 * tables take their time on a loaded machine; those that libdw cannot judge must be few. */
	cr_assert_leq(c->guessed * 33, c->whole + c->prefix);
	end(c);
	free(c);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

Test(unwind_libdw, recursion_exceptions_signals_and_threads_give_the_same_frames)
{
	is_the_same((const char *[]){getenv("EO_DEEP"), NULL});
}

Test(unwind_libdw, an_interpreter_and_system_calls_give_the_same_frames)
{
	is_the_same((const char *[]){
		"python3", "-uc",
		"import os\nos.write(1, b'here\\n')\nwhile True:\n sorted(str(i) for i in range(500)); os.stat('/')",
		NULL});
}
