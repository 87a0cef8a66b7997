/* SPDX-License-Identifier: BSD-2-Clause */
/* Sections made by hand, handed over so that they end at an unmapped page. */
#include "unwind/frame_table.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/auto.h"
#include "unwind/frame_cursor.h"

#define SECTION_VADDR 0x200000u
#define BYTES(...) \
	(const unsigned char[]){__VA_ARGS__}, sizeof((const unsigned char[]){__VA_ARGS__})

/* DWARF 5, tables 7.29 and 7.9. */
enum {
	SET_LOC = 1, ADVANCE1 = 2, ADVANCE2 = 3, ADVANCE4 = 4, OFFSET_EXT = 5, RESTORE_EXT = 6,
	UNDEF = 7, SAME = 8, IN_REG = 9, REMEMBER = 10, RECALL = 11, DEF = 12, DEF_REG = 13,
	DEF_OFFSET = 14, DEF_EXPR = 15, EXPR = 16, OFFSET_EXT_SF = 17, DEF_SF = 18,
	DEF_OFFSET_SF = 19, VAL_OFFSET = 20, VAL_OFFSET_SF = 21, VAL_EXPR = 22, ADVANCE8 = 0x1d,
	ARGS_SIZE = 0x2e, NEGATIVE_EXT = 0x2f, ADVANCE = 0x40, OFFSET = 0x80, RESTORE = 0xc0,
	DEREF = 0x06, CONST1U = 0x08, CONST1S = 0x09, CONST4U = 0x0c, CONSTU = 0x10, CONSTS = 0x11,
	AND = 0x1a, MINUS = 0x1c, PLUS = 0x22, PLUS_U = 0x23, SHL = 0x24, GE = 0x2a,
	GT = 0x2b, LIT0 = 0x30, BREG_RBP = 0x76, BREG_RSP = 0x77, BREG_R10 = 0x7a,
	BREG_RIP = 0x80, BREGX = 0x92, EXPR_NOP = 0x96,
	RBP = 6, RSP = 7, RIP = 16,
};

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

struct buffer {
	unsigned char *bytes;
	size_t size, room;
	size_t entry; /* where the one in the making begins */
	size_t cie;   /* the last one */
	bool is_debug_frame, is_64;
};

static void fini(struct buffer *buffer)
{
	free(buffer->bytes);
}

#define BUFFER(name) __attribute__((cleanup(fini))) struct buffer name = {0}

static void add(struct buffer *buffer, const void *bytes, size_t size)
{
	if (buffer->size + size > buffer->room) {
		buffer->room = (buffer->size + size) * 2;
		buffer->bytes = realloc(buffer->bytes, buffer->room);
		cr_assert_not_null(buffer->bytes);
	}
	memcpy(buffer->bytes + buffer->size, bytes, size);
	buffer->size += size;
}

static void number(struct buffer *buffer, uint64_t value, size_t size)
{
	add(buffer, &value, size);
}

static void begin(struct buffer *buffer)
{
	buffer->entry = buffer->size;
	number(buffer, UINT64_MAX, 4);
	if (buffer->is_64)
		number(buffer, 0, 8);
}

static void end(struct buffer *buffer)
{
	size_t header = buffer->is_64 ? 12 : 4;
	uint64_t length = buffer->size - buffer->entry - header;

	memcpy(buffer->bytes + buffer->entry + header - (buffer->is_64 ? 8 : 4), &length,
	       buffer->is_64 ? 8 : 4);
}

static size_t id_size(const struct buffer *buffer)
{
	return buffer->is_64 && buffer->is_debug_frame ? 8 : 4;
}

/* @rest: from the version on */
static void raw_cie(struct buffer *buffer, const unsigned char *rest, size_t size)
{
	begin(buffer);
	buffer->cie = buffer->entry;
	number(buffer, buffer->is_debug_frame ? UINT64_MAX : 0, id_size(buffer));
	add(buffer, rest, size);
	end(buffer);
}

/* The one gcc makes, but with absolute addresses: CFA rsp+8, the return address at CFA-8. */
static void cie(struct buffer *buffer)
{
	raw_cie(buffer,
		BYTES(1, 0, 1, 0x78, RIP, DEF, RSP, 8, OFFSET + RIP, 1));
}

/* @rest: from the address on */
static void raw_fde(struct buffer *buffer, const unsigned char *rest, size_t size)
{
	begin(buffer);
	number(buffer, buffer->is_debug_frame ? buffer->cie : buffer->size - buffer->cie,
	       id_size(buffer));
	add(buffer, rest, size);
	end(buffer);
}

static void fde(struct buffer *buffer, uint64_t start, uint64_t size, const unsigned char *program,
		size_t program_size)
{
	begin(buffer);
	number(buffer, buffer->is_debug_frame ? buffer->cie : buffer->size - buffer->cie,
	       id_size(buffer));
	number(buffer, start, 8);
	number(buffer, size, 8);
	add(buffer, program, program_size);
	end(buffer);
}

/* What is true of every table. */
static void assert_sound(const struct eo_frame_table *table)
{
	static const struct eo_unwind_rule none;
	size_t unsupported = 0;

	for (size_t i = 0; i < table->count; i++) {
		const struct eo_frame_row *row = &table->rows[i];
		const struct eo_unwind_rule *before = i ? &row[-1].rule : &none;

		cr_assert(i == 0 || row->pc > row[-1].pc);
		cr_assert_neq(memcmp(&row->rule, before, sizeof(none)), 0);
		cr_assert_lt(row->rule.cfa_kind, EO_CFA_KIND_COUNT);
		cr_assert_leq(row->rule.fp_kind, EO_FP_AT_FP);
		unsupported += row->rule.cfa_kind == EO_CFA_UNSUPPORTED;
	}
	cr_assert_eq(table->unsupported, unsupported);
	if (table->count)
		cr_assert_eq(table->rows[table->count - 1].rule.cfa_kind, EO_CFA_NONE);
}

/* An area whose end is followed by an unmapped page. */
struct guarded {
	unsigned char *area, *end;
	size_t span;
};

static struct guarded make_guarded(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), span = (size + page - 1) / page * page;
	unsigned char *area = mmap(NULL, span + page, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(area, MAP_FAILED);
	cr_assert_eq(mprotect(area + span, page, PROT_NONE), 0);
	return (struct guarded){area, area + span, span + page};
}

static int parse_bytes(const unsigned char *bytes, size_t size, bool is_debug_frame, uint64_t entry,
		       struct eo_frame_table *ret, struct eo_error *err)
{
	struct guarded guarded = make_guarded(size);
	struct eo_frame_section section = {.bytes = guarded.end - size,
					   .size = size,
					   .vaddr = SECTION_VADDR,
					   .is_debug_frame = is_debug_frame};
	int r;

	if (size)
		memcpy(guarded.end - size, bytes, size);
	r = eo_frame_table_parse(&section, entry, ret, err);
	munmap(guarded.area, guarded.span);
	if (r == 0)
		assert_sound(ret);
	return r;
}

static struct eo_frame_table parse_with_entry(const struct buffer *buffer, uint64_t entry)
{
	struct eo_frame_table table;
	struct eo_error err = {0};
	int r = parse_bytes(buffer->bytes, buffer->size, buffer->is_debug_frame, entry, &table,
			    &err);

	cr_assert_eq(r, 0, "%s", err.text);
	return table;
}

static struct eo_frame_table parse(const struct buffer *buffer)
{
	return parse_with_entry(buffer, 0);
}

#define sp(n) {.cfa_kind = EO_CFA_SP, .cfa_offset = (n)}
#define fp(n) {.cfa_kind = EO_CFA_FP, .cfa_offset = (n)}
#define with_fp(cfa, n, kind, m) \
	{.cfa_kind = (cfa), .cfa_offset = (n), .fp_kind = (kind), .fp_offset = (m)}
