/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <inttypes.h>
#include <link.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "symbol/symbolizer.h"
#include "emulation.h"
#include "open_files.h"

struct bench {
	char dir[40];
	struct eo_processes *processes;
	struct eo_symbolizer *symbolizer;
};

static struct bench bench_new(const struct eo_symbolizer_options *options)
{
	struct bench b = {"/tmp/eo-symbolizer-XXXXXX"};

	cr_assert(mkdtemp(b.dir));
	cr_assert_eq(chmod(b.dir, 0755), 0);
	cr_assert_eq(eo_processes_new(&b.processes, NULL), 0);
	cr_assert_eq(eo_symbolizer_new(options, b.processes, &b.symbolizer, NULL), 0);
	return b;
}

__attribute__((format(printf, 1, 2))) static void run(const char *fmt, ...)
{
	char command[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	cr_assert_eq(system(command), 0, "%s", command);
}

static void bench_free(struct bench *b)
{
	eo_symbolizer_free(b->symbolizer);
	eo_processes_free(b->processes);
	run("rm -rf %s", b->dir);
}

static const char program[] = "#include <stdio.h>\\n"
			      "#include <unistd.h>\\n"
			      "__attribute__((noinline)) int eo_test_leaf(int x) { return x + 1; }\\n"
			      "int main(void) { printf(\"%p\\\\n\", (void *)eo_test_leaf); "
			      "fflush(stdout); for (;;) pause(); }\\n";

/* Compile a program that prints where its function eo_test_leaf() is and then waits. */
static void compile(const struct bench *b, const char *name, const char *flags)
{
	run("printf '%%b' '%s' > %s/p.c && gcc -O1 %s -o %s/%s %s/p.c", program, b->dir, flags,
	    b->dir, name, b->dir);
}

struct child {
	pid_t pid;
	uint64_t leaf;
};

/* @root: change to it, in a mount namespace of the child's own; NULL: stay. */
static struct child start(const char *path, const char *root)
{
	struct child child = {0};
	int ends[2];
	FILE *out;

	cr_assert_eq(pipe(ends), 0);
	child.pid = fork();
	if (child.pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		if (root && (unshare(CLONE_NEWNS) < 0 || chroot(root) < 0 || chdir("/") < 0))
			_exit(1);
		execl(path, path, NULL);
		_exit(1);
	}
	close(ends[1]);
	out = fdopen(ends[0], "r");
	if (fscanf(out, "%" SCNx64, &child.leaf) != 1)
		child.leaf = 0;
	fclose(out);
	return child;
}

static void stop(struct child *child)
{
	kill(child->pid, SIGKILL);
	waitpid(child->pid, NULL, 0);
}

static struct eo_frame user(struct bench *b, pid_t pid, uint64_t address)
{
	struct eo_frame frame;

	eo_symbolizer_user(b->symbolizer, (uint32_t)pid, address, false, &frame);
	return frame;
}

static void expect_name(const struct eo_frame *frame, const char *name, uint64_t offset)
{
	cr_assert(frame->name, "no name for %s+%" PRIx64, name, offset);
	cr_assert_str_eq(frame->name, name);
	cr_assert_eq(frame->function_offset, offset, "%s+%" PRIx64, name, frame->function_offset);
	cr_assert(frame->module);
}

__attribute__((noinline)) int eo_test_here(int x);
int eo_test_here(int x)
{
	return x * 3;
}

static const struct eo_symbolizer_options plain;

Test(symbolizer, a_function_of_this_program_is_named_and_placed)
{
	struct bench b = bench_new(&plain);
	uint64_t here = (uintptr_t)&eo_test_here;
	struct eo_frame frame = user(&b, getpid(), here + 1), again = user(&b, getpid(), here + 1);
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
	bench_free(&b);
}

Test(symbolizer, a_return_address_belongs_to_the_call_before_it)
{
	struct bench b = bench_new(&plain);
	uint64_t here = (uintptr_t)&eo_test_here;
	struct eo_frame leaf, caller;

	eo_symbolizer_user(b.symbolizer, (uint32_t)getpid(), here, false, &leaf);
	eo_symbolizer_user(b.symbolizer, (uint32_t)getpid(), here + 1, true, &caller);
	expect_name(&caller, "eo_test_here", 0);
	cr_assert_eq(caller.address, leaf.address);
	eo_symbolizer_user(b.symbolizer, (uint32_t)getpid(), here, true, &caller);
	cr_assert_eq(caller.address, leaf.address - 1);
	cr_assert(!caller.name || strcmp(caller.name, "eo_test_here"));
	bench_free(&b);
}

/* Start of a function and whether dladdr() has the same place for it. */
static size_t compare_with_dladdr(struct bench *b, void *library, const char *path)
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
		frame = user(b, getpid(), (uintptr_t)address);
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
	struct bench b = bench_new(&plain);
	Dl_info info;
	void *libc;

	SKIP_IN_EMULATION("no files of its own");
	cr_assert(dladdr((void *)(uintptr_t)&getppid, &info));
	libc = dlopen(info.dli_fname, RTLD_NOW);
	cr_assert_gt(compare_with_dladdr(&b, libc, info.dli_fname), 500);
	dlclose(libc);
	bench_free(&b);
}

