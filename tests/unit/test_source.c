// SPDX-License-Identifier: BSD-2-Clause
/* Lines and inlined calls of programs that are compiled here. */
#include "symbol/source.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "core/auto.h"
#include "source_bench.h"

TestSuite(source, .init = make_source_programs, .fini = remove_folder);

static void expect_none(const char *name, const char *root, const char *dir)
{
	struct source_bench b;

	cr_assert_eq(source_bench_try(&b, name, root, dir), -ENOENT, "%s", name);
	source_bench_free(&b);
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
static void expect_chain(struct source_bench *b, const char *name)
{
	struct source_range outer = function_of(name, OUTER_SYMBOL);
	const struct eo_source_line *lines;
	EO_AUTO_FREE char *path = in_folder("program.cpp"), *deep = in_folder("inc/deep.h");
	size_t found = 0;

	for (uint64_t at = 0; at < outer.size; at++)
		eo_source_want(b->source, outer.start + at);
	eo_source_find(b->source, &b->budget);
	for (uint64_t at = 0; at < outer.size; at++) {
		size_t count = eo_source_lines(b->source, outer.start + at, &lines);

		cr_assert_gt(count, 0);
		cr_assert_str_eq(lines[count - 1].name, "outer(long)");
		cr_assert_str_eq(lines[count - 1].system_name, OUTER_SYMBOL);
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
	struct source_bench b;

	run("g++ -O2 -g -o a %s/program.cpp %s/sub/second.cpp", folder, folder);
	b = source_bench_open("a");
	expect_chain(&b, "a");
	source_bench_free(&b);
}

Test(source, relative_paths_start_where_the_compiler_ran)
{
	EO_AUTO_FREE char *path = in_folder("sub/second.cpp");
	static const char *const versions[] = {"4", "5"};

	for (size_t i = 0; i < EO_ARRAY_SIZE(versions); i++) {
		const struct eo_source_line *lines;
		struct source_bench b;

		run("cd sub && g++ -O1 -g -gdwarf-%s -shared -fPIC -o ../a.so second.cpp",
		    versions[i]);
		b = source_bench_open("a.so");
		cr_assert_geq(lines_of(&b, function_of("a.so", ELSEWHERE_SYMBOL).start, &lines), 1);
		expect_line(&lines[0], "elsewhere(long)", path, 4);
		source_bench_free(&b);

		run("cd sub && g++ -O1 -g -gdwarf-%s -fdebug-prefix-map=%s=/somewhere -shared "
		    "-fPIC -o ../a.so second.cpp",
		    versions[i], folder);
		b = source_bench_open("a.so");
		cr_assert_geq(lines_of(&b, function_of("a.so", ELSEWHERE_SYMBOL).start, &lines), 1);
		expect_line(&lines[0], "elsewhere(long)", "/somewhere/sub/second.cpp", 4);
		source_bench_free(&b);
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
	struct source_bench b;

	compile("g++", "-O2 -g", "a");
	b = source_bench_open("a");
	cr_assert_eq(lines_of(&b, 0, &lines), 0);
	cr_assert_eq(lines_of(&b, 1, &lines), 0);
	cr_assert_eq(lines_of(&b, UINT64_MAX, &lines), 0);
	source_bench_free(&b);
}

Test(source, addresses_may_come_in_several_rounds)
{
	const struct eo_source_line *lines;
	struct source_range plain, elsewhere;
	struct source_bench b;
	uint64_t spent;

	compile("g++", "-O2 -g", "a");
	b = source_bench_open("a");
	plain = function_of("a", PLAIN_SYMBOL);
	elsewhere = function_of("a", ELSEWHERE_SYMBOL);
	cr_assert_eq(eo_source_lines(b.source, plain.start, &lines), 0); /* not wanted yet */
	cr_assert_eq(lines_of(&b, plain.start, &lines), 1);
	cr_assert_str_eq(lines[0].name, "plain(long)");
	cr_assert_geq(lines_of(&b, elsewhere.start, &lines), 1);
	spent = b.budget;
	cr_assert_eq(lines_of(&b, plain.start, &lines), 1); /* and not read again */
	cr_assert_eq(b.budget, spent);
	cr_assert_str_eq(lines[0].name, "plain(long)");
	source_bench_free(&b);
}

Test(source, a_budget_is_kept_and_what_is_beyond_it_has_no_lines)
{
	const struct eo_source_line *lines;
	uint64_t needed, budget;
	struct source_range plain;
	struct source_bench b;
	size_t none = 0;

	compile("g++", "-O2 -g", "a");
	plain = function_of("a", PLAIN_SYMBOL);
	b = source_bench_open("a");
	cr_assert_eq(lines_of(&b, plain.start, &lines), 1);
	needed = EO_SOURCE_STEPS_MAX - b.budget;
	cr_assert_gt(needed, 100);
	source_bench_free(&b);
	for (uint64_t i = 0; i < 20; i++) {
		b = source_bench_open("a");
		b.budget = budget = needed * i / 20;
		none += lines_of(&b, plain.start, &lines) == 0;
		cr_assert_leq(b.budget, budget);
		source_bench_free(&b);
	}
	cr_assert_geq(none, 5);
	b = source_bench_open("a");
	b.budget = needed;
	cr_assert_eq(lines_of(&b, plain.start, &lines), 1);
	cr_assert_eq(b.budget, 0);
	source_bench_free(&b);
}

Test(source, line_tables_alone_give_lines_and_assembly_has_them_too)
{
	const struct eo_source_line *lines;
	struct source_bench b;

	write_text("a.s",
		   "	.text\n	.globl in_assembly\n	.type in_assembly, @function\n"
		   "in_assembly:\n	nop\n	nop\n	ret\n	.size in_assembly, .-in_assembly\n"
		   "	.section .note.GNU-stack,\"\",@progbits\n");
	run("gcc -g -shared -fPIC -o a.so a.s");
	b = source_bench_open("a.so");
	cr_assert_eq(lines_of(&b, function_of("a.so", "in_assembly").start + 1, &lines), 1);
	cr_assert_eq(lines[0].line, 6);
	cr_assert(strstr(lines[0].file, "/a.s"));
	source_bench_free(&b);
}

Test(source, split_debug_information_leaves_the_lines)
{
	const struct eo_source_line *lines;
	struct source_range outer;
	struct source_bench b;
	size_t with_line = 0;

	compile("g++", "-O2 -g -gsplit-dwarf", "a");
	outer = function_of("a", OUTER_SYMBOL);
	b = source_bench_open("a");
	for (uint64_t at = 0; at < outer.size; at++) {
		size_t count = lines_of(&b, outer.start + at, &lines);

		cr_assert_leq(count, 1);
		with_line += count == 1 && lines[0].line > 0 && lines[0].file;
	}
	cr_assert_gt(with_line, outer.size / 2);
	source_bench_free(&b);
}

Test(source, programs_of_32_bits_are_read)
{
	const struct eo_source_line *lines;
	struct source_bench b;

	write_text("small.c", "volatile int sink;\n"
			      "static inline int twice(int a)\n"
			      "{\n"
			      "	sink = a;\n"
			      "	return 2 * a;\n"
			      "}\n"
			      "int half(int a) { return twice(a) + sink; }\n"
			      "void _start(void) { for (;;) half(3); }\n");
	if (!try_run("gcc -m32 -O2 -fno-inline-small-functions -finline -g -static -nostdlib "
		      "-ffreestanding -fno-pie -no-pie -o small small.c"))
		cr_skip_test("needs a compiler for 32 bits");
	b = source_bench_open("small");
	cr_assert_geq(lines_of(&b, function_of("small", "half").start, &lines), 1);
	cr_assert(strstr(lines[0].file, "/small.c"));
	source_bench_free(&b);
}

Test(source, large_units_are_read_in_parts)
{
	const struct eo_source_line *lines;
	struct source_bench b;

	run("{ seq -f 'struct type_%%.0f { int a; };' 150000; "
	    "echo 'int last(int a) { return a + 1; } int main(void) { return last(3); }'; } "
	    "> large.c && gcc -g -fno-eliminate-unused-debug-types -o large large.c");
	run("test $(readelf -SW large | sed -n 's/.*debug_info  *PROGBITS  *[0-9a-f]* [0-9a-f]* "
	    "\\([0-9a-f]*\\) .*/\\1/p' | wc -c) = 7"); /* of six digits */
	run("readelf -SW large | grep -q 'debug_info  *PROGBITS  *[0-9a-f]* [0-9a-f]* [2-9a-f]'");
	b = source_bench_open("large");
	cr_assert_eq(lines_of(&b, function_of("large", "last").start, &lines), 1);
	cr_assert_str_eq(lines[0].name, "last");
	cr_assert_eq(lines[0].line, 150001);
	source_bench_free(&b);
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
	struct source_bench b;

	split("-O2 -g -Wl,--build-id=sha1");
	expect_none("a", "empty", NULL);
	run("id=$(readelf -n a | sed -n 's/.*Build ID: //p') && "
	    "dir=root/usr/lib/debug/.build-id/$(echo $id | cut -c 1-2) && mkdir -p $dir && "
	    "cp a.debug $dir/$(echo $id | cut -c 3-).debug");
	cr_assert_eq(source_bench_try(&b, "a", "root", NULL), 0);
	expect_chain(&b, "a");
	source_bench_free(&b);
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
	struct source_bench b;

	split("-O2 -g -Wl,--build-id=none");
	run("objcopy --add-gnu-debuglink=a.debug a && mkdir -p root/bin/.debug && "
	    "cp a.debug root/bin/.debug/");
	expect_none("a", "empty", "/bin");
	cr_assert_eq(source_bench_try(&b, "a", "root", "/bin"), 0);
	expect_chain(&b, "a");
	source_bench_free(&b);
	run("echo >> root/bin/.debug/a.debug"); /* the checksum is another one now */
	expect_none("a", "root", "/bin");
}

Test(source, parts_that_dwz_shared_are_found_or_missed_without_harm)
{
	const struct eo_source_line *lines;
	struct source_range outer;
	struct source_bench b;

	if (!has_program("dwz"))
		cr_skip_test("needs dwz");
	compile("g++", "-O2 -g -gdwarf-4", "full");
	run("cp full a && cp full b && objcopy --remove-section=.note.gnu.build-id b && "
	    "mkdir -p root/shared && dwz -m root/shared/common.debug -M /shared/common.debug a b");
	run("readelf -SW a | grep -q gnu_debugaltlink");
	cr_assert_eq(source_bench_try(&b, "a", "root", NULL), 0);
	expect_chain(&b, "a");
	source_bench_free(&b);

	outer = function_of("a", OUTER_SYMBOL);
	b = source_bench_open("a"); /* in a root that lacks them */
	for (uint64_t at = 0; at < outer.size; at++) {
		/* Inlined calls of functions that have no name are left out. */
		cr_assert_eq(lines_of(&b, outer.start + at, &lines), 1);
		cr_assert(strstr(lines[0].file, "program.cpp"));
		cr_assert_geq(lines[0].line, 9);
	}
	source_bench_free(&b);
}
