/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* TCP connections, from the handshake to the end.
 *
 * A connection is known by its socket's cookie. States change in interrupts that stop anybody's
 * process, so nobody who runs then is its owner; that is who calls connect(), which sets the first
 * state itself, or who gets the socket from accept(), which no tracepoint tells: the descriptor that
 * the call returns is looked up. A server's connection lives before it is accepted, and may be over
 * by then; it waits for its owner.
 *
 * Several CPUs may look at an entry at a time. Whoever takes it out of the map tells its end. */
#ifndef EO_NET_TCP_BPF_H
#define EO_NET_TCP_BPF_H

#include "net_base.bpf.h"
#include "syscall_regs.bpf.h"

#define EO_CONNS_MAX 65536

#define ECANCELED   125
#define EINTR	    4
#define EBADF	    9
#define EFAULT	    14
#define EINVAL	    22
#define ENOTSOCK    88
#define EAFNOSUPPORT 97
#define EISCONN	    106
#define EALREADY    114
#define EINPROGRESS 115
#define ERESTARTSYS 512 /* the first of those that user space never sees */

/* Flags of a connection. */
#define CONN_OPENED  1 /* the handshake is complete */
#define CONN_TOLD    2 /* and whoever wants to know was told: has an owner */
#define CONN_FAILING 4 /* refused by this machine; the call's result will say why */
#define CONN_FAILED  8 /* told; the socket may try again */
#define CONN_CLOSED  16 /* figures are final, waits for an owner or for who reset it */
#define CONN_EXISTED 32
#define CONN_MPTCP   64
#define CONN_REPORTED 128 /* a failure: the process knows of it */

struct eo_conn {
	struct eo_net_task owner;
	struct eo_net_ends ends;
	__u64 begin_ns; /* of the handshake; 0: before the trace */
	__u64 open_ns;	/* it was complete; 0: likewise */
	__u64 first_byte_ns, close_ns; /* 0: not yet */
	__u64 tx_bytes, rx_bytes; /* once closed */
	__u64 row_tx_bytes, row_rx_bytes; /* that the row has already */
	__u32 retransmits, row_retransmits;
	__u32 rtt_us;
	__s32 error;
	__u8 role, reset_by, flags, state;
	__u32 retransmits_told; /* by events of their own */
	__u64 moved[2];		/* bytes that went out and in, as far as calls were seen */
	__u64 sent_ns;		/* by a client, last */
	__u64 payload_ns;	/* time of the last payload that was told */
	__u64 stack;		/* of connect(), with net.stacks */
	__u8 http;		/* enum http_state */
	__u8 http_tries;
	__u8 followed; /* user space holds something of it, and wants to know its end */
	__u8 reserved[5];
};

enum http_state {
	HTTP_UNKNOWN,
	HTTP_YES,
	HTTP_NO,
	HTTP_TLS, /* of what is inside its plaintext tells */
};

static const struct eo_conn no_conn = {};

/* User space gives the map its size. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, EO_CONNS_MAX);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct eo_conn);
} conns SEC(".maps");

struct listener {
	__u32 netns;
	__u32 port;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct listener);
	__type(value, __u32);
} listeners SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct eo_net_row_key);
	__type(value, struct eo_net_row);
} rows SEC(".maps");

static const struct eo_net_row no_row = {};

volatile __u32 row_generation;

/* --- rows --------------------------------------------------------------------------------- */

static __always_inline struct eo_net_row *find_row(const struct eo_net_task *owner,
						   const struct eo_net_ends *ends, __u16 protocol,
						   __u16 role)
{
	struct eo_net_row_key key = {
		.protocol = protocol, .role = role, .generation = row_generation};
	struct eo_net_row *row;

	if (net.by_pid)
		key.tgid = owner->tgid;
	if (net.by_comm)
		__builtin_memcpy(key.comm, owner->comm, sizeof(key.comm));
	if (net.by_peer)
		key.peer = ends->peer;
	if (role == EO_ROLE_SERVER)
		key.peer.port = 0;
	row = bpf_map_lookup_elem(&rows, &key);
	if (row)
		return row;
	bpf_map_update_elem(&rows, &key, &no_row, BPF_NOEXIST);
	return bpf_map_lookup_elem(&rows, &key);
}

