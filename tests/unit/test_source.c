/* SPDX-License-Identifier: BSD-2-Clause */
/* Programs are compiled here, and other readers of the same files are the truth: addr2line of
 * binutils, and llvm-symbolizer for what that one does not understand. */
#include "symbol/source.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/auto.h"
#include "symbol/elf_file.h"
#include "symbol/elf_image.h"

#define LINES_MAX 32
#define BYTES_MAX 8192

/* A folder that the test works in. It has an empty root for debug files. */
static char folder[] = "/tmp/eo-source-XXXXXX";

__attribute__((format(printf, 1, 2))) static bool succeeds(const char *fmt, ...)
{
	char command[2048];
	int length = snprintf(command, sizeof(command), "cd %s && { ", folder);
	va_list args;

	va_start(args, fmt);
	length += vsnprintf(command + length, sizeof(command) - (size_t)length, fmt, args);
	va_end(args);
	cr_assert_lt(length, (int)sizeof(command) - 32);
	strcat(command, " ; } >log 2>&1");
	return system(command) == 0;
}

#define run(...) cr_assert(succeeds(__VA_ARGS__), "%s", #__VA_ARGS__)

static bool has(const char *program)
{
	return succeeds("command -v %s", program);
}

static void path_of(const char *name, char *ret, size_t size)
{
	cr_assert_lt(snprintf(ret, size, "%s/%s", folder, name), (int)size);
}

static void write_file(const char *name, const char *text)
{
	char path[128];
	FILE *file;

	path_of(name, path, sizeof(path));
	file = fopen(path, "we");
	cr_assert(file);
	cr_assert_geq(fputs(text, file), 0);
	cr_assert_eq(fclose(file), 0);
}

/* Calls inlined into one another, from a header of another folder, in branches that compilers move
 * apart; functions of one name, templates, lambdas, and one that is not inlined. */
static const char deep_header[] =
	"#pragma once\n"
	"extern volatile long sink;\n"
	"namespace deep {\n"
	"template <typename T> inline __attribute__((always_inline)) T third(T a)\n"
	"{\n"
	"	sink += a;\n"
	"	return a * sink + 3;\n"
	"}\n"
	"struct counter {\n"
	"	long n = 0;\n"
	"	__attribute__((always_inline)) void add(long by)\n"
	"	{\n"
	"		n += third(by);\n"
	"		if (__builtin_expect(n > 1000000, 0)) {\n"
	"			sink = third((int)n);\n"
	"			__builtin_trap();\n"
	"		}\n"
	"	}\n"
	"};\n"
	"}\n";
static const char program[] =
	"#include \"inc/deep.h\"\n"
	"volatile long sink;\n"
	"__attribute__((noinline)) long plain(long a)\n"
	"{\n"
	"	for (long i = 0; i < a; i++)\n"
	"		sink ^= i;\n"
	"	return sink;\n"
	"}\n"
	"__attribute__((noinline)) long outer(long a)\n"
	"{\n"
	"	deep::counter one, two;\n"
	"	for (long i = 0; i < a; i++) {\n"
	"		one.add(i);\n"
	"		two.add(one.n + plain(i));\n"
	"	}\n"
	"	auto both = [&](long x) __attribute__((always_inline)) { return deep::third(x) + one.n; };\n"
	"	return both(two.n) - both(a);\n"
	"}\n"
	"int main(int argc, char **)\n"
	"{\n"
	"	return outer(argc) == 42;\n"
	"}\n";
static const char second[] = "#include \"../inc/deep.h\"\n"
			     "long elsewhere(long a);\n"
			     "long elsewhere(long a)\n"
			     "{\n"
			     "	deep::counter c;\n"
			     "	c.add(a);\n"
			     "	return c.n;\n"
			     "}\n";

static void set_up(void)
{
	cr_assert(mkdtemp(folder));
	run("mkdir -p inc sub empty");
	write_file("inc/deep.h", deep_header);
	write_file("program.cpp", program);
	write_file("sub/second.cpp", second);
}

static void tear_down(void)
{
	run("rm -rf %s", folder);
}

TestSuite(source, .init = set_up, .fini = tear_down);

static void compile(const char *compiler, const char *flags, const char *name)
{
	run("%s %s -o %s program.cpp sub/second.cpp", compiler, flags, name);
}

