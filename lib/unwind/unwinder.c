// SPDX-License-Identifier: BSD-2-Clause
#include "unwind/unwinder.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/array.h"
#include "core/clock.h"
#include "core/hash.h"
#include "core/index.h"
#include "symbol/elf_file.h"
#include "unwind/code_file.h"
#include "unwind/parser.h"

/* A file that found no room is not parsed again before this has passed. */
#define REFUSED_NS (10 * EO_NS_PER_SEC)

/* A file that is mapped by nobody for a while and then again is a new part each time. */
#define PARTS_MAX 16384u

/* Numbers of files that are with the parser say of which epoch they are. */
#define EPOCH_SHIFT 16

#define NAMESPACE_MEMOS 256u

#define BUILD_ID_BYTES 65 /* 32 bytes in hex and more than any linker makes */

/* A file as the walker numbers it. */
struct file {
	uint64_t inode, size, mtime_ns;
	char build_id[BUILD_ID_BYTES];
	bool waiting; /* for the parser */
	uint64_t refused_ns; /* when there was no room for its rows; 0: never */
};

/* Which file a part of the mappings is, in one mount namespace; see eo_vma.part. */
struct part {
	uint64_t part, mount_namespace;
	uint32_t file; /* EO_UNWIND_NO_FILE: has none, or cannot be opened */
	uint64_t vaddr; /* of the mapping's first byte */
};

struct namespace_memo {
	uint64_t generation; /* of a process */
	uint64_t mount_namespace;
};

struct eo_unwinder {
	struct eo_table_store *store;
	struct eo_processes *processes;
	struct eo_parser *parser;
	struct file *files; /* by number */
	uint32_t file_count, file_room;
	uint32_t epoch; /* numbers of files of another one mean nothing */
	struct part *parts;
	uint32_t part_count, part_room;
	struct eo_index part_index;
	uint64_t seed;
	uint64_t own_namespace;
	struct namespace_memo namespaces[NAMESPACE_MEMOS];
	struct eo_unwind_mapping *mappings; /* of the process at hand */
	uint32_t mapping_count, mapping_room;
	struct eo_unwinder_stats stats;
};

int eo_unwinder_new(struct eo_table_store *store, struct eo_processes *processes,
		    struct eo_unwinder **ret, struct eo_error *err)
{
	EO_AUTO(eo_unwinder) u = calloc(1, sizeof(*u));
	struct stat st;
	int r;

	if (!u)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, ENOMEM, NULL, "allocate the unwinder");
	u->processes = processes;
	u->seed = eo_hash_seed();
	u->own_namespace = stat("/proc/self/ns/mnt", &st) == 0 ? st.st_ino : 0;
	r = eo_parser_new(eo_table_store_dictionary(store), &u->parser, err);
	if (r < 0)
		return r;
	eo_processes_changes(processes, NULL, NULL); /* take notes from now on */
	u->store = store;
	*ret = eo_steal(&u);
	return 0;
}

void eo_unwinder_free(struct eo_unwinder *u)
{
	if (!u)
		return;
	eo_parser_free(u->parser); /* before the dictionary, which lies in the store */
	eo_table_store_free(u->store);
	eo_index_fini(&u->part_index);
	free(u->files);
	free(u->parts);
	free(u->mappings);
	free(u);
}

int eo_unwinder_fd(const struct eo_unwinder *u)
{
	return eo_parser_fd(u->parser);
}

/* ---- files ---- */

static void forget_parts(struct eo_unwinder *u)
{
	eo_index_fini(&u->part_index);
	u->part_index = (struct eo_index){0};
	u->part_count = 0;
}

/* All numbers are given out: who builds programs day and night gets there. What is in use will be
 * asked for again. */
static void start_over(struct eo_unwinder *u)
{
	eo_table_store_clear(u->store);
	forget_parts(u);
	u->file_count = 0;
	u->epoch = (u->epoch + 1) & 0xffff;
}

