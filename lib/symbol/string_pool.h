/* SPDX-License-Identifier: BSD-2-Clause */
/* Names kept once, at one address each, for as long as the pool. Not thread-safe. */
#ifndef EO_SYMBOL_STRING_POOL_H
#define EO_SYMBOL_STRING_POOL_H

#include "core/auto.h"

struct eo_string_pool;

/** Returns NULL when memory is out. */
struct eo_string_pool *eo_string_pool_new(void);
void eo_string_pool_free(struct eo_string_pool *pool); /* NULL is fine */
EO_DEFINE_AUTO(eo_string_pool)

/** Equal texts give one pointer. Returns NULL when memory is out, or 128 MB of text are kept. */
const char *eo_string_pool_add(struct eo_string_pool *pool, const char *text);

#endif
