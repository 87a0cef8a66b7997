/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>

#include "net_http.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: shop:80\r\n\r\n"
#define OK(length) "HTTP/1.1 200 OK\r\nContent-Length: " length "\r\n\r\n"
#define TRACEPARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

static struct talk t;

static void exchange_is(size_t i, const char *method, const char *path, uint16_t status,
			uint64_t request_bytes, uint64_t response_bytes, uint64_t duration_ns)
{
	const struct seen *seen = &t.seen[i];

	cr_assert_lt(i, t.count);
	cr_assert_str_eq(seen->method, method);
	cr_assert_str_eq(seen->path, path);
	cr_assert_eq(seen->exchange.status, status);
	cr_assert_eq(seen->exchange.request_bytes, request_bytes);
	cr_assert_eq(seen->exchange.response_bytes, response_bytes);
	cr_assert_eq(seen->exchange.duration_ns, duration_ns);
}

Test(http_exchange, a_request_and_its_response_are_one_exchange)
{
	talk_begin(&t, EO_HTTP_CLIENT, true);
	cr_assert(sent(&t, "POST /cart?x=1 HTTP/1.1\r\nHost: shop:80\r\ntraceparent: " TRACEPARENT
			   "\r\nContent-Length: 7\r\n\r\n123"));
	cr_assert(sent(&t, "4567"));
	cr_assert(received(&t, "HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\n"));
	cr_assert_eq(t.count, 0);
	cr_assert(received(&t, "12345"));
	cr_assert_eq(t.count, 1);
	exchange_is(0, "POST", "/cart", 201, 7, 5, 30);
	cr_assert_eq(t.seen[0].exchange.ktime_ns, 10);
	cr_assert_eq(t.seen[0].exchange.first_byte_ns, 20);
	cr_assert_eq(t.seen[0].exchange.role, EO_HTTP_CLIENT);
	cr_assert_str_eq(t.seen[0].exchange.version, "1.1");
	cr_assert_str_eq(t.seen[0].host, "shop:80");
	cr_assert_str_eq(t.seen[0].traceparent, TRACEPARENT);
	cr_assert_eq(t.seen[0].exchange.grpc_status, -1);
	cr_assert_eq(t.seen[0].exchange.error, 0);
	cr_assert_not(t.seen[0].exchange.request_inexact);
	cr_assert_not(t.seen[0].exchange.response_inexact);
	talk_end(&t);
}

Test(http_exchange, keep_alive_keeps_counting_on_either_side)
{
	talk_begin(&t, EO_HTTP_SERVER, true);
	for (int i = 0; i < 101; i++) {
		received(&t, GET("/a"));
		sent(&t, OK("3") "abc");
	}
	cr_assert_eq(t.count, 101);
	for (size_t i = 0; i < 101; i++)
		exchange_is(i, "GET", "/a", 200, 0, 3, 10);
	cr_assert_eq(t.seen[0].exchange.role, EO_HTTP_SERVER);
	cr_assert_eq(t.counts->exchanges, 101);
	cr_assert_eq(t.counts->pipelined, 0);
	talk_end(&t);
}

/* All of both directions, cut everywhere; interim, chunked, empty and length bodies in a row. */
static const char requests[] =
	"PUT /1 HTTP/1.1\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n"
	"5;ext=1\r\nhello\r\n0b\r\nhello world\r\n0\r\nTrailer: x\r\n\r\n"
	"\r\nHEAD /2 HTTP/1.1\r\n\r\n"
	"GET /3 HTTP/1.0\r\n\r\n"
	"DELETE /4 HTTP/1.1\r\n\r\n";
static const char responses[] =
	"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
	"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\n1234567\r\n0\r\n\r\n"
	"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
	"HTTP/1.1 304 Not Modified\r\nContent-Length: 1000\r\n\r\n"
	"HTTP/1.1 204 No Content\r\n\r\n";

