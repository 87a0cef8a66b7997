/* SPDX-License-Identifier: BSD-2-Clause */
#include "symbol/dwarf_unit.h"

#include <errno.h>

#include "core/array.h"
#include "symbol/dwarf_format.h"

#define HEADER_MAX_BYTES 48u
#define FIRST_ENTRY_BYTES 512u
#define ABBREVIATIONS_MAX 65536u
#define FORMS_MAX (1u << 20)
#define ABBREVIATIONS_MAX_BYTES (4u << 20)

static int read_header(struct eo_dwarf_cursor *c, struct eo_dwarf_unit *unit)
{
	unit->version = (uint16_t)eo_dwarf_uint(c, 2);
	if (unit->version < 2 || unit->version > 5)
		return -EOPNOTSUPP;
	unit->type = EO_DW_UT_COMPILE;
	if (unit->version == 5) {
		unit->type = (uint8_t)eo_dwarf_uint(c, 1);
		unit->address_size = (uint8_t)eo_dwarf_uint(c, 1);
		unit->abbreviations = eo_dwarf_uint(c, unit->offset_size);
		if (unit->type == EO_DW_UT_SKELETON || unit->type == EO_DW_UT_SPLIT_COMPILE)
			eo_dwarf_skip(c, 8);
	} else {
		unit->abbreviations = eo_dwarf_uint(c, unit->offset_size);
		unit->address_size = (uint8_t)eo_dwarf_uint(c, 1);
	}
	unit->entries = eo_dwarf_position(c);
	if (unit->address_size != 4 && unit->address_size != 8)
		return -EOPNOTSUPP;
	return c->bad || unit->entries > unit->end ? -EBADMSG : 0;
}

int eo_dwarf_unit_read(struct eo_dwarf_file *file, uint64_t offset, struct eo_dwarf_unit *ret)
{
	struct eo_dwarf_cursor c = eo_dwarf_view(file, EO_DWARF_INFO, offset, HEADER_MAX_BYTES);
	struct eo_dwarf_unit unit = {.offset = offset, .offset_size = 4};
	uint64_t length = eo_dwarf_uint(&c, 4);
	int r;

	if (length == EO_DW_LENGTH_64BIT) {
		unit.offset_size = 8;
		length = eo_dwarf_uint(&c, 8);
	} else if (length >= EO_DW_LENGTH_RESERVED) {
		return -EBADMSG;
	}
	if (c.bad || length < 2 ||
	    length > eo_dwarf_section_size(file, EO_DWARF_INFO) - eo_dwarf_position(&c))
		return -EBADMSG;
	unit.end = eo_dwarf_position(&c) + length;
	r = read_header(&c, &unit);
	*ret = unit;
	return r;
}

/* ---- abbreviations ---- */

static const struct {
	uint16_t attribute;
	uint8_t kept_as;
} kept[] = {
	{EO_DW_AT_NAME, EO_DWARF_NAME},
	{EO_DW_AT_LINKAGE_NAME, EO_DWARF_LINKAGE_NAME},
	{EO_DW_AT_MIPS_LINKAGE_NAME, EO_DWARF_LINKAGE_NAME},
	{EO_DW_AT_LOW_PC, EO_DWARF_LOW_PC},
	{EO_DW_AT_HIGH_PC, EO_DWARF_HIGH_PC},
	{EO_DW_AT_RANGES, EO_DWARF_RANGE_LIST},
	{EO_DW_AT_ABSTRACT_ORIGIN, EO_DWARF_ABSTRACT_ORIGIN},
	{EO_DW_AT_SPECIFICATION, EO_DWARF_SPECIFICATION},
	{EO_DW_AT_CALL_FILE, EO_DWARF_CALL_FILE},
	{EO_DW_AT_CALL_LINE, EO_DWARF_CALL_LINE},
	{EO_DW_AT_CALL_COLUMN, EO_DWARF_CALL_COLUMN},
	{EO_DW_AT_STMT_LIST, EO_DWARF_LINE_TABLE},
	{EO_DW_AT_COMP_DIR, EO_DWARF_COMP_DIR},
	{EO_DW_AT_STR_OFFSETS_BASE, EO_DWARF_STR_OFFSETS_BASE},
	{EO_DW_AT_ADDR_BASE, EO_DWARF_ADDR_BASE},
	{EO_DW_AT_GNU_ADDR_BASE, EO_DWARF_ADDR_BASE},
	{EO_DW_AT_RNGLISTS_BASE, EO_DWARF_RNGLISTS_BASE},
};

