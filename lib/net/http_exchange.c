/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/http_exchange.h"

#include <string.h>

#include "net/http1.h"
#include "net/http2.h"

#define MEMORY_DEFAULT (16u << 20)
#define CONNECTION_MEMORY_DEFAULT (256u << 10)
#define LOOKS_MAX 256 /* chunks of a connection of which nothing is known, until it is given up */

struct eo_http {
	struct eo_http_options options;
	struct eo_http_counts counts;
	struct eo_budget budget;
};

enum protocol { UNDECIDED, HTTP1, HTTP2, OTHER };

struct eo_http_connection {
	struct eo_http *http;
	struct eo_budget budget;
	struct eo_http_sink sink;
	enum protocol protocol;
	bool from_start;
	uint32_t looks;
	uint64_t expected[2]; /* offsets, by direction */
	struct eo_http1 http1;
	struct eo_http2 *http2;
};

struct eo_http *eo_http_new(const struct eo_http_options *options)
{
	struct eo_http *http = calloc(1, sizeof(*http));

	if (!http)
		return NULL;
	http->options = *options;
	if (!http->options.connection_memory_max)
		http->options.connection_memory_max = CONNECTION_MEMORY_DEFAULT;
	http->budget.limit = options->memory_max ? options->memory_max : MEMORY_DEFAULT;
	return http;
}

void eo_http_free(struct eo_http *http)
{
	free(http);
}

const struct eo_http_counts *eo_http_counts(const struct eo_http *http)
{
	return &http->counts;
}

size_t eo_http_memory(const struct eo_http *http)
{
	return http->budget.used;
}

uint64_t eo_http_refused(const struct eo_http *http)
{
	return http->budget.refused;
}

bool eo_http_has_room(const struct eo_http *http)
{
	return http->budget.used + sizeof(struct eo_http_connection) +
		       http->options.connection_memory_max <=
	       http->budget.limit;
}

struct eo_http_connection *eo_http_connection_new(struct eo_http *http, enum eo_http_role role,
						  bool from_start, void *user)
{
	struct eo_http_connection *connection =
		eo_budget_alloc(&http->budget, sizeof(*connection));

	if (!connection)
		return NULL;
	connection->http = http;
	connection->from_start = from_start;
	connection->budget.parent = &http->budget;
	connection->budget.limit = http->options.connection_memory_max;
	connection->sink = (struct eo_http_sink){
		.options = &http->options,
		.counts = &http->counts,
		.budget = &connection->budget,
		.user = user,
		.role = role,
	};
	connection->expected[EO_HTTP_RECEIVED] = EO_HTTP_OFFSET_NONE;
	connection->expected[EO_HTTP_SENT] = EO_HTTP_OFFSET_NONE;
	http->counts.connections++;
	return connection;
}

/* The memory of the protocol, which from now on is @protocol. */
static void change(struct eo_http_connection *connection, enum protocol protocol)
{
	if (connection->protocol == HTTP1)
		eo_http1_fini(&connection->http1);
	if (connection->http2) {
		eo_http2_fini(connection->http2);
		eo_budget_free(&connection->budget, connection->http2, sizeof(*connection->http2));
		connection->http2 = NULL;
	}
	connection->protocol = protocol;
}

void eo_http_connection_free(struct eo_http_connection *connection)
{
	if (!connection)
		return;
	change(connection, OTHER);
	eo_budget_free(&connection->http->budget, connection, sizeof(*connection));
}

enum eo_http_role eo_http_connection_role(const struct eo_http_connection *connection)
{
	return connection->sink.role;
}

static void begin_http1(struct eo_http_connection *connection, bool from_start)
{
	change(connection, HTTP1);
	eo_http1_init(&connection->http1, &connection->sink, from_start);
	connection->http->counts.http1++;
}

static void begin_http2(struct eo_http_connection *connection, bool from_start)
{
	change(connection, OTHER);
	connection->http2 = eo_budget_alloc(&connection->budget, sizeof(*connection->http2));
	if (!connection->http2)
		return;
	connection->protocol = HTTP2;
	eo_http2_init(connection->http2, &connection->sink, from_start);
	connection->http->counts.http2++;
}

enum side { NEITHER, REQUESTS, RESPONSES };

static enum side side_of(const struct eo_http_connection *connection,
			 enum eo_http_direction direction)
{
	if (connection->sink.role == EO_HTTP_ROLE_UNKNOWN)
		return NEITHER;
	if ((connection->sink.role == EO_HTTP_CLIENT) == (direction == EO_HTTP_SENT))
		return REQUESTS;
	return RESPONSES;
}

/* Who sends what @side says is that side's end. False when somebody else was said to be it. */
static bool agree(struct eo_http_connection *connection, enum eo_http_direction direction,
		  enum side side)
{
	if (connection->sink.role == EO_HTTP_ROLE_UNKNOWN)
		connection->sink.role = (side == REQUESTS) == (direction == EO_HTTP_SENT)
						? EO_HTTP_CLIENT
						: EO_HTTP_SERVER;
	return side_of(connection, direction) == side;
}

