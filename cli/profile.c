/* SPDX-License-Identifier: BSD-2-Clause */
/* One run: open the outputs, start the command if there is one, capture until something ends it,
 * write, and stay until the command has ended as well. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli.h"
#include "command_run.h"
#include "core/clock.h"
#include "core/loop.h"
#include "export/output.h"
#include "export/statistics.h"
#include "profile_options.h"
#include "profile_output.h"
#include "progress.h"
#include "report.h"

#define TARGETS_PERIOD_NS (EO_NS_PER_SEC / 10)
#define PROGRESS_PERIOD_NS EO_NS_PER_SEC

struct session {
	const struct profile_options *options;
	const struct cli *cli;
	struct profile_output *output;
	struct eo_output *stats_output; /* NULL: no --stats */
	struct eo_loop *loop;
	struct command_run *run; /* NULL: no command */
	struct eo_cpu_profiler *profiler;
	struct progress progress;

	/* What only the capture needs, NULL where it is not used. */
	struct eo_loop_source *deadline, *targets, *ticker, *interval, *reader;

	uint64_t started_ns, started_wall_ns;
	uint64_t profiled_ns; /* up to the last pause */
	uint64_t resumed_ns;
	bool capturing, exec_failed, reader_gone;
	uint64_t lost;
	struct eo_error err; /* of a callback, which can only return a number */
};

static int on_deadline(void *ctx)
{
	struct session *s = ctx;

	s->deadline = NULL;
	eo_loop_stop(s->loop);
	return 0;
}

static int arm_deadline(struct session *s, struct eo_error *err)
{
	uint64_t duration_ns = s->options->config.duration_ns;

	s->resumed_ns = eo_clock_monotonic_ns();
	if (!duration_ns)
		return 0;
	return eo_loop_add_timer(s->loop,
				 duration_ns > s->profiled_ns ? duration_ns - s->profiled_ns : 1, 0,
				 on_deadline, s, &s->deadline, err);
}

static uint64_t profiled_ns(const struct session *s)
{
	uint64_t running_ns = eo_clock_monotonic_ns() - s->resumed_ns;

	return s->profiled_ns + (eo_cpu_profiler_is_paused(s->profiler) ? 0 : running_ns);
}

/* Paused time counts for nothing, so the deadline stands still as well. */
static int pause_sampling(struct session *s)
{
	uint64_t so_far_ns = profiled_ns(s);
	int r;

	if (eo_cpu_profiler_is_paused(s->profiler))
		return 0;
	r = eo_cpu_profiler_pause(s->profiler, &s->err);
	if (r < 0)
		return r;
	s->profiled_ns = so_far_ns;
	eo_loop_remove(s->loop, s->deadline);
	s->deadline = NULL;
	return 0;
}

static int resume_sampling(struct session *s)
{
	int r;

	if (!eo_cpu_profiler_is_paused(s->profiler))
		return 0;
	r = eo_cpu_profiler_resume(s->profiler, &s->err);
	return r < 0 ? r : arm_deadline(s, &s->err);
}

static int on_signal(void *ctx, const struct signalfd_siginfo *info)
{
	struct session *s = ctx;
	int signo = (int)info->ssi_signo;

	if (signo == SIGUSR1)
		return s->capturing ? pause_sampling(s) : 0;
	if (signo == SIGUSR2)
		return s->capturing ? resume_sampling(s) : 0;
	/* What a terminal sends, the command has received already. */
	if (s->run && info->ssi_code != SI_KERNEL)
		command_run_signal(s->run, signo);
	if (s->capturing)
		eo_loop_stop(s->loop);
	return 0;
}

static int on_command_end(void *ctx)
{
	struct session *s = ctx;

	command_run_reap(s->run);
	eo_loop_stop(s->loop);
	return 0;
}

static int on_targets_check(void *ctx)
{
	struct session *s = ctx;

	if (eo_cpu_profiler_targets_gone(s->profiler))
		eo_loop_stop(s->loop);
	return 0;
}

static int on_tick(void *ctx)
{
	struct session *s = ctx;
	struct eo_profile_stats stats = eo_cpu_profiler_stats(s->profiler);
	const struct eo_statistics statistics = {.profile = &stats};

	progress_show(&s->progress, profiled_ns(s), s->options->config.duration_ns,
		      stats.aggregated + stats.emitted, eo_statistics_lost(&statistics),
		      eo_cpu_profiler_is_paused(s->profiler));
	return 0;
}

