/* SPDX-License-Identifier: BSD-2-Clause */
/* The functions of an ELF file by address, out of several symbol tables: 16 bytes each. Names stay
 * in their files and are read when a function is asked for. */
#ifndef EO_SYMBOL_ELF_SYMBOLS_H
#define EO_SYMBOL_ELF_SYMBOLS_H

#include "symbol/elf_file.h"
#include "symbol/elf_image.h"

#define EO_ELF_TABLES_MAX 4u

/* Where the entries of one table came from. */
struct eo_elf_table {
	const struct eo_elf_image *image;
	uint64_t symbols, count;
	uint64_t names, names_size;
};

struct eo_elf_range {
	uint64_t start, end;
};

/* All zero is an empty one. */
struct eo_elf_symbols {
	struct eo_elf_entry *entries;
	size_t count, capacity;
	uint64_t *block_ends; /* see elf_symbols.c */
	struct eo_elf_table tables[EO_ELF_TABLES_MAX];
	size_t table_count;
	struct eo_elf_range *code; /* executable segments by address */
	size_t code_count;
};

void eo_elf_symbols_fini(struct eo_elf_symbols *symbols);

/** Say where code may be: the executable ones of @segments. Before the first table. 0, -ENOMEM. */
int eo_elf_symbols_set_code(struct eo_elf_symbols *symbols, const struct eo_elf_segment *segments,
			    size_t count);

/**
 * Take the functions of a symbol table: defined and named ones that start in executable segments,
 * of type FUNC or IFUNC, or NOTYPE in an executable section (assembly). Mapping symbols and other
 * local labels ("$x", ".L1") are none. A broken table gives what can be read.
 * @image: with its sections loaded; must outlive @symbols, its sections need not
 * @section: the table, among the image's sections
 * Tables that come first win where one is a copy of the other.
 * Returns 0 or -ENOMEM.
 */
int eo_elf_symbols_add(struct eo_elf_symbols *symbols, const struct eo_elf_image *image,
		       const Elf64_Shdr *section);

/** Sort; after the last table. 0, or -ENOMEM. */
int eo_elf_symbols_finish(struct eo_elf_symbols *symbols);

/**
 * The innermost function that holds @vaddr.
 * Of several names for one start the first by: sized, FUNC, global or weak (an alias that is weak
 * is often the public one: read for __read), fewer leading underscores, global, shorter, alphabet.
 * Returns 0, -ENOENT, or -ENOMEM.
 */
int eo_elf_symbols_find(const struct eo_elf_symbols *symbols, uint64_t vaddr,
			struct eo_elf_symbol *ret);

#endif
