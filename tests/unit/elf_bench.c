// SPDX-License-Identifier: BSD-2-Clause
#include "elf_bench.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/auto.h"

char *empty_root;

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

void make_elf_sources(void)
{
	make_folder();
	empty_root = in_folder("empty");
	run("mkdir empty");
	write_text("lib.c", source);
	write_text("main.c", main_source);
}

struct eo_elf *open_elf(const char *name)
{
	EO_AUTO_CLOSE int fd = open_in_folder(name);
	struct eo_elf *elf = NULL;
	struct eo_error err = {0};

	cr_assert_eq(eo_elf_open(fd, &elf, &err), 0, "%s: %s", name, err.text);
	return elf;
}

uint64_t address_of(const char *name, const char *symbol)
{
	EO_AUTO_FREE char *path = in_folder(name);
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

void expect_name(struct eo_elf *elf, uint64_t at, const char *name, uint64_t start)
{
	struct eo_elf_symbol found = {0};

	cr_expect_eq(eo_elf_find_symbol(elf, at, empty_root, NULL, &found), 0, "%s", name);
	cr_expect_str_eq(found.name ? found.name : "", name);
	cr_expect_eq(found.start, start, "%s: %#lx", name, found.start);
	free(found.name);
}

void expect_none(struct eo_elf *elf, uint64_t at)
{
	struct eo_elf_symbol found = {0};

	cr_expect_eq(eo_elf_find_symbol(elf, at, empty_root, NULL, &found), -ENOENT, "%#lx: %s", at,
		     found.name);
	free(found.name);
}
