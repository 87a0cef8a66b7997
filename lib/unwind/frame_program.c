/* SPDX-License-Identifier: BSD-2-Clause */
/* An instruction is an opcode and up to two operands. The table says how these are written and
 * scaled, so that each kind is read, and checked for overflow, in one place; what the
 * instructions do is then short (DWARF 5, section 6.4.2). */
#include "unwind/frame_program.h"

#include <string.h>

#define REMEMBER_DEPTH 32u /* compilers use 1 */

/* Where the kernel puts rsp and rip in the ucontext that rsp points to in a signal frame
 * (arch/x86/include/uapi/asm/sigcontext.h). */
#define UCONTEXT_RSP 160
#define UCONTEXT_RIP 168

enum {
	CFA_NOP = 0x00,
	CFA_SET_LOC = 0x01,
	CFA_ADVANCE_LOC1 = 0x02,
	CFA_ADVANCE_LOC2 = 0x03,
	CFA_ADVANCE_LOC4 = 0x04,
	CFA_OFFSET_EXTENDED = 0x05,
	CFA_RESTORE_EXTENDED = 0x06,
	CFA_UNDEFINED = 0x07,
	CFA_SAME_VALUE = 0x08,
	CFA_REGISTER = 0x09,
	CFA_REMEMBER_STATE = 0x0a,
	CFA_RESTORE_STATE = 0x0b,
	CFA_DEF_CFA = 0x0c,
	CFA_DEF_CFA_REGISTER = 0x0d,
	CFA_DEF_CFA_OFFSET = 0x0e,
	CFA_DEF_CFA_EXPRESSION = 0x0f,
	CFA_EXPRESSION = 0x10,
	CFA_OFFSET_EXTENDED_SF = 0x11,
	CFA_DEF_CFA_SF = 0x12,
	CFA_DEF_CFA_OFFSET_SF = 0x13,
	CFA_VAL_OFFSET = 0x14,
	CFA_VAL_OFFSET_SF = 0x15,
	CFA_VAL_EXPRESSION = 0x16,
	CFA_ADVANCE_LOC8 = 0x1d, /* MIPS's, but understood everywhere */
	CFA_GNU_ARGS_SIZE = 0x2e,
	CFA_GNU_NEGATIVE_OFFSET_EXTENDED = 0x2f,
	/* The upper two bits; the lower six are the first operand. */
	CFA_ADVANCE_LOC = 0x40,
	CFA_OFFSET = 0x80,
	CFA_RESTORE = 0xc0,
};

enum operand {
	ABSENT,	 /* the second one; as the first one, the opcode is not known */
	NOTHING, /* the first one, of an opcode without operands */
	PLAIN,	 /* uleb: a register or a size */
	SCALED,	 /* uleb, times the data alignment */
	SCALED_SIGNED, /* sleb, times the data alignment */
	SCALED_NEGATIVE, /* uleb, times the negative of the data alignment */
	ADDRESS,
	DELTA_1, /* bytes, times the code alignment */
	DELTA_2,
	DELTA_4,
	DELTA_8,
	BLOCK, /* of an expression: uleb, then as many bytes */
};

