/* SPDX-License-Identifier: BSD-2-Clause */
/* .gnu_debugdata: a small ELF file of the symbols that strip took away, compressed with xz. */
#ifndef EO_SYMBOL_DEBUG_DATA_H
#define EO_SYMBOL_DEBUG_DATA_H

#include "symbol/elf_image.h"

/**
 * Unpack it.
 * @image: with its sections loaded
 * Returns a descriptor of an unnamed file in memory, the caller's; -ENOENT: there is none, or a
 * negative errno: it is damaged, or unreasonably large.
 */
int eo_debug_data_open(const struct eo_elf_image *image);

#endif
