// SPDX-License-Identifier: BSD-2-Clause
/* What the network tracer reads of HTTP on plain sockets: HTTP/1 with nginx, HTTP/2 and gRPC with
 * servers and clients of others. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capture/net_tracer.h"
#include "net_lab.h"
#include "net_peers.h"
#include "net_seen.h"
#include "net_web.h"

TestSuite(net_http, .timeout = 120);

#define HTTP_PORT     27080
#define HTTP_REQUESTS 10007
#define HTTP_CLIENTS  3

static const uint16_t http_port = HTTP_PORT;

static struct eo_tracer *begin(void)
{
	const struct eo_net_tracer_options options = {
		.events = EO_NET_HTTP, .ports = &http_port, .port_count = 1};

	return seen_begin(&options);
}

/* Requests number first, first + HTTP_CLIENTS …, on connections of 1000 requests. */
static int request_all(void *arg, int report)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(HTTP_PORT)};
	char bytes[4096];
	int fd = -1, done = 0;

	(void)report;
	inet_pton(AF_INET, LAB_SERVER_IPV4, &at.sin_addr);
	for (int i = *(int *)arg; i < HTTP_REQUESTS; i += HTTP_CLIENTS, done++) {
		int size = snprintf(bytes, sizeof(bytes),
				    "GET %s/%d?secret=%d HTTP/1.1\r\nHost: lab\r\n"
				    "Traceparent: " WEB_TRACEPARENT "\r\n\r\n",
				    i % 10 == 3 ? "/none" : "", i, i);
		size_t got = 0, whole = 0;

		if (done % 1000 == 0) {
			close(fd);
			fd = socket(AF_INET, SOCK_STREAM, 0);
			if (connect(fd, (void *)&at, sizeof(at)) < 0)
				return 1;
		}
		if (send(fd, bytes, (size_t)size, 0) != size)
			return 2;
		while (!whole || got < whole) {
			ssize_t n = recv(fd, bytes + got, sizeof(bytes) - 1 - got, 0);
			char *head_end, *length;

			if (n <= 0)
				return 3;
			got += (size_t)n;
			bytes[got] = '\0';
			head_end = strstr(bytes, "\r\n\r\n");
			length = strcasestr(bytes, "content-length: ");
			if (head_end && length)
				whole = (size_t)(head_end + 4 - bytes) + strtoul(length + 16, NULL, 10);
		}
	}
	return 0;
}

Test(net_http, each_http_request_is_told_by_both_sides)
{
	size_t count[2] = {0}, missing[2] = {0};
	static bool found[2][HTTP_REQUESTS];
	struct lab_process clients[HTTP_CLIENTS];
	struct eo_event_list *list;
	struct eo_trace_stats stats;
	struct eo_tracer *tracer;
	int first[HTTP_CLIENTS];
	struct web web;
	struct lab lab;

	SETUP();
	NEEDS("command -v nginx");
	lab_open(&lab);
	web_open(&web, &lab, LAB_SERVER_IPV4 ":27080 reuseport", HTTP_PORT);
	tracer = begin();
	for (int i = 0; i < HTTP_CLIENTS; i++) {
		first[i] = i;
		clients[i] = lab_start(&lab, LAB_CLIENT, request_all, &first[i]);
	}
	for (int i = 0; i < HTTP_CLIENTS; i++)
		seen_join(tracer, &clients[i], "a client");
	list = web_end(&web, &lab, tracer, &stats);

	for (size_t i = 0; i < eo_event_list_count(list); i++) {
		const struct eo_event *event = eo_event_list_get(list, i);
		int side = !strcmp(seen_text(event, "role"), "server");
		const char *path = seen_text(event, "path");
		bool none = strncmp(path, "/none", 5) == 0;
		long number = strtol(path + (none ? 6 : 1), NULL, 10);

		cr_assert_eq(event->type, EO_EVENT_HTTP_REQUEST);
		cr_assert(number >= 0 && number < HTTP_REQUESTS);
		cr_assert_not(found[side][number], "%s twice", path);
		found[side][number] = true;
		count[side]++;
		cr_assert_null(strchr(path, '?'));
		cr_assert_eq(number % 10 == 3, none);
		cr_assert_eq(seen_number(event, "status"), none ? 404 : 200);
		if (!none)
			cr_assert_eq(seen_number(event, "response_bytes"), strlen(WEB_BODY));
		cr_assert_str_eq(seen_text(event, "method"), "GET");
		cr_assert_str_eq(seen_text(event, "host"), "lab");
		cr_assert_str_eq(seen_text(event, "version"), "1.1");
		cr_assert_str_eq(seen_text(event, "traceparent"), WEB_TRACEPARENT);
		cr_assert_str_eq(event->comm, side ? "nginx" : "test_net_http");
	}
	for (int i = 0; i < HTTP_REQUESTS; i++)
		for (int side = 0; side < 2; side++)
			missing[side] += !found[side][i];
	cr_assert_eq(count[0], HTTP_REQUESTS, "%zu of clients, %zu missing", count[0], missing[0]);
	cr_assert_eq(count[1], HTTP_REQUESTS, "%zu of servers, %zu missing", count[1], missing[1]);
	eo_event_list_free(list);
	eo_tracer_free(tracer);
}