static __always_inline __u32 rtt_slot(__u32 us)
{
	__u32 slot = 0;

	for (int bits = 16; bits; bits /= 2) {
		if (us >> bits) {
			us >>= bits;
			slot += bits;
		}
	}
	return slot < EO_NET_RTT_SLOTS ? slot : EO_NET_RTT_SLOTS - 1;
}

/* Add what came since the last time. */
static __always_inline void add_figures(struct eo_net_row *row, struct eo_conn *conn)
{
	__sync_fetch_and_add(&row->tx_bytes, conn->tx_bytes - conn->row_tx_bytes);
	__sync_fetch_and_add(&row->rx_bytes, conn->rx_bytes - conn->row_rx_bytes);
	__sync_fetch_and_add(&row->retransmits, conn->retransmits - conn->row_retransmits);
	conn->row_tx_bytes = conn->tx_bytes;
	conn->row_rx_bytes = conn->rx_bytes;
	conn->row_retransmits = conn->retransmits;
}

/* Not of the end; see end_in_row(). Returns 0 without room. */
static __noinline int add_to_row(const struct eo_conn *conn, __u32 kind)
{
	struct eo_net_row *row = find_row(&conn->owner, &conn->ends, IPPROTO_TCP, conn->role);

	if (!row)
		return 0;
	if (kind == EO_RECORD_TCP_RETRANSMIT)
		return 1; /* the connection's own figure has it */
	COUNT(row->connections);
	if (conn->error)
		COUNT(row->errors);
	return 1;
}

/* Whoever takes the entry out of the map adds it; what it says is read before that. Returns 0 when
 * somebody else did. */
static __noinline int end_in_row(struct eo_tracer_counters *count, const struct eo_conn *conn,
				 __u64 cookie)
{
	struct eo_net_row *row = find_row(&conn->owner, &conn->ends, IPPROTO_TCP, conn->role);
	__u64 tx_bytes = conn->tx_bytes - conn->row_tx_bytes;
	__u64 rx_bytes = conn->rx_bytes - conn->row_rx_bytes;
	__u32 retransmits = conn->retransmits - conn->row_retransmits;
	__u32 rtt_us = conn->rtt_us, slot;
	__u8 existed = conn->flags & CONN_EXISTED, failed = conn->error != 0;

	if (bpf_map_delete_elem(&conns, &cookie))
		return 0;
	COUNT(count->seen);
	if (!row) {
		COUNT(count->lost[EO_LOSS_MAP_FULL]);
		return 1;
	}
	COUNT(count->aggregated);
	if (existed)
		COUNT(row->connections);
	if (failed)
		COUNT(row->errors);
	if (rtt_us) {
		slot = rtt_slot(rtt_us);
		if (slot < EO_NET_RTT_SLOTS)
			COUNT(row->rtt[slot]);
	}
	__sync_fetch_and_add(&row->tx_bytes, tx_bytes);
	__sync_fetch_and_add(&row->rx_bytes, rx_bytes);
	__sync_fetch_and_add(&row->retransmits, retransmits);
	return 1;
}

/* --- telling ------------------------------------------------------------------------------
 *
 * Functions take pointers and so are static: those of global ones are refused before 5.12. They are
 * not inlined where that would make a frame too large, for until 6.13 all frames of a program share
 * 512 bytes, which a test adds up. */

static __always_inline int is_wanted(const struct eo_conn *conn, __u32 kind)
{
	return net.events & (1u << (kind - EO_RECORD_TCP_CONNECT)) ||
	       (kind == EO_RECORD_TCP_CLOSE && conn->followed);
}

