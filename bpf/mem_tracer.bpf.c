// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* Follows what a program's allocator gives and takes back, by uprobes on its functions, and keeps
 * the blocks in use.
 *
 * Only the outermost call of a thread counts: what an allocator calls inside itself is its own
 * affair. A thread's call is told by its stack pointer, which the return finds again, so that a
 * call that was left by longjmp() is known to be gone when an outer one begins.
 *
 * A block is taken out before it is freed and put in before it is handed over. In between nobody
 * else can have its address, so that neither CPUs nor threads can mix up two blocks. */
#include <linux/bpf.h>
#include <linux/errno.h>
#include <linux/ptrace.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "filter.bpf.h"
#include "kernel.h"
#include "mem_records.h"
#include "trace_stack.bpf.h"
#include "tracer.bpf.h"

const volatile struct eo_mem_config mem = {};

/* Probes come and go one after the other. Only while this is set do calls begin to count, so that
 * all of them begin and end at one moment. */
volatile __u32 is_open;

#define COUNT_MORE(field, number) __sync_fetch_and_add(&(field), (number))

/* A thread's call that has not returned yet, and its program. */
struct thread {
	__u64 sp; /* at entry; 0: there is none */
	__u64 pc;
	__u64 size;
	__u64 out;	   /* where posix_memalign() is to put the pointer */
	__u64 old_address; /* of what is reallocated */
	struct eo_mem_block old; /* the same, taken out of the blocks in use */
	__u32 old_known;
	__u32 cookie;
	struct eo_mem_image image; /* serial 0: not known yet */
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct thread);
} threads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct eo_mem_block_key);
	__type(value, struct eo_mem_block);
} blocks SEC(".maps");

/* Key: tgid. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct eo_mem_image);
} images SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct eo_mem_image);
	__type(value, struct eo_mem_end);
} ended SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct eo_mem_totals);
} totals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct eo_mem_counters);
} mem_counters SEC(".maps");

struct classes {
	struct eo_mem_class of[EO_MEM_CLASSES];
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
	struct task_struct *task;
	__u64 pid_tgid, now;
	struct eo_mem_image image;
	__u32 function;
};

/* ---- programs in address spaces ---- */

static __always_inline void new_image(struct eo_mem_image *image, __u32 tgid)
{
	image->tgid = tgid;
	image->serial = bpf_ktime_get_ns() >> 10; /* two a microsecond are one too many */
	if (!image->serial)
		image->serial = 1;
}

static __always_inline int find_image(struct thread *thread, __u32 tgid)
{
	struct eo_mem_image *known, fresh;

	if (thread->image.serial)
		return 1;
	known = bpf_map_lookup_elem(&images, &tgid);
	if (!known) {
		new_image(&fresh, tgid);
		bpf_map_update_elem(&images, &tgid, &fresh, BPF_NOEXIST);
		known = bpf_map_lookup_elem(&images, &tgid);
	}
	if (!known)
		return 0;
	thread->image = *known;
	return 1;
}

static __always_inline struct eo_mem_counters *mem_sums(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&mem_counters, &zero);
}

static __always_inline void end_image(const struct eo_mem_image *image, int by_exec)
{
	struct eo_mem_end end = {.ktime_ns = bpf_ktime_get_ns(), .by_exec = by_exec};
	struct eo_mem_counters *sums = mem_sums();

	if (bpf_map_update_elem(&ended, image, &end, BPF_ANY) && sums)
		COUNT(sums->images_lost);
}

/* ---- blocks ---- */

static __always_inline struct eo_mem_totals *totals_of(__u64 stack)
{
	struct eo_mem_totals *sum = bpf_map_lookup_elem(&totals, &stack), fresh = {};

	if (!sum) {
		bpf_map_update_elem(&totals, &stack, &fresh, BPF_NOEXIST);
		sum = bpf_map_lookup_elem(&totals, &stack);
	}
	if (!sum && stack) {
		stack = 0;
		sum = bpf_map_lookup_elem(&totals, &stack);
	}
	return sum;
}

