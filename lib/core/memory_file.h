/* SPDX-License-Identifier: BSD-2-Clause */
/* Files that exist in memory only, for code that reads descriptors. */
#ifndef EO_CORE_MEMORY_FILE_H
#define EO_CORE_MEMORY_FILE_H

#include <stddef.h>

/** Returns 0 once all is written, or a negative errno. */
int eo_write_all(int fd, const void *bytes, size_t size);

/** A file with these bytes. @name: for /proc. Returns the descriptor, the caller's, or a negative errno. */
int eo_memory_file(const char *name, const void *bytes, size_t size);

#endif
