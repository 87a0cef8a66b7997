/* SPDX-License-Identifier: BSD-2-Clause */
#include "symbol/jit_maps.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "core/clock.h"
#include "symbol/lines.h"
#include "symbol/perf_map.h"

#define MAPS_MAX 64

struct jit_map {
	uint64_t generation;
	uint64_t used;
	uint64_t checked_ns;
	uint32_t tgid;
	bool is_last_resort; /* reads the path that is left once the process has ended */
	uid_t owner;
	struct eo_perf_map *map;
};

struct eo_jit_maps {
	struct jit_map list[MAPS_MAX];
	size_t count;
	uint64_t clock;
};

struct eo_jit_maps *eo_jit_maps_new(void)
{
	return calloc(1, sizeof(struct eo_jit_maps));
}

void eo_jit_maps_free(struct eo_jit_maps *maps)
{
	if (!maps)
		return;
	for (size_t i = 0; i < maps->count; i++)
		eo_perf_map_free(maps->list[i].map);
	free(maps);
}

/* The number the process has in the innermost namespace it is in, and its effective uid. */
static bool read_status(uint32_t tgid, uint32_t *inner, uid_t *owner)
{
	EO_AUTO_CLOSE int fd = -1;
	struct eo_lines lines;
	char path[32], *line;
	size_t size;

	snprintf(path, sizeof(path), "/proc/%u/status", tgid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || eo_lines_init(&lines, fd) < 0)
		return false;
	*inner = tgid;
	while (eo_lines_next(&lines, &line, &size) > 0) {
		char *last = strrchr(line, '\t');

		if (!strncmp(line, "Uid:", 4))
			sscanf(line, "Uid: %*u %u", owner);
		else if (!strncmp(line, "NSpid:", 6) && last)
			sscanf(last, "%" SCNu32, inner);
	}
	eo_lines_fini(&lines);
	return true;
}

static void open_map(struct jit_map *jit)
{
	char root[32], path[48];
	uint32_t inner;

	jit->is_last_resort = !read_status(jit->tgid, &inner, &jit->owner);
	if (jit->is_last_resort) {
		root[0] = '\0';
		inner = jit->tgid;
	} else {
		snprintf(root, sizeof(root), "/proc/%u/root", jit->tgid);
	}
	snprintf(path, sizeof(path), "/tmp/perf-%u.map", inner);
	eo_perf_map_free(jit->map);
	jit->map = eo_perf_map_new(root, path, jit->owner);
}

static struct jit_map *get(struct eo_jit_maps *maps, uint32_t tgid, uint64_t generation)
{
	struct jit_map *jit = NULL;

	for (size_t i = 0; i < maps->count; i++) {
		struct jit_map *other = &maps->list[i];

		if (other->tgid == tgid && other->generation == generation)
			return other;
		if (other->tgid == tgid || !jit || (jit->tgid != tgid && other->used < jit->used))
			jit = other; /* what may go: an earlier program of this process first */
	}
	if (maps->count < MAPS_MAX && (!jit || jit->tgid != tgid))
		jit = &maps->list[maps->count++];
	eo_perf_map_free(jit->map);
	*jit = (struct jit_map){.generation = generation, .tgid = tgid};
	open_map(jit);
	return jit;
}

const char *eo_jit_maps_find(struct eo_jit_maps *maps, uint32_t tgid, uint64_t generation,
			     uint64_t address, uint64_t *start, size_t *count)
{
	struct jit_map *jit = get(maps, tgid, generation);
	const char *name;

	*count = 0;
	jit->used = ++maps->clock;
	if (!jit->map)
		return NULL;
	name = eo_perf_map_find(jit->map, address, start);
	*count = eo_perf_map_count(jit->map);
	if (name || *count || jit->is_last_resort)
		return name;

	/* It may have written its map and ended before we looked: then its root has gone too. */
	if (eo_clock_monotonic_ns() - jit->checked_ns >= EO_NS_PER_SEC) {
		char path[32];

		jit->checked_ns = eo_clock_monotonic_ns();
		snprintf(path, sizeof(path), "/proc/%u", tgid);
		if (access(path, F_OK) < 0) {
			open_map(jit);
			if (jit->map)
				name = eo_perf_map_find(jit->map, address, start);
			*count = jit->map ? eo_perf_map_count(jit->map) : 0;
		}
	}
	return name;
}
