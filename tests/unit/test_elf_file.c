// SPDX-License-Identifier: BSD-2-Clause
/* Names, build ids and segments: readelf is the truth for programs of the system and for those compiled
 * here. */
#include <criterion/criterion.h>
#include <elf.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "core/auto.h"
#include "elf_bench.h"

TestSuite(elf_file, .init = make_elf_sources, .fini = remove_folder);

struct function {
	uint64_t start, size;
	char type[16], name[1024];
};

struct functions {
	struct function *items;
	size_t count;
};

static int compare_functions(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	return (x->start > y->start) - (x->start < y->start);
}

/* The defined functions that readelf sees in all tables of a file, by address. */
static struct functions read_functions(const char *name)
{
	EO_AUTO_FREE char *path = in_folder(name);
	EO_AUTO_FREE char *command = NULL;
	struct functions all = {0};
	char line[8192];

	cr_assert_geq(asprintf(&command, "readelf -sW %s", path), 0);
	FILE *pipe = popen(command, "r");
	cr_assert_not_null(pipe);
	while (fgets(line, sizeof(line), pipe)) {
		struct function f = {0};
		char size[32], section[32];

		if (sscanf(line, " %*[0-9]: %lx %31s %15s %*s %*s %31s %1023[^@ \n]", &f.start, size,
			   f.type, section, f.name) != 5 ||
		    strcmp(section, "UND") == 0 ||
		    (strcmp(f.type, "FUNC") != 0 && strcmp(f.type, "IFUNC") != 0))
			continue;
		f.size = strtoull(size, NULL, 0);
		all.items = realloc(all.items, (all.count + 1) * sizeof(f));
		cr_assert_not_null(all.items);
		all.items[all.count++] = f;
	}
	cr_assert_eq(pclose(pipe), 0);
	if (all.count)
		qsort(all.items, all.count, sizeof(*all.items), compare_functions);
	return all;
}

static bool has_name(const struct functions *all, uint64_t start, const char *name)
{
	for (size_t i = 0; i < all->count; i++) {
		if (all->items[i].start == start && strcmp(all->items[i].name, name) == 0)
			return true;
	}
	return false;
}

/* Another function starts between the first and the last byte. */
static bool has_inner(const struct functions *all, size_t i)
{
	const struct function *f = &all->items[i];

	for (; i < all->count && all->items[i].start < f->start + f->size; i++) {
		if (all->items[i].start != f->start)
			return true;
	}
	return false;
}

/* Each function of @truth is found in @name at its first and last byte. */
static size_t expect_functions(const char *name, const struct functions *truth, const char *root,
			       const char *dir)
{
	EO_AUTO(eo_elf) elf = open_elf(name);
	size_t failures = 0;

	for (size_t i = 0; i < truth->count && failures < 10; i++) {
		const struct function *f = &truth->items[i];
		bool last_too = f->size > 1 && !has_inner(truth, i);

		for (int last = 0; last <= last_too; last++) {
			uint64_t at = last ? f->start + f->size - 1 : f->start;
			struct eo_elf_symbol found = {0};
			int r = eo_elf_find_symbol(elf, at, root, dir, &found);
			bool good = r == 0 && found.start == f->start &&
				    has_name(truth, f->start, found.name);

			cr_expect(good, "%s: %s at %#lx: %d, %#lx %s", name, f->name, at, r,
				  found.start, found.name);
			failures += !good;
			free(found.name);
		}
	}
	return truth->count;
}

static void expect_own_functions(const char *name, size_t at_least)
{
	struct functions truth = read_functions(name);

	cr_expect_geq(expect_functions(name, &truth, empty_root, NULL), at_least, "%s", name);
	free(truth.items);
}

