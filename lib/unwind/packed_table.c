// SPDX-License-Identifier: BSD-2-Clause
#include "unwind/packed_table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "core/hash.h"

#define PAGES_MAX (1u << 20) /* 4 GB of text */
#define ROWS_MAX  (1u << 31)

void eo_rule_dictionary_init(struct eo_rule_dictionary *d, struct eo_unwind_rule *rules, uint32_t size)
{
	*d = (struct eo_rule_dictionary){.rules = rules, .size = size, .seed = eo_hash_seed()};
	rules[d->count++] = (struct eo_unwind_rule){.cfa_kind = EO_CFA_NONE};
	rules[d->count++] = (struct eo_unwind_rule){.cfa_kind = EO_CFA_UNSUPPORTED};
}

void eo_rule_dictionary_fini(struct eo_rule_dictionary *d)
{
	eo_index_fini(&d->index);
}

uint16_t eo_rule_dictionary_number(struct eo_rule_dictionary *d, const struct eo_unwind_rule *rule)
{
	uint32_t hash = (uint32_t)eo_hash(d->seed, rule, sizeof(*rule)), cursor = 0, number;

	if (rule->cfa_kind == EO_CFA_NONE || rule->cfa_kind == EO_CFA_UNSUPPORTED)
		return rule->cfa_kind != EO_CFA_NONE;
	while ((number = eo_index_next(&d->index, hash, &cursor)) != EO_INDEX_NONE)
		if (memcmp(&d->rules[number], rule, sizeof(*rule)) == 0)
			return (uint16_t)number;
	if (d->count == d->size || d->count > UINT16_MAX || eo_index_add(&d->index, hash, d->count) < 0) {
		d->refused++;
		return 1;
	}
	d->rules[d->count] = *rule;
	return (uint16_t)d->count++;
}

/* Rows come in ascending order, so that a new page is always the last one. */
static int add_row(struct eo_packer *packer, uint64_t pc, uint16_t rule)
{
	struct eo_packed_table *table = packer->table;
	uint64_t page = (pc >> EO_UNWIND_PAGE_BITS) - table->first_page;
	struct eo_packed_page *entry;

	if (page >= PAGES_MAX)
		return -E2BIG;
	while (page >= table->page_count) {
		if (!EO_ARRAY_RESERVE(table->pages, table->page_count + 1, packer->page_room, 256))
			return -ENOMEM;
		table->pages[table->page_count++] = (struct eo_packed_page){.first = table->row_count};
	}
	entry = &table->pages[page];
	/* Equal neighbours inside a page say nothing. */
	if (entry->count && table->rows[table->row_count - 1].rule == rule)
		return 0;
	if (table->row_count >= ROWS_MAX)
		return -E2BIG;
	if (!EO_ARRAY_RESERVE(table->rows, table->row_count + 1, packer->row_room, 256))
		return -ENOMEM;
	entry->count++;
	table->rows[table->row_count++] = (struct eo_unwind_row){pc & (EO_UNWIND_PAGE - 1), rule};
	return 0;
}

/* The latest rule holds up to @end: carry it to the beginning of each page on the way there. */
static int carry(struct eo_packer *packer, uint64_t end)
{
	uint64_t page = (packer->latest_pc >> EO_UNWIND_PAGE_BITS) + 1;
	int r = 0;

	for (; r == 0 && page << EO_UNWIND_PAGE_BITS < end; page++)
		r = add_row(packer, page << EO_UNWIND_PAGE_BITS, packer->latest);
	return r;
}

int eo_packer_add(void *ctx, const struct eo_frame_row *row)
{
	struct eo_packer *packer = ctx;
	uint16_t number = eo_rule_dictionary_number(packer->dictionary, &row->rule);
	int r;

	if (!packer->began) {
		packer->began = true;
		packer->table->first_page = row->pc >> EO_UNWIND_PAGE_BITS;
		/* Before the first row of all there is a gap. */
		r = row->pc & (EO_UNWIND_PAGE - 1) ? add_row(packer, row->pc & ~(uint64_t)(EO_UNWIND_PAGE - 1), 0) : 0;
	} else {
		r = carry(packer, row->pc);
	}
	if (r == 0)
		r = add_row(packer, row->pc, number);
	packer->latest_pc = row->pc;
	packer->latest = number;
	return r;
}

int eo_packer_finish(struct eo_packer *packer)
{
	struct eo_packed_table *table = packer->table;
	struct eo_unwind_row *rows;

	/* The last row is a gap, and nothing is said of what lies behind it. */
	if (!table->row_count)
		return 0;
	rows = reallocarray(table->rows, table->row_count, sizeof(*rows));
	table->rows = rows ? rows : table->rows;
	return 0;
}

void eo_packed_table_fini(struct eo_packed_table *table)
{
	free(table->pages);
	free(table->rows);
	*table = (struct eo_packed_table){0};
}

uint16_t eo_packed_table_find(const struct eo_packed_table *table, uint64_t vaddr)
{
	uint64_t page = (vaddr >> EO_UNWIND_PAGE_BITS) - table->first_page;
	uint32_t low, high;

	if (page >= table->page_count || !table->pages[page].count)
		return 0;
	low = table->pages[page].first;
	high = low + table->pages[page].count;
	while (high - low > 1) {
		uint32_t middle = (low + high) / 2;

		if (table->rows[middle].pc <= (vaddr & (EO_UNWIND_PAGE - 1)))
			low = middle;
		else
			high = middle;
	}
	return table->rows[low].rule;
}
