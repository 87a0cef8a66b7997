/* SPDX-License-Identifier: BSD-2-Clause */
/* Makes DNS and HTTP events of what was captured on sockets. Records of different CPUs come out of
 * order, so they wait here until none can come that is earlier. Not thread-safe. */
#ifndef EO_CAPTURE_NET_PAYLOADS_H
#define EO_CAPTURE_NET_PAYLOADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/net_attributes.h"
#include "capture/tracer.h"
#include "core/auto.h"

/* After so long every CPU's record has been read. */
#define EO_NET_PAYLOAD_WAIT_NS 100000000ull

/* @stack: hash of that of the call that began it, as the payload had it; 0: there is none */
typedef int (*eo_net_made_event_fn)(void *ctx, const struct eo_event *event, uint64_t stack);

struct eo_net_payloads_options {
	bool keep_query; /* of HTTP paths */
	eo_net_made_event_fn event;
	void *ctx;
};

struct eo_net_payloads_counts {
	uint64_t events;	/* handed out */
	uint64_t dns_malformed; /* messages */
	uint64_t dns_unmatched; /* answers without query, queries that found no room */
	uint64_t http_unpaired; /* requests and responses whose other half was not seen */
	uint64_t http_inexact;	/* malformed, cut, lost places */
	uint64_t dropped;	/* records for which there was no memory */
};

struct eo_net_payloads;

/** Returns NULL when memory is out. @options is copied. */
struct eo_net_payloads *eo_net_payloads_new(const struct eo_net_payloads_options *options);
void eo_net_payloads_free(struct eo_net_payloads *payloads); /* NULL is fine */
EO_DEFINE_AUTO(eo_net_payloads)

/** Take a payload, or the end of a connection; copied. */
void eo_net_payloads_add(struct eo_net_payloads *payloads, const struct eo_record_header *record,
			 size_t size);

/**
 * Read what is older than @until_ns, and give up what has waited too long for an answer by then.
 * Returns 0, or a negative return of the event function.
 */
int eo_net_payloads_run(struct eo_net_payloads *payloads, uint64_t until_ns);

/**
 * The trace ends at @now_ns: read everything, and tell of responses that are under way, or whose end
 * was not seen, as far as they came. Returns likewise.
 */
int eo_net_payloads_finish(struct eo_net_payloads *payloads, uint64_t now_ns);

struct eo_net_payloads_counts eo_net_payloads_counts(const struct eo_net_payloads *payloads);

#endif
