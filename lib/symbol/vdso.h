/* SPDX-License-Identifier: BSD-2-Clause */
/* The code that the kernel maps into every process, taken from our own. */
#ifndef EO_SYMBOL_VDSO_H
#define EO_SYMBOL_VDSO_H

#include <stdint.h>

#include "core/error.h"
#include "symbol/elf_file.h"

/**
 * @size: of the mapping; a process whose "[vdso]" has another one has another image
 * Returns 0, -ENOENT when there is none, or another negative errno.
 */
int eo_vdso_open(struct eo_elf **ret, uint64_t *size, struct eo_error *err);

/** Its bytes in a file in memory. Returns the descriptor, the caller's, or a negative errno. */
int eo_vdso_copy(uint64_t *size);

#endif
