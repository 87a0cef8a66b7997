/* SPDX-License-Identifier: BSD-2-Clause */
/* From a mapping to the file behind it, as its process sees it: other mount namespaces, deleted
 * files and processes that have just ended included. */
#ifndef EO_SYMBOL_MAPPED_FILE_H
#define EO_SYMBOL_MAPPED_FILE_H

#include <stdbool.h>
#include <stdint.h>

#include "symbol/process.h"

struct eo_mapped_file {
	int fd; /* the caller's */
	uint64_t inode, size, mtime_ns;
	char root[32]; /* where debug files of it are to be looked for */
};

/**
 * Open the file that @vma of process @tgid maps. A file of the same path that is another one (its
 * inode differs) is not taken; device numbers say nothing, overlays make them up.
 * Returns 0 or a negative errno: -EACCES for want of rights, -ESTALE when only other files are
 * there.
 */
int eo_mapped_file_open(uint32_t tgid, const struct eo_vma *vma, struct eo_mapped_file *ret);

/** Length of @path without " (deleted)". */
size_t eo_mapped_file_path_length(const char *path);

#endif
