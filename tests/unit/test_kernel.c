/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "symbol/kernel.h"

static struct eo_kernel *kernel_of(const char *text)
{
	char path[] = "/tmp/eo-kallsyms-XXXXXX";
	int fd = mkstemp(path);
	struct eo_kernel *kernel = NULL;

	cr_assert_geq(fd, 0);
	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	cr_assert_eq(eo_kernel_new(path, &kernel, NULL), 0);
	eo_kernel_count(kernel); /* read it before it goes */
	unlink(path);
	return kernel;
}

static void expect(struct eo_kernel *kernel, uint64_t address, const char *name,
		   const char *module, uint64_t start, uint64_t end)
{
	struct eo_kernel_symbol s;

	cr_assert(eo_kernel_find(kernel, address, &s), "%" PRIx64 " has no name", address);
	cr_assert_str_eq(s.name, name);
	if (module)
		cr_assert_str_eq(s.module, module);
	else
		cr_assert_null(s.module);
	cr_assert_eq(s.start, start);
	cr_assert_eq(s.end, end, "%s ends at %" PRIx64, name, s.end);
}

static void expect_none(struct eo_kernel *kernel, uint64_t address)
{
	struct eo_kernel_symbol s;

	cr_assert_not(eo_kernel_find(kernel, address, &s), "%" PRIx64 " is %s", address, s.name);
}

static const char fixture[] =
	"0000000000000000 A fixed_percpu_data\n"
	"ffffffff81000000 T _stext\n"
	"ffffffff81000000 T _text\n"
	"ffffffff81000000 t first\n"
	"ffffffff81000100 t __pfx_schedule\n"
	"ffffffff81000110 T schedule\n"
	"ffffffff81000200 t local_alias\n"
	"ffffffff81000200 W weak_alias\n"
	"ffffffff81000200 T __global_alias\n"
	"ffffffff81000200 T global_alias\n"
	"ffffffff81000300 t last\n"
	"ffffffff81000380 D some_data\n"
	"ffffffff81000400 T _etext\n"
	"ffffffff82000000 t after_the_text\n"
	"ffffffffc0300000 t nft_init\t[nf_tables]\n"
	"ffffffffc0300040 t nft_exit\t[nf_tables]\n"
	"ffffffffc0200000 t bpf_prog_1234_profile\t[bpf]\n"
	"ffffffffc0200080 t bpf_trampoline_1\t[bpf]\n";

Test(kernel, functions_end_where_the_next_one_starts)
{
	EO_AUTO(eo_kernel) k = kernel_of(fixture);

	expect(k, 0xffffffff81000000, "first", NULL, 0xffffffff81000000, 0xffffffff81000100);
	expect(k, 0xffffffff810000ff, "first", NULL, 0xffffffff81000000, 0xffffffff81000100);
	expect(k, 0xffffffff81000105, "__pfx_schedule", NULL, 0xffffffff81000100,
	       0xffffffff81000110);
	expect(k, 0xffffffff81000110, "schedule", NULL, 0xffffffff81000110, 0xffffffff81000200);
	expect(k, 0xffffffff810003ff, "last", NULL, 0xffffffff81000300, 0xffffffff81000400);
	cr_assert_eq(eo_kernel_text_start(k), 0xffffffff81000000);
	cr_assert_eq(eo_kernel_text_end(k), 0xffffffff81000400);
	cr_assert_not(eo_kernel_hidden(k));
	cr_assert_eq(eo_kernel_count(k), 11);
}

Test(kernel, of_several_names_the_plain_global_one_wins)
{
	EO_AUTO(eo_kernel) k = kernel_of(fixture);

	expect(k, 0xffffffff81000210, "global_alias", NULL, 0xffffffff81000200,
	       0xffffffff81000300);
}

Test(kernel, addresses_outside_all_functions_have_no_name)
{
	EO_AUTO(eo_kernel) k = kernel_of(fixture);

	expect_none(k, 0);
	expect_none(k, 0xffffffff80ffffff);
	expect_none(k, 0xffffffff81000400); /* _etext is a border, not a function */
	expect_none(k, 0xffffffff81fffff0);
	expect_none(k, 0xffffffff82040000);
	expect_none(k, UINT64_MAX);
}

Test(kernel, modules_and_programs_tell_their_name_and_range)
{
	EO_AUTO(eo_kernel) k = kernel_of(fixture);
	struct eo_kernel_symbol s;

	expect(k, 0xffffffffc0300041, "nft_exit", "[nf_tables]", 0xffffffffc0300040,
	       0xffffffffc0302000);
	expect(k, 0xffffffffc0200010, "bpf_prog_1234_profile", "[bpf]", 0xffffffffc0200000,
	       0xffffffffc0200080);
	cr_assert(eo_kernel_find(k, 0xffffffffc0300000, &s));
	cr_assert_eq(s.module_start, 0xffffffffc0300000);
	cr_assert_eq(s.module_end, 0xffffffffc0302000);
	expect_none(k, 0xffffffffc0302000);
	expect_none(k, 0xffffffffc02fffff);
}

Test(kernel, nothing_but_zeros_is_hidden)
{
	EO_AUTO(eo_kernel) k = kernel_of("0000000000000000 T _stext\n"
					 "0000000000000000 t nft_init\t[nf_tables]\n");

	cr_assert(eo_kernel_hidden(k));
	cr_assert_eq(eo_kernel_count(k), 0);
	expect_none(k, 0);
	expect_none(k, 0xffffffff81000000);
}

Test(kernel, broken_lines_are_left_out)
{
	EO_AUTO(eo_kernel) k = kernel_of("\n"
					 "T\n"
					 "ffffffff81000000\n"
					 "ffffffff81000000 T\n"
					 "ffffffff81000000 T \n"
					 "ffffffff81000000T x\n"
					 "1ffffffff81000000 T too_long\n"
					 "-1 T negative\n"
					 "ffffffff81000010 T good\n"
					 "ffffffff81000020 T cut_of");

	cr_assert_eq(eo_kernel_count(k), 1);
	expect(k, 0xffffffff81000010, "good", NULL, 0xffffffff81000010, 0xffffffff81002000);
}

Test(kernel, a_missing_file_is_an_error)
{
	struct eo_kernel *kernel = NULL;
	struct eo_error err = {0};

	cr_assert_eq(eo_kernel_new("/nonexistent/kallsyms", &kernel, &err), -2);
	cr_assert_eq(err.code, 2);
	cr_assert_null(kernel);
}

/* A second reading of the real list, done plainly, must agree. */
Test(kernel, the_running_kernel_is_read_as_a_plain_reading_does)
{
	EO_AUTO(eo_kernel) k = NULL;
	FILE *file = fopen("/proc/kallsyms", "r");
	char line[1024];
	size_t checked = 0;

	cr_assert_eq(eo_kernel_new(NULL, &k, NULL), 0);
	if (eo_kernel_hidden(k) || !eo_kernel_count(k) || !file) {
		if (file)
			fclose(file);
		cr_skip_test("the kernel's addresses are hidden here");
	}
	for (size_t n = 0; fgets(line, sizeof(line), file); n++) {
		struct eo_kernel_symbol s;
		char type, name[512];
		uint64_t address;

		if (n % 97 || sscanf(line, "%" SCNx64 " %c %511s", &address, &type, name) != 3 ||
		    !strchr("tTwW", type) || !eo_kernel_find(k, address, &s))
			continue;
		cr_assert_eq(s.start, address, "%s", name);
		checked++;
	}
	fclose(file);
	cr_assert_gt(checked, 100);
	cr_assert_eq(strlen(eo_kernel_build_id(k)) % 2, 0);
}