#define only(kind) {.cfa_kind = (kind)}

static void assert_rows(struct eo_frame_table table, const struct eo_frame_row *rows, size_t count)
{
	for (size_t i = 0; i < count && i < table.count; i++) {
		const struct eo_unwind_rule *got = &table.rows[i].rule, *want = &rows[i].rule;

		cr_assert_eq(table.rows[i].pc, rows[i].pc, "row %zu at 0x%lx, not 0x%lx", i,
			     table.rows[i].pc, rows[i].pc);
		cr_assert_eq(memcmp(got, want, sizeof(*want)), 0,
			     "row %zu: %u %d %d, %u %d, not %u %d %d, %u %d", i, got->cfa_kind,
			     got->cfa_offset, got->cfa_add, got->fp_kind, got->fp_offset,
			     want->cfa_kind, want->cfa_offset, want->cfa_add, want->fp_kind,
			     want->fp_offset);
	}
	cr_assert_eq(table.count, count, "%zu rows, not %zu", table.count, count);
	eo_frame_table_fini(&table);
}

#define ASSERT_ROWS(table, ...)                                                       \
	assert_rows(table, (const struct eo_frame_row[]){__VA_ARGS__},                \
		    sizeof((const struct eo_frame_row[]){__VA_ARGS__}) /              \
			    sizeof(struct eo_frame_row))

/* The rule at 0x1000 when this is the program of the function there. */
static struct eo_unwind_rule rule_of(const unsigned char *program, size_t size)
{
	BUFFER(buffer);

	cie(&buffer);
	fde(&buffer, 0x1000, 0x100, program, size);

	struct eo_frame_table table = parse(&buffer);
	struct eo_unwind_rule rule = *eo_frame_table_find(&table, 0x1000);

	cr_assert_neq(rule.cfa_kind, EO_CFA_NONE);
	eo_frame_table_fini(&table);
	return rule;
}

struct rule_case {
	const char *name;
	const unsigned char *program;
	size_t size;
	struct eo_unwind_rule rule;
};

static void assert_rules(const struct rule_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct eo_unwind_rule rule = rule_of(cases[i].program, cases[i].size);

		cr_assert_eq(memcmp(&rule, &cases[i].rule, sizeof(rule)), 0,
			     "%s: %u %d %d, %u %d", cases[i].name, rule.cfa_kind, rule.cfa_offset,
			     rule.cfa_add, rule.fp_kind, rule.fp_offset);
	}
}

Test(frame_table, each_step_of_a_prologue_is_a_row)
{
	BUFFER(buffer);

	cie(&buffer);
	fde(&buffer, 0x1000, 0x40,
	    BYTES(ADVANCE + 1, DEF_OFFSET, 16, OFFSET + RBP, 2, ADVANCE + 3, DEF_REG, RBP,
		  ADVANCE + 0x20, DEF, RSP, 8, RESTORE + RBP));
	ASSERT_ROWS(parse(&buffer), {0x1000, sp(8)},
		    {0x1001, with_fp(EO_CFA_SP, 16, EO_FP_AT_CFA, -16)},
		    {0x1004, with_fp(EO_CFA_FP, 16, EO_FP_AT_CFA, -16)}, {0x1024, sp(8)},
		    {0x1040, only(EO_CFA_NONE)});
}

Test(frame_table, neighbours_alike_are_one_row)
{
	BUFFER(buffer);

	cie(&buffer);
	fde(&buffer, 0x1000, 0x10, BYTES(ADVANCE + 4, OFFSET + 3, 2, ADVANCE + 4, ARGS_SIZE, 8));
	fde(&buffer, 0x1010, 0x10, BYTES(0));
	fde(&buffer, 0x1020, 0x10,
	    BYTES(DEF_OFFSET, 16, ADVANCE + 0, DEF_OFFSET, 24, ADVANCE1, 0, DEF_OFFSET, 8));
	ASSERT_ROWS(parse(&buffer), {0x1000, sp(8)}, {0x1030, only(EO_CFA_NONE)});
}

Test(frame_table, padding_is_bridged_and_gaps_are_rows)
{
	BUFFER(buffer);

	cie(&buffer);
	fde(&buffer, 0x1000, 0x10, BYTES(DEF_OFFSET, 16));
	fde(&buffer, 0x101f, 0x11, BYTES(DEF_OFFSET, 24)); /* 15 bytes behind */
	fde(&buffer, 0x1040, 0x10, BYTES(DEF_OFFSET, 24)); /* 16 bytes behind */
	ASSERT_ROWS(parse(&buffer), {0x1000, sp(16)}, {0x101f, sp(24)},
		    {0x1030, only(EO_CFA_NONE)}, {0x1040, sp(24)}, {0x1050, only(EO_CFA_NONE)});
}

Test(frame_table, functions_out_of_order_are_sorted)
{
	BUFFER(buffer);

	cie(&buffer);
	fde(&buffer, 0x3000, 0x10, BYTES(DEF_OFFSET, 24));
	fde(&buffer, 0x1000, 0x1000, BYTES(0));
	fde(&buffer, 0x2000, 0x1000, BYTES(DEF_OFFSET, 16));

	struct eo_frame_table table = parse(&buffer);

	cr_assert_eq(table.fdes, 3u);
	ASSERT_ROWS(table, {0x1000, sp(8)}, {0x2000, sp(16)}, {0x3000, sp(24)},
		    {0x3010, only(EO_CFA_NONE)});
}

Test(frame_table, of_functions_that_overlap_the_first_wins)
{
	BUFFER(buffer);

	cie(&buffer);
	fde(&buffer, 0x1800, 0x1000, BYTES(DEF_OFFSET, 24, ADVANCE2, 0, 7, DEF_OFFSET, 32,
					   ADVANCE2, 0, 2, DEF_OFFSET, 40));
	fde(&buffer, 0x1000, 0x1000, BYTES(DEF_OFFSET, 16)); /* covers the start of that one */
	fde(&buffer, 0x1400, 0x100, BYTES(DEF_OFFSET, 48));  /* lies within */
	fde(&buffer, 0x1000, 0x1000, BYTES(DEF_OFFSET, 56)); /* starts equally */
	ASSERT_ROWS(parse(&buffer), {0x1000, sp(16)}, {0x2000, sp(32)}, {0x2100, sp(40)},
		    {0x2800, only(EO_CFA_NONE)});
}

Test(frame_table, rows_do_not_leave_their_function)
{
	BUFFER(buffer);

	cie(&buffer);
	fde(&buffer, 0x1000, 0x10,
	    BYTES(ADVANCE + 8, DEF_OFFSET, 16, ADVANCE + 8, DEF_OFFSET, 24, ADVANCE + 8));
	fde(&buffer, 0x1010, 0x10, BYTES(DEF_OFFSET, 32));
	ASSERT_ROWS(parse(&buffer), {0x1000, sp(8)}, {0x1008, sp(16)}, {0x1010, sp(32)},
		    {0x1020, only(EO_CFA_NONE)});
}

Test(frame_table, find_answers_on_both_sides_of_each_row)
{
	BUFFER(buffer);

	cie(&buffer);
	fde(&buffer, 0x1000, 0x10, BYTES(ADVANCE + 8, DEF_OFFSET, 16));

	struct eo_frame_table table = parse(&buffer), empty = {0};

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

	cie(&buffer);
	fde(&buffer, 0x1000, 0x100, BYTES(0));
	fde(&buffer, 0x1400, 0x100, BYTES(0));

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

	cie(&buffer);
	fde(&buffer, 0x1400, 0x100, BYTES(0));
	fde(&buffer, 0x1000, 0x100, BYTES(0));
	for (size_t i = 0; i < EO_ARRAY_SIZE(entries); i++)
		ASSERT_ROWS(parse_with_entry(&buffer, entries[i]), {0x1000, sp(8)},
			    {0x1100, only(EO_CFA_NONE)}, {0x1400, sp(8)},
			    {0x1500, only(EO_CFA_NONE)});
}

