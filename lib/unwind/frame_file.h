/* SPDX-License-Identifier: BSD-2-Clause */
/* Finds the call frame information of an ELF file: .eh_frame by its section header, or through
 * PT_GNU_EH_FRAME where headers were stripped; the table of Go's own runtime, or else
 * .debug_frame, also compressed. These two serve what .eh_frame leaves out, and one of them that
 * cannot be read is no error. */
#ifndef EO_UNWIND_FRAME_FILE_H
#define EO_UNWIND_FRAME_FILE_H

#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "unwind/frame_search.h"
#include "unwind/frame_table.h"

#define EO_FRAME_FILE_BYTES_MAX (64u << 20) /* of a section, unpacked */

/**
 * Read the table of a program or library of x86-64.
 * @fd: any readable file; it stays the caller's
 * @ret: filled on success; eo_frame_table_fini() it
 * Returns 0; -ENOENT: there is no call frame information; -ENOTSUP: another machine, class or kind
 * of file, or compressed in a way not known; -EFBIG: beyond EO_FRAME_FILE_BYTES_MAX; or what
 * eo_frame_table_parse() and reads return.
 */
int eo_frame_file_load(int fd, struct eo_frame_table *ret, struct eo_error *err);
/** The same row by row, see eo_frame_table_each(). */
int eo_frame_file_each(int fd, eo_frame_row_fn fn, void *ctx, struct eo_error *err);
/** The same for an image in memory (the vDSO). */
int eo_frame_file_load_memory(const void *image, size_t size, struct eo_frame_table *ret,
			      struct eo_error *err);

/**
 * Make its .eh_frame searchable as it is.
 * @fd: any readable file; it stays the caller's, and is held open by a copy
 * @ret: empty on failure; eo_frame_search_fini() it
 * Returns 0; -ENOENT: there is none; -ENOTSUP: another kind of file or of table; -EFBIG; -ENOEXEC;
 * or what reads return.
 */
int eo_frame_file_load_search(int fd, struct eo_frame_search *ret);

/** Whether it is a Go program. @fd: any readable file; it stays the caller's */
bool eo_frame_file_is_go(int fd);

#endif
