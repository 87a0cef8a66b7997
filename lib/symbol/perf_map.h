/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of just-in-time compiled code, from /tmp/perf-PID.map in the process's own root. Lines
 * are "START SIZE NAME", hex; later lines win over earlier ones. /tmp is everybody's: only a
 * regular file, no link, of the process's owner, of root or of ourselves is read, at most 256 MB
 * and 4 million lines of it. Not thread-safe. */
#ifndef EO_SYMBOL_PERF_MAP_H
#define EO_SYMBOL_PERF_MAP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/auto.h"

struct eo_perf_map;

/**
 * @root: directory that @path starts from, "" for "/"
 * @owner: uid of the process; 0 when it is unknown
 * Returns NULL when memory is out. Both paths are copied; nothing is opened yet.
 */
struct eo_perf_map *eo_perf_map_new(const char *root, const char *path, uid_t owner);
void eo_perf_map_free(struct eo_perf_map *map); /* NULL is fine */
EO_DEFINE_AUTO(eo_perf_map)

/**
 * The name of the code at @address, or NULL. A miss reads what the file has grown by, at most ten
 * times a second, and less and less often while there is no file or a new one each time.
 * @start: where the code begins. The name lives until the next call.
 */
const char *eo_perf_map_find(struct eo_perf_map *map, uint64_t address, uint64_t *start);

/** Lines taken so far. */
size_t eo_perf_map_count(const struct eo_perf_map *map);

/** Take the complete lines behind @fd from where it stands; find() does it. Returns 0, -errno. */
int eo_perf_map_read(struct eo_perf_map *map, int fd);

#endif
