// SPDX-License-Identifier: BSD-2-Clause
/* What strangers may say to the network tracer: bytes that are no DNS and no HTTP, and connections
 * that never come to be. It counts, keeps its limits, and goes on. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capture/net_tracer.h"
#include "net/dns.h"
#include "net_lab.h"
#include "net_peers.h"
#include "net_seen.h"

TestSuite(net_garbage, .timeout = 120);

/* The same in every run: bytes that look like nothing, some of them after a good beginning. */
struct noise {
	uint64_t state;
};

static uint8_t next_byte(struct noise *noise)
{
	noise->state = noise->state * 6364136223846793005u + 1442695040888963407u;
	return (uint8_t)(noise->state >> 56);
}

static size_t fill_noise(uint32_t number, const char *const *heads, size_t head_count, char *bytes,
			 size_t room)
{
	struct noise noise = {number};
	const char *head = heads[number % head_count];
	size_t size = strlen(head) + 1 + (size_t)next_byte(&noise) * 3;

	memcpy(bytes, head, strlen(head));
	for (size_t i = strlen(head); i < size && i < room; i++)
		bytes[i] = (char)next_byte(&noise);
	return size < room ? size : room;
}

/* --- port 53 ------------------------------------------------------------------------------ */

#define DATAGRAMS 1009

/* A header that asks one question, that answers with one, that claims thousands; none. */
static const char *const dns_heads[] = {
	"",
	"\x12\x34\x01\x20\x01\x01\x01\x01\x01\x01\x01\x01",
	"\x12\x34\x81\x80\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f",
	"\x12",
};

static size_t datagram(uint32_t number, char bytes[1024])
{
	return fill_noise(number, dns_heads, 4, bytes, 1024);
}

static int send_datagrams(void *arg, int report)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(53)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	char bytes[1024], answer[1024];

	(void)arg;
	(void)report;
	inet_pton(AF_INET, LAB_SERVER_IPV4, &at.sin_addr);
	if (connect(fd, (void *)&at, sizeof(at)) < 0)
		return 1;
	for (uint32_t i = 0; i < DATAGRAMS; i++) {
		size_t size = datagram(i, bytes);

		if (send(fd, bytes, size, 0) != (ssize_t)size ||
		    recv(fd, answer, sizeof(answer), 0) != (ssize_t)size)
			return 2;
	}
	return 0;
}

static uint64_t malformed(void)
{
	static struct eo_dns_message message;
	uint64_t sum = 0;
	char bytes[1024];

	for (uint32_t i = 0; i < DATAGRAMS; i++) {
		size_t size = datagram(i, bytes);

		sum += eo_dns_parse(bytes, size, size, &message) != EO_DNS_OK;
	}
	return sum;
}

Test(net_garbage, on_port_53_is_counted_and_not_believed)
{
	static const uint16_t port = 53;
	const struct eo_net_tracer_options options = {
		.events = EO_NET_DNS, .peer_ports = &port, .peer_port_count = 1};
	struct peer_echo_plan echo = {AF_INET, 53};
	struct lab_process server, client;
	struct eo_event_list *list;
	struct eo_trace_stats stats;
	struct eo_tracer *tracer;
	struct lab lab;

	SETUP();
	cr_assert_gt(malformed(), DATAGRAMS / 2);
	lab_open(&lab);
	tracer = seen_begin(&options);
	server = lab_serve(&lab, LAB_SERVER, peer_echo_datagrams, &echo);
	client = lab_start(&lab, LAB_CLIENT, send_datagrams, NULL);
	lab_join(&client);
	list = seen_end(tracer, &stats);
	lab_kill(&server);
	lab_close(&lab);
	seen_need_all_runs(&stats);
	/* Once as it was sent, once as it came back. */
	cr_assert_eq(seen_degraded(&stats, "dns_malformed"), 2 * malformed());
	for (size_t i = 0; i < eo_event_list_count(list); i++)
		cr_assert_eq(eo_event_list_get(list, i)->pid, (uint32_t)client.pid);
	eo_event_list_free(list);
	eo_tracer_free(tracer);
}

