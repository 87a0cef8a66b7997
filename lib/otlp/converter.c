/* SPDX-License-Identifier: BSD-2-Clause */
#include "otlp/converter.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "format/writer.h"
#include "otlp/log_batch.h"
#include "otlp/metric_rules.h"
#include "otlp/span_rules.h"

struct eo_otlp_converter {
	struct eo_span_batch *tracer;
	struct eo_metric_batch *meter;
	struct eo_log_batch *logger;
	struct eo_otlp_resources resources;
	struct eo_span_rules spans;
	struct eo_metric_rules metrics;
	bool has_begun;
};

int eo_otlp_converter_new(const void *run_id, size_t run_id_size, struct eo_otlp_converter **ret,
			  struct eo_error *err)
{
	struct eo_otlp_converter *converter = calloc(1, sizeof(*converter));

	if (!converter)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, ENOMEM, NULL,
				    "make the OTLP converter");
	eo_otlp_resources_init(&converter->resources);
	eo_span_rules_init(&converter->spans, run_id, run_id_size);
	eo_metric_rules_init(&converter->metrics);
	*ret = converter;
	return 0;
}

void eo_otlp_converter_free(struct eo_otlp_converter *converter)
{
	if (!converter)
		return;
	eo_otlp_resources_fini(&converter->resources);
	eo_span_rules_fini(&converter->spans);
	eo_metric_rules_fini(&converter->metrics);
	free(converter);
}

void eo_otlp_converter_with_tracer(struct eo_otlp_converter *converter,
				   struct eo_span_batch *tracer)
{
	converter->tracer = tracer;
}

void eo_otlp_converter_with_meter(struct eo_otlp_converter *converter,
				  struct eo_metric_batch *meter)
{
	converter->meter = meter;
}

void eo_otlp_converter_with_logger(struct eo_otlp_converter *converter, struct eo_log_batch *logger)
{
	converter->logger = logger;
}

bool eo_otlp_converter_is_configured(const struct eo_otlp_converter *converter)
{
	return converter->tracer || converter->meter || converter->logger;
}

int eo_otlp_converter_add_resource(struct eo_otlp_converter *converter,
				   const struct eo_attribute *attributes, size_t count)
{
	if (converter->has_begun)
		return -EINVAL;
	return eo_otlp_resources_add(&converter->resources, attributes, count);
}

static int out_of_memory(struct eo_error *err)
{
	return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, ENOMEM, NULL,
			    "convert an event to OTLP");
}

static int not_configured(const char *signal, const char *batch, struct eo_error *err)
{
	return eo_error_set(err, EO_ERROR_CONFIG, 0, NULL,
			    "convert an event to %s: the converter has no %s", signal, batch);
}

/* "auto", "all" or "none"; what is none of them changes nothing. */
static void learn_http_spans(struct eo_span_rules *spans, const char *text)
{
	static const char *const names[] = {
		[EO_HTTP_SPANS_AUTO] = "auto",
		[EO_HTTP_SPANS_ALL] = "all",
		[EO_HTTP_SPANS_NONE] = "none",
	};

	for (size_t i = 0; text && i < sizeof(names) / sizeof(names[0]); i++)
		if (!strcmp(text, names[i]))
			spans->http_spans = (enum eo_http_spans)i;
}

/* In a list with commas. */
static bool has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = list; (at = strstr(at, word)); at++)
		if ((at == list || at[-1] == ',') && (!at[len] || at[len] == ','))
			return true;
	return false;
}

static void learn_start(struct eo_otlp_converter *converter, const struct eo_event *event)
{
	const char *run_id = eo_event_text(event, "run_id", NULL);
	const char *parent = eo_event_text(event, "traceparent", NULL);
	const char *by = eo_event_text(event, "config", "by");

	if (run_id) {
		uint8_t bytes[64];
		size_t size = strlen(run_id) / 2;

		if (size && size <= sizeof(bytes) && eo_hex_parse(run_id, bytes, size))
			eo_otlp_ids_init(&converter->spans.ids, bytes, size);
		else
			eo_otlp_ids_init(&converter->spans.ids, run_id, strlen(run_id));
	}
	converter->spans.has_parent =
		parent && eo_traceparent_parse(parent, &converter->spans.parent);
	learn_http_spans(&converter->spans, eo_event_text(event, "config", "http_spans"));
	converter->metrics.by_process = by && has_word(by, "pid");
}

static int learn(struct eo_otlp_converter *converter, const struct eo_event *event,
		 struct eo_error *err)
{
	converter->has_begun = true;
	if ((size_t)event->type >= EO_EVENT_TYPE_COUNT)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, 0, NULL,
				    "convert an event to OTLP: unknown type %d", (int)event->type);
	if (event->type == EO_EVENT_START)
		learn_start(converter, event);
	return eo_otlp_resources_learn(&converter->resources, event) < 0 ? out_of_memory(err) : 0;
}

static uint64_t wall(const struct eo_event *event, const struct eo_event_clock *clock)
{
	return event->ktime_ns + (uint64_t)clock->wall_offset_ns;
}

