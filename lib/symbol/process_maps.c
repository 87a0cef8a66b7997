/* SPDX-License-Identifier: BSD-2-Clause */
#include "symbol/process_maps.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>

#include "core/auto.h"
#include "core/process_stat.h"
#include "symbol/proc_maps.h"

struct reading {
	struct eo_vma_parts *parts;
	struct eo_process_maps *maps;
	bool failed;
};

static bool take(void *arg, const struct eo_proc_map *map)
{
	struct reading *reading = arg;
	struct eo_vma vma = {
		.start = map->start,
		.end = map->end,
		.offset = map->offset,
		.inode = map->inode,
		.path = map->path,
	};
	int r;

	reading->maps->any = true;
	/* The vsyscall page is in every process and says nothing about any. */
	if (!map->executable || map->start >= 1ull << 63)
		return true;
	r = eo_vma_set_put(reading->parts, &reading->maps->vmas, &vma);
	reading->failed = r == -ENOMEM;
	return r == 0;
}

static int read_file(struct reading *reading, const char *path)
{
	EO_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	int r = fd < 0 ? -errno : eo_proc_maps_read(fd, take, reading);

	return reading->failed ? -ENOMEM : r == -ENOENT ? -ESRCH : r;
}

/* The file of a main thread that has ended is empty, those of the others are not. */
static int read_threads(struct reading *reading, uint32_t tgid)
{
	char path[PATH_MAX];
	struct dirent *entry;
	DIR *threads;
	int r = 0;

	snprintf(path, sizeof(path), "/proc/%u/task", tgid);
	threads = opendir(path);
	while (threads && r != -ENOMEM && !reading->maps->any && (entry = readdir(threads))) {
		if (*entry->d_name == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%u/task/%s/maps", tgid, entry->d_name);
		r = read_file(reading, path);
	}
	if (threads)
		closedir(threads);
	return r == -ENOMEM ? r : 0;
}

int eo_process_maps_read(struct eo_vma_parts *parts, uint32_t tgid, struct eo_process_maps *ret)
{
	struct reading reading = {.parts = parts, .maps = ret};
	char path[32];
	int r;

	*ret = (struct eo_process_maps){.any = false};
	snprintf(path, sizeof(path), "/proc/%u/maps", tgid);
	r = read_file(&reading, path);
	if (r < 0 || ret->any)
		return r;
	ret->headless = eo_process_is_headless(tgid);
	return ret->headless ? read_threads(&reading, tgid) : 0;
}

bool eo_process_is_headless(uint32_t tgid)
{
	struct eo_process_stat stat;

	return eo_process_stat_read(tgid, &stat) == 0 && eo_process_stat_is_headless(&stat);
}
