/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <glob.h>

#include "core/auto.h"
#include "reading.h"

static struct eo_profile *json(const char *text)
{
	return profile_of(eo_read_otlp_json, text, strlen(text));
}

static void expect_bad(const char *text, const char *reason)
{
	expect_error(eo_read_otlp_json, text, strlen(text), reason);
}

/* The rest of a message with these profiles in one scope of one resource. Strings: 1 samples,
 * 2 count, 3 cpu, 4 nanoseconds, 5 main, 6 work, 7 thread.id, 8 By, 9 space. */
#define DICTIONARY_OF(attributes, links)                                                         \
	"\"dictionary\":{\"mappingTable\":[{},{\"filenameStrindex\":5,"                          \
	"\"memoryStart\":\"4096\",\"memoryLimit\":\"8192\"}],"                                   \
	"\"locationTable\":[{},{\"mappingIndex\":1,\"address\":\"4660\","                        \
	"\"lines\":[{\"functionIndex\":1,\"line\":\"7\"}]},{\"lines\":[{\"functionIndex\":2}]}]," \
	"\"functionTable\":[{},{\"nameStrindex\":5},{\"nameStrindex\":6}],"                      \
	"\"linkTable\":[{}" links "],\"stringTable\":[\"\",\"samples\",\"count\",\"cpu\","       \
	"\"nanoseconds\",\"main\",\"work\",\"thread.id\",\"By\",\"space\"],"                     \
	"\"attributeTable\":[{}" attributes "],"                                                 \
	"\"stackTable\":[{},{\"locationIndices\":[2,1]},{\"locationIndices\":[1]}]}"
#define DICTIONARY DICTIONARY_OF("", "")
#define MESSAGE(resource, scope, profiles, dictionary)                                      \
	"{\"resourceProfiles\":[{\"resource\":{" resource "},\"scopeProfiles\":[{\"scope\":{" \
	scope "},\"profiles\":[" profiles "]}]}]," dictionary "}"
#define SAMPLES_TYPE "\"sampleType\":{\"typeStrindex\":1,\"unitStrindex\":2}"
#define CPU_PERIOD "\"periodType\":{\"typeStrindex\":3,\"unitStrindex\":4},\"period\":\"1000\""

static void expect_types(const struct eo_profile *profile, const char *expected)
{
	char text[256] = "";

	for (size_t i = 0; i < profile->value_type_count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s/%s", i ? " " : "",
			 profile->strings[profile->value_types[i].type],
			 profile->strings[profile->value_types[i].unit]);
	cr_expect_str_eq(text, expected);
}

/* "comm=app pid=7 size=5bytes" */
static void expect_labels(const struct eo_profile *profile, uint32_t set, const char *expected)
{
	struct eo_span labels = profile->label_sets[set];
	char text[512] = "";

	for (uint32_t i = 0; i < labels.count; i++) {
		const struct eo_label *label = &profile->labels[labels.first + i];
		size_t len = strlen(text);

		if (label->is_number)
			snprintf(text + len, sizeof(text) - len, "%s%s=%lld%s", i ? " " : "",
				 profile->strings[label->key], (long long)label->num,
				 profile->strings[label->unit]);
		else
			snprintf(text + len, sizeof(text) - len, "%s%s=%s", i ? " " : "",
				 profile->strings[label->key], profile->strings[label->str]);
	}
	cr_expect_str_eq(text, expected);
}

/* The same pprof: all that pprof can say is equal. */
static void expect_same_pprof(const struct eo_profile *one, const struct eo_profile *other,
			      const char *what)
{
	size_t one_size, other_size;
	char *one_bytes = written(eo_write_pprof, one, NULL, &one_size);
	char *other_bytes = written(eo_write_pprof, other, NULL, &other_size);

	cr_expect(one_size == other_size && !memcmp(one_bytes, other_bytes, one_size), "%s", what);
	free(one_bytes);
	free(other_bytes);
}

