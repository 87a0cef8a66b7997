/* SPDX-License-Identifier: BSD-2-Clause */
/* Probes that read files and ask for limits: the kernel's settings and our own privileges. */
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "capture/probe.h"
#include "capture/support_row.h"
#include "capture/target.h"
#include "core/auto.h"

/* Read the start of a small file into @buf, NUL-terminated, without the last newline. */
static int read_line(const char *path, char *buf, size_t size)
{
	EO_AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	if (n < 0)
		return -errno;
	buf[n] = '\0';
	buf[strcspn(buf, "\n")] = '\0';
	return 0;
}

static void say_kernel(struct eo_support_context *context, struct eo_support_probe *ret)
{
	struct utsname name = { 0 };

	(void)context;
	uname(&name);
	eo_support_say(ret, EO_SUPPORT_INFO, "%s %s", name.release, name.machine);
}

static void say_lockdown(struct eo_support_context *context, struct eo_support_probe *ret)
{
	char line[128], *chosen;
	int r = read_line("/sys/kernel/security/lockdown", line, sizeof(line));

	(void)context;
	if (r < 0) {
		eo_support_say(ret, EO_SUPPORT_INFO, "unknown: no securityfs to read it from");
		return;
	}
	/* "none [integrity] confidentiality" */
	chosen = strchr(line, '[');
	if (!chosen || !strchr(chosen, ']')) {
		eo_support_say(ret, EO_SUPPORT_INFO, "unknown: %s", line);
		return;
	}
	*strchr(chosen, ']') = '\0';
	eo_support_say(ret, EO_SUPPORT_INFO, "%s", chosen + 1);
}

static void say_pids(struct eo_support_context *context, struct eo_support_probe *ret)
{
	bool ours = eo_target_pids_are_the_hosts();

	(void)context;
	eo_support_say(ret, ours ? EO_SUPPORT_YES : EO_SUPPORT_NO, "%s",
		       ours ? "" : "this container has its own");
}

static void say_unpreempted(struct eo_support_context *context, struct eo_support_probe *ret)
{
	bool preempted = eo_probe_tracepoints_are_preempted();

	(void)context;
	eo_support_say(ret, preempted ? EO_SUPPORT_INFO : EO_SUPPORT_YES, "%s",
		       preempted ? "no, so each program is loaded four times" : "");
}

/* The first mount of a type, below @buf; false when there is none. */
static bool find_mount(const char *type, const char *option, char *buf, size_t size)
{
	FILE *mounts = setmntent("/proc/self/mounts", "re");
	struct mntent entry;
	char line[4096];
	bool found = false;

	if (!mounts)
		return false;
	while (!found && getmntent_r(mounts, &entry, line, sizeof(line))) {
		found = strcmp(entry.mnt_type, type) == 0 && (!option || hasmntopt(&entry, option));
		if (found)
			snprintf(buf, size, "%s", entry.mnt_dir);
	}
	endmntent(mounts);
	return found;
}

static void say_tracefs(struct eo_support_context *context, struct eo_support_probe *ret)
{
	char where[128];

	(void)context;
	if (find_mount("tracefs", NULL, where, sizeof(where)))
		eo_support_say(ret, EO_SUPPORT_INFO, "at %s", where);
	else
		eo_support_say(ret, EO_SUPPORT_INFO, "not mounted, and not needed");
}

static void say_cgroup(struct eo_support_context *context, struct eo_support_probe *ret)
{
	char where[96] = "", other[96];
	bool v2 = find_mount("cgroup2", NULL, where, sizeof(where));
	bool v1 = find_mount("cgroup", NULL, other, sizeof(other));

	(void)context;
	if (v1 && v2)
		eo_support_say(ret, EO_SUPPORT_INFO, "hybrid: v1, and v2 at %s", where);
	else if (v2)
		eo_support_say(ret, EO_SUPPORT_INFO, "v2 at %s", where);
	else
		eo_support_say(ret, EO_SUPPORT_INFO, "%s", v1 ? "v1 only" : "none mounted");
}

