/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Programs in address spaces: who has which blocks, from exec, fork or first sight to the end. */
#ifndef EO_MEM_IMAGE_BPF_H
#define EO_MEM_IMAGE_BPF_H

#include "filter.bpf.h"
#include "mem_live.bpf.h"

/* Of programs: what their allocators gave them, and address space. */
BLOCKS(blocks, BPF_F_NO_PREALLOC);
BLOCKS(mappings, BPF_F_NO_PREALLOC);

/* Key: tgid. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct eo_mem_image);
} images SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct eo_mem_image);
	__type(value, struct eo_mem_end);
} ended SEC(".maps");

static __always_inline void new_image(struct eo_mem_image *image, __u32 tgid)
{
	image->tgid = tgid;
	image->serial = bpf_ktime_get_ns() >> 10; /* two a microsecond are one too many */
	if (!image->serial)
		image->serial = 1;
}

/* @image: filled in when its serial is 0. Returns 0 when there is no room for another one. */
static __always_inline int find_image(struct eo_mem_image *image, __u32 tgid)
{
	struct eo_mem_image *known, fresh;

	if (image->serial)
		return 1;
	known = bpf_map_lookup_elem(&images, &tgid);
	if (!known) {
		new_image(&fresh, tgid);
		bpf_map_update_elem(&images, &tgid, &fresh, BPF_NOEXIST);
		known = bpf_map_lookup_elem(&images, &tgid);
	}
	if (!known)
		return 0;
	*image = *known;
	return 1;
}

static __always_inline void end_image(const struct eo_mem_image *image, int by_exec)
{
	struct eo_mem_end end = {.ktime_ns = bpf_ktime_get_ns(), .by_exec = by_exec};
	struct eo_mem_counters *sums = mem_sums();

	if (bpf_map_update_elem(&ended, image, &end, BPF_ANY) && sums)
		COUNT(sums->images_lost);
}

struct copy {
	struct eo_mem_image from, to;
};

static long copy_block(void *map, struct eo_mem_block_key *key, struct eo_mem_block *block,
		       struct copy *copy)
{
	struct eo_mem_block_key child = {.image = copy->to, .address = key->address};
	struct eo_mem_counters *sums = mem_sums();
	struct eo_mem_block same = *block;

	if (!sums || key->image.tgid != copy->from.tgid || key->image.serial != copy->from.serial)
		return 0;
	if (bpf_map_update_elem(map, &child, &same, BPF_NOEXIST)) {
		COUNT(sums->untracked);
		return 0;
	}
	COUNT_BLOCK(sums->added, sums->added_bytes, &same);
	return 0;
}

/* A child has what its parent had: copies of all blocks, or the very same memory after vfork(). */
static __always_inline void inherit(struct task_struct *child)
{
	__u32 parent_tgid = bpf_get_current_pid_tgid() >> 32;
	__u32 tid = BPF_CORE_READ(child, pid), tgid = BPF_CORE_READ(child, tgid);
	struct task_struct *parent = (void *)bpf_get_current_task();
	struct eo_mem_image *image;
	struct copy copy;

	if (tid != tgid || (filter.by_pid && !bpf_map_lookup_elem(&target_pids, &tgid)))
		return;
	image = bpf_map_lookup_elem(&images, &parent_tgid);
	if (!image)
		return;
	copy.from = *image;
	if (BPF_CORE_READ(child, mm) == BPF_CORE_READ(parent, mm)) {
		bpf_map_update_elem(&images, &tgid, &copy.from, BPF_ANY);
		return;
	}
	new_image(&copy.to, tgid);
	bpf_map_update_elem(&images, &tgid, &copy.to, BPF_ANY);
	bpf_for_each_map_elem(&blocks, copy_block, &copy, 0);
	bpf_for_each_map_elem(&mappings, copy_block, &copy, 0);
}

/* The current process's memory has gone, unless it was its parent's. */
static __always_inline void leave_image(int by_exec)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct eo_mem_image *image = bpf_map_lookup_elem(&images, &tgid);

	if (!image)
		return;
	if (image->tgid == tgid)
		end_image(image, by_exec);
	bpf_map_delete_elem(&images, &tgid);
}

#endif