static uint8_t keep_as(uint64_t attribute)
{
	for (size_t i = 0; i < EO_ARRAY_SIZE(kept); i++)
		if (kept[i].attribute == attribute)
			return kept[i].kept_as;
	return EO_DWARF_ATTRIBUTE_COUNT;
}

/* Sizes of forms: bytes, or one of these. */
enum {
	UNKNOWN = 0,
	ADDRESS = 100, /* what the unit's header says */
	OFFSET,
	NOTHING,
	LEB,
	TEXT,
	COUNTED_1, /* a length of so many bytes, and that many bytes */
	COUNTED_2,
	COUNTED_4,
	COUNTED_LEB,
	OTHER_FORM, /* the form stands before the value */
};

static const uint8_t shapes[] = {
	[EO_DW_FORM_ADDR] = ADDRESS,
	[EO_DW_FORM_BLOCK2] = COUNTED_2,
	[EO_DW_FORM_BLOCK4] = COUNTED_4,
	[EO_DW_FORM_DATA2] = 2,
	[EO_DW_FORM_DATA4] = 4,
	[EO_DW_FORM_DATA8] = 8,
	[EO_DW_FORM_STRING] = TEXT,
	[EO_DW_FORM_BLOCK] = COUNTED_LEB,
	[EO_DW_FORM_BLOCK1] = COUNTED_1,
	[EO_DW_FORM_DATA1] = 1,
	[EO_DW_FORM_FLAG] = 1,
	[EO_DW_FORM_SDATA] = LEB,
	[EO_DW_FORM_STRP] = OFFSET,
	[EO_DW_FORM_UDATA] = LEB,
	[EO_DW_FORM_REF_ADDR] = OFFSET,
	[EO_DW_FORM_REF1] = 1,
	[EO_DW_FORM_REF2] = 2,
	[EO_DW_FORM_REF4] = 4,
	[EO_DW_FORM_REF8] = 8,
	[EO_DW_FORM_REF_UDATA] = LEB,
	[EO_DW_FORM_INDIRECT] = OTHER_FORM,
	[EO_DW_FORM_SEC_OFFSET] = OFFSET,
	[EO_DW_FORM_EXPRLOC] = COUNTED_LEB,
	[EO_DW_FORM_FLAG_PRESENT] = NOTHING,
	[EO_DW_FORM_STRX] = LEB,
	[EO_DW_FORM_ADDRX] = LEB,
	[EO_DW_FORM_REF_SUP4] = 4,
	[EO_DW_FORM_STRP_SUP] = OFFSET,
	[EO_DW_FORM_DATA16] = 16,
	[EO_DW_FORM_LINE_STRP] = OFFSET,
	[EO_DW_FORM_REF_SIG8] = 8,
	[EO_DW_FORM_IMPLICIT_CONST] = NOTHING,
	[EO_DW_FORM_LOCLISTX] = LEB,
	[EO_DW_FORM_RNGLISTX] = LEB,
	[EO_DW_FORM_REF_SUP8] = 8,
	[EO_DW_FORM_STRX1] = 1,
	[EO_DW_FORM_STRX2] = 2,
	[EO_DW_FORM_STRX3] = 3,
	[EO_DW_FORM_STRX4] = 4,
	[EO_DW_FORM_ADDRX1] = 1,
	[EO_DW_FORM_ADDRX2] = 2,
	[EO_DW_FORM_ADDRX3] = 3,
	[EO_DW_FORM_ADDRX4] = 4,
};

