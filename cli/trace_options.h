/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line of trace, parsed and checked. */
#ifndef EO_CLI_TRACE_OPTIONS_H
#define EO_CLI_TRACE_OPTIONS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture_options.h"
#include "cli.h"
#include "core/config.h"
#include "format/writer.h"
#include "trace_mem_options.h"
#include "trace_output.h"
#include "trace_net_options.h"
#include "trace_syscall_options.h"
#include "trace_tracers.h"

struct trace_options {
	struct capture_options capture;
	const char *list; /* TRACER[,TRACER…] as given; NULL: none */
	bool summary, stack, redact;
	unsigned int by;
	const char *by_text, *sort; /* NULL: not given */
	bool has_top;
	uint64_t top; /* rows; 0: all */
	uint64_t max_events;
	size_t envelope;      /* index in the table of auto, yes, no */
	bool has_envelope;
	unsigned int signals; /* 0: not given */
	struct trace_net_options net;
	struct trace_syscall_options syscall;
	struct trace_mem_options mem;

	/* by trace_options_check() */
	const struct trace_tracer *tracers[TRACERS_MAX];
	size_t tracer_count;
	struct eo_config config;
	enum trace_format format;
	const struct eo_profile_format *heap; /* instead: a heap profile; NULL: none */
	const char *output;
};

void trace_options_init(struct trace_options *options, const char *command);
void trace_options_fini(struct trace_options *options);

/** Returns -1 to go on, else the exit status; the error has been shown. */
int trace_options_check(struct trace_options *options);

bool trace_options_is_otlp(const struct trace_options *options);
/** Whether start, process and end records are written. */
bool trace_options_has_envelope(const struct trace_options *options);

/** The effective configuration. NULL when memory is out. */
json_t *trace_options_json(const struct trace_options *options);

/** --dry-run: it as one JSON object on stdout. Returns the exit status. */
int trace_options_describe(const struct trace_options *options);

#endif
