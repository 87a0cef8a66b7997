/* SPDX-License-Identifier: BSD-2-Clause */
/* readelf is the truth for programs of the system and for programs compiled here. */
#include "symbol/elf_file.h"

#include <criterion/criterion.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>

#include "core/auto.h"
#include "emulation.h"

/* A folder that the test works in, an empty root for debug files within. */
static char *folder;
static char *empty_root;

static void run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void run(const char *fmt, ...)
{
	char *args, *command;
	va_list ap;

	va_start(ap, fmt);
	cr_assert_geq(vasprintf(&args, fmt, ap), 0);
	va_end(ap);
	cr_assert_geq(asprintf(&command, "cd %s && { %s ; } >log 2>&1 || { cat log >&2; exit 1; }",
			       folder, args),
		      0);
	cr_assert_eq(system(command), 0, "%s", args);
	free(command);
	free(args);
}

static void write_file(const char *name, const char *text)
{
	char *path;

	cr_assert_geq(asprintf(&path, "%s/%s", folder, name), 0);
	FILE *file = fopen(path, "w");
	cr_assert_not_null(file);
	cr_assert_geq(fputs(text, file), 0);
	cr_assert_eq(fclose(file), 0);
	free(path);
}

/* Every kind of symbol that matters. The sections keep gaps where a stripped file has no name. */
static const char source[] =
	"volatile int sink;\n"
	"int exported(int a) { for (int i = 0; i < a; i++) sink += i; return sink; }\n"
	"int _exported_alias(int a) __attribute__((alias(\"exported\")));\n"
	"int __first(int a) { return exported(a) + 1; }\n"
	"int public_name(int a) __attribute__((weak, alias(\"__first\")));\n"
	"static __attribute__((noinline, used)) int hidden_away(int a)\n"
	"{ for (int i = 0; i < a; i++) sink ^= i; return sink; }\n"
	"int also_exported(int a) { return hidden_away(a) * 3; }\n"
	"asm(\".pushsection .text.asm,\\\"ax\\\",@progbits\\n\"\n"
	"    \".globl bare_label\\nbare_label:\\n .fill 32, 1, 0x90\\n\"\n"
	"    \"\\\"$x.1\\\":\\n .fill 8, 1, 0x90\\n\"\n"
	"    \".annobin_note:\\n .fill 8, 1, 0x90\\n\"\n"
	"    \".globl outer\\n.type outer,@function\\nouter:\\n .fill 16, 1, 0x90\\n\"\n"
	"    \".globl inner\\n.type inner,@function\\ninner:\\n .fill 8, 1, 0x90\\n\"\n"
	"    \".size inner, . - inner\\n\"\n"
	"    \"label_inside:\\n .fill 16, 1, 0x90\\n.size outer, . - outer\\n\"\n"
	"    \".globl unsized\\n.type unsized,@function\\nunsized:\\n .fill 24, 1, 0x90\\n\"\n"
	"    \".popsection\\n\");\n";
static const char main_source[] =
	"int also_exported(int a);\n"
	"int main(int argc, char **argv) { (void)argv; return also_exported(argc) == -1; }\n";

static void set_up(void)
{
	char template[] = "/tmp/eo-elf-XXXXXX";

	cr_assert_not_null(mkdtemp(template));
	folder = strdup(template);
	cr_assert_geq(asprintf(&empty_root, "%s/empty", folder), 0);
	run("mkdir empty");
	write_file("lib.c", source);
	write_file("main.c", main_source);
}

static void tear_down(void)
{
	char *command;

	cr_assert_geq(asprintf(&command, "rm -rf %s", folder), 0);
	cr_assert_eq(system(command), 0);
	free(command);
	free(empty_root);
	free(folder);
}

TestSuite(elf_file, .init = set_up, .fini = tear_down);

static char *path_of(const char *name)
{
	char *path;

	cr_assert_geq(*name == '/' ? asprintf(&path, "%s", name)
				   : asprintf(&path, "%s/%s", folder, name),
		      0);
	return path;
}

static struct eo_elf *open_elf(const char *name)
{
	EO_AUTO_FREE char *path = path_of(name);
	EO_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct eo_elf *elf = NULL;
	struct eo_error err = {0};

