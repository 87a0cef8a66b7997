/* SPDX-License-Identifier: BSD-2-Clause */
/* The debug sections of one ELF file, read by pread where they are looked at: what is looked at is
 * a small part of what can be gigabytes. Compressed sections are unpacked first. Not thread-safe.
 *
 * Why not libdw: of a unit of 3.5 MB it needs 35 ms to walk the functions and 65 ms to sort the
 * lines, it reads every section whole, and it trusts what it reads. */
#ifndef EO_SYMBOL_DWARF_FILE_H
#define EO_SYMBOL_DWARF_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "core/auto.h"
#include "symbol/dwarf_cursor.h"
#include "symbol/elf_image.h"

enum eo_dwarf_section {
	EO_DWARF_INFO,
	EO_DWARF_ABBREV,
	EO_DWARF_LINE,
	EO_DWARF_STR,
	EO_DWARF_LINE_STR,
	EO_DWARF_STR_OFFSETS,
	EO_DWARF_ADDR,
	EO_DWARF_RANGES,
	EO_DWARF_RNGLISTS,
	EO_DWARF_SECTION_COUNT,
};

/* The most that one view or text can have. */
#define EO_DWARF_VIEW_MAX_BYTES 65536u

struct eo_dwarf_file;

/** Whether the image, with its sections loaded, is a program or library that has debug information.
 */
bool eo_dwarf_file_is_one(const struct eo_elf_image *image);

/**
 * @image: with its sections loaded; must outlive the file, its sections need not
 * @supplement: the file that dwz moved shared parts to, or NULL; stays the caller's
 * @budget: steps that may still be made, counted down here and by everybody who reads the file; a
 * hostile file can ask for endless work in a few bytes
 * Returns 0, -ENOENT (no debug information), -EFBIG (too much to unpack), -EOPNOTSUPP (unknown
 * compression), or another negative errno.
 */
int eo_dwarf_file_new(const struct eo_elf_image *image, struct eo_dwarf_file *supplement,
		      uint64_t *budget, struct eo_dwarf_file **ret);
void eo_dwarf_file_free(struct eo_dwarf_file *file); /* NULL is fine */
EO_DEFINE_AUTO(eo_dwarf_file)

struct eo_dwarf_file *eo_dwarf_file_supplement(struct eo_dwarf_file *file); /* or NULL */

/** Take @steps off the budget. False: it is used up, stop. */
bool eo_dwarf_file_spend(struct eo_dwarf_file *file, uint64_t steps);

uint64_t eo_dwarf_section_size(const struct eo_dwarf_file *file, enum eo_dwarf_section section);

/**
 * The bytes from @offset on: @size of them or fewer at the section's end, perhaps more. A bad
 * cursor beyond the end. Valid until the next view or text of the same section.
 * @size: at most EO_DWARF_VIEW_MAX_BYTES
 */
struct eo_dwarf_cursor eo_dwarf_view(struct eo_dwarf_file *file, enum eo_dwarf_section section,
				     uint64_t offset, size_t size);

/** The text at @offset; NULL when there is none, or too long a one. Valid as a view is. */
const char *eo_dwarf_text_at(struct eo_dwarf_file *file, enum eo_dwarf_section section,
			     uint64_t offset);

/**
 * A copy of @size bytes from @offset.
 * @ret: a cursor over them; free its start
 * Returns 0, -EBADMSG (they are not all there), -EFBIG (more than can be wanted), or another
 * negative errno.
 */
int eo_dwarf_copy(struct eo_dwarf_file *file, enum eo_dwarf_section section, uint64_t offset,
		  uint64_t size, struct eo_dwarf_cursor *ret);

#endif
