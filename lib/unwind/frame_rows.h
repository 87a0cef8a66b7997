/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows on their way out: ascending, no two neighbours alike. */
#ifndef EO_UNWIND_FRAME_ROWS_H
#define EO_UNWIND_FRAME_ROWS_H

#include "unwind/frame_table.h"

#define EO_FRAME_ROWS_MAX (8u << 20)

struct eo_frame_rows {
	eo_frame_row_fn fn; /* set these two; the rest begins zeroed */
	void *ctx;
	size_t count;		    /* told to @fn */
	struct eo_frame_row told;   /* the last of them, when count > 0 */
	struct eo_frame_row latest; /* held back: another one at the same pc replaces it */
	bool holds;
};

/**
 * From @pc on, which is not below that of the last row, @rule holds. A row at the same pc is
 * replaced, one that says nothing new is left out.
 * Returns 0, -E2BIG, or what fn returned.
 */
int eo_frame_rows_push(struct eo_frame_rows *rows, uint64_t pc,
		       const struct eo_unwind_rule *rule);

/** Tell the last row. */
int eo_frame_rows_finish(struct eo_frame_rows *rows);

#endif
