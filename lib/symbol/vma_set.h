/* SPDX-License-Identifier: BSD-2-Clause */
/* Mappings of processes in little memory. A mapping is a start address and a part: which bytes of
 * which file. Parts and paths are kept once for all processes, and processes that came from one
 * another by fork share the whole set until one of them changes: 12 bytes a mapping, or none.
 * Not thread-safe. */
#ifndef EO_SYMBOL_VMA_SET_H
#define EO_SYMBOL_VMA_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/auto.h"
#include "symbol/process.h"

#define EO_VMA_SET_MAX 65536u

struct eo_vma_parts;
struct eo_vma_set; /* NULL is the empty set */

/** Returns NULL when memory is out. */
struct eo_vma_parts *eo_vma_parts_new(void);
/** All sets must be gone. */
void eo_vma_parts_free(struct eo_vma_parts *parts); /* NULL is fine */
EO_DEFINE_AUTO(eo_vma_parts)
size_t eo_vma_parts_count(const struct eo_vma_parts *parts);

struct eo_vma_set *eo_vma_set_share(struct eo_vma_set *set);
void eo_vma_set_drop(struct eo_vma_parts *parts, struct eo_vma_set *set);

/**
 * Put @vma over whatever lies there; older mappings are cut to what they have left.
 * @set: replaced by its own copy first when it is shared
 * Returns 0, -EINVAL (an empty range), -E2BIG at EO_VMA_SET_MAX, or -ENOMEM; then @set is as it
 * was.
 */
int eo_vma_set_put(struct eo_vma_parts *parts, struct eo_vma_set **set, const struct eo_vma *vma);

/** The mapping that holds @address. The path lives as long as the set. */
bool eo_vma_set_find(const struct eo_vma_parts *parts, const struct eo_vma_set *set,
		     uint64_t address, struct eo_vma *ret);
/** The @i-th mapping in the order of addresses, i < count. */
struct eo_vma eo_vma_set_at(const struct eo_vma_parts *parts, const struct eo_vma_set *set, size_t i);
size_t eo_vma_set_count(const struct eo_vma_set *set);
bool eo_vma_set_equal(const struct eo_vma_set *a, const struct eo_vma_set *b);
/** Do they have a mapping in common? */
bool eo_vma_set_overlap(const struct eo_vma_set *a, const struct eo_vma_set *b);

#endif
