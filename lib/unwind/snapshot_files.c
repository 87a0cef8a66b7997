// SPDX-License-Identifier: BSD-2-Clause
#include "unwind/snapshot_files.h"

#include "core/array.h"
#include "core/hash.h"
#include "core/index.h"
#include "unwind/code_file.h"

/* Parts and files are remembered even when their bytes are not; a machine that has seen so many
 * begins anew. 2 MB. */
#define PARTS_MAX 32768u

#define NO_FILE UINT32_MAX

/* What was not used for so long is let go. */
#define IDLE_TICKS 60u

struct file {
	uint64_t inode, size, mtime_ns;
	struct eo_frame_search search; /* empty while thrown out */
	bool useless;		       /* has nothing, or cannot be read */
	bool is_go;
	uint64_t used;
	uint32_t used_tick;
};

/* Which file a part of the mappings is; see eo_vma.part. */
struct part {
	uint64_t part, mount_namespace;
	uint64_t vaddr; /* of the mapping's first byte */
	uint32_t file;	/* NO_FILE: none, or it cannot be opened */
};

struct eo_snapshot_files {
	struct file *files;
	uint32_t file_count, file_room;
	struct part *parts;
	uint32_t part_count, part_room;
	struct eo_index part_index;
	uint64_t seed, clock, bytes;
	uint32_t open, tick;
};

struct eo_snapshot_files *eo_snapshot_files_new(void)
{
	struct eo_snapshot_files *files = calloc(1, sizeof(*files));

	if (files)
		files->seed = eo_hash_seed();
	return files;
}

static void forget_all(struct eo_snapshot_files *files)
{
	for (uint32_t i = 0; i < files->file_count; i++)
		eo_frame_search_fini(&files->files[i].search);
	eo_index_fini(&files->part_index);
	files->part_index = (struct eo_index){0};
	files->file_count = files->part_count = 0;
	files->bytes = 0;
	files->open = 0;
}

void eo_snapshot_files_free(struct eo_snapshot_files *files)
{
	if (!files)
		return;
	forget_all(files);
	free(files->files);
	free(files->parts);
	free(files);
}

static uint64_t bytes_of(const struct file *file)
{
	return file->search.header_size;
}

static void throw_out(struct eo_snapshot_files *files, struct file *file)
{
	files->bytes -= bytes_of(file);
	files->open--;
	eo_frame_search_fini(&file->search);
}

void eo_snapshot_files_tick(struct eo_snapshot_files *files)
{
	files->tick++;
	for (uint32_t i = 0; i < files->file_count; i++) {
		struct file *file = &files->files[i];

		if (bytes_of(file) && files->tick - file->used_tick > IDLE_TICKS)
			throw_out(files, file);
	}
}

/* Throw out others until @file's bytes and descriptor fit as well, or none is left. */
static void keep_budget(struct eo_snapshot_files *files, const struct file *file)
{
	while (files->bytes > EO_SNAPSHOT_FILES_BYTES || files->open > EO_SNAPSHOT_FILES_OPEN) {
		struct file *oldest = NULL;

		for (uint32_t i = 0; i < files->file_count; i++) {
			struct file *other = &files->files[i];

			if (other != file && bytes_of(other) &&
			    (!oldest || other->used < oldest->used))
				oldest = other;
		}
		if (!oldest)
			return;
		throw_out(files, oldest);
	}
}

static void load(struct eo_snapshot_files *files, struct file *file, int fd)
{
	if (eo_frame_file_load_search(fd, &file->search) < 0) {
		file->useless = true;
		return;
	}
	file->search.number = ++files->clock;
	file->used_tick = files->tick;
	files->bytes += bytes_of(file);
	files->open++;
	keep_budget(files, file);
}

static uint32_t number_file(struct eo_snapshot_files *files, const struct file *file)
{
	for (uint32_t i = 0; i < files->file_count; i++) {
		const struct file *other = &files->files[i];

		if (other->inode == file->inode && other->size == file->size &&
		    other->mtime_ns == file->mtime_ns)
			return i;
	}
	if (!EO_ARRAY_RESERVE(files->files, files->file_count + 1, files->file_room, 64))
		return NO_FILE;
	files->files[files->file_count] = *file;
	return files->file_count++;
}

/* Which file this is, and where in it the mapping begins. */
static void identify(struct eo_snapshot_files *files, uint32_t tgid, const struct eo_vma *vma,
		     struct part *part)
{
	EO_AUTO(eo_elf) elf = NULL;
	struct eo_mapped_file mapped;
	EO_AUTO_CLOSE int fd = eo_code_file_identify(tgid, vma, &mapped, &elf, &part->vaddr);
	struct file file = {.inode = mapped.inode, .size = mapped.size, .mtime_ns = mapped.mtime_ns};
	uint32_t known = files->file_count;
	struct file *found;

	if (fd < 0)
		return;
	part->file = number_file(files, &file);
	if (part->file == NO_FILE)
		return;
	found = &files->files[part->file];
	if (part->file == known)
		found->is_go = eo_frame_file_is_go(fd);
	if (!bytes_of(found))
		load(files, found, fd);
}

static const struct part *part_of(struct eo_snapshot_files *files, uint32_t tgid,
				  uint64_t mount_namespace, const struct eo_vma *vma)
{
	uint64_t key[] = {vma->part, mount_namespace};
	uint32_t hash = (uint32_t)eo_hash_words(files->seed, key, EO_ARRAY_SIZE(key)), cursor = 0,
		 i;
	struct part part = {.part = vma->part, .mount_namespace = mount_namespace, .file = NO_FILE};

	while ((i = eo_index_next(&files->part_index, hash, &cursor)) != EO_INDEX_NONE)
		if (files->parts[i].part == vma->part &&
		    files->parts[i].mount_namespace == mount_namespace)
			return &files->parts[i];
	if (files->part_count == PARTS_MAX)
		forget_all(files);
	if (!EO_ARRAY_RESERVE(files->parts, files->part_count + 1, files->part_room, 64))
		return NULL;
	identify(files, tgid, vma, &part);
	if (eo_index_add(&files->part_index, hash, files->part_count) < 0)
		return NULL;
	files->parts[files->part_count] = part;
	return &files->parts[files->part_count++];
}

const struct eo_frame_search *eo_snapshot_files_get(struct eo_snapshot_files *files, uint32_t tgid,
						    uint64_t mount_namespace,
						    const struct eo_vma *vma, uint64_t *bias)
{
	const struct part *part = part_of(files, tgid, mount_namespace, vma);
	struct eo_mapped_file again;
	struct file *file;

	if (!part || part->file == NO_FILE)
		return NULL;
	file = &files->files[part->file];
	if (!bytes_of(file) && !file->useless) { /* thrown out since */
		EO_AUTO_CLOSE int fd = eo_code_file_open(tgid, vma, &again);

		if (fd >= 0)
			load(files, file, fd);
	}
	if (!bytes_of(file))
		return NULL;
	file->used = ++files->clock;
	file->used_tick = files->tick;
	*bias = vma->start - part->vaddr;
	return &file->search;
}

bool eo_snapshot_files_is_go(struct eo_snapshot_files *files, uint32_t tgid,
			     uint64_t mount_namespace, const struct eo_vma *vma)
{
	const struct part *part = part_of(files, tgid, mount_namespace, vma);

	return part && part->file != NO_FILE && files->files[part->file].is_go;
}

uint64_t eo_snapshot_files_bytes(const struct eo_snapshot_files *files)
{
	return files->bytes;
}
