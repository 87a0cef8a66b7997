/* SPDX-License-Identifier: BSD-2-Clause */
/* readelf is the truth for the call frame information of programs and libraries: each row that it
 * interprets is asked for where it begins and just before the next one does. */
#include "unwind/frame_file.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "core/auto.h"
#include "folder.h"

#define COLUMNS_MAX 24
#define COLUMN_BYTES 16

struct truth {
	uint64_t start, end; /* of the row */
	uint64_t function, function_end;
	size_t order;
	char cfa[COLUMN_BYTES], rbp[COLUMN_BYTES], rsp[COLUMN_BYTES], ra[COLUMN_BYTES];
};

struct truths {
	struct truth *rows;
	size_t count, capacity, functions;
};

/* The row of a CIE is that of its FDEs without a program. */
struct cie_truth {
	char offset[COLUMN_BYTES + 1];
	struct truth row;
};

struct reader {
	struct truths *truths;
	struct cie_truth *cies;
	size_t cie_count;
	char columns[COLUMNS_MAX][COLUMN_BYTES];
	size_t column_count;
	struct truth *cie; /* rows that come belong to this one, else to an FDE */
	struct truth function; /* without a row of its own yet: that of its CIE */
	bool has_function, has_row;
};

TestSuite(frame_file, .init = make_folder, .fini = remove_folder);

/* malloc()ed */
static char *read_file(const char *path, size_t *size)
{
	EO_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *bytes;

	cr_assert_geq(fd, 0);
	cr_assert_eq(fstat(fd, &st), 0);
	*size = (size_t)st.st_size;
	bytes = malloc(*size);
	cr_assert_not_null(bytes);
	cr_assert_eq(read(fd, bytes, *size), st.st_size);
	return bytes;
}

static int load(const char *path, struct eo_frame_table *ret)
{
	EO_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct eo_error err = {0};
	int r;

	cr_assert_geq(fd, 0, "%s", path);
	r = eo_frame_file_load(fd, ret, &err);
	cr_assert_eq(err.code, -r);
	return r;
}

static struct truth *add_row(struct truths *truths, const struct truth *row)
{
	if (truths->count == truths->capacity) {
		truths->capacity = truths->capacity ? truths->capacity * 2 : 1024;
		truths->rows = reallocarray(truths->rows, truths->capacity, sizeof(*row));
		cr_assert_not_null(truths->rows);
	}
	truths->rows[truths->count] = *row;
	truths->rows[truths->count].order = truths->count;
	return &truths->rows[truths->count++];
}

/* What a function without rows of its own has is what its CIE has. */
static void end_function(struct reader *reader)
{
	if (reader->has_function && !reader->has_row)
		add_row(reader->truths, &reader->function);
	reader->has_function = false;
	reader->cie = NULL;
}

static void begin_cie(struct reader *reader, const char *offset)
{
	end_function(reader);
	reader->cies = reallocarray(reader->cies, reader->cie_count + 1, sizeof(*reader->cies));
	cr_assert_not_null(reader->cies);

	struct cie_truth *cie = &reader->cies[reader->cie_count++];

	*cie = (struct cie_truth){0};
	snprintf(cie->offset, sizeof(cie->offset), "%s", offset);
	reader->cie = &cie->row;
}

static void begin_function(struct reader *reader, const char *cie_offset, uint64_t start,
			   uint64_t end)
{
	end_function(reader);
	if (start == 0 || start == end)
		return;
	reader->has_function = true;
	reader->has_row = false;
	for (size_t i = 0; i < reader->cie_count; i++) {
		if (strcmp(reader->cies[i].offset, cie_offset) == 0)
			reader->function = reader->cies[i].row;
	}
	reader->function.start = reader->function.function = start;
	reader->function.end = reader->function.function_end = end;
	reader->truths->functions++;
}

static void read_columns(struct reader *reader, char *line)
{
	char *rest = NULL;

	reader->column_count = 0;
	for (char *word = strtok_r(line, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest)) {
		cr_assert_lt(reader->column_count, (size_t)COLUMNS_MAX);
		snprintf(reader->columns[reader->column_count++], COLUMN_BYTES, "%s", word);
	}
}