static char *line_of(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* First line of a command's output; "" when there is none. */
static char *line_of(const char *fmt, ...)
{
	char *line = calloc(1, 4096), *command;
	va_list ap;

	va_start(ap, fmt);
	cr_assert_geq(vasprintf(&command, fmt, ap), 0);
	va_end(ap);
	cr_assert_not_null(line);
	FILE *pipe = popen(command, "r");
	cr_assert_not_null(pipe);
	if (!fgets(line, 4096, pipe))
		*line = '\0';
	line[strcspn(line, "\n")] = '\0';
	pclose(pipe);
	free(command);
	return line;
}

Test(elf_file, each_function_of_the_c_library_is_found)
{
	EO_AUTO_FREE char *libc = line_of("gcc -print-file-name=libc.so.6");
	EO_AUTO_FREE char *path = realpath(libc, NULL);

	cr_assert_not_null(path);
	expect_own_functions(path, 1000);
}

Test(elf_file, each_function_of_the_python_interpreter_is_found)
{
	/* the one in the path may be a shell script, or a stub of a shared library */
	EO_AUTO_FREE char *path = line_of("{ realpath /usr/bin/python3 ||"
					  "python3 -c 'import sys, os;"
					  "print(os.path.realpath(sys.executable))'; } 2>/dev/null");

	if (!*path)
		cr_skip_test("no python3");
	expect_own_functions(path, 1);
}

Test(elf_file, programs_of_every_layout_are_read)
{
	static const char *const flags[] = {
		"-pie -fPIE", "-no-pie", "-static", "-static-pie -fPIE",
		"-Wl,-z,separate-code", "-Wl,-z,noseparate-code",
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(flags); i++) {
		run("gcc -O1 -o program %s main.c lib.c", flags[i]);
		expect_own_functions("program", 10);
	}
	if (system("ld.gold --version >/dev/null 2>&1") == 0) {
		run("gcc -O1 -fuse-ld=gold -o program main.c lib.c");
		expect_own_functions("program", 10);
	}
	run("gcc -O1 -shared -fPIC -o program lib.c");
	expect_own_functions("program", 8);
}

Test(elf_file, programs_of_32_bits_are_read)
{
	if (system("echo 'int main;' | gcc -m32 -xc -c -o /dev/null - 2>/dev/null") != 0)
		cr_skip_test("this gcc makes no programs of 32 bits");
	run("gcc -m32 -O1 -ffreestanding -fno-pic -nostdlib -static -Wl,-e,main,--build-id=sha1 "
	    "-o program main.c lib.c");
	expect_own_functions("program", 7);

	EO_AUTO(eo_elf) elf = open_elf("program");
	cr_expect_eq(strlen(eo_elf_build_id(elf)), 40);
	cr_expect_geq(eo_elf_segment_count(elf), 2);
}

Test(elf_file, aliases_give_the_name_that_users_know)
{
	run("gcc -O1 -shared -fPIC -o lib.so lib.c");
	EO_AUTO(eo_elf) elf = open_elf("lib.so");
	uint64_t exported = address_of("lib.so", "exported");
	uint64_t first = address_of("lib.so", "__first");

	expect_name(elf, exported, "exported", exported);
	expect_name(elf, first, "public_name", first);
}

Test(elf_file, innermost_functions_win_and_labels_inside_do_not)
{
	run("gcc -O1 -shared -fPIC -o lib.so lib.c");
	EO_AUTO(eo_elf) elf = open_elf("lib.so");
	uint64_t outer = address_of("lib.so", "outer");
	uint64_t inner = address_of("lib.so", "inner");

	cr_assert_eq(inner, outer + 16);
	expect_name(elf, outer + 15, "outer", outer);
	expect_name(elf, inner, "inner", inner);
	expect_name(elf, inner + 7, "inner", inner);
	expect_name(elf, inner + 8, "outer", outer);
	expect_name(elf, inner + 23, "outer", outer);
}

Test(elf_file, functions_without_a_size_reach_to_the_next_or_the_end_of_their_section)
{
	struct eo_elf_symbol found = {0};

	run("gcc -O1 -shared -fPIC -o lib.so lib.c");
	EO_AUTO(eo_elf) elf = open_elf("lib.so");
	uint64_t bare = address_of("lib.so", "bare_label");
	uint64_t unsized = address_of("lib.so", "unsized");

	/* the mapping symbol and the note in between are no functions */
	expect_name(elf, bare, "bare_label", bare);
	expect_name(elf, bare + 47, "bare_label", bare);
	expect_name(elf, bare + 48, "outer", bare + 48);
	expect_name(elf, unsized + 23, "unsized", unsized);

	cr_assert_eq(eo_elf_find_symbol(elf, unsized, NULL, NULL, &found), 0);
	cr_expect_eq(found.size, 0);
	free(found.name);
}

Test(elf_file, gaps_of_a_stripped_file_have_no_name)
{
	run("gcc -O1 -shared -fPIC -o lib.so lib.c && strip -o stripped.so lib.so");
	EO_AUTO(eo_elf) elf = open_elf("stripped.so");
	uint64_t hidden = address_of("lib.so", "hidden_away");
	uint64_t exported = address_of("lib.so", "exported");

	expect_name(elf, exported, "exported", exported);
	expect_none(elf, hidden);
	expect_none(elf, 0);
	expect_none(elf, 1ull << 40);
	expect_none(elf, UINT64_MAX);
	cr_expect_gt(eo_elf_symbol_count(elf), 3);
}

Test(elf_file, a_wholly_stripped_program_has_no_symbols)
{
	run("gcc -O1 -ffreestanding -nostdlib -static -Wl,-e,main -s -o program main.c lib.c");
	EO_AUTO(eo_elf) elf = open_elf("program");

	for (size_t i = 0; i < eo_elf_segment_count(elf); i++)
		expect_none(elf, eo_elf_segment(elf, i)->vaddr + 8);
	cr_expect_eq(eo_elf_symbol_count(elf), 0);
}

Test(elf_file, gnu_debugdata_names_local_functions)
{
	run("gcc -O1 -o full main.c lib.c && objcopy --only-keep-debug full full.debug &&"
	    "nm -D full -f posix --defined-only | cut -d' ' -f1 | sort >dynamic &&"
	    "nm full -f posix --defined-only | awk '$2 ~ /[Tt]/ { print $1 }' | sort >functions &&"
	    "comm -13 dynamic functions >keep && test -s keep &&"
	    "objcopy -S --remove-section .comment --keep-symbols=keep full.debug mini &&"
	    "xz -k mini && strip -o program full &&"
	    "objcopy --add-section .gnu_debugdata=mini.xz program");
	struct functions truth = read_functions("full");
	EO_AUTO(eo_elf) elf = open_elf("program");
	uint64_t hidden = address_of("full", "hidden_away");

	expect_functions("program", &truth, empty_root, NULL);
	expect_name(elf, hidden, "hidden_away", hidden);
	free(truth.items);
}

Test(elf_file, damaged_gnu_debugdata_leaves_the_other_symbols)
{
	run("gcc -O1 -shared -fPIC -o lib.so lib.c && strip -o program lib.so &&"
	    "xz -k -c lib.so >mini.xz && head -c 200 mini.xz >short &&"
	    "objcopy --add-section .gnu_debugdata=short program");
	EO_AUTO(eo_elf) elf = open_elf("program");
	uint64_t exported = address_of("lib.so", "exported");

	expect_name(elf, exported, "exported", exported);
	expect_none(elf, address_of("lib.so", "hidden_away"));
}

Test(elf_file, build_ids_are_those_that_readelf_prints)
{
	static const char *const styles[] = {"sha1", "md5", "0xabcdef01", "0x0123456789abcdef"};

	for (size_t i = 0; i < EO_ARRAY_SIZE(styles); i++) {
		run("gcc -O1 -Wl,--build-id=%s -o program main.c lib.c", styles[i]);
		EO_AUTO_FREE char *truth =
			line_of("readelf -n %s/program | sed -n 's/.*Build ID: //p'", folder);
		EO_AUTO(eo_elf) elf = open_elf("program");

		cr_expect_gt(strlen(truth), 1);
		cr_expect_str_eq(eo_elf_build_id(elf), truth);
	}

	run("gcc -O1 -Wl,--build-id=none -o program main.c lib.c");
	EO_AUTO(eo_elf) elf = open_elf("program");
	cr_expect_str_eq(eo_elf_build_id(elf), "");
}

Test(elf_file, build_ids_of_1_to_64_bytes_count)
{
	char id[2 * 65 + 1];

	run("gcc -Wl,--build-id=0x0e -o program main.c lib.c");
	EO_AUTO(eo_elf) shortest = open_elf("program");
	cr_expect_str_eq(eo_elf_build_id(shortest), "0e");

	memset(id, 'e', sizeof(id));
	id[2 * 64] = '\0';
	run("gcc -Wl,--build-id=0x%s -o program main.c lib.c", id);
	EO_AUTO(eo_elf) longest = open_elf("program");
	cr_expect_str_eq(eo_elf_build_id(longest), id);

	id[2 * 64] = 'e';
	id[2 * 65] = '\0';
	run("gcc -Wl,--build-id=0x%s -o program main.c lib.c", id);
	EO_AUTO(eo_elf) over = open_elf("program");
	cr_expect_str_eq(eo_elf_build_id(over), "");
}

Test(elf_file, offsets_map_to_the_executable_segment)
{
	static const char *const flags[] = {"separate-code", "noseparate-code"};

	for (size_t i = 0; i < EO_ARRAY_SIZE(flags); i++) {
		run("gcc -O1 -Wl,-z,%s -Wl,-Ttext-segment=0x40000 -o program main.c lib.c",
		    flags[i]);
		EO_AUTO(eo_elf) elf = open_elf("program");
		EO_AUTO_FREE char *truth = line_of(
			"readelf -lW %s/program | awk '$1 == \"LOAD\" && / E / { print $2, $3, $5, $6 }'",
			folder);
		uint64_t offset, vaddr, file_size, memory_size;

		cr_assert_eq(sscanf(truth, "%lx %lx %lx %lx", &offset, &vaddr, &file_size,
				    &memory_size),
			     4);
		const struct eo_elf_segment *first = eo_elf_segment_at(elf, offset);
		const struct eo_elf_segment *last = eo_elf_segment_at(elf, offset + file_size - 1);

		cr_assert_not_null(first);
		cr_expect_eq(first, last);
		cr_expect(first->executable);
		cr_expect_eq(first->vaddr, vaddr);
		cr_expect_eq(first->memory_size, memory_size);
		cr_expect_null(eo_elf_segment_at(elf, 1ull << 40));

		uint64_t start = address_of("program", "main");

		cr_expect(start >= vaddr && start < vaddr + memory_size);
	}
}

Test(elf_file, a_mapping_that_begins_before_its_segment_finds_it)
{
	/* lld's layout: code begins inside the page in which the read-only segment ends. */
	static const char script[] =
		"PHDRS { ro PT_LOAD FLAGS(4); code PT_LOAD FLAGS(5); }\n"
		"SECTIONS {\n"
		" . = 0x10000 + SIZEOF_HEADERS; .rodata : { *(.rodata*) . = . + 512; } :ro\n"
		" . = . + 0x1000; .text : { *(.text*) } :code\n"
		" .data : { *(.data*) *(.bss*) } :code /DISCARD/ : { *(.eh_frame*) *(.note*) } }\n";

	write_text("script.ld", script);
	run("gcc -O1 -ffreestanding -fno-pic -nostdlib -static -no-pie -Wl,-e,main -Wl,-T,script.ld "
	    "-Wl,--build-id=none -o program main.c lib.c");
	EO_AUTO(eo_elf) elf = open_elf("program");
	const struct eo_elf_segment *code = NULL;

	for (size_t i = 0; i < eo_elf_segment_count(elf); i++) {
		if (eo_elf_segment(elf, i)->executable)
			code = eo_elf_segment(elf, i);
	}
	cr_assert_not_null(code);
	cr_assert_neq(code->offset & 4095, 0, "the test wants an odd offset");
	cr_expect_eq(eo_elf_segment_at(elf, code->offset), code);
	cr_expect_eq(eo_elf_segment_at(elf, code->offset & ~4095ull), code);
	cr_expect_eq(eo_elf_segment_at(elf, code->offset - 1), code);
}

Test(elf_file, an_image_in_memory_is_copied)
{
	struct eo_error err = {0};
	size_t size = 0;

	run("gcc -O1 -shared -fPIC -o lib.so lib.c");
	EO_AUTO_FREE char *path = in_folder("lib.so");
	FILE *file = fopen(path, "r");
	EO_AUTO_FREE char *bytes = malloc(1 << 20);

	cr_assert_not_null(file);
	cr_assert_not_null(bytes);
	size = fread(bytes, 1, 1 << 20, file);
	fclose(file);

	struct eo_elf *opened = NULL;
	cr_assert_eq(eo_elf_open_memory(bytes, size, &opened, &err), 0, "%s", err.text);
	EO_AUTO(eo_elf) elf = opened;

	memset(bytes, 0xff, size);
	uint64_t exported = address_of("lib.so", "exported");
	expect_name(elf, exported, "exported", exported);
}

Test(elf_file, the_vdso_of_this_process_is_read)
{
	const Elf64_Ehdr *vdso = (const void *)getauxval(AT_SYSINFO_EHDR);
	struct eo_elf *opened = NULL;

	if (!vdso)
		cr_skip_test("no vDSO");
	/* its section headers come last */
	size_t size = vdso->e_shoff + vdso->e_shnum * sizeof(Elf64_Shdr);

	cr_assert_eq(eo_elf_open_memory(vdso, size, &opened, NULL), 0);
	EO_AUTO(eo_elf) elf = opened;
	const struct eo_elf_segment *code = eo_elf_segment_at(elf, 0);
	size_t named = 0;

	cr_assert_not_null(code);
	for (uint64_t i = 0; i < code->memory_size; i++) {
		struct eo_elf_symbol found = {0};

		if (eo_elf_find_symbol(elf, code->vaddr + i, empty_root, NULL, &found) == 0)
			named += strcmp(found.name, "clock_gettime") == 0;
		free(found.name);
	}
	cr_expect_gt(named, 1);
	cr_expect_gt(strlen(eo_elf_build_id(elf)), 0);
}

Test(elf_file, the_descriptor_stays_the_callers)
{
	run("gcc -O1 -shared -fPIC -o lib.so lib.c");
	int fd = open_in_folder("lib.so");
	struct eo_elf *opened = NULL;

	cr_assert_eq(eo_elf_open(fd, &opened, NULL), 0);
	cr_assert_eq(close(fd), 0);
	uint64_t exported = address_of("lib.so", "exported");
	expect_name(opened, exported, "exported", exported);
	eo_elf_free(opened);
	eo_elf_free(NULL);
}
