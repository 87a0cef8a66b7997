/* SPDX-License-Identifier: BSD-2-Clause */
#include "symbol/vdso.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/auxv.h>

#include "core/memory_file.h"
#include "symbol/proc_maps.h"

struct range {
	uint64_t start, end;
};

static bool take(void *arg, const struct eo_proc_map *map)
{
	struct range *range = arg;

	if (map->start != range->start)
		return true;
	range->end = map->end;
	return false;
}

static int measure(struct range *range)
{
	EO_AUTO_CLOSE int fd = -1;
	int r;

	*range = (struct range){.start = getauxval(AT_SYSINFO_EHDR)};
	if (!range->start)
		return -ENOENT;
	fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
	r = fd < 0 ? -errno : eo_proc_maps_read(fd, take, range);
	return r == 0 && !range->end ? -ENOENT : r;
}

int eo_vdso_open(struct eo_elf **ret, uint64_t *size, struct eo_error *err)
{
	struct range range;
	int r = measure(&range);

	if (r < 0)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, -r, NULL, "find the vDSO");
	*size = range.end - range.start;
	return eo_elf_open_memory((const void *)(uintptr_t)range.start, *size, ret, err);
}

int eo_vdso_copy(uint64_t *size)
{
	struct range range;
	int r = measure(&range);

	if (r < 0)
		return r;
	*size = range.end - range.start;
	return eo_memory_file("vdso", (const void *)(uintptr_t)range.start, *size);
}
