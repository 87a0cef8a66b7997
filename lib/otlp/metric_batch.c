/* SPDX-License-Identifier: BSD-2-Clause */
#include "otlp/metric_batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/array.h"
#include "core/auto.h"
#include "core/index.h"
#include "otlp/attribute_list.h"
#include "otlp/envelope.h"

/* A Metric with more points than this is cut into several, so that requests can be filled. */
#define METRIC_BYTES (EO_OTLP_MESSAGE_BYTES / 4)

static const uint64_t log2_ns[] = {
#define SLOT(k) (1ull << (k)) - 1
	SLOT(0),  SLOT(1),  SLOT(2),  SLOT(3),	SLOT(4),  SLOT(5),  SLOT(6),  SLOT(7),	SLOT(8),
	SLOT(9),  SLOT(10), SLOT(11), SLOT(12), SLOT(13), SLOT(14), SLOT(15), SLOT(16), SLOT(17),
	SLOT(18), SLOT(19), SLOT(20), SLOT(21), SLOT(22), SLOT(23), SLOT(24), SLOT(25), SLOT(26),
	SLOT(27), SLOT(28), SLOT(29), SLOT(30), SLOT(31), SLOT(32), SLOT(33), SLOT(34), SLOT(35),
	SLOT(36), SLOT(37), SLOT(38), SLOT(39), SLOT(40),
#undef SLOT
};

static const uint64_t request_ns[] = {
	5000000,   10000000,  25000000,	  50000000,   75000000,	  100000000,  250000000,
	500000000, 750000000, 1000000000, 2500000000, 5000000000, 7500000000, 10000000000,
};

const struct eo_metric_bounds eo_metric_bounds_log2 = { log2_ns, EO_ARRAY_SIZE(log2_ns) };
const struct eo_metric_bounds eo_metric_bounds_request = { request_ns, EO_ARRAY_SIZE(request_ns) };

struct stream {
	const struct eo_metric *metric;
	struct eo_otlp_resource *resource;
	struct eo_attribute *attributes; /* and their texts, one piece of memory */
	size_t attribute_count;
	uint32_t metric_number, resource_number; /* in the order in which they came */
	bool is_total, is_changed, is_overflow;
	int64_t value, total; /* in all; of the last total that was told */
	int64_t written;      /* with delta temporality */
	uint64_t since_ns;    /* the same; 0: not written yet */
	uint64_t count, sum_ns, min_ns, max_ns;
	uint64_t *buckets; /* one more than there are bounds */
};

/* What is said of a metric as a whole. */
struct known_metric {
	const struct eo_metric *metric;
	size_t streams;
	uint32_t overflow; /* stream, from 1; 0: none yet */
};

struct eo_metric_batch {
	enum eo_metric_preference preference;
	struct stream *streams;
	size_t stream_count, stream_capacity;
	struct eo_index index; /* of the streams */
	struct known_metric *metrics;
	size_t metric_count;
	struct eo_index resources; /* streams that brought a resource; their numbers are dense */
	uint32_t resource_count;
	uint64_t start_ns, latest_ns;
	bool is_written; /* once at least */
	size_t changed;

	uint32_t *round; /* streams that are being written, in order */
	size_t round_count, round_at;
	uint64_t round_ns;
};

struct eo_metric_batch *eo_metric_batch_new(void)
{
	return calloc(1, sizeof(struct eo_metric_batch));
}

void eo_metric_batch_free(struct eo_metric_batch *batch)
{
	if (!batch)
		return;
	for (size_t i = 0; i < batch->stream_count; i++) {
		eo_otlp_resource_unref(batch->streams[i].resource);
		free(batch->streams[i].attributes);
		free(batch->streams[i].buckets);
	}
	free(batch->streams);
	free(batch->metrics);
	free(batch->round);
	eo_index_fini(&batch->index);
	eo_index_fini(&batch->resources);
	free(batch);
}

int eo_metric_batch_set_preference(struct eo_metric_batch *batch, const char *preference,
				   struct eo_error *err)
{
	static const char *const names[] = {
		[EO_METRIC_CUMULATIVE] = "cumulative",
		[EO_METRIC_DELTA] = "delta",
		[EO_METRIC_LOWMEMORY] = "lowmemory",
	};

