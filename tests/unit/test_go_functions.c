/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables of Go's runtime: made by hand, row by row, and those of programs that are built here,
 * against the .debug_frame beside them. */
#include "unwind/go_functions.h"

#include <criterion/criterion.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "core/auto.h"
#include "folder.h"
#include "frame_sections.h"
#include "unwind/frame_file.h"

#define GO_1_18 0xfffffff0u
#define GO_1_20 0xfffffff1u
#define LOADED_AT 0x400000u
#define TEXT (LOADED_AT + 0x1000u)
#define FILE_BYTES 0x4000u
#define MODULE_TEXT 176u

enum { TOP = 1, WRITES_SP = 2, ASSEMBLY = 4 };

#define framed(n) \
	{.cfa_kind = EO_CFA_SP, .cfa_offset = (n), .fp_kind = EO_FP_AT_CFA, .fp_offset = -16}
#define switching \
	{.cfa_kind = EO_CFA_SWITCH, .cfa_offset = 16, .fp_kind = EO_FP_AT_CFA, .fp_offset = -16}

#define ASSERT_RULE(table, pc, ...)                                                       \
	cr_assert_eq(memcmp(eo_frame_table_find(table, pc),                               \
			    &(struct eo_unwind_rule)__VA_ARGS__,                          \
			    sizeof(struct eo_unwind_rule)), 0, "0x%lx", pc)

/* ---- made by hand ---- */

struct go_function {
	uint32_t size;
	uint8_t flags;
	const unsigned char *steps; /* NULL: it has none */
	size_t steps_size;
};

/* How a program says where its text is. */
enum text_is { IN_THE_HEADER, IN_THE_MODULE, IN_A_RELOCATION };

struct program {
	uint32_t magic;
	enum text_is text_is;
	const struct go_function *functions;
	size_t count;
};

#define FUNCTIONS(...)                          \
	(const struct go_function[]){__VA_ARGS__}, \
		sizeof((const struct go_function[]){__VA_ARGS__}) / sizeof(struct go_function)

static void put(unsigned char *image, size_t offset, uint64_t value, size_t size)
{
	cr_assert_leq(offset + size, (size_t)FILE_BYTES);
	memcpy(image + offset, &value, size);
}

/* Write the section at 0x2000 of the image. Returns its size. */
static size_t put_table(unsigned char *image, const struct program *program)
{
	const size_t at = 0x2000, steps = 0x100, index = 0x800;
	size_t flags = program->magic == GO_1_18 ? 37 : 41, next_steps = 1, start = 0;
	size_t entry = (program->count + 1) * 8;
	const uint64_t header[] = {program->count, 0, program->text_is == IN_THE_HEADER ? TEXT : 0,
				   0x48, 0x48, 0x48, steps, index};

	put(image, at, program->magic, 4);
	image[at + 6] = 1;
	image[at + 7] = 8;
	memcpy(image + at + 8, header, sizeof(header));
	for (size_t i = 0; i < program->count; i++) {
		const struct go_function *function = &program->functions[i];

		put(image, at + index + i * 8, start, 4);
		put(image, at + index + i * 8 + 4, entry, 4);
		put(image, at + index + entry, start, 4);
		if (function->steps) {
			put(image, at + index + entry + 16, next_steps, 4);
			memcpy(image + at + steps + next_steps, function->steps, function->steps_size);
			next_steps += function->steps_size;
		}
		image[at + index + entry + flags] = function->flags;
		entry += 44;
		start += function->size;
	}
	cr_assert_leq(steps + next_steps, index);
	put(image, at + index + program->count * 8, start, 4);
	return index + entry;
}

static void put_section(unsigned char *image, size_t i, const Elf64_Shdr *section)
{
	memcpy(image + 0x3c00 + i * sizeof(*section), section, sizeof(*section));
}

