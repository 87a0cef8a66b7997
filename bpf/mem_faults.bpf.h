/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What becomes resident, and by whom. A page fault does not tell how much it brings in: a page,
 * sixteen of a file, two megabytes, or nothing. The kernel's own count does, whose tracepoint comes
 * with each change and the new sum: what lies between two sums is what came, or went.
 *
 * Before Linux 6.2 threads keep up to 64 pages for themselves before they add them to that count. */
#ifndef EO_MEM_FAULTS_BPF_H
#define EO_MEM_FAULTS_BPF_H

#include "mem_live.bpf.h"

/* tracefs: events/kmem/rss_stat/format, the same since v5.8. */
struct rss_stat {
	__u64 common;
	__u32 mm_id; /* a hash of the memory's address */
	__u32 curr;  /* it is the current task's */
	__s32 member;
	__u32 padding;
	__s64 size; /* the new sum, in bytes */
};

#define MEMBERS	    4 /* include/linux/mm_types_task.h: pages of files, anonymous, swapped, shared */
#define MEMBER_SWAP 2

struct resident {
	__u64 told[MEMBERS]; /* the sums that were accounted for */
	__u64 net;	     /* what came less what went, as far as it came while we looked */
	__u32 known;	     /* bits: members whose first sum has come */
	__u32 tgid;
};

/* Key: mm_id. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct resident);
} residents SEC(".maps");

/* Programs whose memory is new since their exec, so that all of it is theirs. Key: tgid. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u32);
} new_memory SEC(".maps");

/* A thread's last page fault. */
struct fault {
	__u64 address;
	__u64 pc, sp;
};

TASK_STORAGE(faults, struct fault);

static __always_inline void expect_new_memory(void)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32, one = 1;

	if (mem.faults)
		bpf_map_update_elem(&new_memory, &tgid, &one, BPF_ANY);
}

#ifdef TELLS_OF_PAGE_FAULTS
static __always_inline void page_fault_begins(__u64 address, struct pt_regs___kernel *regs)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct fault *fault;

	if (!is_open || !filter_current(task, bpf_get_current_pid_tgid()))
		return;
	fault = bpf_task_storage_get(&faults, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!fault)
		return;
	fault->address = address;
	fault->pc = BPF_CORE_READ(regs, ip);
	fault->sp = BPF_CORE_READ(regs, sp);
}

/* The address whose fault we are in; 0: in none. Where a system call returns to no fault can be: the
 * instruction has been executed. */
static __always_inline __u64 current_fault(struct task_struct *task)
{
	struct pt_regs___kernel *regs = (void *)bpf_task_pt_regs(task);
	struct fault *fault = bpf_task_storage_get(&faults, task, 0, 0);

	if (!fault || fault->pc != BPF_CORE_READ(regs, ip) || fault->sp != BPF_CORE_READ(regs, sp))
		return 0;
	return fault->address;
}
#else
static __always_inline __u64 current_fault(struct task_struct *task)
{
	return 0;
}
#endif

static __always_inline struct resident *make_resident(__u32 mm_id, __u32 tgid)
{
	struct resident fresh = {.tgid = tgid};

	if (bpf_map_lookup_elem(&new_memory, &tgid)) {
		fresh.known = (1u << MEMBERS) - 1;
		bpf_map_delete_elem(&new_memory, &tgid);
	}
	bpf_map_update_elem(&residents, &mm_id, &fresh, BPF_NOEXIST);
	return bpf_map_lookup_elem(&residents, &mm_id);
}

