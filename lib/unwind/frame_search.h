/* SPDX-License-Identifier: BSD-2-Clause */
/* .eh_frame to be searched as it is in the file, by the linker's table (.eh_frame_hdr): pairs of a
 * function's address and its FDE's, 32 bits each, relative to the header, ascending. The table is
 * held, a sixth of the whole; entries are read when they are wanted. */
#ifndef EO_UNWIND_FRAME_SEARCH_H
#define EO_UNWIND_FRAME_SEARCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbol/elf_image.h"

#define EO_FRAME_SEARCH_ENCODING 0x3bu /* DW_EH_PE_datarel | DW_EH_PE_sdata4 */
#define EO_FRAME_ENTRY_BYTES_MAX 65536u /* cc1 has one of 20 KB */

/* See eo_frame_file_load_search(). */
struct eo_frame_search {
	unsigned char *header; /* .eh_frame_hdr; NULL: nothing was loaded */
	size_t header_size;
	uint64_t header_vaddr;
	size_t table, count; /* the table: offset in the header, pairs; all of them are in it */
	struct eo_elf_image image; /* the file, while there is a header */
	uint64_t frames_offset, frames_size, frames_vaddr; /* .eh_frame in the file */
	uint64_t low, high; /* addresses that the file is loaded to, the last one excluded */
	uint64_t entry;	    /* where it begins to run; 0: nowhere */
	uint64_t number;    /* for the use of who holds several of them */
};

void eo_frame_search_fini(struct eo_frame_search *search); /* a zeroed one is fine */

/* A copy of an entry, its length included. */
struct eo_frame_entry {
	uint64_t vaddr;
	size_t size;
	unsigned char bytes[EO_FRAME_ENTRY_BYTES_MAX];
};

/** The pair that @vaddr belongs to. Returns false when it lies below all of them. */
bool eo_frame_search_find(const struct eo_frame_search *search, uint64_t vaddr, size_t *pair);

/**
 * Read the FDE of @pair and its CIE. Only sizes are checked, see eo_frame_vet().
 * Returns false for what is not in the section, too long, or cannot be read.
 */
bool eo_frame_search_read(const struct eo_frame_search *search, size_t pair,
			  struct eo_frame_entry *fde, struct eo_frame_entry *cie);

#endif
