/* SPDX-License-Identifier: BSD-2-Clause */
#include "hold_signals.h"

#include <stddef.h>
#include <sys/signalfd.h>

#include "core/auto.h"

static const int ends[] = {SIGINT, SIGTERM, SIGHUP};

void hold_signals(struct held_signals *signals)
{
	sigemptyset(&signals->held);
	for (size_t i = 0; i < EO_ARRAY_SIZE(ends); i++) {
		struct sigaction action;

		/* A blocked signal waits even where it is ignored, and would then count. */
		if (sigaction(ends[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
			sigaddset(&signals->held, ends[i]);
	}
	sigprocmask(SIG_BLOCK, &signals->held, &signals->before);
}

void release_signals(const struct held_signals *signals)
{
	sigprocmask(SIG_SETMASK, &signals->before, NULL);
}

int held_signals_fd(const struct held_signals *signals)
{
	return signalfd(-1, &signals->held, SFD_CLOEXEC);
}