/* By halves: there is no instruction for it. */
static __always_inline struct eo_mem_class *class_of(__u64 size)
{
	__u32 zero = 0, k = 0;
	struct classes *sums = bpf_map_lookup_elem(&classes, &zero);

	for (__u32 half = 32; half; half /= 2)
		if (size >> half)
			size >>= half, k += half;
	return sums ? &sums->of[k & (EO_MEM_CLASSES - 1)] : NULL;
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
	struct eo_mem_block *block = bpf_map_lookup_elem(&blocks, &key);

	if (!block)
		return 0;
	*ret = *block;
	if (bpf_map_delete_elem(&blocks, &key))
		return 0; /* twice at once, which is the program's fault */
	COUNT_BLOCK(event->sums->removed, event->sums->removed_bytes, ret);
	return 1;
}

static __always_inline void put_block(struct event *event, __u64 address,
				      const struct eo_mem_block *block)
{
	struct eo_mem_block_key key = {.image = event->image, .address = address};
	struct eo_mem_block old;
	long err = bpf_map_update_elem(&blocks, &key, block, BPF_NOEXIST);

	if (err == -EEXIST) {
		if (take_block(event, address, &old))
			COUNT(event->sums->replaced);
		err = bpf_map_update_elem(&blocks, &key, block, BPF_NOEXIST);
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
	};

	if (!mem.events) {
		COUNT(event->count->aggregated);
		return;
	}
	fill_header(&record.header, event->task, event->pid_tgid, kind, event->now);
	send_record(event->count, &record.header, sizeof(record));
}