static const uint8_t operands[CFA_ADVANCE_LOC][2] = {
	[CFA_NOP] = {NOTHING},
	[CFA_SET_LOC] = {ADDRESS},
	[CFA_ADVANCE_LOC1] = {DELTA_1},
	[CFA_ADVANCE_LOC2] = {DELTA_2},
	[CFA_ADVANCE_LOC4] = {DELTA_4},
	[CFA_OFFSET_EXTENDED] = {PLAIN, SCALED},
	[CFA_RESTORE_EXTENDED] = {PLAIN},
	[CFA_UNDEFINED] = {PLAIN},
	[CFA_SAME_VALUE] = {PLAIN},
	[CFA_REGISTER] = {PLAIN, PLAIN},
	[CFA_REMEMBER_STATE] = {NOTHING},
	[CFA_RESTORE_STATE] = {NOTHING},
	[CFA_DEF_CFA] = {PLAIN, PLAIN},
	[CFA_DEF_CFA_REGISTER] = {PLAIN},
	[CFA_DEF_CFA_OFFSET] = {PLAIN},
	[CFA_DEF_CFA_EXPRESSION] = {BLOCK},
	[CFA_EXPRESSION] = {PLAIN, BLOCK},
	[CFA_OFFSET_EXTENDED_SF] = {PLAIN, SCALED_SIGNED},
	[CFA_DEF_CFA_SF] = {PLAIN, SCALED_SIGNED},
	[CFA_DEF_CFA_OFFSET_SF] = {SCALED_SIGNED},
	[CFA_VAL_OFFSET] = {PLAIN, SCALED},
	[CFA_VAL_OFFSET_SF] = {PLAIN, SCALED_SIGNED},
	[CFA_VAL_EXPRESSION] = {PLAIN, BLOCK},
	[CFA_ADVANCE_LOC8] = {DELTA_8},
	[CFA_GNU_ARGS_SIZE] = {PLAIN},
	[CFA_GNU_NEGATIVE_OFFSET_EXTENDED] = {PLAIN, SCALED_NEGATIVE},
};

struct machine {
	const struct eo_frame_cie *cie;
	struct eo_frame_cursor program;
	struct eo_frame_state state;
	struct eo_frame_state *remembered; /* REMEMBER_DEPTH; NULL in the CIE's own program */
	unsigned int depth;
	uint64_t pc;   /* the row in the making begins here */
	uint64_t next; /* it ends here, once this differs from pc */
};

struct instruction {
	unsigned int opcode;
	uint64_t a, b;
	struct eo_frame_cursor block;
};

static bool scale(uint64_t factor, bool is_unsigned, int64_t alignment, uint64_t *ret)
{
	int64_t product;

	if (is_unsigned && factor > INT64_MAX)
		return false;
	if (__builtin_mul_overflow((int64_t)factor, alignment, &product))
		return false;
	*ret = (uint64_t)product;
	return true;
}

static bool read_operand(struct machine *machine, enum operand kind, uint64_t *ret,
			 struct eo_frame_cursor *block)
{
	const struct eo_frame_cie *cie = machine->cie;
	struct eo_frame_cursor *at = &machine->program;

	switch (kind) {
	case ABSENT:
	case NOTHING:
		return true;
	case PLAIN:
		*ret = eo_frame_uleb(at);
		return true;
	case SCALED:
		return scale(eo_frame_uleb(at), true, cie->data_alignment, ret);
	case SCALED_SIGNED:
		return scale((uint64_t)eo_frame_sleb(at), false, cie->data_alignment, ret);
	case SCALED_NEGATIVE:
		return cie->data_alignment != INT64_MIN &&
		       scale(eo_frame_uleb(at), true, -cie->data_alignment, ret);
	case ADDRESS:
		*ret = eo_frame_pointer(at, cie->encoding, cie->section);
		return true;
	case DELTA_1:
	case DELTA_2:
	case DELTA_4:
	case DELTA_8:
		return !__builtin_mul_overflow(eo_frame_unsigned(at, (size_t)1 << (kind - DELTA_1)),
					       cie->code_alignment, ret);
	case BLOCK:
		*block = eo_frame_slice(at, eo_frame_uleb(at));
		return true;
	}
	return false;
}

static bool read_instruction(struct machine *machine, struct instruction *ret)
{
	unsigned int byte = (unsigned int)eo_frame_unsigned(&machine->program, 1);
	bool ok = true;

	*ret = (struct instruction){.opcode = byte & 0xc0u, .a = byte & 0x3fu};
	switch (ret->opcode) {
	case CFA_ADVANCE_LOC:
		ok = !__builtin_mul_overflow(ret->a, machine->cie->code_alignment, &ret->a);
		break;
	case CFA_OFFSET:
		ok = read_operand(machine, SCALED, &ret->b, NULL);
		break;
	case CFA_RESTORE:
		break;
	default:
		ret->opcode = byte;
		ok = operands[byte][0] != ABSENT &&
		     read_operand(machine, operands[byte][0], &ret->a, &ret->block) &&
		     read_operand(machine, operands[byte][1], &ret->b, &ret->block);
	}
	return ok && !machine->program.failed;
}

