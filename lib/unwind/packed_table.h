/* SPDX-License-Identifier: BSD-2-Clause */
/* A file's frame table as the walker reads it: rows of four bytes, page by page, and their rules
 * in a dictionary that all files share. */
#ifndef EO_UNWIND_PACKED_TABLE_H
#define EO_UNWIND_PACKED_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/index.h"
#include "unwind/frame_table.h"
#include "unwind_table.h"

/* Numbers of rules; 0 is the rule of kind EO_CFA_NONE. Full, it gives out number 1, a rule of kind
 * EO_CFA_UNSUPPORTED, and counts. */
struct eo_rule_dictionary {
	struct eo_unwind_rule *rules; /* the caller's memory, perhaps a map's */
	uint32_t size, count;
	uint64_t refused;

	/* private */
	struct eo_index index;
	uint64_t seed;
};

/** @rules: room for @size of them, at least 2. */
void eo_rule_dictionary_init(struct eo_rule_dictionary *dictionary, struct eo_unwind_rule *rules, uint32_t size);
void eo_rule_dictionary_fini(struct eo_rule_dictionary *dictionary);
uint16_t eo_rule_dictionary_number(struct eo_rule_dictionary *dictionary, const struct eo_unwind_rule *rule);

struct eo_packed_page {
	uint32_t first, count; /* in rows */
};

struct eo_packed_table {
	uint64_t first_page; /* virtual address >> EO_UNWIND_PAGE_BITS */
	struct eo_packed_page *pages;
	uint32_t page_count;
	struct eo_unwind_row *rows; /* a page's first row begins at its first byte */
	uint32_t row_count;
};

/* Packs rows as they come, see eo_frame_table_each(). */
struct eo_packer {
	struct eo_packed_table *table; /* set these two; the rest begins zeroed */
	struct eo_rule_dictionary *dictionary;

	/* private */
	uint32_t page_room, row_room;
	uint64_t latest_pc;
	uint16_t latest; /* the rule that holds from there on */
	bool began;
};

/** Of type eo_frame_row_fn. Returns 0, -E2BIG (more than 4 GB of text, 2^31 rows) or -ENOMEM. */
int eo_packer_add(void *packer, const struct eo_frame_row *row);

/** After the last row. The table is complete, and the caller's. */
int eo_packer_finish(struct eo_packer *packer);

void eo_packed_table_fini(struct eo_packed_table *table); /* a zeroed one is fine */

/** The number of the rule at @vaddr, found the way the walker does; 0 when there is none. */
uint16_t eo_packed_table_find(const struct eo_packed_table *table, uint64_t vaddr);

#endif