/* The shape of @form in @unit, its sizes filled in. */
static uint8_t shape_of(const struct eo_dwarf_unit *unit, uint64_t form)
{
	uint8_t shape = form < EO_ARRAY_SIZE(shapes) ? shapes[form] : UNKNOWN;

	if (form == EO_DW_FORM_GNU_REF_ALT || form == EO_DW_FORM_GNU_STRP_ALT)
		shape = OFFSET;
	if (form == EO_DW_FORM_GNU_ADDR_INDEX || form == EO_DW_FORM_GNU_STR_INDEX)
		shape = LEB;
	if (form == EO_DW_FORM_REF_ADDR && unit->version == 2)
		shape = ADDRESS;
	if (shape == OFFSET)
		return unit->offset_size;
	return shape == ADDRESS ? unit->address_size : shape;
}

/* One abbreviation, whose code has been read. */
static int read_abbreviation(struct eo_dwarf_cursor *c, const struct eo_dwarf_unit *unit,
			     uint64_t code, struct eo_dwarf_abbreviations *all)
{
	struct eo_dwarf_abbreviation added = {.code = code,
					      .first_form = (uint32_t)all->form_count};
	uint64_t size = 0;
	bool varies = false;

	added.tag = (uint32_t)eo_dwarf_uleb(c);
	added.has_children = eo_dwarf_uint(c, 1);
	for (;;) {
		uint64_t attribute = eo_dwarf_uleb(c), form = eo_dwarf_uleb(c);
		struct eo_dwarf_form *to;
		uint8_t shape;

		if (c->bad)
			return -EBADMSG;
		if (!attribute && !form)
			break;
		shape = shape_of(unit, form);
		if (shape == UNKNOWN || all->form_count >= FORMS_MAX)
			return -EBADMSG;
		if (!EO_ARRAY_RESERVE(all->forms, all->form_count + 1, all->form_room, 64))
			return -ENOMEM;
		to = &all->forms[all->form_count++];
		*to = (struct eo_dwarf_form){
			.form = (uint16_t)form,
			.attribute = keep_as(attribute),
			.size = shape == NOTHING  ? 0
				: shape < ADDRESS ? shape
						  : EO_DWARF_SIZE_VARIES,
		};
		if (form == EO_DW_FORM_IMPLICIT_CONST)
			to->constant = eo_dwarf_sleb(c);
		added.has_code |= to->attribute == EO_DWARF_LOW_PC ||
				  to->attribute == EO_DWARF_RANGE_LIST;
		varies |= to->size == EO_DWARF_SIZE_VARIES;
		size += to->size;
	}
	added.form_count = (uint32_t)all->form_count - added.first_form;
	added.size = varies ? EO_DWARF_ENTRY_VARIES : (uint32_t)size;
	if (all->count >= ABBREVIATIONS_MAX)
		return -EBADMSG;
	if (!EO_ARRAY_RESERVE(all->list, all->count + 1, all->room, 64))
		return -ENOMEM;
	all->list[all->count++] = added;
	return 0;
}

/* @only: stop behind the one of this code; 0: read all. */
static int read_abbreviations(struct eo_dwarf_file *file, struct eo_dwarf_cursor *c,
			      const struct eo_dwarf_unit *unit, uint64_t only,
			      struct eo_dwarf_abbreviations *all)
{
	uint64_t code;

	all->count = all->form_count = 0;
	while ((code = eo_dwarf_uleb(c)) != 0) {
		size_t before = all->form_count;
		int r = read_abbreviation(c, unit, code, all);

		if (r < 0)
			return r;
		if (!eo_dwarf_file_spend(file, 2 + 2 * (all->form_count - before)))
			return -EFBIG;
		if (code == only)
			return 0;
	}
	return c->bad || only ? -EBADMSG : 0;
}

static int by_code(const void *left, const void *right)
{
	const struct eo_dwarf_abbreviation *a = left, *b = right;

	return (a->code > b->code) - (a->code < b->code);
}

/* Their end shows when they are read: try with more bytes until it is there. */
static int load(struct eo_dwarf_file *file, const struct eo_dwarf_unit *unit, uint64_t only,
		struct eo_dwarf_abbreviations *all)
{
	uint64_t section = eo_dwarf_section_size(file, EO_DWARF_ABBREV), left, had;
	struct eo_dwarf_cursor c;
	int r;

