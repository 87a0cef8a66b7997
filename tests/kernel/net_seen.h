/* SPDX-License-Identifier: BSD-2-Clause */
/* A network tracer under test, and what its events say. */
#ifndef EO_TEST_NET_SEEN_H
#define EO_TEST_NET_SEEN_H

#include <criterion/criterion.h>
#include <stdlib.h>
#include <unistd.h>

#include "capture/net_tracer.h"
#include "net_lab.h"

#define SETUP()                                                          \
	do {                                                             \
		if (geteuid() != 0)                                      \
			cr_skip_test("needs root to load BPF programs"); \
	} while (0)

/* @command: of a shell, which succeeds where there is what the test needs */
#define NEEDS(command)                                               \
	do {                                                         \
		if (system("{ " command "; } >/dev/null 2>&1") != 0) \
			cr_skip_test("needs " command);              \
	} while (0)

/* Made and started. */
struct eo_tracer *seen_begin(const struct eo_net_tracer_options *options);

/* Pump until that many events are told, in rows, or lost, which the test then sees; for five seconds at
 * most. What the rest of the machine connects is filtered and does not count. */
void seen_settle(struct eo_tracer *tracer, uint64_t events);

/* Pump until the process ends, which has to be a return of 0. @what: it is, should it not be */
void seen_join(struct eo_tracer *tracer, struct lab_process *process, const char *what);

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
/* Of a number that all events of this type and role have. */
uint64_t seen_sum(const struct eo_event_list *list, enum eo_event_type type, const char *role,
		  const char *key);

/* All events of the list by time; there have to be @count. */
void seen_in_order(const struct eo_event_list *list, const struct eo_event **ret, size_t count);

#endif
