/* SPDX-License-Identifier: BSD-2-Clause */
/* .eh_frame (Linux Standard Base, "Exception Frames") and .debug_frame (DWARF 5, section 6.4.1)
 * differ in how an FDE names its CIE, in what marks a CIE, and in nothing else that matters. */
#include "unwind/frame_entries.h"

#include <errno.h>
#include <stdlib.h>

#include "core/array.h"

#define LENGTH_64 0xffffffffu	   /* the length proper follows, in 8 bytes */
#define LENGTH_RESERVED 0xfffffff0u /* and from here on */
#define ADDRESS_BYTES 8u

struct entry {
	size_t offset;	  /* in the section */
	size_t id_offset; /* what the offset of an .eh_frame FDE's CIE counts back from */
	uint64_t id;
	bool is_cie;
	struct eo_frame_cursor body; /* behind the id */
};

static void complain(struct eo_frame_entries *entries, const struct eo_frame_section *section,
		     size_t offset, const char *what)
{
	if (entries->complaint)
		return;
	entries->complaint = what;
	entries->complaint_offset = offset;
	entries->complaint_debug_frame = section->is_debug_frame;
}

/* Returns why the entry at @at cannot be measured, or NULL. One of length 0 gets no body. */
static const char *read_entry(struct eo_frame_cursor *at, const struct eo_frame_section *section,
			      struct entry *ret)
{
	uint64_t length;
	bool is_64 = false;
	size_t id_size;

	*ret = (struct entry){.offset = (size_t)(at->at - section->bytes)};
	length = eo_frame_unsigned(at, 4);
	if (length == LENGTH_64) {
		is_64 = true;
		length = eo_frame_unsigned(at, 8);
	} else if (length >= LENGTH_RESERVED) {
		return "its length is a reserved one";
	}
	if (at->failed)
		return "its length is cut off";
	if (length == 0)
		return NULL;
	if (length > eo_frame_left(at))
		return "it is longer than the section";

	/* In .eh_frame the id has four bytes even behind a 64-bit length. */
	id_size = is_64 && section->is_debug_frame ? 8 : 4;
	ret->body = eo_frame_slice(at, length);
	ret->id_offset = (size_t)(ret->body.at - section->bytes);
	ret->id = eo_frame_unsigned(&ret->body, id_size);
	if (ret->body.failed)
		return "it is too short";
	if (section->is_debug_frame)
		ret->is_cie = ret->id == (is_64 ? UINT64_MAX : UINT32_MAX);
	else
		ret->is_cie = ret->id == 0;
	return NULL;
}

/* Returns why the augmentation cannot be understood, or NULL. */
static const char *read_augmentation(struct eo_frame_cursor *body, const char *letters,
				     struct eo_frame_cie *cie)
{
	struct eo_frame_cursor data;
	uint8_t encoding;

	if (*letters != 'z')
		return *letters ? "its augmentation is not known" : NULL;

	cie->sized_augmentation = true;
	data = eo_frame_slice(body, eo_frame_uleb(body));
	while (*++letters) {
		switch (*letters) {
		case 'R':
			cie->encoding = (uint8_t)eo_frame_unsigned(&data, 1);
			break;
		case 'P': /* the personality, of which only the size matters */
			encoding = (uint8_t)eo_frame_unsigned(&data, 1);
			if (encoding != EO_FRAME_PE_OMIT)
				eo_frame_pointer(&data, encoding, cie->section);
			break;
		case 'L':
			eo_frame_unsigned(&data, 1);
			break;
		case 'S':
			cie->signal = true;
			break;
		case 'B': /* of arm64 */
			break;
		default: /* without its size the others cannot be found */
			return "its augmentation is not known";
		}
	}
	return data.failed ? "its augmentation is too short" : NULL;
}

/* Returns why the FDEs of this CIE cannot be read, or NULL. */
static const char *read_cie(struct eo_frame_cursor body, struct eo_frame_cie *cie)
{
	uint64_t version = eo_frame_unsigned(&body, 1), return_register;
	const char *letters = eo_frame_string(&body), *reason;

	if (!body.failed && version != 1 && version != 3 && version != 4)
		return "its version is not known";
	if (letters[0] == 'e' && letters[1] == 'h') { /* gcc 2: a pointer to exception tables */
		eo_frame_unsigned(&body, ADDRESS_BYTES);
		letters += 2;
	}
	if (version == 4) {
		uint64_t address_size = eo_frame_unsigned(&body, 1);
		uint64_t segment_size = eo_frame_unsigned(&body, 1);

		if (!body.failed && (address_size != ADDRESS_BYTES || segment_size != 0))
			return "its addresses are not 64 bits";
	}

	cie->code_alignment = eo_frame_uleb(&body);
	cie->data_alignment = eo_frame_sleb(&body);
	return_register = version == 1 ? eo_frame_unsigned(&body, 1) : eo_frame_uleb(&body);
	cie->encoding = EO_FRAME_PE_ABSPTR;

	reason = read_augmentation(&body, letters, cie);
	if (body.failed)
		return "it is cut off";
	if (reason)
		return reason;
	if (!eo_frame_encoding_usable(cie->encoding, cie->section))
		return "its encoding of addresses cannot be resolved";

	cie->usable = true;
	eo_frame_run_initial(cie, body);
	if (return_register != EO_FRAME_RIP)
		cie->broken = true;
	return NULL;
}

