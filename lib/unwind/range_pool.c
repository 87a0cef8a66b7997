// SPDX-License-Identifier: BSD-2-Clause
#include "unwind/range_pool.h"

#include <errno.h>
#include <stdlib.h>

int eo_range_pool_init(struct eo_range_pool *pool, uint32_t size, uint32_t boundary)
{
	*pool = (struct eo_range_pool){.size = size, .free = size, .boundary = boundary};
	pool->used = calloc(((size_t)size + 63) / 64, sizeof(*pool->used));
	return pool->used ? 0 : -ENOMEM;
}

void eo_range_pool_fini(struct eo_range_pool *pool)
{
	free(pool->used);
	pool->used = NULL;
}

static bool is_used(const struct eo_range_pool *pool, uint32_t unit)
{
	return pool->used[unit / 64] >> (unit % 64) & 1;
}

bool eo_range_pool_take(struct eo_range_pool *pool, uint32_t count, uint32_t *ret)
{
	uint32_t run = 0;

	if (count == 0 || count > pool->free || (pool->boundary && count > pool->boundary))
		return false;
	while (pool->hint < pool->size && is_used(pool, pool->hint))
		pool->hint++;
	for (uint32_t unit = pool->hint; unit < pool->size; unit++) {
		if (unit % 64 == 0 && pool->used[unit / 64] == UINT64_MAX) {
			unit += 63;
			run = 0;
			continue;
		}
		if (pool->boundary && unit % pool->boundary == 0)
			run = 0;
		run = is_used(pool, unit) ? 0 : run + 1;
		if (run < count)
			continue;
		*ret = unit + 1 - count;
		for (uint32_t i = *ret; i <= unit; i++)
			pool->used[i / 64] |= 1ull << (i % 64);
		pool->free -= count;
		return true;
	}
	return false;
}

void eo_range_pool_give(struct eo_range_pool *pool, uint32_t first, uint32_t count)
{
	for (uint32_t i = first; i < first + count; i++)
		pool->used[i / 64] &= ~(1ull << (i % 64));
	pool->free += count;
	if (first < pool->hint)
		pool->hint = first;
}

bool eo_range_pool_is_free(const struct eo_range_pool *pool, uint32_t first, uint32_t count)
{
	for (uint32_t i = first; i < first + count; i++)
		if (is_used(pool, i))
			return false;
	return true;
}
