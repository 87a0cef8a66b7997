/* SPDX-License-Identifier: BSD-2-Clause */
#include "unwind/frame_rows.h"

#include <errno.h>
#include <string.h>

static int reserve(struct eo_frame_rows *rows)
{
	size_t capacity = rows->capacity ? rows->capacity * 2 : 256;
	struct eo_frame_row *bigger;

	if (rows->count < rows->capacity)
		return 0;
	if (rows->count >= EO_FRAME_ROWS_MAX)
		return -E2BIG;
	bigger = reallocarray(rows->rows, capacity, sizeof(*bigger));
	if (!bigger)
		return -ENOMEM;
	rows->rows = bigger;
	rows->capacity = capacity;
	return 0;
}

int eo_frame_rows_push(struct eo_frame_rows *rows, uint64_t pc, const struct eo_unwind_rule *rule)
{
	const struct eo_frame_row *last;
	int r;

	if (rows->count && rows->rows[rows->count - 1].pc == pc)
		rows->count--;
	last = rows->count ? &rows->rows[rows->count - 1] : NULL;
	if (last ? memcmp(&last->rule, rule, sizeof(*rule)) == 0 : rule->cfa_kind == EO_CFA_NONE)
		return 0;

	r = reserve(rows);
	if (r == 0)
		rows->rows[rows->count++] = (struct eo_frame_row){.pc = pc, .rule = *rule};
	return r;
}

void eo_frame_rows_fini(struct eo_frame_rows *rows)
{
	free(rows->rows);
	*rows = (struct eo_frame_rows){0};
}
