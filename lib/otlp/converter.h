/* SPDX-License-Identifier: BSD-2-Clause */
/* Events become spans, data points and log records; batches of them become OTLP messages.
 *
 * A tracer is the batch of spans that the converter fills, a meter the batch of metrics, a logger
 * that of log records. Without one of them its signal is not made. Not thread-safe. */
#ifndef EO_OTLP_CONVERTER_H
#define EO_OTLP_CONVERTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/attribute.h"
#include "core/auto.h"
#include "core/error.h"
#include "core/event.h"
#include "format/jsonl.h"
#include "model/profile.h"

enum eo_otlp_encoding {
	EO_OTLP_PROTOBUF,
	EO_OTLP_JSON,
};

struct eo_span_batch;
struct eo_metric_batch;
struct eo_log_batch;
struct eo_otlp_converter;

/** Empty batches; NULL when memory is out. */
struct eo_span_batch *eo_span_batch_new(void);
void eo_span_batch_free(struct eo_span_batch *batch);
EO_DEFINE_AUTO(eo_span_batch)
struct eo_metric_batch *eo_metric_batch_new(void);
void eo_metric_batch_free(struct eo_metric_batch *batch);
EO_DEFINE_AUTO(eo_metric_batch)
struct eo_log_batch *eo_log_batch_new(void);
void eo_log_batch_free(struct eo_log_batch *batch);
EO_DEFINE_AUTO(eo_log_batch)

size_t eo_span_batch_count(const struct eo_span_batch *batch);	   /* spans */
size_t eo_metric_batch_count(const struct eo_metric_batch *batch); /* data points */
size_t eo_log_batch_count(const struct eo_log_batch *batch);	   /* log records */
size_t eo_span_batch_bytes(const struct eo_span_batch *batch); /* estimate of the encoded size */
size_t eo_log_batch_bytes(const struct eo_log_batch *batch);

/**
 * Write one request object (JSON: one line) or message (protobuf: no length before it) and take
 * what it holds out of the batch. Requests have less than 1 MB and at most 5,000 spans or records;
 * what is too much for one stays: write until the count is 0. Nothing is written when it is 0.
 * Sums and histograms are cumulative: their state stays in the meter, which is empty as long as
 * nothing changes, and full of all its points when something did.
 */
int eo_span_batch_write(struct eo_span_batch *batch, enum eo_otlp_encoding encoding, FILE *out,
			struct eo_error *err);
int eo_metric_batch_write(struct eo_metric_batch *batch, enum eo_otlp_encoding encoding, FILE *out,
			  struct eo_error *err);
int eo_log_batch_write(struct eo_log_batch *batch, enum eo_otlp_encoding encoding, FILE *out,
		       struct eo_error *err);

#define EO_METRIC_PREFERENCE_VARIABLE "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"

/* What stands in that variable. Sums that can fall are cumulative in any case. */
enum eo_metric_preference {
	EO_METRIC_CUMULATIVE,
	EO_METRIC_DELTA,
	EO_METRIC_LOWMEMORY, /* as delta, but totals that are only passed on stay cumulative */
};

/**
 * @preference: the variable's value; NULL or empty: cumulative. Before the first event.
 * -EINVAL, nothing changed, for an unknown one.
 */
int eo_metric_batch_set_preference(struct eo_metric_batch *batch, const char *preference,
				   struct eo_error *err);

/**
 * A start record's run_id takes the place of @run_id, so that a file gives the ids of its run.
 * @run_id: what trace and span ids are derived from, so that the same events give the same ids
 */
int eo_otlp_converter_new(const void *run_id, size_t run_id_size, struct eo_otlp_converter **ret,
			  struct eo_error *err);
void eo_otlp_converter_free(struct eo_otlp_converter *converter); /* NULL is fine */
EO_DEFINE_AUTO(eo_otlp_converter)

/* The batches stay the caller's; NULL takes one away. */
void eo_otlp_converter_with_tracer(struct eo_otlp_converter *converter,
				   struct eo_span_batch *tracer);
void eo_otlp_converter_with_meter(struct eo_otlp_converter *converter,
				  struct eo_metric_batch *meter);
void eo_otlp_converter_with_logger(struct eo_otlp_converter *converter,
				   struct eo_log_batch *logger);
bool eo_otlp_converter_is_configured(
	const struct eo_otlp_converter *converter); /* has any of them */

/** Attributes added to every resource, before the first event. Copied. -EINVAL afterwards. */
int eo_otlp_converter_add_resource(struct eo_otlp_converter *converter,
				   const struct eo_attribute *attributes, size_t count);

/**
 * Feed one event. A start record teaches the converter the run: its id, the host, our own
 * resource, a traceparent for all spans to hang under, and of its config http_spans ("auto",
 * "all", "none") and by (a list; with "pid" in it metrics are of each process). process records teach the resources
 * of processes. So give it these records also where they are not written.
 * Returns 1 when a span (data point, log record) was made, 0 when this event has none, or a
 * negative errno. -EINVAL without the batch that is needed, -ENOMEM.
 */
int eo_otlp_converter_convert_event_to_span(struct eo_otlp_converter *converter,
					    const struct eo_event *event,
					    const struct eo_event_clock *clock,
					    struct eo_error *err);
int eo_otlp_converter_convert_event_to_metric(struct eo_otlp_converter *converter,
					      const struct eo_event *event,
					      const struct eo_event_clock *clock,
					      struct eo_error *err);
int eo_otlp_converter_convert_event_to_log(struct eo_otlp_converter *converter,
					   const struct eo_event *event,
					   const struct eo_event_clock *clock,
					   struct eo_error *err);

/** All configured signals of @count events. */
int eo_otlp_converter_convert_events_batch(struct eo_otlp_converter *converter,
					   const struct eo_event *events, size_t count,
					   const struct eo_event_clock *clock,
					   struct eo_error *err);

/** A profile as one ProfilesData message or JSON line, with the converter's resource. */
int eo_otlp_converter_convert_profile_to_otlp(struct eo_otlp_converter *converter,
					      const struct eo_profile *profile,
					      enum eo_otlp_encoding encoding, FILE *out,
					      struct eo_error *err);

#endif
