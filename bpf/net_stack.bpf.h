/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Stacks of what is said to the network: each program's twin, which runs instead of it where they are
 * wanted. Old kernels lack bpf_loop(), and not even a program that never gets there would load.
 *
 * What the owner's own call does has its user half; what an interrupt does has none, for it stops
 * anybody's process. A socket tells which it is: a call owns it while it works on it, and what comes
 * meanwhile waits until that call takes care of it.
 *
 * An end of TCP is told deep in the stack of its program, so its stack is taken before, when the socket
 * says that there will be one. What goes on in calls has its stack taken afterwards, as few of them begin
 * anything. */
#ifndef EO_NET_STACK_BPF_H
#define EO_NET_STACK_BPF_H

#include "net_calls.bpf.h"
#include "net_packet.bpf.h"
#include "net_retransmit.bpf.h"
#include "net_transfer.bpf.h"
#include "trace_stack.bpf.h"

static __noinline __u64 call_stack(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();

	return current_stack(ctx, task, bpf_get_current_pid_tgid(), 1, bpf_ktime_get_ns());
}

static __noinline __u64 nobodys_stack(void *ctx)
{
	return interrupt_stack(ctx, bpf_ktime_get_ns());
}

static __always_inline int call_owns(const struct sock *sk)
{
	return is_whole_socket(BPF_CORE_READ(sk, __sk_common.skc_state)) &&
	       BPF_CORE_READ(sk, sk_lock.owned);
}

static __always_inline int is_current(__u32 tgid)
{
	return tgid == bpf_get_current_pid_tgid() >> 32;
}

/* In a program that calls run: the stack of what it sends from now on. */
static __always_inline void set_run_stack(__u64 stack)
{
	struct net_run *run = net_run();

	if (!run)
		return;
	run->taken.stack = stack;
	run->taken.thread = bpf_get_current_pid_tgid();
}

/* In one that an interrupt may run, amidst another. @hash: of the stack of what @call sends */
#define WITH_STACK(hash, call)                                        \
	({                                                            \
		__u64 stack_of_call = hash;                           \
		struct net_run *run = net_run();                      \
		struct net_taken before = {};                         \
                                                                      \
		if (run)                                              \
			before = run->taken;                          \
		set_run_stack(stack_of_call);                         \
		call;                                                 \
		if (run)                                              \
			run->taken = before;                          \
	})

/* --- TCP ---------------------------------------------------------------------------------- */

static __always_inline __u64 socket_stack(void *ctx, const struct sock *sk,
					  const struct eo_conn *conn)
{
	return conn && is_current(conn->owner.tgid) && call_owns(sk) ? call_stack(ctx) :
								       nobodys_stack(ctx);
}

/* Of a connection that may be over. */
static __always_inline __u64 end_stack(void *ctx, const struct sock *sk)
{
	__u64 cookie = read_cookie(sk);
	struct eo_conn *conn = bpf_map_lookup_elem(&conns, &cookie);

	if (!(net.events & (EO_NET_TCP_CLOSE | EO_NET_TCP_RETRANSMIT)))
		return 0;
	return conn && conn->flags & CONN_OPENED ? socket_stack(ctx, sk, conn) : 0;
}

/* The socket is in connect(), whose stack is told with what comes of it. */
static __always_inline void keep_stack(void *ctx, const struct sock *sk)
{
	__u64 cookie = read_cookie(sk);
	struct eo_conn *conn = bpf_map_lookup_elem(&conns, &cookie);

	if (conn && net.events & EO_NET_TCP_CONNECT)
		conn->stack = call_stack(ctx);
}