/* --- port 80 ------------------------------------------------------------------------------ */

#define HTTP_PORT   27179
#define CONNECTIONS 307
#define GOOD	    "GET /good HTTP/1.1\r\nHost: lab\r\n\r\n"
#define ANSWER	    "HTTP/1.1 204 No Content\r\n\r\n"

static const char *const http_heads[] = {
	"",
	"GET ",
	"GET / HTTP/1.1\r\nHost: lab\r\nContent-Length: 99999999999999999999\r\n\r\n",
	"POST / HTTP/1.1\r\nHost: lab\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
	"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
	"\x16\x03\x01\x02",
};

static int echo_streams(void *arg, int report)
{
	int listener = peer_listen(LAB_SERVER_IPV4, HTTP_PORT), fd;
	char bytes[4096];

	(void)arg;
	if (listener < 0 || write(report, "x", 1) != 1)
		return 1;
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		ssize_t n = recv(fd, bytes, sizeof(bytes), 0);
		bool good = n == (ssize_t)strlen(GOOD) && !memcmp(bytes, GOOD, (size_t)n);

		if (good)
			send(fd, ANSWER, strlen(ANSWER), MSG_NOSIGNAL);
		else if (n > 0)
			send(fd, bytes, (size_t)n, MSG_NOSIGNAL);
		close(fd);
	}
	return 2;
}

static int send_streams(void *arg, int report)
{
	char bytes[1024];

	(void)arg;
	(void)report;
	for (uint32_t i = 0; i <= CONNECTIONS; i++) {
		int fd = peer_connect(LAB_SERVER_IPV4, HTTP_PORT, 0);
		size_t size = i == CONNECTIONS ? strlen(GOOD) :
						 fill_noise(i, http_heads, 7, bytes, sizeof(bytes));

		if (i == CONNECTIONS)
			memcpy(bytes, GOOD, size);
		if (fd < 0 || send(fd, bytes, size, MSG_NOSIGNAL) != (ssize_t)size)
			return 1;
		while (recv(fd, bytes, sizeof(bytes), 0) > 0)
			;
		close(fd);
	}
	return 0;
}

Test(net_garbage, of_http_leaves_good_requests_alone)
{
	static const uint16_t port = HTTP_PORT;
	const struct eo_net_tracer_options options = {
		.events = EO_NET_HTTP | EO_NET_TCP_CLOSE, .ports = &port, .port_count = 1};
	struct lab_process server, client;
	struct eo_event_list *list;
	struct eo_trace_stats stats;
	struct eo_tracer *tracer;
	size_t good = 0, paired = 0;
	struct lab lab;

	SETUP();
	lab_open(&lab);
	tracer = seen_begin(&options);
	server = lab_serve(&lab, LAB_SERVER, echo_streams, NULL);
	client = lab_start(&lab, LAB_CLIENT, send_streams, NULL);
	lab_join(&client);
	seen_settle(tracer, 2 * (CONNECTIONS + 1));
	for (int i = 0; i < 10; i++) { /* requests count as well, and may be the earlier ones */
		cr_assert_eq(eo_tracer_pump(tracer, NULL), 0);
		usleep(10000);
	}
	list = seen_end(tracer, &stats);
	lab_kill(&server);
	lab_close(&lab);
	seen_need_all_runs(&stats);
	cr_assert_eq(seen_count(list, EO_EVENT_TCP_CLOSE), 2 * (CONNECTIONS + 1));
	for (size_t i = 0; i < eo_event_list_count(list); i++) {
		const struct eo_event *event = eo_event_list_get(list, i);

		if (event->type != EO_EVENT_HTTP_REQUEST)
			continue;
		good += !strcmp(seen_text(event, "path"), "/good");
		paired += seen_number_or_0(event, "status") != 0;
	}
	cr_assert_eq(good, 2);
	cr_assert_eq(paired, 2, "%zu of the garbage have a response", paired - 2);
	cr_assert_gt(seen_degraded(&stats, "http_inexact"), 0);
	eo_event_list_free(list);
	eo_tracer_free(tracer);
}

