// SPDX-License-Identifier: BSD-2-Clause
/* ELF files that are damaged, cut short, or none. */
#include <criterion/criterion.h>
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/auto.h"
#include "elf_bench.h"

TestSuite(elf_damage, .init = make_elf_sources, .fini = remove_folder);

/* The bytes of lib.so with a debuglink, small enough to damage thousands of times. */
static unsigned char *read_victim(size_t *size)
{
	run("gcc -O1 -nostdlib -shared -fPIC -Wl,--build-id=sha1 -Wl,-z,noseparate-code -o lib.so "
	    "lib.c && objcopy --only-keep-debug lib.so lib.debug && xz -k lib.debug &&"
	    "objcopy --strip-unneeded --add-section .gnu_debugdata=lib.debug.xz "
	    "--add-gnu-debuglink=lib.debug lib.so victim.so");
	EO_AUTO_FREE char *path = in_folder("victim.so");
	FILE *file = fopen(path, "r");
	unsigned char *bytes = malloc(1 << 20);

	cr_assert_not_null(file);
	cr_assert_not_null(bytes);
	*size = fread(bytes, 1, 1 << 20, file);
	cr_assert(*size > 4096 && *size < 1 << 20);
	fclose(file);
	return bytes;
}

/* Nothing is expected of the answers but that they are answers. Returns whether it opened. */
static bool try_image(const unsigned char *bytes, size_t size)
{
	struct eo_elf *opened = NULL;
	struct eo_error err = {0};
	int r = eo_elf_open_memory(bytes, size, &opened, &err);

	if (r < 0) {
		cr_expect_eq(r, -ENOEXEC, "%d", r);
		cr_expect_null(opened);
		cr_expect_eq(err.code, ENOEXEC);
		return false;
	}

	EO_AUTO(eo_elf) elf = opened;

	cr_expect_leq(strlen(eo_elf_build_id(elf)), 128);
	for (uint64_t at = 0; at < 0x3000; at += 0x98) {
		struct eo_elf_symbol found = {0};

		r = eo_elf_find_symbol(elf, at, empty_root, "/", &found);
		cr_expect(r == -ENOENT || (r == 0 && found.start <= at && *found.name), "%d", r);
		free(found.name);
		eo_elf_segment_at(elf, at);
	}
	return true;
}

Test(elf_damage, files_cut_at_any_byte_are_errors_not_crashes)
{
	size_t size, opened = 0;
	EO_AUTO_FREE unsigned char *bytes = read_victim(&size);
	const Elf64_Ehdr *header = (const void *)bytes;
	size_t headers = sizeof(*header) + header->e_phnum * sizeof(Elf64_Phdr);

	for (size_t cut = 0; cut < headers; cut++)
		cr_expect(!try_image(bytes, cut), "%zu", cut);
	for (size_t cut = headers; cut < size; cut += cut < 2048 ? 1 : 37)
		opened += try_image(bytes, cut);
	cr_expect_gt(opened, 100, "all headers of segments are there");
	cr_expect(try_image(bytes, size));
}

Test(elf_damage, files_with_damaged_bytes_are_errors_not_crashes)
{
	size_t size, opened = 0;
	EO_AUTO_FREE unsigned char *bytes = read_victim(&size);
	EO_AUTO_FREE unsigned char *damaged = malloc(size);
	const Elf64_Ehdr *header = (const void *)bytes;
	uint32_t random = 4711;

	cr_assert_not_null(damaged);
	for (int i = 0; i < 3000; i++) {
		memcpy(damaged, bytes, size);
		for (uint32_t n = 0; n <= (uint32_t)i % 8; n++) {
			/* headers of segments, of sections, and everything else, in turn */
			size_t from = 0, length = 1024;

			random = random * 1664525 + 1013904223;
			if ((random >> 8) % 3 == 1) {
				from = header->e_shoff;
				length = size - from;
			} else if ((random >> 8) % 3 == 2) {
				length = size;
			}
			random = random * 1664525 + 1013904223;
			damaged[from + (random >> 4) % length] = (unsigned char)(random >> 24);
		}
		opened += try_image(damaged, size);
	}
	cr_expect_gt(opened, 500);
}

Test(elf_damage, sections_that_point_outside_leave_no_symbols)
{
	size_t size;
	EO_AUTO_FREE unsigned char *bytes = read_victim(&size);
	Elf64_Ehdr *header = (void *)bytes;

	for (int i = 1; i < header->e_shnum; i++) {
		Elf64_Shdr *section = (void *)(bytes + header->e_shoff + i * sizeof(*section));

		section->sh_offset = i % 2 ? UINT64_MAX - 8 : section->sh_offset;
		section->sh_size = UINT64_MAX - (uint64_t)i;
		section->sh_link = i % 3 ? section->sh_link : 0xffffffff;
	}
	cr_expect(try_image(bytes, size));

	header->e_shoff = UINT64_MAX - 3;
	cr_expect(try_image(bytes, size));
	header->e_shoff = 8;
	header->e_shnum = 0;
	cr_expect(try_image(bytes, size));
}

Test(elf_damage, segments_that_contradict_themselves_are_refused)
{
	static const struct {
		uint64_t offset, vaddr, file_size, memory_size;
	} bad[] = {
		{0, 0, 4096, 4095},
		{0, UINT64_MAX - 10, 4, 100},
		{UINT64_MAX - 10, 0, 100, 100},
	};
	size_t size;
	EO_AUTO_FREE unsigned char *bytes = read_victim(&size);
	Elf64_Phdr *segment = (void *)(bytes + sizeof(Elf64_Ehdr));
	Elf64_Ehdr *header = (void *)bytes;

	segment->p_type = PT_LOAD;
	for (size_t i = 0; i < EO_ARRAY_SIZE(bad); i++) {
		segment->p_offset = bad[i].offset;
		segment->p_vaddr = bad[i].vaddr;
		segment->p_filesz = bad[i].file_size;
		segment->p_memsz = bad[i].memory_size;
		cr_expect(!try_image(bytes, size), "%zu", i);
	}
	segment->p_type = PT_NULL;
	cr_expect(try_image(bytes, size));

	header->e_phnum = 1025;
	cr_expect(!try_image(bytes, size), "more segments than any program has");
}

Test(elf_damage, what_is_no_elf_file_of_this_machine_is_enoexec)
{
	size_t size;
	EO_AUTO_FREE unsigned char *bytes = read_victim(&size);

	cr_expect(!try_image((const unsigned char *)"#!/bin/sh\nexit 0\n", 17));
	cr_expect(!try_image((const unsigned char *)"", 0));
	bytes[EI_DATA] = ELFDATA2MSB;
	cr_expect(!try_image(bytes, size), "the other byte order");
	bytes[EI_DATA] = ELFDATA2LSB;
	bytes[EI_CLASS] = 3;
	cr_expect(!try_image(bytes, size), "no class");
}

Test(elf_damage, a_file_that_shrinks_later_gives_no_name_and_no_signal)
{
	run("gcc -O1 -shared -fPIC -o lib.so lib.c");
	uint64_t exported = address_of("lib.so", "exported");
	EO_AUTO(eo_elf) elf = open_elf("lib.so");

	expect_name(elf, exported, "exported", exported);
	run("truncate -s 100 lib.so");
	expect_none(elf, exported);
}