Test(symbolizer, a_library_opened_later_is_found)
{
	struct bench b = bench_new(&plain);
	char path[128];
	struct eo_frame frame;
	void *library;
	int (*function)(int);

	SKIP_IN_EMULATION("no compiler");
	cr_assert_eq(eo_processes_scan(b.processes, (uint32_t)getpid()), 0);
	run("echo 'int eo_late(int x) { return x; }' > %s/l.c && gcc -shared -fPIC -o %s/liblate.so "
	    "%s/l.c",
	    b.dir, b.dir, b.dir);
	snprintf(path, sizeof(path), "%s/liblate.so", b.dir);
	library = dlopen(path, RTLD_NOW);
	cr_assert(library);
	*(void **)&function = dlsym(library, "eo_late");
	cr_assert_eq(eo_processes_scan(b.processes, (uint32_t)getpid()), 0);
	frame = user(&b, getpid(), (uintptr_t)function);
	expect_name(&frame, "eo_late", 0);
	cr_assert_str_eq(frame.module->name, path);
	dlclose(library);
	bench_free(&b);
}

Test(symbolizer, mangled_names_are_made_readable)
{
	struct bench b = bench_new(&plain);
	char path[128];
	struct eo_frame frame;
	void *library;

	SKIP_IN_EMULATION("no mappings of its own");
	run("echo 'int _ZN3foo3barEi(int x) { return x; }' > %s/l.c && gcc -shared -fPIC "
	    "-o %s/libm.so %s/l.c",
	    b.dir, b.dir, b.dir);
	snprintf(path, sizeof(path), "%s/libm.so", b.dir);
	library = dlopen(path, RTLD_NOW);
	frame = user(&b, getpid(), (uintptr_t)dlsym(library, "_ZN3foo3barEi"));
	expect_name(&frame, "foo::bar(int)", 0);
	cr_assert_str_eq(frame.system_name, "_ZN3foo3barEi");
	dlclose(library);
	bench_free(&b);
}

Test(symbolizer, functions_of_the_vdso_have_names)
{
	struct bench b = bench_new(&plain);
	void *vdso = dlopen("linux-vdso.so.1", RTLD_NOW | RTLD_NOLOAD);
	void *address = vdso ? dlsym(vdso, "__vdso_clock_gettime") : NULL;
	struct eo_frame frame;

	if (!address) {
		bench_free(&b);
		cr_skip_test("this machine's vDSO has no __vdso_clock_gettime");
	}
	frame = user(&b, getpid(), (uintptr_t)address);
	cr_assert(frame.name && strstr(frame.name, "clock_gettime"));
	cr_assert_str_eq(frame.module->name, "[vdso]");
	cr_assert_eq(frame.function_offset, 0);
	cr_assert_eq(frame.address, (uintptr_t)address - getauxval(AT_SYSINFO_EHDR));
	cr_assert_gt(strlen(frame.module->build_id), 15);
	bench_free(&b);
}

