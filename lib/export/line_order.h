/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines for people on their way to a stream: the rings of several CPUs are read one after the other,
 * so what comes together is sorted by time before it is written. Not thread-safe. */
#ifndef EO_EXPORT_LINE_ORDER_H
#define EO_EXPORT_LINE_ORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/auto.h"
#include "export/stream.h"

struct eo_line_order;

/** NULL when memory is out. */
struct eo_line_order *eo_line_order_new(void);
/** NULL is fine. What is held is forgotten. */
void eo_line_order_free(struct eo_line_order *order);
EO_DEFINE_AUTO(eo_line_order)

/** As eo_stream_room(). */
char *eo_line_order_room(struct eo_line_order *order, size_t size);

/**
 * Hold the @size bytes in the room.
 * @time_ns: lines of the same time stay as they came
 * @weight: as of eo_stream_add()
 */
void eo_line_order_add(struct eo_line_order *order, size_t size, uint64_t time_ns, uint32_t weight);

/** Hold no more: there are too many lines or bytes for one sort. */
bool eo_line_order_is_full(const struct eo_line_order *order);

size_t eo_line_order_waiting(const struct eo_line_order *order); /* bytes */

/** Give all lines to @stream. Returns as eo_stream_add(). */
int eo_line_order_release(struct eo_line_order *order, struct eo_stream *stream);

#endif
