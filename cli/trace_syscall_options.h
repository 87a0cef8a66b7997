/* SPDX-License-Identifier: BSD-2-Clause */
/* The options of `trace syscall`. An argp child. */
#ifndef EO_CLI_TRACE_SYSCALL_OPTIONS_H
#define EO_CLI_TRACE_SYSCALL_OPTIONS_H

#include <argp.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "capture/syscall_tracer.h"
#include "parse.h"
#include "syscall/call_list.h"

struct trace_syscall_options {
	const char *command; /* for messages */
	const char *given;   /* the name of one that was given; NULL: none */

	bool by_calls, by_errnos; /* the sets count */
	struct eo_syscall_set calls;
	struct eo_errno_set errnos;
	struct cli_texts call_lists, errno_lists; /* as given */
	bool failed, fd_paths, payload;
	uint64_t min_duration_ns;
	bool has_string_limit;
	uint32_t string_limit;
};

extern const struct argp trace_syscall_argp; /* its input is a struct trace_syscall_options */

void trace_syscall_options_fini(struct trace_syscall_options *options);

/** All but what @tracer's base and its by_… say. */
void trace_syscall_options_fill(const struct trace_syscall_options *options,
				struct eo_syscall_options *tracer);

void trace_syscall_options_describe(const struct trace_syscall_options *options, json_t *object);

#endif