Test(symbolizer, forked_and_executed_children_have_names)
{
	struct bench b = bench_new(&plain);
	pid_t forked = fork();
	struct child pie, fixed;
	struct eo_frame frame;
	char path[128];

	SKIP_IN_EMULATION("no mappings of its own");
	if (forked == 0)
		for (;;)
			pause();
	frame = user(&b, forked, (uintptr_t)&eo_test_here);
	expect_name(&frame, "eo_test_here", 0);
	kill(forked, SIGKILL);
	waitpid(forked, NULL, 0);

	compile(&b, "pie", "-fPIE -pie");
	compile(&b, "fixed", "-no-pie -static");
	snprintf(path, sizeof(path), "%s/pie", b.dir);
	pie = start(path, NULL);
	snprintf(path, sizeof(path), "%s/fixed", b.dir);
	fixed = start(path, NULL);
	frame = user(&b, pie.pid, pie.leaf);
	expect_name(&frame, "eo_test_leaf", 0);
	cr_assert_neq(frame.address, pie.leaf);
	frame = user(&b, fixed.pid, fixed.leaf);
	expect_name(&frame, "eo_test_leaf", 0);
	cr_assert_eq(frame.address, fixed.leaf);
	stop(&pie);
	stop(&fixed);
	bench_free(&b);
}

Test(symbolizer, processes_share_their_modules_and_names)
{
	struct bench b = bench_new(&plain);
	struct child one, two;
	struct eo_frame first, second;
	char path[128];

	compile(&b, "pie", "-fPIE -pie");
	snprintf(path, sizeof(path), "%s/pie", b.dir);
	one = start(path, NULL);
	two = start(path, NULL);
	first = user(&b, one.pid, one.leaf);
	second = user(&b, two.pid, two.leaf);
	expect_name(&first, "eo_test_leaf", 0);
	cr_assert_eq(first.module, second.module);
	cr_assert_eq(first.name, second.name);
	cr_assert_eq(first.address, second.address);
	stop(&one);
	stop(&two);
	bench_free(&b);
}

Test(symbolizer, a_deleted_program_is_named_and_its_successor_is_not_mistaken_for_it)
{
	struct bench b = bench_new(&plain);
	struct child child;
	struct eo_frame frame;
	char path[128];

	compile(&b, "gone", "-fPIE -pie");
	snprintf(path, sizeof(path), "%s/gone", b.dir);
	child = start(path, NULL);
	cr_assert_eq(unlink(path), 0);
	run("cp /bin/true %s", path);
	frame = user(&b, child.pid, child.leaf);
	stop(&child);
	cr_assert_str_eq(frame.module->name, path);
	if (geteuid() == 0)
		expect_name(&frame, "eo_test_leaf", 0);
	else
		cr_assert(!frame.name || !strcmp(frame.name, "eo_test_leaf"));
	bench_free(&b);
}

Test(symbolizer, a_process_that_has_ended_is_named_by_path_and_inode)
{
	struct bench b = bench_new(&plain);
	struct child child;
	struct eo_frame frame;
	char path[128];

	compile(&b, "pie", "-fPIE -pie");
	snprintf(path, sizeof(path), "%s/pie", b.dir);
	child = start(path, NULL);
	cr_assert_eq(eo_processes_scan(b.processes, (uint32_t)child.pid), 0);
	stop(&child);
	frame = user(&b, child.pid, child.leaf);
	expect_name(&frame, "eo_test_leaf", 0);
	bench_free(&b);
}

Test(symbolizer, a_process_that_has_ended_does_not_get_another_files_names)
{
	struct bench b = bench_new(&plain);
	struct child child;
	struct eo_frame frame;
	char path[128];

	compile(&b, "pie", "-fPIE -pie");
	snprintf(path, sizeof(path), "%s/pie", b.dir);
	child = start(path, NULL);
	cr_assert_eq(eo_processes_scan(b.processes, (uint32_t)child.pid), 0);
	stop(&child);
	run("cp %s %s.new && mv %s.new %s", path, path, path, path);
	frame = user(&b, child.pid, child.leaf);
	cr_assert_null(frame.name);
	cr_assert_str_eq(frame.module->name, path);
	cr_assert_str_eq(frame.module->build_id, "");
	cr_assert_eq(eo_symbolizer_stats(b.symbolizer).unnamed_in_module, 1);
	bench_free(&b);
}

