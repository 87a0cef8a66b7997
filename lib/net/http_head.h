/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads the head of an HTTP/1.x message: start line and fields (RFC 9110, 9112). What two readers
 * could understand in two ways is malformed, for then nobody knows where the message ends. */
#ifndef EO_NET_HTTP_HEAD_H
#define EO_NET_HTTP_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EO_HTTP_HEAD_MAX	  4096 /* of a head; what is behind is cut */
#define EO_HTTP_TRACEPARENT_BYTES 56   /* of version 00, and the end */

/* A piece of the bytes that were read; NULL where there is none. */
struct eo_http_piece {
	const char *text;
	size_t size;
};

struct eo_http_head {
	bool request;
	bool cut;	    /* the fields are not complete */
	uint8_t minor;	    /* version 1.@minor */
	uint16_t status;    /* of a response */
	const char *method; /* of a request, static text */
	struct eo_http_piece path; /* of the target, without query unless it was asked for */
	struct eo_http_piece host;
	char traceparent[EO_HTTP_TRACEPARENT_BYTES]; /* valid, or empty */
	bool has_length;
	uint64_t length;
	bool has_coding; /* transfer-encoding, */
	bool chunked;	 /* the last of them */
	bool h2c;	 /* upgrade to cleartext HTTP/2 */
};

enum eo_http_verdict {
	EO_HTTP_OK,
	EO_HTTP_NONE, /* not HTTP/1.x at all */
	EO_HTTP_MALFORMED,
};

/* What the first bytes of a message look like. */
enum eo_http_start {
	EO_HTTP_START_NONE,
	EO_HTTP_START_SHORT, /* may become one */
	EO_HTTP_START_REQUEST,
	EO_HTTP_START_RESPONSE,
};

enum eo_http_start eo_http_sniff(const void *bytes, size_t size);

/**
 * Find the empty line.
 * @from: bytes that were searched before
 * Returns the size of the head with it, or 0.
 */
size_t eo_http_head_size(const void *bytes, size_t size, size_t from);

/**
 * @complete: the empty line is there; otherwise the lines that are
 * @keep_query: keep what stands behind '?' in the path
 * @ret: undefined unless EO_HTTP_OK; its pieces lie in @bytes
 */
enum eo_http_verdict eo_http_head_parse(const void *bytes, size_t size, bool complete,
					bool keep_query, struct eo_http_head *ret);

/** Cut an absolute or an origin target into path and host; authority: as in CONNECT. Returns false
 * for a target that is none. A host that is no piece of the target is left as it is. */
bool eo_http_target(const char *target, size_t size, bool authority, bool keep_query,
		    struct eo_http_piece *path, struct eo_http_piece *host);

/** Static text of the method, NULL for one that is not known. Case matters. */
const char *eo_http_method(const char *text, size_t size);

/** Copy a valid traceparent of @size bytes (later versions cut to what we know). */
bool eo_http_traceparent(const char *text, size_t size, char ret[EO_HTTP_TRACEPARENT_BYTES]);

#endif
