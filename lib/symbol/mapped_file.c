/* SPDX-License-Identifier: BSD-2-Clause */
#include "symbol/mapped_file.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/clock.h"
#include "symbol/open_file.h"

#define DELETED " (deleted)"

size_t eo_mapped_file_path_length(const char *path)
{
	size_t length = strlen(path), end = strlen(DELETED);

	return length > end && !strcmp(path + length - end, DELETED) ? length - end : length;
}

static int accept_file(int fd, const struct eo_vma *vma, bool any_inode,
		       struct eo_mapped_file *ret)
{
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0 || (!any_inode && st.st_ino != vma->inode)) {
		close(fd);
		return -ESTALE;
	}
	ret->fd = fd;
	ret->inode = st.st_ino;
	ret->size = (uint64_t)st.st_size;
	ret->mtime_ns = (uint64_t)st.st_mtim.tv_sec * EO_NS_PER_SEC + (uint64_t)st.st_mtim.tv_nsec;
	return 0;
}

/* The kernel's own link to the mapped file. It is right by itself, even where an overlay gives
 * its files other inode numbers, if the range still holds the path that we know. */
static int open_link(uint32_t tgid, const struct eo_vma *vma, struct eo_mapped_file *ret)
{
	char link[96], target[PATH_MAX + 1];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%u/map_files/%" PRIx64 "-%" PRIx64, tgid, vma->start,
		 vma->end);
	n = readlink(link, target, sizeof(target) - 1);
	if (n < 0)
		return -errno;
	target[n] = '\0';
	return accept_file(eo_open_file("", link, true), vma, !strcmp(target, vma->path), ret);
}

static bool is_denial(int error)
{
	return error == -EACCES || error == -EPERM;
}

/* Of two failures the more telling one. */
static int worse(int a, int b)
{
	if (is_denial(a) || is_denial(b))
		return -EACCES;
	return a == -ESTALE || b == -ESTALE ? -ESTALE : b;
}

int eo_mapped_file_open(uint32_t tgid, const struct eo_vma *vma, struct eo_mapped_file *ret)
{
	size_t length = eo_mapped_file_path_length(vma->path);
	bool deleted = vma->path[length] != '\0';
	bool any_inode = !vma->inode && !deleted;
	char path[PATH_MAX];
	int r, result;

	if (length >= sizeof(path))
		return -ENAMETOOLONG;
	memcpy(path, vma->path, length);
	path[length] = '\0';

	snprintf(ret->root, sizeof(ret->root), "/proc/%u/root", tgid);
	result = open_link(tgid, vma, ret);
	if (result == 0)
		return 0;
	r = accept_file(eo_open_file(ret->root, path, true), vma, any_inode, ret);
	if (r == 0)
		return 0;
	result = worse(result, r);
	r = accept_file(eo_open_file("", path, true), vma, any_inode, ret);
	if (r < 0)
		return worse(result, r);
	ret->root[0] = '\0';
	return 0;
}