static void expect_round_trip(const struct eo_profile *profile, const char *what)
{
	static const struct {
		eo_profile_write_fn write;
		eo_profile_read_fn read;
	} ways[] = { { eo_write_otlp, eo_read_otlp }, { eo_write_otlp_json, eo_read_otlp_json } };

	for (size_t i = 0; i < EO_ARRAY_SIZE(ways); i++) {
		size_t size, again;
		char *bytes = written(ways[i].write, profile, NULL, &size);
		struct eo_profile *copy = profile_of(ways[i].read, bytes, size);
		char *other = written(ways[i].write, copy, NULL, &again);

		expect_same_pprof(profile, copy, what);
		cr_expect(size == again && !memcmp(bytes, other, size), "%s", what);
		free(other);
		free(bytes);
		eo_profile_free(copy);
	}
}

Test(read_otlp, what_we_write_of_pprof_files_reads_back_as_them)
{
	glob_t files;
	size_t seen = 0;

	cr_assert_eq(glob(EO_TESTS_DIR "/data/profiles/*.pprof", 0, NULL, &files), 0);
	for (size_t i = 0; i < files.gl_pathc; i++) {
		struct eo_input *input;
		struct eo_profile *profile = eo_profile_new();

		if (!strstr(files.gl_pathv[i], "bad_utf8")) {
			cr_assert_eq(eo_input_open(files.gl_pathv[i], &input, NULL), 0);
			cr_assert_eq(eo_read_pprof(input, profile, NULL), 0);
			eo_input_free(input);
			expect_round_trip(profile, files.gl_pathv[i]);
			seen++;
		}
		eo_profile_free(profile);
	}
	globfree(&files);
	cr_expect_geq(seen, 6);
}

Test(read_otlp, resources_kinds_timestamps_and_links_read_back)
{
	struct eo_profile *profile = rich_profile(), *copy;
	struct eo_label resource[] = {
		{ .key = eo_profile_string(profile, "process.pid"), .num = 42, .is_number = true },
		{ .key = eo_profile_string(profile, "service.name"),
		  .str = eo_profile_string(profile, "shop") },
	};
	struct eo_label labels[] = {
		{ .key = eo_profile_string(profile, "pid"), .num = 42, .is_number = true },
		{ .key = eo_profile_string(profile, "comm"),
		  .str = eo_profile_string(profile, "app") },
		{ .key = eo_profile_string(profile, "trace_id"),
		  .str = eo_profile_string(profile, "0123456789abcdef0123456789abcdef") },
		{ .key = eo_profile_string(profile, "span_id"),
		  .str = eo_profile_string(profile, "0123456789abcdef") },
	};
	uint32_t set = eo_profile_label_set(profile, resource, 2);
	uint32_t label_set = eo_profile_label_set(profile, labels, 4);
	uint32_t frame = eo_profile_synthetic_frame(profile, "[made up]");
	char *bytes;
	size_t size, found = SIZE_MAX;

	eo_profile_add_sample_of(profile, set, eo_profile_stack(profile, &frame, 1), label_set,
				 (int64_t[]){ 9, 90000000 });
	cr_assert_eq(eo_profile_status(profile), 0);
	expect_round_trip(profile, "rich");
	bytes = written(eo_write_otlp, profile, NULL, &size);
	copy = profile_of(eo_read_otlp, bytes, size);
	for (size_t i = 0; i < copy->sample_count; i++)
		if (copy->samples[i].resource)
			found = i;
	cr_assert_neq(found, SIZE_MAX);
	expect_labels(copy, copy->samples[found].resource, "process.pid=42 service.name=shop");
	expect_labels(copy, copy->samples[found].label_set,
		      "pid=42 comm=app trace_id=0123456789abcdef0123456789abcdef "
		      "span_id=0123456789abcdef");
	frame = copy->frames[copy->stacks[copy->samples[found].stack].first];
	cr_expect_eq(copy->locations[frame].kind, EO_FRAME_SYNTHETIC);
	cr_expect_eq(copy->sample_count, profile->sample_count);
	free(bytes);
	eo_profile_free(copy);
	eo_profile_free(profile);
}

