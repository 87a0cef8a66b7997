/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Whom to look at: one header for all tracers, decided before any data is copied.
 *
 * Pids and tids are kept in maps, because following children means adding to them here: fork adds
 * the child of a target, exit marks it, and the release of the task takes the number out, so that a
 * recycled number is nobody's. Maps that a run does not use have one element. */
#ifndef EO_FILTER_BPF_H
#define EO_FILTER_BPF_H

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "kernel.h"
#include "records.h"

const volatile struct eo_filter_config filter = {};

__u32 command_started; /* the command's exec has succeeded */
__u64 targets_live;    /* pids and tids that have not ended */
__u64 targets_missed;  /* children that found the map full */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} target_pids SEC(".maps"), target_tids SEC(".maps"), target_uids SEC(".maps");

struct comm_key {
	char comm[EO_COMM_LEN];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct comm_key);
	__type(value, __u32);
} target_comms SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_CGROUP_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
} target_cgroups SEC(".maps");

static __always_inline void read_process_comm(struct task_struct *task, char comm[EO_COMM_LEN])
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);

	__builtin_memset(comm, 0, EO_COMM_LEN);
	bpf_core_read_str(comm, EO_COMM_LEN, &leader->comm);
}

/* The process's number in its own pid namespace; 0 where that is the root. */
static __always_inline __u32 process_ns_tgid(struct task_struct *task)
{
	struct pid *pid = BPF_CORE_READ(task, signal, pids[PIDTYPE_TGID]);
	__u32 level = BPF_CORE_READ(pid, level);
	struct upid number;

	if (!level || level > 32) /* MAX_PID_NS_LEVEL */
		return 0;
	if (bpf_probe_read_kernel(&number, sizeof(number),
			  (void *)pid + bpf_core_field_offset(pid->numbers) +
				  level * bpf_core_type_size(struct upid)))
		return 0;
	return number.nr;
}

static __always_inline int in_target_cgroup(void)
{
	for (__u32 i = 0; i < EO_FILTER_CGROUPS; i++) {
		if (i >= filter.cgroups)
			break;
		if (bpf_current_task_under_cgroup(&target_cgroups, i) == 1)
			return 1;
	}
	return 0;
}

/* Is the current task one that the user asked for? Never true for ourselves, nor for the command
 * while it is still our own code before its exec. */
static __always_inline int filter_current(struct task_struct *task, __u64 pid_tgid)
{
	__u32 tgid = pid_tgid >> 32, tid = pid_tgid, uid;
	struct comm_key key;

	if (tgid == filter.own_tgid)
		return 0;
	if (filter.command_tgid && tgid == filter.command_tgid && !command_started)
		return 0;
	if (filter.by_pid && !bpf_map_lookup_elem(&target_pids, &tgid))
		return 0;
	if (filter.by_tid && !bpf_map_lookup_elem(&target_tids, &tid))
		return 0;
	if (filter.by_uid) {
		uid = bpf_get_current_uid_gid();
		if (!bpf_map_lookup_elem(&target_uids, &uid))
			return 0;
	}
	if (filter.by_comm) {
		read_process_comm(task, key.comm);
		if (!bpf_map_lookup_elem(&target_comms, &key))
			return 0;
	}
	return !filter.cgroups || in_target_cgroup();
}

/* Numbers are given out before follow_free() tells that they are free: an earlier owner may be
 * there. */
static __always_inline void add_target(void *map, __u32 id)
{
	__u32 state = EO_TARGET_LIVE, *earlier = bpf_map_lookup_elem(map, &id);

	if (earlier && *earlier == EO_TARGET_ENDED) {
		*earlier = EO_TARGET_LIVE;
		__sync_fetch_and_add(&targets_live, 1);
	} else if (bpf_map_update_elem(map, &id, &state, BPF_NOEXIST) == 0)
		__sync_fetch_and_add(&targets_live, 1);
	else
		__sync_fetch_and_add(&targets_missed, 1);
}

static __always_inline void end_target(void *map, __u32 id)
{
	__u32 *state = bpf_map_lookup_elem(map, &id);

	if (!state || *state != EO_TARGET_LIVE)
		return;
	*state = EO_TARGET_ENDED;
	__sync_fetch_and_add(&targets_live, -1);
}

static __always_inline void forget_target(void *map, __u32 id)
{
	__u32 *state = bpf_map_lookup_elem(map, &id);

	/* A live one is who has the number now. */
	if (state && *state == EO_TARGET_ENDED)
		bpf_map_delete_elem(map, &id);
}

/* The tracepoint runs in the parent, whatever CLONE_PARENT says. */
static __always_inline void follow_fork(struct task_struct *child)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	__u32 parent_tgid = pid_tgid >> 32, parent_tid = pid_tgid;
	__u32 tid = BPF_CORE_READ(child, pid), tgid = BPF_CORE_READ(child, tgid);

	if (filter.by_pid && tid == tgid) {
		if (filter.follow && bpf_map_lookup_elem(&target_pids, &parent_tgid))
			add_target(&target_pids, tgid);
		else
			forget_target(&target_pids, tgid);
	}
	if (filter.by_tid) {
		if (filter.follow && bpf_map_lookup_elem(&target_tids, &parent_tid))
			add_target(&target_tids, tid);
		else
			forget_target(&target_tids, tid);
	}
}

/* Counted twice meanwhile, for the run ends with the last one. */
static __always_inline void rename_target(void *map, __u32 from, __u32 to)
{
	__u32 *state = bpf_map_lookup_elem(map, &from);

	if (!state || *state != EO_TARGET_LIVE)
		return;
	add_target(map, to);
	bpf_map_delete_elem(map, &from);
	__sync_fetch_and_add(&targets_live, -1);
}

/* @old_tid: a thread that becomes a program takes the number of its process. */
static __always_inline void follow_exec(__u32 old_tid)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();

	if (filter.command_tgid && pid_tgid >> 32 == filter.command_tgid)
		command_started = 1;
	if (filter.by_tid && old_tid != (__u32)pid_tgid)
		rename_target(&target_tids, old_tid, pid_tgid);
}

static __always_inline void follow_exit(struct task_struct *task)
{
	__u64 pid_tgid = bpf_get_current_pid_tgid();

	/* do_exit() has counted this thread out before the tracepoint. */
	if (filter.by_pid && BPF_CORE_READ(task, signal, live.counter) == 0)
		end_target(&target_pids, pid_tgid >> 32);
	if (filter.by_tid)
		end_target(&target_tids, pid_tgid);
}

/* The task is released; its number may have been given out again already. */
static __always_inline void follow_free(struct task_struct *task)
{
	__u32 tid = BPF_CORE_READ(task, pid), tgid = BPF_CORE_READ(task, tgid);

	if (filter.by_pid && tid == tgid)
		forget_target(&target_pids, tgid);
	if (filter.by_tid)
		forget_target(&target_tids, tid);
}

#endif