Test(http_exchange, messages_are_the_same_however_they_are_cut)
{
	for (size_t step = 1; step < sizeof(requests); step++) {
		talk_begin(&t, EO_HTTP_CLIENT, true);
		for (size_t at = 0; at < sizeof(requests) - 1; at += step) {
			size_t n = sizeof(requests) - 1 - at;

			n = n < step ? n : step;
			say(&t, EO_HTTP_SENT, requests + at, n, n);
		}
		for (size_t at = 0; at < sizeof(responses) - 1; at += step) {
			size_t n = sizeof(responses) - 1 - at;

			n = n < step ? n : step;
			say(&t, EO_HTTP_RECEIVED, responses + at, n, n);
		}
		cr_assert_eq(t.count, 4, "step %zu", step);
		cr_assert_str_eq(t.seen[0].path, "/1");
		cr_assert_eq(t.seen[0].exchange.status, 200);
		cr_assert_eq(t.seen[0].exchange.request_bytes, 16);
		cr_assert_eq(t.seen[0].exchange.response_bytes, 7);
		cr_assert_not(t.seen[0].exchange.pipelined);
		cr_assert_str_eq(t.seen[1].method, "HEAD");
		cr_assert_eq(t.seen[1].exchange.response_bytes, 0);
		cr_assert_eq(t.seen[2].exchange.status, 304);
		cr_assert_str_eq(t.seen[2].exchange.version, "1.0");
		cr_assert_eq(t.seen[3].exchange.status, 204);
		cr_assert_eq(t.counts->pipelined, 3);
		cr_assert(t.seen[3].exchange.pipelined);
		talk_end(&t);
	}
}

Test(http_exchange, bodies_beyond_the_capture_count_by_length)
{
	talk_begin(&t, EO_HTTP_SERVER, true);
	received(&t, GET("/big"));
	say(&t, EO_HTTP_SENT, OK("100003"), strlen(OK("100003")), strlen(OK("100003")) + 50000);
	say(&t, EO_HTTP_SENT, NULL, 0, 50003);
	cr_assert_eq(t.count, 1);
	exchange_is(0, "GET", "/big", 200, 0, 100003, 20);
	received(&t, GET("/next"));
	sent(&t, OK("0"));
	exchange_is(1, "GET", "/next", 200, 0, 0, 10);
	cr_assert_eq(t.counts->places_lost, 0);
	talk_end(&t);
}

Test(http_exchange, chunks_beyond_the_capture_end_with_the_next_request)
{
	static const char head[] =
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello";

	talk_begin(&t, EO_HTTP_SERVER, true);
	received(&t, GET("/1"));
	say(&t, EO_HTTP_SENT, head, sizeof(head) - 1, 9001);
	say(&t, EO_HTTP_SENT, OK("3"), strlen(OK("3")), 500); /* looks like one, and is none */
	cr_assert_eq(t.count, 0);
	received(&t, GET("/2"));
	cr_assert_eq(t.count, 1);
	exchange_is(0, "GET", "/1", 200, 0, 5, 20);
	cr_assert(t.seen[0].exchange.response_inexact);
	sent(&t, OK("3") "abc");
	exchange_is(1, "GET", "/2", 200, 0, 3, 10);
	cr_assert_not(t.seen[1].exchange.response_inexact);
	cr_assert_eq(t.counts->found_again, 1);
	talk_end(&t);
}

Test(http_exchange, what_is_known_is_told_when_nothing_more_will_be_seen)
{
	static const char head[] =
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello";

	talk_begin(&t, EO_HTTP_SERVER, true);
	received(&t, GET("/1"));
	say(&t, EO_HTTP_SENT, head, sizeof(head) - 1, 9001);
	cr_assert_eq(t.count, 0);
	eo_http_connection_leave(t.connection);
	cr_assert_eq(t.count, 1);
	exchange_is(0, "GET", "/1", 200, 0, 5, 10);
	cr_assert(t.seen[0].exchange.response_inexact);
	cr_assert_eq(t.seen[0].exchange.error, 0);
	talk_end(&t);

	talk_begin(&t, EO_HTTP_CLIENT, true);
	sent(&t, GET("/2") GET("/3"));
	received(&t, OK("10") "abc");
	eo_http_connection_leave(t.connection);
	cr_assert_eq(t.count, 1);
	exchange_is(0, "GET", "/2", 200, 0, 3, 10);
	cr_assert_eq(t.counts->unpaired_requests, 1);
	talk_end(&t);
}

Test(http_exchange, a_body_until_close_ends_with_the_connection)
{
	talk_begin(&t, EO_HTTP_CLIENT, true);
	sent(&t, "GET /old HTTP/1.0\r\n\r\n");
	received(&t, "HTTP/1.0 200 OK\r\n\r\nabc");
	say(&t, EO_HTTP_RECEIVED, "d", 1, 1009);
	eo_http_connection_end(t.connection, 100, 0);
	cr_assert_eq(t.count, 1);
	exchange_is(0, "GET", "/old", 200, 0, 1012, 90);
	cr_assert_eq(t.seen[0].exchange.error, 0);
	cr_assert_str_eq(t.seen[0].exchange.version, "1.0");
	talk_end(&t);
}

