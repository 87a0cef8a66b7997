/* SPDX-License-Identifier: BSD-2-Clause */
/* A BPF ring buffer for each CPU, read in turns and never for long. Not thread-safe. */
#ifndef EO_CAPTURE_RINGS_H
#define EO_CAPTURE_RINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/auto.h"
#include "core/error.h"
#include "core/loop.h"

struct eo_rings;

/* A negative return ends the reading with it; the record counts as read. */
typedef int (*eo_ring_record_fn)(void *ctx, uint32_t cpu, const void *record, size_t size);

/**
 * Make the rings and put them into the map of maps @outer_fd.
 * @bytes: of each, a power of two, at least a page
 */
int eo_rings_new(int outer_fd, uint32_t cpu_count, uint32_t bytes, eo_ring_record_fn fn, void *ctx,
		 struct eo_rings **ret, struct eo_error *err);
void eo_rings_free(struct eo_rings *rings); /* NULL is fine; closes the rings */
EO_DEFINE_AUTO(eo_rings)

/**
 * Hand records to the callback, a few hundred of each ring in turn, until all rings are empty or
 * @until_ns (CLOCK_MONOTONIC) has passed.
 * @ready: asked before each few hundred; false ends the reading. NULL: always
 * Returns 1 when records may be left, 0 when there were none, or the callback's negative return.
 */
int eo_rings_read(struct eo_rings *rings, uint64_t until_ns, bool (*ready)(void *ctx),
		  void *ready_ctx);

/** Call @fn when a ring has filled up to its wakeup level. */
int eo_rings_watch(struct eo_rings *rings, struct eo_loop *loop, eo_loop_fd_fn fn, void *ctx,
		   struct eo_error *err);
void eo_rings_unwatch(struct eo_rings *rings);
bool eo_rings_is_watched(const struct eo_rings *rings);

uint64_t eo_rings_bytes(const struct eo_rings *rings); /* memory of all */

#endif
