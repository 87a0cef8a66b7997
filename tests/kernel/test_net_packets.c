// SPDX-License-Identifier: BSD-2-Clause
/* The packets of an interface, and whose they are. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capture/net_tracer.h"
#include "net_lab.h"
#include "net_peers.h"
#include "net_seen.h"

TestSuite(net_packets, .timeout = 120);

#define PACKET_PORT  27103
#define PACKET_BYTES 1000003
#define ETHERNET     14

struct transfer {
	uint16_t port;
	int go[2]; /* a pipe: the client begins when it hears of it */
};

static int serve_bytes(void *arg, int report)
{
	const struct transfer *transfer = arg;
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(transfer->port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0), client;
	static char bytes[PACKET_BYTES];

	if (bind(fd, (void *)&at, sizeof(at)) < 0 || listen(fd, 1) < 0 ||
	    write(report, "x", 1) != 1)
		return 1;
	client = accept(fd, NULL, NULL);
	if (send(client, bytes, sizeof(bytes), 0) != sizeof(bytes))
		return 2;
	close(client);
	sleep(60);
	return 0;
}

static int fetch_bytes(void *arg, int report)
{
	const struct transfer *transfer = arg;
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(transfer->port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char bytes[16384];
	size_t sum = 0;
	ssize_t n;

	(void)report;
	inet_pton(AF_INET, LAB_SERVER_IPV4, &at.sin_addr);
	if (read(transfer->go[0], bytes, 1) != 1 || connect(fd, (void *)&at, sizeof(at)) < 0)
		return 1;
	while ((n = recv(fd, bytes, sizeof(bytes), 0)) > 0)
		sum += (size_t)n;
	close(fd);
	usleep(100000);
	return sum == PACKET_BYTES ? 0 : 2;
}

/* So that nothing but the transfer goes through the cable. */
static void make_quiet(const struct lab *lab)
{
	char command[256], addresses[2][32] = {"", ""};

	for (int side = 0; side < LAB_SIDES; side++)
		snprintf(addresses[side], sizeof(addresses[side]), "02:00:00:00:07:0%d", side + 1);
	for (int side = 0; side < LAB_SIDES; side++) {
		snprintf(command, sizeof(command),
			 "sysctl -qw net.ipv6.conf.cable%d.disable_ipv6=1 && "
			 "ip link set cable%d address %s && "
			 "ip neigh replace %s lladdr %s dev cable%d",
			 side, side, addresses[side], side ? LAB_CLIENT_IPV4 : LAB_SERVER_IPV4,
			 addresses[!side], side);
		lab_shell(lab, side, command);
	}
	usleep(300000); /* IPv6 says good-bye */
}

/* One client fetches from the first server, then another one from the second. */
struct packets {
	struct lab lab;
	struct transfer transfers[2];
	struct lab_process servers[2], clients[2];
	struct lab_traffic counted; /* by the interface, of those that are to be told */
};

static void begin_packets(struct packets *packets)
{
	lab_open(&packets->lab);
	make_quiet(&packets->lab);
	for (uint16_t i = 0; i < 2; i++) {
		struct transfer *transfer = &packets->transfers[i];

		transfer->port = PACKET_PORT + i;
		cr_assert_eq(pipe2(transfer->go, O_CLOEXEC), 0);
		packets->servers[i] = lab_serve(&packets->lab, LAB_SERVER, serve_bytes, transfer);
		packets->clients[i] = lab_start(&packets->lab, LAB_CLIENT, fetch_bytes, transfer);
	}
}

static void fetch(struct packets *packets, int which, bool is_told)
{
	struct lab_traffic before = lab_traffic(&packets->lab, LAB_CLIENT, "cable0"), after;

	cr_assert_eq(write(packets->transfers[which].go[1], "x", 1), 1);
	lab_join(&packets->clients[which]);
	after = lab_traffic(&packets->lab, LAB_CLIENT, "cable0");
	if (!is_told)
		return;
	packets->counted.tx_packets += after.tx_packets - before.tx_packets;
	packets->counted.rx_packets += after.rx_packets - before.rx_packets;
	packets->counted.tx_bytes += after.tx_bytes - before.tx_bytes;
	packets->counted.rx_bytes += after.rx_bytes - before.rx_bytes;
}

static void end_packets(struct packets *packets)
{
	for (int i = 0; i < 2; i++) {
		lab_kill(&packets->servers[i]);
		close(packets->transfers[i].go[0]);
		close(packets->transfers[i].go[1]);
	}
	lab_close(&packets->lab);
}

static void check_packets(const struct packets *packets, const struct eo_event_list *list,
			  const struct eo_trace_stats *stats, int first)
{
	struct lab_traffic told = {0};
	uint64_t bytes = 0, segments = 0, syns = 0;

	for (size_t i = 0; i < eo_event_list_count(list); i++) {
		const struct eo_event *event = eo_event_list_get(list, i);
		bool tx = !strcmp(seen_text(event, "direction"), "tx");
		uint64_t length = seen_number(event, "length_bytes");
		int which = (int)seen_port(event, tx ? "dst" : "src") - PACKET_PORT;

		cr_assert_eq(event->type, EO_EVENT_NETWORK_PACKET);
		cr_assert(which >= first && which < 2, "port %d", which + PACKET_PORT);
		cr_assert_eq(event->pid, (uint32_t)packets->clients[which].pid,
			     "%s %s of %lu bytes is of process %u, not %d", seen_text(event, "direction"),
			     seen_text(event, "tcp_flags"), length, event->pid, packets->clients[which].pid);
		cr_assert_str_eq(seen_text(event, "interface"), "cable0");
		cr_assert_str_eq(seen_text(event, "proto"), "tcp");
		cr_assert_str_eq(seen_address(event, tx ? "dst" : "src"), LAB_SERVER_IPV4);
		*(tx ? &told.tx_packets : &told.rx_packets) += 1;
		*(tx ? &told.tx_bytes : &told.rx_bytes) += length + ETHERNET;
		bytes += length;
		segments += seen_number(event, "segments");
		syns += strstr(seen_text(event, "tcp_flags"), "SYN") != NULL;
	}
	cr_assert_eq(told.tx_packets, packets->counted.tx_packets);
	cr_assert_eq(told.rx_packets, packets->counted.rx_packets);
	cr_assert_eq(told.tx_bytes, packets->counted.tx_bytes);
	cr_assert_eq(told.rx_bytes, packets->counted.rx_bytes);
	cr_assert_eq(syns, 2 * (2 - (uint64_t)first));
	cr_assert_geq(segments, eo_event_list_count(list));
	cr_assert_eq(seen_total(stats, "packets_captured"), eo_event_list_count(list));
	cr_assert_eq(seen_total(stats, "bytes_captured"), bytes);
}

/* @first: which client's packets are told; those of who comes behind it are, too */
static void tell_packets(int first)
{
	struct eo_net_tracer_options options = {.events = EO_NET_PACKET, .interface = "cable0"};
	struct packets packets = {0};
	struct eo_event_list *list;
	struct eo_trace_stats stats;
	struct eo_tracer *tracer;
	uint32_t pid;

	begin_packets(&packets);
	pid = (uint32_t)packets.clients[first].pid;
	if (first)
		options.tracer.target = (struct eo_target){.pids = &pid, .pid_count = 1};
	tracer = seen_begin(&options);
	for (int i = 0; i < 2; i++)
		fetch(&packets, i, i >= first);
	list = seen_end(tracer, &stats);
	end_packets(&packets);
	check_packets(&packets, list, &stats, first);
	eo_event_list_free(list);
	eo_tracer_free(tracer);
}

Test(net_packets, packets_are_those_that_the_interface_counts)
{
	SETUP();
	tell_packets(0);
}

Test(net_packets, packets_of_a_target_are_those_of_its_sockets)
{
	SETUP();
	tell_packets(1);
}

#define SHARED_PORT 27109

/* What the server of either protocol answers: sizes, to that of TCP. A datagram that begins a session is
 * under way before anybody knows of it, so there are two. */
static int ask_from_shared_port(void *arg, int report)
{
	struct sockaddr_in from = {.sin_family = AF_INET, .sin_port = htons(SHARED_PORT)};
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(PACKET_PORT)};
	const uint32_t sizes[2] = {0, 1};
	int type = *(const int *)arg, fd = socket(AF_INET, type, 0);
	char bytes[sizeof(sizes)];

	(void)report;
	inet_pton(AF_INET, LAB_CLIENT_IPV4, &from.sin_addr);
	inet_pton(AF_INET, LAB_SERVER_IPV4, &to.sin_addr);
	if (bind(fd, (void *)&from, sizeof(from)) < 0 || connect(fd, (void *)&to, sizeof(to)) < 0)
		return 1;
	for (int i = 0; i < (type == SOCK_DGRAM ? 2 : 1); i++)
		if (send(fd, sizes, sizeof(sizes), 0) != sizeof(sizes) ||
		    recv(fd, bytes, sizeof(bytes), 0) <= 0)
			return 2;
	return 0;
}

