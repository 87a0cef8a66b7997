/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Copies what processes say to a socket, where somebody reads it: DNS and HTTP. */
#ifndef EO_NET_PAYLOAD_BPF_H
#define EO_NET_PAYLOAD_BPF_H

#include "net_message.bpf.h"
#include "net_tcp.bpf.h"

#define EO_PORT_DNS	53
#define VECTORS_MAX	48 /* those who put heads together make many */
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

#define CANNOT_FOLLOW (~0ull)

/* The verifier wants to see these bounds where they are used. */
#define AT_MOST(value, limit)                   \
	({                                      \
		if ((value) > (limit))          \
			(value) = (limit);      \
		asm volatile("" : "+r"(value)); \
		if ((value) > (limit))          \
			(value) = (limit);      \
	})

/* @at: below EO_PAYLOAD_BYTES */
static __always_inline __u32 copy_bytes(struct eo_payload_record *payload, __u64 at,
					const void *from, __u64 size)
{
	AT_MOST(size, EO_PAYLOAD_BYTES);
	/* Changes nothing; the compiler would leave it out, and the verifier wants it right here. */
	asm volatile("%0 &= 4095" : "+r"(at));
	return bpf_probe_read_user(payload->bytes + at, size, from) ? 0 : size;
}

_Static_assert(EO_PAYLOAD_BYTES == 4096, "the mask above");

/* A vector at @user behind what is there already, at most up to @length. Returns how much is there
 * then, or more than can be when nothing can follow. Not global, which would spare the verifier some
 * work: a program that holds its CPU may not call such functions. */
static __noinline __u64 copy_vector(struct eo_payload_record *payload,
				    const struct user_iovec *user, __u32 at, __u32 length)
{
	struct user_iovec vector;
	__u64 take;

	if (at >= length || at >= EO_PAYLOAD_BYTES ||
	    bpf_probe_read_user(&vector, sizeof(vector), user))
		return CANNOT_FOLLOW;
	take = vector.size;
	if (take > length - at)
		take = length - at;
	if (take > EO_PAYLOAD_BYTES - at)
		take = EO_PAYLOAD_BYTES - at;
	return copy_bytes(payload, at, vector.base, take) == take ? at + take : CANNOT_FOLLOW;
}

static __always_inline __u32 copy_vectors(struct eo_payload_record *payload,
					  const struct user_message *message, __u32 length)
{
	__u64 at = 0, next;

	for (__u32 i = 0; i < VECTORS_MAX && i < message->vector_count; i++) {
		next = copy_vector(payload, message->vectors + i, at, length);
		if (next > EO_PAYLOAD_BYTES)
			break;
		at = next;
	}
	return at;
}

/* Everything but the bytes is filled in. */
static __always_inline void send_payload(struct eo_tracer_counters *count,
					 struct eo_payload_record *payload,
					 const struct user_message *message, __u32 length)
{
	struct net_run *run;
	__u64 captured;

	payload->length = length;
	captured = message->vectors ? copy_vectors(payload, message, length) :
				      copy_bytes(payload, 0, message->bytes, length);
	AT_MOST(captured, EO_PAYLOAD_BYTES);
	payload->captured = captured;
	payload->stack = run_stack();
	COUNT(count->seen);
	run = payload->stack ? NULL : waiting_run();
	if (run) {
		run->payload_waits = 1;
		return;
	}
	send_record(count, &payload->header, EO_PAYLOAD_HEADER_BYTES + captured);
}

/* --- TCP ---------------------------------------------------------------------------------- */

#define FOUR(a, b, c, d) ((__u32)(a) | (__u32)(b) << 8 | (__u32)(c) << 16 | (__u32)(d) << 24)

/* Requests and responses of HTTP/1, and the preface of HTTP/2: the methods that lib/net/http_head.c
 * knows. */
static __always_inline int is_http_word(__u32 word)
{
	switch (word) {
	case FOUR('A', 'C', 'L', ' '):
	case FOUR('B', 'A', 'S', 'E'):
	case FOUR('B', 'I', 'N', 'D'):
	case FOUR('C', 'H', 'E', 'C'):
	case FOUR('C', 'O', 'N', 'N'):
	case FOUR('C', 'O', 'P', 'Y'):
	case FOUR('D', 'E', 'L', 'E'):
	case FOUR('G', 'E', 'T', ' '):
	case FOUR('H', 'E', 'A', 'D'):
	case FOUR('H', 'T', 'T', 'P'):
	case FOUR('L', 'A', 'B', 'E'):
	case FOUR('L', 'I', 'N', 'K'):
	case FOUR('L', 'O', 'C', 'K'):
	case FOUR('M', '-', 'S', 'E'):
	case FOUR('M', 'E', 'R', 'G'):
	case FOUR('M', 'K', 'A', 'C'):
	case FOUR('M', 'K', 'C', 'A'):
	case FOUR('M', 'K', 'C', 'O'):
	case FOUR('M', 'K', 'W', 'O'):
	case FOUR('M', 'O', 'V', 'E'):
	case FOUR('N', 'O', 'T', 'I'):
	case FOUR('O', 'P', 'T', 'I'):
	case FOUR('P', 'A', 'T', 'C'):
	case FOUR('P', 'O', 'S', 'T'):
	case FOUR('P', 'R', 'I', ' '):
	case FOUR('P', 'R', 'O', 'P'):
	case FOUR('P', 'U', 'R', 'G'):
	case FOUR('P', 'U', 'T', ' '):
	case FOUR('Q', 'U', 'E', 'R'):
	case FOUR('R', 'E', 'B', 'I'):
	case FOUR('R', 'E', 'P', 'O'):
	case FOUR('S', 'E', 'A', 'R'):
	case FOUR('S', 'U', 'B', 'S'):
	case FOUR('T', 'R', 'A', 'C'):
	case FOUR('U', 'N', 'B', 'I'):
	case FOUR('U', 'N', 'C', 'H'):
	case FOUR('U', 'N', 'L', 'I'):
	case FOUR('U', 'N', 'L', 'O'):
	case FOUR('U', 'N', 'S', 'U'):
	case FOUR('U', 'P', 'D', 'A'):
	case FOUR('V', 'E', 'R', 'S'):
		return 1;
	}
	return 0;
}

