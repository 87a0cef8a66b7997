/* SPDX-License-Identifier: BSD-2-Clause */
/* From a file's ids to the model's indices. Ids may be any number; 1 to n is customary and costs
 * four bytes each. */
#ifndef EO_FORMAT_READ_IDS_H
#define EO_FORMAT_READ_IDS_H

#include <stddef.h>
#include <stdint.h>

#include "core/index.h"

#define EO_ID_NONE UINT32_MAX

struct eo_id_table {
	uint32_t *dense; /* of the ids below dense_count */
	size_t dense_count;
	struct eo_id {
		uint64_t id;
		uint32_t index;
	} *others;
	size_t other_count;
	struct eo_index set; /* of the others */
	uint64_t seed;
};

/** @count: how many will be added at most. Returns 0 or -ENOMEM; fini() is fine either way. */
int eo_id_table_init(struct eo_id_table *table, size_t count);
void eo_id_table_fini(struct eo_id_table *table); /* zeroed memory is fine */

/** Returns 0, -EEXIST, -EINVAL for the id 0, or -ENOMEM. */
int eo_id_table_add(struct eo_id_table *table, uint64_t id, uint32_t index);

uint32_t eo_id_table_find_other(const struct eo_id_table *table, uint64_t id);

/** The index, or EO_ID_NONE. */
static inline uint32_t eo_id_table_find(const struct eo_id_table *table, uint64_t id)
{
	return id < table->dense_count ? table->dense[id] : eo_id_table_find_other(table, id);
}

#endif
