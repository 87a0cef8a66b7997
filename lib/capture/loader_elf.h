/* SPDX-License-Identifier: BSD-2-Clause */
/* Is this a BPF object whose tables stay inside the file? Asked before libbpf sees the bytes. */
#ifndef EO_CAPTURE_LOADER_ELF_H
#define EO_CAPTURE_LOADER_ELF_H

#include <stddef.h>

#include "core/error.h"

#define EO_BPF_OBJECT_MAX_BYTES (64u << 20)

/**
 * Check type, machine, byte order, and that headers, sections and symbols lie in bounds.
 * @name: for the error
 * Returns 0, or -EINVAL and a LOAD_FAILED error that says what is wrong.
 */
int eo_loader_elf_check(const char *name, const void *bytes, size_t size, struct eo_error *err);

#endif
