// SPDX-License-Identifier: BSD-2-Clause
/* The network tracer against the real kernel: two namespaces with a cable between them, processes
 * that move known numbers of bytes. Other connections of the machine are kept out by ports. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
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

TestSuite(net_tracer, .timeout = 120);

/* --- many connections --------------------------------------------------------------------- */

Test(net_tracer, each_connection_has_its_owner_its_role_and_its_bytes)
{
	struct eo_net_tracer_options options = crowd_options(EO_NET_CONNECTION);
	struct crowd *crowd;
	struct eo_tracer *tracer;
	struct eo_event_list *list;
	struct eo_trace_stats stats;

	SETUP();
	crowd = crowd_open();
	tracer = seen_begin(&options);
	crowd_start(crowd);
	crowd_join(crowd, tracer);
	seen_settle(tracer, 4 * CROWD_CONNECTIONS);
	list = seen_end(tracer, &stats);
	crowd_close(crowd);
	seen_need_all_runs(&stats);
	crowd_check(crowd, list);
	cr_assert_eq(stats.emitted, 4 * CROWD_CONNECTIONS);
	/* Both ends are on a machine, but not on its loopback: two sockets that nobody can join. */
	cr_assert_eq(seen_total(&stats, "tcp_connections"), 2 * CROWD_CONNECTIONS);
	cr_assert_eq(seen_degraded(&stats, "owner_unknown"), 0);
	eo_event_list_free(list);
	eo_tracer_free(tracer);
	free(crowd);
}

Test(net_tracer, only_targets_are_told)
{
	struct eo_net_tracer_options options = crowd_options(EO_NET_CONNECTION);
	struct crowd *crowd;
	struct eo_tracer *tracer;
	struct eo_event_list *list;
	struct eo_trace_stats stats;
	uint32_t pid;
	size_t served = 0;

	SETUP();
	crowd = crowd_open();
	pid = (uint32_t)crowd->servers[1].pid; /* the one that forks */
	options.tracer.target = (struct eo_target){.pids = &pid, .pid_count = 1};
	tracer = seen_begin(&options);
	crowd_start(crowd);
	crowd_join(crowd, tracer);
	for (size_t i = 1; i < CROWD_CONNECTIONS; i += CROWD_SERVERS)
		served++;
	seen_settle(tracer, 2 * served);
	list = seen_end(tracer, &stats);
	crowd_close(crowd);
	seen_need_all_runs(&stats);
	cr_assert_eq(eo_event_list_count(list), 2 * served);
	for (size_t i = 1; i < CROWD_CONNECTIONS; i += CROWD_SERVERS)
		crowd_check_served(crowd, list, i);
	cr_assert_eq(seen_total(&stats, "tcp_connections"), served);
	eo_event_list_free(list);
	eo_tracer_free(tracer);
	free(crowd);
}

/* --- what was there before ---------------------------------------------------------------- */

