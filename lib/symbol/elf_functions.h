/* SPDX-License-Identifier: BSD-2-Clause */
/* Where in a file functions of given names are: the other way round than elf_symbols.h. */
#ifndef EO_SYMBOL_ELF_FUNCTIONS_H
#define EO_SYMBOL_ELF_FUNCTIONS_H

#include <stddef.h>
#include <stdint.h>

struct eo_elf_function {
	size_t name;	 /* index among the names that were asked for */
	uint64_t offset; /* in the file, of its first instruction */
};

/**
 * Look functions up in .dynsym and .symtab: defined ones in executable segments, not local ones.
 * Nothing in the file is trusted.
 * @fd: any readable file
 * @ret: room for @room, by offset; one name may have several (versions), and one offset several
 *       names (aliases), of which the first of @names stays
 * Returns how many there are, or a negative errno: -ENOEXEC for what is no ELF file.
 */
int eo_elf_functions_find(int fd, const char *const *names, size_t name_count,
			  struct eo_elf_function *ret, size_t room);

#endif
