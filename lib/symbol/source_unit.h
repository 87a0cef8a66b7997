/* SPDX-License-Identifier: BSD-2-Clause */
/* Addresses of one unit of debug information: which functions they are in, and where in the
 * source. */
#ifndef EO_SYMBOL_SOURCE_UNIT_H
#define EO_SYMBOL_SOURCE_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/auto.h"
#include "symbol/dwarf_unit.h"
#include "symbol/source.h"

/* What is worth keeping from one unit to the next: names. */
struct eo_source_units;

/** @file, @strings: must outlive it. Returns NULL when memory is out. */
struct eo_source_units *eo_source_units_new(struct eo_dwarf_file *file,
					    struct eo_string_pool *strings);
void eo_source_units_free(struct eo_source_units *units); /* NULL is fine */
EO_DEFINE_AUTO(eo_source_units)

/** False: no more of them. */
typedef bool (*eo_source_lines_fn)(void *ctx, uint64_t vaddr, const struct eo_source_line *lines,
				   size_t count);

/**
 * Look up addresses of the unit at @offset; @each is called for those that lead anywhere.
 * @vaddrs: sorted
 */
void eo_source_units_find(struct eo_source_units *units, uint64_t offset, const uint64_t *vaddrs,
			  size_t count, eo_source_lines_fn each, void *ctx);

#endif
