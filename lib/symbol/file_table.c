/* SPDX-License-Identifier: BSD-2-Clause */
#include "symbol/file_table.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/array.h"
#include "core/hash.h"
#include "core/index.h"
#include "symbol/mapped_file.h"
#include "symbol/source.h"
#include "symbol/string_pool.h"
#include "symbol/vdso.h"

#define OPEN_MAX 512u
#define SYMBOLS_OPEN_MAX (512u << 10) /* 16 bytes each, of all open files; one may have more */
#define SOURCES_MAX 256u      /* two files each that stay open */
#define SEGMENTS_MAX 256u
#define IDLE_TICKS 300u /* what was not used for so long is closed */
#define MEMO_SLOTS 8192u      /* power of two */
#define NAMESPACE_SLOTS 1024u /* power of two */

/* Which file a mapping led to. Opening a file only to see that it is known costs some 20 µs, and
 * of a process that has ended nothing can be opened. */
struct memo {
	uint64_t part;
	uint64_t space; /* mount namespace; 0: the last one that was seen to map this part */
	struct eo_file *file;
};

struct namespace_memo {
	uint64_t generation;
	uint64_t space;
};

struct eo_file_table {
	struct eo_file **list;
	uint32_t count, room;
	struct eo_index index;
	struct eo_string_pool *strings;
	uint64_t seed, clock;
	uint32_t tick;
	size_t open, symbols_open, sources, denied;
	bool read_symbols, read_lines;
	struct eo_file *vdso, *foreign_vdso;
	uint64_t vdso_size;
	struct memo memos[MEMO_SLOTS];
	struct namespace_memo spaces[NAMESPACE_SLOTS];
};

struct eo_file_table *eo_file_table_new(bool read_symbols, bool read_lines)
{
	EO_AUTO(eo_file_table) t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->strings = eo_string_pool_new();
	if (!t->strings)
		return NULL;
	t->seed = eo_hash_seed();
	t->read_symbols = read_symbols;
	t->read_lines = read_lines;
	return eo_steal(&t);
}

static void free_file(struct eo_file *file)
{
	if (!file)
		return;
	eo_elf_free(file->elf);
	eo_source_free(file->source);
	free(file->segments);
	free(file);
}

void eo_file_table_free(struct eo_file_table *t)
{
	if (!t)
		return;
	for (uint32_t i = 0; i < t->count; i++)
		free_file(t->list[i]);
	free(t->list);
	free_file(t->vdso);
	free_file(t->foreign_vdso);
	eo_index_fini(&t->index);
	eo_string_pool_free(t->strings);
	free(t);
}

size_t eo_file_table_denied(const struct eo_file_table *t)
{
	return t->denied;
}

static uint32_t hash_file(const struct eo_file_table *t, const struct eo_file *file)
{
	uint64_t words[] = {file->inode, file->size, file->mtime_ns, (uintptr_t)file->path};

	return eo_hash_words(t->seed, words, EO_ARRAY_SIZE(words));
}

/* The file equal to @key, added when it is new, which *@is_new tells; NULL when memory is out. */
static struct eo_file *intern(struct eo_file_table *t, const struct eo_file *key, bool *is_new)
{
	uint32_t hash = hash_file(t, key), cursor = 0, i;
	struct eo_file *file;

	*is_new = false;
	while ((i = eo_index_next(&t->index, hash, &cursor)) != EO_INDEX_NONE) {
		file = t->list[i];
		if (file->inode == key->inode && file->size == key->size &&
		    file->mtime_ns == key->mtime_ns && file->path == key->path &&
		    !file->error == !key->error)
			return file;
	}
	if (!EO_ARRAY_RESERVE(t->list, t->count + 1, t->room, 64))
		return NULL;
	file = malloc(sizeof(*file));
	if (!file)
		return NULL;
	if (eo_index_add(&t->index, hash, t->count) < 0) {
		free(file);
		return NULL;
	}
	*file = *key;
	t->list[t->count++] = file;
	*is_new = true;
	return file;
}

static void close_file(struct eo_file_table *t, struct eo_file *file)
{
	t->symbols_open -= eo_elf_symbol_count(file->elf);
	t->open--;
	eo_elf_free(file->elf);
	file->elf = NULL;
}

static void mark_used(struct eo_file_table *t, struct eo_file *file)
{
	file->used = ++t->clock;
	file->used_tick = t->tick;
}

void eo_file_table_tick(struct eo_file_table *t)
{
	t->tick++;
	for (uint32_t i = 0; i < t->count; i++)
		if (t->list[i]->elf && t->tick - t->list[i]->used_tick > IDLE_TICKS)
			close_file(t, t->list[i]);
}

static void make_room(struct eo_file_table *t, const struct eo_file *keep)
{
	while (t->open >= OPEN_MAX || (t->open > 1 && t->symbols_open > SYMBOLS_OPEN_MAX)) {
		struct eo_file *oldest = NULL;

		for (uint32_t i = 0; i < t->count; i++)
			if (t->list[i]->elf && t->list[i] != keep &&
			    (!oldest || t->list[i]->used < oldest->used))
				oldest = t->list[i];
		if (!oldest)
			return;
		close_file(t, oldest);
	}
}

