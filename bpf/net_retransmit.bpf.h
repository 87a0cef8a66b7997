/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What TCP sends again, one event for each buffer of one or several segments. */
#ifndef EO_NET_RETRANSMIT_BPF_H
#define EO_NET_RETRANSMIT_BPF_H

#include "net_tcp.bpf.h"

/* Of a connection without entry: older than the trace and nobody's, or beyond what can be held. */
static __noinline int tell_nobodys(struct eo_tracer_counters *count, struct eo_net_ends *ends,
				   __u64 cookie, __u32 segments, __u32 state)
{
	struct eo_tcp_record record = {};

	COUNT(count->seen);
	if (net.summary) {
		COUNT(count->aggregated);
		return 0;
	}
	record.header.kind = EO_RECORD_TCP_RETRANSMIT;
	record.header.ktime_ns = bpf_ktime_get_ns();
	record.cookie = cookie;
	record.ends = *ends;
	record.state = state;
	record.retransmits = segments;
	record.stack = run_stack();
	send_record(count, &record.header, sizeof(record));
	return 0;
}

/* New kernels also tell of attempts that came to nothing; what counts is the socket's own figure. */
static __always_inline void retransmit(struct eo_tracer_counters *count, struct sock *sk,
				       struct sk_buff *skb)
{
	struct tcp_skb_cb *cb = (void *)skb->cb;
	struct tcp_sock *tcp = (void *)sk;
	__u64 cookie = get_cookie(sk);
	struct eo_conn *conn = bpf_map_lookup_elem(&conns, &cookie);
	__u8 state = BPF_CORE_READ(sk, __sk_common.skc_state);
	struct eo_net_ends ends;

	if (!conn && net.by_target)
		return;
	read_ends(sk, &ends);
	/* That of an open connection was asked for already. */
	if ((!conn || !(conn->flags & CONN_OPENED)) && !socket_wanted(sk, &ends)) {
		count_as(&count->filtered, count);
		return;
	}
	if (!conn) {
		tell_nobodys(count, &ends, cookie, BPF_CORE_READ(cb, tcp_gso_segs), state);
		return;
	}
	conn->ends = ends;
	conn->state = state;
	conn->retransmits = BPF_CORE_READ(tcp, total_retrans);
	tell_retransmits(conn, cookie);
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(on_retransmit, struct sock *sk, struct sk_buff *skb)
{
	return UNPREEMPTED_TP(retransmit(count, sk, skb));
}

/* There is no connection yet, so there is no owner. */
static __always_inline void retransmit_synack(struct eo_tracer_counters *count,
					      struct request_sock *request)
{
	struct eo_net_ends ends;

	if (net.by_target)
		return;
	read_common(&request->__req_common, &ends);
	if (!ends_wanted(&ends) || (net.no_loopback && ends_local(&ends)))
		count_as(&count->filtered, count);
	else
		tell_nobodys(count, &ends, 0, 1, TCP_SYN_RECV);
}

SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(on_retransmit_synack, struct sock *sk, struct request_sock *request)
{
	return UNPREEMPTED_TP(retransmit_synack(count, request));
}

#endif