Test(symbolizer, a_program_behind_another_root_is_read_through_its_process)
{
	struct bench b;
	struct child child;
	struct eo_frame frame;
	char path[128];

	if (geteuid() != 0)
		cr_skip_test("chroot needs root");
	b = bench_new(&plain);
	compile(&b, "inside", "-static");
	/* What the outside has under the same path is another program. */
	snprintf(path, sizeof(path), "%s/root%s", b.dir, b.dir);
	run("mkdir -p %s && mv %s/inside %s/ && cp /bin/true %s/inside", path, b.dir, path, b.dir);
	snprintf(path, sizeof(path), "%s/root", b.dir);
	char inside[64];
	snprintf(inside, sizeof(inside), "%s/inside", b.dir);
	child = start(inside, path);
	if (!child.leaf) {
		stop(&child);
		bench_free(&b);
		cr_skip_test("no mount namespaces here");
	}
	frame = user(&b, child.pid, child.leaf);
	stop(&child);
	expect_name(&frame, "eo_test_leaf", 0);
	bench_free(&b);
}

Test(symbolizer, a_stripped_program_keeps_its_addresses)
{
	struct bench b = bench_new(&plain);
	struct child child;
	struct eo_frame frame;
	char path[128];

	compile(&b, "stripped", "-fPIE -pie -s");
	snprintf(path, sizeof(path), "%s/stripped", b.dir);
	child = start(path, NULL);
	frame = user(&b, child.pid, child.leaf);
	stop(&child);
	cr_assert_null(frame.name);
	cr_assert_str_eq(frame.module->name, path);
	cr_assert_geq(frame.address, frame.module->start);
	cr_assert_lt(frame.address, frame.module->limit);
	cr_assert_gt(strlen(frame.module->build_id), 15);
	bench_free(&b);
}

Test(symbolizer, no_symbols_leaves_names_out_and_keeps_the_rest)
{
	struct bench b = bench_new(&(struct eo_symbolizer_options){.no_symbols = true});
	struct bench with = bench_new(&plain);
	struct eo_frame bare = user(&b, getpid(), (uintptr_t)&eo_test_here);
	struct eo_frame full = user(&with, getpid(), (uintptr_t)&eo_test_here);

	cr_assert_null(bare.name);
	cr_assert_not(bare.module->has_symbols);
	cr_assert_eq(bare.address, full.address);
	cr_assert_str_eq(bare.module->build_id, full.module->build_id);
	cr_assert_eq(bare.module->start, full.module->start);
	cr_assert_eq(bare.module->offset, full.module->offset);
	bench_free(&b);
	bench_free(&with);
}

static const struct eo_symbolizer_options with_lines = {.lines = true};

Test(symbolizer, lines_are_known_once_they_were_looked_up)
{
	struct bench b = bench_new(&with_lines);
	const struct eo_source_line *lines;
	struct child child;
	struct eo_frame frame;
	char path[128];

	compile(&b, "lined", "-g -fPIE -pie");
	snprintf(path, sizeof(path), "%s/lined", b.dir);
	child = start(path, NULL);
	frame = user(&b, child.pid, child.leaf);
	stop(&child);
	run("rm %s", path); /* what was opened stays so */
	expect_name(&frame, "eo_test_leaf", 0);
	cr_assert_eq(eo_symbolizer_lines(b.symbolizer, frame.module, frame.address, &lines), 0);
	eo_symbolizer_find_lines(b.symbolizer);
	cr_assert_eq(eo_symbolizer_lines(b.symbolizer, frame.module, frame.address, &lines), 1);
	cr_assert_str_eq(lines[0].name, "eo_test_leaf");
	cr_assert_eq(lines[0].line, 3);
	snprintf(path, sizeof(path), "%s/p.c", b.dir);
	cr_assert_str_eq(lines[0].file, path);
	cr_assert_eq(eo_symbolizer_lines(b.symbolizer, frame.module, frame.address + 1, &lines), 0);
	bench_free(&b);
}

Test(symbolizer, copies_of_one_file_share_its_lines)
{
	struct bench b = bench_new(&with_lines);
	const struct eo_source_line *lines;
	struct eo_frame frames[2];
	char path[128];

	compile(&b, "lined", "-g -no-pie -Wl,--build-id=sha1");
	for (size_t i = 0; i < EO_ARRAY_SIZE(frames); i++) {
		struct child child;

		snprintf(path, sizeof(path), "%s/lined", b.dir);
		child = start(path, NULL);
		frames[i] = user(&b, child.pid, child.leaf + i);
		stop(&child);
		run("cp -p %s %s.copy && mv %s.copy %s", path, path, path, path);
	}
	cr_assert_eq(frames[0].module, frames[1].module);
	eo_symbolizer_find_lines(b.symbolizer);
	for (size_t i = 0; i < EO_ARRAY_SIZE(frames); i++)
		cr_assert_eq(eo_symbolizer_lines(b.symbolizer, frames[i].module, frames[i].address,
						 &lines),
			     1);
	bench_free(&b);
}

