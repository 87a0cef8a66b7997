/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Calls as numbers: a row for each kind of call, counted on the CPU where it ends.
 *
 * Two maps of rows take turns: user space flips `generation`, waits until no program can still be
 * writing to the old one, and reads it in peace. */
#ifndef EO_SYSCALL_SUMMARY_BPF_H
#define EO_SYSCALL_SUMMARY_BPF_H

#include "syscall_calls.bpf.h"

struct summed_call {
	__u64 began_ns; /* 0: none is open */
	struct call_number number;
	__u32 is_unsure;
	__u32 reserved;
};

volatile __u32 generation;

const volatile __u8 fresh_summed_call[sizeof(struct summed_call)] = {};
const volatile struct eo_syscall_row fresh_row = {};

TASK_STORAGE(summed_calls, struct summed_call);
TASK_HASH(summed_calls_by_task, struct summed_call, TASKS_MAX);

/* Keys are cut to EO_SYSCALL_KEY_SHORT where the rest is not used. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(struct eo_syscall_key));
	__uint(value_size, sizeof(struct eo_syscall_row));
} rows_even SEC(".maps"), rows_odd SEC(".maps");

/* With config.dense, where nothing else is told apart: native calls by number, those of the odd
 * generation behind those of the even one. Finding a row in a hash map is a fifth of what a call
 * costs here, but an array has a row on each CPU for all the numbers that nobody calls. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2 * EO_SYSCALL_MAX);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(struct eo_syscall_row));
} dense_rows SEC(".maps");

static __always_inline struct summed_call *summed_call_of(struct task_struct *task, int make,
							  const int btf)
{
	return VALUE_OF(summed_calls, summed_calls_by_task, task,
			make ? (void *)fresh_summed_call : NULL);
}

static __always_inline void summed_call_begins(long id, struct eo_tracer_counters *count,
					       const int btf)
{
	struct task_struct *task = current_task(btf);
	__u64 pid_tgid = task_pid_tgid(task, btf);
	struct call_number number = call_number(task, id, btf);
	struct summed_call *call;
	enum call_verdict verdict = judge_call(task, pid_tgid, number, count);

	if (verdict == CALL_UNWANTED)
		return;
	call = summed_call_of(task, 1, btf);
	if (!call) {
		lose_call(count);
		return;
	}
	call->number = number;
	call->is_unsure = verdict == CALL_UNSURE;
	call->began_ns = bpf_ktime_get_ns();
}

/* 4k+q, see EO_SYSCALL_SLOTS. By halves: there is no instruction for it. */
static __always_inline __u32 slot_of(__u64 ns)
{
	__u32 k = 0;
	__u64 rest = ns;

	if (rest >> 39)
		return EO_SYSCALL_SLOTS - 1;
	if (rest >> 32)
		rest >>= 32, k += 32;
	if (rest >> 16)
		rest >>= 16, k += 16;
	if (rest >> 8)
		rest >>= 8, k += 8;
	if (rest >> 4)
		rest >>= 4, k += 4;
	if (rest >> 2)
		rest >>= 2, k += 2;
	if (rest >> 1)
		k += 1;
	return 4 * k + (k >= 2 ? ns >> (k - 2) & 3 : (ns << (2 - k)) & 3);
}

static __always_inline struct eo_syscall_row *row_of(struct task_struct *task, __u64 pid_tgid,
						     struct call_number number)
{
	struct eo_syscall_key key = {.nr = number.nr, .abi = number.abi};
	void *rows = generation & 1 ? (void *)&rows_odd : (void *)&rows_even;
	struct eo_syscall_row *row;

	if (config.dense && number.abi == EO_ABI_NATIVE && number.nr < EO_SYSCALL_MAX) {
		__u32 place = number.nr + (generation & 1) * EO_SYSCALL_MAX;

		return bpf_map_lookup_elem(&dense_rows, &place);
	}
	if (config.by_pid)
		key.tgid = pid_tgid >> 32;
	if (config.by_cgroup)
		key.cgroup = bpf_get_current_cgroup_id();
	if (config.by_comm)
		read_process_comm(task, key.comm);
	row = bpf_map_lookup_elem(rows, &key);
	if (row)
		return row;
	bpf_map_update_elem(rows, &key, (void *)&fresh_row, BPF_NOEXIST);
	return bpf_map_lookup_elem(rows, &key);
}

static __always_inline void sum_call(struct task_struct *task, __u64 pid_tgid,
				     struct call_number number, __s64 ret, int has_result,
				     int has_duration, __u64 ns, struct eo_tracer_counters *count)
{
	struct eo_syscall_row *row;
	__u32 slot;

	ADD(count->seen);
	if (!is_wanted_result(ret, has_result, ns)) {
		ADD(count->filtered);
		return;
	}
	count_call(number, ret, has_result);
	row = row_of(task, pid_tgid, number);
	if (!row) {
		ADD(count->lost[EO_LOSS_MAP_FULL]);
		return;
	}
	ADD(count->aggregated);
	if (has_result && has_failed(ret))
		ADD(row->errors);
	if (!has_duration) {
		ADD(row->untimed);
		return;
	}
	slot = slot_of(ns);
	if (slot < EO_SYSCALL_SLOTS)
		ADD(row->slots[slot]);
	row->total_ns += ns;
	if (~ns > row->min_ns)
		row->min_ns = ~ns;
	if (ns > row->max_ns)
		row->max_ns = ns;
}

static __always_inline void summed_call_returns(struct pt_regs___kernel *regs, long ret,
						struct eo_tracer_counters *count, const int btf)
{
	struct task_struct *task = current_task(btf);
	struct summed_call *call = summed_call_of(task, 0, btf);
	__u64 pid_tgid = task_pid_tgid(task, btf), began_ns;
	struct call_number number;

	if (!call || !call->began_ns) {
		number = call_number(task, exit_number(regs, btf), btf);
		if (is_unseen_call(task, pid_tgid, number, ret))
			sum_call(task, pid_tgid, number, ret, 1, 0, 0, count);
		return;
	}
	began_ns = call->began_ns;
	call->began_ns = 0;
	if (call->is_unsure && !filter_current(task, pid_tgid))
		return;
	/* A sigreturn has brought back the registers of what the signal interrupted. */
	if (ret < 0 && (__u32)exit_number(regs, btf) == NO_NUMBER && call->number.nr != NO_NUMBER)
		ret = 0;
	if (never_returns(task, ret, btf))
		sum_call(task, pid_tgid, call->number, 0, 0, 0, 0, count);
	else
		sum_call(task, pid_tgid, call->number, ret, 1, 1, bpf_ktime_get_ns() - began_ns, count);
}

static __always_inline void summed_task_ends(struct eo_tracer_counters *count, const int btf)
{
	struct task_struct *task = current_task(btf);
	struct summed_call *call = summed_call_of(task, 0, btf);

	if (call && call->began_ns) {
		call->began_ns = 0;
		sum_call(task, task_pid_tgid(task, btf), call->number, 0, 0, 0, 0, count);
	}
	if (call && !btf)
		hash_forget(&summed_calls_by_task, task);
}

#endif