/* Made by protoc from the published schema, not by us. */
Test(read_otlp, a_message_of_others_is_read)
{
	static const char hex[] =
		"0a670a2b0a160a0c736572766963652e6e616d6512060a0464656d6f0a110a0b70726f636573732e"
		"7069641202182a12380a0a0a08656270666f74656c122a0a04080110021208080112010222010319"
		"00002a36fe9c9717208094ebdc032a04080310043092c2e80412b6010a000a0f0880808002108080"
		"800420052a01011200120d08011080a080021a040801100a1a001a0608061006180722002a002a07"
		"73616d706c65732a05636f756e742a036370752a0b6e616e6f7365636f6e64732a092f62696e2f64"
		"656d6f2a046d61696e2a066d61696e2e632a1f70726f636573732e65786563757461626c652e6275"
		"696c645f69642e676e752a097468726561642e69643200320a080812060a04616263643206080912"
		"02182a3a003a030a0101";
	unsigned char bytes[sizeof(hex) / 2];
	struct eo_profile *profile;
	const struct eo_location *location;

	for (size_t i = 0; i < sizeof(bytes); i++)
		cr_assert_eq(sscanf(hex + 2 * i, "%2hhx", &bytes[i]), 1);
	profile = profile_of(eo_read_otlp, bytes, sizeof(bytes));
	expect_types(profile, "samples/count cpu/nanoseconds");
	cr_assert_eq(profile->sample_count, 1);
	cr_expect_eq(profile->values[0], 3);
	cr_expect_eq(profile->values[1], 3 * 10101010);
	cr_expect_eq(profile->time_ns, 1700000000000000000);
	cr_expect_eq(profile->duration_ns, 1000000000);
	expect_labels(profile, profile->samples[0].label_set, "pid=42 tid=42");
	expect_labels(profile, profile->samples[0].resource, "service.name=demo process.pid=42");
	location = &profile->locations[profile->frames[0]];
	cr_expect_eq(location->address, 4198400);
	cr_expect_eq(profile->lines[location->first_line].line, 10);
	cr_expect_str_eq(profile->strings[profile->mappings[location->mapping].build_id], "abcd");
	cr_expect_str_eq(profile->strings[profile->mappings[location->mapping].filename],
			 "/bin/demo");
	expect_folded(profile, 0, "main 3\n");
	eo_profile_free(profile);
}

Test(read_otlp, one_profile_of_a_clock_is_samples_and_time)
{
	struct eo_profile *profile = json(MESSAGE(
		"", "",
		"{" SAMPLES_TYPE "," CPU_PERIOD ",\"timeUnixNano\":\"50\",\"durationNano\":9,"
		"\"samples\":[{\"stackIndex\":1,\"timestampsUnixNano\":[\"51\",\"52\"]},"
		"{\"stackIndex\":2,\"timestampsUnixNano\":[\"53\"]}]}", DICTIONARY));

	expect_types(profile, "samples/count cpu/nanoseconds");
	expect_folded(profile, 0, "main 1\nmain;work 2\n");
	expect_folded(profile, 1, "main 1000\nmain;work 2000\n");
	cr_assert_eq(profile->timestamp_count, 3);
	cr_expect_eq(profile->timestamps[2].time_ns, 53);
	cr_expect_eq(profile->timestamps[2].sample, 1);
	cr_expect_eq(profile->time_ns, 50);
	cr_expect_eq(profile->duration_ns, 9);
	cr_expect_eq(profile->period, 1000);
	eo_profile_free(profile);
}

Test(read_otlp, values_come_in_three_shapes)
{
	struct eo_profile *profile = json(MESSAGE(
		"", "",
		"{" SAMPLES_TYPE ",\"samples\":[{\"stackIndex\":1,\"values\":[\"5\"]},"
		"{\"stackIndex\":1,\"values\":[2,3],\"timestampsUnixNano\":[1,2]},"
		"{\"stackIndex\":2,\"timestampsUnixNano\":[1]}]}", DICTIONARY));

	expect_folded(profile, 0, "main 1\nmain;work 10\n");
	eo_profile_free(profile);
	expect_bad(MESSAGE("", "", "{\"samples\":[{}]}", DICTIONARY),
		   "a sample with neither a value nor a timestamp");
	expect_bad(MESSAGE("", "", "{\"samples\":[{\"values\":[1,2]}]}", DICTIONARY),
		   "a sample with 2 values and 0 timestamps");
	expect_bad(MESSAGE("", "",
			   "{\"samples\":[{\"values\":[1],\"timestampsUnixNano\":[1,2]}]}",
			   DICTIONARY),
		   "a sample with 1 values and 2 timestamps");
}

