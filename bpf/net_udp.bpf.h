/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* UDP: what a socket and a peer say to each other is a session, kept in a map until user space finds
 * that the socket is gone or that nothing was said for long.
 *
 * A socket without a fixed peer has it from each call: where to is in the arguments, where from is
 * filled in when the call ends, after the tracepoint that says how much came. */
#ifndef EO_NET_UDP_BPF_H
#define EO_NET_UDP_BPF_H

#include "net_payload.bpf.h"

#define EO_SESSIONS_MAX 16384
#define MESSAGES_MAX	1024 /* of one call: UIO_MAXIOV */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, EO_SESSIONS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct eo_session_key);
	__type(value, struct eo_session);
} sessions SEC(".maps");

static const struct eo_session no_session = {};

struct session_socket {
	__u64 cookie;
	struct eo_net_end last_peer; /* to whom it sent */
	__u32 reserved;
};

/* Sockets with sessions: goes when the socket does, by itself. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct session_socket);
} session_sockets SEC(".maps");

/* The same where what is moved is seen when calls end, which know sockets by address only. Key: the
 * number of the socket's inode, which nobody else has while it is open, and hardly anybody soon after. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct eo_net_end);
} session_peers SEC(".maps");

/* What a session's key has as cookie. */
static __always_inline __u64 session_cookie(const struct sock *sk)
{
	return net.by_calls ? BPF_CORE_READ(sk, sk_socket, file, f_inode, i_ino) : read_cookie(sk);
}

/* One or several datagrams of a session. */
struct moved {
	__u64 cookie;
	struct eo_net_ends ends;
	__u32 bytes;
	__u32 received;
};

/* Received, but nobody knows yet from whom. Key: pid_tgid */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct moved);
} unnamed SEC(".maps");

static __always_inline void fill_session(struct eo_session *session, const struct moved *moved,
					 struct task_struct *task)
{
	set_owner(&session->owner, task);
	session->ends = moved->ends;
	session->role = moved->received ? EO_ROLE_SERVER : EO_ROLE_CLIENT;
	session->first_ns = bpf_ktime_get_ns();
}

/* The filters of a datagram: a socket without a fixed peer has no route of its own. */
static __always_inline int session_wanted(const struct moved *moved)
{
	if (!(net.protocols & EO_NET_UDP) || !ends_wanted(&moved->ends) || net.by_interface)
		return 0;
	return !net.no_loopback || !ends_local(&moved->ends);
}

static __always_inline void count_session(struct eo_tracer_counters *count,
					  struct eo_session *session, const struct moved *moved)
{
	struct eo_net_row *row;

	if (net.by_target || moved->received == 0 || !ends_local(&moved->ends))
		COUNT_NET(udp_sessions, 1);
	if (!net.summary || !(net.events & EO_NET_UDP_SESSION))
		return;
	COUNT(count->seen);
	row = find_row(&session->owner, &session->ends, IPPROTO_UDP, session->role);
	if (row) {
		COUNT(row->connections);
		COUNT(count->aggregated);
	} else {
		COUNT(count->lost[EO_LOSS_MAP_FULL]);
	}
}

static __always_inline void take_session_stack(struct eo_session *session,
					       const struct eo_session_key *key)
{
	struct net_run *run;

	session->stack = run_stack();
	run = session->stack ? NULL : waiting_run();
	if (!run)
		return;
	run->session = *key;
	run->session_waits = 1;
}

/* Returns NULL when it is nobody's who is of interest. */
static __always_inline struct eo_session *find_session(struct eo_tracer_counters *count,
						  const struct moved *moved)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct eo_session_key key = {};
	struct eo_session *session;
	int begins;

	key.cookie = moved->cookie;
	key.peer = moved->ends.peer;
	session = bpf_map_lookup_elem(&sessions, &key);
	if (session)
		return session;
	if (is_kernel_thread(task) || !filter_current(task, bpf_get_current_pid_tgid()))
		return NULL;
	/* Another thread may be quicker. */
	begins = bpf_map_update_elem(&sessions, &key, &no_session, BPF_NOEXIST) == 0;
	session = bpf_map_lookup_elem(&sessions, &key);
	if (!session) {
		count_as(&count->lost[EO_LOSS_MAP_FULL], count);
		return NULL;
	}
	if (!begins)
		return session;
	fill_session(session, moved, task);
	if (session_wanted(moved)) {
		count_session(count, session, moved);
		take_session_stack(session, &key);
	} else {
		session->flags = EO_SESSION_IGNORED;
		count_as(&count->filtered, count);
	}
	return session;
}

static __always_inline void add_to_session(struct eo_session *session, const struct moved *moved)
{
	struct eo_net_row *row = NULL;

	session->last_ns = bpf_ktime_get_ns();
	if (net.summary && !(session->flags & EO_SESSION_IGNORED))
		row = find_row(&session->owner, &session->ends, IPPROTO_UDP, session->role);
	if (moved->received) {
		COUNT(session->rx_packets);
		__sync_fetch_and_add(&session->rx_bytes, moved->bytes);
		if (row) {
			COUNT(row->rx_packets);
			__sync_fetch_and_add(&row->rx_bytes, moved->bytes);
		}
	} else {
		COUNT(session->tx_packets);
		__sync_fetch_and_add(&session->tx_bytes, moved->bytes);
		if (row) {
			COUNT(row->tx_packets);
			__sync_fetch_and_add(&row->tx_bytes, moved->bytes);
		}
	}
}

