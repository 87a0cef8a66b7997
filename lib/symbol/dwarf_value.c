/* SPDX-License-Identifier: BSD-2-Clause */
/* What the values of attributes lead to: numbers, addresses, texts, other entries, ranges. */
#include <errno.h>

#include "symbol/dwarf_format.h"
#include "symbol/dwarf_unit.h"

bool eo_dwarf_constant(const struct eo_dwarf_value *value, uint64_t *ret)
{
	switch (value->form) {
	case EO_DW_FORM_DATA1:
	case EO_DW_FORM_DATA2:
	case EO_DW_FORM_DATA4:
	case EO_DW_FORM_DATA8:
	case EO_DW_FORM_UDATA:
	case EO_DW_FORM_SDATA:
	case EO_DW_FORM_IMPLICIT_CONST:
		*ret = value->number;
		return true;
	default:
		return false;
	}
}

bool eo_dwarf_section_offset(const struct eo_dwarf_value *value, uint64_t *ret)
{
	switch (value->form) {
	case EO_DW_FORM_SEC_OFFSET:
	case EO_DW_FORM_DATA4: /* before version 4 */
	case EO_DW_FORM_DATA8:
		*ret = value->number;
		return true;
	default:
		return false;
	}
}

/* Element @index, @size bytes wide, of a table that begins at @base. */
static bool read_element(struct eo_dwarf_file *file, enum eo_dwarf_section section, uint64_t base,
			 uint64_t index, size_t size, uint64_t *ret)
{
	uint64_t offset;
	struct eo_dwarf_cursor c;

	if (__builtin_mul_overflow(index, size, &offset) ||
	    __builtin_add_overflow(offset, base, &offset))
		return false;
	c = eo_dwarf_view(file, section, offset, size);
	*ret = eo_dwarf_uint(&c, size);
	return !c.bad;
}

bool eo_dwarf_indexed_address(struct eo_dwarf_file *file, const struct eo_dwarf_unit *unit,
			      uint64_t index, uint64_t *ret)
{
	return read_element(file, EO_DWARF_ADDR, unit->addr_base, index, unit->address_size, ret);
}

bool eo_dwarf_address(struct eo_dwarf_file *file, const struct eo_dwarf_unit *unit,
		      const struct eo_dwarf_value *value, uint64_t *ret)
{
	switch (value->form) {
	case EO_DW_FORM_ADDR:
		*ret = value->number;
		return true;
	case EO_DW_FORM_ADDRX:
	case EO_DW_FORM_ADDRX1:
	case EO_DW_FORM_ADDRX2:
	case EO_DW_FORM_ADDRX3:
	case EO_DW_FORM_ADDRX4:
	case EO_DW_FORM_GNU_ADDR_INDEX:
		return eo_dwarf_indexed_address(file, unit, value->number, ret);
	default:
		return false;
	}
}

const char *eo_dwarf_string(struct eo_dwarf_file *file, const struct eo_dwarf_unit *unit,
			    const struct eo_dwarf_value *value)
{
	struct eo_dwarf_file *supplement = eo_dwarf_file_supplement(file);
	uint64_t offset;

	switch (value->form) {
	case EO_DW_FORM_STRING:
		return eo_dwarf_text_at(file, EO_DWARF_INFO, value->number);
	case EO_DW_FORM_STRP:
		return eo_dwarf_text_at(file, EO_DWARF_STR, value->number);
	case EO_DW_FORM_LINE_STRP:
		return eo_dwarf_text_at(file, EO_DWARF_LINE_STR, value->number);
	case EO_DW_FORM_STRX:
	case EO_DW_FORM_STRX1:
	case EO_DW_FORM_STRX2:
	case EO_DW_FORM_STRX3:
	case EO_DW_FORM_STRX4:
	case EO_DW_FORM_GNU_STR_INDEX:
		if (!read_element(file, EO_DWARF_STR_OFFSETS, unit->str_offsets_base, value->number,
				  unit->offset_size, &offset))
			return NULL;
		return eo_dwarf_text_at(file, EO_DWARF_STR, offset);
	case EO_DW_FORM_STRP_SUP:
	case EO_DW_FORM_GNU_STRP_ALT:
		return supplement ? eo_dwarf_text_at(supplement, EO_DWARF_STR, value->number)
				  : NULL;
	default:
		return NULL;
	}
}

bool eo_dwarf_reference(struct eo_dwarf_file *file, const struct eo_dwarf_unit *unit,
			const struct eo_dwarf_value *value, struct eo_dwarf_file **ret_file,
			uint64_t *ret)
{
	struct eo_dwarf_file *target = file;
	uint64_t offset = value->number;

	switch (value->form) {
	case EO_DW_FORM_REF1:
	case EO_DW_FORM_REF2:
	case EO_DW_FORM_REF4:
	case EO_DW_FORM_REF8:
	case EO_DW_FORM_REF_UDATA:
		if (offset >= unit->end - unit->offset)
			return false;
		offset += unit->offset;
		break;
	case EO_DW_FORM_REF_ADDR:
		break;
	case EO_DW_FORM_REF_SUP4:
	case EO_DW_FORM_REF_SUP8:
	case EO_DW_FORM_GNU_REF_ALT:
		target = eo_dwarf_file_supplement(file);
		break;
	default:
		return false;
	}
	if (!target)
		return false;
	*ret_file = target;
	*ret = offset;
	return true;
}

/* ---- ranges ---- */