Test(frame_table, plt_expressions_are_told_by_their_meaning)
{
	const struct rule_case cases[] = {
		{"the linker's",
		 BYTES(DEF_EXPR, 11, BREG_RSP, 8, BREG_RIP, 0, LIT0 + 15, AND, LIT0 + 11, GE,
		       LIT0 + 3, SHL, PLUS),
		 only(EO_CFA_PLT)},
		{"with branch tracking",
		 BYTES(DEF_EXPR, 11, BREG_RSP, 8, BREG_RIP, 0, LIT0 + 15, AND, LIT0 + 9, GE,
		       LIT0 + 3, SHL, PLUS),
		 only(EO_CFA_PLT)},
		{"greater than",
		 BYTES(DEF_EXPR, 11, BREG_RSP, 8, BREG_RIP, 0, LIT0 + 15, AND, LIT0 + 10, GT,
		       LIT0 + 3, SHL, PLUS),
		 only(EO_CFA_PLT)},
		{"other spellings",
		 BYTES(DEF_EXPR, 21, EXPR_NOP, CONST1U, 15, BREGX, RIP, 0, AND, CONSTU, 0x8b, 0, GE,
		       CONST1S, 3, SHL, BREG_RSP, 0, PLUS, CONSTS, 8, PLUS, EXPR_NOP),
		 only(EO_CFA_PLT)},
		{"limit beyond 15",
		 BYTES(DEF_EXPR, 11, BREG_RSP, 8, BREG_RIP, 0, LIT0 + 15, AND, LIT0 + 16, GE,
		       LIT0 + 3, SHL, PLUS),
		 only(EO_CFA_UNSUPPORTED)},
		{"greater than 15",
		 BYTES(DEF_EXPR, 11, BREG_RSP, 8, BREG_RIP, 0, LIT0 + 15, AND, LIT0 + 15, GT,
		       LIT0 + 3, SHL, PLUS),
		 only(EO_CFA_UNSUPPORTED)},
		{"another mask",
		 BYTES(DEF_EXPR, 11, BREG_RSP, 8, BREG_RIP, 0, LIT0 + 7, AND, LIT0 + 3, GE,
		       LIT0 + 3, SHL, PLUS),
		 only(EO_CFA_UNSUPPORTED)},
		{"another shift",
		 BYTES(DEF_EXPR, 11, BREG_RSP, 8, BREG_RIP, 0, LIT0 + 15, AND, LIT0 + 11, GE,
		       LIT0 + 4, SHL, PLUS),
		 only(EO_CFA_UNSUPPORTED)},
		{"another offset",
		 BYTES(DEF_EXPR, 11, BREG_RSP, 16, BREG_RIP, 0, LIT0 + 15, AND, LIT0 + 11, GE,
		       LIT0 + 3, SHL, PLUS),
		 only(EO_CFA_UNSUPPORTED)},
		{"another register",
		 BYTES(DEF_EXPR, 11, BREG_RBP, 8, BREG_RIP, 0, LIT0 + 15, AND, LIT0 + 11, GE,
		       LIT0 + 3, SHL, PLUS),
		 only(EO_CFA_UNSUPPORTED)},
		{"another instruction's address",
		 BYTES(DEF_EXPR, 11, BREG_RSP, 8, BREG_RIP, 1, LIT0 + 15, AND, LIT0 + 11, GE,
		       LIT0 + 3, SHL, PLUS),
		 only(EO_CFA_UNSUPPORTED)},
	};
	static const int limits[] = {11, 9, 11, 11};
	struct rule_case filled[EO_ARRAY_SIZE(cases)];

	memcpy(filled, cases, sizeof(cases));
	for (size_t i = 0; i < EO_ARRAY_SIZE(limits); i++)
		filled[i].rule.cfa_offset = limits[i];
	assert_rules(filled, EO_ARRAY_SIZE(filled));
}

Test(frame_table, cfa_expressions_are_told_by_their_meaning)
{
	const struct rule_case cases[] = {
		{"realigned", BYTES(DEF_EXPR, 3, BREG_RBP, 0x78, DEREF),
		 {.cfa_kind = EO_CFA_DEREF_FP, .cfa_offset = -8}},
		{"on the stack", BYTES(DEF_EXPR, 5, BREG_RSP, 24, DEREF, PLUS_U, 8),
		 {.cfa_kind = EO_CFA_DEREF_SP, .cfa_offset = 24, .cfa_add = 8}},
		{"in pieces",
		 BYTES(DEF_EXPR, 11, BREG_RSP, 0, LIT0 + 24, PLUS, DEREF, LIT0 + 31, PLUS, LIT0 + 23,
		       MINUS, CONST1U, 0),
		 only(EO_CFA_UNSUPPORTED)},
		{"in more pieces",
		 BYTES(DEF_EXPR, 9, BREG_RSP, 0, LIT0 + 24, PLUS, DEREF, LIT0 + 31, PLUS, LIT0 + 23,
		       MINUS),
		 {.cfa_kind = EO_CFA_DEREF_SP, .cfa_offset = 24, .cfa_add = 8}},
		{"a mere sum", BYTES(DEF_EXPR, 4, BREG_RSP, 8, PLUS_U, 8), sp(16)},
		{"a mere register", BYTES(DEF_EXPR, 2, BREG_RBP, 16), fp(16)},
		{"another register", BYTES(DEF_EXPR, 2, BREG_R10, 0), only(EO_CFA_UNSUPPORTED)},
		{"at another register", BYTES(DEF_EXPR, 3, BREG_R10, 0, DEREF),
		 only(EO_CFA_UNSUPPORTED)},
		{"twice removed", BYTES(DEF_EXPR, 4, BREG_RSP, 0, DEREF, DEREF),
		 only(EO_CFA_UNSUPPORTED)},
		{"sum of registers", BYTES(DEF_EXPR, 5, BREG_RSP, 0, BREG_RBP, 0, PLUS),
		 only(EO_CFA_UNSUPPORTED)},
		{"a number", BYTES(DEF_EXPR, 1, LIT0), only(EO_CFA_UNSUPPORTED)},
		{"unknown operation", BYTES(DEF_EXPR, 4, BREG_RSP, 8, LIT0, 0x2f),
		 only(EO_CFA_UNSUPPORTED)},
		{"empty", BYTES(DEF_EXPR, 0), only(EO_CFA_UNSUPPORTED)},
		{"pops what is not there", BYTES(DEF_EXPR, 3, BREG_RSP, 8, PLUS),
		 only(EO_CFA_UNSUPPORTED)},
		{"too deep",
		 BYTES(DEF_EXPR, 19, LIT0, LIT0, LIT0, LIT0, LIT0, LIT0, LIT0, LIT0, LIT0, LIT0,
		       LIT0, LIT0, LIT0, LIT0, LIT0, LIT0, LIT0, BREG_RSP, 8),
		 only(EO_CFA_UNSUPPORTED)},
		{"cut off", BYTES(DEF_EXPR, 1, BREG_RSP), only(EO_CFA_UNSUPPORTED)},
		{"longer than the program", BYTES(DEF_EXPR, 9, BREG_RSP, 8),
		 only(EO_CFA_UNSUPPORTED)},
		{"too far for the rule",
		 BYTES(DEF_EXPR, 8, BREG_RSP, 8, CONST4U, 0, 0, 0, 0x80, PLUS),
		 only(EO_CFA_UNSUPPORTED)},
		{"too much to add",
		 BYTES(DEF_EXPR, 7, BREG_RSP, 8, DEREF, PLUS_U, 0x80, 0x80, 2),
		 only(EO_CFA_UNSUPPORTED)},
	};

	assert_rules(cases, EO_ARRAY_SIZE(cases));
}

