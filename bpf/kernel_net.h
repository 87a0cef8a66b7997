/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The kernel's types of sockets and files; see kernel.h. */
#ifndef EO_KERNEL_NET_H
#define EO_KERNEL_NET_H

#include <linux/types.h>

#include "kernel.h"

#define AF_INET	 2
#define AF_INET6 10

#define IPPROTO_TCP   6
#define IPPROTO_UDP   17
#define IPPROTO_MPTCP 262

/* include/net/tcp_states.h */
enum {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT,
	TCP_SYN_RECV,
	TCP_FIN_WAIT1,
	TCP_FIN_WAIT2,
	TCP_TIME_WAIT,
	TCP_CLOSE,
	TCP_CLOSE_WAIT,
	TCP_LAST_ACK,
	TCP_LISTEN,
	TCP_CLOSING,
	TCP_NEW_SYN_RECV,
};

#define SOCK_DONE 1 /* bit of sk_flags: a FIN was received. enum sock_flags, unchanged since 2.6 */

#define IFF_LOOPBACK 8

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct kuid {
	__u32 val;
};

/* kuid_t has no struct tag in the kernel; its only member is at its beginning. */
struct cred {
	struct kuid uid;
};

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

typedef struct {
	__s64 counter;
} atomic64_t;

struct in6_addr___kernel {
	__u8 bytes[16];
};

struct sock_common {
	__be32 skc_daddr, skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr___kernel skc_v6_daddr, skc_v6_rcv_saddr;
	atomic64_t skc_cookie;
	unsigned long skc_flags;
};

struct net_device {
	unsigned int flags;
	char name[16];
};

struct dst_entry {
	struct net_device *dev;
};

/* Has no struct tag in the kernel either. */
typedef struct {
	int owned; /* by a call that runs, not by an interrupt */
} socket_lock_t;

struct sock {
	struct sock_common __sk_common;
	socket_lock_t sk_lock;
	__u16 sk_protocol; /* 16 bits of its own since v5.6 */
	struct dst_entry *sk_dst_cache;
	int sk_err;
	struct socket *sk_socket;
};

struct inet_sock {
	struct sock sk;
	__be32 inet_saddr;
	__be16 inet_sport;
};

struct inet_connection_sock {
	struct inet_sock icsk_inet;
};

struct tcp_sock {
	__u64 bytes_sent, bytes_retrans, bytes_received;
	__u32 srtt_us; /* times 8 */
	__u32 total_retrans;
	__u64 tcp_mstamp; /* us, CLOCK_MONOTONIC: of the last packet that went out or came */
	_Bool is_mptcp;
};

struct mptcp_sock {
	struct sock *first; /* subflow */
};

struct request_sock {
	struct sock_common __req_common;
};

struct tcp_skb_cb {
	__u16 tcp_gso_segs;
};

struct sk_buff {
	char cb[48];
	struct net_device *dev;
	struct sock *sk;
	unsigned int len;
	__be16 protocol;
	__u16 network_header;
	unsigned int end; /* from head, on 64-bit machines */
	unsigned char *head, *data;
};

struct skb_shared_info {
	unsigned short gso_segs;
};

struct socket {
	struct file *file;
	struct sock *sk;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
};

struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
	unsigned int uid;
};

struct bpf_iter__bpf_sk_storage_map {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	struct sock *sk;
	void *value;
};

#pragma clang attribute pop

#endif
