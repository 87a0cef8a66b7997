// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* What the machine says to the network, and which process says it. Tracepoints and iterators only. */
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "net_retransmit.bpf.h"
#include "net_tcp.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

static __always_inline void transfer(struct sock *sk, int received)
{
	struct sock *subflow;
	__u16 protocol = sk->sk_protocol;

	if (protocol == IPPROTO_TCP) {
		uses(sk, bpf_get_socket_cookie(sk), received);
	} else if (protocol == IPPROTO_MPTCP) {
		subflow = tcp_of(sk);
		if (subflow)
			uses(subflow, read_cookie(subflow), received);
	}
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(on_send, struct sock *sk, int ret)
{
	if (ret <= 0)
		return 0;
	return TRACED(transfer(sk, 0));
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(on_receive, struct sock *sk, int ret)
{
	if (ret <= 0)
		return 0;
	return TRACED(transfer(sk, 1));
}

/* --- following targets -------------------------------------------------------------------- */

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	return TRACED(follow_fork(child));
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec)
{
	return TRACED(follow_exec());
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	return TRACED(follow_exit(task));
}

SEC("tp_btf/sched_process_free")
int BPF_PROG(on_free, struct task_struct *task)
{
	return TRACED(follow_free(task));
}
