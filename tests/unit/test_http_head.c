/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "net/http_head.h"

static struct eo_http_head head;

static enum eo_http_verdict parse(const char *text)
{
	return eo_http_head_parse(text, strlen(text), true, false, &head);
}

static void piece_is(struct eo_http_piece piece, const char *text)
{
	cr_assert_eq(piece.text != NULL, text != NULL);
	if (text) {
		cr_assert_eq(piece.size, strlen(text));
		cr_assert_arr_eq(piece.text, text, piece.size);
	}
}

Test(http_head, a_request_has_method_path_host_and_traceparent)
{
	cr_assert_eq(parse("POST /cart?user=7#x HTTP/1.1\r\nHost: shop:80\r\n"
			   "Cookie: secret\r\n"
			   "TraceParent:  00-0af7651916cd43dd8448eb211c80319c-"
			   "b7ad6b7169203331-01 \r\n"
			   "Content-Length: 13\r\n\r\n"),
		     EO_HTTP_OK);
	cr_assert(head.request);
	cr_assert_str_eq(head.method, "POST");
	cr_assert_eq(head.minor, 1);
	piece_is(head.path, "/cart");
	piece_is(head.host, "shop:80");
	cr_assert_str_eq(head.traceparent,
			 "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
	cr_assert(head.has_length);
	cr_assert_eq(head.length, 13);
	cr_assert_not(head.has_coding);
}

Test(http_head, a_response_has_a_status)
{
	cr_assert_eq(parse("HTTP/1.0 404\r\nTransfer-Encoding: gzip\r\n\r\n"), EO_HTTP_MALFORMED);
	cr_assert_eq(parse("HTTP/1.0 404\r\n\r\n"), EO_HTTP_OK);
	cr_assert_eq(head.status, 404);
	cr_assert_eq(head.minor, 0);
	cr_assert_eq(parse("HTTP/1.1 502 Bad Gateway\nTransfer-Encoding: gzip, Chunked\n\n"),
		     EO_HTTP_OK);
	cr_assert_not(head.request);
	cr_assert_eq(head.status, 502);
	cr_assert(head.chunked);
}

Test(http_head, targets_become_paths_and_hosts)
{
	static const struct {
		const char *text, *path, *host;
	} rows[] = {
		{"GET / HTTP/1.1\r\n\r\n", "/", NULL},
		{"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "*", "a"},
		{"GET http://b:8080/x/y?q HTTP/1.1\r\nHost: a\r\n\r\n", "/x/y", "b:8080"},
		{"GET https://u:p@b HTTP/1.1\r\nHost: a\r\n\r\n", "/", "b"},
		{"GET http://b?q HTTP/1.1\r\nHost: a\r\n\r\n", "/", "b"},
		{"CONNECT b:443 HTTP/1.1\r\nHost: a\r\n\r\n", NULL, "b:443"},
		{"GET /a#b?c HTTP/1.1\r\n\r\n", "/a", NULL},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_assert_eq(parse(rows[i].text), EO_HTTP_OK, "%s", rows[i].text);
		piece_is(head.path, rows[i].path);
		piece_is(head.host, rows[i].host);
	}
}

Test(http_head, the_query_stays_where_it_is_asked_for)
{
	const char *text = "GET /a?b=c#d HTTP/1.1\r\n\r\n";

	cr_assert_eq(eo_http_head_parse(text, strlen(text), true, true, &head), EO_HTTP_OK);
	piece_is(head.path, "/a?b=c");
}

Test(http_head, what_can_be_understood_in_two_ways_is_malformed)
{
	static const char *const bad[] = {
		"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
		"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
		"POST / HTTP/1.1\r\nContent-Length: 5, 6\r\n\r\n",
		"POST / HTTP/1.1\r\nContent-Length: +5\r\n\r\n",
		"POST / HTTP/1.1\r\nContent-Length: 0x5\r\n\r\n",
		"POST / HTTP/1.1\r\nContent-Length:\r\n\r\n",
		"POST / HTTP/1.1\r\nContent-Length: 5,\r\n\r\n",
		"POST / HTTP/1.1\r\nContent-Length: 18446744073709551621\r\n\r\n",
		"POST / HTTP/1.1\r\nContent-Length: 9223372036854775808\r\n\r\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n\r\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked, chunked\r\n\r\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n\r\n",
		"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
		"POST / HTTP/1.1\r\nTransfer-Encoding : chunked\r\n\r\n",
		"POST / HTTP/1.1\r\nX: a\r\n Content-Length: 5\r\n\r\n",
		"POST / HTTP/1.1\r\nX: a\rContent-Length: 5\r\n\r\n",
		"POST / HTTP/1.1\r\nno colon\r\n\r\n",
		"POST / HTTP/1.1\r\n: empty\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n",
		"GET  HTTP/1.1\r\n\r\n",
		"GET /a b HTTP/1.1\r\n\r\n",
		"GET / HTTP/2.0\r\n\r\n",
		"GET / HTTP/1.12\r\n\r\n",
		"GET /\r\n\r\n",
		"GET nonsense HTTP/1.1\r\n\r\n",
		"GET ://x/ HTTP/1.1\r\n\r\n",
		"GET http:/// HTTP/1.1\r\n\r\n",
		"GET ht(tp://a/ HTTP/1.1\r\n\r\n",
		"CONNECT  HTTP/1.1\r\n\r\n",
		"HTTP/1.1 20 OK\r\n\r\n",
		"HTTP/1.1 2000 OK\r\n\r\n",
		"HTTP/1.1 099 OK\r\n\r\n",
		"HTTP/1.1  200 OK\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: gzip\r\n\r\n",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_assert_eq(parse(bad[i]), EO_HTTP_MALFORMED, "%s", bad[i]);
	cr_assert_eq(parse("BREW / HTTP/1.1\r\n\r\n"), EO_HTTP_NONE);
	cr_assert_eq(parse("get / HTTP/1.1\r\n\r\n"), EO_HTTP_NONE);
	cr_assert_eq(parse("POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5, 5\r\n\r\n"),
		     EO_HTTP_OK);
	cr_assert_eq(head.length, 5);
}

Test(http_head, a_traceparent_is_valid_or_absent)
{
	static const struct {
		const char *text, *kept;
	} rows[] = {
		{"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		 "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
		{"cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
		 "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
		{"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", ""},
		{"00-0AF7651916CD43DD8448EB211C80319C-B7AD6B7169203331-01", ""},
		{"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", ""},
		{"00-00000000000000000000000000000000-b7ad6b7169203331-01", ""},
		{"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", ""},
		{"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-1", ""},
		{"", ""},
	};
	char text[512];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(text, sizeof(text), "GET / HTTP/1.1\r\ntraceparent: %s\r\n\r\n",
			 rows[i].text);
		cr_assert_eq(parse(text), EO_HTTP_OK);
		cr_assert_str_eq(head.traceparent, rows[i].kept);
	}
	snprintf(text, sizeof(text), "GET / HTTP/1.1\r\ntraceparent: %s\r\ntraceparent: %s\r\n\r\n",
		 rows[0].text, rows[0].text);
	cr_assert_eq(parse(text), EO_HTTP_OK);
	cr_assert_str_eq(head.traceparent, "");
}

Test(http_head, the_empty_line_is_found_from_anywhere)
{
	static const char text[] = "GET / HTTP/1.1\r\nA: b\n\r\nbody";
	size_t end = sizeof("GET / HTTP/1.1\r\nA: b\n\r\n") - 1;

	for (size_t size = 0; size < sizeof(text); size++)
		for (size_t from = 0; from <= size && from < end; from++)
			cr_assert_eq(eo_http_head_size(text, size, from), size < end ? 0 : end);
	cr_assert_eq(eo_http_head_size("a\n\nb", 4, 0), 3);
}

Test(http_head, first_bytes_tell_requests_from_responses)
{
	static const struct {
		const char *text;
		enum eo_http_start start;
	} rows[] = {
		{"", EO_HTTP_START_SHORT},
		{"G", EO_HTTP_START_SHORT},
		{"GET ", EO_HTTP_START_SHORT},
		{"GET /", EO_HTTP_START_REQUEST},
		{"GETS /", EO_HTTP_START_NONE},
		{"GET  /", EO_HTTP_START_NONE},
		{"M-SEARCH *", EO_HTTP_START_REQUEST},
		{"HTTP/1", EO_HTTP_START_SHORT},
		{"HTTP/1.1 200", EO_HTTP_START_RESPONSE},
		{"HTTP/2.0 200", EO_HTTP_START_NONE},
		{"SSH-2.0-", EO_HTTP_START_NONE},
		{"\x16\x03\x01", EO_HTTP_START_NONE},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_assert_eq(eo_http_sniff(rows[i].text, strlen(rows[i].text)), rows[i].start,
			     "%s", rows[i].text);
}

Test(http_head, of_a_head_that_is_cut_the_whole_lines_count)
{
	const char *text = "GET /a?b HTTP/1.1\r\nHost: a\r\nContent-Le";

	cr_assert_eq(eo_http_head_parse(text, strlen(text), false, false, &head), EO_HTTP_OK);
	cr_assert(head.cut);
	piece_is(head.path, "/a");
	piece_is(head.host, "a");
	text = "GET /a?very-long";
	cr_assert_eq(eo_http_head_parse(text, strlen(text), false, false, &head), EO_HTTP_OK);
	cr_assert_str_eq(head.method, "GET");
	piece_is(head.path, "/a");
	text = "GET /a/very-lon";
	cr_assert_eq(eo_http_head_parse(text, strlen(text), false, false, &head), EO_HTTP_OK);
	cr_assert_str_eq(head.method, "GET");
	piece_is(head.path, NULL);
}

Test(http_head, hosts_end_at_255_bytes)
{
	char text[600];

	for (int size = 255; size <= 256; size++) {
		for (int way = 0; way < 4; way++) {
			static const char *const before[] = {
				"GET http://",
				"CONNECT ",
				"GET / HTTP/1.1\r\nHost: ",
				"GET http://",
			};
			static const char *const behind[] = {
				"/ HTTP/1.1\r\n\r\n", " HTTP/1.1\r\n\r\n", "\r\n\r\n", "/?cut",
			};

			snprintf(text, sizeof(text), "%s%0*d%s", before[way], size, 1, behind[way]);
			cr_assert_eq(eo_http_head_parse(text, strlen(text), way < 3, false, &head),
				     size == 255 ? EO_HTTP_OK : EO_HTTP_MALFORMED, "%d %d", size,
				     way);
		}
	}
}
