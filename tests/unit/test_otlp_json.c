/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "core/auto.h"
#include "opentelemetry/proto/collector/profiles/v1development/profiles_service.pb-c.h"
#include "opentelemetry/proto/logs/v1/logs.pb-c.h"
#include "opentelemetry/proto/metrics/v1/metrics.pb-c.h"
#include "opentelemetry/proto/trace/v1/trace.pb-c.h"
#include "otlp/json.h"
#include "otlp_check.h"

typedef Opentelemetry__Proto__Common__V1__AnyValue AnyValue;
typedef Opentelemetry__Proto__Common__V1__KeyValue KeyValue;

#define ANY(member) OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_##member

static char *json_of(const void *message)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	eo_otlp_json_message(message, out);
	fclose(out);
	return text;
}

/* The text, and that it reads as the message again. */
static void expect(const void *message, const char *expected)
{
	EO_AUTO_FREE char *text = json_of(message);
	json_error_t error;
	json_t *json = json_loads(text, 0, &error);

	cr_expect_str_eq(text, expected);
	cr_assert(json, "%s in %s", error.text, text);
	cr_expect_eq(otlp_check_json(message, json, stderr), 0);
	json_decref(json);
}

static AnyValue any(int member)
{
	AnyValue value = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__INIT;

	value.value_case = (Opentelemetry__Proto__Common__V1__AnyValue__ValueCase)member;
	return value;
}

Test(otlp_json, defaults_are_left_out_but_chosen_members_are_not)
{
	Opentelemetry__Proto__Metrics__V1__NumberDataPoint number =
		OPENTELEMETRY__PROTO__METRICS__V1__NUMBER_DATA_POINT__INIT;
	Opentelemetry__Proto__Metrics__V1__HistogramDataPoint histogram =
		OPENTELEMETRY__PROTO__METRICS__V1__HISTOGRAM_DATA_POINT__INIT;
	AnyValue value = any(0);

	expect(&number, "{}");
	number.value_case = OPENTELEMETRY__PROTO__METRICS__V1__NUMBER_DATA_POINT__VALUE_AS_INT;
	expect(&number, "{\"asInt\":\"0\"}");
	number.value_case = OPENTELEMETRY__PROTO__METRICS__V1__NUMBER_DATA_POINT__VALUE_AS_DOUBLE;
	number.as_double = 0;
	expect(&number, "{\"asDouble\":0}");
	expect(&histogram, "{}");
	histogram.sum_opt_case =
		OPENTELEMETRY__PROTO__METRICS__V1__HISTOGRAM_DATA_POINT__SUM_OPT_SUM;
	expect(&histogram, "{\"sum\":0}");
	expect(&value, "{}");
	value = any(ANY(BOOL_VALUE));
	expect(&value, "{\"boolValue\":false}");
	value = any(ANY(STRING_VALUE));
	value.string_value = (char *)"";
	expect(&value, "{\"stringValue\":\"\"}");
}

Test(otlp_json, numbers_have_the_form_of_their_width)
{
	Opentelemetry__Proto__Metrics__V1__ExponentialHistogramDataPoint point =
		OPENTELEMETRY__PROTO__METRICS__V1__EXPONENTIAL_HISTOGRAM_DATA_POINT__INIT;
	Opentelemetry__Proto__Metrics__V1__ExponentialHistogramDataPoint__Buckets buckets =
		OPENTELEMETRY__PROTO__METRICS__V1__EXPONENTIAL_HISTOGRAM_DATA_POINT__BUCKETS__INIT;
	uint64_t counts[] = { 0, UINT64_MAX };
	AnyValue value = any(ANY(INT_VALUE));

	point.time_unix_nano = 1700000000000000001;
	point.count = 2;
	point.scale = -1;
	point.flags = UINT32_MAX;
	buckets.offset = INT32_MIN;
	buckets.n_bucket_counts = 2;
	buckets.bucket_counts = counts;
	point.positive = &buckets;
	expect(&point, "{\"timeUnixNano\":\"1700000000000000001\",\"count\":\"2\",\"scale\":-1,"
		       "\"positive\":{\"offset\":-2147483648,\"bucketCounts\":[\"0\","
		       "\"18446744073709551615\"]},\"flags\":4294967295}");
	value.int_value = INT64_MIN;
	expect(&value, "{\"intValue\":\"-9223372036854775808\"}");
}

Test(otlp_json, doubles_read_back_as_they_were)
{
	static const struct {
		double number;
		const char *text;
	} cases[] = {
		{ 0.1, "{\"doubleValue\":0.1}" },
		{ 1.0 / 3, "{\"doubleValue\":0.3333333333333333}" },
		{ 0.1 + 0.2, "{\"doubleValue\":0.30000000000000004}" },
		{ 1e300, "{\"doubleValue\":1e+300}" },
		{ -2, "{\"doubleValue\":-2}" },
		{ (double)NAN, "{\"doubleValue\":\"NaN\"}" },
		{ (double)INFINITY, "{\"doubleValue\":\"Infinity\"}" },
		{ (double)-INFINITY, "{\"doubleValue\":\"-Infinity\"}" },
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(cases); i++) {
		AnyValue value = any(ANY(DOUBLE_VALUE));

		value.double_value = cases[i].number;
		expect(&value, cases[i].text);
	}
}

