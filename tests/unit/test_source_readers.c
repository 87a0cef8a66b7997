// SPDX-License-Identifier: BSD-2-Clause
/* Other readers of the same files are the truth: addr2line of binutils, and llvm-symbolizer for what that
 * one does not understand. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/auto.h"
#include "source_bench.h"

#define LINES_MAX 32
#define BYTES_MAX 8192

TestSuite(source_readers, .init = make_source_programs, .fini = remove_folder);

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

static void write_addresses(const char *name, const struct source_range *ranges, size_t count)
{
	EO_AUTO_FREE char *path = in_folder(name);
	FILE *file = fopen(path, "we");

	for (size_t i = 0; i < count; i++)
		for (uint64_t at = 0; at < ranges[i].size; at++)
			fprintf(file, "0x%" PRIx64 "\n", ranges[i].start + at);
	cr_assert_eq(fclose(file), 0);
}

static bool agree(struct source_bench *b, const struct truth *truth, bool is_shown)
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
	const struct source_range ranges[] = {function_of(name, PLAIN_SYMBOL), function_of(name, OUTER_SYMBOL),
				       function_of(name, ELSEWHERE_SYMBOL)};
	struct source_bench b = source_bench_open(name);
	EO_AUTO_FREE char *path = in_folder(name), *addresses = in_folder("addresses");
	size_t count, different = 0, inlined = 0;
	char command[256];

	write_addresses("addresses", ranges, EO_ARRAY_SIZE(ranges));
	snprintf(command, sizeof(command), "%s -e %s < %s", reader, path, addresses);
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
	source_bench_free(&b);
}

static const char binutils[] = "addr2line -a -i -f -C";
static const char llvm[] = "llvm-symbolizer --output-style=GNU -a";

Test(source_readers, gcc_with_dwarf_5_is_read_as_binutils_read_it)
{
	compile("g++", "-O2 -g -gdwarf-5 -fPIE -pie", "a");
	compare("a", binutils, 0);
}

Test(source_readers, gcc_with_dwarf_4_is_read_as_binutils_read_it)
{
	compile("g++", "-O2 -g -gdwarf-4 -no-pie", "a");
	compare("a", binutils, 0);
}

Test(source_readers, gcc_with_dwarf_3_and_2_is_read_as_binutils_read_it)
{
	compile("g++", "-O2 -g -gdwarf-3", "a");
	compare("a", binutils, 0);
	compile("g++", "-O2 -g -gdwarf-2 -gno-strict-dwarf", "b");
	compare("b", binutils, 0);
}

Test(source_readers, clang_with_dwarf_4_is_read_as_binutils_read_it)
{
	if (!has_program("clang++"))
		cr_skip_test("needs clang");
	compile("clang++", "-O2 -g -gdwarf-4 -fPIE -pie", "a");
	compare("a", binutils, 0);
}

/* binutils 2.40 do not find the calls of clang's version 5. */
Test(source_readers, clang_with_dwarf_5_is_read_as_llvm_reads_it)
{
	if (!has_program("clang++") || !has_program("llvm-symbolizer"))
		cr_skip_test("needs clang and llvm");
	compile("clang++", "-O2 -g -gdwarf-5 -fPIE -pie", "a");
	compare("a", llvm, 0);
	compile("clang++", "-O2 -g -gdwarf-5 -no-pie", "b");
	compare("b", llvm, 0);
}

Test(source_readers, sections_of_their_own_and_what_the_linker_dropped_disturb_nothing)
{
	compile("g++", "-O2 -g -ffunction-sections -Wl,--gc-sections,-u,_Z9elsewherel", "a");
	compare("a", binutils, 0);
}

Test(source_readers, compressed_sections_are_unpacked)
{
	compile("g++", "-O2 -g -gz=zlib", "a");
	run("readelf -SW a | grep -q 'debug_info .* C  *0'");
	compare("a", binutils, 0);
}

Test(source_readers, wide_offsets_are_read)
{
	if (!has_program("llvm-symbolizer"))
		cr_skip_test("needs llvm");
	compile("g++", "-O2 -g -gdwarf64", "a");
	compare("a", llvm, 0);
}

Test(source_readers, entries_of_other_units_give_names)
{
	compile("g++", "-O2 -g -flto -ffat-lto-objects -fno-ipa-cp -Wl,-u,_Z9elsewherel", "a");
	compare("a", has_program("llvm-symbolizer") ? llvm : binutils, 0);
}
