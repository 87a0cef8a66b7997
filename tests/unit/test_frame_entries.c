/* SPDX-License-Identifier: BSD-2-Clause */
/* How CIEs, FDEs and the pointers in them are written. */
#include "unwind/frame_entries.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "core/auto.h"
#include "frame_sections.h"

struct cie_case {
	const char *name;
	unsigned char rest[32];
	size_t size;
	unsigned char fde[32]; /* from the address on */
	size_t fde_size;
};

/* 0x1000 .. 0x1010, absolute */
#define PLAIN_FDE {0, 0x10, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0}, 16
#define EMPTY_DATA_FDE {0, 0x10, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 0}, 17

Test(frame_entries, versions_and_augmentations_are_understood)
{
	static const struct cie_case cases[] = {
		{"version 1", {1, 0, 1, 0x78, RIP, DEF, RSP, 8, OFFSET + RIP, 1}, 10, PLAIN_FDE},
		{"version 3",
		 {3, 0, 1, 0x78, 0x90, 0, DEF, RSP, 8, OFFSET + RIP, 1},
		 11,
		 PLAIN_FDE},
		{"version 4",
		 {4, 0, 8, 0, 1, 0x78, RIP, DEF, RSP, 8, OFFSET + RIP, 1},
		 12,
		 PLAIN_FDE},
		{"gcc 2",
		 {1,   'e', 'h',	  0, 1, 2, 3, 4, 5, 6, 7, 8, 1, 0x78, RIP, DEF,
		  RSP, 8,   OFFSET + RIP, 1},
		 20,
		 PLAIN_FDE},
		{"z alone",
		 {1, 'z', 0, 1, 0x78, RIP, 0, DEF, RSP, 8, OFFSET + RIP, 1},
		 12,
		 EMPTY_DATA_FDE},
		{"zR",
		 {1, 'z', 'R', 0, 1, 0x78, RIP, 1, 0, DEF, RSP, 8, OFFSET + RIP, 1},
		 14,
		 EMPTY_DATA_FDE},
		{"zPLR",
		 {1, 'z', 'P', 'L',  'R', 0,   1,   0x78, RIP,		7, 0x9b, 1,
		  2, 3,	  4,   0x1b, 0,	  DEF, RSP, 8,	  OFFSET + RIP, 1},
		 22,
		 EMPTY_DATA_FDE},
		{"zRB",
		 {1, 'z', 'R', 'B', 0, 1, 0x78, RIP, 1, 0, DEF, RSP, 8, OFFSET + RIP, 1},
		 15,
		 EMPTY_DATA_FDE},
		{"no personality",
		 {1, 'z', 'P', 'R', 0, 1, 0x78, RIP, 2, 0xff, 0, DEF, RSP, 8, OFFSET + RIP, 1},
		 16,
		 EMPTY_DATA_FDE},
		{"data that nobody reads",
		 {1, 'z', 'R', 0, 1, 0x78, RIP, 3, 0, 9, 9, DEF, RSP, 8, OFFSET + RIP, 1},
		 16,
		 EMPTY_DATA_FDE},
		{"data of the FDE",
		 {1, 'z', 'L', 0, 1, 0x78, RIP, 1, 0, DEF, RSP, 8, OFFSET + RIP, 1},
		 14,
		 {0, 0x10, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0, 4, 0x3f, 0x3f, 0x3f, 0x3f},
		 21},
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(cases); i++) {
		struct eo_frame_table table;
		struct eo_error err = {0};
		BUFFER(buffer);

		add_raw_cie(&buffer, cases[i].rest, cases[i].size);
		add_raw_fde(&buffer, cases[i].fde, cases[i].fde_size);
		cr_assert_eq(parse_bytes(buffer.bytes, buffer.size, false, 0, &table, &err), 0,
			     "%s: %s", cases[i].name, err.text);
		ASSERT_ROWS(table, {0x1000, sp(8)}, {0x1010, only(EO_CFA_NONE)});
	}
}

