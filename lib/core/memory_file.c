/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/memory_file.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/auto.h"

int eo_write_all(int fd, const void *bytes, size_t size)
{
	const char *at = bytes;

	while (size) {
		ssize_t n = write(fd, at, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

int eo_memory_file(const char *name, const void *bytes, size_t size)
{
	EO_AUTO_CLOSE int fd = memfd_create(name, MFD_CLOEXEC);
	int r = fd < 0 ? -errno : eo_write_all(fd, bytes, size);

	return r < 0 ? r : eo_steal_fd(&fd);
}
