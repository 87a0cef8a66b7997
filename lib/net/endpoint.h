/* SPDX-License-Identifier: BSD-2-Clause */
/* Who talks, and to where. */
#ifndef EO_NET_ENDPOINT_H
#define EO_NET_ENDPOINT_H

#include <stdint.h>

#include "core/event.h"

/* Comparable byte by byte: what the family does not use is zero. */
struct eo_net_endpoint {
	uint8_t address[16]; /* network order; IPv4 in the first four */
	uint16_t port;	     /* host order */
	uint16_t family;     /* AF_INET, AF_INET6 */
};

_Static_assert(sizeof(struct eo_net_endpoint) == 20, "endpoints are compared as bytes");

struct eo_net_owner {
	uint32_t pid, tid; /* in the root pid namespace; 0 when unknown */
	uint32_t ns_pid;   /* 0 where it is the same */
	char comm[EO_COMM_BYTES];
	char thread[EO_COMM_BYTES];
	uint64_t stack; /* the caller's word for where in its code a message was sent; 0: none */
};

#endif
