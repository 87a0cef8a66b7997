// SPDX-License-Identifier: BSD-2-Clause
/* For LD_PRELOAD: the wall clock is set and the machine sleeps, for this program alone. The file
 * that EO_CLOCK names holds two numbers of seconds, which may change at any time: how far the wall
 * clock is ahead of the true one, and what the machine has slept. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int settings = -1;

__attribute__((constructor)) static void open_settings(void)
{
	const char *path = getenv("EO_CLOCK");

	if (path)
		settings = open(path, O_RDONLY | O_CLOEXEC);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	char text[64] = "", *second;
	long set, slept;
	int r = (int)syscall(SYS_clock_gettime, clock, now);

	if (r || settings < 0 || (clock != CLOCK_REALTIME && clock != CLOCK_BOOTTIME))
		return r;
	if (pread(settings, text, sizeof(text) - 1, 0) < 0)
		abort();
	set = strtol(text, &second, 10);
	slept = strtol(second, NULL, 10);
	now->tv_sec += clock == CLOCK_BOOTTIME ? slept : set;
	return 0;
}