static __always_inline void change_state_stack(void *ctx, struct eo_tracer_counters *count,
					       struct sock *sk, int old, int new)
{
	if (BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return;
	WITH_STACK(new == TCP_CLOSE ? end_stack(ctx, sk) : 0, change_state(count, sk, old, new));
	if (new == TCP_SYN_SENT)
		keep_stack(ctx, sk);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(on_state_stack, struct sock *sk, int old, int new)
{
	return ONCE_ANYWHERE(ctx, RUN_STATE, change_state_stack(ctx, count, sk, old, new));
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(on_destroy_stack, struct sock *sk)
{
	return ONCE_ANYWHERE(ctx, RUN_DESTROY, WITH_STACK(end_stack(ctx, sk), destroy(count, sk)));
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(on_receive_reset_stack, struct sock *sk)
{
	return ONCE_ANYWHERE(ctx, RUN_RECEIVE_RESET,
			     WITH_STACK(end_stack(ctx, sk), reset(sk, EO_RESET_PEER)));
}

/* What is no connection is refused without a socket. */
SEC("tp_btf/tcp_send_reset")
int BPF_PROG(on_send_reset_stack, struct sock *sk)
{
	return ONCE_ANYWHERE(ctx, RUN_SEND_RESET,
			     WITH_STACK(sk ? end_stack(ctx, sk) : 0, reset(sk, EO_RESET_LOCAL)));
}

static __always_inline __u64 retransmit_stack(void *ctx, struct sock *sk)
{
	__u64 cookie = read_cookie(sk);
	struct eo_conn *conn = bpf_map_lookup_elem(&conns, &cookie);

	return conn || !net.by_target ? socket_stack(ctx, sk, conn) : 0;
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(on_retransmit_stack, struct sock *sk, struct sk_buff *skb)
{
	return UNPREEMPTED_TP(WITH_STACK(retransmit_stack(ctx, sk), retransmit(count, sk, skb)));
}

SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(on_retransmit_synack_stack, struct sock *sk, struct request_sock *request)
{
	return UNPREEMPTED_TP(WITH_STACK(net.by_target ? 0 : nobodys_stack(ctx),
				      retransmit_synack(count, request)));
}

/* Calls of others, and of other families, are no events. */
static __always_inline __u64 socket_call_stack(void *ctx, __u32 fd, __u32 event)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct sock *sk;

	if (!(net.events & event) || !filter_current(task, bpf_get_current_pid_tgid()))
		return 0;
	sk = descriptor_socket(task, fd);
	return sk && tcp_of(sk) ? call_stack(ctx) : 0;
}

static __noinline int accept_ends_stack(void *ctx, struct eo_tracer_counters *count, long ret)
{
	set_run_stack(socket_call_stack(ctx, ret, EO_NET_TCP_ACCEPT));
	accept_ends(count, ret);
	return 0;
}

static __noinline int connect_ends_stack(void *ctx, struct eo_tracer_counters *count,
					 struct pt_regs___kernel *regs, long ret)
{
	__u64 args[EO_SYSCALL_ARGS];

	read_args(regs, EO_ABI_NATIVE, args, 1);
	set_run_stack(socket_call_stack(ctx, args[0], EO_NET_TCP_CONNECT));
	connect_ends(count, regs, ret);
	return 0;
}

/* --- what calls move ---------------------------------------------------------------------- */

/* The call has begun something, which waits for its stack; nobody else's, should it be preempted. */
static __noinline int tell_waiting(void *ctx)
{
	struct eo_tracer_counters *count = cpu_counters();
	struct net_run *run = net_run();
	struct eo_payload_record *payload;
	struct eo_session *session;
	__u64 stack, captured;

	if (!count || !run || run->thread != bpf_get_current_pid_tgid())
		return 0;
	stack = call_stack(ctx);
	session = run->session_waits ? bpf_map_lookup_elem(&sessions, &run->session) : NULL;
	if (session)
		session->stack = stack;
	payload = run->payload_waits ? new_payload() : NULL;
	if (payload) {
		payload->stack = stack;
		captured = payload->captured;
		AT_MOST(captured, EO_PAYLOAD_BYTES);
		send_record(count, &payload->header, EO_PAYLOAD_HEADER_BYTES + captured);
	}
	run->thread = 0;
	run->session_waits = run->payload_waits = 0;
	return 0;
}

static __always_inline void moves_stack(void *ctx, struct eo_tracer_counters *count, struct sock *sk,
					int bytes, int received)
{
	set_run_stack(0);
	moves(count, sk, bytes, received);
	tell_waiting(ctx);
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(on_send_stack, struct sock *sk, int ret)
{
	if (ret < 0)
		return 0;
	return ONCE(RUN_SEND, moves_stack(ctx, count, sk, ret, 0));
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(on_receive_stack, struct sock *sk, int ret, int flags)
{
	if (ret < 0 || flags & MSG_PEEK)
		return 0;
	return ONCE(RUN_RECEIVE, moves_stack(ctx, count, sk, ret, 1));
}

/* Of calls with several messages each may begin something, so they have theirs before. */
static __noinline int begin_call(void *ctx, long nr)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	int needed = moves_many(nr) && filter_current(task, bpf_get_current_pid_tgid());

	set_run_stack(needed ? call_stack(ctx) : 0);
	return 0;
}

static __always_inline void call_ends_stack(void *ctx, struct eo_tracer_counters *count,
					    struct pt_regs___kernel *regs, long nr, long ret)
{
	begin_call(ctx, nr);
	call_ends(count, regs, nr, ret);
	tell_waiting(ctx);
}

static __always_inline void receive_ends_stack(void *ctx, struct pt_regs___kernel *regs, long nr,
					       long ret)
{
	begin_call(ctx, nr);
	receive_ends(regs, nr, ret);
	tell_waiting(ctx);
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_call_stack, struct pt_regs___kernel *regs, long ret)
{
	long nr = exit_number(regs, 1);

	if (ret < 0 || call_direction(nr) == MOVES_NOTHING)
		return 0;
	return ONCE(RUN_SYS_EXIT, call_ends_stack(ctx, count, regs, nr, ret));
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_sys_exit_stack, struct pt_regs___kernel *regs, long ret)
{
	long nr = exit_number(regs, 1);

	switch (call_ending(nr, ret)) {
	case TELLS_ACCEPT:
		return ONCE(RUN_SYS_EXIT, accept_ends_stack(ctx, count, ret));
	case TELLS_FAILED_CONNECT:
		return ONCE(RUN_SYS_EXIT, connect_ends_stack(ctx, count, regs, ret));
	case TELLS_SENDER:
		return ONCE(RUN_SYS_EXIT, receive_ends_stack(ctx, regs, nr, ret));
	case TELLS_NOTHING:
		break;
	}
	return 0;
}

/* From the library's function on. */
static __noinline __u64 tls_stack(struct pt_regs *ctx, __u64 address)
{
	return ended_call_stack(ctx, address, bpf_ktime_get_ns());
}

SEC("uretprobe")
int on_tls_leave_stack(struct pt_regs *ctx)
{
	return UNPREEMPTED(tls_ends(count, ctx, tls_stack));
}

/* --- packets ------------------------------------------------------------------------------ */

/* A datagram goes out while nobody owns its socket. */
static __always_inline int call_sends(void *ctx, const struct sock *sk,
				      const struct eo_packet_record *record)
{
	return sk && is_current(record->header.tgid) &&
	       is_on_stack_of(bpf_get_current_task_btf(), ctx) &&
	       (record->protocol != IPPROTO_TCP || call_owns(sk));
}

static __always_inline void passes_stack(void *ctx, struct eo_tracer_counters *count,
					 struct sk_buff *skb, const struct net_device *device,
					 __u8 direction)
{
	struct eo_packet_record record = {.direction = direction};
	const struct sock *sk = direction == EO_PACKET_TX ? skb->sk : NULL;

	if (!packet(count, skb, device, &record))
		return;
	record.stack = call_sends(ctx, sk, &record) ? call_stack(ctx) : nobodys_stack(ctx);
	send_record(count, &record.header, sizeof(record));
}

SEC("tp_btf/net_dev_start_xmit")
int BPF_PROG(on_transmit_stack, struct sk_buff *skb, struct net_device *device)
{
	return UNPREEMPTED_TP(passes_stack(ctx, count, skb, device, EO_PACKET_TX));
}

SEC("tp_btf/netif_receive_skb")
int BPF_PROG(on_packet_stack, struct sk_buff *skb)
{
	return UNPREEMPTED_TP(passes_stack(ctx, count, skb, skb->dev, EO_PACKET_RX));
}

#endif
