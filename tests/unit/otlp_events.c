/* SPDX-License-Identifier: BSD-2-Clause */
#include "otlp_events.h"

#include <criterion/criterion.h>
#include <string.h>

#include "core/auto.h"

void otlp_init(struct otlp *otlp, const char *run_id)
{
	*otlp = (struct otlp){ .spans = eo_span_batch_new(),
			       .metrics = eo_metric_batch_new(),
			       .logs = eo_log_batch_new() };
	cr_assert_eq(eo_otlp_converter_new(run_id, strlen(run_id), &otlp->converter, NULL), 0);
	eo_otlp_converter_with_tracer(otlp->converter, otlp->spans);
	eo_otlp_converter_with_meter(otlp->converter, otlp->metrics);
	eo_otlp_converter_with_logger(otlp->converter, otlp->logs);
}

void otlp_fini(struct otlp *otlp)
{
	/* Batches outlive their converter. */
	eo_otlp_converter_free(otlp->converter);
	eo_span_batch_free(otlp->spans);
	eo_metric_batch_free(otlp->metrics);
	eo_log_batch_free(otlp->logs);
}

struct feed {
	struct otlp *otlp;
	enum signal signal;
};

static int feed_event(void *ctx, const struct eo_event *event, const struct eo_event_clock *clock,
		      struct eo_error *err)
{
	static int (*const converts[])(struct eo_otlp_converter *, const struct eo_event *,
				       const struct eo_event_clock *, struct eo_error *) = {
		[SPANS] = eo_otlp_converter_convert_event_to_span,
		[METRICS] = eo_otlp_converter_convert_event_to_metric,
		[LOGS] = eo_otlp_converter_convert_event_to_log,
	};
	struct feed *feed = ctx;
	int made = converts[feed->signal](feed->otlp->converter, event, clock, err);

	feed->otlp->made += made > 0;
	return made;
}

int otlp_feed(struct otlp *otlp, enum signal signal, const char *lines)
{
	struct feed feed = { otlp, signal };
	EO_AUTO(eo_input) input = NULL;
	struct eo_error err = { 0 };
	int status;

	otlp->made = 0;
	cr_assert_eq(eo_input_open_memory(lines, strlen(lines), &input, NULL), 0);
	status = eo_read_events(input, feed_event, &feed, &err);
	cr_assert_eq(status, 0, "%s", err.text);
	return status;
}

char *otlp_write(struct otlp *otlp, enum signal signal, enum eo_otlp_encoding encoding,
		 size_t *size)
{
	char *text = NULL;
	size_t length = 0;
	FILE *out = open_memstream(&text, &length);
	int status = signal == SPANS	 ? eo_span_batch_write(otlp->spans, encoding, out, NULL) :
		     signal == METRICS ? eo_metric_batch_write(otlp->metrics, encoding, out, NULL) :
					   eo_log_batch_write(otlp->logs, encoding, out, NULL);

	cr_assert_eq(status, 0);
	fclose(out);
	if (size)
		*size = length;
	return text;
}

json_t *otlp_request(struct otlp *otlp, enum signal signal)
{
	EO_AUTO_FREE char *text = otlp_write(otlp, signal, EO_OTLP_JSON, NULL);
	json_error_t error;
	json_t *request;

	if (!*text)
		return json_object();
	request = json_loads(text, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);
	cr_assert_not_null(request, "%s in %s", error.text, text);
	return request;
}

json_t *otlp_of(enum signal signal, const char *lines)
{
	struct otlp otlp;
	json_t *request;

	otlp_init(&otlp, "run");
	otlp_feed(&otlp, signal, lines);
	request = otlp_request(&otlp, signal);
	otlp_fini(&otlp);
	return request;
}

static json_t *entry_of(json_t *request, size_t resource)
{
	static const char *const keys[] = { "resourceSpans", "resourceMetrics", "resourceLogs" };

	for (size_t i = 0; i < EO_ARRAY_SIZE(keys); i++) {
		json_t *list = json_object_get(request, keys[i]);

		if (list)
			return json_array_get(list, resource);
	}
	return NULL;
}