static void say_sysctl(const char *path, struct eo_support_probe *ret)
{
	char line[32];
	int r = read_line(path, line, sizeof(line));

	if (r < 0)
		eo_support_say(ret, EO_SUPPORT_INFO, "unknown: %s", strerror(-r));
	else
		eo_support_say(ret, EO_SUPPORT_INFO, "%s", line);
}

static void say_perf_event_paranoid(struct eo_support_context *context,
				    struct eo_support_probe *ret)
{
	(void)context;
	say_sysctl("/proc/sys/kernel/perf_event_paranoid", ret);
}

static void say_kptr_restrict(struct eo_support_context *context, struct eo_support_probe *ret)
{
	(void)context;
	say_sysctl("/proc/sys/kernel/kptr_restrict", ret);
}

static void say_unprivileged_bpf(struct eo_support_context *context, struct eo_support_probe *ret)
{
	static const char *const meanings[] = { "allowed", "off until the next boot", "off" };

	(void)context;
	say_sysctl("/proc/sys/kernel/unprivileged_bpf_disabled", ret);
	if (ret->detail[0] >= '0' && ret->detail[0] <= '2' && !ret->detail[1])
		eo_support_say(ret, EO_SUPPORT_INFO, "%s", meanings[ret->detail[0] - '0']);
}

/* What each capability is for, and whether the kernel takes CAP_SYS_ADMIN instead. */
static const struct capability {
	const char *key;
	unsigned int number;
	bool in_sys_admin, needed;
	const char *what_for;
} capabilities[] = {
	{ "cap_bpf", CAP_BPF, true, true, "BPF maps and programs" },
	{ "cap_perfmon", CAP_PERFMON, true, true, "perf events, tracing programs" },
	{ "cap_sys_admin", CAP_SYS_ADMIN, false, false, "not needed beside the two above" },
	{ "cap_sys_ptrace", CAP_SYS_PTRACE, false, true, "programs of other users' processes" },
	{ "cap_syslog", CAP_SYSLOG, false, true, "addresses of kernel functions" },
	{ "cap_dac_read_search", CAP_DAC_READ_SEARCH, false, false, "deleted files of other users" },
	{ "cap_checkpoint_restore", CAP_CHECKPOINT_RESTORE, true, false, "deleted files of other users" },
	{ "cap_sys_resource", CAP_SYS_RESOURCE, false, false, "not needed unless memlock limits BPF" },
};

static void say_capability(struct eo_support_context *context, struct eo_support_probe *ret)
{
	const struct capability *c = capabilities;

	while (strcmp(c->key, ret->key) != 0)
		c++;
	if (context->capabilities & 1ull << c->number)
		eo_support_say(ret, EO_SUPPORT_YES, "%s", c->what_for);
	else if (c->in_sys_admin && context->capabilities & 1ull << CAP_SYS_ADMIN)
		eo_support_say(ret, EO_SUPPORT_YES, "%s, through CAP_SYS_ADMIN", c->what_for);
	else
		eo_support_say(ret, EO_SUPPORT_DENIED, "%s", c->what_for);
	if (ret->state == EO_SUPPORT_DENIED && c->needed)
		ret->hint = eo_support_hint_privileges;
}

/* Names are hidden by writing each address as 0. The first few hundred symbols of x86 have small
 * or zero addresses by nature (they are per-CPU offsets), so look further than the first line. */
static void say_kernel_symbols(struct eo_support_context *context, struct eo_support_probe *ret)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	char line[512];
	bool shown = false;
	int lines = 0;

	(void)context;
	if (!file) {
		eo_support_say(ret, errno == ENOENT ? EO_SUPPORT_NO : EO_SUPPORT_DENIED,
			       "/proc/kallsyms: %s", strerror(errno));
		return;
	}
	while (!shown && lines++ < 20000 && fgets(line, sizeof(line), file))
		shown = strtoull(line, NULL, 16) >> 32 != 0;
	fclose(file);

	if (shown)
		eo_support_say(ret, EO_SUPPORT_YES, "/proc/kallsyms shows addresses");
	else
		eo_support_say(ret, EO_SUPPORT_DENIED, "/proc/kallsyms shows zeros for addresses");
	if (ret->state == EO_SUPPORT_DENIED)
		ret->hint = "grant CAP_SYSLOG, and set sysctl kernel.kptr_restrict to 0 or 1";
}

