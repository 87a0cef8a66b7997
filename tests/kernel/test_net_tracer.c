// SPDX-License-Identifier: BSD-2-Clause
/* The network tracer against the real kernel: two namespaces with a cable between them, processes
 * that move known numbers of bytes. Other connections of the machine are kept out by ports. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "capture/net_tracer.h"
#include "core/auto.h"
#include "net_lab.h"
#include "net_peers.h"

TestSuite(net_tracer, .timeout = 120);

#define PORT_THREADS 27001
#define PORT_FORKS   27011
#define PORT_PLAIN   27031
#define PORT_CLOSED  27043
#define PORT_DROPPED 27059
#define PORT_REFUSED 27061

static const uint16_t lab_ports[] = {PORT_THREADS, PORT_FORKS,	 PORT_PLAIN,
				     PORT_CLOSED,  PORT_DROPPED, PORT_REFUSED};

#define SETUP()                                                          \
	do {                                                             \
		if (geteuid() != 0)                                      \
			cr_skip_test("needs root to load BPF programs"); \
	} while (0)

static struct eo_net_tracer_options on_lab_ports(uint32_t events)
{
	return (struct eo_net_tracer_options){
		.events = events,
		.ports = lab_ports,
		.port_count = EO_ARRAY_SIZE(lab_ports),
	};
}

static struct eo_tracer *begin(const struct eo_net_tracer_options *options)
{
	struct eo_config config = eo_config_default();
	struct eo_tracer *tracer = NULL;
	struct eo_error err = {0};

	cr_assert_eq(eo_net_tracer_new(&config, options, &tracer, &err), 0, "%s", err.text);
	cr_assert_eq(eo_tracer_start(tracer, &err), 0, "%s: %s", err.text, strerror(err.code));
	return tracer;
}

static void check_identity(const struct eo_trace_stats *stats)
{
	cr_assert_eq(stats->seen,
		     stats->emitted + stats->aggregated + stats->filtered +
			     eo_trace_stats_lost(stats));
}

static uint64_t count_of(const struct eo_trace_count *counts, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(counts[i].key, key))
			return counts[i].value;
	cr_assert_fail("no count %s", key);
	return 0;
}

static uint64_t total(const struct eo_trace_stats *stats, const char *key)
{
	return count_of(stats->totals, stats->total_count, key);
}

static struct eo_event_list *end(struct eo_tracer *tracer, struct eo_trace_stats *ret)
{
	struct eo_event_list *list = NULL;
	struct eo_error err = {0};

	cr_assert_eq(eo_tracer_stop(tracer, &list, &err), 0, "%s", err.text);
	*ret = eo_tracer_stats(tracer);
	check_identity(ret);
	cr_assert_eq(eo_trace_stats_lost(ret), 0);
	cr_assert_not_null(list);
	cr_assert_eq(ret->emitted, eo_event_list_count(list));
	return list;
}

/* --- looking at events -------------------------------------------------------------------- */

static uint64_t number(const struct eo_event *event, const char *key)
{
	const struct eo_attr *attr = eo_event_data(event, key);

	cr_assert_not_null(attr, "%s has no %s", eo_event_type_name(event->type), key);
	return attr->unum;
}

static const char *text(const struct eo_event *event, const char *key)
{
	const struct eo_attr *attr = eo_event_data(event, key);

	return attr ? attr->str : "";
}

static uint16_t port_of(const struct eo_event *event, const char *end)
{
	const struct eo_attr *port = eo_attr_member(eo_event_data(event, end), "port");

	return port ? (uint16_t)port->unum : 0;
}

static const char *address_of(const struct eo_event *event, const char *end)
{
	const struct eo_attr *address = eo_attr_member(eo_event_data(event, end), "address");

	return address ? address->str : "";
}

static uint64_t number_or_0(const struct eo_event *event, const char *key)
{
	const struct eo_attr *attr = eo_event_data(event, key);

	return attr ? attr->unum : 0;
}

