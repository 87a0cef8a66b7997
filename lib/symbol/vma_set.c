/* SPDX-License-Identifier: BSD-2-Clause */
#include "symbol/vma_set.h"

#include <errno.h>
#include <string.h>

#include "core/array.h"
#include "core/hash.h"
#include "core/index.h"

struct path {
	uint32_t refs, hash, number;
	char text[];
};

struct part {
	struct path *path; /* NULL: on the free list */
	uint64_t inode, offset, size;
	uint64_t serial;
	uint32_t refs;
	uint32_t next_free;
};

struct eo_vma_parts {
	struct part *list;
	uint32_t count, room, first_free, live;
	struct eo_index index;

	struct path **paths; /* holes are NULL */
	uint32_t path_count, path_room;
	struct eo_index path_index;

	uint64_t seed, last_serial;
};

struct slot {
	uint64_t start;
	uint32_t part;
} __attribute__((packed, aligned(4)));

struct eo_vma_set {
	uint32_t refs, count, room;
	struct slot slots[];
};

struct eo_vma_parts *eo_vma_parts_new(void)
{
	struct eo_vma_parts *p = calloc(1, sizeof(*p));

	if (p) {
		p->first_free = EO_INDEX_NONE;
		p->seed = eo_hash_seed();
	}
	return p;
}

void eo_vma_parts_free(struct eo_vma_parts *p)
{
	if (!p)
		return;
	for (uint32_t i = 0; i < p->path_count; i++)
		free(p->paths[i]);
	free(p->paths);
	free(p->list);
	eo_index_fini(&p->path_index);
	eo_index_fini(&p->index);
	free(p);
}

size_t eo_vma_parts_count(const struct eo_vma_parts *p)
{
	return p->live;
}

static struct path *path_get(struct eo_vma_parts *p, const char *text)
{
	size_t size = strlen(text) + 1;
	uint32_t hash = eo_hash(p->seed, text, size), cursor = 0, i;
	struct path *path;

	while ((i = eo_index_next(&p->path_index, hash, &cursor)) != EO_INDEX_NONE) {
		if (!strcmp(p->paths[i]->text, text)) {
			p->paths[i]->refs++;
			return p->paths[i];
		}
	}

	if (!EO_ARRAY_RESERVE(p->paths, p->path_count + 1, p->path_room, 64))
		return NULL;
	path = malloc(sizeof(*path) + size);
	if (!path)
		return NULL;
	if (eo_index_add(&p->path_index, hash, p->path_count) < 0) {
		free(path);
		return NULL;
	}
	*path = (struct path){.refs = 1, .hash = hash, .number = p->path_count};
	memcpy(path->text, text, size);
	p->paths[p->path_count++] = path;
	return path;
}

static void path_put(struct eo_vma_parts *p, struct path *path)
{
	struct path *last;

	if (--path->refs)
		return;
	eo_index_remove(&p->path_index, path->hash, path->number);

	/* The last one moves into the gap. Adding cannot fail: the index held more before. */
	last = p->paths[--p->path_count];
	if (last != path) {
		eo_index_remove(&p->path_index, last->hash, last->number);
		last->number = path->number;
		eo_index_add(&p->path_index, last->hash, last->number);
		p->paths[last->number] = last;
	}
	free(path);
}

static uint32_t part_hash(const struct eo_vma_parts *p, const struct path *path, uint64_t inode,
			  uint64_t offset, uint64_t size)
{
	uint64_t words[] = {path->hash, inode, offset, size};

	return eo_hash_words(p->seed, words, EO_ARRAY_SIZE(words));
}

