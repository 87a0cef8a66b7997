// SPDX-License-Identifier: BSD-2-Clause
/* Snapshots of ourselves: the registers of a known place and a copy of the stack above it. This
 * file is compiled without frame pointers, and so are the functions whose chain is asserted. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "unwind/snapshot.h"

#include "open_files.h"

#ifdef __x86_64__

#define STACK_MAX (64u << 10)

struct copy {
	__u64 registers[EO_SNAPSHOT_REGISTERS];
	uint64_t at;
	size_t bytes;
	unsigned char *stack;
};

/* By the ucontext of a signal handler or of getcontext(). */
static void take_registers(const ucontext_t *context, __u64 *to)
{
	static const int order[EO_SNAPSHOT_REGISTERS] = {
		REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP, REG_R8,
		REG_R9,	 REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP,
	};

	for (int i = 0; i < EO_SNAPSHOT_REGISTERS; i++)
		to[i] = (__u64)context->uc_mcontext.gregs[order[i]];
}

/* Our main thread's stack ends some way above; a test's own frames are near. */
__attribute__((no_sanitize("address"))) static void copy_words(unsigned char *to, uint64_t from,
							       size_t bytes)
{
	const volatile uint64_t *source = (const volatile uint64_t *)from;

	for (size_t i = 0; i < bytes / 8; i++)
		((uint64_t *)to)[i] = source[i];
}

static uint64_t stack_end(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long start, end, here = (unsigned long)__builtin_frame_address(0);
	char line[512];
	uint64_t found = 0;

	while (maps && fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx", &start, &end) == 2 && here >= start && here < end)
			found = end;
	if (maps)
		fclose(maps);
	return found;
}

static void take(struct copy *copy, const ucontext_t *context)
{
	uint64_t end = stack_end();

	take_registers(context, copy->registers);
	copy->at = (copy->registers[EO_SNAPSHOT_SP] - 256) & ~1023ull;
	copy->bytes = end - copy->at < STACK_MAX ? end - copy->at : STACK_MAX;
	copy_words(copy->stack, copy->at, copy->bytes);
}

static struct copy *active; /* for the signal handler */

static void on_signal(int signal, siginfo_t *info, void *context)
{
	(void)signal, (void)info;
	take(active, context);
}

static volatile int depth; /* keeps calls from being tail calls */

/* Functions that lie apart, so that an address tells which of them it is in. */
#define APART 2048
#define LINK __attribute__((noinline, aligned(APART)))

LINK static void chain_c(void)
{
	raise(SIGUSR1);
	depth++;
}

LINK static void chain_b(unsigned char *room)
{
	memset(room, depth, 16);
	chain_c();
	depth++;
}

LINK static void chain_a(int n)
{
	unsigned char room[200]; /* its size is a matter of call frame information only */

	depth += n;
	chain_b(room);
	depth += room[3];
}

LINK static void take_chain(struct copy *copy)
{
	struct sigaction action = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO}, old;

	active = copy;
	sigaction(SIGUSR1, &action, &old);
	chain_a(1);
	sigaction(SIGUSR1, &old, NULL);
}

struct fixture {
	const __u64 *chain; /* of frame pointers */
	size_t chain_count;
	struct eo_processes *processes;
	struct eo_snapshot_unwinder *unwinder;
	struct copy copy;
};

static struct fixture begin(void)
{
	struct fixture f = {.copy.stack = malloc(STACK_MAX)};

	cr_assert_not_null(f.copy.stack);
	cr_assert_eq(eo_processes_new(&f.processes, NULL), 0);
	cr_assert_eq(eo_processes_scan(f.processes, (uint32_t)getpid()), 0);
	cr_assert_eq(eo_snapshot_unwinder_new(f.processes, &f.unwinder, NULL), 0);
	return f;
}

static void end(struct fixture *f)
{
	eo_snapshot_unwinder_free(f->unwinder);
	eo_processes_free(f->processes);
	free(f->copy.stack);
}

static uint32_t unwind(struct fixture *f, __u64 *frames, enum eo_user_walk *walk)
{
	const struct eo_snapshot snapshot = {
		.tgid = (uint32_t)getpid(),
		.registers = f->copy.registers,
		.stack_at = f->copy.at,
		.stack = f->copy.stack,
		.stack_bytes = f->copy.bytes,
		.fp = f->chain,
		.fp_count = f->chain_count,
	};

	return eo_snapshot_unwind(f->unwinder, &snapshot, frames, walk);
}

