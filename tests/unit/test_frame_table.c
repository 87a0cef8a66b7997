/* SPDX-License-Identifier: BSD-2-Clause */
/* From functions to rows, and what damage does to that. */
#include "unwind/frame_table.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/auto.h"
#include "frame_sections.h"

/* Allocations of the library that succeed before one fails; negative: all do. */
static int allocations_left = -1;

void *__real_reallocarray(void *ptr, size_t count, size_t size);
void *__wrap_reallocarray(void *ptr, size_t count, size_t size);

void *__wrap_reallocarray(void *ptr, size_t count, size_t size)
{
	if (allocations_left == 0)
		return NULL;
	if (allocations_left > 0)
		allocations_left--;
	return __real_reallocarray(ptr, count, size);
}

Test(frame_table, each_step_of_a_prologue_is_a_row)
{
	BUFFER(buffer);

	add_cie(&buffer);
	add_fde(&buffer, 0x1000, 0x40,
	    BYTES(ADVANCE + 1, DEF_OFFSET, 16, OFFSET + RBP, 2, ADVANCE + 3, DEF_REG, RBP,
		  ADVANCE + 0x20, DEF, RSP, 8, RESTORE + RBP));
	ASSERT_ROWS(parse_section(&buffer), {0x1000, sp(8)},
		    {0x1001, with_fp(EO_CFA_SP, 16, EO_FP_AT_CFA, -16)},
		    {0x1004, with_fp(EO_CFA_FP, 16, EO_FP_AT_CFA, -16)}, {0x1024, sp(8)},
		    {0x1040, only(EO_CFA_NONE)});
}

Test(frame_table, neighbours_alike_are_one_row)
{
	BUFFER(buffer);

	add_cie(&buffer);
	add_fde(&buffer, 0x1000, 0x10,
		BYTES(ADVANCE + 4, OFFSET + 3, 2, ADVANCE + 4, ARGS_SIZE, 8));
	add_fde(&buffer, 0x1010, 0x10, BYTES(0));
	add_fde(&buffer, 0x1020, 0x10,
	    BYTES(DEF_OFFSET, 16, ADVANCE + 0, DEF_OFFSET, 24, ADVANCE1, 0, DEF_OFFSET, 8));
	ASSERT_ROWS(parse_section(&buffer), {0x1000, sp(8)}, {0x1030, only(EO_CFA_NONE)});
}

Test(frame_table, padding_is_bridged_and_gaps_are_rows)
{
	BUFFER(buffer);

	add_cie(&buffer);
	add_fde(&buffer, 0x1000, 0x10, BYTES(DEF_OFFSET, 16));
	add_fde(&buffer, 0x101f, 0x11, BYTES(DEF_OFFSET, 24)); /* 15 bytes behind */
	add_fde(&buffer, 0x1040, 0x10, BYTES(DEF_OFFSET, 24)); /* 16 bytes behind */
	ASSERT_ROWS(parse_section(&buffer), {0x1000, sp(16)}, {0x101f, sp(24)},
		    {0x1030, only(EO_CFA_NONE)}, {0x1040, sp(24)}, {0x1050, only(EO_CFA_NONE)});
}

Test(frame_table, functions_out_of_order_are_sorted)
{
	BUFFER(buffer);

	add_cie(&buffer);
	add_fde(&buffer, 0x3000, 0x10, BYTES(DEF_OFFSET, 24));
	add_fde(&buffer, 0x1000, 0x1000, BYTES(0));
	add_fde(&buffer, 0x2000, 0x1000, BYTES(DEF_OFFSET, 16));

	struct eo_frame_table table = parse_section(&buffer);

	cr_assert_eq(table.fdes, 3u);
	ASSERT_ROWS(table, {0x1000, sp(8)}, {0x2000, sp(16)}, {0x3000, sp(24)},
		    {0x3010, only(EO_CFA_NONE)});
}

Test(frame_table, of_functions_that_overlap_the_first_wins)
{
	BUFFER(buffer);

	add_cie(&buffer);
	add_fde(&buffer, 0x1800, 0x1000, BYTES(DEF_OFFSET, 24, ADVANCE2, 0, 7, DEF_OFFSET, 32,
					   ADVANCE2, 0, 2, DEF_OFFSET, 40));
	add_fde(&buffer, 0x1000, 0x1000, BYTES(DEF_OFFSET, 16)); /* covers the start of that one */
	add_fde(&buffer, 0x1400, 0x100, BYTES(DEF_OFFSET, 48));  /* lies within */
	add_fde(&buffer, 0x1000, 0x1000, BYTES(DEF_OFFSET, 56)); /* starts equally */
	ASSERT_ROWS(parse_section(&buffer), {0x1000, sp(16)}, {0x2000, sp(32)}, {0x2100, sp(40)},
		    {0x2800, only(EO_CFA_NONE)});
}

