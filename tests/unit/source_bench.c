// SPDX-License-Identifier: BSD-2-Clause
#include "source_bench.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/auto.h"

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

void make_source_programs(void)
{
	make_folder();
	run("mkdir -p inc sub empty");
	write_text("inc/deep.h", deep_header);
	write_text("program.cpp", program);
	write_text("sub/second.cpp", second);
}

void compile(const char *compiler, const char *flags, const char *name)
{
	run("%s %s -o %s program.cpp sub/second.cpp", compiler, flags, name);
}

int source_bench_try(struct source_bench *b, const char *name, const char *root, const char *dir)
{
	EO_AUTO_FREE char *root_path = in_folder(root);
	int fd = open_in_folder(name), r;

	*b = (struct source_bench){.strings = eo_string_pool_new(), .budget = EO_SOURCE_STEPS_MAX};
	cr_assert(b->strings);
	r = eo_source_open(fd, *root ? root_path : "", dir, b->strings, &b->source);
	close(fd);
	return r;
}

void source_bench_free(struct source_bench *b)
{
	eo_source_free(b->source);
	eo_string_pool_free(b->strings);
}

struct source_bench source_bench_open(const char *name)
{
	struct source_bench b;

	cr_assert_eq(source_bench_try(&b, name, "empty", NULL), 0, "%s", name);
	return b;
}

struct source_range function_of(const char *name, const char *symbol)
{
	EO_AUTO_FREE char *path = in_folder(name);
	struct source_range range = {0};
	char command[256];
	FILE *nm;

	snprintf(command, sizeof(command), "nm -S %s | grep -w %s | cut -d ' ' -f 1,2", path, symbol);
	nm = popen(command, "r");
	cr_assert_eq(fscanf(nm, "%" SCNx64 " %" SCNx64, &range.start, &range.size), 2, "%s",
		     symbol);
	pclose(nm);
	return range;
}

size_t lines_of(struct source_bench *b, uint64_t vaddr, const struct eo_source_line **ret)
{
	eo_source_want(b->source, vaddr);
	eo_source_find(b->source, &b->budget);
	return eo_source_lines(b->source, vaddr, ret);
}
