/* SPDX-License-Identifier: BSD-2-Clause */
/* The files that processes map, each once: many processes share one, whatever container they are
 * in. Only those that were used of late stay open; the rest are opened again when needed. Not
 * thread-safe. */
#ifndef EO_SYMBOL_FILE_TABLE_H
#define EO_SYMBOL_FILE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/auto.h"
#include "symbol/elf_file.h"
#include "symbol/process.h"

struct eo_module;
struct eo_source;

struct eo_file_segment {
	struct eo_elf_segment elf;
	const struct eo_module *module; /* for the symbolizer's use; NULL at first */
	uint32_t module_number;		/* the same */
};

/* Lives as long as the table. */
struct eo_file {
	const char *path;     /* without " (deleted)" */
	const char *build_id; /* "" when there is none */
	struct eo_file_segment *segments;
	size_t segment_count; /* 0: no ELF file, or one that could not be opened */
	bool has_symbols;
	struct eo_source *source; /* NULL: lines are not wanted, or there is no debug information */

	/* private */
	uint64_t inode, size, mtime_ns;
	struct eo_elf *elf; /* NULL while closed */
	uint64_t used;
	uint32_t used_tick;
	int error;
};

struct eo_file_table;

/**
 * @read_symbols: whether files will be asked for names
 * @read_lines: whether their debug information is looked for; it stays open, for a process may have
 * ended, and its files be deleted, when it is read
 * Returns NULL when memory is out.
 */
struct eo_file_table *eo_file_table_new(bool read_symbols, bool read_lines);
void eo_file_table_free(struct eo_file_table *table); /* NULL is fine */
EO_DEFINE_AUTO(eo_file_table)

/**
 * The file behind @vma of process @tgid, with a path that begins with a slash.
 * @generation: of the process, see eo_processes_generation()
 * Returns NULL only when memory is out; a file that could not be opened has no segments.
 */
struct eo_file *eo_file_table_get(struct eo_file_table *table, uint32_t tgid, uint64_t generation,
				  const struct eo_vma *vma);

/** Our own vDSO if the mapping @vma can be the same, else a file without segments; or NULL. */
struct eo_file *eo_file_table_vdso(struct eo_file_table *table, const struct eo_vma *vma);

/** The segment, executable ones first, whose pages hold @offset; or NULL. */
struct eo_file_segment *eo_file_segment_at(struct eo_file *file, uint64_t offset);

/** The function at @vaddr; see eo_elf_find_symbol(). Opens the file again if need be. */
int eo_file_table_find_symbol(struct eo_file_table *table, struct eo_file *file, uint32_t tgid,
			      const struct eo_vma *vma, uint64_t vaddr,
			      struct eo_elf_symbol *ret);

/** A second has passed: files that were not used for five minutes are closed. */
void eo_file_table_tick(struct eo_file_table *table);

/** Look up what was wanted of the sources of all files, within a second or a few. */
void eo_file_table_find_lines(struct eo_file_table *table);

/** Files that could not be opened for want of rights. */
size_t eo_file_table_denied(const struct eo_file_table *table);

#endif