Test(frame_table, cfa_is_rsp_or_rbp_and_an_offset_that_fits)
{
	const struct rule_case cases[] = {
		{"rsp", BYTES(DEF, RSP, 0x80, 1), sp(128)},
		{"rbp", BYTES(DEF, RBP, 16), fp(16)},
		{"signed", BYTES(DEF_SF, RSP, 0x7e), sp(16)},
		{"signed offset", BYTES(DEF_OFFSET_SF, 0x7d), sp(24)},
		{"below", BYTES(DEF_SF, RBP, 1), fp(-8)},
		{"largest", BYTES(DEF, RSP, 0xff, 0xff, 0xff, 0xff, 7), sp(INT32_MAX)},
		{"too large", BYTES(DEF, RSP, 0x80, 0x80, 0x80, 0x80, 8), only(EO_CFA_UNSUPPORTED)},
		{"padded number", BYTES(DEF, RSP, 0x90, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
					0x80, 0x80, 0x80, 0x80, 0), sp(16)},
		{"number of 65 bits", BYTES(DEF, RSP, 0x90, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
					    0x80, 0x80, 2), only(EO_CFA_UNSUPPORTED)},
		{"r10", BYTES(DEF, 10, 0), only(EO_CFA_UNSUPPORTED)},
		{"r10 and back", BYTES(DEF, 10, 0, DEF_REG, RSP), sp(0)},
		{"offset of an expression", BYTES(DEF_EXPR, 3, BREG_RSP, 8, DEREF, DEF_OFFSET, 8),
		 only(EO_CFA_UNSUPPORTED)},
		{"register of an expression", BYTES(DEF_EXPR, 3, BREG_RSP, 8, DEREF, DEF_REG, RSP),
		 only(EO_CFA_UNSUPPORTED)},
	};

	assert_rules(cases, EO_ARRAY_SIZE(cases));
}

Test(frame_table, rbp_is_unchanged_or_on_the_stack)
{
	const struct rule_case cases[] = {
		{"offset", BYTES(OFFSET + RBP, 2), with_fp(EO_CFA_SP, 8, EO_FP_AT_CFA, -16)},
		{"extended", BYTES(OFFSET_EXT, RBP, 2), with_fp(EO_CFA_SP, 8, EO_FP_AT_CFA, -16)},
		{"signed", BYTES(OFFSET_EXT_SF, RBP, 0x7e), with_fp(EO_CFA_SP, 8, EO_FP_AT_CFA, 16)},
		{"negative", BYTES(NEGATIVE_EXT, RBP, 2), with_fp(EO_CFA_SP, 8, EO_FP_AT_CFA, 16)},
		{"farthest", BYTES(OFFSET + RBP, 0x80, 0x20),
		 with_fp(EO_CFA_SP, 8, EO_FP_AT_CFA, INT16_MIN)},
		{"too far", BYTES(OFFSET + RBP, 0x81, 0x20), only(EO_CFA_UNSUPPORTED)},
		{"on rbp", BYTES(EXPR, RBP, 2, BREG_RBP, 0x70), with_fp(EO_CFA_SP, 8, EO_FP_AT_FP, -16)},
		{"too far on rbp", BYTES(EXPR, RBP, 4, BREG_RBP, 0x80, 0x80, 2),
		 only(EO_CFA_UNSUPPORTED)},
		{"on the CFA", BYTES(EXPR, RBP, 2, LIT0 + 16, MINUS),
		 with_fp(EO_CFA_SP, 8, EO_FP_AT_CFA, -16)},
		{"on rsp", BYTES(EXPR, RBP, 2, BREG_RSP, 8), only(EO_CFA_UNSUPPORTED)},
		{"on r10", BYTES(EXPR, RBP, 2, BREG_R10, 8), only(EO_CFA_UNSUPPORTED)},
		{"a value", BYTES(VAL_OFFSET, RBP, 2), only(EO_CFA_UNSUPPORTED)},
		{"a signed value", BYTES(VAL_OFFSET_SF, RBP, 2), only(EO_CFA_UNSUPPORTED)},
		{"a computed value", BYTES(VAL_EXPR, RBP, 2, BREG_RBP, 8), only(EO_CFA_UNSUPPORTED)},
		{"in a register", BYTES(IN_REG, RBP, 3), only(EO_CFA_UNSUPPORTED)},
		{"the same", BYTES(OFFSET + RBP, 2, SAME, RBP), sp(8)},
		{"of no use", BYTES(OFFSET + RBP, 2, UNDEF, RBP), sp(8)},
		{"restored", BYTES(OFFSET + RBP, 2, RESTORE + RBP), sp(8)},
		{"restored, extended", BYTES(OFFSET + RBP, 2, RESTORE_EXT, RBP), sp(8)},
		{"others do not matter",
		 BYTES(OFFSET + 3, 2, IN_REG, 12, 13, VAL_EXPR, 14, 1, LIT0, SAME, 15, UNDEF, 1,
		       RESTORE + 3, OFFSET_EXT, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 1),
		 sp(8)},
	};

	assert_rules(cases, EO_ARRAY_SIZE(cases));
}

Test(frame_table, the_return_address_is_below_the_cfa_or_the_stack_ends)
{
	const struct rule_case cases[] = {
		{"said again", BYTES(OFFSET + RIP, 1), sp(8)},
		{"undefined", BYTES(UNDEF, RIP), only(EO_CFA_END)},
		{"undefined, CFA unknown", BYTES(UNDEF, RIP, DEF, 10, 0), only(EO_CFA_END)},
		{"elsewhere", BYTES(OFFSET + RIP, 2), only(EO_CFA_UNSUPPORTED)},
		{"in a register", BYTES(IN_REG, RIP, 10), only(EO_CFA_UNSUPPORTED)},
		{"the same", BYTES(SAME, RIP), only(EO_CFA_UNSUPPORTED)},
		{"at an expression", BYTES(EXPR, RIP, 2, BREG_RSP, 0), only(EO_CFA_UNSUPPORTED)},
		{"at an expression of the CFA", BYTES(EXPR, RIP, 2, LIT0 + 8, MINUS), sp(8)},
		{"restored", BYTES(UNDEF, RIP, RESTORE + RIP), sp(8)},
		{"rsp elsewhere", BYTES(OFFSET + RSP, 3), only(EO_CFA_UNSUPPORTED)},
		{"rsp the same", BYTES(SAME, RSP), only(EO_CFA_UNSUPPORTED)},
		{"rsp is the CFA", BYTES(VAL_OFFSET, RSP, 0), sp(8)},
		{"rsp is not the CFA", BYTES(VAL_OFFSET, RSP, 1), only(EO_CFA_UNSUPPORTED)},
	};

	assert_rules(cases, EO_ARRAY_SIZE(cases));
}

/* The rule of a function whose CIE and own program are these. Both need a length of augmentation
 * data in front, where they have that. */
static struct eo_unwind_rule rule_with_cie(const unsigned char *rest, size_t rest_size,
					   const unsigned char *program, size_t size)
{
	BUFFER(buffer);

	raw_cie(&buffer, rest, rest_size);
	fde(&buffer, 0x1000, 0x100, program, size);

	struct eo_frame_table table = parse(&buffer);
	struct eo_unwind_rule rule = *eo_frame_table_find(&table, 0x1000);

	eo_frame_table_fini(&table);
	return rule;
}

/* The program of __restore_rt: rsp and rip lie in the ucontext that the kernel pushed. */
#define RESTORE_RT(rsp_low, rip_low)                                                         \
	BYTES(0, DEF_EXPR, 4, BREG_RSP, rsp_low, 1, DEREF, EXPR, RBP, 3, BREG_RSP, 0xf8, 0,  \
	      EXPR, RSP, 3, BREG_RSP, rsp_low, 1, EXPR, RIP, 3, BREG_RSP, rip_low, 1)

