/* SPDX-License-Identifier: BSD-2-Clause */
/* Call frame information: whole ELF files, or a byte of flags and a section behind it. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/memory_file.h"
#include "unwind/frame_file.h"
#include "unwind/frame_table.h"
#include "unwind/frame_vet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	DEBUG_FRAME = 1 << 0,
	BASES_KNOWN = 1 << 1,
	TWICE = 1 << 2, /* as .eh_frame, and as the .debug_frame beside it */
	ENTRY = 1 << 3,
};

static void check(const struct eo_frame_table *table)
{
	static const struct eo_unwind_rule none;
	size_t unsupported = 0;

	for (size_t i = 0; i < table->count; i++) {
		const struct eo_frame_row *row = &table->rows[i];

		if (memcmp(&row->rule, i ? &row[-1].rule : &none, sizeof(none)) == 0 ||
		    (i && row->pc <= row[-1].pc) || row->rule.cfa_kind >= EO_CFA_KIND_COUNT ||
		    row->rule.fp_kind > EO_FP_AT_FP ||
		    eo_frame_table_find(table, row->pc) != &row->rule)
			abort();
		unsupported += row->rule.cfa_kind == EO_CFA_UNSUPPORTED;
	}
	if (table->unsupported != unsupported ||
	    (table->count && table->rows[table->count - 1].rule.cfa_kind != EO_CFA_NONE))
		abort();
}

/* What snapshots do with a file: entries are read one by one, and libunwind gets the good ones. */
static void search_file(const uint8_t *data, size_t size)
{
	int fd = eo_memory_file("fuzz", data, size);
	struct eo_frame_entry fde, cie;
	struct eo_frame_search search;
	size_t pair;

	if (fd < 0)
		return;
	if (eo_frame_file_load_search(fd, &search) == 0) {
		for (size_t i = 0; i < search.count && i < 256; i++) {
			if (eo_frame_search_read(&search, i, &fde, &cie))
				eo_frame_vet(fde.bytes, fde.size, cie.bytes, cie.size);
		}
		if (eo_frame_search_find(&search, search.entry, &pair) && pair >= search.count)
			abort();
		eo_frame_search_fini(&search);
	}
	eo_frame_file_is_go(fd);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct eo_frame_table table = {0};
	struct eo_frame_section section, other;
	struct eo_frame_sources sources = {0};
	struct eo_error err = {0};
	unsigned int flags;
	int r;

	if (size == 0)
		return 0;
	if (data[0] == 0x7f) {
		r = eo_frame_file_load_memory(data, size, &table, &err);
		search_file(data, size);
	} else {
		flags = data[0];
		section = (struct eo_frame_section){
			.bytes = data + 1,
			.size = size - 1,
			.vaddr = 0x1000,
			.text_vaddr = flags & BASES_KNOWN ? 0x2000 : 0,
			.data_vaddr = flags & BASES_KNOWN ? 0x3000 : 0,
			.is_debug_frame = flags & DEBUG_FRAME,
		};
		other = section;
		other.is_debug_frame = true;
		if (flags & TWICE)
			section.next = &other;
		sources.section = &section;
		sources.entry = flags & ENTRY ? 0x1100 : 0;
		r = eo_frame_table_parse(&sources, &table, &err);
	}
	if (r < 0 ? err.code != -r || !err.text[0] : err.code != 0)
		abort();
	if (r == 0)
		check(&table);
	eo_frame_table_fini(&table);
	return 0;
}