/* --- half-open ---------------------------------------------------------------------------- */

#define FLOOD_PORT 27197
#define FLOODERS   10
#define FLOOD_EACH 5000
#define FLOOD	   (FLOODERS * FLOOD_EACH)
#define HELD_MAX   1021

/* Asks for all of them at once, and nobody answers. @arg: another address for each */
static int flood(void *arg, int report)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(FLOOD_PORT)};
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 1;
	at.sin_addr.s_addr = htonl(0x7f000002 + *(uint32_t *)arg);
	for (uint32_t i = 0; i < FLOOD_EACH; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

		if (fd < 0 || connect(fd, (void *)&at, sizeof(at)) == 0 || errno != EINPROGRESS)
			return 2;
	}
	if (write(report, "x", 1) != 1)
		return 3;
	sleep(60);
	return 0;
}

/* Events that were collected; all figures but the one that may vary are checked. */
static struct eo_event_list *flood_once(const struct lab *lab, struct eo_trace_stats *stats)
{
	/* Where there is no room, ports are not asked for: others are kept out by their name. */
	static const char name[1][EO_COMM_BYTES] = {"test_net_garbag"};
	const struct eo_net_tracer_options options = {
		.tracer.target = {.comms = name, .comm_count = 1},
		.events = EO_NET_CONNECTION,
		.connections_max = HELD_MAX,
	};
	struct eo_event_list *list = NULL;
	struct lab_process process[FLOODERS];
	uint32_t number[FLOODERS];
	struct eo_tracer *tracer = seen_begin(&options);
	char ready;

	for (uint32_t i = 0; i < FLOODERS; i++) {
		number[i] = i;
		process[i] = lab_start(lab, LAB_CLIENT, flood, &number[i]);
	}
	for (uint32_t i = 0; i < FLOODERS; i++) /* all at once hold theirs */
		lab_read(&process[i], &ready, 1);
	for (uint32_t i = 0; i < FLOODERS; i++)
		lab_kill(&process[i]);
	seen_settle(tracer, FLOOD);
	cr_assert_eq(eo_tracer_stop(tracer, &list, NULL), 0);
	*stats = eo_tracer_stats(tracer);
	eo_tracer_free(tracer);
	seen_check_identity(stats);
	cr_assert_leq(stats->seen, FLOOD, "seen %llu, lost %llu", (unsigned long long)stats->seen,
		      (unsigned long long)stats->lost[EO_LOSS_MAP_FULL]);
	cr_assert_leq(eo_event_list_count(list), HELD_MAX);
	return list;
}

/* Those that found room have failed with what became of them; all others are lost. Sockets end in
 * interrupts, and where these stop certain tasks no program runs: so it may take more than one round
 * until all are told, and it must never be too many. */
Test(net_garbage, a_flood_of_half_open_connections_is_bounded_and_counted)
{
	struct eo_event_list *list = NULL;
	struct eo_trace_stats stats = {0};
	struct lab lab;

	SETUP();
	lab_open(&lab);
	lab_shell(&lab, LAB_CLIENT,
		  "nft 'add table inet t; add chain inet t in { type filter hook input priority 0; }; "
		  "add rule inet t in tcp dport 27197 drop'");
	for (int round = 0; round < 5 && stats.seen < FLOOD; round++) {
		eo_event_list_free(list);
		list = flood_once(&lab, &stats);
	}
	lab_close(&lab);
	seen_need_all_runs(&stats);
	cr_assert_eq(stats.lost[EO_LOSS_MAP_FULL], FLOOD - HELD_MAX);
	cr_assert_eq(eo_event_list_count(list), HELD_MAX);
	for (size_t i = 0; i < eo_event_list_count(list); i++) {
		const struct eo_event *event = eo_event_list_get(list, i);

		cr_assert_eq(event->type, EO_EVENT_TCP_CONNECT);
		cr_assert_neq(event->pid, 0);
		cr_assert_str_eq(seen_text(event, "error"), "ECANCELED");
	}
	eo_event_list_free(list);
}
