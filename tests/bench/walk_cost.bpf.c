// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* The profiler's own sampler, timed: every other time only the walk, so that neither warms the
 * caches for the other. */
#include "cpu_profiler.bpf.c"

#include "walk_cost.h"

#ifdef WALKS_BY_TABLES
static __always_inline void sample_timed(struct bpf_perf_event_data *ctx,
					 struct eo_profile_counters *count)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 pid_tgid = bpf_get_current_pid_tgid(), start;
	struct walk_cost cost = {.kind = WALK_COST_RECORD};
	struct stack_slot *slot;
	__u32 zero = 0;

	slot = bpf_map_lookup_elem(&stack_slots, &zero);
	if (!slot || !filter_current(task, pid_tgid) || (__s64)PT_REGS_IP(&ctx->regs) < 0)
		return;
	cost.whole = count->runs & 1;
	start = bpf_ktime_get_ns();
	if (cost.whole)
		sample(ctx, count, start, 1);
	else
		take_stack(ctx, task, slot, pid_tgid, 0, 1, 1);
	cost.ns = bpf_ktime_get_ns() - start;
	cost.frames = slot->record.user_frames;
	cost.user_walk = slot->record.user_walk;
	bpf_ringbuf_output(&stacks, &cost, sizeof(cost), BPF_RB_NO_WAKEUP);
}

SEC("perf_event")
int on_sample_timed(struct bpf_perf_event_data *ctx)
{
	return MEASURED(sample_timed(ctx, count));
}
#endif
