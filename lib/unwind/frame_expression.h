/* SPDX-License-Identifier: BSD-2-Clause */
/* What a DWARF expression comes to, told from its meaning instead of its bytes: it is carried out
 * on symbols instead of numbers. */
#ifndef EO_UNWIND_FRAME_EXPRESSION_H
#define EO_UNWIND_FRAME_EXPRESSION_H

#include "unwind/frame_cursor.h"

/* DWARF numbers of the registers that matter (System V ABI, x86-64, figure 3.36). */
enum {
	EO_FRAME_RBP = 6,
	EO_FRAME_RSP = 7,
	EO_FRAME_RIP = 16,
};

enum eo_frame_value_kind {
	EO_FRAME_OTHER,	   /* anything but the following */
	EO_FRAME_CONSTANT, /* add */
	EO_FRAME_REGISTER, /* reg + add */
	EO_FRAME_CFA,	   /* CFA + add */
	EO_FRAME_AT_REGISTER, /* *(reg + offset) + add */
	EO_FRAME_AT_CFA,   /* *(CFA + offset) + add */
	/* On the way to rsp + add + 8 * ((rip & 15) >= offset), which is how linkers describe the
	 * procedure linkage table: */
	EO_FRAME_RIP_LOW, /* rip & 15 */
	EO_FRAME_LATE,	  /* (rip & 15) >= offset */
	EO_FRAME_LATE_8,  /* 8 * ((rip & 15) >= offset) */
	EO_FRAME_PLT,
};

/* Sums wrap, as DWARF has it. */
struct eo_frame_value {
	enum eo_frame_value_kind kind;
	uint64_t reg, offset, add;
};

/**
 * @expression: its bytes
 * @on_cfa: the CFA lies on the stack at the start, as in rules of registers
 * Returns its value, of kind OTHER when it is of no use, or broken.
 */
struct eo_frame_value eo_frame_evaluate(struct eo_frame_cursor expression, bool on_cfa);

#endif
