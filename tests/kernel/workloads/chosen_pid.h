/* SPDX-License-Identifier: BSD-2-Clause */
/* For workloads whose processes have the pids that are chosen for them, again and again. */
#ifndef EO_CHOSEN_PID_H
#define EO_CHOSEN_PID_H

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline pid_t fork_as(pid_t pid)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = (uint64_t)(uintptr_t)&pid,
		.set_tid_size = 1,
	};

	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

/* Numbers high up, which nobody is given soon. */
static inline pid_t free_pid(pid_t below)
{
	while (--below > 300)
		if (kill(below, 0) < 0 && errno == ESRCH)
			return below;
	exit(3);
}

#endif