static void read_row(struct reader *reader, char *line)
{
	char *rest = NULL, *word = strtok_r(line, " \n", &rest);
	struct truth row = reader->function;

	row.start = strtoull(word, NULL, 16);
	row.end = row.function_end;
	row.rbp[0] = row.rsp[0] = row.ra[0] = '\0';
	for (size_t i = 1; i < reader->column_count; i++) {
		const char *name = reader->columns[i];

		do /* a register is written as "r8 (r8)" */
			word = strtok_r(NULL, " \n", &rest);
		while (word && *word == '(');
		cr_assert_not_null(word);
		snprintf(strcmp(name, "CFA") == 0 ? row.cfa :
			 strcmp(name, "rbp") == 0 ? row.rbp :
			 strcmp(name, "rsp") == 0 ? row.rsp :
			 strcmp(name, "ra") == 0  ? row.ra :
						    (char[COLUMN_BYTES]){0},
			 COLUMN_BYTES, "%s", word);
	}
	if (reader->cie) {
		*reader->cie = row;
	} else if (reader->has_function) {
		if (reader->has_row)
			reader->truths->rows[reader->truths->count - 1].end = row.start;
		add_row(reader->truths, &row);
		reader->has_row = true;
	}
}

static void read_line(struct reader *reader, char *line)
{
	char offset[COLUMN_BYTES + 1];
	unsigned long long start, end;

	if (strncmp(line, "Contents of", 11) == 0) {
		end_function(reader);
		reader->cie_count = 0;
	} else if (sscanf(line, "%*x %*x %*x FDE cie=%16s pc=%llx..%llx", offset, &start, &end) ==
		   3) {
		begin_function(reader, offset, start, end);
	} else if (strstr(line, " CIE \"") && sscanf(line, "%16s", offset) == 1) {
		begin_cie(reader, offset);
	} else if (strncmp(line, "   LOC", 6) == 0) {
		read_columns(reader, line);
	} else if (strspn(line, "0123456789abcdef") == 16 && line[16] == ' ') {
		read_row(reader, line);
	}
}

static int compare_truths(const void *a, const void *b)
{
	const struct truth *one = a, *other = b;

	if (one->function != other->function)
		return one->function < other->function ? -1 : 1;
	return one->order < other->order ? -1 : one->order > other->order;
}

static struct truths ask_readelf(const char *path)
{
	struct truths truths = {0};
	struct reader reader = {.truths = &truths};
	EO_AUTO_FREE char *line = NULL;
	char command[512];
	size_t room = 0;
	FILE *pipe;

	snprintf(command, sizeof(command),
		 "readelf --wide --debug-dump=frames-interp --debug-dump=no-follow-links %s 2>&1",
		 path);
	pipe = popen(command, "r");
	cr_assert_not_null(pipe);
	while (getline(&line, &room, pipe) >= 0)
		read_line(&reader, line);
	end_function(&reader);
	cr_assert_eq(pclose(pipe), 0);
	free(reader.cies);
	qsort(truths.rows, truths.count, sizeof(*truths.rows), compare_truths);
	return truths;
}

static bool is_one_of(const char *text, const char *const *list)
{
	for (; *list; list++) {
		if (strcmp(text, *list) == 0)
			return true;
	}
	return false;
}

static bool rbp_agrees(const char *text, const struct eo_unwind_rule *rule)
{
	int offset;

	if (is_one_of(text, (const char *[]){"", "u", "s", "n", NULL}))
		return rule->fp_kind == EO_FP_SAME;
	if (sscanf(text, "c%d", &offset) == 1)
		return rule->fp_kind == EO_FP_AT_CFA && rule->fp_offset == offset;
	return strcmp(text, "exp") == 0 && rule->fp_kind == EO_FP_AT_FP;
}

static bool cfa_agrees(const char *text, const struct eo_unwind_rule *rule)
{
	int offset;

	if (sscanf(text, "rsp+%d", &offset) == 1)
		return rule->cfa_kind == EO_CFA_SP && rule->cfa_offset == offset;
	if (sscanf(text, "rbp+%d", &offset) == 1)
		return rule->cfa_kind == EO_CFA_FP && rule->cfa_offset == offset;
	return strcmp(text, "exp") == 0 &&
	       (rule->cfa_kind == EO_CFA_PLT || rule->cfa_kind == EO_CFA_DEREF_SP ||
		rule->cfa_kind == EO_CFA_DEREF_FP);
}

