// SPDX-License-Identifier: BSD-2-Clause
/* Works for 30 ms of CPU time before any other code of the program runs, and ends. */
#include <time.h>
#include <unistd.h>

void _start(void);

static volatile unsigned long sink;

__attribute__((noinline)) static void first_instructions(void)
{
	struct timespec used;

	do {
		for (unsigned long i = 0; i < 100000; i++)
			sink = sink * 6364136223846793005ul + i;
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	} while (used.tv_sec == 0 && used.tv_nsec < 30000000);
}

/* In place of the C library's, so that nothing comes before it. */
void _start(void)
{
	first_instructions();
	_exit(0);
}