/* Returns a part's number with one more reference, or EO_INDEX_NONE when memory is out. */
static uint32_t part_get(struct eo_vma_parts *p, const char *text, uint64_t inode, uint64_t offset,
			 uint64_t size)
{
	struct path *path = path_get(p, text);
	uint32_t hash, cursor = 0, i;

	if (!path)
		return EO_INDEX_NONE;
	hash = part_hash(p, path, inode, offset, size);
	while ((i = eo_index_next(&p->index, hash, &cursor)) != EO_INDEX_NONE) {
		struct part *part = &p->list[i];

		if (part->path == path && part->inode == inode && part->offset == offset &&
		    part->size == size) {
			path_put(p, path); /* the part has its own */
			part->refs++;
			return i;
		}
	}

	i = p->first_free;
	if (i == EO_INDEX_NONE) {
		if (!EO_ARRAY_RESERVE(p->list, p->count + 1, p->room, 64))
			goto no_memory;
		i = p->count;
	}
	if (eo_index_add(&p->index, hash, i) < 0)
		goto no_memory;
	if (i == p->count)
		p->count++;
	else
		p->first_free = p->list[i].next_free;
	p->list[i] = (struct part){
		.path = path,
		.inode = inode,
		.offset = offset,
		.size = size,
		.serial = ++p->last_serial,
		.refs = 1,
	};
	p->live++;
	return i;

no_memory:
	path_put(p, path);
	return EO_INDEX_NONE;
}

static void part_put(struct eo_vma_parts *p, uint32_t i)
{
	struct part *part = &p->list[i];

	if (--part->refs)
		return;
	eo_index_remove(&p->index,
			part_hash(p, part->path, part->inode, part->offset, part->size), i);
	path_put(p, part->path);
	*part = (struct part){.next_free = p->first_free};
	p->first_free = i;
	p->live--;
}

struct eo_vma_set *eo_vma_set_share(struct eo_vma_set *set)
{
	if (set)
		set->refs++;
	return set;
}

void eo_vma_set_drop(struct eo_vma_parts *parts, struct eo_vma_set *set)
{
	if (!set || --set->refs)
		return;
	for (uint32_t i = 0; i < set->count; i++)
		part_put(parts, set->slots[i].part);
	free(set);
}

/* A set of one's own with room for @count mappings, or NULL; *set stays valid either way. */
static struct eo_vma_set *own(struct eo_vma_parts *parts, struct eo_vma_set **set, uint32_t count)
{
	struct eo_vma_set *old = *set, *copy;
	uint32_t room = count;

	if (old && old->refs == 1 && old->room >= count)
		return old;
	/* Sets of a scan grow step by step, copies after fork rarely grow at all. */
	if (old && old->refs == 1)
		room += room / 4 + 2;
	copy = malloc(sizeof(*copy) + room * sizeof(copy->slots[0]));
	if (!copy)
		return NULL;
	copy->refs = 1;
	copy->room = room;
	copy->count = 0;
	if (old) {
		copy->count = old->count;
		memcpy(copy->slots, old->slots, old->count * sizeof(old->slots[0]));
		for (uint32_t i = 0; i < copy->count; i++)
			parts->list[copy->slots[i].part].refs++;
		eo_vma_set_drop(parts, old);
	}
	*set = copy;
	return copy;
}

