/* SPDX-License-Identifier: BSD-2-Clause */
#include "unwind/frame_rows.h"

#include <errno.h>
#include <string.h>

int eo_frame_rows_finish(struct eo_frame_rows *rows)
{
	if (!rows->holds)
		return 0;
	if (rows->count >= EO_FRAME_ROWS_MAX)
		return -E2BIG;
	rows->holds = false;
	rows->told = rows->latest;
	rows->count++;
	return rows->fn(rows->ctx, &rows->told);
}

int eo_frame_rows_push(struct eo_frame_rows *rows, uint64_t pc, const struct eo_unwind_rule *rule)
{
	const struct eo_frame_row *last;
	int r;

	if (rows->holds && rows->latest.pc == pc)
		rows->holds = false;
	last = rows->holds ? &rows->latest : rows->count ? &rows->told : NULL;
	if (last ? memcmp(&last->rule, rule, sizeof(*rule)) == 0 : rule->cfa_kind == EO_CFA_NONE)
		return 0;
	r = eo_frame_rows_finish(rows);
	rows->latest = (struct eo_frame_row){.pc = pc, .rule = *rule};
	rows->holds = true;
	return r;
}