static __noinline int datagram(struct eo_tracer_counters *count, struct moved *moved,
			       const struct user_message *message)
{
	struct eo_payload_record *payload;
	struct eo_session *session;

	/* A socket that takes both families has one address for both. */
	if (moved->ends.peer.family)
		moved->ends.local.family = moved->ends.peer.family;
	session = find_session(count, moved);
	if (!session)
		return 0;
	add_to_session(session, moved);
	if (session->flags & EO_SESSION_IGNORED || !(net.events & EO_NET_DNS) ||
	    moved->ends.peer.port != EO_PORT_DNS)
		return 0;
	payload = new_payload();
	if (!payload)
		return 0;
	owner_header(&payload->header, &session->owner, EO_RECORD_PAYLOAD, bpf_ktime_get_ns());
	payload->cookie = moved->cookie;
	payload->offset = 0;
	payload->ends = moved->ends;
	payload->protocol = IPPROTO_UDP;
	payload->use = EO_PAYLOAD_DNS;
	payload->received = moved->received;
	payload->role = session->role;
	payload->existed = 0;
	payload->tls = 0;
	send_payload(count, payload, message, moved->bytes);
	return 0;
}

static __always_inline int is_connected(const struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_dport) != 0;
}

/* In the call. */
static __noinline int udp_moves(struct eo_tracer_counters *count, struct sock *sk,
				      __u32 bytes, int received)
{
	__u64 args[EO_SYSCALL_ARGS], thread = bpf_get_current_pid_tgid();
	struct session_socket *stored = bpf_sk_storage_get(&session_sockets, sk, NULL,
							   BPF_SK_STORAGE_GET_F_CREATE);
	struct user_message message = {};
	struct moved moved = {.bytes = bytes, .received = received};
	long nr = current_call(args);
	__u32 index = 0;

	moved.cookie = bpf_get_socket_cookie(sk);
	read_ends(sk, &moved.ends);
	if (stored)
		stored->cookie = moved.cookie;
	/* Who sends and does not ask from whom the answer is has one peer in mind. */
	if (stored && received && !moved.ends.peer.port)
		moved.ends.peer = stored->last_peer;
	if (received && !is_connected(sk) &&
	    (nr == __NR_recvfrom || nr == __NR_recvmsg || nr == __NR_recvmmsg)) {
		bpf_map_update_elem(&unnamed, &thread, &moved, BPF_ANY);
	} else {
		if (nr == __NR_sendmmsg || nr == __NR_recvmmsg)
			index = next_index();
		if (!read_message(nr, args, index, &message) && !received)
			read_sockaddr(&moved.ends.peer, message.name, message.name_size);
		if (stored && !received)
			stored->last_peer = moved.ends.peer;
		datagram(count, &moved, &message);
	}
	return 0;
}

/* One of those that the call has received. Global, so that the verifier looks at it once and not in
 * each turn of a loop; old kernels take numbers only there. */
__noinline int named_datagram(__u64 nr, __u64 index, __u64 message_at, __u64 name_at)
{
	__u64 args[EO_SYSCALL_ARGS] = {[1] = message_at, [4] = name_at};
	__u64 thread = bpf_get_current_pid_tgid();
	struct eo_tracer_counters *count = cpu_counters();
	struct moved *found = bpf_map_lookup_elem(&unnamed, &thread), moved;
	const struct user_mmsghdr *many = (const void *)message_at;
	struct user_message message;

	if (!count || !found)
		return 0;
	moved = *found;
	if (!read_message(nr, args, index, &message))
		read_sockaddr(&moved.ends.peer, message.name, message.name_size);
	if (nr == __NR_recvmmsg)
		bpf_probe_read_user(&moved.bytes, sizeof(moved.bytes), &many[index].size);
	datagram(count, &moved, &message);
	return 0;
}

/* recvfrom(), recvmsg() and recvmmsg() return, and may have said from whom it came. */
static __noinline int receive_ends(struct pt_regs___kernel *regs, long nr, long ret)
{
	__u64 args[EO_SYSCALL_ARGS], thread = bpf_get_current_pid_tgid();

	if (!bpf_map_lookup_elem(&unnamed, &thread))
		return 0;
	read_args(regs, EO_ABI_NATIVE, args, 1);
	for (__u32 i = 0; i < MESSAGES_MAX; i++) {
		if (i && (nr != __NR_recvmmsg || i >= ret))
			break;
		named_datagram(nr, i, args[1], args[4]);
	}
	bpf_map_delete_elem(&unnamed, &thread);
	return 0;
}

/* Tells user space which sockets with sessions there still are. */
SEC("iter/bpf_sk_storage_map")
int find_session_sockets(struct bpf_iter__bpf_sk_storage_map *ctx)
{
	struct session_socket *stored = ctx->value;
	__u64 cookie;

	if (!stored)
		return 0;
	cookie = stored->cookie;
	bpf_seq_write(ctx->meta->seq, &cookie, sizeof(cookie));
	return 0;
}

#endif
