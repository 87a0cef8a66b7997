// SPDX-License-Identifier: BSD-2-Clause
#include "capture/mem_blocks.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "core/array.h"
#include "core/clock.h"
#include "core/hash.h"
#include "core/index.h"

#define CHUNK 4096u /* blocks read at once */
#define REST  20    /* a sweep may take one part in so many of the time */

struct sums {
	struct eo_mem_held *held;
	uint32_t count, room;
	struct eo_index index;
};

struct ended {
	struct eo_mem_image image;
	struct eo_mem_end end;
};

struct eo_mem_blocks {
	struct eo_mem_block_map maps[EO_MEM_BLOCK_MAPS];
	int ended_fd;
	struct eo_mem_block_key *keys; /* CHUNK */
	struct eo_mem_block *values;
	struct sums exited;
	uint64_t swept, swept_bytes;
	uint64_t next_ns; /* sweep */
	uint64_t seed;
};

int eo_mem_blocks_new(const struct eo_mem_block_map maps[EO_MEM_BLOCK_MAPS], int ended_fd,
		      struct eo_mem_blocks **ret, struct eo_error *err)
{
	EO_AUTO(eo_mem_blocks) blocks = calloc(1, sizeof(*blocks));

	if (blocks) {
		memcpy(blocks->maps, maps, sizeof(blocks->maps));
		blocks->ended_fd = ended_fd;
		blocks->seed = eo_hash_seed();
		blocks->keys = calloc(CHUNK, sizeof(*blocks->keys));
		blocks->values = calloc(CHUNK, sizeof(*blocks->values));
	}
	if (!blocks || !blocks->keys || !blocks->values)
		return eo_error_set(err, EO_ERROR_LOAD_FAILED, ENOMEM, NULL, "allocate the list of blocks");
	*ret = eo_steal(&blocks);
	return 0;
}

static void sums_fini(struct sums *sums)
{
	free(sums->held);
	eo_index_fini(&sums->index);
}

void eo_mem_blocks_free(struct eo_mem_blocks *blocks)
{
	if (!blocks)
		return;
	sums_fini(&blocks->exited);
	free(blocks->keys);
	free(blocks->values);
	free(blocks);
}

/* ---- sums ---- */

static struct eo_mem_held *held_of(const struct eo_mem_blocks *blocks, struct sums *sums, uint64_t stack,
				   uint32_t source)
{
	const uint64_t words[] = {stack, source};
	uint32_t hash = (uint32_t)eo_hash_words(blocks->seed, words, 2), cursor = 0, i;

	while ((i = eo_index_next(&sums->index, hash, &cursor)) != EO_INDEX_NONE)
		if (sums->held[i].stack == stack && sums->held[i].source == source)
			return &sums->held[i];
	if (!EO_ARRAY_RESERVE(sums->held, sums->count + 1, sums->room, 256))
		return NULL;
	if (eo_index_add(&sums->index, hash, sums->count) < 0)
		return NULL;
	sums->held[sums->count] = (struct eo_mem_held){.stack = stack, .source = source};
	return &sums->held[sums->count++];
}

static int add(const struct eo_mem_blocks *blocks, struct sums *sums, const struct eo_mem_held *more)
{
	struct eo_mem_held *held = held_of(blocks, sums, more->stack, more->source);

	if (!held)
		return -ENOMEM;
	held->count += more->count;
	held->bytes += more->bytes;
	if (more->oldest_ns > held->oldest_ns)
		held->oldest_ns = more->oldest_ns;
	return 0;
}

static int add_block(const struct eo_mem_blocks *blocks, struct sums *sums,
		     const struct eo_mem_block *block, uint32_t source, uint64_t now_ns,
		     uint64_t min_age_ns)
{
	const struct eo_mem_held one = {
		.stack = block->stack,
		.source = source,
		.count = block->weight,
		.bytes = eo_mem_weighted(block->size, block->weight),
		.oldest_ns = now_ns > block->ktime_ns ? now_ns - block->ktime_ns : 0,
	};

	return one.oldest_ns >= min_age_ns ? add(blocks, sums, &one) : 0;
}

/* ---- reading ---- */

struct reading {
	int fd;
	uint32_t place;
	bool begun, at_end;
};

/* The next blocks into keys and values. Returns their number, 0 at the end, or a negative errno. */
static int next_chunk(struct eo_mem_blocks *blocks, struct reading *reading)
{
	uint32_t count = CHUNK;

	if (reading->at_end)
		return 0;
	if (bpf_map_lookup_batch(reading->fd, reading->begun ? &reading->place : NULL, &reading->place,
				 blocks->keys, blocks->values, &count, NULL) < 0) {
		if (errno != ENOENT) /* the end, with the last elements */
			return -errno;
		reading->at_end = true;
	}
	reading->begun = true;
	return (int)count;
}

static int by_image(const void *a, const void *b)
{
	return memcmp(&((const struct ended *)a)->image, &((const struct ended *)b)->image,
		      sizeof(struct eo_mem_image));
}

