/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture_session.h"

#include <errno.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "core/clock.h"
#include "core/confine.h"
#include "report.h"

#define TARGETS_PERIOD_NS  (EO_NS_PER_SEC / 10)
#define PROGRESS_PERIOD_NS EO_NS_PER_SEC

/* --- what happens meanwhile --- */

static int on_deadline(void *ctx)
{
	struct capture_session *s = ctx;

	s->deadline = NULL;
	eo_loop_stop(s->loop);
	return 0;
}

void capture_session_no_deadline(struct capture_session *s)
{
	eo_loop_remove(s->loop, s->deadline);
	s->deadline = NULL;
}

int capture_session_set_deadline(struct capture_session *s, uint64_t left_ns, struct eo_error *err)
{
	capture_session_no_deadline(s);
	return left_ns ? eo_loop_add_timer(s->loop, left_ns, 0, on_deadline, s, &s->deadline, err) :
			 0;
}

static int on_signal(void *ctx, const struct signalfd_siginfo *info)
{
	struct capture_session *s = ctx;
	int signo = (int)info->ssi_signo;

	if (signo == SIGUSR1 || signo == SIGUSR2)
		return s->capturing ? s->class->signal(s->ctx, signo) : 0;
	/* What a terminal sends, the command has received already. */
	if (s->run && info->ssi_code != SI_KERNEL)
		command_run_signal(s->run, signo);
	if (s->capturing)
		eo_loop_stop(s->loop);
	return 0;
}

static int on_command_end(void *ctx)
{
	struct capture_session *s = ctx;

	command_run_reap(s->run);
	eo_loop_stop(s->loop);
	return 0;
}

static int on_targets_check(void *ctx)
{
	struct capture_session *s = ctx;

	if (s->class->targets_gone(s->ctx))
		eo_loop_stop(s->loop);
	return 0;
}

static int on_tick(void *ctx)
{
	struct capture_session *s = ctx;
	struct capture_progress now = {0};

	s->class->progress(s->ctx, &now);
	progress_show(&s->progress, now.elapsed_ns, s->duration_ns, s->class->items, now.count,
		      now.lost, now.paused);
	return 0;
}

static int on_interval(void *ctx)
{
	struct capture_session *s = ctx;

	progress_clear(&s->progress);
	return s->class->interval(s->ctx);
}

/* A pipe whose reader has gone is to be noticed before there is anything to write. */
static int on_reader_gone(void *ctx, uint32_t events)
{
	struct capture_session *s = ctx;

	(void)events;
	s->reader_gone = true;
	eo_loop_stop(s->loop);
	return 0;
}

/* --- opening --- */

int capture_session_open_stats(struct capture_session *s, struct eo_error *err)
{
	return s->options->stats ? eo_output_open(s->options->stats, false, &s->stats_output, err) :
				   0;
}

static int open_loop(struct capture_session *s, struct eo_error *err)
{
	struct sigaction hangup;
	sigset_t set;
	int r;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (s->class->signal) {
		sigaddset(&set, SIGUSR1);
		sigaddset(&set, SIGUSR2);
	}
	/* A blocked signal is delivered even where it is ignored, which would undo nohup(1). */
	if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
		sigaddset(&set, SIGHUP);

	r = eo_loop_new(&s->loop, err);
	/* SIGQUIT keeps its action: the way out should a stalled reader hold up the writing. */
	return r ? r : eo_loop_add_signals(s->loop, &set, on_signal, s, err);
}

/* Perf events, rings and maps cost descriptors by CPU. Failing is fine: few machines need more. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int capture_session_open(struct capture_session *s, bool stdout_is_data, struct eo_error *err)
{
	const struct command_run_options options = {
		.argv = s->options->argv,
		.user = s->options->user,
		.stdout_to_stderr = stdout_is_data ||
				    (s->stats_output && eo_output_is_stdout(s->stats_output)),
	};
	int r = open_loop(s, err);

	if (!r && s->options->argv)
		r = command_run_new(&options, &s->run, err);
	/* After the fork, so that the command keeps the limit that it would have without us. */
	raise_descriptor_limit();
	return r;
}

void capture_session_close(struct capture_session *s)
{
	command_run_free(s->run);
	eo_loop_free(s->loop);
	eo_output_free(s->stats_output);
}

uint32_t capture_session_command_pid(const struct capture_session *s)
{
	return s->run ? (uint32_t)command_run_pid(s->run) : 0;
}

/* --- the capture --- */

static int add_timers(struct capture_session *s, struct eo_error *err)
{
	uint64_t interval_ns = s->options->interval_ns;
	int r = capture_session_set_deadline(s, s->duration_ns, err);

	if (!r)
		r = eo_loop_add_timer(s->loop, TARGETS_PERIOD_NS, TARGETS_PERIOD_NS,
				      on_targets_check, s, &s->targets, err);
	if (!r && s->progress.enabled)
		r = eo_loop_add_timer(s->loop, PROGRESS_PERIOD_NS, PROGRESS_PERIOD_NS, on_tick, s,
				      &s->ticker, err);
	if (!r && interval_ns)
		r = eo_loop_add_timer(s->loop, interval_ns, interval_ns, on_interval, s,
				      &s->interval, err);
	return r;
}

