/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line of profile, parsed and checked. */
#ifndef EO_CLI_PROFILE_OPTIONS_H
#define EO_CLI_PROFILE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "capture/cpu_profiler.h"
#include "capture_options.h"
#include "cli.h"
#include "core/config.h"
#include "format/writer.h"
#include "parse.h"

struct profile_options {
	struct capture_options capture;
	uint32_t frequency_hz; /* 0: as the environment says */
	uint64_t max_samples;  /* 0: the default */
	uint64_t table_memory; /* bytes; 0: the default */
	struct cli_numbers cpus;
	bool kernel_only, user_only, per_thread, no_symbols, timestamps, lines;
	size_t unwind; /* index in the table of methods */

	/* by profile_options_check() */
	struct eo_config config;
	const struct eo_profile_format *format;
	const char *output;
};

void profile_options_init(struct profile_options *options, const char *command);
void profile_options_fini(struct profile_options *options);

/** Returns -1 to go on, else the exit status; the error has been shown. */
int profile_options_check(struct profile_options *options);

/** Points into @options. */
void profile_options_profiler(const struct profile_options *options,
			      struct eo_cpu_profiler_options *profiler);

/** --dry-run: one JSON object on stdout. Returns the exit status. */
int profile_options_describe(const struct profile_options *options);

#endif
