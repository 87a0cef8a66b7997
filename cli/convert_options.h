/* SPDX-License-Identifier: BSD-2-Clause */
/* The command line of convert, parsed and checked as far as no input is needed for it. */
#ifndef EO_CLI_CONVERT_OPTIONS_H
#define EO_CLI_CONVERT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "cli.h"
#include "core/attribute.h"
#include "format/reader.h"
#include "format/writer.h"
#include "signal_output.h"

#define CONVERT_RESOURCE_MAX 128

struct convert_options {
	const char *command; /* for messages */
	const char **inputs; /* "-": stdin; at least one after the check */
	size_t input_count;
	const struct eo_input_format *from; /* NULL: by content */

	const char *output; /* "-": stdout */
	const char *format; /* as in -f; by the check also where the ending of output said it */
	const struct eo_profile_format *profile_format; /* NULL: events as JSON lines */
	const char *sample_type;			/* NULL: the format's choice */
	bool has_top;
	size_t top_rows;       /* with has_top; 0: all */
	unsigned int signals;  /* bits of enum signal_kind; 0: not given */
	const char *diff_base; /* NULL: none */
	/* keys are malloc()ed, values stand behind them in the same bytes */
	struct eo_attribute resource[CONVERT_RESOURCE_MAX];
	size_t resource_count;
	bool time_now;
};

void convert_options_init(struct convert_options *options, const char *command);
void convert_options_fini(struct convert_options *options);

/** Returns -1 to go on, else the exit status; the error has been shown. */
int convert_options_check(struct convert_options *options);

/** Are events what goes into this output, rather than a profile? */
bool convert_options_events_fit(const struct convert_options *options);

#endif