static __always_inline void freed(struct event *event, __u64 address, const struct eo_mem_block *block)
{
	struct eo_mem_totals *sum;
	struct eo_mem_class *class;

	COUNT(event->count->seen);
	COUNT_BLOCK(event->sums->frees, event->sums->freed_bytes, block);
	class = mem.classes ? class_of(block->size) : NULL;
	if (class)
		COUNT_BLOCK(class->frees, class->freed_bytes, block);
	if (mem.stacks) {
		sum = totals_of(block->stack);
		if (sum)
			COUNT_BLOCK(sum->frees, sum->freed_bytes, block);
	}
	deliver(event, EO_MEM_RECORD_FREE, address, block->size, 0, event->now - block->ktime_ns, 1, 0);
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

static __always_inline void failed(struct event *event, __u64 size, __s32 error)
{
	struct eo_mem_class *class;

	COUNT(event->count->seen);
	if (size < mem.min_size) {
		COUNT(event->count->filtered);
		return;
	}
	COUNT(event->sums->failed);
	class = mem.classes ? class_of(size) : NULL;
	if (class)
		COUNT(class->failed);
	deliver(event, EO_MEM_RECORD_ALLOC, 0, size, 0, 0, 0, error);
}

/* The stack of the call that returns: what has gone from it is the function itself. */
static __always_inline __u64 stack_of_call(struct event *event, struct pt_regs *ctx, __u64 function)
{
	struct stack_slot *slot;
	__u64 hash;
	__u32 number;

	slot = claim_slot(&number);
	if (!slot)
		return 0;
	take_call_stack(slot, number, ctx, event->task, event->pid_tgid, function);
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

static __always_inline void allocated(struct event *event, struct pt_regs *ctx, __u64 function,
				      __u64 address, __u64 size)
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
	class = mem.classes ? class_of(size) : NULL;
	if (class)
		COUNT_BLOCK(class->allocations, class->allocated_bytes, &block);
	if (mem.stacks) {
		block.stack = stack_of_call(event, ctx, function);
		sum = totals_of(block.stack);
		if (sum)
			COUNT_BLOCK(sum->allocations, sum->allocated_bytes, &block);
	}
	put_block(event, address, &block);
	deliver(event, EO_MEM_RECORD_ALLOC, address, size, block.stack, 0, 0, 0);
}

/* ---- calls ---- */

/* The size is beyond all memory when it does not fit. */
static __always_inline __u64 multiply(__u64 count, __u64 size)
{
	__u64 most = count ? ~0ull / count : ~0ull;

	/* clang would make a 128-bit product of it, which BPF does not have. */
	asm volatile("" : "+r"(most));
	return size > most ? ~0ull : count * size;
}

/* Does the call that was entered at @sp still run? Then the kernel's trampoline stands where its
 * return address was, and that is the first byte of a page: get_trampoline in
 * kernel/events/uprobes.c. Where return addresses are in a register nobody can tell. */
static __always_inline int is_running(__u64 sp)
{
	__u64 word;

	if (!RETURN_BYTES || bpf_probe_read_user(&word, sizeof(word), (void *)sp))
		return 1;
	return word && !(word & 0xfff);
}

/* Is there a call of this thread around the one that begins at @sp? One at the same place has
 * jumped here instead of calling. */
static __always_inline int is_nested(struct thread *thread, struct eo_mem_counters *sums, __u64 sp)
{
	if (!thread->sp)
		return 0;
	if (thread->sp >= sp && is_running(thread->sp))
		return 1;
	thread->sp = 0;
	COUNT(sums->abandoned);
	return 0;
}

static __always_inline int begin_event(struct event *event, struct thread *thread)
{
	event->sums = mem_sums();
	if (!event->sums || !thread || !find_image(thread, event->pid_tgid >> 32)) {
		COUNT(event->count->seen);
		COUNT(event->count->lost[EO_LOSS_BUSY]);
		return 0;
	}
	event->image = thread->image;
	event->now = bpf_ktime_get_ns();
	return 1;
}

/* What a call wants, by its shape. */
static __always_inline void read_arguments(struct thread *thread, struct pt_regs *ctx, __u32 shape)
{
	thread->old_address = 0;
	thread->old_known = 0;
	switch (shape) {
	case EO_MEM_ALLOC:
		thread->size = PT_REGS_PARM1(ctx);
		break;
	case EO_MEM_CALLOC:
		thread->size = multiply(PT_REGS_PARM1(ctx), PT_REGS_PARM2(ctx));
		break;
	case EO_MEM_ALIGNED:
		thread->size = PT_REGS_PARM2(ctx);
		break;
	case EO_MEM_POSIX:
		thread->out = PT_REGS_PARM1(ctx);
		thread->size = PT_REGS_PARM3(ctx);
		break;
	case EO_MEM_REALLOC:
		thread->old_address = PT_REGS_PARM1(ctx);
		thread->size = PT_REGS_PARM2(ctx);
		break;
	case EO_MEM_REALLOCARRAY:
		thread->old_address = PT_REGS_PARM1(ctx);
		thread->size = multiply(PT_REGS_PARM2(ctx), PT_REGS_PARM3(ctx));
		break;
	}
}

static __always_inline void enter(struct pt_regs *ctx, struct eo_tracer_counters *count)
{
	struct event event = {.count = count, .task = bpf_get_current_task_btf()};
	__u32 cookie = bpf_get_attach_cookie(ctx), shape = cookie & 0xff;
	__u64 sp = PT_REGS_SP(ctx);
	struct eo_mem_block block;
	struct thread *thread;

	if (!is_open || (shape == EO_MEM_FREE && !PT_REGS_PARM1(ctx)))
		return;
	event.pid_tgid = bpf_get_current_pid_tgid();
	if (!filter_current(event.task, event.pid_tgid))
		return;
	thread = bpf_task_storage_get(&threads, event.task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!begin_event(&event, thread) || !thread || is_nested(thread, event.sums, sp))
		return;
	if (shape == EO_MEM_FREE) {
		event.function = cookie >> 8;
		if (take_block(&event, PT_REGS_PARM1(ctx), &block))
			freed(&event, PT_REGS_PARM1(ctx), &block);
		else
			freed_unknown(&event, PT_REGS_PARM1(ctx));
		return;
	}
	thread->sp = sp;
	thread->pc = PT_REGS_IP(ctx);
	thread->cookie = cookie;
	read_arguments(thread, ctx, shape);
	/* Nobody but the allocator may give out this address until it returns. */
	if (thread->old_address)
		thread->old_known = take_block(&event, thread->old_address, &thread->old);
}

/* What became of the block that was to be reallocated. */
static __always_inline void settle_old(struct event *event, struct thread *thread, int gone)
{
	if (!thread->old_address)
		return;
	if (!gone) {
		if (thread->old_known)
			put_block(event, thread->old_address, &thread->old);
		return;
	}
	if (thread->old_known)
		freed(event, thread->old_address, &thread->old);
	else
		freed_unknown(event, thread->old_address);
}

static __always_inline void leave(struct pt_regs *ctx, struct eo_tracer_counters *count)
{
	struct event event = {.count = count, .task = bpf_get_current_task_btf()};
	__u64 address = PT_REGS_RC(ctx), sp = PT_REGS_SP(ctx);
	__s32 error = 0;
	struct thread *thread;
	__u32 shape;

	thread = bpf_task_storage_get(&threads, event.task, 0, 0);
	if (!thread || !thread->sp || thread->sp + RETURN_BYTES != sp)
		return;
	thread->sp = 0;
	event.pid_tgid = bpf_get_current_pid_tgid();
	if (!begin_event(&event, thread))
		return;
	shape = thread->cookie & 0xff;
	event.function = thread->cookie >> 8;

	if (shape == EO_MEM_POSIX) {
		error = (__s32)address;
		address = 0;
		if (!error)
			bpf_probe_read_user(&address, sizeof(address), (void *)thread->out);
	} else if (!address) {
		error = ENOMEM;
	}
	/* realloc(old, 0) may be a free. */
	if (error && thread->old_address && !thread->size) {
		settle_old(&event, thread, 1);
		return;
	}
	settle_old(&event, thread, !error);
	if (error)
		failed(&event, thread->size, error);
	else
		allocated(&event, ctx, thread->pc, address, thread->size);
}

SEC("uprobe")
int on_enter(struct pt_regs *ctx)
{
	return TRACED(enter(ctx, count));
}

SEC("uretprobe")
int on_leave(struct pt_regs *ctx)
{
	return TRACED(leave(ctx, count));
}

/* ---- the life of programs ---- */

struct copy {
	struct eo_mem_image from, to;
};

static long copy_block(void *map, struct eo_mem_block_key *key, struct eo_mem_block *block,
		       struct copy *copy)
{
	struct eo_mem_block_key child = {.image = copy->to, .address = key->address};
	struct eo_mem_counters *sums = mem_sums();
	struct eo_mem_block same = *block;

	if (!sums || key->image.tgid != copy->from.tgid || key->image.serial != copy->from.serial)
		return 0;
	if (bpf_map_update_elem(&blocks, &child, &same, BPF_NOEXIST)) {
		COUNT(sums->untracked);
		return 0;
	}
	COUNT_BLOCK(sums->added, sums->added_bytes, &same);
	return 0;
}

/* A child has what its parent had: copies of all blocks, or the very same memory after vfork(). */
static __always_inline void inherit(struct task_struct *child)
{
	__u32 parent_tgid = bpf_get_current_pid_tgid() >> 32;
	__u32 tid = BPF_CORE_READ(child, pid), tgid = BPF_CORE_READ(child, tgid);
	struct task_struct *parent = (void *)bpf_get_current_task();
	struct eo_mem_image *image;
	struct copy copy;

	if (tid != tgid || (filter.by_pid && !bpf_map_lookup_elem(&target_pids, &tgid)))
		return;
	image = bpf_map_lookup_elem(&images, &parent_tgid);
	if (!image)
		return;
	copy.from = *image;
	if (BPF_CORE_READ(child, mm) == BPF_CORE_READ(parent, mm)) {
		bpf_map_update_elem(&images, &tgid, &copy.from, BPF_ANY);
		return;
	}
	new_image(&copy.to, tgid);
	bpf_map_update_elem(&images, &tgid, &copy.to, BPF_ANY);
	bpf_for_each_map_elem(&blocks, copy_block, &copy, 0);
}

/* Its memory has gone; what it allocates now is another program's. */
static __always_inline void replace_image(void)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct eo_mem_image *image = bpf_map_lookup_elem(&images, &tgid);

	bpf_task_storage_delete(&threads, task);
	if (!image)
		return;
	if (image->tgid == tgid)
		end_image(image, 1);
	bpf_map_delete_elem(&images, &tgid);
}

static __always_inline void drop_image(struct task_struct *task)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct eo_mem_image *image;

	if (BPF_CORE_READ(task, signal, live.counter))
		return;
	image = bpf_map_lookup_elem(&images, &tgid);
	if (!image)
		return;
	if (image->tgid == tgid)
		end_image(image, 0);
	bpf_map_delete_elem(&images, &tgid);
}

SEC("raw_tp/sched_process_fork")
int on_fork(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *child = (void *)ctx->args[1];

	follow_fork(child);
	inherit(child);
	return 0;
}

SEC("raw_tp/sched_process_exec")
int on_exec(void *ctx)
{
	replace_image();
	follow_exec();
	return 0;
}

SEC("raw_tp/sched_process_exit")
int on_exit(struct bpf_raw_tracepoint_args *ctx)
{
	struct task_struct *task = (void *)ctx->args[0];

	drop_image(task);
	follow_exit(task);
	return 0;
}

SEC("raw_tp/sched_process_free")
int on_free(struct bpf_raw_tracepoint_args *ctx)
{
	follow_free((void *)ctx->args[0]);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