/* The place of a register, or EO_FRAME_PLACE_COUNT when it is none that is followed. */
static unsigned int place_of(uint64_t reg)
{
	switch (reg) {
	case EO_FRAME_RBP:
		return EO_FRAME_PLACE_RBP;
	case EO_FRAME_RSP:
		return EO_FRAME_PLACE_RSP;
	case EO_FRAME_RIP:
		return EO_FRAME_PLACE_RIP;
	default:
		return EO_FRAME_PLACE_COUNT;
	}
}

static bool put(struct machine *machine, uint64_t reg, enum eo_frame_place_kind kind,
		struct eo_frame_value where)
{
	unsigned int i = place_of(reg);

	if (i < EO_FRAME_PLACE_COUNT)
		machine->state.places[i] = (struct eo_frame_place){.kind = kind, .where = where};
	return true;
}

static bool put_initial(struct machine *machine, uint64_t reg)
{
	unsigned int i = place_of(reg);

	if (!machine->remembered)
		return false;
	if (i < EO_FRAME_PLACE_COUNT)
		machine->state.places[i] = machine->cie->initial.places[i];
	return true;
}

static bool remember(struct machine *machine)
{
	if (!machine->remembered || machine->depth == REMEMBER_DEPTH)
		return false;
	machine->remembered[machine->depth++] = machine->state;
	return true;
}

static bool recall(struct machine *machine)
{
	if (machine->depth == 0)
		return false;
	machine->state = machine->remembered[--machine->depth];
	return true;
}

static bool define_cfa(struct machine *machine, uint64_t reg, uint64_t add)
{
	machine->state.cfa.kind = EO_FRAME_REGISTER;
	machine->state.cfa.reg = reg;
	machine->state.cfa.add = add;
	return true;
}

/* One of the two can be changed only where the CFA is a register and an offset. */
static bool change_cfa(struct machine *machine, uint64_t reg, uint64_t add)
{
	if (machine->state.cfa.kind == EO_FRAME_REGISTER)
		return define_cfa(machine, reg, add);
	machine->state.cfa.kind = EO_FRAME_OTHER;
	return true;
}

static bool evaluate_cfa(struct machine *machine, struct eo_frame_cursor expression)
{
	machine->state.cfa = eo_frame_evaluate(expression, false);
	return true;
}

static bool advance(struct machine *machine, uint64_t delta)
{
	return machine->remembered && !__builtin_add_overflow(machine->pc, delta, &machine->next);
}

static bool set_location(struct machine *machine, uint64_t pc)
{
	machine->next = pc;
	return machine->remembered && pc >= machine->pc;
}

