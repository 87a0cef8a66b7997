/* SPDX-License-Identifier: BSD-2-Clause */
/* Servers and clients that move bytes of known number. A client sends the two sizes and as many
 * bytes as the first says, the server answers with as many as the second. */
#ifndef EO_TEST_NET_PEERS_H
#define EO_TEST_NET_PEERS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

#include "net_lab.h"

enum peer_server {
	PEER_THREADS, /* one thread accepts and hands the descriptors to others */
	PEER_FORKS,   /* a child serves, the parent closes */
	PEER_PLAIN,
};

struct peer_server_plan {
	enum peer_server kind;
	uint16_t port;
	const char *address; /* "::" takes IPv4 too */
};

/* Reports its struct peer_server_ready, and goes on until it is killed. */
struct peer_server_ready {
	pid_t acceptor; /* the thread that calls accept() */
};

int peer_serve(void *plan, int report);

struct peer_exchange {
	const char *address;
	uint16_t port;
	uint32_t request, response; /* bytes; the header of eight comes on top of the first */
	bool server_first;	    /* the server closes first */
};

/* Reported for each exchange, in turn. */
struct peer_done {
	uint16_t local_port;
	uint16_t reserved;
	int32_t error; /* errno value of what failed; 0: nothing did */
};

struct peer_client_plan {
	const struct peer_exchange *exchanges;
	size_t count, first, step; /* takes number first, first + step … */
	int hold; /* >= 0: connected sockets wait for a byte from here before they are used */
};

int peer_exchange_all(void *plan, int report);

/* Takes datagrams and says them again, until it is killed; ready with its first report. */
struct peer_echo_plan {
	sa_family_t family;
	uint16_t port;
};

int peer_echo_datagrams(void *plan, int report);

/* A socket that is connected, or -1 and errno. @retries: of the first packet; 0: as many as usual */
int peer_connect(const char *address, uint16_t port, int retries);
int peer_listen(const char *address, uint16_t port);

#endif
