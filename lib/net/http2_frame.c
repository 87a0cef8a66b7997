/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/http2_frame.h"

#include <stdbool.h>
#include <string.h>

#include "core/auto.h"

#define LENGTH_USUAL 16384 /* what nobody needs to ask for; larger ones do not begin our view */

const char eo_http2_preface[EO_HTTP2_PREFACE_BYTES + 1] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

enum on_stream { NO_STREAM, A_STREAM, ANY_STREAM };

/* What frames may look like, by type. */
static const struct {
	uint8_t flags;
	enum on_stream stream;
	uint32_t least, most, step;
} shapes[] = {
	[EO_HTTP2_DATA] = {0x09, A_STREAM, 0, LENGTH_USUAL, 1},
	[EO_HTTP2_HEADERS] = {0x2d, A_STREAM, 1, LENGTH_USUAL, 1},
	[EO_HTTP2_PRIORITY] = {0x00, A_STREAM, 5, 5, 1},
	[EO_HTTP2_RST_STREAM] = {0x00, A_STREAM, 4, 4, 1},
	[EO_HTTP2_SETTINGS] = {0x01, NO_STREAM, 0, 600, 6},
	[EO_HTTP2_PUSH_PROMISE] = {0x0c, A_STREAM, 5, LENGTH_USUAL, 1},
	[EO_HTTP2_PING] = {0x01, NO_STREAM, 8, 8, 1},
	[EO_HTTP2_GOAWAY] = {0x00, NO_STREAM, 8, LENGTH_USUAL, 1},
	[EO_HTTP2_WINDOW_UPDATE] = {0x00, ANY_STREAM, 4, 4, 1},
	[EO_HTTP2_CONTINUATION] = {0x04, A_STREAM, 0, LENGTH_USUAL, 1},
};

struct eo_http2_frame eo_http2_frame_read(const uint8_t header[EO_HTTP2_FRAME_BYTES])
{
	return (struct eo_http2_frame){
		.length = (uint32_t)header[0] << 16 | (uint32_t)header[1] << 8 | header[2],
		.type = header[3],
		.flags = header[4],
		.stream = (uint32_t)(header[5] & 0x7f) << 24 | (uint32_t)header[6] << 16 |
			  (uint32_t)header[7] << 8 | header[8],
	};
}

static bool is_possible(const struct eo_http2_frame *frame, bool reserved)
{
	return !reserved && frame->type < EO_ARRAY_SIZE(shapes) &&
	       !(frame->flags & ~shapes[frame->type].flags) &&
	       frame->length >= shapes[frame->type].least &&
	       frame->length <= shapes[frame->type].most &&
	       frame->length % shapes[frame->type].step == 0 &&
	       (shapes[frame->type].stream == ANY_STREAM ||
		(shapes[frame->type].stream == A_STREAM) == (frame->stream != 0));
}

/* Pseudo fields come first. Nearly all senders take them from the static table: method, path and
 * scheme stand at 1 to 7 there, status at 8 to 14. */
static enum eo_http2_start side_of(const struct eo_http2_frame *frame, const uint8_t *payload,
				   uint64_t size)
{
	uint64_t skip = (frame->flags & EO_HTTP2_PADDED ? 1 : 0) +
			(frame->flags & EO_HTTP2_HAS_PRIORITY ? 5 : 0);
	uint8_t first, index;

	if (size > frame->length)
		size = frame->length;
	if (skip >= size)
		return EO_HTTP2_START_FRAMES;
	first = payload[skip];
	index = first & 0x80 ? first & 0x7f : first & 0x40 ? first & 0x3f : first & 0x0f;
	if (index == 0 || index > 14 || (first & 0xe0) == 0x20)
		return EO_HTTP2_START_FRAMES;
	return index < 8 ? EO_HTTP2_START_REQUEST : EO_HTTP2_START_RESPONSE;
}

enum eo_http2_start eo_http2_sniff(const void *bytes, uint64_t captured, uint64_t length)
{
	enum eo_http2_start found = EO_HTTP2_START_DATA;
	const uint8_t *p = bytes;
	uint64_t at = 0;

	if (captured >= 3 &&
	    !memcmp(p, eo_http2_preface,
		    captured < EO_HTTP2_PREFACE_BYTES ? captured : EO_HTTP2_PREFACE_BYTES))
		return EO_HTTP2_START_PREFACE;
	if (captured < EO_HTTP2_FRAME_BYTES)
		return EO_HTTP2_START_NONE;
	while (at < captured && captured - at >= EO_HTTP2_FRAME_BYTES) {
		struct eo_http2_frame frame = eo_http2_frame_read(p + at);

		if (!is_possible(&frame, p[at + 5] & 0x80))
			return EO_HTTP2_START_NONE;
		at += EO_HTTP2_FRAME_BYTES;
		if (frame.type != EO_HTTP2_DATA && found == EO_HTTP2_START_DATA)
			found = EO_HTTP2_START_FRAMES;
		if (frame.type == EO_HTTP2_HEADERS && found <= EO_HTTP2_START_FRAMES)
			found = side_of(&frame, p + at, captured > at ? captured - at : 0);
		at += frame.length;
	}
	/* Senders rarely cut frames of this kind in two. */
	if (found == EO_HTTP2_START_FRAMES && at > length)
		return EO_HTTP2_START_NONE;
	return found;
}
