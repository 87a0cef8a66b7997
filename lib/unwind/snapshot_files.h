/* SPDX-License-Identifier: BSD-2-Clause */
/* The call frame information of the files that snapshots meet, unparsed: of each file the table of
 * its functions is held, and a descriptor. Those that were not used for longest give way to others, those
 * of a minute ago to nobody.
 * Not thread-safe. */
#ifndef EO_UNWIND_SNAPSHOT_FILES_H
#define EO_UNWIND_SNAPSHOT_FILES_H

#include <stdint.h>

#include "core/auto.h"
#include "symbol/process.h"
#include "unwind/frame_file.h"

#define EO_SNAPSHOT_FILES_BYTES (4u << 20) /* of tables, in all: half a million functions */
#define EO_SNAPSHOT_FILES_OPEN 128u

struct eo_snapshot_files;

/** Returns NULL when memory is out. */
struct eo_snapshot_files *eo_snapshot_files_new(void);
void eo_snapshot_files_free(struct eo_snapshot_files *files); /* NULL is fine */
EO_DEFINE_AUTO(eo_snapshot_files)

/**
 * What the file behind @vma of process @tgid says of its frames.
 * @mount_namespace: of the process; one path is another file elsewhere
 * @bias: address in the process - @bias is the file's virtual address
 * Returns NULL when it has nothing or cannot be read. The result lives until the next call; its
 * number is that of no other one, ever.
 */
const struct eo_frame_search *eo_snapshot_files_get(struct eo_snapshot_files *files, uint32_t tgid,
						    uint64_t mount_namespace,
						    const struct eo_vma *vma, uint64_t *bias);

/** Whether the file behind @vma is a Go program, which keeps frame pointers. */
bool eo_snapshot_files_is_go(struct eo_snapshot_files *files, uint32_t tgid,
			     uint64_t mount_namespace, const struct eo_vma *vma);

/** A second has passed: what was not used for a minute is let go, and read again if need be. */
void eo_snapshot_files_tick(struct eo_snapshot_files *files);

uint64_t eo_snapshot_files_bytes(const struct eo_snapshot_files *files); /* held at present */

#endif
