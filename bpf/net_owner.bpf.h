/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Whose a connection is: found when a call ends or moves bytes. Connections that nobody knew of are
 * taken up. */
#ifndef EO_NET_OWNER_BPF_H
#define EO_NET_OWNER_BPF_H

#include "net_tcp.bpf.h"

/* Where what a process holds is an aggregate of subflows: its first one. */
static __always_inline struct sock *tcp_of(struct sock *sk)
{
	struct mptcp_sock *mptcp = (void *)sk;
	__u16 protocol = BPF_CORE_READ(sk, sk_protocol);

	if (protocol == IPPROTO_TCP)
		return sk;
	if (protocol == IPPROTO_MPTCP && bpf_core_type_exists(struct mptcp_sock))
		return BPF_CORE_READ(mptcp, first);
	return NULL;
}

static __noinline int bind_owner(struct eo_conn *conn, __u64 cookie, struct task_struct *task)
{
	set_owner(&conn->owner, task);
	conn->flags |= CONN_TOLD;
	if (conn->role == EO_ROLE_SERVER && !(conn->flags & CONN_EXISTED))
		tell(conn, cookie, EO_RECORD_TCP_ACCEPT);
	/* The end was before that call. */
	forget_run_stack();
	if (conn->flags & CONN_CLOSED)
		tell_end(conn, cookie);
	return 0;
}

static __always_inline int is_listener(const struct sock *sk, __u16 port)
{
	struct listener key = {.netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum),
			       .port = port};

	return bpf_map_lookup_elem(&listeners, &key) != NULL;
}

/* A connection without entry, though it is of interest: older than the trace, or its process is
 * one of the targets, and only now known. */
static __noinline struct eo_conn *adopt(const struct sock *sk, __u64 cookie)
{
	const struct tcp_sock *tcp = (const void *)sk;
	struct eo_net_ends ends;
	struct eo_conn *conn;

	read_ends(sk, &ends);
	if (!socket_wanted(sk, &ends))
		return NULL;
	conn = new_conn(cookie, BPF_NOEXIST);
	if (!conn)
		return NULL;
	conn->ends = ends;
	conn->retransmits_told = BPF_CORE_READ(tcp, total_retrans);
	conn->role = EO_ROLE_CLIENT;
	/* connect() still runs: the connection is counted when it opens. */
	if (BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_SYN_SENT)
		return conn;
	if (is_listener(sk, ends.local.port))
		conn->role = EO_ROLE_SERVER;
	conn->flags = CONN_OPENED | CONN_EXISTED;
	conn->state = TCP_ESTABLISHED;
	mark_mptcp(conn, sk);
	if (net.by_target || !is_local(sk, &ends))
		COUNT_NET(tcp_connections, 1);
	return conn;
}

/* What a file has besides its inode may be anything; that of a socket points back to the file. */
static __always_inline struct sock *file_socket(const struct file *file)
{
	struct socket *socket = BPF_CORE_READ(file, private_data);

	return BPF_CORE_READ(socket, file) == file ? BPF_CORE_READ(socket, sk) : NULL;
}

static __always_inline struct sock *descriptor_socket(struct task_struct *task, __u32 fd)
{
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files, *file = NULL;

	if (fd >= BPF_CORE_READ(table, max_fds))
		return NULL;
	files = BPF_CORE_READ(table, fd);
	bpf_probe_read_kernel(&file, sizeof(file), files + fd);
	return file ? file_socket(file) : NULL;
}

static __noinline int accepted(struct eo_tracer_counters *count, struct task_struct *task,
				     __u32 fd)
{
	struct sock *sk = descriptor_socket(task, fd);
	struct eo_net_ends ends;
	struct eo_conn *conn;
	__u64 cookie;

	if (sk)
		sk = tcp_of(sk);
	cookie = sk ? read_cookie(sk) : 0;
	if (!cookie)
		return 0;
	conn = bpf_map_lookup_elem(&conns, &cookie);
	if (!conn && net.by_target) {
		read_ends(sk, &ends);
		if (!socket_wanted(sk, &ends)) {
			count_as(&count->filtered, count);
			return 0;
		}
		conn = new_conn(cookie, BPF_NOEXIST);
		if (!conn) {
			count_as(&count->lost[EO_LOSS_MAP_FULL], count);
			return 0;
		}
		fill_accepted(conn, sk);
	}
	if (conn && !conn->owner.tgid)
		bind_owner(conn, cookie, task);
	return 0;
}

