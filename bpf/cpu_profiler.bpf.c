// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* Counts what the CPUs execute: each distinct stack once in a map, its frames once through the
 * ring.
 *
 * A sample is counted before its stack is sent. Should the ring be full, the entry stays marked
 * as unsent and the next sample with this stack tries again; what was never sent by the end is
 * what is lost, and user space knows its exact number from the map.
 *
 * Two counts maps take turns: user space flips `generation`, waits until no program can still be
 * writing to the old one, and reads it in peace. */
#include <linux/bpf.h>
#include <linux/bpf_perf_event.h>
#include <linux/errno.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "filter.bpf.h"
#include "kernel.h"
#include "records.h"
#include "stack.bpf.h"

const volatile struct eo_profiler_config profiler = {};

volatile __u32 generation;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct eo_stack_count);
} counts_even SEC(".maps"), counts_odd SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct eo_profile_counters);
} counters SEC(".maps");

#ifdef WALKS_BY_TABLES
#include "snapshot.bpf.h"
#endif

/* Fill everything but kind, generation, time and hash. */
static __always_inline void take_stack(struct bpf_perf_event_data *ctx, struct task_struct *task,
				       struct stack_slot *slot, __u64 pid_tgid, int in_kernel,
				       int has_user, const int tables)
{
	struct eo_stack_record *record = &slot->record;

	begin_stack(record, task, pid_tgid, in_kernel);
	if (in_kernel && !profiler.user_only)
		take_kernel_half(record, ctx);
#ifdef WALKS_BY_TABLES
	if (has_user && tables) {
		struct user_registers from;

		if (in_kernel)
			saved_user_registers(&from);
		else
			interrupted_user_registers(ctx, &from);
		take_user_half_by_tables(slot, 0, task, &from);
	}
#endif
	if (has_user && !tables)
		take_user_half_by_fp(record, ctx);
}

/* Marked first, so that another CPU seldom sends it too; twice does no harm. */
static __always_inline void send_new_stack(struct eo_stack_record *record, struct eo_stack_count *entry,
					   struct eo_profile_counters *count)
{
	entry->sent = 1;
	if (send_stack(record)) {
		entry->sent = 0;
		count->ring_retries++;
	}
}

/* What does not get through is missing from the number that user space receives. */
static __always_inline void send_sample(__u32 stack_generation, __u64 hash, __u64 now)
{
	struct eo_sample_record record = {
		.kind = EO_RECORD_SAMPLE,
		.generation = stack_generation,
		.ktime_ns = now,
		.hash = hash,
	};

	bpf_ringbuf_output(&stacks, &record, sizeof(record), wakeup_flags());
}

static __always_inline void sample(struct bpf_perf_event_data *ctx, struct eo_profile_counters *count,
				   __u64 now, const int tables)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 pid_tgid = bpf_get_current_pid_tgid(), hash;
	struct eo_stack_count *entry, fresh = {};
	struct eo_stack_record *record;
	struct stack_slot *slot;
	int in_kernel, has_user;
	__u32 zero = 0;
	void *counts;
	long err;

	if ((__u32)pid_tgid == 0) {
		count->idle++;
		return;
	}
	if (!filter_current(task, pid_tgid))
		return;
	count->seen++;

	in_kernel = (__s64)PT_REGS_IP(&ctx->regs) < 0;
	has_user = !profiler.kernel_only && !(BPF_CORE_READ(task, flags) & PF_KTHREAD);
	if ((profiler.kernel_only && !in_kernel) || (profiler.user_only && !has_user)) {
		count->filtered++;
		return;
	}
	slot = bpf_map_lookup_elem(&stack_slots, &zero);
	if (!slot) {
		count->busy++;
		return;
	}
	record = &slot->record;
	take_stack(ctx, task, slot, pid_tgid, in_kernel, has_user, tables);
#ifdef WALKS_BY_TABLES
	if (profiler.snapshots && has_user && send_snapshot(ctx, task, record, count, now)) {
		count->kernel += in_kernel;
		return;
	}
#endif
	hash = hash_stack(record);

	record->generation = generation;
	counts = record->generation & 1 ? (void *)&counts_odd : (void *)&counts_even;
	entry = bpf_map_lookup_elem(counts, &hash);
	if (!entry) {
		err = bpf_map_update_elem(counts, &hash, &fresh, BPF_NOEXIST);
		entry = bpf_map_lookup_elem(counts, &hash);
		if (!entry) {
			if (err == -E2BIG)
				count->stack_limit++;
			else {
				count->busy++;
				return;
			}
		}
	}
	if (entry)
		__sync_fetch_and_add(&entry->count, 1);
	count->aggregated++;
	count->kernel += in_kernel;
	count->user_walk[record->user_walk & (EO_USER_WALK_COUNT - 1)]++;

	if (entry && !entry->sent) {
		record->ktime_ns = now;
		record->hash = hash;
		send_new_stack(record, entry, count);
	}
	if (profiler.timestamps)
		send_sample(record->generation, entry ? hash : 0, now);
}

/* Every program is one MEASURED() call, so that its time is known without the kernel's own
 * statistics, which need CAP_SYS_ADMIN and cost every BPF program of the machine. The call may use
 * `count`, this CPU's counters, and `start`, the time. */
#define MEASURED(call)                                                                 \
	({                                                                             \
		__u64 start = bpf_ktime_get_ns();                                      \
		__u32 zero = 0;                                                        \
		struct eo_profile_counters *count = bpf_map_lookup_elem(&counters, &zero); \
                                                                                       \
		if (count) {                                                           \
			call;                                                          \
			count->run_ns += bpf_ktime_get_ns() - start;                   \
			count->runs++;                                                 \
		}                                                                      \
		0;                                                                     \
	})

SEC("perf_event")
int on_sample(struct bpf_perf_event_data *ctx)
{
	return MEASURED(sample(ctx, count, start, 0));
}

#ifdef WALKS_BY_TABLES
/* The same with bpf_loop(), which older kernels lack: one of the two is loaded. */
SEC("perf_event")
int on_sample_tables(struct bpf_perf_event_data *ctx)
{
	return MEASURED(sample(ctx, count, start, 1));
}
#endif

/* Both hooks serve two ends, and user space loads them for either. */
static __always_inline void see_fork(struct task_struct *child)
{
	follow_fork(child);
#ifdef WALKS_BY_TABLES
	if (stack_config.tables && BPF_CORE_READ(child, pid) == BPF_CORE_READ(child, tgid))
		forget_mappings(BPF_CORE_READ(child, tgid));
#endif
}

static __always_inline void see_exec(__u32 old_tid)
{
	follow_exec(old_tid);
#ifdef WALKS_BY_TABLES
	if (stack_config.tables)
		forget_mappings(bpf_get_current_pid_tgid() >> 32);
#endif
}

SEC("raw_tp/sched_process_fork")
int on_fork(struct bpf_raw_tracepoint_args *ctx)
{
	return MEASURED(see_fork((void *)ctx->args[1]));
}

SEC("raw_tp/sched_process_exec")
int on_exec(struct bpf_raw_tracepoint_args *ctx)
{
	return MEASURED(see_exec(ctx->args[1]));
}

SEC("raw_tp/sched_process_exit")
int on_exit(struct bpf_raw_tracepoint_args *ctx)
{
	return MEASURED(follow_exit((void *)ctx->args[0]));
}

SEC("raw_tp/sched_process_free")
int on_free(struct bpf_raw_tracepoint_args *ctx)
{
	return MEASURED(follow_free((void *)ctx->args[0]));
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
