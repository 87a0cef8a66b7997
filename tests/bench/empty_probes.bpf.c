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

/* Where the network tracer has its own for every message and call. */
SEC("tp_btf/sys_exit")
int on_sys_exit(void *ctx)
{
	return 0;
}

SEC("tp_btf/sock_send_length")
int on_send(void *ctx)
{
	return 0;
}

SEC("tp_btf/sock_recv_length")
int on_receive(void *ctx)
{
	return 0;
}

SEC("tp_btf/net_dev_start_xmit")
int on_transmit(void *ctx)
{
	return 0;
}

SEC("tp_btf/netif_receive_skb")
int on_packet(void *ctx)
{
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
