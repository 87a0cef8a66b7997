// SPDX-License-Identifier: BSD-2-Clause
#include "capture/uprobes.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "capture/privileges.h"
#include "capture/probe.h"

#define UPROBE_MULTI_RETURN 1u /* BPF_F_UPROBE_MULTI_RETURN, since v6.6 */

/* The part of union bpf_attr that libbpf 1.1 does not know; since v6.6, kernel commit 89ae89f53d20. */
struct multi_attr {
	uint32_t program, target, attach_type, flags;
	uint64_t path, offsets, semaphores, cookies;
	uint32_t count, multi_flags, pid, padding;
};

struct eo_uprobes {
	int multi_fd; /* negative: none */
	struct bpf_link **links;
	size_t link_count;
};

static int link_create(struct multi_attr *attr)
{
	int fd = (int)syscall(SYS_bpf, BPF_LINK_CREATE, attr, sizeof(*attr));

	return fd < 0 ? -errno : fd;
}

bool eo_uprobes_have_multi(void)
{
	EO_AUTO_CLOSE int program =
		eo_probe_load_empty(BPF_PROG_TYPE_KPROBE, EO_BPF_TRACE_UPROBE_MULTI, 0);
	const uint64_t offset = 0;
	struct multi_attr attr = {
		.program = (uint32_t)program,
		.attach_type = EO_BPF_TRACE_UPROBE_MULTI,
		.path = (uintptr_t)"/",
		.offsets = (uintptr_t)&offset,
		.count = 1,
	};
	EO_AUTO_CLOSE int fd = -1;

	if (program < 0)
		return false;
	/* Who knows the interface looks for the file, and finds that it is none. */
	fd = link_create(&attr);
	return fd == -EBADF;
}

void eo_uprobes_prepare(struct bpf_program *program, bool multi)
{
	bpf_program__set_expected_attach_type(program, multi ? EO_BPF_TRACE_UPROBE_MULTI : 0);
}

static int attach_multi(struct eo_uprobes *uprobes, struct bpf_program *program, bool at_return,
			uint32_t tgid, const char *path, const struct eo_uprobe *places, size_t count)
{
	EO_AUTO_FREE uint64_t *numbers = calloc(count, 3 * sizeof(*numbers));
	uint64_t *offsets = numbers, *cookies = numbers + count, *semaphores = cookies + count;
	struct multi_attr attr = {
		.program = (uint32_t)bpf_program__fd(program),
		.attach_type = EO_BPF_TRACE_UPROBE_MULTI,
		.path = (uintptr_t)path,
		.offsets = (uintptr_t)offsets,
		.cookies = (uintptr_t)cookies,
		.count = (uint32_t)count,
		.multi_flags = at_return ? UPROBE_MULTI_RETURN : 0,
		.pid = tgid,
	};

	if (!numbers)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		offsets[i] = places[i].offset;
		cookies[i] = places[i].cookie;
		semaphores[i] = places[i].semaphore;
		if (semaphores[i])
			attr.semaphores = (uintptr_t)semaphores;
	}
	uprobes->multi_fd = link_create(&attr);
	return uprobes->multi_fd < 0 ? uprobes->multi_fd : 0;
}

static int attach_each(struct eo_uprobes *uprobes, struct bpf_program *program, bool at_return,
		       uint32_t tgid, const char *path, const struct eo_uprobe *places, size_t count)
{
	uprobes->links = calloc(count, sizeof(struct bpf_link *));
	if (!uprobes->links)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		LIBBPF_OPTS(bpf_uprobe_opts, opts, .retprobe = at_return, .bpf_cookie = places[i].cookie,
			    .ref_ctr_offset = places[i].semaphore);
		struct bpf_link *link = bpf_program__attach_uprobe_opts(program, tgid ? (pid_t)tgid : -1,
									path, places[i].offset, &opts);

		if (!link)
			return -errno;
		uprobes->links[uprobes->link_count++] = link;
	}
	return 0;
}

int eo_uprobes_attach(struct bpf_program *program, bool multi, bool at_return, uint32_t tgid,
		      int file_fd, const struct eo_uprobe *places, size_t count, const char *what,
		      struct eo_uprobes **ret, struct eo_error *err)
{
	EO_AUTO(eo_uprobes) uprobes = calloc(1, sizeof(*uprobes));
	char path[40];
	int r;

	if (!uprobes)
		return eo_error_set(err, EO_ERROR_ATTACH_FAILED, ENOMEM, NULL, "attach to %s", what);
	uprobes->multi_fd = -1;
	/* The kernel's own link: right in any mount namespace, and for deleted files. */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file_fd);
	r = multi ? attach_multi(uprobes, program, at_return, tgid, path, places, count)
		  : attach_each(uprobes, program, at_return, tgid, path, places, count);
	if (r < 0)
		return eo_error_set(err, eo_error_kind_of(-r, EO_ERROR_ATTACH_FAILED), -r,
				    r == -EPERM || r == -EACCES ? EO_HINT_PRIVILEGES : NULL,
				    "attach to %s", what);
	*ret = eo_steal(&uprobes);
	return 0;
}

void eo_uprobes_free(struct eo_uprobes *uprobes)
{
	if (!uprobes)
		return;
	if (uprobes->multi_fd >= 0)
		close(uprobes->multi_fd);
	for (size_t i = 0; i < uprobes->link_count; i++)
		bpf_link__destroy(uprobes->links[i]);
	free(uprobes->links);
	free(uprobes);
}
