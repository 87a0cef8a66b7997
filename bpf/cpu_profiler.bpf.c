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
#include "unwind_fp.bpf.h"

const volatile struct eo_profiler_config profiler = {};

volatile __u32 generation;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct eo_stack_count);
} counts_even SEC(".maps"), counts_odd SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} stacks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct eo_profile_counters);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct eo_stack_record);
} scratch SEC(".maps");

/* User space looks by itself ten times a second; a wakeup costs more than a record. */
static __always_inline __u64 wakeup_flags(void)
{
	return bpf_ringbuf_query(&stacks, BPF_RB_AVAIL_DATA) > profiler.wakeup_bytes ?
		       BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

#ifdef __TARGET_ARCH_x86
#include "snapshot.bpf.h"
#include "unwind_table.bpf.h" /* walks into the scratch record */
#endif

/* Multiply and fold; good enough that 10 million stacks collide once in 370,000 runs. */
static __always_inline __u64 mix(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
	return hash ^ (hash >> 32);
}

static __always_inline __u64 hash_stack(const struct eo_stack_record *record)
{
	__u32 frames = record->kernel_frames + record->user_frames;
	const __u64 *comm = (const __u64 *)record->comm, *thread = (const __u64 *)record->thread;
	__u64 hash = mix(record->tgid, record->tid);

	hash = mix(hash, (__u64)record->exec_id << 32 | record->in_kernel << 16 | record->user_walk);
	hash = mix(hash, (__u64)record->kernel_frames << 32 | record->user_frames);
	hash = mix(mix(hash, comm[0]), comm[1]);
	hash = mix(mix(hash, thread[0]), thread[1]);
	for (__u32 i = 0; i < 2 * EO_MAX_FRAMES; i++) {
		if (i >= frames)
			break;
		hash = mix(hash, record->frames[i]);
	}
	return hash;
}

/* User space is to fill in at once what the walk did not find: the process may not live long. */
static __always_inline void send_miss(const struct eo_stack_record *record, __u64 pc)
{
	struct eo_miss_record miss = {
		.kind = EO_RECORD_MISS,
		.tgid = record->tgid,
		.ktime_ns = bpf_ktime_get_ns(),
		.pc = pc,
		.user_walk = record->user_walk,
	};

	if (record->user_walk == EO_USER_NO_PROCESS || record->user_walk == EO_USER_NO_MAPPING ||
	    record->user_walk == EO_USER_NOT_LOADED)
		bpf_ringbuf_output(&stacks, &miss, sizeof(miss), BPF_RB_FORCE_WAKEUP);
}

/* Fill everything but kind, generation, time and hash. */
static __always_inline void take_stack(struct bpf_perf_event_data *ctx, struct task_struct *task,
				       struct eo_stack_record *record, __u64 pid_tgid, int in_kernel,
				       int has_user, const int tables)
{
	__u32 kernel = 0, user = 0;
	__u64 miss = 0;
	long bytes;

	record->tgid = pid_tgid >> 32;
	record->tid = profiler.per_thread ? (__u32)pid_tgid : 0;
	record->exec_id = BPF_CORE_READ(task, self_exec_id);
	record->in_kernel = in_kernel;
	record->user_walk = EO_USER_NONE;
	read_process_comm(task, record->comm);
	__builtin_memset(record->thread, 0, sizeof(record->thread));
	if (profiler.per_thread)
		bpf_get_current_comm(record->thread, sizeof(record->thread));

	if (in_kernel && !profiler.user_only) {
		bytes = bpf_get_stack(ctx, record->frames, EO_MAX_FRAMES * sizeof(__u64), 0);
		if (bytes > 0)
			kernel = (__u32)bytes / sizeof(__u64);
	}
	/* The mask says nothing new to us, but the verifier wants to see the bound. */
	kernel &= EO_MAX_FRAMES;
	asm volatile("" : "+r"(kernel));
	kernel &= EO_MAX_FRAMES;
#ifdef __TARGET_ARCH_x86
	if (has_user && tables) {
		record->user_walk = walk_user_tables(ctx, task, record, kernel, in_kernel, &user, &miss);
		send_miss(record, miss);
	}
#endif
	if (has_user && !tables)
		record->user_walk = walk_user_fp(ctx, record->frames + kernel, &user);
	record->kernel_frames = kernel;
	record->user_frames = user;
}

static __always_inline void send_stack(struct eo_stack_record *record, struct eo_stack_count *entry,
				       struct eo_profile_counters *count)
{
	__u32 frames = record->kernel_frames + record->user_frames;

	if (frames > 2 * EO_MAX_FRAMES)
		return;
	/* Marked first, so that another CPU seldom sends it too; twice does no harm. */
	entry->sent = 1;
	if (bpf_ringbuf_output(&stacks, record, EO_STACK_HEADER_BYTES + frames * sizeof(__u64),
			       wakeup_flags())) {
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
	record = bpf_map_lookup_elem(&scratch, &zero);
	if (!record) {
		count->busy++;
		return;
	}
	take_stack(ctx, task, record, pid_tgid, in_kernel, has_user, tables);
#ifdef __TARGET_ARCH_x86
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
		record->kind = EO_RECORD_STACK;
		record->ktime_ns = now;
		record->hash = hash;
		send_stack(record, entry, count);
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

#ifdef __TARGET_ARCH_x86
/* The same with bpf_loop(), which older kernels lack: one of the two is loaded. */
SEC("perf_event")
int on_sample_tables(struct bpf_perf_event_data *ctx)
{
	return MEASURED(sample(ctx, count, start, 1));
}
#endif

SEC("raw_tp/sched_process_fork")
int on_fork(struct bpf_raw_tracepoint_args *ctx)
{
	return MEASURED(follow_fork((void *)ctx->args[1]));
}

SEC("raw_tp/sched_process_exec")
int on_exec(void *ctx)
{
	return MEASURED(follow_exec());
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
