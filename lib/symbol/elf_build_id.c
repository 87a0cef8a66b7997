/* SPDX-License-Identifier: BSD-2-Clause */
#include "symbol/elf_build_id.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/auto.h"

#define NOTES_MAX_BYTES (1u << 20) /* of all notes of a file together */

static void format_hex(const unsigned char *bytes, size_t count, char *ret)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < count; i++) {
		*ret++ = digits[bytes[i] >> 4];
		*ret++ = digits[bytes[i] & 15];
	}
	*ret = '\0';
}

/* Notes are padded to four bytes, those of segments with an alignment of eight to eight. */
static bool find_build_id(const unsigned char *notes, size_t size, uint64_t align, char *ret)
{
	size_t pad = align == 8 ? 7 : 3;
	size_t at = 0;

	while (size - at >= sizeof(Elf64_Nhdr)) {
		Elf64_Nhdr note; /* the same in both classes */

		memcpy(&note, notes + at, sizeof(note));
		at += sizeof(note);
		if (note.n_namesz > size - at)
			return false;

		/* Padding counts from the note's begin, which is aligned. */
		size_t desc = (at + note.n_namesz + pad) & ~pad;

		if (desc > size || note.n_descsz > size - desc)
			return false;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == sizeof(ELF_NOTE_GNU) &&
		    memcmp(notes + at, ELF_NOTE_GNU, sizeof(ELF_NOTE_GNU)) == 0 &&
		    note.n_descsz >= 1 && note.n_descsz <= EO_BUILD_ID_MAX_BYTES) {
			format_hex(notes + desc, note.n_descsz, ret);
			return true;
		}
		at = (desc + note.n_descsz + pad) & ~pad;
		if (at > size)
			return false;
	}
	return false;
}

/* 1: found, 0: not there. @budget: bytes that may still be read. */
static int read_notes(const struct eo_elf_image *image, uint64_t offset, uint64_t size,
		      uint64_t align, size_t *budget, char *ret)
{
	if (offset >= image->size)
		return 0;
	if (size > image->size - offset)
		size = image->size - offset;
	if (size > *budget)
		size = *budget;
	if (size == 0)
		return 0;

	EO_AUTO_FREE unsigned char *notes = malloc(size);
	if (!notes)
		return -ENOMEM;

	*budget -= size;
	if (eo_elf_image_read(image, offset, notes, size) < 0)
		return 0;
	return find_build_id(notes, size, align, ret);
}

int eo_elf_build_id_read(struct eo_elf_image *image, char ret[EO_BUILD_ID_TEXT_BYTES])
{
	size_t budget = NOTES_MAX_BYTES;
	int r;

	ret[0] = '\0';
	for (uint32_t i = 0; i < image->segment_count; i++) {
		Elf64_Phdr segment;

		if (eo_elf_image_segment(image, i, &segment) < 0 || segment.p_type != PT_NOTE)
			continue;
		r = read_notes(image, segment.p_offset, segment.p_filesz, segment.p_align, &budget,
			       ret);
		if (r != 0)
			return r < 0 ? r : 0;
	}

	/* Separate debug files keep their sections, but not always their segments' contents. */
	bool had_sections = image->sections;

	r = eo_elf_image_load_sections(image);
	for (uint32_t i = 0; r == 0 && image->sections && i < image->section_count; i++) {
		const Elf64_Shdr *section = &image->sections[i];

		if (section->sh_type == SHT_NOTE)
			r = read_notes(image, section->sh_offset, section->sh_size,
				       section->sh_addralign, &budget, ret);
	}
	if (!had_sections)
		eo_elf_image_drop_sections(image);
	return r < 0 ? r : 0;
}
