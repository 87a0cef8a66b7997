// SPDX-License-Identifier: BSD-2-Clause
/* Names and lines of functions: of this program, of others that are built here, and of the kernel. */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <inttypes.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/auto.h"
#include "emulation.h"
#include "symbolizer_bench.h"

TestSuite(symbolizer, .init = make_folder, .fini = remove_folder);

Test(symbolizer, a_function_of_this_program_is_named_and_placed)
{
	struct symbolizer_bench b = symbolizer_bench_new(&default_options);
	uint64_t here = (uintptr_t)&eo_test_here;
	struct eo_frame frame = user_frame(&b, getpid(), here + 1), again = user_frame(&b, getpid(), here + 1);
	Dl_info info;
	struct link_map *map;

	expect_name(&frame, "eo_test_here", 1);
	cr_assert_eq(frame.kind, EO_FRAME_NATIVE);
	cr_assert(strstr(frame.module->name, "test_symbolizer"));
	cr_assert(dladdr1((void *)(uintptr_t)here, &info, (void **)&map, RTLD_DL_LINKMAP));
	cr_assert_eq(frame.address, here + 1 - map->l_addr); /* the linker's address */
	cr_assert_geq(frame.address, frame.module->start);
	cr_assert_lt(frame.address, frame.module->limit);
	cr_assert(frame.module->has_symbols);
	cr_assert_gt(strlen(frame.module->build_id), 15);
	cr_assert_eq(again.name, frame.name); /* one text */
	cr_assert_eq(again.module, frame.module);
	cr_assert_eq(eo_symbolizer_stats(b.symbolizer).named, 2);
	symbolizer_bench_free(&b);
}

Test(symbolizer, a_return_address_belongs_to_the_call_before_it)
{
	struct symbolizer_bench b = symbolizer_bench_new(&default_options);
	uint64_t here = (uintptr_t)&eo_test_here;
	struct eo_frame leaf, caller;

	eo_symbolizer_user(b.symbolizer, (uint32_t)getpid(), here, false, &leaf);
	eo_symbolizer_user(b.symbolizer, (uint32_t)getpid(), here + 1, true, &caller);
	expect_name(&caller, "eo_test_here", 0);
	cr_assert_eq(caller.address, leaf.address);
	eo_symbolizer_user(b.symbolizer, (uint32_t)getpid(), here, true, &caller);
	cr_assert_eq(caller.address, leaf.address - 1);
	cr_assert(!caller.name || strcmp(caller.name, "eo_test_here"));
	symbolizer_bench_free(&b);
}

/* Start of a function and whether dladdr() has the same place for it. */
static size_t compare_with_dladdr(struct symbolizer_bench *b, void *library, const char *path)
{
	char command[256], line[512], name[256];
	size_t agreed = 0;
	FILE *nm;

	snprintf(command, sizeof(command), "nm -D --defined-only %s", path);
	nm = popen(command, "r");
	while (fgets(line, sizeof(line), nm)) {
		struct eo_frame frame;
		Dl_info info;
		char type, *version;
		void *address;

		if (sscanf(line, "%*x %c %255s", &type, name) != 2 || type != 'T')
			continue;
		version = strchr(name, '@');
		if (version)
			*version = '\0';
		address = dlsym(library, name);
		if (!address || !dladdr(address, &info) || info.dli_saddr != address)
			continue;
		frame = user_frame(b, getpid(), (uintptr_t)address);
		cr_assert(frame.name, "%s", name);
		cr_assert_eq(frame.function_offset, 0, "%s is %s+%" PRIx64, name, frame.name,
			     frame.function_offset);
		cr_assert_not_null(strstr(frame.module->name, strrchr(path, '/')));
		/* Aliases: any name that dlsym() has at this address will do, unless it is local. */
		void *alias = dlsym(library, frame.system_name);
		cr_assert(!alias || alias == address || strchr(frame.system_name, '_'), "%s for %s",
			  frame.name, name);
		agreed++;
	}
	pclose(nm);
	return agreed;
}

Test(symbolizer, every_function_of_libc_starts_where_dladdr_says, .timeout = 100)
{
	struct symbolizer_bench b = symbolizer_bench_new(&default_options);
	Dl_info info;
	void *libc;

	SKIP_IN_EMULATION("no files of its own");
	cr_assert(dladdr((void *)(uintptr_t)&getppid, &info));
	libc = dlopen(info.dli_fname, RTLD_NOW);
	cr_assert_gt(compare_with_dladdr(&b, libc, info.dli_fname), 500);
	dlclose(libc);
	symbolizer_bench_free(&b);
}