	if (!preference || !*preference) /* set but empty is not set, says the specification */
		preference = names[EO_METRIC_CUMULATIVE];
	for (size_t i = 0; i < EO_ARRAY_SIZE(names); i++) {
		if (!strcasecmp(preference, names[i])) {
			batch->preference = (enum eo_metric_preference)i;
			return 0;
		}
	}
	return eo_error_set(err, EO_ERROR_CONFIG, 0, "cumulative, delta and lowmemory are known",
			    EO_METRIC_PREFERENCE_VARIABLE ": unknown value");
}

void eo_metric_batch_set_start(struct eo_metric_batch *batch, uint64_t start_ns)
{
	if (!batch->start_ns || (start_ns < batch->start_ns && !batch->is_written))
		batch->start_ns = start_ns;
}

/* --- taking ------------------------------------------------------------------------------ */

static struct known_metric *know(struct eo_metric_batch *batch, const struct eo_metric *metric)
{
	struct known_metric *metrics;

	for (size_t i = 0; i < batch->metric_count; i++)
		if (batch->metrics[i].metric == metric)
			return &batch->metrics[i];
	metrics = reallocarray(batch->metrics, batch->metric_count + 1, sizeof(*metrics));
	if (!metrics)
		return NULL;
	batch->metrics = metrics;
	metrics[batch->metric_count] = (struct known_metric){ .metric = metric };
	return &metrics[batch->metric_count++];
}

static uint32_t hash_of(const struct eo_measurement *m)
{
	return eo_attributes_hash(m->attributes, m->attribute_count) * 31 + m->resource->hash * 7 +
	       (uint32_t)((uintptr_t)m->metric >> 3);
}

static uint32_t find(const struct eo_metric_batch *batch, const struct eo_measurement *m)
{
	uint32_t cursor = 0, i;

	while ((i = eo_index_next(&batch->index, hash_of(m), &cursor)) != EO_INDEX_NONE) {
		const struct stream *s = &batch->streams[i];

		if (s->metric == m->metric && eo_otlp_resource_equal(s->resource, m->resource) &&
		    eo_attributes_equal(s->attributes, s->attribute_count, m->attributes,
					m->attribute_count))
			break;
	}
	return i;
}

/* Returns the number of the resource, or -ENOMEM. @stream: the one that brings it if it is new */
static int64_t number_of(struct eo_metric_batch *batch, const struct eo_otlp_resource *resource,
			 uint32_t stream)
{
	uint32_t cursor = 0, i;

	while ((i = eo_index_next(&batch->resources, resource->hash, &cursor)) != EO_INDEX_NONE)
		if (eo_otlp_resource_equal(batch->streams[i].resource, resource))
			return batch->streams[i].resource_number;
	if (eo_index_add(&batch->resources, resource->hash, stream) < 0)
		return -ENOMEM;
	return batch->resource_count++;
}

/* Returns the stream's number or EO_INDEX_NONE when memory is out. */
static uint32_t add_stream(struct eo_metric_batch *batch, const struct eo_measurement *m,
			   const struct known_metric *metric)
{
	size_t list_bytes = m->attribute_count * sizeof(struct eo_attribute);
	size_t texts = eo_attributes_text_bytes(m->attributes, m->attribute_count);
	uint32_t at = (uint32_t)batch->stream_count;
	EO_AUTO_FREE struct eo_attribute *attributes = malloc(list_bytes + texts + 1);
	EO_AUTO_FREE uint64_t *buckets = NULL;
	struct stream *s;
	int64_t resource;

	if (m->metric->bounds)
		buckets = calloc(m->metric->bounds->count + 1, sizeof(*buckets));
	if (!attributes || (m->metric->bounds && !buckets))
		return EO_INDEX_NONE;
	if (!EO_ARRAY_RESERVE(batch->streams, batch->stream_count + 1, batch->stream_capacity, 64))
		return EO_INDEX_NONE;
	s = &batch->streams[at];
	*s = (struct stream){ .metric = m->metric,
			      .resource = m->resource,
			      .metric_number = (uint32_t)(metric - batch->metrics),
			      .is_total = m->is_total };
	resource = number_of(batch, m->resource, at);
	if (resource < 0)
		return EO_INDEX_NONE;
	if (eo_index_add(&batch->index, hash_of(m), at) < 0) {
		/* Had it brought its resource, the index of those must not name it. */
		if (resource == batch->resource_count - 1)
			eo_index_remove(&batch->resources, m->resource->hash, at);
		return EO_INDEX_NONE;
	}
	s->resource_number = (uint32_t)resource;
	eo_otlp_resource_ref(m->resource);
	eo_attributes_copy(m->attributes, m->attribute_count, attributes,
			   (char *)&attributes[m->attribute_count]);
	s->attributes = eo_steal(&attributes);
	s->attribute_count = m->attribute_count;
	s->buckets = eo_steal(&buckets);
	batch->stream_count++;
	return at;
}

