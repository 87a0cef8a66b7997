// SPDX-License-Identifier: BSD-2-Clause
/* What the network tracer says of connections that fail, lose segments, are reset or taken by nobody. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capture/net_tracer.h"
#include "core/auto.h"
#include "net_crowd.h"
#include "net_lab.h"
#include "net_peers.h"
#include "net_seen.h"

TestSuite(net_failures, .timeout = 120);

/* --- connects that fail ------------------------------------------------------------------- */

struct attempt {
	const char *address;
	uint16_t port;
	int error; /* of the call */
	bool by_timer; /* nobody answers, and that is seen in an interrupt */
};

static const struct attempt attempts[] = {
	{LAB_SERVER_IPV4, PORT_CLOSED, ECONNREFUSED, false},
	{LAB_SERVER_IPV6, PORT_CLOSED, ECONNREFUSED, false},
	{LAB_SERVER_IPV4, PORT_DROPPED, ETIMEDOUT, true},
	{"192.0.2.99", PORT_PLAIN, ENETUNREACH, false},
	{"2001:db8::9", PORT_PLAIN, ENETUNREACH, false},
	{LAB_SERVER_IPV4, PORT_REFUSED, EHOSTUNREACH, false},
	{"10.99.7.77", PORT_PLAIN, EHOSTUNREACH, true},
};

static int attempt_all(void *arg, int report)
{
	(void)arg;
	(void)report;
	for (size_t i = 0; i < EO_ARRAY_SIZE(attempts); i++)
		if (peer_connect(attempts[i].address, attempts[i].port, 1) >= 0 ||
		    errno != attempts[i].error)
			return (int)i + 1;
	return 0;
}

/* Returns how many of them were told as given up: no program ran when the timer did. */
static size_t fail_all(const struct lab *lab)
{
	struct eo_net_tracer_options options = crowd_options(0);
	const struct eo_event *events[EO_ARRAY_SIZE(attempts)];
	struct lab_process process;
	struct eo_event_list *list;
	struct eo_trace_stats stats;
	struct eo_tracer *tracer;
	size_t given_up = 0;

	tracer = seen_begin(&options);
	process = lab_start(lab, LAB_CLIENT, attempt_all, NULL);
	lab_join(&process);
	list = seen_end(tracer, &stats);
	seen_in_order(list, events, EO_ARRAY_SIZE(attempts));
	for (size_t i = 0; i < EO_ARRAY_SIZE(attempts); i++) {
		const struct eo_event *event = events[i];

		cr_assert_eq(event->type, EO_EVENT_TCP_CONNECT);
		cr_assert_eq(event->pid, (uint32_t)process.pid);
		if (attempts[i].by_timer && !strcmp(seen_text(event, "error"), "ECANCELED"))
			given_up++;
		else
			cr_assert_str_eq(seen_text(event, "error"), strerrorname_np(attempts[i].error));
		cr_assert_str_eq(seen_address(event, "peer"), attempts[i].address);
		cr_assert_eq(seen_port(event, "peer"), attempts[i].port);
		cr_assert_str_eq(seen_text(event, "role"), "client");
	}
	cr_assert_eq(seen_total(&stats, "tcp_connections"), 0);
	eo_event_list_free(list);
	eo_tracer_free(tracer);
	return given_up;
}

/* Two of them fail when a timer says so; retransmits_are_those_that_the_kernel_counts() says why that
 * may take more than one round. */
Test(net_failures, each_failure_has_its_errno)
{
	size_t given_up = 1;
	struct lab lab;

	SETUP();
	lab_open(&lab);
	/* A neighbour that does not answer is unreachable, at once. */
	lab_shell(&lab, LAB_CLIENT,
		  "ip neigh add 10.99.7.77 dev cable0 nud failed 2>/dev/null; "
		  "sysctl -qw net.ipv4.neigh.cable0.mcast_solicit=1 "
		  "net.ipv4.neigh.cable0.retrans_time_ms=100");
	lab_shell(&lab, LAB_SERVER,
		  "nft 'add table inet t; add chain inet t in { type filter hook input priority 0; };"
		  "add rule inet t in tcp dport 27059 drop;"
		  "add rule inet t in tcp dport 27061 reject with icmpx type host-unreachable'");
	for (int round = 0; round < 4 && given_up; round++)
		given_up = fail_all(&lab);
	lab_close(&lab);
	cr_assert_eq(given_up, 0, "%zu failures without their errno", given_up);
}

