/* SPDX-License-Identifier: BSD-2-Clause */
#include "symbol/elf_image.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/auto.h"

#if __BYTE_ORDER == __LITTLE_ENDIAN
#define OWN_DATA ELFDATA2LSB
#else
#define OWN_DATA ELFDATA2MSB
#endif

int eo_elf_image_read(const struct eo_elf_image *image, uint64_t offset, void *buf, size_t size)
{
	char *to = buf;

	if (offset > image->size || size > image->size - offset)
		return -ENOEXEC;

	while (size) {
		ssize_t n = pread(image->fd, to, size, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0) /* shrunk since it was opened */
			return -ENOEXEC;
		to += n;
		offset += (uint64_t)n;
		size -= (size_t)n;
	}
	return 0;
}

/* Widen the fields that both classes have under the same name. */
#define WIDEN(to, from, field) ((to).field = (from).field)

static int read_header(const struct eo_elf_image *image, Elf64_Ehdr *ret)
{
	Elf32_Ehdr small;
	int r;

	if (image->is64)
		return eo_elf_image_read(image, 0, ret, sizeof(*ret));

	r = eo_elf_image_read(image, 0, &small, sizeof(small));
	if (r < 0)
		return r;
	WIDEN(*ret, small, e_type);
	WIDEN(*ret, small, e_machine);
	WIDEN(*ret, small, e_version);
	WIDEN(*ret, small, e_phoff);
	WIDEN(*ret, small, e_shoff);
	WIDEN(*ret, small, e_phentsize);
	WIDEN(*ret, small, e_phnum);
	WIDEN(*ret, small, e_shentsize);
	WIDEN(*ret, small, e_shnum);
	WIDEN(*ret, small, e_shstrndx);
	return 0;
}

static void widen_section(const Elf32_Shdr *from, Elf64_Shdr *to)
{
	*to = (Elf64_Shdr){0};
	WIDEN(*to, *from, sh_name);
	WIDEN(*to, *from, sh_type);
	WIDEN(*to, *from, sh_flags);
	WIDEN(*to, *from, sh_addr);
	WIDEN(*to, *from, sh_offset);
	WIDEN(*to, *from, sh_size);
	WIDEN(*to, *from, sh_link);
	WIDEN(*to, *from, sh_info);
	WIDEN(*to, *from, sh_addralign);
	WIDEN(*to, *from, sh_entsize);
}

static int read_section(const struct eo_elf_image *image, uint32_t i, Elf64_Shdr *ret)
{
	Elf32_Shdr small;
	int r;

	if (image->is64)
		return eo_elf_image_read(image, image->sections_offset + (uint64_t)i * sizeof(*ret),
					 ret, sizeof(*ret));

	r = eo_elf_image_read(image, image->sections_offset + (uint64_t)i * sizeof(small), &small,
			      sizeof(small));
	if (r == 0)
		widen_section(&small, ret);
	return r;
}

/* Whether a table of @count entries lies in the file. */
static bool table_fits(const struct eo_elf_image *image, uint64_t offset, uint64_t count,
		       size_t entry_size)
{
	return offset <= image->size && count <= (image->size - offset) / entry_size;
}

static void find_sections(struct eo_elf_image *image, const Elf64_Ehdr *header)
{
	size_t entry_size = image->is64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
	uint64_t count = header->e_shnum;
	uint32_t names = header->e_shstrndx;
	Elf64_Shdr first;

	if (header->e_shoff == 0 || header->e_shentsize != entry_size)
		return;

	image->sections_offset = header->e_shoff;
	if (!table_fits(image, header->e_shoff, 1, entry_size) ||
	    read_section(image, 0, &first) < 0)
		return;

	/* Numbers that do not fit into the header are in the first, otherwise empty, section. */
	if (count == 0)
		count = first.sh_size;
	if (names == SHN_XINDEX)
		names = first.sh_link;

	if (count > EO_ELF_SECTIONS_MAX || !table_fits(image, header->e_shoff, count, entry_size))
		return;

	image->section_count = (uint32_t)count;
	image->section_names = names;
}

int eo_elf_image_init(struct eo_elf_image *image, int fd)
{
	unsigned char ident[EI_NIDENT];
	Elf64_Ehdr header = {0};
	struct stat st;
	int r;

	*image = (struct eo_elf_image){.fd = -1};
	if (fstat(fd, &st) < 0)
		return -errno;

	/* The descriptor is the caller's until nothing can fail any more. */
	struct eo_elf_image made = {.fd = fd, .size = st.st_size > 0 ? (uint64_t)st.st_size : 0};

	r = eo_elf_image_read(&made, 0, ident, sizeof(ident));
	if (r < 0)
		return r;
	if (memcmp(ident, ELFMAG, SELFMAG) != 0 || ident[EI_DATA] != OWN_DATA ||
	    (ident[EI_CLASS] != ELFCLASS32 && ident[EI_CLASS] != ELFCLASS64))
		return -ENOEXEC;

	made.is64 = ident[EI_CLASS] == ELFCLASS64;
	r = read_header(&made, &header);
	if (r < 0)
		return r;

	size_t segment_size = made.is64 ? sizeof(Elf64_Phdr) : sizeof(Elf32_Phdr);

	made.type = header.e_type;
	made.machine = header.e_machine;
	if (header.e_phnum) {
		if (header.e_phentsize != segment_size || header.e_phnum > EO_ELF_SEGMENTS_MAX ||
		    !table_fits(&made, header.e_phoff, header.e_phnum, segment_size))
			return -ENOEXEC;
		made.segments_offset = header.e_phoff;
		made.segment_count = header.e_phnum;
	}
	find_sections(&made, &header);

	*image = made;
	return 0;
}

