/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of functions by their entry in the debug information. An entry often has none and refers
 * to another, of any unit, or of the file that dwz moved shared entries to. */
#ifndef EO_SYMBOL_SOURCE_NAMES_H
#define EO_SYMBOL_SOURCE_NAMES_H

#include <stdint.h>

#include "core/auto.h"
#include "symbol/dwarf_file.h"
#include "symbol/string_pool.h"

struct eo_source_origin {
	struct eo_dwarf_file *file;
	uint64_t offset; /* of an entry in its .debug_info */
};

struct eo_source_name {
	const char *name, *system_name; /* as in struct eo_source_line */
};

struct eo_source_names;

/** @strings: must outlive it. Returns NULL when memory is out. */
struct eo_source_names *eo_source_names_new(struct eo_string_pool *strings);
void eo_source_names_free(struct eo_source_names *names); /* NULL is fine */
EO_DEFINE_AUTO(eo_source_names)

/** The linkage name if there is one, else the plain one. NULL: none. Valid until the next call. */
const struct eo_source_name *eo_source_names_find(struct eo_source_names *names,
						  const struct eo_source_origin *origin);

#endif
