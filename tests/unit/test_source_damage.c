// SPDX-License-Identifier: BSD-2-Clause
/* Debug information that is damaged, cut short, or says more than is there. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/auto.h"
#include "source_bench.h"
#include "symbol/elf_image.h"

TestSuite(source_damage, .init = make_source_programs, .fini = remove_folder);

static void read_whole(const char *name, unsigned char **bytes, size_t *size)
{
	int fd = open_in_folder(name);
	struct stat st;

	cr_assert_eq(fstat(fd, &st), 0);
	*size = (size_t)st.st_size;
	*bytes = malloc(*size);
	cr_assert_eq(read(fd, *bytes, *size), (ssize_t)*size);
	close(fd);
}

/* Open the bytes as a file and ask for everything in [start, start + 512): it may find whatever it
 * likes, as long as that makes sense. Returns how many addresses had lines. */
static size_t survey(const unsigned char *bytes, size_t size, uint64_t start)
{
	EO_AUTO_CLOSE int fd = memfd_create("damaged", MFD_CLOEXEC);
	EO_AUTO(eo_string_pool) strings = eo_string_pool_new();
	EO_AUTO(eo_source) source = NULL;
	const struct eo_source_line *lines;
	uint64_t budget = 20000000;
	size_t found = 0;

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, bytes, size), (ssize_t)size);
	if (eo_source_open(fd, "/nowhere", NULL, strings, &source) < 0)
		return 0;
	for (uint64_t at = 0; at < 512; at++)
		eo_source_want(source, start + at);
	eo_source_find(source, &budget);
	cr_assert_leq(budget, 20000000);
	for (uint64_t at = 0; at < 512; at++) {
		size_t count = eo_source_lines(source, start + at, &lines);

		cr_assert_leq(count, 256);
		for (size_t i = 0; i < count; i++) {
			cr_assert_eq(!lines[i].name, !lines[i].system_name);
			cr_assert(!lines[i].name || strlen(lines[i].name) < 1 << 17);
			cr_assert(!lines[i].file || strlen(lines[i].file) < 1 << 14);
		}
		found += count > 0;
	}
	return found;
}

/* Where the section begins and ends in the file. */
static bool section_of(const char *name, const char *section, size_t *start, size_t *end)
{
	int fd = open_in_folder(name);
	struct eo_elf_image image;
	const Elf64_Shdr *header;

	cr_assert_eq(eo_elf_image_init(&image, fd), 0);
	cr_assert_eq(eo_elf_image_load_sections(&image), 0);
	header = eo_elf_image_find_section(&image, SHT_PROGBITS, section);
	if (header) {
		*start = header->sh_offset;
		*end = header->sh_offset + header->sh_size;
	}
	eo_elf_image_fini(&image);
	return header;
}

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

static const char *const sections[] = {".debug_info", ".debug_abbrev",	 ".debug_line",
				       ".debug_str",  ".debug_line_str", ".debug_rnglists",
				       ".debug_addr", ".debug_ranges",	 ".debug_str_offsets"};

/* One to four bytes of a section set to something else, many times over. */
static void damage(const char *name, int rounds)
{
	uint64_t start = function_of(name, OUTER_SYMBOL).start;
	unsigned char *bytes;
	uint32_t state = 4711;
	size_t size, damaged = 0, whole;

	read_whole(name, &bytes, &size);
	whole = survey(bytes, size, start);
	cr_assert_gt(whole, 100);
	for (size_t i = 0; i < EO_ARRAY_SIZE(sections); i++) {
		size_t from, to;

		if (!section_of(name, sections[i], &from, &to) || from == to)
			continue;
		for (int round = 0; round < rounds; round++) {
			EO_AUTO_FREE unsigned char *copy = malloc(size);

			memcpy(copy, bytes, size);
			for (uint32_t n = next_random(&state) % 4 + 1; n > 0; n--) {
				unsigned char values[] = {0x00, 0xff, 0x7f, 0x80,
							  (unsigned char)next_random(&state)};

				copy[from + next_random(&state) % (to - from)] =
					values[next_random(&state) % sizeof(values)];
			}
			damaged += survey(copy, size, start) != whole;
		}
	}
	cr_assert_gt(damaged, 0);
	free(bytes);
}

Test(source_damage, damaged_bytes_do_no_harm, .timeout = 300)
{
	compile("g++", "-O2 -g -gdwarf-5 -no-pie", "a");
	damage("a", 150);
	compile("g++", "-O2 -g -gdwarf-4 -no-pie", "b");
	damage("b", 150);
	compile("g++", "-O2 -g -gz=zlib -no-pie", "c");
	damage("c", 50);
	if (has_program("clang++")) {
		compile("clang++", "-O2 -g -gdwarf-5 -no-pie", "d");
		damage("d", 150);
	}
}