Test(net_tracer, connections_older_than_the_trace_have_owners_and_all_their_bytes)
{
	struct eo_net_tracer_options options = crowd_options(EO_NET_CONNECTION);
	struct crowd *crowd;
	struct eo_tracer *tracer;
	struct eo_event_list *list;
	struct eo_trace_stats stats;
	int gate[2];

	SETUP();
	cr_assert_eq(pipe2(gate, O_CLOEXEC), 0);
	crowd = crowd_open();
	/* One connection of each of three clients, to each of the servers. */
	for (uint32_t i = 0; i < CROWD_SERVERS; i++)
		crowd_start_one(crowd, i, i + 1, gate[0]);
	lab_shell(&crowd->lab, LAB_CLIENT,
		  "for i in $(seq 200); do test $(ss -Htn state established | wc -l) = 3 && exit; "
		  "sleep 0.02; done; exit 1");
	tracer = seen_begin(&options);
	cr_assert_eq(write(gate[1], "xxx", CROWD_SERVERS), CROWD_SERVERS);
	for (size_t i = 0; i < CROWD_SERVERS; i++) {
		lab_read(&crowd->clients[i], &crowd->done[i], sizeof(crowd->done[i]));
		cr_assert_eq(crowd->done[i].error, 0);
		lab_join(&crowd->clients[i]);
	}
	seen_settle(tracer, 2 * CROWD_SERVERS);
	list = seen_end(tracer, &stats);
	crowd_close(crowd);
	close(gate[0]);
	close(gate[1]);
	cr_assert_eq(eo_event_list_count(list), 2 * CROWD_SERVERS);
	for (size_t i = 0; i < CROWD_SERVERS; i++) {
		const struct eo_event *event = crowd_client_end(crowd, list, i);

		cr_assert_eq(event->pid, (uint32_t)crowd->clients[i].pid);
		cr_assert_str_eq(seen_text(event, "role"), "client");
		cr_assert_null(eo_event_data(event, "lifetime_ns"));
		event = crowd_server_end(crowd, list, i);
		/* The child that serves is the only one that still has it. */
		if (crowd->server_plans[i].kind != PEER_FORKS)
			cr_assert_eq(event->pid, (uint32_t)crowd->servers[i].pid);
		cr_assert_neq(event->pid, 0);
		cr_assert_str_eq(seen_text(event, "role"), "server");
	}
	eo_event_list_free(list);
	eo_tracer_free(tracer);
	free(crowd);
}

/* --- limits and filters ------------------------------------------------------------------- */

#define PAIRS 97

static int hold_many(void *arg, int report)
{
	int listener = peer_listen("127.0.0.1", PORT_CLOSED);

	(void)arg;
	(void)report;
	for (int i = 0; i < PAIRS; i++)
		if (peer_connect("127.0.0.1", PORT_CLOSED, 0) < 0 ||
		    accept(listener, NULL, NULL) < 0)
			return 1;
	return 0;
}

Test(net_tracer, connections_beyond_the_limit_are_counted_as_lost)
{
	struct eo_net_tracer_options options = crowd_options(EO_NET_TCP_CLOSE);
	struct lab_process process;
	struct eo_event_list *list = NULL;
	struct eo_trace_stats stats;
	struct eo_tracer *tracer;

	SETUP();
	options.connections_max = 64;
	tracer = seen_begin(&options);
	process = lab_start(NULL, 0, hold_many, NULL);
	lab_join(&process);
	cr_assert_eq(eo_tracer_stop(tracer, &list, NULL), 0);
	stats = eo_tracer_stats(tracer);
	seen_check_identity(&stats);
	cr_assert_gt(stats.lost[EO_LOSS_MAP_FULL], 0);
	cr_assert_eq(stats.seen, 2 * PAIRS);
	cr_assert_eq(eo_event_list_count(list) + stats.lost[EO_LOSS_MAP_FULL], 2 * PAIRS);
	eo_event_list_free(list);
	eo_tracer_free(tracer);
}

static const struct {
	const char *name;
	struct eo_net_prefix host;
	const char *interface;
	bool no_loopback;
	size_t clients, servers; /* connections told, of one over loopback and one over the cable */
} filter_cases[] = {
	{"none", {.family = 0}, "", false, 2, 2},
	{"no loopback", {.family = 0}, "", true, 1, 1},
	{"cable of the client", {.family = 0}, "cable0", false, 1, 0},
	{"cable of the server", {.family = 0}, "cable1", false, 0, 1},
	{"loopback", {.family = 0}, "lo", false, 1, 1},
	{"a host", {.address = {10, 99, 7, 1}, .family = AF_INET, .bits = 32}, "", false, 1, 1},
	{"a network", {.address = {10, 99}, .family = AF_INET, .bits = 16}, "", false, 1, 1},
	{"another network", {.address = {10, 98}, .family = AF_INET, .bits = 16}, "", false, 0, 0},
	{"IPv6", {.family = AF_INET6, .bits = 0}, "", false, 2, 2},
};

