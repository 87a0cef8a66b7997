/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory that is taken in small pieces and given back all at once. Not thread-safe. */
#ifndef EO_OTLP_ARENA_H
#define EO_OTLP_ARENA_H

#include <stddef.h>

/* Zeroed memory is an empty arena. */
struct eo_arena {
	struct eo_arena_block *blocks; /* the one in use first */
	size_t used;		       /* bytes of it */
};

/** Aligned for any object, not zeroed; NULL when memory is out. */
void *eo_arena_alloc(struct eo_arena *arena, size_t size);
/** Everything is free again; one block is kept for the next pieces. */
void eo_arena_reset(struct eo_arena *arena);
void eo_arena_fini(struct eo_arena *arena);

#endif
