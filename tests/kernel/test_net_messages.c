// SPDX-License-Identifier: BSD-2-Clause
/* What the network tracer reads of datagrams: UDP sessions, and DNS against a real server. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <resolv.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capture/net_tracer.h"
#include "net_lab.h"
#include "net_peers.h"
#include "net_seen.h"

TestSuite(net_messages, .timeout = 120);

/* --- UDP ---------------------------------------------------------------------------------- */

#define UDP_PORT	27077
#define DATAGRAMS	1013
#define DATAGRAM_BYTES	97
#define ANSWER_BYTES	41
#define SENDTO_COUNT	211

static int udp_serve(void *arg, int report)
{
	struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_port = htons(UDP_PORT)}, from;
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);
	char bytes[2048];

	(void)arg;
	if (bind(fd, (void *)&at, sizeof(at)) < 0 || write(report, "x", 1) != 1)
		return 1;
	for (;;) {
		socklen_t size = sizeof(from);
		struct iovec piece = {bytes, sizeof(bytes)};
		struct msghdr message = {
			.msg_name = &from, .msg_namelen = size, .msg_iov = &piece, .msg_iovlen = 1};

		/* Turn about, through both ways to learn from whom it came. */
		if (recvfrom(fd, bytes, sizeof(bytes), 0, (void *)&from, &size) < 0 ||
		    sendto(fd, bytes, ANSWER_BYTES, 0, (void *)&from, size) < 0)
			return 2;
		if (recvmsg(fd, &message, 0) < 0)
			return 3;
		piece.iov_len = ANSWER_BYTES;
		if (sendmsg(fd, &message, 0) < 0)
			return 4;
	}
}

/* A connected socket, then one that says where to each time; both talk in turn with the server. */
static int udp_talk(void *arg, int report)
{
	struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_port = htons(UDP_PORT)};
	struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6, .sin6_port = htons(UDP_PORT)};
	int connected = socket(AF_INET, SOCK_DGRAM, 0), other = socket(AF_INET6, SOCK_DGRAM, 0);
	char bytes[2048] = "";

	(void)arg;
	(void)report;
	inet_pton(AF_INET, LAB_SERVER_IPV4, &ipv4.sin_addr);
	inet_pton(AF_INET6, LAB_SERVER_IPV6, &ipv6.sin6_addr);
	if (connect(connected, (void *)&ipv4, sizeof(ipv4)) < 0)
		return 1;
	for (int i = 0; i < DATAGRAMS; i++)
		if (send(connected, bytes, DATAGRAM_BYTES, 0) < 0 ||
		    recv(connected, bytes, sizeof(bytes), 0) != ANSWER_BYTES)
			return 2;
	for (int i = 0; i < SENDTO_COUNT; i++)
		if (sendto(other, bytes, DATAGRAM_BYTES, 0, (void *)&ipv6, sizeof(ipv6)) < 0 ||
		    recv(other, bytes, sizeof(bytes), 0) != ANSWER_BYTES)
			return 3;
	return 0;
}

static void check_session(const struct eo_event *event, pid_t pid, const char *role,
			  const char *family, uint64_t tx, uint64_t rx)
{
	uint64_t sent = strcmp(role, "client") ? ANSWER_BYTES : DATAGRAM_BYTES;

	cr_assert_eq(event->type, EO_EVENT_UDP_SESSION);
	cr_assert_eq(event->pid, (uint32_t)pid);
	cr_assert_str_eq(seen_text(event, "role"), role);
	cr_assert_str_eq(seen_text(event, "family"), family);
	cr_assert_eq(seen_number(event, "tx_packets"), tx);
	cr_assert_eq(seen_number(event, "rx_packets"), rx, "%lu received, not %lu",
		     seen_number(event, "rx_packets"), rx);
	cr_assert_eq(seen_number(event, "tx_bytes"), tx * sent);
	cr_assert_eq(seen_number(event, "rx_bytes"),
		     rx * (DATAGRAM_BYTES + ANSWER_BYTES - sent));
	cr_assert_gt(seen_number(event, "lifetime_ns"), 0);
}