int eo_otlp_converter_convert_event_to_span(struct eo_otlp_converter *converter,
					    const struct eo_event *event,
					    const struct eo_event_clock *clock,
					    struct eo_error *err)
{
	int status;

	if (!converter->tracer)
		return not_configured("a span", "tracer", err);
	status = learn(converter, event, err);
	if (status < 0)
		return status;
	status = eo_span_rules_apply(&converter->spans, event, clock, &converter->resources,
				     converter->tracer);
	return status < 0 ? out_of_memory(err) : status;
}

int eo_otlp_converter_convert_event_to_metric(struct eo_otlp_converter *converter,
					      const struct eo_event *event,
					      const struct eo_event_clock *clock,
					      struct eo_error *err)
{
	uint64_t time_ns = wall(event, clock);
	int64_t duration;
	int status;

	if (!converter->meter)
		return not_configured("a metric", "meter", err);
	status = learn(converter, event, err);
	if (status < 0)
		return status;
	/* What takes time is known at its end. */
	if (eo_event_number(event, "duration_ns", NULL, &duration) && event->type != EO_EVENT_END)
		time_ns += (uint64_t)duration;
	eo_metric_batch_set_start(converter->meter,
				  clock->start_ns + (uint64_t)clock->wall_offset_ns);
	status = eo_metric_rules_apply(&converter->metrics, event, time_ns, &converter->resources,
				       converter->meter);
	return status < 0 ? out_of_memory(err) : status;
}

/* What is about the trace and not about a process. */
static bool is_ours(enum eo_event_type type)
{
	return type == EO_EVENT_START || type == EO_EVENT_END || type == EO_EVENT_LOSS;
}

static size_t inside(const struct eo_attr *attr)
{
	return attr->type == EO_ATTR_OBJECT || attr->type == EO_ATTR_ARRAY ? attr->count : 0;
}

int eo_otlp_converter_convert_event_to_log(struct eo_otlp_converter *converter,
					   const struct eo_event *event,
					   const struct eo_event_clock *clock,
					   struct eo_error *err)
{
	struct eo_otlp_log log = { .time_ns = wall(event, clock), .severity = EO_SEVERITY_INFO };
	struct eo_otlp_resource *resource;
	struct eo_attribute_list list;
	struct eo_traceparent context;
	const char *traceparent;
	char name[64];
	int status;

	if (!converter->logger)
		return not_configured("a log record", "logger", err);
	status = learn(converter, event, err);
	if (status < 0)
		return status;
	if (event->type == EO_EVENT_LOSS)
		log.severity = EO_SEVERITY_WARN;
	traceparent = eo_event_text(event, "traceparent", NULL);
	if (traceparent && eo_traceparent_parse(traceparent, &context))
		log.context = &context;
	list = eo_log_batch_attributes(converter->logger);
	snprintf(name, sizeof(name), "ebpfotel.%s", eo_event_type_name(event->type));
	log.event_name = eo_otlp_text(&list, name, NULL);
	eo_attribute_rules_add(eo_thread_attributes, event, &list);
	for (size_t i = 0; i < event->data_count; i += 1 + inside(&event->data[i]))
		eo_attribute_list_value(&list, NULL, &event->data[i]);
	resource = eo_otlp_resources_of(&converter->resources, event,
					is_ours(event->type) ? EO_OWNER_SELF : EO_OWNER_PROCESS);
	if (!resource || !log.event_name ||
	    eo_log_batch_add(converter->logger, &log, &list, resource) < 0)
		return out_of_memory(err);
	return 1;
}

int eo_otlp_converter_convert_events_batch(struct eo_otlp_converter *converter,
					   const struct eo_event *events, size_t count,
					   const struct eo_event_clock *clock, struct eo_error *err)
{
	int status = 0;

	if (!eo_otlp_converter_is_configured(converter))
		return not_configured("OTLP", "tracer, meter or logger", err);
	for (size_t i = 0; i < count && status >= 0; i++) {
		if (converter->tracer)
			status = eo_otlp_converter_convert_event_to_span(converter, &events[i],
									 clock, err);
		if (converter->meter && status >= 0)
			status = eo_otlp_converter_convert_event_to_metric(converter, &events[i],
									   clock, err);
		if (converter->logger && status >= 0)
			status = eo_otlp_converter_convert_event_to_log(converter, &events[i],
									clock, err);
	}
	return status < 0 ? status : 0;
}

int eo_otlp_converter_convert_profile_to_otlp(struct eo_otlp_converter *converter,
					      const struct eo_profile *profile,
					      enum eo_otlp_encoding encoding, FILE *out,
					      struct eo_error *err)
{
	const struct eo_write_options options = {
		.value_type = SIZE_MAX,
		.resource = converter->resources.additional,
		.resource_count = converter->resources.additional_count,
	};

	return encoding == EO_OTLP_JSON ? eo_write_otlp_json(profile, &options, out, err) :
					  eo_write_otlp(profile, &options, out, err);
}
