/* SPDX-License-Identifier: BSD-2-Clause */
/* The line table of a unit: a program that, run once from its begin to its end, tells the rows of
 * all addresses asked for. Rows are not kept: a table of a few megabytes would become hundreds. */
#ifndef EO_SYMBOL_DWARF_LINES_H
#define EO_SYMBOL_DWARF_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbol/dwarf_unit.h"
#include "symbol/string_pool.h"

struct eo_dwarf_row {
	uint64_t address; /* asked for */
	bool found;
	uint32_t file, line, column; /* line and column 0: unknown */
};

struct eo_dwarf_lines;

/**
 * The line table of @unit, whose first entry has been read.
 * @file, @unit: must outlive it
 * Returns 0, -ENOENT (it has none), or another negative errno.
 */
int eo_dwarf_lines_new(struct eo_dwarf_file *file, const struct eo_dwarf_unit *unit,
		       struct eo_dwarf_lines **ret);
void eo_dwarf_lines_free(struct eo_dwarf_lines *lines); /* NULL is fine */
EO_DEFINE_AUTO(eo_dwarf_lines)

/**
 * Find rows.
 * @rows: sorted by address; those that are covered are filled
 * Returns 0, or a negative errno for a damaged table; what was found before the damage stays.
 */
int eo_dwarf_lines_find(struct eo_dwarf_lines *lines, struct eo_dwarf_row *rows, size_t count);

/**
 * The path of file number @file, by the directory the compiler ran in where it is not absolute.
 * Nothing is resolved: the file need not be on this machine.
 * Returns NULL when there is no such file, or memory is out. Valid as long as @strings, the same
 * with each call.
 */
const char *eo_dwarf_lines_path(struct eo_dwarf_lines *lines, uint64_t file,
				struct eo_string_pool *strings);

#endif
