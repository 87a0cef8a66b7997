/* SPDX-License-Identifier: BSD-2-Clause */
/* The header of an HTTP/2 frame (RFC 9113, section 4.1). */
#ifndef EO_NET_HTTP2_FRAME_H
#define EO_NET_HTTP2_FRAME_H

#include <stdint.h>

#define EO_HTTP2_FRAME_BYTES 9

enum {
	EO_HTTP2_DATA,
	EO_HTTP2_HEADERS,
	EO_HTTP2_PRIORITY,
	EO_HTTP2_RST_STREAM,
	EO_HTTP2_SETTINGS,
	EO_HTTP2_PUSH_PROMISE,
	EO_HTTP2_PING,
	EO_HTTP2_GOAWAY,
	EO_HTTP2_WINDOW_UPDATE,
	EO_HTTP2_CONTINUATION,
};

enum {
	EO_HTTP2_END_STREAM = 0x1, /* of settings and pings: an acknowledgement */
	EO_HTTP2_END_HEADERS = 0x4,
	EO_HTTP2_PADDED = 0x8,
	EO_HTTP2_HAS_PRIORITY = 0x20,
};

struct eo_http2_frame {
	uint32_t length; /* of the payload */
	uint8_t type, flags;
	uint32_t stream; /* without the reserved bit */
};

struct eo_http2_frame eo_http2_frame_read(const uint8_t header[EO_HTTP2_FRAME_BYTES]);

/** What a chunk begins like. */
enum eo_http2_start {
	EO_HTTP2_START_NONE,
	EO_HTTP2_START_PREFACE, /* of a client */
	EO_HTTP2_START_DATA,	/* nothing but data: likely only where HTTP/2 is spoken already */
	EO_HTTP2_START_FRAMES,	/* of either side */
	EO_HTTP2_START_REQUEST, /* headers that only clients (servers) send are among them */
	EO_HTTP2_START_RESPONSE,
};

#define EO_HTTP2_PREFACE_BYTES 24
extern const char eo_http2_preface[EO_HTTP2_PREFACE_BYTES + 1];

/** Strict: all frames of which something can be seen must be possible ones. */
enum eo_http2_start eo_http2_sniff(const void *bytes, uint64_t captured, uint64_t length);

#endif