static int one_each(void *arg, int report)
{
	const struct lab *lab = arg;
	struct peer_exchange exchanges[2] = {
		{LAB_SERVER_IPV4, PORT_PLAIN, 17, 19, false},
		{"127.0.0.1", PORT_CLOSED, 23, 29, false},
	};
	struct peer_server_plan plan = {PEER_PLAIN, PORT_CLOSED, "127.0.0.1"};
	struct lab_process server = lab_start(lab, LAB_CLIENT, peer_serve, &plan);
	struct peer_server_ready ready;
	struct peer_client_plan both = {exchanges, 2, 0, 1, -1};
	int r;

	lab_read(&server, &ready, sizeof(ready));
	r = peer_exchange_all(&both, report);
	usleep(100000);
	lab_kill(&server);
	return r;
}

Test(net_tracer, filters_hold_for_what_they_name)
{
	struct lab_process server, client;
	struct peer_server_plan plan = {PEER_PLAIN, PORT_PLAIN, LAB_SERVER_IPV4};
	struct peer_server_ready ready;
	struct lab lab;

	SETUP();
	lab_open(&lab);
	server = lab_start(&lab, LAB_SERVER, peer_serve, &plan);
	lab_read(&server, &ready, sizeof(ready));
	for (size_t i = 0; i < EO_ARRAY_SIZE(filter_cases); i++) {
		struct eo_net_tracer_options options = crowd_options(EO_NET_TCP_CLOSE);
		size_t clients = 0, servers = 0;
		struct eo_event_list *list;
		struct eo_trace_stats stats;
		struct eo_tracer *tracer;

		options.hosts = &filter_cases[i].host;
		options.host_count = filter_cases[i].host.family != 0;
		strcpy(options.interface, filter_cases[i].interface);
		options.no_loopback = filter_cases[i].no_loopback;
		tracer = seen_begin(&options);
		client = lab_start(&lab, LAB_CLIENT, one_each, &lab);
		lab_join(&client);
		usleep(100000);
		list = seen_end(tracer, &stats);
		for (size_t j = 0; j < eo_event_list_count(list); j++) {
			bool is_client = !strcmp(seen_text(eo_event_list_get(list, j), "role"),
						 "client");

			clients += is_client;
			servers += !is_client;
		}
		cr_assert_eq(clients, filter_cases[i].clients, "%s: %zu clients",
			     filter_cases[i].name, clients);
		cr_assert_eq(servers, filter_cases[i].servers, "%s: %zu servers",
			     filter_cases[i].name, servers);
		/* Whatever else the machine connects is filtered, too. */
		cr_assert_geq(stats.filtered, 4 - clients - servers, "%s", filter_cases[i].name);
		eo_event_list_free(list);
		eo_tracer_free(tracer);
	}
	lab_kill(&server);
	lab_close(&lab);
}

/* --- summary ------------------------------------------------------------------------------ */

static int keep_row(void *ctx, const struct eo_event *event)
{
	return eo_event_list_add(ctx, event);
}

