/* SPDX-License-Identifier: BSD-2-Clause */
/* Where profiles go: one file, or with --interval one after the other, named by a template. */
#ifndef EO_CLI_PROFILE_OUTPUT_H
#define EO_CLI_PROFILE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli.h"
#include "core/auto.h"
#include "core/error.h"
#include "format/writer.h"

struct profile_output;

struct profile_output_options {
	const char *path; /* a strftime template if there is an interval */
	const struct eo_profile_format *format;
	uint64_t interval_ns; /* 0: one output */
	uint32_t keep;	      /* only the newest ones; 0: all */
	const struct cli *cli;
};

/**
 * Open the (first) output, so that what cannot be written is found before the capture.
 * @options: copied; what it points to must outlive the result
 * @now_ns: Unix time, for the first name
 */
int profile_output_new(const struct profile_output_options *options, uint64_t now_ns,
		       struct profile_output **ret, struct eo_error *err);
void profile_output_free(struct profile_output *output); /* NULL is fine */
EO_DEFINE_AUTO(profile_output)

bool profile_output_is_stdout(const struct profile_output *output);

/** stdout where somebody reads it who may go away, a pipe or a socket; else -1. */
int profile_output_reader(const struct profile_output *output);

/** Write @profile whole and say so. */
int profile_output_write(struct profile_output *output, const struct eo_profile *profile,
			 struct eo_error *err);

/** Open the next output, of the interval that begins at Unix time @now_ns. */
int profile_output_next(struct profile_output *output, uint64_t now_ns, struct eo_error *err);

#endif
