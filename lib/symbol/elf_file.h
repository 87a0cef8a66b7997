/* SPDX-License-Identifier: BSD-2-Clause */
/* One ELF file, read with pread and never mapped, every number in it taken for hostile: its build
 * id, its segments and its function symbols (.symtab, .dynsym, .gnu_debugdata, and the separate
 * debug file that build id or debuglink name). Not thread-safe. */
#ifndef EO_SYMBOL_ELF_FILE_H
#define EO_SYMBOL_ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/auto.h"
#include "core/error.h"

struct eo_elf;

struct eo_elf_segment {
	uint64_t vaddr, memory_size, offset, file_size;
	bool executable;
};

struct eo_elf_symbol {
	uint64_t start, size; /* size 0: up to the next symbol */
	char *name; /* as in the file, mangled, but without a version; malloc()ed, the caller's */
};

/**
 * Read headers and build id. Symbols are read when the first is asked for.
 * @fd: any readable file; duplicated, and stays open as long as the object.
 * Returns 0, or a negative errno (-ENOEXEC: no ELF file, or one that contradicts itself).
 */
int eo_elf_open(int fd, struct eo_elf **ret, struct eo_error *err);
/** The same for an image in memory (the vDSO), which is copied. */
int eo_elf_open_memory(const void *image, size_t size, struct eo_elf **ret, struct eo_error *err);
void eo_elf_free(struct eo_elf *elf); /* NULL is fine */
EO_DEFINE_AUTO(eo_elf)

const char *eo_elf_build_id(const struct eo_elf *elf); /* lower-case hex, "" when there is none */
size_t eo_elf_segment_count(const struct eo_elf *elf); /* PT_LOAD only */
const struct eo_elf_segment *eo_elf_segment(const struct eo_elf *elf, size_t i);

/**
 * The loadable segment, executable ones first, that holds @file_offset; or NULL. Executable ones
 * count from the page that they begin in, as they are mapped: the offset of an executable mapping
 * finds its segment. Virtual address of an offset: offset - segment->offset + segment->vaddr.
 */
const struct eo_elf_segment *eo_elf_segment_at(const struct eo_elf *elf, uint64_t file_offset);

/**
 * The innermost function that holds virtual address @vaddr of the file. Several names at one
 * start: FUNC over NOTYPE, global or weak over local, then the one with fewer leading underscores
 * (read, not __read), global over weak, the shorter one.
 * @root: directory under which debug files are looked for ("" for "/", "/proc/4711/root"); used
 * by the first call only
 * @dir: directory of the file inside that root, for debuglink; may be NULL
 * Returns 0, -ENOENT (no function there), or another negative errno.
 */
int eo_elf_find_symbol(struct eo_elf *elf, uint64_t vaddr, const char *root, const char *dir,
		       struct eo_elf_symbol *ret);

/** Function symbols at hand, after the first eo_elf_find_symbol(); 0 for a stripped file. */
size_t eo_elf_symbol_count(const struct eo_elf *elf);

#endif
