/* SPDX-License-Identifier: BSD-2-Clause */
/* `-- CMD`: a child that waits until everything is in place, and then becomes CMD. */
#ifndef EO_CLI_COMMAND_RUN_H
#define EO_CLI_COMMAND_RUN_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/auto.h"
#include "core/error.h"

struct command_run;

struct command_run_options {
	char *const *argv;     /* ends with NULL */
	const char *user;      /* run it as this user; NULL: as ours */
	bool stdout_to_stderr; /* stdout carries our data */
};

/**
 * Fork the child, which waits. It dies with us: when we end before command_run_exec(), CMD is
 * never run.
 */
int command_run_new(const struct command_run_options *options, struct command_run **ret,
		    struct eo_error *err);
/** Ends a child that still waits; leaves CMD alone once it runs. NULL is fine. */
void command_run_free(struct command_run *run);
EO_DEFINE_AUTO(command_run)

pid_t command_run_pid(const struct command_run *run);

/** CMD was started and its end has not been taken over. */
bool command_run_is_running(const struct command_run *run);

/**
 * Let it become CMD. On failure command_run_exit_status() is the status to end with: 127 not
 * found, 126 cannot be run, 125 for the steps before.
 */
int command_run_exec(struct command_run *run, struct eo_error *err);

/** Take over its end if there was one. Returns true once it has ended. */
bool command_run_reap(struct command_run *run);

/** Its exit status, 128+N after signal N. Valid once ended, or when command_run_exec() failed. */
int command_run_exit_status(const struct command_run *run);

void command_run_signal(const struct command_run *run, int signo);

#endif
