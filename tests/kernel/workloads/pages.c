// SPDX-License-Identifier: BSD-2-Clause
/* Address space, resident pages and kernel objects of known numbers. Writes "ready", and then does
 * one step for each byte that it reads, and writes "done" after it. It ends with its input.
 *
 *   pages map      one step: see map_step()
 *   pages race N   one step: four threads map and unmap a page, N times each
 *   pages fork     first step: 23 mappings of 2 pages; second: fork, the child unmaps 11 of them
 *   pages touch    first step: touches a page; second: 64 MB of small pages; third: gives them back;
 *                  fourth: 64 MB of huge pages, where there are some; fifth: has read() fill 1 MB
 *   pages objects N  first step: N pipes; second: closes them
 *
 * Built with frame pointers and without inlining. Nothing allocates but the steps. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "steps.h"

#define PAGE	4096ul
#define THREADS 4

static char *map_pages(size_t pages)
{
	char *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		abort();
	return p;
}

static char *map_fixed(char *at, size_t pages)
{
	char *p = mmap(at, pages * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (p != at)
		abort();
	return p;
}

/* ---- map ---- */

static void map_kept(void)
{
	for (int i = 0; i < 101; i++)
		map_pages(3);
}

static void map_gone(void)
{
	for (int i = 0; i < 53; i++)
		munmap(map_pages(7), 7 * PAGE);
}

static void map_with_holes(void)
{
	for (int i = 0; i < 11; i++)
		munmap(map_pages(16) + 4 * PAGE, 5 * PAGE);
}

static void map_without_heads(void)
{
	for (int i = 0; i < 19; i++)
		munmap(map_pages(8), 3 * PAGE);
}

static void map_over(void)
{
	char *p = map_pages(64);

	for (int i = 1; i <= 33; i += 2)
		map_fixed(p + (size_t)i * PAGE, 1);
}

static void map_and_grow(void)
{
	for (int i = 0; i < 13; i++)
		if (mremap(map_pages(2), 2 * PAGE, 9 * PAGE, MREMAP_MAYMOVE) == MAP_FAILED)
			abort();
}

/* Two of a kind, in one go. */
static void map_neighbours(void)
{
	char *p = map_pages(10);

	munmap(p, 10 * PAGE);
	map_fixed(p, 5);
	map_fixed(p + 5 * PAGE, 5);
	munmap(p, 10 * PAGE);
}

static void map_in_vain(void)
{
	char *p = map_pages(1);

	for (int i = 0; i < 7; i++)
		if (mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
			abort();
	for (int i = 0; i < 3; i++)
		if (mremap(p, PAGE, 1ul << 46, MREMAP_MAYMOVE) != MAP_FAILED)
			abort();
	for (int i = 0; i < 5; i++)
		if (munmap(p + 1, PAGE) == 0)
			abort();
}

static void move_break(void)
{
	if (sbrk(40009) == (void *)-1 || sbrk(30011) == (void *)-1 || sbrk(-20011) == (void *)-1)
		abort();
}

static void map_step(void)
{
	char *older = map_pages(4);

	say("ready\n");
	step();
	munmap(older, 4 * PAGE);
	map_kept();
	map_gone();
	map_with_holes();
	map_without_heads();
	map_over();
	map_and_grow();
	map_neighbours();
	map_in_vain();
	move_break();
	say("done\n");
	step();
}

/* ---- race ---- */

static pthread_barrier_t barrier;
static long race_count;

static void *race_thread(void *arg)
{
	(void)arg;
	pthread_barrier_wait(&barrier);
	for (long i = 0; i < race_count; i++)
		munmap(map_pages(1), PAGE);
	pthread_barrier_wait(&barrier);
	for (;;)
		pause();
	return NULL;
}

static void race(long count)
{
	pthread_t thread;

	race_count = count;
	pthread_barrier_init(&barrier, NULL, THREADS + 1);
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&thread, NULL, race_thread, NULL))
			abort();
	say("ready\n");
	step();
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	say("done\n");
	step();
}

/* ---- fork ---- */

static void forks(void)
{
	static char *pages[23];

	say("ready\n");
	step();
	for (int i = 0; i < 23; i++)
		pages[i] = map_pages(2);
	say("done\n");
	step();
	if (fork() == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (int i = 0; i < 11; i++)
			munmap(pages[i], 2 * PAGE);
		say("done\n");
		for (;;)
			pause();
	}
	for (;;)
		pause();
}

/* ---- touch ---- */

#define TOUCHED (64ul << 20)
#define HUGE	(2ul << 20)

static void touch_pages(volatile char *p, size_t bytes)
{
	for (size_t i = 0; i < bytes; i += PAGE)
		p[i] = 1;
}

static void touch_small_pages(char *p)
{
	madvise(p, TOUCHED, MADV_NOHUGEPAGE);
	touch_pages(p, TOUCHED);
}

static void touch_huge_pages(char *p)
{
	madvise(p, TOUCHED, MADV_HUGEPAGE);
	touch_pages(p, TOUCHED);
}

static void fill_by_read(char *p)
{
	int fd = open("/dev/zero", O_RDONLY);

	if (fd < 0 || read(fd, p, 1 << 20) != 1 << 20)
		abort();
	close(fd);
}

static void touch(void)
{
	char *space = map_pages(3 * TOUCHED / PAGE), *p;

	p = (char *)(((uintptr_t)space + HUGE - 1) & ~(HUGE - 1));
	madvise(space, 3 * TOUCHED, MADV_NOHUGEPAGE);
	say("ready\n");
	step();
	touch_pages(p + 2 * TOUCHED, PAGE);
	say("done\n");
	step();
	touch_small_pages(p);
	say("done\n");
	step();
	madvise(p, TOUCHED, MADV_DONTNEED);
	say("done\n");
	step();
	touch_huge_pages(p + TOUCHED);
	say("done\n");
	step();
	fill_by_read(p);
	say("done\n");
	step();
}

/* ---- objects ---- */

static void open_pipes(int (*pipes)[2], long count)
{
	for (long i = 0; i < count; i++)
		if (pipe(pipes[i]))
			abort();
}

static void objects(long count)
{
	static int pipes[400][2];

	if (count > 400)
		_exit(2);
	say("ready\n");
	step();
	open_pipes(pipes, count);
	say("done\n");
	step();
	for (long i = 0; i < count; i++) {
		close(pipes[i][0]);
		close(pipes[i][1]);
	}
	say("done\n");
	step();
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	long count = argc > 2 ? strtol(argv[2], NULL, 10) : 1000;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (!strcmp(what, "map"))
		map_step();
	else if (!strcmp(what, "race"))
		race(count);
	else if (!strcmp(what, "fork"))
		forks();
	else if (!strcmp(what, "touch"))
		touch();
	else if (!strcmp(what, "objects"))
		objects(count);
	else
		return 2;
	return 0;
}