static __always_inline void fill_record(struct eo_tcp_record *record, const struct eo_conn *conn,
					__u64 cookie, __u32 kind)
{
	__u64 to_ns = conn->error || kind == EO_RECORD_TCP_CLOSE ? conn->close_ns : conn->open_ns;
	/* One that is older than the trace has an end alone. */
	__u64 from_ns = conn->begin_ns ? conn->begin_ns : to_ns;

	owner_header(&record->header, &conn->owner, kind, from_ns);
	record->cookie = cookie;
	record->duration_ns = to_ns - from_ns;
	record->ends = conn->ends;
	record->first_byte_ns = record->tx_bytes = record->rx_bytes = 0;
	record->rtt_us = conn->rtt_us;
	record->retransmits = 0;
	record->error = conn->error;
	record->role = conn->role;
	record->reset_by = EO_RESET_NONE;
	record->state = conn->state;
	record->stack = kind == EO_RECORD_TCP_CONNECT ? conn->stack : run_stack();
	record->flags = (conn->begin_ns ? 0 : EO_TCP_EXISTED) |
			(conn->flags & CONN_MPTCP ? EO_TCP_MPTCP : 0);
	if (kind == EO_RECORD_TCP_RETRANSMIT) {
		record->header.ktime_ns = bpf_ktime_get_ns();
		record->duration_ns = 0;
		record->retransmits = conn->retransmits - conn->retransmits_told;
	} else if (kind == EO_RECORD_TCP_CLOSE) {
		record->header.ktime_ns = to_ns;
		if (conn->first_byte_ns > from_ns && conn->begin_ns)
			record->first_byte_ns = conn->first_byte_ns - from_ns;
		record->tx_bytes = conn->tx_bytes;
		record->rx_bytes = conn->rx_bytes;
		record->retransmits = conn->retransmits;
		record->reset_by = conn->reset_by;
	}
}

/* One event of a connection that goes on, or never began. */
static __noinline int tell(struct eo_conn *conn, __u64 cookie, __u32 kind)
{
	struct eo_tracer_counters *count = cpu_counters();
	struct eo_tcp_record *record;

	if (!count || !is_wanted(conn, kind))
		return 0;
	COUNT(count->seen);
	if (net.summary) {
		if (add_to_row(conn, kind))
			COUNT(count->aggregated);
		else
			COUNT(count->lost[EO_LOSS_MAP_FULL]);
		return 0;
	}
	record = reserve_record(sizeof(*record));
	if (!record) {
		COUNT(count->lost[EO_LOSS_RING_FULL]);
		return 0;
	}
	fill_record(record, conn, cookie, kind);
	submit_record(count, &record->header);
	return 0;
}

/* The connection is over and its figures are in the entry, which goes. The record is complete before
 * that: afterwards the entry may be somebody else's. */
static __noinline int tell_end(struct eo_conn *conn, __u64 cookie)
{
	struct eo_tracer_counters *count = cpu_counters();
	struct eo_tcp_record *record;

	if (!count || !is_wanted(conn, EO_RECORD_TCP_CLOSE)) {
		bpf_map_delete_elem(&conns, &cookie);
		return 0;
	}
	if (net.summary && !conn->followed) {
		end_in_row(count, conn, cookie);
		return 0;
	}
	record = reserve_record(sizeof(*record));
	if (record)
		fill_record(record, conn, cookie, EO_RECORD_TCP_CLOSE);
	/* Who reads what it said wants to know in a summary, too. */
	if (net.summary && net.events & EO_NET_TCP_CLOSE ? !end_in_row(count, conn, cookie) :
							   bpf_map_delete_elem(&conns, &cookie)) {
		if (record)
			bpf_ringbuf_discard(record, BPF_RB_NO_WAKEUP);
		return 0;
	}
	COUNT(count->seen);
	if (record)
		submit_record(count, &record->header);
	else
		COUNT(count->lost[EO_LOSS_RING_FULL]);
	return 0;
}

static __always_inline void count_as(__u64 *reason_of_cpu, struct eo_tracer_counters *count)
{
	COUNT(count->seen);
	__sync_fetch_and_add(reason_of_cpu, 1);
}

/* --- entries ------------------------------------------------------------------------------ */

static __always_inline struct eo_conn *new_conn(__u64 cookie, __u64 flags)
{
	if (bpf_map_update_elem(&conns, &cookie, &no_conn, flags))
		return NULL;
	return bpf_map_lookup_elem(&conns, &cookie);
}

static __always_inline void take_figures(struct eo_conn *conn, const struct sock *sk)
{
	const struct tcp_sock *tcp = (const void *)sk;
	__u64 received = BPF_CORE_READ(tcp, bytes_received);

	/* What was sent again counts once. */
	conn->tx_bytes = BPF_CORE_READ(tcp, bytes_sent) - BPF_CORE_READ(tcp, bytes_retrans);
	/* A FIN has taken a number like a byte. */
	if (received && BPF_CORE_READ(sk, __sk_common.skc_flags) & (1ul << SOCK_DONE))
		received--;
	conn->rx_bytes = received;
	conn->retransmits = BPF_CORE_READ(tcp, total_retrans);
	conn->rtt_us = BPF_CORE_READ(tcp, srtt_us) >> 3;
}

