/* SPDX-License-Identifier: BSD-2-Clause */
#include "unwind/frame_vet.h"

#include "unwind/frame_cursor.h"

#define REGISTERS 17u /* rax to rip */
#define RETURN_ADDRESS 16u

/* Operands of an instruction, in order. */
enum operand {
	NONE,
	BYTES1, /* that many bytes of any number */
	BYTES2,
	BYTES4,
	NUMBER, /* LEB128 of any number */
	REGISTER,
	EXPRESSION, /* a length, and that many bytes */
};

struct instruction {
	bool known;
	enum operand operands[2];
};

#define TAKES(...) {true, {__VA_ARGS__}}

/* DWARF 5, table 7.29, for those without an operand in the opcode. DW_CFA_set_loc is missing: its
 * pointer may be of any encoding, and nothing uses it. */
static const struct instruction instructions[] = {
	[0x00] = TAKES(NONE),		      /* nop */
	[0x02] = TAKES(BYTES1),		      /* advance_loc1, 2, 4 */
	[0x03] = TAKES(BYTES2),
	[0x04] = TAKES(BYTES4),
	[0x05] = TAKES(REGISTER, NUMBER),     /* offset_extended */
	[0x06] = TAKES(REGISTER),	      /* restore_extended */
	[0x07] = TAKES(REGISTER),	      /* undefined */
	[0x08] = TAKES(REGISTER),	      /* same_value */
	[0x09] = TAKES(REGISTER, REGISTER),   /* register */
	[0x0a] = TAKES(NONE),		      /* remember_state */
	[0x0b] = TAKES(NONE),		      /* restore_state */
	[0x0c] = TAKES(REGISTER, NUMBER),     /* def_cfa */
	[0x0d] = TAKES(REGISTER),	      /* def_cfa_register */
	[0x0e] = TAKES(NUMBER),		      /* def_cfa_offset */
	[0x0f] = TAKES(EXPRESSION),	      /* def_cfa_expression */
	[0x10] = TAKES(REGISTER, EXPRESSION), /* expression */
	[0x11] = TAKES(REGISTER, NUMBER),     /* offset_extended_sf */
	[0x12] = TAKES(REGISTER, NUMBER),     /* def_cfa_sf */
	[0x13] = TAKES(NUMBER),		      /* def_cfa_offset_sf */
	[0x14] = TAKES(REGISTER, NUMBER),     /* val_offset */
	[0x15] = TAKES(REGISTER, NUMBER),     /* val_offset_sf */
	[0x16] = TAKES(REGISTER, EXPRESSION), /* val_expression */
	[0x2e] = TAKES(NUMBER),		      /* GNU_args_size */
};

/* The same for the operations of expressions, table 7.9: those that read registers and memory,
 * and add, compare and shift. */
static bool vet_operation(struct eo_frame_cursor *at)
{
	uint8_t op = (uint8_t)eo_frame_unsigned(at, 1);

	if (op >= 0x30 && op <= 0x4f) /* lit0 to lit31 */
		return true;
	if (op >= 0x70 && op < 0x70 + REGISTERS) { /* breg0 and on */
		eo_frame_sleb(at);
		return true;
	}
	switch (op) {
	case 0x06: /* deref */
	case 0x1a: /* and */
	case 0x1c: /* minus */
	case 0x22: /* plus */
	case 0x24: /* shl */
	case 0x2a: /* ge */
	case 0x2b: /* gt */
	case 0x96: /* nop */
		return true;
	case 0x08: /* const1u, 1s */
	case 0x09:
		eo_frame_unsigned(at, 1);
		return true;
	case 0x0a: /* const2u, 2s */
	case 0x0b:
		eo_frame_unsigned(at, 2);
		return true;
	case 0x0c: /* const4u, 4s */
	case 0x0d:
		eo_frame_unsigned(at, 4);
		return true;
	case 0x10: /* constu */
	case 0x11: /* consts */
	case 0x23: /* plus_uconst */
		eo_frame_sleb(at);
		return true;
	default:
		return false;
	}
}

static bool vet_expression(struct eo_frame_cursor expression)
{
	while (eo_frame_left(&expression))
		if (!vet_operation(&expression))
			return false;
	return !expression.failed;
}

static bool vet_operand(struct eo_frame_cursor *at, enum operand operand)
{
	switch (operand) {
	case NONE:
		return true;
	case BYTES1:
		eo_frame_unsigned(at, 1);
		return true;
	case BYTES2:
		eo_frame_unsigned(at, 2);
		return true;
	case BYTES4:
		eo_frame_unsigned(at, 4);
		return true;
	case NUMBER:
		eo_frame_sleb(at); /* as long as an unsigned one */
		return true;
	case REGISTER:
		return eo_frame_uleb(at) < REGISTERS;
	default:
		return vet_expression(eo_frame_slice(at, eo_frame_uleb(at)));
	}
}

