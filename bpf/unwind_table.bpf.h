/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Walks user stacks by the tables of unwind_table.h, one frame a turn of bpf_loop().
 *
 * The costs, as measured: a read of user memory takes 73 ns whether it fetches 8 bytes or 64, so
 * 1 KB of stack is read at once and words are served from there; a row is found in the page of its
 * pc, which keeps a search within a few cache lines. All state is in the slot of stack.bpf.h that
 * the caller holds. */
#ifndef EO_UNWIND_TABLE_BPF_H
#define EO_UNWIND_TABLE_BPF_H

#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "kernel.h"
#include "records.h"
#include "unwind_table.h"

#define WINDOW_BELOW 56u /* words below the wanted one are asked for as well */

/* Where code that runs on a stack of its own was called from may lie above or below it. Each call
 * from Go to C, and back, is one way down at most; more of them are a chain that leads in circles. */
#define DESCENTS_MAX 8u

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, EO_UNWIND_CHUNKS);
	__type(key, __u32);
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_ARRAY);
		__uint(max_entries, 1);
		__uint(map_flags, BPF_F_MMAPABLE);
		__uint(key_size, sizeof(__u32));
		__uint(value_size, EO_UNWIND_CHUNK_ROWS * sizeof(struct eo_unwind_row));
	});
} unwind_chunks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct eo_unwind_page);
} unwind_directory SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct eo_unwind_rule);
} unwind_rules SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct eo_unwind_file);
} unwind_files SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct eo_unwind_mapping);
} unwind_mappings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct eo_unwind_process);
} unwind_processes SEC(".maps");

/* clang drops a mask that it can prove, and the verifier then misses it. */
#define BOUND(value, mask)                     \
	({                                     \
		__u64 v_ = (value);            \
		asm volatile("" : "+r"(v_));   \
		v_ & (mask);                   \
	})

static __always_inline int read_word(struct walk *walk, __u64 address, __u64 *ret)
{
	__u64 offset = address - walk->window_at;

	if (!walk->window_at || offset > WINDOW - sizeof(*ret)) {
		__u64 from = address - WINDOW_BELOW;

		if (bpf_probe_read_user(walk->window, WINDOW, (void *)from)) {
			walk->window_at = 0; /* half of it may have been overwritten */
			return bpf_probe_read_user(ret, sizeof(*ret), (void *)address);
		}
		walk->window_at = from;
		offset = WINDOW_BELOW;
	}
	*ret = *(__u64 *)(walk->window + BOUND(offset, WINDOW - 1));
	return 0;
}

static __always_inline int find_mapping(struct walk *walk, __u64 pc)
{
	__u32 low = 0, high = walk->process.count;

	if (pc >= walk->mapping.start && pc < walk->mapping.end)
		return 1;
	for (int i = 0; i < 16; i++) { /* EO_VMA_SET_MAX is 65,536 */
		__u32 middle = (low + high) / 2, key = walk->process.first + middle;
		struct eo_unwind_mapping *mapping;

		if (low >= high)
			return 0;
		mapping = bpf_map_lookup_elem(&unwind_mappings, &key);
		if (!mapping)
			return 0;
		if (pc < mapping->start) {
			high = middle;
		} else if (pc >= mapping->end) {
			low = middle + 1;
		} else {
			walk->mapping = *mapping;
			return 1;
		}
	}
	return 0;
}

