/* SPDX-License-Identifier: BSD-2-Clause */
/* Memory that strangers make us use has a limit: what a connection holds, and what all of them
 * hold together. Not thread-safe. */
#ifndef EO_NET_BUDGET_H
#define EO_NET_BUDGET_H

#include <stddef.h>
#include <stdint.h>

struct eo_budget {
	struct eo_budget *parent; /* pays as well; NULL: none */
	size_t limit, used;
	uint64_t refused; /* allocations that were not made, those of the children included */
};

/** Zeroed memory, or NULL when a limit would be passed or memory is out. */
void *eo_budget_alloc(struct eo_budget *budget, size_t size);
/** @size: as it was allocated. @memory: NULL is fine */
void eo_budget_free(struct eo_budget *budget, void *memory, size_t size);

#endif
