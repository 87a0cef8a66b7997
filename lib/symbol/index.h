/* SPDX-License-Identifier: BSD-2-Clause */
/* A hash index over elements that live in their owner's array: it knows their numbers and 32 bits
 * of their hash, the owner compares. Eight bytes a slot. Not thread-safe. */
#ifndef EO_SYMBOL_INDEX_H
#define EO_SYMBOL_INDEX_H

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

/* Keys come from processes that may want long chains, so every table owner draws a seed. */
uint64_t eo_hash_seed(void);
uint32_t eo_hash(uint64_t seed, const void *data, size_t size);
uint32_t eo_hash_string(uint64_t seed, const char *text);
uint32_t eo_hash_words(uint64_t seed, const uint64_t *words, size_t count);

#endif