/* Tell by a chunk what is spoken. Returns false when it does not tell. */
static bool decide(struct eo_http_connection *connection, const struct eo_http_chunk *chunk)
{
	static const enum side sides2[] = {
		[EO_HTTP2_START_PREFACE] = REQUESTS,
		[EO_HTTP2_START_REQUEST] = REQUESTS,
		[EO_HTTP2_START_RESPONSE] = RESPONSES,
	};
	enum eo_http2_start start2 = eo_http2_sniff(chunk->bytes, chunk->captured, chunk->length);
	enum eo_http_start start = eo_http_sniff(chunk->bytes, chunk->captured);
	enum side side = side_of(connection, chunk->direction);

	if (start2 == EO_HTTP2_START_FRAMES && side) {
		/* A server may speak before the client's preface comes, never a client. */
		begin_http2(connection, connection->from_start && side == RESPONSES);
		return true;
	}
	if (start2 == EO_HTTP2_START_PREFACE || start2 > EO_HTTP2_START_FRAMES) {
		if (!agree(connection, chunk->direction, sides2[start2]))
			return false;
		begin_http2(connection, start2 == EO_HTTP2_START_PREFACE);
		return true;
	}
	if (start == EO_HTTP_START_SHORT && (!side || !connection->from_start || !chunk->captured))
		return false;
	if (start == EO_HTTP_START_NONE)
		return false;
	if (start != EO_HTTP_START_SHORT &&
	    !agree(connection, chunk->direction,
		   start == EO_HTTP_START_REQUEST ? REQUESTS : RESPONSES))
		return false;
	begin_http1(connection, connection->from_start);
	return true;
}

/* Whatever begins a connection is the only chance where its start was seen. */
static void look(struct eo_http_connection *connection, const struct eo_http_chunk *chunk)
{
	if (!chunk->length)
		return;
	if (!chunk->captured)
		connection->from_start = false;
	if (decide(connection, chunk))
		return;
	connection->looks++;
	if (connection->looks < LOOKS_MAX &&
	    (!connection->from_start || connection->sink.role == EO_HTTP_ROLE_UNKNOWN))
		return;
	connection->http->counts.not_http++;
	change(connection, OTHER);
}

/* The server may go on at once. */
static void upgrade(struct eo_http_connection *connection, const struct eo_http_chunk *chunk,
		    uint64_t taken)
{
	struct eo_http_request *request = eo_steal(&connection->http1.upgraded);
	size_t captured = chunk->captured > taken ? chunk->captured - (size_t)taken : 0;

	begin_http2(connection, false);
	if (connection->protocol != HTTP2) {
		eo_http_request_free(&connection->sink, request);
		connection->http->counts.unpaired_requests++;
		return;
	}
	eo_http2_upgraded(connection->http2, request);
	eo_http2_feed(connection->http2, false, chunk->ktime_ns,
		      captured ? (const char *)chunk->bytes + taken : NULL, captured,
		      chunk->length - taken);
}

static void feed(struct eo_http_connection *connection, const struct eo_http_chunk *chunk)
{
	bool request;
	uint64_t taken;

	connection->sink.stack = chunk->stack;
	if (connection->protocol == UNDECIDED)
		look(connection, chunk);
	request = side_of(connection, chunk->direction) == REQUESTS;
	if (connection->protocol == HTTP1) {
		taken = eo_http1_feed(&connection->http1, request, chunk->ktime_ns, chunk->bytes,
				      chunk->captured, chunk->length);
		if (connection->http1.upgraded)
			upgrade(connection, chunk, taken);
		else if (connection->http1.over)
			change(connection, OTHER);
	} else if (connection->protocol == HTTP2) {
		eo_http2_feed(connection->http2, request, chunk->ktime_ns, chunk->bytes,
			      chunk->captured, chunk->length);
	}
}

bool eo_http_connection_feed(struct eo_http_connection *connection,
			     const struct eo_http_chunk *chunk)
{
	uint64_t *expected = &connection->expected[chunk->direction == EO_HTTP_SENT];
	struct eo_http_chunk hole = *chunk, whole = *chunk;

	if (whole.captured > whole.length)
		whole.captured = whole.length;
	if (connection->protocol == OTHER)
		return false;
	if (chunk->offset != EO_HTTP_OFFSET_NONE) {
		if (*expected != EO_HTTP_OFFSET_NONE && chunk->offset < *expected) {
			/* Its place was passed over as a hole. */
			connection->http->counts.late++;
			return true;
		}
		if (*expected != EO_HTTP_OFFSET_NONE && chunk->offset > *expected) {
			connection->http->counts.gaps++;
			hole.captured = 0;
			hole.length = chunk->offset - *expected;
			feed(connection, &hole);
		}
		if (__builtin_add_overflow(chunk->offset, chunk->length, expected))
			*expected = EO_HTTP_OFFSET_NONE;
	}
	feed(connection, &whole);
	return connection->protocol != OTHER;
}

void eo_http_connection_gap(struct eo_http_connection *connection,
			    enum eo_http_direction direction)
{
	bool request = side_of(connection, direction) == REQUESTS;

	connection->http->counts.gaps++;
	connection->expected[direction == EO_HTTP_SENT] = EO_HTTP_OFFSET_NONE;
	connection->from_start = false;
	if (connection->protocol == HTTP1)
		eo_http1_gap(&connection->http1, request);
	else if (connection->protocol == HTTP2)
		eo_http2_gap(connection->http2, request);
}

void eo_http_connection_end(struct eo_http_connection *connection, uint64_t ktime_ns, int error)
{
	if (connection->protocol == HTTP1)
		eo_http1_end(&connection->http1, ktime_ns, error);
	else if (connection->protocol == HTTP2)
		eo_http2_end(connection->http2, ktime_ns, error);
	change(connection, OTHER);
}

void eo_http_connection_leave(struct eo_http_connection *connection)
{
	if (connection->protocol == HTTP1)
		eo_http1_leave(&connection->http1);
	else if (connection->protocol == HTTP2)
		eo_http2_leave(connection->http2);
	change(connection, OTHER);
}
