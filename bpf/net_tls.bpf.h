/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What goes through TLS, before it is encrypted and after it was decrypted: uprobes on the functions
 * of OpenSSL that processes have in their libraries or in themselves.
 *
 * Which socket a stream of TLS belongs to is seen, never read out of the library's structs. A library
 * that works on a socket moves bytes of it while it is called, on the same thread: that is its socket.
 * A library that works on memory gets what the program has received just before: the first call after
 * a thread has received of a connection that began with TLS takes those bytes. That is a conclusion,
 * so that a second one that contradicts it ends all trust, and what is not known is counted.
 *
 * A call inside another one (a tunnel's, or of a function by its sibling) says nothing new, and is told
 * by the stack pointer, which the return finds again.
 *
 * Uprobes may be interrupted by other threads of their CPU, so nothing here is shared by CPU. */
#ifndef EO_NET_TLS_BPF_H
#define EO_NET_TLS_BPF_H

#include <linux/ptrace.h>

#include "net_payload.bpf.h"
#include "registers.bpf.h"

#define TLS_SMALL_BYTES 1024 /* records come in two sizes */

/* A call of a thread that has not returned yet. */
struct tls_call {
	__u64 sp; /* at entry */
	__u64 stream; /* the SSL object */
	__u64 buffer;
	__u64 out; /* where the number of bytes will be */
	__u64 begin_ns;
	__u64 socket; /* whose bytes were moved meanwhile; 0: none */
	__u64 function; /* enum eo_tls_function */
	__u64 address;	/* of its first instruction */
};

/* Key: pid_tgid */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct tls_call);
} tls_calls SEC(".maps");

/* The socket that brought the TLS which a thread has not looked into yet. Key: pid_tgid */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, __u64);
} tls_arrivals SEC(".maps");

struct tls_stream_key {
	__u64 stream;
	__u64 tgid;
};

enum tls_bond {
	TLS_UNBOUND,
	TLS_BY_ARRIVAL,
	TLS_BY_CALL,
	TLS_UNSURE, /* arrivals of several sockets */
};

struct tls_stream {
	__u64 socket;
	__u64 moved[2]; /* bytes out and in */
	__u8 bond;	/* enum tls_bond */
	__u8 http;	/* enum http_state */
	__u8 tries;
	__u8 from_start; /* its handshake was seen */
	__u32 reserved;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct tls_stream_key);
	__type(value, struct tls_stream);
} tls_streams SEC(".maps");

/* --- sockets ------------------------------------------------------------------------------ */

/* The current thread moves bytes of a connection. */
static __always_inline void tls_socket_moves(const struct eo_conn *conn, __u64 cookie, int received)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct tls_call *call = bpf_map_lookup_elem(&tls_calls, &thread);

	if (call)
		call->socket = cookie;
	else if (received && conn->http == HTTP_TLS)
		bpf_map_update_elem(&tls_arrivals, &thread, &cookie, BPF_ANY);
}

static __always_inline void bind_by_arrival(struct tls_stream *stream, __u64 thread)
{
	__u64 *arrived = bpf_map_lookup_elem(&tls_arrivals, &thread), cookie;

	if (!arrived)
		return;
	cookie = *arrived;
	bpf_map_delete_elem(&tls_arrivals, &thread);
	if (stream->bond == TLS_UNBOUND) {
		stream->socket = cookie;
		stream->bond = TLS_BY_ARRIVAL;
	} else if (stream->bond == TLS_BY_ARRIVAL && stream->socket != cookie) {
		stream->bond = TLS_UNSURE;
	}
}

static __always_inline void bind_by_call(struct tls_stream *stream, __u64 cookie)
{
	if (stream->bond == TLS_BY_CALL && stream->socket == cookie)
		return;
	/* The object is used for another connection now. */
	if (stream->bond == TLS_BY_CALL) {
		stream->moved[0] = stream->moved[1] = 0;
		stream->http = HTTP_UNKNOWN;
		stream->tries = 0;
	}
	stream->socket = cookie;
	stream->bond = TLS_BY_CALL;
}

static __always_inline struct tls_stream *find_tls_stream(const struct tls_call *call, __u64 thread)
{
	struct tls_stream_key key = {.stream = call->stream, .tgid = thread >> 32};
	struct tls_stream *stream = bpf_map_lookup_elem(&tls_streams, &key), fresh = {};

	if (!stream) {
		fresh.from_start = call->function == EO_TLS_HANDSHAKE;
		bpf_map_update_elem(&tls_streams, &key, &fresh, BPF_NOEXIST);
		stream = bpf_map_lookup_elem(&tls_streams, &key);
	}
	if (!stream)
		return NULL;
	if (call->socket)
		bind_by_call(stream, call->socket);
	else
		bind_by_arrival(stream, thread);
	return stream;
}

/* --- bytes -------------------------------------------------------------------------------- */

static __always_inline int tls_follows_http(struct tls_stream *stream, const void *bytes,
					    __u64 size)
{
	if (stream->http == HTTP_UNKNOWN) {
		if (guess_http(bytes, size, !stream->from_start) == HTTP_YES)
			stream->http = HTTP_YES;
		else if (++stream->tries >= HTTP_TRIES_MAX)
			stream->http = HTTP_NO;
	}
	return stream->http == HTTP_YES;
}

struct tls_message {
	struct eo_conn *conn;
	struct tls_stream *stream;
	const void *bytes;
	__u64 size, offset, ktime_ns, stack;
	__u32 received;
};

