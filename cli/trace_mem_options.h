/* SPDX-License-Identifier: BSD-2-Clause */
/* The options of `trace mem`. An argp child. */
#ifndef EO_CLI_TRACE_MEM_OPTIONS_H
#define EO_CLI_TRACE_MEM_OPTIONS_H

#include <argp.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "capture/mem_tracer.h"
#include "cli.h"

#define TRACE_MEM_LIBRARIES_MAX 16

struct trace_mem_options {
	const char *command; /* for messages */
	const char *given;   /* the name of one that was given; NULL: none */

	unsigned int sources; /* EO_MEM_BIT()s; 0: libc */
	const char *libraries[TRACE_MEM_LIBRARIES_MAX];
	size_t library_count;
	uint64_t min_size, max_live;
	uint64_t sample_bytes; /* 0: all */
	bool leaks, has_min_age, has_max_overhead;
	uint64_t max_overhead; /* percent */
	uint64_t min_age_ns;
};

extern const struct argp trace_mem_argp; /* its input is a struct trace_mem_options */

/** Returns 0, or EINVAL and the error has been shown. */
int trace_mem_options_check(const struct trace_mem_options *options);

/** What the options say; the rest of @mem stays. */
void trace_mem_options_fill(const struct trace_mem_options *options, struct eo_mem_options *mem);

/** The tracer runs: warn when its probes cost the targets more than they may. */
int trace_mem_options_warn(const struct trace_mem_options *options, struct eo_tracer *tracer,
			   const struct cli *cli, struct eo_error *err);

void trace_mem_options_describe(const struct trace_mem_options *options, json_t *object);

#endif