struct bench {
	struct eo_string_pool *strings;
	struct eo_source *source;
	uint64_t budget;
	struct eo_elf *elf;
};

static int try_open(struct bench *b, const char *name, const char *root, const char *dir)
{
	char path[128], root_path[128] = "";
	int fd, r;

	path_of(name, path, sizeof(path));
	if (*root)
		path_of(root, root_path, sizeof(root_path));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	cr_assert_geq(fd, 0, "%s", path);
	*b = (struct bench){.strings = eo_string_pool_new(), .budget = EO_SOURCE_STEPS_MAX};
	cr_assert(b->strings);
	r = eo_source_open(fd, root_path, dir, b->strings, &b->source);
	if (eo_elf_open(fd, &b->elf, NULL) < 0)
		b->elf = NULL;
	close(fd);
	return r;
}

static void bench_free(struct bench *b)
{
	eo_elf_free(b->elf);
	eo_source_free(b->source);
	eo_string_pool_free(b->strings);
}

static struct bench bench_open(const char *name)
{
	struct bench b;

	cr_assert_eq(try_open(&b, name, "empty", NULL), 0, "%s", name);
	return b;
}

static void expect_none(const char *name, const char *root, const char *dir)
{
	struct bench b;

	cr_assert_eq(try_open(&b, name, root, dir), -ENOENT, "%s", name);
	bench_free(&b);
}

/* The executable bytes from the begin of a function on. */
struct range {
	uint64_t start, size;
};

static struct range function(const char *name, const char *symbol)
{
	struct range range = {0};
	char command[256];
	FILE *nm;

	snprintf(command, sizeof(command), "nm -S %s/%s | grep -w %s | cut -d ' ' -f 1,2", folder,
		 name, symbol);
	nm = popen(command, "r");
	cr_assert_eq(fscanf(nm, "%" SCNx64 " %" SCNx64, &range.start, &range.size), 2, "%s",
		     symbol);
	pclose(nm);
	return range;
}

static const char plain_symbol[] = "_Z5plainl", outer_symbol[] = "_Z5outerl",
		  elsewhere_symbol[] = "_Z9elsewherel";

static size_t lines_of(struct bench *b, uint64_t vaddr, const struct eo_source_line **ret)
{
	eo_source_want(b->source, vaddr);
	eo_source_find(b->source, &b->budget);
	return eo_source_lines(b->source, vaddr, ret);
}

/* ---- against other readers ---- */

/* "NAME FILE:LINE" of each function at an address, innermost first; files without "." and "..". */
struct truth {
	uint64_t vaddr;
	char *lines[LINES_MAX];
	size_t count;
};

static char *as_text(const char *name, const char *path, unsigned int line)
{
	const char *base = strrchr(path, '/');
	char *text;

	/* Where a folder is named twice, readers disagree about the better way to say it. */
	cr_assert_geq(asprintf(&text, "%s %s:%u", name, base ? base + 1 : path, line), 0);
	return text;
}

static void read_line_pair(struct truth *truth, const char *name, char *place)
{
	char *colon = strchr(place, ':');
	size_t length;

	cr_assert(colon, "%s", place);
	*colon = '\0';
	/* "std::foo() [clone .cold]" is foo. */
	length = strstr(name, " [clone") ? (size_t)(strstr(name, " [clone") - name) : strlen(name);
	EO_AUTO_FREE char *copy = strndup(name, length);
	cr_assert_lt(truth->count, LINES_MAX);
	truth->lines[truth->count++] = as_text(copy, place, (unsigned int)atoi(colon + 1));
}

/* Ask @command, which prints an address, then names and places in turn. */
static size_t ask(const char *command, struct truth *ret, size_t room)
{
	FILE *out = popen(command, "r");
	char line[1024], name[1024];
	bool is_name = true;
	size_t count = 0;

	while (fgets(line, sizeof(line), out)) {
		line[strcspn(line, "\n")] = '\0';
		if (!strncmp(line, "0x", 2)) {
			cr_assert_lt(count, room);
			ret[count++] = (struct truth){.vaddr = strtoull(line, NULL, 16)};
			is_name = true;
		} else if (*line && count > 0) {
			if (is_name)
				strcpy(name, line);
			else
				read_line_pair(&ret[count - 1], name, line);
			is_name = !is_name;
		}
	}
	pclose(out);
	return count;
}