/* Returns false for what makes no sense here. */
static bool execute(struct machine *machine, const struct instruction *in)
{
	const struct eo_frame_value none = {0}, on_cfa = {.kind = EO_FRAME_CFA, .add = in->b};
	const struct eo_frame_value *cfa = &machine->state.cfa;

	switch (in->opcode) {
	case CFA_NOP:
	case CFA_GNU_ARGS_SIZE:
		return true;
	case CFA_ADVANCE_LOC:
	case CFA_ADVANCE_LOC1:
	case CFA_ADVANCE_LOC2:
	case CFA_ADVANCE_LOC4:
	case CFA_ADVANCE_LOC8:
		return advance(machine, in->a);
	case CFA_SET_LOC:
		return set_location(machine, in->a);
	case CFA_OFFSET:
	case CFA_OFFSET_EXTENDED:
	case CFA_OFFSET_EXTENDED_SF:
	case CFA_GNU_NEGATIVE_OFFSET_EXTENDED:
		return put(machine, in->a, EO_FRAME_SAVED, on_cfa);
	case CFA_VAL_OFFSET:
	case CFA_VAL_OFFSET_SF:
		return put(machine, in->a, EO_FRAME_IS, on_cfa);
	case CFA_EXPRESSION:
		return put(machine, in->a, EO_FRAME_SAVED, eo_frame_evaluate(in->block, true));
	case CFA_VAL_EXPRESSION:
		return put(machine, in->a, EO_FRAME_IS, eo_frame_evaluate(in->block, true));
	case CFA_UNDEFINED:
		return put(machine, in->a, EO_FRAME_UNDEFINED, none);
	case CFA_SAME_VALUE:
		return put(machine, in->a, EO_FRAME_SAME, none);
	case CFA_REGISTER:
		return put(machine, in->a, EO_FRAME_ELSEWHERE, none);
	case CFA_RESTORE:
	case CFA_RESTORE_EXTENDED:
		return put_initial(machine, in->a);
	case CFA_REMEMBER_STATE:
		return remember(machine);
	case CFA_RESTORE_STATE:
		return recall(machine);
	case CFA_DEF_CFA:
	case CFA_DEF_CFA_SF:
		return define_cfa(machine, in->a, in->b);
	case CFA_DEF_CFA_REGISTER:
		return change_cfa(machine, in->a, cfa->add);
	case CFA_DEF_CFA_OFFSET:
	case CFA_DEF_CFA_OFFSET_SF:
		return change_cfa(machine, cfa->reg, in->a);
	case CFA_DEF_CFA_EXPRESSION:
		return evaluate_cfa(machine, in->block);
	default:
		return false;
	}
}

static bool is_at(const struct eo_frame_place *place, enum eo_frame_value_kind kind, uint64_t reg,
		  int64_t add)
{
	return place->kind == EO_FRAME_SAVED && place->where.kind == kind &&
	       place->where.reg == reg && (int64_t)place->where.add == add;
}

static bool is_kernel_frame(const struct eo_frame_state *state)
{
	return state->cfa.kind == EO_FRAME_AT_REGISTER && state->cfa.reg == EO_FRAME_RSP &&
	       state->cfa.offset == UCONTEXT_RSP && state->cfa.add == 0 &&
	       is_at(&state->places[EO_FRAME_PLACE_RIP], EO_FRAME_REGISTER, EO_FRAME_RSP,
		     UCONTEXT_RIP);
}

/* The caller's rsp is the CFA unless something else is said. */
static bool rsp_is_cfa(const struct eo_frame_place *rsp)
{
	return rsp->kind == EO_FRAME_UNSET ||
	       (rsp->kind == EO_FRAME_IS && rsp->where.kind == EO_FRAME_CFA && rsp->where.add == 0);
}

static bool put_cfa(const struct eo_frame_value *cfa, struct eo_unwind_rule *rule)
{
	bool on_fp = cfa->reg == EO_FRAME_RBP;
	int64_t offset = (int64_t)cfa->offset, add = (int64_t)cfa->add;

	switch (cfa->kind) {
	case EO_FRAME_REGISTER:
		rule->cfa_kind = on_fp ? EO_CFA_FP : EO_CFA_SP;
		rule->cfa_offset = (__s32)add;
		return (on_fp || cfa->reg == EO_FRAME_RSP) && rule->cfa_offset == add;
	case EO_FRAME_AT_REGISTER:
		rule->cfa_kind = on_fp ? EO_CFA_DEREF_FP : EO_CFA_DEREF_SP;
		rule->cfa_offset = (__s32)offset;
		rule->cfa_add = (__s16)add;
		return (on_fp || cfa->reg == EO_FRAME_RSP) && rule->cfa_offset == offset &&
		       rule->cfa_add == add;
	case EO_FRAME_PLT:
		rule->cfa_kind = EO_CFA_PLT;
		rule->cfa_offset = (__s32)offset;
		return add == 8;
	default:
		return false;
	}
}

static bool put_fp_at(enum eo_fp_kind kind, uint64_t offset, struct eo_unwind_rule *rule)
{
	rule->fp_kind = (__u8)kind;
	rule->fp_offset = (__s16)offset;
	return rule->fp_offset == (int64_t)offset;
}