static int on_interval(void *ctx)
{
	struct session *s = ctx;
	uint64_t interval_ns = s->options->capture.interval_ns;
	uint64_t passed_ns = eo_clock_monotonic_ns() - s->started_ns;
	EO_AUTO(eo_profile) profile = NULL;
	int r;

	if (eo_cpu_profiler_is_paused(s->profiler))
		return 0;
	r = eo_cpu_profiler_cut(s->profiler, &profile, &s->err);
	progress_clear(&s->progress);
	if (!r)
		r = profile_output_write(s->output, profile, &s->err);
	/* Named by where the interval should begin: a late timer must not repeat or skip a name. */
	if (!r)
		r = profile_output_next(s->output,
					s->started_wall_ns + (passed_ns + interval_ns / 2) /
								     interval_ns * interval_ns,
					&s->err);
	return r;
}

static int on_reader_gone(void *ctx, uint32_t events)
{
	struct session *s = ctx;

	(void)events;
	s->reader_gone = true;
	eo_loop_stop(s->loop);
	return 0;
}

/* A pipe whose reader has gone is to be noticed before there is anything to write. */
static int watch_reader(struct session *s, struct eo_error *err)
{
	struct stat st;

	if (!profile_output_is_stdout(s->output) || fstat(STDOUT_FILENO, &st) < 0 ||
	    (!S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode)))
		return 0;
	return eo_loop_add_fd(s->loop, STDOUT_FILENO, 0, on_reader_gone, s, &s->reader, err);
}

static int open_outputs(struct session *s, struct eo_error *err)
{
	const struct capture_options *capture = &s->options->capture;
	const struct profile_output_options options = {
		.path = s->options->output,
		.format = s->options->format,
		.interval_ns = capture->interval_ns,
		.keep = capture->keep,
		.cli = s->cli,
	};
	int r;

	s->started_wall_ns = eo_clock_wall_ns();
	r = profile_output_new(&options, s->started_wall_ns, &s->output, err);
	if (!r && capture->stats)
		r = eo_output_open(capture->stats, false, &s->stats_output, err);
	return r;
}

static int open_loop(struct session *s, struct eo_error *err)
{
	struct sigaction hangup;
	sigset_t set;
	int r;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	/* A blocked signal is delivered even where it is ignored, which would undo nohup(1). */
	if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN)
		sigaddset(&set, SIGHUP);

	r = eo_loop_new(&s->loop, err);
	/* SIGQUIT keeps its action: the way out should a stalled reader hold up the writing. */
	return r ? r : eo_loop_add_signals(s->loop, &set, on_signal, s, err);
}

static int fork_command(struct session *s, struct eo_error *err)
{
	const struct capture_options *capture = &s->options->capture;
	const struct command_run_options options = {
		.argv = capture->argv,
		.user = capture->user,
		.stdout_to_stderr = profile_output_is_stdout(s->output) ||
				    (s->stats_output && eo_output_is_stdout(s->stats_output)),
	};

	return capture->argv ? command_run_new(&options, &s->run, err) : 0;
}

/* Perf events and maps cost descriptors by CPU. Failing is fine: few machines need more. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

static int open_profiler(struct session *s, struct eo_error *err)
{
	struct eo_cpu_profiler_options options;

	profile_options_profiler(s->options, &options);
	if (s->run)
		options.target.command_pid = (uint32_t)command_run_pid(s->run);
	return eo_cpu_profiler_new(&s->options->config, &options, &s->profiler, err);
}

static int open_session(struct session *s, struct eo_error *err)
{
	int r = open_outputs(s, err);

	if (!r)
		r = open_loop(s, err);
	if (!r)
		r = fork_command(s, err);
	/* After the fork, so that the command keeps the limit that it would have without us. */
	raise_descriptor_limit();
	return r ? r : open_profiler(s, err);
}

static void close_session(struct session *s)
{
	eo_cpu_profiler_free(s->profiler);
	command_run_free(s->run);
	eo_loop_free(s->loop);
	eo_output_free(s->stats_output);
	profile_output_free(s->output);
}

