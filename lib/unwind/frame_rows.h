/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows in the making: ascending, no two neighbours alike. */
#ifndef EO_UNWIND_FRAME_ROWS_H
#define EO_UNWIND_FRAME_ROWS_H

#include "unwind/frame_table.h"

#define EO_FRAME_ROWS_MAX (8u << 20)

struct eo_frame_rows {
	struct eo_frame_row *rows;
	size_t count, capacity;
};

/**
 * From @pc on, which is not below that of the last row, @rule holds. A row at the same pc is
 * replaced, one that says nothing new is left out.
 * Returns 0, -ENOMEM, or -E2BIG.
 */
int eo_frame_rows_push(struct eo_frame_rows *rows, uint64_t pc,
		       const struct eo_unwind_rule *rule);
void eo_frame_rows_fini(struct eo_frame_rows *rows);

#endif