static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? strndup(path, (size_t)(slash - path) + 1) : NULL;
}

/* Have the symbols read now, while it is known where their debug files lie. */
static void prime(struct eo_elf *elf, const char *path, const char *root)
{
	EO_AUTO_FREE char *dir = folder_of(path);
	struct eo_elf_symbol symbol;

	if (eo_elf_find_symbol(elf, 0, root, dir, &symbol) == 0)
		free(symbol.name);
}

static void adopt(struct eo_file_table *t, struct eo_file *file, struct eo_elf *elf,
		  const char *root)
{
	make_room(t, file);
	if (t->read_symbols)
		prime(elf, file->path, root);
	file->elf = elf;
	mark_used(t, file);
	t->open++;
	t->symbols_open += eo_elf_symbol_count(elf);
	make_room(t, file);
}

static int copy_segments(struct eo_file *file, const struct eo_elf *elf)
{
	size_t count = eo_elf_segment_count(elf);

	if (count > SEGMENTS_MAX)
		count = SEGMENTS_MAX;
	if (!count)
		return -ENOEXEC;
	file->segments = calloc(count, sizeof(*file->segments));
	if (!file->segments)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		file->segments[i].elf = *eo_elf_segment(elf, i);
	file->segment_count = count;
	return 0;
}

static void open_source(struct eo_file_table *t, struct eo_file *file,
			const struct eo_mapped_file *mapped)
{
	EO_AUTO_FREE char *dir = folder_of(file->path);

	if (t->read_lines && t->sources < SOURCES_MAX &&
	    eo_source_open(mapped->fd, mapped->root, dir, t->strings, &file->source) == 0)
		t->sources++;
}

static int load(struct eo_file_table *t, struct eo_file *file, const struct eo_mapped_file *mapped)
{
	EO_AUTO(eo_elf) elf = NULL;
	int r = eo_elf_open(mapped->fd, &elf, NULL);

	if (r < 0)
		return r;
	r = copy_segments(file, elf);
	if (r < 0)
		return r;
	file->build_id = eo_string_pool_add(t->strings, eo_elf_build_id(elf));
	if (!file->build_id)
		file->build_id = "";
	adopt(t, file, eo_steal(&elf), mapped->root);
	file->has_symbols = eo_elf_symbol_count(file->elf) > 0;
	open_source(t, file, mapped);
	return 0;
}

static const char *shown_path(struct eo_file_table *t, const char *path)
{
	EO_AUTO_FREE char *copy = strndup(path, eo_mapped_file_path_length(path));

	return copy ? eo_string_pool_add(t->strings, copy) : NULL;
}

static struct eo_file *open_mapping(struct eo_file_table *t, uint32_t tgid,
				    const struct eo_vma *vma)
{
	struct eo_mapped_file mapped = {.fd = -1};
	struct eo_file key = {.path = shown_path(t, vma->path), .build_id = ""};
	struct eo_file *file;
	bool is_new;

	if (!key.path)
		return NULL;
	key.error = eo_mapped_file_open(tgid, vma, &mapped);
	key.inode = key.error ? vma->inode : mapped.inode;
	if (!key.error) {
		key.size = mapped.size;
		key.mtime_ns = mapped.mtime_ns;
	}
	file = intern(t, &key, &is_new);
	if (file && is_new && key.error == -EACCES)
		t->denied++;
	if (file && is_new && !key.error)
		load(t, file, &mapped); /* no segments when it is no ELF file */
	if (mapped.fd >= 0)
		close(mapped.fd);
	return file;
}

/* The mount namespace of a process; 0 when it cannot be told, as of one that has ended. */
static uint64_t space_of(struct eo_file_table *t, uint32_t tgid, uint64_t generation)
{
	struct namespace_memo *memo = &t->spaces[generation & (NAMESPACE_SLOTS - 1)];
	char path[48];
	struct stat st;

	if (memo->generation == generation && memo->space)
		return memo->space;
	snprintf(path, sizeof(path), "/proc/%u/ns/mnt", tgid);
	if (stat(path, &st) < 0)
		return 0;
	*memo = (struct namespace_memo){generation, st.st_ino};
	return st.st_ino;
}

static struct memo *memo_of(struct eo_file_table *t, uint64_t part, uint64_t space)
{
	uint64_t words[] = {part, space};

	return &t->memos[eo_hash_words(t->seed, words, 2) & (MEMO_SLOTS - 1)];
}

static struct eo_file *recall(struct eo_file_table *t, uint64_t part, uint64_t space)
{
	const struct memo *memo = memo_of(t, part, space);

	return memo->file && memo->part == part && memo->space == space ? memo->file : NULL;
}

