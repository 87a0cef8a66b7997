/* SPDX-License-Identifier: BSD-2-Clause */
/* A request that waits for its response, and where it goes then. Shared by the versions of HTTP. */
#ifndef EO_NET_HTTP_REQUEST_H
#define EO_NET_HTTP_REQUEST_H

#include "net/budget.h"
#include "net/http_exchange.h"
#include "net/http_head.h"

/* Where exchanges of one connection go. */
struct eo_http_sink {
	const struct eo_http_options *options;
	struct eo_http_counts *counts;
	struct eo_budget *budget; /* of the connection */
	void *user;
	enum eo_http_role role;
	uint64_t stack; /* of the chunk that is read now */
};

struct eo_http_request {
	struct eo_http_request *next;
	size_t size; /* of the allocation */
	uint64_t response_ns; /* of HTTP/2: when something of the response was last seen */
	struct eo_http_exchange exchange;
	char traceparent[EO_HTTP_TRACEPARENT_BYTES];
	char text[]; /* host, path */
};

/**
 * Keep what a head says. Its start is the exchange's time.
 * Returns NULL when memory is out or the budget is used up.
 */
struct eo_http_request *eo_http_request_new(const struct eo_http_sink *sink,
					    const struct eo_http_head *head, uint64_t start_ns);
void eo_http_request_free(const struct eo_http_sink *sink, struct eo_http_request *request);

/** Hand the exchange out, ended at @end_ns, and free the request. */
void eo_http_request_finish(const struct eo_http_sink *sink, struct eo_http_request *request,
			    uint64_t end_ns, int error);

#endif
