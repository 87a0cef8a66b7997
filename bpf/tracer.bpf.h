/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Rings, counters and the cost of a tracer's programs: one header for all of them.
 *
 * There is a ring for each CPU, because producers that share one spend their time waiting for each
 * other. A full ring loses the record, which is counted; each record says how many this CPU had
 * lost before it, so that user space knows the place of a gap without being told of it. */
#ifndef EO_TRACER_BPF_H
#define EO_TRACER_BPF_H

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "filter.bpf.h"
#include "kernel.h"
#include "trace_records.h"

const volatile struct eo_tracer_config tracer = {};

struct eo_ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096); /* all rings of a run have another size, set before load */
};

/* What a program keeps of each thread, from v5.11 on. */
#define TASK_STORAGE(name, type_)                     \
	struct {                                      \
		__uint(type, BPF_MAP_TYPE_TASK_STORAGE); \
		__uint(map_flags, BPF_F_NO_PREALLOC); \
		__type(key, int);                     \
		__type(value, type_);                 \
	} name SEC(".maps")

/* Key: the CPU. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct eo_ring);
} rings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct eo_tracer_counters);
} counters SEC(".maps");

/* Programs in interrupts share their CPU's counters with those that they interrupt. */
#define COUNT(field) __sync_fetch_and_add(&(field), 1)

static __always_inline struct eo_tracer_counters *cpu_counters(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&counters, &zero);
}

static __always_inline void *cpu_ring(void)
{
	__u32 cpu = bpf_get_smp_processor_id();

	return bpf_map_lookup_elem(&rings, &cpu);
}

/* User space looks by itself every few milliseconds; a wakeup costs more than a record. So there is
 * one for each wakeup_bytes, and none as long as user space keeps up by itself. */
static __always_inline __u64 ring_flags(struct eo_tracer_counters *count, void *ring)
{
	__u64 end;

	if (bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) <= tracer.wakeup_bytes)
		return BPF_RB_NO_WAKEUP;
	end = bpf_ringbuf_query(ring, BPF_RB_PROD_POS);
	if (end - count->woken_at < tracer.wakeup_bytes)
		return BPF_RB_NO_WAKEUP;
	count->woken_at = end;
	return BPF_RB_FORCE_WAKEUP;
}

/* In programs of type tp_btf a task's fields are plain loads, a tenth of the cost of a helper.
 * @btf is a constant: 1 there, with a task from bpf_get_current_task_btf(), else 0. */
#define TASK_FIELD(btf, task, ...) ((btf) ? BTF_FIELD(task, __VA_ARGS__) : BPF_CORE_READ(task, __VA_ARGS__))
#define BTF_FIELD_1(p, a) (p)->a
#define BTF_FIELD_2(p, a, b) (p)->a->b
#define BTF_FIELD_N(p, a, b, name, ...) name
#define BTF_FIELD(p, ...) BTF_FIELD_N(p, __VA_ARGS__, BTF_FIELD_2, BTF_FIELD_1)(p, __VA_ARGS__)

/* Does the kernel work for the current task @task, and not in an interrupt on top of it? What a
 * tracepoint hands over lies on the stack that the kernel runs on, and interrupts have one of their own.
 * @ctx: of the program of a tracepoint */
static __always_inline int is_on_stack_of(struct task_struct *task, void *ctx)
{
	__u64 from = (__u64)BPF_CORE_READ(task, stack), here = 0, to = 0;
	void *slot = ctx;

	/* Through memory, as the verifier lets nobody compute with what it calls a pointer. */
	bpf_probe_read_kernel(&here, sizeof(here), &slot);
	slot = (void *)bpf_task_pt_regs(task);
	bpf_probe_read_kernel(&to, sizeof(to), &slot);
	return here > from && here < to;
}

static __always_inline __u64 task_pid_tgid(struct task_struct *task, const int btf)
{
	return btf ? (__u64)task->tgid << 32 | (__u32)task->pid : bpf_get_current_pid_tgid();
}

static __always_inline void copy_comm(struct task_struct *task, char comm[EO_COMM_LEN], const int btf)
{
	if (!btf) {
		bpf_probe_read_kernel(comm, EO_COMM_LEN, &task->comm);
		return;
	}
	((__u64 *)comm)[0] = ((const __u64 *)task->comm)[0];
	((__u64 *)comm)[1] = ((const __u64 *)task->comm)[1];
}

