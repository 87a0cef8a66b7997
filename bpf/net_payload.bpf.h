/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Copies what processes say to a socket, where somebody reads it: DNS and HTTP. */
#ifndef EO_NET_PAYLOAD_BPF_H
#define EO_NET_PAYLOAD_BPF_H

#include "net_message.bpf.h"
#include "net_tcp.bpf.h"

#define EO_PORT_DNS	53
#define VECTORS_MAX	8
#define HTTP_TRIES_MAX	8 /* messages until a connection is given up */

/* Records are too large for the stack. Only programs in process context use it. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct eo_payload_record);
} payloads SEC(".maps");

static __always_inline struct eo_payload_record *new_payload(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&payloads, &zero);
}

/* The verifier wants to see these bounds where they are used. */
#define BOUND(value, limit)                         \
	({                                          \
		if ((value) > (limit))              \
			(value) = (limit);          \
		asm volatile("" : "+r"(value));     \
		if ((value) > (limit))              \
			(value) = (limit);          \
	})

/* @at: below EO_PAYLOAD_BYTES */
static __always_inline __u32 copy_bytes(struct eo_payload_record *payload, __u64 at,
					const void *from, __u64 size)
{
	BOUND(size, EO_PAYLOAD_BYTES);
	/* Changes nothing; the compiler would leave it out, and the verifier wants it right here. */
	asm volatile("%0 &= 4095" : "+r"(at));
	return bpf_probe_read_user(payload->bytes + at, size, from) ? 0 : size;
}

_Static_assert(EO_PAYLOAD_BYTES == 4096, "the mask above");

static __always_inline __u32 copy_vectors(struct eo_payload_record *payload,
					  const struct user_message *message, __u32 length)
{
	struct user_iovec vector;
	__u32 at = 0;
	__u64 take;

	for (__u32 i = 0; i < VECTORS_MAX; i++) {
		if (i >= message->vector_count || at >= length || at >= EO_PAYLOAD_BYTES)
			break;
		if (bpf_probe_read_user(&vector, sizeof(vector), &message->vectors[i]))
			break;
		take = vector.size;
		if (take > length - at)
			take = length - at;
		if (take > EO_PAYLOAD_BYTES - at)
			take = EO_PAYLOAD_BYTES - at;
		if (copy_bytes(payload, at, vector.base, take) != take)
			break;
		at += take;
	}
	return at;
}

/* Everything but the bytes is filled in. */
static __always_inline void send_payload(struct eo_tracer_counters *count,
					 struct eo_payload_record *payload,
					 const struct user_message *message, __u32 length)
{
	__u64 captured;

	payload->length = length;
	captured = message->vectors ? copy_vectors(payload, message, length) :
				      copy_bytes(payload, 0, message->bytes, length);
	BOUND(captured, EO_PAYLOAD_BYTES);
	payload->captured = captured;
	COUNT(count->seen);
	send_record(count, &payload->header, EO_PAYLOAD_HEADER_BYTES + captured);
}

/* --- TCP ---------------------------------------------------------------------------------- */

static __always_inline int read_start(const struct user_message *message, char start[4])
{
	struct user_iovec vector = {.base = message->bytes, .size = 4};

	if (message->vectors && bpf_probe_read_user(&vector, sizeof(vector), message->vectors))
		return -1;
	return vector.size < 4 ? -1 : bpf_probe_read_user(start, 4, vector.base);
}

#define FOUR(a, b, c, d) ((__u32)(a) | (__u32)(b) << 8 | (__u32)(c) << 16 | (__u32)(d) << 24)

/* Requests and responses of HTTP/1, and the preface of HTTP/2. */
static __always_inline int looks_like_http(const struct user_message *message)
{
	char start[4];
	__u32 word;

	if (read_start(message, start))
		return 0;
	word = FOUR(start[0], start[1], start[2], start[3]);
	return word == FOUR('G', 'E', 'T', ' ') || word == FOUR('P', 'O', 'S', 'T') ||
	       word == FOUR('H', 'T', 'T', 'P') || word == FOUR('H', 'E', 'A', 'D') ||
	       word == FOUR('P', 'U', 'T', ' ') || word == FOUR('D', 'E', 'L', 'E') ||
	       word == FOUR('P', 'A', 'T', 'C') || word == FOUR('O', 'P', 'T', 'I') ||
	       word == FOUR('C', 'O', 'N', 'N') || word == FOUR('T', 'R', 'A', 'C') ||
	       word == FOUR('P', 'R', 'I', ' ');
}

static __always_inline int follows_http(struct eo_conn *conn, const struct user_message *message)
{
	if (conn->http == HTTP_UNKNOWN) {
		if (looks_like_http(message))
			conn->http = HTTP_YES;
		else if (++conn->http_tries >= HTTP_TRIES_MAX)
			conn->http = HTTP_NO;
	}
	return conn->http == HTTP_YES;
}

/* In a call that moves bytes of a connection. */
static __noinline int tcp_payload(struct eo_tracer_counters *count, struct eo_conn *conn, __u64 cookie,
			   __u32 bytes, __u32 received)
{
	int dns = net.events & EO_NET_DNS && conn->ends.peer.port == EO_PORT_DNS;
	__u64 args[EO_SYSCALL_ARGS], offset;
	struct eo_payload_record *payload;
	struct user_message message;

	if (!conn->owner.tgid)
		return 0;
	offset = received ? conn->moved[1] : conn->moved[0];
	if (received)
		conn->moved[1] += bytes;
	else
		conn->moved[0] += bytes;
	if (!dns && (!(net.events & EO_NET_HTTP) || conn->http == HTTP_NO))
		return 0;
	/* Without its bytes a message still has its length. */
	if (read_message(current_call(args), args, 0, &message))
		__builtin_memset(&message, 0, sizeof(message));
	if (!dns && !follows_http(conn, &message))
		return 0;
	payload = new_payload();
	if (!payload)
		return 0;
	conn->followed = 1;
	owner_header(&payload->header, &conn->owner, EO_RECORD_PAYLOAD, bpf_ktime_get_ns());
	payload->cookie = cookie;
	payload->offset = offset;
	payload->ends = conn->ends;
	payload->protocol = IPPROTO_TCP;
	payload->use = dns ? EO_PAYLOAD_DNS : EO_PAYLOAD_HTTP;
	payload->received = received;
	payload->role = conn->role;
	payload->existed = conn->flags & CONN_EXISTED ? 1 : 0;
	send_payload(count, payload, &message, bytes);
	return 0;
}

#endif