Test(symbolizer, a_library_opened_later_is_found)
{
	struct symbolizer_bench b = symbolizer_bench_new(&default_options);
	EO_AUTO_FREE char *path = in_folder("liblate.so");
	struct eo_frame frame;
	void *library;
	int (*function)(int);

	SKIP_IN_EMULATION("no compiler");
	cr_assert_eq(eo_processes_scan(b.processes, (uint32_t)getpid()), 0);
	write_text("l.c", "int eo_late(int x) { return x; }");
	run("gcc -shared -fPIC -o liblate.so l.c");
	library = dlopen(path, RTLD_NOW);
	cr_assert(library);
	*(void **)&function = dlsym(library, "eo_late");
	cr_assert_eq(eo_processes_scan(b.processes, (uint32_t)getpid()), 0);
	frame = user_frame(&b, getpid(), (uintptr_t)function);
	expect_name(&frame, "eo_late", 0);
	cr_assert_str_eq(frame.module->name, path);
	dlclose(library);
	symbolizer_bench_free(&b);
}

Test(symbolizer, mangled_names_are_made_readable)
{
	struct symbolizer_bench b = symbolizer_bench_new(&default_options);
	EO_AUTO_FREE char *path = in_folder("libm.so");
	struct eo_frame frame;
	void *library;

	SKIP_IN_EMULATION("no mappings of its own");
	write_text("l.c", "int _ZN3foo3barEi(int x) { return x; }");
	run("gcc -shared -fPIC -o libm.so l.c");
	library = dlopen(path, RTLD_NOW);
	frame = user_frame(&b, getpid(), (uintptr_t)dlsym(library, "_ZN3foo3barEi"));
	expect_name(&frame, "foo::bar(int)", 0);
	cr_assert_str_eq(frame.system_name, "_ZN3foo3barEi");
	dlclose(library);
	symbolizer_bench_free(&b);
}

Test(symbolizer, functions_of_the_vdso_have_names)
{
	struct symbolizer_bench b = symbolizer_bench_new(&default_options);
	void *vdso = dlopen("linux-vdso.so.1", RTLD_NOW | RTLD_NOLOAD);
	void *address = vdso ? dlsym(vdso, "__vdso_clock_gettime") : NULL;
	struct eo_frame frame;

	if (!address) {
		symbolizer_bench_free(&b);
		cr_skip_test("this machine's vDSO has no __vdso_clock_gettime");
	}
	frame = user_frame(&b, getpid(), (uintptr_t)address);
	cr_assert(frame.name && strstr(frame.name, "clock_gettime"));
	cr_assert_str_eq(frame.module->name, "[vdso]");
	cr_assert_eq(frame.function_offset, 0);
	cr_assert_eq(frame.address, (uintptr_t)address - getauxval(AT_SYSINFO_EHDR));
	cr_assert_gt(strlen(frame.module->build_id), 15);
	symbolizer_bench_free(&b);
}

Test(symbolizer, forked_and_executed_children_have_names)
{
	struct symbolizer_bench b = symbolizer_bench_new(&default_options);
	struct child pie, fixed;
	struct eo_frame frame;
	pid_t forked;

	SKIP_IN_EMULATION("no mappings of its own");
	forked = fork();
	if (forked == 0)
		for (;;)
			pause();
	frame = user_frame(&b, forked, (uintptr_t)&eo_test_here);
	expect_name(&frame, "eo_test_here", 0);
	kill(forked, SIGKILL);
	waitpid(forked, NULL, 0);

	pie = start_program("pie", "-fPIE -pie");
	fixed = start_program("fixed", "-no-pie -static");
	frame = user_frame(&b, pie.pid, pie.leaf);
	expect_name(&frame, "eo_test_leaf", 0);
	cr_assert_neq(frame.address, pie.leaf);
	frame = user_frame(&b, fixed.pid, fixed.leaf);
	expect_name(&frame, "eo_test_leaf", 0);
	cr_assert_eq(frame.address, fixed.leaf);
	stop_child(&pie);
	stop_child(&fixed);
	symbolizer_bench_free(&b);
}

