/* SPDX-License-Identifier: BSD-2-Clause */
#include "symbol/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "core/array.h"
#include "core/hash.h"
#include "core/index.h"
#include "symbol/debug_file.h"
#include "symbol/dwarf_file.h"
#include "symbol/dwarf_format.h"
#include "symbol/elf_build_id.h"
#include "symbol/source_unit.h"

#define ADDRESSES_MAX (1u << 20)
#define LINES_MAX (8u << 20)
#define UNITS_MAX (1u << 20)

struct answer {
	uint64_t vaddr;
	uint32_t first_line, line_count;
};

struct eo_source {
	struct eo_elf_image debug;	/* what has the debug information; no sections loaded */
	struct eo_elf_image supplement; /* of dwz; fd -1: none */
	struct eo_string_pool *strings;
	uint64_t seed;

	struct answer *answers; /* those from @found on are not looked up yet */
	uint32_t answer_count, answer_room, found;
	struct eo_index index;

	struct eo_source_line *lines;
	uint32_t line_count, line_room;
};

/* The debug information of @image, which goes to @ret, or of a file beside it. */
static int choose_image(struct eo_elf_image *image, const char *root, const char *dir,
			struct eo_elf_image *ret)
{
	char build_id[EO_BUILD_ID_TEXT_BYTES];
	int r;

	if (eo_dwarf_file_is_one(image)) {
		*ret = *image;
		*image = (struct eo_elf_image){.fd = -1};
		return 0;
	}
	r = eo_elf_build_id_read(image, build_id);
	if (r == 0)
		r = eo_debug_file_open(image, build_id, root, dir, ret);
	if (r == 0 && !eo_dwarf_file_is_one(ret)) {
		eo_elf_image_fini(ret);
		r = -ENOENT;
	}
	return r;
}

int eo_source_open(int fd, const char *root, const char *dir, struct eo_string_pool *strings,
		   struct eo_source **ret)
{
	EO_AUTO(eo_source) source = NULL;
	struct eo_elf_image image;
	int r = eo_elf_image_open(&image, fd);

	if (r < 0)
		return r;

	source = calloc(1, sizeof(*source));
	if (source) {
		source->debug.fd = source->supplement.fd = -1;
		source->strings = strings;
		source->seed = eo_hash_seed();
		r = eo_elf_image_load_sections(&image);
		if (r == 0)
			r = choose_image(&image, root, dir, &source->debug);
	} else {
		r = -ENOMEM;
	}
	eo_elf_image_fini(&image);
	if (r < 0)
		return r;
	/* Without it functions of shared parts have no names, and that is all. */
	eo_debug_file_open_supplement(&source->debug, root, &source->supplement);
	eo_elf_image_drop_sections(&source->debug);
	eo_elf_image_drop_sections(&source->supplement);
	*ret = eo_steal(&source);
	return 0;
}

void eo_source_free(struct eo_source *source)
{
	if (!source)
		return;
	eo_elf_image_fini(&source->debug);
	eo_elf_image_fini(&source->supplement);
	eo_index_fini(&source->index);
	free(source->answers);
	free(source->lines);
	free(source);
}

static uint32_t hash_of(const struct eo_source *source, uint64_t vaddr)
{
	return (uint32_t)eo_hash_words(source->seed, &vaddr, 1);
}

static struct answer *find_answer(const struct eo_source *source, uint64_t vaddr)
{
	uint32_t hash = hash_of(source, vaddr), cursor = 0, i;

	while ((i = eo_index_next(&source->index, hash, &cursor)) != EO_INDEX_NONE)
		if (source->answers[i].vaddr == vaddr)
			return &source->answers[i];
	return NULL;
}

void eo_source_want(struct eo_source *source, uint64_t vaddr)
{
	if (source->answer_count >= ADDRESSES_MAX || find_answer(source, vaddr) ||
	    !EO_ARRAY_RESERVE(source->answers, source->answer_count + 1, source->answer_room, 256) ||
	    eo_index_add(&source->index, hash_of(source, vaddr), source->answer_count) < 0)
		return;
	source->answers[source->answer_count++] = (struct answer){.vaddr = vaddr};
}

size_t eo_source_lines(const struct eo_source *source, uint64_t vaddr,
		       const struct eo_source_line **ret)
{
	const struct answer *answer = find_answer(source, vaddr);

	if (!answer || !answer->line_count)
		return 0;
	*ret = source->lines + answer->first_line;
	return answer->line_count;
}

/* ---- looking up ---- */

/* An address on its way to its unit. */
struct wanted {
	uint64_t vaddr;
	uint64_t unit;	/* offset of the best one so far */
	uint64_t width; /* of the range that is in; 0: in none yet */
};

struct search {
	struct eo_dwarf_file *file;
	struct wanted *list; /* sorted by address */
	size_t count;
	uint64_t unit; /* the one whose ranges are looked at */
};