Test(http_exchange, a_connection_that_ends_early_is_an_error)
{
	talk_begin(&t, EO_HTTP_CLIENT, true);
	sent(&t, GET("/1"));
	eo_http_connection_end(t.connection, 50, ECONNRESET);
	exchange_is(0, "GET", "/1", 0, 0, 0, 40);
	cr_assert_eq(t.seen[0].exchange.error, ECONNRESET);
	talk_end(&t);

	talk_begin(&t, EO_HTTP_CLIENT, true);
	sent(&t, GET("/2"));
	received(&t, OK("10") "abc");
	eo_http_connection_end(t.connection, 50, 0);
	exchange_is(0, "GET", "/2", 200, 0, 3, 40);
	cr_assert_eq(t.seen[0].exchange.error, ECONNABORTED);
	cr_assert_eq(t.counts->failed, 1);
	talk_end(&t);
}

Test(http_exchange, an_answer_before_the_end_of_the_request_ends_it)
{
	talk_begin(&t, EO_HTTP_SERVER, true);
	received(&t, "POST /up HTTP/1.1\r\nContent-Length: 100\r\n\r\n12345");
	sent(&t, "HTTP/1.1 413 No\r\nContent-Length: 0\r\n\r\n");
	exchange_is(0, "POST", "/up", 413, 5, 0, 10);
	cr_assert(t.seen[0].exchange.request_inexact);
	say(&t, EO_HTTP_RECEIVED, NULL, 0, 95);
	received(&t, GET("/next"));
	sent(&t, OK("0"));
	exchange_is(1, "GET", "/next", 200, 0, 0, 10);
	talk_end(&t);
}

Test(http_exchange, pipelined_requests_are_answered_in_order)
{
	talk_begin(&t, EO_HTTP_SERVER, true);
	received(&t, GET("/1") GET("/2") GET("/3"));
	sent(&t, OK("1") "a" OK("2") "bb");
	sent(&t, "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n");
	cr_assert_eq(t.count, 3);
	exchange_is(0, "GET", "/1", 200, 0, 1, 10);
	exchange_is(1, "GET", "/2", 200, 0, 2, 10);
	exchange_is(2, "GET", "/3", 404, 0, 0, 20);
	cr_assert_not(t.seen[0].exchange.pipelined);
	cr_assert(t.seen[1].exchange.pipelined);
	cr_assert_eq(t.counts->pipelined, 2);
	talk_end(&t);
}

Test(http_exchange, a_loss_among_pipelined_requests_ends_all_trust)
{
	for (int direction = 0; direction < 2; direction++) {
		talk_begin(&t, EO_HTTP_CLIENT, true);
		sent(&t, GET("/1"));
		sent(&t, GET("/2"));
		if (direction)
			say(&t, EO_HTTP_SENT, NULL, 0, 100);
		else
			say(&t, EO_HTTP_RECEIVED, NULL, 0, 100);
		cr_assert_not(received(&t, OK("0")));
		cr_assert_eq(t.count, 0);
		cr_assert_eq(t.counts->abandoned, 1);
		cr_assert_eq(t.counts->unpaired_requests, 2);
		talk_end(&t);
	}
}

Test(http_exchange, a_response_that_may_be_lost_is_given_to_nobody)
{
	talk_begin(&t, EO_HTTP_CLIENT, true);
	sent(&t, GET("/1"));
	eo_http_connection_gap(t.connection, EO_HTTP_RECEIVED);
	received(&t, OK("1") "a"); /* of the first one, or of one that was lost as well */
	sent(&t, GET("/2"));
	received(&t, OK("2") "bb");
	cr_assert_eq(t.count, 1);
	exchange_is(0, "GET", "/2", 200, 0, 2, 10);
	cr_assert_eq(t.counts->unpaired_requests, 1);
	cr_assert_eq(t.counts->gaps, 1);
	talk_end(&t);
}