Test(symbolizer, processes_share_their_modules_and_names)
{
	struct symbolizer_bench b = symbolizer_bench_new(&default_options);
	EO_AUTO_FREE char *path = compile_program("pie", "-fPIE -pie");
	struct child one = start_child(path, NULL), two = start_child(path, NULL);
	struct eo_frame first, second;

	first = user_frame(&b, one.pid, one.leaf);
	second = user_frame(&b, two.pid, two.leaf);
	expect_name(&first, "eo_test_leaf", 0);
	cr_assert_eq(first.module, second.module);
	cr_assert_eq(first.name, second.name);
	cr_assert_eq(first.address, second.address);
	stop_child(&one);
	stop_child(&two);
	symbolizer_bench_free(&b);
}

Test(symbolizer, no_symbols_leaves_names_out_and_keeps_the_rest)
{
	struct symbolizer_bench b = symbolizer_bench_new(&(struct eo_symbolizer_options){.no_symbols = true});
	struct symbolizer_bench with = symbolizer_bench_new(&default_options);
	struct eo_frame bare = user_frame(&b, getpid(), (uintptr_t)&eo_test_here);
	struct eo_frame full = user_frame(&with, getpid(), (uintptr_t)&eo_test_here);

	cr_assert_null(bare.name);
	cr_assert_not(bare.module->has_symbols);
	cr_assert_eq(bare.address, full.address);
	cr_assert_str_eq(bare.module->build_id, full.module->build_id);
	cr_assert_eq(bare.module->start, full.module->start);
	cr_assert_eq(bare.module->offset, full.module->offset);
	symbolizer_bench_free(&b);
	symbolizer_bench_free(&with);
}

static const struct eo_symbolizer_options with_lines = {.lines = true};

Test(symbolizer, lines_are_known_once_they_were_looked_up)
{
	struct symbolizer_bench b = symbolizer_bench_new(&with_lines);
	EO_AUTO_FREE char *source = in_folder("p.c");
	const struct eo_source_line *lines;
	struct child child = start_program("lined", "-g -fPIE -pie");
	struct eo_frame frame;

	frame = user_frame(&b, child.pid, child.leaf);
	stop_child(&child);
	run("rm lined"); /* what was opened stays so */
	expect_name(&frame, "eo_test_leaf", 0);
	cr_assert_eq(eo_symbolizer_lines(b.symbolizer, frame.module, frame.address, &lines), 0);
	eo_symbolizer_find_lines(b.symbolizer);
	cr_assert_eq(eo_symbolizer_lines(b.symbolizer, frame.module, frame.address, &lines), 1);
	cr_assert_str_eq(lines[0].name, "eo_test_leaf");
	cr_assert_eq(lines[0].line, 3);
	cr_assert_str_eq(lines[0].file, source);
	cr_assert_eq(eo_symbolizer_lines(b.symbolizer, frame.module, frame.address + 1, &lines), 0);
	symbolizer_bench_free(&b);
}

Test(symbolizer, copies_of_one_file_share_its_lines)
{
	struct symbolizer_bench b = symbolizer_bench_new(&with_lines);
	const struct eo_source_line *lines;
	EO_AUTO_FREE char *path = compile_program("lined", "-g -no-pie -Wl,--build-id=sha1");
	struct eo_frame frames[2];

	for (size_t i = 0; i < EO_ARRAY_SIZE(frames); i++) {
		struct child child = start_child(path, NULL);

		frames[i] = user_frame(&b, child.pid, child.leaf + i);
		stop_child(&child);
		run("cp -p lined copy && mv copy lined");
	}
	cr_assert_eq(frames[0].module, frames[1].module);
	eo_symbolizer_find_lines(b.symbolizer);
	for (size_t i = 0; i < EO_ARRAY_SIZE(frames); i++)
		cr_assert_eq(eo_symbolizer_lines(b.symbolizer, frames[i].module, frames[i].address,
						 &lines),
			     1);
	symbolizer_bench_free(&b);
}

Test(symbolizer, nobody_gets_lines_unasked)
{
	struct symbolizer_bench b = symbolizer_bench_new(&default_options);
	const struct eo_source_line *lines;
	struct child child = start_program("lined", "-g");
	struct eo_frame frame;

	frame = user_frame(&b, child.pid, child.leaf);
	stop_child(&child);
	eo_symbolizer_find_lines(b.symbolizer);
	cr_assert_eq(eo_symbolizer_lines(b.symbolizer, frame.module, frame.address, &lines), 0);
	symbolizer_bench_free(&b);
}

