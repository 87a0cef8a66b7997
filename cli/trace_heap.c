/* SPDX-License-Identifier: BSD-2-Clause */
#include "trace_heap.h"

#include <errno.h>

#include "capture/mem_tracer.h"
#include "capture_session.h"
#include "core/clock.h"
#include "profile_output.h"

struct session {
	struct capture_session capture;
	const struct trace_options *options;
	struct profile_output *output;
	struct eo_tracer *tracer;
	uint64_t start_ns;
};

static int on_start(void *ctx)
{
	struct session *s = ctx;
	int r = eo_tracer_start(s->tracer, &s->capture.err);

	if (!r)
		r = s->options->tracers[0]->started(s->options, s->tracer, s->capture.cli, &s->capture.err);
	return r ? r : eo_tracer_watch(s->tracer, s->capture.loop, &s->capture.err);
}

static bool are_targets_gone(void *ctx)
{
	const struct session *s = ctx;

	return eo_tracer_targets_gone(s->tracer);
}

static void tell_progress(void *ctx, struct capture_progress *ret)
{
	struct session *s = ctx;
	struct eo_trace_stats stats = eo_tracer_stats(s->tracer);

	ret->elapsed_ns = eo_clock_monotonic_ns() - s->start_ns;
	ret->count = stats.aggregated;
	ret->lost = eo_trace_stats_lost(&stats);
}

static const struct capture_class heap_class = {
	.items = "calls",
	.work = "trace",
	.start = on_start,
	.targets_gone = are_targets_gone,
	.progress = tell_progress,
};

static int open_output(struct session *s, struct eo_error *err)
{
	const struct profile_output_options options = {
		.path = s->options->output,
		.format = s->options->heap,
		.cli = s->capture.cli,
	};

	return profile_output_new(&options, eo_clock_wall_ns(), &s->output, err);
}

static int open_tracer(struct session *s, struct eo_error *err)
{
	struct eo_tracer_options base = {.start_ns = s->start_ns};
	struct eo_mem_options mem = {
		.profile = true,
		.command = s->options->capture.argv ? s->options->capture.argv[0] : NULL,
	};

	capture_options_target(&s->options->capture, &base.target);
	base.target.command_pid = capture_session_command_pid(&s->capture);
	trace_mem_options_fill(&s->options->mem, &mem);
	return eo_mem_tracer_new(&s->options->config, &base, &mem, &s->tracer, err);
}

static int open_session(struct session *s, struct eo_error *err)
{
	int r = open_output(s, err);

	if (!r)
		r = capture_session_open_stats(&s->capture, err);
	if (!r)
		r = capture_session_open(&s->capture, profile_output_is_stdout(s->output), err);
	return r ? r : open_tracer(s, err);
}

static int write_statistics(struct session *s, struct eo_error *err)
{
	struct eo_trace_part part = {.name = "mem", .stats = eo_tracer_stats(s->tracer)};
	const struct eo_statistics statistics = {
		.duration_ns = part.stats.duration_ns,
		.parts = &part,
		.part_count = 1,
		.overhead = eo_tracer_get_overhead(s->tracer),
	};

	return capture_session_write_statistics(&s->capture, &statistics, err);
}

static int run_session(struct session *s)
{
	EO_AUTO(eo_profile) profile = NULL;
	struct eo_error err = {0};
	int r = open_session(s, &err);

	if (!r)
		r = capture_session_run(&s->capture, profile_output_reader(s->output), &err);
	if (!r)
		r = eo_tracer_stop(s->tracer, NULL, &err);
	if (!r) {
		profile = eo_mem_tracer_take_profile(s->tracer);
		r = profile_output_write(s->output, profile, &err);
	}
	if (!r)
		r = write_statistics(s, &err);
	capture_session_await_command(&s->capture);
	return capture_session_conclude(&s->capture, r, &err);
}

int trace_heap_run(const struct trace_options *options, const struct cli *cli)
{
	struct session session = {
		.capture = {.class = &heap_class,
			    .ctx = &session,
			    .options = &options->capture,
			    .cli = cli,
			    .duration_ns = options->config.duration_ns,
			    .output_path = options->output},
		.options = options,
		.start_ns = eo_clock_monotonic_ns(),
	};
	int status;

	/* A command's terminal belongs to the command. */
	progress_init(&session.capture.progress, !cli->quiet && !options->capture.argv);
	status = run_session(&session);
	eo_tracer_free(session.tracer);
	capture_session_close(&session.capture);
	profile_output_free(session.output);
	return status;
}
