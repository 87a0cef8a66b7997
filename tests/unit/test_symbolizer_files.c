// SPDX-License-Identifier: BSD-2-Clause
/* Files that names are read from: deleted, replaced, behind other roots, refused, too many. */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/auto.h"
#include "emulation.h"
#include "open_files.h"
#include "symbolizer_bench.h"

TestSuite(symbolizer_files, .init = make_folder, .fini = remove_folder);

Test(symbolizer_files, a_deleted_program_is_named_and_its_successor_is_not_mistaken_for_it)
{
	struct symbolizer_bench b = symbolizer_bench_new(&default_options);
	struct child child = start_program("gone", "-fPIE -pie");
	EO_AUTO_FREE char *path = in_folder("gone");
	struct eo_frame frame;

	run("rm gone && cp /bin/true gone");
	frame = user_frame(&b, child.pid, child.leaf);
	stop_child(&child);
	cr_assert_str_eq(frame.module->name, path);
	if (geteuid() == 0)
		expect_name(&frame, "eo_test_leaf", 0);
	else
		cr_assert(!frame.name || !strcmp(frame.name, "eo_test_leaf"));
	symbolizer_bench_free(&b);
}

Test(symbolizer_files, a_process_that_has_ended_is_named_by_path_and_inode)
{
	struct symbolizer_bench b = symbolizer_bench_new(&default_options);
	struct child child = start_program("pie", "-fPIE -pie");
	struct eo_frame frame;

	cr_assert_eq(eo_processes_scan(b.processes, (uint32_t)child.pid), 0);
	stop_child(&child);
	frame = user_frame(&b, child.pid, child.leaf);
	expect_name(&frame, "eo_test_leaf", 0);
	symbolizer_bench_free(&b);
}

Test(symbolizer_files, a_process_that_has_ended_does_not_get_another_files_names)
{
	struct symbolizer_bench b = symbolizer_bench_new(&default_options);
	struct child child = start_program("pie", "-fPIE -pie");
	EO_AUTO_FREE char *path = in_folder("pie");
	struct eo_frame frame;

	cr_assert_eq(eo_processes_scan(b.processes, (uint32_t)child.pid), 0);
	stop_child(&child);
	run("cp pie new && mv new pie");
	frame = user_frame(&b, child.pid, child.leaf);
	cr_assert_null(frame.name);
	cr_assert_str_eq(frame.module->name, path);
	cr_assert_str_eq(frame.module->build_id, "");
	cr_assert_eq(eo_symbolizer_stats(b.symbolizer).unnamed_in_module, 1);
	symbolizer_bench_free(&b);
}

Test(symbolizer_files, a_program_behind_another_root_is_read_through_its_process)
{
	struct symbolizer_bench b;
	struct child child;
	struct eo_frame frame;

	if (geteuid() != 0)
		cr_skip_test("chroot needs root");
	b = symbolizer_bench_new(&default_options);

	EO_AUTO_FREE char *inside = compile_program("inside", "-static"), *root = in_folder("root");

	/* What the outside has under the same path is another program. */
	run("mkdir -p root%s && mv inside root%s && cp /bin/true inside", folder, folder);
	child = start_child(inside, root);
	if (!child.leaf) {
		stop_child(&child);
		symbolizer_bench_free(&b);
		cr_skip_test("no mount namespaces here");
	}
	frame = user_frame(&b, child.pid, child.leaf);
	stop_child(&child);
	expect_name(&frame, "eo_test_leaf", 0);
	symbolizer_bench_free(&b);
}

Test(symbolizer_files, a_stripped_program_keeps_its_addresses)
{
	struct symbolizer_bench b = symbolizer_bench_new(&default_options);
	struct child child = start_program("stripped", "-fPIE -pie -s");
	EO_AUTO_FREE char *path = in_folder("stripped");
	struct eo_frame frame;

	frame = user_frame(&b, child.pid, child.leaf);
	stop_child(&child);
	cr_assert_null(frame.name);
	cr_assert_str_eq(frame.module->name, path);
	cr_assert_geq(frame.address, frame.module->start);
	cr_assert_lt(frame.address, frame.module->limit);
	cr_assert_gt(strlen(frame.module->build_id), 15);
	symbolizer_bench_free(&b);
}