Test(read_otlp, profiles_of_other_types_join_and_what_is_missing_is_0)
{
	static const char two[] =
		"{" SAMPLES_TYPE ",\"samples\":[{\"stackIndex\":1,\"values\":[1]},"
		"{\"stackIndex\":2,\"values\":[2]}]},"
		"{\"sampleType\":{\"typeStrindex\":9,\"unitStrindex\":8},"
		"\"samples\":[{\"stackIndex\":2,\"values\":[300]}]}";
	char text[4096];
	struct eo_profile *profile;

	snprintf(text, sizeof(text), MESSAGE("", "%s", "%s", "%s"), "", two, DICTIONARY);
	profile = json(text);
	expect_types(profile, "samples/count space/bytes");
	cr_expect_eq(profile->sample_count, 2);
	cr_expect_eq(profile->values[1], 0);
	expect_folded(profile, 0, "main 2\nmain;work 1\n");
	expect_folded(profile, 1, "main 300\n");
	cr_expect_str_eq(profile->strings[profile->default_value_type], "samples",
			 "OTLP's first is the default");
	eo_profile_free(profile);

	snprintf(text, sizeof(text), MESSAGE("", "%s", "%s", "%s"),
		 "\"attributes\":[{\"key\":\"pprof.scope.sample_type_order\",\"value\":"
		 "{\"arrayValue\":{\"values\":[{\"intValue\":\"1\"},{\"intValue\":0}]}}}]",
		 two, DICTIONARY);
	profile = json(text);
	expect_types(profile, "space/bytes samples/count");
	cr_expect_eq(profile->default_value_type, 0, "pprof's last is");
	expect_folded(profile, 0, "main 300\n");
	eo_profile_free(profile);
}

Test(read_otlp, attributes_become_labels)
{
	struct eo_profile *profile = json(MESSAGE(
		"\"attributes\":[{\"key\":\"process.pid\",\"value\":{\"intValue\":\"7\"}},"
		"{\"key\":\"\",\"keyStrindex\":6,\"value\":{\"stringValueStrindex\":5}}]", "",
		"{" SAMPLES_TYPE ",\"samples\":[{\"stackIndex\":1,\"values\":[1],"
		"\"attributeIndices\":[1,2,3,4,5,6,7,0],\"linkIndex\":1}]}",
		DICTIONARY_OF(
			",{\"keyStrindex\":7,\"value\":{\"intValue\":\"9\"}},"
			"{\"keyStrindex\":9,\"value\":{\"intValue\":\"5\"},\"unitStrindex\":8},"
			"{\"keyStrindex\":5,\"value\":{\"stringValue\":\"text\"}},"
			"{\"keyStrindex\":5,\"value\":{\"boolValue\":true}},"
			"{\"keyStrindex\":5,\"value\":{\"arrayValue\":{\"values\":"
			"[{\"doubleValue\":0.1},{\"bytesValue\":\"AP8=\"}]}}},"
			"{\"keyStrindex\":5,\"value\":{\"kvlistValue\":{\"values\":"
			"[{\"key\":\"in\",\"value\":{\"intValue\":-1}}]}}},"
			"{\"keyStrindex\":5,\"value\":{}}",
			",{\"traceId\":\"0102030405060708090A0B0C0D0E0F10\","
			"\"spanId\":\"a1a2a3a4a5a6a7a8\"}")));

	expect_labels(profile, profile->samples[0].label_set,
		      "pid=7 tid=9 space=5bytes main=text main=true main=0.1 main=00ff main.in=-1 "
		      "trace_id=0102030405060708090a0b0c0d0e0f10 span_id=a1a2a3a4a5a6a7a8");
	expect_labels(profile, profile->samples[0].resource, "process.pid=7 work=main");
	eo_profile_free(profile);
}

