/* SPDX-License-Identifier: BSD-2-Clause */
/* A hash index over elements that live in their owner's array: it knows their numbers and 32 bits
 * of their hash, the owner compares. Eight bytes a slot. Not thread-safe. */
#ifndef EO_CORE_INDEX_H
#define EO_CORE_INDEX_H

#include <stddef.h>
#include <stdint.h>

#define EO_INDEX_NONE UINT32_MAX

struct eo_index_slot {
	uint32_t hash, element;
};

/* Zeroed memory is an empty index. */
struct eo_index {
	struct eo_index_slot *slots;
	uint32_t mask, used;
};

void eo_index_fini(struct eo_index *index);

/** Returns 0 or -ENOMEM, and then nothing has changed. Equal hashes may stand side by side. */
int eo_index_add(struct eo_index *index, uint32_t hash, uint32_t element);
void eo_index_remove(struct eo_index *index, uint32_t hash, uint32_t element);

/**
 * Walk the elements that may be meant.
 * @cursor: 0 at first; moved on
 * Returns an element whose hash is @hash, or EO_INDEX_NONE when there is no further one.
 */
uint32_t eo_index_next(const struct eo_index *index, uint32_t hash, uint32_t *cursor);

/* Ask for the memory in which eo_index_next() will begin. Inlined by all means: gcc before 14 drops
 * the call of a function that only prefetches. */
__attribute__((always_inline)) static inline void eo_index_look_ahead(const struct eo_index *index,
								      uint32_t hash)
{
	if (index->slots)
		__builtin_prefetch(&index->slots[hash & index->mask]);
}

#endif
