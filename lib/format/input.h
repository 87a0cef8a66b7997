/* SPDX-License-Identifier: BSD-2-Clause */
/* A file or stdin as a stream of bytes: gzip is unpacked on the way, positions are counted for
 * error messages, and the beginning can be looked at before it is read. Not thread-safe. */
#ifndef EO_FORMAT_INPUT_H
#define EO_FORMAT_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/auto.h"
#include "core/error.h"

#define EO_INPUT_PEEK_MAX 65536u

struct eo_input;

/** @path: "-" is stdin. A directory is an error. EVENT_PROCESSING_FAILED on every failure. */
int eo_input_open(const char *path, struct eo_input **ret, struct eo_error *err);
/** Bytes in memory, for tests and fuzzing; they stay the caller's. */
int eo_input_open_memory(const void *bytes, size_t size, struct eo_input **ret, struct eo_error *err);
void eo_input_free(struct eo_input *input); /* NULL is fine */
EO_DEFINE_AUTO(eo_input)

/**
 * From now on reading ends with -EINTR when there is something to read at @fd, which may come while
 * an input that is a pipe has nothing to say. -1: nowhere.
 */
void eo_input_stop_by(struct eo_input *input, int fd);

/**
 * Up to @size unpacked bytes. Returns their number, 0 at the end, or a negative errno with @err
 * (damaged gzip, read error), naming the file and the offset.
 */
ssize_t eo_input_read(struct eo_input *input, void *to, size_t size, struct eo_error *err);

/** The next bytes, at most EO_INPUT_PEEK_MAX and less only at the end, without taking them. */
ssize_t eo_input_peek(struct eo_input *input, const unsigned char **bytes, struct eo_error *err);

/**
 * One line without its newline, NUL-terminated; NULs inside it are an error. Lives until the next
 * call. Returns its length, -ENODATA at the end, another negative errno with @err; a line longer
 * than @max is -E2BIG.
 */
ssize_t eo_input_line(struct eo_input *input, size_t max, char **line, struct eo_error *err);

const char *eo_input_name(const struct eo_input *input); /* for messages */
uint64_t eo_input_offset(const struct eo_input *input);	 /* unpacked bytes taken so far */
uint64_t eo_input_line_number(const struct eo_input *input); /* of the last eo_input_line() */

#endif
