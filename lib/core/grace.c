// SPDX-License-Identifier: BSD-2-Clause
#include "core/grace.h"

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void eo_grace_wait(void)
{
	const struct timespec longer_than_any = {.tv_nsec = 20000000};

	/* A program is an RCU reader, and this waits for all of them. */
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) < 0)
		nanosleep(&longer_than_any, NULL);
}