struct connect_call {
	const void *address; /* in user space */
	__u32 size;
	__u32 fd;
	__s32 error; /* positive */
};

/* A call that failed before it changed the socket's state: no route, no free port. The entry is there
 * as long as it is being told; its key is the socket's address, which is no cookie. */
static __noinline int tell_early_failure(struct eo_tracer_counters *count, struct sock *sk,
					 __u64 cookie, const struct connect_call *call)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 key = (__u64)sk;
	struct eo_conn *conn = new_conn(key, BPF_ANY);

	if (!conn) {
		count_as(&count->lost[EO_LOSS_MAP_FULL], count);
		return 0;
	}
	conn->role = EO_ROLE_CLIENT;
	conn->flags = CONN_FAILED;
	conn->error = call->error;
	conn->begin_ns = conn->close_ns = bpf_ktime_get_ns();
	conn->state = TCP_CLOSE;
	conn->stack = run_stack();
	set_owner(&conn->owner, task);
	read_ends(sk, &conn->ends);
	__builtin_memset(&conn->ends.peer, 0, sizeof(conn->ends.peer));
	read_sockaddr(&conn->ends.peer, call->address, call->size);
	if (conn->ends.peer.family && socket_wanted(sk, &conn->ends))
		tell(conn, cookie, EO_RECORD_TCP_CONNECT);
	else if (conn->ends.peer.family)
		count_as(&count->filtered, count);
	bpf_map_delete_elem(&conns, &key);
	return 0;
}

/* Results that say nothing of the network. */
static __always_inline int is_misuse(__s32 error)
{
	return error == EINPROGRESS || error == EALREADY || error == EISCONN || error == EINTR ||
	       error == EBADF || error == EFAULT || error == EINVAL || error == ENOTSOCK ||
	       error == EAFNOSUPPORT || error >= ERESTARTSYS;
}

static __noinline int connect_failed(struct eo_tracer_counters *count,
					   struct task_struct *task,
					   const struct connect_call *call)
{
	struct sock *sk = descriptor_socket(task, call->fd);
	struct eo_conn *conn;
	__u64 cookie;

	if (sk)
		sk = tcp_of(sk);
	if (!sk || BPF_CORE_READ(sk, __sk_common.skc_state) != TCP_CLOSE)
		return 0;
	cookie = read_cookie(sk);
	conn = bpf_map_lookup_elem(&conns, &cookie);
	if (conn && conn->flags & CONN_FAILING) {
		tell_failure(count, conn, cookie, NULL, call->error);
		conn->flags |= CONN_REPORTED;
	} else if (conn && conn->flags & CONN_FAILED && !(conn->flags & CONN_REPORTED)) {
		conn->flags |= CONN_REPORTED; /* told when it happened */
	} else if (!conn || conn->flags & CONN_FAILED) {
		tell_early_failure(count, sk, cookie, call);
	}
	return 0;
}

static __always_inline void connect_ends(struct eo_tracer_counters *count,
					 struct pt_regs___kernel *regs, long ret)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct connect_call call = {.error = -ret};
	__u64 args[EO_SYSCALL_ARGS];

	read_args(regs, EO_ABI_NATIVE, args, 1);
	call.fd = args[0];
	call.address = (const void *)args[1];
	call.size = args[2];
	if (filter_current(task, bpf_get_current_pid_tgid()))
		connect_failed(count, task, &call);
}

static __always_inline void accept_ends(struct eo_tracer_counters *count, long ret)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	if (filter_current(task, bpf_get_current_pid_tgid()))
		accepted(count, task, ret);
}

/* Somebody sends or receives, and nothing better may be known of whose socket it is. Returns NULL
 * when it is nobody's who is of interest. @received: bytes have come in */
static __always_inline struct eo_conn *uses(struct sock *sk, __u64 cookie, int received)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct eo_conn *conn = bpf_map_lookup_elem(&conns, &cookie);

	if (!conn || !conn->owner.tgid) {
		if (is_kernel_thread(task) || !filter_current(task, bpf_get_current_pid_tgid()))
			return NULL;
		if (!conn && BPF_CORE_READ(sk, __sk_common.skc_state) != TCP_CLOSE)
			conn = adopt(sk, cookie);
		if (!conn)
			return NULL;
		bind_owner(conn, cookie, task);
	}
	if (received && !conn->first_byte_ns)
		conn->first_byte_ns = bpf_ktime_get_ns();
	return conn;
}

#endif
