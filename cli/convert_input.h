/* SPDX-License-Identifier: BSD-2-Clause */
/* The inputs of convert, one after the other: opened when their turn comes, recognised, and all of
 * one kind. */
#ifndef EO_CLI_CONVERT_INPUT_H
#define EO_CLI_CONVERT_INPUT_H

#include "cli.h"
#include "convert_options.h"
#include "core/error.h"
#include "format/input.h"
#include "format/reader.h"

struct convert_input {
	const struct convert_options *options;
	const struct cli *cli;
	size_t next;		 /* index of the input to be opened next */
	struct eo_input *current; /* NULL: none is open */
	const struct eo_input_format *format; /* of the current one */
	const struct eo_input_format *first;  /* of the first one */
};

/* The input that is open is closed by the next call, and by fini(). */
void convert_input_init(struct convert_input *input, const struct convert_options *options,
			const struct cli *cli);
void convert_input_fini(struct convert_input *input);

/** Open and recognise the next one. Returns 1, 0 when there is none, or a negative errno. */
int convert_input_next(struct convert_input *input, struct eo_error *err);

/** Add the whole of @input, which is in @format, to @profile. */
int convert_input_read_profile(struct eo_input *input, const struct eo_input_format *format,
			       struct eo_profile *profile, struct eo_error *err);

#endif
