/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/string_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 32768

/* Bytes are carved from blocks, which never move: a malloc() a string costs 16 bytes more. */
struct eo_string_block {
	struct eo_string_block *next;
	size_t used, size;
	char bytes[];
};

int eo_string_table_init(struct eo_string_table *table)
{
	*table = (struct eo_string_table){ .seed = eo_hash_seed() };
	table->capacity = 16;
	table->strings = calloc(table->capacity, sizeof(*table->strings));
	if (!table->strings)
		return -ENOMEM;
	table->strings[table->count++] = "";
	return 0;
}

void eo_string_table_fini(struct eo_string_table *table)
{
	struct eo_string_block *next;

	for (struct eo_string_block *block = table->blocks; block; block = next) {
		next = block->next;
		free(block);
	}
	free(table->strings);
	eo_index_fini(&table->set);
	*table = (struct eo_string_table){ 0 };
}

static char *copy_of(struct eo_string_table *table, const char *text, size_t len)
{
	struct eo_string_block *block = table->blocks;
	char *copy;

	if (!block || block->size - block->used <= len) {
		/* The first block is small for small profiles; a long string has its own. */
		size_t size = block ? BLOCK_BYTES : BLOCK_BYTES / 8;

		if (size <= len)
			size = len + 1;
		block = malloc(sizeof(*block) + size);
		if (!block)
			return NULL;
		block->next = table->blocks;
		block->used = 0;
		block->size = size;
		table->blocks = block;
	}
	copy = memcpy(block->bytes + block->used, text, len);
	copy[len] = '\0';
	block->used += len + 1;
	return copy;
}

int eo_string_table_intern(struct eo_string_table *table, const char *text, size_t len,
			   uint32_t *ret)
{
	uint32_t cursor = 0;
	uint64_t hash;
	uint32_t number;
	const char *copy;
	int r;

	*ret = 0;
	len = strnlen(text, len);
	if (!len)
		return 0;

	hash = eo_hash(table->seed, text, len);
	while ((number = eo_index_next(&table->set, hash, &cursor)) != EO_INDEX_NONE)
		/* strncmp() stops at the end of a shorter candidate, memcmp() would not. */
		if (!strncmp(table->strings[number], text, len) && !table->strings[number][len]) {
			*ret = number;
			return 0;
		}

	if (table->count >= UINT32_MAX)
		return -E2BIG;
	if (table->count == table->capacity) {
		size_t capacity = table->capacity + table->capacity / 2;
		const char **larger = realloc(table->strings, capacity * sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		table->strings = larger;
		table->capacity = capacity;
	}
	copy = copy_of(table, text, len);
	if (!copy)
		return -ENOMEM;
	number = (uint32_t)table->count;
	r = eo_index_add(&table->set, hash, number);
	if (r < 0)
		return r;
	table->strings[table->count++] = copy;
	*ret = number;
	return 0;
}
