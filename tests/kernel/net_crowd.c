// SPDX-License-Identifier: BSD-2-Clause
#include "net_crowd.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/auto.h"
#include "net_seen.h"

/* Whatever else the machine connects is filtered. */
static const uint16_t crowd_ports[] = {PORT_THREADS, PORT_FORKS,	  PORT_PLAIN,
				       PORT_CLOSED,  PORT_DROPPED, PORT_REFUSED};

struct eo_net_tracer_options crowd_options(uint32_t events)
{
	return (struct eo_net_tracer_options){
		.events = events,
		.ports = crowd_ports,
		.port_count = EO_ARRAY_SIZE(crowd_ports),
	};
}

/* The event of @type with this number; there has to be exactly one. */
static const struct eo_event *of_conn(const struct eo_event_list *list, enum eo_event_type type,
				      uint64_t conn)
{
	const struct eo_event *found = NULL;

	for (size_t i = 0; i < eo_event_list_count(list); i++) {
		const struct eo_event *event = eo_event_list_get(list, i);

		if (event->type != type || seen_number(event, "conn") != conn)
			continue;
		cr_assert_null(found, "two %s of %#lx", eo_event_type_name(type), conn);
		found = event;
	}
	cr_assert_not_null(found, "no %s of %#lx", eo_event_type_name(type), conn);
	return found;
}

/* The end of a connection; there has to be exactly one. A client's port may be used again by a later
 * connection, so that the bytes have to tell as well. */
static const struct eo_event *find_end(const struct eo_event_list *list, const char *family,
				       uint16_t local_port, uint16_t peer_port, uint64_t tx,
				       uint64_t rx)
{
	const struct eo_event *found = NULL;

	for (size_t i = 0; i < eo_event_list_count(list); i++) {
		const struct eo_event *event = eo_event_list_get(list, i);

		if (event->type != EO_EVENT_TCP_CLOSE || seen_port(event, "local") != local_port ||
		    seen_port(event, "peer") != peer_port || strcmp(seen_text(event, "family"), family) ||
		    seen_number(event, "tx_bytes") != tx || seen_number(event, "rx_bytes") != rx)
			continue;
		cr_assert_null(found, "two ends of %u to %u", local_port, peer_port);
		found = event;
	}
	cr_assert_not_null(found, "no end of %u to %u with %lu bytes out and %lu in", local_port,
			   peer_port, tx, rx);
	return found;
}

static const struct peer_server_plan server_plans[CROWD_SERVERS] = {
	{PEER_THREADS, PORT_THREADS, "0.0.0.0"},
	{PEER_FORKS, PORT_FORKS, LAB_SERVER_IPV4},
	{PEER_PLAIN, PORT_PLAIN, "::"},
};

