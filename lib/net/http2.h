/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests and responses of one HTTP/2 connection. Streams have numbers that are never used again,
 * so that losses leave gaps in what is known, but never join what does not belong together. */
#ifndef EO_NET_HTTP2_H
#define EO_NET_HTTP2_H

#include "net/hpack.h"
#include "net/http2_frame.h"
#include "net/http_request.h"

#define EO_HTTP2_STREAMS_MAX 256   /* under way at once */
#define EO_HTTP2_BLOCK_MAX   16384 /* bytes of a header block */

/* One direction. The block and the payload's beginning are held as far as they were captured. */
struct eo_http2_reader {
	bool requests; /* otherwise responses */
	bool lost;     /* where frames begin is not known */
	uint8_t preface_left;
	uint8_t header_bytes; /* read of the frame's header */
	uint8_t header[EO_HTTP2_FRAME_BYTES];
	uint32_t remaining; /* of the frame's payload */
	uint32_t beginning; /* bytes of it in @payload: padding, error code */
	uint8_t payload[4];
	bool in_block;	    /* header block: one frame and those that continue it */
	bool block_cut;	    /* a part of it was not captured, or is too long */
	uint8_t block_type, block_flags; /* of its first frame */
	uint32_t block_stream;
	uint64_t block_ns;
	uint32_t fragment, held; /* where the frame under way begins in @block; bytes in it */
	uint8_t *block;		 /* EO_HTTP2_BLOCK_MAX, while one is read */
	struct eo_hpack hpack;
};

struct eo_http2 {
	struct eo_http_sink *sink;
	struct eo_http2_reader requests, responses;
	struct eo_http_request *oldest, *newest; /* streams under way */
	uint32_t count;
	uint32_t highest; /* stream that a request was seen of */
};

void eo_http2_init(struct eo_http2 *http2, struct eo_http_sink *sink, bool from_start);
/** It follows an upgrade: @request is stream 1, and what responses go on with is a frame. */
void eo_http2_upgraded(struct eo_http2 *http2, struct eo_http_request *request);
void eo_http2_fini(struct eo_http2 *http2);
void eo_http2_feed(struct eo_http2 *http2, bool request, uint64_t ktime_ns, const void *bytes,
		   size_t captured, uint64_t length);
void eo_http2_gap(struct eo_http2 *http2, bool request);
void eo_http2_end(struct eo_http2 *http2, uint64_t ktime_ns, int error);
void eo_http2_leave(struct eo_http2 *http2);

#endif
