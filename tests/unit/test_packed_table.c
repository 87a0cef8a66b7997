// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "unwind/packed_table.h"
#include "unwind/range_pool.h"

static struct eo_unwind_rule sp(int offset)
{
	return (struct eo_unwind_rule){.cfa_kind = EO_CFA_SP, .cfa_offset = offset};
}

/* Rows at odd places: crossing pages, on page boundaries, with gaps, pages without any. */
static struct eo_frame_table rows_table(size_t count, uint64_t first, unsigned seed)
{
	struct eo_frame_table table = {.rows = calloc(count, sizeof(*table.rows)), .count = count};
	uint64_t pc = first;

	srand(seed);
	for (size_t i = 0; i < count; i++) {
		table.rows[i].pc = pc;
		if (i + 1 < count && rand() % 5)
			table.rows[i].rule = sp(8 * (rand() % 40));
		pc += 1 + rand() % (rand() % 7 ? 60 : 9000);
		if (rand() % 9 == 0)
			pc = (pc + 4095) & ~4095ull;
	}
	return table;
}

/* What holds at @pc, read off the rows. */
static struct eo_unwind_rule expected(const struct eo_frame_table *table, uint64_t pc)
{
	struct eo_unwind_rule rule = {0};

	for (size_t i = 0; i < table->count && table->rows[i].pc <= pc; i++)
		rule = table->rows[i].rule;
	return rule;
}

static int pack(struct eo_packed_table *packed, const struct eo_frame_table *table, struct eo_rule_dictionary *dictionary)
{
	struct eo_packer packer = {.table = packed, .dictionary = dictionary};
	int r = 0;

	*packed = (struct eo_packed_table){0};
	for (size_t i = 0; i < table->count && r == 0; i++)
		r = eo_packer_add(&packer, &table->rows[i]);
	return r < 0 ? r : eo_packer_finish(&packer);
}

Test(packed_table, every_pc_has_the_rule_of_its_row)
{
	struct eo_unwind_rule rules[64];
	struct eo_rule_dictionary dictionary;

	for (unsigned seed = 1; seed <= 7; seed++) {
		struct eo_frame_table table = rows_table(503, 0x401123 + seed * 4096, seed);
		struct eo_packed_table packed;
		uint64_t last = table.rows[table.count - 1].pc;

		eo_rule_dictionary_init(&dictionary, rules, 64);
		cr_assert_eq(pack(&packed, &table, &dictionary), 0);
		for (uint64_t pc = table.rows[0].pc - 5000; pc < last + 5000; pc += 1 + pc % 3) {
			struct eo_unwind_rule want = expected(&table, pc);
			uint16_t number = eo_packed_table_find(&packed, pc);

			cr_assert_eq(memcmp(&rules[number], &want, sizeof(want)), 0, "seed %u pc %lx", seed, pc);
		}
		for (uint32_t i = 0; i < packed.page_count; i++) /* each page begins with a row */
			cr_assert(packed.pages[i].count && packed.rows[packed.pages[i].first].pc == 0);
		cr_assert_eq(dictionary.refused, 0);
		eo_packed_table_fini(&packed);
		eo_rule_dictionary_fini(&dictionary);
		free(table.rows);
	}
}

Test(packed_table, a_full_dictionary_makes_rules_unsupported_and_counts_them)
{
	struct eo_unwind_rule rules[4], a = sp(8), b = sp(16), c = sp(24);
	struct eo_rule_dictionary dictionary;

	eo_rule_dictionary_init(&dictionary, rules, 4);
	cr_assert_eq(eo_rule_dictionary_number(&dictionary, &a), 2);
	cr_assert_eq(eo_rule_dictionary_number(&dictionary, &b), 3);
	cr_assert_eq(eo_rule_dictionary_number(&dictionary, &c), 1);
	cr_assert_eq(eo_rule_dictionary_number(&dictionary, &a), 2);
	cr_assert_eq(rules[1].cfa_kind, EO_CFA_UNSUPPORTED);
	cr_assert_eq(dictionary.refused, 1);
	eo_rule_dictionary_fini(&dictionary);
}

Test(packed_table, nothing_packs_to_nothing_and_too_much_text_is_refused)
{
	struct eo_frame_row far[2] = {{.pc = 0x1000, .rule = sp(8)}, {.pc = 0x1000 + (5ull << 32)}};
	struct eo_frame_table none = {0}, wide = {.rows = far, .count = 2};
	struct eo_unwind_rule rules[4];
	struct eo_rule_dictionary dictionary;
	struct eo_packed_table packed;

	eo_rule_dictionary_init(&dictionary, rules, 4);
	cr_assert_eq(pack(&packed, &none, &dictionary), 0);
	cr_assert_eq(packed.page_count, 0);
	cr_assert_eq(eo_packed_table_find(&packed, 0x1000), 0);
	cr_assert_eq(pack(&packed, &wide, &dictionary), -E2BIG);
	eo_packed_table_fini(&packed);
	eo_rule_dictionary_fini(&dictionary);
}

Test(range_pool, runs_never_overlap_nor_cross_a_boundary_and_come_back)
{
	struct eo_range_pool pool;
	struct {
		uint32_t first, count;
	} held[512];
	uint8_t owner[1000] = {0};
	uint32_t n = 0, first;

	cr_assert_eq(eo_range_pool_init(&pool, 1000, 64), 0);
	cr_assert_not(eo_range_pool_take(&pool, 65, &first));
	cr_assert_not(eo_range_pool_take(&pool, 0, &first));
	srand(3);
	for (int turn = 0; turn < 20011; turn++) {
		uint32_t count = 1 + (uint32_t)rand() % (rand() % 4 ? 5 : 64);

		if (n < 512 && rand() % 2 && eo_range_pool_take(&pool, count, &first)) {
			cr_assert_eq(first / 64, (first + count - 1) / 64);
			for (uint32_t i = first; i < first + count; i++) {
				cr_assert_not(owner[i]);
				owner[i] = 1;
			}
			held[n].first = first;
			held[n++].count = count;
		} else if (n) {
			uint32_t k = (uint32_t)rand() % n;

			for (uint32_t i = 0; i < held[k].count; i++)
				owner[held[k].first + i] = 0;
			eo_range_pool_give(&pool, held[k].first, held[k].count);
			cr_assert(eo_range_pool_is_free(&pool, held[k].first, held[k].count));
			held[k] = held[--n];
		}
	}
	while (n--)
		eo_range_pool_give(&pool, held[n].first, held[n].count);
	cr_assert_eq(pool.free, 1000);
	cr_assert(eo_range_pool_take(&pool, 64, &first));
	cr_assert_eq(first, 0);
	eo_range_pool_fini(&pool);
}