static bool is_in(uint64_t pc, const void *function)
{
	return pc - (uint64_t)function - 1 < APART - 1;
}

/* The frame that returns into chain_c; those below are raise()'s and the C library's affair. */
static uint32_t find_chain(const __u64 *frames, uint32_t count)
{
	uint32_t i = 0;

	while (i < count && !is_in(frames[i], (void *)chain_c))
		i++;
	return i;
}

Test(snapshot, a_chain_without_frame_pointers_is_found_and_goes_on_to_the_bottom)
{
	struct fixture f = begin();
	__u64 frames[EO_MAX_FRAMES];
	enum eo_user_walk walk;
	uint32_t count, i;

	take_chain(&f.copy);
	count = unwind(&f, frames, &walk);
	i = find_chain(frames, count);
	cr_assert_lt(i, count, "%u frames", count);
	cr_assert_leq(i, 4); /* raise() and what it calls */
	cr_assert(is_in(frames[i], (void *)chain_c));
	cr_assert(is_in(frames[i + 1], (void *)chain_b));
	cr_assert(is_in(frames[i + 2], (void *)chain_a));
	cr_assert(is_in(frames[i + 3], (void *)take_chain));
	cr_assert_eq(walk, EO_USER_SNAPSHOT);
	cr_assert_eq(frames[0], f.copy.registers[EO_SNAPSHOT_PC]);
	end(&f);
}

/* A signal handler's own frame lies above the interrupted one. */
LINK static void on_outer_signal(int signal)
{
	(void)signal;
	take_chain(active);
	depth++;
}

Test(snapshot, the_frame_of_a_signal_is_stepped_over)
{
	struct fixture f = begin();
	struct sigaction action = {.sa_handler = on_outer_signal};
	__u64 frames[EO_MAX_FRAMES];
	enum eo_user_walk walk;
	uint32_t count, i;

	active = &f.copy;
	sigaction(SIGUSR2, &action, NULL);
	raise(SIGUSR2);
	count = unwind(&f, frames, &walk);
	i = find_chain(frames, count);
	cr_assert_lt(i, count);
	cr_assert(is_in(frames[i + 4], (void *)on_outer_signal));
	cr_assert_gt(count, i + 7); /* the trampoline, raise() and we */
	cr_assert_eq(walk, EO_USER_SNAPSHOT);
	end(&f);
}

Test(snapshot, a_copy_that_is_too_short_ends_early_and_says_so)
{
	struct fixture f = begin();
	__u64 whole[EO_MAX_FRAMES], part[EO_MAX_FRAMES];
	enum eo_user_walk walk;
	uint32_t count, cut, last = 0;

	take_chain(&f.copy);
	count = unwind(&f, whole, &walk);
	cr_assert_eq(walk, EO_USER_SNAPSHOT);
	for (size_t bytes = 0, most = f.copy.bytes; bytes < most; bytes += 64) {
		f.copy.bytes = bytes;
		cut = unwind(&f, part, &walk);
		cr_assert_geq(cut, 1);
		cr_assert_leq(cut, count);
		cr_assert_geq(cut, last);
		cr_assert_eq(memcmp(whole, part, cut * sizeof(*part)), 0, "%zu bytes", bytes);
		cr_assert_eq(walk, cut == count ? walk : EO_USER_SNAPSHOT_CUT, "%u frames", cut);
		last = cut;
		if (walk == EO_USER_SNAPSHOT)
			break;
	}
	cr_assert_eq(walk, EO_USER_SNAPSHOT);
	f.copy.bytes = 0;
	cr_assert_eq(unwind(&f, part, &walk), 1);
	cr_assert_eq(walk, EO_USER_SNAPSHOT_CUT);
	/* A chain of frame pointers may be anything where nobody promises to keep them. */
	f.chain = whole;
	f.chain_count = count;
	cr_assert_eq(unwind(&f, part, &walk), 1);
	cr_assert_eq(walk, EO_USER_SNAPSHOT_CUT);
	end(&f);
}

static uint64_t random_word(uint64_t *state)
{
	*state = *state * 6364136223846793005ull + 1442695040888963407ull;
	return *state >> 11 ^ *state << 31;
}