/* What comes in is found by its ends, which are those of three sockets in turn. */
Test(net_packets, packets_are_of_the_last_socket_with_their_ends)
{
	static const uint16_t port = PACKET_PORT;
	static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_DGRAM};
	struct eo_net_tracer_options options = {
		.events = EO_NET_PACKET, .interface = "cable0", .ports = &port, .port_count = 1};
	struct peer_server_plan tcp = {PEER_PLAIN, PACKET_PORT, LAB_SERVER_IPV4};
	struct peer_echo_plan udp = {AF_INET, PACKET_PORT};
	struct lab_process servers[2], clients[EO_ARRAY_SIZE(types)];
	const struct eo_event *events[64];
	struct eo_event_list *list;
	struct eo_trace_stats stats;
	struct eo_tracer *tracer;
	struct lab lab;
	size_t count, answers = 0;

	SETUP();
	lab_open(&lab);
	servers[0] = lab_serve(&lab, LAB_SERVER, peer_serve, &tcp);
	servers[1] = lab_serve(&lab, LAB_SERVER, peer_echo_datagrams, &udp);
	tracer = seen_begin(&options);
	for (size_t i = 0; i < EO_ARRAY_SIZE(types); i++) {
		clients[i] = lab_start(&lab, LAB_CLIENT, ask_from_shared_port, (void *)&types[i]);
		lab_join(&clients[i]);
	}
	list = seen_end(tracer, &stats);
	for (int i = 0; i < 2; i++)
		lab_kill(&servers[i]);
	lab_close(&lab);
	seen_need_all_runs(&stats);
	count = eo_event_list_count(list);
	cr_assert_leq(count, EO_ARRAY_SIZE(events));
	seen_in_order(list, events, count);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(seen_text(events[i], "proto"), "udp") ||
		    strcmp(seen_text(events[i], "direction"), "rx"))
			continue;
		if (answers % 2)
			cr_assert_eq(events[i]->pid, (uint32_t)clients[1 + answers / 2].pid,
				     "answer %zu is to process %u", answers, events[i]->pid);
		answers++;
	}
	cr_assert_eq(answers, 4);
	eo_event_list_free(list);
	eo_tracer_free(tracer);
}
