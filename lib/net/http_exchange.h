/* SPDX-License-Identifier: BSD-2-Clause */
/* HTTP on connections: requests and their responses, brought together from the chunks that both
 * directions send. HTTP/1.x and HTTP/2 (cleartext of either, or what a TLS library hands out) are
 * told apart by their first bytes. A request is never given a response that may be another's: where
 * chunks are missing, it is counted as unpaired instead. (One case cannot be told: an HTTP/1.x
 * client that sends several requests at once, of which only one is ever seen.) Not thread-safe. */
#ifndef EO_NET_HTTP_EXCHANGE_H
#define EO_NET_HTTP_EXCHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/auto.h"

enum eo_http_role {
	EO_HTTP_ROLE_UNKNOWN, /* the first message tells */
	EO_HTTP_CLIENT,
	EO_HTTP_SERVER,
};

/* As the traced process sees it. */
enum eo_http_direction {
	EO_HTTP_RECEIVED,
	EO_HTTP_SENT,
};

#define EO_HTTP_OFFSET_NONE UINT64_MAX

/* What one call moved. */
struct eo_http_chunk {
	enum eo_http_direction direction;
	uint64_t ktime_ns;
	uint64_t stack; /* the caller's word for where in its code that was; 0: none */
	/* Of the first byte in its direction, counted since any moment that stays the same: holes
	 * show by it. EO_HTTP_OFFSET_NONE: takes up where the last one ended. */
	uint64_t offset;
	const void *bytes;
	size_t captured; /* at @bytes */
	uint64_t length; /* moved in all */
};

/* A request and what became of it. Pointers live during the call. */
struct eo_http_exchange {
	uint64_t ktime_ns;	/* first byte of the request */
	uint64_t duration_ns;	/* until the last byte of the response, or the end without one */
	uint64_t first_byte_ns; /* until the head of the response; 0 without one */
	uint64_t stack;		/* of the chunk with the end of the request's head */
	enum eo_http_role role;
	const char *version;	 /* "1.0", "1.1", "2" */
	const char *method;	 /* NULL: not known (HTTP/2 that began before the trace) */
	const char *host;	 /* as sent, "shop:80"; NULL: not sent, not known */
	const char *path;	 /* NULL: none (CONNECT), not known */
	const char *traceparent; /* a valid one, or NULL */
	uint16_t status;	 /* 0: there was none */
	int16_t grpc_status;	 /* -1: there was none */
	int error;		 /* errno value when it ended before the response did, else 0 */
	uint64_t request_bytes;	 /* of the bodies, without the framing of chunks and frames */
	uint64_t response_bytes;
	bool request_inexact;	 /* parts were not seen: at least so many */
	bool response_inexact;
	bool pipelined; /* sent before the response to the one before had ended */
	bool head_cut;	/* a head was longer than what was captured: fields may be missing */
	uint32_t stream; /* of HTTP/2, else 0 */
};

/* @user: of the connection */
typedef void eo_http_exchange_fn(void *arg, void *user, const struct eo_http_exchange *exchange);

struct eo_http_options {
	bool keep_query;
	size_t memory_max;	      /* of all connections together; 0: 16 MB */
	size_t connection_memory_max; /* of each; 0: 256 KB */
	eo_http_exchange_fn *exchange;
	void *arg;
};

struct eo_http_counts {
	uint64_t connections, http1, http2, not_http;
	uint64_t exchanges;	 /* handed out, */
	uint64_t failed;	 /* of these with an error */
	uint64_t unpaired_requests; /* whose response may have been missed */
	uint64_t unpaired_responses;
	uint64_t pipelined;
	uint64_t heads_cut;
	uint64_t gaps;	    /* holes by offset, and those that were announced */
	uint64_t places_lost; /* how often a direction had to be found again */
	uint64_t found_again;
	uint64_t malformed; /* messages; what follows on the connection is not looked at */
	uint64_t abandoned; /* connections of which no pairing could be trusted any more */
	uint64_t opaque;    /* CONNECT, protocols upgraded to */
	uint64_t unknown_fields; /* of HTTP/2: refer to what was sent before the trace, or lost */
	uint64_t streams_dropped; /* of HTTP/2: more than EO_HTTP2_STREAMS_MAX, or lost ends */
	uint64_t late;	    /* chunks behind others that follow them */
};

/* What all connections share: options, counts, and the memory that they may use. */
struct eo_http;
struct eo_http_connection;

/** Returns NULL when memory is out. @options is copied. */
struct eo_http *eo_http_new(const struct eo_http_options *options);
void eo_http_free(struct eo_http *http); /* NULL is fine; its connections are freed before */
EO_DEFINE_AUTO(eo_http)

const struct eo_http_counts *eo_http_counts(const struct eo_http *http);
/** Bytes that the connections hold; allocations that the limits did not allow. */
size_t eo_http_memory(const struct eo_http *http);
uint64_t eo_http_refused(const struct eo_http *http);
/** Whether a connection, even a new one, may use all that it is allowed to. */
bool eo_http_has_room(const struct eo_http *http);

/**
 * @from_start: its first chunks will be the first that were ever sent; otherwise the place is lost
 *              until something begins like a message
 * Returns NULL when memory is out, or the limit of all is reached.
 */
struct eo_http_connection *eo_http_connection_new(struct eo_http *http, enum eo_http_role role,
						  bool from_start, void *user);
/** Forgets requests without response; see eo_http_connection_end() and _leave(). NULL is fine. */
void eo_http_connection_free(struct eo_http_connection *connection);
EO_DEFINE_AUTO(eo_http_connection)

/**
 * Take a chunk. Those of both directions come in the order of their time.
 * Returns false when nothing more is wanted of this connection: it is no HTTP, or no longer.
 */
bool eo_http_connection_feed(struct eo_http_connection *connection,
			     const struct eo_http_chunk *chunk);

/** Chunks of a direction were lost, and offsets do not tell. */
void eo_http_connection_gap(struct eo_http_connection *connection,
			    enum eo_http_direction direction);

/**
 * The connection is over: bodies that end with it are complete, requests that wait have failed.
 * @error: errno value, or 0: then they failed with ECONNABORTED. Free it next.
 */
void eo_http_connection_end(struct eo_http_connection *connection, uint64_t ktime_ns, int error);

/**
 * Nothing more will be seen of it, though it may go on: responses whose head was seen are handed
 * out as far as they came, without an error; other requests are unpaired. Free it next.
 */
void eo_http_connection_leave(struct eo_http_connection *connection);

/** What was given, or what the first message told. */
enum eo_http_role eo_http_connection_role(const struct eo_http_connection *connection);

#endif
