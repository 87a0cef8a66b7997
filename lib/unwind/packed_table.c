// SPDX-License-Identifier: BSD-2-Clause
#include "unwind/packed_table.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/hash.h"

#define PAGES_MAX (1u << 20) /* 4 GB of text */

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

struct packer {
	struct eo_packed_table *table;
	uint32_t row_room;
};

static int add_row(struct packer *p, uint32_t page, uint32_t at, uint16_t rule)
{
	struct eo_packed_table *table = p->table;
	struct eo_packed_page *entry = &table->pages[page];

	/* Equal neighbours inside a page say nothing. */
	if (entry->count && table->rows[table->row_count - 1].rule == rule)
		return 0;
	if (table->row_count == p->row_room) {
		uint32_t room = p->row_room ? p->row_room * 2 : 1024;
		struct eo_unwind_row *rows;

		if (room > 1u << 31)
			return -E2BIG;
		rows = reallocarray(table->rows, room, sizeof(*rows));
		if (!rows)
			return -ENOMEM;
		table->rows = rows;
		p->row_room = room;
	}
	if (!entry->count)
		entry->first = table->row_count;
	entry->count++;
	table->rows[table->row_count++] = (struct eo_unwind_row){(uint16_t)at, rule};
	return 0;
}

int eo_packed_table_init(struct eo_packed_table *table, const struct eo_frame_table *frames,
			 struct eo_rule_dictionary *dictionary)
{
	struct packer packer = {.table = table};
	uint64_t last;
	int r = 0;

	*table = (struct eo_packed_table){0};
	if (!frames->count)
		return 0;
	/* The last row is a gap, and nothing is said of what lies behind it. */
	table->first_page = frames->rows[0].pc >> EO_UNWIND_PAGE_BITS;
	last = frames->rows[frames->count - 1].pc >> EO_UNWIND_PAGE_BITS;
	if (last - table->first_page >= PAGES_MAX)
		return -E2BIG;
	table->page_count = (uint32_t)(last - table->first_page) + 1;
	table->pages = calloc(table->page_count, sizeof(*table->pages));
	if (!table->pages)
		return -ENOMEM;
	for (size_t i = 0; i < frames->count && r == 0; i++) {
		const struct eo_frame_row *row = &frames->rows[i];
		uint16_t number = eo_rule_dictionary_number(dictionary, &row->rule);
		uint32_t page = (uint32_t)((row->pc >> EO_UNWIND_PAGE_BITS) - table->first_page);
		uint32_t at = row->pc & (EO_UNWIND_PAGE - 1), end = page + 1;

		/* The page of the byte before the next row is the last that this one reaches into. */
		if (i + 1 < frames->count)
			end = (uint32_t)(((frames->rows[i + 1].pc - 1) >> EO_UNWIND_PAGE_BITS) - table->first_page) + 1;
		/* Before the first row of all there is a gap as well. */
		if (i == 0 && at)
			r = add_row(&packer, 0, 0, 0);
		if (r == 0)
			r = add_row(&packer, page, at, number);
		for (uint32_t k = page + 1; k < end && r == 0; k++)
			r = add_row(&packer, k, 0, number);
	}
	if (r == 0 && table->row_count < packer.row_room) {
		struct eo_unwind_row *rows = reallocarray(table->rows, table->row_count, sizeof(*rows));

		table->rows = rows ? rows : table->rows;
	}
	return r;
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