Test(frame_table, rows_do_not_leave_their_function)
{
	BUFFER(buffer);

	add_cie(&buffer);
	add_fde(&buffer, 0x1000, 0x10,
	    BYTES(ADVANCE + 8, DEF_OFFSET, 16, ADVANCE + 8, DEF_OFFSET, 24, ADVANCE + 8));
	add_fde(&buffer, 0x1010, 0x10, BYTES(DEF_OFFSET, 32));
	ASSERT_ROWS(parse_section(&buffer), {0x1000, sp(8)}, {0x1008, sp(16)}, {0x1010, sp(32)},
		    {0x1020, only(EO_CFA_NONE)});
}

Test(frame_table, find_answers_on_both_sides_of_each_row)
{
	BUFFER(buffer);

	add_cie(&buffer);
	add_fde(&buffer, 0x1000, 0x10, BYTES(ADVANCE + 8, DEF_OFFSET, 16));

	struct eo_frame_table table = parse_section(&buffer), empty = {0};

	cr_assert_eq(eo_frame_table_find(&table, 0)->cfa_kind, EO_CFA_NONE);
	cr_assert_eq(eo_frame_table_find(&table, 0xfff)->cfa_kind, EO_CFA_NONE);
	cr_assert_eq(eo_frame_table_find(&table, 0x1000)->cfa_offset, 8);
	cr_assert_eq(eo_frame_table_find(&table, 0x1007)->cfa_offset, 8);
	cr_assert_eq(eo_frame_table_find(&table, 0x1008)->cfa_offset, 16);
	cr_assert_eq(eo_frame_table_find(&table, 0x100f)->cfa_offset, 16);
	cr_assert_eq(eo_frame_table_find(&table, 0x1010)->cfa_kind, EO_CFA_NONE);
	cr_assert_eq(eo_frame_table_find(&table, UINT64_MAX)->cfa_kind, EO_CFA_NONE);
	cr_assert_eq(eo_frame_table_find(&empty, 0x1000)->cfa_kind, EO_CFA_NONE);
	eo_frame_table_fini(&table);
}

Test(frame_table, an_entry_point_that_nobody_covers_ends_the_stack)
{
	BUFFER(buffer);

	add_cie(&buffer);
	add_fde(&buffer, 0x1000, 0x100, BYTES(0));
	add_fde(&buffer, 0x1400, 0x100, BYTES(0));

	/* in front, in between, so close that the next one cuts it, in padding, behind */
	ASSERT_ROWS(parse_with_entry(&buffer, 0x800), {0x800, only(EO_CFA_END)},
		    {0x840, only(EO_CFA_NONE)}, {0x1000, sp(8)}, {0x1100, only(EO_CFA_NONE)},
		    {0x1400, sp(8)}, {0x1500, only(EO_CFA_NONE)});
	ASSERT_ROWS(parse_with_entry(&buffer, 0x1200), {0x1000, sp(8)},
		    {0x1100, only(EO_CFA_NONE)}, {0x1200, only(EO_CFA_END)},
		    {0x1240, only(EO_CFA_NONE)}, {0x1400, sp(8)}, {0x1500, only(EO_CFA_NONE)});
	ASSERT_ROWS(parse_with_entry(&buffer, 0x13e0), {0x1000, sp(8)},
		    {0x1100, only(EO_CFA_NONE)}, {0x13e0, only(EO_CFA_END)}, {0x1400, sp(8)},
		    {0x1500, only(EO_CFA_NONE)});
	ASSERT_ROWS(parse_with_entry(&buffer, 0x1108), {0x1000, sp(8)}, {0x1108, only(EO_CFA_END)},
		    {0x1148, only(EO_CFA_NONE)}, {0x1400, sp(8)}, {0x1500, only(EO_CFA_NONE)});
	ASSERT_ROWS(parse_with_entry(&buffer, 0x1500), {0x1000, sp(8)},
		    {0x1100, only(EO_CFA_NONE)}, {0x1400, sp(8)}, {0x1500, only(EO_CFA_END)},
		    {0x1540, only(EO_CFA_NONE)});
	ASSERT_ROWS(parse_with_entry(&buffer, UINT64_MAX - 1), {0x1000, sp(8)},
		    {0x1100, only(EO_CFA_NONE)}, {0x1400, sp(8)}, {0x1500, only(EO_CFA_NONE)},
		    {UINT64_MAX - 1, only(EO_CFA_END)}, {UINT64_MAX, only(EO_CFA_NONE)});
}