int eo_elf_image_open(struct eo_elf_image *image, int fd)
{
	EO_AUTO_CLOSE int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	int r = own < 0 ? -errno : eo_elf_image_init(image, own);

	if (r == 0)
		eo_steal_fd(&own);
	return r;
}

void eo_elf_image_fini(struct eo_elf_image *image)
{
	eo_elf_image_drop_sections(image);
	if (image->fd >= 0)
		close(image->fd);
	image->fd = -1;
}

int eo_elf_image_segment(const struct eo_elf_image *image, uint32_t i, Elf64_Phdr *ret)
{
	Elf32_Phdr small;
	int r;

	if (image->is64)
		return eo_elf_image_read(image, image->segments_offset + (uint64_t)i * sizeof(*ret),
					 ret, sizeof(*ret));

	r = eo_elf_image_read(image, image->segments_offset + (uint64_t)i * sizeof(small), &small,
			      sizeof(small));
	if (r < 0)
		return r;
	*ret = (Elf64_Phdr){0};
	WIDEN(*ret, small, p_type);
	WIDEN(*ret, small, p_flags);
	WIDEN(*ret, small, p_offset);
	WIDEN(*ret, small, p_vaddr);
	WIDEN(*ret, small, p_filesz);
	WIDEN(*ret, small, p_memsz);
	WIDEN(*ret, small, p_align);
	return 0;
}

int eo_elf_image_load_sections(struct eo_elf_image *image)
{
	size_t entry_size = image->is64 ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
	size_t count = image->section_count;

	if (image->sections || count == 0)
		return 0;

	EO_AUTO_FREE Elf64_Shdr *sections = calloc(count, sizeof(*sections));
	if (!sections)
		return -ENOMEM;

	/* The narrow ones are read to the end of the array, so that widening front to back never
	 * overwrites one that is still to be read. */
	char *raw = (char *)sections + count * (sizeof(*sections) - entry_size);

	if (eo_elf_image_read(image, image->sections_offset, raw, count * entry_size) < 0) {
		image->section_count = 0;
		return 0;
	}
	for (size_t i = 0; !image->is64 && i < count; i++) {
		Elf32_Shdr small;

		memcpy(&small, raw + i * sizeof(small), sizeof(small));
		widen_section(&small, &sections[i]);
	}
	image->sections = eo_steal(&sections);
	return 0;
}

void eo_elf_image_drop_sections(struct eo_elf_image *image)
{
	free(image->sections);
	image->sections = NULL;
}

uint64_t eo_elf_image_section_size(const struct eo_elf_image *image, const Elf64_Shdr *section)
{
	if (section->sh_type == SHT_NOBITS || section->sh_offset >= image->size)
		return 0;
	uint64_t left = image->size - section->sh_offset;
	return section->sh_size < left ? section->sh_size : left;
}

const Elf64_Shdr *eo_elf_image_find_section(const struct eo_elf_image *image, uint32_t type,
					    const char *name)
{
	const Elf64_Shdr *names = NULL;
	char buf[64];

	if (!image->sections)
		return NULL;
	if (name) {
		if (image->section_names >= image->section_count)
			return NULL;
		names = &image->sections[image->section_names];
	}

	for (size_t i = 0; i < image->section_count; i++) {
		const Elf64_Shdr *section = &image->sections[i];

		if (section->sh_type != type)
			continue;
		if (!name)
			return section;
		if (eo_elf_image_string(image, names->sh_offset,
					eo_elf_image_section_size(image, names), section->sh_name,
					buf, sizeof(buf)) >= 0 &&
		    strcmp(buf, name) == 0)
			return section;
	}
	return NULL;
}

ssize_t eo_elf_image_string(const struct eo_elf_image *image, uint64_t table, uint64_t table_size,
			    uint64_t offset, char *buf, size_t size)
{
	size_t have = 0;

	if (offset >= table_size)
		return -ENOEXEC;

	uint64_t left = table_size - offset;
	size_t want = left < size - 1 ? (size_t)left : size - 1;

	/* Names are short, buffers are not: go on reading only while there is no end. */
	while (have < want) {
		size_t part = want - have < 128 ? want - have : 128;
		int r = eo_elf_image_read(image, table + offset + have, buf + have, part);

		if (r < 0)
			return r;

		char *end = memchr(buf + have, '\0', part);

		if (end)
			return end - buf;
		have += part;
	}
	buf[have] = '\0';
	return (ssize_t)have;
}

size_t eo_elf_image_symbol_size(const struct eo_elf_image *image)
{
	return image->is64 ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
}

int eo_elf_image_symbols(const struct eo_elf_image *image, uint64_t offset, size_t count,
			 Elf64_Sym *ret)
{
	size_t size = eo_elf_image_symbol_size(image);
	char *raw = (char *)ret + count * (sizeof(*ret) - size); /* as with sections */
	int r = eo_elf_image_read(image, offset, raw, count * size);

	for (size_t i = 0; r == 0 && !image->is64 && i < count; i++) {
		Elf32_Sym small;

		memcpy(&small, raw + i * sizeof(small), sizeof(small));
		ret[i] = (Elf64_Sym){0};
		WIDEN(ret[i], small, st_name);
		WIDEN(ret[i], small, st_value);
		WIDEN(ret[i], small, st_size);
		WIDEN(ret[i], small, st_info);
		WIDEN(ret[i], small, st_other);
		WIDEN(ret[i], small, st_shndx);
	}
	return r;
}