static __always_inline void memory_comes(struct event *event, void *ctx, struct resident *resident,
					 __u64 size)
{
	struct eo_mem_totals *sum;
	struct eo_mem_class *class;
	__u64 stack = 0;

	COUNT(event->count->seen);
	if (size < mem.min_size) {
		COUNT(event->count->filtered);
		return;
	}
	__sync_fetch_and_add(&resident->net, size);
	COUNT_MORE(event->sums->allocations, EO_MEM_ONE);
	COUNT_MORE(event->sums->allocated_bytes, size);
	COUNT_MORE(event->sums->added_bytes, size);
	class = mem.classes ? class_of(event->source, size) : NULL;
	if (class) {
		COUNT_MORE(class->allocations, EO_MEM_ONE);
		COUNT_MORE(class->allocated_bytes, size);
	}
	if (mem.stacks) {
		stack = event->task ? stack_of(event, ctx, PLACE_ENTRY, 0) : 0;
		sum = totals_of(event->source, stack);
		if (sum) {
			COUNT_MORE(sum->allocations, EO_MEM_ONE);
			COUNT_MORE(sum->allocated_bytes, size);
		}
	}
	event->function = EO_MEM_RESIDENT;
	if (event->task && mem.events) {
		__u64 address = current_fault(event->task);

		if (address)
			event->function = EO_MEM_PAGE_FAULT;
		deliver(event, EO_MEM_RECORD_ALLOC, address, size, stack, 0, 0, 0);
		return;
	}
	deliver(event, EO_MEM_RECORD_ALLOC, 0, size, stack, 0, 0, 0);
}

/* @ending: the whole of it goes, with its program. */
static __always_inline void memory_goes(struct event *event, struct resident *resident, __u64 size,
					int ending)
{
	__u64 part = resident->net < size ? resident->net : size;
	struct eo_mem_class *class;

	__sync_fetch_and_add(&resident->net, -part);
	COUNT_MORE(event->sums->removed_bytes, part);
	if (ending)
		return;
	event->function = EO_MEM_RELEASED;
	if (!part) {
		freed_unknown(event, 0);
		return;
	}
	COUNT(event->count->seen);
	COUNT_MORE(event->sums->frees, EO_MEM_ONE);
	COUNT_MORE(event->sums->freed_bytes, part);
	class = mem.classes ? class_of(event->source, part) : NULL;
	if (class) {
		COUNT_MORE(class->frees, EO_MEM_ONE);
		COUNT_MORE(class->freed_bytes, part);
	}
	deliver(event, EO_MEM_RECORD_FREE, 0, part, 0, 0, EO_MEM_KNOWN_SIZE, 0);
}

static __always_inline void forget_resident(__u32 mm_id, const struct resident *resident)
{
	__u64 left = 0;

	for (__u32 i = 0; i < MEMBERS; i++)
		if (i != MEMBER_SWAP)
			left += resident->told[i];
	if (!left)
		bpf_map_delete_elem(&residents, &mm_id);
}

static __always_inline void rss_changes(struct rss_stat *ctx, struct eo_tracer_counters *count)
{
	struct event event = {.count = count, .source = EO_MEM_FAULTS};
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 mm_id = ctx->mm_id, member = ctx->member, curr = ctx->curr, known;
	__u64 size = ctx->size, old;
	struct resident *resident;

	if (!is_open || member >= MEMBERS || member == MEMBER_SWAP)
		return;
	event.pid_tgid = bpf_get_current_pid_tgid();
	if (curr && !filter_current(task, event.pid_tgid))
		return;
	resident = bpf_map_lookup_elem(&residents, &mm_id);
	if (!resident && curr)
		resident = make_resident(mm_id, event.pid_tgid >> 32);
	event.sums = mem_sums();
	if (!resident || !event.sums) {
		if (curr) {
			COUNT(count->seen);
			COUNT(count->lost[EO_LOSS_MAP_FULL]);
		}
		return;
	}
	/* Two CPUs may change places between the sum and here. What one then counts too much, the
	 * other counts as gone, and in the end the two of them are right. */
	old = __sync_lock_test_and_set(&resident->told[member], size);
	known = resident->known;
	resident->known = known | 1u << member;
	if (!(known & 1u << member) || size == old)
		return;
	event.now = bpf_ktime_get_ns();
	event.task = curr ? task : NULL; /* another's memory: reclaimed, or a debugger's doing */
	if (size > old) {
		memory_comes(&event, ctx, resident, size - old);
		return;
	}
	memory_goes(&event, resident, old - size, !curr && event.pid_tgid >> 32 == resident->tgid);
	if (!curr)
		forget_resident(mm_id, resident);
}

#endif