/* The number of the file, a new one if need be; NO_FILE when memory is out. */
static uint32_t number_file(struct eo_unwinder *u, const struct file *file)
{
	int number;

	for (uint32_t i = 0; i < u->file_count; i++) {
		const struct file *other = &u->files[i];

		if (file->build_id[0] && other->build_id[0] ?
			    strcmp(file->build_id, other->build_id) == 0 && file->size == other->size :
			    file->inode == other->inode && file->size == other->size &&
				    file->mtime_ns == other->mtime_ns)
			return i;
	}
	if (!EO_ARRAY_RESERVE(u->files, u->file_count + 1, u->file_room, 64))
		return EO_UNWIND_NO_FILE;
	number = eo_table_store_add_file(u->store);
	if (number < 0) {
		start_over(u);
		number = eo_table_store_add_file(u->store);
	}
	u->files[u->file_count++] = *file;
	return (uint32_t)number;
}

/* Find out which file this is and where in it the mapping begins. */
static void identify(struct eo_unwinder *u, uint32_t tgid, const struct eo_vma *vma, struct part *part)
{
	EO_AUTO(eo_elf) elf = NULL;
	struct eo_mapped_file mapped;
	EO_AUTO_CLOSE int fd = eo_code_file_identify(tgid, vma, &mapped, &elf, &part->vaddr);
	struct file file = {.inode = mapped.inode, .size = mapped.size, .mtime_ns = mapped.mtime_ns};

	part->file = EO_UNWIND_NO_FILE;
	if (fd < 0)
		return;
	snprintf(file.build_id, sizeof(file.build_id), "%s", eo_elf_build_id(elf));
	part->file = number_file(u, &file);
}

static const struct part *part_of(struct eo_unwinder *u, uint32_t tgid, uint64_t mount_namespace,
				  const struct eo_vma *vma)
{
	uint32_t hash = (uint32_t)eo_hash_words(u->seed, (uint64_t[]){vma->part, mount_namespace}, 2);
	uint32_t cursor = 0, i;
	struct part part = {.part = vma->part, .mount_namespace = mount_namespace};

	while ((i = eo_index_next(&u->part_index, hash, &cursor)) != EO_INDEX_NONE)
		if (u->parts[i].part == vma->part && u->parts[i].mount_namespace == mount_namespace)
			return &u->parts[i];
	if (u->part_count == PARTS_MAX)
		forget_parts(u);
	if (!EO_ARRAY_RESERVE(u->parts, u->part_count + 1, u->part_room, 64))
		return NULL;
	identify(u, tgid, vma, &part);
	if (eo_index_add(&u->part_index, hash, u->part_count) < 0)
		return NULL;
	u->parts[u->part_count] = part;
	return &u->parts[u->part_count++];
}

static void want_file(struct eo_unwinder *u, uint32_t tgid, const struct eo_vma *vma, uint32_t number)
{
	const struct file *file = &u->files[number];
	struct eo_mapped_file again;
	int fd;

	if (file->waiting || eo_table_store_file_state(u->store, number) != EO_UNWIND_FILE_ABSENT ||
	    (file->refused_ns && eo_clock_monotonic_ns() - file->refused_ns < REFUSED_NS))
		return;
	fd = eo_code_file_open(tgid, vma, &again);
	if (fd < 0)
		return; /* its process has gone; the next one will do */
	u->files[number].waiting = eo_parser_submit(u->parser, u->epoch << EPOCH_SHIFT | number, fd) == 0;
}

/* ---- processes ---- */

struct loading {
	struct eo_unwinder *u;
	uint32_t tgid;
	uint64_t mount_namespace;
	bool failed;
};

