// SPDX-License-Identifier: BSD-2-Clause
/* What the profiler is pointed at. Runs until it is killed or its parent dies, and writes one
 * line once it works: the pids that spin.
 *
 *   spin hot      hot_a, hot_b and hot_c take 70, 20 and 10 of 100 turns
 *   spin stacks   65,536 distinct stacks, one after the other, forever
 *   spin fork     a child spins, and its thread; we only wait
 *   spin threads  two threads, named first and second
 *   spin headless the main thread ends after a tenth of a second, another spins
 *   spin kernel   system calls all the time
 *
 * Built with frame pointers and without inlining. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile unsigned long sink;

static void turn(unsigned long count)
{
	for (unsigned long i = 0; i < count; i++)
		sink = sink * 6364136223846793005ul + i;
}

#define HOT(name)                                                  \
	__attribute__((noinline)) static void name(unsigned long count) \
	{                                                          \
		for (unsigned long i = 0; i < count; i++)          \
			sink = sink * 6364136223846793005ul + i;   \
	}
HOT(hot_a)
HOT(hot_b)
HOT(hot_c)

static void hot(void)
{
	for (;;) {
		hot_a(7000);
		hot_b(2000);
		hot_c(1000);
	}
}

/* One bit of @path a level: which of the two functions comes next. */
static void left(unsigned path, int depth);
static void right(unsigned path, int depth);

#define STEP(name)                                                   \
	static __attribute__((noinline)) void name(unsigned path, int depth) \
	{                                                            \
		if (depth == 0)                                      \
			turn(20);                                    \
		else if (path & 1)                                   \
			left(path >> 1, depth - 1);                  \
		else                                                 \
			right(path >> 1, depth - 1);                 \
		sink++;                                              \
	}
STEP(left)
STEP(right)

static void stacks(void)
{
	for (unsigned path = 0;; path += 40503) /* odd, so it visits all 65,536 */
		left(path & 0xffff, 16);
}

static void *spin(void *name)
{
	prctl(PR_SET_NAME, name);
	hot();
	return NULL;
}

static void threads(void)
{
	pthread_t first, second;

	pthread_create(&first, NULL, spin, (void *)"first");
	pthread_create(&second, NULL, spin, (void *)"second");
	pthread_join(first, NULL);
}

static void headless(void)
{
	pthread_t other;

	pthread_create(&other, NULL, spin, (void *)"other");
	usleep(100000);
	pthread_exit(NULL);
}

static void kernel(void)
{
	int in = open("/dev/zero", O_RDONLY), out = open("/dev/null", O_WRONLY);
	char byte;

	for (;;)
		if (read(in, &byte, 1) != 1 || write(out, &byte, 1) != 1)
			exit(1);
}

static void in_child(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		printf("%d\n", getpid());
		fflush(stdout);
		threads();
	}
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} modes[] = {
		{"hot", hot}, {"stacks", stacks}, {"threads", threads}, {"headless", headless},
		{"kernel", kernel}, {"fork", in_child},
	};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t i = 0; argc == 2 && i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(argv[1], modes[i].name) != 0)
			continue;
		if (modes[i].run != in_child) {
			printf("%d\n", getpid());
			fflush(stdout);
		}
		modes[i].run();
		return 0;
	}
	return 2;
}
