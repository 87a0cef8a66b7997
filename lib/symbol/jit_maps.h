/* SPDX-License-Identifier: BSD-2-Clause */
/* The perf map of each process that has one. Not thread-safe. */
#ifndef EO_SYMBOL_JIT_MAPS_H
#define EO_SYMBOL_JIT_MAPS_H

#include <stddef.h>
#include <stdint.h>

#include "core/auto.h"

struct eo_jit_maps;

/** Returns NULL when memory is out. */
struct eo_jit_maps *eo_jit_maps_new(void);
void eo_jit_maps_free(struct eo_jit_maps *maps); /* NULL is fine */
EO_DEFINE_AUTO(eo_jit_maps)

/**
 * Name of the code at @address in process @tgid, or NULL; see eo_perf_map_find(). The 64 maps used
 * last are held.
 * @generation: of the process, see eo_processes_generation()
 * @count: how many lines its map has
 */
const char *eo_jit_maps_find(struct eo_jit_maps *maps, uint32_t tgid, uint64_t generation,
			     uint64_t address, uint64_t *start, size_t *count);

#endif