/* Whether a rule could not be made of this. */
static bool is_beyond(const struct truth *row)
{
	return strcmp(row->ra, "c-8") != 0 || strcmp(row->cfa, "exp") == 0 ||
	       strcmp(row->rbp, "exp") == 0 ||
	       !is_one_of(row->rsp, (const char *[]){"", "u", "n", NULL}) ||
	       (strncmp(row->cfa, "rsp+", 4) != 0 && strncmp(row->cfa, "rbp+", 4) != 0) ||
	       !(row->rbp[0] == 'c' ||
		 is_one_of(row->rbp, (const char *[]){"", "u", "s", "n", NULL}));
}

static bool agrees(const struct truth *row, const struct eo_unwind_rule *rule)
{
	if (strcmp(row->ra, "u") == 0)
		return rule->cfa_kind == EO_CFA_END;
	if (rule->cfa_kind == EO_CFA_UNSUPPORTED)
		return is_beyond(row);
	if (rule->cfa_kind == EO_CFA_SIGNAL)
		return strcmp(row->ra, "exp") == 0 && strcmp(row->cfa, "exp") == 0;
	return strcmp(row->ra, "c-8") == 0 && cfa_agrees(row->cfa, rule) &&
	       rbp_agrees(row->rbp, rule);
}

static void expect(const char *path, const struct eo_frame_table *table, uint64_t pc,
		   const struct truth *row)
{
	const struct eo_unwind_rule *rule = eo_frame_table_find(table, pc);

	if (!agrees(row, rule))
		cr_assert_fail("%s 0x%lx: CFA %s, rbp %s, ra %s, but rule %u %d %d, %u %d", path,
			       pc, row->cfa, row->rbp, row->ra, rule->cfa_kind, rule->cfa_offset,
			       rule->cfa_add, rule->fp_kind, rule->fp_offset);
}

static void expect_kind(const char *path, const struct eo_frame_table *table, uint64_t pc,
			enum eo_cfa_kind kind)
{
	cr_assert_eq(eo_frame_table_find(table, pc)->cfa_kind, kind, "%s 0x%lx: rule %u, not %u",
		     path, pc, eo_frame_table_find(table, pc)->cfa_kind, kind);
}

static void expect_order(const char *path, const struct eo_frame_table *table)
{
	static const struct eo_unwind_rule none;
	size_t unsupported = 0;

	for (size_t i = 0; i < table->count; i++) {
		const struct eo_frame_row *row = &table->rows[i];

		cr_assert(i == 0 || row->pc > row[-1].pc, "%s row %zu", path, i);
		cr_assert_neq(memcmp(&row->rule, i ? &row[-1].rule : &none, sizeof(none)), 0,
			      "%s row %zu says nothing", path, i);
		unsupported += row->rule.cfa_kind == EO_CFA_UNSUPPORTED;
	}
	cr_assert_eq(table->unsupported, unsupported);
	if (table->count)
		cr_assert_eq(table->rows[table->count - 1].rule.cfa_kind, EO_CFA_NONE);
}

/* Between @covered and the next function at @next. @entry: 0 when a function covers it */
static void expect_gap(const char *path, const struct eo_frame_table *table, uint64_t covered,
		       uint64_t next, uint64_t entry)
{
	if (entry && entry >= covered && entry < next) {
		uint64_t end = next - entry > 64 ? entry + 64 : next;

		expect_kind(path, table, entry, EO_CFA_END);
		expect_kind(path, table, end - 1, EO_CFA_END);
		expect_gap(path, table, covered, entry, 0);
		covered = end;
	}
	if (covered && next - covered >= 16) {
		expect_kind(path, table, covered, EO_CFA_NONE);
		expect_kind(path, table, next - 1, EO_CFA_NONE);
	}
}

static uint64_t entry_of(const char *path)
{
	EO_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf64_Ehdr header;

	cr_assert_eq(pread(fd, &header, sizeof(header), 0), (ssize_t)sizeof(header));
	return header.e_entry;
}