/* A program with one segment; FILE_BYTES, malloc()ed. */
static unsigned char *make_program(const struct program *program)
{
	static const char names[] = "\0.gopclntab\0.go.module\0.rela.dyn\0.names";
	unsigned char *image = calloc(1, FILE_BYTES);
	const Elf64_Ehdr header = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
				   .e_type = ET_EXEC, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
				   .e_phoff = 0x40, .e_shoff = 0x3c00, .e_ehsize = sizeof(header),
				   .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 1,
				   .e_shentsize = sizeof(Elf64_Shdr), .e_shnum = 5, .e_shstrndx = 4};
	const Elf64_Phdr segment = {.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = LOADED_AT,
				    .p_filesz = FILE_BYTES, .p_memsz = FILE_BYTES};
	const Elf64_Rela relocations[] = {
		{LOADED_AT + 0x3000, ELF64_R_INFO(0, R_X86_64_RELATIVE), 0x123},
		{LOADED_AT + 0x3000 + MODULE_TEXT, ELF64_R_INFO(1, R_X86_64_64), 0x456},
		{LOADED_AT + 0x3000 + MODULE_TEXT, ELF64_R_INFO(0, R_X86_64_RELATIVE), TEXT},
	};
	size_t size;

	cr_assert_not_null(image);
	memcpy(image, &header, sizeof(header));
	memcpy(image + 0x40, &segment, sizeof(segment));
	size = put_table(image, program);
	if (program->text_is == IN_THE_MODULE)
		put(image, 0x3000 + MODULE_TEXT, TEXT, 8);
	memcpy(image + 0x3400, relocations, sizeof(relocations));
	memcpy(image + 0x3800, names, sizeof(names));
	put_section(image, 1, &(Elf64_Shdr){.sh_name = 1, .sh_type = SHT_PROGBITS, .sh_addr = LOADED_AT + 0x2000,
					    .sh_offset = 0x2000, .sh_size = size});
	put_section(image, 2, &(Elf64_Shdr){.sh_name = 12, .sh_type = SHT_PROGBITS, .sh_addr = LOADED_AT + 0x3000,
					    .sh_offset = 0x3000, .sh_size = 0x200});
	put_section(image, 3, &(Elf64_Shdr){.sh_name = 23, .sh_type = SHT_RELA, .sh_offset = 0x3400,
					    .sh_size = program->text_is == IN_A_RELOCATION ? sizeof(relocations) : 0});
	put_section(image, 4, &(Elf64_Shdr){.sh_name = 33, .sh_type = SHT_STRTAB, .sh_offset = 0x3800,
					    .sh_size = sizeof(names)});
	return image;
}

static int load(const unsigned char *image, struct eo_frame_table *ret)
{
	*ret = (struct eo_frame_table){0};
	return eo_frame_file_load_memory(image, FILE_BYTES, ret, NULL);
}

static const struct go_function all_kinds[] = {
	/* nothing, the frame pointer, 64 bytes more, and the way back */
	{0x40, 0, BYTES(2, 1, 16, 7, 0x80, 1, 0x20, 127, 4, 15, 1, 0)},
	/* writes rsp while it has a frame */
	{0x40, WRITES_SP | ASSEMBLY, BYTES(2, 1, 16, 0x30, 15, 2, 0)},
	/* while it has two sizes of them */
	{0x40, WRITES_SP | ASSEMBLY, BYTES(2, 4, 16, 4, 32, 0x10, 31, 4, 15, 2, 0)},
	/* and without any */
	{0x40, WRITES_SP | ASSEMBLY, BYTES(2, 0x30, 0)},
	/* has nothing above it */
	{0x20, TOP | ASSEMBLY, BYTES(2, 0x20, 0)},
	/* is not of Go */
	{0x20, 0, NULL, 0},
	/* half a word deep; endless number; no way on; no end, but the function has one */
	{0x20, 0, BYTES(2, 1, 8, 8, 7, 2, 0)},
	{0x20, 0, BYTES(2, 8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0)},
	{0x20, 0, BYTES(2, 8, 16, 0)},
	{0x20, 0, BYTES(2, 0x20, 16, 0x20, 16)},
};

