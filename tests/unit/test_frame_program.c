/* SPDX-License-Identifier: BSD-2-Clause */
/* From programs and expressions to rules. */
#include "unwind/frame_program.h"

#include <criterion/criterion.h>
#include <string.h>

#include "core/auto.h"
#include "frame_sections.h"

/* The rule at 0x1000 when this is the program of the function there. */
static struct eo_unwind_rule rule_of(const unsigned char *program, size_t size)
{
	BUFFER(buffer);

	add_cie(&buffer);
	add_fde(&buffer, 0x1000, 0x100, program, size);

	struct eo_frame_table table = parse_section(&buffer);
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

Test(frame_program, plt_expressions_are_told_by_their_meaning)
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

Test(frame_program, cfa_expressions_are_told_by_their_meaning)
{
	const struct rule_case cases[] = {
		{"realigned",
		 BYTES(DEF_EXPR, 3, BREG_RBP, 0x78, DEREF),
		 {.cfa_kind = EO_CFA_DEREF_FP, .cfa_offset = -8}},
		{"on the stack",
		 BYTES(DEF_EXPR, 5, BREG_RSP, 24, DEREF, PLUS_U, 8),
		 {.cfa_kind = EO_CFA_DEREF_SP, .cfa_offset = 24, .cfa_add = 8}},
		{"in pieces",
		 BYTES(DEF_EXPR, 11, BREG_RSP, 0, LIT0 + 24, PLUS, DEREF, LIT0 + 31, PLUS,
		       LIT0 + 23, MINUS, CONST1U, 0),
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
		{"too much to add", BYTES(DEF_EXPR, 7, BREG_RSP, 8, DEREF, PLUS_U, 0x80, 0x80, 2),
		 only(EO_CFA_UNSUPPORTED)},
	};

	assert_rules(cases, EO_ARRAY_SIZE(cases));
}

Test(frame_program, cfa_is_rsp_or_rbp_and_an_offset_that_fits)
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

Test(frame_program, rbp_is_unchanged_or_on_the_stack)
{
	const struct rule_case cases[] = {
		{"offset", BYTES(OFFSET + RBP, 2), with_fp(EO_CFA_SP, 8, EO_FP_AT_CFA, -16)},
		{"extended", BYTES(OFFSET_EXT, RBP, 2), with_fp(EO_CFA_SP, 8, EO_FP_AT_CFA, -16)},
		{"signed", BYTES(OFFSET_EXT_SF, RBP, 0x7e),
		 with_fp(EO_CFA_SP, 8, EO_FP_AT_CFA, 16)},
		{"negative", BYTES(NEGATIVE_EXT, RBP, 2), with_fp(EO_CFA_SP, 8, EO_FP_AT_CFA, 16)},
		{"farthest", BYTES(OFFSET + RBP, 0x80, 0x20),
		 with_fp(EO_CFA_SP, 8, EO_FP_AT_CFA, INT16_MIN)},
		{"too far", BYTES(OFFSET + RBP, 0x81, 0x20), only(EO_CFA_UNSUPPORTED)},
		{"on rbp", BYTES(EXPR, RBP, 2, BREG_RBP, 0x70),
		 with_fp(EO_CFA_SP, 8, EO_FP_AT_FP, -16)},
		{"too far on rbp", BYTES(EXPR, RBP, 4, BREG_RBP, 0x80, 0x80, 2),
		 only(EO_CFA_UNSUPPORTED)},
		{"on the CFA", BYTES(EXPR, RBP, 2, LIT0 + 16, MINUS),
		 with_fp(EO_CFA_SP, 8, EO_FP_AT_CFA, -16)},
		{"on rsp", BYTES(EXPR, RBP, 2, BREG_RSP, 8), only(EO_CFA_UNSUPPORTED)},
		{"on r10", BYTES(EXPR, RBP, 2, BREG_R10, 8), only(EO_CFA_UNSUPPORTED)},
		{"a value", BYTES(VAL_OFFSET, RBP, 2), only(EO_CFA_UNSUPPORTED)},
		{"a signed value", BYTES(VAL_OFFSET_SF, RBP, 2), only(EO_CFA_UNSUPPORTED)},
		{"a computed value", BYTES(VAL_EXPR, RBP, 2, BREG_RBP, 8),
		 only(EO_CFA_UNSUPPORTED)},
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

Test(frame_program, the_return_address_is_below_the_cfa_or_the_stack_ends)
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

	add_raw_cie(&buffer, rest, rest_size);
	add_fde(&buffer, 0x1000, 0x100, program, size);

	struct eo_frame_table table = parse_section(&buffer);
	struct eo_unwind_rule rule = *eo_frame_table_find(&table, 0x1000);

	eo_frame_table_fini(&table);
	return rule;
}

/* The program of __restore_rt: rsp and rip lie in the ucontext that the kernel pushed. */
#define RESTORE_RT(rsp_low, rip_low)                                                         \
	BYTES(0, DEF_EXPR, 4, BREG_RSP, rsp_low, 1, DEREF, EXPR, RBP, 3, BREG_RSP, 0xf8, 0,  \
	      EXPR, RSP, 3, BREG_RSP, rsp_low, 1, EXPR, RIP, 3, BREG_RSP, rip_low, 1)

Test(frame_program, signal_frames_are_those_of_the_kernel)
{
	struct eo_unwind_rule rule;

	rule = rule_with_cie(BYTES(1, 'z', 'R', 'S', 0, 1, 0x78, RIP, 1, 0),
			     RESTORE_RT(0xa0, 0xa8));
	cr_assert_eq(rule.cfa_kind, EO_CFA_SIGNAL);
	cr_assert_eq(rule.cfa_offset, 0);
	cr_assert_eq(rule.fp_kind, EO_FP_SAME);
	rule = rule_with_cie(BYTES(1, 'z', 'S', 'R', 0, 1, 0x78, RIP, 1, 0),
			     RESTORE_RT(0xa0, 0xa8));
	cr_assert_eq(rule.cfa_kind, EO_CFA_SIGNAL);
	rule = rule_with_cie(BYTES(1, 'z', 'R', 0, 1, 0x78, RIP, 1, 0), RESTORE_RT(0xa0, 0xa8));
	cr_assert_eq(rule.cfa_kind, EO_CFA_UNSUPPORTED, "not marked as one");
	rule = rule_with_cie(BYTES(1, 'z', 'R', 'S', 0, 1, 0x78, RIP, 1, 0),
			     RESTORE_RT(0xb0, 0xa8));
	cr_assert_eq(rule.cfa_kind, EO_CFA_UNSUPPORTED, "rsp elsewhere");
	rule = rule_with_cie(BYTES(1, 'z', 'R', 'S', 0, 1, 0x78, RIP, 1, 0),
			     RESTORE_RT(0xa0, 0xb0));
	cr_assert_eq(rule.cfa_kind, EO_CFA_UNSUPPORTED, "rip elsewhere");
	rule = rule_with_cie(BYTES(1, 'z', 'R', 'S', 0, 1, 0x78, RIP, 1, 0),
			     BYTES(0, DEF, RSP, 8, OFFSET + RIP, 1));
	cr_assert_eq(rule.cfa_kind, EO_CFA_SP, "marked, but an ordinary frame");
}

Test(frame_program, states_are_remembered_and_recalled)
{
	BUFFER(buffer);

	add_cie(&buffer);
	add_fde(&buffer, 0x1000, 0x10,
	    BYTES(DEF_OFFSET, 16, REMEMBER, ADVANCE + 1, DEF, RBP, 32, OFFSET + RBP, 2, REMEMBER,
		  ADVANCE + 1, DEF_OFFSET, 8, ADVANCE + 1, RECALL, ADVANCE + 1, RECALL));
	ASSERT_ROWS(parse_section(&buffer), {0x1000, sp(16)},
		    {0x1001, with_fp(EO_CFA_FP, 32, EO_FP_AT_CFA, -16)},
		    {0x1002, with_fp(EO_CFA_FP, 8, EO_FP_AT_CFA, -16)},
		    {0x1003, with_fp(EO_CFA_FP, 32, EO_FP_AT_CFA, -16)}, {0x1004, sp(16)},
		    {0x1010, only(EO_CFA_NONE)});
}

Test(frame_program, states_are_remembered_to_a_limit)
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

Test(frame_program, all_advances_move_the_pc)
{
	BUFFER(buffer);

	add_raw_cie(&buffer,
		    BYTES(1, 0, 2, 0x78, RIP, DEF, RSP, 8, OFFSET + RIP, 1)); /* factor 2 */
	add_fde(&buffer, 0x1000, 0x1000000,
		BYTES(DEF_OFFSET, 1, ADVANCE + 1, DEF_OFFSET, 2, ADVANCE1, 0xff, DEF_OFFSET, 3,
		      ADVANCE2, 0, 1, DEF_OFFSET, 4, ADVANCE4, 0, 0, 1, 0, DEF_OFFSET, 5, ADVANCE8,
		      0, 0, 2, 0, 0, 0, 0, 0, DEF_OFFSET, 6, SET_LOC, 0, 0, 0x80, 0, 0, 0, 0, 0,
		      DEF_OFFSET, 7));
	ASSERT_ROWS(parse_section(&buffer), {0x1000, sp(1)}, {0x1002, sp(2)}, {0x1200, sp(3)},
		    {0x1400, sp(4)}, {0x21400, sp(5)}, {0x61400, sp(6)}, {0x800000, sp(7)},
		    {0x1001000, only(EO_CFA_NONE)});
}

/* From the damage to the end of the function nothing is known; its neighbours are. */
Test(frame_program, damaged_programs_are_unsupported_from_there_on)
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
		add_cie(&buffer);
		add_fde(&buffer, 0xff0, 0x10, BYTES(0));
		add_fde(&buffer, 0x1000, 0x10, program, 4 + cases[i].size);
		add_fde(&buffer, 0x1010, 0x10, BYTES(0));

		struct eo_frame_table table = parse_section(&buffer);

		cr_assert_eq(table.unsupported, 1u, "%s", cases[i].name);
		ASSERT_ROWS(table, {0xff0, sp(8)}, {0x1004, sp(16)},
			    {0x1008, only(EO_CFA_UNSUPPORTED)}, {0x1010, sp(8)},
			    {0x1020, only(EO_CFA_NONE)});
	}
}

Test(frame_program, alignment_factors_at_their_limits_do_not_overflow)
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
Test(frame_program, damaged_programs_of_cies_are_unsupported)
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
