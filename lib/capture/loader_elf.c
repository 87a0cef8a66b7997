/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * libbpf is fuzzed, but its releases in the field have known holes for crafted objects: a program
 * symbol whose offset and size wrap around reads past its section, for one. The checks here are
 * those on which its parser relies most; they also give the better error messages.
 */
#include "capture/loader_elf.h"

#include <elf.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define SECTIONS_MAX 4096u

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define NATIVE_DATA ELFDATA2LSB
#else
#define NATIVE_DATA ELFDATA2MSB
#endif

struct object {
	const unsigned char *bytes;
	size_t size;
	Elf64_Ehdr header;
};

static bool in_bounds(uint64_t offset, uint64_t length, uint64_t size)
{
	return offset <= size && length <= size - offset;
}

/* The bytes may lie at any address, so that headers are copied out and never pointed to. */
static Elf64_Shdr section_at(const struct object *object, size_t index)
{
	Elf64_Shdr section;

	memcpy(&section, object->bytes + object->header.e_shoff + index * sizeof(section),
	       sizeof(section));
	return section;
}

static const char *wrong_symbols(const struct object *object, const Elf64_Shdr *table)
{
	const size_t count = table->sh_size / sizeof(Elf64_Sym);

	if (table->sh_entsize != sizeof(Elf64_Sym) || table->sh_link >= object->header.e_shnum)
		return "its symbol table is malformed";
	for (size_t i = 0; i < count; i++) {
		Elf64_Shdr section;
		Elf64_Sym symbol;

		memcpy(&symbol, object->bytes + table->sh_offset + i * sizeof(symbol),
		       sizeof(symbol));
		if (symbol.st_shndx == SHN_UNDEF || symbol.st_shndx >= SHN_LORESERVE)
			continue;
		if (symbol.st_shndx >= object->header.e_shnum)
			return "a symbol names a section that is not there";
		section = section_at(object, symbol.st_shndx);
		if (!in_bounds(symbol.st_value, symbol.st_size, section.sh_size))
			return "a symbol reaches past its section";
	}
	return NULL;
}

static const char *wrong_sections(const struct object *object)
{
	const Elf64_Ehdr *header = &object->header;

	if (header->e_shentsize != sizeof(Elf64_Shdr) || !header->e_shnum ||
	    header->e_shnum > SECTIONS_MAX || header->e_shstrndx >= header->e_shnum)
		return "its section table is malformed";
	if (!in_bounds(header->e_shoff, (uint64_t)header->e_shnum * sizeof(Elf64_Shdr),
		       object->size))
		return "it is cut short: its section table lies past the end";

	for (size_t i = 0; i < header->e_shnum; i++) {
		const Elf64_Shdr section = section_at(object, i);
		const char *wrong;

		/* .bss has a size and no bytes; it becomes a map, and that is limited as well. */
		if (section.sh_type == SHT_NOBITS) {
			if (section.sh_size > EO_BPF_OBJECT_MAX_BYTES)
				return "a section without contents is too large";
			continue;
		}
		if (!in_bounds(section.sh_offset, section.sh_size, object->size))
			return "it is cut short: a section lies past the end";
		if (section.sh_type == SHT_SYMTAB) {
			wrong = wrong_symbols(object, &section);
			if (wrong)
				return wrong;
		}
	}
	return NULL;
}

static const char *wrong_header(const struct object *object)
{
	const Elf64_Ehdr *header = &object->header;

	if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_machine != EM_BPF ||
	    header->e_type != ET_REL)
		return "it is an ELF file, but not for BPF";
	if (header->e_ident[EI_DATA] != NATIVE_DATA)
		return "its byte order is not this machine's";
	return NULL;
}

int eo_loader_elf_check(const char *name, const void *bytes, size_t size, struct eo_error *err)
{
	struct object object = { .bytes = bytes, .size = size };
	const char *wrong = NULL;

	if (size > EO_BPF_OBJECT_MAX_BYTES)
		wrong = "it is larger than 64 MiB";
	else if (size < SELFMAG || memcmp(bytes, ELFMAG, SELFMAG) != 0)
		wrong = size ? "it is no ELF file" : "it is empty";
	else if (size < sizeof(object.header))
		wrong = "it is cut short: its header is incomplete";

	if (!wrong) {
		memcpy(&object.header, bytes, sizeof(object.header));
		wrong = wrong_header(&object);
	}
	if (!wrong)
		wrong = wrong_sections(&object);
	if (!wrong)
		return 0;
	return eo_error_set(err, EO_ERROR_LOAD_FAILED, 0,
			    "a BPF object is made with clang -target bpf -g -c",
			    "read BPF object %.120s: %s", name, wrong);
}
