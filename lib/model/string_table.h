/* SPDX-License-Identifier: BSD-2-Clause */
/* Gives equal strings one number. Number 0 is the empty string. Not thread-safe. */
#ifndef EO_MODEL_STRING_TABLE_H
#define EO_MODEL_STRING_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "core/hash.h"
#include "core/index.h"

struct eo_string_table {
	const char **strings; /* NUL-terminated, at fixed addresses while the table lives */
	size_t count;

	/* private */
	size_t capacity;
	struct eo_string_block *blocks; /* where the bytes are, latest first */
	struct eo_index set;
	uint64_t seed;
};

/** Returns 0 or -ENOMEM; fini() is fine either way. */
int eo_string_table_init(struct eo_string_table *table);
void eo_string_table_fini(struct eo_string_table *table);

/**
 * Find or add the first @len bytes of @text, or those before the first NUL among them.
 * @ret: the number; 0 on failure
 * Returns 0, -ENOMEM, or -E2BIG when there are 2^32 - 1 strings.
 */
int eo_string_table_intern(struct eo_string_table *table, const char *text, size_t len,
			   uint32_t *ret);

#endif