	cr_assert_geq(fd, 0, "%s", path);
	cr_assert_eq(eo_elf_open(fd, &elf, &err), 0, "%s: %s", path, err.text);
	return elf;
}

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
	EO_AUTO_FREE char *path = path_of(name);
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

/* Address of a function, of any type, as nm tells it. */
static uint64_t address_of(const char *name, const char *symbol)
{
	EO_AUTO_FREE char *path = path_of(name);
	EO_AUTO_FREE char *command = NULL;
	unsigned long address = 0;

	cr_assert_geq(asprintf(&command, "nm %s | awk '$3 == \"%s\" { print $1 }'", path, symbol),
		      0);
	FILE *pipe = popen(command, "r");
	cr_assert_not_null(pipe);
	cr_assert_eq(fscanf(pipe, "%lx", &address), 1, "%s in %s", symbol, name);
	pclose(pipe);
	return address;
}

static void expect_name(struct eo_elf *elf, uint64_t at, const char *name, uint64_t start)
{
	struct eo_elf_symbol found = {0};

	cr_expect_eq(eo_elf_find_symbol(elf, at, empty_root, NULL, &found), 0, "%s", name);
	cr_expect_str_eq(found.name ? found.name : "", name);
	cr_expect_eq(found.start, start, "%s: %#lx", name, found.start);
	free(found.name);
}