Test(frame_table, signal_frames_are_those_of_the_kernel)
{
	struct eo_unwind_rule rule;

	rule = rule_with_cie(BYTES(1, 'z', 'R', 'S', 0, 1, 0x78, RIP, 1, 0), RESTORE_RT(0xa0, 0xa8));
	cr_assert_eq(rule.cfa_kind, EO_CFA_SIGNAL);
	cr_assert_eq(rule.cfa_offset, 0);
	cr_assert_eq(rule.fp_kind, EO_FP_SAME);
	rule = rule_with_cie(BYTES(1, 'z', 'S', 'R', 0, 1, 0x78, RIP, 1, 0), RESTORE_RT(0xa0, 0xa8));
	cr_assert_eq(rule.cfa_kind, EO_CFA_SIGNAL);
	rule = rule_with_cie(BYTES(1, 'z', 'R', 0, 1, 0x78, RIP, 1, 0), RESTORE_RT(0xa0, 0xa8));
	cr_assert_eq(rule.cfa_kind, EO_CFA_UNSUPPORTED, "not marked as one");
	rule = rule_with_cie(BYTES(1, 'z', 'R', 'S', 0, 1, 0x78, RIP, 1, 0), RESTORE_RT(0xb0, 0xa8));
	cr_assert_eq(rule.cfa_kind, EO_CFA_UNSUPPORTED, "rsp elsewhere");
	rule = rule_with_cie(BYTES(1, 'z', 'R', 'S', 0, 1, 0x78, RIP, 1, 0), RESTORE_RT(0xa0, 0xb0));
	cr_assert_eq(rule.cfa_kind, EO_CFA_UNSUPPORTED, "rip elsewhere");
	rule = rule_with_cie(BYTES(1, 'z', 'R', 'S', 0, 1, 0x78, RIP, 1, 0),
			     BYTES(0, DEF, RSP, 8, OFFSET + RIP, 1));
	cr_assert_eq(rule.cfa_kind, EO_CFA_SP, "marked, but an ordinary frame");
}

Test(frame_table, states_are_remembered_and_recalled)
{
	BUFFER(buffer);

	cie(&buffer);
	fde(&buffer, 0x1000, 0x10,
	    BYTES(DEF_OFFSET, 16, REMEMBER, ADVANCE + 1, DEF, RBP, 32, OFFSET + RBP, 2, REMEMBER,
		  ADVANCE + 1, DEF_OFFSET, 8, ADVANCE + 1, RECALL, ADVANCE + 1, RECALL));
	ASSERT_ROWS(parse(&buffer), {0x1000, sp(16)},
		    {0x1001, with_fp(EO_CFA_FP, 32, EO_FP_AT_CFA, -16)},
		    {0x1002, with_fp(EO_CFA_FP, 8, EO_FP_AT_CFA, -16)},
		    {0x1003, with_fp(EO_CFA_FP, 32, EO_FP_AT_CFA, -16)}, {0x1004, sp(16)},
		    {0x1010, only(EO_CFA_NONE)});
}

Test(frame_table, states_are_remembered_to_a_limit)
{
	unsigned char program[2000];

	memset(program, REMEMBER, sizeof(program));
	cr_assert_eq(rule_of(program, 32).cfa_kind, EO_CFA_SP);
	cr_assert_eq(rule_of(program, 33).cfa_kind, EO_CFA_UNSUPPORTED);
	cr_assert_eq(rule_of(program, sizeof(program)).cfa_kind, EO_CFA_UNSUPPORTED);
	memset(program + 32, RECALL, 32);
	cr_assert_eq(rule_of(program, 64).cfa_kind, EO_CFA_SP);
	program[64] = RECALL;
	cr_assert_eq(rule_of(program, 65).cfa_kind, EO_CFA_UNSUPPORTED);
}

Test(frame_table, all_advances_move_the_pc)
{
	BUFFER(buffer);

	raw_cie(&buffer, BYTES(1, 0, 2, 0x78, RIP, DEF, RSP, 8, OFFSET + RIP, 1)); /* factor 2 */
	fde(&buffer, 0x1000, 0x1000000,
	    BYTES(DEF_OFFSET, 1, ADVANCE + 1, DEF_OFFSET, 2, ADVANCE1, 0xff, DEF_OFFSET, 3, ADVANCE2,
		  0, 1, DEF_OFFSET, 4, ADVANCE4, 0, 0, 1, 0, DEF_OFFSET, 5, ADVANCE8, 0, 0, 2, 0, 0,
		  0, 0, 0, DEF_OFFSET, 6, SET_LOC, 0, 0, 0x80, 0, 0, 0, 0, 0, DEF_OFFSET, 7));
	ASSERT_ROWS(parse(&buffer), {0x1000, sp(1)}, {0x1002, sp(2)}, {0x1200, sp(3)},
		    {0x1400, sp(4)}, {0x21400, sp(5)}, {0x61400, sp(6)}, {0x800000, sp(7)},
		    {0x1001000, only(EO_CFA_NONE)});
}

