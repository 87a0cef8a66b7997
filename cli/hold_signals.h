/* SPDX-License-Identifier: BSD-2-Clause */
/* While a temporary file exists, SIGINT, SIGTERM and SIGHUP wait, so that it becomes a file or
 * goes away. Where they are ignored they stay so. SIGQUIT is never held: the way out should a
 * stalled reader hold up the writing. */
#ifndef EO_CLI_HOLD_SIGNALS_H
#define EO_CLI_HOLD_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

struct held_signals {
	sigset_t held, before;
};

void hold_signals(struct held_signals *signals);
void release_signals(const struct held_signals *signals); /* one that came now ends us */
bool is_signal_held(const struct held_signals *signals);  /* has one come? */

#endif
