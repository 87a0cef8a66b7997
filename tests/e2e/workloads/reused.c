// SPDX-License-Identifier: BSD-2-Clause
/* Processes one after another on a few pids, as where pids wrap around. It is built twice, with
 * functions of other names at the same addresses, so that whoever takes one program for the other
 * finds names that are plausible and wrong.
 *
 *   NAME drive N NAME...  N processes of each NAME, a path, one after another, in turns
 *   NAME                  CALLS calls of CALL, BLOCKS allocations of SIZE bytes, 300 us of work
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../kernel/workloads/chosen_pid.h"

#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define OWN(name) JOIN(WHO, name)

#define PIDS 3

static volatile uint64_t sink;

void OWN(call)(void);
void OWN(allocate)(void);
void OWN(work)(void);

__attribute__((noinline)) void OWN(call)(void)
{
	sink = sink + (uint64_t)syscall(CALL, 0);
}

__attribute__((noinline)) void OWN(allocate)(void)
{
	void *block = malloc(SIZE);

	if (!block)
		_exit(1);
	*(volatile char *)block = 1;
	free(block);
	sink = sink + 1;
}

__attribute__((noinline)) void OWN(work)(void)
{
	struct timespec now;
	long until;

	clock_gettime(CLOCK_MONOTONIC, &now);
	until = now.tv_sec * 1000000 + now.tv_nsec / 1000 + 300;
	do {
		for (int i = 0; i < 10000; i++)
			sink = sink + 1;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec * 1000000 + now.tv_nsec / 1000 < until);
}

static int drive(long turns, char *const *names, int count)
{
	pid_t pids[PIDS], last = 30000;
	int status;

	for (int i = 0; i < PIDS; i++)
		pids[i] = last = free_pid(last);
	for (long turn = 0; turn < turns * count; turn++) {
		pid_t pid = fork_as(pids[turn % PIDS]);

		if (pid < 0) {
			perror("clone3");
			return 77;
		}
		if (!pid) {
			execl(names[turn % count], names[turn % count], NULL);
			_exit(127);
		}
		if (waitpid(pid, &status, 0) != pid || status)
			return 4;
	}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 3 && strcmp(argv[1], "drive") == 0)
		return drive(atol(argv[2]), argv + 3, argc - 3);
	for (int i = 0; i < CALLS; i++)
		OWN(call)();
	for (int i = 0; i < BLOCKS; i++)
		OWN(allocate)();
	OWN(work)();
	return 0;
}
