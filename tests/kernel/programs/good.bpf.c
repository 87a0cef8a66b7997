// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* Three programs that every supported kernel accepts. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

static void count(__u32 key)
{
	__u64 one = 1, *value = bpf_map_lookup_elem(&counts, &key);

	if (value)
		__sync_fetch_and_add(value, 1);
	else
		bpf_map_update_elem(&counts, &key, &one, BPF_ANY);
}

SEC("raw_tp/sched_process_exec")
int count_execs(void *context)
{
	count(0);
	return 0;
}

SEC("perf_event")
int count_samples(void *context)
{
	count(1);
	return 0;
}

SEC("raw_tp/sched_process_exit")
int do_nothing(void *context)
{
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
