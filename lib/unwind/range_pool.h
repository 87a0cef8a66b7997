/* SPDX-License-Identifier: BSD-2-Clause */
/* Hands out runs of neighbouring units, first fit, and takes them back. Not thread-safe. */
#ifndef EO_UNWIND_RANGE_POOL_H
#define EO_UNWIND_RANGE_POOL_H

#include <stdbool.h>
#include <stdint.h>

struct eo_range_pool {
	uint64_t *used; /* a bit a unit */
	uint32_t size, free;
	uint32_t boundary; /* no run crosses a multiple of it; 0: anywhere */
	uint32_t hint;	   /* no free unit lies before */
};

/** Returns 0 or -ENOMEM; fini() is fine either way. */
int eo_range_pool_init(struct eo_range_pool *pool, uint32_t size, uint32_t boundary);
void eo_range_pool_fini(struct eo_range_pool *pool);

/** Returns false, @ret untouched, when no run of @count units is free. */
bool eo_range_pool_take(struct eo_range_pool *pool, uint32_t count, uint32_t *ret);
void eo_range_pool_give(struct eo_range_pool *pool, uint32_t first, uint32_t count);

/** Are all of these units free? */
bool eo_range_pool_is_free(const struct eo_range_pool *pool, uint32_t first, uint32_t count);

#endif