/* Which is the first mapping that ends behind @address? */
static uint32_t first_behind(const struct eo_vma_parts *parts, const struct eo_vma_set *set,
			     uint64_t address)
{
	uint32_t low = 0, high = set ? set->count : 0;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		const struct slot *slot = &set->slots[mid];

		if (slot->start + parts->list[slot->part].size > address)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

/* Anonymous memory has no place in a file. */
static uint64_t file_offset(const char *path, uint64_t offset)
{
	return path[0] == '/' && path[1] != '/' ? offset : 0;
}

/* What remains of @old between @start and @end. */
static uint32_t remainder_get(struct eo_vma_parts *parts, const struct slot *old, uint64_t start,
			      uint64_t end)
{
	/* A copy: part_get() may move the list. */
	const struct part part = parts->list[old->part];

	return part_get(parts, part.path->text, part.inode,
			file_offset(part.path->text, part.offset + (start - old->start)),
			end - start);
}

int eo_vma_set_put(struct eo_vma_parts *parts, struct eo_vma_set **set, const struct eo_vma *vma)
{
	struct slot pieces[3];
	uint32_t count = *set ? (*set)->count : 0;
	uint32_t first, last, piece_count = 0, new_count;
	struct eo_vma_set *mine;
	int r = -ENOMEM;

	if (vma->start >= vma->end)
		return -EINVAL;

	first = first_behind(parts, *set, vma->start);
	for (last = first; last < count && (*set)->slots[last].start < vma->end; last++)
		;

	if (first < last) {
		const struct slot *old = &(*set)->slots[first];

		if (old->start < vma->start) {
			pieces[0] = (struct slot){
				old->start, remainder_get(parts, old, old->start, vma->start)};
			if (pieces[0].part == EO_INDEX_NONE)
				return -ENOMEM;
			piece_count++;
		}
	}
	pieces[piece_count] = (struct slot){
		vma->start, part_get(parts, vma->path, vma->inode,
				     file_offset(vma->path, vma->offset), vma->end - vma->start)};
	if (pieces[piece_count].part == EO_INDEX_NONE)
		goto undo;
	piece_count++;
	if (first < last) {
		const struct slot *old = &(*set)->slots[last - 1];
		uint64_t end = old->start + parts->list[old->part].size;

		if (end > vma->end) {
			pieces[piece_count] = (struct slot){
				vma->end, remainder_get(parts, old, vma->end, end)};
			if (pieces[piece_count].part == EO_INDEX_NONE)
				goto undo;
			piece_count++;
		}
	}

	new_count = count - (last - first) + piece_count;
	if (new_count > EO_VMA_SET_MAX) {
		r = -E2BIG;
		goto undo;
	}
	mine = own(parts, set, new_count > count ? new_count : count);
	if (!mine)
		goto undo;
	for (uint32_t i = first; i < last; i++)
		part_put(parts, mine->slots[i].part);
	memmove(&mine->slots[first + piece_count], &mine->slots[last],
		(count - last) * sizeof(mine->slots[0]));
	memcpy(&mine->slots[first], pieces, piece_count * sizeof(pieces[0]));
	mine->count = new_count;
	return 0;

undo:
	while (piece_count > 0)
		part_put(parts, pieces[--piece_count].part);
	return r;
}

struct eo_vma eo_vma_set_at(const struct eo_vma_parts *parts, const struct eo_vma_set *set, size_t i)
{
	const struct part *part = &parts->list[set->slots[i].part];

	return (struct eo_vma){
		.start = set->slots[i].start,
		.end = set->slots[i].start + part->size,
		.offset = part->offset,
		.inode = part->inode,
		.path = part->path->text,
		.part = part->serial,
	};
}

bool eo_vma_set_find(const struct eo_vma_parts *parts, const struct eo_vma_set *set,
		     uint64_t address, struct eo_vma *ret)
{
	uint32_t i = first_behind(parts, set, address);

	if (!set || i == set->count || set->slots[i].start > address)
		return false;
	*ret = eo_vma_set_at(parts, set, i);
	return true;
}

size_t eo_vma_set_count(const struct eo_vma_set *set)
{
	return set ? set->count : 0;
}

bool eo_vma_set_equal(const struct eo_vma_set *a, const struct eo_vma_set *b)
{
	size_t count = eo_vma_set_count(a);

	return count == eo_vma_set_count(b) &&
	       (!count || !memcmp(a->slots, b->slots, count * sizeof(a->slots[0])));
}

bool eo_vma_set_overlap(const struct eo_vma_set *a, const struct eo_vma_set *b)
{
	uint32_t i = 0, j = 0;

	while (i < eo_vma_set_count(a) && j < eo_vma_set_count(b)) {
		const struct slot *x = &a->slots[i], *y = &b->slots[j];

		if (x->start == y->start && x->part == y->part)
			return true;
		if (x->start < y->start)
			i++;
		else
			j++;
	}
	return false;
}