/* @where: rbp lies at this address */
static bool put_saved_fp(const struct eo_frame_value *where, struct eo_unwind_rule *rule)
{
	if (where->kind == EO_FRAME_CFA)
		return put_fp_at(EO_FP_AT_CFA, where->add, rule);
	if (where->kind == EO_FRAME_REGISTER && where->reg == EO_FRAME_RBP)
		return put_fp_at(EO_FP_AT_FP, where->add, rule);
	return false;
}

static bool put_fp(const struct eo_frame_place *rbp, struct eo_unwind_rule *rule)
{
	switch (rbp->kind) {
	case EO_FRAME_UNSET:
	case EO_FRAME_SAME:
	case EO_FRAME_UNDEFINED: /* a caller that needs it cannot be served; most need only rsp */
		rule->fp_kind = EO_FP_SAME;
		return true;
	case EO_FRAME_SAVED:
		return put_saved_fp(&rbp->where, rule);
	default:
		return false;
	}
}

static struct eo_unwind_rule rule_of(const struct machine *machine)
{
	const struct eo_frame_state *state = &machine->state;
	const struct eo_frame_place *rip = &state->places[EO_FRAME_PLACE_RIP];
	struct eo_unwind_rule rule = {0};

	if (rip->kind == EO_FRAME_UNDEFINED)
		return (struct eo_unwind_rule){.cfa_kind = EO_CFA_END};
	if (machine->cie->signal && is_kernel_frame(state))
		return (struct eo_unwind_rule){.cfa_kind = EO_CFA_SIGNAL};
	if (!is_at(rip, EO_FRAME_CFA, 0, -8) || !rsp_is_cfa(&state->places[EO_FRAME_PLACE_RSP]) ||
	    !put_cfa(&state->cfa, &rule) || !put_fp(&state->places[EO_FRAME_PLACE_RBP], &rule))
		return (struct eo_unwind_rule){.cfa_kind = EO_CFA_UNSUPPORTED};
	return rule;
}

void eo_frame_run_initial(struct eo_frame_cie *cie, struct eo_frame_cursor program)
{
	struct machine machine = {.cie = cie, .program = program};
	struct instruction in;

	while (eo_frame_left(&machine.program)) {
		if (!read_instruction(&machine, &in) || !execute(&machine, &in)) {
			cie->broken = true;
			return;
		}
	}
	cie->initial = machine.state;
}

/* @rule holds in @part; push what lies in @window of it. */
static int push_part(struct eo_frame_rows *rows, const struct eo_unwind_rule *rule,
		     struct eo_frame_range part, struct eo_frame_range window)
{
	uint64_t start = part.start > window.start ? part.start : window.start;

	if (start >= part.end || start >= window.end)
		return 0;
	return eo_frame_rows_push(rows, start, rule);
}

int eo_frame_run(const struct eo_frame_cie *cie, struct eo_frame_cursor program,
		 struct eo_frame_range range, uint64_t from, struct eo_frame_rows *rows)
{
	struct eo_frame_state remembered[REMEMBER_DEPTH];
	struct machine machine = {
		.cie = cie,
		.program = program,
		.state = cie->initial,
		.remembered = remembered,
		.pc = range.start,
		.next = range.start,
	};
	struct eo_frame_range window = {from, range.end};
	bool broken = cie->broken;
	struct eo_unwind_rule rule;
	struct instruction in;

	while (!broken && eo_frame_left(&machine.program)) {
		int r;

		broken = !read_instruction(&machine, &in) || !execute(&machine, &in);
		if (broken || machine.next == machine.pc)
			continue;
		rule = rule_of(&machine);
		r = push_part(rows, &rule, (struct eo_frame_range){machine.pc, machine.next},
			      window);
		if (r < 0)
			return r;
		machine.pc = machine.next;
	}

	rule = broken ? (struct eo_unwind_rule){.cfa_kind = EO_CFA_UNSUPPORTED} : rule_of(&machine);
	return push_part(rows, &rule, (struct eo_frame_range){machine.pc, range.end}, window);
}
