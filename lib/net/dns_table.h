/* SPDX-License-Identifier: BSD-2-Clause */
/* Brings DNS queries and their answers together. It has no clock: times come with the messages, and
 * may be slightly out of order. Not thread-safe. */
#ifndef EO_NET_DNS_TABLE_H
#define EO_NET_DNS_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "core/auto.h"
#include "net/dns.h"
#include "net/endpoint.h"

#define EO_DNS_TIMEOUT_NS 5000000000ull /* that of resolv.conf(5) */

/* Pointers live during the call. */
struct eo_dns_lookup {
	uint64_t ktime_ns;    /* of the first query */
	uint64_t duration_ns; /* until the answer; until it was given up */
	uint64_t cookie;
	const struct eo_net_endpoint *server;
	const struct eo_net_owner *owner; /* of the query */
	const char *question;
	uint16_t qtype;
	int error;   /* 0 or ETIMEDOUT */
	uint32_t retries; /* the same query to the same server again */
	const struct eo_dns_message *answer; /* rcode, answers, truncated; NULL: there is none */
};

typedef void eo_dns_lookup_fn(void *arg, const struct eo_dns_lookup *lookup);

struct eo_dns_table_options {
	uint32_t queries_max; /* waiting for answers; 0: 4096 */
	size_t memory_max;    /* for their names; 0: 1 MB */
	uint64_t timeout_ns;  /* since the last try; 0: EO_DNS_TIMEOUT_NS */
	eo_dns_lookup_fn *lookup;
	void *arg;
};

/* Each message ends up in exactly one of these but retries, and each query, when the table is
 * flushed, in answered, timed_out or evicted. */
struct eo_dns_counts {
	uint64_t queries; /* first tries */
	uint64_t retries;
	uint64_t answered;
	uint64_t timed_out;
	uint64_t evicted;   /* for want of room, the oldest first */
	uint64_t unmatched; /* answers without query: late, twice, forged, older than the trace */
	uint64_t ignored;   /* queries without question, operations that are no queries */
	uint64_t refused;   /* queries that memory did not allow */
};

struct eo_dns_table;

/** Returns NULL when memory is out. @options is copied. */
struct eo_dns_table *eo_dns_table_new(const struct eo_dns_table_options *options);
void eo_dns_table_free(struct eo_dns_table *table); /* NULL is fine; forgets what still waits */
EO_DEFINE_AUTO(eo_dns_table)

/**
 * Take a message that eo_dns_parse() found in order, a query or an answer.
 * @cookie: of the socket
 * @server: where the query went, where the answer came from
 * @owner: of the socket; copied with a query, not looked at with an answer, and may be NULL there
 */
void eo_dns_table_take(struct eo_dns_table *table, uint64_t ktime_ns, uint64_t cookie,
		       const struct eo_net_endpoint *server, const struct eo_net_owner *owner,
		       const struct eo_dns_message *message);

/** Give up what waits since before @now_ns minus the timeout. Call it a few times a second. */
void eo_dns_table_expire(struct eo_dns_table *table, uint64_t now_ns);

const struct eo_dns_counts *eo_dns_table_counts(const struct eo_dns_table *table);
uint32_t eo_dns_table_waiting(const struct eo_dns_table *table);

#endif
