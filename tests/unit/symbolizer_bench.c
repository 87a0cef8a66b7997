// SPDX-License-Identifier: BSD-2-Clause
#include "symbolizer_bench.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/auto.h"

const struct eo_symbolizer_options default_options;

struct symbolizer_bench symbolizer_bench_new(const struct eo_symbolizer_options *options)
{
	struct symbolizer_bench b;

	cr_assert_eq(eo_processes_new(&b.processes, NULL), 0);
	cr_assert_eq(eo_symbolizer_new(options, b.processes, &b.symbolizer, NULL), 0);
	return b;
}

void symbolizer_bench_free(struct symbolizer_bench *b)
{
	eo_symbolizer_free(b->symbolizer);
	eo_processes_free(b->processes);
}

__attribute__((noinline)) int eo_test_here(int x)
{
	return x * 3;
}

static const char program[] =
	"#include <stdio.h>\n"
	"#include <unistd.h>\n"
	"__attribute__((noinline)) int eo_test_leaf(int x) { return x + 1; }\n"
	"int main(void) { printf(\"%p\\n\", (void *)eo_test_leaf); fflush(stdout); for (;;) pause(); }\n";

char *compile_program(const char *name, const char *flags)
{
	EO_AUTO_FREE char *source = in_folder("p.c");

	write_text("p.c", program);
	run("gcc -O1 %s -o %s %s", flags, name, source);
	return in_folder(name);
}

struct child start_child(const char *path, const char *root)
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

struct child start_program(const char *name, const char *flags)
{
	EO_AUTO_FREE char *path = compile_program(name, flags);

	return start_child(path, NULL);
}

void stop_child(const struct child *child)
{
	kill(child->pid, SIGKILL);
	waitpid(child->pid, NULL, 0);
}

struct eo_frame user_frame(struct symbolizer_bench *b, pid_t pid, uint64_t address)
{
	struct eo_frame frame;

	eo_symbolizer_user(b->symbolizer, (uint32_t)pid, address, false, &frame);
	return frame;
}

void expect_name(const struct eo_frame *frame, const char *name, uint64_t offset)
{
	cr_assert(frame->name, "no name for %s+%" PRIx64, name, offset);
	cr_assert_str_eq(frame->name, name);
	cr_assert_eq(frame->function_offset, offset, "%s+%" PRIx64, name, frame->function_offset);
	cr_assert(frame->module);
}
