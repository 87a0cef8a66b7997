/* SPDX-License-Identifier: BSD-2-Clause */
/* The CIEs and FDEs of a section, in the order they stand in. A CIE is read once, however many
 * FDEs share it. */
#ifndef EO_UNWIND_FRAME_ENTRIES_H
#define EO_UNWIND_FRAME_ENTRIES_H

#include "unwind/frame_program.h"

/* Linkers merge the CIEs of .eh_frame; in .debug_frame each object file keeps its own. */
#define EO_FRAME_CIES_MAX (256u << 10)
#define EO_FRAME_FDES_MAX (8u << 20)

struct eo_frame_fde {
	struct eo_frame_range range; /* not empty */
	uint32_t program, program_size; /* bytes of the section that its CIE is in */
	uint32_t cie;			/* index */
	uint32_t order;			/* of reading */
};

struct eo_frame_entries {
	struct eo_frame_cie *cies;
	size_t cie_count, cie_capacity;
	struct eo_frame_fde *fdes;
	size_t fde_count, fde_capacity;
	bool unsorted; /* some FDE begins below the one before it */
	/* The first thing that was wrong, NULL when there was none. Static text. */
	const char *complaint;
	size_t complaint_offset;
	bool complaint_debug_frame;
};

/**
 * Append what @section holds up to its first entry that cannot be measured. Entries that can be
 * measured but not be read (another address size, an augmentation not known, a pc that cannot be
 * told) are left out, and so are FDEs of functions that the linker dropped.
 * Returns 0, -ENOMEM, or -E2BIG: more than the limits above, or than 4 GB.
 */
int eo_frame_entries_read(struct eo_frame_entries *entries,
			  const struct eo_frame_section *section);
void eo_frame_entries_fini(struct eo_frame_entries *entries);

#endif