/* The number of the rule for virtual address @vaddr of @file; 0 when there is none. */
static __always_inline __u32 find_rule(const struct eo_unwind_file *file, __u64 vaddr)
{
	__u64 page_number = (vaddr >> EO_UNWIND_PAGE_BITS) - file->first_page;
	__u32 key, low, high, at = vaddr & (EO_UNWIND_PAGE - 1);
	struct eo_unwind_page *page;
	struct eo_unwind_row *rows;
	void *chunk;

	if (page_number >= file->pages)
		return 0;
	key = file->directory + (__u32)page_number;
	page = bpf_map_lookup_elem(&unwind_directory, &key);
	if (!page || !page->count)
		return 0;
	low = page->first & (EO_UNWIND_CHUNK_ROWS - 1);
	high = low + page->count;
	key = page->first >> 16;
	chunk = bpf_map_lookup_elem(&unwind_chunks, &key);
	if (!chunk)
		return 0;
	key = 0;
	rows = bpf_map_lookup_elem(chunk, &key);
	if (!rows)
		return 0;
	for (int i = 0; i < 13; i++) { /* a page has at most 4,096 rows */
		__u32 middle = (low + high) / 2;

		if (high - low <= 1)
			break;
		if (rows[BOUND(middle, EO_UNWIND_CHUNK_ROWS - 1)].pc <= at)
			low = middle;
		else
			high = middle;
	}
	return rows[BOUND(low, EO_UNWIND_CHUNK_ROWS - 1)].rule;
}

/* Move to the caller whose frame address is @cfa, above this one's unless on @other_stack. */
static __always_inline int step_to(struct walk *walk, __u64 cfa, __u64 fp, int other_stack)
{
	__u64 pc;

	if (cfa <= walk->sp && !(other_stack && walk->descents++ < DESCENTS_MAX)) {
		walk->status = EO_USER_BROKEN;
		return 1;
	}
	if (read_word(walk, cfa - 8, &pc)) {
		walk->status = EO_USER_READ_FAULT;
		return 1;
	}
	walk->pc = pc;
	walk->sp = cfa;
	walk->fp = fp;
	walk->exact = 0;
	return 0;
}

/* For code without a table: compilers at run time, assembly. */
static __always_inline int step_by_frame_pointer(struct walk *walk)
{
	__u64 fp;

	if (walk->fp == 0) { /* by the ABI's convention the outermost frame */
		walk->status = EO_USER_COMPLETE;
		return 1;
	}
	if (walk->fp & 7 || walk->fp < walk->sp || read_word(walk, walk->fp, &fp)) {
		walk->status = EO_USER_NO_ROW;
		return 1;
	}
	return step_to(walk, walk->fp + 16, fp, 0);
}

/* At the trampoline that returns from a signal handler rsp points to a struct ucontext:
 * arch/x86/include/uapi/asm/sigcontext.h. */
static __always_inline int step_over_signal(struct walk *walk)
{
	__u64 context = walk->sp, pc, sp, fp;

	if (read_word(walk, context + 168, &pc) || read_word(walk, context + 160, &sp) ||
	    read_word(walk, context + 120, &fp)) {
		walk->status = EO_USER_READ_FAULT;
		return 1;
	}
	walk->pc = pc;
	walk->sp = sp; /* which may lie elsewhere: sigaltstack() */
	walk->fp = fp;
	walk->exact = 1;
	return 0;
}

static __always_inline int step_by_rule(struct walk *walk, const struct eo_unwind_rule *rule)
{
	__u64 cfa, fp = walk->fp;

	switch (rule->cfa_kind) {
	case EO_CFA_SP:
		cfa = walk->sp + rule->cfa_offset;
		break;
	case EO_CFA_FP:
		cfa = walk->fp + rule->cfa_offset;
		break;
	case EO_CFA_PLT:
		cfa = walk->sp + 8 + ((walk->pc & 15) >= (__u32)rule->cfa_offset ? 8 : 0);
		break;
	case EO_CFA_DEREF_SP:
	case EO_CFA_DEREF_FP:
		cfa = (rule->cfa_kind == EO_CFA_DEREF_SP ? walk->sp : walk->fp) + rule->cfa_offset;
		if (read_word(walk, cfa, &cfa)) {
			walk->status = EO_USER_READ_FAULT;
			return 1;
		}
		cfa += rule->cfa_add;
		break;
	case EO_CFA_SIGNAL:
		return step_over_signal(walk);
	case EO_CFA_SWITCH:
		cfa = walk->fp + rule->cfa_offset;
		if (walk->fp)
			break;
		walk->status = EO_USER_COMPLETE;
		return 1;
	case EO_CFA_END:
		walk->status = EO_USER_COMPLETE;
		return 1;
	default:
		walk->status = EO_USER_UNSUPPORTED;
		return 1;
	}
	if (rule->fp_kind != EO_FP_SAME &&
	    read_word(walk, (rule->fp_kind == EO_FP_AT_CFA ? cfa : walk->fp) + rule->fp_offset, &fp)) {
		walk->status = EO_USER_READ_FAULT;
		return 1;
	}
	return step_to(walk, cfa, fp, rule->cfa_kind == EO_CFA_SWITCH);
}