/* Segments that went out again since the last time, if any. */
static __always_inline void tell_retransmits(struct eo_conn *conn, __u64 cookie)
{
	if (conn->retransmits == conn->retransmits_told)
		return;
	tell(conn, cookie, EO_RECORD_TCP_RETRANSMIT);
	conn->retransmits_told = conn->retransmits;
}

static __always_inline void take_last_figures(struct eo_conn *conn, const struct sock *sk,
					      __u64 cookie)
{
	take_figures(conn, sk);
	conn->close_ns = bpf_ktime_get_ns();
	/* Old kernels do not tell of those that failed, and programs do not run everywhere. */
	tell_retransmits(conn, cookie);
}

static __always_inline void mark_mptcp(struct eo_conn *conn, const struct sock *sk)
{
	const struct tcp_sock *tcp = (const void *)sk;

	if (bpf_core_field_exists(tcp->is_mptcp) && BPF_CORE_READ(tcp, is_mptcp))
		conn->flags |= CONN_MPTCP;
}

/* @error: positive; @sk: NULL: it has forgotten where it was to go. The entry stays until the socket
 * goes, for the call's own result is not to be told as well. */
static __noinline int tell_failure(struct eo_tracer_counters *count, struct eo_conn *conn,
				   __u64 cookie, const struct sock *sk, __s32 error)
{
	if (sk)
		read_ends(sk, &conn->ends);
	conn->error = error;
	conn->close_ns = bpf_ktime_get_ns();
	conn->flags = CONN_FAILED;
	if (sk ? socket_wanted(sk, &conn->ends) : ends_wanted(&conn->ends))
		tell(conn, cookie, EO_RECORD_TCP_CONNECT);
	else
		count_as(&count->filtered, count);
	conn->error = 0;
	return 0;
}

/* --- states ------------------------------------------------------------------------------- */

/* connect() runs, in the process that called it; or a worker that opens another subflow. */
static __noinline int connect_begins(struct eo_tracer_counters *count, struct sock *sk,
					   __u64 cookie)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	int unowned = is_kernel_thread(task);
	struct eo_conn *conn;

	if (unowned ? net.by_target : !filter_current(task, bpf_get_current_pid_tgid()))
		return 0;
	conn = new_conn(cookie, BPF_ANY);
	if (!conn) {
		count_as(&count->lost[EO_LOSS_MAP_FULL], count);
		return 0;
	}
	if (!unowned)
		set_owner(&conn->owner, task);
	conn->role = EO_ROLE_CLIENT;
	conn->begin_ns = bpf_ktime_get_ns();
	read_ends(sk, &conn->ends);
	return 0;
}

static __always_inline void client_opens(struct eo_tracer_counters *count, struct sock *sk,
					 __u64 cookie, struct eo_conn *conn)
{
	read_ends(sk, &conn->ends);
	conn->open_ns = bpf_ktime_get_ns();
	conn->flags = CONN_OPENED | CONN_TOLD;
	conn->state = TCP_ESTABLISHED;
	mark_mptcp(conn, sk);
	if (!socket_wanted(sk, &conn->ends)) {
		count_as(&count->filtered, count);
		bpf_map_delete_elem(&conns, &cookie);
		return;
	}
	COUNT_NET(tcp_connections, 1);
	tell(conn, cookie, EO_RECORD_TCP_CONNECT);
}

/* The time since our answer to the first packet is the first round trip that is measured. */
static __always_inline void fill_accepted(struct eo_conn *conn, const struct sock *sk)
{
	const struct tcp_sock *tcp = (const void *)sk;

	conn->role = EO_ROLE_SERVER;
	conn->open_ns = bpf_ktime_get_ns();
	conn->begin_ns = conn->open_ns - (BPF_CORE_READ(tcp, srtt_us) >> 3) * 1000ull;
	conn->flags = CONN_OPENED;
	conn->state = TCP_ESTABLISHED;
	conn->retransmits_told = BPF_CORE_READ(tcp, total_retrans);
	read_ends(sk, &conn->ends);
	mark_mptcp(conn, sk);
	/* The other end of one that stays on this machine is counted already. */
	if (net.by_target || !is_local(sk, &conn->ends))
		COUNT_NET(tcp_connections, 1);
}

