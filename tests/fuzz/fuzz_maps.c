/* SPDX-License-Identifier: BSD-2-Clause */
/* The mappings of a process made of anything, each of them put into one set. */
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "symbol/proc_maps.h"
#include "symbol/vma_set.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct state {
	struct eo_vma_parts *parts;
	struct eo_vma_set *set;
};

static bool take(void *arg, const struct eo_proc_map *map)
{
	struct state *state = arg;
	struct eo_vma found, vma = {
		.start = map->start,
		.end = map->end,
		.offset = map->offset,
		.inode = map->inode,
		.path = map->path,
	};

	if (eo_vma_set_put(state->parts, &state->set, &vma) == 0 &&
	    (!eo_vma_set_find(state->parts, state->set, map->start, &found) ||
	     found.end != map->end))
		__builtin_trap();
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	EO_AUTO_CLOSE int fd = memfd_create("maps", MFD_CLOEXEC);
	struct state state = {.parts = eo_vma_parts_new()};

	if (fd >= 0 && state.parts && write(fd, data, size) == (ssize_t)size &&
	    lseek(fd, 0, SEEK_SET) == 0)
		eo_proc_maps_read(fd, take, &state);
	eo_vma_set_drop(state.parts, state.set);
	if (eo_vma_parts_count(state.parts) > 0)
		__builtin_trap();
	eo_vma_parts_free(state.parts);
	return 0;
}
