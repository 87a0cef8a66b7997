/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS 64u
#define MAX_SLOTS (1u << 30)

void eo_index_fini(struct eo_index *index)
{
	free(index->slots);
	*index = (struct eo_index){0};
}

static void put(struct eo_index_slot *slots, uint32_t mask, struct eo_index_slot slot)
{
	uint32_t i = slot.hash & mask;

	while (slots[i].element != EO_INDEX_NONE)
		i = (i + 1) & mask;
	slots[i] = slot;
}

static int grow(struct eo_index *index)
{
	uint32_t count = index->slots ? (index->mask + 1) * 2 : FIRST_SLOTS;
	struct eo_index_slot *slots;

	if (count > MAX_SLOTS)
		return -ENOMEM;
	slots = malloc(count * sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	memset(slots, 0xff, count * sizeof(*slots)); /* all EO_INDEX_NONE */
	for (uint32_t i = 0; index->slots && i <= index->mask; i++)
		if (index->slots[i].element != EO_INDEX_NONE)
			put(slots, count - 1, index->slots[i]);
	free(index->slots);
	index->slots = slots;
	index->mask = count - 1;
	return 0;
}

int eo_index_add(struct eo_index *index, uint32_t hash, uint32_t element)
{
	/* A quarter stays free, so that every probe ends. */
	if (!index->slots || (index->used + 1) / 3 >= (index->mask + 1) / 4) {
		int r = grow(index);

		if (r < 0)
			return r;
	}
	put(index->slots, index->mask, (struct eo_index_slot){hash, element});
	index->used++;
	return 0;
}

void eo_index_remove(struct eo_index *index, uint32_t hash, uint32_t element)
{
	uint32_t mask = index->mask, hole, i;

	if (!index->slots)
		return;
	for (hole = hash & mask; index->slots[hole].element != element; hole = (hole + 1) & mask)
		if (index->slots[hole].element == EO_INDEX_NONE)
			return;

	/* Move up what would become unreachable behind the hole. */
	for (i = (hole + 1) & mask; index->slots[i].element != EO_INDEX_NONE; i = (i + 1) & mask) {
		uint32_t home = index->slots[i].hash & mask;

		if (((i - home) & mask) >= ((i - hole) & mask)) {
			index->slots[hole] = index->slots[i];
			hole = i;
		}
	}
	index->slots[hole].element = EO_INDEX_NONE;
	index->used--;
}

uint32_t eo_index_next(const struct eo_index *index, uint32_t hash, uint32_t *cursor)
{
	if (!index->slots)
		return EO_INDEX_NONE;
	for (;;) {
		const struct eo_index_slot *slot = &index->slots[(hash + *cursor) & index->mask];

		if (slot->element == EO_INDEX_NONE)
			return EO_INDEX_NONE;
		++*cursor;
		if (slot->hash == hash)
			return slot->element;
	}
}