Test(frame_table, an_entry_point_that_is_covered_stays_as_it_is)
{
	static const uint64_t entries[] = {0, 0x1000, 0x10ff, 0x1400, 0x14ff};
	BUFFER(buffer);

	add_cie(&buffer);
	add_fde(&buffer, 0x1400, 0x100, BYTES(0));
	add_fde(&buffer, 0x1000, 0x100, BYTES(0));
	for (size_t i = 0; i < EO_ARRAY_SIZE(entries); i++)
		ASSERT_ROWS(parse_with_entry(&buffer, entries[i]), {0x1000, sp(8)},
			    {0x1100, only(EO_CFA_NONE)}, {0x1400, sp(8)},
			    {0x1500, only(EO_CFA_NONE)});
}

Test(frame_table, nothing_in_is_nothing_out)
{
	BUFFER(buffer);
	struct eo_frame_table table = parse_section(&buffer);

	cr_assert_eq(table.count, 0u);
	eo_frame_table_fini(&table);
	add_number(&buffer, 0, 4);
	table = parse_section(&buffer);
	cr_assert_eq(table.count, 0u);
	eo_frame_table_fini(&table);
	ASSERT_ROWS(parse_with_entry(&buffer, 0x1000), {0x1000, only(EO_CFA_END)},
		    {0x1040, only(EO_CFA_NONE)});
}

/* Two functions, of which the second has a CIE of its own; then what is to be damaged. */
static size_t two_functions(struct buffer *buffer)
{
	add_cie(buffer);
	add_fde(buffer, 0x1000, 0x10, BYTES(DEF_OFFSET, 16));
	add_raw_cie(buffer,
		BYTES(1, 'z', 'R', 0, 1, 0x78, RIP, 1, 0, DEF, RSP, 8, OFFSET + RIP, 1, 0, 0));
	add_fde(buffer, 0x1010, 0x10, BYTES(0, DEF_OFFSET, 24));
	return buffer->size;
}