#define EXPECT_ALL_KINDS(table)                                                                  \
	ASSERT_ROWS(table, {TEXT, sp(8)}, {TEXT + 1, framed(16)}, {TEXT + 8, framed(80)},         \
		    {TEXT + 0x28, framed(16)}, {TEXT + 0x2c, sp(8)}, {TEXT + 0x41, framed(16)},   \
		    {TEXT + 0x42, switching}, {TEXT + 0x71, sp(8)}, {TEXT + 0x84, framed(16)},    \
		    {TEXT + 0x85, switching}, {TEXT + 0x9c, sp(8)}, {TEXT + 0xc1, switching},     \
		    {TEXT + 0x100, only(EO_CFA_END)}, {TEXT + 0x120, only(EO_CFA_NONE)},          \
		    {TEXT + 0x140, sp(8)}, {TEXT + 0x141, only(EO_CFA_UNSUPPORTED)},              \
		    {TEXT + 0x149, sp(8)}, {TEXT + 0x168, only(EO_CFA_UNSUPPORTED)},              \
		    {TEXT + 0x180, sp(8)}, {TEXT + 0x188, only(EO_CFA_UNSUPPORTED)},              \
		    {TEXT + 0x1a0, sp(8)}, {TEXT + 0x1c0, only(EO_CFA_NONE)})

Test(go_functions, each_kind_of_function_has_its_rows)
{
	static const uint32_t versions[] = {GO_1_18, GO_1_20};

	for (size_t i = 0; i < EO_ARRAY_SIZE(versions); i++) {
		EO_AUTO_FREE unsigned char *image = make_program(
			&(struct program){versions[i], IN_THE_HEADER, all_kinds, EO_ARRAY_SIZE(all_kinds)});
		struct eo_frame_table table;

		cr_assert_eq(load(image, &table), 0);
		cr_assert_eq(table.fdes, EO_ARRAY_SIZE(all_kinds));
		EXPECT_ALL_KINDS(table);
	}
}

Test(go_functions, where_the_text_begins_may_be_in_the_module_or_in_a_relocation)
{
	static const enum text_is places[] = {IN_THE_MODULE, IN_A_RELOCATION};

	for (size_t i = 0; i < EO_ARRAY_SIZE(places); i++) {
		EO_AUTO_FREE unsigned char *image = make_program(
			&(struct program){GO_1_20, places[i], all_kinds, EO_ARRAY_SIZE(all_kinds)});
		struct eo_frame_table table;

		cr_assert_eq(load(image, &table), 0);
		EXPECT_ALL_KINDS(table);
	}
}

/* Where in the table a damage is, and what comes of it: no table, or rows up to there. */
Test(go_functions, a_damaged_table_is_none_or_ends_there)
{
	static const struct {
		size_t offset, size;
		uint64_t value;
		size_t rows; /* 0: the file has no table */
	} damages[] = {
		{0x2000, 4, 0xfffffffb, 0},		  /* of Go 1.2 */
		{0x2006, 1, 4, 0},			  /* of another machine */
		{0x2007, 1, 4, 0},			  /* and another */
		{0x2008, 8, 0, 0},			  /* no functions */
		{0x2008, 8, UINT64_MAX / 8, 0},		  /* more than fit */
		{0x2018, 8, LOADED_AT - 1, 0},		  /* outside of the segment */
		{0x2018, 8, LOADED_AT + FILE_BYTES - 1, 0},
		{0x2018, 8, UINT64_MAX - 1, 0},
		{0x2038, 8, UINT64_MAX, 0},		  /* steps outside of the section */
		{0x2040, 8, UINT64_MAX, 0},		  /* the index */
		{0x2808, 4, 0, 2},			  /* the second function is not above the first */
		{0x2808, 4, UINT32_MAX, 2},		  /* but beyond the last */
		{0x2810, 4, 0x40, 7},			  /* the third begins where the second does */
		{0x2804, 4, UINT32_MAX, 19},		  /* the first one's entry is nowhere */
		{0x2800 + 0x58 + 16, 4, UINT32_MAX, 19},  /* its steps are */
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(damages); i++) {
		EO_AUTO_FREE unsigned char *image = make_program(
			&(struct program){GO_1_20, IN_THE_HEADER, all_kinds, EO_ARRAY_SIZE(all_kinds)});
		struct eo_frame_table table;

		put(image, damages[i].offset, damages[i].value, damages[i].size);
		cr_assert_eq(load(image, &table), damages[i].rows ? 0 : -ENOENT, "damage %zu", i);
		cr_assert_eq(table.count, damages[i].rows, "damage %zu: %zu rows", i, table.count);
		eo_frame_table_fini(&table);
	}
}