Test(net_tracer, a_summary_has_a_row_for_each_process_and_peer)
{
	struct eo_net_tracer_options options = crowd_options(EO_NET_CONNECTION);
	struct crowd *crowd;
	struct eo_event_list *rows = eo_event_list_new();
	uint64_t sent = 0, answered = 0;
	struct eo_trace_stats stats;
	struct eo_tracer *tracer;

	SETUP();
	options.tracer.summary = true;
	options.by_comm = options.by_pid = options.by_peer = true;
	crowd = crowd_open();
	tracer = seen_begin(&options);
	crowd_start(crowd);
	crowd_join(crowd, tracer);
	seen_settle(tracer, 4 * CROWD_CONNECTIONS);
	cr_assert_eq(eo_tracer_stop(tracer, NULL, NULL), 0);
	crowd_close(crowd);
	cr_assert_eq(eo_tracer_summary(tracer, keep_row, rows, NULL), 0);
	stats = eo_tracer_stats(tracer);
	seen_check_identity(&stats);
	seen_need_all_runs(&stats);
	cr_assert_eq(stats.aggregated, 4 * CROWD_CONNECTIONS);
	cr_assert_eq(stats.emitted, 0);
	for (size_t i = 0; i < CROWD_CONNECTIONS; i++) {
		sent += 8 + crowd->exchanges[i].request;
		answered += crowd->exchanges[i].response;
	}
	/* Each client talks to three servers by IPv4, to one of them by IPv6 too; each server is
	 * talked to from one address, that one from two. */
	cr_assert_eq(eo_event_list_count(rows), CROWD_CLIENTS * 4 + 4);
	cr_assert_eq(seen_sum(rows, EO_EVENT_NET_SUMMARY, "client", "count"), CROWD_CONNECTIONS);
	cr_assert_eq(seen_sum(rows, EO_EVENT_NET_SUMMARY, "server", "count"), CROWD_CONNECTIONS);
	cr_assert_eq(seen_sum(rows, EO_EVENT_NET_SUMMARY, "client", "tx_bytes"), sent);
	cr_assert_eq(seen_sum(rows, EO_EVENT_NET_SUMMARY, "client", "rx_bytes"), answered);
	cr_assert_eq(seen_sum(rows, EO_EVENT_NET_SUMMARY, "server", "tx_bytes"), answered);
	cr_assert_eq(seen_sum(rows, EO_EVENT_NET_SUMMARY, "server", "rx_bytes"), sent);
	cr_assert_gt(seen_sum(rows, EO_EVENT_NET_SUMMARY, "client", "rtt_p50_ns"), 0);
	cr_assert_eq(seen_sum(rows, EO_EVENT_NET_SUMMARY, "client", "errors"), 0);
	/* They are gone now. */
	eo_event_list_free(rows);
	rows = eo_event_list_new();
	cr_assert_eq(eo_tracer_summary(tracer, keep_row, rows, NULL), 0);
	cr_assert_eq(eo_event_list_count(rows), 0);
	eo_event_list_free(rows);
	eo_tracer_free(tracer);
	free(crowd);
}

/* --- wrong order, wrong options ----------------------------------------------------------- */

Test(net_tracer, calls_in_a_wrong_state_are_errors)
{
	struct eo_net_tracer_options options = crowd_options(0);
	struct eo_config config = eo_config_default();
	struct eo_tracer *tracer;
	struct eo_error err;

	SETUP();
	cr_assert_eq(eo_net_tracer_new(&config, &options, &tracer, &err), 0);
	cr_assert_eq(eo_tracer_pump(tracer, &err), -EINVAL);
	cr_assert_eq(eo_tracer_stop(tracer, NULL, &err), -EINVAL);
	cr_assert_eq(eo_tracer_start(tracer, &err), 0);
	cr_assert_eq(eo_tracer_start(tracer, &err), -EALREADY);
	cr_assert_eq(eo_tracer_stop(tracer, NULL, &err), 0);
	cr_assert_eq(eo_tracer_stop(tracer, NULL, &err), -EINVAL);
	cr_assert_eq(eo_tracer_start(tracer, &err), 0);
	eo_tracer_free(tracer);
}

Test(net_tracer, filters_that_make_no_sense_are_refused)
{
	static const struct eo_net_prefix host = {.family = AF_INET, .bits = 33};
	struct eo_net_tracer_options options = {.hosts = &host, .host_count = 1};
	struct eo_config config = eo_config_default();
	struct eo_tracer *tracer = NULL;
	struct eo_error err;

	cr_assert_eq(eo_net_tracer_new(&config, &options, &tracer, &err), -EINVAL);
	cr_assert_eq(err.kind, EO_ERROR_CONFIG);
	options = (struct eo_net_tracer_options){.events = EO_NET_DNS, .tracer.summary = true};
	cr_assert_eq(eo_net_tracer_new(&config, &options, &tracer, &err), -EINVAL);
	options = (struct eo_net_tracer_options){0};
	memset(options.interface, 'x', sizeof(options.interface));
	cr_assert_eq(eo_net_tracer_new(&config, &options, &tracer, &err), -EINVAL);
	cr_assert_null(tracer);
}