/* Make a map in a child that may lock no memory at all. Since 5.11 maps are charged to the memory
 * cgroup and this works. The limit belongs to the process, hence the child.
 * Returns 0 or a negative errno. */
static int map_without_memlock(void)
{
	pid_t child = fork();
	int status;

	if (child < 0)
		return -errno;
	if (child == 0) {
		const struct rlimit none = { 0 };
		union bpf_attr attr = { 0 };

		attr.map_type = BPF_MAP_TYPE_ARRAY;
		attr.key_size = sizeof(uint32_t);
		attr.value_size = 4096;
		attr.max_entries = 256;
		/* Not through libbpf, which would try to raise the limit first. */
		if (setrlimit(RLIMIT_MEMLOCK, &none) < 0 ||
		    syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr)) < 0)
			_exit(errno);
		_exit(0);
	}
	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

static void say_memlock(struct eo_support_context *context, struct eo_support_probe *ret)
{
	struct rlimit limit = { 0 };
	char text[32] = "unlimited";
	int r = map_without_memlock();

	(void)context;
	getrlimit(RLIMIT_MEMLOCK, &limit);
	if (limit.rlim_cur != RLIM_INFINITY)
		snprintf(text, sizeof(text), "%llu KiB", (unsigned long long)limit.rlim_cur / 1024);

	if (r == 0)
		eo_support_say(ret, EO_SUPPORT_INFO, "%s, BPF maps are not charged to it", text);
	else
		eo_support_say(ret, EO_SUPPORT_INFO, "%s, and no BPF map without: %s", text,
			       strerror(-r));
}

const struct eo_support_row eo_support_system_rows[] = {
	{ "kernel", "kernel", "kernel", say_kernel },
	{ "kernel", "lockdown", "lockdown", say_lockdown },
	{ "kernel", "pids", "pids of the host", say_pids, eo_target_hint_pids },
	{ "kernel", "unpreempted", "whole tracepoints", say_unpreempted },
	{ "kernel", "tracefs", "tracefs", say_tracefs },
	{ "kernel", "cgroup", "cgroups", say_cgroup },
	{ "kernel", "kernel_symbols", "kernel symbols", say_kernel_symbols,
	  "boot a kernel with CONFIG_KALLSYMS=y" },
	{ "privileges", "cap_bpf", "CAP_BPF", say_capability },
	{ "privileges", "cap_perfmon", "CAP_PERFMON", say_capability },
	{ "privileges", "cap_sys_admin", "CAP_SYS_ADMIN", say_capability },
	{ "privileges", "cap_sys_ptrace", "CAP_SYS_PTRACE", say_capability },
	{ "privileges", "cap_syslog", "CAP_SYSLOG", say_capability },
	{ "privileges", "cap_dac_read_search", "CAP_DAC_READ_SEARCH", say_capability },
	{ "privileges", "cap_checkpoint_restore", "CAP_CHECKPOINT_RESTORE", say_capability },
	{ "privileges", "cap_sys_resource", "CAP_SYS_RESOURCE", say_capability },
	{ "privileges", "perf_event_paranoid", "perf_event_paranoid", say_perf_event_paranoid },
	{ "privileges", "kptr_restrict", "kptr_restrict", say_kptr_restrict },
	{ "privileges", "unprivileged_bpf_disabled", "unprivileged BPF", say_unprivileged_bpf },
	{ "privileges", "memlock", "memlock limit", say_memlock },
	{ 0 },
};