static void write_addresses(const char *name, const struct range *ranges, size_t count)
{
	char path[128];
	FILE *file;

	path_of(name, path, sizeof(path));
	file = fopen(path, "we");
	for (size_t i = 0; i < count; i++)
		for (uint64_t at = 0; at < ranges[i].size; at++)
			fprintf(file, "0x%" PRIx64 "\n", ranges[i].start + at);
	cr_assert_eq(fclose(file), 0);
}

static bool agree(struct bench *b, const struct truth *truth, bool is_shown)
{
	const struct eo_source_line *lines;
	size_t count = eo_source_lines(b->source, truth->vaddr, &lines);
	bool same = count == truth->count;

	for (size_t i = 0; i < count || i < truth->count; i++) {
		EO_AUTO_FREE char *own = i < count ? as_text(lines[i].name ?: "??",
							     lines[i].file ?: "??", lines[i].line)
						   : strdup("-");
		const char *theirs = i < truth->count ? truth->lines[i] : "-";

		same &= !strcmp(own, theirs);
		if (is_shown)
			cr_log_error("%" PRIx64 ": %s instead of %s", truth->vaddr, own, theirs);
	}
	return same;
}

/* Every byte of three functions, by @reader; @some: addresses that may differ, for reasons. */
static void compare(const char *name, const char *reader, size_t some)
{
	static struct truth truths[BYTES_MAX];
	const struct range ranges[] = {function(name, plain_symbol), function(name, outer_symbol),
				       function(name, elsewhere_symbol)};
	struct bench b = bench_open(name);
	size_t count, different = 0, inlined = 0;
	char command[256];

	write_addresses("addresses", ranges, EO_ARRAY_SIZE(ranges));
	snprintf(command, sizeof(command), "%s -e %s/%s < %s/addresses", reader, folder, name,
		 folder);
	count = ask(command, truths, BYTES_MAX);
	cr_assert_gt(count, 200);
	for (size_t i = 0; i < count; i++)
		eo_source_want(b.source, truths[i].vaddr);
	eo_source_find(b.source, &b.budget);
	for (size_t i = 0; i < count; i++) {
		bool same = agree(&b, &truths[i], false);

		if (!same && different++ >= some)
			agree(&b, &truths[i], true);
		inlined += truths[i].count > 2;
		for (size_t j = 0; j < truths[i].count; j++)
			free(truths[i].lines[j]);
	}
	cr_assert_leq(different, some, "%s: %zu of %zu", name, different, count);
	cr_assert_gt(inlined, 20);
	bench_free(&b);
}

static const char binutils[] = "addr2line -a -i -f -C";
static const char llvm[] = "llvm-symbolizer --output-style=GNU -a";

Test(source, gcc_with_dwarf_5_is_read_as_binutils_read_it)
{
	compile("g++", "-O2 -g -gdwarf-5 -fPIE -pie", "a");
	compare("a", binutils, 0);
}

Test(source, gcc_with_dwarf_4_is_read_as_binutils_read_it)
{
	compile("g++", "-O2 -g -gdwarf-4 -no-pie", "a");
	compare("a", binutils, 0);
}

Test(source, gcc_with_dwarf_3_and_2_is_read_as_binutils_read_it)
{
	compile("g++", "-O2 -g -gdwarf-3", "a");
	compare("a", binutils, 0);
	compile("g++", "-O2 -g -gdwarf-2 -gno-strict-dwarf", "b");
	compare("b", binutils, 0);
}

Test(source, clang_with_dwarf_4_is_read_as_binutils_read_it)
{
	if (!has("clang++"))
		cr_skip_test("needs clang");
	compile("clang++", "-O2 -g -gdwarf-4 -fPIE -pie", "a");
	compare("a", binutils, 0);
}

/* binutils 2.40 do not find the calls of clang's version 5. */
Test(source, clang_with_dwarf_5_is_read_as_llvm_reads_it)
{
	if (!has("clang++") || !has("llvm-symbolizer"))
		cr_skip_test("needs clang and llvm");
	compile("clang++", "-O2 -g -gdwarf-5 -fPIE -pie", "a");
	compare("a", llvm, 0);
	compile("clang++", "-O2 -g -gdwarf-5 -no-pie", "b");
	compare("b", llvm, 0);
}

