/* SPDX-License-Identifier: BSD-2-Clause */
/* What protoc-c made of our schemas, told in the words of tests/data/otlp_tables.txt, which was
 * taken from the published tables of OTLP and not from our schemas. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/auto.h"
#include "opentelemetry/proto/collector/logs/v1/logs_service.pb-c.h"
#include "opentelemetry/proto/collector/metrics/v1/metrics_service.pb-c.h"
#include "opentelemetry/proto/collector/profiles/v1development/profiles_service.pb-c.h"
#include "opentelemetry/proto/collector/trace/v1/trace_service.pb-c.h"

#define PREFIX "opentelemetry.proto."
#define MAX_NAMED 128

/* Every message and enum that can be reached from the outermost ones. */
struct found {
	const ProtobufCMessageDescriptor *messages[MAX_NAMED];
	const ProtobufCEnumDescriptor *enums[MAX_NAMED];
	size_t message_count, enum_count;
};

static void visit_enum(struct found *found, const ProtobufCEnumDescriptor *descriptor)
{
	for (size_t i = 0; i < found->enum_count; i++)
		if (found->enums[i] == descriptor)
			return;
	cr_assert_lt(found->enum_count, MAX_NAMED);
	found->enums[found->enum_count++] = descriptor;
}

static void visit(struct found *found, const ProtobufCMessageDescriptor *descriptor)
{
	for (size_t i = 0; i < found->message_count; i++)
		if (found->messages[i] == descriptor)
			return;
	cr_assert_lt(found->message_count, MAX_NAMED);
	found->messages[found->message_count++] = descriptor;
	for (unsigned int i = 0; i < descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &descriptor->fields[i];

		if (field->type == PROTOBUF_C_TYPE_MESSAGE)
			visit(found, field->descriptor);
		else if (field->type == PROTOBUF_C_TYPE_ENUM)
			visit_enum(found, field->descriptor);
	}
}

static struct found everything(void)
{
	struct found found = { .message_count = 0 };

	visit(&found, &opentelemetry__proto__trace__v1__traces_data__descriptor);
	visit(&found, &opentelemetry__proto__metrics__v1__metrics_data__descriptor);
	visit(&found, &opentelemetry__proto__logs__v1__logs_data__descriptor);
	visit(&found, &opentelemetry__proto__profiles__v1development__profiles_data__descriptor);
	visit(&found, &opentelemetry__proto__collector__trace__v1__export_trace_service_request__descriptor);
	visit(&found, &opentelemetry__proto__collector__trace__v1__export_trace_service_response__descriptor);
	visit(&found, &opentelemetry__proto__collector__metrics__v1__export_metrics_service_request__descriptor);
	visit(&found, &opentelemetry__proto__collector__metrics__v1__export_metrics_service_response__descriptor);
	visit(&found, &opentelemetry__proto__collector__logs__v1__export_logs_service_request__descriptor);
	visit(&found, &opentelemetry__proto__collector__logs__v1__export_logs_service_response__descriptor);
	visit(&found, &opentelemetry__proto__collector__profiles__v1development__export_profiles_service_request__descriptor);
	visit(&found, &opentelemetry__proto__collector__profiles__v1development__export_profiles_service_response__descriptor);
	/* No field has their type: they are names for bits. */
	visit_enum(&found, &opentelemetry__proto__trace__v1__span_flags__descriptor);
	visit_enum(&found, &opentelemetry__proto__metrics__v1__data_point_flags__descriptor);
	visit_enum(&found, &opentelemetry__proto__logs__v1__log_record_flags__descriptor);
	return found;
}

static const char *relative(const char *name)
{
	cr_assert(!strncmp(name, PREFIX, strlen(PREFIX)), "%s is in another package", name);
	return name + strlen(PREFIX);
}

static const char *type_name(const ProtobufCFieldDescriptor *field)
{
	static const char *const names[] = {
		[PROTOBUF_C_TYPE_INT32] = "int32",     [PROTOBUF_C_TYPE_SINT32] = "sint32",
		[PROTOBUF_C_TYPE_SFIXED32] = "sfixed32", [PROTOBUF_C_TYPE_INT64] = "int64",
		[PROTOBUF_C_TYPE_SINT64] = "sint64",   [PROTOBUF_C_TYPE_SFIXED64] = "sfixed64",
		[PROTOBUF_C_TYPE_UINT32] = "uint32",   [PROTOBUF_C_TYPE_FIXED32] = "fixed32",
		[PROTOBUF_C_TYPE_UINT64] = "uint64",   [PROTOBUF_C_TYPE_FIXED64] = "fixed64",
		[PROTOBUF_C_TYPE_FLOAT] = "float",     [PROTOBUF_C_TYPE_DOUBLE] = "double",
		[PROTOBUF_C_TYPE_BOOL] = "bool",       [PROTOBUF_C_TYPE_STRING] = "string",
		[PROTOBUF_C_TYPE_BYTES] = "bytes",
	};

	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		return relative(((const ProtobufCMessageDescriptor *)field->descriptor)->name);
	if (field->type == PROTOBUF_C_TYPE_ENUM)
		return relative(((const ProtobufCEnumDescriptor *)field->descriptor)->name);
	return names[field->type];
}