Test(frame_entries, what_cannot_be_understood_is_refused_by_name)
{
	static const struct {
		struct cie_case cie;
		const char *reason;
	} cases[] = {
		{{"version 2", {2, 0, 1, 0x78, RIP}, 5, PLAIN_FDE}, "its version is not known"},
		{{"version 5", {5, 0, 8, 0, 1, 0x78, RIP}, 7, PLAIN_FDE},
		 "its version is not known"},
		{{"32 bits", {4, 0, 4, 0, 1, 0x7c, 8}, 7, PLAIN_FDE},
		 "its addresses are not 64 bits"},
		{{"segments", {4, 0, 8, 2, 1, 0x78, RIP}, 7, PLAIN_FDE},
		 "its addresses are not 64 bits"},
		{{"armcc", {1, 'a', 'r', 'm', 'c', 'c', '+', 0, 1, 0x78, RIP}, 11, PLAIN_FDE},
		 "its augmentation is not known"},
		{{"unknown letter", {1, 'z', 'Q', 'R', 0, 1, 0x78, RIP, 2, 0, 0}, 11,
		  EMPTY_DATA_FDE},
		 "its augmentation is not known"},
		{{"too little data", {1, 'z', 'P', 'R', 0, 1, 0x78, RIP, 2, 3, 0, 0, 0, 0}, 14,
		  EMPTY_DATA_FDE},
		 "its augmentation is too short"},
		{{"odd personality", {1, 'z', 'P', 'R', 0, 1, 0x78, RIP, 2, 7, 0}, 11,
		  EMPTY_DATA_FDE},
		 "its augmentation is too short"},
		{{"text without end", {1, 'z', 'R'}, 3, EMPTY_DATA_FDE}, "it is cut off"},
		{{"no alignment", {1, 0, 1}, 3, PLAIN_FDE}, "it is cut off"},
		{{"empty", {0}, 0, PLAIN_FDE}, "it is cut off"},
		{{"indirect", {1, 'z', 'R', 0, 1, 0x78, RIP, 1, 0x80}, 9, EMPTY_DATA_FDE},
		 "its encoding of addresses cannot be resolved"},
		{{"omitted", {1, 'z', 'R', 0, 1, 0x78, RIP, 1, 0xff}, 9, EMPTY_DATA_FDE},
		 "its encoding of addresses cannot be resolved"},
		{{"of a function", {1, 'z', 'R', 0, 1, 0x78, RIP, 1, 0x40}, 9, EMPTY_DATA_FDE},
		 "its encoding of addresses cannot be resolved"},
		{{"text not known", {1, 'z', 'R', 0, 1, 0x78, RIP, 1, 0x20}, 9, EMPTY_DATA_FDE},
		 "its encoding of addresses cannot be resolved"},
		{{"data not known", {1, 'z', 'R', 0, 1, 0x78, RIP, 1, 0x30}, 9, EMPTY_DATA_FDE},
		 "its encoding of addresses cannot be resolved"},
		{{"aligned, of 4 bytes", {1, 'z', 'R', 0, 1, 0x78, RIP, 1, 0x53}, 9,
		  EMPTY_DATA_FDE},
		 "its encoding of addresses cannot be resolved"},
		{{"no such base", {1, 'z', 'R', 0, 1, 0x78, RIP, 1, 0x60}, 9, EMPTY_DATA_FDE},
		 "its encoding of addresses cannot be resolved"},
		{{"no such format", {1, 'z', 'R', 0, 1, 0x78, RIP, 1, 0x05}, 9, EMPTY_DATA_FDE},
		 "its encoding of addresses cannot be resolved"},
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(cases); i++) {
		struct eo_frame_table table;
		struct eo_error err = {0};
		BUFFER(buffer);

		add_raw_cie(&buffer, cases[i].cie.rest, cases[i].cie.size);
		add_raw_fde(&buffer, cases[i].cie.fde, cases[i].cie.fde_size);
		cr_assert_eq(parse_bytes(buffer.bytes, buffer.size, false, 0, &table, &err),
			     -ENOEXEC, "%s", cases[i].cie.name);
		cr_assert_eq(err.code, ENOEXEC);
		cr_assert(strstr(err.text, cases[i].reason), "%s: %s", cases[i].cie.name, err.text);
		cr_assert(strstr(err.text, ".eh_frame, entry at 0x0:"), "%s", err.text);

		/* beside an FDE that can be read it is no error */
		add_cie(&buffer);
		add_fde(&buffer, 0x1000, 0x10, BYTES(0));
		ASSERT_ROWS(parse_section(&buffer), {0x1000, sp(8)}, {0x1010, only(EO_CFA_NONE)});
	}
}