json_t *otlp_items(json_t *request, size_t resource)
{
	static const char *const scopes[] = { "scopeSpans", "scopeMetrics", "scopeLogs" };
	static const char *const items[] = { "spans", "metrics", "logRecords" };
	json_t *entry = entry_of(request, resource);

	for (size_t i = 0; i < EO_ARRAY_SIZE(scopes); i++) {
		json_t *scope = json_array_get(json_object_get(entry, scopes[i]), 0);

		if (scope) {
			cr_expect_str_eq(otlp_text(json_object_get(scope, "scope"), "name"),
					 "ebpfotel");
			cr_expect_str_eq(otlp_text(json_object_get(scope, "scope"), "version"),
					 EO_VERSION);
			return json_object_get(scope, items[i]);
		}
	}
	return NULL;
}

static const char *text_of(const json_t *value)
{
	static char texts[8][64];
	static int at;
	char *text = texts[at++ % 8];

	if (json_is_string(value))
		return json_string_value(value);
	if (json_is_boolean(value))
		return json_is_true(value) ? "true" : "false";
	if (!json_is_number(value))
		return NULL;
	snprintf(text, 64, "%.17g", json_number_value(value));
	return text;
}

const char *otlp_attribute(const json_t *object, const char *key)
{
	json_t *attribute;
	size_t i;

	json_array_foreach(json_object_get(object, "attributes"), i, attribute) {
		json_t *value = json_object_get(attribute, "value");

		if (!strcmp(json_string_value(json_object_get(attribute, "key")), key))
			return text_of(json_object_iter_value(json_object_iter(value)));
	}
	return NULL;
}

const char *otlp_resource(json_t *request, size_t resource, const char *key)
{
	return otlp_attribute(json_object_get(entry_of(request, resource), "resource"), key);
}

json_t *otlp_find(json_t *request, const char *name)
{
	for (size_t r = 0; entry_of(request, r); r++) {
		json_t *item;
		size_t i;

		json_array_foreach(otlp_items(request, r), i, item) {
			const char *found = otlp_text(item, "name");

			if (!found)
				found = otlp_text(item, "eventName");
			if (found && !strcmp(found, name))
				return item;
		}
	}
	return NULL;
}

const char *otlp_text(const json_t *object, const char *key)
{
	return text_of(json_object_get(object, key));
}

json_t *otlp_points(json_t *request, const char *metric)
{
	json_t *found = otlp_find(request, metric);
	json_t *data = json_object_get(found, "sum");

	if (!data)
		data = json_object_get(found, "histogram");
	return json_object_get(data, "dataPoints");
}

const char *event_line(const char *type, long long elapsed_ns, const char *data)
{
	static char lines[16][4096];
	static int at;
	char *line = lines[at++ % 16];

	/* The trace began at 2026-11-21T23:01:00Z. */
	cr_assert_lt(snprintf(line, sizeof(lines[0]),
			      "{\"event_type\":\"%s\",\"timestamp\":\"2026-11-21T23:%02lld:%02lld."
			      "%09lldZ\",\"elapsed_ns\":%lld,\"pid\":7,\"tid\":8,\"comm\":\"app\","
			      "\"data\":{%s}}\n",
			      type, 1 + elapsed_ns / 60000000000, elapsed_ns / 1000000000 % 60,
			      elapsed_ns % 1000000000, elapsed_ns, data),
		     (int)sizeof(lines[0]));
	return line;
}

const char *event_wall(long long elapsed_ns)
{
	static char texts[8][32];
	static int at;
	char *text = texts[at++ % 8];

	snprintf(text, sizeof(texts[0]), "%lld", EVENTS_START_NS + elapsed_ns);
	return text;
}

void otlp_expect(const char *found, const char *expected, const char *what, int line)
{
	if (!expected)
		cr_expect_null(found, "line %d: %s is '%s', not absent", line, what, found);
	else if (!found)
		cr_expect_fail("line %d: %s is absent, not '%s'", line, what, expected);
	else
		cr_expect_str_eq(found, expected, "line %d: %s is '%s', not '%s'", line, what,
				 found, expected);
}