/* By role and family. */
static const struct eo_event *session(const struct eo_event_list *list, const char *role,
				      const char *family)
{
	for (size_t i = 0; i < eo_event_list_count(list); i++) {
		const struct eo_event *event = eo_event_list_get(list, i);

		if (!strcmp(seen_text(event, "role"), role) &&
		    !strcmp(seen_text(event, "family"), family))
			return event;
	}
	cr_assert_fail("no session of a %s by %s", role, family);
	return NULL;
}

Test(net_messages, a_udp_session_is_a_socket_and_a_peer)
{
	static const uint16_t port = UDP_PORT;
	struct eo_net_tracer_options options = {
		.events = EO_NET_UDP_SESSION, .ports = &port, .port_count = 1};
	struct lab_process server, client;
	struct eo_event_list *list;
	struct eo_trace_stats stats;
	struct eo_tracer *tracer;
	struct lab lab;

	SETUP();
	lab_open(&lab);
	tracer = seen_begin(&options);
	server = lab_serve(&lab, LAB_SERVER, udp_serve, NULL);
	client = lab_start(&lab, LAB_CLIENT, udp_talk, NULL);
	lab_join(&client);
	list = seen_end(tracer, &stats);
	lab_kill(&server);
	lab_close(&lab);
	seen_need_all_runs(&stats);
	cr_assert_eq(eo_event_list_count(list), 4);
	check_session(session(list, "client", "ipv4"), client.pid, "client", "ipv4", DATAGRAMS,
		      DATAGRAMS);
	check_session(session(list, "client", "ipv6"), client.pid, "client", "ipv6", SENDTO_COUNT,
		      SENDTO_COUNT);
	check_session(session(list, "server", "ipv4"), server.pid, "server", "ipv4", DATAGRAMS,
		      DATAGRAMS);
	check_session(session(list, "server", "ipv6"), server.pid, "server", "ipv6", SENDTO_COUNT,
		      SENDTO_COUNT);
	cr_assert_eq(seen_total(&stats, "udp_sessions"), 4);
	eo_event_list_free(list);
	eo_tracer_free(tracer);
}

/* --- datagrams that are not as they seem --------------------------------------------------- */

#define REFUSED_COUNT 13

/* Each datagram comes back as one that nobody took. */
static int send_to_nobody(void *arg, int report)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(UDP_PORT)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0), one = 1;
	char bytes[DATAGRAM_BYTES] = "";

	(void)arg;
	(void)report;
	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, IPPROTO_IP, IP_RECVERR, &one, sizeof(one));
	for (int i = 0; i < REFUSED_COUNT; i++) {
		struct iovec piece = {bytes, sizeof(bytes)};
		struct msghdr message = {.msg_iov = &piece, .msg_iovlen = 1};
		struct pollfd wait = {.fd = fd};

		if (sendto(fd, bytes, sizeof(bytes), 0, (void *)&at, sizeof(at)) != sizeof(bytes) ||
		    poll(&wait, 1, 10000) != 1 ||
		    recvmsg(fd, &message, MSG_ERRQUEUE) != sizeof(bytes))
			return 1;
	}
	return 0;
}

#define BATCH	    131 /* messages of one call */
#define BATCH_BYTES 7

static int send_batch(void *arg, int report)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(UDP_PORT)};
	char bytes[BATCH_BYTES] = "";
	struct iovec piece = {bytes, sizeof(bytes)};
	static struct mmsghdr messages[BATCH];
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	(void)arg;
	(void)report;
	inet_pton(AF_INET, LAB_SERVER_IPV4, &at.sin_addr);
	for (int i = 0; i < BATCH; i++)
		messages[i].msg_hdr = (struct msghdr){
			.msg_name = &at, .msg_namelen = sizeof(at), .msg_iov = &piece, .msg_iovlen = 1};
	return sendmmsg(fd, messages, BATCH, 0) == BATCH ? 0 : 1;
}

#define RACERS	   2
#define RACE_PEERS 4001

struct race {
	int fd;
	atomic_uint arrived;
};

static void *send_to_each(void *arg)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(UDP_PORT)};
	struct race *race = arg;

	for (uint32_t i = 0; i < RACE_PEERS; i++) {
		at.sin_addr.s_addr = htonl(0x7f010000 + i);
		race->arrived++;
		while (race->arrived < RACERS * (i + 1))
			;
		if (sendto(race->fd, "x", 1, 0, (void *)&at, sizeof(at)) != 1)
			return arg;
	}
	return NULL;
}