Test(source, sections_of_their_own_and_what_the_linker_dropped_disturb_nothing)
{
	compile("g++", "-O2 -g -ffunction-sections -Wl,--gc-sections,-u,_Z9elsewherel", "a");
	compare("a", binutils, 0);
}

Test(source, compressed_sections_are_unpacked)
{
	compile("g++", "-O2 -g -gz=zlib", "a");
	run("readelf -SW a | grep -q 'debug_info .* C  *0'");
	compare("a", binutils, 0);
}

Test(source, wide_offsets_are_read)
{
	if (!has("llvm-symbolizer"))
		cr_skip_test("needs llvm");
	compile("g++", "-O2 -g -gdwarf64", "a");
	compare("a", llvm, 0);
}

Test(source, entries_of_other_units_give_names)
{
	compile("g++", "-O2 -g -flto -ffat-lto-objects -fno-ipa-cp -Wl,-u,_Z9elsewherel", "a");
	compare("a", has("llvm-symbolizer") ? llvm : binutils, 0);
}

/* ---- one by one ---- */

static void expect_line(const struct eo_source_line *line, const char *name, const char *file,
			uint32_t number)
{
	cr_assert_str_eq(line->name, name);
	cr_assert_str_eq(line->file, file);
	cr_assert_eq(line->line, number, "%s:%u", name, line->line);
}

/* Some address of outer() has third(), inlined into add(), inlined into outer(). */
static void expect_chain(struct bench *b, const char *name)
{
	struct range outer = function(name, outer_symbol);
	const struct eo_source_line *lines;
	char path[128], deep[128];
	size_t found = 0;

	path_of("program.cpp", path, sizeof(path));
	path_of("inc/deep.h", deep, sizeof(deep));
	for (uint64_t at = 0; at < outer.size; at++)
		eo_source_want(b->source, outer.start + at);
	eo_source_find(b->source, &b->budget);
	for (uint64_t at = 0; at < outer.size; at++) {
		size_t count = eo_source_lines(b->source, outer.start + at, &lines);

		cr_assert_gt(count, 0);
		cr_assert_str_eq(lines[count - 1].name, "outer(long)");
		cr_assert_str_eq(lines[count - 1].system_name, outer_symbol);
		if (count != 3 || lines[0].line != 6 || lines[2].line != 13)
			continue;
		expect_line(&lines[0], "long deep::third<long>(long)", deep, 6);
		expect_line(&lines[1], "deep::counter::add(long)", deep, 13);
		expect_line(&lines[2], "outer(long)", path, 13);
		cr_assert_eq(lines[2].column, strlen("		one.add(")); /* a tab is one */
		found++;
	}
	cr_assert_gt(found, 0);
}

Test(source, an_inlined_call_has_its_functions_and_the_places_they_were_called_at)
{
	struct bench b;

	run("g++ -O2 -g -o a %s/program.cpp %s/sub/second.cpp", folder, folder);
	b = bench_open("a");
	expect_chain(&b, "a");
	bench_free(&b);
}

Test(source, relative_paths_start_where_the_compiler_ran)
{
	static const char *const versions[] = {"4", "5"};

	for (size_t i = 0; i < EO_ARRAY_SIZE(versions); i++) {
		const struct eo_source_line *lines;
		char path[128];
		struct bench b;

		run("cd sub && g++ -O1 -g -gdwarf-%s -shared -fPIC -o ../a.so second.cpp",
		    versions[i]);
		b = bench_open("a.so");
		cr_assert_geq(lines_of(&b, function("a.so", elsewhere_symbol).start, &lines), 1);
		path_of("sub/second.cpp", path, sizeof(path));
		expect_line(&lines[0], "elsewhere(long)", path, 4);
		bench_free(&b);

		run("cd sub && g++ -O1 -g -gdwarf-%s -fdebug-prefix-map=%s=/somewhere -shared "
		    "-fPIC -o ../a.so second.cpp",
		    versions[i], folder);
		b = bench_open("a.so");
		cr_assert_geq(lines_of(&b, function("a.so", elsewhere_symbol).start, &lines), 1);
		expect_line(&lines[0], "elsewhere(long)", "/somewhere/sub/second.cpp", 4);
		bench_free(&b);
	}
}

