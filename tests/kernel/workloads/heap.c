// SPDX-License-Identifier: BSD-2-Clause
/* What the memory tracer is pointed at: allocations of known number and size. Writes "ready", and
 * then does one step for each byte that it reads, and writes "done" after it. It ends with its
 * input. Nothing but the steps allocates.
 *
 *   heap counts   one step: see count_step()
 *   heap older    first step: frees 503 blocks that were allocated before it said "ready";
 *                 second step: frees them no more, but as many that came meanwhile
 *   heap fork     first step: 211 blocks of 64 bytes; second: fork, the child frees 101 of them;
 *                 third: the parent frees 11
 *   heap exec     first step: 307 blocks of 128 bytes; second: exec of "heap counts"
 *   heap exit     one step: 401 blocks of 32 bytes, of which 100 are freed, and exit
 *   heap reuse N  one step: four threads give each other's blocks back, N times each
 *   heap jump     one step: see jump_step()
 *   heap loop N   one step: N pairs of malloc() and free()
 *
 * Built with frame pointers and without inlining. */
#include <malloc.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "steps.h"

#define THREADS 4

/* ---- counts ---- */

#define MALLOCS 100003
#define CALLOCS 10007
#define REALLOCS 5003
#define ALIGNED 1009
#define LEAKS_A 500
#define LEAKS_B 497

static void *kept[LEAKS_A + LEAKS_B];

static void *leak_a(void)
{
	void *p = malloc(1009);

	*(volatile char *)p = 1;
	return p;
}

static void *leak_b(void)
{
	void *p = malloc(2003);

	*(volatile char *)p = 1;
	return p;
}

/* The numbers from @first on, every fourth. Those of the leaks are part of the mallocs. */
static void some_mallocs(int first)
{
	void *held[16] = {0};

	for (int i = first; i < MALLOCS; i += THREADS) {
		if (i < LEAKS_A) {
			kept[i] = leak_a();
		} else if (i < LEAKS_A + LEAKS_B) {
			kept[i] = leak_b();
		} else {
			free(held[i / THREADS % 16]);
			held[i / THREADS % 16] = malloc(16 + (size_t)i % 257);
		}
	}
	for (int i = 0; i < 16; i++)
		free(held[i]);
}

static void some_callocs(int first)
{
	for (int i = first; i < CALLOCS; i += THREADS)
		free(calloc(1 + (size_t)i % 7, 24));
}

/* Of each three one grows, one shrinks, and one asks for more than there is. What is reallocated
 * comes from malloc() once a thread. */
static void some_reallocs(int first)
{
	static const size_t sizes[] = {3000, 100, (size_t)PTRDIFF_MAX - 4096};
	char *volatile p = malloc(1000);

	for (int i = first; i < REALLOCS; i += THREADS) {
		char *q = realloc(p, sizes[i % 3]);

		if (q)
			p = q;
	}
	free(p);
}

static void some_aligned(int first)
{
	for (int i = first; i < ALIGNED; i += THREADS) {
		void *p = NULL;

		switch (i % 3) {
		case 0:
			p = aligned_alloc(64, 192);
			break;
		case 1:
			if (posix_memalign(&p, 128, 300))
				abort();
			break;
		default:
			p = memalign(32, 96);
		}
		free(p);
	}
}

static pthread_barrier_t barrier;

/* A thread that ends gives its cache back through free(), whose number is the libc's affair. */
static void *stay(void)
{
	for (;;)
		pause();
	return NULL;
}

static void *count_thread(void *arg)
{
	int first = (int)(intptr_t)arg;

	pthread_barrier_wait(&barrier);
	some_mallocs(first);
	some_callocs(first);
	some_reallocs(first);
	some_aligned(first);
	pthread_barrier_wait(&barrier);
	return stay();
}

static void start_threads(void *(*fn)(void *))
{
	pthread_t thread;

	pthread_barrier_init(&barrier, NULL, THREADS + 1);
	for (intptr_t i = 0; i < THREADS; i++)
		if (pthread_create(&thread, NULL, fn, (void *)i))
			abort();
}