Test(http_exchange, a_request_that_is_lost_leaves_its_response_alone)
{
	talk_begin(&t, EO_HTTP_CLIENT, true);
	sent(&t, GET("/1"));
	received(&t, OK("1") "a");
	eo_http_connection_gap(t.connection, EO_HTTP_SENT);
	received(&t, OK("2") "bb");
	cr_assert_eq(t.counts->unpaired_responses, 1);
	sent(&t, GET("/3"));
	received(&t, OK("3") "ccc");
	cr_assert_eq(t.count, 2);
	exchange_is(1, "GET", "/3", 200, 0, 3, 10);
	talk_end(&t);
}

Test(http_exchange, a_hole_inside_of_a_body_loses_nothing)
{
	struct eo_http_chunk chunk = {.direction = EO_HTTP_RECEIVED, .offset = 1000};
	const char *head = OK("5000");

	talk_begin(&t, EO_HTTP_CLIENT, true);
	sent(&t, GET("/1"));
	chunk.ktime_ns = 20;
	chunk.bytes = head;
	chunk.captured = chunk.length = strlen(head);
	eo_http_connection_feed(t.connection, &chunk);
	chunk.offset += chunk.length + 4000;
	chunk.ktime_ns = 30;
	chunk.captured = 0;
	chunk.length = 1000;
	eo_http_connection_feed(t.connection, &chunk);
	cr_assert_eq(t.count, 1);
	exchange_is(0, "GET", "/1", 200, 0, 5000, 20);
	cr_assert_eq(t.counts->gaps, 1);
	cr_assert_eq(t.counts->places_lost, 0);
	chunk.offset -= 1;
	eo_http_connection_feed(t.connection, &chunk);
	cr_assert_eq(t.counts->late, 1);
	talk_end(&t);
}

Test(http_exchange, a_trace_that_begins_inside_of_a_body_waits_for_a_beginning)
{
	talk_begin(&t, EO_HTTP_ROLE_UNKNOWN, false);
	received(&t, "rest of something");
	sent(&t, "GET of a body that is none");
	received(&t, "HTTP/1.1 is a protocol");
	cr_assert_eq(t.counts->http1, 1); /* so it seemed */
	cr_assert_eq(t.count, 0);
	sent(&t, GET("/1"));
	received(&t, OK("1") "a");
	cr_assert_eq(t.count, 1);
	exchange_is(0, "GET", "/1", 200, 0, 1, 10);
	cr_assert_eq(eo_http_connection_role(t.connection), EO_HTTP_CLIENT);
	cr_assert_eq(t.counts->malformed, 0);
	talk_end(&t);
}

Test(http_exchange, the_response_to_an_older_request_is_not_that_of_a_new_one)
{
	talk_begin(&t, EO_HTTP_SERVER, false);
	sent(&t, OK("1") "a");
	received(&t, GET("/1"));
	sent(&t, OK("2") "bb");
	cr_assert_eq(t.count, 1);
	exchange_is(0, "GET", "/1", 200, 0, 2, 10);
	talk_end(&t);
}

Test(http_exchange, what_contradicts_itself_is_malformed_and_ends_it)
{
	talk_begin(&t, EO_HTTP_SERVER, true);
	cr_assert_not(received(&t, "POST / HTTP/1.1\r\nContent-Length: 5\r\n"
				   "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" GET("/smuggled")));
	cr_assert_not(sent(&t, OK("0")));
	cr_assert_eq(t.count, 0);
	cr_assert_eq(t.counts->malformed, 1);
	talk_end(&t);
}

