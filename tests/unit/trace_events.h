/* SPDX-License-Identifier: BSD-2-Clause */
/* Events for outputs, and a tracer that does nothing but have a name. */
#ifndef EO_TESTS_TRACE_EVENTS_H
#define EO_TESTS_TRACE_EVENTS_H

#include <jansson.h>

#include "capture/tracer.h"
#include "core/event.h"

/** Freed with eo_tracer_free(). */
struct eo_tracer *trace_events_tracer(const char *name);

/** A failing openat() of process @pid; @number is its descriptor. Lives until the next call. */
const struct eo_event *trace_events_call(uint32_t pid, uint64_t ktime_ns, unsigned int number);

/** All lines of a file as an array of JSON values; fails the test where one is none. */
json_t *trace_events_read(const char *path);

/** How many of the lines are of that event_type. */
size_t trace_events_count(const json_t *lines, const char *type);
/** The first of them; borrowed. NULL: none. */
const json_t *trace_events_first(const json_t *lines, const char *type);

#endif
