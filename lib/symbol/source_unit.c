/* SPDX-License-Identifier: BSD-2-Clause */
#include "symbol/source_unit.h"

#include <errno.h>

#include "core/array.h"
#include "symbol/dwarf_format.h"
#include "symbol/dwarf_lines.h"
#include "symbol/source_names.h"

/* Entries nest: namespaces, functions, blocks, inlined calls. What is deeper is left out. */
#define DEPTH_MAX 256u
#define SCOPES_MAX (1u << 20)
#define NO_SCOPE UINT32_MAX
#define PART_BYTES (1u << 20)  /* of a unit, held at a time */
#define ENTRY_MAX_BYTES 65536u /* an entry is in one part */

struct eo_source_units {
	struct eo_dwarf_file *file;
	struct eo_string_pool *strings;
	struct eo_source_names *names;
};

/* A function, or an inlined call, that has wanted addresses in it. */
struct scope {
	struct eo_source_origin origin;
	uint32_t parent; /* NO_SCOPE: it is a function */
	uint64_t call_file;
	uint32_t call_line, call_column;
};

struct run {
	struct eo_dwarf_file *file;
	struct eo_dwarf_unit unit;
	const uint64_t *vaddrs;
	uint32_t *innermost; /* scope of each address */
	size_t count;
	struct scope *scopes;
	uint32_t scope_count, scope_room;
	uint32_t open[DEPTH_MAX]; /* scope at each depth on the way to the current entry */
};

struct eo_source_units *eo_source_units_new(struct eo_dwarf_file *file,
					    struct eo_string_pool *strings)
{
	EO_AUTO(eo_source_units) units = calloc(1, sizeof(*units));

	if (!units)
		return NULL;
	units->file = file;
	units->strings = strings;
	units->names = eo_source_names_new(strings);
	return units->names ? eo_steal(&units) : NULL;
}

void eo_source_units_free(struct eo_source_units *units)
{
	if (!units)
		return;
	eo_source_names_free(units->names);
	free(units);
}

/* ---- functions ---- */

struct match {
	struct run *run;
	const struct eo_dwarf_die *die;
	uint32_t parent; /* scope that the entry is in */
	uint32_t scope;	 /* made of it, once it has an address */
};

static uint32_t number_of(const struct eo_dwarf_value *value)
{
	uint64_t number;

	return eo_dwarf_constant(value, &number) && number <= UINT32_MAX ? (uint32_t)number : 0;
}

static uint32_t add_scope(const struct match *match)
{
	struct run *run = match->run;
	const struct eo_dwarf_value *values = match->die->attributes;
	struct scope scope = {
		.origin = {run->file, match->die->offset},
		.parent = match->parent,
		.call_file = number_of(&values[EO_DWARF_CALL_FILE]),
		.call_line = number_of(&values[EO_DWARF_CALL_LINE]),
		.call_column = number_of(&values[EO_DWARF_CALL_COLUMN]),
	};

	if (run->scope_count >= SCOPES_MAX)
		return NO_SCOPE;
	if (!EO_ARRAY_RESERVE(run->scopes, run->scope_count + 1, run->scope_room, 64))
		return NO_SCOPE;
	/* Many calls have one origin, whose name is then looked for once. */
	if (!values[EO_DWARF_LINKAGE_NAME].form)
		eo_dwarf_reference(run->file, &run->unit, &values[EO_DWARF_ABSTRACT_ORIGIN],
				   &scope.origin.file, &scope.origin.offset);
	run->scopes[run->scope_count] = scope;
	return run->scope_count++;
}