Test(http_exchange, chunk_sizes_that_are_none_are_malformed)
{
	static const char *const bad[] = {
		"\r\n", "x\r\n", "-1\r\n", "100000000000000000\r\n", "1 x\ry\r\nab", "1\r\naXY",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		talk_begin(&t, EO_HTTP_SERVER, true);
		received(&t, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
		cr_assert_not(received(&t, bad[i]), "%s", bad[i]);
		cr_assert_eq(t.counts->malformed, 1);
		talk_end(&t);
	}
}

Test(http_exchange, a_tunnel_is_opaque)
{
	talk_begin(&t, EO_HTTP_CLIENT, true);
	sent(&t, "CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n");
	cr_assert_not(received(&t, "HTTP/1.1 200 Connection established\r\n\r\n"));
	cr_assert_eq(t.count, 1);
	exchange_is(0, "CONNECT", "(none)", 200, 0, 0, 10);
	cr_assert_str_eq(t.seen[0].host, "b:443");
	cr_assert_not(sent(&t, GET("/hidden")));
	cr_assert_eq(t.counts->opaque, 1);
	talk_end(&t);
}

Test(http_exchange, an_upgrade_is_opaque)
{
	talk_begin(&t, EO_HTTP_SERVER, true);
	received(&t, "GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n");
	cr_assert_not(sent(&t, "HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\n\x81"));
	exchange_is(0, "GET", "/ws", 101, 0, 0, 10);
	cr_assert_eq(t.counts->opaque, 1);
	talk_end(&t);
}

Test(http_exchange, what_is_no_http_is_not_looked_at_again)
{
	talk_begin(&t, EO_HTTP_CLIENT, true);
	cr_assert_not(received(&t, "220 mail.example ESMTP\r\n"));
	cr_assert_eq(t.counts->not_http, 1);
	talk_end(&t);

	talk_begin(&t, EO_HTTP_CLIENT, true); /* the other end's line */
	cr_assert_not(sent(&t, OK("0")));
	cr_assert_eq(t.counts->not_http, 1);
	talk_end(&t);

	talk_begin(&t, EO_HTTP_ROLE_UNKNOWN, false);
	for (int i = 0; i < 255; i++)
		cr_assert(sent(&t, "whatever"));
	cr_assert_not(sent(&t, "whatever"));
	cr_assert_eq(t.counts->not_http, 1);
	talk_end(&t);
}

Test(http_exchange, heads_beyond_the_limit_are_cut)
{
	static char text[8192];

	talk_begin(&t, EO_HTTP_SERVER, true);
	strcpy(text, "GET /long HTTP/1.1\r\nHost: a\r\nCookie: ");
	memset(text + strlen(text), 'c', 5000);
	strcat(text, "\r\n\r\n");
	for (int way = 0; way < 3; way++) {
		size_t size = strlen(text), half = size / 2;

		if (way == 0) {
			say(&t, EO_HTTP_RECEIVED, text, 4096, size);
		} else if (way == 1) {
			say(&t, EO_HTTP_RECEIVED, text, size, size);
		} else {
			say(&t, EO_HTTP_RECEIVED, text, half, half);
			say(&t, EO_HTTP_RECEIVED, text + half, size - half, size - half);
		}
		sent(&t, OK("0"));
		cr_assert_eq(t.count, (size_t)way + 1);
		cr_assert_str_eq(t.seen[way].path, "/long");
		cr_assert_str_eq(t.seen[way].host, "a");
		cr_assert(t.seen[way].exchange.head_cut);
	}
	cr_assert_eq(t.counts->heads_cut, 3);
	cr_assert_eq(t.counts->malformed, 0);
	talk_end(&t);
}

Test(http_exchange, a_pipeline_without_end_is_abandoned)
{
	talk_begin(&t, EO_HTTP_CLIENT, true);
	for (int i = 0; i < 64; i++)
		cr_assert(sent(&t, GET("/1")));
	cr_assert_not(sent(&t, GET("/1")));
	cr_assert_eq(t.counts->abandoned, 1);
	cr_assert_eq(t.counts->unpaired_requests, 64);
	talk_end(&t);
}

Test(http_exchange, the_memory_of_all_connections_has_a_limit)
{
	struct eo_http_connection *more[64];
	size_t count = 0;

	talk_begin_with(&t, EO_HTTP_CLIENT, true, (struct eo_http_options){.memory_max = 10007});
	for (; count < 64; count++) {
		more[count] = eo_http_connection_new(t.http, EO_HTTP_CLIENT, true, &t);
		if (!more[count])
			break;
	}
	cr_assert_lt(count, 64);
	cr_assert_gt(count, 10);
	cr_assert_leq(eo_http_memory(t.http), 10007);
	cr_assert_eq(eo_http_refused(t.http), 1);
	while (count)
		eo_http_connection_free(more[--count]);
	talk_end(&t);
}

Test(http_exchange, a_connection_has_a_limit_of_its_own)
{
	talk_begin_with(&t, EO_HTTP_CLIENT, true,
			(struct eo_http_options){.connection_memory_max = 500});
	sent(&t, GET("/1"));
	sent(&t, GET("/2"));
	cr_assert_not(sent(&t, GET("/3")));
	cr_assert_eq(t.counts->abandoned, 1);
	cr_assert_gt(eo_http_refused(t.http), 0);
	talk_end(&t);
}

Test(http_exchange, queries_are_kept_when_asked_for)
{
	talk_begin_with(&t, EO_HTTP_CLIENT, true, (struct eo_http_options){.keep_query = true});
	sent(&t, GET("/a?b=c"));
	received(&t, OK("0"));
	exchange_is(0, "GET", "/a?b=c", 200, 0, 0, 10);
	talk_end(&t);
}

/* What a client and a server say, of which some chunks are lost and some are cut. */
struct loss {
	unsigned int seed;
	bool by_offset; /* otherwise losses are announced */
	bool pipelines; /* and all requests are seen */
	uint64_t offsets[2];
	unsigned int lost;
};

static unsigned int any(struct loss *loss, unsigned int count)
{
	return (unsigned int)rand_r(&loss->seed) / 7 % count;
}

static void utter(struct loss *loss, enum eo_http_direction direction, const char *text,
		  uint64_t length)
{
	size_t size = strlen(text);
	bool whole = loss->pipelines && direction == EO_HTTP_SENT;
	struct eo_http_chunk chunk = {
		.direction = direction,
		.ktime_ns = t.now_ns += 10,
		.offset = loss->by_offset ? loss->offsets[direction] : EO_HTTP_OFFSET_NONE,
		.bytes = text,
		.captured = size,
		.length = length,
	};

	if (size && !whole && !any(loss, 5))
		chunk.captured -= any(loss, (unsigned int)size);
	loss->offsets[direction] += length;
	if (whole || any(loss, 12)) {
		eo_http_connection_feed(t.connection, &chunk);
		return;
	}
	loss->lost++;
	if (!loss->by_offset)
		eo_http_connection_gap(t.connection, direction);
}

/* Each request's number is in its path, and its rest by 100 in the status of its response. */
static void converse(struct loss *loss)
{
	char text[256];

	for (unsigned int i = 0; i < 101; i++) {
		unsigned int group = loss->pipelines ? 1 + any(loss, 3) : 1;

		for (unsigned int k = 0; k < group; k++) {
			unsigned int body = any(loss, 3) ? 0 : any(loss, 9000);

			snprintf(text, sizeof(text),
				 "POST /%u HTTP/1.1\r\nContent-Length: %u\r\n\r\n", i + k, body);
			utter(loss, EO_HTTP_SENT, text, strlen(text) + body / 2);
			if (body - body / 2)
				utter(loss, EO_HTTP_SENT, "", body - body / 2);
		}
		for (unsigned int k = 0; k < group; k++) {
			unsigned int body = any(loss, 9000);

			if (any(loss, 2)) {
				snprintf(text, sizeof(text),
					 "HTTP/1.1 %u x\r\nContent-Length: %u\r\n\r\n",
					 400 + (i + k) % 100, body);
				utter(loss, EO_HTTP_RECEIVED, text, strlen(text));
				if (body)
					utter(loss, EO_HTTP_RECEIVED, "", body);
			} else {
				snprintf(text, sizeof(text),
					 "HTTP/1.1 %u x\r\nTransfer-Encoding: chunked\r\n\r\n",
					 400 + (i + k) % 100);
				utter(loss, EO_HTTP_RECEIVED, text, strlen(text));
				/* It looks like another response, whole. */
				utter(loss, EO_HTTP_RECEIVED,
				      "2b\r\nHTTP/1.1 599 x\r\nContent-Length: 3\r\n\r\n"
				      "abc123\r\n", 49);
				utter(loss, EO_HTTP_RECEIVED, "0\r\n\r\n", 5);
			}
		}
		i += group - 1;
	}
}

Test(http_exchange, losses_never_pair_what_does_not_belong_together)
{
	unsigned int paired = 0, lost = 0;

	for (unsigned int run = 0; run < 1009; run++) {
		struct loss loss = {.seed = run, .by_offset = run & 1, .pipelines = run % 8 > 5};

		talk_begin(&t, EO_HTTP_CLIENT, run & 2);
		converse(&loss);
		cr_assert_leq(t.count, 128);
		for (size_t i = 0; i < t.count; i++)
			cr_assert(!strcmp(t.seen[i].path, "(none)") ||
					  atoi(t.seen[i].path + 1) % 100 + 400 ==
						  t.seen[i].exchange.status,
				  "run %u, exchange %zu: %s has %u", run, i, t.seen[i].path,
				  t.seen[i].exchange.status);
		paired += (unsigned int)t.count;
		lost += loss.lost;
		talk_end(&t);
	}
	cr_log_info("%u paired, %u chunks lost", paired, lost);
	/* Being silent is no way to be right. */
	cr_assert_gt(paired, 20000);
	cr_assert_gt(lost, 10000);
}
