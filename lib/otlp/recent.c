/* SPDX-License-Identifier: BSD-2-Clause */
#include "otlp/recent.h"

#include <stdlib.h>
#include <string.h>

#include "core/hash.h"

struct eo_recent_slot {
	uint64_t key;
	uint32_t next_free;
	bool in_use, touched;
};

void eo_recent_init(struct eo_recent *recent, size_t value_bytes, uint32_t limit,
		    void (*drop)(void *value))
{
	*recent = (struct eo_recent){ .value_bytes = value_bytes,
				      .limit = limit,
				      .drop = drop,
				      .seed = eo_hash_seed() };
}

static void *value_of(const struct eo_recent *recent, uint32_t slot)
{
	return recent->values + slot * recent->value_bytes;
}

void eo_recent_fini(struct eo_recent *recent)
{
	for (uint32_t i = 0; recent->drop && i < recent->count; i++)
		if (recent->slots[i].in_use)
			recent->drop(value_of(recent, i));
	eo_index_fini(&recent->index);
	free(recent->slots);
	free(recent->values);
}

static uint32_t hash_of(const struct eo_recent *recent, uint64_t key)
{
	return (uint32_t)eo_hash_words(recent->seed, &key, 1);
}

static uint32_t find(const struct eo_recent *recent, uint64_t key)
{
	uint32_t cursor = 0, slot;

	do
		slot = eo_index_next(&recent->index, hash_of(recent, key), &cursor);
	while (slot != EO_INDEX_NONE && recent->slots[slot].key != key);
	return slot;
}

static void release(struct eo_recent *recent, uint32_t slot)
{
	struct eo_recent_slot *s = &recent->slots[slot];

	eo_index_remove(&recent->index, hash_of(recent, s->key), slot);
	if (recent->drop)
		recent->drop(value_of(recent, slot));
	s->in_use = false;
	s->next_free = recent->free;
	recent->free = slot + 1;
}

/* The hand goes round: who was touched since it came last is spared once. */
static void evict(struct eo_recent *recent)
{
	for (;; recent->hand = (recent->hand + 1) % recent->count) {
		struct eo_recent_slot *s = &recent->slots[recent->hand];

		if (!s->touched) {
			release(recent, recent->hand);
			return;
		}
		s->touched = false;
	}
}

static bool grow(struct eo_recent *recent)
{
	uint32_t capacity = recent->capacity ? 2 * recent->capacity : 64;
	struct eo_recent_slot *slots;
	char *values;

	slots = reallocarray(recent->slots, capacity, sizeof(*slots));
	if (slots)
		recent->slots = slots;
	values = reallocarray(recent->values, capacity, recent->value_bytes);
	if (values)
		recent->values = values;
	if (!slots || !values)
		return false;
	recent->capacity = capacity;
	return true;
}

void *eo_recent_get(struct eo_recent *recent, uint64_t key)
{
	uint32_t slot = find(recent, key);

	if (slot == EO_INDEX_NONE)
		return NULL;
	recent->slots[slot].touched = true;
	return value_of(recent, slot);
}

void *eo_recent_put(struct eo_recent *recent, uint64_t key, bool *is_new)
{
	void *value = eo_recent_get(recent, key);
	uint32_t slot;

	*is_new = !value;
	if (value)
		return value;
	if (!recent->free && recent->count == recent->limit)
		evict(recent);
	if (!recent->free && recent->count == recent->capacity && !grow(recent))
		return NULL;
	slot = recent->free ? recent->free - 1 : recent->count;
	if (eo_index_add(&recent->index, hash_of(recent, key), slot) < 0)
		return NULL;
	if (recent->free)
		recent->free = recent->slots[slot].next_free;
	else
		recent->count++;
	recent->slots[slot] = (struct eo_recent_slot){.key = key, .in_use = true, .touched = true};
	return memset(value_of(recent, slot), 0, recent->value_bytes);
}

void eo_recent_remove(struct eo_recent *recent, uint64_t key)
{
	uint32_t slot = find(recent, key);

	if (slot != EO_INDEX_NONE)
		release(recent, slot);
}
