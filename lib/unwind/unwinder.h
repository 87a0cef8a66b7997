/* SPDX-License-Identifier: BSD-2-Clause */
/* Keeps the walker's tables filled: which processes it knows, and which files' rows. Files are
 * parsed by a thread of its own, small ones first; everything else happens in the caller's.
 *
 * A process is loaded when a walk misses it, and from then on whenever it changes. Of those that no
 * sample ever falls into nothing is kept, nor is a file parsed that only they map. */
#ifndef EO_UNWIND_UNWINDER_H
#define EO_UNWIND_UNWINDER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/auto.h"
#include "core/error.h"
#include "symbol/process.h"
#include "unwind/table_store.h"

struct eo_unwinder_stats {
	struct eo_table_store_stats tables;
	uint64_t files_parsed;
	uint64_t files_without; /* no table in them, or not readable */
	uint64_t misses;
};

struct eo_unwinder;

/**
 * @store: becomes the unwinder's on success
 * @processes: stays the caller's and must outlive the unwinder
 */
int eo_unwinder_new(struct eo_table_store *store, struct eo_processes *processes,
		    struct eo_unwinder **ret, struct eo_error *err);
void eo_unwinder_free(struct eo_unwinder *unwinder); /* NULL is fine; ends the thread */
EO_DEFINE_AUTO(eo_unwinder)

/** Becomes readable when parsed files wait for eo_unwinder_update(). */
int eo_unwinder_fd(const struct eo_unwinder *unwinder);

/** A walk in @tgid stopped at @pc for want of tables. */
void eo_unwinder_miss(struct eo_unwinder *unwinder, uint32_t tgid, uint64_t pc);

/** Have the tables for @tgid ready before a walk misses them. */
void eo_unwinder_expect(struct eo_unwinder *unwinder, uint32_t tgid);

/** Are there files that were asked for and not parsed yet? */
bool eo_unwinder_is_busy(const struct eo_unwinder *unwinder);

/** Publish what was parsed, and the changes of processes since the last call. */
void eo_unwinder_update(struct eo_unwinder *unwinder);

/** Once a second. */
void eo_unwinder_tick(struct eo_unwinder *unwinder);

struct eo_unwinder_stats eo_unwinder_stats(struct eo_unwinder *unwinder);

#endif
