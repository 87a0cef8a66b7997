/* SPDX-License-Identifier: BSD-2-Clause */
/* For workloads that do one step for each byte that they read. Nothing here allocates. */
#ifndef EO_WORKLOADS_STEPS_H
#define EO_WORKLOADS_STEPS_H

#include <string.h>
#include <unistd.h>

static void say(const char *text)
{
	if (write(STDOUT_FILENO, text, strlen(text)) < 0)
		_exit(1);
}

/* Wait for a step; the end of the input ends the program. */
static void step(void)
{
	char byte;

	if (read(STDIN_FILENO, &byte, 1) != 1)
		_exit(0);
}

#endif
