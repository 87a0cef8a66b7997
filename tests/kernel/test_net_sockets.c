// SPDX-License-Identifier: BSD-2-Clause
/* Sockets of other kinds, and those that nobody closes: the network tracer tells them as it does
 * all others. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capture/net_tracer.h"
#include "net_lab.h"
#include "net_peers.h"
#include "net_seen.h"

TestSuite(net_sockets, .timeout = 120);

#define PORT 27127

static const uint16_t port = PORT;

static struct eo_tracer *begin(uint32_t events)
{
	const struct eo_net_tracer_options options = {
		.events = events, .ports = &port, .port_count = 1};

	return seen_begin(&options);
}

/* --- IPv4 in IPv6 ------------------------------------------------------------------------- */

#define DATAGRAMS      211
#define DATAGRAM_BYTES 83

/* Sockets of IPv6 that talk to an address of IPv4: one is connected, the other says where to. */
static int udp_mapped(void *arg, int report)
{
	struct sockaddr_in6 at = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)};
	int connected = socket(AF_INET6, SOCK_DGRAM, 0), other = socket(AF_INET6, SOCK_DGRAM, 0);
	char bytes[DATAGRAM_BYTES] = "";

	(void)arg;
	(void)report;
	inet_pton(AF_INET6, "::ffff:" LAB_SERVER_IPV4, &at.sin6_addr);
	if (connect(connected, (void *)&at, sizeof(at)) < 0)
		return 1;
	for (int i = 0; i < DATAGRAMS; i++)
		if (send(connected, bytes, sizeof(bytes), 0) < 0 ||
		    recv(connected, bytes, sizeof(bytes), 0) != sizeof(bytes) ||
		    sendto(other, bytes, sizeof(bytes), 0, (void *)&at, sizeof(at)) < 0 ||
		    recv(other, bytes, sizeof(bytes), 0) != sizeof(bytes))
			return 2;
	return 0;
}

Test(net_sockets, ipv4_through_sockets_of_ipv6_is_ipv4)
{
	struct peer_echo_plan echo = {AF_INET6, PORT};
	struct lab_process server, client;
	struct eo_event_list *list;
	struct eo_trace_stats stats;
	struct eo_tracer *tracer;
	struct lab lab;
	size_t clients = 0;

	SETUP();
	lab_open(&lab);
	tracer = begin(EO_NET_UDP_SESSION);
	server = lab_serve(&lab, LAB_SERVER, peer_echo_datagrams, &echo);
	client = lab_start(&lab, LAB_CLIENT, udp_mapped, NULL);
	lab_join(&client);
	list = seen_end(tracer, &stats);
	lab_kill(&server);
	lab_close(&lab);
	seen_need_all_runs(&stats);
	cr_assert_eq(eo_event_list_count(list), 4);
	for (size_t i = 0; i < 4; i++) {
		const struct eo_event *event = eo_event_list_get(list, i);
		bool is_client = !strcmp(seen_text(event, "role"), "client");

		clients += is_client;
		cr_assert_eq(event->pid, (uint32_t)(is_client ? client.pid : server.pid));
		cr_assert_str_eq(seen_text(event, "family"), "ipv4");
		cr_assert_str_eq(seen_address(event, "peer"),
				 is_client ? LAB_SERVER_IPV4 : LAB_CLIENT_IPV4);
		cr_assert_eq(seen_number(event, "tx_packets"), DATAGRAMS);
		cr_assert_eq(seen_number(event, "rx_packets"), DATAGRAMS);
		cr_assert_eq(seen_number(event, "tx_bytes"), DATAGRAMS * DATAGRAM_BYTES);
		cr_assert_eq(seen_number(event, "rx_bytes"), DATAGRAMS * DATAGRAM_BYTES);
	}
	cr_assert_eq(clients, 2);
	eo_event_list_free(list);
	eo_tracer_free(tracer);
}

/* --- Multipath TCP ------------------------------------------------------------------------ */

#define MPTCP	    262 /* IPPROTO_MPTCP, younger than old headers */
#define MPTCP_COUNT 7
#define MPTCP_BYTES 10007

static struct sockaddr_in server_address(void)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(PORT)};

	inet_pton(AF_INET, LAB_SERVER_IPV4, &at.sin_addr);
	return at;
}

static int mptcp_serve(void *arg, int report)
{
	struct sockaddr_in at = server_address();
	int listener = socket(AF_INET, SOCK_STREAM, MPTCP), fd;
	char bytes[4096];

	(void)arg;
	if (listener < 0 || bind(listener, (void *)&at, sizeof(at)) < 0 || listen(listener, 5) < 0 ||
	    write(report, "x", 1) != 1)
		return 1;
	while ((fd = accept(listener, NULL, NULL)) >= 0) {
		while (recv(fd, bytes, sizeof(bytes), 0) > 0)
			;
		close(fd);
	}
	return 2;
}

static int mptcp_talk(void *arg, int report)
{
	struct sockaddr_in at = server_address();
	static char bytes[MPTCP_BYTES];

	(void)arg;
	(void)report;
	for (int i = 0; i < MPTCP_COUNT; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, MPTCP);

		if (connect(fd, (void *)&at, sizeof(at)) < 0 ||
		    send(fd, bytes, sizeof(bytes), 0) != sizeof(bytes))
			return 1;
		shutdown(fd, SHUT_WR);
		recv(fd, bytes, 1, 0);
		close(fd);
	}
	return 0;
}

