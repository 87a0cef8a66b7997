/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/dns_stream.h"

#include <string.h>

/* Bytes of the message; NULL in place of those that were not captured. */
static void take_body(struct eo_dns_stream *stream, const uint8_t *bytes, size_t size)
{
	size_t keep = sizeof(stream->bytes) - stream->held;

	if (bytes && stream->held == stream->seen) {
		if (keep > size)
			keep = size;
		memcpy(stream->bytes + stream->held, bytes, keep);
		stream->held += (uint32_t)keep;
	}
	stream->seen += (uint32_t)size;
}

void eo_dns_stream_feed(struct eo_dns_stream *stream, const void *bytes, size_t captured,
			size_t length, eo_dns_stream_message_fn *message, void *arg)
{
	const uint8_t *p = bytes;
	size_t at = 0;

	if (captured > length)
		captured = length;
	while (at < length && !stream->lost) {
		size_t size;

		if (stream->length_bytes < 2) {
			if (at >= captured) {
				stream->lost = true;
				return;
			}
			stream->length = stream->length << 8 | p[at++];
			stream->length_bytes++;
		} else {
			size = length - at;
			if (at < captured && size > captured - at)
				size = captured - at;
			if (size > stream->length - stream->seen)
				size = stream->length - stream->seen;
			take_body(stream, at < captured ? p + at : NULL, size);
			at += size;
		}
		if (stream->length_bytes == 2 && stream->seen == stream->length) {
			message(arg, stream->bytes, stream->held, stream->length);
			stream->length_bytes = 0;
			stream->length = stream->seen = stream->held = 0;
		}
	}
}
