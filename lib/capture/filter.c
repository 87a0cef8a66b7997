// SPDX-License-Identifier: BSD-2-Clause
#include "capture/filter.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/auto.h"
#include "core/process_stat.h"

/* Room for children: how many followed processes or threads can live at once. */
#define FOLLOWED_MAX 16384u

bool eo_filter_has_pids(const struct eo_target *target)
{
	return target->pid_count || (target->command_pid && !target->all);
}

bool eo_filter_has_ids(const struct eo_target *target)
{
	return eo_filter_has_pids(target) || target->tid_count;
}

static int size_map(struct bpf_object *object, const char *name, size_t entries, struct eo_error *err)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, name);
	int r = map ? bpf_map__set_max_entries(map, (uint32_t)entries) : -ENOENT;

	return r < 0 ? eo_error_set(err, EO_ERROR_LOAD_FAILED, -r, NULL, "size map %s", name) : 0;
}

int eo_filter_prepare(struct bpf_object *object, const struct eo_target *target,
		      struct eo_filter_config *filter, struct eo_error *err)
{
	const struct {
		const char *map;
		size_t entries;
	} sizes[] = {
		{"target_pids", eo_filter_has_pids(target) ? FOLLOWED_MAX : 0},
		{"target_tids", target->tid_count ? FOLLOWED_MAX : 0},
		{"target_uids", target->uid_count},
		{"target_comms", target->comm_count},
		{"target_cgroups", target->cgroup_count},
	};

	if (target->cgroup_count > EO_FILTER_CGROUPS)
		return eo_error_set(err, EO_ERROR_CONFIG, 0, "name a common parent of them",
				    "%zu cgroups, at most %d can be watched", target->cgroup_count,
				    EO_FILTER_CGROUPS);
	*filter = (struct eo_filter_config){
		.own_tgid = (uint32_t)getpid(),
		.command_tgid = target->command_pid,
		.by_pid = eo_filter_has_pids(target),
		.by_tid = target->tid_count > 0,
		.by_uid = target->uid_count > 0,
		.by_comm = target->comm_count > 0,
		.cgroups = (uint32_t)target->cgroup_count,
		.follow = !target->no_follow,
	};
	for (size_t i = 0; i < EO_ARRAY_SIZE(sizes); i++) {
		int r = sizes[i].entries ? size_map(object, sizes[i].map, sizes[i].entries, err) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}

static int map_fd(struct bpf_object *object, const char *name)
{
	return bpf_map__fd(bpf_object__find_map_by_name(object, name));
}

static int put(int fd, const char *what, const void *key, uint32_t value, struct eo_error *err)
{
	if (bpf_map_update_elem(fd, key, &value, BPF_ANY) < 0)
		return eo_error_set(err, EO_ERROR_MAP_OPERATION_FAILED, errno, NULL, "fill map %s", what);
	return 0;
}

static int put_ids(struct bpf_object *object, const char *name, const uint32_t *ids, size_t count,
		   struct eo_error *err)
{
	int fd = map_fd(object, name), r = 0;

	for (size_t i = 0; i < count && r == 0; i++)
		r = put(fd, name, &ids[i], EO_TARGET_LIVE, err);
	return r;
}

static int put_cgroups(struct bpf_object *object, const struct eo_target *target, struct eo_error *err)
{
	int fd = map_fd(object, "target_cgroups");

	for (uint32_t i = 0; i < target->cgroup_count; i++) {
		EO_AUTO_CLOSE int cgroup = open(target->cgroups[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (cgroup < 0)
			return eo_error_set(err, eo_error_kind_of(errno, EO_ERROR_CONFIG), errno, NULL,
					    "open cgroup %s", target->cgroups[i]);
		if (bpf_map_update_elem(fd, &i, &cgroup, BPF_ANY) < 0)
			return eo_error_set(err, EO_ERROR_MAP_OPERATION_FAILED, errno,
					    "give a directory of the cgroup v2 hierarchy",
					    "watch cgroup %s", target->cgroups[i]);
	}
	return 0;
}

int eo_filter_fill(struct bpf_object *object, const struct eo_target *target, uint64_t *targets_live,
		   struct eo_error *err)
{
	int fd, r;

	r = put_ids(object, "target_pids", target->pids, target->pid_count, err);
	if (r == 0 && eo_filter_has_pids(target) && target->command_pid)
		r = put_ids(object, "target_pids", &target->command_pid, 1, err);
	if (r == 0)
		r = put_ids(object, "target_tids", target->tids, target->tid_count, err);
	if (r == 0)
		r = put_ids(object, "target_uids", target->uids, target->uid_count, err);
	fd = map_fd(object, "target_comms");
	for (size_t i = 0; i < target->comm_count && r == 0; i++) {
		char key[EO_COMM_LEN] = "";

		strncpy(key, target->comms[i], sizeof(key) - 1);
		r = put(fd, "target_comms", key, 1, err);
	}
	if (r == 0)
		r = put_cgroups(object, target, err);
	*targets_live = target->pid_count + target->tid_count +
			(target->command_pid && !target->all ? 1 : 0);
	return r;
}

/* A zombie has run its last instruction, although kill() still finds it. Of a process that is so of the
 * main thread, and others may go on. */
static bool has_ended(uint32_t id, bool is_process)
{
	struct eo_process_stat stat;
	/* /proc/TID resolves for threads too, although /proc does not list them. */
	int r = eo_process_stat_read(id, &stat);

	if (r == -ENOENT) /* /proc may hide what belongs to others; kill() tells EPERM for them */
		return kill((pid_t)id, 0) < 0 && errno == ESRCH;
	if (r < 0)
		return r == -ESRCH;
	return strchr("ZX", stat.state) && !(is_process && eo_process_stat_is_headless(&stat));
}

static void settle(int fd, const uint32_t *ids, size_t count, bool are_processes,
		   uint64_t *targets_live)
{
	uint32_t state, ended = EO_TARGET_ENDED;

	for (size_t i = 0; i < count; i++) {
		/* Who ends after attach is counted out by the exit program before /proc shows it. */
		if (!has_ended(ids[i], are_processes) || bpf_map_lookup_elem(fd, &ids[i], &state) < 0 ||
		    state != EO_TARGET_LIVE)
			continue;
		bpf_map_update_elem(fd, &ids[i], &ended, BPF_EXIST);
		__atomic_fetch_sub(targets_live, 1, __ATOMIC_RELAXED);
	}
}

void eo_filter_settle(struct bpf_object *object, const struct eo_target *target,
		      uint64_t *targets_live)
{
	settle(map_fd(object, "target_pids"), target->pids, target->pid_count, true, targets_live);
	settle(map_fd(object, "target_tids"), target->tids, target->tid_count, false, targets_live);
}