/* All that have ended, in order. Returns how many, or a negative errno. */
static int read_ended(const struct eo_mem_blocks *blocks, struct ended **ret)
{
	struct ended *list = NULL;
	struct eo_mem_image key, next;
	size_t count = 0, room = 0;
	bool first = true;

	while (bpf_map_get_next_key(blocks->ended_fd, first ? NULL : &key, &next) == 0) {
		key = next;
		first = false;
		if (!EO_ARRAY_RESERVE(list, count + 1, room, 64)) {
			free(list);
			return -ENOMEM;
		}
		list[count].image = key;
		if (bpf_map_lookup_elem(blocks->ended_fd, &key, &list[count].end) == 0)
			count++;
	}
	if (count > 0)
		qsort(list, count, sizeof(*list), by_image);
	*ret = list;
	return (int)count;
}

static int sweep_block(struct eo_mem_blocks *blocks, const struct eo_mem_block_map *map,
		       const struct ended *ended, const struct eo_mem_block_key *key,
		       const struct eo_mem_block *block, uint64_t min_age_ns)
{
	if (bpf_map_delete_elem(map->fd, key) < 0)
		return 0;
	blocks->swept += block->weight;
	blocks->swept_bytes += eo_mem_weighted(block->size, block->weight);
	if (ended->end.by_exec)
		return 0;
	return add_block(blocks, &blocks->exited, block, map->source, ended->end.ktime_ns, min_age_ns);
}

static int sweep_map(struct eo_mem_blocks *blocks, const struct eo_mem_block_map *map,
		     const struct ended *ended, size_t count, uint64_t min_age_ns)
{
	struct reading reading = {.fd = map->fd};
	int chunk, r = 0;

	while (r == 0 && (chunk = next_chunk(blocks, &reading)) != 0) {
		r = chunk < 0 ? chunk : 0;
		for (int i = 0; i < chunk && r == 0; i++) {
			const struct ended key = {.image = blocks->keys[i].image};
			const struct ended *found = bsearch(&key, ended, count, sizeof(*ended), by_image);

			if (found)
				r = sweep_block(blocks, map, found, &blocks->keys[i], &blocks->values[i],
						min_age_ns);
		}
	}
	return r;
}

int eo_mem_blocks_sweep(struct eo_mem_blocks *blocks, uint64_t min_age_ns, bool may_wait)
{
	uint64_t began_ns = eo_clock_monotonic_ns(), now_ns;
	EO_AUTO_FREE struct ended *ended = NULL;
	int count, r = 0;

	if (may_wait && began_ns < blocks->next_ns)
		return 0;
	count = read_ended(blocks, &ended);
	if (count <= 0)
		return count;
	for (size_t i = 0; i < EO_MEM_BLOCK_MAPS && r == 0; i++)
		if (blocks->maps[i].source != EO_MEM_KERNEL)
			r = sweep_map(blocks, &blocks->maps[i], ended, (size_t)count, min_age_ns);
	for (int i = 0; i < count && r == 0; i++)
		bpf_map_delete_elem(blocks->ended_fd, &ended[i].image);
	now_ns = eo_clock_monotonic_ns();
	blocks->next_ns = now_ns + REST * (now_ns - began_ns);
	return r;
}

uint64_t eo_mem_blocks_swept(const struct eo_mem_blocks *blocks, uint64_t *bytes)
{
	*bytes = blocks->swept_bytes;
	return blocks->swept;
}

static int by_bytes(const void *a, const void *b)
{
	const struct eo_mem_held *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return (x->stack > y->stack) - (x->stack < y->stack);
}

static int sum_map(struct eo_mem_blocks *blocks, const struct eo_mem_block_map *map, struct sums *sums,
		   uint64_t now_ns, uint64_t min_age_ns)
{
	struct reading reading = {.fd = map->fd};
	int chunk, r = 0;

	while (r == 0 && (chunk = next_chunk(blocks, &reading)) != 0) {
		r = chunk < 0 ? chunk : 0;
		for (int i = 0; i < chunk && r == 0; i++)
			r = add_block(blocks, sums, &blocks->values[i], map->source, now_ns, min_age_ns);
	}
	return r;
}

int eo_mem_blocks_held(struct eo_mem_blocks *blocks, uint64_t min_age_ns, struct eo_mem_held **ret,
		       size_t *count)
{
	uint64_t now_ns = eo_clock_monotonic_ns();
	struct sums sums = {0};
	int r;

	*ret = NULL;
	*count = 0;
	r = eo_mem_blocks_sweep(blocks, min_age_ns, false);
	for (size_t i = 0; i < EO_MEM_BLOCK_MAPS && r == 0; i++)
		r = sum_map(blocks, &blocks->maps[i], &sums, now_ns, min_age_ns);
	for (uint32_t i = 0; i < blocks->exited.count && r == 0; i++)
		r = add(blocks, &sums, &blocks->exited.held[i]);
	if (r == 0 && sums.count > 0) {
		for (uint32_t i = 0; i < sums.count; i++)
			sums.held[i].count = eo_mem_count(sums.held[i].count);
		qsort(sums.held, sums.count, sizeof(*sums.held), by_bytes);
		*ret = eo_steal(&sums.held);
		*count = sums.count;
	}
	sums_fini(&sums);
	return r;
}
