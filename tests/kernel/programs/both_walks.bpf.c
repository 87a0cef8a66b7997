// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* The profiler's own walker and its own copy of the stack, both for each sample: what the walk
 * found can be compared with what somebody else finds in the same registers and bytes. The two
 * records have their time and thread in common. */
#include "cpu_profiler.bpf.c"

#ifdef WALKS_BY_TABLES
static __always_inline void sample_both(struct bpf_perf_event_data *ctx,
					struct eo_profile_counters *count, __u64 now)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 pid_tgid = bpf_get_current_pid_tgid();
	int in_kernel = (__s64)PT_REGS_IP(&ctx->regs) < 0;
	struct stack_slot *slot;
	__u32 zero = 0;

	if (!filter_current(task, pid_tgid))
		return;
	slot = bpf_map_lookup_elem(&stack_slots, &zero);
	if (!slot)
		return;
	count->seen++;
	take_stack(ctx, task, slot, pid_tgid, in_kernel, 1, 1);
	slot->record.ktime_ns = now;
	send_stack(&slot->record);
	send_snapshot(ctx, task, &slot->record, count, now);
}

SEC("perf_event")
int on_sample_both(struct bpf_perf_event_data *ctx)
{
	return MEASURED(sample_both(ctx, count, start));
}
#endif
