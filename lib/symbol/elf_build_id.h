/* SPDX-License-Identifier: BSD-2-Clause */
/* The build id of an ELF image: the GNU note that a linker leaves in every copy of a program. */
#ifndef EO_SYMBOL_ELF_BUILD_ID_H
#define EO_SYMBOL_ELF_BUILD_ID_H

#include "symbol/elf_image.h"

#define EO_BUILD_ID_MAX_BYTES 64u
#define EO_BUILD_ID_TEXT_BYTES (2 * EO_BUILD_ID_MAX_BYTES + 1)

/**
 * Write it in lower-case hex, or "" when there is none of 1 to 64 bytes. Segments are asked
 * first, then sections.
 * Returns 0, or -ENOMEM; notes that make no sense are none.
 */
int eo_elf_build_id_read(struct eo_elf_image *image, char ret[EO_BUILD_ID_TEXT_BYTES]);

#endif