/* Returns the number of rows compared. */
static size_t compare(const char *path)
{
	struct truths truths = ask_readelf(path);
	struct eo_frame_table table = {0};
	uint64_t covered = 0, covered_before = 0, entry = entry_of(path);
	size_t compared = 0;

	cr_assert_eq(load(path, &table), 0, "%s", path);
	cr_assert_eq(table.fdes, truths.functions, "%s: %zu functions, not %zu", path, table.fdes,
		     truths.functions);
	expect_order(path, &table);

	for (size_t i = 0; i < truths.count; i++) {
		const struct truth *row = &truths.rows[i];
		bool first = i == 0 || row->function != row[-1].function;
		uint64_t start, end;

		/* What an earlier function covers is that one's. */
		if (first) {
			if (row->function > covered)
				expect_gap(path, &table, covered, row->function, entry);
			covered_before = covered;
		}
		start = row->start > covered_before ? row->start : covered_before;
		end = row->end < row->function_end ? row->end : row->function_end;
		if (row->function_end > covered)
			covered = row->function_end;
		if (start >= end)
			continue;
		expect(path, &table, start, row);
		expect(path, &table, end - 1, row);
		compared++;
	}
	expect_gap(path, &table, covered, UINT64_MAX, entry);
	eo_frame_table_fini(&table);
	free(truths.rows);
	return compared;
}

struct system_file {
	char path[128]; /* a shell's words that name it, as one that may be absent */
	size_t rows_min;
};

ParameterizedTestParameters(frame_file, of_the_system_agrees_with_readelf)
{
	static struct system_file files[] = {
		{"ldconfig -p | sed -n '/libc.so.6 .*x86-64/{s/.*=> //p;q}'", 20000},
		{"readelf -l /bin/sh | sed -n 's/.*interpreter: \\(.*\\)]/\\1/p'", 1500},
		{"ldconfig -p | sed -n '/libm.so.6 .*x86-64/{s/.*=> //p;q}'", 3000},
		{"gcc -print-file-name=libstdc++.so.6", 20000},
		{"ldconfig -p | sed -n '/libcrypto.so.3 .*x86-64/{s/.*=> //p;q}'", 50000},
		{"readlink -f /usr/bin/python3", 20000},
		{"command -v git", 30000},
		{"ldconfig -p | sed -n '/libLLVM-14.so.1 .*x86-64/{s/.*=> //p;q}'", 500000},
		{"command -v node", 100000},
	};

	return cr_make_param_array(struct system_file, files, EO_ARRAY_SIZE(files));
}

ParameterizedTest(struct system_file *file, frame_file, of_the_system_agrees_with_readelf)
{
	FILE *pipe = popen(file->path, "r");
	char path[512] = "";
	size_t compared;

	cr_assert_not_null(pipe);
	if (fgets(path, sizeof(path), pipe))
		path[strcspn(path, "\n")] = '\0';
	pclose(pipe);
	if (path[0] != '/' || access(path, R_OK) < 0)
		cr_skip_test("not here: %s", file->path);
	compared = compare(path);
	cr_assert_geq(compared, file->rows_min, "%s: only %zu rows", path, compared);
}

static const char c_source[] =
	"#include <alloca.h>\n#include <string.h>\n"
	"void sink(void *);\n"
	"int plain(int a) { int b[32]; sink(b); return b[a]; }\n"
	"int dynamic(int a) { char *b = alloca(a); sink(b); return b[0]; }\n"
	"int aligned(int a) { int b[8] __attribute__((aligned(64))); sink(b);\n"
	"	memset(alloca(a), 1, a); return b[a]; }\n"
	"int all(int a, int b, int c, int d, int e, int f, long g, long h)\n"
	"{ int i[8] __attribute__((aligned(64))); sink(i); sink(alloca(a)); sink(&g);\n"
	"	return b + c + d + e + f + h + i[a]; }\n"
	"int many(int a, int b, int c, int d, int e, int f, int g, int h)\n"
	"{ sink(&a); sink(&b); sink(&c); sink(&h); return a + b + c + d + e + f + g + h; }\n"
	"int sparse(void *p) { if (!p) return 1; sink(p); sink(p); return 2; }\n"
	"__attribute__((weak)) void sink(void *p) { (void)p; }\n"
	"int main(int argc, char **argv) { (void)argv; return plain(argc) + dynamic(argc) +\n"
	"	aligned(argc) + all(1, 2, 3, 4, 5, 6, 7, argc) +\n"
	"	many(1, 2, 3, 4, 5, 6, 7, argc) + sparse(0); }\n";

/* Compile the source above with @flags. */
static char *compile(const char *name, const char *flags)
{
	write_text("test.c", c_source);
	run("gcc %s -o %s test.c", flags, name);
	return in_folder(name);
}