/* The event of @type with this number; there has to be exactly one. */
static const struct eo_event *of_conn(const struct eo_event_list *list, enum eo_event_type type,
				      uint64_t conn)
{
	const struct eo_event *found = NULL;

	for (size_t i = 0; i < eo_event_list_count(list); i++) {
		const struct eo_event *event = eo_event_list_get(list, i);

		if (event->type != type || number(event, "conn") != conn)
			continue;
		cr_assert_null(found, "two %s of %#lx", eo_event_type_name(type), conn);
		found = event;
	}
	cr_assert_not_null(found, "no %s of %#lx", eo_event_type_name(type), conn);
	return found;
}

/* The end of a connection; there has to be exactly one. A client's port may be used again by a later
 * connection, so that the bytes have to tell as well. */
static const struct eo_event *closed(const struct eo_event_list *list, const char *family,
				     uint16_t local_port, uint16_t peer_port, uint64_t tx,
				     uint64_t rx)
{
	const struct eo_event *found = NULL;

	for (size_t i = 0; i < eo_event_list_count(list); i++) {
		const struct eo_event *event = eo_event_list_get(list, i);

		if (event->type != EO_EVENT_TCP_CLOSE || port_of(event, "local") != local_port ||
		    port_of(event, "peer") != peer_port || strcmp(text(event, "family"), family) ||
		    number(event, "tx_bytes") != tx || number(event, "rx_bytes") != rx)
			continue;
		cr_assert_null(found, "two ends of %u to %u", local_port, peer_port);
		found = event;
	}
	cr_assert_not_null(found, "no end of %u to %u with %lu bytes out and %lu in", local_port,
			   peer_port, tx, rx);
	return found;
}

static int by_time(const void *a, const void *b)
{
	const struct eo_event *const *x = a, *const *y = b;

	return ((*x)->ktime_ns > (*y)->ktime_ns) - ((*x)->ktime_ns < (*y)->ktime_ns);
}

/* There have to be @count. */
static void in_order(const struct eo_event_list *list, const struct eo_event **ret, size_t count)
{
	cr_assert_eq(eo_event_list_count(list), count, "%zu events", eo_event_list_count(list));
	for (size_t i = 0; i < count; i++)
		ret[i] = eo_event_list_get(list, i);
	qsort(ret, count, sizeof(*ret), by_time);
}

static size_t count_type(const struct eo_event_list *list, enum eo_event_type type)
{
	size_t sum = 0;

	for (size_t i = 0; i < eo_event_list_count(list); i++)
		sum += eo_event_list_get(list, i)->type == type;
	return sum;
}

/* --- many connections --------------------------------------------------------------------- */

#define CLIENTS	     7
#define SERVERS	     3
#define CONNECTIONS  1009
#define SERVERS_PLAN                                      \
	{                                                 \
		{PEER_THREADS, PORT_THREADS, "0.0.0.0"},  \
		{PEER_FORKS, PORT_FORKS, LAB_SERVER_IPV4}, \
		{PEER_PLAIN, PORT_PLAIN, "::"},           \
	}

struct crowd {
	struct lab lab;
	struct peer_server_plan server_plans[SERVERS];
	struct lab_process servers[SERVERS];
	struct peer_server_ready ready[SERVERS];
	struct peer_exchange exchanges[CONNECTIONS];
	struct peer_done done[CONNECTIONS];
	struct peer_client_plan client_plans[CLIENTS];
	pid_t clients[CLIENTS];
	struct lab_process processes[CLIENTS];
};

static void start_servers(struct crowd *crowd)
{
	static const struct peer_server_plan plans[SERVERS] = SERVERS_PLAN;

	lab_open(&crowd->lab);
	memcpy(crowd->server_plans, plans, sizeof(plans));
	for (int i = 0; i < SERVERS; i++) {
		crowd->servers[i] = lab_start(&crowd->lab, LAB_SERVER, peer_serve,
					      &crowd->server_plans[i]);
		lab_read(&crowd->servers[i], &crowd->ready[i], sizeof(crowd->ready[i]));
	}
}

