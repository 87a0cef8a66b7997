/* SPDX-License-Identifier: BSD-2-Clause */
/* While a temporary file exists, SIGINT, SIGTERM and SIGHUP wait, so that it becomes a file or
 * goes away. Where they are ignored they stay so. SIGQUIT is never held: the way out should a
 * stalled reader hold up the writing. */
#ifndef EO_CLI_HOLD_SIGNALS_H
#define EO_CLI_HOLD_SIGNALS_H

#include <signal.h>

struct held_signals {
	sigset_t held, before;
};

void hold_signals(struct held_signals *signals);
void release_signals(const struct held_signals *signals); /* one that came now ends us */

/** A descriptor that can be read once one has come, the caller's; or -1 and errno. */
int held_signals_fd(const struct held_signals *signals);

#endif
