/* SPDX-License-Identifier: BSD-2-Clause */
#include "unwind/frame_table.h"

#include <errno.h>
#include <stdlib.h>

#include "core/array.h"
#include "unwind/frame_entries.h"
#include "unwind/frame_rows.h"
#include "unwind/go_functions.h"

#define BRIDGE_BYTES 16u /* less than this between two functions is padding, which never runs */
#define ENTRY_BYTES 64u	 /* code at the entry point that no FDE covers; ld.so's has 61 */

/* From FDEs in ascending order to rows. */
struct builder {
	struct eo_frame_rows rows;
	uint64_t covered; /* rows are complete up to here */
	bool started;
	uint64_t entry; /* 0: none, or done with */
	struct eo_go_functions *go; /* NULL: none, or done with */
};

static const struct eo_unwind_rule no_rule = {.cfa_kind = EO_CFA_NONE};
static const struct eo_unwind_rule end_rule = {.cfa_kind = EO_CFA_END};

static int compare_fdes(const void *a, const void *b)
{
	const struct eo_frame_fde *one = a, *other = b;

	if (one->range.start != other->range.start)
		return one->range.start < other->range.start ? -1 : 1;
	return one->order < other->order ? -1 : one->order > other->order;
}

/* The next rows begin at @pc: a gap row where that leaves a gap. */
static int skip_to(struct builder *builder, uint64_t pc)
{
	if (builder->started && pc > builder->covered && pc - builder->covered >= BRIDGE_BYTES)
		return eo_frame_rows_push(&builder->rows, builder->covered, &no_rule);
	builder->started = true;
	return 0;
}

/* Where @entry lies in front of the next FDE and behind the last: the end of the stack. */
static int add_entry(struct builder *builder, uint64_t next)
{
	uint64_t entry = builder->entry;
	int r;

	if (entry == 0 || entry >= next)
		return 0;
	builder->entry = 0;
	if (builder->started && entry < builder->covered)
		return 0;
	r = skip_to(builder, entry);
	if (r == 0)
		r = eo_frame_rows_push(&builder->rows, entry, &end_rule);
	builder->covered = next - entry < ENTRY_BYTES ? next : entry + ENTRY_BYTES;
	return r;
}

/* Go's functions where they begin in front of the next FDE: one piece without a gap. */
static int add_go(struct builder *builder, uint64_t next)
{
	struct eo_go_functions *go = builder->go;
	int r;

	if (!go || eo_go_functions_start(go) > next)
		return 0;
	builder->go = NULL;
	/* what begins earlier and reaches into them would be damage; theirs are not begun halfway */
	if (builder->started && eo_go_functions_start(go) < builder->covered)
		return 0;
	r = add_entry(builder, eo_go_functions_start(go));
	if (r == 0)
		r = skip_to(builder, eo_go_functions_start(go));
	if (r == 0)
		r = eo_go_functions_rows(go, &builder->rows);
	builder->covered = eo_go_functions_end(go);
	return r;
}

static int add_fde(struct builder *builder, const struct eo_frame_entries *entries,
		   const struct eo_frame_fde *fde)
{
	const struct eo_frame_cie *cie = &entries->cies[fde->cie];
	const unsigned char *program = cie->section->bytes + fde->program;
	struct eo_frame_cursor cursor = {.at = program, .end = program + fde->program_size};
	uint64_t from = fde->range.start;
	int r;

	r = add_go(builder, fde->range.start);
	if (r == 0)
		r = add_entry(builder, fde->range.start);
	if (r < 0)
		return r;
	if (builder->started && from < builder->covered)
		from = builder->covered;
	if (from >= fde->range.end)
		return 0;

	r = skip_to(builder, from);
	if (r == 0)
		r = eo_frame_run(cie, cursor, fde->range, from, &builder->rows);
	builder->covered = fde->range.end;
	return r;
}

static int build(struct builder *builder, struct eo_frame_entries *entries)
{
	int r = 0;

	if (entries->unsorted)
		qsort(entries->fdes, entries->fde_count, sizeof(*entries->fdes), compare_fdes);
	for (size_t i = 0; r == 0 && i < entries->fde_count; i++)
		r = add_fde(builder, entries, &entries->fdes[i]);
	if (r == 0)
		r = add_go(builder, UINT64_MAX);
	if (r == 0)
		r = add_entry(builder, UINT64_MAX);
	if (r == 0)
		r = eo_frame_rows_push(&builder->rows, builder->covered, &no_rule);
	if (r == 0)
		r = eo_frame_rows_finish(&builder->rows);
	return r;
}

static int fail(const struct eo_frame_entries *entries, int code, struct eo_error *err)
{
	if (code == ENOEXEC)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, ENOEXEC, NULL,
				    "read call frame information: %s, entry at 0x%zx: %s",
				    entries->complaint_debug_frame ? ".debug_frame" : ".eh_frame",
				    entries->complaint_offset, entries->complaint);
	return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, code, NULL,
			    "read call frame information of %zu functions", entries->fde_count);
}

int eo_frame_table_each(const struct eo_frame_sources *sources, eo_frame_row_fn fn, void *ctx,
			size_t *fdes, struct eo_error *err)
{
	struct builder builder = {.rows = {.fn = fn, .ctx = ctx}, .entry = sources->entry,
				  .go = sources->go};
	size_t go_functions = sources->go ? eo_go_functions_count(sources->go) : 0;
	struct eo_frame_entries entries = {0};
	int r = 0;

	for (const struct eo_frame_section *at = sources->section; r == 0 && at; at = at->next)
		r = eo_frame_entries_read(&entries, at);
	if (r == 0 && entries.fde_count == 0 && !sources->go && entries.complaint)
		r = -ENOEXEC;
	if (r == 0)
		r = build(&builder, &entries);
	if (r < 0)
		fail(&entries, -r, err);
	if (fdes)
		*fdes = entries.fde_count + go_functions;
	eo_frame_entries_fini(&entries);
	return r;
}

struct collector {
	struct eo_frame_table table;
	size_t capacity;
};

static int collect(void *ctx, const struct eo_frame_row *row)
{
	struct collector *collector = ctx;
	struct eo_frame_table *table = &collector->table;

	if (!EO_ARRAY_RESERVE(table->rows, table->count + 1, collector->capacity, 256))
		return -ENOMEM;
	table->unsupported += row->rule.cfa_kind == EO_CFA_UNSUPPORTED;
	table->rows[table->count++] = *row;
	return 0;
}

int eo_frame_table_parse(const struct eo_frame_sources *sources, struct eo_frame_table *ret,
			 struct eo_error *err)
{
	struct collector collector = {0};
	int r = eo_frame_table_each(sources, collect, &collector, &collector.table.fdes, err);

	if (r == 0)
		*ret = collector.table;
	else
		eo_frame_table_fini(&collector.table);
	return r;
}

void eo_frame_table_fini(struct eo_frame_table *table)
{
	free(table->rows);
	*table = (struct eo_frame_table){0};
}

const struct eo_unwind_rule *eo_frame_table_find(const struct eo_frame_table *table, uint64_t pc)
{
	size_t low = 0, high = table->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (table->rows[middle].pc <= pc)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &table->rows[low - 1].rule : &no_rule;
}