Test(frame_file, of_compiled_programs_agrees_with_readelf)
{
	static const char *const flags[] = {
		"-O0", "-O2", "-O2 -fno-omit-frame-pointer", "-O2 -mavx2 -mstackrealign",
		"-O2 -static", "-O2 -no-pie", "-Os -Wl,-z,lazy",
		"-O2 -g -fno-asynchronous-unwind-tables",
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(flags); i++) {
		EO_AUTO_FREE char *path = compile("test", flags[i]);

		cr_assert_geq(compare(path), 20u, "%s", flags[i]);
	}
}

Test(frame_file, stack_realignment_needs_no_unsupported_rows)
{
	EO_AUTO_FREE char *path = compile("test", "-O2");
	struct eo_frame_table table = {0};
	size_t realigned = 0, on_fp = 0;

	cr_assert_eq(load(path, &table), 0);
	for (size_t i = 0; i < table.count; i++) {
		realigned += table.rows[i].rule.cfa_kind == EO_CFA_DEREF_FP;
		on_fp += table.rows[i].rule.fp_kind == EO_FP_AT_FP;
	}
	cr_assert_gt(realigned, 0u);
	cr_assert_gt(on_fp, 0u);
	/* the few bytes where only r10 knows */
	cr_assert_leq(table.unsupported, 2u);
	eo_frame_table_fini(&table);
}

Test(frame_file, of_a_rust_program_agrees_with_readelf)
{
	static const char source[] =
		"use std::collections::HashMap;\n"
		"fn main() { let mut m = HashMap::new();\n"
		"for w in std::env::args() { *m.entry(w).or_insert(0) += 1; }\n"
		"println!(\"{:?}\", m); }\n";

	write_text("test.rs", source);
	if (!try_run("rustc -O -o rust test.rs >/dev/null 2>&1"))
		cr_skip_test("no rustc here");

	EO_AUTO_FREE char *path = in_folder("rust");

	cr_assert_geq(compare(path), 1000u);
}

/* Go writes .debug_frame only, and packs it. What its runtime has is preferred to that. */
Test(frame_file, debug_frame_of_a_go_program_agrees_with_readelf)
{
	static const char source[] = "package main\nfunc main() { println(\"test\") }\n";

	write_text("test.go", source);
	if (!try_run("go build -o go test.go >/dev/null 2>&1"))
		cr_skip_test("no go here");
	run("objcopy --rename-section .gopclntab=.hidden go debug");

	EO_AUTO_FREE char *path = in_folder("debug");

	cr_assert_geq(compare(path), 1000u);
}

static void assert_equal_tables(const struct eo_frame_table *one,
				const struct eo_frame_table *other)
{
	cr_assert_eq(one->count, other->count, "%zu and %zu rows", one->count, other->count);
	cr_assert_gt(one->count, 0u);
	cr_assert_eq(memcmp(one->rows, other->rows, one->count * sizeof(*one->rows)), 0);
}

Test(frame_file, packed_debug_frame_is_the_same)
{
	EO_AUTO_FREE char *path = compile("plain",
					  "-O2 -g -fno-asynchronous-unwind-tables -nostdlib "
					  "-shared -fPIC");
	EO_AUTO_FREE char *packed_path = in_folder("packed");
	struct eo_frame_table plain = {0}, packed = {0};

	run("objcopy --compress-debug-sections=zlib plain packed");
	cr_assert(try_run("readelf -S -W packed | grep -q 'debug_frame.* C '"),
		  "not worth packing: the test is void");
	cr_assert_eq(load(path, &plain), 0);
	cr_assert_eq(load(packed_path, &packed), 0);
	assert_equal_tables(&plain, &packed);
	eo_frame_table_fini(&plain);
	eo_frame_table_fini(&packed);
}

/* A pointer into the image of an ELF file: the header of the section of this name. */
static Elf64_Shdr *section_header(char *image, const char *name)
{
	Elf64_Ehdr *header = (Elf64_Ehdr *)image;
	Elf64_Shdr *sections = (Elf64_Shdr *)(image + header->e_shoff);
	const char *names = image + sections[header->e_shstrndx].sh_offset;

	for (size_t i = 0; i < header->e_shnum; i++) {
		if (strcmp(names + sections[i].sh_name, name) == 0)
			return &sections[i];
	}
	cr_assert_fail("no section %s", name);
	return NULL;
}

static void forget_sections(char *image)
{
	Elf64_Ehdr *header = (Elf64_Ehdr *)image;

	header->e_shoff = 0;
	header->e_shnum = header->e_shstrndx = 0;
}

