/* SPDX-License-Identifier: BSD-2-Clause */
#include "format/read_ids.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/hash.h"

int eo_id_table_init(struct eo_id_table *table, size_t count)
{
	*table = (struct eo_id_table){.dense_count = count + 1, .seed = eo_hash_seed()};
	table->dense = malloc(table->dense_count * sizeof(*table->dense));
	if (!table->dense) {
		table->dense_count = 0;
		return -ENOMEM;
	}
	memset(table->dense, 0xff, table->dense_count * sizeof(*table->dense)); /* EO_ID_NONE */
	return 0;
}

void eo_id_table_fini(struct eo_id_table *table)
{
	free(table->dense);
	free(table->others);
	eo_index_fini(&table->set);
}

uint32_t eo_id_table_find_other(const struct eo_id_table *table, uint64_t id)
{
	uint32_t hash = (uint32_t)eo_hash(table->seed, &id, sizeof(id));
	uint32_t cursor = 0, number;

	while ((number = eo_index_next(&table->set, hash, &cursor)) != EO_INDEX_NONE)
		if (table->others[number].id == id)
			return table->others[number].index;
	return EO_ID_NONE;
}

int eo_id_table_add(struct eo_id_table *table, uint64_t id, uint32_t index)
{
	if (!id)
		return -EINVAL;
	if (eo_id_table_find(table, id) != EO_ID_NONE)
		return -EEXIST;
	if (id < table->dense_count) {
		table->dense[id] = index;
		return 0;
	}
	if (!table->others) {
		table->others = calloc(table->dense_count, sizeof(*table->others));
		if (!table->others)
			return -ENOMEM;
	}
	table->others[table->other_count] = (struct eo_id){id, index};
	return eo_index_add(&table->set, (uint32_t)eo_hash(table->seed, &id, sizeof(id)),
			    (uint32_t)table->other_count++);
}
