/* SPDX-License-Identifier: BSD-2-Clause */
/* What the meter holds: streams, each of them one metric of one resource with one set of
 * attributes. The rest stands in otlp/converter.h. */
#ifndef EO_OTLP_METRIC_BATCH_H
#define EO_OTLP_METRIC_BATCH_H

#include "core/attribute.h"
#include "otlp/converter.h"
#include "otlp/resource.h"

enum eo_metric_kind {
	EO_METRIC_COUNTER,   /* whole numbers that only grow */
	EO_METRIC_SECONDS,   /* the same of nanoseconds, written as seconds */
	EO_METRIC_UPDOWN,    /* whole numbers */
	EO_METRIC_HISTOGRAM, /* of nanoseconds, written as seconds */
};

/* Bounds are whole nanoseconds, of which a bucket holds those up to its own bound. */
struct eo_metric_bounds {
	const uint64_t *ns;
	size_t count;
};

/* Static. Metrics are told apart by their address. */
struct eo_metric {
	const char *name, *unit, *description;
	enum eo_metric_kind kind;
	const struct eo_metric_bounds *bounds; /* of a histogram */
};

/* 2^k - 1 ns, so that a bucket is a slot of the kernel's logarithmic histograms. */
extern const struct eo_metric_bounds eo_metric_bounds_log2;
/* What the semantic conventions advise for requests. */
extern const struct eo_metric_bounds eo_metric_bounds_request;

/* Most streams of one metric. What goes beyond is one stream of its own, marked by the attribute
 * otel.metric.overflow, so that sums stay right. */
#define EO_METRIC_STREAMS 2000

#define EO_METRIC_SLOTS 64

/* Durations that somebody else has counted: slot k those of 2^k <= ns < 2^(k+1), the first one
 * also those of 0 ns. For histograms with eo_metric_bounds_log2. */
struct eo_metric_counts {
	uint64_t slots[EO_METRIC_SLOTS];
	uint64_t sum_ns, min_ns, max_ns;
};

struct eo_measurement {
	const struct eo_metric *metric;
	struct eo_otlp_resource *resource;
	const struct eo_attribute *attributes; /* copied */
	size_t attribute_count;
	int64_t value;	  /* what is added; one duration for a histogram */
	bool is_total;	  /* @value is the sum so far instead */
	const struct eo_metric_counts *counts; /* of a histogram, instead of @value; else NULL */
	uint64_t time_ns; /* Unix time at which this is known */
};

/** Returns 0 or -ENOMEM. @host: the resource of what goes beyond EO_METRIC_STREAMS */
int eo_metric_batch_add(struct eo_metric_batch *batch, const struct eo_measurement *measurement,
			struct eo_otlp_resource *host);

/** Unix time at which counting began. The earliest before the first write counts. */
void eo_metric_batch_set_start(struct eo_metric_batch *batch, uint64_t start_ns);

#endif
