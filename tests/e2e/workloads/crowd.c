// SPDX-License-Identifier: BSD-2-Clause
/* crowd KIND N CALLS: very many tasks, each of which makes CALLS calls of getppid and spins as many
 * microseconds.
 *   processes	N children, which all are there before the first call
 *   threads	N threads, in the same way
 *   bomb	two children, whose children have two, N generations: 2^(N+1) - 1 processes
 *   execs	one process that becomes this program again, N times
 * The first two say "ready" and wait for a byte or the end of standard input; a crowd that cannot be
 * made ends with status 77. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TOO_MANY 77

struct crowd {
	long count, calls;
	int start[2]; /* a pipe that ends when they are to begin */
};

static long now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void work(const struct crowd *crowd)
{
	long until = now_us() + crowd->calls;

	for (long i = 0; i < crowd->calls; i++)
		syscall(SYS_getppid);
	while (now_us() < until)
		;
}

static void wait_for_start(const struct crowd *crowd)
{
	char byte;

	if (read(crowd->start[0], &byte, 1))
		_exit(1);
}

static void let_go(struct crowd *crowd)
{
	char byte;

	puts("ready");
	fflush(stdout);
	if (read(STDIN_FILENO, &byte, 1) < 0)
		exit(1);
	close(crowd->start[1]);
}

static int processes(struct crowd *crowd, char **argv)
{
	long living = 0;

	(void)argv;
	while (living < crowd->count) {
		pid_t pid = fork();

		if (pid < 0)
			break;
		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			close(crowd->start[1]);
			wait_for_start(crowd);
			work(crowd);
			_exit(0);
		}
		living++;
	}
	if (living < crowd->count)
		return TOO_MANY;
	let_go(crowd);
	while (wait(NULL) > 0)
		;
	return 0;
}

static void *run_thread(void *arg)
{
	const struct crowd *crowd = arg;

	wait_for_start(crowd);
	work(crowd);
	return NULL;
}

static int threads(struct crowd *crowd, char **argv)
{
	pthread_t *all = calloc((size_t)crowd->count, sizeof(*all));
	pthread_attr_t small;

	(void)argv;
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, 64 << 10);
	for (long i = 0; i < crowd->count; i++)
		if (!all || pthread_create(&all[i], &small, run_thread, crowd))
			_exit(TOO_MANY);
	let_go(crowd);
	for (long i = 0; i < crowd->count; i++)
		pthread_join(all[i], NULL);
	free(all);
	return 0;
}

static int bomb(struct crowd *crowd, char **argv)
{
	int failed = 0, status;

	for (int i = 0; i < 2 && crowd->count; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return TOO_MANY;
		if (!pid) {
			crowd->count--;
			_exit(bomb(crowd, argv));
		}
	}
	work(crowd);
	while (wait(&status) > 0)
		failed |= status;
	return failed ? TOO_MANY : 0;
}

static int execs(struct crowd *crowd, char **argv)
{
	char left[24];

	work(crowd);
	if (crowd->count <= 0)
		return 0;
	snprintf(left, sizeof(left), "%ld", crowd->count - 1);
	argv[2] = left;
	execv("/proc/self/exe", argv);
	return TOO_MANY;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(struct crowd *crowd, char **argv);
	} kinds[] = {{"processes", processes}, {"threads", threads}, {"bomb", bomb}, {"execs", execs}};
	struct crowd crowd;

	if (argc != 4 || pipe(crowd.start))
		return 2;
	crowd.count = atol(argv[2]);
	crowd.calls = atol(argv[3]);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(argv[1], kinds[i].name))
			return kinds[i].run(&crowd, argv);
	return 2;
}
