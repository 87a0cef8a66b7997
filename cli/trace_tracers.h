/* SPDX-License-Identifier: BSD-2-Clause */
/* The tracers of `trace`, a row each: name, options, constructor. */
#ifndef EO_CLI_TRACE_TRACERS_H
#define EO_CLI_TRACE_TRACERS_H

#include <argp.h>
#include <jansson.h>
#include <stdbool.h>

#include "capture/tracer.h"
#include "cli.h"

#define TRACERS_MAX 3

/* What rows of a summary can be told apart by; bits of --by. */
enum trace_by {
	TRACE_BY_COMM,
	TRACE_BY_PID,
	TRACE_BY_CGROUP,
	TRACE_BY_CONTAINER,
	TRACE_BY_PEER,
	TRACE_BY_STACK,
	TRACE_BY_COUNT,
};

extern const char *const trace_by_names[]; /* by enum trace_by; ends with NULL */

struct trace_options;

struct trace_tracer {
	const char *name, *text; /* for --help */
	enum eo_event_type summary;
	const char *sort;  /* the key that rows of a summary are sorted by */
	unsigned int by;   /* bits of what rows can be told apart by */
	bool needs_target; /* -p, a command, or -a */
	bool has_traces;   /* in OTLP traces come along unless --signals says otherwise */

	/* The name of an option of its own that was given; NULL: none. */
	const char *(*given)(const struct trace_options *options);
	/* Returns 0 or EINVAL, the error has been shown. */
	int (*check)(struct trace_options *options);
	void (*describe)(const struct trace_options *options, json_t *object);
	/* The tracer runs, a command does not yet: say what the user should know. */
	int (*started)(const struct trace_options *options, struct eo_tracer *tracer,
		       const struct cli *cli, struct eo_error *err);
	int (*make)(const struct trace_options *options, const struct eo_config *config,
		    const struct eo_tracer_options *base, struct eo_tracer **ret,
		    struct eo_error *err);
};

extern const struct trace_tracer trace_tracers[]; /* ends with a NULL name */

/* The options of all tracers: their inputs are members of struct trace_options. */
void trace_tracers_set_inputs(struct trace_options *options, void **child_inputs);
extern const struct argp_child trace_children[]; /* those of capture_options.h first */

#endif
