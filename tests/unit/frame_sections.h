/* SPDX-License-Identifier: BSD-2-Clause */
/* Sections of call frame information made by hand, and what tests expect of them. */
#ifndef TESTS_FRAME_SECTIONS_H
#define TESTS_FRAME_SECTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "unwind/frame_table.h"

#define SECTION_VADDR 0x200000u /* where sections are said to lie */
#define BYTES(...) \
	(const unsigned char[]){__VA_ARGS__}, sizeof((const unsigned char[]){__VA_ARGS__})

/* DWARF 5, tables 7.29 and 7.9. */
enum {
	SET_LOC = 1, ADVANCE1 = 2, ADVANCE2 = 3, ADVANCE4 = 4, OFFSET_EXT = 5, RESTORE_EXT = 6,
	UNDEF = 7, SAME = 8, IN_REG = 9, REMEMBER = 10, RECALL = 11, DEF = 12, DEF_REG = 13,
	DEF_OFFSET = 14, DEF_EXPR = 15, EXPR = 16, OFFSET_EXT_SF = 17, DEF_SF = 18,
	DEF_OFFSET_SF = 19, VAL_OFFSET = 20, VAL_OFFSET_SF = 21, VAL_EXPR = 22, ADVANCE8 = 0x1d,
	ARGS_SIZE = 0x2e, NEGATIVE_EXT = 0x2f, ADVANCE = 0x40, OFFSET = 0x80, RESTORE = 0xc0,
	DEREF = 0x06, CONST1U = 0x08, CONST1S = 0x09, CONST4U = 0x0c, CONSTU = 0x10, CONSTS = 0x11,
	AND = 0x1a, MINUS = 0x1c, PLUS = 0x22, PLUS_U = 0x23, SHL = 0x24, GE = 0x2a,
	GT = 0x2b, LIT0 = 0x30, BREG_RBP = 0x76, BREG_RSP = 0x77, BREG_R10 = 0x7a,
	BREG_RIP = 0x80, BREGX = 0x92, EXPR_NOP = 0x96,
	RBP = 6, RSP = 7, RIP = 16,
};

struct buffer {
	unsigned char *bytes;
	size_t size, room;
	size_t entry; /* where the one in the making begins */
	size_t cie;   /* the last one */
	bool is_debug_frame, is_64;
};

#define BUFFER(name) __attribute__((cleanup(fini_buffer))) struct buffer name = {0}

void fini_buffer(struct buffer *buffer);
void add_bytes(struct buffer *buffer, const void *bytes, size_t size);
void add_number(struct buffer *buffer, uint64_t value, size_t size);
/* @rest: from the version on */
void add_raw_cie(struct buffer *buffer, const unsigned char *rest, size_t size);
/* The one gcc makes, but with absolute addresses: CFA rsp+8, the return address at CFA-8. */
void add_cie(struct buffer *buffer);
/* Of the last CIE. @rest: from the address on */
void add_raw_fde(struct buffer *buffer, const unsigned char *rest, size_t size);
void add_fde(struct buffer *buffer, uint64_t start, uint64_t size, const unsigned char *program,
	     size_t program_size);

/* Parse a copy that ends at an unmapped page, and assert what is true of every table. */
int parse_bytes(const unsigned char *bytes, size_t size, bool is_debug_frame, uint64_t entry,
		struct eo_frame_table *ret, struct eo_error *err);
/* Parse the bytes where they are. */
int parse_at(const struct eo_frame_section *section, struct eo_frame_table *ret,
	     struct eo_error *err);
/* As a copy, where no error is expected. */
struct eo_frame_table parse_section(const struct buffer *buffer);
struct eo_frame_table parse_with_entry(const struct buffer *buffer, uint64_t entry);

#define sp(n) {.cfa_kind = EO_CFA_SP, .cfa_offset = (n)}
#define fp(n) {.cfa_kind = EO_CFA_FP, .cfa_offset = (n)}
#define with_fp(cfa, n, kind, m) \
	{.cfa_kind = (cfa), .cfa_offset = (n), .fp_kind = (kind), .fp_offset = (m)}
#define only(kind) {.cfa_kind = (kind)}

/* Takes the table. */
void assert_rows(struct eo_frame_table table, const struct eo_frame_row *rows, size_t count);
#define ASSERT_ROWS(table, ...)                                                       \
	assert_rows(table, (const struct eo_frame_row[]){__VA_ARGS__},                \
		    sizeof((const struct eo_frame_row[]){__VA_ARGS__}) /              \
			    sizeof(struct eo_frame_row))

#endif