Test(source_damage, a_section_may_end_anywhere)
{
	unsigned char *bytes;
	uint64_t start;
	size_t size;

	compile("g++", "-O2 -g -no-pie", "a");
	start = function_of("a", OUTER_SYMBOL).start;
	read_whole("a", &bytes, &size);
	for (size_t i = 0; i < EO_ARRAY_SIZE(sections); i++) {
		size_t from, to;

		if (!section_of("a", sections[i], &from, &to))
			continue;
		/* Sections are cut by the size in their header, the only place where it is. */
		for (size_t header = size - size % 8; header >= 64; header -= 8) {
			Elf64_Shdr shdr;

			if (header + sizeof(shdr) > size)
				continue;
			memcpy(&shdr, bytes + header, sizeof(shdr));
			if (shdr.sh_offset != from || shdr.sh_size != to - from ||
			    shdr.sh_type != SHT_PROGBITS)
				continue;
			for (size_t part = 0; part < 40; part++) {
				EO_AUTO_FREE unsigned char *copy = malloc(size);

				memcpy(copy, bytes, size);
				shdr.sh_size = (to - from) * part / 40;
				memcpy(copy + header, &shdr, sizeof(shdr));
				survey(copy, size, start);
			}
			break;
		}
	}
	free(bytes);
}

Test(source_damage, a_file_may_shrink_while_it_is_read)
{
	const struct eo_source_line *lines;
	struct source_range plain;
	struct source_bench b;

	compile("g++", "-O2 -g", "a");
	plain = function_of("a", PLAIN_SYMBOL);
	b = source_bench_open("a");
	run("truncate -s 5000 a");
	cr_assert_eq(lines_of(&b, plain.start, &lines), 0);
	source_bench_free(&b);
}

/* Half a million functions, each said to be in half a million ranges that all have our addresses.
 */
static const char endless[] =
	".globl _start\n.type _start, @function\n_start: .fill 512, 1, 0x90\n.Lend:\n"
	".size _start, 512\n"
	".section .debug_abbrev, \"\", @progbits\n.Labbrev:\n"
	".uleb128 1, 0x11\n .byte 1\n .uleb128 0x11, 1, 0x12, 6, 0, 0\n"
	".uleb128 2, 0x2e\n .byte 0\n .uleb128 0x55, 0x17, 0, 0\n .byte 0\n"
	".section .debug_info, \"\", @progbits\n"
	".long .Linfo_end - .Linfo\n.Linfo: .short 4\n .long .Labbrev\n .byte 8\n"
	".uleb128 1\n .quad _start\n .long .Lend - _start\n"
	".rept 500000\n .byte 2\n .long 0\n.endr\n.Linfo_end:\n"
	".section .debug_ranges, \"\", @progbits\n"
	".rept 500000\n .quad 0, 512\n.endr\n .quad 0, 0\n";

Test(source_damage, endless_work_in_a_few_bytes_comes_to_an_end)
{
	const struct eo_source_line *lines;
	struct source_bench b;
	uint64_t start;

	write_text("endless.s", endless);
	run("gcc -nostdlib -static -no-pie -o endless endless.s");
	b = source_bench_open("endless");
	start = function_of("endless", "_start").start;
	for (uint64_t at = 0; at < 512; at++)
		eo_source_want(b.source, start + at);
	b.budget = 20000000;
	eo_source_find(b.source, &b.budget);
	cr_assert_eq(b.budget, 0);
	eo_source_lines(b.source, start, &lines);
	source_bench_free(&b);
}

Test(source_damage, what_would_unpack_to_too_much_is_refused)
{
	const struct eo_source_line *lines;
	unsigned char *bytes;
	Elf64_Chdr claim;
	struct source_range plain;
	size_t size, from, to;
	EO_AUTO_FREE char *path = in_folder("a");
	struct source_bench b;
	int fd;

	compile("g++", "-O2 -g -gz=zlib", "a");
	plain = function_of("a", PLAIN_SYMBOL);
	cr_assert(section_of("a", ".debug_info", &from, &to));
	read_whole("a", &bytes, &size);
	memcpy(&claim, bytes + from, sizeof(claim));
	free(bytes);
	claim.ch_size = 1ull << 40;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	cr_assert_eq(pwrite(fd, &claim, sizeof(claim), (off_t)from), sizeof(claim));
	close(fd);
	b = source_bench_open("a");
	cr_assert_eq(lines_of(&b, plain.start, &lines), 0);
	source_bench_free(&b);
}