/* protobuf-c forgets the names of oneofs, but their members share the word that says which is set. */
static unsigned int members_of_oneof(const ProtobufCMessageDescriptor *message,
				     const ProtobufCFieldDescriptor *field)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < message->n_fields; i++)
		count += message->fields[i].flags & PROTOBUF_C_FIELD_FLAG_ONEOF &&
			 message->fields[i].quantifier_offset == field->quantifier_offset;
	return count;
}

static const char *label(const ProtobufCMessageDescriptor *message,
			 const ProtobufCFieldDescriptor *field)
{
	if (field->label == PROTOBUF_C_LABEL_REPEATED)
		return "repeated";
	if (!(field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF))
		return "plain";
	return members_of_oneof(message, field) == 1 ? "optional" : "oneof";
}

/* One line a fact, each with its message or enum in front, so that they can be compared as sets. */
static char *told_by_descriptors(void)
{
	struct found found = everything();
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	for (size_t i = 0; i < found.message_count; i++) {
		const ProtobufCMessageDescriptor *message = found.messages[i];

		for (unsigned int at = 0; at < message->n_fields; at++)
			fprintf(out, "%s %u %s %s %s\n", relative(message->name),
				message->fields[at].id, message->fields[at].name,
				type_name(&message->fields[at]),
				label(message, &message->fields[at]));
	}
	for (size_t i = 0; i < found.enum_count; i++)
		for (unsigned int at = 0; at < found.enums[i]->n_values; at++)
			fprintf(out, "%s %d %s\n", relative(found.enums[i]->name),
				found.enums[i]->values[at].value, found.enums[i]->values[at].name);
	fclose(out);
	return text;
}

static char *told_by_tables(size_t *messages, size_t *enums)
{
	FILE *in = fopen(EO_DATA_DIR "/otlp_tables.txt", "r");
	char *text = NULL, *line = NULL;
	char name[128] = "";
	size_t size, line_size = 0;
	FILE *out = open_memstream(&text, &size);

	cr_assert(in, "no table at " EO_DATA_DIR);
	*messages = *enums = 0;
	while (getline(&line, &line_size, in) > 0) {
		char *oneof;

		if (line[0] == '#')
			continue;
		if (sscanf(line, "message %127s", name) == 1) {
			++*messages;
			continue;
		}
		if (sscanf(line, "enum %127s", name) == 1) {
			++*enums;
			continue;
		}
		oneof = strstr(line, " oneof:");
		if (oneof)
			strcpy(oneof + strlen(" oneof"), "\n");
		fprintf(out, "%s %s", name, line);
	}
	free(line);
	fclose(in);
	fclose(out);
	return text;
}

static bool has_line(const char *text, const char *line, size_t len)
{
	for (const char *at = text; *at; at += strcspn(at, "\n") + 1)
		if (strcspn(at, "\n") == len && !memcmp(at, line, len))
			return true;
	return false;
}

/* Returns the number of lines. */
static size_t expect_all_in(const char *lines, const char *text, const char *complaint)
{
	size_t count = 0;

	for (const char *at = lines; *at; at += strcspn(at, "\n") + 1, count++) {
		size_t len = strcspn(at, "\n");

		cr_expect(has_line(text, at, len), "%s: %.*s", complaint, (int)len, at);
	}
	return count;
}

Test(schema, agrees_with_the_published_tables_in_both_directions)
{
	size_t messages, enums;
	EO_AUTO_FREE char *tables = told_by_tables(&messages, &enums);
	EO_AUTO_FREE char *schema = told_by_descriptors();
	struct found found = everything();
	size_t facts = expect_all_in(tables, schema, "missing in the schema");

	cr_expect_eq(expect_all_in(schema, tables, "not in the tables"), facts);
	cr_expect_eq(facts, 268);
	cr_expect_eq(messages, 60);
	cr_expect_eq(found.message_count, messages);
	cr_expect_eq(enums, 7);
	cr_expect_eq(found.enum_count, enums);
}

/* --- the bytes that others make of the same messages ---------------------------------------- */

static void expect_bytes(const void *message, const char *hex)
{
	size_t size = protobuf_c_message_get_packed_size(message);
	uint8_t *packed = malloc(size + 1);
	char *told = calloc(2, size + 1);

	protobuf_c_message_pack(message, packed);
	for (size_t i = 0; i < size; i++)
		sprintf(told + 2 * i, "%02x", packed[i]);
	cr_expect_str_eq(told, hex);
	free(packed);
	free(told);
}

