// SPDX-License-Identifier: BSD-2-Clause
/* Code that is in no file. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/auto.h"
#include "emulation.h"
#include "symbolizer_bench.h"

TestSuite(symbolizer_jit, .init = make_folder, .fini = remove_folder);

Test(symbolizer_jit, code_made_at_run_time_is_named_by_its_perf_map)
{
	struct symbolizer_bench b = symbolizer_bench_new(&default_options);
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

	frame = user_frame(&b, getpid(), (uintptr_t)code + 0x110);
	unlink(path);
	expect_name(&frame, "LazyCompile:*run /app.js:1", 0x10);
	cr_assert_eq(frame.kind, EO_FRAME_JIT);
	cr_assert_str_eq(frame.module->name, "[jit]");
	cr_assert_eq(frame.module->offset, 0);
	cr_assert_eq(frame.address, (uintptr_t)code + 0x110);
	cr_assert_leq(frame.module->start, (uintptr_t)code);
	cr_assert_geq(frame.module->limit, (uintptr_t)code + 8192);

	frame = user_frame(&b, getpid(), (uintptr_t)code + 0x200);
	cr_assert_null(frame.name);
	cr_assert_str_eq(frame.module->name, "[jit]");
	munmap(code, 8192);
	munmap(silent, 4096);
	symbolizer_bench_free(&b);
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

Test(symbolizer_jit, a_perf_map_is_sought_under_the_number_and_root_of_its_container)
{
	struct symbolizer_bench b;
	unsigned long code = 0;
	struct eo_frame frame;
	int pid = 0, ends[2];
	pid_t child;
	FILE *out;

	SKIP_IN_EMULATION("no mappings of its own");
	if (geteuid() != 0)
		cr_skip_test("namespaces need root");
	b = symbolizer_bench_new(&default_options);
	cr_assert_eq(pipe(ends), 0);
	child = fork();
	if (child == 0)
		live_in_a_container(folder, ends[1]);
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
		symbolizer_bench_free(&b);
		cr_skip_test("no namespaces here");
	}
	frame = user_frame(&b, pid, code + 4);
	kill(pid, SIGKILL);
	fclose(out);
	expect_name(&frame, "in_a_container", 4);
	cr_assert_eq(frame.kind, EO_FRAME_JIT);
	symbolizer_bench_free(&b);
}

Test(symbolizer_jit, executable_memory_without_a_map_is_anonymous)
{
	struct symbolizer_bench b = symbolizer_bench_new(&default_options);
	char *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct eo_frame frame = user_frame(&b, getpid(), (uintptr_t)code);

	cr_assert_null(frame.name);
	cr_assert_str_eq(frame.module->name, "[anon]");
	cr_assert_not(frame.module->has_symbols);
	munmap(code, 4096);
	symbolizer_bench_free(&b);
}

Test(symbolizer_jit, two_processes_do_not_share_their_anonymous_memory)
{
	struct symbolizer_bench b = symbolizer_bench_new(&default_options);
	char *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct eo_frame mine, its;
	pid_t child;

	SKIP_IN_EMULATION("no mappings of its own");
	child = fork();
	if (child == 0)
		for (;;)
			pause();
	mine = user_frame(&b, getpid(), (uintptr_t)code);
	its = user_frame(&b, child, (uintptr_t)code);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	cr_assert(mine.module && its.module);
	cr_assert_neq(mine.module, its.module);
	munmap(code, 4096);
	symbolizer_bench_free(&b);
}
