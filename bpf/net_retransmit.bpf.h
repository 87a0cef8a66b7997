/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What TCP sends again, one event for each buffer of one or several segments. */
#ifndef EO_NET_RETRANSMIT_BPF_H
#define EO_NET_RETRANSMIT_BPF_H

#include "net_tcp.bpf.h"

static __always_inline void send_retransmit(struct eo_tracer_counters *count,
					    struct eo_tcp_record *record)
{
	if (net.summary) {
		COUNT(count->aggregated); /* a connection's own figure has it */
		return;
	}
	send_record(count, &record->header, sizeof(*record));
}

/* How many segments the kernel counts for this. New kernels also tell of attempts that came to
 * nothing, so the socket's own figure says it, if only it is known from before. */
static __always_inline __u32 new_retransmits(struct eo_conn *conn, struct sock *sk,
					     struct sk_buff *skb)
{
	struct tcp_skb_cb *cb = (void *)skb->cb;
	struct tcp_sock *tcp = (void *)sk;
	__u32 all = BPF_CORE_READ(tcp, total_retrans), count;

	if (!conn)
		return BPF_CORE_READ(cb, tcp_gso_segs);
	count = all - conn->retransmits_told;
	conn->retransmits_told = all;
	return count;
}

static __always_inline void retransmit(struct eo_tracer_counters *count, struct sock *sk,
				       struct sk_buff *skb)
{
	struct eo_tcp_record record = {};
	struct eo_net_task nobody = {};
	struct eo_conn *conn;

	record.cookie = bpf_get_socket_cookie(sk);
	conn = bpf_map_lookup_elem(&conns, &record.cookie);
	if (!conn && net.by_target)
		return;
	record.retransmits = new_retransmits(conn, sk, skb);
	if (!record.retransmits)
		return;
	COUNT(count->seen);
	owner_header(&record.header, conn ? &conn->owner : &nobody, EO_RECORD_TCP_RETRANSMIT,
		     bpf_ktime_get_ns());
	read_ends(sk, &record.ends);
	if (!socket_wanted(sk, &record.ends)) {
		COUNT(count->filtered);
		return;
	}
	record.state = BPF_CORE_READ(sk, __sk_common.skc_state);
	send_retransmit(count, &record);
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(on_retransmit, struct sock *sk, struct sk_buff *skb)
{
	return TRACED(retransmit(count, sk, skb));
}

/* There is no connection yet, so there is no owner. */
static __always_inline void retransmit_synack(struct eo_tracer_counters *count,
					      struct request_sock *request)
{
	struct eo_tcp_record record = {};

	if (net.by_target)
		return;
	COUNT(count->seen);
	record.header.kind = EO_RECORD_TCP_RETRANSMIT;
	record.header.ktime_ns = bpf_ktime_get_ns();
	read_common(&request->__req_common, &record.ends);
	if (!ends_wanted(&record.ends) || (net.no_loopback && ends_local(&record.ends))) {
		COUNT(count->filtered);
		return;
	}
	record.state = TCP_SYN_RECV;
	record.retransmits = 1;
	record.role = EO_ROLE_SERVER;
	send_retransmit(count, &record);
}

SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(on_retransmit_synack, struct sock *sk, struct request_sock *request)
{
	return TRACED(retransmit_synack(count, request));
}

#endif
