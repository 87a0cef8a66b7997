/* SPDX-License-Identifier: BSD-2-Clause */
/* What every capturing command does around its capture: signals, the command behind --, how long,
 * progress, intervals, the reader of stdout, the closing statistics, the exit status. What is
 * captured, and where it goes, are the functions of the command. */
#ifndef EO_CLI_CAPTURE_SESSION_H
#define EO_CLI_CAPTURE_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "capture_options.h"
#include "cli.h"
#include "command_run.h"
#include "core/loop.h"
#include "export/output.h"
#include "export/statistics.h"
#include "progress.h"

/* What the line on the terminal shows. */
struct capture_progress {
	uint64_t elapsed_ns, count, lost;
	bool paused;
};

/* @ctx is the session's. Errors go into its err, and a negative errno ends the capture; so does
 * -EPIPE without an error, quietly. Functions marked * may be NULL. */
struct capture_class {
	const char *items; /* "samples" */
	const char *work;  /* for an error without words: "profile" */
	int (*start)(void *ctx); /* attach, and let the loop pump */
	bool (*targets_gone)(void *ctx);
	void (*progress)(void *ctx, struct capture_progress *ret);
	int (*interval)(void *ctx);		/* a TIME of --interval has passed */
	int (*signal)(void *ctx, int signo);	/* *: SIGUSR1 and SIGUSR2 */
	void (*clear)(void *ctx);		/* *: the capture has ended */
	void (*explain)(void *ctx, struct eo_error *err); /* *: why a callback failed */
};

struct capture_session {
	const struct capture_class *class;
	void *ctx;
	const struct capture_options *options;
	const struct cli *cli;
	uint64_t duration_ns;
	const char *output_path; /* into whose folder files are put later; NULL: none */

	struct eo_loop *loop;
	struct command_run *run;	/* NULL: no command */
	struct eo_output *stats_output; /* NULL: no --stats */
	struct progress progress;
	struct eo_error err; /* of a callback, which can only return a number */

	/* What only the capture needs, NULL where it is not used. */
	struct eo_loop_source *deadline, *targets, *ticker, *interval, *reader;
	uint64_t started_ns; /* CLOCK_MONOTONIC */
	bool capturing, exec_failed, reader_gone;
	uint64_t lost;
};

/** Open what --stats names; before capture_session_open(). */
int capture_session_open_stats(struct capture_session *session, struct eo_error *err);

/**
 * The loop, its signals, and the command, which waits.
 * @stdout_is_data: our own data goes to stdout, so the command's output must not
 */
int capture_session_open(struct capture_session *session, bool stdout_is_data,
			 struct eo_error *err);
void capture_session_close(struct capture_session *session);

/** The command's process id; 0: there is none. */
uint32_t capture_session_command_pid(const struct capture_session *session);

/**
 * Start, and run the loop until something ends the capture.
 * @reader_fd: watched for a reader that goes away; -1: there is none
 */
int capture_session_run(struct capture_session *session, int reader_fd, struct eo_error *err);

/** Not later than in @left_ns (0: no limit) the capture ends. Takes the place of the one before. */
int capture_session_set_deadline(struct capture_session *session, uint64_t left_ns,
				 struct eo_error *err);
void capture_session_no_deadline(struct capture_session *session);

/** Show the table, write --stats. */
int capture_session_write_statistics(struct capture_session *session,
				     const struct eo_statistics *statistics, struct eo_error *err);

/** Stay until the command has ended. */
void capture_session_await_command(struct capture_session *session);

/** The exit status. @r, @err: what the run came to */
int capture_session_conclude(const struct capture_session *session, int r,
			     const struct eo_error *err);

#endif
