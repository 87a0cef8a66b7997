/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What sockets send and receive, as tracepoints of sockets tell it, which run inside of the call. */
#ifndef EO_NET_TRANSFER_BPF_H
#define EO_NET_TRANSFER_BPF_H

#include "net_owner.bpf.h"
#include "net_payload.bpf.h"
#include "net_tls.bpf.h"
#include "net_udp.bpf.h"

#define MSG_PEEK     2
#define MSG_ERRQUEUE 0x2000 /* what comes is one's own */
#define NO_RECEIPT   (MSG_PEEK | MSG_ERRQUEUE)

#define UDP_EVENTS (EO_NET_UDP_SESSION | EO_NET_DNS | EO_NET_PACKET)

#define SENT_AGO_MAX 1000000 /* ns */

/* When what the current call sent went out. On the way over loopback the peer may have worked on it
 * before the call comes to its end. What waits to be sent has no time yet, and gets that of now. */
static __always_inline __u64 sent_at(const struct sock *sk)
{
	const struct tcp_sock *tcp = (const void *)sk;
	__u64 now = bpf_ktime_get_ns(), sent = BPF_CORE_READ(tcp, tcp_mstamp) * 1000;

	return now - sent < SENT_AGO_MAX ? sent : now;
}

static __noinline int tcp_moves(struct eo_tracer_counters *count, struct sock *sk,
				      __u64 cookie, __u32 bytes, int received)
{
	struct eo_conn *conn = uses(sk, cookie, received);

	if (!conn)
		return 0;
	if (!received && conn->role == EO_ROLE_CLIENT && net.events & EO_NET_HTTP)
		conn->sent_ns = sent_at(sk);
	if (net.events & (EO_NET_DNS | EO_NET_HTTP))
		tcp_payload(count, conn, cookie, bytes, received);
	if (net.tls)
		tls_socket_moves(conn, cookie, received);
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
	return ONCE(RUN_SEND, moves(count, sk, ret, 0));
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(on_receive, struct sock *sk, int ret, int flags)
{
	if (ret < 0 || flags & NO_RECEIPT)
		return 0;
	return ONCE(RUN_RECEIVE, moves(count, sk, ret, 1));
}

/* What the end of a call tells besides. */
enum ending {
	TELLS_NOTHING,
	TELLS_ACCEPT,
	TELLS_FAILED_CONNECT,
	TELLS_SENDER, /* of datagrams */
};

/* For each system call of the machine, so nearly all of them are to pass quickly. */
static __always_inline enum ending call_ending(long nr, long ret)
{
	switch (nr) {
	case __NR_accept:
	case __NR_accept4:
		return ret >= 0 && net.protocols & EO_NET_TCP ? TELLS_ACCEPT : TELLS_NOTHING;
	case __NR_connect:
		return ret < 0 && !is_misuse(-ret) && net.protocols & EO_NET_TCP ? TELLS_FAILED_CONNECT :
										   TELLS_NOTHING;
	case __NR_recvmmsg:
		reset_index();
		/* fallthrough */
	case __NR_recvfrom:
	case __NR_recvmsg:
		return ret >= 0 && net.events & UDP_EVENTS ? TELLS_SENDER : TELLS_NOTHING;
	case __NR_sendmmsg:
		reset_index();
	}
	return TELLS_NOTHING;
}

#endif
