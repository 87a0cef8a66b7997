// SPDX-License-Identifier: BSD-2-Clause
/* Programs that come and go. It is built several times: with functions of other names and frames of
 * other sizes, but all at the same addresses, so that whoever takes one program for another finds
 * plausible names that are wrong. The processes share few pids, each of which has a new owner as
 * soon as the old one is gone.
 *
 *   NAME drive SECONDS NAME...	start processes of the programs NAME, ends with a line of counts
 *   NAME work MS		spin, a part of it below functions of a library that comes and goes
 *   NAME fork MS		the same in a child that never calls exec
 *   NAME exec MS NAME...	spin, then become the first NAME with the rest of the arguments
 *
 * NAME is a path; its library lies at NAME.so. */
#include <dlfcn.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "chosen_pid.h"

#define JOIN_(a, b) a##_##b
#define JOIN(a, b) JOIN_(a, b)
#define OWN(name) JOIN(WHO, name)

#define SLOTS 6

static volatile uint64_t sink;

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void OWN(inner)(unsigned int n);
void OWN(middle)(unsigned int n);
void OWN(outer)(unsigned int ms, const char *self);

__attribute__((noinline)) void OWN(inner)(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		sink = sink + i;
}

__attribute__((noinline)) void OWN(middle)(unsigned int n)
{
	volatile char room[FRAME];

	room[n % FRAME] = 1;
	OWN(inner)(n);
	sink = sink + room[n % FRAME];
}

__attribute__((noinline)) void OWN(outer)(unsigned int ms, const char *self)
{
	uint64_t until = now_ms() + ms;
	char path[4096];
	void *library;
	void (*plugin)(void (*)(unsigned int), unsigned int) = NULL;

	snprintf(path, sizeof(path), "%s.so", self);
	library = dlopen(path, RTLD_NOW);
	if (library)
		plugin = (void (*)(void (*)(unsigned int), unsigned int))dlsym(library, "plugin");
	if (!plugin)
		exit(3);
	do {
		for (int i = 0; i < 10; i++)
			OWN(middle)(20000);
		for (int i = 0; i < 10; i++)
			plugin(OWN(middle), 20000);
	} while (now_ms() < until);
	dlclose(library);
	sink = sink + 1;
}

static pid_t pid_max(void)
{
	FILE *file = fopen("/proc/sys/kernel/pid_max", "r");
	int value = 32768;

	if (!file || fscanf(file, "%d", &value) != 1)
		value = 32768;
	if (file)
		fclose(file);
	return value;
}

static int drive(unsigned int seconds, char *const *names, unsigned int count)
{
	static const char *const modes[] = {"work", "fork", "exec"};
	uint64_t until = now_ms() + seconds * 1000ull;
	unsigned long started = 0, reused = 0, failed = 0;
	pid_t numbers[SLOTS], running[SLOTS] = {0}, last = pid_max() - 100;
	int left = 0;

	for (int i = 0; i < SLOTS; i++)
		numbers[i] = last = free_pid(last);
	for (unsigned int turn = 0; left > 0 || now_ms() < until; turn++) {
		int slot = -1, status;
		pid_t ended;

		for (int i = 0; i < SLOTS && now_ms() < until; i++) {
			char ms[16], *self = names[turn % count], *other = names[(turn + 1) % count];

			if (running[i])
				continue;
			running[i] = fork_as(numbers[i]);
			if (running[i] == 0) {
				snprintf(ms, sizeof(ms), "%u", turn * 7919 % 17);
				/* As many steps as the turn says: exec, and at the end work. */
				execl(self, self, modes[turn % 3], ms, other, "exec", ms, self, "work", ms, NULL);
				_exit(127);
			}
			if (running[i] < 0) { /* somebody was given the number after all */
				running[i] = 0;
				numbers[i] = last = free_pid(last);
				continue;
			}
			started++;
			left++;
			turn++;
		}
		ended = wait(&status);
		for (int i = 0; i < SLOTS; i++)
			if (running[i] == ended)
				slot = i;
		if (ended < 0 || slot < 0)
			continue;
		failed += status != 0;
		reused++; /* by whoever comes next */
		running[slot] = 0;
		left--;
	}
	printf("%lu started, %lu numbers set free, %lu failed\n", started, reused, failed);
	return failed > 0;
}

int main(int argc, char **argv)
{
	unsigned int amount = argc > 2 ? (unsigned int)atoi(argv[2]) : 0;
	pid_t pid;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (argc > 3 && strcmp(argv[1], "drive") == 0)
		return drive(amount, argv + 3, (unsigned int)argc - 3);
	if (argc > 2 && strcmp(argv[1], "fork") == 0) {
		pid = fork();
		if (pid > 0)
			return waitpid(pid, NULL, 0) != pid;
	}
	OWN(outer)(amount, argv[0]);
	if (argc > 4 && strcmp(argv[1], "exec") == 0)
		return execv(argv[3], argv + 3) < 0 ? 4 : 0;
	return 0;
}