static void plan_exchanges(struct crowd *crowd)
{
	for (uint32_t i = 0; i < CONNECTIONS; i++) {
		const struct peer_server_plan *server = &crowd->server_plans[i % SERVERS];
		bool ipv6 = server->kind == PEER_PLAIN && i % 2;

		crowd->exchanges[i] = (struct peer_exchange){
			.address = ipv6 ? LAB_SERVER_IPV6 : LAB_SERVER_IPV4,
			.port = server->port,
			.request = i * 37 % 5003,
			.response = i * 101 % 70001,
			.server_first = i % 5 < 2,
		};
	}
}

static void start_clients(struct crowd *crowd, int hold)
{
	plan_exchanges(crowd);
	for (size_t i = 0; i < CLIENTS; i++) {
		crowd->client_plans[i] = (struct peer_client_plan){
			crowd->exchanges, CONNECTIONS, i, CLIENTS, hold};
		crowd->processes[i] = lab_start(&crowd->lab, LAB_CLIENT, peer_exchange_all,
						&crowd->client_plans[i]);
		crowd->clients[i] = crowd->processes[i].pid;
	}
}

static void join_clients(struct crowd *crowd, struct eo_tracer *tracer)
{
	for (size_t i = 0; i < CONNECTIONS; i++) {
		lab_read(&crowd->processes[i % CLIENTS], &crowd->done[i], sizeof(crowd->done[i]));
		cr_assert_eq(crowd->done[i].error, 0, "connection %zu: %s", i,
			     strerror(crowd->done[i].error));
		cr_assert_eq(eo_tracer_pump(tracer, NULL), 0);
	}
	for (int i = 0; i < CLIENTS; i++)
		lab_join(&crowd->processes[i]);
}

static void stop_servers(struct crowd *crowd)
{
	for (int i = 0; i < SERVERS; i++)
		lab_kill(&crowd->servers[i]);
	lab_close(&crowd->lab);
}

/* The last packets are still on their way when the clients have ended. */
static void settle(struct eo_tracer *tracer, uint64_t events)
{
	for (int i = 0; i < 500 && eo_tracer_stats(tracer).seen < events; i++) {
		usleep(10000);
		cr_assert_eq(eo_tracer_pump(tracer, NULL), 0);
	}
}

static const char *family_of(const struct peer_exchange *exchange)
{
	return strchr(exchange->address, ':') ? "ipv6" : "ipv4";
}

static void check_ends(const struct eo_event *event, const struct peer_exchange *exchange,
		       bool client)
{
	bool ipv6 = strchr(exchange->address, ':') != NULL;

	cr_assert_str_eq(address_of(event, client ? "local" : "peer"),
			 ipv6 ? LAB_CLIENT_IPV6 : LAB_CLIENT_IPV4);
	cr_assert_str_eq(address_of(event, client ? "peer" : "local"), exchange->address);
	cr_assert_str_eq(text(event, "role"), client ? "client" : "server");
}

/* @opened: how it began */
static void check_close(const struct eo_event_list *list, const struct eo_event *close,
			enum eo_event_type opening, pid_t pid, pid_t tid)
{
	const struct eo_event *opened = of_conn(list, opening, number(close, "conn"));

	cr_assert_eq(close->pid, (uint32_t)pid, "pid %u, not %d", close->pid, pid);
	cr_assert_eq(close->tid, (uint32_t)tid);
	cr_assert_gt(number(close, "rtt_ns"), 0);
	cr_assert_null(eo_event_data(close, "error"));
	cr_assert_eq(opened->pid, close->pid);
	cr_assert_eq(opened->tid, close->tid);
	cr_assert_str_eq(opened->comm, close->comm);
	cr_assert_eq(port_of(opened, "local"), port_of(close, "local"));
	cr_assert_eq(port_of(opened, "peer"), port_of(close, "peer"));
	cr_assert_eq(opened->ktime_ns + number(close, "lifetime_ns"), close->ktime_ns);
	cr_assert_leq(number_or_0(opened, "duration_ns"), number(close, "lifetime_ns"));
	if (number(close, "rx_bytes"))
		cr_assert_gt(number(close, "first_byte_ns"), 0);
	cr_assert_leq(number_or_0(close, "first_byte_ns"), number(close, "lifetime_ns"));
}