struct ranges {
	struct eo_dwarf_file *file;
	const struct eo_dwarf_unit *unit;
	eo_dwarf_range_fn each;
	void *ctx;
};

static void give(const struct ranges *ranges, uint64_t start, uint64_t end)
{
	/* Linkers write 0, or 1 where 0 would end a list, for code that they have dropped. */
	if (start > 1 && start < end)
		ranges->each(ranges->ctx, start, end);
}

/* Up to version 4: pairs of offsets from a base. */
static int each_of_pairs(const struct ranges *ranges, uint64_t offset)
{
	size_t size = ranges->unit->address_size;
	uint64_t highest = size == 8 ? UINT64_MAX : UINT32_MAX, base = ranges->unit->base;

	for (;; offset += 2 * size) {
		struct eo_dwarf_cursor c =
			eo_dwarf_view(ranges->file, EO_DWARF_RANGES, offset, 2 * size);
		uint64_t start = eo_dwarf_uint(&c, size), end = eo_dwarf_uint(&c, size);

		if (c.bad || !eo_dwarf_file_spend(ranges->file, 1))
			return -EBADMSG;
		if (!start && !end)
			return 0;
		if (start == highest)
			base = end;
		else
			give(ranges, base + start, base + end);
	}
}

struct list {
	uint64_t base;
	struct eo_dwarf_cursor c;
};

/* Version 5: 1 for one range more or less, 0 at the end, or -EBADMSG. */
static int next_of_list(const struct ranges *ranges, struct list *list)
{
	size_t size = ranges->unit->address_size;
	struct eo_dwarf_cursor *c = &list->c;
	uint64_t kind = eo_dwarf_uint(c, 1), start = 0, end = 0;
	bool known = true;

	switch (kind) {
	case EO_DW_RLE_END_OF_LIST:
		return c->bad ? -EBADMSG : 0;
	case EO_DW_RLE_BASE_ADDRESSX:
		known = eo_dwarf_indexed_address(ranges->file, ranges->unit, eo_dwarf_uleb(c),
						 &list->base);
		break;
	case EO_DW_RLE_STARTX_ENDX:
		known = eo_dwarf_indexed_address(ranges->file, ranges->unit, eo_dwarf_uleb(c),
						 &start) &&
			eo_dwarf_indexed_address(ranges->file, ranges->unit, eo_dwarf_uleb(c),
						 &end);
		break;
	case EO_DW_RLE_STARTX_LENGTH:
		known = eo_dwarf_indexed_address(ranges->file, ranges->unit, eo_dwarf_uleb(c),
						 &start);
		end = start + eo_dwarf_uleb(c);
		break;
	case EO_DW_RLE_OFFSET_PAIR:
		start = list->base + eo_dwarf_uleb(c);
		end = list->base + eo_dwarf_uleb(c);
		break;
	case EO_DW_RLE_BASE_ADDRESS:
		list->base = eo_dwarf_uint(c, size);
		break;
	case EO_DW_RLE_START_END:
		start = eo_dwarf_uint(c, size);
		end = eo_dwarf_uint(c, size);
		break;
	case EO_DW_RLE_START_LENGTH:
		start = eo_dwarf_uint(c, size);
		end = start + eo_dwarf_uleb(c);
		break;
	default:
		return -EBADMSG;
	}
	if (c->bad || !known)
		return -EBADMSG;
	give(ranges, start, end);
	return 1;
}

static int each_of_list(const struct ranges *ranges, uint64_t offset)
{
	struct list list = {.base = ranges->unit->base};
	int r;

	do {
		list.c = eo_dwarf_view(ranges->file, EO_DWARF_RNGLISTS, offset, 32);
		r = eo_dwarf_file_spend(ranges->file, 1) ? next_of_list(ranges, &list) : -EBADMSG;
		offset = r > 0 ? eo_dwarf_position(&list.c) : offset;
	} while (r > 0);
	return r;
}

static int each_of_ranges(const struct ranges *ranges, const struct eo_dwarf_value *value)
{
	const struct eo_dwarf_unit *unit = ranges->unit;
	uint64_t offset;

	if (value->form == EO_DW_FORM_RNGLISTX) {
		if (!read_element(ranges->file, EO_DWARF_RNGLISTS, unit->rnglists_base,
				  value->number, unit->offset_size, &offset) ||
		    __builtin_add_overflow(offset, unit->rnglists_base, &offset))
			return -EBADMSG;
	} else if (!eo_dwarf_section_offset(value, &offset)) {
		return -EBADMSG;
	}
	return unit->version < 5 ? each_of_pairs(ranges, offset) : each_of_list(ranges, offset);
}

int eo_dwarf_die_ranges(struct eo_dwarf_file *file, const struct eo_dwarf_unit *unit,
			const struct eo_dwarf_die *die, eo_dwarf_range_fn each, void *ctx)
{
	const struct ranges ranges = {file, unit, each, ctx};
	const struct eo_dwarf_value *values = die->attributes;
	uint64_t low, high;

	if (values[EO_DWARF_RANGE_LIST].form)
		return each_of_ranges(&ranges, &values[EO_DWARF_RANGE_LIST]);
	if (!eo_dwarf_address(file, unit, &values[EO_DWARF_LOW_PC], &low))
		return 0;
	/* The end, or the length. */
	if (eo_dwarf_constant(&values[EO_DWARF_HIGH_PC], &high))
		high += low;
	else if (!eo_dwarf_address(file, unit, &values[EO_DWARF_HIGH_PC], &high))
		return 0;
	give(&ranges, low, high);
	return 0;
}
