/* SPDX-License-Identifier: BSD-2-Clause */
/* The walker's maps from user space's side: files with their rows, and processes with their
 * mappings. The walker reads while we write, so whatever it may still be looking at is given out
 * again only after all running programs have ended. Not thread-safe, but for the dictionary, which
 * belongs to whoever packs tables. */
#ifndef EO_UNWIND_TABLE_STORE_H
#define EO_UNWIND_TABLE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/auto.h"
#include "core/error.h"
#include "unwind/packed_table.h"
#include "unwind_table.h"

#define EO_TABLE_MEMORY_DEFAULT (12u << 20) /* bytes of rows */
#define EO_TABLE_MEMORY_MIN (1u << 20)
#define EO_TABLE_MEMORY_MAX (256u << 20)

struct bpf_object;

struct eo_table_store_stats {
	uint64_t files_loaded, processes, rules;
	uint64_t rows_bytes;   /* in chunks that exist */
	uint64_t files_evicted;
	uint64_t files_refused; /* no room although nothing could be thrown out */
	uint64_t resets;	/* all processes forgotten, to be asked for anew */
};

struct eo_table_store;

/** Between open and load: size the walker's maps. */
int eo_table_store_prepare(struct bpf_object *object, struct eo_error *err);

/**
 * After load.
 * @object: must outlive the store
 * @tick: the walker's clock of last uses, in the object's memory
 * @memory: bytes of rows, at least EO_TABLE_MEMORY_MIN
 */
int eo_table_store_new(struct bpf_object *object, uint32_t *tick, uint64_t memory,
		       struct eo_table_store **ret, struct eo_error *err);
void eo_table_store_free(struct eo_table_store *store); /* NULL is fine */
EO_DEFINE_AUTO(eo_table_store)

struct eo_rule_dictionary *eo_table_store_dictionary(struct eo_table_store *store);

/** A number for a file, whose state is ABSENT. Returns -ENOSPC when there are no more. */
int eo_table_store_add_file(struct eo_table_store *store);
/** Forget all files and processes; numbers of files begin anew. */
void eo_table_store_clear(struct eo_table_store *store);
/** Publish its rows, at the cost of files that were not used for longest. -ENOSPC: no room. */
int eo_table_store_load_file(struct eo_table_store *store, uint32_t file, const struct eo_packed_table *table);
/** Let the walker try frame pointers in it. */
void eo_table_store_refuse_file(struct eo_table_store *store, uint32_t file);
enum eo_unwind_file_state eo_table_store_file_state(const struct eo_table_store *store, uint32_t file);

/** @mappings: ascending. Returns 0 or a negative errno. */
int eo_table_store_set_process(struct eo_table_store *store, uint32_t tgid,
			       const struct eo_unwind_mapping *mappings, uint32_t count);
bool eo_table_store_has_process(const struct eo_table_store *store, uint32_t tgid);
void eo_table_store_drop_process(struct eo_table_store *store, uint32_t tgid);

/** Now and then: advance the clock of last uses. */
void eo_table_store_tick(struct eo_table_store *store);

struct eo_table_store_stats eo_table_store_stats(const struct eo_table_store *store);

#endif