/* A frame of SETTINGS, which a server of HTTP/2 may send before it has seen the client's preface. */
static __always_inline int are_settings(const __u32 words[2])
{
	__u32 size = words[0] >> 16 & 0xff;

	return (words[0] & 0xffff) == 0 && size % 6 == 0 && words[0] >> 24 == 4 && words[1] == 0;
}

/* Records of TLS 1.0 and later: what they hold, and the version. */
static __always_inline int is_tls_word(__u32 word)
{
	__u32 kind = word & 0xff;

	return kind >= 20 && kind <= 23 && (word >> 8 & 0xff) == 3 && (word >> 16 & 0xff) <= 4;
}

#define FRAME_BYTES	  9	/* the header of a frame of HTTP/2 */
#define FRAME_FLAGS	  0x2d	/* all that there are */
#define FRAME_USUAL_BYTES 16384 /* what nobody needs to ask for */
#define FRAMES_OF_STREAMS 0x22f /* bits by type: all but these, */
#define FRAMES_OF_ALL	  0x0d0 /* SETTINGS, PING, GOAWAY, and but WINDOW_UPDATE, which is of both */

/* Any frame. Other protocols begin like some, so only where the beginning was missed; user space looks
 * closer. */
static __always_inline int is_frame(const void *bytes)
{
	__u8 header[FRAME_BYTES];
	__u32 kind, has_stream;

	if (bpf_probe_read_user(header, sizeof(header), bytes) || header[3] > 9)
		return 0;
	kind = 1u << header[3];
	has_stream = header[5] | header[6] | header[7] | header[8];
	return (header[0] << 16 | header[1] << 8 | header[2]) <= FRAME_USUAL_BYTES &&
	       !(header[4] & ~FRAME_FLAGS) && !(header[5] & 0x80) &&
	       !(kind & (has_stream ? FRAMES_OF_ALL : FRAMES_OF_STREAMS));
}

/* What a message of @size bytes, in user space, begins like. @late: what came before is not known */
static __always_inline enum http_state guess_http(const void *bytes, __u64 size, int late)
{
	__u32 words[2] = {0, ~0u};

	if (size < sizeof(words[0]) ||
	    bpf_probe_read_user(words, size < sizeof(words) ? sizeof(words[0]) : sizeof(words), bytes))
		return HTTP_UNKNOWN;
	if (is_http_word(words[0]) || are_settings(words))
		return HTTP_YES;
	if (is_tls_word(words[0]))
		return HTTP_TLS;
	return late && size >= FRAME_BYTES && is_frame(bytes) ? HTTP_YES : HTTP_UNKNOWN;
}

static __always_inline int follows_http(struct eo_conn *conn, const struct user_message *message,
					__u32 length)
{
	struct user_iovec start = {.base = message->bytes, .size = length};

	if (conn->http != HTTP_UNKNOWN)
		return conn->http == HTTP_YES;
	if (!message->vectors ||
	    !bpf_probe_read_user(&start, sizeof(start), message->vectors))
		conn->http = guess_http(start.base, start.size, !conn->open_ns);
	if (conn->http == HTTP_UNKNOWN && ++conn->http_tries >= HTTP_TRIES_MAX)
		conn->http = HTTP_NO;
	return conn->http == HTTP_YES;
}

/* A request begins when it goes out. Never before what was said already, which it may answer. */
static __always_inline __u64 payload_time(struct eo_conn *conn, __u32 received)
{
	__u64 ktime_ns = received || !conn->sent_ns ? bpf_ktime_get_ns() : conn->sent_ns;

	if (ktime_ns <= conn->payload_ns)
		ktime_ns = conn->payload_ns + 1;
	conn->payload_ns = ktime_ns;
	return ktime_ns;
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
	if (!dns && (!(net.events & EO_NET_HTTP) || conn->http > HTTP_YES))
		return 0;
	/* Without its bytes a message still has its length. */
	if (read_message(current_call(args), args, 0, &message))
		__builtin_memset(&message, 0, sizeof(message));
	if (!dns && !follows_http(conn, &message, bytes))
		return 0;
	payload = new_payload();
	if (!payload)
		return 0;
	conn->followed = 1;
	owner_header(&payload->header, &conn->owner, EO_RECORD_PAYLOAD, payload_time(conn, received));
	payload->cookie = cookie;
	payload->offset = offset;
	payload->ends = conn->ends;
	payload->protocol = IPPROTO_TCP;
	payload->use = dns ? EO_PAYLOAD_DNS : EO_PAYLOAD_HTTP;
	payload->received = received;
	payload->role = conn->role;
	payload->existed = !conn->open_ns;
	payload->tls = 0;
	send_payload(count, payload, &message, bytes);
	return 0;
}

#endif
