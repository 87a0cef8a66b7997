/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of just-in-time compiled code, from /tmp/perf-PID.map in the process's own root. Lines
 * are "START SIZE NAME", hex; later lines win over earlier ones. */
#ifndef EO_SYMBOL_PERF_MAP_H
#define EO_SYMBOL_PERF_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "core/auto.h"

struct eo_perf_map;

/** Returns NULL when memory is out. @path is copied; nothing is opened yet. */
struct eo_perf_map *eo_perf_map_new(const char *path);
void eo_perf_map_free(struct eo_perf_map *map); /* NULL is fine */
EO_DEFINE_AUTO(eo_perf_map)

/**
 * The name of the code at @address, or NULL. A miss reads what the file has grown by, at most ten
 * times a second. @start: where the code begins. The name lives as long as the map.
 */
const char *eo_perf_map_find(struct eo_perf_map *map, uint64_t address, uint64_t *start);
size_t eo_perf_map_count(const struct eo_perf_map *map);

#endif