static __always_inline void fill_tls_payload(struct eo_payload_record *payload,
					     const struct tls_message *message, __u64 captured)
{
	const struct eo_conn *conn = message->conn;

	owner_header(&payload->header, &conn->owner, EO_RECORD_PAYLOAD, message->ktime_ns);
	payload->cookie = message->stream->socket;
	payload->offset = message->offset;
	payload->ends = conn->ends;
	payload->length = message->size;
	payload->captured = captured;
	payload->protocol = IPPROTO_TCP;
	payload->use = EO_PAYLOAD_HTTP;
	payload->received = message->received;
	payload->role = conn->role;
	payload->existed = !message->stream->from_start;
	payload->tls = 1;
	payload->reserved = 0;
	payload->stack = message->stack;
}

/* A record of a constant size, made in the ring. */
static __always_inline void send_tls_payload(struct eo_tracer_counters *count,
					     const struct tls_message *message, const __u64 room)
{
	struct eo_payload_record *payload = reserve_record(EO_PAYLOAD_HEADER_BYTES + room);
	__u64 captured = message->size;

	COUNT(count->seen);
	if (!payload) {
		COUNT(count->lost[EO_LOSS_RING_FULL]);
		return;
	}
	AT_MOST(captured, room);
	if (bpf_probe_read_user(payload->bytes, captured, message->bytes))
		captured = 0;
	fill_tls_payload(payload, message, captured);
	submit_record(count, &payload->header);
}

/* Where a call comes from; see net_stack.bpf.h. */
typedef __u64 (*stack_of_call)(struct pt_regs *ctx, __u64 address);

static __always_inline __u64 no_stack(struct pt_regs *ctx, __u64 address)
{
	return 0;
}

static __always_inline void tls_bytes(struct eo_tracer_counters *count, const struct tls_call *call,
				      struct tls_stream *stream, __u64 size, struct pt_regs *ctx,
				      stack_of_call stack_of)
{
	struct tls_message message = {
		.stream = stream,
		.bytes = (const void *)call->buffer,
		.size = size,
		.received = call->function == EO_TLS_READ || call->function == EO_TLS_READ_EX,
		.ktime_ns = bpf_ktime_get_ns(),
	};
	__u64 *moved = message.received ? &stream->moved[1] : &stream->moved[0], socket;

	message.offset = *moved;
	*moved += size;
	if (!tls_follows_http(stream, message.bytes, size))
		return;
	if (stream->bond == TLS_UNBOUND || stream->bond == TLS_UNSURE) {
		COUNT_NET(tls_unbound, 1);
		return;
	}
	socket = stream->socket;
	message.conn = bpf_map_lookup_elem(&conns, &socket);
	if (!message.conn || !message.conn->owner.tgid)
		return; /* the filters do not want it */
	/* A request begins when it is handed over, a response ends when all of it was. */
	if (message.conn->role == EO_ROLE_CLIENT && !message.received)
		message.ktime_ns = call->begin_ns;
	message.stack = stack_of(ctx, call->address);
	message.conn->followed = 1;
	if (size > TLS_SMALL_BYTES)
		send_tls_payload(count, &message, EO_PAYLOAD_BYTES);
	else
		send_tls_payload(count, &message, TLS_SMALL_BYTES);
}

/* --- calls -------------------------------------------------------------------------------- */

/* The registers are those of C's fourth argument and earlier, in user space. */
static __always_inline void tls_begins(struct pt_regs *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u64 thread = bpf_get_current_pid_tgid(), sp = PT_REGS_SP(ctx);
	struct tls_call *outer, call = {.sp = sp, .function = bpf_get_attach_cookie(ctx)};
	struct tls_stream_key key = {.tgid = thread >> 32};

	call.stream = PT_REGS_PARM1(ctx);
	if (call.function == EO_TLS_FREE) {
		key.stream = call.stream;
		bpf_map_delete_elem(&tls_streams, &key);
		return;
	}
	outer = bpf_map_lookup_elem(&tls_calls, &thread);
	if (outer ? sp < outer->sp : !filter_current(task, thread))
		return;
	call.buffer = PT_REGS_PARM2(ctx);
	call.out = PT_REGS_PARM4(ctx);
	call.begin_ns = bpf_ktime_get_ns();
	call.address = PT_REGS_IP(ctx);
	bpf_map_update_elem(&tls_calls, &thread, &call, BPF_ANY);
}

/* Bytes that a call has moved; 0 when it failed, or moves none. */
static __always_inline __u64 tls_moved(const struct tls_call *call, struct pt_regs *ctx)
{
	int result = (int)PT_REGS_RC(ctx);
	__u64 size = 0;

	if (result <= 0 || call->function == EO_TLS_HANDSHAKE)
		return 0;
	if (call->function == EO_TLS_READ || call->function == EO_TLS_WRITE)
		return result;
	if (bpf_probe_read_user(&size, sizeof(size), (const void *)call->out))
		return 0;
	/* Lengths are 32 bits. */
	return size >> 31 ? 0 : size;
}

static __always_inline void tls_ends(struct eo_tracer_counters *count, struct pt_regs *ctx,
				     stack_of_call stack_of)
{
	__u64 thread = bpf_get_current_pid_tgid(), size;
	struct tls_call *found = bpf_map_lookup_elem(&tls_calls, &thread), call;
	struct tls_stream *stream;

	if (!found || found->sp + RETURN_BYTES != PT_REGS_SP(ctx))
		return;
	call = *found;
	bpf_map_delete_elem(&tls_calls, &thread);
	stream = find_tls_stream(&call, thread);
	size = stream ? tls_moved(&call, ctx) : 0;
	if (size)
		tls_bytes(count, &call, stream, size, ctx, stack_of);
}

SEC("uprobe")
int on_tls_enter(struct pt_regs *ctx)
{
	return UNPREEMPTED(tls_begins(ctx));
}

SEC("uretprobe")
int on_tls_leave(struct pt_regs *ctx)
{
	return UNPREEMPTED(tls_ends(count, ctx, no_stack));
}

#endif
