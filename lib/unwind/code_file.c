/* SPDX-License-Identifier: BSD-2-Clause */
#include "unwind/code_file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "symbol/vdso.h"

static int open_vdso(const struct eo_vma *vma, struct eo_mapped_file *ret)
{
	int r = eo_vdso_copy(&ret->size);

	if (r >= 0 && ret->size == vma->end - vma->start)
		return r;
	if (r >= 0)
		close(r);
	return -ENOENT;
}

int eo_code_file_open(uint32_t tgid, const struct eo_vma *vma, struct eo_mapped_file *ret)
{
	int r;

	*ret = (struct eo_mapped_file){0};
	if (strcmp(vma->path, "[vdso]") == 0)
		return open_vdso(vma, ret);
	if (vma->path[0] != '/' || vma->inode == 0)
		return -ENOENT;
	r = eo_mapped_file_open(tgid, vma, ret);
	return r < 0 ? r : ret->fd;
}