/* Without waiting: refused later, refused and asked for, given up. */
static int attempt_without_waiting(void *arg, int report)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(PORT_CLOSED)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	(void)arg;
	(void)report;
	inet_pton(AF_INET, LAB_SERVER_IPV4, &at.sin_addr);
	if (connect(fd, (void *)&at, sizeof(at)) == 0 || errno != EINPROGRESS)
		return 1;
	usleep(200000);
	if (connect(fd, (void *)&at, sizeof(at)) == 0 || errno != ECONNREFUSED)
		return 2;
	if (connect(fd, (void *)&at, sizeof(at)) == 0 || errno != EINPROGRESS)
		return 3;
	usleep(200000);
	close(fd);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	at.sin_port = htons(PORT_DROPPED);
	if (connect(fd, (void *)&at, sizeof(at)) == 0 || errno != EINPROGRESS)
		return 4;
	close(fd);
	return 0;
}

Test(net_failures, connects_without_waiting_fail_once_each)
{
	static const char *const errors[] = {"ECONNREFUSED", "ECONNREFUSED", "ECANCELED"};
	struct eo_net_tracer_options options = crowd_options(0);
	const struct eo_event *events[EO_ARRAY_SIZE(attempts)];
	struct lab_process process;
	struct eo_event_list *list;
	struct eo_trace_stats stats;
	struct eo_tracer *tracer;
	struct lab lab;

	SETUP();
	lab_open(&lab);
	lab_shell(&lab, LAB_SERVER,
		  "nft 'add table inet t; add chain inet t in { type filter hook input priority 0; };"
		  "add rule inet t in tcp dport 27059 drop'");
	tracer = seen_begin(&options);
	process = lab_start(&lab, LAB_CLIENT, attempt_without_waiting, NULL);
	lab_join(&process);
	list = seen_end(tracer, &stats);
	lab_close(&lab);
	seen_in_order(list, events, EO_ARRAY_SIZE(errors));
	for (size_t i = 0; i < EO_ARRAY_SIZE(errors); i++) {
		const struct eo_event *event = events[i];

		cr_assert_eq(event->type, EO_EVENT_TCP_CONNECT);
		cr_assert_eq(event->pid, (uint32_t)process.pid);
		cr_assert_str_eq(seen_text(event, "error"), errors[i]);
	}
	eo_event_list_free(list);
	eo_tracer_free(tracer);
}

/* --- connects that are older than the trace ------------------------------------------------ */

static int connect_without_waiting(uint16_t port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	inet_pton(AF_INET, LAB_SERVER_IPV4, &at.sin_addr);
	return connect(fd, (void *)&at, sizeof(at)) < 0 && errno == EINPROGRESS ? fd : -1;
}

/* What becomes of a connect(): an errno value. */
static int result_of(int fd)
{
	struct pollfd wait = {.fd = fd, .events = POLLOUT};
	socklen_t size = sizeof(int);
	int error = -1;

	if (poll(&wait, 1, 20000) != 1 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) < 0)
		return -1;
	return error;
}

