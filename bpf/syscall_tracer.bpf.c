// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* System calls: one record each, sent when it has ended (this file), or a row of numbers for each
 * kind of call (syscall_summary.bpf.h). */
#include <linux/bpf.h>
#include <linux/errno.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "filter.bpf.h"
#include "kernel.h"
#include "spare.bpf.h"
#include "syscall_calls.bpf.h"
#include "syscall_capture.bpf.h"
#include "syscall_records.h"
#include "syscall_summary.bpf.h"
#include "trace_stack.bpf.h"
#include "tracer.bpf.h"

struct small_call {
	struct call_state state;
	__u8 record[EO_SYSCALL_HEADER_BYTES + SMALL_BYTES]; /* struct eo_syscall_record, cut off */
};

/* Of the hash maps' fresh values only the first fits into rodata. */
const volatile __u8 fresh_call[sizeof(struct small_call)] = {};

TASK_STORAGE(calls, struct small_call);
TASK_STORAGE(large_calls, struct eo_syscall_record);
TASK_HASH(calls_by_task, struct small_call, TASKS_MAX);
TASK_HASH(large_calls_by_task, struct eo_syscall_record, 64);

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct eo_syscall_record);
} fresh_large_call SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, EO_ABI_COUNT * EO_SYSCALL_MAX);
	__type(key, __u32);
	__type(value, struct eo_syscall_takes);
} captures SEC(".maps");

static __always_inline struct small_call *call_of(struct task_struct *task, int make, const int btf)
{
	return VALUE_OF(calls, calls_by_task, task, make ? (void *)fresh_call : NULL);
}

/* From v6.19 on task storage is of what kmalloc_nolock() can give, 8 KB at most. */
#define STORES_LARGE(typed) ((typed) && !config.hashes_large)

static __always_inline struct eo_syscall_record *large_call_of(struct task_struct *task, int make,
							       const int typed)
{
	const int btf = STORES_LARGE(typed);
	__u32 zero = 0;
	void *fresh = btf || !make ? (void *)fresh_call : bpf_map_lookup_elem(&fresh_large_call, &zero);

	if (!fresh)
		return NULL;
	return VALUE_OF(large_calls, large_calls_by_task, task, make ? fresh : NULL);
}

static __always_inline void forget_large_call(struct task_struct *task, const int typed)
{
	if (STORES_LARGE(typed))
		bpf_task_storage_delete(&large_calls, task);
	else
		hash_forget(&large_calls_by_task, task);
}

static __always_inline struct eo_syscall_takes *takes_of(struct call_number call)
{
	__u32 key = EO_SYSCALL_CAPTURES_KEY(call.abi, call.nr);

	if (!config.captures || call.nr >= EO_SYSCALL_MAX)
		return NULL;
	return bpf_map_lookup_elem(&captures, &key);
}

/* The head of a large call's record stays in the small one until it is sent: whose memory is whose
 * is then plain to the verifier. */
static __always_inline void take_first(struct small_call *call, struct task_struct *task,
				       struct eo_syscall_takes *takes, const int btf)
{
	struct eo_syscall_record *head = (void *)call->record, *large;
	struct filling filling = {.state = &call->state, .head = head, .bytes = head->bytes};

	call->state.exec_id = TASK_FIELD(btf, task, self_exec_id);
	if (take_at_start(&filling, takes, SMALL_CHUNK, SMALL_BYTES) != TOO_BIG)
		return;
	large = large_call_of(task, 1, btf);
	if (!large) {
		head->piece_flags |= EO_PIECE_CUT | EO_PIECE_FAULT;
		return;
	}
	call->state.is_large = 1;
	filling.bytes = large->bytes;
	filling.is_last = 1;
	take_at_start(&filling, takes, LARGE_CHUNK, LARGE_BYTES);
}