Test(wire, values_are_packed_as_elsewhere)
{
	Opentelemetry__Proto__Common__V1__AnyValue value =
		OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__INIT;
	Opentelemetry__Proto__Common__V1__ArrayValue array =
		OPENTELEMETRY__PROTO__COMMON__V1__ARRAY_VALUE__INIT;
	Opentelemetry__Proto__Common__V1__AnyValue empty =
		OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__INIT;
	Opentelemetry__Proto__Common__V1__KeyValue pair =
		OPENTELEMETRY__PROTO__COMMON__V1__KEY_VALUE__INIT;

	value.value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE;
	value.string_value = (char *)"";
	expect_bytes(&value, "0a00");
	value.value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_BOOL_VALUE;
	value.bool_value = 0;
	expect_bytes(&value, "1000");
	value.value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_INT_VALUE;
	value.int_value = -1;
	expect_bytes(&value, "18ffffffffffffffffff01");
	value.value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_BYTES_VALUE;
	value.bytes_value = (ProtobufCBinaryData){ 0 };
	expect_bytes(&value, "3a00");
	value.value_case = OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_ARRAY_VALUE;
	value.array_value = &array;
	expect_bytes(&value, "2a00");
	pair.key = (char *)"a";
	expect_bytes(&pair, "0a0161");
	pair.value = &empty;
	expect_bytes(&pair, "0a01611200");
}

Test(wire, presence_and_widths_are_as_elsewhere)
{
	Opentelemetry__Proto__Metrics__V1__NumberDataPoint number =
		OPENTELEMETRY__PROTO__METRICS__V1__NUMBER_DATA_POINT__INIT;
	Opentelemetry__Proto__Metrics__V1__HistogramDataPoint histogram =
		OPENTELEMETRY__PROTO__METRICS__V1__HISTOGRAM_DATA_POINT__INIT;
	Opentelemetry__Proto__Metrics__V1__ExponentialHistogramDataPoint exponential =
		OPENTELEMETRY__PROTO__METRICS__V1__EXPONENTIAL_HISTOGRAM_DATA_POINT__INIT;
	Opentelemetry__Proto__Trace__V1__Span span = OPENTELEMETRY__PROTO__TRACE__V1__SPAN__INIT;

	expect_bytes(&number, "");
	number.value_case = OPENTELEMETRY__PROTO__METRICS__V1__NUMBER_DATA_POINT__VALUE_AS_INT;
	expect_bytes(&number, "310000000000000000");
	expect_bytes(&histogram, "");
	histogram.sum_opt_case =
		OPENTELEMETRY__PROTO__METRICS__V1__HISTOGRAM_DATA_POINT__SUM_OPT_SUM;
	expect_bytes(&histogram, "290000000000000000");
	exponential.scale = -1;
	expect_bytes(&exponential, "3001");
	span.name = (char *)"x";
	span.flags = 0x100;
	expect_bytes(&span, "2a0178" "850100010000");
}

Test(wire, profiles_are_packed_as_elsewhere)
{
	Opentelemetry__Proto__Profiles__V1development__Sample sample =
		OPENTELEMETRY__PROTO__PROFILES__V1DEVELOPMENT__SAMPLE__INIT;
	Opentelemetry__Proto__Profiles__V1development__ProfilesDictionary dictionary =
		OPENTELEMETRY__PROTO__PROFILES__V1DEVELOPMENT__PROFILES_DICTIONARY__INIT;
	Opentelemetry__Proto__Profiles__V1development__Mapping mapping =
		OPENTELEMETRY__PROTO__PROFILES__V1DEVELOPMENT__MAPPING__INIT;
	Opentelemetry__Proto__Profiles__V1development__Mapping *mappings = &mapping;
	Opentelemetry__Proto__Profiles__V1development__Link link =
		OPENTELEMETRY__PROTO__PROFILES__V1DEVELOPMENT__LINK__INIT;
	Opentelemetry__Proto__Profiles__V1development__Link *links = &link;
	Opentelemetry__Proto__Profiles__V1development__KeyValueAndUnit attribute =
		OPENTELEMETRY__PROTO__PROFILES__V1DEVELOPMENT__KEY_VALUE_AND_UNIT__INIT;
	Opentelemetry__Proto__Profiles__V1development__KeyValueAndUnit *attributes = &attribute;
	char *strings[] = { (char *)"", (char *)"a" };
	uint8_t zeros[16] = { 0 };
	int64_t values[] = { 0, 1, 300 };
	uint64_t times[] = { 5 };

	sample.n_values = 3;
	sample.values = values;
	sample.n_timestamps_unix_nano = 1;
	sample.timestamps_unix_nano = times;
	expect_bytes(&sample, "22040001ac02" "2a080500000000000000");

	link.trace_id = (ProtobufCBinaryData){ 16, zeros };
	link.span_id = (ProtobufCBinaryData){ 8, zeros };
	dictionary.n_mapping_table = dictionary.n_link_table = dictionary.n_attribute_table = 1;
	dictionary.n_string_table = 2;
	dictionary.mapping_table = &mappings;
	dictionary.link_table = &links;
	dictionary.string_table = strings;
	dictionary.attribute_table = &attributes;
	expect_bytes(&dictionary, "0a00" "221c0a10" "00000000000000000000000000000000"
				  "1208" "0000000000000000" "2a00" "2a0161" "3200");
}
