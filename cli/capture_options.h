/* SPDX-License-Identifier: BSD-2-Clause */
/* The options that every capturing command has: whom, how long, where to. An argp child. */
#ifndef EO_CLI_CAPTURE_OPTIONS_H
#define EO_CLI_CAPTURE_OPTIONS_H

#include <argp.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/target.h"
#include "core/config.h"
#include "parse.h"

struct capture_options {
	const char *command; /* for messages */

	bool has_env, has_duration;
	enum eo_env env;
	uint64_t duration_ns;

	struct cli_numbers pids, tids, uids;
	char (*comms)[EO_COMM_BYTES];
	size_t comm_count;
	struct cli_texts cgroups, containers, pods;
	/* cgroups as given, then those of the containers and pods; by capture_options_check() */
	struct cli_texts directories;
	bool no_follow, all;

	char *const *argv; /* -- CMD; NULL: none, else ends with NULL */
	const char *user;

	const char *output, *format; /* NULL: not given */
	uint64_t interval_ns;	     /* 0: one output */
	bool interval_to_stdout;     /* by the command: what comes out can be told apart there */
	uint32_t keep;		     /* 0: all */
	const char *stats;
	bool strict, no_sandbox, dry_run;
};

extern const struct argp capture_argp; /* its input is a struct capture_options */

void capture_options_init(struct capture_options *options, const char *command);
void capture_options_fini(struct capture_options *options);

/**
 * What can only be said when all options are known: contradictions, and whether the targets
 * exist. Returns -1 to go on, else the exit status; the error has been shown.
 */
int capture_options_check(struct capture_options *options);

/** Rate and duration: of the environment, then what was given explicitly. */
void capture_options_config(const struct capture_options *options, struct eo_config *config);

/** Points into @options. */
void capture_options_target(const struct capture_options *options, struct eo_target *target);

/**
 * The effective configuration, for --dry-run: the keys of eo_config, then those of @options by
 * option name. What was not given and has no default is absent. NULL when memory is out.
 */
json_t *capture_options_describe(const struct capture_options *options,
				 const struct eo_config *config);

/** A JSON string of @text, which need not be UTF-8: then its bytes are read as Latin-1. */
json_t *cli_json_text(const char *text);

/** An array of @texts under @key; nothing when @texts, which end with NULL, are NULL. */
void cli_json_set_texts(json_t *object, const char *key, char *const *texts);

#endif
