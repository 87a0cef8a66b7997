/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/process_stat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/auto.h"
#include "core/clock.h"

int eo_process_stat_parse(const char *text, struct eo_process_stat *ret)
{
	/* The name may hold anything. */
	const char *name = strchr(text, '('), *behind = strrchr(text, ')');
	unsigned long long start;
	size_t length;

	if (!name || !behind || behind < name ||
	    sscanf(behind + 1,
		   " %c %u %*d %*d %*d %*d %u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %u %*d %llu",
		   &ret->state, &ret->ppid, &ret->flags, &ret->threads, &start) != 5)
		return -EPROTO;
	length = (size_t)(behind - name - 1);
	if (length >= sizeof(ret->name))
		length = sizeof(ret->name) - 1;
	memcpy(ret->name, name + 1, length);
	ret->name[length] = '\0';
	ret->start_ticks = start;
	return 0;
}

int eo_process_stat_read_at(int dir, struct eo_process_stat *ret)
{
	EO_AUTO_CLOSE int fd = openat(dir, "stat", O_RDONLY | O_CLOEXEC);
	char text[1024];
	ssize_t size;

	if (fd < 0)
		return -errno;
	size = read(fd, text, sizeof(text) - 1);
	if (size <= 0)
		return -ESRCH;
	text[size] = '\0';
	return eo_process_stat_parse(text, ret);
}

int eo_process_stat_read(uint32_t pid, struct eo_process_stat *ret)
{
	EO_AUTO_CLOSE int dir = -1;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%u", pid);
	dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -errno : eo_process_stat_read_at(dir, ret);
}

bool eo_process_stat_is_headless(const struct eo_process_stat *stat)
{
	return stat->state == 'Z' && stat->threads > 1;
}

uint64_t eo_process_stat_tick_ns(void)
{
	return EO_NS_PER_SEC / (uint64_t)sysconf(_SC_CLK_TCK);
}

uint64_t eo_process_stat_began_ns(const struct eo_process_stat *stat)
{
	uint64_t since_boot_ns = stat->start_ticks * eo_process_stat_tick_ns();
	/* Of a machine that never slept this is a few ns, to either side. */
	int64_t began_ns = (int64_t)since_boot_ns - eo_clock_asleep_ns();

	return began_ns > 0 ? (uint64_t)began_ns : 0;
}
