// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* A program for a tracepoint that no kernel has. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("tp_btf/no_such_tracepoint")
int never_runs(void *context)
{
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