Test(read_otlp, build_ids_flags_and_frame_types_are_found)
{
	struct eo_profile *profile = json(
		"{\"resourceProfiles\":[{\"scopeProfiles\":[{\"profiles\":[{\"samples\":"
		"[{\"stackIndex\":1,\"values\":[1]}]}]}]}],"
		"\"dictionary\":{\"stringTable\":[\"\",\"process.executable.build_id.htlhash\","
		"\"process.executable.build_id.gnu\",\"pprof.mapping.has_functions\","
		"\"profile.frame.type\",\"pprof.location.is_folded\",\"/bin/x\"],"
		"\"attributeTable\":[{},{\"keyStrindex\":1,\"value\":{\"stringValue\":\"aa\"}},"
		"{\"keyStrindex\":2,\"value\":{\"stringValue\":\"bb\"}},"
		"{\"keyStrindex\":3,\"value\":{\"boolValue\":true}},"
		"{\"keyStrindex\":4,\"value\":{\"stringValue\":\"cpython\"}},"
		"{\"keyStrindex\":4,\"value\":{\"stringValue\":\"kernel\"}},"
		"{\"keyStrindex\":5,\"value\":{\"boolValue\":true}}],"
		"\"mappingTable\":[{},{\"filenameStrindex\":6,\"attributeIndices\":[2,1,3]},"
		"{\"filenameStrindex\":6,\"attributeIndices\":[1]}],"
		"\"locationTable\":[{},{\"mappingIndex\":1,\"attributeIndices\":[4,6]},"
		"{\"mappingIndex\":2,\"attributeIndices\":[5]},{\"mappingIndex\":2}],"
		"\"stackTable\":[{},{\"locationIndices\":[1,2,3]}]}}");
	const struct eo_location *location = &profile->locations[profile->frames[0]];
	const struct eo_mapping *mapping = &profile->mappings[location->mapping];

	cr_expect_eq(location->kind, EO_FRAME_JIT);
	cr_expect(location->is_folded);
	cr_expect_str_eq(profile->strings[mapping->build_id], "bb", "the linker's first");
	cr_expect(mapping->has_functions);
	location = &profile->locations[profile->frames[1]];
	cr_expect_eq(location->kind, EO_FRAME_KERNEL);
	cr_expect_str_eq(profile->strings[profile->mappings[location->mapping].build_id], "aa");
	cr_expect_eq(profile->locations[profile->frames[2]].kind, EO_FRAME_UNKNOWN);
	eo_profile_free(profile);
}

Test(read_otlp, the_collectors_comments_are_read)
{
	struct eo_profile *profile = json(
		"{\"resourceProfiles\":[{\"scopeProfiles\":[{\"profiles\":"
		"[{\"attributeIndices\":[1,2]},{\"attributeIndices\":[1,2]}]}]}],"
		"\"dictionary\":{\"stringTable\":[\"\",\"pprof.profile.comment.0\","
		"\"pprof.profile.comment\"],\"attributeTable\":[{},"
		"{\"keyStrindex\":1,\"value\":{\"stringValue\":\"one\"}},"
		"{\"keyStrindex\":2,\"value\":{\"arrayValue\":{\"values\":[{\"stringValue\":"
		"\"two\"},{\"stringValue\":\"two\"}]}}}]}}");

	cr_assert_eq(profile->comment_count, 3, "the second profile repeats them");
	cr_expect_str_eq(profile->strings[profile->comments[0]], "one");
	cr_expect_str_eq(profile->strings[profile->comments[2]], "two");
	eo_profile_free(profile);
}

Test(read_otlp, lines_of_json_are_merged)
{
	static const char line[] = MESSAGE(
		"", "", "{" SAMPLES_TYPE ",\"samples\":[{\"stackIndex\":1,\"values\":[4]}]}",
		DICTIONARY);
	char text[8192];
	struct eo_profile *profile;

	snprintf(text, sizeof(text), "%s\n\n%s\r\n {\"unknown\":[1,{\"x\":null}]} ", line, line);
	profile = json(text);
	expect_folded(profile, 0, "main;work 8\n");
	eo_profile_free(profile);
	snprintf(text, sizeof(text), "%s\n%s\n{\"resourceProfiles\":3}", line, line);
	expect_bad(text, "read memory: line 3: \"resourceProfiles\" is no array");
	snprintf(text, sizeof(text), "%s\n%s\n\n  {\"a\" 3}", line, line);
	expect_bad(text, "read memory: line 4, column ");
}

