/* SPDX-License-Identifier: BSD-2-Clause */
/* Where records go as they come: a file, stdout, a pipe. Whole records only, and nobody waits for
 * a reader: what it does not take yet stays in a queue, and who puts records asks before whether
 * there is room. Not thread-safe. */
#ifndef EO_EXPORT_STREAM_H
#define EO_EXPORT_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/auto.h"
#include "core/error.h"

struct eo_stream;

/**
 * "-" is stdout. A FILE is made (mode 0600) if it is not there; an old one keeps its content until
 * the first record, or the close, and a new one goes away again when neither comes.
 * @binary: the data is no text, and a terminal is refused (CONFIG error)
 */
int eo_stream_open(const char *path, bool binary, struct eo_stream **ret, struct eo_error *err);
/** NULL is fine. What waits is dropped. */
void eo_stream_free(struct eo_stream *stream);
EO_DEFINE_AUTO(eo_stream)

bool eo_stream_is_stdout(const struct eo_stream *stream);
bool eo_stream_is_regular(const struct eo_stream *stream);
const char *eo_stream_name(const struct eo_stream *stream); /* for messages */
/** To be watched for room (EPOLLOUT) and for the reader's end; -1 where there is no reader. */
int eo_stream_fd(const struct eo_stream *stream);

/**
 * Room for a record of up to @size bytes; NULL when memory is out. Put it there, then
 * eo_stream_add() it; what is not added is not written.
 */
char *eo_stream_room(struct eo_stream *stream, size_t size);

/**
 * Take the @size bytes in the room as one record. Written at once where enough has come together.
 * @weight: how many events it stands for
 * Returns 0, or the negative errno of the stream's failure, which stays.
 */
int eo_stream_add(struct eo_stream *stream, size_t size, uint32_t weight);

/** Room, @bytes, add. Out of memory is a failure of the stream. */
int eo_stream_put(struct eo_stream *stream, const void *bytes, size_t size, uint32_t weight);

/** Write what can be written without waiting. Returns as eo_stream_add() does. */
int eo_stream_pump(struct eo_stream *stream);

/** The same, and wait for the reader until @until_ns (CLOCK_MONOTONIC) or everything is out. */
int eo_stream_drain(struct eo_stream *stream, uint64_t until_ns);

size_t eo_stream_waiting(const struct eo_stream *stream); /* bytes in the queue */

/** Forget the records that wait, but for one that is out in part. Returns their weight. */
uint64_t eo_stream_drop(struct eo_stream *stream);

/**
 * Write the rest of a file and close. -EPIPE, @err untouched: the reader has gone. Any earlier
 * failure shows here.
 */
int eo_stream_close(struct eo_stream *stream, struct eo_error *err);

/** Tell in @err why the stream failed. Returns the negative errno, -EPIPE with @err untouched. */
int eo_stream_failed(const struct eo_stream *stream, struct eo_error *err);

#endif