/* From the damage to the end of the function nothing is known; its neighbours are. */
Test(frame_table, damaged_programs_are_unsupported_from_there_on)
{
	static const struct {
		const char *name;
		unsigned char program[16];
		size_t size;
	} cases[] = {
		{"unknown instruction", {0x3f}, 1},
		{"no such advance", {0x17}, 1},
		{"recall of nothing", {RECALL}, 1},
		{"step back", {SET_LOC, 0xff, 0x0f, 0, 0, 0, 0, 0, 0}, 9},
		{"over the top", {ADVANCE8, 0, 0xf0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 9},
		{"operand cut off", {DEF_OFFSET}, 1},
		{"operand never ends", {DEF_OFFSET, 0x80, 0x80}, 3},
		{"address cut off", {SET_LOC, 0, 0, 0}, 4},
		{"factored offset too large",
		 {OFFSET + RBP, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, 10},
		{"unsigned offset too large",
		 {OFFSET + 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1}, 11},
		{"block too long", {EXPR, 3, 0xff, 0xff, 0xff, 0xff, 0x0f, 0}, 8},
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(cases); i++) {
		unsigned char program[32] = {ADVANCE + 4, DEF_OFFSET, 16, ADVANCE + 4};
		BUFFER(buffer);

		memcpy(program + 4, cases[i].program, cases[i].size);
		cie(&buffer);
		fde(&buffer, 0xff0, 0x10, BYTES(0));
		fde(&buffer, 0x1000, 0x10, program, 4 + cases[i].size);
		fde(&buffer, 0x1010, 0x10, BYTES(0));

		struct eo_frame_table table = parse(&buffer);

		cr_assert_eq(table.unsupported, 1u, "%s", cases[i].name);
		ASSERT_ROWS(table, {0xff0, sp(8)}, {0x1004, sp(16)},
			    {0x1008, only(EO_CFA_UNSUPPORTED)}, {0x1010, sp(8)},
			    {0x1020, only(EO_CFA_NONE)});
	}
}

Test(frame_table, alignment_factors_at_their_limits_do_not_overflow)
{
	struct eo_unwind_rule rule;

	/* the smallest 64-bit number, whose negative does not exist */
	rule = rule_with_cie(BYTES(1, 0, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80,
				   0x7f, RIP, DEF, RSP, 8),
			     BYTES(NEGATIVE_EXT, 3, 1));
	cr_assert_eq(rule.cfa_kind, EO_CFA_UNSUPPORTED);
	/* code alignment of all ones */
	rule = rule_with_cie(BYTES(1, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1,
				   0x78, RIP, DEF, RSP, 8, OFFSET + RIP, 1),
			     BYTES(ADVANCE + 2));
	cr_assert_eq(rule.cfa_kind, EO_CFA_UNSUPPORTED);
	/* and of none: the pc stays */
	rule = rule_with_cie(BYTES(1, 0, 0, 0x78, RIP, DEF, RSP, 8, OFFSET + RIP, 1),
			     BYTES(ADVANCE + 2, DEF_OFFSET, 16));
	cr_assert_eq(rule.cfa_offset, 16);
}

/* An FDE whose CIE is known but not what it says. */
Test(frame_table, damaged_programs_of_cies_are_unsupported)
{
	static const struct {
		const char *name;
		unsigned char rest[16];
		size_t size;
	} cases[] = {
		{"advance", {1, 0, 1, 0x78, RIP, DEF, RSP, 8, OFFSET + RIP, 1, ADVANCE + 1}, 11},
		{"restore", {1, 0, 1, 0x78, RIP, DEF, RSP, 8, OFFSET + RIP, 1, RESTORE + 6}, 11},
		{"remember", {1, 0, 1, 0x78, RIP, DEF, RSP, 8, OFFSET + RIP, 1, REMEMBER}, 11},
		{"unknown", {1, 0, 1, 0x78, RIP, DEF, RSP, 8, OFFSET + RIP, 1, 0x3f}, 11},
		{"another return register", {1, 0, 1, 0x78, 15, DEF, RSP, 8, OFFSET + RIP, 1}, 10},
		{"no return address", {1, 0, 1, 0x78, RIP, DEF, RSP, 8}, 8},
		{"no CFA", {1, 0, 1, 0x78, RIP, OFFSET + RIP, 1}, 7},
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(cases); i++)
		cr_assert_eq(rule_with_cie(cases[i].rest, cases[i].size, BYTES(0)).cfa_kind,
			     EO_CFA_UNSUPPORTED, "%s", cases[i].name);
}

struct cie_case {
	const char *name;
	unsigned char rest[32];
	size_t size;
	unsigned char fde[32]; /* from the address on */
	size_t fde_size;
};

/* 0x1000 .. 0x1010, absolute */
#define PLAIN_FDE {0, 0x10, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0}, 16
#define EMPTY_DATA_FDE {0, 0x10, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0}, 17

Test(frame_table, versions_and_augmentations_are_understood)
{
	static const struct cie_case cases[] = {
		{"version 1", {1, 0, 1, 0x78, RIP, DEF, RSP, 8, OFFSET + RIP, 1}, 10, PLAIN_FDE},
		{"version 3", {3, 0, 1, 0x78, 0x90, 0, DEF, RSP, 8, OFFSET + RIP, 1}, 11, PLAIN_FDE},
		{"version 4", {4, 0, 8, 0, 1, 0x78, RIP, DEF, RSP, 8, OFFSET + RIP, 1}, 12,
		 PLAIN_FDE},
		{"gcc 2", {1, 'e', 'h', 0, 1, 2, 3, 4, 5, 6, 7, 8, 1, 0x78, RIP, DEF, RSP, 8,
			   OFFSET + RIP, 1}, 20, PLAIN_FDE},
		{"z alone", {1, 'z', 0, 1, 0x78, RIP, 0, DEF, RSP, 8, OFFSET + RIP, 1}, 12,
		 EMPTY_DATA_FDE},
		{"zR", {1, 'z', 'R', 0, 1, 0x78, RIP, 1, 0, DEF, RSP, 8, OFFSET + RIP, 1}, 14,
		 EMPTY_DATA_FDE},
		{"zPLR",
		 {1, 'z', 'P', 'L', 'R', 0, 1, 0x78, RIP, 7, 0x9b, 1, 2, 3, 4, 0x1b, 0, DEF, RSP, 8,
		  OFFSET + RIP, 1}, 22, EMPTY_DATA_FDE},
		{"zRB", {1, 'z', 'R', 'B', 0, 1, 0x78, RIP, 1, 0, DEF, RSP, 8, OFFSET + RIP, 1}, 15,
		 EMPTY_DATA_FDE},
		{"no personality",
		 {1, 'z', 'P', 'R', 0, 1, 0x78, RIP, 2, 0xff, 0, DEF, RSP, 8, OFFSET + RIP, 1}, 16,
		 EMPTY_DATA_FDE},
		{"data that nobody reads",
		 {1, 'z', 'R', 0, 1, 0x78, RIP, 3, 0, 9, 9, DEF, RSP, 8, OFFSET + RIP, 1}, 16,
		 EMPTY_DATA_FDE},
		{"data of the FDE",
		 {1, 'z', 'L', 0, 1, 0x78, RIP, 1, 0, DEF, RSP, 8, OFFSET + RIP, 1}, 14,
		 {0, 0x10, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 4, 0x3f, 0x3f, 0x3f, 0x3f},
		 21},
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(cases); i++) {
		struct eo_frame_table table;
		struct eo_error err = {0};
		BUFFER(buffer);

		raw_cie(&buffer, cases[i].rest, cases[i].size);
		raw_fde(&buffer, cases[i].fde, cases[i].fde_size);
		cr_assert_eq(parse_bytes(buffer.bytes, buffer.size, false, 0, &table, &err), 0,
			     "%s: %s", cases[i].name, err.text);
		ASSERT_ROWS(table, {0x1000, sp(8)}, {0x1010, only(EO_CFA_NONE)});
	}
}

Test(frame_table, what_cannot_be_understood_is_refused_by_name)
{
	static const struct {
		struct cie_case cie;
		const char *reason;
	} cases[] = {
		{{"version 2", {2, 0, 1, 0x78, RIP}, 5, PLAIN_FDE}, "its version is not known"},
		{{"version 5", {5, 0, 8, 0, 1, 0x78, RIP}, 7, PLAIN_FDE},
		 "its version is not known"},
		{{"32 bits", {4, 0, 4, 0, 1, 0x7c, 8}, 7, PLAIN_FDE},
		 "its addresses are not 64 bits"},
		{{"segments", {4, 0, 8, 2, 1, 0x78, RIP}, 7, PLAIN_FDE},
		 "its addresses are not 64 bits"},
		{{"armcc", {1, 'a', 'r', 'm', 'c', 'c', '+', 0, 1, 0x78, RIP}, 11, PLAIN_FDE},
		 "its augmentation is not known"},
		{{"unknown letter", {1, 'z', 'Q', 'R', 0, 1, 0x78, RIP, 2, 0, 0}, 11,
		  EMPTY_DATA_FDE},
		 "its augmentation is not known"},
		{{"too little data", {1, 'z', 'P', 'R', 0, 1, 0x78, RIP, 2, 3, 0, 0, 0, 0}, 14,
		  EMPTY_DATA_FDE},
		 "its augmentation is too short"},
		{{"odd personality", {1, 'z', 'P', 'R', 0, 1, 0x78, RIP, 2, 7, 0}, 11,
		  EMPTY_DATA_FDE},
		 "its augmentation is too short"},
		{{"text without end", {1, 'z', 'R'}, 3, EMPTY_DATA_FDE}, "it is cut off"},
		{{"no alignment", {1, 0, 1}, 3, PLAIN_FDE}, "it is cut off"},
		{{"empty", {0}, 0, PLAIN_FDE}, "it is cut off"},
		{{"indirect", {1, 'z', 'R', 0, 1, 0x78, RIP, 1, 0x80}, 9, EMPTY_DATA_FDE},
		 "its encoding of addresses cannot be resolved"},
		{{"omitted", {1, 'z', 'R', 0, 1, 0x78, RIP, 1, 0xff}, 9, EMPTY_DATA_FDE},
		 "its encoding of addresses cannot be resolved"},
		{{"of a function", {1, 'z', 'R', 0, 1, 0x78, RIP, 1, 0x40}, 9, EMPTY_DATA_FDE},
		 "its encoding of addresses cannot be resolved"},
		{{"text not known", {1, 'z', 'R', 0, 1, 0x78, RIP, 1, 0x20}, 9, EMPTY_DATA_FDE},
		 "its encoding of addresses cannot be resolved"},
		{{"data not known", {1, 'z', 'R', 0, 1, 0x78, RIP, 1, 0x30}, 9, EMPTY_DATA_FDE},
		 "its encoding of addresses cannot be resolved"},
		{{"aligned, of 4 bytes", {1, 'z', 'R', 0, 1, 0x78, RIP, 1, 0x53}, 9,
		  EMPTY_DATA_FDE},
		 "its encoding of addresses cannot be resolved"},
		{{"no such base", {1, 'z', 'R', 0, 1, 0x78, RIP, 1, 0x60}, 9, EMPTY_DATA_FDE},
		 "its encoding of addresses cannot be resolved"},
		{{"no such format", {1, 'z', 'R', 0, 1, 0x78, RIP, 1, 0x05}, 9, EMPTY_DATA_FDE},
		 "its encoding of addresses cannot be resolved"},
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(cases); i++) {
		struct eo_frame_table table;
		struct eo_error err = {0};
		BUFFER(buffer);

		raw_cie(&buffer, cases[i].cie.rest, cases[i].cie.size);
		raw_fde(&buffer, cases[i].cie.fde, cases[i].cie.fde_size);
		cr_assert_eq(parse_bytes(buffer.bytes, buffer.size, false, 0, &table, &err),
			     -ENOEXEC, "%s", cases[i].cie.name);
		cr_assert_eq(err.code, ENOEXEC);
		cr_assert(strstr(err.text, cases[i].reason), "%s: %s", cases[i].cie.name, err.text);
		cr_assert(strstr(err.text, ".eh_frame, entry at 0x0:"), "%s", err.text);

		/* beside an FDE that can be read it is no error */
		cie(&buffer);
		fde(&buffer, 0x1000, 0x10, BYTES(0));
		ASSERT_ROWS(parse(&buffer), {0x1000, sp(8)}, {0x1010, only(EO_CFA_NONE)});
	}
}

/* The FDE's pointer lies 4 + 4 bytes behind its start; the section at SECTION_VADDR, the text at
 * 0x300000, the data at 0x400000. */
Test(frame_table, pointers_are_read_in_all_encodings)
{
	static const struct {
		const char *name;
		uint8_t encoding;
		unsigned char pointers[24];
		size_t size;
		uint64_t base; /* UINT64_MAX: of the pointer itself */
		uint64_t value;
	} cases[] = {
		{"absptr", 0x00, {1, 2, 3, 0, 0, 0, 0, 0, 0x10}, 16, 0, 0x30201},
		{"uleb128", 0x01, {0x81, 0x82, 3, 0x10}, 4, 0, 0xc101},
		{"udata2", 0x02, {1, 0xf2, 0x10, 0}, 4, 0, 0xf201},
		{"udata4", 0x03, {1, 2, 3, 0xf4, 0x10, 0, 0, 0}, 8, 0, 0xf4030201},
		{"udata8", 0x04, {1, 2, 3, 4, 5, 0, 0, 0, 0x10}, 16, 0, 0x504030201},
		{"signed", 0x08, {1, 2, 3, 0, 0, 0, 0, 0, 0x10}, 16, 0, 0x30201},
		{"sleb128", 0x09, {0x81, 0x82, 3, 0x10}, 4, 0, 0xc101},
		{"sdata2, pcrel", 0x1a, {0, 0xf0, 0x10, 0}, 4, UINT64_MAX, -0x1000ull},
		{"sdata4, pcrel", 0x1b, {0, 0, 0xff, 0xff, 0x10, 0, 0, 0}, 8, UINT64_MAX,
		 -0x10000ull},
		{"sdata8, pcrel", 0x1c, {0, 0, 1, 0, 0, 0, 0, 0, 0x10}, 16, UINT64_MAX, 0x10000},
		{"sleb128, pcrel", 0x19, {0x80, 0x7f, 0x10}, 3, UINT64_MAX, -0x80ull},
		{"sdata4, textrel", 0x2b, {0, 0, 0xff, 0xff, 0x10, 0, 0, 0}, 8, 0x300000,
		 -0x10000ull},
		{"sdata4, datarel", 0x3b, {0, 0, 0xff, 0xff, 0x10, 0, 0, 0}, 8, 0x400000,
		 -0x10000ull},
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(cases); i++) {
		struct eo_frame_table table;
		struct eo_frame_section section = {.vaddr = SECTION_VADDR, .text_vaddr = 0x300000,
						   .data_vaddr = 0x400000};
		unsigned char with_data[32];
		uint64_t start;
		BUFFER(buffer);

		raw_cie(&buffer, BYTES(1, 'z', 'R', 0, 1, 0x78, RIP, 1, cases[i].encoding, DEF, RSP,
				       8, OFFSET + RIP, 1));
		start = cases[i].value + (cases[i].base == UINT64_MAX ?
						  SECTION_VADDR + buffer.size + 8 :
						  cases[i].base);
		memcpy(with_data, cases[i].pointers, sizeof(cases[i].pointers));
		with_data[cases[i].size] = 0;
		raw_fde(&buffer, with_data, cases[i].size + 1);
		section.bytes = buffer.bytes;
		section.size = buffer.size;
		cr_assert_eq(eo_frame_table_parse(&section, 0, &table, NULL), 0, "%s",
			     cases[i].name);
		cr_assert_eq(table.count, 2u, "%s", cases[i].name);
		cr_assert_eq(table.rows[0].pc, start, "%s: 0x%lx, not 0x%lx", cases[i].name,
			     table.rows[0].pc, start);
		cr_assert_eq(table.rows[1].pc, start + 0x10, "%s", cases[i].name);
		eo_frame_table_fini(&table);
	}
}

Test(frame_table, aligned_pointers_are_where_the_address_is_a_multiple_of_8)
{
	for (size_t padding = 0; padding < 8; padding++) {
		struct eo_frame_table table;
		BUFFER(buffer);

		raw_cie(&buffer, BYTES(1, 'z', 'R', 0, 1, 0x78, RIP, 1, 0x50, DEF, RSP, 8,
				       OFFSET + RIP, 1));

		size_t pointer = buffer.size + 8, aligned;
		struct eo_frame_section section = {.vaddr = SECTION_VADDR + padding};
		unsigned char bytes[32] = {0};

		aligned = (section.vaddr + pointer + 7) / 8 * 8 - section.vaddr - pointer;
		bytes[aligned + 1] = 0x10;
		bytes[aligned + 8] = 0x20; /* the size's format is the same, without the padding */
		raw_fde(&buffer, bytes, aligned + 17);
		section.bytes = buffer.bytes;
		section.size = buffer.size;
		cr_assert_eq(eo_frame_table_parse(&section, 0, &table, NULL), 0);
		ASSERT_ROWS(table, {0x1000, sp(8)}, {0x1020, only(EO_CFA_NONE)});
	}
}

Test(frame_table, both_sections_come_in_32_and_64_bits)
{
	for (int i = 0; i < 4; i++) {
		BUFFER(buffer);

		buffer.is_debug_frame = i & 1;
		buffer.is_64 = i & 2;
		number(&buffer, 0, 4); /* padding, which is skipped */
		cie(&buffer);
		fde(&buffer, 0x1000, 0x10, BYTES(0));
		cie(&buffer);
		fde(&buffer, 0x1010, 0x10, BYTES(DEF_OFFSET, 16));
		number(&buffer, 0, 4);
		fde(&buffer, 0x1020, 0x10, BYTES(DEF_OFFSET, 24));
		ASSERT_ROWS(parse(&buffer), {0x1000, sp(8)}, {0x1010, sp(16)}, {0x1020, sp(24)},
			    {0x1030, only(EO_CFA_NONE)});
	}
}

Test(frame_table, debug_frame_serves_what_eh_frame_leaves_out)
{
	struct eo_frame_section one = {.vaddr = SECTION_VADDR}, other = {.is_debug_frame = true};
	struct eo_frame_table table;
	struct eo_error err = {0};
	BUFFER(eh_frame);
	BUFFER(debug_frame);

	cie(&eh_frame);
	fde(&eh_frame, 0x1000, 0x10, BYTES(DEF_OFFSET, 16));
	debug_frame.is_debug_frame = true;
	cie(&debug_frame);
	fde(&debug_frame, 0x2000, 0x10, BYTES(DEF_OFFSET, 32));
	fde(&debug_frame, 0x1000, 0x10, BYTES(DEF_OFFSET, 24));

	one.bytes = eh_frame.bytes;
	one.size = eh_frame.size;
	one.next = &other;
	other.bytes = debug_frame.bytes;
	other.size = debug_frame.size;
	cr_assert_eq(eo_frame_table_parse(&one, 0, &table, NULL), 0);
	ASSERT_ROWS(table, {0x1000, sp(16)}, {0x1010, only(EO_CFA_NONE)}, {0x2000, sp(32)},
		    {0x2010, only(EO_CFA_NONE)});

	/* where the first is damaged the other one still serves, and is named where it is too */
	memset(eh_frame.bytes, 0xfe, 4);
	cr_assert_eq(eo_frame_table_parse(&one, 0, &table, NULL), 0);
	ASSERT_ROWS(table, {0x1000, sp(24)}, {0x1010, only(EO_CFA_NONE)}, {0x2000, sp(32)},
		    {0x2010, only(EO_CFA_NONE)});
	memset(debug_frame.bytes, 0xfe, 4);
	one.size = 0;
	cr_assert_eq(eo_frame_table_parse(&one, 0, &table, &err), -ENOEXEC);
	cr_assert(strstr(err.text, ".debug_frame, entry at 0x0:"), "%s", err.text);
}

Test(frame_table, functions_that_the_linker_dropped_are_left_out)
{
	BUFFER(buffer);

	cie(&buffer);
	fde(&buffer, 0, 0x4000, BYTES(0));
	fde(&buffer, UINT64_MAX, 0x10, BYTES(0));
	fde(&buffer, UINT64_MAX - 1, 0x10, BYTES(0));
	fde(&buffer, 0x2000, 0, BYTES(0));
	fde(&buffer, 0x1000, 0x10, BYTES(DEF_OFFSET, 16));

	struct eo_frame_table table = parse(&buffer);

	cr_assert_eq(table.fdes, 1u);
	ASSERT_ROWS(table, {0x1000, sp(16)}, {0x1010, only(EO_CFA_NONE)});
}

Test(frame_table, nothing_in_is_nothing_out)
{
	BUFFER(buffer);
	struct eo_frame_table table = parse(&buffer);

	cr_assert_eq(table.count, 0u);
	eo_frame_table_fini(&table);
	number(&buffer, 0, 4);
	table = parse(&buffer);
	cr_assert_eq(table.count, 0u);
	eo_frame_table_fini(&table);
	ASSERT_ROWS(parse_with_entry(&buffer, 0x1000), {0x1000, only(EO_CFA_END)},
		    {0x1040, only(EO_CFA_NONE)});
}

/* Two functions, of which the second has a CIE of its own; then what is to be damaged. */
static size_t two_functions(struct buffer *buffer)
{
	cie(buffer);
	fde(buffer, 0x1000, 0x10, BYTES(DEF_OFFSET, 16));
	raw_cie(buffer,
		BYTES(1, 'z', 'R', 0, 1, 0x78, RIP, 1, 0, DEF, RSP, 8, OFFSET + RIP, 1, 0, 0));
	fde(buffer, 0x1010, 0x10, BYTES(0, DEF_OFFSET, 24));
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
		add(&buffer, cases[i].bytes, cases[i].size);
		table = parse(&buffer);
		cr_assert_eq(table.fdes, 2u, "%s", cases[i].name);
		ASSERT_ROWS(table, {0x1000, sp(16)}, {0x1010, sp(24)}, {0x1020, only(EO_CFA_NONE)});

		cr_assert_eq(parse_bytes(cases[i].bytes, cases[i].size, false, 0x1000, &table, &err),
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
		fde(&buffer, 0x1020, 0x10, BYTES(0));
		fde(&buffer, 0x1030, 0x10, BYTES(0));

		/* itself, the next FDE, inside the CIE, before the section, behind it, far away */
		const size_t targets[] = {last, last + 24, 2, -4ul, buffer.size, 0x40000000};

		for (size_t i = 0; i < EO_ARRAY_SIZE(targets); i++) {
			uint64_t id = is_debug_frame ? targets[i] : last + 4 - targets[i];
			struct eo_frame_table table;

			memcpy(buffer.bytes + last + 4, &id, 4);
			table = parse(&buffer);
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
		cie(&buffer);
		fde(&buffer, 0x1000, 0x10, BYTES(DEF_OFFSET, 16));

		size_t first = buffer.size, second = two_functions(&buffer);

		for (size_t cut = 0; cut < second; cut++) {
			struct eo_frame_table table;
			int r = parse_bytes(buffer.bytes, cut, buffer.is_debug_frame, 0, &table, NULL);

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
	raw_cie(&buffer, BYTES(1, 'z', 'P', 'L', 'R', 'S', 0, 1, 0x78, RIP, 7, 0x9b, 1, 2, 3, 4,
			       0x1b, 0x1b, DEF, RSP, 8, OFFSET + RIP, 1));
	raw_fde(&buffer, BYTES(0, 1, 0, 0, 0x40, 0, 0, 0, 4, 0, 0, 0, 0, ADVANCE + 1, DEF_OFFSET, 16,
			       OFFSET + RBP, 2, REMEMBER, ADVANCE1, 5, DEF_EXPR, 3, BREG_RBP, 0x78,
			       DEREF, EXPR, RBP, 2, BREG_RBP, 0, ADVANCE2, 9, 0, RECALL));
	fde(&buffer, 0x3000, 0x40, BYTES(0, DEF_EXPR, 11, BREG_RSP, 8, BREG_RIP, 0, LIT0 + 15, AND,
					 LIT0 + 11, GE, LIT0 + 3, SHL, PLUS));

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
	static const uint64_t values[] = {0, 1, 0x7f, 0x80, 0xff, 0x7fffffff, 0x80000000, 0xffffffef,
					  0xfffffff0, 0xfffffffe, 0xffffffff};
	BUFFER(buffer);

	cie(&buffer);
	fde(&buffer, 0x1000, 0x10, BYTES(DEF_EXPR, 3, BREG_RBP, 0x78, DEREF));

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
	raw_cie(&buffer, rest, nops);
	for (size_t i = functions; i; i--) /* and the order is the worst one */
		fde(&buffer, 0x1000 + i * 16, 16, BYTES(DEF_OFFSET, i % 2 * 8));

	section.bytes = buffer.bytes;
	section.size = buffer.size;
	cr_assert_eq(eo_frame_table_parse(&section, 0, &table, NULL), 0);
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
		raw_cie(&buffer, BYTES(1, 0, 1, 0x78, RIP, DEF, RSP, i & 0x7f, OFFSET + RIP, 1));
	}
	for (size_t i = 0; i < CIES; i++) {
		buffer.cie = cies[i * 7 % CIES];
		fde(&buffer, 0x1000 + i * 16, 16, BYTES(0));
	}
	table = parse(&buffer);
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
	cie(&buffer);
	fde(&buffer, 0x1000, rows - 1, program, (rows - 1) * 3);
	section.bytes = buffer.bytes;
	section.size = buffer.size;
	cr_assert_eq(eo_frame_table_parse(&section, 0, &table, &err), 0); /* and the gap's row */
	cr_assert_eq(table.count, rows);
	eo_frame_table_fini(&table);

	fde(&buffer, 0x10000000, 8, BYTES(0));
	section.bytes = buffer.bytes;
	section.size = buffer.size;
	cr_assert_eq(eo_frame_table_parse(&section, 0, &table, &err), -E2BIG);
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