Test(symbolizer, nobody_gets_lines_unasked)
{
	struct bench b = bench_new(&plain);
	const struct eo_source_line *lines;
	struct child child;
	struct eo_frame frame;
	char path[128];

	compile(&b, "lined", "-g");
	snprintf(path, sizeof(path), "%s/lined", b.dir);
	child = start(path, NULL);
	frame = user(&b, child.pid, child.leaf);
	stop(&child);
	eo_symbolizer_find_lines(b.symbolizer);
	cr_assert_eq(eo_symbolizer_lines(b.symbolizer, frame.module, frame.address, &lines), 0);
	bench_free(&b);
}

Test(symbolizer, garbage_is_in_no_module)
{
	struct bench b = bench_new(&plain);
	static const uint64_t garbage[] = {0, 1, 0xdeadbeef, 0x800000000000, 0x8000000000000000,
					   0xffffffff81000000, UINT64_MAX};

	for (size_t i = 0; i < EO_ARRAY_SIZE(garbage); i++) {
		struct eo_frame frame = user(&b, getpid(), garbage[i]);

		cr_assert_null(frame.module);
		cr_assert_null(frame.name);
		cr_assert_eq(frame.address, garbage[i]);
		cr_assert_eq(frame.kind, EO_FRAME_UNKNOWN);
	}
	cr_assert_eq(eo_symbolizer_stats(b.symbolizer).no_module, EO_ARRAY_SIZE(garbage));
	bench_free(&b);
}

Test(symbolizer, the_vsyscall_page_is_a_module)
{
	struct bench b = bench_new(&plain);
	struct eo_frame frame = user(&b, getpid(), 0xffffffffff600400);

	cr_assert_str_eq(frame.module->name, "[vsyscall]");
	cr_assert_eq(frame.address, 0xffffffffff600400);
	bench_free(&b);
}

