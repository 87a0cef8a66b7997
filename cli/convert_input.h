/* SPDX-License-Identifier: BSD-2-Clause */
/* The inputs of convert, one after the other: opened when their turn comes, recognised, and all of
 * one kind. */
#ifndef EO_CLI_CONVERT_INPUT_H
#define EO_CLI_CONVERT_INPUT_H

#include "cli.h"
#include "core/error.h"
#include "format/input.h"
#include "format/reader.h"
#include "model/profile.h"

struct convert_input {
	const char *const *names;
	size_t name_count;
	const struct eo_input_format *from; /* NULL: by content */
	const struct cli *cli;
	int stop_fd; /* of eo_input_stop_by() */

	size_t next;			      /* index of the name to be opened next */
	struct eo_input *current;	      /* NULL: none is open */
	const struct eo_input_format *format; /* of the current one */
	const struct eo_input_format *first;  /* of the first one */
};

/* The input that is open is closed by the next call, and by fini(). */
void convert_input_init(struct convert_input *input, const char *const *names, size_t name_count,
			const struct eo_input_format *from, const struct cli *cli);
void convert_input_fini(struct convert_input *input);

/** Reading ends by @fd from now on: see eo_input_stop_by(). */
void convert_input_stop_by(struct convert_input *input, int fd);

/** Open and recognise the next one. Returns 1, 0 when there is none, or a negative errno. */
int convert_input_next(struct convert_input *input, struct eo_error *err);

/**
 * All inputs as one profile, which is the caller's; of events those that have stacks. The first
 * one is open.
 */
int convert_input_read_profile(struct convert_input *input, struct eo_profile **ret,
			       struct eo_error *err);

#endif