static bool vet_program(struct eo_frame_cursor at)
{
	while (eo_frame_left(&at)) {
		uint8_t opcode = (uint8_t)eo_frame_unsigned(&at, 1);
		const struct instruction *instruction;

		switch (opcode >> 6) {
		case 1: /* advance_loc */
			continue;
		case 2: /* offset */
			eo_frame_uleb(&at);
			/* fall through */
		case 3: /* restore */
			if ((opcode & 0x3f) >= REGISTERS)
				return false;
			continue;
		default:
			break;
		}
		if (opcode >= EO_ARRAY_SIZE(instructions))
			return false;
		instruction = &instructions[opcode];
		if (!instruction->known || !vet_operand(&at, instruction->operands[0]) ||
		    !vet_operand(&at, instruction->operands[1]))
			return false;
	}
	return !at.failed;
}

/* Bytes of a pointer in this encoding; 0: one of a kind that does not occur. */
static size_t pointer_bytes(uint8_t encoding)
{
	if ((encoding & 0x70) > 0x30) /* relative to a function, or aligned */
		return 0;
	switch (encoding & 0x0f) {
	case 0x00: /* as an address */
	case 0x04: /* 8 bytes, unsigned and signed */
	case 0x0c:
		return 8;
	case 0x03:
	case 0x0b:
		return 4;
	default:
		return 0;
	}
}

/* What an FDE needs to know of its CIE. */
struct cie {
	uint8_t encoding;
	bool sized;
};

/* The data that goes with the augmentation's letters. */
static bool vet_augmentation(const char *letters, struct eo_frame_cursor data, struct cie *ret)
{
	for (; *letters; letters++) {
		uint8_t encoding = 0;

		switch (*letters) {
		case 'S':
			continue;
		case 'R':
			ret->encoding = (uint8_t)eo_frame_unsigned(&data, 1);
			if (ret->encoding & 0x80 || !pointer_bytes(ret->encoding))
				return false;
			continue;
		case 'L':
			encoding = (uint8_t)eo_frame_unsigned(&data, 1);
			if (encoding != EO_FRAME_PE_OMIT && !pointer_bytes(encoding))
				return false;
			continue;
		case 'P':
			encoding = (uint8_t)eo_frame_unsigned(&data, 1);
			if (!pointer_bytes(encoding))
				return false;
			eo_frame_slice(&data, pointer_bytes(encoding));
			continue;
		default:
			return false;
		}
	}
	return !data.failed;
}

/* An entry without its length. */
static struct eo_frame_cursor entry_of(const unsigned char *bytes, size_t size)
{
	struct eo_frame_cursor at = {.at = bytes, .end = bytes + size};

	/* 0xffffffff announces 64 bits, which .eh_frame has no use for, and is too long here. */
	return eo_frame_slice(&at, eo_frame_unsigned(&at, 4));
}

static bool vet_cie(const unsigned char *bytes, size_t size, struct cie *ret)
{
	struct eo_frame_cursor at = entry_of(bytes, size), data;
	uint64_t id = eo_frame_unsigned(&at, 4), version = eo_frame_unsigned(&at, 1), column;
	const char *letters = eo_frame_string(&at);

	*ret = (struct cie){.encoding = EO_FRAME_PE_ABSPTR};
	if (id != 0 || (version != 1 && version != 3))
		return false;
	eo_frame_uleb(&at); /* alignment of code, and of data */
	eo_frame_sleb(&at);
	column = version == 1 ? eo_frame_unsigned(&at, 1) : eo_frame_uleb(&at);
	if (column != RETURN_ADDRESS)
		return false;
	if (*letters) {
		if (*letters != 'z')
			return false;
		ret->sized = true;
		data = eo_frame_slice(&at, eo_frame_uleb(&at));
		if (!vet_augmentation(letters + 1, data, ret))
			return false;
	}
	return !at.failed && vet_program(at);
}

bool eo_frame_vet(const unsigned char *fde, size_t fde_size, const unsigned char *cie_bytes,
		  size_t cie_size)
{
	struct eo_frame_cursor at = entry_of(fde, fde_size);
	struct cie cie;

	/* 0 would be a CIE; how far it is back to one is the affair of who has found this one */
	if (eo_frame_unsigned(&at, 4) == 0 || at.failed || !vet_cie(cie_bytes, cie_size, &cie))
		return false;
	eo_frame_slice(&at, 2 * pointer_bytes(cie.encoding)); /* start and length */
	if (cie.sized)
		eo_frame_slice(&at, eo_frame_uleb(&at));
	return !at.failed && vet_program(at);
}