static int start_command(struct capture_session *s, struct eo_error *err)
{
	int r = command_run_exec(s->run, err);

	s->exec_failed = r < 0;
	return r ? r : eo_loop_add_child(s->loop, command_run_pid(s->run), on_command_end, s, err);
}

/* The folders of what is renamed or made later: the stream of a trace is open by now. Of a link it
 * is the target that is replaced. */
static uint64_t for_output(const char *path)
{
	EO_AUTO_FREE char *copy = NULL;

	if (!path || !strcmp(path, "-"))
		return 0;
	copy = realpath(path, NULL) ?: strdup(path);
	return eo_confine_for_directory(copy ? dirname(copy) : "");
}

/* What loading took is of no use any more, except to somebody who takes us over. */
static int confine(const struct capture_session *s, struct eo_error *err)
{
	uint64_t keep = eo_confine_for_capture();
	int r;

	if (s->options->no_sandbox)
		return 0;
	keep |= for_output(s->output_path) | for_output(s->options->stats);
	if (s->run) /* which may become another user's */
		keep |= eo_confine_for_signals();
	r = eo_confine_capabilities(keep);
	if (r < 0)
		return eo_error_set(err, EO_ERROR_LOAD_FAILED, -r, "--no-sandbox does without it",
				    "drop capabilities");
	return eo_confine_calls(err);
}

static int begin_capture(struct capture_session *s, int reader_fd, struct eo_error *err)
{
	int r = s->class->start(s->ctx);

	if (r < 0)
		*err = s->err;
	s->started_ns = eo_clock_monotonic_ns();
	if (!r && reader_fd >= 0)
		r = eo_loop_add_fd(s->loop, reader_fd, 0, on_reader_gone, s, &s->reader, err);
	if (!r && s->run)
		r = start_command(s, err);
	if (!r)
		r = confine(s, err);
	return r ? r : add_timers(s, err);
}

/* From here on only signals and the command's end are of interest. */
static void end_capture(struct capture_session *s)
{
	struct eo_loop_source **sources[] = {&s->deadline, &s->targets, &s->ticker, &s->interval,
					     &s->reader};

	s->capturing = false;
	for (size_t i = 0; i < EO_ARRAY_SIZE(sources); i++)
		eo_loop_remove(s->loop, eo_steal(sources[i]));
	if (s->class->clear)
		s->class->clear(s->ctx);
	progress_clear(&s->progress);
}

static int run_loop(struct capture_session *s, struct eo_error *err)
{
	int r = eo_loop_run(s->loop, err);

	if (r < 0 && !err->kind)
		*err = s->err;
	if (r < 0 && !err->kind && s->class->explain)
		s->class->explain(s->ctx, err);
	if (r == -EPIPE && !err->kind) {
		s->reader_gone = true;
		return 0;
	}
	if (r < 0 && !err->kind)
		eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, -r, NULL, "%s", s->class->work);
	return r;
}

int capture_session_run(struct capture_session *s, int reader_fd, struct eo_error *err)
{
	int r = begin_capture(s, reader_fd, err);

	if (!r) {
		s->capturing = true;
		r = run_loop(s, err);
	}
	end_capture(s);
	return r;
}

/* --- the end --- */

int capture_session_write_statistics(struct capture_session *s,
				     const struct eo_statistics *statistics, struct eo_error *err)
{
	s->lost = eo_statistics_lost(statistics);
	if (!s->cli->quiet && !s->reader_gone)
		eo_statistics_write_text(statistics, stderr);
	if (!s->stats_output)
		return 0;
	eo_statistics_write_json(statistics, eo_output_stream(s->stats_output));
	return eo_output_commit(s->stats_output, err);
}

/* However the capture went, a command that runs is not left behind. */
void capture_session_await_command(struct capture_session *s)
{
	struct eo_error err = {0};

	if (!s->run || !command_run_is_running(s->run))
		return;
	while (!command_run_reap(s->run))
		if (eo_loop_run(s->loop, &err) < 0)
			break;
}

int capture_session_conclude(const struct capture_session *s, int r, const struct eo_error *err)
{
	int status = EXIT_SUCCESS;

	if (r < 0) {
		status = cli_report(err);
		if (s->exec_failed)
			return command_run_exit_status(s->run);
	} else if (s->options->strict && s->lost && !s->reader_gone) {
		cli_usage_error(s->options->command, "%llu %s were lost, and --strict was given",
				(unsigned long long)s->lost, s->class->items);
		status = EXIT_FAILURE;
	}
	if (!s->options->argv || status == EXIT_USAGE)
		return status;
	return status ? EXIT_OWN_FAILURE : command_run_exit_status(s->run);
}