/* The FDE's pointer lies 4 + 4 bytes behind its start; the section at SECTION_VADDR, the text at
 * 0x300000, the data at 0x400000. */
Test(frame_entries, pointers_are_read_in_all_encodings)
{
	static const struct {
		const char *name;
		uint8_t encoding;
		unsigned char pointers[24];
		size_t size;
		uint64_t base; /* UINT64_MAX: of the pointer itself */
		uint64_t value;
	} cases[] = {
		{"absptr", 0x00, {1, 2, 3, 0, 0, 0, 0, 0, 0x10}, 16, 0, 0x30201},
		{"uleb128", 0x01, {0x81, 0x82, 3, 0x10}, 4, 0, 0xc101},
		{"udata2", 0x02, {1, 0xf2, 0x10, 0}, 4, 0, 0xf201},
		{"udata4", 0x03, {1, 2, 3, 0xf4, 0x10, 0, 0, 0}, 8, 0, 0xf4030201},
		{"udata8", 0x04, {1, 2, 3, 4, 5, 0, 0, 0, 0x10}, 16, 0, 0x504030201},
		{"signed", 0x08, {1, 2, 3, 0, 0, 0, 0, 0, 0x10}, 16, 0, 0x30201},
		{"sleb128", 0x09, {0x81, 0x82, 3, 0x10}, 4, 0, 0xc101},
		{"sdata2, pcrel", 0x1a, {0, 0xf0, 0x10, 0}, 4, UINT64_MAX, -0x1000ull},
		{"sdata4, pcrel", 0x1b, {0, 0, 0xff, 0xff, 0x10, 0, 0, 0}, 8, UINT64_MAX,
		 -0x10000ull},
		{"sdata8, pcrel", 0x1c, {0, 0, 1, 0, 0, 0, 0, 0, 0x10}, 16, UINT64_MAX, 0x10000},
		{"sleb128, pcrel", 0x19, {0x80, 0x7f, 0x10}, 3, UINT64_MAX, -0x80ull},
		{"sdata4, textrel", 0x2b, {0, 0, 0xff, 0xff, 0x10, 0, 0, 0}, 8, 0x300000,
		 -0x10000ull},
		{"sdata4, datarel", 0x3b, {0, 0, 0xff, 0xff, 0x10, 0, 0, 0}, 8, 0x400000,
		 -0x10000ull},
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(cases); i++) {
		struct eo_frame_table table;
		struct eo_frame_section section = {.vaddr = SECTION_VADDR, .text_vaddr = 0x300000,
						   .data_vaddr = 0x400000};
		unsigned char with_data[32];
		uint64_t start;
		BUFFER(buffer);

		add_raw_cie(&buffer, BYTES(1, 'z', 'R', 0, 1, 0x78, RIP, 1, cases[i].encoding, DEF,
					   RSP, 8, OFFSET + RIP, 1));
		start = cases[i].value + (cases[i].base == UINT64_MAX ?
						  SECTION_VADDR + buffer.size + 8 :
						  cases[i].base);
		memcpy(with_data, cases[i].pointers, sizeof(cases[i].pointers));
		with_data[cases[i].size] = 0;
		add_raw_fde(&buffer, with_data, cases[i].size + 1);
		section.bytes = buffer.bytes;
		section.size = buffer.size;
		cr_assert_eq(parse_at(&section, &table, NULL), 0, "%s", cases[i].name);
		cr_assert_eq(table.count, 2u, "%s", cases[i].name);
		cr_assert_eq(table.rows[0].pc, start, "%s: 0x%lx, not 0x%lx", cases[i].name,
			     table.rows[0].pc, start);
		cr_assert_eq(table.rows[1].pc, start + 0x10, "%s", cases[i].name);
		eo_frame_table_fini(&table);
	}
}

