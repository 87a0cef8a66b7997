/* SPDX-License-Identifier: BSD-2-Clause */
#include "symbol/elf_functions.h"

#include <criterion/criterion.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/auto.h"
#include "folder.h"

static const char program[] = "int first(void) { return 1; }\n"
			      "int alias(void) __attribute__((alias(\"first\")));\n"
			      "__attribute__((noinline)) static int hidden(void) { return 3; }\n"
			      "int third(void) { return hidden(); }\n"
			      "int data = 1;\n"
			      "extern int absent(void);\n"
			      "int (*user)(void) = absent;\n";

/* A shared library. */
static int build(const char *flags)
{
	char options[64];

	snprintf(options, sizeof(options), "-shared -fPIC %s", flags);
	return build_c(program, options);
}

static const char *const names[] = {"first", "third", "alias", "hidden", "data", "absent", "nobody"};

static void expect_functions(int fd)
{
	struct eo_elf_function found[8];
	unsigned char code[4], first[4];

	cr_assert_eq(eo_elf_functions_find(fd, names, EO_ARRAY_SIZE(names), found, EO_ARRAY_SIZE(found)), 2);
	cr_assert_lt(found[0].offset, found[1].offset);
	for (size_t i = 0; i < 2; i++)
		cr_expect_leq(found[i].name, 1, "an alias has the first of its names, local ones have none");
	cr_expect_neq(found[0].name, found[1].name);
	/* first() is a mov to eax, with or without an endbr64. */
	for (size_t i = 0; i < 2; i++)
		cr_assert_eq(pread(fd, found[i].name == 0 ? first : code, 4, (off_t)found[i].offset), 4);
	cr_expect(first[0] == 0xb8 || first[0] == 0xf3);
}

Test(elf_functions, functions_are_found_by_name)
{
	const char *const flags[] = {"", "-s", "-Wl,-z,separate-code", "-Wl,-Ttext-segment=0x400000"};

	for (size_t i = 0; i < EO_ARRAY_SIZE(flags); i++) {
		EO_AUTO_CLOSE int fd = build(flags[i]);

		expect_functions(fd);
	}
}

Test(elf_functions, what_has_no_room_is_left_out)
{
	EO_AUTO_CLOSE int fd = build("");
	struct eo_elf_function found;

	cr_assert_eq(eo_elf_functions_find(fd, names, EO_ARRAY_SIZE(names), &found, 1), 1);
	cr_assert_eq(eo_elf_functions_find(fd, names, EO_ARRAY_SIZE(names), &found, 0), 0);
	cr_assert_eq(eo_elf_functions_find(fd, names, 0, &found, 1), 0);
}

/* Every byte of headers and tables broken, one after the other: whatever comes out is in the file. */
Test(elf_functions, a_broken_file_gives_what_it_has_or_an_error)
{
	EO_AUTO_CLOSE int fd = build("-s");
	EO_AUTO_CLOSE int copy = memfd_create("p", MFD_CLOEXEC);
	struct eo_elf_function found[8];
	unsigned char bytes[65536];
	struct stat st;
	ssize_t size = read(fd, bytes, sizeof(bytes));

	cr_assert_gt(size, 1000);
	for (ssize_t at = 0; at < size; at += at < 1024 ? 1 : 37) {
		unsigned char old = bytes[at];
		int count;

		bytes[at] = (unsigned char)~old;
		cr_assert_eq(pwrite(copy, bytes, (size_t)size, 0), size);
		bytes[at] = old;
		count = eo_elf_functions_find(copy, names, EO_ARRAY_SIZE(names), found, EO_ARRAY_SIZE(found));
		cr_assert_leq(count, 8);
		cr_assert_eq(fstat(copy, &st), 0);
		for (int i = 0; i < count; i++)
			cr_assert_lt(found[i].offset, (uint64_t)st.st_size);
	}
}

Test(elf_functions, what_is_no_elf_file_is_told)
{
	EO_AUTO_CLOSE int fd = memfd_create("p", MFD_CLOEXEC);
	struct eo_elf_function found;

	cr_assert_eq(write(fd, "#!/bin/sh\n", 10), 10);
	cr_expect_eq(eo_elf_functions_find(fd, names, 1, &found, 1), -ENOEXEC);
}
