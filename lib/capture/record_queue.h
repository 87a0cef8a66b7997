/* SPDX-License-Identifier: BSD-2-Clause */
/* Records of several rings, which wait until none can come any more that was made before them, and
 * are then taken in the order of their times. */
#ifndef EO_CAPTURE_RECORD_QUEUE_H
#define EO_CAPTURE_RECORD_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/auto.h"
#include "trace_records.h"

struct eo_record_queue;

/** @max_count, @max_bytes: of the records that wait. NULL: no memory. */
struct eo_record_queue *eo_record_queue_new(size_t max_count, size_t max_bytes);
/** NULL is nothing. */
void eo_record_queue_free(struct eo_record_queue *queue);

/** Copy a record of @size bytes, headers included. False: there is no room for it. */
bool eo_record_queue_add(struct eo_record_queue *queue, const struct eo_record_header *record,
			 size_t size);

/**
 * Take the earliest record if its ktime_ns is @until_ns or before, else NULL. It belongs to the
 * queue, which keeps it until the next one is taken.
 */
const struct eo_record_header *eo_record_queue_take(struct eo_record_queue *queue,
						    uint64_t until_ns, size_t *size);

EO_DEFINE_AUTO(eo_record_queue)

#endif