/* Threads of one socket send to the same peers at the same time. */
static int race_to_peers(void *arg, int report)
{
	struct race race = {.fd = socket(AF_INET, SOCK_DGRAM, 0)};
	pthread_t threads[RACERS];
	void *failed;
	int r = 0;

	(void)arg;
	(void)report;
	for (int i = 0; i < RACERS; i++)
		if (pthread_create(&threads[i], NULL, send_to_each, &race))
			return 1;
	for (int i = 0; i < RACERS; i++) {
		pthread_join(threads[i], &failed);
		r |= failed != NULL;
	}
	return r;
}

/* Run @work, and expect @sessions of it, each with that many datagrams out and none in. */
static void check_sent(lab_work_fn work, size_t sessions, uint64_t packets, uint64_t bytes)
{
	static const uint16_t port = UDP_PORT;
	struct eo_net_tracer_options options = {
		.events = EO_NET_UDP_SESSION, .peer_ports = &port, .peer_port_count = 1};
	struct lab_process client;
	struct eo_event_list *list;
	struct eo_trace_stats stats;
	struct eo_tracer *tracer;
	struct lab lab;

	SETUP();
	lab_open(&lab);
	tracer = seen_begin(&options);
	client = lab_start(&lab, LAB_CLIENT, work, NULL);
	lab_join(&client);
	list = seen_end(tracer, &stats);
	lab_close(&lab);
	seen_need_all_runs(&stats);
	cr_assert_eq(eo_event_list_count(list), sessions, "%zu sessions", eo_event_list_count(list));
	for (size_t i = 0; i < sessions; i++) {
		const struct eo_event *event = eo_event_list_get(list, i);

		cr_assert_eq(event->pid, (uint32_t)client.pid);
		cr_assert_eq(seen_number(event, "tx_packets"), packets);
		cr_assert_eq(seen_number(event, "tx_bytes"), packets * bytes);
		cr_assert_eq(seen_number(event, "rx_packets"), 0);
		cr_assert_eq(seen_number(event, "rx_bytes"), 0);
	}
	eo_event_list_free(list);
	eo_tracer_free(tracer);
}

Test(net_messages, what_the_queue_of_errors_gives_back_is_not_received)
{
	check_sent(send_to_nobody, 1, REFUSED_COUNT, DATAGRAM_BYTES);
}

Test(net_messages, each_message_of_a_long_call_has_its_peer)
{
	check_sent(send_batch, 1, BATCH, BATCH_BYTES);
}

Test(net_messages, threads_that_begin_a_session_at_once_lose_nothing)
{
	check_sent(race_to_peers, RACE_PEERS, RACERS, 1);
}

/* --- ends of sessions --------------------------------------------------------------------- */

static int udp_once(void *arg, int report)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(UDP_PORT)};
	int fd = socket(AF_INET, SOCK_DGRAM, 0), again = dup(fd);

	(void)arg;
	inet_pton(AF_INET, LAB_SERVER_IPV4, &at.sin_addr);
	sendto(fd, "x", 1, 0, (void *)&at, sizeof(at));
	close(fd);
	if (write(report, "x", 1) != 1)
		return 1;
	sleep(2);
	close(again);
	if (write(report, "x", 1) != 1)
		return 2;
	sleep(60);
	return 0;
}

static int count_event(void *ctx, const struct eo_event *event)
{
	*(size_t *)ctx += event->type == EO_EVENT_UDP_SESSION;
	return 0;
}

static int stop_loop(void *ctx)
{
	eo_loop_stop(ctx);
	return 0;
}

static void run_for(struct eo_loop *loop, uint64_t ns)
{
	struct eo_loop_source *source;

	cr_assert_eq(eo_loop_add_timer(loop, ns, 0, stop_loop, loop, &source, NULL), 0);
	cr_assert_eq(eo_loop_run(loop, NULL), 0);
}