Test(frame_file, without_section_headers_the_search_table_leads_there)
{
	EO_AUTO_FREE char *made = compile("test", "-O2");
	const char *const paths[] = {
		made,
#ifdef __x86_64__
		"/proc/self/exe",
#endif
		"/usr/lib/x86_64-linux-gnu/libc.so.6",
		"/bin/sh",
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(paths); i++) {
		struct eo_frame_table whole = {0}, stripped = {0};
		size_t size;

		if (access(paths[i], R_OK) < 0)
			continue;

		EO_AUTO_FREE char *image = read_file(paths[i], &size);

		section_header(image, ".eh_frame");
		cr_assert_eq(eo_frame_file_load_memory(image, size, &whole, NULL), 0);
		forget_sections(image);
		cr_assert_eq(eo_frame_file_load_memory(image, size, &stripped, NULL), 0, "%s",
			     paths[i]);
		assert_equal_tables(&whole, &stripped);
		eo_frame_table_fini(&whole);
		eo_frame_table_fini(&stripped);
	}
}

Test(frame_file, of_the_vdso_agrees_with_readelf)
{
	unsigned long start = 0, end = 0;
	FILE *maps = fopen("/proc/self/maps", "r");
	struct eo_frame_table whole = {0}, stripped = {0};
	char line[512];

	cr_assert_not_null(maps);
	while (fgets(line, sizeof(line), maps)) {
		if (strstr(line, "[vdso]"))
			cr_assert_eq(sscanf(line, "%lx-%lx", &start, &end), 2);
	}
	fclose(maps);
	if (!start)
		cr_skip_test("no vDSO here");

	size_t size = end - start;
	EO_AUTO_FREE char *image = malloc(size), *path = in_folder("vdso");

	memcpy(image, (const void *)start, size);
	write_in_folder("vdso", image, size);
	cr_assert_geq(compare(path), 5u);

	cr_assert_eq(eo_frame_file_load_memory(image, size, &whole, NULL), 0);
	forget_sections(image);
	cr_assert_eq(eo_frame_file_load_memory(image, size, &stripped, NULL), 0);
	assert_equal_tables(&whole, &stripped);
	eo_frame_table_fini(&whole);
	eo_frame_table_fini(&stripped);
}

static int load_image(const char *image, size_t size)
{
	struct eo_frame_table table = {0};
	struct eo_error err = {0};
	int r = eo_frame_file_load_memory(image, size, &table, &err);

	cr_assert_eq(err.code, -r);
	cr_assert(r == 0 || (!table.rows && err.text[0]));
	eo_frame_table_fini(&table);
	return r;
}

Test(frame_file, other_machines_and_object_files_are_refused)
{
	EO_AUTO_FREE char *path = compile("test", "-O2 -c");
	size_t size;
	EO_AUTO_FREE char *image = read_file(path, &size);
	Elf64_Ehdr *header = (Elf64_Ehdr *)image;

	cr_assert_eq(load_image(image, size), -ENOTSUP, "an object file");
	header->e_type = ET_DYN;
	cr_assert_eq(load_image(image, size), 0);
	header->e_machine = EM_AARCH64;
	cr_assert_eq(load_image(image, size), -ENOTSUP);
	header->e_machine = EM_X86_64;
	header->e_ident[EI_CLASS] = ELFCLASS32; /* x32 */
	cr_assert_lt(load_image(image, size), 0);
	cr_assert_eq(load_image("#!/bin/sh\n# a script, longer than e_ident\n", 40), -ENOEXEC);
	cr_assert_eq(load_image("", 0), -ENOEXEC);
}

Test(frame_file, without_call_frame_information_is_enoent)
{
	static const char source[] = ".globl _start\n_start: hlt\n";
	size_t size;

	write_text("bare.s", source);
	run("gcc -nostdlib -static -o bare bare.s -Wl,--build-id=none");

	EO_AUTO_FREE char *path = in_folder("bare");
	EO_AUTO_FREE char *image = read_file(path, &size);

	cr_assert_eq(load_image(image, size), -ENOENT);
	forget_sections(image);
	cr_assert_eq(load_image(image, size), -ENOENT);
}

