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

/** A line: type, elapsed_ns, and members of data. The process is 7, "app". Not to be freed. */
const char *event_line(const char *type, long long elapsed_ns, const char *data);

#endif