Test(read_otlp, messages_behind_their_lengths_are_merged)
{
	struct eo_profile *rich = rich_profile(), *copy;
	size_t size;
	char *bytes = written(eo_write_otlp, rich, NULL, &size);
	char *twice = malloc(2 * size + 8);

	for (size_t i = 0; i < 2; i++) {
		char *to = twice + i * (size + 4);

		for (size_t at = 0; at < 4; at++)
			to[at] = (char)(size >> (24 - 8 * at));
		memcpy(to + 4, bytes, size);
	}
	copy = profile_of(eo_read_otlp, twice, 2 * size + 8);
	cr_expect_eq(eo_profile_total(copy, 0), 2 * eo_profile_total(rich, 0));
	cr_expect_eq(copy->sample_count, rich->sample_count);
	eo_profile_free(copy);
	expect_error(eo_read_otlp, twice, 2 * size + 7, "the data end inside a message of");
	expect_error(eo_read_otlp, twice, size + 6, "the data end inside a message of");
	memcpy(twice, bytes, size);
	memcpy(twice + size, bytes, size);
	expect_error(eo_read_otlp, twice, 2 * size, "a second dictionary");
	free(twice);
	free(bytes);
	eo_profile_free(rich);
}

Test(read_otlp, indices_that_lead_nowhere_name_the_table)
{
	static const struct {
		const char *sample, *reason;
	} samples[] = {
		{ "\"stackIndex\":3", "stack 3 of a table of 3" },
		{ "\"stackIndex\":-1", "stack -1 of a table of 3" },
		{ "\"linkIndex\":1", "link 1 of a table of 1" },
		{ "\"attributeIndices\":[1]", "attribute 1 of a table of 1" },
		{ "\"attributeIndices\":[-2]", "attribute -2 of a table of 1" },
	};
	static const struct {
		const char *tables, *reason;
	} tables[] = {
		{ "\"stackTable\":[{},{\"locationIndices\":[1]}]", "location 1 of a table of 0" },
		{ "\"locationTable\":[{},{\"mappingIndex\":1}]", "mapping 1 of a table of 0" },
		{ "\"locationTable\":[{},{\"lines\":[{\"functionIndex\":2}]}]",
		  "function 2 of a table of 0" },
		{ "\"functionTable\":[{\"nameStrindex\":1}]", "string 1 of a table of 0" },
		{ "\"mappingTable\":[{\"filenameStrindex\":-1}]", "string -1 of a table of 0" },
		{ "\"mappingTable\":[{\"attributeIndices\":[4]}]", "attribute 4 of a table of 0" },
		{ "\"linkTable\":[{},{\"traceId\":\"00\"}]", "link 1 has an id of 1 bytes" },
		{ "\"stringTable\":[\"x\"]", "the first string is not empty" },
	};
	char text[4096];

	for (size_t i = 0; i < EO_ARRAY_SIZE(samples); i++) {
		snprintf(text, sizeof(text),
			 MESSAGE("", "", "{\"samples\":[{\"values\":[1],%s}]}", "%s"),
			 samples[i].sample, DICTIONARY);
		expect_bad(text, samples[i].reason);
	}
	for (size_t i = 0; i < EO_ARRAY_SIZE(tables); i++) {
		snprintf(text, sizeof(text), "{\"dictionary\":{%s}}", tables[i].tables);
		expect_bad(text, tables[i].reason);
	}
}

