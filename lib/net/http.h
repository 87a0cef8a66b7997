/* SPDX-License-Identifier: BSD-2-Clause */
/* Follows the messages of HTTP/1.x in one direction of a connection. What is sent comes in chunks,
 * of which only the first bytes were captured: the rest is known by its length, which is enough
 * inside of bodies. Where it is not, the place is lost, and found again only at a chunk that begins like a
 * message. Not thread-safe. */
#ifndef EO_NET_HTTP_H
#define EO_NET_HTTP_H

#include "net/budget.h"
#include "net/http_head.h"

/* How a message's body ends. */
enum eo_http_body {
	EO_HTTP_BODY_NONE,
	EO_HTTP_BODY_LENGTH,
	EO_HTTP_BODY_CHUNKED,
	EO_HTTP_BODY_CLOSE,   /* with the connection */
	EO_HTTP_BODY_UNKNOWN, /* nobody can say: the place is lost */
	EO_HTTP_BODY_OPAQUE,  /* what follows is no HTTP/1.x any more */
};

enum eo_http_place {
	EO_HTTP_AT_START, /* of a message */
	EO_HTTP_AT_HEAD,
	EO_HTTP_AT_BODY,
	EO_HTTP_AT_CHUNK_SIZE,
	EO_HTTP_AT_CHUNK_DATA,
	EO_HTTP_AT_CHUNK_END,
	EO_HTTP_AT_TRAILER,
	EO_HTTP_AT_CLOSE,
	EO_HTTP_AT_OPAQUE,
	EO_HTTP_AT_LOST,
};

/* What the reader tells. None of them may feed or free it. */
struct eo_http_listener {
	/* The place is lost: may this chunk, which looks like it, be a message? */
	bool (*may_start)(void *arg);
	/* @guessed: found after the place was lost. Says how the body ends. */
	enum eo_http_body (*head)(void *arg, const struct eo_http_head *head, uint64_t start_ns,
				  uint64_t ktime_ns, bool guessed);
	void (*body)(void *arg, uint64_t size, uint64_t ktime_ns);
	void (*end)(void *arg, uint64_t ktime_ns); /* of a message */
	void (*lost)(void *arg);
	void (*malformed)(void *arg); /* the reader is opaque now */
};

/* Zeroed memory with the first three set is the beginning of a connection. */
struct eo_http_reader {
	bool requests; /* otherwise responses */
	bool keep_query;
	struct eo_budget *budget; /* of heads that come in pieces */

	enum eo_http_place place;
	bool guessed;	    /* the head under way began where the place was lost */
	uint64_t start_ns;  /* of the head under way */
	uint64_t remaining; /* of the body or chunk; while its size is read, that */
	uint32_t line;	    /* bytes of the line or trailer that is read */
	bool digits;	    /* the chunk's size is not over yet */
	char *head;	    /* EO_HTTP_HEAD_MAX, while one is in pieces */
	uint32_t held;
};

void eo_http_reader_fini(struct eo_http_reader *reader);

/** How the body of a message ends. @method: of a response's request, NULL when it is not known */
enum eo_http_body eo_http_body_of(const struct eo_http_head *head, const char *method);

/**
 * Take a chunk of @length bytes, of which @captured are at @bytes.
 * A gap of known size is a chunk of which nothing was captured.
 * Returns how many were read: fewer where the reader is lost or opaque.
 */
uint64_t eo_http_reader_feed(struct eo_http_reader *reader, uint64_t ktime_ns, const void *bytes,
			     size_t captured, uint64_t length,
			     const struct eo_http_listener *listener, void *arg);

/** Bytes are missing, nobody knows how many. */
void eo_http_reader_gap(struct eo_http_reader *reader, const struct eo_http_listener *listener,
			void *arg);

#endif
