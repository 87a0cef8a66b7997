// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* What the machine says to the network, and which process says it. Tracepoints and iterators only. */
#include <asm/unistd.h>
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "net_existing.bpf.h"
#include "net_owner.bpf.h"
#include "net_packet.bpf.h"
#include "net_retransmit.bpf.h"
#include "net_tcp.bpf.h"
#include "net_udp.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define MSG_PEEK   2
#define UDP_EVENTS (EO_NET_UDP_SESSION | EO_NET_DNS | EO_NET_PACKET)

static __noinline int tcp_moves(struct eo_tracer_counters *count, struct sock *sk,
				      __u64 cookie, __u32 bytes, int received)
{
	struct eo_conn *conn = uses(sk, cookie, received);

	if (conn && net.events & (EO_NET_DNS | EO_NET_HTTP))
		tcp_payload(count, conn, cookie, bytes, received);
	return 0;
}

static __always_inline void moves(struct eo_tracer_counters *count, struct sock *sk, int bytes,
				  int received)
{
	struct sock *subflow;
	__u16 protocol = sk->sk_protocol;

	if (protocol == IPPROTO_UDP) {
		if (net.protocols & EO_NET_UDP && net.events & UDP_EVENTS)
			udp_moves(count, sk, bytes, received);
	} else if (!bytes || !(net.protocols & EO_NET_TCP)) {
		return;
	} else if (protocol == IPPROTO_TCP) {
		tcp_moves(count, sk, bpf_get_socket_cookie(sk), bytes, received);
	} else if (protocol == IPPROTO_MPTCP) {
		subflow = tcp_of(sk);
		if (subflow)
			tcp_moves(count, subflow, read_cookie(subflow), bytes, received);
	}
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(on_send, struct sock *sk, int ret)
{
	if (ret < 0)
		return 0;
	return TRACED(moves(count, sk, ret, 0));
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(on_receive, struct sock *sk, int ret, int flags)
{
	if (ret < 0 || flags & MSG_PEEK)
		return 0;
	return TRACED(moves(count, sk, ret, 1));
}

/* Runs for each system call of the machine, so nearly all of them are to pass quickly. */
SEC("tp_btf/sys_exit")
int BPF_PROG(on_sys_exit, struct pt_regs___kernel *regs, long ret)
{
	long nr = exit_number(regs, 1);

	switch (nr) {
	case __NR_accept:
	case __NR_accept4:
		return ret >= 0 && net.protocols & EO_NET_TCP ? TRACED(accept_ends(count, ret)) : 0;
	case __NR_connect:
		return ret < 0 && net.protocols & EO_NET_TCP ?
			       TRACED(connect_ends(count, regs, ret)) : 0;
	case __NR_recvfrom:
	case __NR_recvmsg:
	case __NR_recvmmsg:
		if (nr == __NR_recvmmsg)
			reset_index();
		if (ret < 0 || !(net.events & UDP_EVENTS))
			return 0;
		return TRACED(receive_ends(regs, nr, ret));
	case __NR_sendmmsg:
		reset_index();
		return 0;
	}
	return 0;
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
