/* SPDX-License-Identifier: BSD-2-Clause */
#include "symbol/open_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "core/auto.h"

static int open_path(const char *root, const char *path, int flags)
{
	struct open_how how = {.flags = (unsigned int)flags, .resolve = RESOLVE_IN_ROOT};
	EO_AUTO_CLOSE int dir = -1;
	int fd;

	if (!*root) {
		fd = open(path, flags);
		return fd < 0 ? -errno : fd;
	}
	dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
	if (fd < 0 && errno == ENOSYS) {
		while (*path == '/')
			path++;
		fd = openat(dir, path, flags);
	}
	return fd < 0 ? -errno : fd;
}

int eo_open_file(const char *root, const char *path, bool follow)
{
	/* O_PATH opens nothing yet: first look at what it is. */
	EO_AUTO_CLOSE int handle =
		open_path(root, path, O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW));
	char name[32];
	struct stat st;
	int fd;

	if (handle < 0)
		return handle;
	if (fstat(handle, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode))
		return -ELOOP;
	if (!S_ISREG(st.st_mode))
		return -ENXIO;
	snprintf(name, sizeof(name), "/proc/self/fd/%d", handle);
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}