static __always_inline void call_begins(struct pt_regs___kernel *regs, long id,
					struct eo_tracer_counters *count, const int btf)
{
	struct task_struct *task = current_task(btf);
	__u64 pid_tgid = task_pid_tgid(task, btf);
	struct call_number number = call_number(task, id, btf);
	struct eo_syscall_record *record;
	struct eo_syscall_takes *takes;
	struct small_call *call;
	enum call_verdict verdict = judge_call(task, pid_tgid, number, count);

	if (verdict == CALL_UNWANTED)
		return;
	call = call_of(task, 1, btf);
	if (!call) {
		lose_call(count);
		return;
	}
	__builtin_memset(&call->state, 0, sizeof(call->state));
	call->state.is_open = 1;
	call->state.is_unsure = verdict == CALL_UNSURE;
	record = (void *)call->record;
	record->nr = number.nr;
	record->abi = number.abi;
	record->flags = record->pieces = record->piece_flags = 0;
	record->stack = 0;
	read_args(regs, number.abi, record->args, btf);
	/* An exec changes the name, and a thread's number. It was the caller who called. */
	if (is_exec(number))
		fill_header_as(&record->header, task, pid_tgid, EO_RECORD_SYSCALL, 0, btf);
	record->header.ktime_ns = bpf_ktime_get_ns();
	takes = takes_of(number);
	if (takes && takes->take[0].kind)
		take_first(call, task, takes, btf);
}

/* What the kernel has put there, and what could not be read before. */
static __always_inline void take_last(struct small_call *call, struct task_struct *task,
				      struct eo_syscall_takes *takes, const int btf)
{
	struct eo_syscall_record *head = (void *)call->record, *large;
	struct filling filling = {.state = &call->state, .head = head, .bytes = head->bytes};
	__u8 pieces = head->pieces, piece_flags = head->piece_flags;
	__u32 used = call->state.used;

	call->state.has_results = !(head->ret < 0 && head->ret >= -4095);
	call->state.is_other_memory = (__u32)TASK_FIELD(btf, task, self_exec_id) != call->state.exec_id;
	if (!call->state.is_large) {
		if (take_at_end(&filling, takes, SMALL_CHUNK, SMALL_BYTES) != TOO_BIG)
			return;
		head->pieces = pieces;
		head->piece_flags = piece_flags;
		call->state.used = used;
		large = large_call_of(task, 1, btf);
		if (!large) {
			head->piece_flags |= EO_PIECE_CUT | EO_PIECE_FAULT;
			return;
		}
		bpf_probe_read_kernel(large->bytes, SMALL_BYTES, head->bytes);
		call->state.is_large = 1;
	} else {
		large = large_call_of(task, 0, btf);
		if (!large)
			return;
	}
	filling.bytes = large->bytes;
	filling.is_last = 1;
	take_at_end(&filling, takes, LARGE_CHUNK, LARGE_BYTES);
}

static __always_inline void send_call(struct small_call *call, struct task_struct *task,
				      struct eo_tracer_counters *count, const int btf)
{
	struct eo_syscall_record *record = (void *)call->record, *large;
	__u64 used = call->state.used;

	if (!call->state.is_large) {
		send_sized_record(count, &record->header, EO_SYSCALL_HEADER_BYTES + used,
				  EO_SYSCALL_HEADER_BYTES + SMALL_BYTES);
		return;
	}
	large = large_call_of(task, 0, btf);
	if (!large) { /* nobody else deletes it */
		ADD(count->lost[EO_LOSS_BUSY]);
		return;
	}
	bpf_probe_read_kernel(large, EO_SYSCALL_HEADER_BYTES, record);
	send_sized_record(count, &large->header, EO_SYSCALL_HEADER_BYTES + used,
			  EO_SYSCALL_HEADER_BYTES + LARGE_BYTES);
}

