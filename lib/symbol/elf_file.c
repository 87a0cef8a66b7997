/* SPDX-License-Identifier: BSD-2-Clause */
#include "symbol/elf_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/memory_file.h"
#include "symbol/debug_data.h"
#include "symbol/debug_file.h"
#include "symbol/elf_build_id.h"
#include "symbol/elf_image.h"
#include "symbol/elf_symbols.h"

#define MAPPING_UNIT 4096u /* files are mapped in pages, of no less than this */

struct eo_elf {
	struct eo_elf_image image;
	struct eo_elf_image debug; /* separate file or .gnu_debugdata, where there is one */
	struct eo_elf_segment *segments;
	size_t segment_count;
	char build_id[EO_BUILD_ID_TEXT_BYTES];
	struct eo_elf_symbols symbols;
	bool loaded;
	int load_result;
};

static int read_segments(struct eo_elf *elf)
{
	elf->segments = calloc(elf->image.segment_count ? elf->image.segment_count : 1,
			       sizeof(*elf->segments));
	if (!elf->segments)
		return -ENOMEM;

	for (uint32_t i = 0; i < elf->image.segment_count; i++) {
		Elf64_Phdr segment;
		int r = eo_elf_image_segment(&elf->image, i, &segment);

		if (r < 0)
			return r;
		if (segment.p_type != PT_LOAD)
			continue;
		if (segment.p_filesz > segment.p_memsz ||
		    segment.p_memsz > UINT64_MAX - segment.p_vaddr ||
		    segment.p_filesz > UINT64_MAX - segment.p_offset)
			return -ENOEXEC;
		elf->segments[elf->segment_count++] = (struct eo_elf_segment){
			.vaddr = segment.p_vaddr,
			.memory_size = segment.p_memsz,
			.offset = segment.p_offset,
			.file_size = segment.p_filesz,
			.executable = segment.p_flags & PF_X,
		};
	}
	return 0;
}

/* @fd is taken in any case. */
static int open_owned(int fd, struct eo_elf **ret, struct eo_error *err)
{
	EO_AUTO_CLOSE int owned = fd;
	EO_AUTO(eo_elf) elf = calloc(1, sizeof(*elf));
	int r;

	if (!elf)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, ENOMEM, NULL,
				    "open ELF file");
	elf->debug.fd = -1;

	r = eo_elf_image_init(&elf->image, owned);
	if (r == 0) {
		eo_steal_fd(&owned);
		r = read_segments(elf);
	}
	if (r == 0)
		r = eo_elf_build_id_read(&elf->image, elf->build_id);
	if (r < 0)
		return eo_error_set(err, eo_error_kind_of(-r, EO_ERROR_EVENT_PROCESSING_FAILED), -r,
				    NULL, "read ELF headers");

	*ret = eo_steal(&elf);
	return 0;
}

int eo_elf_open(int fd, struct eo_elf **ret, struct eo_error *err)
{
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (own < 0)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, errno, NULL,
				    "duplicate descriptor of ELF file");
	return open_owned(own, ret, err);
}

int eo_elf_open_memory(const void *image, size_t size, struct eo_elf **ret, struct eo_error *err)
{
	EO_AUTO_CLOSE int fd = eo_memory_file("elf", image, size);

	if (fd < 0)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, -fd, NULL,
				    "copy ELF file in memory");
	return open_owned(eo_steal_fd(&fd), ret, err);
}

void eo_elf_free(struct eo_elf *elf)
{
	if (!elf)
		return;
	eo_elf_symbols_fini(&elf->symbols);
	eo_elf_image_fini(&elf->debug);
	eo_elf_image_fini(&elf->image);
	free(elf->segments);
	free(elf);
}

const char *eo_elf_build_id(const struct eo_elf *elf)
{
	return elf->build_id;
}

size_t eo_elf_segment_count(const struct eo_elf *elf)
{
	return elf->segment_count;
}

const struct eo_elf_segment *eo_elf_segment(const struct eo_elf *elf, size_t i)
{
	return i < elf->segment_count ? &elf->segments[i] : NULL;
}

static const struct eo_elf_segment *find_segment(const struct eo_elf *elf, uint64_t file_offset,
						 bool executable, uint64_t unit)
{
	for (size_t i = 0; i < elf->segment_count; i++) {
		const struct eo_elf_segment *segment = &elf->segments[i];
		uint64_t start = segment->offset & ~(unit - 1);

		if (segment->executable == executable && segment->file_size &&
		    file_offset >= start && file_offset < segment->offset + segment->file_size)
			return segment;
	}
	return NULL;
}

const struct eo_elf_segment *eo_elf_segment_at(const struct eo_elf *elf, uint64_t file_offset)
{
	const struct eo_elf_segment *segment = find_segment(elf, file_offset, true, 1);

	/* Segments need not begin at a page, mappings do: the offset of a mapping may lie before
	 * the segment it was made for. */
	if (!segment)
		segment = find_segment(elf, file_offset, true, MAPPING_UNIT);
	if (!segment)
		segment = find_segment(elf, file_offset, false, 1);
	return segment;
}

/* The symbols that strip took away, if they can be had; the debug file has more of them. */
static int open_debug(struct eo_elf *elf, const char *root, const char *dir)
{
	int r = eo_debug_file_open(&elf->image, elf->build_id, root, dir, &elf->debug);

	if (r != -ENOENT)
		return r;

	int fd = eo_debug_data_open(&elf->image);

	if (fd < 0)
		return fd == -ENOMEM ? fd : 0;
	if (eo_elf_image_init(&elf->debug, fd) < 0) {
		close(fd);
		return 0;
	}
	if (elf->debug.is64 != elf->image.is64 || elf->debug.machine != elf->image.machine) {
		eo_elf_image_fini(&elf->debug);
		return 0;
	}
	return eo_elf_image_load_sections(&elf->debug);
}

static int load_symbols(struct eo_elf *elf, const char *root, const char *dir)
{
	const Elf64_Shdr *symtab, *dynsym;
	int r = eo_elf_symbols_set_code(&elf->symbols, elf->segments, elf->segment_count);

	if (r == 0)
		r = eo_elf_image_load_sections(&elf->image);
	if (r < 0)
		return r;

	symtab = eo_elf_image_find_section(&elf->image, SHT_SYMTAB, NULL);
	dynsym = eo_elf_image_find_section(&elf->image, SHT_DYNSYM, NULL);
	if (symtab) {
		r = eo_elf_symbols_add(&elf->symbols, &elf->image, symtab);
	} else {
		r = open_debug(elf, root, dir);
		symtab = eo_elf_image_find_section(&elf->debug, SHT_SYMTAB, NULL);
		if (r == 0 && symtab)
			r = eo_elf_symbols_add(&elf->symbols, &elf->debug, symtab);
	}
	if (r == 0 && dynsym)
		r = eo_elf_symbols_add(&elf->symbols, &elf->image, dynsym);
	return r < 0 ? r : eo_elf_symbols_finish(&elf->symbols);
}

int eo_elf_find_symbol(struct eo_elf *elf, uint64_t vaddr, const char *root, const char *dir,
		       struct eo_elf_symbol *ret)
{
	if (!elf->loaded) {
		elf->loaded = true;
		elf->load_result = load_symbols(elf, root, dir);
		eo_elf_image_drop_sections(&elf->image);
		eo_elf_image_drop_sections(&elf->debug);
	}
	if (elf->load_result < 0)
		return elf->load_result;
	return eo_elf_symbols_find(&elf->symbols, vaddr, ret);
}

size_t eo_elf_symbol_count(const struct eo_elf *elf)
{
	return elf->symbols.count;
}