Test(go_functions, no_byte_of_the_table_is_trusted)
{
	EO_AUTO_FREE unsigned char *image = make_program(
		&(struct program){GO_1_20, IN_THE_HEADER, all_kinds, EO_ARRAY_SIZE(all_kinds)});
	struct eo_frame_table table;

	for (size_t at = 0x2000; at < 0x2000 + 0x800 + 0x58 + 44 * 10; at++) {
		unsigned char kept = image[at];

		for (unsigned int value = 0; value < 256; value += 51) {
			image[at] = (unsigned char)value;
			if (load(image, &table) == 0)
				cr_assert_eq(table.rows[table.count - 1].rule.cfa_kind, EO_CFA_NONE);
			eo_frame_table_fini(&table);
		}
		image[at] = kept;
	}
}

/* ---- built by Go ---- */

TestSuite(go_programs, .init = make_folder, .fini = remove_folder, .timeout = 100);

static struct eo_frame_table load_file(const char *name)
{
	struct eo_frame_table table = {0};
	struct eo_error err = {0};
	EO_AUTO_FREE char *path = in_folder(name);
	EO_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);

	cr_assert_geq(fd, 0, "%s", name);
	cr_assert_eq(eo_frame_file_load(fd, &table, &err), 0, "%s: %s", name, err.text);
	return table;
}

static void build(const char *name, const char *source, const char *flags)
{
	char file[32];

	snprintf(file, sizeof(file), "%s.go", name);
	write_text(file, source);
	if (!try_run("go build -o %s %s %s.go >/dev/null 2>&1", name, flags, name))
		cr_skip_test("no go here");
}

static const char plain_source[] =
	"package main\nimport (\"fmt\"; \"os\"; \"time\")\n"
	"func main() { fmt.Println(time.Now(), os.Args) }\n";

static const char c_source[] =
	"package main\n// #include <stdlib.h>\n// #include <stdio.h>\n"
	"// static int twice(int n) { char b[64]; return 2 * snprintf(b, n, \"%d\", abs(n)); }\n"
	"import \"C\"\nfunc main() { println(C.twice(-1)) }\n";

/* The addresses of functions of this name, as nm tells them; the next function's is the end. */
static uint64_t address_of(const char *name, const char *function, uint64_t *end)
{
	EO_AUTO_FREE char *path = in_folder(name);
	unsigned long long start = 0, next = 0;
	char command[256];
	FILE *pipe;

	snprintf(command, sizeof(command), "nm -n %s | awk '$3 == \"%s\" {print $1; getline; print $1}'", path,
		 function);
	pipe = popen(command, "r");
	cr_assert_not_null(pipe);
	cr_assert_eq(fscanf(pipe, "%llx %llx", &start, &next), 2, "no %s", function);
	pclose(pipe);
	*end = next;
	return start;
}

/* How many addresses of a function have a rule of this kind. */
static uint64_t bytes_of(const struct eo_frame_table *table, enum eo_cfa_kind kind, uint64_t start,
			 uint64_t end)
{
	uint64_t count = 0;

	for (uint64_t pc = start; pc < end; pc++)
		count += eo_frame_table_find(table, pc)->cfa_kind == kind;
	return count;
}

