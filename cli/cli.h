/* SPDX-License-Identifier: BSD-2-Clause */
/* What the commands share: the table they stand in, strict option parsing, and the one place
 * where an eo_error becomes words. */
#ifndef EO_CLI_CLI_H
#define EO_CLI_CLI_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/error.h"

enum {
	EXIT_USAGE = 2,
	EXIT_PLATFORM = 3,
	EXIT_PERMISSION = 4,
	EXIT_OWN_FAILURE = 125, /* with -- CMD: we failed, CMD did not */
	EXIT_CANNOT_RUN = 126,
	EXIT_NOT_FOUND = 127,
};

struct cli {
	bool verbose, quiet; /* what -v and -q said, before or after the command's name */
	char *const *argv;   /* the whole command line; ends with NULL */
};

struct command {
	const char *name;
	const char *summary;	 /* for the list of commands */
	const struct argp *argp; /* its options, walked by the consistency test */
	int (*run)(int argc, char **argv, struct cli *cli); /* argv[0] is the command's name */
};

extern const struct command commands[]; /* ends with a NULL name */

/**
 * Parse @argv strictly: no abbreviations, unknown options and words answered with one line that
 * names the word and the nearest valid one. --help, --usage and --version are handled here.
 * Parser functions report a bad value with cli_usage_error() and return EINVAL.
 * Returns -1 to go on, else the exit status to end with.
 */
int cli_parse(const struct argp *argp, const char *command, int argc, char **argv, void *input,
	      struct cli *cli);

/**
 * For help filters of argp: what @write writes stands between the options and the text behind
 * them. @key, @text: as the filter got them
 */
char *cli_help_with(int key, const char *text, void (*write)(FILE *out));

/** "ebpfotel: COMMAND: text" on stderr, one line. Returns EINVAL, for argp parsers. */
int cli_usage_error(const char *command, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** "ebpfotel: OPERATION OBJECT: REASON" and the hint, on stderr. Returns the exit status. */
int cli_report(const struct eo_error *err);

/** A warning on stderr, unless quiet. */
void cli_warn(const struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

int cmd_check(int argc, char **argv, struct cli *cli);
int cmd_profile(int argc, char **argv, struct cli *cli);
int cmd_trace(int argc, char **argv, struct cli *cli);
int cmd_convert(int argc, char **argv, struct cli *cli);
extern const struct argp check_argp, profile_argp, trace_argp, convert_argp;

#endif
