/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Probes that an allocator declares itself, otel_memory:alloc and free: one trap for each, and no
 * question of who called whom. */
#ifndef EO_MEM_DECLARED_BPF_H
#define EO_MEM_DECLARED_BPF_H

#include "mem_calls.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, EO_MEM_PLACES);
	__type(key, __u32);
	__type(value, struct eo_mem_place);
} places SEC(".maps");

static __always_inline __u64 read_register(struct pt_regs *ctx, __u16 offset)
{
	__u64 value = 0;

	if (offset != EO_MEM_NO_REGISTER && offset <= sizeof(struct probe_registers) - sizeof(value))
		bpf_probe_read_kernel(&value, sizeof(value), (void *)ctx + offset);
	return value;
}

static __always_inline __u64 read_argument(struct pt_regs *ctx, const struct eo_mem_argument *argument)
{
	__u32 unused = 64 - 8 * (argument->bytes & 15);
	__u64 value = argument->value, at;

	if (argument->kind == EO_MEM_ARGUMENT_REGISTER) {
		value = read_register(ctx, argument->base);
	} else if (argument->kind == EO_MEM_ARGUMENT_MEMORY) {
		at = value + read_register(ctx, argument->base) +
		     read_register(ctx, argument->index) * argument->scale;
		value = 0;
		bpf_probe_read_user(&value, sizeof(value), (void *)at);
	}
	value <<= unused & 63;
	return argument->is_signed ? (__u64)((__s64)value >> (unused & 63)) : value >> (unused & 63);
}

static __always_inline void declared(struct pt_regs *ctx, struct eo_tracer_counters *count)
{
	struct event event = {.count = count, .task = bpf_get_current_task_btf()};
	__u64 cookie = bpf_get_attach_cookie(ctx), address, size;
	__u32 key = cookie >> 32, shape = cookie & 0xff;
	struct eo_mem_place *place = bpf_map_lookup_elem(&places, &key);
	struct thread *thread;

	if (!is_open || !place)
		return;
	event.pid_tgid = bpf_get_current_pid_tgid();
	if (!filter_current(event.task, event.pid_tgid))
		return;
	address = read_argument(ctx, &place->address);
	if (shape == EO_MEM_FREE && !address)
		return;
	thread = bpf_task_storage_get(&threads, event.task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!begin_event(&event, thread))
		return;
	event.function = (__u32)cookie >> 8;
	if (shape == EO_MEM_FREE) {
		give_back(&event, address);
		return;
	}
	size = read_argument(ctx, &place->size);
	if (address)
		allocated(&event, ctx, PLACE_PROBE, 0, address, size);
	else
		failed(&event, size, ENOMEM);
}

#endif