	if (unit->abbreviations >= section)
		return -EBADMSG;
	left = section - unit->abbreviations;
	c = eo_dwarf_view(file, EO_DWARF_ABBREV, unit->abbreviations, only ? 512 : 8192);
	had = eo_dwarf_left(&c);
	r = read_abbreviations(file, &c, unit, only, all);
	while (r == -EBADMSG && c.bad && had && had < left && had < ABBREVIATIONS_MAX_BYTES) {
		had = had * 8 < left ? had * 8 : left;
		r = eo_dwarf_copy(file, EO_DWARF_ABBREV, unit->abbreviations, had, &c);
		if (r < 0)
			return r;
		r = read_abbreviations(file, &c, unit, only, all);
		free((unsigned char *)c.start);
	}
	all->is_sorted_only = false;
	for (size_t i = 0; r == 0 && i < all->count; i++)
		all->is_sorted_only |= all->list[i].code != i + 1;
	if (all->is_sorted_only)
		qsort(all->list, all->count, sizeof(*all->list), by_code);
	return r;
}

int eo_dwarf_abbreviations_load(struct eo_dwarf_file *file, const struct eo_dwarf_unit *unit,
				struct eo_dwarf_abbreviations *ret)
{
	return load(file, unit, 0, ret);
}

void eo_dwarf_abbreviations_fini(struct eo_dwarf_abbreviations *all)
{
	free(all->list);
	free(all->forms);
	*all = (struct eo_dwarf_abbreviations){0};
}

const struct eo_dwarf_abbreviation *eo_dwarf_abbreviation(const struct eo_dwarf_abbreviations *all,
							  uint64_t code)
{
	const struct eo_dwarf_abbreviation key = {.code = code};

	if (all->is_sorted_only)
		return bsearch(&key, all->list, all->count, sizeof(key), by_code);
	return code - 1 < all->count ? &all->list[code - 1] : NULL;
}

/* ---- entries ---- */

static uint64_t read_form(struct eo_dwarf_cursor *c, const struct eo_dwarf_unit *unit,
			  uint64_t form, uint16_t *ret_form)
{
	uint8_t shape = shape_of(unit, form);
	uint64_t position;

	*ret_form = (uint16_t)form;
	switch (shape) {
	case UNKNOWN:
		eo_dwarf_fail(c);
		return 0;
	case NOTHING:
		return 1;
	case LEB:
		return form == EO_DW_FORM_SDATA ? (uint64_t)eo_dwarf_sleb(c) : eo_dwarf_uleb(c);
	case TEXT:
		position = eo_dwarf_position(c);
		eo_dwarf_text(c);
		return position;
	case COUNTED_1:
	case COUNTED_2:
		eo_dwarf_skip(c, eo_dwarf_uint(c, shape == COUNTED_1 ? 1 : 2));
		return 0;
	case COUNTED_4:
		eo_dwarf_skip(c, eo_dwarf_uint(c, 4));
		return 0;
	case COUNTED_LEB:
		eo_dwarf_skip(c, eo_dwarf_uleb(c));
		return 0;
	case OTHER_FORM:
		form = eo_dwarf_uleb(c);
		if (form == EO_DW_FORM_INDIRECT || form == EO_DW_FORM_IMPLICIT_CONST) {
			eo_dwarf_fail(c);
			return 0;
		}
		return read_form(c, unit, form, ret_form);
	default:
		if (shape <= 8)
			return eo_dwarf_uint(c, shape);
		eo_dwarf_skip(c, shape);
		return 0;
	}
}

void eo_dwarf_form_read(struct eo_dwarf_cursor *c, const struct eo_dwarf_unit *unit, uint64_t form,
			struct eo_dwarf_value *ret)
{
	ret->number = read_form(c, unit, form, &ret->form);
}

uint64_t eo_dwarf_die_steps(const struct eo_dwarf_abbreviations *all,
			    const struct eo_dwarf_abbreviation *abbreviation)
{
	return (all->is_sorted_only ? 16 : 1) + abbreviation->form_count / 4;
}