static void check_served(const struct crowd *crowd, const struct eo_event_list *list, size_t i)
{
	const struct peer_exchange *exchange = &crowd->exchanges[i];
	const struct eo_event *event =
		closed(list, family_of(exchange), exchange->port, crowd->done[i].local_port,
		       exchange->response, 8 + exchange->request);

	check_ends(event, exchange, false);
	check_close(list, event, EO_EVENT_TCP_ACCEPT, crowd->servers[i % SERVERS].pid,
		    crowd->ready[i % SERVERS].acceptor);
}

static void check_connection(const struct crowd *crowd, const struct eo_event_list *list, size_t i)
{
	const struct peer_exchange *exchange = &crowd->exchanges[i];
	pid_t client = crowd->clients[i % CLIENTS];
	const struct eo_event *event =
		closed(list, family_of(exchange), crowd->done[i].local_port, exchange->port,
		       8 + exchange->request, exchange->response);

	check_ends(event, exchange, true);
	check_close(list, event, EO_EVENT_TCP_CONNECT, client, client);
	check_served(crowd, list, i);
}

static void check_crowd(const struct crowd *crowd, const struct eo_event_list *list)
{
	cr_assert_eq(count_type(list, EO_EVENT_TCP_CONNECT), CONNECTIONS);
	cr_assert_eq(count_type(list, EO_EVENT_TCP_ACCEPT), CONNECTIONS);
	cr_assert_eq(count_type(list, EO_EVENT_TCP_CLOSE), 2 * CONNECTIONS);
	for (size_t i = 0; i < CONNECTIONS; i++)
		check_connection(crowd, list, i);
}

Test(net_tracer, each_connection_has_its_owner_its_role_and_its_bytes)
{
	struct eo_net_tracer_options options = on_lab_ports(EO_NET_CONNECTION);
	struct crowd *crowd = calloc(1, sizeof(*crowd));
	struct eo_tracer *tracer;
	struct eo_event_list *list;
	struct eo_trace_stats stats;

	SETUP();
	start_servers(crowd);
	tracer = begin(&options);
	start_clients(crowd, -1);
	join_clients(crowd, tracer);
	settle(tracer, 4 * CONNECTIONS);
	list = end(tracer, &stats);
	stop_servers(crowd);
	check_crowd(crowd, list);
	cr_assert_eq(stats.emitted, 4 * CONNECTIONS);
	/* Both ends are on a machine, but not on its loopback: two sockets that nobody can join. */
	cr_assert_eq(total(&stats, "tcp_connections"), 2 * CONNECTIONS);
	cr_assert_eq(count_of(stats.degraded, stats.degraded_count, "owner_unknown"), 0);
	eo_event_list_free(list);
	eo_tracer_free(tracer);
	free(crowd);
}

Test(net_tracer, only_targets_are_told)
{
	struct eo_net_tracer_options options = on_lab_ports(EO_NET_CONNECTION);
	struct crowd *crowd = calloc(1, sizeof(*crowd));
	struct eo_tracer *tracer;
	struct eo_event_list *list;
	struct eo_trace_stats stats;
	uint32_t pid;
	size_t served = 0;

	SETUP();
	start_servers(crowd);
	pid = (uint32_t)crowd->servers[1].pid; /* the one that forks */
	options.tracer.target = (struct eo_target){.pids = &pid, .pid_count = 1};
	tracer = begin(&options);
	start_clients(crowd, -1);
	join_clients(crowd, tracer);
	for (size_t i = 1; i < CONNECTIONS; i += SERVERS)
		served++;
	settle(tracer, 2 * served);
	list = end(tracer, &stats);
	stop_servers(crowd);
	cr_assert_eq(eo_event_list_count(list), 2 * served);
	for (size_t i = 1; i < CONNECTIONS; i += SERVERS)
		check_served(crowd, list, i);
	cr_assert_eq(total(&stats, "tcp_connections"), served);
	eo_event_list_free(list);
	eo_tracer_free(tracer);
	free(crowd);
}

