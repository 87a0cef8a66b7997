/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What sockets send and receive, seen when system calls end: where the tracepoints that tell so do not
 * exist (before 6.3). What does not go through such a call is not seen: io_uring, the kernel's own
 * sockets. The bytes of a connection are the socket's own figures and stay exact. */
#ifndef EO_NET_CALLS_BPF_H
#define EO_NET_CALLS_BPF_H

#include "net_transfer.bpf.h"

enum direction {
	MOVES_NOTHING,
	MOVES_OUT,
	MOVES_IN,
};

/* Nearly all calls are to pass quickly. */
static __always_inline enum direction call_direction(long nr)
{
	switch (nr) {
	case __NR_write:
	case __NR_writev:
	case __NR_pwritev2:
	case __NR_sendto:
	case __NR_sendmsg:
	case __NR_sendmmsg:
	case __NR_sendfile:
	case __NR_splice:
		return MOVES_OUT;
	case __NR_read:
	case __NR_readv:
	case __NR_preadv2:
	case __NR_recvfrom:
	case __NR_recvmsg:
	case __NR_recvmmsg:
		return MOVES_IN;
	}
	return MOVES_NOTHING;
}

static __always_inline int is_no_receipt(const struct ending_call *call)
{
	if (call->nr == __NR_recvfrom || call->nr == __NR_recvmmsg)
		return call->args[3] & NO_RECEIPT ? 1 : 0;
	return call->nr == __NR_recvmsg && call->args[2] & NO_RECEIPT;
}

static __always_inline int moves_many(long nr)
{
	return nr == __NR_sendmmsg || nr == __NR_recvmmsg;
}

static __always_inline __u32 message_bytes(const struct ending_call *call, __u32 index)
{
	const struct user_mmsghdr *many = (const void *)call->args[1];
	__u32 bytes = 0;

	if (!moves_many(call->nr))
		return call->ret;
	bpf_probe_read_user(&bytes, sizeof(bytes), &many[index].size);
	return bytes;
}

/* One datagram of the call. Global, so that the verifier looks at it once and not in each turn of a
 * loop; old kernels take numbers only there. */
__noinline int call_datagram(__u32 index)
{
	struct eo_tracer_counters *count = cpu_counters();
	struct ending_call *call = ending_call();
	struct user_message message;
	struct eo_net_end *peer;
	struct moved moved = {};

	if (!count || !call)
		return 0;
	moved.cookie = session_cookie(call->sk);
	moved.received = call->received;
	moved.bytes = message_bytes(call, index);
	read_ends(call->sk, &moved.ends);
	peer = bpf_map_lookup_elem(&session_peers, &moved.cookie);
	/* Who sends and does not ask from whom the answer is has one peer in mind. */
	if (peer && moved.received && !moved.ends.peer.port)
		moved.ends.peer = *peer;
	if (!read_message(call->nr, call->args, index, &message))
		read_sockaddr(&moved.ends.peer, message.name, message.name_size);
	if (!moved.received)
		bpf_map_update_elem(&session_peers, &moved.cookie, &moved.ends.peer, BPF_ANY);
	datagram(count, &moved, &message);
	return 0;
}

static __always_inline void call_datagrams(const struct ending_call *call)
{
	for (__u32 i = 0; i < MESSAGES_MAX; i++) {
		if (i && (!moves_many(call->nr) || i >= call->ret))
			break;
		call_datagram(i);
	}
}

static __always_inline void call_stream(struct eo_tracer_counters *count,
					const struct ending_call *call)
{
	struct sock *sk = tcp_of(call->sk);
	__u32 bytes = 0;
	__u64 cookie;

	if (!sk)
		return;
	cookie = net.own_cookies ? own_cookie(sk) : read_cookie(sk);
	for (__u32 i = 0; i < MESSAGES_MAX; i++) {
		if (i && (!moves_many(call->nr) || i >= call->ret))
			break;
		bytes += message_bytes(call, i);
	}
	if (cookie && bytes)
		tcp_moves(count, sk, cookie, bytes, call->received);
}

static __noinline int call_ends(struct eo_tracer_counters *count, struct pt_regs___kernel *regs,
				long nr, long ret)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct ending_call *call = ending_call();
	__u16 family, protocol;
	struct sock *sk;

	if (!call || call_number(task, nr, 0).abi != EO_ABI_NATIVE)
		return 0;
	read_args(regs, EO_ABI_NATIVE, call->args, 1);
	call->nr = nr;
	call->ret = ret;
	call->received = call_direction(nr) == MOVES_IN;
	if (is_no_receipt(call))
		return 0;
	sk = descriptor_socket(task, call->args[nr == __NR_splice ? 2 : 0]);
	if (!sk)
		return 0;
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (family != AF_INET && family != AF_INET6)
		return 0;
	call->sk = sk;
	protocol = BPF_CORE_READ(sk, sk_protocol);
	if (protocol != IPPROTO_UDP) {
		if (ret && net.protocols & EO_NET_TCP)
			call_stream(count, call);
	} else if (net.protocols & EO_NET_UDP && net.events & UDP_EVENTS) {
		call_datagrams(call);
	}
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(on_call, struct pt_regs___kernel *regs, long ret)
{
	long nr = exit_number(regs, 1);

	if (ret < 0 || call_direction(nr) == MOVES_NOTHING)
		return 0;
	return ONCE(RUN_SYS_EXIT, call_ends(count, regs, nr, ret));
}

/* Tells user space which sockets with sessions there may still be: those that are open. */
SEC("iter/task_file")
int find_open_sockets(struct bpf_iter__task_file *ctx)
{
	struct file *file = ctx->file;
	struct sock *sk;
	__u64 inode;

	if (!file)
		return 0;
	sk = file_socket(file);
	if (!sk || BPF_CORE_READ(sk, sk_protocol) != IPPROTO_UDP)
		return 0;
	inode = BPF_CORE_READ(file, f_inode, i_ino);
	bpf_seq_write(ctx->meta->seq, &inode, sizeof(inode));
	return 0;
}

#endif