Test(go_programs, functions_that_change_stacks_are_walked_by_rbp)
{
	static const char *const functions[] = {"runtime.systemstack.abi0", "runtime.mcall", "runtime.asmcgocall.abi0"};
	struct eo_frame_table table;
	uint64_t start, end;

	build("plain", plain_source, "");
	table = load_file("plain");
	for (size_t i = 0; i < EO_ARRAY_SIZE(functions); i++) {
		start = address_of("plain", functions[i], &end);
		/* on entry, with rbp pushed, with rbp set, and some after it was popped */
		ASSERT_RULE(&table, start, sp(8));
		ASSERT_RULE(&table, start + 1, framed(16));
		ASSERT_RULE(&table, start + 2, switching);
		cr_assert_gt(bytes_of(&table, EO_CFA_SWITCH, start, end) * 100, (end - start) * 80,
			     "%s", functions[i]);
	}
	/* this one never has a frame */
	start = address_of("plain", "runtime.morestack.abi0", &end);
	ASSERT_RULE(&table, start, sp(8));
	cr_assert_eq(bytes_of(&table, EO_CFA_SWITCH, start, end), end - start - 1);
	start = address_of("plain", "runtime.goexit.abi0", &end);
	cr_assert_eq(bytes_of(&table, EO_CFA_END, start, end), end - start);
	/* what a handler returns to is looked up by the byte before it */
	start = address_of("plain", "runtime.sigreturn__sigaction.abi0", &end);
	ASSERT_RULE(&table, start - 1, only(EO_CFA_SIGNAL));
	cr_assert_eq(bytes_of(&table, EO_CFA_SIGNAL, start, end), end - start);
	start = address_of("plain", "runtime.sigtramp.abi0", &end);
	cr_assert_eq(bytes_of(&table, EO_CFA_SP, start, end), end - start);
	start = address_of("plain", "runtime.mstart.abi0", &end);
	cr_assert_eq(bytes_of(&table, EO_CFA_END, start, end), end - start);
	eo_frame_table_fini(&table);
}

/* What both say of a CFA is the same, except where .debug_frame is wrong. Returns rows compared. */
static size_t compare(const struct eo_frame_table *go, const struct eo_frame_table *debug)
{
	size_t same = 0, other = 0;

	for (size_t i = 0; i + 1 < debug->count; i++) {
		const struct eo_unwind_rule *theirs = &debug->rows[i].rule;
		const struct eo_unwind_rule *ours = eo_frame_table_find(go, debug->rows[i].pc);

		/* padding, and the one function that takes its return address off the stack */
		if (theirs->cfa_kind == EO_CFA_NONE || theirs->cfa_offset == 0)
			continue;
		if (ours->cfa_kind == EO_CFA_SWITCH || ours->cfa_kind == EO_CFA_SIGNAL ||
		    ours->cfa_kind == EO_CFA_END) {
			other++;
			continue;
		}
		cr_assert_eq(ours->cfa_kind, theirs->cfa_kind, "0x%lx: %u and %u", debug->rows[i].pc,
			     ours->cfa_kind, theirs->cfa_kind);
		cr_assert_eq(ours->cfa_offset, theirs->cfa_offset, "0x%lx", debug->rows[i].pc);
		same++;
	}
	cr_assert_lt(other * 100, same, "%zu of %zu rows", other, same);
	return same;
}

Test(go_programs, the_table_agrees_with_debug_frame)
{
	static const struct {
		const char *source, *flags;
	} builds[] = {{plain_source, ""}, {plain_source, "-buildmode=pie"}, {c_source, ""},
		      {c_source, "-buildmode=pie"}};

	for (size_t i = 0; i < EO_ARRAY_SIZE(builds); i++) {
		struct eo_frame_table go, debug;

		build("both", builds[i].source, builds[i].flags);
		run("objcopy --rename-section .gopclntab=.hidden both debug");
		go = load_file("both");
		debug = load_file("debug");
		cr_assert_gt(compare(&go, &debug), 4000u, "%s", builds[i].flags);
		eo_frame_table_fini(&go);
		eo_frame_table_fini(&debug);
	}
}

Test(go_programs, stripping_changes_no_row)
{
	static const struct {
		const char *source, *flags;
	} builds[] = {{plain_source, ""}, {c_source, ""}, {c_source, "-buildmode=pie"}};

	for (size_t i = 0; i < EO_ARRAY_SIZE(builds); i++) {
		struct eo_frame_table whole, stripped;

		build("whole", builds[i].source, builds[i].flags);
		run("strip -o stripped whole");
		run("! readelf -SW stripped | grep -q debug_frame");
		whole = load_file("whole");
		stripped = load_file("stripped");
		cr_assert_eq(whole.count, stripped.count);
		cr_assert_gt(whole.count, 4000u);
		cr_assert_eq(memcmp(whole.rows, stripped.rows, whole.count * sizeof(*whole.rows)), 0);
		eo_frame_table_fini(&whole);
		eo_frame_table_fini(&stripped);
	}
}
