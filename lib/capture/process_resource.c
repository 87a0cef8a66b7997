// SPDX-License-Identifier: BSD-2-Clause
#include "capture/process_resource.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "capture/process_cgroup.h"
#include "capture/process_environment.h"
#include "core/process_stat.h"

#define ENVIRONMENT_MAX (128u * 1024)
#define CGROUP_MAX (16u * 1024)
#define MACHINE_ID_LEN 32
#define KERNEL_THREAD 0x00200000 /* PF_KTHREAD of include/linux/sched.h, unchanged since 2.6.32 */

struct eo_process_resource {
	struct eo_attribute_set host;
	struct eo_attribute_set process;
	char environment[ENVIRONMENT_MAX + 1];
};

/* Machines as uname(2) and as the semantic conventions call them. */
static const struct {
	const char *machine, *arch;
} arches[] = {
	{"x86_64", "amd64"}, {"aarch64", "arm64"}, {"armv6l", "arm32"},	 {"armv7l", "arm32"},
	{"i686", "x86"},     {"i386", "x86"},	   {"ppc64le", "ppc64"}, {"ppc", "ppc32"},
};

/* At most @size bytes of a file and a NUL. Returns how many, 0 when it cannot be read. */
static size_t read_at(int dir, const char *name, char *bytes, size_t size)
{
	EO_AUTO_CLOSE int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	size_t used = 0;
	ssize_t n;

	while (fd >= 0 && used < size) {
		n = read(fd, bytes + used, size - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		used += (size_t)n;
	}
	bytes[used] = '\0';
	return used;
}

/* ---- host ---- */

/* machine-id(5): 32 digits; before the first boot has finished it may be another word. */
static void add_host_id(struct eo_attribute_set *set)
{
	char id[MACHINE_ID_LEN + 2];

	read_at(AT_FDCWD, "/etc/machine-id", id, sizeof(id) - 1);
	id[strcspn(id, "\n")] = '\0';
	if (strspn(id, "0123456789abcdef") == MACHINE_ID_LEN)
		eo_attribute_set_text(set, "host.id", id);
}

static void read_host(struct eo_attribute_set *set)
{
	struct utsname names;
	const char *arch;

	eo_attribute_set_text(set, "os.type", "linux");
	add_host_id(set);
	if (uname(&names) < 0)
		return;
	arch = names.machine;
	for (size_t i = 0; i < sizeof(arches) / sizeof(arches[0]); i++)
		if (!strcmp(arches[i].machine, names.machine))
			arch = arches[i].arch;
	eo_attribute_set_text(set, "host.arch", arch);
	eo_attribute_set_text(set, "host.name", names.nodename);
}

int eo_process_resource_new(struct eo_process_resource **ret)
{
	struct eo_process_resource *resource = calloc(1, sizeof(*resource));

	if (!resource)
		return -ENOMEM;
	read_host(&resource->host);
	*ret = resource;
	return 0;
}

void eo_process_resource_free(struct eo_process_resource *resource)
{
	free(resource);
}

const struct eo_attribute_set *eo_process_resource_host(const struct eo_process_resource *resource)
{
	return &resource->host;
}

/* ---- process ---- */

/* False when there is none to be seen. */
static bool read_path(int dir, char path[PATH_MAX])
{
	static const char deleted[] = " (deleted)";
	ssize_t len = readlinkat(dir, "exe", path, PATH_MAX - 1);
	char *end;

	if (len <= 0)
		return false;
	path[len] = '\0';
	end = path + len - strlen(deleted);
	if (end > path && !strcmp(end, deleted))
		*end = '\0';
	return true;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static void add_service(struct eo_attribute_set *set, const struct eo_process_cgroup *cgroup,
			const char *executable)
{
	char unknown[PATH_MAX + sizeof("unknown_service:")];

	snprintf(unknown, sizeof(unknown), *executable ? "unknown_service:%s" : "unknown_service%s",
		 executable);
	eo_attribute_set_text(set, "service.name", cgroup->unit);
	eo_attribute_set_text(set, "service.name", cgroup->container);
	eo_attribute_set_text(set, "service.name", unknown);
}

/* @dir: of the process in /proc; below 0 without one. @flags: PF_*, 0 without one */
static const struct eo_attribute_set *make_process(struct eo_process_resource *resource, uint32_t tgid,
						   const char *comm, int dir, uint32_t flags)
{
	struct eo_attribute_set *set = &resource->process;
	struct eo_process_cgroup cgroup = {0};
	const char *executable = comm, *declared = NULL;
	char path[PATH_MAX], cgroups[CGROUP_MAX + 1];
	size_t size;

	set->count = set->used = 0;
	if (dir >= 0 && read_path(dir, path)) {
		executable = base_name(path);
		eo_attribute_set_text(set, "process.executable.path", path);
	} else if (flags & KERNEL_THREAD) {
		return &resource->host;
	}
	eo_attribute_set_number(set, "process.pid", tgid);
	eo_attribute_set_text(set, "process.executable.name", executable);
	if (dir >= 0) {
		read_at(dir, "cgroup", cgroups, CGROUP_MAX);
		eo_process_cgroup_parse(cgroups, &cgroup);
		size = read_at(dir, "environ", resource->environment, ENVIRONMENT_MAX);
		eo_attribute_set_text(set, "service.name",
				      eo_environment_value(resource->environment, size,
							   "OTEL_SERVICE_NAME"));
		declared = eo_environment_value(resource->environment, size,
						"OTEL_RESOURCE_ATTRIBUTES");
	}
	eo_attribute_set_text(set, "container.id", cgroup.container_id);
	eo_attribute_set_text(set, "k8s.pod.uid", cgroup.pod_uid);
	for (size_t i = 0; i < resource->host.count; i++)
		eo_attribute_set_text(set, resource->host.attributes[i].key,
				      resource->host.attributes[i].str);
	if (declared)
		eo_environment_attributes(declared, set);
	add_service(set, &cgroup, executable);
	return set;
}

const struct eo_attribute_set *eo_process_resource_read(struct eo_process_resource *resource,
							uint32_t tgid, const char *comm,
							uint64_t ktime_ns)
{
	/* Once open it leads to this process only, even when its pid is given to another one. */
	EO_AUTO_CLOSE int dir = -1;
	struct eo_process_stat stat = {0};
	char name[32];

	snprintf(name, sizeof(name), "/proc/%u", tgid);
	dir = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir >= 0 && eo_process_stat_read_at(dir, &stat) == 0 && ktime_ns &&
	    eo_process_stat_began_ns(&stat) > ktime_ns)
		return eo_process_resource_gone(resource, tgid, comm);
	return make_process(resource, tgid, comm, dir, stat.flags);
}

const struct eo_attribute_set *eo_process_resource_gone(struct eo_process_resource *resource,
							uint32_t tgid, const char *comm)
{
	return make_process(resource, tgid, comm, -1, 0);
}