static void counts(void)
{
	start_threads(count_thread);
	say("ready\n");
	step();
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	say("done\n");
	step();
}

/* ---- older, fork, exec, exit ---- */

#define OLDER 503

static void older(void)
{
	static void *blocks[OLDER];

	for (int i = 0; i < OLDER; i++)
		blocks[i] = malloc(80);
	say("ready\n");
	step();
	for (int i = 0; i < OLDER; i++)
		free(blocks[i]);
	say("done\n");
	step();
	for (int i = 0; i < OLDER; i++)
		blocks[i] = malloc(80);
	for (int i = 0; i < OLDER; i++)
		free(blocks[i]);
	say("done\n");
	step();
}

static void forks(void)
{
	static void *blocks[211];

	say("ready\n");
	step();
	for (int i = 0; i < 211; i++)
		blocks[i] = malloc(64);
	say("done\n");
	step();
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		say("done\n");
		step(); /* by now it is probed too */
		for (int i = 0; i < 101; i++)
			free(blocks[i]);
		say("done\n");
		for (;;)
			pause();
	}
	for (;;)
		pause();
}

static void executes(char *self)
{
	say("ready\n");
	step();
	for (int i = 0; i < 307; i++)
		*(char *)malloc(128) = 1;
	say("done\n");
	step();
	execl(self, self, "counts", NULL);
	_exit(1);
}

static void exits(void)
{
	void *blocks[401];

	say("ready\n");
	step();
	for (int i = 0; i < 401; i++)
		blocks[i] = malloc(32);
	for (int i = 0; i < 100; i++)
		free(blocks[i]);
	_exit(0);
}

/* ---- reuse ---- */

static _Atomic(void *) exchange[THREADS];
static long reuse_count;

/* What one thread allocates another one frees, so that addresses wander between CPUs. */
static void *reuse_thread(void *arg)
{
	int self = (int)(intptr_t)arg;

	pthread_barrier_wait(&barrier);
	for (long i = 0; i < reuse_count; i++)
		free(atomic_exchange(&exchange[(self + i) % THREADS], malloc(48)));
	pthread_barrier_wait(&barrier);
	return stay();
}

static void reuse(long count)
{
	reuse_count = count;
	start_threads(reuse_thread);
	say("ready\n");
	step();
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < THREADS; i++)
		free(exchange[i]);
	say("done\n");
	step();
}

/* ---- jump ---- */

static sigjmp_buf back;

static void on_segv(int signal)
{
	(void)signal;
	siglongjmp(back, 1);
}

/* Left 17 times in the middle of posix_memalign(), which cannot write the pointer; 19 more
 * allocations must be seen all the same. */
static void jump_step(void)
{
	for (volatile int i = 0; i < 17; i++)
		if (sigsetjmp(back, 1) == 0 && posix_memalign((void **)16, 64, 64))
			abort();
	for (int i = 0; i < 19; i++)
		*(volatile char *)malloc(40) = 1;
}

static void jumps(void)
{
	signal(SIGSEGV, on_segv);
	say("ready\n");
	step();
	jump_step();
	say("done\n");
	step();
}

static void loop(long count)
{
	say("ready\n");
	step();
	for (long i = 0; i < count; i++) {
		void *volatile p = malloc(64);

		free(p);
	}
	say("done\n");
	step();
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	long count = argc > 2 ? strtol(argv[2], NULL, 10) : 1000;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!strcmp(what, "counts"))
		counts();
	else if (!strcmp(what, "older"))
		older();
	else if (!strcmp(what, "fork"))
		forks();
	else if (!strcmp(what, "exec"))
		executes(argv[0]);
	else if (!strcmp(what, "exit"))
		exits();
	else if (!strcmp(what, "reuse"))
		reuse(count);
	else if (!strcmp(what, "jump"))
		jumps();
	else if (!strcmp(what, "loop"))
		loop(count);
	else
		return 2;
	return 0;
}