Test(frame_table, damage_behind_good_entries_ends_the_table_there)
{
	static const struct {
		const char *name;
		unsigned char bytes[16];
		size_t size;
	} cases[] = {
		{"longer than the section", {0x0d, 0, 0, 0}, 16},
		{"much longer", {0xef, 0xff, 0xff, 0xff}, 16},
		{"reserved length", {0xf0, 0xff, 0xff, 0xff}, 16},
		{"reserved length, the last", {0xfe, 0xff, 0xff, 0xff}, 16},
		{"64 bits, longer", {0xff, 0xff, 0xff, 0xff, 5, 0, 0, 0, 0, 0, 0, 0}, 16},
		{"64 bits, as long as can be",
		 {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 16},
		{"64 bits, cut off", {0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}, 8},
		{"length cut off", {1, 0, 0}, 3},
		{"no room for an id", {3, 0, 0, 0, 0, 0, 0}, 7},
		{"only a length", {0x10, 0, 0, 0}, 4},
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(cases); i++) {
		struct eo_frame_table table;
		struct eo_error err = {0};
		BUFFER(buffer);

		two_functions(&buffer);
		add_bytes(&buffer, cases[i].bytes, cases[i].size);
		table = parse_section(&buffer);
		cr_assert_eq(table.fdes, 2u, "%s", cases[i].name);
		ASSERT_ROWS(table, {0x1000, sp(16)}, {0x1010, sp(24)}, {0x1020, only(EO_CFA_NONE)});

		cr_assert_eq(parse_bytes(cases[i].bytes, cases[i].size, false, 0x1000, &table,
					 &err),
			     -ENOEXEC, "%s, alone", cases[i].name);
		cr_assert(strstr(err.text, "entry at 0x0: it"), "%s", err.text);
	}
}

/* An FDE's id names its CIE; these do not. */
Test(frame_table, functions_without_a_cie_are_left_out)
{
	for (int is_debug_frame = 0; is_debug_frame < 2; is_debug_frame++) {
		BUFFER(buffer);

		buffer.is_debug_frame = is_debug_frame;
		size_t last = two_functions(&buffer);
		add_fde(&buffer, 0x1020, 0x10, BYTES(0));
		add_fde(&buffer, 0x1030, 0x10, BYTES(0));

		/* itself, the next FDE, inside the CIE, before the section, behind it, far away */
		const size_t targets[] = {last, last + 24, 2, -4ul, buffer.size, 0x40000000};

		for (size_t i = 0; i < EO_ARRAY_SIZE(targets); i++) {
			uint64_t id = is_debug_frame ? targets[i] : last + 4 - targets[i];
			struct eo_frame_table table;

			memcpy(buffer.bytes + last + 4, &id, 4);
			table = parse_section(&buffer);
			cr_assert_eq(table.fdes, 3u, "target %zu", i);
			ASSERT_ROWS(table, {0x1000, sp(16)}, {0x1010, sp(24)},
				    {0x1020, only(EO_CFA_NONE)}, {0x1030, sp(8)},
				    {0x1040, only(EO_CFA_NONE)});
		}
	}
}

Test(frame_table, cut_at_every_byte_it_keeps_what_is_whole)
{
	for (int i = 0; i < 4; i++) {
		BUFFER(buffer);

		buffer.is_debug_frame = i & 1;
		buffer.is_64 = i & 2;
		add_cie(&buffer);
		add_fde(&buffer, 0x1000, 0x10, BYTES(DEF_OFFSET, 16));

		size_t first = buffer.size, second = two_functions(&buffer);

		for (size_t cut = 0; cut < second; cut++) {
			struct eo_frame_table table;
			int r = parse_bytes(buffer.bytes, cut, buffer.is_debug_frame, 0, &table,
					    NULL);

			if (r == 0) {
				cr_assert_eq(table.fdes > 0, cut >= first, "%zu bytes", cut);
				eo_frame_table_fini(&table);
			} else {
				cr_assert_eq(r, -ENOEXEC);
				cr_assert_lt(cut, first);
			}
		}
	}
}

static uint32_t xorshift(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

Test(frame_table, random_damage_is_survived)
{
	uint32_t seed = 20231;
	size_t parsed = 0;
	BUFFER(buffer);

	two_functions(&buffer);
	add_raw_cie(&buffer, BYTES(1, 'z', 'P', 'L', 'R', 'S', 0, 1, 0x78, RIP, 7, 0x9b, 1, 2, 3, 4,
			       0x1b, 0x1b, DEF, RSP, 8, OFFSET + RIP, 1));
	add_raw_fde(&buffer,
		    BYTES(0, 1, 0, 0, 0x40, 0, 0, 0, 4, 0, 0, 0, 0, ADVANCE + 1, DEF_OFFSET, 16,
			  OFFSET + RBP, 2, REMEMBER, ADVANCE1, 5, DEF_EXPR, 3, BREG_RBP, 0x78,
			  DEREF, EXPR, RBP, 2, BREG_RBP, 0, ADVANCE2, 9, 0, RECALL));
	add_fde(&buffer, 0x3000, 0x40,
		BYTES(0, DEF_EXPR, 11, BREG_RSP, 8, BREG_RIP, 0, LIT0 + 15, AND, LIT0 + 11, GE,
		      LIT0 + 3, SHL, PLUS));

	for (int round = 0; round < 20000; round++) {
		unsigned char bytes[512];
		struct eo_frame_table table;
		int r;

		cr_assert_leq(buffer.size, sizeof(bytes));
		memcpy(bytes, buffer.bytes, buffer.size);
		for (uint32_t flips = xorshift(&seed) % 4 + 1; flips; flips--)
			bytes[xorshift(&seed) % buffer.size] = (unsigned char)xorshift(&seed);
		r = parse_bytes(bytes, buffer.size, round & 1, 0x1234, &table, NULL);
		cr_assert(r == 0 || r == -ENOEXEC, "round %d: %d", round, r);
		if (r == 0) {
			parsed++;
			eo_frame_table_fini(&table);
		}
	}
	cr_assert_gt(parsed, 5000u);
}

/* A length of the innermost kind: of the entry, of augmentation data, of a block. */
Test(frame_table, length_fields_at_their_limits_are_survived)
{
	static const uint64_t values[] = {0,	      1,	  0x7f,	      0x80,
					  0xff,	      0x7fffffff, 0x80000000, 0xffffffef,
					  0xfffffff0, 0xfffffffe, 0xffffffff};
	BUFFER(buffer);

	add_cie(&buffer);
	add_fde(&buffer, 0x1000, 0x10, BYTES(DEF_EXPR, 3, BREG_RBP, 0x78, DEREF));

	for (size_t at = 0; at + 4 <= buffer.size; at++) {
		for (size_t i = 0; i < EO_ARRAY_SIZE(values); i++) {
			EO_AUTO_FREE unsigned char *bytes = malloc(buffer.size);
			struct eo_frame_table table = {0};

			memcpy(bytes, buffer.bytes, buffer.size);
			memcpy(bytes + at, &values[i], 4);
			for (int is_debug_frame = 0; is_debug_frame < 2; is_debug_frame++) {
				int r = parse_bytes(bytes, buffer.size, is_debug_frame, 0, &table,
						    NULL);

				cr_assert(r == 0 || r == -ENOEXEC);
				if (r == 0)
					eo_frame_table_fini(&table);
			}
		}
	}
}

/* Were the CIE's megabyte read for each FDE, this would not end. */
Test(frame_table, a_cie_is_read_once_for_a_million_functions)
{
	const size_t functions = 1000000, nops = 1 << 20;
	EO_AUTO_FREE unsigned char *rest = calloc(1, nops);
	struct eo_frame_section section = {0};
	struct eo_frame_table table;
	BUFFER(buffer);

	cr_assert_not_null(rest);
	memcpy(rest, (unsigned char[]){1, 0, 1, 0x78, RIP, DEF, RSP, 8, OFFSET + RIP, 1}, 10);
	add_raw_cie(&buffer, rest, nops);
	for (size_t i = functions; i; i--) /* and the order is the worst one */
		add_fde(&buffer, 0x1000 + i * 16, 16, BYTES(DEF_OFFSET, i % 2 * 8));

	section.bytes = buffer.bytes;
	section.size = buffer.size;
	cr_assert_eq(parse_at(&section, &table, NULL), 0);
	cr_assert_eq(table.fdes, functions);
	cr_assert_eq(table.count, functions + 1);
	eo_frame_table_fini(&table);
}

Test(frame_table, many_cies_are_found_again)
{
	struct eo_frame_table table;
	BUFFER(buffer);
	enum { CIES = 5000 };
	size_t cies[CIES];

	for (size_t i = 0; i < CIES; i++) {
		cies[i] = buffer.size;
		add_raw_cie(&buffer,
			    BYTES(1, 0, 1, 0x78, RIP, DEF, RSP, i & 0x7f, OFFSET + RIP, 1));
	}
	for (size_t i = 0; i < CIES; i++) {
		buffer.cie = cies[i * 7 % CIES];
		add_fde(&buffer, 0x1000 + i * 16, 16, BYTES(0));
	}
	table = parse_section(&buffer);
	for (size_t i = 0; i < CIES; i++)
		cr_assert_eq(eo_frame_table_find(&table, 0x1000 + i * 16)->cfa_offset,
			     (int)(i * 7 % CIES & 0x7f));
	eo_frame_table_fini(&table);
}

Test(frame_table, more_than_8_million_rows_are_refused)
{
	const size_t rows = 8u << 20;
	EO_AUTO_FREE unsigned char *program = malloc(rows * 3);
	struct eo_frame_section section = {0};
	struct eo_frame_table table;
	struct eo_error err = {0};
	BUFFER(buffer);

	cr_assert_not_null(program);
	for (size_t i = 0; i < rows; i++)
		memcpy(program + i * 3, (unsigned char[]){DEF_OFFSET, i % 2 * 8, ADVANCE + 1}, 3);
	add_cie(&buffer);
	add_fde(&buffer, 0x1000, rows - 1, program, (rows - 1) * 3);
	section.bytes = buffer.bytes;
	section.size = buffer.size;
	cr_assert_eq(parse_at(&section, &table, &err), 0); /* and the gap's row */
	cr_assert_eq(table.count, rows);
	eo_frame_table_fini(&table);

	add_fde(&buffer, 0x10000000, 8, BYTES(0));
	section.bytes = buffer.bytes;
	section.size = buffer.size;
	cr_assert_eq(parse_at(&section, &table, &err), -E2BIG);
	cr_assert_eq(err.code, E2BIG);
}

Test(frame_table, failing_allocations_are_enomem_and_leak_nothing)
{
	int failures = 0, r = -ENOMEM;
	BUFFER(buffer);

	two_functions(&buffer);
	while (r == -ENOMEM) {
		struct eo_frame_table table;
		struct eo_error err = {0};

		allocations_left = failures;
		r = parse_bytes(buffer.bytes, buffer.size, false, 0x2000, &table, &err);
		allocations_left = -1;
		cr_assert_eq(err.code, -r);
		if (r == 0) {
			cr_assert_eq(table.fdes, 2u);
			eo_frame_table_fini(&table);
		}
		failures++;
	}
	cr_assert_eq(r, 0);
	cr_assert_eq(failures, 4, "CIEs, FDEs, rows; the fourth only gives back what is too much");
}