/* --- methods ------------------------------------------------------------------------------ */

static const char *const methods[] = {
	"GET",	      "HEAD",	   "POST",     "PUT",	   "DELETE",   "CONNECT",   "OPTIONS",
	"TRACE",      "PATCH",	   "QUERY",    "PROPFIND", "PROPPATCH", "MKCOL",    "COPY",
	"MOVE",	      "LOCK",	   "UNLOCK",   "SEARCH",   "REPORT",   "MKACTIVITY", "CHECKOUT",
	"CHECKIN",    "UNCHECKOUT", "MERGE",   "UPDATE",   "LABEL",    "BASELINE-CONTROL",
	"MKWORKSPACE", "VERSION-CONTROL", "MKCALENDAR", "ACL", "BIND", "UNBIND", "REBIND",
	"LINK",	      "UNLINK",	   "PURGE",    "NOTIFY",   "SUBSCRIBE", "UNSUBSCRIBE", "M-SEARCH",
};

/* One connection for each, which nothing but a request begins. */
static int answer_methods(void *arg, int report)
{
	static const char answer[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
	int listener = peer_listen(LAB_SERVER_IPV4, HTTP_PORT);
	char bytes[256];

	(void)arg;
	if (listener < 0 || write(report, "x", 1) != 1)
		return 1;
	for (size_t i = 0; i < EO_ARRAY_SIZE(methods); i++) {
		int fd = accept(listener, NULL, NULL);

		if (recv(fd, bytes, sizeof(bytes), 0) <= 0 ||
		    send(fd, answer, sizeof(answer) - 1, 0) != sizeof(answer) - 1)
			return 2;
		recv(fd, bytes, sizeof(bytes), 0);
		close(fd);
	}
	return 0;
}

static int ask_by_methods(void *arg, int report)
{
	char bytes[256];

	(void)arg;
	(void)report;
	for (size_t i = 0; i < EO_ARRAY_SIZE(methods); i++) {
		int fd = peer_connect(LAB_SERVER_IPV4, HTTP_PORT, 0);
		int size = snprintf(bytes, sizeof(bytes), "%s %s HTTP/1.1\r\nHost: lab\r\n\r\n",
				    methods[i], strcmp(methods[i], "CONNECT") ? "/x" : "lab:80");

		if (fd < 0 || send(fd, bytes, (size_t)size, 0) != size ||
		    recv(fd, bytes, sizeof(bytes), 0) <= 0)
			return 1;
		close(fd);
	}
	return 0;
}

static void check_methods(const struct eo_event_list *list, const char *role)
{
	for (size_t m = 0; m < EO_ARRAY_SIZE(methods); m++) {
		size_t count = 0;

		for (size_t i = 0; i < eo_event_list_count(list); i++) {
			const struct eo_event *event = eo_event_list_get(list, i);

			count += !strcmp(seen_text(event, "role"), role) &&
				 !strcmp(seen_text(event, "method"), methods[m]) &&
				 seen_number_or_0(event, "status") == 404;
		}
		cr_assert_eq(count, 1, "%zu %s of the %s", count, methods[m], role);
	}
}

Test(net_http, requests_of_all_methods_are_told)
{
	struct lab_process server, client;
	struct eo_event_list *list;
	struct eo_trace_stats stats;
	struct eo_tracer *tracer;
	struct lab lab;

	SETUP();
	lab_open(&lab);
	server = lab_serve(&lab, LAB_SERVER, answer_methods, NULL);
	tracer = begin();
	client = lab_start(&lab, LAB_CLIENT, ask_by_methods, NULL);
	seen_join(tracer, &client, "the client");
	seen_join(tracer, &server, "the server");
	list = seen_end(tracer, &stats);
	lab_close(&lab);
	seen_need_all_runs(&stats);
	check_methods(list, "client");
	check_methods(list, "server");
	cr_assert_eq(eo_event_list_count(list), 2 * EO_ARRAY_SIZE(methods));
	eo_event_list_free(list);
	eo_tracer_free(tracer);
}

/* --- HTTP/2 ------------------------------------------------------------------------------- */

#define URIS "seq -f 'http://" LAB_SERVER_IPV4 ":27080/%s/%%g?secret=x' %d"

/* What two programs that know nothing of us say to each other: h2load sends many streams at once
 * on one connection, and nghttp one connection's worth of its own. */
Test(net_http, http2_requests_have_methods_and_paths)
{
	struct eo_event_list *list;
	struct eo_trace_stats stats;
	struct eo_tracer *tracer;
	char command[512];
	struct web web;
	struct lab lab;

	SETUP();
	NEEDS("command -v nginx && command -v nghttp && command -v h2load");
	lab_open(&lab);
	web_open(&web, &lab, LAB_SERVER_IPV4 ":27080 http2", HTTP_PORT);
	tracer = begin();
	snprintf(command, sizeof(command),
		 URIS " >/tmp/eo-uris.$$ && h2load -i /tmp/eo-uris.$$ -n 1009 -c 1 -m 11 "
		      "-H ':authority: lab' >/dev/null; r=$?; rm /tmp/eo-uris.$$; exit $r",
		 "load", 1009);
	web_ask(tracer, &lab, command);
	snprintf(command, sizeof(command), "nghttp -n -H ':authority: lab' $(" URIS ")", "one", 31);
	web_ask(tracer, &lab, command);
	list = web_end(&web, &lab, tracer, &stats);
	web_check(list, "client", "h2load", "load", 1009, "http", "2");
	web_check(list, "server", "nginx", "load", 1009, "http", "2");
	web_check(list, "client", "nghttp", "one", 31, "http", "2");
	web_check(list, "server", "nginx", "one", 31, "http", "2");
	cr_assert_eq(eo_event_list_count(list), 2 * (1009 + 31));
	eo_event_list_free(list);
	eo_tracer_free(tracer);
}

#define LATE_REQUESTS 11

/* A frame of headers, which ends its stream: GET, http, the path, the host. Returns its size. */
static size_t write_request(char *ret, int number)
{
	char path[8];
	int size = snprintf(path, sizeof(path), "/%d", number);

	memcpy(ret, "\0\0\0\1\5\0\0\0\0\x82\x86\4", 12);
	ret[2] = (char)(9 + size);
	ret[8] = (char)(2 * number + 1);
	ret[12] = (char)size;
	memcpy(ret + 13, path, (size_t)size);
	memcpy(ret + 13 + size, "\1\3lab", 5);
	return (size_t)(18 + size);
}

static int answer_late(void *arg, int report)
{
	char request[64], response[] = {0, 0, 1, 1, 5, 0, 0, 0, 0, (char)0x88}; /* 200 */
	int listener = peer_listen(LAB_SERVER_IPV4, HTTP_PORT), fd;

	(void)arg;
	if (listener < 0 || write(report, "x", 1) != 1)
		return 1;
	fd = accept(listener, NULL, NULL);
	while (recv(fd, request, sizeof(request), 0) > 0) {
		response[8] = request[8];
		if (send(fd, response, sizeof(response), 0) != sizeof(response))
			return 2;
	}
	return 0;
}

/* @arg: a pipe's end; it asks when it hears of it */
static int ask_late(void *arg, int report)
{
	int fd = peer_connect(LAB_SERVER_IPV4, HTTP_PORT, 0);
	char bytes[64];

	if (fd < 0 || write(report, "x", 1) != 1 || read(*(int *)arg, bytes, 1) != 1)
		return 1;
	for (int i = 0; i < LATE_REQUESTS; i++) {
		size_t size = write_request(bytes, i);

		if (send(fd, bytes, size, 0) != (ssize_t)size || recv(fd, bytes, sizeof(bytes), 0) != 10)
			return 2;
	}
	return 0;
}

Test(net_http, http2_that_is_older_than_the_trace_is_read_too)
{
	struct lab_process server, client;
	struct eo_event_list *list;
	struct eo_trace_stats stats;
	struct eo_tracer *tracer;
	size_t count[2] = {0};
	struct lab lab;
	int go[2];

	SETUP();
	lab_open(&lab);
	cr_assert_eq(pipe(go), 0);
	server = lab_serve(&lab, LAB_SERVER, answer_late, NULL);
	client = lab_serve(&lab, LAB_CLIENT, ask_late, &go[0]);
	tracer = begin();
	cr_assert_eq(write(go[1], "x", 1), 1);
	seen_join(tracer, &client, "the client");
	seen_join(tracer, &server, "the server");
	list = seen_end(tracer, &stats);
	lab_close(&lab);
	seen_need_all_runs(&stats);
	for (size_t i = 0; i < eo_event_list_count(list); i++) {
		const struct eo_event *event = eo_event_list_get(list, i);

		count[!strcmp(seen_text(event, "role"), "server")]++;
		cr_assert_str_eq(seen_text(event, "method"), "GET");
		cr_assert_str_eq(seen_text(event, "host"), "lab");
		cr_assert_str_eq(seen_text(event, "version"), "2");
		cr_assert_eq(seen_number(event, "status"), 200);
	}
	cr_assert_eq(count[0], LATE_REQUESTS, "%zu of the client", count[0]);
	cr_assert_eq(count[1], LATE_REQUESTS, "%zu of the server", count[1]);
	eo_event_list_free(list);
	eo_tracer_free(tracer);
}

/* --- gRPC --------------------------------------------------------------------------------- */

#define GRPC_CALLS 211

/* Bytes in, the same bytes out, without a schema. */
#define GRPC_SERVER                                                                        \
	"/usr/bin/python3 -c '\n"                                                          \
	"import grpc\n"                                                                    \
	"from concurrent import futures\n"                                                 \
	"server = grpc.server(futures.ThreadPoolExecutor(3))\n"                            \
	"echo = grpc.unary_unary_rpc_method_handler(lambda request, context: request)\n"   \
	"server.add_generic_rpc_handlers(\n"                                               \
	"    (grpc.method_handlers_generic_handler(\"shop.Cart\", {\"Add\": echo}),))\n"   \
	"server.add_insecure_port(\"" LAB_SERVER_IPV4 ":27080\")\n"                        \
	"server.start()\n"                                                                 \
	"server.wait_for_termination()'"

#define GRPC_CLIENT                                                                        \
	"/usr/bin/python3 -c '\n"                                                          \
	"import grpc\n"                                                                    \
	"with grpc.insecure_channel(\"" LAB_SERVER_IPV4 ":27080\") as channel:\n"          \
	"    add = channel.unary_unary(\"/shop.Cart/Add\")\n"                              \
	"    for i in range(211):\n"                                                       \
	"        assert add(b\"x\" * i) == b\"x\" * i\n"                                   \
	"'"

Test(net_http, calls_of_grpc_have_their_methods)
{
	struct eo_event_list *list;
	struct eo_trace_stats stats;
	struct eo_tracer *tracer;
	size_t count[2] = {0};
	struct web web;
	struct lab lab;

	SETUP();
	NEEDS("/usr/bin/python3 -c 'import grpc'");
	lab_open(&lab);
	web_open_command(&web, &lab, GRPC_SERVER, HTTP_PORT);
	tracer = begin();
	web_ask(tracer, &lab, GRPC_CLIENT);
	list = web_end(&web, &lab, tracer, &stats);
	for (size_t i = 0; i < eo_event_list_count(list); i++) {
		const struct eo_event *event = eo_event_list_get(list, i);

		count[!strcmp(seen_text(event, "role"), "server")]++;
		cr_assert_str_eq(seen_text(event, "method"), "POST");
		cr_assert_str_eq(seen_text(event, "path"), "/shop.Cart/Add");
		cr_assert_str_eq(seen_text(event, "version"), "2");
		cr_assert_str_eq(event->comm, "python3");
		cr_assert_eq(seen_number(event, "status"), 200);
		/* A message stands behind five bytes. */
		cr_assert_eq(seen_number(event, "request_bytes"), seen_number(event, "response_bytes"));
		cr_assert_geq(seen_number(event, "request_bytes"), 5);
	}
	cr_assert_eq(count[0], GRPC_CALLS, "%zu of the client", count[0]);
	cr_assert_eq(count[1], GRPC_CALLS, "%zu of the server", count[1]);
	eo_event_list_free(list);
	eo_tracer_free(tracer);
}