static int by_address(const void *left, const void *right)
{
	const struct wanted *a = left, *b = right;

	return (a->vaddr > b->vaddr) - (a->vaddr < b->vaddr);
}

static int by_unit(const void *left, const void *right)
{
	const struct wanted *a = left, *b = right;

	if (!a->width != !b->width)
		return a->width ? -1 : 1;
	if (a->unit != b->unit)
		return a->unit > b->unit ? 1 : -1;
	return by_address(left, right);
}

/* The narrowest range wins, so that one that is far too large takes nothing away from others. */
static void claim(void *ctx, uint64_t start, uint64_t end)
{
	struct search *search = ctx;
	size_t low = 0, high = search->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (search->list[middle].vaddr < start)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < search->count && search->list[low].vaddr < end &&
	       eo_dwarf_file_spend(search->file, 1);
	     low++) {
		struct wanted *wanted = &search->list[low];

		if (wanted->width && wanted->width <= end - start)
			continue;
		wanted->unit = search->unit;
		wanted->width = end - start;
	}
}

/* Which unit each address is in. No index of all units' ranges is kept: those of a large program
 * are a million, and the addresses thousands. */
static void assign_units(struct eo_dwarf_file *file, struct search *search)
{
	uint64_t size = eo_dwarf_section_size(file, EO_DWARF_INFO), offset = 0;
	struct eo_dwarf_unit unit;

	for (uint32_t i = 0; i < UNITS_MAX && offset < size; i++, offset = unit.end) {
		int r = eo_dwarf_unit_read(file, offset, &unit);

		if (r == -EOPNOTSUPP)
			continue;
		if (r < 0 || !eo_dwarf_file_spend(file, 1))
			return;
		search->unit = offset;
		if ((unit.type == EO_DW_UT_COMPILE || unit.type == EO_DW_UT_SKELETON) &&
		    eo_dwarf_unit_read_first(file, &unit) == 0)
			eo_dwarf_die_ranges(file, &unit, &unit.first, claim, search);
	}
}

static bool add_lines(void *ctx, uint64_t vaddr, const struct eo_source_line *lines, size_t count)
{
	struct eo_source *source = ctx;
	struct answer *answer = find_answer(source, vaddr);

	if (!answer || source->line_count > LINES_MAX)
		return false;
	if (!EO_ARRAY_RESERVE(source->lines, source->line_count + count, source->line_room, 256))
		return false;
	for (size_t i = 0; i < count; i++)
		source->lines[source->line_count + i] = lines[i];
	answer->first_line = source->line_count;
	answer->line_count = (uint32_t)count;
	source->line_count += (uint32_t)count;
	return true;
}

static void find_in(struct eo_source *source, struct eo_dwarf_file *file, struct search *search)
{
	EO_AUTO_FREE uint64_t *vaddrs = calloc(search->count, sizeof(*vaddrs));
	EO_AUTO(eo_source_units) units = eo_source_units_new(file, source->strings);

	if (!vaddrs || !units)
		return;
	search->file = file;
	assign_units(file, search);
	qsort(search->list, search->count, sizeof(*search->list), by_unit);
	for (size_t i = 0, end; i < search->count && search->list[i].width; i = end) {
		for (end = i; end < search->count && search->list[end].width &&
			      search->list[end].unit == search->list[i].unit;
		     end++)
			vaddrs[end - i] = search->list[end].vaddr;
		eo_source_units_find(units, search->list[i].unit, vaddrs, end - i, add_lines,
				     source);
	}
}

static int open_dwarf(const struct eo_elf_image *image, struct eo_dwarf_file *supplement,
		      uint64_t *budget, struct eo_dwarf_file **ret)
{
	struct eo_elf_image copy = *image;
	int r = eo_elf_image_load_sections(&copy);

	if (r == 0)
		r = eo_dwarf_file_new(&copy, supplement, budget, ret);
	eo_elf_image_drop_sections(&copy);
	return r;
}

void eo_source_find(struct eo_source *source, uint64_t *budget)
{
	uint64_t all = *budget, own = all < EO_SOURCE_STEPS_MAX ? all : EO_SOURCE_STEPS_MAX;
	uint64_t left = own;
	EO_AUTO(eo_dwarf_file) supplement = NULL;
	EO_AUTO(eo_dwarf_file) file = NULL;
	struct search search = {.count = source->answer_count - source->found};
	EO_AUTO_FREE struct wanted *list = calloc(search.count ? search.count : 1, sizeof(*list));

	if (!search.count || !list)
		return;
	for (size_t i = 0; i < search.count; i++)
		list[i].vaddr = source->answers[source->found + i].vaddr;
	qsort(list, search.count, sizeof(*list), by_address);
	search.list = list;
	source->found = source->answer_count;

	if (source->supplement.fd >= 0)
		open_dwarf(&source->supplement, NULL, &left, &supplement);
	if (open_dwarf(&source->debug, supplement, &left, &file) == 0)
		find_in(source, file, &search);
	*budget = all - (own - left);
}
