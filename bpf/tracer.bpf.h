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

/* One run in so many is timed. Odd, because programs often take turns. */
#define EO_TIMED_PERIOD 251

const volatile struct eo_tracer_config tracer = {};

struct eo_ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096); /* all rings of a run have another size, set before load */
};

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

/* User space looks by itself every few milliseconds; a wakeup costs more than a record. */
static __always_inline __u64 ring_flags(void *ring)
{
	return bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) > tracer.wakeup_bytes ?
		       BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

/* The inner map's fields are only reached through helpers, which take any ring. */
static __always_inline void fill_header(struct eo_record_header *header,
					struct task_struct *task, __u64 pid_tgid, __u32 kind,
					__u64 ktime_ns)
{
	header->kind = kind;
	header->tgid = pid_tgid >> 32;
	header->tid = (__u32)pid_tgid;
	header->ns_tgid = process_ns_tgid(task);
	header->ktime_ns = ktime_ns;
	bpf_get_current_comm(header->thread, sizeof(header->thread));
	if (header->tgid == header->tid)
		__builtin_memcpy(header->comm, header->thread, sizeof(header->comm));
	else
		read_process_comm(task, header->comm);
}

/* Send a record that begins with a filled header. Returns 0, or nonzero after counting the loss.
 * @size: known to the verifier to be within what lies at @header */
static __always_inline long send_record(struct eo_tracer_counters *count,
					struct eo_record_header *header, __u64 size)
{
	void *ring = cpu_ring();

	header->ring_lost = count->lost[EO_LOSS_RING_FULL];
	if (!ring || bpf_ringbuf_output(ring, header, size, ring_flags(ring))) {
		COUNT(count->lost[EO_LOSS_RING_FULL]);
		return -1;
	}
	COUNT(count->emitted);
	return 0;
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

static __always_inline __u64 run_begins(struct eo_tracer_counters *count)
{
	count->runs++;
	if (count->timed_next) {
		count->timed_next--;
		return 0;
	}
	count->timed_next = EO_TIMED_PERIOD - 1;
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