static void remember(struct eo_file_table *t, uint64_t part, uint64_t space, struct eo_file *file)
{
	*memo_of(t, part, space) = (struct memo){part, space, file};
}

struct eo_file *eo_file_table_get(struct eo_file_table *t, uint32_t tgid, uint64_t generation,
				  const struct eo_vma *vma)
{
	/* What failed for one process may work for another: that is kept by generation. */
	uint64_t own = generation | 1ull << 63;
	uint64_t space = space_of(t, tgid, generation);
	struct eo_file *file = recall(t, vma->part, space);

	if (!file)
		file = recall(t, vma->part, own);
	if (file)
		return file;
	file = open_mapping(t, tgid, vma);
	if (!file)
		return NULL;
	if (file->error) {
		remember(t, vma->part, own, file);
	} else {
		remember(t, vma->part, space, file);
		remember(t, vma->part, 0, file);
	}
	return file;
}

static void open_vdso(struct eo_file_table *t)
{
	struct eo_elf *elf = NULL;

	t->vdso = calloc(1, sizeof(*t->vdso));
	t->foreign_vdso = calloc(1, sizeof(*t->foreign_vdso));
	if (!t->vdso || !t->foreign_vdso)
		return;
	t->vdso->path = t->foreign_vdso->path = "[vdso]";
	t->vdso->build_id = t->foreign_vdso->build_id = "";
	if (eo_vdso_open(&elf, &t->vdso_size, NULL) < 0)
		return;
	/* It stays open, outside the count of files: it has no descriptor. */
	t->vdso->elf = elf;
	if (copy_segments(t->vdso, elf) < 0)
		return;
	t->vdso->build_id = eo_string_pool_add(t->strings, eo_elf_build_id(elf));
	if (!t->vdso->build_id)
		t->vdso->build_id = "";
	if (t->read_symbols)
		prime(elf, "", "");
	t->vdso->has_symbols = eo_elf_symbol_count(elf) > 0;
}

struct eo_file *eo_file_table_vdso(struct eo_file_table *t, const struct eo_vma *vma)
{
	if (!t->vdso)
		open_vdso(t);
	if (!t->vdso || !t->foreign_vdso)
		return NULL;
	/* A 32-bit process has another one. */
	if (vma->end - vma->start != t->vdso_size || vma->end <= 1ull << 32)
		return t->foreign_vdso;
	return t->vdso;
}

static bool holds(const struct eo_elf_segment *segment, uint64_t offset, uint64_t page)
{
	uint64_t start = segment->offset & ~(page - 1), end;

	if (__builtin_add_overflow(segment->offset, segment->file_size, &end) ||
	    __builtin_add_overflow(end, page - 1, &end))
		return false;
	return offset >= start && offset < (end & ~(page - 1));
}

struct eo_file_segment *eo_file_segment_at(struct eo_file *file, uint64_t offset)
{
	/* Exactly in an executable one, or in its first or last page, or in another one. */
	static const struct {
		uint64_t page;
		bool executable;
	} tries[] = {{1, true}, {4096, true}, {1, false}};

	for (size_t t = 0; t < EO_ARRAY_SIZE(tries); t++)
		for (size_t i = 0; i < file->segment_count; i++)
			if ((file->segments[i].elf.executable || !tries[t].executable) &&
			    holds(&file->segments[i].elf, offset, tries[t].page))
				return &file->segments[i];
	return NULL;
}

static int reopen(struct eo_file_table *t, struct eo_file *file, uint32_t tgid,
		  const struct eo_vma *vma)
{
	struct eo_mapped_file mapped = {.fd = -1};
	struct eo_elf *elf = NULL;
	int r = eo_mapped_file_open(tgid, vma, &mapped);

	if (r < 0)
		return r;
	if (mapped.inode != file->inode || mapped.size != file->size ||
	    mapped.mtime_ns != file->mtime_ns)
		r = -ESTALE;
	else
		r = eo_elf_open(mapped.fd, &elf, NULL);
	if (r == 0)
		adopt(t, file, elf, mapped.root);
	close(mapped.fd);
	return r;
}

int eo_file_table_find_symbol(struct eo_file_table *t, struct eo_file *file, uint32_t tgid,
			      const struct eo_vma *vma, uint64_t vaddr, struct eo_elf_symbol *ret)
{
	if (!file->has_symbols)
		return -ENOENT;
	if (!file->elf) {
		int r = reopen(t, file, tgid, vma);

		if (r < 0)
			return r;
	}
	mark_used(t, file);
	return eo_elf_find_symbol(file->elf, vaddr, "", NULL, ret);
}

void eo_file_table_find_lines(struct eo_file_table *t)
{
	/* What one file may take and another one as much: many hostile ones get no more. */
	uint64_t budget = 2 * EO_SOURCE_STEPS_MAX;

	for (uint32_t i = 0; i < t->count; i++)
		if (t->list[i]->source)
			eo_source_find(t->list[i]->source, &budget);
}
