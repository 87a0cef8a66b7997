/* SPDX-License-Identifier: BSD-2-Clause */
#include "symbol/source_names.h"

#include <errno.h>

#include "core/array.h"
#include "core/hash.h"
#include "core/index.h"
#include "symbol/demangle.h"
#include "symbol/dwarf_unit.h"

#define HOPS_MAX 8
#define UNITS_HELD 8u
#define UNITS_MAX (1u << 20)
#define FILES_MAX 2u /* a file and its supplement */
#define ENTRY_BYTES 256u
#define STEPS_A_LETTER 8u /* to demangle it */

/* A unit that was referred to lately. */
struct held {
	struct eo_dwarf_file *file; /* NULL: free */
	struct eo_dwarf_unit unit;
	struct eo_dwarf_abbreviations abbreviations;
	uint64_t used;
};

/* Where the units of a file begin. Made when the first reference leaves its unit. */
struct directory {
	struct eo_dwarf_file *file;
	uint64_t *offsets;
	size_t count, room;
};

struct known {
	struct eo_source_origin origin;
	struct eo_source_name name; /* all NULL: it has none */
};

struct eo_source_names {
	struct eo_string_pool *strings;
	uint64_t seed, clock;
	struct held held[UNITS_HELD];
	struct directory directories[FILES_MAX];
	struct known *list;
	uint32_t count, room;
	struct eo_index index;
};

struct eo_source_names *eo_source_names_new(struct eo_string_pool *strings)
{
	struct eo_source_names *names = calloc(1, sizeof(*names));

	if (names) {
		names->strings = strings;
		names->seed = eo_hash_seed();
	}
	return names;
}

void eo_source_names_free(struct eo_source_names *names)
{
	if (!names)
		return;
	for (size_t i = 0; i < UNITS_HELD; i++)
		eo_dwarf_abbreviations_fini(&names->held[i].abbreviations);
	for (size_t i = 0; i < FILES_MAX; i++)
		free(names->directories[i].offsets);
	free(names->list);
	eo_index_fini(&names->index);
	free(names);
}

/* ---- units ---- */

static int add_offset(struct directory *directory, uint64_t offset)
{
	if (!EO_ARRAY_RESERVE(directory->offsets, directory->count + 1, directory->room, 256))
		return -ENOMEM;
	directory->offsets[directory->count++] = offset;
	return 0;
}

static struct directory *directory_of(struct eo_source_names *names, struct eo_dwarf_file *file)
{
	uint64_t size = eo_dwarf_section_size(file, EO_DWARF_INFO), offset = 0;
	struct directory *directory = NULL;
	struct eo_dwarf_unit unit;

	for (size_t i = 0; i < FILES_MAX && !directory; i++)
		if (!names->directories[i].file || names->directories[i].file == file)
			directory = &names->directories[i];
	if (!directory || directory->file)
		return directory;
	directory->file = file;
	for (; offset < size && directory->count < UNITS_MAX; offset = unit.end) {
		int r = eo_dwarf_unit_read(file, offset, &unit);

		if ((r < 0 && r != -EOPNOTSUPP) || !eo_dwarf_file_spend(file, 1) ||
		    add_offset(directory, offset) < 0)
			break;
	}
	return directory;
}