static void plan_exchanges(struct crowd *crowd)
{
	for (uint32_t i = 0; i < CROWD_CONNECTIONS; i++) {
		const struct peer_server_plan *server = &crowd->server_plans[i % CROWD_SERVERS];
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

struct crowd *crowd_open(void)
{
	struct crowd *crowd = calloc(1, sizeof(*crowd));

	lab_open(&crowd->lab);
	memcpy(crowd->server_plans, server_plans, sizeof(server_plans));
	for (int i = 0; i < CROWD_SERVERS; i++) {
		crowd->servers[i] = lab_start(&crowd->lab, LAB_SERVER, peer_serve,
					      &crowd->server_plans[i]);
		lab_read(&crowd->servers[i], &crowd->ready[i], sizeof(crowd->ready[i]));
	}
	plan_exchanges(crowd);
	return crowd;
}

void crowd_start_one(struct crowd *crowd, size_t client, uint32_t end, int hold)
{
	crowd->client_plans[client] = (struct peer_client_plan){crowd->exchanges, end, client,
								CROWD_CLIENTS, hold};
	crowd->clients[client] = lab_start(&crowd->lab, LAB_CLIENT, peer_exchange_all,
					   &crowd->client_plans[client]);
}

void crowd_start(struct crowd *crowd)
{
	for (size_t i = 0; i < CROWD_CLIENTS; i++)
		crowd_start_one(crowd, i, CROWD_CONNECTIONS, -1);
}

void crowd_join(struct crowd *crowd, struct eo_tracer *tracer)
{
	for (size_t i = 0; i < CROWD_CONNECTIONS; i++) {
		lab_read(&crowd->clients[i % CROWD_CLIENTS], &crowd->done[i], sizeof(crowd->done[i]));
		cr_assert_eq(crowd->done[i].error, 0, "connection %zu: %s", i,
			     strerror(crowd->done[i].error));
		cr_assert_eq(eo_tracer_pump(tracer, NULL), 0);
	}
	for (int i = 0; i < CROWD_CLIENTS; i++)
		lab_join(&crowd->clients[i]);
}

void crowd_close(struct crowd *crowd)
{
	for (int i = 0; i < CROWD_SERVERS; i++)
		lab_kill(&crowd->servers[i]);
	lab_close(&crowd->lab);
}

static const char *family_of(const struct peer_exchange *exchange)
{
	return strchr(exchange->address, ':') ? "ipv6" : "ipv4";
}

const struct eo_event *crowd_client_end(const struct crowd *crowd, const struct eo_event_list *list,
					size_t i)
{
	const struct peer_exchange *exchange = &crowd->exchanges[i];

	return find_end(list, family_of(exchange), crowd->done[i].local_port, exchange->port,
			8 + exchange->request, exchange->response);
}

const struct eo_event *crowd_server_end(const struct crowd *crowd, const struct eo_event_list *list,
					size_t i)
{
	const struct peer_exchange *exchange = &crowd->exchanges[i];

	return find_end(list, family_of(exchange), exchange->port, crowd->done[i].local_port,
			exchange->response, 8 + exchange->request);
}

static void check_ends(const struct eo_event *event, const struct peer_exchange *exchange,
		       bool client)
{
	bool ipv6 = strchr(exchange->address, ':') != NULL;

	cr_assert_str_eq(seen_address(event, client ? "local" : "peer"),
			 ipv6 ? LAB_CLIENT_IPV6 : LAB_CLIENT_IPV4);
	cr_assert_str_eq(seen_address(event, client ? "peer" : "local"), exchange->address);
	cr_assert_str_eq(seen_text(event, "role"), client ? "client" : "server");
}

/* @opened: how it began */
static void check_close(const struct eo_event_list *list, const struct eo_event *close,
			enum eo_event_type opening, pid_t pid, pid_t tid)
{
	const struct eo_event *opened = of_conn(list, opening, seen_number(close, "conn"));

	cr_assert_eq(close->pid, (uint32_t)pid, "pid %u, not %d", close->pid, pid);
	cr_assert_eq(close->tid, (uint32_t)tid);
	cr_assert_gt(seen_number(close, "rtt_ns"), 0);
	cr_assert_null(eo_event_data(close, "error"));
	cr_assert_eq(opened->pid, close->pid);
	cr_assert_eq(opened->tid, close->tid);
	cr_assert_str_eq(opened->comm, close->comm);
	cr_assert_eq(seen_port(opened, "local"), seen_port(close, "local"));
	cr_assert_eq(seen_port(opened, "peer"), seen_port(close, "peer"));
	cr_assert_eq(opened->ktime_ns + seen_number(close, "lifetime_ns"), close->ktime_ns);
	cr_assert_leq(seen_number_or_0(opened, "duration_ns"), seen_number(close, "lifetime_ns"));
	if (seen_number(close, "rx_bytes"))
		cr_assert_gt(seen_number(close, "first_byte_ns"), 0);
	cr_assert_leq(seen_number_or_0(close, "first_byte_ns"), seen_number(close, "lifetime_ns"));
}

void crowd_check_served(const struct crowd *crowd, const struct eo_event_list *list, size_t i)
{
	const struct eo_event *event = crowd_server_end(crowd, list, i);

	check_ends(event, &crowd->exchanges[i], false);
	check_close(list, event, EO_EVENT_TCP_ACCEPT, crowd->servers[i % CROWD_SERVERS].pid,
		    crowd->ready[i % CROWD_SERVERS].acceptor);
}

static void check_connection(const struct crowd *crowd, const struct eo_event_list *list, size_t i)
{
	const struct eo_event *event = crowd_client_end(crowd, list, i);
	pid_t client = crowd->clients[i % CROWD_CLIENTS].pid;

	check_ends(event, &crowd->exchanges[i], true);
	check_close(list, event, EO_EVENT_TCP_CONNECT, client, client);
	crowd_check_served(crowd, list, i);
}

void crowd_check(const struct crowd *crowd, const struct eo_event_list *list)
{
	cr_assert_eq(seen_count(list, EO_EVENT_TCP_CONNECT), CROWD_CONNECTIONS);
	cr_assert_eq(seen_count(list, EO_EVENT_TCP_ACCEPT), CROWD_CONNECTIONS);
	cr_assert_eq(seen_count(list, EO_EVENT_TCP_CLOSE), 2 * CROWD_CONNECTIONS);
	for (size_t i = 0; i < CROWD_CONNECTIONS; i++)
		check_connection(crowd, list, i);
}
