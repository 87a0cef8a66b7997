// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* What a probe costs that does nothing. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("uprobe")
int on_enter(void *ctx)
{
	return 0;
}

SEC("uretprobe")
int on_leave(void *ctx)
{
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
