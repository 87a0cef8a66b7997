/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The blocks in use, and what is summed up when one comes or goes: the same for all sources.
 *
 * A block is taken out before it is freed and put in before it is handed over. In between nobody
 * else can have its address, so that neither CPUs nor threads can mix up two blocks. */
#ifndef EO_MEM_LIVE_BPF_H
#define EO_MEM_LIVE_BPF_H

#include "mem_records.h"
#include "trace_stack.bpf.h"
#include "tracer.bpf.h"

const volatile struct eo_mem_config mem = {};

/* Probes come and go one after the other. Only while this is set do calls begin to count, so that
 * all of them begin and end at one moment. */
volatile __u32 is_open;

#define COUNT_MORE(field, number) __sync_fetch_and_add(&(field), (number))

#define BLOCKS(name, flags)                              \
	struct {                                         \
		__uint(type, BPF_MAP_TYPE_HASH);         \
		__uint(max_entries, 1);                  \
		__uint(map_flags, flags);                \
		__type(key, struct eo_mem_block_key);    \
		__type(value, struct eo_mem_block);      \
	} name SEC(".maps")

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct eo_mem_totals_key);
	__type(value, struct eo_mem_totals);
} totals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct eo_mem_counters);
} mem_counters SEC(".maps");

struct classes {
	struct eo_mem_class of[EO_MEM_SOURCES * EO_MEM_CLASSES];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct classes);
} classes SEC(".maps");

/* What the parts of one event hand to each other. */
struct event {
	struct eo_tracer_counters *count;
	struct eo_mem_counters *sums;
	struct task_struct *task; /* NULL: in nobody's name */
	void *blocks;		  /* the map of the source */
	__u64 pid_tgid, now;
	struct eo_mem_image image;
	__u32 source, function;
};

static __always_inline struct eo_mem_counters *mem_sums(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&mem_counters, &zero);
}

/* ---- blocks ---- */

static __always_inline struct eo_mem_totals *totals_of(__u32 source, __u64 stack)
{
	struct eo_mem_totals_key key = {.stack = stack, .source = source};
	struct eo_mem_totals *sum = bpf_map_lookup_elem(&totals, &key), fresh = {};

	if (!sum) {
		bpf_map_update_elem(&totals, &key, &fresh, BPF_NOEXIST);
		sum = bpf_map_lookup_elem(&totals, &key);
	}
	if (!sum && stack) {
		key.stack = 0;
		sum = bpf_map_lookup_elem(&totals, &key);
	}
	return sum;
}

/* By halves: there is no instruction for it. */
static __always_inline struct eo_mem_class *class_of(__u32 source, __u64 size)
{
	__u32 zero = 0, k = source * EO_MEM_CLASSES;
	struct classes *sums = bpf_map_lookup_elem(&classes, &zero);

	for (__u32 half = 32; half; half /= 2)
		if (size >> half)
			size >>= half, k += half;
	asm volatile("" : "+r"(k)); /* or clang drops the mask, which the verifier wants to see */
	return sums ? &sums->of[k & (EO_MEM_SOURCES * EO_MEM_CLASSES - 1)] : NULL;
}

#define COUNT_BLOCK(number, bytes, block)                                               \
	do {                                                                            \
		COUNT_MORE(number, (block)->weight);                                    \
		COUNT_MORE(bytes, eo_mem_weighted((block)->size, (block)->weight));     \
	} while (0)

/* Take a block out of those in use. */
static __always_inline int take_block(struct event *event, __u64 address, struct eo_mem_block *ret)
{
	struct eo_mem_block_key key = {.image = event->image, .address = address};
	struct eo_mem_block *block = bpf_map_lookup_elem(event->blocks, &key);

	if (!block)
		return 0;
	*ret = *block;
	if (bpf_map_delete_elem(event->blocks, &key))
		return 0; /* twice at once, which is the program's fault */
	COUNT_BLOCK(event->sums->removed, event->sums->removed_bytes, ret);
	return 1;
}

static __always_inline void put_block(struct event *event, __u64 address,
				      const struct eo_mem_block *block)
{
	struct eo_mem_block_key key = {.image = event->image, .address = address};
	struct eo_mem_block old;
	long err = bpf_map_update_elem(event->blocks, &key, block, BPF_NOEXIST);

	if (err == -EEXIST) {
		if (take_block(event, address, &old))
			COUNT(event->sums->replaced);
		err = bpf_map_update_elem(event->blocks, &key, block, BPF_NOEXIST);
	}
	if (err) {
		COUNT(event->sums->untracked);
		return;
	}
	COUNT_BLOCK(event->sums->added, event->sums->added_bytes, block);
}

/* ---- events ---- */

static __always_inline void deliver(struct event *event, __u32 kind, __u64 address, __u64 size,
				    __u64 stack, __u64 lifetime_ns, __u32 known, __s32 error)
{
	struct eo_mem_record record = {
		.address = address,
		.size = size,
		.stack = stack,
		.lifetime_ns = lifetime_ns,
		.function = event->function,
		.known = known,
		.error = error,
		.source = event->source,
	};

	if (!mem.events) {
		COUNT(event->count->aggregated);
		return;
	}
	if (event->task) {
		fill_header(&record.header, event->task, event->pid_tgid, kind, event->now);
	} else {
		record.header.kind = kind;
		record.header.ktime_ns = event->now;
	}
	send_record(event->count, &record.header, sizeof(record));
}