Test(net_messages, a_session_ends_with_the_last_descriptor_of_its_socket)
{
	static const uint16_t port = UDP_PORT;
	size_t ended = 0;
	struct eo_net_tracer_options options = {
		.events = EO_NET_UDP_SESSION,
		.ports = &port,
		.port_count = 1,
		.tracer.sink = {.event = count_event, .ctx = &ended},
	};
	struct lab_process client;
	struct eo_loop *loop;
	struct eo_tracer *tracer;
	struct lab lab;
	char ready;

	SETUP();
	lab_open(&lab);
	tracer = seen_begin(&options);
	cr_assert_eq(eo_loop_new(&loop, NULL), 0);
	cr_assert_eq(eo_tracer_watch(tracer, loop, NULL), 0);
	client = lab_serve(&lab, LAB_CLIENT, udp_once, NULL);
	run_for(loop, 1200000000);
	cr_assert_eq(ended, 0);
	lab_read(&client, &ready, 1);
	run_for(loop, 1200000000);
	cr_assert_eq(ended, 1);
	lab_kill(&client);
	cr_assert_eq(eo_tracer_stop(tracer, NULL, NULL), 0);
	cr_assert_eq(ended, 1);
	lab_close(&lab);
	eo_tracer_free(tracer);
	eo_loop_free(loop);
}

/* --- DNS ---------------------------------------------------------------------------------- */

#define DNSMASQ                                                                               \
	"dnsmasq --no-daemon --no-resolv --no-hosts --conf-file=/dev/null --port=53 "         \
	"--pid-file --user=root --local=/lab/ --host-record=one.lab,10.1.2.3,fd00::5 "        \
	"--cname=alias.lab,one.lab --edns-packet-max=512 --server=/slow.example/10.99.7.250 " \
	"%s >/dev/null 2>&1"

static int run_dnsmasq(void *arg, int report)
{
	char command[8192], texts[4096] = "";

	(void)arg;
	(void)report;
	/* An answer that is too large for a datagram. */
	for (int i = 0; i < 31; i++)
		snprintf(texts + strlen(texts), sizeof(texts) - strlen(texts),
			 "--host-record=large.lab,10.9.9.%d ", i + 1);
	snprintf(command, sizeof(command), "exec " DNSMASQ, texts);
	execl("/bin/sh", "sh", "-c", command, NULL);
	return 1;
}

/* Ask the server at @address. */
static void ask(const char *address, const char *name, int type)
{
	unsigned char answer[4096];
	struct __res_state state = {0};

	res_ninit(&state);
	state.retrans = 1;
	state.retry = 1;
	state.options &= ~(unsigned long)(RES_DNSRCH | RES_DEFNAMES);
	state.nscount = 1;
	memset(&state.nsaddr_list[0], 0, sizeof(state.nsaddr_list[0]));
	state.nsaddr_list[0].sin_family = AF_INET;
	state.nsaddr_list[0].sin_port = htons(53);
	inet_pton(AF_INET, address, &state.nsaddr_list[0].sin_addr);
	res_nquery(&state, name, C_IN, type, answer, sizeof(answer));
	res_nclose(&state);
}

static int ask_all(void *arg, int report)
{
	struct addrinfo *list;
	struct sockaddr_in6 server = {.sin6_family = AF_INET6, .sin6_port = htons(53)};
	static const unsigned char query[] = {0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0,   0,   3,
					      'o',  'n', 'e', 3, 'l', 'a', 'b', 0, 0, 28, 0, 1};
	unsigned char answer[512];
	int fd = socket(AF_INET6, SOCK_DGRAM, 0);

	(void)arg;
	(void)report;
	(void)list;
	inet_pton(AF_INET6, LAB_SERVER_IPV6, &server.sin6_addr);
	for (int i = 0; i < 100; i++) { /* until it is there */
		struct timeval wait = {.tv_usec = 100000};

		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
		sendto(fd, query, sizeof(query), 0, (void *)&server, sizeof(server));
		if (recv(fd, answer, sizeof(answer), 0) > 0)
			break;
	}
	ask(LAB_SERVER_IPV4, "one.lab", 1);
	ask(LAB_SERVER_IPV4, "alias.lab", 28);
	ask(LAB_SERVER_IPV4, "absent.lab", 1);
	ask(LAB_SERVER_IPV4, "large.lab", 1);
	ask("10.99.7.77", "silent.lab", 1);
	return 0;
}

