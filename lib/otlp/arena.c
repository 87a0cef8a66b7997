/* SPDX-License-Identifier: BSD-2-Clause */
#include "otlp/arena.h"

#include <stdint.h>
#include <stdlib.h>

#define BLOCK_BYTES (64u << 10)
#define ALIGN	    _Alignof(max_align_t)

struct eo_arena_block {
	struct eo_arena_block *next;
	size_t size;
	_Alignas(max_align_t) char bytes[];
};

void *eo_arena_alloc(struct eo_arena *arena, size_t size)
{
	struct eo_arena_block *block = arena->blocks;
	void *piece;

	if (size > SIZE_MAX / 2)
		return NULL;
	size = (size + ALIGN - 1) & ~(ALIGN - 1);
	if (!block || block->size - arena->used < size) {
		size_t room = size > BLOCK_BYTES ? size : BLOCK_BYTES;

		block = malloc(sizeof(*block) + room);
		if (!block)
			return NULL;
		block->size = room;
		block->next = arena->blocks;
		arena->blocks = block;
		arena->used = 0;
	}
	piece = block->bytes + arena->used;
	arena->used += size;
	return piece;
}

void eo_arena_reset(struct eo_arena *arena)
{
	struct eo_arena_block *kept = arena->blocks;

	if (!kept)
		return;
	while (kept->next) {
		struct eo_arena_block *next = kept->next->next;

		free(kept->next);
		kept->next = next;
	}
	arena->used = 0;
}

void eo_arena_fini(struct eo_arena *arena)
{
	eo_arena_reset(arena);
	free(arena->blocks);
	*arena = (struct eo_arena){ .blocks = NULL };
}