Test(frame_file, lies_of_section_headers_are_errors)
{
	EO_AUTO_FREE char *path = compile("test", "-O2");
	size_t size;
	EO_AUTO_FREE char *image = read_file(path, &size);
	Elf64_Shdr *section = section_header(image, ".eh_frame"), saved = *section;

	cr_assert_eq(load_image(image, size), 0);
	section->sh_size = EO_FRAME_FILE_BYTES_MAX + 1;
	cr_assert_eq(load_image(image, size), -EFBIG);
	section->sh_size = size;
	cr_assert_eq(load_image(image, size), -ENOEXEC);
	*section = saved;
	section->sh_offset = UINT64_MAX - 8;
	cr_assert_eq(load_image(image, size), -ENOEXEC);
	*section = saved;
	section->sh_flags |= SHF_COMPRESSED;
	cr_assert_lt(load_image(image, size), 0);
	*section = saved;
	section->sh_type = SHT_X86_64_UNWIND;
	cr_assert_eq(load_image(image, size), 0);
}

Test(frame_file, lies_of_packed_sections_are_errors)
{
	EO_AUTO_FREE char *path = in_folder("packed");
	size_t size;

	free(compile("test", "-O2 -g -fno-asynchronous-unwind-tables -nostdlib -shared -fPIC "
			     "-Wl,--no-ld-generated-unwind-info"));
	run("objcopy --compress-debug-sections=zlib test packed");

	EO_AUTO_FREE char *image = read_file(path, &size);
	const Elf64_Shdr *section = section_header(image, ".debug_frame");
	Elf64_Chdr *header = (Elf64_Chdr *)(image + section->sh_offset), saved = *header;
	unsigned char *data = (unsigned char *)(header + 1);

	cr_assert(section->sh_flags & SHF_COMPRESSED);
	cr_assert_eq(load_image(image, size), 0);
	header->ch_size = EO_FRAME_FILE_BYTES_MAX + 1;
	cr_assert_eq(load_image(image, size), -EFBIG);
	header->ch_size = EO_FRAME_FILE_BYTES_MAX;
	cr_assert_eq(load_image(image, size), -ENOEXEC, "no section of this size packs so well");
	header->ch_size = saved.ch_size - 1;
	cr_assert_eq(load_image(image, size), -ENOEXEC);
	*header = saved;
	header->ch_type = 2; /* zstd */
	cr_assert_eq(load_image(image, size), -ENOTSUP);
	*header = saved;
	memset(data, 0xff, section->sh_size - sizeof(saved));
	cr_assert_eq(load_image(image, size), -ENOEXEC);
}

Test(frame_file, lies_of_the_search_table_are_errors)
{
	EO_AUTO_FREE char *path = compile("test", "-O2");
	size_t size;
	EO_AUTO_FREE char *image = read_file(path, &size);
	unsigned char *table =
		(unsigned char *)image + section_header(image, ".eh_frame_hdr")->sh_offset;
	uint32_t huge = UINT32_MAX;

	forget_sections(image);
	cr_assert_eq(load_image(image, size), 0);

	/* version, three encodings, the pointer, the count, then the table */
	static const struct {
		size_t offset;
		unsigned char value;
		int result;
	} lies[] = {
		{0, 2, -ENOEXEC},    {1, 0x9b, -ENOEXEC}, {1, 0xff, -ENOENT}, {2, 0xff, -ENOENT},
		{3, 0xff, -ENOENT},  {3, 0x45, -ENOEXEC}, {7, 0x7f, -ENOEXEC},
		{11, 0x7f, -ENOEXEC}, {19, 0x7f, -ENOEXEC},
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(lies); i++) {
		unsigned char saved = table[lies[i].offset];

		table[lies[i].offset] = lies[i].value;
		cr_assert_eq(load_image(image, size), lies[i].result, "lie %zu: %d", i,
			     load_image(image, size));
		table[lies[i].offset] = saved;
	}
	memcpy(table + 8, &huge, sizeof(huge));
	cr_assert_eq(load_image(image, size), -ENOEXEC);
	memset(table + 8, 0, sizeof(huge));
	cr_assert_eq(load_image(image, size), -ENOENT);
}

Test(frame_file, cut_anywhere_is_no_crash)
{
	EO_AUTO_FREE char *path = compile("test", "-O2 -nostdlib -shared -fPIC");
	size_t size, loaded = 0;
	EO_AUTO_FREE char *image = read_file(path, &size);

	for (size_t cut = 0; cut < size; cut += cut < 4096 ? 13 : 509)
		loaded += load_image(image, cut) == 0;
	cr_assert_gt(loaded, 0u, "program headers alone are enough");
}