Test(symbolizer, code_made_at_run_time_is_named_by_its_perf_map)
{
	struct bench b = bench_new(&plain);
	char path[128];
	char *code = mmap(NULL, 8192, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char *silent = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct eo_frame frame;
	FILE *map;

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", getpid());
	map = fopen(path, "w");
	cr_assert(map);
	fprintf(map, "%lx 40 LazyCompile:*run /app.js:1\n", (unsigned long)code + 0x100);
	fclose(map);

	frame = user(&b, getpid(), (uintptr_t)code + 0x110);
	unlink(path);
	expect_name(&frame, "LazyCompile:*run /app.js:1", 0x10);
	cr_assert_eq(frame.kind, EO_FRAME_JIT);
	cr_assert_str_eq(frame.module->name, "[jit]");
	cr_assert_eq(frame.module->offset, 0);
	cr_assert_eq(frame.address, (uintptr_t)code + 0x110);
	cr_assert_leq(frame.module->start, (uintptr_t)code);
	cr_assert_geq(frame.module->limit, (uintptr_t)code + 8192);

	frame = user(&b, getpid(), (uintptr_t)code + 0x200);
	cr_assert_null(frame.name);
	cr_assert_str_eq(frame.module->name, "[jit]");
	munmap(code, 8192);
	munmap(silent, 4096);
	bench_free(&b);
}

/* Run in namespaces of its own: write the map as pid 1 of a chroot, say where the code is, wait. */
static void live_in_a_container(const char *root, int out)
{
	char *code;
	pid_t pid;

	if (unshare(CLONE_NEWNS | CLONE_NEWPID) < 0)
		_exit(1);
	pid = fork();
	if (pid == 0) {
		FILE *map;

		if (chroot(root) < 0 || chdir("/") < 0 || mkdir("/tmp", 0755) < 0)
			_exit(1);
		code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		map = fopen("/tmp/perf-1.map", "w");
		fprintf(map, "%lx 100 in_a_container\n", (unsigned long)code);
		fclose(map);
		dprintf(out, "%lx\n", (unsigned long)code);
		for (;;)
			pause();
	}
	dprintf(out, "%d\n", pid);
	_exit(0);
}

Test(symbolizer, a_perf_map_is_sought_under_the_number_and_root_of_its_container)
{
	struct bench b;
	unsigned long code = 0;
	struct eo_frame frame;
	int pid = 0, ends[2];
	pid_t child;
	FILE *out;

	SKIP_IN_EMULATION("no mappings of its own");
	if (geteuid() != 0)
		cr_skip_test("namespaces need root");
	b = bench_new(&plain);
	cr_assert_eq(pipe(ends), 0);
	child = fork();
	if (child == 0)
		live_in_a_container(b.dir, ends[1]);
	waitpid(child, NULL, 0);
	close(ends[1]);
	out = fdopen(ends[0], "r");
	/* Two writers: the number is short, the address is long. */
	for (int i = 0; i < 2; i++) {
		char line[64];

		if (!fgets(line, sizeof(line), out))
			break;
		if (strlen(line) > 9)
			code = strtoul(line, NULL, 16);
		else
			pid = atoi(line);
	}
	if (!pid || !code) {
		fclose(out);
		bench_free(&b);
		cr_skip_test("no namespaces here");
	}
	frame = user(&b, pid, code + 4);
	kill(pid, SIGKILL);
	fclose(out);
	expect_name(&frame, "in_a_container", 4);
	cr_assert_eq(frame.kind, EO_FRAME_JIT);
	bench_free(&b);
}

Test(symbolizer, executable_memory_without_a_map_is_anonymous)
{
	struct bench b = bench_new(&plain);
	char *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct eo_frame frame = user(&b, getpid(), (uintptr_t)code);

	cr_assert_null(frame.name);
	cr_assert_str_eq(frame.module->name, "[anon]");
	cr_assert_not(frame.module->has_symbols);
	munmap(code, 4096);
	bench_free(&b);
}

Test(symbolizer, two_processes_do_not_share_their_anonymous_memory)
{
	struct bench b = bench_new(&plain);
	char *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t child = fork();
	struct eo_frame mine, its;

	SKIP_IN_EMULATION("no mappings of its own");
	if (child == 0)
		for (;;)
			pause();
	mine = user(&b, getpid(), (uintptr_t)code);
	its = user(&b, child, (uintptr_t)code);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	cr_assert(mine.module && its.module);
	cr_assert_neq(mine.module, its.module);
	munmap(code, 4096);
	bench_free(&b);
}

Test(symbolizer, a_file_that_may_not_be_opened_is_counted_once)
{
	struct bench b;
	struct child child;
	struct eo_frame frame;
	char path[128];

	if (geteuid() != 0)
		cr_skip_test("only root can give up rights");
	b = bench_new(&plain);
	compile(&b, "pie", "-fPIE -pie");
	snprintf(path, sizeof(path), "%s/pie", b.dir);
	child = start(path, NULL);
	cr_assert_eq(eo_processes_scan(b.processes, (uint32_t)child.pid), 0);
	cr_assert_eq(chmod(b.dir, 0700), 0);
	cr_assert_eq(seteuid(65534), 0);
	frame = user(&b, child.pid, child.leaf);
	frame = user(&b, child.pid, child.leaf + 1);
	cr_assert_eq(seteuid(0), 0);
	stop(&child);
	cr_assert_null(frame.name);
	cr_assert_str_eq(frame.module->name, path);
	cr_assert_eq(eo_symbolizer_stats(b.symbolizer).files_denied, 1);
	bench_free(&b);
}

static void tick(const struct bench *b, int seconds)
{
	for (int i = 0; i < seconds; i++)
		eo_symbolizer_tick(b->symbolizer);
}

Test(symbolizer, a_file_that_is_not_used_any_more_is_closed_and_opened_again)
{
	uint64_t here = (uintptr_t)&eo_test_here;
	struct bench b = bench_new(&plain);
	struct eo_frame frame;
	size_t before = open_files();

	for (uint64_t turn = 1; turn < 3; turn++) {
		/* Another address each time, or the first answer is just repeated. */
		frame = user(&b, getpid(), here + turn);
		expect_name(&frame, "eo_test_here", turn);
		cr_assert_eq(open_files(), before + 1);
		tick(&b, 300);
		cr_assert_eq(open_files(), before + 1);
		tick(&b, 1);
		cr_assert_eq(open_files(), before);
	}
	bench_free(&b);
}

Test(symbolizer, more_files_than_may_be_open_all_have_names, .timeout = 100)
{
	enum { FILES = 600 };
	struct bench b = bench_new(&plain);
	static char *maps[FILES];
	const char *first = NULL;
	uint64_t offset;
	char path[128];
	void *library;
	Dl_info info;

	SKIP_IN_EMULATION("no mappings of its own");
	run("cd %s && echo 'int eo_many(int x) { return x; }' > l.c && gcc -shared -fPIC -o 0.so l.c "
	    "&& i=1; while [ $i -lt %d ]; do cp 0.so $i.so; i=$((i+1)); done",
	    b.dir, FILES);
	snprintf(path, sizeof(path), "%s/0.so", b.dir);
	library = dlopen(path, RTLD_NOW);
	cr_assert(library && dladdr(dlsym(library, "eo_many"), &info));
	offset = (uint64_t)((char *)info.dli_saddr - (char *)info.dli_fbase);
	dlclose(library);
	for (int i = 0; i < FILES; i++) {
		int fd;

		snprintf(path, sizeof(path), "%s/%d.so", b.dir, i);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		maps[i] = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd,
			       (off_t)(offset & ~0xfffull));
		close(fd);
		cr_assert_neq(maps[i], MAP_FAILED);
	}
	for (int turn = 0; turn < 2; turn++) {
		for (int i = 0; i < FILES; i++) {
			/* Another address the second time, or the first answer is just repeated. */
			uint64_t at = (uintptr_t)maps[i] + (offset & 0xfff) + (unsigned int)turn;
			struct eo_frame frame = user(&b, getpid(), at);

			expect_name(&frame, "eo_many", (uint64_t)turn);
			if (!first)
				first = frame.name;
			cr_assert_eq(frame.name, first);
		}
	}
	cr_assert_lt(open_files(), 550);
	bench_free(&b);
}

