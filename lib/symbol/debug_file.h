/* SPDX-License-Identifier: BSD-2-Clause */
/* Separate debug files: the symbols of a stripped program, installed beside it or below
 * /usr/lib/debug. */
#ifndef EO_SYMBOL_DEBUG_FILE_H
#define EO_SYMBOL_DEBUG_FILE_H

#include "symbol/elf_image.h"

/**
 * Look for the debug file of a program, by build id and by .gnu_debuglink: one with a .symtab, the
 * same class and machine, and the same build id (checksum for a debuglink without build ids).
 * @image: the program, with its sections loaded
 * @build_id: its build id in hex, "" unknown
 * @root: directory that the program's process has for "/"; symbolic links stay inside it
 * @dir: directory of the program inside that root, or NULL
 * @ret: the debug file, its sections loaded; the caller's
 * Returns 0, -ENOENT, or -ENOMEM.
 */
int eo_debug_file_open(const struct eo_elf_image *image, const char *build_id, const char *root,
		       const char *dir, struct eo_elf_image *ret);

/**
 * Look for the file that dwz moved shared parts of debug information to: the one with the build id
 * that .gnu_debugaltlink names, at the path that stands there, or by that build id.
 * @image: what has that section, its sections loaded
 * @root: see eo_debug_file_open()
 * @ret: as there
 * Returns 0, -ENOENT, or -ENOMEM.
 */
int eo_debug_file_open_supplement(const struct eo_elf_image *image, const char *root,
				  struct eo_elf_image *ret);

#endif
