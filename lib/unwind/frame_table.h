/* SPDX-License-Identifier: BSD-2-Clause */
/* From the call frame information of an ELF file (.eh_frame, else .debug_frame) to rows: at which
 * pc which rule begins to hold. A pure function of hostile bytes: every length, offset and
 * pointer is checked, work is bounded by the input's size, nothing is read outside it. */
#ifndef EO_UNWIND_FRAME_TABLE_H
#define EO_UNWIND_FRAME_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/auto.h"
#include "core/error.h"
#include "unwind_table.h"

struct eo_frame_row {
	uint64_t pc; /* virtual address of the file */
	struct eo_unwind_rule rule; /* cfa_kind EO_CFA_NONE: a gap begins here */
};

/* Rows ascending by pc; neighbours differ in their rules; the last one is a gap. */
struct eo_frame_table {
	struct eo_frame_row *rows;
	size_t count;
	size_t unsupported; /* rows of kind EO_CFA_UNSUPPORTED */
	size_t fdes; /* and functions of Go */
};

/* A section's bytes and the virtual addresses that encoded pointers are relative to. */
struct eo_frame_section {
	const unsigned char *bytes;
	size_t size;
	uint64_t vaddr;	     /* of bytes[0] */
	uint64_t text_vaddr; /* for DW_EH_PE_textrel; 0 unknown */
	uint64_t data_vaddr; /* for DW_EH_PE_datarel: .got or .eh_frame_hdr; 0 unknown */
	bool is_debug_frame;
	const struct eo_frame_section *next; /* NULL, or one that serves what this one leaves out */
};

struct eo_go_functions;

/* Whatever tells of a file's frames. */
struct eo_frame_sources {
	const struct eo_frame_section *section;
	struct eo_go_functions *go; /* NULL, or those whose addresses belong to no FDE */
	/* ELF entry point; when nothing covers it, it gets a row of kind EO_CFA_END, of 64 bytes or
	 * up to the next FDE. 0: none. */
	uint64_t entry;
};

/**
 * Parse a whole section, those that are next, and Go's functions. Where FDEs overlap, a pc belongs
 * to the one that begins first, of equal ones to the one that is read first. Less than 16 bytes
 * between two is padding: the rule in front of it goes on. FDEs that cannot be read are left out,
 * what cannot be said in a rule is EO_CFA_UNSUPPORTED, and so is a damaged program from the damage
 * on.
 * @ret: filled on success; fini() it
 * Returns 0, -ENOEXEC with the offset and reason for a section that contradicts itself before its
 * first usable FDE, -E2BIG beyond 8 million rows or FDEs, 256 K CIEs or 4 GB, or -ENOMEM. A
 * damaged entry behind good ones ends the section there, and what came before is kept.
 */
int eo_frame_table_parse(const struct eo_frame_sources *sources, struct eo_frame_table *ret,
			 struct eo_error *err);
void eo_frame_table_fini(struct eo_frame_table *table);

/* Rows as they are found; a negative return ends the parsing with it. */
typedef int (*eo_frame_row_fn)(void *ctx, const struct eo_frame_row *row);

/**
 * The same without a table: @fn is told each row, the last one a gap. A large file's table takes
 * 20 MB, and who only packs it needs no more than one row at a time.
 * @fdes: how many there were, Go's functions included; may be NULL
 */
int eo_frame_table_each(const struct eo_frame_sources *sources, eo_frame_row_fn fn, void *ctx,
			size_t *fdes, struct eo_error *err);

/** The rule that holds at @pc; one of kind EO_CFA_NONE when there is none. */
const struct eo_unwind_rule *eo_frame_table_find(const struct eo_frame_table *table, uint64_t pc);

#endif
