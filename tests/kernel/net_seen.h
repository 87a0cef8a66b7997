/* SPDX-License-Identifier: BSD-2-Clause */
/* A network tracer under test, and what its events say. */
#ifndef EO_TEST_NET_SEEN_H
#define EO_TEST_NET_SEEN_H

#include "capture/net_tracer.h"

/* Made and started. */
struct eo_tracer *seen_begin(const struct eo_net_tracer_options *options);

/* Pump until that many events are told, in rows, or lost, which the test then sees; for five seconds at
 * most. What the rest of the machine connects is filtered and does not count. */
void seen_settle(struct eo_tracer *tracer, uint64_t events);

/* Stop; nothing may be lost, and the figures have to add up. */
struct eo_event_list *seen_end(struct eo_tracer *tracer, struct eo_trace_stats *ret);

/* Skip the test where the kernel left out runs of the tracer's programs: what these would have said is not
 * to be expected then. For tests of thousands of events; there are kernels on which that is usual. */
void seen_need_all_runs(const struct eo_trace_stats *stats);

void seen_check_identity(const struct eo_trace_stats *stats);
uint64_t seen_total(const struct eo_trace_stats *stats, const char *key);
uint64_t seen_degraded(const struct eo_trace_stats *stats, const char *key);

uint64_t seen_number(const struct eo_event *event, const char *key); /* has to be there */
uint64_t seen_number_or_0(const struct eo_event *event, const char *key);
const char *seen_text(const struct eo_event *event, const char *key); /* "" when absent */
uint16_t seen_port(const struct eo_event *event, const char *end);
const char *seen_address(const struct eo_event *event, const char *end);

size_t seen_count(const struct eo_event_list *list, enum eo_event_type type);

/* All events of the list by time; there have to be @count. */
void seen_in_order(const struct eo_event_list *list, const struct eo_event **ret, size_t count);

#endif
