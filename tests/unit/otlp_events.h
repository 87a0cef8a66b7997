/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines of events through the converter, and what comes out as JSON. */
#ifndef EO_TESTS_OTLP_EVENTS_H
#define EO_TESTS_OTLP_EVENTS_H

#include <jansson.h>

#include "format/reader.h"
#include "otlp/converter.h"

enum signal {
	SPANS,
	METRICS,
	LOGS,
};

struct otlp {
	struct eo_span_batch *spans;
	struct eo_metric_batch *metrics;
	struct eo_log_batch *logs;
	struct eo_otlp_converter *converter;
	int made; /* sum of what the conversions of the last feed said */
};

void otlp_init(struct otlp *otlp, const char *run_id);
void otlp_fini(struct otlp *otlp);

/** Convert each line to @signal; returns the status of the reading. */
int otlp_feed(struct otlp *otlp, enum signal signal, const char *lines);

/** The bytes of one request; @size may be NULL. free() them. */
char *otlp_write(struct otlp *otlp, enum signal signal, enum eo_otlp_encoding encoding,
		 size_t *size);

/** One request as JSON; json_decref() it. */
json_t *otlp_request(struct otlp *otlp, enum signal signal);

/** All of it for @lines, with the run id "run": for most tests. */
json_t *otlp_of(enum signal signal, const char *lines);

/** In a request: the spans (metrics, log records) of entry @resource; borrowed. */
json_t *otlp_items(json_t *request, size_t resource);
/** Attribute @key of anything that has attributes, as text; NULL where there is none. */
const char *otlp_attribute(const json_t *object, const char *key);
/** The same of entry @resource's resource. */
const char *otlp_resource(json_t *request, size_t resource, const char *key);
/** The first item with this name in any entry; NULL: none. */
json_t *otlp_find(json_t *request, const char *name);
/** @key of an object, as text. */
const char *otlp_text(const json_t *object, const char *key);
/** Data points of a metric. */
json_t *otlp_points(json_t *request, const char *metric);

/** Unix time of a moment in the trace of event_line(), as text. Not to be freed. */
const char *event_wall(long long elapsed_ns);

/** Fails the test at @line unless both are the same text, or both NULL. */
void otlp_expect(const char *found, const char *expected, const char *what, int line);

#define EXPECT(object, key, expected) otlp_expect(otlp_text(object, key), expected, key, __LINE__)
#define EXPECT_ATTRIBUTE(object, key, expected) \
	otlp_expect(otlp_attribute(object, key), expected, key, __LINE__)
#define EXPECT_RESOURCE(request, resource, key, expected) \
	otlp_expect(otlp_resource(request, resource, key), expected, key, __LINE__)

/* Data of a TCP connection of a client, and of a request. */
#define ENDS                                           \
	"\"local\":{\"address\":\"10.0.0.7\",\"port\":51234}," \
	"\"peer\":{\"address\":\"10.0.0.5\",\"port\":5432}"
#define CONN "\"conn\":\"0x1f3a\",\"role\":\"client\",\"family\":\"ipv4\"," ENDS
#define HTTP                                                              \
	"\"scheme\":\"http\",\"method\":\"GET\",\"host\":\"shop:8080\"," \
	"\"path\":\"/cart?id=1\",\"version\":\"1.1\""
#define PARENT "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

#define EVENTS_START_NS 1795302060000000000 /* what event_line() counts from */

/** A line: type, elapsed_ns, and members of data. The process is 7, "app". Not to be freed. */
const char *event_line(const char *type, long long elapsed_ns, const char *data);

#endif