/* The stream of this measurement, or the one of its metric for all that is too much. */
static uint32_t stream_of(struct eo_metric_batch *batch, const struct eo_measurement *m,
			  struct eo_otlp_resource *host)
{
	static const struct eo_attribute overflow = { .key = "otel.metric.overflow", .num = 1 };
	uint32_t at = find(batch, m);
	struct known_metric *metric;
	struct eo_measurement rest = *m;

	if (at != EO_INDEX_NONE)
		return at;
	metric = know(batch, m->metric);
	if (!metric)
		return EO_INDEX_NONE;
	if (metric->overflow)
		return metric->overflow - 1;
	if (metric->streams < EO_METRIC_STREAMS - 1) {
		at = add_stream(batch, m, metric);
		metric->streams += at != EO_INDEX_NONE;
		return at;
	}
	rest.resource = host;
	rest.attributes = &overflow;
	rest.attribute_count = 1;
	at = add_stream(batch, &rest, metric);
	if (at != EO_INDEX_NONE) {
		batch->streams[at].is_overflow = true;
		metric->overflow = at + 1;
	}
	return at;
}

static size_t bucket_of(const struct eo_metric_bounds *bounds, uint64_t ns)
{
	size_t low = 0, high = bounds->count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (ns <= bounds->ns[middle])
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

static uint64_t add_up(uint64_t sum, uint64_t more)
{
	return __builtin_add_overflow(sum, more, &sum) ? UINT64_MAX : sum;
}

static void observe(struct stream *s, uint64_t ns)
{
	if (!s->count || ns < s->min_ns)
		s->min_ns = ns;
	if (!s->count || ns > s->max_ns)
		s->max_ns = ns;
	s->count++;
	s->sum_ns = add_up(s->sum_ns, ns);
	s->buckets[bucket_of(s->metric->bounds, ns)]++;
}

static void observe_counts(struct stream *s, const struct eo_metric_counts *counts)
{
	uint64_t before = s->count;

	for (unsigned int i = 0; i < EO_METRIC_SLOTS; i++) {
		/* The least that is in the slot; 1 ns stands for 0 as well. */
		size_t bucket = bucket_of(s->metric->bounds, 1ull << i);

		s->buckets[bucket] = add_up(s->buckets[bucket], counts->slots[i]);
		s->count = add_up(s->count, counts->slots[i]);
	}
	if (s->count == before)
		return;
	if (!before || counts->min_ns < s->min_ns)
		s->min_ns = counts->min_ns;
	if (!before || counts->max_ns > s->max_ns)
		s->max_ns = counts->max_ns;
	s->sum_ns = add_up(s->sum_ns, counts->sum_ns);
}

/* Sums stop at the limits of 64 bits; only a file that lies gets there. */
static void add_to(int64_t *sum, int64_t value)
{
	if (__builtin_add_overflow(*sum, value, sum))
		*sum = value < 0 ? INT64_MIN : INT64_MAX;
}

int eo_metric_batch_add(struct eo_metric_batch *batch, const struct eo_measurement *m,
			struct eo_otlp_resource *host)
{
	uint32_t at = stream_of(batch, m, host);
	struct stream *s;

	if (at == EO_INDEX_NONE)
		return -ENOMEM;
	s = &batch->streams[at];
	if (m->metric->kind == EO_METRIC_HISTOGRAM) {
		if (m->counts)
			observe_counts(s, m->counts);
		else
			observe(s, (uint64_t)m->value);
	} else if (!m->is_total) {
		add_to(&s->value, m->value);
	} else {
		bool anew = m->metric->kind != EO_METRIC_UPDOWN && m->value < s->total;

		/* A total that shrinks is that of another run. */
		add_to(&s->value, anew ? m->value : m->value - s->total);
		s->total = m->value;
	}
	batch->changed += !s->is_changed;
	s->is_changed = true;
	if (m->time_ns > batch->latest_ns)
		batch->latest_ns = m->time_ns;
	return 0;
}

/* --- giving ------------------------------------------------------------------------------ */

static bool is_delta(const struct eo_metric_batch *batch, const struct stream *s)
{
	if (s->metric->kind == EO_METRIC_UPDOWN)
		return false;
	/* Totals that somebody keeps anyway need no memory of ours. */
	return batch->preference == EO_METRIC_DELTA ||
	       (batch->preference == EO_METRIC_LOWMEMORY && !s->is_total);
}

size_t eo_metric_batch_count(const struct eo_metric_batch *batch)
{
	size_t count = 0;

	if (batch->round_at < batch->round_count)
		return batch->round_count - batch->round_at;
	for (size_t i = 0; batch->changed && i < batch->stream_count; i++)
		count += batch->streams[i].is_changed || !is_delta(batch, &batch->streams[i]);
	return count;
}

static int compare(const void *a, const void *b, void *batch)
{
	const struct eo_metric_batch *m = batch;
	const uint32_t *i = a, *j = b;
	const struct stream *s = &m->streams[*i], *t = &m->streams[*j];

	if (s->resource_number != t->resource_number)
		return s->resource_number < t->resource_number ? -1 : 1;
	if (s->metric_number != t->metric_number)
		return s->metric_number < t->metric_number ? -1 : 1;
	return *i < *j ? -1 : 1;
}

/* Cumulative streams are told whenever anything is, others when they changed. */
static bool begin_round(struct eo_metric_batch *batch)
{
	uint32_t *round = reallocarray(batch->round, batch->stream_count, sizeof(*round));

	if (!round)
		return false;
	batch->round = round;
	batch->round_count = batch->round_at = 0;
	for (size_t i = 0; i < batch->stream_count; i++) {
		struct stream *s = &batch->streams[i];

		if (s->is_changed || !is_delta(batch, s))
			round[batch->round_count++] = (uint32_t)i;
		s->is_changed = false;
	}
	qsort_r(round, batch->round_count, sizeof(*round), compare, batch);
	batch->changed = 0;
	batch->round_ns = batch->latest_ns > batch->start_ns ? batch->latest_ns : batch->start_ns;
	batch->is_written = true;
	return true;
}

struct point {
	ProtobufCMessage *message;
	size_t bytes;
};

static double seconds(uint64_t ns)
{
	return (double)ns / 1e9;
}

static uint64_t since(const struct eo_metric_batch *batch, const struct stream *s)
{
	return is_delta(batch, s) && s->since_ns ? s->since_ns : batch->start_ns;
}

static ProtobufCMessage *histogram_point(const struct eo_metric_batch *batch,
					 const struct stream *s,
					 const struct eo_attribute_list *list)
{
	size_t count = s->metric->bounds->count;
	EoHistogramPoint *p = eo_arena_alloc(list->arena, sizeof(*p));
	double *bounds = eo_arena_alloc(list->arena, count * sizeof(*bounds));
	uint64_t *buckets = eo_arena_alloc(list->arena, (count + 1) * sizeof(*buckets));

	if (!p || !bounds || !buckets)
		return NULL;
	*p = (EoHistogramPoint)OPENTELEMETRY__PROTO__METRICS__V1__HISTOGRAM_DATA_POINT__INIT;
	p->attributes = list->items;
	p->n_attributes = list->count;
	p->start_time_unix_nano = since(batch, s);
	p->time_unix_nano = batch->round_ns;
	p->count = s->count;
	p->sum_opt_case = OPENTELEMETRY__PROTO__METRICS__V1__HISTOGRAM_DATA_POINT__SUM_OPT_SUM;
	p->sum = seconds(s->sum_ns);
	if (s->count) {
		p->min_opt_case =
			OPENTELEMETRY__PROTO__METRICS__V1__HISTOGRAM_DATA_POINT__MIN_OPT_MIN;
		p->min = seconds(s->min_ns);
		p->max_opt_case =
			OPENTELEMETRY__PROTO__METRICS__V1__HISTOGRAM_DATA_POINT__MAX_OPT_MAX;
		p->max = seconds(s->max_ns);
	}
	for (size_t i = 0; i < count; i++)
		bounds[i] = seconds(s->metric->bounds->ns[i]);
	p->explicit_bounds = bounds;
	p->n_explicit_bounds = count;
	p->bucket_counts = memcpy(buckets, s->buckets, (count + 1) * sizeof(*buckets));
	p->n_bucket_counts = count + 1;
	return &p->base;
}

static ProtobufCMessage *number_point(const struct eo_metric_batch *batch, const struct stream *s,
				      const struct eo_attribute_list *list)
{
	EoNumberPoint *p = eo_arena_alloc(list->arena, sizeof(*p));
	int64_t value = is_delta(batch, s) ? s->value - s->written : s->value;

	if (!p)
		return NULL;
	*p = (EoNumberPoint)OPENTELEMETRY__PROTO__METRICS__V1__NUMBER_DATA_POINT__INIT;
	p->attributes = list->items;
	p->n_attributes = list->count;
	p->start_time_unix_nano = since(batch, s);
	p->time_unix_nano = batch->round_ns;
	if (s->metric->kind == EO_METRIC_SECONDS) {
		p->value_case =
			OPENTELEMETRY__PROTO__METRICS__V1__NUMBER_DATA_POINT__VALUE_AS_DOUBLE;
		p->as_double = (double)value / 1e9;
	} else {
		p->value_case = OPENTELEMETRY__PROTO__METRICS__V1__NUMBER_DATA_POINT__VALUE_AS_INT;
		p->as_int = value;
	}
	return &p->base;
}

/* Returns a point without message when memory is out. */
static struct point new_point(const struct eo_metric_batch *batch, const struct stream *s,
			      struct eo_arena *arena)
{
	struct eo_attribute_list list = { .arena = arena };
	struct point point = { .bytes = 256 };
	struct eo_attr overflow = { .key = "otel.metric.overflow", .type = EO_ATTR_BOOL, .num = 1 };

	if (s->is_overflow)
		eo_attribute_list_value(&list, overflow.key, &overflow);
	for (size_t i = 0; !s->is_overflow && i < s->attribute_count; i++)
		eo_attribute_list_add(&list, &s->attributes[i]);
	if (list.failed)
		return (struct point){ .message = NULL };
	point.bytes += list.bytes;
	if (s->metric->kind == EO_METRIC_HISTOGRAM) {
		/* A bound has up to 24 characters in JSON, a count up to 23. */
		point.bytes += 128 + 48 * (s->metric->bounds->count + 1);
		point.message = histogram_point(batch, s, &list);
	} else {
		point.message = number_point(batch, s, &list);
	}
	return point;
}

static EoMetric *new_metric(const struct eo_metric_batch *batch, const struct stream *s,
			    ProtobufCMessage **points, size_t count, struct eo_arena *arena)
{
	EoMetric *metric = eo_arena_alloc(arena, sizeof(*metric));
	EoHistogram *histogram = eo_arena_alloc(arena, sizeof(*histogram));
	EoSum *sum = eo_arena_alloc(arena, sizeof(*sum));
	Opentelemetry__Proto__Metrics__V1__AggregationTemporality temporality =
		is_delta(batch, s) ? EO_TEMPORALITY(DELTA) : EO_TEMPORALITY(CUMULATIVE);

	if (!metric || !histogram || !sum)
		return NULL;
	*metric = (EoMetric)OPENTELEMETRY__PROTO__METRICS__V1__METRIC__INIT;
	metric->name = (char *)s->metric->name;
	metric->unit = (char *)s->metric->unit;
	metric->description = (char *)s->metric->description;
	if (s->metric->kind == EO_METRIC_HISTOGRAM) {
		*histogram = (EoHistogram)OPENTELEMETRY__PROTO__METRICS__V1__HISTOGRAM__INIT;
		histogram->data_points = (EoHistogramPoint **)points;
		histogram->n_data_points = count;
		histogram->aggregation_temporality = temporality;
		metric->data_case = OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_HISTOGRAM;
		metric->histogram = histogram;
	} else {
		*sum = (EoSum)OPENTELEMETRY__PROTO__METRICS__V1__SUM__INIT;
		sum->data_points = (EoNumberPoint **)points;
		sum->n_data_points = count;
		sum->aggregation_temporality = temporality;
		sum->is_monotonic = s->metric->kind != EO_METRIC_UPDOWN;
		metric->data_case = OPENTELEMETRY__PROTO__METRICS__V1__METRIC__DATA_SUM;
		metric->sum = sum;
	}
	return metric;
}

/*
 * The streams of one metric and resource from @from on, as many as one Metric takes.
 * Returns their number, or 0 when memory is out.
 */
static size_t gather(const struct eo_metric_batch *batch, size_t from, struct eo_arena *arena,
		     struct eo_otlp_item *item)
{
	const struct stream *first = &batch->streams[batch->round[from]];
	ProtobufCMessage **points;
	size_t count = 0, most = 0;
	EoMetric *metric;

	while (from + most < batch->round_count) {
		const struct stream *s = &batch->streams[batch->round[from + most]];

		if (s->metric != first->metric || s->resource_number != first->resource_number)
			break;
		most++;
	}
	points = eo_arena_alloc(arena, most * sizeof(ProtobufCMessage *));
	*item = (struct eo_otlp_item){ .resource = first->resource, .bytes = 512 };
	while (points && count < most && item->bytes < METRIC_BYTES) {
		struct point point =
			new_point(batch, &batch->streams[batch->round[from + count]], arena);

		if (!point.message)
			return 0;
		points[count++] = point.message;
		item->bytes += point.bytes;
	}
	metric = points ? new_metric(batch, first, points, count, arena) : NULL;
	item->message = metric ? &metric->base : NULL;
	return metric ? count : 0;
}

/* What was told with delta temporality is not told again. */
static void mark_written(struct eo_metric_batch *batch, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		struct stream *s = &batch->streams[batch->round[i]];

		if (!is_delta(batch, s))
			continue;
		s->written = s->value;
		s->since_ns = batch->round_ns;
		s->count = s->sum_ns = s->min_ns = s->max_ns = 0;
		if (s->buckets)
			memset(s->buckets, 0,
			       (s->metric->bounds->count + 1) * sizeof(*s->buckets));
	}
}

