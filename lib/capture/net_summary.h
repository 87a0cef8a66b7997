/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads the rows into which the network tracer's programs aggregate. */
#ifndef EO_CAPTURE_NET_SUMMARY_H
#define EO_CAPTURE_NET_SUMMARY_H

#include "capture/tracer.h"

struct bpf_object;

/**
 * Hand out the rows since the last call as net_summary events, and forget them.
 * @generation: the programs' own, moved on here
 */
int eo_net_summary(struct bpf_object *object, volatile uint32_t *generation, eo_trace_event_fn fn,
		   void *ctx, struct eo_error *err);

#endif
