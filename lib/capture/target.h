/* SPDX-License-Identifier: BSD-2-Clause */
/* Whom to look at: decided in the kernel, before any data is copied. */
#ifndef EO_CAPTURE_TARGET_H
#define EO_CAPTURE_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "core/event.h"

#define EO_TARGET_COMMS_MAX 64
#define EO_TARGET_CGROUPS_MAX 64
#define EO_TARGET_IDS_MAX 4096

/* Values of one filter are alternatives; different filters must all hold. Empty: everybody.
 * Arrays are the caller's and need to live until start() returns. */
struct eo_target {
	const uint32_t *pids; /* processes, all their threads */
	size_t pid_count;
	const uint32_t *tids; /* threads */
	size_t tid_count;
	const uint32_t *uids;
	size_t uid_count;
	const char (*comms)[EO_COMM_BYTES]; /* process names, NUL-terminated */
	size_t comm_count;
	const char *const *cgroups; /* directories of cgroup v2 */
	size_t cgroup_count;
	bool no_follow; /* leave out what pids and tids create later */

	/* A child that still waits to exec: watched from the moment its exec succeeds. 0: none. */
	uint32_t command_pid;
	bool all; /* with command_pid: the whole system, not only the command */
};

/**
 * Check pids, tids and cgroups against the live system.
 * Returns 0, or -EINVAL and a CONFIG error that names the one at fault.
 */
int eo_target_validate(const struct eo_target *target, struct eo_error *err);

/**
 * Are the pids that we see those that the kernel's programs see? False in a container with pids of its own.
 * Where /proc does not say, true.
 */
bool eo_target_pids_are_the_hosts(void);

/* The cure where they are not. */
extern const char eo_target_hint_pids[];

#endif