int eo_metric_batch_write(struct eo_metric_batch *batch, enum eo_otlp_encoding encoding, FILE *out,
			  struct eo_error *err)
{
	struct eo_arena arena = { .blocks = NULL };
	struct eo_otlp_item items[256];
	size_t ends[EO_ARRAY_SIZE(items)], count = 0, bytes, at;
	ssize_t fit;
	int status = -ENOMEM;

	if (!eo_metric_batch_count(batch))
		return 0;
	if (batch->round_at == batch->round_count && !begin_round(batch))
		goto out;
	/* A little more than fits is made, and made again for the next request. */
	for (at = batch->round_at, bytes = 0;
	     at < batch->round_count && count < EO_ARRAY_SIZE(items) &&
	     bytes < EO_OTLP_MESSAGE_BYTES;
	     count++) {
		size_t points = gather(batch, at, &arena, &items[count]);

		if (!points)
			goto out;
		at += points;
		ends[count] = at;
		bytes += items[count].bytes;
	}
	fit = eo_otlp_envelope_fit(items, count, &bytes);
	if (fit < 0)
		goto out;
	status = eo_otlp_envelope_write(EO_OTLP_METRICS, items, (size_t)fit, encoding, &arena, out,
					err);
	mark_written(batch, batch->round_at, ends[fit - 1]);
	batch->round_at = ends[fit - 1];
out:
	eo_arena_fini(&arena);
	if (status == -ENOMEM)
		eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, ENOMEM, NULL, "write OTLP");
	return status;
}
