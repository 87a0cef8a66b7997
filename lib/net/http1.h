/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests and responses of one HTTP/1.x connection. */
#ifndef EO_NET_HTTP1_H
#define EO_NET_HTTP1_H

#include "net/http.h"
#include "net/http_request.h"

#define EO_HTTP1_WAITING_MAX 64 /* pipelined requests */

struct eo_http1 {
	struct eo_http_sink *sink;
	struct eo_http_reader requests, responses;
	/* In the order in which they are answered; the first one's response may be under way. */
	struct eo_http_request *first, *last;
	uint32_t waiting;
	bool request_open;  /* the body of the last one is under way */
	bool response_open; /* of the first one */
	bool pipelines;	    /* the client was seen to do so */
	bool over;	    /* no HTTP/1.x any more */
	bool upgrading;	    /* the last request asked for HTTP/2 */
	struct eo_http_request *upgraded; /* to it, where the response will come */
	uint64_t response_ns; /* last chunk of responses */
};

void eo_http1_init(struct eo_http1 *http1, struct eo_http_sink *sink, bool from_start);
void eo_http1_fini(struct eo_http1 *http1);
/** Returns how many bytes of responses were read: what is behind an upgrade is not. */
uint64_t eo_http1_feed(struct eo_http1 *http1, bool request, uint64_t ktime_ns, const void *bytes,
		       size_t captured, uint64_t length);
void eo_http1_gap(struct eo_http1 *http1, bool request);
void eo_http1_end(struct eo_http1 *http1, uint64_t ktime_ns, int error);
void eo_http1_leave(struct eo_http1 *http1);

#endif
