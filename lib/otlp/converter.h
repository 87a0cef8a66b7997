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
 * Write one request object (JSON: one line) or message (protobuf: no length before it) and empty
 * the batch. Sums and histograms are cumulative: their state stays in the meter.
 */
int eo_span_batch_write(struct eo_span_batch *batch, enum eo_otlp_encoding encoding, FILE *out, struct eo_error *err);
int eo_metric_batch_write(struct eo_metric_batch *batch, enum eo_otlp_encoding encoding, FILE *out, struct eo_error *err);
int eo_log_batch_write(struct eo_log_batch *batch, enum eo_otlp_encoding encoding, FILE *out, struct eo_error *err);

/** @run_id: what trace and span ids are derived from, so that the same events give the same ids. */
int eo_otlp_converter_new(const void *run_id, size_t run_id_size, struct eo_otlp_converter **ret,
			  struct eo_error *err);
void eo_otlp_converter_free(struct eo_otlp_converter *converter); /* NULL is fine */
EO_DEFINE_AUTO(eo_otlp_converter)

/* The batches stay the caller's; NULL takes one away. */
void eo_otlp_converter_with_tracer(struct eo_otlp_converter *converter, struct eo_span_batch *tracer);
void eo_otlp_converter_with_meter(struct eo_otlp_converter *converter, struct eo_metric_batch *meter);
void eo_otlp_converter_with_logger(struct eo_otlp_converter *converter, struct eo_log_batch *logger);
bool eo_otlp_converter_is_configured(const struct eo_otlp_converter *converter); /* has any of them */

/** Attributes added to every resource. Copied. */
int eo_otlp_converter_add_resource(struct eo_otlp_converter *converter, const struct eo_attribute *attributes, size_t count);

/**
 * Feed one event. start, process and end records teach the converter clocks and resources.
 * Returns 1 when a span (data point, log record) was made, 0 when this event has none, or a
 * negative errno. -EINVAL without the batch that is needed.
 */
int eo_otlp_converter_convert_event_to_span(struct eo_otlp_converter *converter, const struct eo_event *event,
					    const struct eo_event_clock *clock, struct eo_error *err);
int eo_otlp_converter_convert_event_to_metric(struct eo_otlp_converter *converter, const struct eo_event *event,
					      const struct eo_event_clock *clock, struct eo_error *err);
int eo_otlp_converter_convert_event_to_log(struct eo_otlp_converter *converter, const struct eo_event *event,
					   const struct eo_event_clock *clock, struct eo_error *err);

/** All configured signals of @count events. */
int eo_otlp_converter_convert_events_batch(struct eo_otlp_converter *converter, const struct eo_event *events,
					   size_t count, const struct eo_event_clock *clock, struct eo_error *err);

/** A profile as one ProfilesData message or JSON line, with the converter's resource. */
int eo_otlp_converter_convert_profile_to_otlp(struct eo_otlp_converter *converter, const struct eo_profile *profile,
					      enum eo_otlp_encoding encoding, FILE *out, struct eo_error *err);

#endif
