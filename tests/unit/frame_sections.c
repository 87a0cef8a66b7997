/* SPDX-License-Identifier: BSD-2-Clause */
#include "frame_sections.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void fini_buffer(struct buffer *buffer)
{
	free(buffer->bytes);
}

void add_bytes(struct buffer *buffer, const void *bytes, size_t size)
{
	if (buffer->size + size > buffer->room) {
		buffer->room = (buffer->size + size) * 2;
		buffer->bytes = realloc(buffer->bytes, buffer->room);
		cr_assert_not_null(buffer->bytes);
	}
	memcpy(buffer->bytes + buffer->size, bytes, size);
	buffer->size += size;
}

void add_number(struct buffer *buffer, uint64_t value, size_t size)
{
	add_bytes(buffer, &value, size);
}

static void begin_entry(struct buffer *buffer)
{
	buffer->entry = buffer->size;
	add_number(buffer, UINT64_MAX, 4);
	if (buffer->is_64)
		add_number(buffer, 0, 8);
}

static void end_entry(struct buffer *buffer)
{
	size_t header = buffer->is_64 ? 12 : 4;
	uint64_t length = buffer->size - buffer->entry - header;

	memcpy(buffer->bytes + buffer->entry + header - (buffer->is_64 ? 8 : 4), &length,
	       buffer->is_64 ? 8 : 4);
}

static size_t id_size(const struct buffer *buffer)
{
	return buffer->is_64 && buffer->is_debug_frame ? 8 : 4;
}

void add_raw_cie(struct buffer *buffer, const unsigned char *rest, size_t size)
{
	begin_entry(buffer);
	buffer->cie = buffer->entry;
	add_number(buffer, buffer->is_debug_frame ? UINT64_MAX : 0, id_size(buffer));
	add_bytes(buffer, rest, size);
	end_entry(buffer);
}

void add_cie(struct buffer *buffer)
{
	add_raw_cie(buffer,
		BYTES(1, 0, 1, 0x78, RIP, DEF, RSP, 8, OFFSET + RIP, 1));
}

void add_raw_fde(struct buffer *buffer, const unsigned char *rest, size_t size)
{
	begin_entry(buffer);
	add_number(buffer, buffer->is_debug_frame ? buffer->cie : buffer->size - buffer->cie,
	       id_size(buffer));
	add_bytes(buffer, rest, size);
	end_entry(buffer);
}

void add_fde(struct buffer *buffer, uint64_t start, uint64_t size, const unsigned char *program,
		size_t program_size)
{
	begin_entry(buffer);
	add_number(buffer, buffer->is_debug_frame ? buffer->cie : buffer->size - buffer->cie,
	       id_size(buffer));
	add_number(buffer, start, 8);
	add_number(buffer, size, 8);
	add_bytes(buffer, program, program_size);
	end_entry(buffer);
}

static void assert_sound(const struct eo_frame_table *table)
{
	static const struct eo_unwind_rule none;
	size_t unsupported = 0;

	for (size_t i = 0; i < table->count; i++) {
		const struct eo_frame_row *row = &table->rows[i];
		const struct eo_unwind_rule *before = i ? &row[-1].rule : &none;

		cr_assert(i == 0 || row->pc > row[-1].pc);
		cr_assert_neq(memcmp(&row->rule, before, sizeof(none)), 0);
		cr_assert_lt(row->rule.cfa_kind, EO_CFA_KIND_COUNT);
		cr_assert_leq(row->rule.fp_kind, EO_FP_AT_FP);
		unsupported += row->rule.cfa_kind == EO_CFA_UNSUPPORTED;
	}
	cr_assert_eq(table->unsupported, unsupported);
	if (table->count)
		cr_assert_eq(table->rows[table->count - 1].rule.cfa_kind, EO_CFA_NONE);
}

/* An area whose end is followed by an unmapped page. */
struct guarded {
	unsigned char *area, *end;
	size_t span;
};

static struct guarded make_guarded(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), span = (size + page - 1) / page * page;
	unsigned char *area = mmap(NULL, span + page, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	cr_assert_neq(area, MAP_FAILED);
	cr_assert_eq(mprotect(area + span, page, PROT_NONE), 0);
	return (struct guarded){area, area + span, span + page};
}

int parse_bytes(const unsigned char *bytes, size_t size, bool is_debug_frame, uint64_t entry,
		       struct eo_frame_table *ret, struct eo_error *err)
{
	struct guarded guarded = make_guarded(size);
	struct eo_frame_section section = {.bytes = guarded.end - size,
					   .size = size,
					   .vaddr = SECTION_VADDR,
					   .is_debug_frame = is_debug_frame};
	const struct eo_frame_sources sources = {.section = &section, .entry = entry};
	int r;

	if (size)
		memcpy(guarded.end - size, bytes, size);
	r = eo_frame_table_parse(&sources, ret, err);
	munmap(guarded.area, guarded.span);
	if (r == 0)
		assert_sound(ret);
	return r;
}

int parse_at(const struct eo_frame_section *section, struct eo_frame_table *ret,
	     struct eo_error *err)
{
	return eo_frame_table_parse(&(struct eo_frame_sources){.section = section}, ret, err);
}

struct eo_frame_table parse_with_entry(const struct buffer *buffer, uint64_t entry)
{
	struct eo_frame_table table;
	struct eo_error err = {0};
	int r = parse_bytes(buffer->bytes, buffer->size, buffer->is_debug_frame, entry, &table,
			    &err);

	cr_assert_eq(r, 0, "%s", err.text);
	return table;
}

struct eo_frame_table parse_section(const struct buffer *buffer)
{
	return parse_with_entry(buffer, 0);
}

void assert_rows(struct eo_frame_table table, const struct eo_frame_row *rows, size_t count)
{
	for (size_t i = 0; i < count && i < table.count; i++) {
		const struct eo_unwind_rule *got = &table.rows[i].rule, *want = &rows[i].rule;

		cr_assert_eq(table.rows[i].pc, rows[i].pc, "row %zu at 0x%lx, not 0x%lx", i,
			     table.rows[i].pc, rows[i].pc);
		cr_assert_eq(memcmp(got, want, sizeof(*want)), 0,
			     "row %zu: %u %d %d, %u %d, not %u %d %d, %u %d", i, got->cfa_kind,
			     got->cfa_offset, got->cfa_add, got->fp_kind, got->fp_offset,
			     want->cfa_kind, want->cfa_offset, want->cfa_add, want->fp_kind,
			     want->fp_offset);
	}
	cr_assert_eq(table.count, count, "%zu rows, not %zu", table.count, count);
	eo_frame_table_fini(&table);
}
