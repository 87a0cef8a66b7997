/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is there already when the trace begins, or still there when it ends: iterators over open files
 * and over sockets. */
#ifndef EO_NET_EXISTING_BPF_H
#define EO_NET_EXISTING_BPF_H

#include "net_owner.bpf.h"

enum eo_net_search search; /* set by user space before it runs an iterator */

static __always_inline void remember_listener(struct sock *sk)
{
	struct listener key = {
		.netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum),
		.port = BPF_CORE_READ(sk, __sk_common.skc_num),
	};
	__u32 one = 1;

	bpf_map_update_elem(&listeners, &key, &one, BPF_ANY);
}

/* A connection that is still open when a summary is made. */
static __always_inline void flush(struct sock *sk, __u64 cookie)
{
	struct eo_conn *conn = bpf_map_lookup_elem(&conns, &cookie);
	struct eo_net_row *row;

	if (!conn || !(conn->flags & CONN_OPENED) || conn->flags & CONN_CLOSED)
		return;
	take_figures(conn, sk);
	row = find_row(&conn->owner, &conn->ends, IPPROTO_TCP, conn->role);
	if (!row)
		return;
	if (conn->flags & CONN_EXISTED) {
		conn->flags &= ~CONN_EXISTED; /* counted now */
		COUNT(row->connections);
	}
	add_figures(row, conn);
}

static __always_inline int is_tcp(const struct sock *sk)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	return (family == AF_INET || family == AF_INET6) && BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP;
}

/* @task: NULL: nobody holds it */
static __noinline int find_tcp(struct sock *sk, __u64 cookie, struct task_struct *task)
{
	__u8 state = BPF_CORE_READ(sk, __sk_common.skc_state);
	struct eo_conn *conn;

	if (search == EO_SEARCH_LISTENERS) {
		if (state == TCP_LISTEN)
			remember_listener(sk);
		return 0;
	}
	if (search == EO_SEARCH_FLUSH) {
		flush(sk, cookie);
		return 0;
	}
	if (state == TCP_LISTEN || state == TCP_CLOSE || state == TCP_SYN_RECV ||
	    !is_whole_socket(state))
		return 0;
	conn = bpf_map_lookup_elem(&conns, &cookie);
	if (!conn)
		conn = adopt(sk, cookie);
	if (!conn)
		return 0;
	if (task && !conn->owner.tgid) {
		set_owner(&conn->owner, task);
		conn->flags |= CONN_TOLD;
	}
	return 0;
}

/* Files are visited by thread groups, whatever network namespace their sockets are in. */
SEC("iter/task_file")
int find_files(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct socket *socket;
	struct sock *sk;

	if (!task || !file)
		return 0;
	if (search == EO_SEARCH_OWNERS && !filter_other(task))
		return 0;
	if (net.own_cookies) {
		sk = file_socket(file);
		if (sk && is_tcp(sk))
			find_tcp(sk, own_cookie(sk), task);
		return 0;
	}
	socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	sk = socket->sk;
	if (sk && is_tcp(sk))
		find_tcp(sk, bpf_get_socket_cookie(sk), task);
	return 0;
}

/* Those that no process holds: still to be accepted, or let go of already. */
SEC("iter/tcp")
int find_tcp_sockets(struct bpf_iter__tcp *ctx)
{
	struct sock_common *common = ctx->sk_common;
	struct tcp_sock *tcp;
	__u64 cookie;

	if (!common)
		return 0;
	tcp = bpf_skc_to_tcp_sock(common);
	if (!tcp)
		return 0;
	cookie = get_cookie((struct sock *)tcp);
	find_tcp((struct sock *)tcp, cookie, NULL);
	return 0;
}

#endif
