// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* One program that the verifier accepts between two that it rejects. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

SEC("raw_tp/sched_process_exec")
int forgets_null_check(void *context)
{
	__u32 key = 0;
	__u64 *value = bpf_map_lookup_elem(&counts, &key);

	*value = 1;
	return 0;
}

SEC("raw_tp/sched_process_exit")
int is_fine(void *context)
{
	return 0;
}

SEC("raw_tp/sched_process_fork")
int writes_to_context(__u64 *context)
{
	context[0] = 1;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