void eo_dwarf_die_skip(struct eo_dwarf_cursor *c, const struct eo_dwarf_unit *unit,
		       const struct eo_dwarf_abbreviations *all,
		       const struct eo_dwarf_abbreviation *abbreviation)
{
	/* Without any there is no list of forms either. */
	const struct eo_dwarf_form *forms =
		abbreviation->form_count ? &all->forms[abbreviation->first_form] : NULL;
	uint16_t form;

	if (abbreviation->size != EO_DWARF_ENTRY_VARIES) {
		eo_dwarf_skip(c, abbreviation->size);
		return;
	}
	for (uint32_t i = 0; i < abbreviation->form_count; i++)
		if (forms[i].size != EO_DWARF_SIZE_VARIES)
			eo_dwarf_skip(c, forms[i].size);
		else
			read_form(c, unit, forms[i].form, &form);
}

void eo_dwarf_die_read(struct eo_dwarf_cursor *c, const struct eo_dwarf_unit *unit,
		       const struct eo_dwarf_abbreviations *all,
		       const struct eo_dwarf_abbreviation *abbreviation, struct eo_dwarf_die *ret)
{
	const struct eo_dwarf_form *forms =
		abbreviation->form_count ? &all->forms[abbreviation->first_form] : NULL;

	memset(ret->attributes, 0, sizeof(ret->attributes));
	for (uint32_t i = 0; i < abbreviation->form_count; i++) {
		struct eo_dwarf_value value = {0};

		if (forms[i].attribute == EO_DWARF_ATTRIBUTE_COUNT &&
		    forms[i].size != EO_DWARF_SIZE_VARIES) {
			eo_dwarf_skip(c, forms[i].size);
			continue;
		}
		value.number = read_form(c, unit, forms[i].form, &value.form);
		if (value.form == EO_DW_FORM_IMPLICIT_CONST)
			value.number = (uint64_t)forms[i].constant;
		if (forms[i].attribute != EO_DWARF_ATTRIBUTE_COUNT)
			ret->attributes[forms[i].attribute] = value;
	}
}

static int read_first(struct eo_dwarf_file *file, struct eo_dwarf_unit *unit, size_t size,
		      struct eo_dwarf_abbreviations *all)
{
	struct eo_dwarf_cursor c = eo_dwarf_view(file, EO_DWARF_INFO, unit->entries, size);
	const struct eo_dwarf_abbreviation *abbreviation;
	uint64_t code = eo_dwarf_uleb(&c);
	int r;

	if (c.bad || !code)
		return -EBADMSG;
	r = load(file, unit, code, all);
	if (r < 0)
		return r;
	abbreviation = eo_dwarf_abbreviation(all, code);
	if (!abbreviation)
		return -EBADMSG;
	eo_dwarf_die_read(&c, unit, all, abbreviation, &unit->first);
	unit->first.offset = unit->entries;
	unit->first.tag = abbreviation->tag;
	unit->first.has_children = abbreviation->has_children;
	return c.bad || eo_dwarf_position(&c) > unit->end ? -EBADMSG : 0;
}

int eo_dwarf_unit_read_first(struct eo_dwarf_file *file, struct eo_dwarf_unit *unit)
{
	const struct eo_dwarf_value *values = unit->first.attributes;
	struct eo_dwarf_abbreviations all = {0};
	int r = read_first(file, unit, FIRST_ENTRY_BYTES, &all);

	if (r == -EBADMSG) /* names and compilers' options may stand in it */
		r = read_first(file, unit, EO_DWARF_VIEW_MAX_BYTES, &all);
	eo_dwarf_abbreviations_fini(&all);
	if (r < 0)
		return r;
	eo_dwarf_section_offset(&values[EO_DWARF_STR_OFFSETS_BASE], &unit->str_offsets_base);
	eo_dwarf_section_offset(&values[EO_DWARF_ADDR_BASE], &unit->addr_base);
	eo_dwarf_section_offset(&values[EO_DWARF_RNGLISTS_BASE], &unit->rnglists_base);
	eo_dwarf_address(file, unit, &values[EO_DWARF_LOW_PC], &unit->base);
	return 0;
}
