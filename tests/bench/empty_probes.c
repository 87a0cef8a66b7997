// SPDX-License-Identifier: BSD-2-Clause
/* empty_probes FILE COMMAND...
 * Runs the command with probes that do nothing where the memory tracer has its own: malloc() on entry
 * and return, free() on entry. */
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

static int attach(struct empty_probes_bpf *skel, bool multi, int fd, struct eo_uprobes *probes[2],
		  struct eo_error *err)
{
	struct eo_elf_function functions[2];
	int count = eo_elf_functions_find(fd, names, 2, functions, 2), r;
	struct eo_uprobe enter[2], leave;

	if (count != 2)
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

int main(int argc, char **argv)
{
	struct eo_uprobes *probes[2] = {NULL};
	bool multi = eo_uprobes_have_multi();
	struct empty_probes_bpf *skel;
	struct eo_error err = {0};
	int fd, status = 1;

	if (argc < 3)
		return 2;
	fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	skel = empty_probes_bpf__open();
	if (fd < 0 || !skel)
		return 1;
	eo_uprobes_prepare(skel->progs.on_enter, multi);
	eo_uprobes_prepare(skel->progs.on_leave, multi);
	if (empty_probes_bpf__load(skel) == 0 && attach(skel, multi, fd, probes, &err) == 0)
		status = run(argv + 2);
	else
		fprintf(stderr, "empty_probes: %s\n", err.text);
	eo_uprobes_free(probes[0]);
	eo_uprobes_free(probes[1]);
	empty_probes_bpf__destroy(skel);
	close(fd);
	return status;
}
