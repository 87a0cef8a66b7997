/* SPDX-License-Identifier: BSD-2-Clause */
#include "unwind/code_file.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/auto.h"
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

int eo_code_file_identify(uint32_t tgid, const struct eo_vma *vma, struct eo_mapped_file *ret,
			  struct eo_elf **elf, uint64_t *vaddr)
{
	EO_AUTO_CLOSE int fd = eo_code_file_open(tgid, vma, ret);
	const struct eo_elf_segment *segment;
	int r = fd < 0 ? fd : eo_elf_open(fd, elf, NULL);

	if (r < 0)
		return r;
	segment = eo_elf_segment_at(*elf, vma->offset);
	if (!segment) {
		eo_elf_free(eo_steal(elf));
		return -ENOENT;
	}
	*vaddr = vma->offset - segment->offset + segment->vaddr;
	return eo_steal_fd(&fd);
}