/* The offset of the unit that holds the entry at @offset. */
static bool unit_of(struct eo_source_names *names, struct eo_dwarf_file *file, uint64_t offset,
		    uint64_t *ret)
{
	const struct directory *directory = directory_of(names, file);
	size_t low = 0, high = directory ? directory->count : 0;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (directory->offsets[middle] <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return false;
	*ret = directory->offsets[low - 1];
	return true;
}

/* The unit that holds the entry at @offset; NULL when there is none that makes sense. */
static struct held *hold(struct eo_source_names *names, struct eo_dwarf_file *file, uint64_t offset)
{
	struct held *oldest = &names->held[0];
	uint64_t start;

	for (size_t i = 0; i < UNITS_HELD; i++) {
		struct held *held = &names->held[i];

		if (held->file == file && offset >= held->unit.entries && offset < held->unit.end) {
			held->used = ++names->clock;
			return held;
		}
		if (held->used < oldest->used)
			oldest = held;
	}
	if (!unit_of(names, file, offset, &start))
		return NULL;
	oldest->file = NULL;
	oldest->used = 0;
	if (eo_dwarf_unit_read(file, start, &oldest->unit) < 0 || offset < oldest->unit.entries ||
	    offset >= oldest->unit.end || eo_dwarf_unit_read_first(file, &oldest->unit) < 0 ||
	    eo_dwarf_abbreviations_load(file, &oldest->unit, &oldest->abbreviations) < 0)
		return NULL;
	oldest->file = file;
	oldest->used = ++names->clock;
	return oldest;
}

static bool read_entry(struct eo_dwarf_file *file, const struct held *held, uint64_t offset,
		       size_t size, struct eo_dwarf_die *ret)
{
	struct eo_dwarf_cursor c = eo_dwarf_view(file, EO_DWARF_INFO, offset, size);
	const struct eo_dwarf_abbreviation *abbreviation =
		eo_dwarf_abbreviation(&held->abbreviations, eo_dwarf_uleb(&c));

	if (!abbreviation)
		return false;
	eo_dwarf_die_read(&c, &held->unit, &held->abbreviations, abbreviation, ret);
	return !c.bad;
}

/* ---- names ---- */

static const char *keep(struct eo_source_names *names, struct eo_dwarf_file *file, const char *text)
{
	if (!text || !eo_dwarf_file_spend(file, STEPS_A_LETTER * (strlen(text) + 16)))
		return NULL;
	return eo_string_pool_add(names->strings, text);
}

/* The mangled name, or the plain one, kept in the pool; NULL: none. */
static const char *look_up(struct eo_source_names *names, const struct eo_source_origin *origin)
{
	struct eo_source_origin at = *origin;
	const char *plain = NULL;

	for (int hop = 0; hop < HOPS_MAX && eo_dwarf_file_spend(at.file, 1); hop++) {
		const struct held *held = hold(names, at.file, at.offset);
		struct eo_dwarf_file *file = at.file;
		const struct eo_dwarf_value *values;
		struct eo_dwarf_die die;
		const char *text;

		if (!held || (!read_entry(file, held, at.offset, ENTRY_BYTES, &die) &&
			      !read_entry(file, held, at.offset, EO_DWARF_VIEW_MAX_BYTES, &die)))
			break;
		values = die.attributes;
		text = eo_dwarf_string(file, &held->unit, &values[EO_DWARF_LINKAGE_NAME]);
		if (text)
			return keep(names, file, text);
		if (!plain)
			plain = keep(names, file,
				     eo_dwarf_string(file, &held->unit, &values[EO_DWARF_NAME]));
		if (!eo_dwarf_reference(file, &held->unit, &values[EO_DWARF_ABSTRACT_ORIGIN],
					&at.file, &at.offset) &&
		    !eo_dwarf_reference(file, &held->unit, &values[EO_DWARF_SPECIFICATION],
					&at.file, &at.offset))
			break;
	}
	return plain;
}

static struct known *add_known(struct eo_source_names *names, uint32_t hash,
			       const struct known *known)
{
	if (!EO_ARRAY_RESERVE(names->list, names->count + 1, names->room, 256))
		return NULL;
	if (eo_index_add(&names->index, hash, names->count) < 0)
		return NULL;
	names->list[names->count] = *known;
	return &names->list[names->count++];
}

const struct eo_source_name *eo_source_names_find(struct eo_source_names *names,
						  const struct eo_source_origin *origin)
{
	uint32_t hash = (uint32_t)eo_hash_words(
		names->seed, (uint64_t[]){(uintptr_t)origin->file, origin->offset}, 2);
	struct known *known = NULL, made = {.origin = *origin};
	EO_AUTO_FREE char *demangled = NULL;
	uint32_t cursor = 0, i;

	while ((i = eo_index_next(&names->index, hash, &cursor)) != EO_INDEX_NONE) {
		known = &names->list[i];
		if (known->origin.file == origin->file && known->origin.offset == origin->offset)
			return known->name.name ? &known->name : NULL;
	}
	made.name.system_name = look_up(names, origin);
	if (made.name.system_name) {
		demangled = eo_demangle(made.name.system_name);
		made.name.name = demangled ? eo_string_pool_add(names->strings, demangled)
					   : made.name.system_name;
	}
	known = add_known(names, hash, &made);
	return known && known->name.name ? &known->name : NULL;
}