static void expect_none(struct eo_elf *elf, uint64_t at)
{
	struct eo_elf_symbol found = {0};

	cr_expect_eq(eo_elf_find_symbol(elf, at, empty_root, NULL, &found), -ENOENT, "%#lx: %s", at,
		     found.name);
	free(found.name);
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

static void make_stripped(const char *build_id)
{
	run("gcc -O1 -Wl,--build-id=%s -o full main.c lib.c &&"
	    "objcopy --only-keep-debug full program.debug &&"
	    "strip -o program full && objcopy --add-gnu-debuglink=program.debug program",
	    build_id);
}

/* Whether hidden_away is known with these places to look. */
static bool finds_hidden(const char *root, const char *dir)
{
	EO_AUTO(eo_elf) elf = open_elf("program");
	struct eo_elf_symbol found = {0};
	int r = eo_elf_find_symbol(elf, address_of("full", "hidden_away"), root, dir, &found);
	bool good = r == 0 && strcmp(found.name, "hidden_away") == 0;

	cr_expect(good || r == -ENOENT);
	free(found.name);
	return good;
}

Test(elf_file, debuglink_is_followed_in_three_places)
{
	make_stripped("none");
	cr_expect(!finds_hidden(folder, NULL), "no directory, no debuglink");

	cr_expect(finds_hidden(folder, "/"), "beside the program");
	run("mkdir .debug && mv program.debug .debug");
	cr_expect(finds_hidden(folder, ""), ".debug");
	cr_expect(finds_hidden("", folder), ".debug, from the real root");
	run("mkdir -p usr/lib/debug/opt/app && mv .debug/program.debug usr/lib/debug/opt/app");
	cr_expect(!finds_hidden(folder, "/"));
	cr_expect(finds_hidden(folder, "/opt/app"), "/usr/lib/debug");
}

Test(elf_file, debuglink_needs_the_right_checksum_or_build_id)
{
	make_stripped("none");
	run("printf x >>program.debug");
	cr_expect(!finds_hidden(folder, "/"), "wrong checksum");

	make_stripped("0x0123456789");
	run("printf x >>program.debug");
	cr_expect(finds_hidden(folder, "/"), "the build id decides");

	make_stripped("0x0123456789");
	run("gcc -O1 -Wl,--build-id=0x0123456780 -o full main.c lib.c &&"
	    "objcopy --only-keep-debug full program.debug &&"
	    "objcopy --remove-section .gnu_debuglink program &&"
	    "objcopy --add-gnu-debuglink=program.debug program");
	cr_expect(!finds_hidden(folder, "/"), "wrong build id, right checksum");
}

Test(elf_file, debuglink_does_not_leave_its_folder)
{
	static const char *const names[] = {"../secret.debug", "/secret.debug", "..", "", "./x"};

	make_stripped("none");
	run("mkdir sub && cp program.debug secret.debug");
	for (size_t i = 0; i < EO_ARRAY_SIZE(names); i++) {
		/* name, padding and the checksum of the real link */
		run("objcopy -O binary --only-section=.gnu_debuglink "
		    "--set-section-flags .gnu_debuglink=alloc,contents program link &&"
		    "n='%s' && { printf '%%s' \"$n\"; head -c $((4 - ${#n} %% 4)) /dev/zero;"
		    "tail -c 4 link; } >bad && cp program kept &&"
		    "objcopy --update-section .gnu_debuglink=bad program",
		    names[i]);
		cr_expect(!finds_hidden(folder, "/sub"), "%s", names[i]);
		run("mv kept program");
	}
}

Test(elf_file, build_id_files_are_found_below_a_root)
{
	make_stripped("0xabcdef0123456789");
	run("mkdir -p root/usr/lib/debug/.build-id/ab &&"
	    "mv program.debug root/usr/lib/debug/.build-id/ab/cdef0123456789.debug");
	EO_AUTO_FREE char *root = path_of("root");

	cr_expect(finds_hidden(root, NULL));
	cr_expect(!finds_hidden(empty_root, NULL));
}

Test(elf_file, absolute_links_in_a_root_stay_in_it)
{
	make_stripped("0xabcdef0123456789");
	run("mkdir -p root/usr/lib/debug/.build-id/ab root/store && mv program.debug root/store &&"
	    "ln -s /store/program.debug root/usr/lib/debug/.build-id/ab/cdef0123456789.debug");
	EO_AUTO_FREE char *root = path_of("root");

	SKIP_IN_EMULATION("no openat2()");
	cr_expect(finds_hidden(root, NULL), "to a file of the root");

	run("mv root/store/program.debug secret &&"
	    "ln -sf %s/secret root/usr/lib/debug/.build-id/ab/cdef0123456789.debug",
	    folder);
	cr_expect(!finds_hidden(root, NULL), "to a file outside");
}

Test(elf_file, debug_files_that_are_no_files_are_not_opened)
{
	make_stripped("0xabcdef0123456789");
	run("mkdir -p root/usr/lib/debug/.build-id/ab &&"
	    "mkfifo root/usr/lib/debug/.build-id/ab/cdef0123456789.debug");
	EO_AUTO_FREE char *root = path_of("root");

	cr_expect(!finds_hidden(root, NULL)); /* and does not wait for a writer */
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

	write_file("script.ld", script);
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
	EO_AUTO_FREE char *path = path_of("lib.so");
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
	EO_AUTO_FREE char *path = path_of("lib.so");
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct eo_elf *opened = NULL;

	cr_assert_eq(eo_elf_open(fd, &opened, NULL), 0);
	cr_assert_eq(close(fd), 0);
	uint64_t exported = address_of("lib.so", "exported");
	expect_name(opened, exported, "exported", exported);
	eo_elf_free(opened);
	eo_elf_free(NULL);
}

/* The bytes of lib.so with a debuglink, small enough to damage thousands of times. */
static unsigned char *read_victim(size_t *size)
{
	run("gcc -O1 -nostdlib -shared -fPIC -Wl,--build-id=sha1 -Wl,-z,noseparate-code -o lib.so "
	    "lib.c && objcopy --only-keep-debug lib.so lib.debug && xz -k lib.debug &&"
	    "objcopy --strip-unneeded --add-section .gnu_debugdata=lib.debug.xz "
	    "--add-gnu-debuglink=lib.debug lib.so victim.so");
	EO_AUTO_FREE char *path = path_of("victim.so");
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

Test(elf_file, files_cut_at_any_byte_are_errors_not_crashes)
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

Test(elf_file, files_with_damaged_bytes_are_errors_not_crashes)
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

Test(elf_file, sections_that_point_outside_leave_no_symbols)
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

Test(elf_file, segments_that_contradict_themselves_are_refused)
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

Test(elf_file, what_is_no_elf_file_of_this_machine_is_enoexec)
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

Test(elf_file, a_file_that_shrinks_later_gives_no_name_and_no_signal)
{
	run("gcc -O1 -shared -fPIC -o lib.so lib.c");
	uint64_t exported = address_of("lib.so", "exported");
	EO_AUTO(eo_elf) elf = open_elf("lib.so");

	expect_name(elf, exported, "exported", exported);
	run("truncate -s 100 lib.so");
	expect_none(elf, exported);
}