static void load_vma(void *ctx, const struct eo_vma *vma)
{
	struct loading *loading = ctx;
	struct eo_unwinder *u = loading->u;
	struct eo_unwind_mapping mapping = {.start = vma->start, .end = vma->end, .file = EO_UNWIND_NO_FILE};
	const struct part *part = part_of(u, loading->tgid, loading->mount_namespace, vma);

	if (part && part->file != EO_UNWIND_NO_FILE) {
		mapping.file = part->file;
		mapping.bias = vma->start - part->vaddr;
		want_file(u, loading->tgid, vma, part->file);
	}
	if (!EO_ARRAY_RESERVE(u->mappings, u->mapping_count + 1, u->mapping_room, 64))
		loading->failed = true;
	else
		u->mappings[u->mapping_count++] = mapping;
}

/* Which mount namespace it is in. Programs map some ten files one after the other, and each time
 * their process is loaded anew. */
static uint64_t mount_namespace_of(struct eo_unwinder *u, uint32_t tgid)
{
	uint64_t generation = eo_processes_generation(u->processes, tgid);
	struct namespace_memo *memo = &u->namespaces[generation % NAMESPACE_MEMOS];
	char path[64];
	struct stat st;

	if (memo->generation == generation && memo->mount_namespace)
		return memo->mount_namespace;
	snprintf(path, sizeof(path), "/proc/%u/ns/mnt", tgid);
	if (stat(path, &st) < 0)
		return u->own_namespace;
	*memo = (struct namespace_memo){generation, st.st_ino};
	return st.st_ino;
}

static void load_process(struct eo_unwinder *u, uint32_t tgid)
{
	struct loading loading = {.u = u, .tgid = tgid, .mount_namespace = mount_namespace_of(u, tgid)};
	uint32_t epoch = u->epoch;
	bool known;

	u->mapping_count = 0;
	known = eo_processes_each_vma(u->processes, tgid, load_vma, &loading);
	if (known && u->epoch != epoch) { /* some of the numbers are of the past */
		u->mapping_count = 0;
		known = eo_processes_each_vma(u->processes, tgid, load_vma, &loading);
	}
	if (!known || loading.failed)
		eo_table_store_drop_process(u->store, tgid);
	else
		eo_table_store_set_process(u->store, tgid, u->mappings, u->mapping_count);
}

void eo_unwinder_miss(struct eo_unwinder *u, uint32_t tgid, uint64_t pc)
{
	u->stats.misses++;
	eo_processes_find(u->processes, tgid, pc); /* which reads it if that may help */
	load_process(u, tgid);
}

void eo_unwinder_expect(struct eo_unwinder *u, uint32_t tgid)
{
	load_process(u, tgid);
}

bool eo_unwinder_is_busy(const struct eo_unwinder *u)
{
	for (uint32_t i = 0; i < u->file_count; i++)
		if (u->files[i].waiting)
			return true;
	return false;
}

static void on_change(void *ctx, uint32_t tgid)
{
	struct eo_unwinder *u = ctx;

	if (eo_table_store_has_process(u->store, tgid))
		load_process(u, tgid);
}

void eo_unwinder_update(struct eo_unwinder *u)
{
	struct eo_packed_table table;
	uint32_t number;

	while (eo_parser_result(u->parser, &number, &table)) {
		bool current = number >> EPOCH_SHIFT == u->epoch;

		number &= (1u << EPOCH_SHIFT) - 1;
		if (!current) {
			eo_packed_table_fini(&table);
			continue;
		}
		u->files[number].waiting = false;
		u->stats.files_parsed += table.page_count > 0;
		u->stats.files_without += table.page_count == 0;
		if (eo_table_store_load_file(u->store, number, &table) < 0)
			u->files[number].refused_ns = eo_clock_monotonic_ns();
		eo_packed_table_fini(&table);
	}
	eo_processes_changes(u->processes, on_change, u);
}

void eo_unwinder_tick(struct eo_unwinder *u)
{
	eo_table_store_tick(u->store);
}

struct eo_unwinder_stats eo_unwinder_stats(struct eo_unwinder *u)
{
	u->stats.tables = eo_table_store_stats(u->store);
	return u->stats;
}
