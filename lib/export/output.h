/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a finished document goes: a file that appears whole or not at all, or stdout.
 *
 * For a regular FILE a temporary file beside it (mode 0600, or owner and mode of the one that it
 * will replace) is filled and renamed by eo_output_commit(); a symbolic link is followed and its
 * target replaced. What exists and is no regular file (/dev/null, a fifo) is opened and written as
 * it is. */
#ifndef EO_EXPORT_OUTPUT_H
#define EO_EXPORT_OUTPUT_H

#include <stdbool.h>
#include <stdio.h>

#include "core/auto.h"
#include "core/error.h"

struct eo_output;

/**
 * Make sure @path can be written, before anything is captured. "-" is stdout.
 * @binary: the data is no text, and a terminal is refused (CONFIG error)
 */
int eo_output_open(const char *path, bool binary, struct eo_output **ret, struct eo_error *err);
/** Without an earlier commit the temporary file is removed and the old one stays. NULL is fine. */
void eo_output_free(struct eo_output *output);
EO_DEFINE_AUTO(eo_output)

FILE *eo_output_stream(struct eo_output *output);
bool eo_output_is_stdout(const struct eo_output *output);
const char *eo_output_name(const struct eo_output *output); /* for messages */

/**
 * Flush, sync and rename. EPIPE on stdout or a fifo is success: the reader has had enough.
 * Any earlier write error shows here.
 */
int eo_output_commit(struct eo_output *output, struct eo_error *err);

/**
 * Commit what a writer has made that returned @r, unless it failed. Where that was because
 * writing failed, commit knows better why, and whether it is an error.
 * @err: as the writer left it
 */
int eo_output_finish(struct eo_output *output, int r, struct eo_error *err);

#endif
