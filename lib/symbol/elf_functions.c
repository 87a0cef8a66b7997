// SPDX-License-Identifier: BSD-2-Clause
#include "symbol/elf_functions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/auto.h"
#include "symbol/elf_image.h"

#define SYMBOLS_MAX (8u << 20)	/* looked at in one table */
#define NAMES_MAX   (64u << 20) /* bytes of one string table */
#define CHUNK	    2048u	/* symbols read at once */

struct search {
	const struct eo_elf_image *image;
	const char *const *names;
	size_t name_count;
	struct eo_elf_function *found;
	size_t count, room;
	Elf64_Phdr *code; /* executable segments */
	size_t code_count;
};

static int read_segments(struct search *search)
{
	uint32_t count = search->image->segment_count;

	search->code = calloc(count ? count : 1, sizeof(*search->code));
	if (!search->code)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		Elf64_Phdr *segment = &search->code[search->code_count];
		int r = eo_elf_image_segment(search->image, i, segment);

		if (r < 0)
			return r;
		search->code_count += segment->p_type == PT_LOAD && segment->p_flags & PF_X;
	}
	return 0;
}

/* Returns false where @vaddr is no code that lies in the file. */
static int file_offset(const struct search *search, uint64_t vaddr, uint64_t *ret)
{
	for (size_t i = 0; i < search->code_count; i++) {
		const Elf64_Phdr *segment = &search->code[i];

		if (vaddr < segment->p_vaddr || vaddr - segment->p_vaddr >= segment->p_filesz ||
		    vaddr - segment->p_vaddr > UINT64_MAX - segment->p_offset)
			continue;
		*ret = vaddr - segment->p_vaddr + segment->p_offset;
		return *ret < search->image->size;
	}
	return 0;
}

static void add(struct search *search, size_t name, uint64_t offset)
{
	for (size_t i = 0; i < search->count; i++) {
		if (search->found[i].offset != offset)
			continue;
		if (name < search->found[i].name)
			search->found[i].name = name;
		return;
	}
	if (search->count < search->room)
		search->found[search->count++] = (struct eo_elf_function){name, offset};
}

static void look_at(struct search *search, const Elf64_Sym *symbol, const char *names,
		    uint64_t names_size)
{
	uint64_t offset;
	const char *name;

	if (ELF64_ST_TYPE(symbol->st_info) != STT_FUNC || ELF64_ST_BIND(symbol->st_info) == STB_LOCAL ||
	    symbol->st_shndx == SHN_UNDEF || symbol->st_name == 0 || symbol->st_name >= names_size)
		return;
	name = names + symbol->st_name; /* the byte behind all names is a NUL */
	for (size_t i = 0; i < search->name_count; i++)
		if (*name == *search->names[i] && strcmp(name, search->names[i]) == 0 &&
		    file_offset(search, symbol->st_value, &offset))
			add(search, i, offset);
}

static int read_table(struct search *search, const Elf64_Shdr *section)
{
	const struct eo_elf_image *image = search->image;
	uint64_t count = eo_elf_image_section_size(image, section) / eo_elf_image_symbol_size(image);
	EO_AUTO_FREE Elf64_Sym *symbols = NULL;
	EO_AUTO_FREE char *names = NULL;
	const Elf64_Shdr *strings;
	uint64_t names_size;
	int r;

	if (section->sh_link >= image->section_count)
		return 0;
	strings = &image->sections[section->sh_link];
	names_size = eo_elf_image_section_size(image, strings);
	if (names_size == 0 || names_size > NAMES_MAX)
		return 0;
	if (count > SYMBOLS_MAX)
		count = SYMBOLS_MAX;
	symbols = calloc(CHUNK, sizeof(*symbols));
	names = malloc((size_t)names_size + 1); /* no more than the file has */
	if (!symbols || !names)
		return -ENOMEM;
	r = eo_elf_image_read(image, strings->sh_offset, names, (size_t)names_size);
	names[names_size] = '\0';
	for (uint64_t at = 0; at < count && r == 0; at += CHUNK) {
		size_t some = count - at < CHUNK ? (size_t)(count - at) : CHUNK;

		r = eo_elf_image_symbols(image, section->sh_offset + at * eo_elf_image_symbol_size(image),
					 some, symbols);
		for (size_t i = 0; i < some && r == 0; i++)
			look_at(search, &symbols[i], names, names_size);
	}
	return r == -ENOEXEC ? 0 : r; /* it shrank meanwhile: what was read is read */
}

static int by_offset(const void *a, const void *b)
{
	const struct eo_elf_function *x = a, *y = b;

	return (x->offset > y->offset) - (x->offset < y->offset);
}

int eo_elf_functions_find(int fd, const char *const *names, size_t name_count,
			  struct eo_elf_function *ret, size_t room)
{
	struct eo_elf_image image = {.fd = -1};
	struct search search = {
		.image = &image,
		.names = names,
		.name_count = name_count,
		.found = ret,
		.room = room,
	};
	int r = eo_elf_image_open(&image, fd);

	if (r < 0)
		return r;
	r = eo_elf_image_load_sections(&image);
	if (r == 0)
		r = read_segments(&search);
	for (uint32_t i = 0; i < image.section_count && image.sections && r == 0; i++)
		if (image.sections[i].sh_type == SHT_DYNSYM || image.sections[i].sh_type == SHT_SYMTAB)
			r = read_table(&search, &image.sections[i]);
	free(search.code);
	eo_elf_image_fini(&image);
	if (r < 0)
		return r;
	qsort(ret, search.count, sizeof(*ret), by_offset);
	return (int)search.count;
}
