/* SPDX-License-Identifier: BSD-2-Clause */
/* The file that unwinding information of a mapping is read from: that which it maps, or for the
 * vDSO its image, which is in no file system. */
#ifndef EO_UNWIND_CODE_FILE_H
#define EO_UNWIND_CODE_FILE_H

#include <stdint.h>

#include "symbol/elf_file.h"
#include "symbol/mapped_file.h"
#include "symbol/process.h"

/**
 * @ret: of the vDSO only the size; zero on failure
 * Returns the descriptor, the caller's; -ENOENT for a mapping without file, and for the vDSO of
 * another kind of process (32-bit); or what eo_mapped_file_open() returns.
 */
int eo_code_file_open(uint32_t tgid, const struct eo_vma *vma, struct eo_mapped_file *ret);

/**
 * The same, and what it is.
 * @elf: the caller's, only on success; @vaddr: the file's address of the mapping's first byte
 * Returns the descriptor or a negative errno, -ENOENT as well for a mapping of no segment.
 */
int eo_code_file_identify(uint32_t tgid, const struct eo_vma *vma, struct eo_mapped_file *ret,
			  struct eo_elf **elf, uint64_t *vaddr);

#endif
