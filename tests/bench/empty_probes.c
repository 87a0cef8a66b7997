// SPDX-License-Identifier: BSD-2-Clause
/* empty_probes FILE COMMAND...
 * Runs the command with probes that do nothing where the memory tracer has its own: malloc() of FILE on
 * entry and return, free() on entry; with "net" for FILE where the network tracer has its own for every
 * message. */
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/uprobes.h"
#include "core/auto.h"
#include "symbol/elf_functions.h"

#include "empty_probes.skel.h"

static const char *const names[] = {"malloc", "free"};

static int attach_allocator(struct empty_probes_bpf *skel, bool multi, int fd, struct eo_uprobes *probes[2],
		  struct eo_error *err)
{
	struct eo_elf_function functions[2];
	int count = eo_elf_functions_find(fd, names, 2, functions, 2), r;
	struct eo_uprobe enter[2], leave;

	if (fd < 0 || count != 2)
		return eo_error_set(err, EO_ERROR_CONFIG, 0, NULL, "find malloc() and free()");
	for (int i = 0; i < 2; i++) {
		enter[i] = (struct eo_uprobe){.offset = functions[i].offset};
		if (functions[i].name == 0)
			leave = enter[i];
	}
	r = eo_uprobes_attach(skel->progs.on_leave, multi, true, 0, fd, &leave, 1, "malloc", &probes[0], err);
	if (r == 0)
		r = eo_uprobes_attach(skel->progs.on_enter, multi, false, 0, fd, enter, 2, "malloc, free",
				      &probes[1], err);
	return r;
}

static int run(char **argv)
{
	pid_t pid = fork();
	int status = 1;

	if (pid == 0) {
		execvp(argv[0], argv);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

static int run_with_allocator(struct empty_probes_bpf *skel, char **argv)
{
	struct eo_uprobes *probes[2] = {NULL};
	bool multi = eo_uprobes_have_multi();
	int fd = open(argv[0], O_RDONLY | O_CLOEXEC), status = 1;
	struct eo_error err = {0};

	eo_uprobes_prepare(skel->progs.on_enter, multi);
	eo_uprobes_prepare(skel->progs.on_leave, multi);
	if (empty_probes_bpf__load(skel) == 0 && attach_allocator(skel, multi, fd, probes, &err) == 0)
		status = run(argv + 1);
	else
		fprintf(stderr, "empty_probes: %s\n", err.text);
	eo_uprobes_free(probes[0]);
	eo_uprobes_free(probes[1]);
	close(fd);
	return status;
}

static int run_with_network(struct empty_probes_bpf *skel, char **argv)
{
	if (empty_probes_bpf__load(skel) == 0 && empty_probes_bpf__attach(skel) == 0)
		return run(argv + 1);
	return 1;
}

int main(int argc, char **argv)
{
	bool network = argc > 1 && strcmp(argv[1], "net") == 0;
	struct empty_probes_bpf *skel;
	struct bpf_program *program;
	int status;

	if (argc < 3)
		return 2;
	skel = empty_probes_bpf__open();
	if (!skel)
		return 1;
	bpf_object__for_each_program(program, skel->obj)
		bpf_program__set_autoload(program, network == (bpf_program__type(program) == BPF_PROG_TYPE_TRACING));
	status = network ? run_with_network(skel, argv + 1) : run_with_allocator(skel, argv + 1);
	empty_probes_bpf__destroy(skel);
	return status;
}