/* The answered lookup, or the last one, of @question. */
static const struct eo_event *lookup(const struct eo_event_list *list, const char *question,
				     const char *qtype, pid_t pid)
{
	const struct eo_event *found = NULL;

	for (size_t i = 0; i < eo_event_list_count(list); i++) {
		const struct eo_event *event = eo_event_list_get(list, i);

		if (event->type == EO_EVENT_DNS && event->pid == (uint32_t)pid &&
		    !strcmp(seen_text(event, "question"), question) &&
		    !strcmp(seen_text(event, "qtype"), qtype) &&
		    (!found || *seen_text(event, "rcode")))
			found = event;
	}
	cr_assert_not_null(found, "no lookup of %s %s", question, qtype);
	return found;
}

static size_t answers(const struct eo_event *event)
{
	const struct eo_attr *array = eo_event_data(event, "answers");

	return array ? array->count : 0;
}

static const char *answer_text(const struct eo_event *event, size_t i)
{
	return eo_event_data(event, "answers")[1 + i].str;
}

Test(net_messages, dns_lookups_have_questions_codes_and_answers)
{
	static const uint16_t port = 53;
	struct eo_net_tracer_options options = {
		.events = EO_NET_DNS, .peer_ports = &port, .peer_port_count = 1};
	struct lab_process server, client;
	const struct eo_event *event;
	struct eo_event_list *list;
	struct eo_trace_stats stats;
	struct eo_tracer *tracer;
	struct lab lab;

	SETUP();
	NEEDS("command -v dnsmasq");
	lab_open(&lab);
	lab_shell(&lab, LAB_CLIENT, "ip neigh replace 10.99.7.77 lladdr 02:00:00:00:00:01 dev cable0");
	tracer = seen_begin(&options);
	server = lab_start(&lab, LAB_SERVER, run_dnsmasq, NULL);
	client = lab_start(&lab, LAB_CLIENT, ask_all, NULL);
	lab_join(&client);
	/* The one that nobody answers is given up five seconds after it was asked. */
	for (int i = 0; i < 110; i++) {
		usleep(50000);
		cr_assert_eq(eo_tracer_pump(tracer, NULL), 0);
	}
	list = seen_end(tracer, &stats);
	lab_kill(&server);
	lab_close(&lab);
	seen_need_all_runs(&stats);

	event = lookup(list, "one.lab", "AAAA", client.pid);
	cr_assert_str_eq(seen_text(event, "rcode"), "NOERROR");
	cr_assert_eq(answers(event), 1);
	cr_assert_str_eq(answer_text(event, 0), "fd00::5");
	cr_assert_str_eq(eo_attr_member(eo_event_data(event, "server"), "address")->str,
			 LAB_SERVER_IPV6);
	event = lookup(list, "one.lab", "A", client.pid);
	cr_assert_eq(answers(event), 1);
	cr_assert_str_eq(answer_text(event, 0), "10.1.2.3");
	cr_assert_str_eq(eo_attr_member(eo_event_data(event, "server"), "address")->str,
			 LAB_SERVER_IPV4);
	cr_assert_eq(eo_attr_member(eo_event_data(event, "server"), "port")->unum, 53);
	event = lookup(list, "alias.lab", "AAAA", client.pid);
	cr_assert_eq(answers(event), 2);
	cr_assert_str_eq(answer_text(event, 1), "fd00::5");
	event = lookup(list, "absent.lab", "A", client.pid);
	cr_assert_str_eq(seen_text(event, "rcode"), "NXDOMAIN");
	cr_assert_eq(answers(event), 0);
	cr_assert_null(eo_event_data(event, "error"));
	event = lookup(list, "silent.lab", "A", client.pid);
	cr_assert_str_eq(seen_text(event, "error"), "ETIMEDOUT");
	cr_assert_str_eq(seen_text(event, "rcode"), "");
	/* Once cut by UDP, and once whole by TCP. */
	size_t large = 0, whole = 0;
	for (size_t i = 0; i < eo_event_list_count(list); i++) {
		event = eo_event_list_get(list, i);
		large += !strcmp(seen_text(event, "question"), "large.lab");
		whole += !strcmp(seen_text(event, "question"), "large.lab") && answers(event) >= 16;
	}
	cr_assert_eq(large, 2);
	cr_assert_geq(whole, 1);
	eo_event_list_free(list);
	eo_tracer_free(tracer);
}