Test(frame_entries, aligned_pointers_are_where_the_address_is_a_multiple_of_8)
{
	for (size_t padding = 0; padding < 8; padding++) {
		struct eo_frame_table table;
		BUFFER(buffer);

		add_raw_cie(&buffer, BYTES(1, 'z', 'R', 0, 1, 0x78, RIP, 1, 0x50, DEF, RSP, 8,
				       OFFSET + RIP, 1));

		size_t pointer = buffer.size + 8, aligned;
		struct eo_frame_section section = {.vaddr = SECTION_VADDR + padding};
		unsigned char bytes[32] = {0};

		aligned = (section.vaddr + pointer + 7) / 8 * 8 - section.vaddr - pointer;
		bytes[aligned + 1] = 0x10;
		bytes[aligned + 8] = 0x20; /* the size's format is the same, without the padding */
		add_raw_fde(&buffer, bytes, aligned + 17);
		section.bytes = buffer.bytes;
		section.size = buffer.size;
		cr_assert_eq(parse_at(&section, &table, NULL), 0);
		ASSERT_ROWS(table, {0x1000, sp(8)}, {0x1020, only(EO_CFA_NONE)});
	}
}

Test(frame_entries, both_sections_come_in_32_and_64_bits)
{
	for (int i = 0; i < 4; i++) {
		BUFFER(buffer);

		buffer.is_debug_frame = i & 1;
		buffer.is_64 = i & 2;
		add_number(&buffer, 0, 4); /* padding, which is skipped */
		add_cie(&buffer);
		add_fde(&buffer, 0x1000, 0x10, BYTES(0));
		add_cie(&buffer);
		add_fde(&buffer, 0x1010, 0x10, BYTES(DEF_OFFSET, 16));
		add_number(&buffer, 0, 4);
		add_fde(&buffer, 0x1020, 0x10, BYTES(DEF_OFFSET, 24));
		ASSERT_ROWS(parse_section(&buffer), {0x1000, sp(8)}, {0x1010, sp(16)},
			    {0x1020, sp(24)}, {0x1030, only(EO_CFA_NONE)});
	}
}

Test(frame_entries, debug_frame_serves_what_eh_frame_leaves_out)
{
	struct eo_frame_section one = {.vaddr = SECTION_VADDR}, other = {.is_debug_frame = true};
	struct eo_frame_table table;
	struct eo_error err = {0};
	BUFFER(eh_frame);
	BUFFER(debug_frame);

	add_cie(&eh_frame);
	add_fde(&eh_frame, 0x1000, 0x10, BYTES(DEF_OFFSET, 16));
	debug_frame.is_debug_frame = true;
	add_cie(&debug_frame);
	add_fde(&debug_frame, 0x2000, 0x10, BYTES(DEF_OFFSET, 32));
	add_fde(&debug_frame, 0x1000, 0x10, BYTES(DEF_OFFSET, 24));

	one.bytes = eh_frame.bytes;
	one.size = eh_frame.size;
	one.next = &other;
	other.bytes = debug_frame.bytes;
	other.size = debug_frame.size;
	cr_assert_eq(parse_at(&one, &table, NULL), 0);
	ASSERT_ROWS(table, {0x1000, sp(16)}, {0x1010, only(EO_CFA_NONE)}, {0x2000, sp(32)},
		    {0x2010, only(EO_CFA_NONE)});

	/* where the first is damaged the other one still serves, and is named where it is too */
	memset(eh_frame.bytes, 0xfe, 4);
	cr_assert_eq(parse_at(&one, &table, NULL), 0);
	ASSERT_ROWS(table, {0x1000, sp(24)}, {0x1010, only(EO_CFA_NONE)}, {0x2000, sp(32)},
		    {0x2010, only(EO_CFA_NONE)});
	memset(debug_frame.bytes, 0xfe, 4);
	one.size = 0;
	cr_assert_eq(parse_at(&one, &table, &err), -ENOEXEC);
	cr_assert(strstr(err.text, ".debug_frame, entry at 0x0:"), "%s", err.text);
}

Test(frame_entries, functions_that_the_linker_dropped_are_left_out)
{
	BUFFER(buffer);

	add_cie(&buffer);
	add_fde(&buffer, 0, 0x4000, BYTES(0));
	add_fde(&buffer, UINT64_MAX, 0x10, BYTES(0));
	add_fde(&buffer, UINT64_MAX - 1, 0x10, BYTES(0));
	add_fde(&buffer, 0x2000, 0, BYTES(0));
	add_fde(&buffer, 0x1000, 0x10, BYTES(DEF_OFFSET, 16));

	struct eo_frame_table table = parse_section(&buffer);

	cr_assert_eq(table.fdes, 1u);
	ASSERT_ROWS(table, {0x1000, sp(16)}, {0x1010, only(EO_CFA_NONE)});
}
