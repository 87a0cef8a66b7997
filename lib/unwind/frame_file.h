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

/* .eh_frame as it is, with the linker's table to search it by: pairs of a function's address and
 * its FDE's, 32 bits each, relative to the header, ascending. */
struct eo_frame_search {
	unsigned char *header, *frames; /* .eh_frame_hdr and .eh_frame */
	size_t header_size, frames_size;
	uint64_t header_vaddr, frames_vaddr;
	size_t table, count; /* the table: offset in the header, pairs; all of them are in it */
	uint64_t low, high;  /* addresses that the file is loaded to, the last one excluded */
	uint64_t entry;	     /* where it begins to run; 0: nowhere */
};

#define EO_FRAME_SEARCH_ENCODING 0x3bu /* DW_EH_PE_datarel | DW_EH_PE_sdata4 */

/**
 * Read it, unparsed.
 * @fd: any readable file; it stays the caller's
 * @ret: empty on failure; eo_frame_search_fini() it
 * Returns 0; -ENOENT: there is none; -ENOTSUP: another kind of file or of table; -EFBIG; -ENOEXEC;
 * or what reads return.
 */
int eo_frame_file_load_search(int fd, struct eo_frame_search *ret);
void eo_frame_search_fini(struct eo_frame_search *search);

#endif