static bool has_mptcp(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, MPTCP);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

Test(net_sockets, subflows_of_multipath_tcp_are_marked_and_have_owners)
{
	struct lab_process server, client;
	struct eo_event_list *list;
	struct eo_trace_stats stats;
	struct eo_tracer *tracer;
	struct lab lab;

	SETUP();
	if (!has_mptcp())
		cr_skip_test("needs Multipath TCP: sysctl net.mptcp.enabled=1");
	lab_open(&lab);
	tracer = begin(EO_NET_CONNECTION);
	server = lab_serve(&lab, LAB_SERVER, mptcp_serve, NULL);
	client = lab_start(&lab, LAB_CLIENT, mptcp_talk, NULL);
	lab_join(&client);
	seen_settle(tracer, 4 * MPTCP_COUNT);
	list = seen_end(tracer, &stats);
	lab_kill(&server);
	lab_close(&lab);
	seen_need_all_runs(&stats);
	cr_assert_eq(seen_count(list, EO_EVENT_TCP_CONNECT), MPTCP_COUNT);
	cr_assert_eq(seen_count(list, EO_EVENT_TCP_ACCEPT), MPTCP_COUNT);
	cr_assert_eq(seen_count(list, EO_EVENT_TCP_CLOSE), 2 * MPTCP_COUNT);
	for (size_t i = 0; i < eo_event_list_count(list); i++) {
		const struct eo_event *event = eo_event_list_get(list, i);
		bool is_client = !strcmp(seen_text(event, "role"), "client");

		cr_assert_not_null(eo_event_data(event, "mptcp"));
		cr_assert_eq(event->pid, (uint32_t)(is_client ? client.pid : server.pid));
		if (event->type == EO_EVENT_TCP_CLOSE)
			cr_assert_eq(seen_number(event, is_client ? "tx_bytes" : "rx_bytes"),
				     MPTCP_BYTES);
	}
	eo_event_list_free(list);
	eo_tracer_free(tracer);
}

/* --- ends --------------------------------------------------------------------------------- */

#define HELD	   13
#define HELD_BYTES 101

static int drain_all(void *arg, int report)
{
	int listener = peer_listen(LAB_SERVER_IPV4, PORT), fds[2 * HELD];
	char bytes[4096];

	(void)arg;
	if (listener < 0 || write(report, "x", 1) != 1)
		return 1;
	for (int i = 0; i < 2 * HELD; i++)
		fds[i] = accept(listener, NULL, NULL);
	for (int i = 0; i < 2 * HELD; i++) {
		while (recv(fds[i], bytes, sizeof(bytes), 0) > 0)
			;
		close(fds[i]);
	}
	sleep(60);
	return 0;
}

/* @arg: stay, with all of them open? */
static int hold(void *arg, int report)
{
	char bytes[HELD_BYTES] = "";

	for (int i = 0; i < HELD; i++) {
		int fd = peer_connect(LAB_SERVER_IPV4, PORT, 0);

		if (fd < 0 || send(fd, bytes, sizeof(bytes), 0) != sizeof(bytes))
			return 1;
	}
	if (write(report, "x", 1) != 1)
		return 1;
	if (arg)
		sleep(60);
	return 0;
}

Test(net_sockets, what_exit_and_kill_close_has_its_end_and_its_owner)
{
	struct lab_process server, leaves, killed;
	struct eo_event_list *list;
	struct eo_trace_stats stats;
	struct eo_tracer *tracer;
	size_t of_leaving = 0, of_killed = 0, of_server = 0;
	struct lab lab;

	SETUP();
	lab_open(&lab);
	tracer = begin(EO_NET_TCP_CLOSE);
	server = lab_serve(&lab, LAB_SERVER, drain_all, NULL);
	leaves = lab_serve(&lab, LAB_CLIENT, hold, NULL);
	lab_join(&leaves);
	killed = lab_serve(&lab, LAB_CLIENT, hold, &lab);
	lab_kill(&killed);
	seen_settle(tracer, 4 * HELD);
	list = seen_end(tracer, &stats);
	lab_kill(&server);
	lab_close(&lab);
	seen_need_all_runs(&stats);
	for (size_t i = 0; i < eo_event_list_count(list); i++) {
		const struct eo_event *event = eo_event_list_get(list, i);
		bool is_client = !strcmp(seen_text(event, "role"), "client");

		cr_assert_eq(seen_number(event, is_client ? "tx_bytes" : "rx_bytes"), HELD_BYTES);
		cr_assert_null(eo_event_data(event, "error"));
		of_leaving += event->pid == (uint32_t)leaves.pid;
		of_killed += event->pid == (uint32_t)killed.pid;
		of_server += event->pid == (uint32_t)server.pid;
	}
	cr_assert_eq(of_leaving, HELD);
	cr_assert_eq(of_killed, HELD);
	cr_assert_eq(of_server, 2 * HELD);
	eo_event_list_free(list);
	eo_tracer_free(tracer);
}