/* --- what goes wrong ---------------------------------------------------------------------- */

struct attempt {
	const char *address;
	uint16_t port;
	int error; /* of the call */
};

static const struct attempt attempts[] = {
	{LAB_SERVER_IPV4, PORT_CLOSED, ECONNREFUSED},  {LAB_SERVER_IPV6, PORT_CLOSED, ECONNREFUSED},
	{LAB_SERVER_IPV4, PORT_DROPPED, ETIMEDOUT},    {"192.0.2.99", PORT_PLAIN, ENETUNREACH},
	{"2001:db8::9", PORT_PLAIN, ENETUNREACH},      {LAB_SERVER_IPV4, PORT_REFUSED, EHOSTUNREACH},
	{"10.99.7.77", PORT_PLAIN, EHOSTUNREACH},
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

Test(net_tracer, each_failure_has_its_errno)
{
	struct eo_net_tracer_options options = on_lab_ports(0);
	const struct eo_event *events[EO_ARRAY_SIZE(attempts)];
	struct lab_process process;
	struct eo_event_list *list;
	struct eo_trace_stats stats;
	struct eo_tracer *tracer;
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
	tracer = begin(&options);
	process = lab_start(&lab, LAB_CLIENT, attempt_all, NULL);
	lab_join(&process);
	list = end(tracer, &stats);
	lab_close(&lab);
	in_order(list, events, EO_ARRAY_SIZE(attempts));
	for (size_t i = 0; i < EO_ARRAY_SIZE(attempts); i++) {
		const struct eo_event *event = events[i];

		cr_assert_eq(event->type, EO_EVENT_TCP_CONNECT);
		cr_assert_eq(event->pid, (uint32_t)process.pid);
		cr_assert_str_eq(text(event, "error"), strerrorname_np(attempts[i].error));
		cr_assert_str_eq(address_of(event, "peer"), attempts[i].address);
		cr_assert_eq(port_of(event, "peer"), attempts[i].port);
		cr_assert_str_eq(text(event, "role"), "client");
	}
	cr_assert_eq(total(&stats, "tcp_connections"), 0);
	eo_event_list_free(list);
	eo_tracer_free(tracer);
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

Test(net_tracer, connects_without_waiting_fail_once_each)
{
	static const char *const errors[] = {"ECONNREFUSED", "ECONNREFUSED", "ECANCELED"};
	struct eo_net_tracer_options options = on_lab_ports(0);
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
	tracer = begin(&options);
	process = lab_start(&lab, LAB_CLIENT, attempt_without_waiting, NULL);
	lab_join(&process);
	list = end(tracer, &stats);
	lab_close(&lab);
	in_order(list, events, EO_ARRAY_SIZE(errors));
	for (size_t i = 0; i < EO_ARRAY_SIZE(errors); i++) {
		const struct eo_event *event = events[i];

		cr_assert_eq(event->type, EO_EVENT_TCP_CONNECT);
		cr_assert_eq(event->pid, (uint32_t)process.pid);
		cr_assert_str_eq(text(event, "error"), errors[i]);
	}
	eo_event_list_free(list);
	eo_tracer_free(tracer);
}

/* Returns how many segments the kernel says it sent again, on both sides. */
static uint64_t sent_again(const struct lab *lab)
{
	return lab_counter(lab, LAB_CLIENT, "Tcp", "RetransSegs") +
	       lab_counter(lab, LAB_SERVER, "Tcp", "RetransSegs");
}

#define DROP_2_PERCENT                                                                       \
	"nft 'add table inet t; add chain inet t in { type filter hook input priority 0; };" \
	"add rule inet t in meta l4proto tcp numgen random mod 50 == 0 drop'"

Test(net_tracer, retransmits_are_those_that_the_kernel_counts)
{
	struct eo_net_tracer_options options =
		on_lab_ports(EO_NET_CONNECTION | EO_NET_TCP_RETRANSMIT);
	struct crowd *crowd = calloc(1, sizeof(*crowd));
	struct eo_tracer *tracer;
	struct eo_event_list *list;
	struct eo_trace_stats stats;
	uint64_t segments = 0, unowned = 0, of_connections = 0, kernel;

	SETUP();
	start_servers(crowd);
	lab_shell(&crowd->lab, LAB_SERVER, DROP_2_PERCENT);
	lab_shell(&crowd->lab, LAB_CLIENT, DROP_2_PERCENT);
	tracer = begin(&options);
	start_clients(crowd, -1);
	join_clients(crowd, tracer);
	lab_shell(&crowd->lab, LAB_SERVER, "nft flush ruleset");
	lab_shell(&crowd->lab, LAB_CLIENT, "nft flush ruleset");
	for (int i = 0; i < 3000 && count_of(eo_tracer_stats(tracer).totals, 4, "tcp_connections") <
					    2 * CONNECTIONS; i++)
		usleep(1000);
	sleep(2); /* FINs that were lost */
	kernel = sent_again(&crowd->lab);
	system("bpftool prog show --json | python3 -c 'import json,sys;[sys.stderr.write(str((p[\"name\"],p.get(\"recursion_misses\"),p.get(\"run_cnt\")))) for p in json.load(sys.stdin) if p.get(\"name\",\"\").startswith(\"on_\")]'");
	list = end(tracer, &stats);
	stop_servers(crowd);
	for (size_t i = 0; i < eo_event_list_count(list); i++) {
		const struct eo_event *event = eo_event_list_get(list, i);

		if (event->type == EO_EVENT_TCP_RETRANSMIT) {
			segments += number(event, "count");
			cr_assert_str_neq(text(event, "state"), "");
			if (!event->pid) {
				cr_assert_str_eq(text(event, "state"), "SYN_RECV");
				unowned += number(event, "count");
			}
		}
		if (event->type == EO_EVENT_TCP_CLOSE) {
			of_connections += number(event, "retransmits");
			uint64_t n=0, u=0;
			for (size_t j = 0; j < eo_event_list_count(list); j++) {
				const struct eo_event *e = eo_event_list_get(list, j);
				if (e->type==EO_EVENT_TCP_RETRANSMIT && number_or_0(e,"conn")==number(event,"conn")) n+=number(e,"count");
				if (e->type==EO_EVENT_TCP_RETRANSMIT && !number_or_0(e,"conn") && port_of(e,"local")==port_of(event,"local")&& port_of(e,"peer")==port_of(event,"peer")) u+=number(e,"count");
			}
			if (n+u!=number(event,"retransmits")) fprintf(stderr,"%s %lx: %lu + %lu synack, close says %lu (%u>%u)\n", text(event,"role"), number(event,"conn"),n,u,number(event,"retransmits"),port_of(event,"local"),port_of(event,"peer"));
		}
	}
	fprintf(stderr,"filtered %lu closes %zu\n",stats.filtered,count_type(list,EO_EVENT_TCP_CLOSE));
	cr_assert_gt(kernel, 0);
	cr_assert_gt(unowned, 0);
	cr_assert_eq(segments, kernel, "%lu segments, not %lu", segments, kernel);
	/* Answers to first packets count for the connection that comes of them. */
	cr_assert_leq(of_connections, segments);
	cr_assert_geq(of_connections + unowned, segments);
	for (size_t i = 0; i < CONNECTIONS; i++)
		check_connection(crowd, list, i);
	eo_event_list_free(list);
	eo_tracer_free(tracer);
	free(crowd);
}
