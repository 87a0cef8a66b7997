/* SPDX-License-Identifier: BSD-2-Clause */
/* Short names for what protobuf-c makes of the schemas. */
#ifndef EO_OTLP_MESSAGES_H
#define EO_OTLP_MESSAGES_H

#include "proto/opentelemetry/proto/collector/logs/v1/logs_service.pb-c.h"
#include "proto/opentelemetry/proto/collector/metrics/v1/metrics_service.pb-c.h"
#include "proto/opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"

typedef Opentelemetry__Proto__Common__V1__AnyValue EoAnyValue;
typedef Opentelemetry__Proto__Common__V1__ArrayValue EoArrayValue;
typedef Opentelemetry__Proto__Common__V1__KeyValue EoKeyValue;
typedef Opentelemetry__Proto__Common__V1__KeyValueList EoKeyValueList;
typedef Opentelemetry__Proto__Common__V1__InstrumentationScope EoScope;
typedef Opentelemetry__Proto__Resource__V1__Resource EoResource;
typedef Opentelemetry__Proto__Trace__V1__Span EoSpan;
typedef Opentelemetry__Proto__Trace__V1__Span__Event EoSpanEvent;
typedef Opentelemetry__Proto__Trace__V1__Status EoStatus;
typedef Opentelemetry__Proto__Metrics__V1__Metric EoMetric;
typedef Opentelemetry__Proto__Metrics__V1__Sum EoSum;
typedef Opentelemetry__Proto__Metrics__V1__Histogram EoHistogram;
typedef Opentelemetry__Proto__Metrics__V1__NumberDataPoint EoNumberPoint;
typedef Opentelemetry__Proto__Metrics__V1__HistogramDataPoint EoHistogramPoint;
typedef Opentelemetry__Proto__Logs__V1__LogRecord EoLogRecord;

#define EO_ANY(kind)	  OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_##kind##_VALUE
#define EO_SPAN_KIND(kind) OPENTELEMETRY__PROTO__TRACE__V1__SPAN__SPAN_KIND__SPAN_KIND_##kind
#define EO_TEMPORALITY(kind) \
	OPENTELEMETRY__PROTO__METRICS__V1__AGGREGATION_TEMPORALITY__AGGREGATION_TEMPORALITY_##kind

#endif
