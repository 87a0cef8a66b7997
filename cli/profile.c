/* SPDX-License-Identifier: BSD-2-Clause */
/* One run: open the outputs, start the command if there is one, capture until something ends it,
 * write, and stay until the command has ended as well. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "capture_session.h"
#include "cli.h"
#include "core/clock.h"
#include "export/statistics.h"
#include "interval_files.h"
#include "profile_options.h"
#include "profile_output.h"
#include "report.h"

struct session {
	struct capture_session capture;
	const struct profile_options *options;
	const struct cli *cli;
	struct profile_output *output;
	struct eo_cpu_profiler *profiler;

	struct interval_clock intervals;
	uint64_t profiled_ns; /* up to the last pause */
	uint64_t resumed_ns;
};

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
	r = eo_cpu_profiler_pause(s->profiler, &s->capture.err);
	if (r < 0)
		return r;
	s->profiled_ns = so_far_ns;
	capture_session_no_deadline(&s->capture);
	return 0;
}

static int resume_sampling(struct session *s)
{
	uint64_t duration_ns = s->options->config.duration_ns;
	int r;

	if (!eo_cpu_profiler_is_paused(s->profiler))
		return 0;
	r = eo_cpu_profiler_resume(s->profiler, &s->capture.err);
	if (r < 0)
		return r;
	s->resumed_ns = eo_clock_monotonic_ns();
	if (!duration_ns)
		return 0;
	return capture_session_set_deadline(
		&s->capture, duration_ns > s->profiled_ns ? duration_ns - s->profiled_ns : 1,
		&s->capture.err);
}

static int on_signal(void *ctx, int signo)
{
	return signo == SIGUSR1 ? pause_sampling(ctx) : resume_sampling(ctx);
}

static int on_start(void *ctx)
{
	struct session *s = ctx;
	int r = eo_cpu_profiler_start(s->profiler, &s->capture.err);

	s->resumed_ns = eo_clock_monotonic_ns();
	return r ? r : eo_cpu_profiler_watch(s->profiler, s->capture.loop, &s->capture.err);
}

static bool are_targets_gone(void *ctx)
{
	const struct session *s = ctx;

	return eo_cpu_profiler_targets_gone(s->profiler);
}

static void tell_progress(void *ctx, struct capture_progress *ret)
{
	struct session *s = ctx;
	struct eo_profile_stats stats = eo_cpu_profiler_stats(s->profiler);
	const struct eo_statistics statistics = {.profile = &stats};

	*ret = (struct capture_progress){
		.elapsed_ns = profiled_ns(s),
		.count = stats.aggregated + stats.emitted,
		.lost = eo_statistics_lost(&statistics),
		.paused = eo_cpu_profiler_is_paused(s->profiler),
	};
}

static int on_interval(void *ctx)
{
	struct session *s = ctx;
	uint64_t passed_ns = eo_clock_monotonic_ns() - s->capture.started_ns;
	struct eo_error *err = &s->capture.err;
	EO_AUTO(eo_profile) profile = NULL;
	int r;

	if (eo_cpu_profiler_is_paused(s->profiler))
		return 0;
	r = eo_cpu_profiler_cut(s->profiler, &profile, err);
	if (!r)
		r = profile_output_write(s->output, profile, err);
	if (!r)
		r = profile_output_next(s->output, interval_clock_next(&s->intervals, passed_ns),
					err);
	return r;
}

static const struct capture_class profile_class = {
	.items = "samples",
	.work = "profile",
	.start = on_start,
	.targets_gone = are_targets_gone,
	.progress = tell_progress,
	.interval = on_interval,
	.signal = on_signal,
};

static int open_output(struct session *s, struct eo_error *err)
{
	const struct capture_options *capture = &s->options->capture;
	const struct profile_output_options options = {
		.path = s->options->output,
		.format = s->options->format,
		.interval_ns = capture->interval_ns,
		.keep = capture->keep,
		.cli = s->cli,
	};

	s->intervals = (struct interval_clock){
		.started_wall_ns = eo_clock_wall_ns(),
		.interval_ns = capture->interval_ns,
	};
	return profile_output_new(&options, s->intervals.started_wall_ns, &s->output, err);
}

static int open_profiler(struct session *s, struct eo_error *err)
{
	struct eo_cpu_profiler_options options;

	profile_options_profiler(s->options, &options);
	options.target.command_pid = capture_session_command_pid(&s->capture);
	return eo_cpu_profiler_new(&s->options->config, &options, &s->profiler, err);
}

static int open_session(struct session *s, struct eo_error *err)
{
	int r = open_output(s, err);

	if (!r)
		r = capture_session_open_stats(&s->capture, err);
	if (!r)
		r = capture_session_open(&s->capture, profile_output_is_stdout(s->output), err);
	return r ? r : open_profiler(s, err);
}

static void close_session(struct session *s)
{
	eo_cpu_profiler_free(s->profiler);
	capture_session_close(&s->capture);
	profile_output_free(s->output);
}

static int capture(struct session *s, struct eo_profile **ret, struct eo_error *err)
{
	int r = capture_session_run(&s->capture, profile_output_reader(s->output), err);

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
	int r;

	if (!stats.aggregated && !stats.emitted && !s->capture.reader_gone)
		cli_warn(s->cli, "no samples: what was watched did not run on a CPU");
	r = capture_session_write_statistics(&s->capture, &statistics, err);
	if (!s->cli->quiet && !s->capture.reader_gone)
		say_hints(&stats);
	return r;
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
	capture_session_await_command(&s->capture);
	return capture_session_conclude(&s->capture, r, &err);
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
		struct session session = {
			.capture = {.class = &profile_class,
				    .ctx = &session,
				    .options = &options.capture,
				    .cli = cli,
				    .duration_ns = options.config.duration_ns,
				    .output_path = options.output},
			.options = &options,
			.cli = cli,
		};

		/* A command's terminal belongs to the command. */
		progress_init(&session.capture.progress, !cli->quiet && !options.capture.argv);
		status = run_session(&session);
		close_session(&session);
	}
	profile_options_fini(&options);
	return status;
}
