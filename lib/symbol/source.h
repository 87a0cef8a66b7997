/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the code of an ELF file came from: file, line and inlined calls of addresses, out of the
 * debug information (DWARF) in the file or in its separate debug file.
 *
 * Addresses are collected and looked up together: what costs is to read a unit of the debug
 * information, whether one address of it is wanted or a thousand. Nothing of it stays in memory
 * but the answers. Not thread-safe. */
#ifndef EO_SYMBOL_SOURCE_H
#define EO_SYMBOL_SOURCE_H

#include <stddef.h>
#include <stdint.h>

#include "core/auto.h"
#include "symbol/string_pool.h"

/* One function of an address: an inlined one, or the one that all were inlined into. */
struct eo_source_line {
	const char *name;	 /* demangled; NULL: unknown */
	const char *system_name; /* == name when nothing was demangled */
	const char *file;	 /* path as the compiler knew it; NULL: unknown */
	uint32_t line, column;	 /* 0: unknown */
};

/* Steps for one call of eo_source_find(), some nanoseconds each: a hostile file can ask for
 * endless work. Hundreds of addresses in a file of a gigabyte take a third. */
#define EO_SOURCE_STEPS_MAX 300000000ull

struct eo_source;

/**
 * Find the debug information of a file. Its descriptors are duplicated and stay open.
 * @fd: the file
 * @root, @dir: where its debug file is looked for, see eo_elf_find_symbol()
 * @strings: where texts are kept; must outlive the source
 * Returns 0, -ENOENT (there is none), or another negative errno.
 */
int eo_source_open(int fd, const char *root, const char *dir, struct eo_string_pool *strings,
		   struct eo_source **ret);
void eo_source_free(struct eo_source *source); /* NULL is fine */
EO_DEFINE_AUTO(eo_source)

/** Have @vaddr looked up by the next eo_source_find(), unless it was before. Memory may be out. */
void eo_source_want(struct eo_source *source, uint64_t vaddr);

/**
 * Look up what is wanted.
 * @budget: steps for this and further files, counted down
 * Damaged debug information is none; so is what remains when the budget is used up.
 */
void eo_source_find(struct eo_source *source, uint64_t *budget);

/**
 * Innermost inlined function first; the last one is what a symbol table would name.
 * @ret: valid until the next eo_source_find()
 * Returns how many; 0: unknown, or not looked up.
 */
size_t eo_source_lines(const struct eo_source *source, uint64_t vaddr,
		       const struct eo_source_line **ret);

#endif