static size_t lower_bound(const struct run *run, uint64_t address)
{
	size_t low = 0, high = run->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (run->vaddrs[middle] < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void cover(void *ctx, uint64_t start, uint64_t end)
{
	struct match *match = ctx;
	struct run *run = match->run;

	for (size_t i = lower_bound(run, start);
	     i < run->count && run->vaddrs[i] < end && eo_dwarf_file_spend(run->file, 1); i++) {
		/* A function where none was seen, an inlined call in what is around it: where
		 * entries overlap the first one counts. */
		if (run->innermost[i] != match->parent)
			continue;
		if (match->scope == NO_SCOPE)
			match->scope = add_scope(match);
		if (match->scope != NO_SCOPE)
			run->innermost[i] = match->scope;
	}
}

static void enter(struct run *run, const struct eo_dwarf_die *die, uint32_t depth)
{
	uint32_t around = depth > 0 ? run->open[depth - 1] : NO_SCOPE;
	struct match match = {run, die, around, NO_SCOPE};

	if (die->tag == EO_DW_TAG_SUBPROGRAM)
		match.parent = NO_SCOPE; /* one inside another is a function of its own */
	eo_dwarf_die_ranges(run->file, &run->unit, die, cover, &match);
	run->open[depth] = match.scope;
}

/* One entry at @depth. Returns 0 or -EBADMSG. */
static int visit(struct run *run, struct eo_dwarf_cursor *c,
		 const struct eo_dwarf_abbreviations *all,
		 const struct eo_dwarf_abbreviation *abbreviation, uint64_t offset, uint32_t depth)
{
	bool is_function = abbreviation->tag == EO_DW_TAG_SUBPROGRAM,
	     is_inlined = abbreviation->tag == EO_DW_TAG_INLINED_SUBROUTINE;
	uint32_t around = depth > 0 && depth <= DEPTH_MAX ? run->open[depth - 1] : NO_SCOPE;
	struct eo_dwarf_die die;

	if (depth >= DEPTH_MAX) {
		eo_dwarf_die_skip(c, &run->unit, all, abbreviation);
		return c->bad ? -EBADMSG : 0;
	}
	run->open[depth] = is_function || is_inlined ? NO_SCOPE : around;
	if (!abbreviation->has_code || !(is_function || (is_inlined && around != NO_SCOPE))) {
		eo_dwarf_die_skip(c, &run->unit, all, abbreviation);
		return c->bad ? -EBADMSG : 0;
	}
	eo_dwarf_die_read(c, &run->unit, all, abbreviation, &die);
	if (c->bad)
		return -EBADMSG;
	die.offset = offset;
	die.tag = abbreviation->tag;
	die.has_children = abbreviation->has_children;
	enter(run, &die, depth);
	return 0;
}

/* Have the next entry in memory. */
static int refill(struct run *run, struct eo_dwarf_cursor *c)
{
	uint64_t offset = eo_dwarf_position(c), left = run->unit.end - offset;

	if (eo_dwarf_left(c) >= ENTRY_MAX_BYTES || eo_dwarf_left(c) == left)
		return 0;
	free((unsigned char *)c->start);
	*c = (struct eo_dwarf_cursor){0};
	return eo_dwarf_copy(run->file, EO_DWARF_INFO, offset,
			     left < PART_BYTES ? left : PART_BYTES, c);
}

/* Walk the unit's entries once, in their order. */
static int walk(struct run *run, struct eo_dwarf_cursor *c,
		const struct eo_dwarf_abbreviations *all)
{
	uint32_t depth = 0;

	for (;;) {
		const struct eo_dwarf_abbreviation *abbreviation;
		uint64_t offset, code;
		int r = refill(run, c);

		if (r < 0 || c->at == c->end)
			return r;
		offset = eo_dwarf_position(c);
		code = eo_dwarf_uleb(c);
		if (!code) { /* the end of somebody's children */
			if (depth <= 1 || !eo_dwarf_file_spend(run->file, 1))
				return 0;
			depth--;
			continue;
		}
		abbreviation = eo_dwarf_abbreviation(all, code);
		if (!abbreviation)
			return -EBADMSG;
		if (!eo_dwarf_file_spend(run->file, eo_dwarf_die_steps(all, abbreviation)))
			return -EFBIG;
		r = visit(run, c, all, abbreviation, offset, depth);
		if (r < 0)
			return r;
		if (abbreviation->has_children)
			depth++;
		else if (depth == 0)
			return 0;
	}
}

static int find_scopes(struct run *run)
{
	struct eo_dwarf_abbreviations all = {0};
	struct eo_dwarf_cursor c = {.offset = run->unit.entries};
	int r = eo_dwarf_abbreviations_load(run->file, &run->unit, &all);

	if (r == 0)
		r = walk(run, &c, &all);
	free((unsigned char *)c.start);
	eo_dwarf_abbreviations_fini(&all);
	return r;
}

/* ---- answers ---- */

static void name(struct eo_source_units *units, const struct scope *scope,
		 struct eo_source_line *line)
{
	const struct eo_source_name *found = eo_source_names_find(units->names, &scope->origin);

	if (found) {
		line->name = found->name;
		line->system_name = found->system_name;
	}
}

static void place(struct eo_source_units *units, struct eo_dwarf_lines *lines, uint64_t file,
		  uint32_t line, uint32_t column, struct eo_source_line *ret)
{
	ret->file = lines ? eo_dwarf_lines_path(lines, file, units->strings) : NULL;
	ret->line = line;
	ret->column = column;
}

/* The lines of the address of @row. Returns how many. An inlined call whose function has no name
 * is left out: its code counts for where the call is. */
static size_t answer(struct eo_source_units *units, const struct run *run,
		     struct eo_dwarf_lines *lines, const struct eo_dwarf_row *row, uint32_t scope,
		     struct eo_source_line *ret)
{
	size_t count = 0;

	if (!row->found && scope == NO_SCOPE)
		return 0;
	ret[0] = (struct eo_source_line){0};
	if (row->found)
		place(units, lines, row->file, row->line, row->column, &ret[0]);
	while (scope != NO_SCOPE && eo_dwarf_file_spend(run->file, 4)) {
		const struct scope *inner = &run->scopes[scope];

		name(units, inner, &ret[count]);
		scope = inner->parent;
		if (scope == NO_SCOPE)
			break;
		count += ret[count].name && count < DEPTH_MAX - 1;
		ret[count] = (struct eo_source_line){0};
		place(units, lines, inner->call_file, inner->call_line, inner->call_column,
		      &ret[count]);
	}
	return count + 1;
}

static void answer_all(struct eo_source_units *units, const struct run *run,
		       struct eo_dwarf_row *rows, eo_source_lines_fn each, void *ctx)
{
	struct eo_source_line found[DEPTH_MAX];
	EO_AUTO(eo_dwarf_lines) lines = NULL;

	if (eo_dwarf_lines_new(run->file, &run->unit, &lines) == 0)
		eo_dwarf_lines_find(lines, rows, run->count);
	for (size_t i = 0; i < run->count; i++) {
		size_t count = answer(units, run, lines, &rows[i], run->innermost[i], found);

		if (count > 0 && !each(ctx, rows[i].address, found, count))
			return;
	}
}

void eo_source_units_find(struct eo_source_units *units, uint64_t offset, const uint64_t *vaddrs,
			  size_t count, eo_source_lines_fn each, void *ctx)
{
	EO_AUTO_FREE struct eo_dwarf_row *rows = calloc(count, sizeof(*rows));
	EO_AUTO_FREE uint32_t *innermost = calloc(count, sizeof(*innermost));
	struct run run = {
		.file = units->file, .vaddrs = vaddrs, .innermost = innermost, .count = count};

	if (!rows || !innermost)
		return;
	for (size_t i = 0; i < count; i++) {
		rows[i].address = vaddrs[i];
		innermost[i] = NO_SCOPE;
	}
	/* What was found before the damage is as good as without it. */
	if (eo_dwarf_unit_read(units->file, offset, &run.unit) == 0 &&
	    eo_dwarf_unit_read_first(units->file, &run.unit) == 0 && find_scopes(&run) != -ENOMEM)
		answer_all(units, &run, rows, each, ctx);
	free(run.scopes);
}
