/* SPDX-License-Identifier: BSD-2-Clause */
/* DNS over TCP: cuts one direction of a connection into messages. A message that comes in pieces is
 * put together as far as EO_DNS_STREAM_BYTES; what is behind that is counted as not captured. */
#ifndef EO_NET_DNS_STREAM_H
#define EO_NET_DNS_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EO_DNS_STREAM_BYTES 4096

/* Zeroed memory is the beginning of a connection. */
struct eo_dns_stream {
	bool lost;	   /* where messages begin is not known any more */
	uint8_t length_bytes; /* seen of the two */
	uint32_t length;   /* of the message that is under way */
	uint32_t seen;	   /* of it */
	uint32_t held;	   /* of that in @bytes, without holes */
	uint8_t bytes[EO_DNS_STREAM_BYTES];
};

/* The bytes live during the call. */
typedef void eo_dns_stream_message_fn(void *arg, const void *bytes, size_t captured, size_t length);

/**
 * Take what one send or receive moved: @length bytes, of which the first @captured are there.
 * Calls @message for each one that ends here. Once bytes are missing that say how long a message
 * is, all further ones are ignored: @lost.
 */
void eo_dns_stream_feed(struct eo_dns_stream *stream, const void *bytes, size_t captured,
			size_t length, eo_dns_stream_message_fn *message, void *arg);

#endif
