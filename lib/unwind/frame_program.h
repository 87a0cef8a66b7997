/* SPDX-License-Identifier: BSD-2-Clause */
/* The programs of CIEs and FDEs: the CFA and where rbp, rsp and the return address are saved, pc
 * by pc. All other registers are read over. */
#ifndef EO_UNWIND_FRAME_PROGRAM_H
#define EO_UNWIND_FRAME_PROGRAM_H

#include "unwind/frame_cursor.h"
#include "unwind/frame_expression.h"
#include "unwind/frame_rows.h"

enum eo_frame_place_kind {
	EO_FRAME_UNSET, /* no rule was given */
	EO_FRAME_SAME,
	EO_FRAME_UNDEFINED,
	EO_FRAME_SAVED, /* it lies at @where */
	EO_FRAME_IS,	/* it has the value @where */
	EO_FRAME_ELSEWHERE, /* in another register */
};

/* Where the caller's value of a register is. */
struct eo_frame_place {
	enum eo_frame_place_kind kind;
	struct eo_frame_value where;
};

enum {
	EO_FRAME_PLACE_RBP,
	EO_FRAME_PLACE_RSP,
	EO_FRAME_PLACE_RIP,
	EO_FRAME_PLACE_COUNT,
};

struct eo_frame_state {
	struct eo_frame_value cfa;
	struct eo_frame_place places[EO_FRAME_PLACE_COUNT];
};

/* What the FDEs of a CIE share. */
struct eo_frame_cie {
	const struct eo_frame_section *section;
	size_t offset; /* in @section */
	uint64_t code_alignment;
	int64_t data_alignment;
	uint8_t encoding; /* of pointers to code */
	bool sized_augmentation;
	bool signal;
	bool usable; /* its FDEs can be read */
	bool broken; /* but not what they say, for its own program is damaged */
	struct eo_frame_state initial;
};

struct eo_frame_range {
	uint64_t start, end;
};

/** Run the program of @cie into cie->initial, or set cie->broken. */
void eo_frame_run_initial(struct eo_frame_cie *cie, struct eo_frame_cursor program);

/**
 * Run the program of an FDE, which covers @range, and push the rows that lie in [@from,
 * range.end). From where a program is damaged to its end the rule is UNSUPPORTED.
 * Returns 0, -ENOMEM, or -E2BIG.
 */
int eo_frame_run(const struct eo_frame_cie *cie, struct eo_frame_cursor program,
		 struct eo_frame_range range, uint64_t from, struct eo_frame_rows *rows);

#endif
