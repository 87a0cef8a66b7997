/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/target.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "capture/cgroup.h"
#include "core/auto.h"

/* The process that thread @tid belongs to, from /proc/TID/status, which is there for every
 * thread although the folder does not list it. 0: unknown. */
static uint32_t process_of(uint32_t tid)
{
	char path[32], text[4096];
	EO_AUTO_CLOSE int fd = -1;
	const char *field;
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/status", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	len = read(fd, text, sizeof(text) - 1);
	if (len <= 0)
		return 0;
	text[len] = '\0';
	field = strstr(text, "\nTgid:\t");
	return field ? (uint32_t)strtoul(field + 7, NULL, 10) : 0;
}

static int check_id(uint32_t id, bool is_process, struct eo_error *err)
{
	const char *noun = is_process ? "process" : "thread";
	uint32_t process;

	/* kill() takes 0 and what is negative as an int for groups. */
	if (!id || id > INT32_MAX)
		return eo_error_set(err, EO_ERROR_CONFIG, 0, NULL,
				    "find %s %" PRIu32 ": ids are positive numbers", noun, id);
	/* /proc may hide what belongs to others; kill() tells EPERM for them. */
	if (kill((pid_t)id, 0) < 0 && errno == ESRCH && !process_of(id)) {
		eo_error_set(err, EO_ERROR_CONFIG, ESRCH, NULL, "find %s %" PRIu32, noun, id);
		return -EINVAL;
	}
	process = process_of(id);
	if (is_process && process && process != id)
		return eo_error_set(err, EO_ERROR_CONFIG, 0,
				    "give it with -t, or the process with -p",
				    "find process %" PRIu32 ": it is a thread of process %" PRIu32,
				    id, process);
	return 0;
}

static int check_count(const char *what, size_t count, size_t limit, struct eo_error *err)
{
	if (count <= limit)
		return 0;
	return eo_error_set(err, EO_ERROR_CONFIG, 0, NULL, "filter by %zu %s: at most %zu", count,
			    what, limit);
}

static int check_counts(const struct eo_target *target, struct eo_error *err)
{
	const struct {
		const char *what;
		size_t count, limit;
	} filters[] = {
		{"processes", target->pid_count, EO_TARGET_IDS_MAX},
		{"threads", target->tid_count, EO_TARGET_IDS_MAX},
		{"users", target->uid_count, EO_TARGET_IDS_MAX},
		{"names", target->comm_count, EO_TARGET_COMMS_MAX},
		{"cgroups", target->cgroup_count, EO_TARGET_CGROUPS_MAX},
	};
	int r = 0;

	for (size_t i = 0; !r && i < EO_ARRAY_SIZE(filters); i++)
		r = check_count(filters[i].what, filters[i].count, filters[i].limit, err);
	return r;
}

static int check_comm(const char comm[EO_COMM_BYTES], struct eo_error *err)
{
	if (comm[0] && memchr(comm, '\0', EO_COMM_BYTES))
		return 0;
	return eo_error_set(err, EO_ERROR_CONFIG, 0, NULL,
			    "filter by name '%.*s': names have 1 to %d bytes", EO_COMM_BYTES, comm,
			    EO_COMM_BYTES - 1);
}

const char eo_target_hint_pids[] =
	"give the container the host's pids: docker run --pid=host, hostPID: true";

/* PROC_PID_INIT_INO of include/linux/proc_ns.h */
#define FIRST_PID_NAMESPACE 0xeffffffcu

bool eo_target_pids_are_the_hosts(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) < 0 || st.st_ino == FIRST_PID_NAMESPACE;
}

int eo_target_validate(const struct eo_target *target, struct eo_error *err)
{
	int r = check_counts(target, err);

	/* Each would be taken for another one, and named after it. */
	if (!r && !eo_target_pids_are_the_hosts())
		r = eo_error_set(err, EO_ERROR_UNSUPPORTED_PLATFORM, 0,
				 eo_target_hint_pids,
				 "look at processes: this container has pids of its own, which are not the kernel's");
	for (size_t i = 0; !r && i < target->pid_count; i++)
		r = check_id(target->pids[i], true, err);
	for (size_t i = 0; !r && i < target->tid_count; i++)
		r = check_id(target->tids[i], false, err);
	for (size_t i = 0; !r && i < target->comm_count; i++)
		r = check_comm(target->comms[i], err);
	for (size_t i = 0; !r && i < target->cgroup_count; i++)
		r = eo_cgroup_validate(target->cgroups[i], err);
	if (!r && target->command_pid)
		r = check_id(target->command_pid, true, err);
	return r;
}