/* Without a result when the thread ends inside the call. */
static __always_inline void call_ends(void *ctx, struct small_call *call, struct task_struct *task,
				      __u64 pid_tgid, __s64 ret, int has_result,
				      struct eo_tracer_counters *count, const int btf,
				      const int stacks)
{
	struct eo_syscall_record *record = (void *)call->record;
	struct call_number number = {.nr = record->nr, .abi = record->abi};
	__u64 now = bpf_ktime_get_ns(), began = record->header.ktime_ns;
	__u64 duration_ns = has_result ? now - began : 0;
	struct eo_syscall_takes *takes;

	call->state.is_open = 0;
	if (call->state.is_unsure && !filter_current(task, pid_tgid))
		goto forget;
	ADD(count->seen);
	if (!is_wanted_result(ret, has_result, duration_ns)) {
		ADD(count->filtered);
		goto forget;
	}
	count_call(number, ret, has_result);
	record->ret = has_result ? ret : 0;
	record->duration_ns = duration_ns;
	record->flags = has_result ? 0 : EO_SYSCALL_NO_RETURN;
	if (!is_exec(number) || call->state.is_unsure)
		fill_header_as(&record->header, task, pid_tgid, EO_RECORD_SYSCALL, began, btf);
	/* Where the call was made is where it returns to, unless the program is another one now. */
	if (stacks && (ret || !is_exec(number)))
		record->stack = current_stack(ctx, task, pid_tgid, 1, now);
	takes = has_result ? takes_of(number) : NULL;
	if (takes && takes->take[0].kind)
		take_last(call, task, takes, btf);
	else if (call->state.late)
		record->piece_flags |= EO_PIECE_FAULT;
	send_call(call, task, count, btf);
forget:
	if (call->state.is_large)
		forget_large_call(task, btf);
}

static __always_inline void unseen_call_ends(struct task_struct *task, __u64 pid_tgid,
					     struct call_number number, long ret,
					     struct eo_tracer_counters *count, const int btf)
{
	__u64 words[EO_SYSCALL_HEADER_BYTES / sizeof(__u64)] = {};
	struct eo_syscall_record *record = (void *)words;

	if (!is_unseen_call(task, pid_tgid, number, ret))
		return;
	ADD(count->seen);
	if (!is_wanted_result(ret, 1, 0)) {
		ADD(count->filtered);
		return;
	}
	count_call(number, ret, 1);
	record->nr = number.nr;
	record->abi = number.abi;
	record->flags = EO_SYSCALL_NO_ENTRY;
	record->ret = ret;
	fill_header_as(&record->header, task, pid_tgid, EO_RECORD_SYSCALL, bpf_ktime_get_ns(), btf);
	send_record(count, &record->header, sizeof(words));
}

static __always_inline void call_returns(void *ctx, struct pt_regs___kernel *regs, long ret,
					 struct eo_tracer_counters *count, const int btf,
					 const int stacks)
{
	struct task_struct *task = current_task(btf);
	struct small_call *call = call_of(task, 0, btf);
	__u64 pid_tgid = task_pid_tgid(task, btf);
	struct call_number number = call_number(task, exit_number(regs, btf), btf);
	struct eo_syscall_record *record;

	if (!call || !call->state.is_open) {
		unseen_call_ends(task, pid_tgid, number, ret, count, btf);
		return;
	}
	record = (void *)call->record;
	/* A sigreturn has brought back the registers of what the signal interrupted. */
	if (number.nr == NO_NUMBER && record->nr != NO_NUMBER)
		ret = 0;
	call_ends(ctx, call, task, pid_tgid, ret, !never_returns(task, ret, btf), count, btf, stacks);
}

static __always_inline void task_ends(void *ctx, struct eo_tracer_counters *count, const int btf,
				      const int stacks)
{
	struct task_struct *task = current_task(btf);
	struct small_call *call = call_of(task, 0, btf);

	if (call && call->state.is_open)
		call_ends(ctx, call, task, task_pid_tgid(task, btf), 0, 0, count, btf, stacks);
	if (call && !btf)
		hash_forget(&calls_by_task, task);
}

