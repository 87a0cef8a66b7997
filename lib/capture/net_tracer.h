/* SPDX-License-Identifier: BSD-2-Clause */
/* Traces what processes say to the network. Used through capture/tracer.h. */
#ifndef EO_CAPTURE_NET_TRACER_H
#define EO_CAPTURE_NET_TRACER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/tracer.h"
#include "net_records.h"

#define EO_NET_DEFAULT_EVENTS (EO_NET_CONNECTION | EO_NET_UDP_SESSION | EO_NET_DNS)

/* Addresses that begin alike. */
struct eo_net_prefix {
	uint8_t address[16]; /* IPv4 in the first four */
	uint16_t family;     /* AF_INET, AF_INET6 */
	uint16_t bits;	     /* up to 32 or 128 */
};

/* Values of one filter are alternatives, different filters must all hold; empty: everything.
 * Arrays are the caller's and needed whenever start() is called. */
struct eo_net_tracer_options {
	struct eo_tracer_options tracer;
	uint32_t events;    /* EO_NET_ bits; 0: EO_NET_DEFAULT_EVENTS. Summaries have no rows of DNS,
			     * and leave it out */
	uint32_t protocols; /* EO_NET_TCP, EO_NET_UDP; 0: both */
	const uint16_t *ports; /* of either end */
	size_t port_count;
	const uint16_t *local_ports;
	size_t local_port_count;
	const uint16_t *peer_ports;
	size_t peer_port_count;
	const struct eo_net_prefix *hosts; /* of either end */
	size_t host_count;
	char interface[EO_NET_INTERFACE_BYTES]; /* empty: any */
	bool no_loopback;
	bool http_query; /* keep what stands behind '?' */
	bool by_comm, by_pid, by_peer; /* what rows of a summary are told apart by */
	bool http_by_peer; /* those of HTTP as well; by host and path they are always */
	uint32_t connections_max; /* whose state is held at a time; 0: 65,536 */
};

/**
 * Make a tracer; free with eo_tracer_free().
 * @ret: untouched on failure
 * Returns 0, or -EINVAL and a CONFIG error.
 */
int eo_net_tracer_new(const struct eo_config *config, const struct eo_net_tracer_options *options,
		      struct eo_tracer **ret, struct eo_error *err);

#endif
