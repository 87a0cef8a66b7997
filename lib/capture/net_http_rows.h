/* SPDX-License-Identifier: BSD-2-Clause */
/* Adds HTTP requests up, by host and path and by what else a summary tells apart. Not thread-safe. */
#ifndef EO_CAPTURE_NET_HTTP_ROWS_H
#define EO_CAPTURE_NET_HTTP_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/tracer.h"
#include "core/auto.h"

struct eo_net_http_rows_options {
	bool by_comm, by_pid, by_peer; /* servers' peers have no port */
	size_t rows_max;	       /* beyond it paths are not told apart; 0: 16,384 */
};

struct eo_net_http_rows;

/** Returns NULL when memory is out. */
struct eo_net_http_rows *eo_net_http_rows_new(const struct eo_net_http_rows_options *options);
void eo_net_http_rows_free(struct eo_net_http_rows *rows); /* NULL is fine */
EO_DEFINE_AUTO(eo_net_http_rows)

/** @event: an http_request. Returns 0 or -ENOMEM, and then it is not in. */
int eo_net_http_rows_add(struct eo_net_http_rows *rows, const struct eo_event *event);

/** Hand the rows out as net_summary events, and forget them. Returns 0, or what @fn says. */
int eo_net_http_rows_tell(struct eo_net_http_rows *rows, uint64_t ktime_ns, eo_trace_event_fn fn,
			  void *ctx);

#endif
