/* SPDX-License-Identifier: BSD-2-Clause */
/* A connection of HTTP made of anything. The first byte says the role and whether the beginning was
 * seen; then come chunks: direction and accidents in one byte, two bytes of length, the bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "net/http_exchange.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SENT = 1, GAP = 2, HOLE = 4, UNCAPTURED = 8, OFFSET = 16 };

static void check(void *arg, void *user, const struct eo_http_exchange *exchange)
{
	uint64_t *count = arg;

	(void)user;
	++*count;
	if (!exchange->version || (exchange->path && !*exchange->path) ||
	    (exchange->host && strlen(exchange->host) > 255) ||
	    (exchange->traceparent && strlen(exchange->traceparent) != 55) ||
	    exchange->status > 999)
		__builtin_trap();
}

static void feed(struct eo_http_connection *connection, const uint8_t *data, size_t size)
{
	uint64_t ktime_ns = 0, offsets[2] = {0};

	while (size >= 3) {
		uint8_t what = data[0];
		size_t captured = (size_t)(data[1] << 8 | data[2]);
		enum eo_http_direction direction = what & SENT ? EO_HTTP_SENT : EO_HTTP_RECEIVED;
		struct eo_http_chunk chunk = {
			.direction = direction,
			.ktime_ns = ktime_ns += what,
			.offset = what & OFFSET ? offsets[direction] : EO_HTTP_OFFSET_NONE,
		};

		data += 3;
		size -= 3;
		captured = captured < size ? captured : size;
		if (what & GAP)
			eo_http_connection_gap(connection, direction);
		if (what & HOLE)
			offsets[direction] += 100;
		chunk.bytes = data;
		chunk.captured = captured;
		chunk.length = captured + (what & UNCAPTURED ? 1009 : 0);
		eo_http_connection_feed(connection, &chunk);
		offsets[direction] += chunk.length;
		data += captured;
		size -= captured;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t count = 0;
	struct eo_http *http = eo_http_new(&(struct eo_http_options){
		.memory_max = 1 << 20,
		.connection_memory_max = 100000,
		.exchange = check,
		.arg = &count,
	});
	struct eo_http_connection *connection = NULL;

	if (http && size) {
		connection = eo_http_connection_new(http, data[0] % 3, data[0] & 0x80, NULL);
		feed(connection, data + 1, size - 1);
		if (eo_http_memory(http) > 110000)
			__builtin_trap();
		if (data[0] & 0x40)
			eo_http_connection_end(connection, UINT64_MAX, 0);
		else if (data[0] & 0x20)
			eo_http_connection_leave(connection);
		eo_http_connection_free(connection);
		if (eo_http_memory(http) || count != eo_http_counts(http)->exchanges)
			__builtin_trap();
	}
	eo_http_free(http);
	return 0;
}
