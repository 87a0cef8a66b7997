/* SPDX-License-Identifier: BSD-2-Clause */
#include "unwind/frame_search.h"

#include <stdlib.h>
#include <string.h>

#define LENGTH_BYTES 4u
#define AT_ONCE 128u /* most entries are shorter */

void eo_frame_search_fini(struct eo_frame_search *search)
{
	if (search->header)
		eo_elf_image_fini(&search->image);
	free(search->header);
	*search = (struct eo_frame_search){0};
}

static void read_pair(const struct eo_frame_search *search, size_t i, int32_t pair[2])
{
	memcpy(pair, search->header + search->table + i * 2 * sizeof(*pair), 2 * sizeof(*pair));
}

bool eo_frame_search_find(const struct eo_frame_search *search, uint64_t vaddr, size_t *ret)
{
	int64_t relative = (int64_t)(vaddr - search->header_vaddr);
	size_t low = 0, high = search->count;
	int32_t pair[2];

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		read_pair(search, middle, pair);
		if (relative < pair[0])
			high = middle;
		else
			low = middle + 1;
	}
	*ret = high - 1;
	return high;
}

static bool read_bytes(const struct eo_frame_search *search, uint64_t offset, void *to, size_t size)
{
	return eo_elf_image_read(&search->image, search->frames_offset + offset, to, size) == 0;
}

/* The entry at @offset of the section. */
static bool read_entry(const struct eo_frame_search *search, uint64_t offset,
		       struct eo_frame_entry *ret)
{
	uint64_t left = offset < search->frames_size ? search->frames_size - offset : 0;
	size_t first = left < AT_ONCE ? left : AT_ONCE;
	uint32_t length;

	if (left < LENGTH_BYTES || !read_bytes(search, offset, ret->bytes, first))
		return false;
	memcpy(&length, ret->bytes, sizeof(length));
	/* 0xffffffff would announce 64 bits, which .eh_frame has no use for */
	if (length > left - LENGTH_BYTES || length > sizeof(ret->bytes) - LENGTH_BYTES)
		return false;
	ret->size = LENGTH_BYTES + length;
	ret->vaddr = search->frames_vaddr + offset;
	return ret->size <= first ||
	       read_bytes(search, offset + first, ret->bytes + first, ret->size - first);
}

bool eo_frame_search_read(const struct eo_frame_search *search, size_t i,
			  struct eo_frame_entry *fde, struct eo_frame_entry *cie)
{
	uint64_t offset;
	int32_t pair[2];
	uint32_t back; /* to the CIE, from where this stands */

	read_pair(search, i, pair);
	offset = search->header_vaddr + (uint64_t)(int64_t)pair[1] - search->frames_vaddr;
	if (!read_entry(search, offset, fde) || fde->size < LENGTH_BYTES + sizeof(back))
		return false;
	memcpy(&back, fde->bytes + LENGTH_BYTES, sizeof(back));
	return back <= offset + LENGTH_BYTES &&
	       read_entry(search, offset + LENGTH_BYTES - back, cie);
}