Test(symbolizer, garbage_is_in_no_module)
{
	struct symbolizer_bench b = symbolizer_bench_new(&default_options);
	static const uint64_t garbage[] = {0, 1, 0xdeadbeef, 0x800000000000, 0x8000000000000000,
					   0xffffffff81000000, UINT64_MAX};

	for (size_t i = 0; i < EO_ARRAY_SIZE(garbage); i++) {
		struct eo_frame frame = user_frame(&b, getpid(), garbage[i]);

		cr_assert_null(frame.module);
		cr_assert_null(frame.name);
		cr_assert_eq(frame.address, garbage[i]);
		cr_assert_eq(frame.kind, EO_FRAME_UNKNOWN);
	}
	cr_assert_eq(eo_symbolizer_stats(b.symbolizer).no_module, EO_ARRAY_SIZE(garbage));
	symbolizer_bench_free(&b);
}

Test(symbolizer, the_vsyscall_page_is_a_module)
{
	struct symbolizer_bench b = symbolizer_bench_new(&default_options);
	struct eo_frame frame = user_frame(&b, getpid(), 0xffffffffff600400);

	cr_assert_str_eq(frame.module->name, "[vsyscall]");
	cr_assert_eq(frame.address, 0xffffffffff600400);
	symbolizer_bench_free(&b);
}

static struct symbolizer_bench bench_with_kallsyms(const char *text, bool no_symbols)
{
	char path[] = "/tmp/eo-kallsyms-XXXXXX";
	int fd = mkstemp(path);
	struct eo_symbolizer_options options = {.no_symbols = no_symbols, .kallsyms = path};
	struct symbolizer_bench b;

	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	b = symbolizer_bench_new(&options);
	unlink(path);
	return b;
}

static const char kallsyms[] = "ffffffff81000000 T _stext\n"
			       "ffffffff81000100 T schedule\n"
			       "ffffffff81000200 T _etext\n"
			       "ffffffffc0300000 t nft_init\t[nf_tables]\n";

Test(symbolizer, kernel_frames_belong_to_the_kernel_or_a_module)
{
	struct symbolizer_bench b = bench_with_kallsyms(kallsyms, false);
	struct eo_frame frame;

	eo_symbolizer_kernel(b.symbolizer, 0xffffffff81000110, false, &frame);
	expect_name(&frame, "schedule", 0x10);
	cr_assert_eq(frame.kind, EO_FRAME_KERNEL);
	cr_assert_str_eq(frame.module->name, "[kernel.kallsyms]");
	cr_assert_eq(frame.module->start, 0xffffffff81000000);
	cr_assert_eq(frame.module->limit, 0xffffffff81000200);
	cr_assert_eq(frame.address, 0xffffffff81000110);
	eo_symbolizer_kernel(b.symbolizer, 0xffffffff81000200, true, &frame);
	expect_name(&frame, "schedule", 0xff);
	eo_symbolizer_kernel(b.symbolizer, 0xffffffffc0300008, false, &frame);
	expect_name(&frame, "nft_init", 8);
	cr_assert_str_eq(frame.module->name, "[nf_tables]");
	eo_symbolizer_kernel(b.symbolizer, 0xffffffff81000000, false, &frame);
	cr_assert_null(frame.name);
	cr_assert_str_eq(frame.module->name, "[kernel.kallsyms]");
	eo_symbolizer_kernel(b.symbolizer, 0xffffffffd0000000, false, &frame);
	cr_assert_null(frame.module);
	cr_assert_not(eo_symbolizer_stats(b.symbolizer).kernel_hidden);
	symbolizer_bench_free(&b);

	b = bench_with_kallsyms(kallsyms, true);
	eo_symbolizer_kernel(b.symbolizer, 0xffffffff81000110, false, &frame);
	cr_assert_null(frame.name);
	cr_assert_str_eq(frame.module->name, "[kernel.kallsyms]");
	cr_assert_not(frame.module->has_symbols);
	symbolizer_bench_free(&b);
}

Test(symbolizer, a_hidden_kernel_is_told_and_still_a_module)
{
	struct symbolizer_bench b = bench_with_kallsyms("0000000000000000 T schedule\n", false);
	struct eo_frame frame;

	eo_symbolizer_kernel(b.symbolizer, 0xffffffff81000110, false, &frame);
	cr_assert_null(frame.name);
	cr_assert_str_eq(frame.module->name, "[kernel.kallsyms]");
	cr_assert_not(frame.module->has_symbols);
	cr_assert(eo_symbolizer_stats(b.symbolizer).kernel_hidden);
	symbolizer_bench_free(&b);
}