Test(read_otlp, json_of_wrong_types_names_the_key)
{
	expect_bad("", "it is empty");
	expect_bad("[]", "line 1, column 1: '{' is missing");
	expect_bad("{\"dictionary\":{} \"x\"", "line 1, column 18: '}' is missing");
	expect_bad("{\"dictionary\"\n 3}", "line 2, column 2: ':' is missing");
	expect_bad("{3:4}", "a key is no string");
	expect_bad("{\"dictionary\":{\"stringTable\":[\"\" 1]}}", "']' is missing");
	expect_bad("{\"dictionary\":{\"stringTable\":[null]}}", "\"stringTable\" is no string");
	expect_bad("{\"resourceProfiles\":[1]}", "\"resourceProfiles\" is no object");
	expect_bad("{\"resourceProfiles\":{}}", "\"resourceProfiles\" is no array");
	expect_bad("{\"dictionary\":[]}", "\"dictionary\" is no object");
	expect_bad("{\"dictionary\":{\"stringTable\":[1]}}", "\"stringTable\" is no string");
	expect_bad("{\"dictionary\":{\"stackTable\":[{\"locationIndices\":[1.5]}]}}",
		   "\"locationIndices\" is no whole number");
	expect_bad("{\"dictionary\":{\"stackTable\":[{\"locationIndices\":[4294967296]}]}}",
		   "\"locationIndices\" is no whole number, or too large");
	expect_bad("{\"dictionary\":{\"mappingTable\":[{\"memoryStart\":-1}]}}", "\"memoryStart\"");
	expect_bad("{\"dictionary\":{\"mappingTable\":[{\"memoryStart\":\"0x10\"}]}}",
		   "\"memoryStart\"");
	expect_bad("{\"dictionary\":{\"mappingTable\":[{\"memoryStart\":"
		   "\"18446744073709551616\"}]}}", "\"memoryStart\"");
	expect_bad("{\"dictionary\":{\"linkTable\":[{\"traceId\":\"zz\"}]}}", "is not in hex");
	expect_bad("{\"dictionary\":{\"linkTable\":[{\"traceId\":\"012\"}]}}", "is not in hex");
	expect_bad("{\"dictionary\":{\"attributeTable\":[{\"value\":{\"bytesValue\":\"*\"}}]}}",
		   "is not in base64");
	expect_bad("{\"dictionary\":{\"attributeTable\":[{\"value\":{\"boolValue\":1}}]}}",
		   "\"boolValue\" is neither true nor false");
	expect_bad("{\"dictionary\":{\"attributeTable\":[{\"value\":{\"doubleValue\":NaN}}]}}",
		   "line 1, column ");
	expect_bad("{\"dictionary\":{},\"dictionary\":{}}", "\"dictionary\" is there twice");
	expect_bad("{\"dictionary\":{\"linkTable\":[{\"spanId\":\"\",\"spanId\":\"\"}]}}",
		   "line 1, column ");
	expect_bad("{\"a\":\"\xff\"}", "line 1, column ");
	expect_bad("{\"a\":\"\\u0000\"}", "line 1, column ");
}

Test(read_otlp, numbers_of_json_may_be_strings_and_whole_decimals)
{
	struct eo_profile *profile = json(
		"{\"dictionary\":{\"mappingTable\":[{},{\"memoryStart\":\"1\","
		"\"memoryLimit\":\"18446744073709551615\",\"fileOffset\":4e3}],"
		"\"attributeTable\":[{\"value\":{\"doubleValue\":\"NaN\"}},"
		"{\"keyStrindex\":0,\"unitStrindex\":null,"
		"\"value\":{\"doubleValue\":\"-Infinity\"}}]}}");

	cr_expect_eq(profile->mappings[1].start, 1);
	cr_expect_eq(profile->mappings[1].limit, UINT64_MAX);
	cr_expect_eq(profile->mappings[1].offset, 4000);
	eo_profile_free(profile);
}

/* @depth times @open around nothing */
static char *nested(const char *begin, const char *open, const char *close, const char *end,
		    size_t depth)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fputs(begin, out);
	for (size_t i = 0; i < depth; i++)
		fputs(open, out);
	for (size_t i = 0; i < depth; i++)
		fputs(close, out);
	fputs(end, out);
	fclose(out);
	return text;
}

