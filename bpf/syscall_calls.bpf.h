/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Calls in progress, and which of them are wanted.
 *
 * A call stays with its task: in task storage (v5.11), else in a hash map by the task's address,
 * which unlike its tid survives an execve by a thread that is not the first. Of two programs for
 * each tracepoint one is loaded: @btf is 1 in that of type tp_btf, which has task storage, and 0 in
 * the raw one, which has the map. */
#ifndef EO_SYSCALL_CALLS_BPF_H
#define EO_SYSCALL_CALLS_BPF_H

#include "syscall_records.h"
#include "syscall_regs.bpf.h"
#include "tracer.bpf.h"

const volatile struct eo_syscall_config config = {};

/* On this CPU alone: programs of system calls and of a task's end are not preempted, and none of them
 * comes in an interrupt. An atomic addition costs three times as much. */
#define ADD(field) (field)++

__u32 entries_lost; /* a call found no room when it began: an end without beginning may be its */

#define CALLS_MET (EO_ABI_COUNT * EO_SYSCALL_MAX + 1)
__u8 calls_met[CALLS_MET]; /* that passed the filters; the last: others */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct eo_syscall_counters);
} syscall_counters SEC(".maps");

/* How a hash map by task is sized: calls in progress at once. Preallocated, because programs of
 * raw tracepoints must not allocate before v6.1. */
#define TASKS_MAX 8192

#define TASK_HASH(name, type_, entries)          \
	struct {                                 \
		__uint(type, BPF_MAP_TYPE_HASH); \
		__uint(max_entries, entries);    \
		__type(key, __u64);              \
		__type(value, type_);            \
	} name SEC(".maps")

static __always_inline struct task_struct *current_task(const int btf)
{
	return btf ? (void *)bpf_get_current_task_btf() : (void *)bpf_get_current_task();
}

/* The value of @task in one of a pair of maps; with @fresh one is made where there is none. */
#define VALUE_OF(storage, hash, task, fresh)                                                   \
	(btf ? bpf_task_storage_get(&storage, task, NULL,                                      \
				    (fresh) ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0) :            \
	       hash_value_of(&hash, task, fresh))

static __always_inline void *hash_value_of(void *map, struct task_struct *task, const void *fresh)
{
	__u64 key = (__u64)task;
	void *value = bpf_map_lookup_elem(map, &key);

	if (value || !fresh)
		return value;
	bpf_map_update_elem(map, &key, fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(map, &key);
}

static __always_inline void hash_forget(void *map, struct task_struct *task)
{
	__u64 key = (__u64)task;

	bpf_map_delete_elem(map, &key);
}

/* -512 to -516 tell the kernel to make the call again: signals came in between. */
static __always_inline int is_interrupted(__s64 ret)
{
	return ret <= -512 && ret >= -516;
}

static __always_inline int has_failed(__s64 ret)
{
	return ret < 0 && ret >= -4095 && !is_interrupted(ret);
}

#define KILL_BIT (1 << (9 - 1)) /* SIGKILL, what other signals that end a process become */

/* A thread that is killed inside a call leaves it as if it were to be made again. */
static __always_inline int never_returns(struct task_struct *task, __s64 ret, const int btf)
{
	return is_interrupted(ret) && TASK_FIELD(btf, task, pending.signal.sig[0]) & KILL_BIT;
}

static __always_inline int is_wanted_call(struct call_number call)
{
	__u64 word = call.nr / 64;

	if (!config.by_call)
		return 1;
	if (word >= EO_SYSCALL_WORDS || call.abi >= EO_ABI_COUNT)
		return config.other_calls != 0;
	return config.calls[call.abi][word] >> (call.nr % 64) & 1;
}

static __always_inline int is_wanted_result(__s64 ret, int has_result, __u64 duration_ns)
{
	int failed = has_result && has_failed(ret);
	__u64 error = (__u32)-ret;

	if (config.failed && !failed)
		return 0;
	if (config.by_errno) {
		asm volatile("" : "+r"(error)); /* the verifier is to see the very register that is compared */
		if (!failed || error >= EO_SYSCALL_ERRNOS)
			return 0;
		if (!(config.errnos[error / 64] >> (error % 64) & 1))
			return 0;
	}
	return duration_ns >= config.min_duration_ns;
}

/* A call that passed the filters has ended. */
static __always_inline void count_call(struct call_number call, __s64 ret, int has_result)
{
	struct eo_syscall_counters *count;
	__u64 place = call.abi * EO_SYSCALL_MAX + call.nr;
	__u32 zero = 0;

	if (call.nr >= EO_SYSCALL_MAX)
		place = CALLS_MET - 1;
	asm volatile("" : "+r"(place)); /* the verifier is to see the very register that is compared */
	if (place >= CALLS_MET)
		return;
	if (!calls_met[place])
		calls_met[place] = 1;
	if (!has_result || !has_failed(ret))
		return;
	count = bpf_map_lookup_elem(&syscall_counters, &zero);
	if (count)
		ADD(count->errors);
}

/* The command's own exec is the first of its calls, though it begins before we follow it. */
static __always_inline int may_start_command(__u64 pid_tgid, struct call_number call)
{
	return filter.command_tgid && pid_tgid >> 32 == filter.command_tgid && !command_started &&
	       is_exec(call);
}

/* The end of a call whose beginning was not seen: is there something to tell? */
static __always_inline int is_unseen_call(struct task_struct *task, __u64 pid_tgid,
					  struct call_number call, long ret)
{
	if (entries_lost || call.nr == NO_NUMBER) /* -1: what a sigreturn leaves behind */
		return 0;
	/* Children come into being at the end of a call that they did not make; those that the
	 * kernel makes for itself have clear registers. */
	if (ret == 0 && (call.nr == 0 || is_clone(call)))
		return 0;
	return filter_current(task, pid_tgid) && is_wanted_call(call);
}

/* Of a call that begins. */
enum call_verdict {
	CALL_UNWANTED, /* counted, unless it is nobody's business */
	CALL_WANTED,
	CALL_UNSURE, /* the caller is not ours, but may be once this call has started the command */
};

static __always_inline enum call_verdict judge_call(struct task_struct *task, __u64 pid_tgid,
						    struct call_number call,
						    struct eo_tracer_counters *count)
{
	enum call_verdict verdict = CALL_WANTED;

	if (!filter_current(task, pid_tgid)) {
		if (!may_start_command(pid_tgid, call))
			return CALL_UNWANTED;
		verdict = CALL_UNSURE;
	}
	if (is_wanted_call(call))
		return verdict;
	if (verdict == CALL_WANTED) {
		ADD(count->seen);
		ADD(count->filtered);
	}
	return CALL_UNWANTED;
}

/* There is no room to remember that it began. */
static __always_inline void lose_call(struct eo_tracer_counters *count)
{
	entries_lost = 1;
	ADD(count->seen);
	ADD(count->lost[EO_LOSS_MAP_FULL]);
}

#endif
