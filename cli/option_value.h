/* SPDX-License-Identifier: BSD-2-Clause */
/* Values of options: each function parses one kind, or answers with one line that names the
 * option as it was typed, the word, and what would be valid. All return 0 or an errno value, as
 * argp's parsers do. */
#ifndef EO_CLI_OPTION_VALUE_H
#define EO_CLI_OPTION_VALUE_H

#include <argp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "parse.h"

struct cli_option {
	const char *command;
	char name[40]; /* "-d" or "--duration", as typed */
	const char *value;
};

/**
 * From inside an argp parser that was called with @key and @arg.
 * Returns false, @option untouched, when argp only tells of its progress: there is no option.
 */
bool cli_option_init(struct cli_option *option, const char *command, const struct argp_state *state,
		     int key, const char *arg);

/**
 * The name of the option @key in @table, NULL if it has none. What was typed does not outlive the
 * parser's call.
 */
const char *cli_option_long_name(const struct argp_option *table, int key);

/** "OPTION wants FMT, not 'WORD'". Returns EINVAL. */
int cli_option_bad(const struct cli_option *option, const char *word, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/** "OPTION is not built yet: FMT". Returns EINVAL. */
int cli_option_unbuilt(const struct cli_option *option, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/** @what: "a whole number of Hz" */
int cli_option_uint(const struct cli_option *option, const char *what, uint64_t min, uint64_t max,
		    uint64_t *ret);
int cli_option_time(const struct cli_option *option, uint64_t min_ns, uint64_t *ret_ns);

/** Any text but the empty one. */
int cli_option_text(const struct cli_option *option, const char **ret);

/** A file or "-". URLs are known, and refused until there is an exporter. */
int cli_option_output(const struct cli_option *option, const char **ret);

/** Split at commas and call @fn on each item until it returns non-zero, which is returned. */
int cli_option_items(const struct cli_option *option,
		     int (*fn)(const struct cli_option *option, const char *item, void *ctx),
		     void *ctx);

/** @names: ends with NULL; @ret: index of the one that was given */
int cli_option_choice(const struct cli_option *option, const char *const *names, size_t *ret);

/** The same of several, between commas. @ret: a bit, 1u << index, for each that was given */
int cli_option_choices(const struct cli_option *option, const char *const *names, unsigned int *ret);

#endif