Test(snapshot, hostile_registers_and_bytes_give_some_frames_and_no_crash, .timeout = 120)
{
	struct fixture f = begin();
	EO_AUTO_FREE unsigned char *original = malloc(STACK_MAX);
	__u64 registers[EO_SNAPSHOT_REGISTERS], frames[EO_MAX_FRAMES];
	uint64_t state = 4711;
	enum eo_user_walk walk;

	take_chain(&f.copy);
	memcpy(original, f.copy.stack, f.copy.bytes);
	memcpy(registers, f.copy.registers, sizeof(registers));
	for (int round = 0; round < 3000; round++) {
		uint32_t count;

		memcpy(f.copy.stack, original, f.copy.bytes);
		memcpy(f.copy.registers, registers, sizeof(registers));
		for (int i = round % 5; i > 0; i--)
			f.copy.registers[random_word(&state) % EO_SNAPSHOT_REGISTERS] =
				round % 2 ? random_word(&state)
					  : registers[random_word(&state) % EO_SNAPSHOT_REGISTERS];
		for (int i = round % 40; i > 0; i--)
			f.copy.stack[random_word(&state) % f.copy.bytes] =
				(unsigned char)random_word(&state);
		if (round % 7 == 0) /* any code of ours, at any byte of it */
			f.copy.registers[EO_SNAPSHOT_PC] =
				(uint64_t)unwind + random_word(&state) % 100000;
		if (round % 11 == 0)
			f.copy.at = random_word(&state);
		count = unwind(&f, frames, &walk);
		cr_assert(count >= 1 && count <= EO_MAX_FRAMES);
		cr_assert(walk == EO_USER_SNAPSHOT || walk == EO_USER_SNAPSHOT_CUT);
		if (round % 11 == 0)
			f.copy.at = (registers[EO_SNAPSHOT_SP] - 256) & ~1023ull;
	}
	end(&f);
}

Test(snapshot, a_stack_that_runs_in_circles_ends_at_the_limit)
{
	struct fixture f = begin();
	__u64 frames[EO_MAX_FRAMES];
	enum eo_user_walk walk;

	take_chain(&f.copy);
	/* Every word on the stack is a return address into chain_a. */
	for (size_t i = 0; i < f.copy.bytes; i += 8)
		*(uint64_t *)(f.copy.stack + i) = (uint64_t)chain_a + 30;
	cr_assert_leq(unwind(&f, frames, &walk), EO_MAX_FRAMES);
	cr_assert_eq(walk, EO_USER_SNAPSHOT_CUT);
	end(&f);
}

Test(snapshot, a_process_that_is_unknown_and_gone_has_its_leaf)
{
	struct fixture f = begin();
	__u64 frames[EO_MAX_FRAMES];
	enum eo_user_walk walk;
	pid_t child = fork();
	struct eo_snapshot snapshot;

	if (child == 0)
		_exit(0);
	waitpid(child, NULL, 0);
	take_chain(&f.copy);
	snapshot = (struct eo_snapshot){
		.tgid = (uint32_t)child,
		.registers = f.copy.registers,
		.stack_at = f.copy.at,
		.stack = f.copy.stack,
		.stack_bytes = f.copy.bytes,
	};
	cr_assert_eq(eo_snapshot_unwind(f.unwinder, &snapshot, frames, &walk), 1);
	cr_assert_eq(frames[0], f.copy.registers[EO_SNAPSHOT_PC]);
	cr_assert_eq(walk, EO_USER_SNAPSHOT_CUT);
	end(&f);
}

Test(snapshot, files_that_are_not_used_any_more_are_closed_and_read_again)
{
	struct fixture f = begin();
	__u64 frames[2][EO_MAX_FRAMES];
	enum eo_user_walk walk;
	size_t before = open_files(), opened;
	uint32_t count;

	take_chain(&f.copy);
	count = unwind(&f, frames[0], &walk);
	opened = open_files();
	cr_assert_gt(opened, before);
	for (int i = 0; i < 60; i++)
		eo_snapshot_unwinder_tick(f.unwinder);
	cr_assert_eq(open_files(), opened);
	eo_snapshot_unwinder_tick(f.unwinder);
	cr_assert_eq(open_files(), before);
	cr_assert_eq(unwind(&f, frames[1], &walk), count);
	cr_assert_arr_eq(frames[0], frames[1], count * sizeof(frames[0][0]));
	cr_assert_eq(open_files(), opened);
	end(&f);
}

#endif