Test(source, what_has_no_debug_information_has_no_source)
{
	compile("g++", "-O2", "bare");
	expect_none("bare", "empty", NULL);
	run("g++ -O2 -g -c -o object.o program.cpp");
	expect_none("object.o", "empty", NULL); /* its numbers are not final */
}

Test(source, an_address_outside_the_code_has_no_lines)
{
	const struct eo_source_line *lines;
	struct bench b;

	compile("g++", "-O2 -g", "a");
	b = bench_open("a");
	cr_assert_eq(lines_of(&b, 0, &lines), 0);
	cr_assert_eq(lines_of(&b, 1, &lines), 0);
	cr_assert_eq(lines_of(&b, UINT64_MAX, &lines), 0);
	bench_free(&b);
}

Test(source, addresses_may_come_in_several_rounds)
{
	const struct eo_source_line *lines;
	struct range plain, elsewhere;
	struct bench b;
	uint64_t spent;

	compile("g++", "-O2 -g", "a");
	b = bench_open("a");
	plain = function("a", plain_symbol);
	elsewhere = function("a", elsewhere_symbol);
	cr_assert_eq(eo_source_lines(b.source, plain.start, &lines), 0); /* not wanted yet */
	cr_assert_eq(lines_of(&b, plain.start, &lines), 1);
	cr_assert_str_eq(lines[0].name, "plain(long)");
	cr_assert_geq(lines_of(&b, elsewhere.start, &lines), 1);
	spent = b.budget;
	cr_assert_eq(lines_of(&b, plain.start, &lines), 1); /* and not read again */
	cr_assert_eq(b.budget, spent);
	cr_assert_str_eq(lines[0].name, "plain(long)");
	bench_free(&b);
}

Test(source, a_budget_is_kept_and_what_is_beyond_it_has_no_lines)
{
	const struct eo_source_line *lines;
	uint64_t needed, budget;
	struct range plain;
	struct bench b;
	size_t none = 0;

	compile("g++", "-O2 -g", "a");
	plain = function("a", plain_symbol);
	b = bench_open("a");
	cr_assert_eq(lines_of(&b, plain.start, &lines), 1);
	needed = EO_SOURCE_STEPS_MAX - b.budget;
	cr_assert_gt(needed, 100);
	bench_free(&b);
	for (uint64_t i = 0; i < 20; i++) {
		b = bench_open("a");
		b.budget = budget = needed * i / 20;
		none += lines_of(&b, plain.start, &lines) == 0;
		cr_assert_leq(b.budget, budget);
		bench_free(&b);
	}
	cr_assert_geq(none, 5);
	b = bench_open("a");
	b.budget = needed;
	cr_assert_eq(lines_of(&b, plain.start, &lines), 1);
	cr_assert_eq(b.budget, 0);
	bench_free(&b);
}

Test(source, line_tables_alone_give_lines_and_assembly_has_them_too)
{
	const struct eo_source_line *lines;
	struct bench b;

	write_file("a.s",
		   "	.text\n	.globl in_assembly\n	.type in_assembly, @function\n"
		   "in_assembly:\n	nop\n	nop\n	ret\n	.size in_assembly, .-in_assembly\n"
		   "	.section .note.GNU-stack,\"\",@progbits\n");
	run("gcc -g -shared -fPIC -o a.so a.s");
	b = bench_open("a.so");
	cr_assert_eq(lines_of(&b, function("a.so", "in_assembly").start + 1, &lines), 1);
	cr_assert_eq(lines[0].line, 6);
	cr_assert(strstr(lines[0].file, "/a.s"));
	bench_free(&b);
}

Test(source, split_debug_information_leaves_the_lines)
{
	const struct eo_source_line *lines;
	struct range outer;
	struct bench b;
	size_t with_line = 0;

	compile("g++", "-O2 -g -gsplit-dwarf", "a");
	outer = function("a", outer_symbol);
	b = bench_open("a");
	for (uint64_t at = 0; at < outer.size; at++) {
		size_t count = lines_of(&b, outer.start + at, &lines);

		cr_assert_leq(count, 1);
		with_line += count == 1 && lines[0].line > 0 && lines[0].file;
	}
	cr_assert_gt(with_line, outer.size / 2);
	bench_free(&b);
}