/* Programs with the same beginnings are the alternatives for one tracepoint. */
SEC("tp_btf/sys_enter")
int on_enter(__u64 *ctx)
{
	return ONCE(RUN_SYS_ENTER, call_begins((void *)ctx[0], ctx[1], count, 1));
}

SEC("tp_btf/sys_exit")
int on_return(__u64 *ctx)
{
	return ONCE(RUN_SYS_EXIT, call_returns(ctx, (void *)ctx[0], ctx[1], count, 1, 0));
}

SEC("tp_btf/sched_process_exit")
int on_task_end(__u64 *ctx)
{
	return ONCE(RUN_TASK_END, task_ends(ctx, count, 1, 0));
}

/* With stacks, for which old kernels lack bpf_loop(). */
SEC("tp_btf/sys_exit")
int on_return_stack(__u64 *ctx)
{
	return ONCE(RUN_SYS_EXIT, call_returns(ctx, (void *)ctx[0], ctx[1], count, 1, 1));
}

SEC("tp_btf/sched_process_exit")
int on_task_end_stack(__u64 *ctx)
{
	return ONCE(RUN_TASK_END, task_ends(ctx, count, 1, 1));
}

SEC("raw_tp/sys_enter")
int on_enter_raw(struct bpf_raw_tracepoint_args *ctx)
{
	return TRACED(call_begins((void *)ctx->args[0], ctx->args[1], count, 0));
}

SEC("raw_tp/sys_exit")
int on_return_raw(struct bpf_raw_tracepoint_args *ctx)
{
	return TRACED(call_returns(ctx, (void *)ctx->args[0], ctx->args[1], count, 0, 0));
}

SEC("raw_tp/sched_process_exit")
int on_task_end_raw(void *ctx)
{
	return TRACED(task_ends(ctx, count, 0, 0));
}

SEC("tp_btf/sys_enter")
int on_enter_sum(__u64 *ctx)
{
	return ONCE(RUN_SYS_ENTER, summed_call_begins(ctx[1], count, 1));
}

SEC("tp_btf/sys_exit")
int on_return_sum(__u64 *ctx)
{
	return ONCE(RUN_SYS_EXIT, summed_call_returns((void *)ctx[0], ctx[1], count, 1));
}

SEC("tp_btf/sched_process_exit")
int on_task_end_sum(__u64 *ctx)
{
	return ONCE(RUN_TASK_END, summed_task_ends(count, 1));
}

SEC("raw_tp/sys_enter")
int on_enter_sum_raw(struct bpf_raw_tracepoint_args *ctx)
{
	return TRACED(summed_call_begins(ctx->args[1], count, 0));
}

SEC("raw_tp/sys_exit")
int on_return_sum_raw(struct bpf_raw_tracepoint_args *ctx)
{
	return TRACED(summed_call_returns((void *)ctx->args[0], ctx->args[1], count, 0));
}

SEC("raw_tp/sched_process_exit")
int on_task_end_sum_raw(void *ctx)
{
	return TRACED(summed_task_ends(count, 0));
}

SEC("raw_tp/sched_process_fork")
int on_fork(struct bpf_raw_tracepoint_args *ctx)
{
	return ONCE(RUN_FORK, follow_fork((void *)ctx->args[1]));
}

SEC("raw_tp/sched_process_exec")
int on_exec(struct bpf_raw_tracepoint_args *ctx)
{
	return ONCE(RUN_EXEC, follow_exec(ctx->args[1]));
}

SEC("raw_tp/sched_process_exit")
int on_exit(struct bpf_raw_tracepoint_args *ctx)
{
	return ONCE(RUN_EXIT, follow_exit((void *)ctx->args[0]));
}

SEC("raw_tp/sched_process_free")
int on_free(struct bpf_raw_tracepoint_args *ctx)
{
	return ONCE_ANYWHERE(ctx, RUN_FREE, follow_free((void *)ctx->args[0]));
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