static int connect_and_be_refused(void *arg, int report)
{
	int good = connect_without_waiting(PORT_PLAIN), bad = connect_without_waiting(PORT_CLOSED);
	const struct linger at_once = {.l_onoff = 1};

	(void)arg;
	setsockopt(good, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	if (good < 0 || bad < 0 || write(report, "x", 1) != 1)
		return 1;
	return result_of(good) == 0 && result_of(bad) == ECONNREFUSED ? 0 : 2;
}

static int only_listen(void *arg, int report)
{
	(void)arg;
	if (peer_listen(LAB_SERVER_IPV4, PORT_PLAIN) < 0 || write(report, "x", 1) != 1)
		return 1;
	for (;;)
		pause();
}

/* First packets wait for the server's hardware address, and whoever tells it sends them: so what follows
 * is no timer's, of which kernels may miss some, as said below. */
#define CABLE1 "02:00:00:00:07:02"

static void hide_server(const struct lab *lab)
{
	lab_shell(lab, LAB_SERVER,
		  "ip link set cable1 address " CABLE1 " && sysctl -qw net.ipv4.conf.cable1.arp_ignore=8");
	lab_shell(lab, LAB_CLIENT,
		  "ip neigh flush dev cable0 && sysctl -qw net.ipv4.neigh.cable0.mcast_solicit=60");
}

static void show_server(const struct lab *lab)
{
	lab_shell(lab, LAB_CLIENT, "ip neigh replace " LAB_SERVER_IPV4 " lladdr " CABLE1 " dev cable0");
}

Test(net_failures, connects_that_began_before_the_trace_have_ends_alone)
{
	static const char *const errors[] = {"", "ECONNREFUSED"};
	struct eo_net_tracer_options options = crowd_options(EO_NET_TCP_CONNECT | EO_NET_TCP_CLOSE);
	struct lab_process server, client;
	const struct eo_event *events[3];
	struct eo_event_list *list;
	struct eo_trace_stats stats;
	struct eo_tracer *tracer;
	struct lab lab;
	uint32_t pid;

	SETUP();
	lab_open(&lab);
	hide_server(&lab);
	server = lab_serve(&lab, LAB_SERVER, only_listen, NULL);
	client = lab_serve(&lab, LAB_CLIENT, connect_and_be_refused, NULL);
	/* Of a target each connection is counted once. */
	pid = (uint32_t)client.pid;
	options.tracer.target = (struct eo_target){.pids = &pid, .pid_count = 1};
	tracer = seen_begin(&options);
	show_server(&lab);
	lab_join(&client);
	list = seen_end(tracer, &stats);
	lab_kill(&server);
	lab_close(&lab);
	seen_in_order(list, events, EO_ARRAY_SIZE(events));
	for (size_t i = 0; i < EO_ARRAY_SIZE(events); i++)
		cr_assert_eq(events[i]->pid, pid);
	for (size_t i = 0; i < EO_ARRAY_SIZE(errors); i++) {
		cr_assert_eq(events[i]->type, EO_EVENT_TCP_CONNECT);
		cr_assert_str_eq(seen_text(events[i], "error"), errors[i]);
		cr_assert_null(eo_event_data(events[i], "duration_ns"));
		cr_assert_neq(events[i]->ktime_ns, 0);
	}
	cr_assert_eq(events[2]->type, EO_EVENT_TCP_CLOSE);
	cr_assert_null(eo_event_data(events[2], "lifetime_ns"));
	cr_assert_eq(seen_total(&stats, "tcp_connections"), 1);
	eo_event_list_free(list);
	eo_tracer_free(tracer);
}

/* --- connects that this machine refuses --------------------------------------------------- */

/* As many connections as there are ports, and one. */
static int use_up_ports(void *arg, int report)
{
	int listener = peer_listen("127.0.0.1", PORT_PLAIN);

	(void)arg;
	(void)report;
	if (listener < 0 || peer_connect("127.0.0.1", PORT_PLAIN, 0) < 0 ||
	    peer_connect("127.0.0.1", PORT_PLAIN, 0) < 0)
		return 1;
	return peer_connect("127.0.0.1", PORT_PLAIN, 0) < 0 && errno == EADDRNOTAVAIL ? 0 : 2;
}

/* @ports: that are wanted. Returns what is told of connects. */
static struct eo_event_list *run_out_of_ports(const struct lab *lab, const uint16_t *ports, size_t count)
{
	struct eo_net_tracer_options options = {
		.events = EO_NET_TCP_CONNECT, .ports = ports, .port_count = count};
	struct eo_tracer *tracer = seen_begin(&options);
	struct lab_process process = lab_start(lab, LAB_CLIENT, use_up_ports, NULL);
	struct eo_event_list *list;
	struct eo_trace_stats stats;

	lab_join(&process);
	list = seen_end(tracer, &stats);
	eo_tracer_free(tracer);
	return list;
}

Test(net_failures, what_this_machine_refuses_is_told_if_its_port_is_wanted)
{
	static const uint16_t wanted[] = {PORT_PLAIN}, others[] = {PORT_CLOSED};
	const struct eo_event *events[3];
	struct eo_event_list *list;
	struct lab lab;

	SETUP();
	lab_open(&lab);
	lab_shell(&lab, LAB_CLIENT, "sysctl -qw net.ipv4.ip_local_port_range='41000 41001'");
	list = run_out_of_ports(&lab, others, 1);
	cr_assert_eq(eo_event_list_count(list), 0);
	eo_event_list_free(list);
	lab_close(&lab);

	lab_open(&lab); /* the ports of the first one still wait */
	lab_shell(&lab, LAB_CLIENT, "sysctl -qw net.ipv4.ip_local_port_range='41000 41001'");
	list = run_out_of_ports(&lab, wanted, 1);
	lab_close(&lab);
	seen_in_order(list, events, EO_ARRAY_SIZE(events));
	cr_assert_null(eo_event_data(events[1], "error"));
	cr_assert_str_eq(seen_text(events[2], "error"), "EADDRNOTAVAIL");
	cr_assert_eq(seen_port(events[2], "peer"), PORT_PLAIN);
	eo_event_list_free(list);
}

/* --- segments that are lost --------------------------------------------------------------- */

/* Returns how many segments the kernel says it sent again, on both sides. */
static uint64_t sent_again(const struct lab *lab)
{
	return lab_counter(lab, LAB_CLIENT, "Tcp", "RetransSegs") +
	       lab_counter(lab, LAB_SERVER, "Tcp", "RetransSegs");
}

#define DROP_2_PERCENT                                                                       \
	"nft 'add table inet t; add chain inet t in { type filter hook input priority 0; };" \
	"add rule inet t in meta l4proto tcp numgen random mod 50 == 0 drop'"

/* Until nothing is under way any more: farewells that were lost go out again, later and later. */
#define WAIT_FOR_FAREWELLS                                                                       \
	"for i in $(seq 100); do cat /proc/net/tcp /proc/net/tcp6 | "                            \
	"awk '$4 ~ /^(01|04|05|08|09|0B)$/ { open = 1 } END { exit open }' && exit 0; sleep 0.1; done"

struct resent {
	uint64_t kernel;   /* segments, by the kernel's count */
	uint64_t events;   /* by ours */
	uint64_t unowned;  /* answers to first packets among them: there is no connection yet */
	uint64_t closes;   /* by the connections' own figures */
	size_t connects, accepts, ends; /* events of the connections themselves */
};

static void count_resent(const struct eo_event_list *list, struct resent *ret)
{
	ret->connects = seen_count(list, EO_EVENT_TCP_CONNECT);
	ret->accepts = seen_count(list, EO_EVENT_TCP_ACCEPT);
	ret->ends = seen_count(list, EO_EVENT_TCP_CLOSE);
	for (size_t i = 0; i < eo_event_list_count(list); i++) {
		const struct eo_event *event = eo_event_list_get(list, i);

		if (event->type == EO_EVENT_TCP_CLOSE)
			ret->closes += seen_number(event, "retransmits");
		if (event->type != EO_EVENT_TCP_RETRANSMIT)
			continue;
		ret->events += seen_number(event, "count");
		cr_assert_str_neq(seen_text(event, "state"), "");
		cr_assert_neq(seen_port(event, "local"), 0);
		if (event->pid)
			continue;
		cr_assert_str_eq(seen_text(event, "state"), "SYN_RECV");
		ret->unowned += seen_number(event, "count");
	}
}

/* All that happened is told. */
static bool is_whole(const struct resent *resent)
{
	return resent->events == resent->kernel && resent->connects == CROWD_CONNECTIONS &&
	       resent->accepts == CROWD_CONNECTIONS && resent->ends == 2 * CROWD_CONNECTIONS;
}

/* What holds in each round: nothing is told that did not happen. */
static void check_not_too_many(const struct resent *resent)
{
	cr_assert_gt(resent->kernel, 0);
	cr_assert_leq(resent->events, resent->kernel, "%lu segments, not %lu", resent->events,
		      resent->kernel);
	cr_assert_leq(resent->connects, CROWD_CONNECTIONS, "%zu connects", resent->connects);
	cr_assert_leq(resent->accepts, CROWD_CONNECTIONS, "%zu accepts", resent->accepts);
	cr_assert_leq(resent->ends, 2 * CROWD_CONNECTIONS, "%zu closes", resent->ends);
}

/* What a connection sent again is told as it happens, and by its end; an answer to the first packet that
 * nobody saw is in the latter alone, and a connection whose end nobody saw has only the former. */
static void check_whole(const struct crowd *crowd, const struct eo_event_list *list,
			const struct resent *resent)
{
	cr_assert_gt(resent->unowned, 0);
	/* Most of those of connections that came to be are in their figures. */
	cr_assert_leq(resent->closes, resent->events);
	cr_assert_geq(resent->closes + resent->unowned, resent->events);
	crowd_check(crowd, list);
}

/* With a loss of 2 percent in both directions. */
static struct resent lose_some(void)
{
	struct eo_net_tracer_options options =
		crowd_options(EO_NET_CONNECTION | EO_NET_TCP_RETRANSMIT);
	struct crowd *crowd;
	struct resent resent = {0};
	struct eo_tracer *tracer;
	struct eo_event_list *list;
	struct eo_trace_stats stats;

	crowd = crowd_open();
	lab_shell(&crowd->lab, LAB_SERVER, DROP_2_PERCENT);
	lab_shell(&crowd->lab, LAB_CLIENT, DROP_2_PERCENT);
	tracer = seen_begin(&options);
	crowd_start(crowd);
	crowd_join(crowd, tracer);
	lab_shell(&crowd->lab, LAB_SERVER, "nft flush ruleset");
	lab_shell(&crowd->lab, LAB_CLIENT, "nft flush ruleset");
	lab_shell(&crowd->lab, LAB_CLIENT, WAIT_FOR_FAREWELLS);
	lab_shell(&crowd->lab, LAB_SERVER, WAIT_FOR_FAREWELLS);
	resent.kernel = sent_again(&crowd->lab);
	list = seen_end(tracer, &stats);
	crowd_close(crowd);
	seen_need_all_runs(&stats);
	count_resent(list, &resent);
	check_not_too_many(&resent);
	if (is_whole(&resent))
		check_whole(crowd, list, &resent);
	eo_event_list_free(list);
	eo_tracer_free(tracer);
	free(crowd);
	return resent;
}

/* There are kernels that run no BPF programs while a process of the sandbox's own supervisor is the
 * current one, even in an interrupt, which is where timers fire and what was lost comes at last: of what
 * happens then, answers to first packets, handshakes and ends stay unknown. So it may take more than one
 * round until all is told, and it must never be too much. */
Test(net_failures, retransmits_are_those_that_the_kernel_counts, .timeout = 240)
{
	struct resent resent = {0};

	SETUP();
	for (int round = 0; round < 6 && (!round || !is_whole(&resent)); round++)
		resent = lose_some();
	cr_assert(is_whole(&resent),
		  "%lu of %lu segments, %zu connects and %zu accepts of %d, %zu closes of %d",
		  resent.events, resent.kernel, resent.connects, resent.accepts, CROWD_CONNECTIONS, resent.ends,
		  2 * CROWD_CONNECTIONS);
}

/* --- ends that are no farewell ------------------------------------------------------------ */

#define UNREAD_BYTES 557

/* One end closes with bytes unread; the other is told. */
static int reset_one(void *arg, int report)
{
	int listener = peer_listen("127.0.0.1", PORT_CLOSED), client, server;
	char bytes[UNREAD_BYTES] = "";

	(void)arg;
	(void)report;
	client = peer_connect("127.0.0.1", PORT_CLOSED, 0);
	server = accept(listener, NULL, NULL);
	if (send(client, bytes, sizeof(bytes), 0) != sizeof(bytes))
		return 1;
	while (recv(server, bytes, sizeof(bytes), MSG_PEEK) != sizeof(bytes))
		;
	close(server);
	if (recv(client, bytes, sizeof(bytes), 0) >= 0 || errno != ECONNRESET)
		return 2;
	return 0;
}

Test(net_failures, a_reset_has_a_side_that_sent_it)
{
	struct eo_net_tracer_options options = crowd_options(EO_NET_TCP_CLOSE);
	const struct eo_event *events[2], *client, *server;
	struct lab_process process;
	struct eo_event_list *list;
	struct eo_trace_stats stats;
	struct eo_tracer *tracer;

	SETUP();
	tracer = seen_begin(&options);
	process = lab_start(NULL, 0, reset_one, NULL);
	lab_join(&process);
	list = seen_end(tracer, &stats);
	seen_in_order(list, events, 2);
	server = events[strcmp(seen_text(events[0], "role"), "server") != 0];
	client = events[strcmp(seen_text(events[0], "role"), "client") != 0];
	cr_assert_str_eq(seen_text(server, "reset_by"), "local");
	cr_assert_null(eo_event_data(server, "error"));
	cr_assert_eq(seen_number(server, "rx_bytes"), UNREAD_BYTES);
	cr_assert_str_eq(seen_text(client, "reset_by"), "peer");
	cr_assert_str_eq(seen_text(client, "error"), "ECONNRESET");
	cr_assert_eq(seen_number(client, "tx_bytes"), UNREAD_BYTES);
	/* Loopback, so that one of both ends is counted. */
	cr_assert_eq(seen_total(&stats, "tcp_connections"), 1);
	eo_event_list_free(list);
	eo_tracer_free(tracer);
}

static int connect_and_leave(void *arg, int report)
{
	int listener = peer_listen("127.0.0.1", PORT_CLOSED);
	int client = peer_connect("127.0.0.1", PORT_CLOSED, 0);

	(void)arg;
	(void)report;
	if (client < 0)
		return 1;
	close(client);
	usleep(50000);
	close(listener);
	return 0;
}

Test(net_failures, what_nobody_accepts_has_no_owner)
{
	struct eo_net_tracer_options options = crowd_options(EO_NET_CONNECTION);
	struct lab_process process;
	struct eo_event_list *list;
	struct eo_trace_stats stats;
	struct eo_tracer *tracer;
	size_t unowned = 0;

	SETUP();
	tracer = seen_begin(&options);
	process = lab_start(NULL, 0, connect_and_leave, NULL);
	lab_join(&process);
	list = seen_end(tracer, &stats);
	cr_assert_eq(eo_event_list_count(list), 3);
	cr_assert_eq(seen_count(list, EO_EVENT_TCP_ACCEPT), 0);
	for (size_t i = 0; i < 3; i++) {
		const struct eo_event *event = eo_event_list_get(list, i);

		unowned += !event->pid;
		cr_assert_eq(!event->pid, !strcmp(seen_text(event, "role"), "server"));
	}
	cr_assert_eq(unowned, 1);
	cr_assert_eq(seen_degraded(&stats, "owner_unknown"), 1);
	eo_event_list_free(list);
	eo_tracer_free(tracer);
}