Test(source, programs_of_32_bits_are_read)
{
	const struct eo_source_line *lines;
	struct bench b;

	write_file("small.c", "volatile int sink;\n"
			      "static inline int twice(int a)\n"
			      "{\n"
			      "	sink = a;\n"
			      "	return 2 * a;\n"
			      "}\n"
			      "int half(int a) { return twice(a) + sink; }\n"
			      "void _start(void) { for (;;) half(3); }\n");
	if (!succeeds("gcc -m32 -O2 -fno-inline-small-functions -finline -g -static -nostdlib "
		      "-ffreestanding -fno-pie -no-pie -o small small.c"))
		cr_skip_test("needs a compiler for 32 bits");
	b = bench_open("small");
	cr_assert_geq(lines_of(&b, function("small", "half").start, &lines), 1);
	cr_assert(strstr(lines[0].file, "/small.c"));
	bench_free(&b);
}

Test(source, large_units_are_read_in_parts)
{
	const struct eo_source_line *lines;
	struct bench b;

	run("{ seq -f 'struct type_%%.0f { int a; };' 150000; "
	    "echo 'int last(int a) { return a + 1; } int main(void) { return last(3); }'; } "
	    "> large.c && gcc -g -fno-eliminate-unused-debug-types -o large large.c");
	run("test $(readelf -SW large | sed -n 's/.*debug_info  *PROGBITS  *[0-9a-f]* [0-9a-f]* "
	    "\\([0-9a-f]*\\) .*/\\1/p' | wc -c) = 7"); /* of six digits */
	run("readelf -SW large | grep -q 'debug_info  *PROGBITS  *[0-9a-f]* [0-9a-f]* [2-9a-f]'");
	b = bench_open("large");
	cr_assert_eq(lines_of(&b, function("large", "last").start, &lines), 1);
	cr_assert_str_eq(lines[0].name, "last");
	cr_assert_eq(lines[0].line, 150001);
	bench_free(&b);
}

/* ---- separate files ---- */

/* a: the stripped program, a.debug: what was taken away */
static void split(const char *flags)
{
	compile("g++", flags, "full");
	run("cp full a && objcopy --only-keep-debug full a.debug && strip -g a");
}

Test(source, a_debug_file_is_found_by_build_id)
{
	struct bench b;

	split("-O2 -g -Wl,--build-id=sha1");
	expect_none("a", "empty", NULL);
	run("id=$(readelf -n a | sed -n 's/.*Build ID: //p') && "
	    "dir=root/usr/lib/debug/.build-id/$(echo $id | cut -c 1-2) && mkdir -p $dir && "
	    "cp a.debug $dir/$(echo $id | cut -c 3-).debug");
	cr_assert_eq(try_open(&b, "a", "root", NULL), 0);
	expect_chain(&b, "a");
	bench_free(&b);
}

Test(source, a_debug_file_of_another_build_is_refused)
{
	split("-O2 -g -Wl,--build-id=sha1");
	run("g++ -O1 -g -Wl,--build-id=sha1 -o other program.cpp sub/second.cpp && "
	    "objcopy --only-keep-debug other other.debug && "
	    "id=$(readelf -n a | sed -n 's/.*Build ID: //p') && "
	    "dir=root/usr/lib/debug/.build-id/$(echo $id | cut -c 1-2) && mkdir -p $dir && "
	    "cp other.debug $dir/$(echo $id | cut -c 3-).debug");
	expect_none("a", "root", NULL);
}

Test(source, a_debug_file_is_found_by_debuglink)
{
	struct bench b;

	split("-O2 -g -Wl,--build-id=none");
	run("objcopy --add-gnu-debuglink=a.debug a && mkdir -p root/bin/.debug && "
	    "cp a.debug root/bin/.debug/");
	expect_none("a", "empty", "/bin");
	cr_assert_eq(try_open(&b, "a", "root", "/bin"), 0);
	expect_chain(&b, "a");
	bench_free(&b);
	run("echo >> root/bin/.debug/a.debug"); /* the checksum is another one now */
	expect_none("a", "root", "/bin");
}

