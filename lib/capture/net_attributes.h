/* SPDX-License-Identifier: BSD-2-Clause */
/* Puts the data of a network event together, in the order in which it is written. */
#ifndef EO_CAPTURE_NET_ATTRIBUTES_H
#define EO_CAPTURE_NET_ATTRIBUTES_H

#include <netinet/in.h>
#include <stdbool.h>

#include "core/event.h"
#include "net_records.h"

#define EO_NET_ATTRIBUTES_MAX 40
#define EO_NET_ADDRESSES_MAX  4

/* Zeroed memory is an empty one. Strings that are handed in live as long. */
struct eo_net_attributes {
	struct eo_attr attrs[EO_NET_ATTRIBUTES_MAX];
	size_t count, array; /* array: the last one; 0: none */
	char addresses[EO_NET_ADDRESSES_MAX][INET6_ADDRSTRLEN];
	size_t address_count;
	char text[64], interface[EO_NET_INTERFACE_BYTES]; /* for whoever needs them */
};

void eo_net_attributes_uint(struct eo_net_attributes *attrs, const char *key, uint64_t value);
void eo_net_attributes_hex(struct eo_net_attributes *attrs, const char *key, uint64_t value);
void eo_net_attributes_true(struct eo_net_attributes *attrs, const char *key);
/** NULL: absent. */
void eo_net_attributes_string(struct eo_net_attributes *attrs, const char *key, const char *value);
/** A string in an array, which begins with its first one and ends with another key. */
void eo_net_attributes_element(struct eo_net_attributes *attrs, const char *key, const char *value);
/** An errno value, positive; 0: absent. */
void eo_net_attributes_error(struct eo_net_attributes *attrs, int error);
/** An object of address and port. Absent without a family; a port of 0 is left out. */
void eo_net_attributes_end(struct eo_net_attributes *attrs, const char *key,
			   const struct eo_net_end *end);
/** "local" and "peer". */
void eo_net_attributes_ends(struct eo_net_attributes *attrs, const struct eo_net_ends *ends);

/** "client", "server"; NULL when unknown. Static text. */
const char *eo_net_role_name(enum eo_net_role role);
/** "ipv4", "ipv6"; NULL when unknown. Static text. */
const char *eo_net_family_name(const struct eo_net_ends *ends);

#endif
