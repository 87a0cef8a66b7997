/* SPDX-License-Identifier: BSD-2-Clause */
#include "symbol/usdt.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/auto.h"
#include "emulation.h"
#include "folder.h"

#ifdef __x86_64__

/* Words of struct pt_regs. */
#define RBP 4
#define RBX 5
#define RAX 10
#define RDI 14
#define RSP 19
#define R12 3

Test(usdt, arguments_are_registers_memory_and_constants)
{
	struct eo_usdt_argument args[EO_USDT_ARGUMENTS];

	cr_assert_eq(eo_usdt_arguments("8@%rdi -4@$-5 4@-20(%rbp) 8@(%rax,%rbx,4) 1@%bl 2@16(%rsp) -8@%r12", args), 7);
	cr_expect(args[0].kind == EO_USDT_REGISTER && args[0].base == RDI && args[0].size == 8 && !args[0].is_signed);
	cr_expect(args[1].kind == EO_USDT_CONSTANT && args[1].value == -5 && args[1].size == 4 && args[1].is_signed);
	cr_expect(args[2].kind == EO_USDT_MEMORY && args[2].base == RBP && args[2].value == -20 &&
		  args[2].index == EO_USDT_NO_REGISTER);
	cr_expect(args[3].kind == EO_USDT_MEMORY && args[3].base == RAX && args[3].index == RBX &&
		  args[3].scale == 4 && args[3].value == 0);
	cr_expect(args[4].kind == EO_USDT_REGISTER && args[4].base == RBX && args[4].size == 1);
	cr_expect(args[5].base == RSP && args[5].value == 16 && args[5].size == 2);
	cr_expect(args[6].base == R12 && args[6].is_signed);
}

Test(usdt, what_is_not_understood_is_refused)
{
	static const char *const texts[] = {
		"8", "8@", "@%rdi", "3@%rdi", "16@%xmm0", "8@%rip", "8@%nothing", "8@rdi", "8@$", "8@$x", "8@-8(%rbp",
		"8@-8(%rbp,", "8@(%rax,%rbx,3)", "8@symbol(%rip)", "8@%rdi8@%rsi", "8@%rdi,", "8@$99999999999999999999",
		"8@(,%rax", "8@%",
		"8@$1 8@$1 8@$1 8@$1 8@$1 8@$1 8@$1 8@$1 8@$1 8@$1 8@$1 8@$1 8@$1",
	};
	struct eo_usdt_argument args[EO_USDT_ARGUMENTS];

	for (size_t i = 0; i < EO_ARRAY_SIZE(texts); i++)
		cr_expect_eq(eo_usdt_arguments(texts[i], args), -EINVAL, "%s", texts[i]);
	cr_expect_eq(eo_usdt_arguments("", args), 0);
	cr_expect_eq(eo_usdt_arguments("  ", args), 0);
}

#endif

static const char program[] =
	"__attribute__((section(\".probes\"), used)) unsigned short semaphore;\n"
	"void give(void *p) {\n"
	"	__asm__ volatile(\"990: nop\\n.pushsection .note.stapsdt,\\\"\\\",\\\"note\\\"\\n.balign 4\\n\"\n"
	"		\".4byte 992f-991f,994f-993f,3\\n991: .asciz \\\"stapsdt\\\"\\n992: .balign 4\\n\"\n"
	"		\"993: .8byte 990b,0,semaphore\\n.asciz \\\"shop\\\"\\n.asciz \\\"sale\\\"\\n.asciz \\\"8@%0\\\"\\n\"\n"
	"		\"994: .balign 4\\n.popsection\" :: \"r\"(p));\n"
	"}\n"
	"int main(void) { give(0); return 0; }\n";

/* At a fixed address, so that its notes need no relocation. */
static int build(void)
{
	return build_c(program, "-no-pie -fno-pie");
}

static const char *const names[] = {"purchase", "sale"};

Test(usdt, a_probe_has_a_place_a_semaphore_and_arguments)
{
	EO_AUTO_CLOSE int fd = -1;
	struct eo_usdt_probe found[4];
	unsigned short semaphore = 1;
	unsigned char code = 0;

	SKIP_IN_EMULATION("no compiler");
	fd = build();
	cr_assert_eq(eo_usdt_find(fd, "shop", names, 2, found, EO_ARRAY_SIZE(found)), 1);
	cr_expect_eq(found[0].name, 1);
	cr_expect_eq(found[0].argument_count, 1);
	cr_expect_eq(found[0].arguments[0].kind, EO_USDT_REGISTER);
	cr_assert_eq(pread(fd, &code, 1, (off_t)found[0].offset), 1);
#ifdef __x86_64__
	cr_expect_eq(code, 0x90, "a nop");
#endif
	cr_assert_eq(pread(fd, &semaphore, 2, (off_t)found[0].semaphore), 2);
	cr_expect_eq(semaphore, 0);
	cr_expect_eq(eo_usdt_find(fd, "other", names, 2, found, EO_ARRAY_SIZE(found)), 0);
	cr_expect_eq(eo_usdt_find(fd, "shop", names, 1, found, EO_ARRAY_SIZE(found)), 0);
	cr_expect_eq(eo_usdt_find(fd, "shop", names, 2, found, 0), 0);
}

Test(usdt, a_file_that_ends_early_is_no_harm)
{
	EO_AUTO_CLOSE int fd = build(), copy = memfd_create("usdt", MFD_CLOEXEC);
	off_t size = lseek(fd, 0, SEEK_END);
	struct eo_usdt_probe found[4];
	char *bytes = malloc((size_t)size);

	cr_assert_eq(pread(fd, bytes, (size_t)size, 0), size);
	for (off_t cut = 0; cut < size; cut += 97) {
		cr_assert_eq(ftruncate(copy, 0), 0);
		cr_assert_eq(pwrite(copy, bytes, (size_t)cut, 0), cut);
		cr_expect_leq(eo_usdt_find(copy, "shop", names, 2, found, EO_ARRAY_SIZE(found)), 1);
	}
	free(bytes);
}