Test(read_otlp, depth_has_a_limit)
{
	static const size_t depths[] = { 40, 1000, 300000 };

	for (size_t i = 0; i < EO_ARRAY_SIZE(depths); i++) {
		char *text = nested("{\"dictionary\":{\"attributeTable\":[{\"value\":",
				    "{\"arrayValue\":{\"values\":[", "]}}", "}]}}", depths[i]);

		expect_bad(text, "read memory: line 1");
		free(text);
		text = nested("{\"x\":", "[", "]", "}", depths[i]);
		if (i == 2)
			expect_bad(text, "line 1, column");
		else
			survive(eo_read_otlp_json, text, strlen(text));
		free(text);
	}
	{
		char *text = nested("{\"dictionary\":{\"stringTable\":[\"\"],"
				    "\"attributeTable\":[{},{\"value\":",
				    "{\"arrayValue\":{\"values\":[", "]}}",
				    "}]},\"resourceProfiles\":[{\"scopeProfiles\":[{\"profiles\":"
				    "[{\"attributeIndices\":[1]}]}]}]}", 20);

		expect_bad(text, "values in values, more than 16 deep");
		free(text);
	}
}

Test(read_otlp, nested_values_of_protobuf_do_not_exhaust_the_stack)
{
	enum { DEPTH = 200000 };
	/* Each level is a field of bytes in the one before: built from the inside. */
	size_t room = DEPTH * 10 + 1000, at = room;
	unsigned char *bytes = malloc(room);
	static const unsigned char tags[] = { 0x0a, 0x2a }; /* values, array_value */

	for (size_t i = 0; i < DEPTH; i++) {
		size_t length = room - at, digits = 0;
		unsigned char varint[5];

		do
			varint[digits++] = (unsigned char)((length & 0x7f) | (length > 0x7f) << 7);
		while (length >>= 7);
		at -= digits;
		memcpy(bytes + at, varint, digits);
		bytes[--at] = tags[i % 2];
	}
	survive(eo_read_otlp, bytes + at, room - at);
	free(bytes);
}

Test(read_otlp, cut_or_flipped_it_does_no_harm)
{
	struct eo_profile *rich = rich_profile();
	size_t size, errors = 0;
	char *bytes = written(eo_write_otlp, rich, NULL, &size);

	for (size_t cut = 0; cut < size; cut++) {
		struct eo_profile *profile = eo_profile_new();
		struct eo_error err = { 0 };
		char *copy = memcpy(malloc(cut + 1), bytes, cut);

		copy = realloc(copy, cut ? cut : 1);
		errors += read_into(profile, eo_read_otlp, copy, cut, &err) < 0;
		free(copy);
		eo_profile_free(profile);
	}
	cr_expect_geq(errors, size - 2);
	for (size_t at = 0; at < size; at++)
		for (int bit = 0; bit < 8; bit += 3) {
			bytes[at] ^= (char)(1 << bit);
			survive(eo_read_otlp, bytes, size);
			bytes[at] ^= (char)(1 << bit);
		}
	free(bytes);
	eo_profile_free(rich);
}

/* @samples samples that share an attribute of @values values, and have another one of their own. */
static char *sharing(int samples, int values)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fputs("{\"resourceProfiles\":[{\"scopeProfiles\":[{\"profiles\":[{\"samples\":[", out);
	for (int i = 0; i < samples; i++)
		fprintf(out, "%s{\"attributeIndices\":[1,%d],\"values\":[1]}", i ? "," : "", i + 2);
	fputs("]}]}]}],\"dictionary\":{\"stringTable\":[\"\"],\"attributeTable\":[{},"
	      "{\"value\":{\"arrayValue\":{\"values\":[", out);
	for (int i = 0; i < values; i++)
		fprintf(out, "%s{\"intValue\":%d}", i ? "," : "", i);
	fputs("]}}}", out);
	for (int i = 0; i < samples; i++)
		fprintf(out, ",{\"value\":{\"intValue\":%d}}", i);
	fputs("]}}", out);
	fclose(out);
	return text;
}

Test(read_otlp, small_samples_cannot_ask_for_endless_memory)
{
	char *text = sharing(5000, 1000);

	expect_bad(text, "attributes with far more values than they are worth");
	free(text);
	text = sharing(100, 1000);
	eo_profile_free(json(text));
	free(text);
	text = sharing(1, 1024);
	expect_bad(text, "more than 1024 attributes");
	free(text);
}
