// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/* A program of a type that hardened kernels refuse even to root. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("fentry/kernel_halt")
int before_halt(void *context)
{
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
