/* SPDX-License-Identifier: BSD-2-Clause */
/* The bytes of one ELF file: header, program headers, sections and bounded reads. Both classes,
 * the byte order of this machine. 32-bit structures are widened, so that everybody else knows the
 * Elf64 ones alone. Nothing is mapped: a file that is truncated meanwhile gives short reads. */
#ifndef EO_SYMBOL_ELF_IMAGE_H
#define EO_SYMBOL_ELF_IMAGE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define EO_ELF_SEGMENTS_MAX 1024u
#define EO_ELF_SECTIONS_MAX 65536u

struct eo_elf_image {
	int fd; /* owned; negative: nothing is open */
	uint64_t size;
	bool is64;
	uint16_t type, machine;
	uint64_t segments_offset, sections_offset;
	uint32_t segment_count, section_count, section_names;
	Elf64_Shdr *sections; /* NULL until eo_elf_image_load_sections() */
};

/**
 * Read the header. Section headers that make no sense are taken for absent, as the kernel does.
 * @fd: becomes the image's on success
 * Returns 0, -ENOEXEC, or the errno of a read.
 */
int eo_elf_image_init(struct eo_elf_image *image, int fd);
/** The same with a copy of @fd, which stays the caller's. */
int eo_elf_image_open(struct eo_elf_image *image, int fd);
void eo_elf_image_fini(struct eo_elf_image *image);

/** All of [@offset, @offset + @size) or an error: -ENOEXEC beyond the end of the file. */
int eo_elf_image_read(const struct eo_elf_image *image, uint64_t offset, void *buf, size_t size);

/** Program header @i. Returns 0 or a negative errno. */
int eo_elf_image_segment(const struct eo_elf_image *image, uint32_t i, Elf64_Phdr *ret);

/** Fill @sections, which may stay NULL with a section_count of 0. 0, or -ENOMEM. */
int eo_elf_image_load_sections(struct eo_elf_image *image);
void eo_elf_image_drop_sections(struct eo_elf_image *image);

/** After load: the first section of this type, and of this name unless @name is NULL; or NULL. */
const Elf64_Shdr *eo_elf_image_find_section(const struct eo_elf_image *image, uint32_t type,
					    const char *name);

/** Bytes of @section that are in the file: 0 for SHT_NOBITS and for one that starts behind it. */
uint64_t eo_elf_image_section_size(const struct eo_elf_image *image, const Elf64_Shdr *section);

/**
 * The string at @offset of the table at [@table, @table + @table_size), cut to @size - 1 bytes.
 * Returns its length, or a negative errno.
 */
ssize_t eo_elf_image_string(const struct eo_elf_image *image, uint64_t table, uint64_t table_size,
			    uint64_t offset, char *buf, size_t size);

/** Bytes of a symbol in the file. */
size_t eo_elf_image_symbol_size(const struct eo_elf_image *image);

/** @count symbols from file offset @offset. Returns 0 or a negative errno. */
int eo_elf_image_symbols(const struct eo_elf_image *image, uint64_t offset, size_t count,
			 Elf64_Sym *ret);

#endif