static __always_inline void freed(struct event *event, __u64 address, const struct eo_mem_block *block)
{
	struct eo_mem_totals *sum;
	struct eo_mem_class *class;

	COUNT(event->count->seen);
	COUNT_BLOCK(event->sums->frees, event->sums->freed_bytes, block);
	class = mem.classes ? class_of(event->source, block->size) : NULL;
	if (class)
		COUNT_BLOCK(class->frees, class->freed_bytes, block);
	if (mem.stacks) {
		sum = totals_of(event->source, block->stack);
		if (sum)
			COUNT_BLOCK(sum->frees, sum->freed_bytes, block);
	}
	deliver(event, EO_MEM_RECORD_FREE, address, block->size, 0, event->now - block->ktime_ns,
		EO_MEM_KNOWN_SIZE | EO_MEM_KNOWN_LIFETIME, 0);
}

/* Who filters by size, or samples, cannot tell a block that was left out from one of old times. */
static __always_inline void freed_unknown(struct event *event, __u64 address)
{
	COUNT(event->count->seen);
	if (mem.min_size || mem.sample_all) {
		COUNT(event->count->filtered);
		return;
	}
	COUNT(event->sums->unknown_frees);
	deliver(event, EO_MEM_RECORD_FREE, address, 0, 0, 0, 0, 0);
}

/* Take back what the program frees. */
static __always_inline void give_back(struct event *event, __u64 address)
{
	struct eo_mem_block block;

	if (take_block(event, address, &block))
		freed(event, address, &block);
	else
		freed_unknown(event, address);
}

static __always_inline void failed(struct event *event, __u64 size, __s32 error)
{
	struct eo_mem_class *class;

	COUNT(event->count->seen);
	if (size < mem.min_size) {
		COUNT(event->count->filtered);
		return;
	}
	COUNT(event->sums->failed);
	class = mem.classes ? class_of(event->source, size) : NULL;
	if (class)
		COUNT(class->failed);
	deliver(event, EO_MEM_RECORD_ALLOC, 0, size, 0, 0, 0, error);
}

/* Where in the code it happens. */
enum place {
	PLACE_CALL,   /* in a uretprobe: the function that returns */
	PLACE_PROBE,  /* in a uprobe: there */
	PLACE_ENTRY,  /* where the thread entered the kernel */
	PLACE_KERNEL, /* there as well, and how it got here from there */
};

/* @function: of PLACE_CALL */
static __always_inline __u64 stack_of(struct event *event, void *ctx, const enum place place,
				      __u64 function)
{
	struct stack_slot *slot;
	__u64 hash;
	__u32 number;

	slot = claim_slot(&number);
	if (!slot)
		return 0;
	if (place == PLACE_CALL)
		take_call_stack(slot, number, ctx, event->task, event->pid_tgid, function);
	else if (place == PLACE_PROBE)
		take_probe_stack(slot, number, ctx, event->task, event->pid_tgid);
	else
		take_current_stack(slot, number, ctx, event->task, event->pid_tgid,
				   place == PLACE_KERNEL);
	hash = tell_stack(slot, event->now);
	release_slot(slot);
	return hash;
}

/* What a block of this size stands for, or 0 when it is not sampled. Points at random have no
 * memory: whether one lies in a block does not depend on any other block, so that nothing needs to
 * be kept from call to call. The weight is one by the very probability that decides, so that sums
 * are unbiased whatever it was rounded to. */
static __always_inline __u64 sample_weight(__u64 size)
{
	__u64 x, share, next, probability, random;
	__u32 k;

	if (!size)
		size = 1;
	if (size >= mem.sample_all)
		return EO_MEM_ONE;
	x = size * mem.sample_byte;
	k = x / ((1ull << EO_MEM_SAMPLE_SHIFT) / EO_MEM_SHARES_STEPS);
	if (k >= EO_MEM_SHARES - 1)
		return EO_MEM_ONE;
	share = mem.shares[k];
	next = mem.shares[k + 1];
	x %= (1ull << EO_MEM_SAMPLE_SHIFT) / EO_MEM_SHARES_STEPS;
	share -= (share - next) * x / ((1ull << EO_MEM_SAMPLE_SHIFT) / EO_MEM_SHARES_STEPS);
	probability = size * mem.sample_byte * share / EO_MEM_ONE;
	if (!probability || probability >= 1ull << EO_MEM_SAMPLE_SHIFT)
		return EO_MEM_ONE;
	random = (__u64)bpf_get_prandom_u32() << 32 | bpf_get_prandom_u32();
	if (random >> (64 - EO_MEM_SAMPLE_SHIFT) >= probability)
		return 0;
	return ((__u64)EO_MEM_ONE << EO_MEM_SAMPLE_SHIFT) / probability;
}

static __always_inline void allocated(struct event *event, void *ctx, const enum place place,
				      __u64 function, __u64 address, __u64 size)
{
	struct eo_mem_block block = {.size = size, .ktime_ns = event->now};
	struct eo_mem_totals *sum;
	struct eo_mem_class *class;

	COUNT(event->count->seen);
	if (size >= mem.min_size)
		block.weight = sample_weight(size);
	if (!block.weight) {
		COUNT(event->count->filtered);
		return;
	}
	COUNT_BLOCK(event->sums->allocations, event->sums->allocated_bytes, &block);
	class = mem.classes ? class_of(event->source, size) : NULL;
	if (class)
		COUNT_BLOCK(class->allocations, class->allocated_bytes, &block);
	if (mem.stacks) {
		block.stack = stack_of(event, ctx, place, function);
		sum = totals_of(event->source, block.stack);
		if (sum)
			COUNT_BLOCK(sum->allocations, sum->allocated_bytes, &block);
	}
	put_block(event, address, &block);
	deliver(event, EO_MEM_RECORD_ALLOC, address, size, block.stack, 0, 0, 0);
}

#endif
