/* SPDX-License-Identifier: BSD-2-Clause */
/* Connections to feed, and what comes out of them. */
#ifndef EO_TESTS_NET_HTTP_H
#define EO_TESTS_NET_HTTP_H

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "net/http_exchange.h"

/* An exchange, in memory of its own. */
struct seen {
	struct eo_http_exchange exchange;
	char method[16], host[64], path[64], traceparent[64];
};

struct talk {
	struct eo_http *http;
	struct eo_http_connection *connection;
	const struct eo_http_counts *counts;
	uint64_t now_ns;
	size_t count;
	struct seen seen[128];
};

static inline void copy(char *to, size_t room, const char *text)
{
	snprintf(to, room, "%s", text ? text : "(none)");
}

static inline void see(void *arg, void *user, const struct eo_http_exchange *exchange)
{
	struct talk *talk = arg;
	struct seen *seen = &talk->seen[talk->count++ % 128];

	cr_assert_eq(user, talk);
	seen->exchange = *exchange;
	copy(seen->method, sizeof(seen->method), exchange->method);
	copy(seen->host, sizeof(seen->host), exchange->host);
	copy(seen->path, sizeof(seen->path), exchange->path);
	copy(seen->traceparent, sizeof(seen->traceparent), exchange->traceparent);
}

static inline void talk_begin_with(struct talk *talk, enum eo_http_role role, bool from_start,
				   struct eo_http_options options)
{
	options.exchange = see;
	options.arg = talk;
	memset(talk, 0, sizeof(*talk));
	talk->http = eo_http_new(&options);
	cr_assert(talk->http);
	talk->counts = eo_http_counts(talk->http);
	talk->connection = eo_http_connection_new(talk->http, role, from_start, talk);
	cr_assert(talk->connection);
}

static inline void talk_begin(struct talk *talk, enum eo_http_role role, bool from_start)
{
	talk_begin_with(talk, role, from_start, (struct eo_http_options){0});
}

static inline void talk_end(struct talk *talk)
{
	eo_http_connection_free(talk->connection);
	cr_assert_eq(eo_http_memory(talk->http), 0);
	eo_http_free(talk->http);
}

/* Time goes on by 10 with each chunk. */
static inline bool say(struct talk *talk, enum eo_http_direction direction, const void *bytes,
		       size_t captured, uint64_t length)
{
	/* At the end of an allocation, so that sanitizers see who reads on. */
	EO_AUTO_FREE char *copied = malloc(captured ? captured : 1);
	struct eo_http_chunk chunk = {
		.direction = direction,
		.ktime_ns = talk->now_ns += 10,
		.offset = EO_HTTP_OFFSET_NONE,
		.bytes = copied,
		.captured = captured,
		.length = length,
	};

	cr_assert(copied);
	if (captured)
		memcpy(copied, bytes, captured);
	return eo_http_connection_feed(talk->connection, &chunk);
}

static inline bool sent(struct talk *talk, const char *text)
{
	return say(talk, EO_HTTP_SENT, text, strlen(text), strlen(text));
}

static inline bool received(struct talk *talk, const char *text)
{
	return say(talk, EO_HTTP_RECEIVED, text, strlen(text), strlen(text));
}

#endif
