/* SPDX-License-Identifier: BSD-2-Clause */
/* Where events go as lines: JSON for programs, as they come; text for people, in the order of time
 * as far as lines come together. */
#ifndef EO_CLI_LINE_OUTPUT_H
#define EO_CLI_LINE_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/auto.h"
#include "core/error.h"
#include "core/event.h"
#include "export/stream.h"
#include "format/jsonl.h"

struct line_output;

struct line_output_options {
	const char *path; /* "-" is stdout */
	bool text;	  /* else JSON */
	bool color;
};

int line_output_new(const struct line_output_options *options, struct line_output **ret,
		    struct eo_error *err);
/** What waits is dropped. NULL is fine. */
void line_output_free(struct line_output *output);
EO_DEFINE_AUTO(line_output)

/**
 * @weight: how many events the line stands for
 * Returns 0 or a negative errno. -EPIPE without an error: who reads the output has had enough.
 */
int line_output_add(struct line_output *output, const struct eo_event *event,
		    const struct eo_event_clock *clock, uint32_t weight, struct eo_error *err);

/** A text of several lines, after all that was added before. */
int line_output_text(struct line_output *output, const char *text, size_t size, struct eo_error *err);

/** What is held back for its order goes to the stream. */
int line_output_release(struct line_output *output, struct eo_error *err);

/** Complete the file and go on in @path. */
int line_output_cut(struct line_output *output, const char *path, struct eo_error *err);

int line_output_finish(struct line_output *output, struct eo_error *err);

/** Of the file in progress. It has all lines only after a release(). */
struct eo_stream *line_output_stream(const struct line_output *output);

/** Are lines held back for their order? */
bool line_output_holds(const struct line_output *output);

#endif