Test(otlp_json, ids_are_hex_and_other_bytes_base64)
{
	static uint8_t id[16] = { 0x5b, 0x8e, 0xff, 0xf7, 0x98, 0x03, 0x81, 0x03,
				  0xd2, 0x69, 0xb6, 0x33, 0x81, 0x3f, 0xc6, 0x0c };
	static const char *const base64[] = { "", "Ww==", "W44=", "W47/", "W47/9w==" };
	Opentelemetry__Proto__Trace__V1__Span span = OPENTELEMETRY__PROTO__TRACE__V1__SPAN__INIT;
	Opentelemetry__Proto__Profiles__V1development__Profile profile =
		OPENTELEMETRY__PROTO__PROFILES__V1DEVELOPMENT__PROFILE__INIT;

	span.trace_id = (ProtobufCBinaryData){ 16, id };
	span.span_id = (ProtobufCBinaryData){ 8, id };
	span.parent_span_id = (ProtobufCBinaryData){ 8, id + 8 };
	span.kind = OPENTELEMETRY__PROTO__TRACE__V1__SPAN__SPAN_KIND__SPAN_KIND_CLIENT;
	span.flags = 0x101;
	expect(&span, "{\"traceId\":\"5b8efff798038103d269b633813fc60c\","
		      "\"spanId\":\"5b8efff798038103\",\"parentSpanId\":\"d269b633813fc60c\","
		      "\"kind\":3,\"flags\":257}");
	profile.profile_id = (ProtobufCBinaryData){ 16, id };
	expect(&profile, "{\"profileId\":\"5b8efff798038103d269b633813fc60c\"}");
	for (size_t i = 0; i < EO_ARRAY_SIZE(base64); i++) {
		AnyValue value = any(ANY(BYTES_VALUE));
		char text[64];

		value.bytes_value = (ProtobufCBinaryData){ i, id };
		snprintf(text, sizeof(text), "{\"bytesValue\":\"%s\"}", base64[i]);
		expect(&value, text);
	}
}

Test(otlp_json, text_is_escaped)
{
	Opentelemetry__Proto__Logs__V1__LogRecord record =
		OPENTELEMETRY__PROTO__LOGS__V1__LOG_RECORD__INIT;

	record.severity_number = OPENTELEMETRY__PROTO__LOGS__V1__SEVERITY_NUMBER__SEVERITY_NUMBER_WARN;
	record.severity_text = (char *)"\"\\/\b\f\n\r\t\x01\x1f\x7f\xc2\x9b\xc3\xa9\xf0\x9f\x94\xa5";
	expect(&record, "{\"severityNumber\":13,\"severityText\":"
			"\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\\u007f\\u009b\xc3\xa9\xf0\x9f\x94\xa5\"}");
}

Test(otlp_json, values_nest)
{
	AnyValue inner[2] = { any(ANY(INT_VALUE)), any(0) }, list = any(ANY(KVLIST_VALUE));
	AnyValue array = any(ANY(ARRAY_VALUE));
	AnyValue *inner_pointers[] = { &inner[0], &inner[1] };
	Opentelemetry__Proto__Common__V1__ArrayValue elements =
		OPENTELEMETRY__PROTO__COMMON__V1__ARRAY_VALUE__INIT;
	Opentelemetry__Proto__Common__V1__KeyValueList pairs =
		OPENTELEMETRY__PROTO__COMMON__V1__KEY_VALUE_LIST__INIT;
	KeyValue pair = OPENTELEMETRY__PROTO__COMMON__V1__KEY_VALUE__INIT, *pair_pointer = &pair;

	inner[0].int_value = 5;
	elements.n_values = 2;
	elements.values = inner_pointers;
	array.array_value = &elements;
	pair.key = (char *)"a";
	pair.value = &array;
	pairs.n_values = 1;
	pairs.values = &pair_pointer;
	list.kvlist_value = &pairs;
	expect(&list, "{\"kvlistValue\":{\"values\":[{\"key\":\"a\",\"value\":{\"arrayValue\":"
		      "{\"values\":[{\"intValue\":\"5\"},{}]}}}]}}");
}

Test(otlp_json, the_comparison_sees_differences)
{
	static const char *const wrong[] = {
		"{}",					       "[]",
		"{\"traceId\":\"5B\",\"name\":\"x\"}",	       "{\"traceId\":\"5b\"}",
		"{\"traceId\":\"5b\",\"name\":\"y\"}",	       "{\"trace_id\":\"5b\",\"name\":\"x\"}",
		"{\"traceId\":\"5b\",\"name\":\"x\",\"a\":1}", "{\"traceId\":\"Ww==\",\"name\":\"x\"}",
		"{\"traceId\":\"5b\",\"name\":\"x\",\"kind\":0}",
		"{\"traceId\":\"5b\",\"name\":\"x\",\"events\":[]}",
	};
	static uint8_t byte = 0x5b;
	Opentelemetry__Proto__Trace__V1__Span span = OPENTELEMETRY__PROTO__TRACE__V1__SPAN__INIT;
	FILE *nowhere = fopen("/dev/null", "w");

	span.trace_id = (ProtobufCBinaryData){ 1, &byte };
	span.name = (char *)"x";
	expect(&span, "{\"traceId\":\"5b\",\"name\":\"x\"}");
	for (size_t i = 0; i < EO_ARRAY_SIZE(wrong); i++) {
		json_t *json = json_loads(wrong[i], 0, NULL);

		cr_assert(json);
		cr_expect_gt(otlp_check_json(&span.base, json, nowhere), 0, "%s", wrong[i]);
		json_decref(json);
	}
	fclose(nowhere);
}
