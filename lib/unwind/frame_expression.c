/* SPDX-License-Identifier: BSD-2-Clause */
#include "unwind/frame_expression.h"

#define STACK_DEPTH 16u /* linkers and compilers use 4 */

/* DWARF 5, table 7.9. */
enum {
	OP_DEREF = 0x06,
	OP_CONST1U = 0x08, /* from here to CONST8S: 1, 2, 4 and 8 bytes, unsigned and signed */
	OP_CONST8S = 0x0f,
	OP_CONSTU = 0x10,
	OP_CONSTS = 0x11,
	OP_AND = 0x1a,
	OP_MINUS = 0x1c,
	OP_PLUS = 0x22,
	OP_PLUS_UCONST = 0x23,
	OP_SHL = 0x24,
	OP_GE = 0x2a,
	OP_GT = 0x2b,
	OP_LIT0 = 0x30,
	OP_LIT31 = 0x4f,
	OP_BREG0 = 0x70,
	OP_BREG31 = 0x8f,
	OP_BREGX = 0x92,
	OP_NOP = 0x96,
};

struct stack {
	struct eo_frame_value values[STACK_DEPTH];
	unsigned int depth;
	bool broken; /* too deep, or popped while empty */
};

static void push(struct stack *stack, struct eo_frame_value value)
{
	if (stack->depth == STACK_DEPTH)
		stack->broken = true;
	else
		stack->values[stack->depth++] = value;
}

static struct eo_frame_value pop(struct stack *stack)
{
	if (stack->depth)
		return stack->values[--stack->depth];
	stack->broken = true;
	return (struct eo_frame_value){0};
}

static struct eo_frame_value constant(uint64_t value)
{
	return (struct eo_frame_value){.kind = EO_FRAME_CONSTANT, .add = value};
}

static struct eo_frame_value load(struct eo_frame_value from)
{
	struct eo_frame_value value = {.reg = from.reg, .offset = from.add};

	if (from.kind == EO_FRAME_REGISTER)
		value.kind = EO_FRAME_AT_REGISTER;
	else if (from.kind == EO_FRAME_CFA)
		value.kind = EO_FRAME_AT_CFA;
	return value;
}

/* A value to which a number may be added. */
static bool has_sum(struct eo_frame_value value)
{
	switch (value.kind) {
	case EO_FRAME_CONSTANT:
	case EO_FRAME_REGISTER:
	case EO_FRAME_CFA:
	case EO_FRAME_AT_REGISTER:
	case EO_FRAME_AT_CFA:
	case EO_FRAME_PLT:
		return true;
	default:
		return false;
	}
}

static struct eo_frame_value plus(struct eo_frame_value a, struct eo_frame_value b)
{
	if (a.kind == EO_FRAME_CONSTANT || a.kind == EO_FRAME_LATE_8) {
		struct eo_frame_value swapped = a;

		a = b;
		b = swapped;
	}
	if (b.kind == EO_FRAME_CONSTANT && has_sum(a)) {
		a.add += b.add;
		return a;
	}
	if (b.kind == EO_FRAME_LATE_8 && a.kind == EO_FRAME_REGISTER && a.reg == EO_FRAME_RSP)
		return (struct eo_frame_value){.kind = EO_FRAME_PLT, .offset = b.offset,
					       .add = a.add};
	return (struct eo_frame_value){0};
}

static struct eo_frame_value minus(struct eo_frame_value a, struct eo_frame_value b)
{
	if (b.kind != EO_FRAME_CONSTANT)
		return (struct eo_frame_value){0};
	return plus(a, constant(-b.add));
}

static struct eo_frame_value bit_and(struct eo_frame_value a, struct eo_frame_value b)
{
	bool ordered = b.kind == EO_FRAME_CONSTANT;
	struct eo_frame_value from = ordered ? a : b, mask = ordered ? b : a;

	if (mask.kind == EO_FRAME_CONSTANT && mask.add == 15 && from.kind == EO_FRAME_REGISTER &&
	    from.reg == EO_FRAME_RIP && from.add == 0)
		return (struct eo_frame_value){.kind = EO_FRAME_RIP_LOW};
	return (struct eo_frame_value){0};
}

/* @a >= @b + @more */
static struct eo_frame_value at_least(struct eo_frame_value a, struct eo_frame_value b,
				      uint64_t more)
{
	uint64_t limit = b.add + more;

	if (a.kind != EO_FRAME_RIP_LOW || b.kind != EO_FRAME_CONSTANT || limit > 15)
		return (struct eo_frame_value){0};
	return (struct eo_frame_value){.kind = EO_FRAME_LATE, .offset = limit};
}

static struct eo_frame_value shift_left(struct eo_frame_value a, struct eo_frame_value b)
{
	if (a.kind != EO_FRAME_LATE || b.kind != EO_FRAME_CONSTANT || b.add != 3)
		return (struct eo_frame_value){0};
	a.kind = EO_FRAME_LATE_8;
	return a;
}

static struct eo_frame_value combine(unsigned int op, struct eo_frame_value a,
				     struct eo_frame_value b)
{
	switch (op) {
	case OP_AND:
		return bit_and(a, b);
	case OP_MINUS:
		return minus(a, b);
	case OP_SHL:
		return shift_left(a, b);
	case OP_GE:
		return at_least(a, b, 0);
	case OP_GT:
		return at_least(a, b, 1);
	default:
		return plus(a, b);
	}
}

/* Returns false for an operation whose operands are not known. */
static bool step(struct stack *stack, struct eo_frame_cursor *at)
{
	unsigned int op = (unsigned int)eo_frame_unsigned(at, 1);
	struct eo_frame_value value = {.kind = EO_FRAME_REGISTER};

	switch (op) {
	case OP_NOP:
		return true;
	case OP_LIT0 ... OP_LIT31:
		push(stack, constant(op - OP_LIT0));
		return true;
	case OP_CONST1U ... OP_CONST8S: {
		size_t size = (size_t)1 << ((op - OP_CONST1U) / 2);

		push(stack, constant(op & 1 ? eo_frame_signed(at, size) :
					      eo_frame_unsigned(at, size)));
		return true;
	}
	case OP_CONSTU:
		push(stack, constant(eo_frame_uleb(at)));
		return true;
	case OP_CONSTS:
		push(stack, constant((uint64_t)eo_frame_sleb(at)));
		return true;
	case OP_BREG0 ... OP_BREG31:
	case OP_BREGX:
		value.reg = op == OP_BREGX ? eo_frame_uleb(at) : op - OP_BREG0;
		value.add = (uint64_t)eo_frame_sleb(at);
		push(stack, value);
		return true;
	case OP_DEREF:
		push(stack, load(pop(stack)));
		return true;
	case OP_PLUS_UCONST:
		push(stack, plus(pop(stack), constant(eo_frame_uleb(at))));
		return true;
	case OP_AND:
	case OP_MINUS:
	case OP_PLUS:
	case OP_SHL:
	case OP_GE:
	case OP_GT:
		value = pop(stack);
		push(stack, combine(op, pop(stack), value));
		return true;
	default:
		return false;
	}
}

struct eo_frame_value eo_frame_evaluate(struct eo_frame_cursor expression, bool on_cfa)
{
	struct stack stack = {0};

	if (on_cfa)
		push(&stack, (struct eo_frame_value){.kind = EO_FRAME_CFA});
	while (eo_frame_left(&expression)) {
		if (!step(&stack, &expression))
			return (struct eo_frame_value){0};
	}

	struct eo_frame_value result = pop(&stack);

	return stack.broken || expression.failed ? (struct eo_frame_value){0} : result;
}