static __always_inline void fill_header_as(struct eo_record_header *header,
					   struct task_struct *task, __u64 pid_tgid, __u32 kind,
					   __u64 ktime_ns, const int btf)
{
	header->kind = kind;
	header->tgid = pid_tgid >> 32;
	header->tid = (__u32)pid_tgid;
	header->ns_tgid = 0;
	header->ktime_ns = ktime_ns;
	/* Most are in the root namespace, and there is nothing more to read then. */
	if (TASK_FIELD(btf, task, thread_pid, level))
		header->ns_tgid = process_ns_tgid(task);
	copy_comm(task, header->thread, btf);
	if (header->tgid == header->tid)
		__builtin_memcpy(header->comm, header->thread, EO_COMM_LEN);
	else
		copy_comm(TASK_FIELD(btf, task, group_leader), header->comm, btf);
}

/* For any type of program, and any task. */
static __always_inline void fill_header(struct eo_record_header *header,
					struct task_struct *task, __u64 pid_tgid, __u32 kind,
					__u64 ktime_ns)
{
	fill_header_as(header, task, pid_tgid, kind, ktime_ns, 0);
}

/* Send a record that begins with a filled header. Returns 0, or nonzero after counting the loss.
 * @most: a constant; so much lies at @header */
static __always_inline long send_sized_record(struct eo_tracer_counters *count,
					      struct eo_record_header *header, __u64 size,
					      const __u64 most)
{
	void *ring = cpu_ring();
	__u64 flags;

	header->ring_lost = count->lost[EO_LOSS_RING_FULL];
	if (!ring)
		goto full;
	flags = ring_flags(count, ring);
	/* Compared last of all: old kernels forget the bounds of what was put on the stack. */
	asm volatile("" : "+r"(size));
	if (size > most)
		goto full;
	if (bpf_ringbuf_output(ring, header, size, flags))
		goto full;
	COUNT(count->emitted);
	return 0;
full:
	COUNT(count->lost[EO_LOSS_RING_FULL]);
	return -1;
}

/* @size: a constant */
static __always_inline long send_record(struct eo_tracer_counters *count,
					struct eo_record_header *header, const __u64 size)
{
	return send_sized_record(count, header, size, size);
}

/* Room for a record in this CPU's ring, which is to be submitted or discarded; it holds anything yet.
 * NULL: the ring is full. For records that are large on a stack, or may yet turn out to be none. */
static __always_inline void *reserve_record(const __u64 size)
{
	void *ring = cpu_ring();

	return ring ? bpf_ringbuf_reserve(ring, size, 0) : NULL;
}

static __always_inline void submit_record(struct eo_tracer_counters *count,
					  struct eo_record_header *header)
{
	void *ring = cpu_ring();

	header->ring_lost = count->lost[EO_LOSS_RING_FULL];
	bpf_ringbuf_submit(header, ring ? ring_flags(count, ring) : 0);
	COUNT(count->emitted);
}

/* Every program is one TRACED() call, so that its time is known without the kernel's own
 * statistics. @call may use `count`, this CPU's counters. */
#define TRACED(call)                                                           \
	({                                                                     \
		struct eo_tracer_counters *count = cpu_counters();             \
                                                                               \
		if (count) {                                                   \
			__u64 timed_from = run_begins(count);                  \
                                                                               \
			call;                                                  \
			run_ends(count, timed_from);                           \
		}                                                              \
		0;                                                             \
	})

/* The same, not to be preempted: since v6.10 a program can hold its CPU, until when nothing of it is
 * on its stack. For probes in user space, whose programs are run twice on a CPU when the first is
 * preempted, though from v6.13 on the JIT gives each program one stack a CPU: two threads would write
 * over each other's. */
extern void bpf_preempt_disable(void) __ksym __weak;
extern void bpf_preempt_enable(void) __ksym __weak;

#define HOLDING_CPU(holds, statement)          \
	({                                     \
		if (holds)                     \
			bpf_preempt_disable(); \
		statement;                     \
		if (holds)                     \
			bpf_preempt_enable();  \
		0;                             \
	})

#define UNPREEMPTED(call) HOLDING_CPU(tracer.holds_cpu, TRACED(call))

/* For tracepoints, whose programs can be preempted from v7.0 on, and share what a CPU has one of. Before,
 * they may call global functions, which v6.12 forbids to who holds the CPU. These are for where no
 * thread can be preempted, as in interrupts; for all others see spare.bpf.h. */
#define UNPREEMPTED_TP(call) HOLDING_CPU(tracer.tracepoints_hold_cpu, TRACED(call))

static __always_inline __u64 run_begins(struct eo_tracer_counters *count)
{
	__u64 next = count->timed_next;

	count->timed_next = next ? next - 1 : EO_TIMED_PERIOD - 1;
	if (next)
		return 0;
	return bpf_ktime_get_ns();
}

static __always_inline void run_ends(struct eo_tracer_counters *count, __u64 timed_from)
{
	if (!timed_from)
		return;
	count->timed_ns += bpf_ktime_get_ns() - timed_from;
	count->timed_runs++;
}

#endif
