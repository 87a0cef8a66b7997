/* SPDX-License-Identifier: BSD-2-Clause */
/* Units of .debug_info and the entries in them: headers, abbreviations, attributes, and what
 * these refer to. Only the attributes that matter here are kept of an entry. */
#ifndef EO_SYMBOL_DWARF_UNIT_H
#define EO_SYMBOL_DWARF_UNIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "symbol/dwarf_file.h"

enum eo_dwarf_attribute {
	EO_DWARF_NAME,
	EO_DWARF_LINKAGE_NAME,
	EO_DWARF_LOW_PC,
	EO_DWARF_HIGH_PC,
	EO_DWARF_RANGE_LIST,
	EO_DWARF_ABSTRACT_ORIGIN,
	EO_DWARF_SPECIFICATION,
	EO_DWARF_CALL_FILE,
	EO_DWARF_CALL_LINE,
	EO_DWARF_CALL_COLUMN,
	EO_DWARF_LINE_TABLE,
	EO_DWARF_COMP_DIR,
	EO_DWARF_STR_OFFSETS_BASE,
	EO_DWARF_ADDR_BASE,
	EO_DWARF_RNGLISTS_BASE,
	EO_DWARF_ATTRIBUTE_COUNT,
};

/* All zero: absent. */
struct eo_dwarf_value {
	uint16_t form;
	uint64_t number; /* of a text in place: where it is in .debug_info */
};

struct eo_dwarf_die {
	uint64_t offset; /* in .debug_info */
	uint32_t tag;
	bool has_children;
	struct eo_dwarf_value attributes[EO_DWARF_ATTRIBUTE_COUNT];
};

struct eo_dwarf_unit {
	uint64_t offset, end; /* in .debug_info; end is the first byte behind */
	uint64_t entries;     /* where its first entry is */
	uint64_t abbreviations;
	uint16_t version;
	uint8_t type; /* enum eo_dw_unit_type */
	uint8_t address_size, offset_size;

	/* of its first entry, zero before eo_dwarf_unit_read_first() */
	struct eo_dwarf_die first;
	uint64_t base; /* for its ranges */
	uint64_t str_offsets_base, addr_base, rnglists_base;
};

/* What an entry's code stands for. */
struct eo_dwarf_form {
	uint16_t form;
	uint8_t attribute; /* EO_DWARF_ATTRIBUTE_COUNT: none that is kept */
	uint8_t size;	   /* in bytes; EO_DWARF_SIZE_VARIES */
	int64_t constant;  /* of an implicit constant */
};
#define EO_DWARF_SIZE_VARIES 255u
#define EO_DWARF_ENTRY_VARIES UINT32_MAX

struct eo_dwarf_abbreviation {
	uint64_t code;
	uint32_t tag;
	uint32_t first_form, form_count;
	uint32_t size; /* of all attributes together; EO_DWARF_ENTRY_VARIES */
	bool has_children;
	bool has_code; /* it may have addresses */
};

struct eo_dwarf_abbreviations {
	struct eo_dwarf_abbreviation *list;
	size_t count, room;
	struct eo_dwarf_form *forms;
	size_t form_count, form_room;
	bool is_sorted_only; /* codes are not 1, 2, 3 …, and each takes a search */
};

/**
 * The unit whose header is at @offset of .debug_info. Units follow one another: the next one is at
 * its end. Returns 0, -EOPNOTSUPP (not of this version or address size, but its end is known), or
 * -EBADMSG.
 */
int eo_dwarf_unit_read(struct eo_dwarf_file *file, uint64_t offset, struct eo_dwarf_unit *ret);

/** Read its first entry as well. 0, -EBADMSG, -ENOMEM. */
int eo_dwarf_unit_read_first(struct eo_dwarf_file *file, struct eo_dwarf_unit *unit);

/** Those of @unit. Zeroed memory holds none. 0, -EBADMSG, -ENOMEM, -EFBIG. */
int eo_dwarf_abbreviations_load(struct eo_dwarf_file *file, const struct eo_dwarf_unit *unit,
				struct eo_dwarf_abbreviations *ret);
void eo_dwarf_abbreviations_fini(struct eo_dwarf_abbreviations *abbreviations);
/** NULL: there is none of this code. */
const struct eo_dwarf_abbreviation *
eo_dwarf_abbreviation(const struct eo_dwarf_abbreviations *abbreviations, uint64_t code);

/** Read one value, and tell its form, which only an indirect one changes. */
void eo_dwarf_form_read(struct eo_dwarf_cursor *c, const struct eo_dwarf_unit *unit, uint64_t form,
			struct eo_dwarf_value *ret);

/** What reading an entry takes off the budget. */
uint64_t eo_dwarf_die_steps(const struct eo_dwarf_abbreviations *abbreviations,
			    const struct eo_dwarf_abbreviation *abbreviation);

/** Move @c, which is behind the code, behind the attributes. */
void eo_dwarf_die_skip(struct eo_dwarf_cursor *c, const struct eo_dwarf_unit *unit,
		       const struct eo_dwarf_abbreviations *abbreviations,
		       const struct eo_dwarf_abbreviation *abbreviation);
/** The same, and keep what matters; offset, tag and children stay for the caller to fill. */
void eo_dwarf_die_read(struct eo_dwarf_cursor *c, const struct eo_dwarf_unit *unit,
		       const struct eo_dwarf_abbreviations *abbreviations,
		       const struct eo_dwarf_abbreviation *abbreviation, struct eo_dwarf_die *ret);

/* What attributes say. False, or NULL: absent, or it makes no sense. */
bool eo_dwarf_constant(const struct eo_dwarf_value *value, uint64_t *ret);
/** An offset in another section. */
bool eo_dwarf_section_offset(const struct eo_dwarf_value *value, uint64_t *ret);
bool eo_dwarf_address(struct eo_dwarf_file *file, const struct eo_dwarf_unit *unit,
		      const struct eo_dwarf_value *value, uint64_t *ret);
/** Address @index of the unit's. */
bool eo_dwarf_indexed_address(struct eo_dwarf_file *file, const struct eo_dwarf_unit *unit,
			      uint64_t index, uint64_t *ret);
/** Valid until the next one of any file involved. */
const char *eo_dwarf_string(struct eo_dwarf_file *file, const struct eo_dwarf_unit *unit,
			    const struct eo_dwarf_value *value);
/** Another entry: its offset in .debug_info of *@ret_file, which is @file or its supplement. */
bool eo_dwarf_reference(struct eo_dwarf_file *file, const struct eo_dwarf_unit *unit,
			const struct eo_dwarf_value *value, struct eo_dwarf_file **ret_file,
			uint64_t *ret);

/**
 * Call @each for the addresses [start, end) of @die. Ranges that a linker has dropped (at 0, or
 * without length) are left out. Returns 0, or -EBADMSG for a list that is damaged or without end.
 */
typedef void (*eo_dwarf_range_fn)(void *ctx, uint64_t start, uint64_t end);
int eo_dwarf_die_ranges(struct eo_dwarf_file *file, const struct eo_dwarf_unit *unit,
			const struct eo_dwarf_die *die, eo_dwarf_range_fn each, void *ctx);

#endif