static int add_cie(struct eo_frame_entries *entries, const struct eo_frame_section *section,
		   const struct entry *entry)
{
	struct eo_frame_cie cie = {.section = section, .offset = entry->offset};
	const char *reason;

	if (entries->cie_count >= EO_FRAME_CIES_MAX)
		return -E2BIG;
	if (!EO_ARRAY_RESERVE(entries->cies, entries->cie_count + 1, entries->cie_capacity, 16))
		return -ENOMEM;

	reason = read_cie(entry->body, &cie);
	if (reason)
		complain(entries, section, entry->offset, reason);
	entries->cies[entries->cie_count++] = cie;
	return 0;
}

/* The CIE at @offset, which must stand before its FDEs, as all assemblers and linkers have it: so
 * one pass is enough, and bytes are never read as a CIE that the walk did not meet as one.
 * @first: of this section */
static const struct eo_frame_cie *find_cie(const struct eo_frame_entries *entries, size_t first,
					   uint64_t offset)
{
	size_t low = first, high = entries->cie_count;

	if (high > first && entries->cies[high - 1].offset == offset)
		return &entries->cies[high - 1];
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (entries->cies[middle].offset == offset)
			return &entries->cies[middle];
		if (entries->cies[middle].offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

static int add_fde(struct eo_frame_entries *entries, size_t first_cie,
		   const struct eo_frame_section *section, const struct entry *entry)
{
	/* Subtraction wraps for an offset before the section; no CIE is there either. */
	uint64_t cie_offset = section->is_debug_frame ? entry->id : entry->id_offset - entry->id;
	const struct eo_frame_cie *cie = find_cie(entries, first_cie, cie_offset);
	struct eo_frame_cursor body = entry->body;
	struct eo_frame_fde fde = {0};
	uint64_t size;

	if (!cie) {
		complain(entries, section, entry->offset, "its CIE is not there");
		return 0;
	}
	if (!cie->usable)
		return 0;

	fde.range.start = eo_frame_pointer(&body, cie->encoding, section);
	size = eo_frame_pointer(&body, cie->encoding & 0x0f, section);
	if (cie->sized_augmentation)
		eo_frame_slice(&body, eo_frame_uleb(&body));
	if (body.failed) {
		complain(entries, section, entry->offset, "it is cut off");
		return 0;
	}
	/* Dropped functions keep their FDE, at address 0 or, from lld, at the very top. */
	if (fde.range.start == 0 || size == 0 ||
	    __builtin_add_overflow(fde.range.start, size, &fde.range.end))
		return 0;

	if (entries->fde_count >= EO_FRAME_FDES_MAX)
		return -E2BIG;
	if (!EO_ARRAY_RESERVE(entries->fdes, entries->fde_count + 1, entries->fde_capacity, 16))
		return -ENOMEM;

	fde.cie = (uint32_t)(cie - entries->cies);
	fde.program = (uint32_t)(body.at - section->bytes);
	fde.program_size = (uint32_t)eo_frame_left(&body);
	fde.order = (uint32_t)entries->fde_count;
	if (entries->fde_count &&
	    fde.range.start < entries->fdes[entries->fde_count - 1].range.start)
		entries->unsorted = true;
	entries->fdes[entries->fde_count++] = fde;
	return 0;
}

int eo_frame_entries_read(struct eo_frame_entries *entries, const struct eo_frame_section *section)
{
	size_t first_cie = entries->cie_count;
	struct eo_frame_cursor at;
	struct entry entry;
	int r = 0;

	if (section->size == 0)
		return 0;
	if (section->size > UINT32_MAX)
		return -E2BIG;

	at = (struct eo_frame_cursor){.at = section->bytes, .end = section->bytes + section->size};
	while (r == 0 && eo_frame_left(&at)) {
		const char *reason = read_entry(&at, section, &entry);

		if (reason) {
			complain(entries, section, entry.offset, reason);
			break;
		}
		/* An empty one ends what an object file contributed; more may come behind. */
		if (!entry.body.at)
			continue;
		r = entry.is_cie ? add_cie(entries, section, &entry) :
				   add_fde(entries, first_cie, section, &entry);
	}
	return r;
}

void eo_frame_entries_fini(struct eo_frame_entries *entries)
{
	free(entries->cies);
	free(entries->fdes);
	*entries = (struct eo_frame_entries){0};
}