Test(source, parts_that_dwz_shared_are_found_or_missed_without_harm)
{
	const struct eo_source_line *lines;
	struct range outer;
	struct bench b;

	if (!has("dwz"))
		cr_skip_test("needs dwz");
	compile("g++", "-O2 -g -gdwarf-4", "full");
	run("cp full a && cp full b && objcopy --remove-section=.note.gnu.build-id b && "
	    "mkdir -p root/shared && dwz -m root/shared/common.debug -M /shared/common.debug a b");
	run("readelf -SW a | grep -q gnu_debugaltlink");
	cr_assert_eq(try_open(&b, "a", "root", NULL), 0);
	expect_chain(&b, "a");
	bench_free(&b);

	outer = function("a", outer_symbol);
	b = bench_open("a"); /* in a root that lacks them */
	for (uint64_t at = 0; at < outer.size; at++) {
		/* Inlined calls of functions that have no name are left out. */
		cr_assert_eq(lines_of(&b, outer.start + at, &lines), 1);
		cr_assert(strstr(lines[0].file, "program.cpp"));
		cr_assert_geq(lines[0].line, 9);
	}
	bench_free(&b);
}

/* ---- damage ---- */

static void read_whole(const char *name, unsigned char **bytes, size_t *size)
{
	char path[128];
	struct stat st;
	int fd;

	path_of(name, path, sizeof(path));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	cr_assert_geq(fd, 0);
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
	struct eo_elf_image image;
	const Elf64_Shdr *header;
	char path[128];
	int fd;

	path_of(name, path, sizeof(path));
	fd = open(path, O_RDONLY | O_CLOEXEC);
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
	uint64_t start = function(name, outer_symbol).start;
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

Test(source, damaged_bytes_do_no_harm, .timeout = 300)
{
	compile("g++", "-O2 -g -gdwarf-5 -no-pie", "a");
	damage("a", 150);
	compile("g++", "-O2 -g -gdwarf-4 -no-pie", "b");
	damage("b", 150);
	compile("g++", "-O2 -g -gz=zlib -no-pie", "c");
	damage("c", 50);
	if (has("clang++")) {
		compile("clang++", "-O2 -g -gdwarf-5 -no-pie", "d");
		damage("d", 150);
	}
}

Test(source, a_section_may_end_anywhere)
{
	unsigned char *bytes;
	uint64_t start;
	size_t size;

	compile("g++", "-O2 -g -no-pie", "a");
	start = function("a", outer_symbol).start;
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

Test(source, a_file_may_shrink_while_it_is_read)
{
	const struct eo_source_line *lines;
	struct range plain;
	struct bench b;

	compile("g++", "-O2 -g", "a");
	plain = function("a", plain_symbol);
	b = bench_open("a");
	run("truncate -s 5000 a");
	cr_assert_eq(lines_of(&b, plain.start, &lines), 0);
	bench_free(&b);
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

Test(source, endless_work_in_a_few_bytes_comes_to_an_end)
{
	const struct eo_source_line *lines;
	struct bench b;
	uint64_t start;

	write_file("endless.s", endless);
	run("gcc -nostdlib -static -no-pie -o endless endless.s");
	b = bench_open("endless");
	start = function("endless", "_start").start;
	for (uint64_t at = 0; at < 512; at++)
		eo_source_want(b.source, start + at);
	b.budget = 20000000;
	eo_source_find(b.source, &b.budget);
	cr_assert_eq(b.budget, 0);
	eo_source_lines(b.source, start, &lines);
	bench_free(&b);
}

Test(source, what_would_unpack_to_too_much_is_refused)
{
	const struct eo_source_line *lines;
	unsigned char *bytes;
	Elf64_Chdr claim;
	struct range plain;
	size_t size, from, to;
	struct bench b;
	char path[128];
	int fd;

	compile("g++", "-O2 -g -gz=zlib", "a");
	plain = function("a", plain_symbol);
	cr_assert(section_of("a", ".debug_info", &from, &to));
	read_whole("a", &bytes, &size);
	memcpy(&claim, bytes + from, sizeof(claim));
	free(bytes);
	claim.ch_size = 1ull << 40;
	path_of("a", path, sizeof(path));
	fd = open(path, O_WRONLY | O_CLOEXEC);
	cr_assert_eq(pwrite(fd, &claim, sizeof(claim), (off_t)from), sizeof(claim));
	close(fd);
	b = bench_open("a");
	cr_assert_eq(lines_of(&b, plain.start, &lines), 0);
	bench_free(&b);
}
