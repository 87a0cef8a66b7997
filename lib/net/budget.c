/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/budget.h"

#include <stdlib.h>

void *eo_budget_alloc(struct eo_budget *budget, size_t size)
{
	void *memory = NULL;
	struct eo_budget *b;

	for (b = budget; b && size <= b->limit && b->used <= b->limit - size; b = b->parent)
		;
	if (!b)
		memory = calloc(1, size);
	for (b = budget; b; b = b->parent) {
		if (memory)
			b->used += size;
		else
			b->refused++;
	}
	return memory;
}

void eo_budget_free(struct eo_budget *budget, void *memory, size_t size)
{
	if (!memory)
		return;
	for (; budget; budget = budget->parent)
		budget->used -= size;
	free(memory);
}