Test(symbolizer_files, a_file_that_may_not_be_opened_is_counted_once)
{
	EO_AUTO_FREE char *path = in_folder("pie");
	struct symbolizer_bench b;
	struct child child;
	struct eo_frame frame;

	if (geteuid() != 0)
		cr_skip_test("only root can give up rights");
	b = symbolizer_bench_new(&default_options);
	child = start_program("pie", "-fPIE -pie");
	cr_assert_eq(eo_processes_scan(b.processes, (uint32_t)child.pid), 0);
	run("chmod 700 .");
	cr_assert_eq(seteuid(65534), 0);
	frame = user_frame(&b, child.pid, child.leaf);
	frame = user_frame(&b, child.pid, child.leaf + 1);
	cr_assert_eq(seteuid(0), 0);
	stop_child(&child);
	cr_assert_null(frame.name);
	cr_assert_str_eq(frame.module->name, path);
	cr_assert_eq(eo_symbolizer_stats(b.symbolizer).files_denied, 1);
	symbolizer_bench_free(&b);
}

static void tick(const struct symbolizer_bench *b, int seconds)
{
	for (int i = 0; i < seconds; i++)
		eo_symbolizer_tick(b->symbolizer);
}

Test(symbolizer_files, a_file_that_is_not_used_any_more_is_closed_and_opened_again)
{
	uint64_t here = (uintptr_t)&eo_test_here;
	struct symbolizer_bench b = symbolizer_bench_new(&default_options);
	struct eo_frame frame;
	size_t before = open_files();

	for (uint64_t turn = 1; turn < 3; turn++) {
		/* Another address each time, or the first answer is just repeated. */
		frame = user_frame(&b, getpid(), here + turn);
		expect_name(&frame, "eo_test_here", turn);
		cr_assert_eq(open_files(), before + 1);
		tick(&b, 300);
		cr_assert_eq(open_files(), before + 1);
		tick(&b, 1);
		cr_assert_eq(open_files(), before);
	}
	symbolizer_bench_free(&b);
}

Test(symbolizer_files, more_files_than_may_be_open_all_have_names, .timeout = 100)
{
	enum { FILES = 600 };
	struct symbolizer_bench b = symbolizer_bench_new(&default_options);
	static char *maps[FILES];
	const char *first = NULL;
	EO_AUTO_FREE char *library_path = in_folder("0.so");
	uint64_t offset;
	void *library;
	Dl_info info;

	SKIP_IN_EMULATION("no mappings of its own");
	write_text("l.c", "int eo_many(int x) { return x; }");
	run("gcc -shared -fPIC -o 0.so l.c && for i in $(seq %d); do cp 0.so $i.so; done", FILES - 1);
	library = dlopen(library_path, RTLD_NOW);
	cr_assert(library && dladdr(dlsym(library, "eo_many"), &info));
	offset = (uint64_t)((char *)info.dli_saddr - (char *)info.dli_fbase);
	dlclose(library);
	for (int i = 0; i < FILES; i++) {
		char name[16];
		int fd;

		snprintf(name, sizeof(name), "%d.so", i);
		fd = open_in_folder(name);
		maps[i] = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd,
			       (off_t)(offset & ~0xfffull));
		close(fd);
		cr_assert_neq(maps[i], MAP_FAILED);
	}
	for (int turn = 0; turn < 2; turn++) {
		for (int i = 0; i < FILES; i++) {
			/* Another address the second time, or the first answer is just repeated. */
			uint64_t at = (uintptr_t)maps[i] + (offset & 0xfff) + (unsigned int)turn;
			struct eo_frame frame = user_frame(&b, getpid(), at);

			expect_name(&frame, "eo_many", (uint64_t)turn);
			if (!first)
				first = frame.name;
			cr_assert_eq(frame.name, first);
		}
	}
	cr_assert_lt(open_files(), 550);
	symbolizer_bench_free(&b);
}

Test(symbolizer_files, a_mapped_file_that_is_no_elf_has_offsets_for_addresses)
{
	struct symbolizer_bench b = symbolizer_bench_new(&default_options);
	EO_AUTO_FREE char *path = in_folder("plain");
	struct eo_frame frame;
	char *code;
	int fd;

	run("head -c 12288 /dev/zero > plain");
	fd = open_in_folder("plain");
	code = mmap(NULL, 8192, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 4096);
	close(fd);
	if (code == MAP_FAILED) {
		symbolizer_bench_free(&b);
		cr_skip_test("/tmp is mounted noexec");
	}
	frame = user_frame(&b, getpid(), (uintptr_t)code + 0x123);
	cr_assert_null(frame.name);
	cr_assert_str_eq(frame.module->name, path);
	cr_assert_eq(frame.address, 4096 + 0x123);
	cr_assert_eq(frame.module->start, 4096);
	munmap(code, 8192);
	symbolizer_bench_free(&b);
}