static int add_timers(struct session *s, struct eo_error *err)
{
	uint64_t interval_ns = s->options->capture.interval_ns;
	int r = arm_deadline(s, err);

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

static int start_command(struct session *s, struct eo_error *err)
{
	int r = command_run_exec(s->run, err);

	s->exec_failed = r < 0;
	return r ? r : eo_loop_add_child(s->loop, command_run_pid(s->run), on_command_end, s, err);
}

static int begin_capture(struct session *s, struct eo_error *err)
{
	int r = eo_cpu_profiler_start(s->profiler, err);

	if (!r)
		r = eo_cpu_profiler_watch(s->profiler, s->loop, err);
	s->started_ns = eo_clock_monotonic_ns();
	if (!r)
		r = watch_reader(s, err);
	if (!r && s->run)
		r = start_command(s, err);
	return r ? r : add_timers(s, err);
}

/* From here on only signals and the command's end are of interest. */
static void end_capture(struct session *s)
{
	struct eo_loop_source *sources[] = {s->deadline, s->targets, s->ticker, s->interval,
					    s->reader};

	s->capturing = false;
	for (size_t i = 0; i < EO_ARRAY_SIZE(sources); i++)
		eo_loop_remove(s->loop, sources[i]);
	progress_clear(&s->progress);
}

static int run_loop(struct session *s, struct eo_error *err)
{
	int r = eo_loop_run(s->loop, err);

	if (r < 0 && !err->kind)
		*err = s->err;
	if (r < 0 && !err->kind)
		eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, -r, NULL, "profile");
	return r;
}

static int capture(struct session *s, struct eo_profile **ret, struct eo_error *err)
{
	int r = begin_capture(s, err);

	if (!r) {
		s->capturing = true;
		r = run_loop(s, err);
	}
	end_capture(s);
	return r ? r : eo_cpu_profiler_stop(s->profiler, ret, err);
}

/* Names that are missing for want of rights are not found by trying again. */
static void say_hints(const struct eo_profile_stats *stats)
{
	if (stats->kernel_names_hidden)
		cli_hint("for the names of kernel functions, grant CAP_SYSLOG and set sysctl "
			 "kernel.kptr_restrict to 0 or 1");
	if (stats->files_denied)
		cli_hint("for names in the programs of other users, grant CAP_SYS_PTRACE; in "
			 "deleted ones, CAP_DAC_READ_SEARCH and CAP_CHECKPOINT_RESTORE as well");
}

static int write_statistics(struct session *s, struct eo_error *err)
{
	struct eo_profile_stats stats = eo_cpu_profiler_stats(s->profiler);
	const struct eo_statistics statistics = {
		.duration_ns = stats.duration_ns,
		.profile = &stats,
		.overhead = eo_cpu_profiler_get_overhead(s->profiler),
	};

	s->lost = eo_statistics_lost(&statistics);
	if (!stats.aggregated && !stats.emitted && !s->reader_gone)
		cli_warn(s->cli, "no samples: what was watched did not run on a CPU");
	if (!s->cli->quiet && !s->reader_gone) {
		eo_statistics_write_text(&statistics, stderr);
		say_hints(&stats);
	}
	if (!s->stats_output)
		return 0;
	eo_statistics_write_json(&statistics, eo_output_stream(s->stats_output));
	return eo_output_commit(s->stats_output, err);
}

/* However the capture went, a command that runs is not left behind. */
static void await_command(struct session *s)
{
	struct eo_error err = {0};

	while (!command_run_reap(s->run))
		if (eo_loop_run(s->loop, &err) < 0)
			break;
}

static int conclude(const struct session *s, int failed, const struct eo_error *err)
{
	int status = EXIT_SUCCESS;

	if (failed) {
		status = cli_report(err);
		if (s->exec_failed)
			return command_run_exit_status(s->run);
	} else if (s->options->capture.strict && s->lost) {
		cli_usage_error(s->options->capture.command,
				"%llu samples were lost, and --strict was given",
				(unsigned long long)s->lost);
		status = EXIT_FAILURE;
	}
	if (!s->options->capture.argv || status == EXIT_USAGE)
		return status;
	return status ? EXIT_OWN_FAILURE : command_run_exit_status(s->run);
}

static int run_session(struct session *s)
{
	EO_AUTO(eo_profile) profile = NULL;
	struct eo_error err = {0};
	int r = open_session(s, &err);

	if (!r)
		r = capture(s, &profile, &err);
	if (!r)
		r = profile_output_write(s->output, profile, &err);
	if (!r)
		r = write_statistics(s, &err);
	if (s->run && command_run_is_running(s->run))
		await_command(s);
	return conclude(s, r, &err);
}

int cmd_profile(int argc, char **argv, struct cli *cli)
{
	struct profile_options options;
	int status;

	profile_options_init(&options, argv[0]);
	status = cli_parse(&profile_argp, argv[0], argc, argv, &options, cli);
	if (status < 0)
		status = profile_options_check(&options);
	if (status < 0 && options.capture.dry_run)
		status = profile_options_describe(&options);
	if (status < 0) {
		struct session session = {.options = &options, .cli = cli};

		/* A command's terminal belongs to the command. */
		progress_init(&session.progress, !cli->quiet && !options.capture.argv);
		status = run_session(&session);
		close_session(&session);
	}
	profile_options_fini(&options);
	return status;
}
