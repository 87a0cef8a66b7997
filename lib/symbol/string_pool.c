/* SPDX-License-Identifier: BSD-2-Clause */
#include "symbol/string_pool.h"

#include <stdint.h>
#include <string.h>

#include "core/array.h"
#include "core/hash.h"
#include "core/index.h"

#define BLOCK_BYTES 65536u
#define MAX_BYTES (128u << 20) /* a JIT that never repeats a name must not take the machine */

struct block {
	struct block *next;
	size_t used, size;
	char bytes[];
};

struct eo_string_pool {
	struct block *blocks; /* the one being filled first */
	size_t total;
	const char **list;
	uint32_t count, room;
	struct eo_index index;
	uint64_t seed;
};

struct eo_string_pool *eo_string_pool_new(void)
{
	struct eo_string_pool *s = calloc(1, sizeof(*s));

	if (s)
		s->seed = eo_hash_seed();
	return s;
}

void eo_string_pool_free(struct eo_string_pool *s)
{
	if (!s)
		return;
	while (s->blocks) {
		struct block *next = s->blocks->next;

		free(s->blocks);
		s->blocks = next;
	}
	free(s->list);
	eo_index_fini(&s->index);
	free(s);
}

static char *take(struct eo_string_pool *s, size_t size)
{
	struct block *b = s->blocks;
	char *ret;

	if (!b || b->size - b->used < size) {
		size_t room = size > BLOCK_BYTES ? size : BLOCK_BYTES;

		b = malloc(sizeof(*b) + room);
		if (!b)
			return NULL;
		*b = (struct block){.next = s->blocks, .size = room};
		s->blocks = b;
	}
	ret = b->bytes + b->used;
	b->used += size;
	s->total += size;
	return ret;
}

const char *eo_string_pool_add(struct eo_string_pool *s, const char *text)
{
	size_t size = strlen(text) + 1;
	uint32_t hash = eo_hash(s->seed, text, size), cursor = 0, i;
	char *copy;

	while ((i = eo_index_next(&s->index, hash, &cursor)) != EO_INDEX_NONE)
		if (!strcmp(s->list[i], text))
			return s->list[i];

	if (size > MAX_BYTES - s->total)
		return NULL;
	if (!EO_ARRAY_RESERVE(s->list, s->count + 1, s->room, 256))
		return NULL;
	if (eo_index_add(&s->index, hash, s->count) < 0)
		return NULL;
	copy = take(s, size);
	if (!copy) {
		eo_index_remove(&s->index, hash, s->count);
		return NULL;
	}
	memcpy(copy, text, size);
	s->list[s->count++] = copy;
	return copy;
}