/* Whose it is will be known when it is accepted. */
static __noinline int server_opens(struct eo_tracer_counters *count, struct sock *sk,
					 __u64 cookie)
{
	struct eo_net_ends ends;
	struct eo_conn *conn;

	if (net.by_target)
		return 0;
	read_ends(sk, &ends);
	if (!socket_wanted(sk, &ends)) {
		count_as(&count->filtered, count);
		return 0;
	}
	conn = new_conn(cookie, BPF_NOEXIST);
	if (conn)
		fill_accepted(conn, sk);
	else
		count_as(&count->lost[EO_LOSS_MAP_FULL], count);
	return 0;
}

static __always_inline void closes(struct eo_tracer_counters *count, struct sock *sk, __u64 cookie,
				   struct eo_conn *conn, int old)
{
	__s32 error = BPF_CORE_READ(sk, sk_err);

	if (!(conn->flags & CONN_OPENED)) {
		if (conn->flags & CONN_FAILED)
			return;
		if (error)
			tell_failure(count, conn, cookie, sk, error);
		else
			conn->flags |= CONN_FAILING;
		return;
	}
	take_last_figures(conn, sk, cookie);
	conn->error = error;
	conn->flags |= CONN_CLOSED;
	/* An end without farewell: the reset is sent, and known, after this. */
	if (!error && !conn->reset_by && (old == TCP_ESTABLISHED || old == TCP_CLOSE_WAIT))
		return;
	if (conn->flags & CONN_TOLD)
		tell_end(conn, cookie);
}

static __always_inline void change_state(struct eo_tracer_counters *count, struct sock *sk, int old,
					 int new)
{
	struct eo_conn *conn;
	__u64 cookie;

	if (new != TCP_SYN_SENT && new != TCP_ESTABLISHED && new != TCP_CLOSE)
		return;
	if (BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return;
	/* Sets the cookie where there is none, for those who can only read it. */
	cookie = get_cookie(sk);
	if (!cookie) {
		if (new == TCP_SYN_SENT || old == TCP_SYN_RECV)
			count_as(&count->lost[EO_LOSS_MAP_FULL], count);
		return;
	}
	if (new == TCP_SYN_SENT) {
		connect_begins(count, sk, cookie);
		return;
	}
	conn = bpf_map_lookup_elem(&conns, &cookie);
	if (new == TCP_CLOSE) {
		if (conn)
			closes(count, sk, cookie, conn, old);
	} else if (conn) {
		client_opens(count, sk, cookie, conn);
	} else if (old == TCP_SYN_RECV) {
		server_opens(count, sk, cookie);
	}
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_state, struct sock *sk, int old, int new)
{
	return ONCE_ANYWHERE(ctx, RUN_STATE, change_state(count, sk, old, new));
}

/* The socket goes: whatever was waited for does not come any more. */
static __always_inline void destroy(struct eo_tracer_counters *count, struct sock *sk)
{
	__u64 cookie = read_cookie(sk);
	struct eo_conn *conn = bpf_map_lookup_elem(&conns, &cookie);

	forget_cookie(sk);
	if (!conn)
		return;
	if (!(conn->flags & CONN_OPENED)) {
		if (!(conn->flags & CONN_FAILED))
			tell_failure(count, conn, cookie, sk, ECANCELED);
		bpf_map_delete_elem(&conns, &cookie);
		return;
	}
	if (!(conn->flags & CONN_CLOSED))
		take_last_figures(conn, sk, cookie);
	tell_end(conn, cookie);
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(on_destroy, struct sock *sk)
{
	return ONCE_ANYWHERE(ctx, RUN_DESTROY, destroy(count, sk));
}

static __always_inline void reset(struct sock *sk, __u8 by)
{
	struct eo_conn *conn;
	__u64 cookie;

	if (!sk)
		return;
	cookie = read_cookie(sk);
	conn = bpf_map_lookup_elem(&conns, &cookie);
	if (!conn || !(conn->flags & CONN_OPENED))
		return;
	if (!conn->reset_by)
		conn->reset_by = by;
	if (conn->flags & CONN_CLOSED && conn->flags & CONN_TOLD)
		tell_end(conn, cookie);
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(on_receive_reset, struct sock *sk)
{
	return ONCE_ANYWHERE(ctx, RUN_RECEIVE_RESET, reset(sk, EO_RESET_PEER));
}

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(on_send_reset, struct sock *sk)
{
	return ONCE_ANYWHERE(ctx, RUN_SEND_RESET, reset(sk, EO_RESET_LOCAL));
}

#endif