Test(symbolizer, a_mapped_file_that_is_no_elf_has_offsets_for_addresses)
{
	struct bench b = bench_new(&plain);
	char path[128];
	struct eo_frame frame;
	char *code;
	int fd;

	run("head -c 12288 /dev/zero > %s/plain", b.dir);
	snprintf(path, sizeof(path), "%s/plain", b.dir);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	code = mmap(NULL, 8192, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 4096);
	close(fd);
	if (code == MAP_FAILED) {
		bench_free(&b);
		cr_skip_test("/tmp is mounted noexec");
	}
	frame = user(&b, getpid(), (uintptr_t)code + 0x123);
	cr_assert_null(frame.name);
	cr_assert_str_eq(frame.module->name, path);
	cr_assert_eq(frame.address, 4096 + 0x123);
	cr_assert_eq(frame.module->start, 4096);
	munmap(code, 8192);
	bench_free(&b);
}

static struct bench bench_with_kallsyms(const char *text, bool no_symbols)
{
	char path[] = "/tmp/eo-kallsyms-XXXXXX";
	int fd = mkstemp(path);
	struct eo_symbolizer_options options = {.no_symbols = no_symbols, .kallsyms = path};
	struct bench b;

	cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	b = bench_new(&options);
	unlink(path);
	return b;
}

static const char kallsyms[] = "ffffffff81000000 T _stext\n"
			       "ffffffff81000100 T schedule\n"
			       "ffffffff81000200 T _etext\n"
			       "ffffffffc0300000 t nft_init\t[nf_tables]\n";

Test(symbolizer, kernel_frames_belong_to_the_kernel_or_a_module)
{
	struct bench b = bench_with_kallsyms(kallsyms, false);
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
	bench_free(&b);

	b = bench_with_kallsyms(kallsyms, true);
	eo_symbolizer_kernel(b.symbolizer, 0xffffffff81000110, false, &frame);
	cr_assert_null(frame.name);
	cr_assert_str_eq(frame.module->name, "[kernel.kallsyms]");
	cr_assert_not(frame.module->has_symbols);
	bench_free(&b);
}

Test(symbolizer, a_hidden_kernel_is_told_and_still_a_module)
{
	struct bench b = bench_with_kallsyms("0000000000000000 T schedule\n", false);
	struct eo_frame frame;

	eo_symbolizer_kernel(b.symbolizer, 0xffffffff81000110, false, &frame);
	cr_assert_null(frame.name);
	cr_assert_str_eq(frame.module->name, "[kernel.kallsyms]");
	cr_assert_not(frame.module->has_symbols);
	cr_assert(eo_symbolizer_stats(b.symbolizer).kernel_hidden);
	bench_free(&b);
}
