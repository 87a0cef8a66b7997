/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>

#include "net/http2_frame.h"
#include "net_http.h"

#define TRACEPARENT "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

/* Header fields in the static table, or as literals that go into the table of the connection. */
#define METHOD_GET  "\x82"
#define METHOD_POST "\x83"
#define SCHEME_HTTP "\x86"
#define PATH_AB	    "\x44\x05/ab?c"
#define AUTHORITY   "\x41\x04shop"
#define STATUS_200  "\x88"
#define STATUS_404  "\x8d"
#define GRPC_STATUS(digit) "\x40\x0bgrpc-status\x01" digit

static struct talk t;

/* Frames to be sent in one chunk. */
struct frames {
	uint8_t bytes[70000];
	size_t size;
};

static void put(struct frames *f, uint8_t type, uint8_t flags, uint32_t stream, const void *payload,
		size_t size)
{
	const uint8_t header[] = {
		(uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size, type, flags,
		(uint8_t)(stream >> 24), (uint8_t)(stream >> 16), (uint8_t)(stream >> 8),
		(uint8_t)stream,
	};

	memcpy(f->bytes + f->size, header, sizeof(header));
	f->size += sizeof(header);
	if (size)
		memcpy(f->bytes + f->size, payload, size);
	f->size += size;
}

static void put_preface(struct frames *f)
{
	memcpy(f->bytes, eo_http2_preface, EO_HTTP2_PREFACE_BYTES);
	f->size = EO_HTTP2_PREFACE_BYTES;
	put(f, EO_HTTP2_SETTINGS, 0, 0, NULL, 0);
}

#define HEADERS(f, flags, stream, block) \
	put(f, EO_HTTP2_HEADERS, flags, stream, block, sizeof(block) - 1)

enum { END = EO_HTTP2_END_STREAM, DONE = EO_HTTP2_END_HEADERS };

static void flush(struct frames *f, enum eo_http_direction direction)
{
	cr_assert(say(&t, direction, f->bytes, f->size, f->size));
	f->size = 0;
}

/* A client's connection from its first byte, both prefaces said. */
static void begin(struct frames *f)
{
	talk_begin(&t, EO_HTTP_CLIENT, true);
	put_preface(f);
	flush(f, EO_HTTP_SENT);
	put(f, EO_HTTP2_SETTINGS, 0, 0, "\0\3\0\0\0\x64", 6);
	put(f, EO_HTTP2_SETTINGS, 1, 0, NULL, 0);
	flush(f, EO_HTTP_RECEIVED);
	cr_assert_eq(t.counts->http2, 1);
}

static struct frames f;

Test(http2, a_stream_is_an_exchange)
{
	begin(&f);
	HEADERS(&f, DONE, 1, METHOD_POST SCHEME_HTTP PATH_AB AUTHORITY
		"\x40\x0btraceparent\x37" TRACEPARENT);
	put(&f, EO_HTTP2_DATA, END, 1, "1234567", 7);
	flush(&f, EO_HTTP_SENT);
	HEADERS(&f, DONE, 1, "\x08\x03" "103"); /* early hints */
	HEADERS(&f, DONE, 1, STATUS_404);
	flush(&f, EO_HTTP_RECEIVED);
	put(&f, EO_HTTP2_DATA, 0, 1, "12345", 5);
	flush(&f, EO_HTTP_RECEIVED);
	cr_assert_eq(t.count, 0);
	put(&f, EO_HTTP2_DATA, END | EO_HTTP2_PADDED, 1, "\3abcdef\0\0\0", 10);
	flush(&f, EO_HTTP_RECEIVED);
	cr_assert_eq(t.count, 1);
	cr_assert_str_eq(t.seen[0].method, "POST");
	cr_assert_str_eq(t.seen[0].path, "/ab");
	cr_assert_str_eq(t.seen[0].host, "shop");
	cr_assert_str_eq(t.seen[0].traceparent, TRACEPARENT);
	cr_assert_str_eq(t.seen[0].exchange.version, "2");
	cr_assert_eq(t.seen[0].exchange.status, 404);
	cr_assert_eq(t.seen[0].exchange.request_bytes, 7);
	cr_assert_eq(t.seen[0].exchange.response_bytes, 11);
	cr_assert_eq(t.seen[0].exchange.ktime_ns, 30);
	cr_assert_eq(t.seen[0].exchange.first_byte_ns, 10);
	cr_assert_eq(t.seen[0].exchange.duration_ns, 30);
	cr_assert_eq(t.seen[0].exchange.stream, 1);
	cr_assert_eq(t.seen[0].exchange.grpc_status, -1);
	cr_assert_eq(t.counts->malformed, 0);
	talk_end(&t);
}

Test(http2, streams_may_end_in_any_order)
{
	begin(&f);
	HEADERS(&f, END | DONE, 1, METHOD_GET SCHEME_HTTP "\x44\x02/1" AUTHORITY);
	HEADERS(&f, END | DONE, 3, METHOD_GET SCHEME_HTTP "\x44\x02/3" "\xbf");
	HEADERS(&f, END | DONE, 5, METHOD_GET SCHEME_HTTP "\xc0" "\xbf");
	flush(&f, EO_HTTP_SENT);
	HEADERS(&f, END | DONE, 3, STATUS_404);
	HEADERS(&f, END | DONE, 5, STATUS_200);
	HEADERS(&f, END | DONE, 1, STATUS_200);
	flush(&f, EO_HTTP_RECEIVED);
	cr_assert_eq(t.count, 3);
	cr_assert_str_eq(t.seen[0].path, "/3");
	cr_assert_str_eq(t.seen[0].host, "shop");
	cr_assert_eq(t.seen[0].exchange.status, 404);
	cr_assert_str_eq(t.seen[1].path, "/1"); /* the older entry */
	cr_assert_eq(t.seen[1].exchange.stream, 5);
	cr_assert_eq(t.seen[2].exchange.stream, 1);
	talk_end(&t);
}

Test(http2, grpc_says_its_status_at_the_end)
{
	begin(&f);
	HEADERS(&f, DONE, 1, METHOD_POST SCHEME_HTTP "\x44\x0c/pkg.Svc/Run" AUTHORITY);
	put(&f, EO_HTTP2_DATA, END, 1, "\0\0\0\0\1x", 6);
	flush(&f, EO_HTTP_SENT);
	HEADERS(&f, DONE, 1, STATUS_200);
	put(&f, EO_HTTP2_DATA, 0, 1, "\0\0\0\0\0", 5);
	HEADERS(&f, END | DONE, 1, GRPC_STATUS("5"));
	flush(&f, EO_HTTP_RECEIVED);
	cr_assert_eq(t.count, 1);
	cr_assert_str_eq(t.seen[0].path, "/pkg.Svc/Run");
	cr_assert_eq(t.seen[0].exchange.status, 200);
	cr_assert_eq(t.seen[0].exchange.grpc_status, 5);
	cr_assert_eq(t.seen[0].exchange.request_bytes, 6);
	talk_end(&t);
}

Test(http2, blocks_may_be_continued_padded_and_cut_anywhere)
{
	size_t size;

	memset(&f, 0, sizeof(f));
	put_preface(&f);
	put(&f, EO_HTTP2_HEADERS, END | EO_HTTP2_PADDED | EO_HTTP2_HAS_PRIORITY, 1,
	    "\2\0\0\0\0\x10" METHOD_GET SCHEME_HTTP "\x44\0\0", 11);
	put(&f, EO_HTTP2_CONTINUATION, 0, 1, "\x05/a", 3);
	put(&f, EO_HTTP2_CONTINUATION, DONE, 1, "b?c", 3);
	size = f.size;
	for (size_t step = 1; step <= size; step++) {
		talk_begin(&t, EO_HTTP_CLIENT, true);
		/* Three bytes are needed to tell PRI from PUT. */
		for (size_t at = 0, n; at < size; at += n) {
			n = at == 0 && step < 3 ? 3 : step;
			n = n < size - at ? n : size - at;
			say(&t, EO_HTTP_SENT, f.bytes + at, n, n);
		}
		say(&t, EO_HTTP_RECEIVED, "\0\0\1\1\5\0\0\0\1\x88", 10, 10);
		cr_assert_eq(t.count, 1, "step %zu", step);
		cr_assert_str_eq(t.seen[0].path, "/ab");
		cr_assert_eq(t.counts->malformed, 0);
		talk_end(&t);
	}
}

Test(http2, data_beyond_the_capture_counts_by_length)
{
	static uint8_t body[16384];

	begin(&f);
	HEADERS(&f, END | DONE, 1, METHOD_GET SCHEME_HTTP PATH_AB AUTHORITY);
	flush(&f, EO_HTTP_SENT);
	HEADERS(&f, DONE, 1, STATUS_200);
	put(&f, EO_HTTP2_DATA, END, 1, body, sizeof(body));
	say(&t, EO_HTTP_RECEIVED, f.bytes, 4096, f.size);
	cr_assert_eq(t.count, 1);
	cr_assert_eq(t.seen[0].exchange.response_bytes, 16384);
	cr_assert_not(t.seen[0].exchange.response_inexact);
	cr_assert_eq(t.counts->places_lost, 0);
	f.size = 0;
	talk_end(&t);
}

Test(http2, frames_beyond_the_capture_are_found_again)
{
	static uint8_t body[5000];

	begin(&f);
	HEADERS(&f, END | DONE, 1, METHOD_GET SCHEME_HTTP PATH_AB AUTHORITY);
	HEADERS(&f, END | DONE, 3, METHOD_GET SCHEME_HTTP "\xbf\xbe");
	flush(&f, EO_HTTP_SENT);
	HEADERS(&f, DONE, 1, STATUS_200);
	put(&f, EO_HTTP2_DATA, 0, 1, body, sizeof(body));
	put(&f, EO_HTTP2_DATA, END, 1, body, 100); /* nobody sees this one */
	cr_assert(say(&t, EO_HTTP_RECEIVED, f.bytes, 4096, f.size));
	f.size = 0;
	cr_assert(received(&t, "something in the middle"));
	HEADERS(&f, END | DONE, 3, STATUS_404);
	flush(&f, EO_HTTP_RECEIVED);
	cr_assert_eq(t.count, 1);
	cr_assert_eq(t.seen[0].exchange.stream, 3);
	cr_assert_eq(t.seen[0].exchange.status, 404);
	cr_assert(t.seen[0].exchange.response_inexact);
	cr_assert_eq(t.counts->places_lost, 1);
	cr_assert_eq(t.counts->found_again, 1);
	/* Its end may have been seen by others: no error is made up. */
	eo_http_connection_end(t.connection, 1000, ECONNRESET);
	cr_assert_eq(t.count, 2);
	cr_assert_eq(t.seen[1].exchange.stream, 1);
	cr_assert_eq(t.seen[1].exchange.status, 200);
	cr_assert_eq(t.seen[1].exchange.error, 0);
	cr_assert_eq(t.seen[1].exchange.response_bytes, 5000);
	cr_assert_eq(t.seen[1].exchange.duration_ns, 10);
	cr_assert_eq(t.counts->unpaired_requests, 0);
	talk_end(&t);
}

Test(http2, a_stream_whose_end_was_lost_makes_room_for_others)
{
	static uint8_t body[5000];

	begin(&f);
	for (uint32_t i = 0; i < 256; i++)
		HEADERS(&f, END | DONE, 2 * i + 1, METHOD_GET SCHEME_HTTP "\x04\x02/x");
	flush(&f, EO_HTTP_SENT);
	HEADERS(&f, DONE, 1, STATUS_200);
	HEADERS(&f, DONE, 3, STATUS_404);
	put(&f, EO_HTTP2_DATA, 0, 3, body, sizeof(body));
	put(&f, EO_HTTP2_DATA, END, 3, body, 100); /* nobody sees this one */
	cr_assert(say(&t, EO_HTTP_RECEIVED, f.bytes, 4096, f.size));
	f.size = 0;
	put(&f, EO_HTTP2_DATA, 0, 1, "12345", 5);
	flush(&f, EO_HTTP_RECEIVED);
	HEADERS(&f, END | DONE, 513, METHOD_GET SCHEME_HTTP "\x04\x02/y");
	flush(&f, EO_HTTP_SENT);
	cr_assert_eq(t.count, 1);
	cr_assert_eq(t.seen[0].exchange.stream, 3);
	cr_assert_eq(t.seen[0].exchange.status, 404);
	cr_assert_eq(t.seen[0].exchange.error, 0);
	cr_assert_eq(t.counts->streams_dropped, 1);
	/* The connection goes on without us: two streams are known, others are not. */
	HEADERS(&f, DONE, 513, STATUS_200);
	flush(&f, EO_HTTP_RECEIVED);
	eo_http_connection_leave(t.connection);
	cr_assert_eq(t.count, 3);
	cr_assert_eq(t.seen[1].exchange.stream, 1);
	cr_assert_eq(t.seen[1].exchange.response_bytes, 5);
	cr_assert_eq(t.seen[2].exchange.stream, 513);
	cr_assert_str_eq(t.seen[2].path, "/y");
	cr_assert(t.seen[2].exchange.response_inexact);
	cr_assert_eq(t.seen[2].exchange.error, 0);
	cr_assert_eq(t.counts->unpaired_requests, 254);
	talk_end(&t);
}

Test(http2, a_block_that_is_lost_makes_entries_unknown_but_never_wrong)
{
	begin(&f);
	HEADERS(&f, END | DONE, 1, METHOD_GET SCHEME_HTTP PATH_AB AUTHORITY);
	flush(&f, EO_HTTP_SENT);
	eo_http_connection_gap(t.connection, EO_HTTP_SENT);
	HEADERS(&f, END | DONE, 5, METHOD_GET SCHEME_HTTP "\xbf\xbe");
	HEADERS(&f, END | DONE, 7, METHOD_GET SCHEME_HTTP "\x44\x02/7" "\xbf");
	HEADERS(&f, END | DONE, 9, METHOD_GET SCHEME_HTTP "\xbe" AUTHORITY);
	flush(&f, EO_HTTP_SENT);
	HEADERS(&f, END | DONE, 5, STATUS_200);
	HEADERS(&f, END | DONE, 7, STATUS_200);
	HEADERS(&f, END | DONE, 9, STATUS_200);
	flush(&f, EO_HTTP_RECEIVED);
	cr_assert_eq(t.count, 3);
	cr_assert_str_eq(t.seen[0].method, "GET");
	cr_assert_str_eq(t.seen[0].path, "(none)");
	cr_assert_str_eq(t.seen[0].host, "(none)");
	cr_assert_str_eq(t.seen[1].path, "/7");
	cr_assert_str_eq(t.seen[1].host, "(none)");
	cr_assert_str_eq(t.seen[2].path, "/7");
	cr_assert_str_eq(t.seen[2].host, "shop");
	cr_assert_eq(t.counts->unknown_fields, 3);
	talk_end(&t);
}

Test(http2, a_trace_may_begin_in_the_middle)
{
	talk_begin(&t, EO_HTTP_ROLE_UNKNOWN, false);
	put(&f, EO_HTTP2_WINDOW_UPDATE, 0, 0, "\0\0\1\0", 4);
	flush(&f, EO_HTTP_RECEIVED);
	cr_assert_eq(t.counts->http2, 0); /* either side says that */
	HEADERS(&f, END | DONE, 101, METHOD_POST SCHEME_HTTP "\xc8" AUTHORITY);
	flush(&f, EO_HTTP_SENT);
	cr_assert_eq(t.counts->http2, 1);
	cr_assert_eq(eo_http_connection_role(t.connection), EO_HTTP_CLIENT);
	HEADERS(&f, END | DONE, 99, STATUS_200); /* of an older request */
	HEADERS(&f, END | DONE, 101, STATUS_200);
	flush(&f, EO_HTTP_RECEIVED);
	cr_assert_eq(t.count, 1);
	cr_assert_str_eq(t.seen[0].method, "POST");
	cr_assert_str_eq(t.seen[0].path, "(none)");
	cr_assert_eq(t.counts->unknown_fields, 1);
	cr_assert_eq(t.counts->unpaired_responses, 1);
	talk_end(&t);
}

Test(http2, resets_are_errors)
{
	static const struct {
		const char *code;
		int error;
	} rows[] = {{"\0\0\0\x8", ECANCELED}, {"\0\0\0\x7", ECONNREFUSED}, {"\1\0\0\0", EPROTO}};

	begin(&f);
	for (uint32_t i = 0; i < 3; i++) {
		HEADERS(&f, END | DONE, 2 * i + 1, METHOD_GET SCHEME_HTTP PATH_AB AUTHORITY);
		put(&f, EO_HTTP2_RST_STREAM, 0, 2 * i + 1, rows[i].code, 4);
		flush(&f, EO_HTTP_SENT);
		cr_assert_eq(t.count, i + 1);
		cr_assert_eq(t.seen[i].exchange.error, rows[i].error);
		cr_assert_eq(t.seen[i].exchange.status, 0);
	}
	talk_end(&t);
}

Test(http2, the_end_of_the_connection_is_an_error_of_what_waits)
{
	begin(&f);
	HEADERS(&f, END | DONE, 1, METHOD_GET SCHEME_HTTP PATH_AB AUTHORITY);
	flush(&f, EO_HTTP_SENT);
	eo_http_connection_end(t.connection, 1000, ETIMEDOUT);
	cr_assert_eq(t.count, 1);
	cr_assert_eq(t.seen[0].exchange.error, ETIMEDOUT);
	talk_end(&t);
}

Test(http2, streams_without_end_are_bounded)
{
	begin(&f);
	for (uint32_t i = 0; i < 257; i++)
		HEADERS(&f, END | DONE, 2 * i + 1, METHOD_GET SCHEME_HTTP "\x04\x02/x");
	flush(&f, EO_HTTP_SENT);
	cr_assert_eq(t.counts->streams_dropped, 1);
	for (uint32_t i = 0; i < 257; i++)
		HEADERS(&f, END | DONE, 2 * i + 1, STATUS_200);
	flush(&f, EO_HTTP_RECEIVED);
	cr_assert_eq(t.count, 256);
	cr_assert_eq(t.counts->unpaired_responses, 1);
	talk_end(&t);
}

/* They hold no room for header blocks that are not read just now. */
Test(http2, there_may_be_many_connections_at_once)
{
	static struct eo_http_connection *connections[2003];

	begin(&f);
	connections[0] = t.connection;
	for (size_t i = 0; i < 2003; i++) {
		if (i)
			connections[i] = eo_http_connection_new(t.http, EO_HTTP_CLIENT, true, &t);
		t.connection = connections[i];
		cr_assert(t.connection);
		if (i)
			put_preface(&f);
		HEADERS(&f, END | DONE, 1, METHOD_GET SCHEME_HTTP PATH_AB AUTHORITY);
		flush(&f, EO_HTTP_SENT);
		HEADERS(&f, DONE, 1, "\x48\x03" "418");
		flush(&f, EO_HTTP_RECEIVED);
	}
	for (size_t i = 0; i < 2003; i++) {
		t.connection = connections[i];
		put(&f, EO_HTTP2_DATA, END, 1, "12345", 5);
		flush(&f, EO_HTTP_RECEIVED);
	}
	cr_assert_eq(t.count, 2003);
	cr_assert_str_eq(t.seen[0].host, "shop");
	cr_assert_eq(t.seen[0].exchange.status, 418);
	cr_assert_eq(eo_http_refused(t.http), 0);
	for (size_t i = 1; i < 2003; i++)
		eo_http_connection_free(connections[i]);
	t.connection = connections[0];
	talk_end(&t);
}

Test(http2, frames_that_cannot_be_are_malformed)
{
	static const struct {
		uint8_t type, flags, stream;
		const char *payload;
		uint8_t size;
	} rows[] = {
		{EO_HTTP2_DATA, 0, 0, "x", 1},
		{EO_HTTP2_HEADERS, DONE, 0, METHOD_GET, 1},
		{EO_HTTP2_CONTINUATION, DONE, 1, METHOD_GET, 1},
		{EO_HTTP2_HEADERS, DONE | EO_HTTP2_PADDED, 1, "\5x", 2},
		{EO_HTTP2_HEADERS, DONE, 1, "\x80", 1},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin(&f);
		put(&f, rows[i].type, rows[i].flags, rows[i].stream, rows[i].payload, rows[i].size);
		flush(&f, EO_HTTP_SENT);
		cr_assert_eq(t.counts->malformed, 1, "row %zu", i);
		/* The connection is still one of HTTP/2: it is found again. */
		HEADERS(&f, END | DONE, 3, METHOD_GET SCHEME_HTTP PATH_AB);
		flush(&f, EO_HTTP_SENT);
		HEADERS(&f, END | DONE, 3, STATUS_200);
		flush(&f, EO_HTTP_RECEIVED);
		cr_assert_eq(t.count, 1);
		cr_assert_str_eq(t.seen[0].path, "/ab");
		talk_end(&t);
	}
}

Test(http2, trailers_of_a_request_are_no_request)
{
	begin(&f);
	HEADERS(&f, DONE, 1, METHOD_POST SCHEME_HTTP PATH_AB AUTHORITY);
	HEADERS(&f, END | DONE, 1, "\x00\x01x\x01y");
	flush(&f, EO_HTTP_SENT);
	HEADERS(&f, END | DONE, 1, STATUS_200);
	flush(&f, EO_HTTP_RECEIVED);
	/* Numbers are never used again. */
	HEADERS(&f, END | DONE, 1, METHOD_GET SCHEME_HTTP "\x04\x02/x");
	flush(&f, EO_HTTP_SENT);
	HEADERS(&f, END | DONE, 1, STATUS_404);
	flush(&f, EO_HTTP_RECEIVED);
	cr_assert_eq(t.count, 1);
	cr_assert_str_eq(t.seen[0].path, "/ab");
	cr_assert_eq(t.counts->unpaired_responses, 1);
	talk_end(&t);
}

Test(http2, what_a_server_pushes_is_no_request)
{
	begin(&f);
	HEADERS(&f, END | DONE, 1, METHOD_GET SCHEME_HTTP PATH_AB AUTHORITY);
	flush(&f, EO_HTTP_SENT);
	put(&f, EO_HTTP2_PUSH_PROMISE, DONE, 1, "\0\0\0\2" METHOD_GET "\x44\x02/p", 9);
	HEADERS(&f, END | DONE, 2, STATUS_200);
	HEADERS(&f, END | DONE, 1, "\x48\x03" "418");
	flush(&f, EO_HTTP_RECEIVED);
	cr_assert_eq(t.count, 1);
	cr_assert_str_eq(t.seen[0].path, "/ab");
	cr_assert_eq(t.seen[0].exchange.status, 418);
	talk_end(&t);
}

#define UPGRADE	  "GET /1 HTTP/1.1\r\nHost: shop\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
#define SWITCHING "HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\n\r\n"

Test(http2, an_upgrade_from_http1_leads_here)
{
	talk_begin(&t, EO_HTTP_CLIENT, true);
	sent(&t, UPGRADE);
	f.size = strlen(SWITCHING);
	memcpy(f.bytes, SWITCHING, f.size);
	put(&f, EO_HTTP2_SETTINGS, 0, 0, NULL, 0);
	flush(&f, EO_HTTP_RECEIVED);
	HEADERS(&f, DONE, 1, "\x48\x03" "404");
	put(&f, EO_HTTP2_DATA, END, 1, "12345", 5);
	flush(&f, EO_HTTP_RECEIVED);
	/* The request itself is stream 1. */
	cr_assert_eq(t.count, 1);
	cr_assert_str_eq(t.seen[0].method, "GET");
	cr_assert_str_eq(t.seen[0].path, "/1");
	cr_assert_str_eq(t.seen[0].host, "shop");
	cr_assert_str_eq(t.seen[0].exchange.version, "2");
	cr_assert_eq(t.seen[0].exchange.stream, 1);
	cr_assert_eq(t.seen[0].exchange.status, 404);
	cr_assert_eq(t.seen[0].exchange.response_bytes, 5);
	cr_assert_eq(t.seen[0].exchange.duration_ns, 20);
	put_preface(&f);
	HEADERS(&f, END | DONE, 3, METHOD_GET SCHEME_HTTP PATH_AB AUTHORITY);
	flush(&f, EO_HTTP_SENT);
	HEADERS(&f, END | DONE, 3, "\xbe");
	flush(&f, EO_HTTP_RECEIVED);
	cr_assert_eq(t.count, 2);
	cr_assert_eq(t.seen[1].exchange.status, 404);
	cr_assert_str_eq(t.seen[1].path, "/ab");
	cr_assert_str_eq(t.seen[1].exchange.version, "2");
	cr_assert_eq(t.counts->opaque, 0);
	cr_assert_eq(t.counts->places_lost, 0);
	talk_end(&t);
}

Test(http2, an_upgraded_request_may_stay_without_response)
{
	talk_begin(&t, EO_HTTP_CLIENT, true);
	sent(&t, UPGRADE);
	cr_assert(received(&t, SWITCHING));
	cr_assert_eq(t.count, 0);
	eo_http_connection_end(t.connection, 1000, ECONNRESET);
	cr_assert_eq(t.count, 1);
	cr_assert_str_eq(t.seen[0].path, "/1");
	cr_assert_eq(t.seen[0].exchange.error, ECONNRESET);
	talk_end(&t);

	/* No memory for what follows: nothing more is read. */
	talk_begin_with(&t, EO_HTTP_CLIENT, true,
			(struct eo_http_options){.connection_memory_max = 300});
	cr_assert(sent(&t, UPGRADE));
	cr_assert_not(received(&t, SWITCHING));
	cr_assert_eq(t.count, 0);
	cr_assert_eq(t.counts->unpaired_requests, 1);
	talk_end(&t);
}

Test(http2, other_protocols_are_not_taken_for_it)
{
	static const struct {
		const char *bytes;
		size_t size;
	} rows[] = {
		{"\x0f\0\0\0\3select 1 from dual", 22},		/* MySQL */
		{"Q\0\0\0\rSELECT 1;", 14},			/* PostgreSQL */
		{"*1\r\n$4\r\nPING\r\n", 14},			/* Redis */
		{"\0\0\0\x2d\0\3\0\7\0\0\0\1\0\6client", 20},	/* Kafka */
		{"\x16\3\1\0\xa5\1\0\0\xa1\3\3\1\2\3", 14},	/* TLS */
		{"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20},
		{"AMQP\0\0\x09\1\0\0\0\0", 12},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_assert_eq(eo_http2_sniff(rows[i].bytes, rows[i].size, rows[i].size),
			     EO_HTTP2_START_NONE, "row %zu", i);
}
