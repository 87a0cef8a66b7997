/* SPDX-License-Identifier: BSD-2-Clause */
/* Many connections in the lab, each with numbers of bytes of its own, and what a tracer has to say of them:
 * seven clients take turns, three servers of different kinds answer. */
#ifndef EO_TEST_NET_CROWD_H
#define EO_TEST_NET_CROWD_H

#include <stddef.h>
#include <stdint.h>

#include "capture/net_tracer.h"
#include "net_lab.h"
#include "net_peers.h"

#define CROWD_CLIENTS     7
#define CROWD_SERVERS     3
#define CROWD_CONNECTIONS 1009

/* Each server has one of the first three. */
#define PORT_THREADS 27001
#define PORT_FORKS   27011
#define PORT_PLAIN   27031
#define PORT_CLOSED  27043
#define PORT_DROPPED 27059
#define PORT_REFUSED 27061

/* Connection i is one of client i % CROWD_CLIENTS to server i % CROWD_SERVERS. */
struct crowd {
	struct lab lab;
	struct peer_server_plan server_plans[CROWD_SERVERS];
	struct lab_process servers[CROWD_SERVERS];
	struct peer_server_ready ready[CROWD_SERVERS];
	struct peer_exchange exchanges[CROWD_CONNECTIONS];
	struct peer_done done[CROWD_CONNECTIONS];
	struct peer_client_plan client_plans[CROWD_CLIENTS];
	struct lab_process clients[CROWD_CLIENTS];
};

/* Tell @events of connections to or from the ports above and no others. */
struct eo_net_tracer_options crowd_options(uint32_t events);

/* The lab with its servers, who listen; connections are planned. To be closed, then given to free(). */
struct crowd *crowd_open(void);
/* All clients begin. */
void crowd_start(struct crowd *crowd);
/* One begins with those of its connections that are below @end. @hold: see struct peer_client_plan */
void crowd_start_one(struct crowd *crowd, size_t client, uint32_t end, int hold);
/* Pump while they connect, until they have ended. */
void crowd_join(struct crowd *crowd, struct eo_tracer *tracer);
/* Plans and what was done stay. */
void crowd_close(struct crowd *crowd);

/* The end of connection @i as a side tells it; there has to be exactly one. */
const struct eo_event *crowd_client_end(const struct crowd *crowd, const struct eo_event_list *list,
					size_t i);
const struct eo_event *crowd_server_end(const struct crowd *crowd, const struct eo_event_list *list,
					size_t i);

/* All connections begin and end, on both sides, with their owners, roles, ends and bytes. */
void crowd_check(const struct crowd *crowd, const struct eo_event_list *list);
/* The same of one, on the side of its server. */
void crowd_check_served(const struct crowd *crowd, const struct eo_event_list *list, size_t i);

#endif