/* One frame. Returns 1 when the walk has ended. */
static long walk_frame(__u32 index, __u32 *number)
{
	struct eo_unwind_file *file = NULL;
	struct eo_unwind_rule *rule;
	struct stack_slot *slot;
	struct walk *walk;
	__u32 key = *number, rule_number;
	__u64 pc;

	slot = bpf_map_lookup_elem(&stack_slots, &key);
	if (!slot)
		return 1;
	walk = &slot->walk;
	if (!walk->pc) { /* some threads have nothing above their first function */
		walk->status = EO_USER_COMPLETE;
		return 1;
	}
	slot->record.frames[BOUND(walk->start + walk->count, 255)] = walk->pc;
	walk->count++;

	/* A return address may be the first byte of the next function. */
	pc = walk->pc - !walk->exact;
	if (!find_mapping(walk, pc)) {
		walk->status = EO_USER_NO_MAPPING;
		return 1;
	}
	if (walk->mapping.file == EO_UNWIND_NO_FILE)
		return step_by_frame_pointer(walk);
	file = bpf_map_lookup_elem(&unwind_files, &walk->mapping.file);
	if (!file || file->state == EO_UNWIND_FILE_ABSENT) {
		walk->status = EO_USER_NOT_LOADED;
		return 1;
	}
	if (file->state == EO_UNWIND_FILE_NONE)
		return step_by_frame_pointer(walk);
	file->used = unwind_tick;
	rule_number = find_rule(file, pc - walk->mapping.bias);
	rule = rule_number ? bpf_map_lookup_elem(&unwind_rules, &rule_number) : NULL;
	if (!rule || rule->cfa_kind == EO_CFA_NONE)
		return step_by_frame_pointer(walk);
	return step_by_rule(walk, rule);
}

/* What a number's mappings are is not known any more: it has another program, or another owner.
 * Until user space has heard of that, a walk by the old ones would find frames that are none. */
static __always_inline void forget_mappings(__u32 tgid)
{
	bpf_map_delete_elem(&unwind_processes, &tgid);
}

/* Fill the user half of the slot's record behind @start frames, beginning at @from. Returns how the
 * walk ended; when it is for want of tables, @miss is the pc. */
static __always_inline __u32 walk_user_tables(struct stack_slot *slot, __u32 number, __u32 start,
					      const struct user_registers *from, __u32 *count, __u64 *miss)
{
	struct eo_unwind_process *process;
	__u32 tgid = slot->record.tgid;
	struct walk *walk = &slot->walk;

	*miss = from->pc;
	process = bpf_map_lookup_elem(&unwind_processes, &tgid);
	if (!process) {
		slot->record.frames[BOUND(start, 255)] = from->pc;
		*count = 1;
		return EO_USER_NO_PROCESS;
	}
	walk->pc = from->pc;
	walk->sp = from->sp;
	walk->fp = from->fp;
	walk->process = *process;
	walk->mapping.start = walk->mapping.end = 0;
	walk->status = EO_USER_CUT; /* what remains when the loop runs out of turns */
	walk->exact = from->exact;
	walk->start = start;
	walk->count = 0;
	walk->descents = 0;
	walk->window_at = 0;
	bpf_loop(EO_MAX_FRAMES, walk_frame, &number, 0);
	*count = walk->count;
	*miss = walk->pc;
	return walk->status == EO_USER_CUT && !walk->pc ? EO_USER_COMPLETE : walk->status;
}

#endif
