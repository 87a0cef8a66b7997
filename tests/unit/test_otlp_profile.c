/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/auto.h"
#include "otlp/otlp_profile.h"
#include "otlp_check.h"
#include "profile_samples.h"

#define P(name) Opentelemetry__Proto__Profiles__V1development__##name
#define C(name) Opentelemetry__Proto__Common__V1__##name
#define ANY(member) OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_##member

static void free_data(ProfilesData *data)
{
	opentelemetry__proto__profiles__v1development__profiles_data__free_unpacked(data, NULL);
}

static ProfilesData *unpack(const void *bytes, size_t len)
{
	ProfilesData *data =
		opentelemetry__proto__profiles__v1development__profiles_data__unpack(NULL, len,
										     bytes);

	cr_assert(data, "no ProfilesData");
	return data;
}

/* What is written of a profile: sound, and the same as JSON in one line. */
static ProfilesData *written_with(const struct eo_profile *profile,
				  const struct eo_write_options *options)
{
	size_t len, json_len;
	EO_AUTO_FREE char *bytes = written(eo_write_otlp, profile, options, &len);
	EO_AUTO_FREE char *text = written(eo_write_otlp_json, profile, options, &json_len);
	ProfilesData *data = unpack(bytes, len);
	json_error_t error;
	json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &error);

	cr_expect_eq(otlp_check(data, stderr), 0);
	cr_assert(json, "%s", error.text);
	cr_expect_eq(otlp_check_json(&data->base, json, stderr), 0);
	cr_expect_eq(strcspn(text, "\n"), json_len - 1, "one line");
	json_decref(json);
	return data;
}

/* Of a profile that is not needed any more. */
static ProfilesData *otlp_of(struct eo_profile *profile)
{
	ProfilesData *data;

	cr_assert_eq(eo_profile_status(profile), 0);
	data = written_with(profile, NULL);
	eo_profile_free(profile);
	return data;
}

static const P(ScopeProfiles) *scope_of(const ProfilesData *data, size_t resource)
{
	cr_assert_lt(resource, data->n_resource_profiles);
	cr_assert_eq(data->resource_profiles[resource]->n_scope_profiles, 1);
	return data->resource_profiles[resource]->scope_profiles[0];
}

static const char *string(const ProfilesData *data, int32_t index)
{
	return data->dictionary->string_table[index];
}

static const C(AnyValue) *value_of(C(KeyValue) *const *list, size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++)
		if (!strcmp(list[i]->key, key))
			return list[i]->value;
	return NULL;
}

static const C(AnyValue) *scope_value(const ProfilesData *data, const char *key)
{
	const P(ScopeProfiles) *scope = scope_of(data, 0);

	return value_of(scope->scope->attributes, scope->scope->n_attributes, key);
}

static const C(AnyValue) *resource_value(const ProfilesData *data, size_t resource, const char *key)
{
	const Opentelemetry__Proto__Resource__V1__Resource *message =
		data->resource_profiles[resource]->resource;

	return value_of(message->attributes, message->n_attributes, key);
}

static const P(KeyValueAndUnit) *attribute(const ProfilesData *data, const int32_t *indices,
					   size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++) {
		const P(KeyValueAndUnit) *found = data->dictionary->attribute_table[indices[i]];

		if (!strcmp(string(data, found->key_strindex), key))
			return found;
	}
	return NULL;
}

static const P(KeyValueAndUnit) *sample_attribute(const ProfilesData *data, const P(Sample) *sample,
						  const char *key)
{
	return attribute(data, sample->attribute_indices, sample->n_attribute_indices, key);
}

static void expect_type(const ProfilesData *data, size_t at, const char *type, const char *unit)
{
	const P(Profile) *profile = scope_of(data, 0)->profiles[at];

	cr_expect_str_eq(string(data, profile->sample_type->type_strindex), type);
	cr_expect_str_eq(string(data, profile->sample_type->unit_strindex), unit);
}

/* Of the values of a Profile, over all resources; timestamps count 1. */
static int64_t total(const ProfilesData *data, size_t at)
{
	int64_t sum = 0;

	for (size_t r = 0; r < data->n_resource_profiles; r++) {
		const P(Profile) *profile = scope_of(data, r)->profiles[at];

		for (size_t i = 0; i < profile->n_samples; i++) {
			sum += (int64_t)profile->samples[i]->n_timestamps_unix_nano;
			for (size_t v = 0; v < profile->samples[i]->n_values; v++)
				sum += profile->samples[i]->values[v];
		}
	}
	return sum;
}

static uint32_t label_set(struct eo_profile *profile, const struct eo_label *labels, size_t count)
{
	return eo_profile_label_set(profile, labels, count);
}

static struct eo_label text_label(struct eo_profile *profile, const char *key, const char *text)
{
	return (struct eo_label){ .key = eo_profile_string(profile, key),
				  .str = eo_profile_string(profile, text) };
}

static struct eo_label number_label(struct eo_profile *profile, const char *key, int64_t number)
{
	return (struct eo_label){ .key = eo_profile_string(profile, key), .num = number,
				  .is_number = true };
}

/* A sample of one frame. Returns its index. */
static uint32_t add_sample(struct eo_profile *profile, uint32_t resource, const char *name,
			   uint32_t labels, int64_t count)
{
	uint32_t frame = add_frame(profile, (struct frame){ name, "/usr/bin/app", 0x1000 });

	return eo_profile_add_sample_of(profile, resource, eo_profile_stack(profile, &frame, 1),
					labels, (int64_t[]){ count, count * 10000000 });
}

static struct eo_profile *heap_profile(void)
{
	static const char *const types[] = { "alloc_objects", "alloc_space", "inuse_objects",
					     "inuse_space" };
	struct eo_profile *profile = eo_profile_new();
	uint32_t frame;

	cr_assert(profile);
	for (size_t i = 0; i < EO_ARRAY_SIZE(types); i++)
		eo_profile_add_value_type(profile, types[i], i % 2 ? "bytes" : "count");
	profile->default_value_type = eo_profile_string(profile, "inuse_space");
	profile->period_type.type = eo_profile_string(profile, "space");
	profile->period_type.unit = eo_profile_string(profile, "bytes");
	profile->period = 524288;
	frame = add_frame(profile, (struct frame){ "malloc", "/usr/lib/libc.so.6", 0x1100 });
	eo_profile_add_sample(profile, eo_profile_stack(profile, &frame, 1), 0,
			      (int64_t[]){ 10, 1000, 0, 0 });
	frame = add_frame(profile, (struct frame){ "calloc", "/usr/lib/libc.so.6", 0x1200 });
	eo_profile_add_sample(profile, eo_profile_stack(profile, &frame, 1), 0,
			      (int64_t[]){ 7, 777, 3, 333 });
	return profile;
}

/* --- the whole --------------------------------------------------------------------------- */

Test(otlp_profile, a_profile_that_others_made_is_sound_and_packs_to_its_bytes)
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
	uint8_t bytes[290], again[290];
	ProfilesData *data;

	cr_assert_eq(strlen(hex), 2 * sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		sscanf(hex + 2 * i, "%2hhx", &bytes[i]);
	data = unpack(bytes, sizeof(bytes));
	cr_expect_eq(otlp_check(data, stderr), 0);
	cr_expect_str_eq(resource_value(data, 0, "service.name")->string_value, "demo");
	cr_expect_eq(total(data, 0), 3);
	cr_assert_eq(protobuf_c_message_get_packed_size(&data->base), sizeof(again));
	protobuf_c_message_pack(&data->base, again);
	cr_expect_arr_eq(again, bytes, sizeof(bytes));
	free_data(data);
}

Test(otlp_profile, a_cpu_profile_is_one_profile_with_a_period)
{
	ProfilesData *data = otlp_of(rich_profile());
	const P(ScopeProfiles) *scope = scope_of(data, 0);
	const P(Profile) *profile = scope->profiles[0];

	cr_expect_eq(data->n_resource_profiles, 1);
	cr_expect_str_eq(scope->scope->name, "ebpfotel");
	cr_expect_str_eq(scope->scope->version, EO_VERSION);
	cr_expect_eq(scope->n_profiles, 1);
	expect_type(data, 0, "samples", "count");
	cr_expect_eq(profile->n_samples, 9);
	cr_expect_eq(total(data, 0), 37);
	cr_expect_eq(profile->time_unix_nano, 1700000000000000000);
	cr_expect_eq(profile->duration_nano, 1000000000);
	cr_expect_str_eq(string(data, profile->period_type->type_strindex), "cpu");
	cr_expect_str_eq(string(data, profile->period_type->unit_strindex), "nanoseconds");
	cr_expect_eq(profile->period, 10000000);
	cr_assert(scope_value(data, EO_OTLP_CPU_FROM_PERIOD));
	cr_expect(scope_value(data, EO_OTLP_CPU_FROM_PERIOD)->bool_value);
	cr_expect_null(scope_value(data, EO_OTLP_SAMPLE_TYPE_ORDER));
	free_data(data);
}

Test(otlp_profile, a_second_value_that_does_not_follow_is_a_profile_of_its_own)
{
	struct eo_profile *profile = cpu_profile();
	ProfilesData *data;

	eo_profile_add_sample(profile, 0, 0, (int64_t[]){ 2, 20000001 });
	data = otlp_of(profile);
	cr_expect_eq(scope_of(data, 0)->n_profiles, 2);
	expect_type(data, 0, "cpu", "nanoseconds"); /* pprof's default is its last */
	expect_type(data, 1, "samples", "count");
	cr_expect_eq(total(data, 0), 20000001);
	cr_expect_eq(total(data, 1), 2);
	cr_expect_null(scope_value(data, EO_OTLP_CPU_FROM_PERIOD));
	free_data(data);
}

Test(otlp_profile, samples_alone_say_that_no_time_follows)
{
	struct eo_profile *profile = eo_profile_new();
	ProfilesData *data;

	eo_profile_add_value_type(profile, "samples", "count");
	profile->period_type.type = eo_profile_string(profile, "cpu");
	profile->period_type.unit = eo_profile_string(profile, "nanoseconds");
	profile->period = 10000000;
	eo_profile_add_sample(profile, 0, 0, (int64_t[]){ 4 });
	data = otlp_of(profile);
	cr_expect_eq(scope_of(data, 0)->n_profiles, 1);
	cr_assert(scope_value(data, EO_OTLP_CPU_FROM_PERIOD));
	cr_expect_not(scope_value(data, EO_OTLP_CPU_FROM_PERIOD)->bool_value);
	free_data(data);
}

Test(otlp_profile, the_default_comes_first_and_the_order_is_told)
{
	static const int64_t order[] = { 3, 0, 1, 2 }, totals[] = { 333, 17, 1777, 3 };
	ProfilesData *data = otlp_of(heap_profile());
	const C(AnyValue) *told = scope_value(data, EO_OTLP_SAMPLE_TYPE_ORDER);

	cr_assert_eq(scope_of(data, 0)->n_profiles, 4);
	expect_type(data, 0, "inuse_space", "bytes");
	expect_type(data, 1, "alloc_objects", "count");
	expect_type(data, 2, "alloc_space", "bytes");
	expect_type(data, 3, "inuse_objects", "count");
	cr_assert(told);
	cr_assert_eq(told->array_value->n_values, 4);
	for (size_t i = 0; i < 4; i++) {
		cr_expect_eq(told->array_value->values[i]->int_value, order[i]);
		cr_expect_eq(total(data, i), totals[i]);
		cr_expect_eq(scope_of(data, 0)->profiles[i]->n_samples, 2, "also those of value 0");
	}
	cr_expect_str_eq(scope_value(data, EO_OTLP_DEFAULT_SAMPLE_TYPE)->string_value, "inuse_space");
	free_data(data);
}

Test(otlp_profile, protoc_reads_it_without_unknown_fields)
{
	EO_AUTO_FREE char *protoc = find_tool("protoc");
	struct eo_profile *profiles[] = { rich_profile(), heap_profile() };

	for (size_t i = 0; i < EO_ARRAY_SIZE(profiles); i++) {
		char path[] = "/tmp/test_otlp.XXXXXX";
		int fd = mkstemp(path);
		size_t len, lines = 0;
		char *bytes = written(eo_write_otlp, profiles[i], NULL, &len);
		char *text;

		cr_assert_eq(write(fd, bytes, len), (ssize_t)len);
		close(fd);
		text = protoc ? output_of("%s -I%s --decode=opentelemetry.proto.profiles."
					  "v1development.ProfilesData opentelemetry/proto/profiles/"
					  "v1development/profiles.proto <%s",
					  protoc, EO_PROTO_DIR, path) : NULL;
		cr_expect(text || !protoc, "protoc refused it");
		for (const char *line = text; line && *line; line += strcspn(line, "\n") + 1, lines++)
			cr_expect_not(isdigit((unsigned char)line[strspn(line, " ")]),
				      "unknown field: %.40s", line);
		cr_expect(lines > 100 || !protoc);
		unlink(path);
		free(text);
		free(bytes);
		eo_profile_free(profiles[i]);
	}
}

Test(otlp_profile, empty_profiles_have_their_tables)
{
	ProfilesData *data = otlp_of(cpu_profile());

	cr_expect_eq(scope_of(data, 0)->n_profiles, 1);
	cr_expect_eq(scope_of(data, 0)->profiles[0]->n_samples, 0);
	cr_expect_eq(data->dictionary->n_stack_table, 1);
	cr_expect_eq(data->dictionary->n_link_table, 1);
	free_data(data);
}

Test(otlp_profile, a_profile_without_value_types_is_refused)
{
	const struct eo_write_options options = { 0 };
	struct eo_profile *profile = eo_profile_new();
	struct eo_error err = { 0 };
	FILE *out = fopen("/dev/null", "w");

	cr_expect_eq(eo_write_otlp(profile, &options, out, &err), -EINVAL);
	cr_expect_str_eq(err.text, "write profile as OTLP: it has no value types");
	fclose(out);
	eo_profile_free(profile);
}

Test(otlp_profile, a_full_disk_is_an_error)
{
	const struct eo_write_options options = { 0 };
	struct eo_profile *profile = rich_profile();
	struct eo_error err = { 0 };
	FILE *out = fopen("/dev/full", "w");

	setvbuf(out, NULL, _IONBF, 0);
	cr_expect_eq(eo_write_otlp(profile, &options, out, &err), -ENOSPC);
	fclose(out);
	eo_profile_free(profile);
}

/* The same samples, in the order that @reverse says. */
static struct eo_profile *profile_in_order(bool reverse)
{
	static const char *const names[] = { "main", "work", "idle", "read", "write" };
	struct eo_profile *profile = cpu_profile();

	for (size_t step = 0; step < 15; step++) {
		size_t i = reverse ? 14 - step : step;
		struct eo_label labels[] = { number_label(profile, "pid", (int64_t)i % 3),
					     text_label(profile, "comm", names[i % 5]) };
		struct eo_label process = number_label(profile, "process.pid", (int64_t)i % 2);
		uint32_t set = label_set(profile, labels, 2);

		add_sample(profile, label_set(profile, &process, 1), names[i % 5], set, (int64_t)i);
		add_sample(profile, 0, names[i % 5], set, 1);
	}
	return profile;
}

Test(otlp_profile, equal_profiles_are_equal_bytes)
{
	struct eo_profile *forth = profile_in_order(false), *back = profile_in_order(true);
	size_t forth_len, back_len;
	EO_AUTO_FREE char *forth_bytes = written(eo_write_otlp, forth, NULL, &forth_len);
	EO_AUTO_FREE char *back_bytes = written(eo_write_otlp, back, NULL, &back_len);

	cr_assert_eq(forth_len, back_len);
	cr_expect_arr_eq(forth_bytes, back_bytes, forth_len);
	eo_profile_free(forth);
	free_data(otlp_of(back));
}

/* --- tables ------------------------------------------------------------------------------ */

static const P(Function) *function_named(const ProfilesData *data, const char *name)
{
	for (size_t i = 1; i < data->dictionary->n_function_table; i++)
		if (!strcmp(string(data, data->dictionary->function_table[i]->name_strindex), name))
			return data->dictionary->function_table[i];
	return NULL;
}

Test(otlp_profile, stacks_are_leaf_first_and_inlined_functions_innermost_first)
{
	ProfilesData *data = otlp_of(rich_profile());
	const P(ProfilesDictionary) *d = data->dictionary;
	const P(Location) *folded = NULL;
	bool found = false;

	for (size_t i = 1; i < d->n_stack_table; i++) {
		const P(Stack) *stack = d->stack_table[i];
		const P(Location) *leaf = d->location_table[stack->location_indices[0]];
		const P(Location) *root =
			d->location_table[stack->location_indices[stack->n_location_indices - 1]];

		if (leaf->address != 0x1600 || root->address != 0x1100)
			continue;
		found = true;
		cr_expect_str_eq(attribute(data, leaf->attribute_indices, leaf->n_attribute_indices,
					   EO_OTLP_FRAME_TYPE)->value->string_value, "kernel");
		cr_expect_str_eq(attribute(data, root->attribute_indices, root->n_attribute_indices,
					   EO_OTLP_FRAME_TYPE)->value->string_value, "native");
	}
	cr_expect(found, "a stack from main into the kernel");
	for (size_t i = 1; i < d->n_location_table; i++)
		if (d->location_table[i]->n_lines == 2)
			folded = d->location_table[i];
	cr_assert(folded);
	cr_expect_eq(d->function_table[folded->lines[0]->function_index],
		     function_named(data, "inner"));
	cr_expect_eq(folded->lines[0]->line, 5);
	cr_expect_eq(folded->lines[0]->column, 2);
	cr_expect_eq(folded->lines[1]->line, 99);
	cr_expect(attribute(data, folded->attribute_indices, folded->n_attribute_indices,
			    EO_OTLP_IS_FOLDED)->value->bool_value);
	cr_expect_str_eq(string(data, function_named(data, "outer()")->system_name_strindex),
			 "_Zouter");
	cr_expect_eq(function_named(data, "inner")->start_line, 3);
	free_data(data);
}

Test(otlp_profile, mappings_carry_build_ids_and_flags)
{
	struct eo_profile *profile = cpu_profile();
	struct eo_mapping mapping = { .start = 0x1000, .limit = 0x2000, .offset = 0x200,
				      .filename = eo_profile_string(profile, "/bin/x"),
				      .build_id = eo_profile_string(profile, "abcd"),
				      .has_functions = true, .has_inline_frames = true };
	struct eo_location location = { .address = 0x1100,
					.mapping = eo_profile_mapping(profile, &mapping) };
	uint32_t frame = eo_profile_location(profile, &location, NULL, 0);
	const P(Mapping) *first, *bare;
	ProfilesData *data;

	eo_profile_add_sample(profile, eo_profile_stack(profile, &frame, 1), 0,
			      (int64_t[]){ 1, 10000000 });
	/* One that ends before it begins. */
	mapping = (struct eo_mapping){ .start = 0x3000, .limit = 0x1000,
				       .filename = eo_profile_string(profile, "[odd]") };
	location.mapping = eo_profile_mapping(profile, &mapping);
	frame = eo_profile_location(profile, &location, NULL, 0);
	eo_profile_add_sample(profile, eo_profile_stack(profile, &frame, 1), 0,
			      (int64_t[]){ 1, 10000000 });
	data = otlp_of(profile);
	first = data->dictionary->mapping_table[1];
	cr_expect_eq(first->memory_start, 0x1000);
	cr_expect_eq(first->memory_limit, 0x2000);
	cr_expect_eq(first->file_offset, 0x200);
	cr_expect_str_eq(string(data, first->filename_strindex), "/bin/x");
	cr_expect_eq(first->n_attribute_indices, 3);
	cr_expect_str_eq(attribute(data, first->attribute_indices, 3, EO_OTLP_BUILD_ID_GNU)
				 ->value->string_value, "abcd");
	cr_expect(attribute(data, first->attribute_indices, 3, EO_OTLP_HAS_FUNCTIONS)
			  ->value->bool_value);
	cr_expect(attribute(data, first->attribute_indices, 3, EO_OTLP_HAS_INLINE_FRAMES)
			  ->value->bool_value);
	bare = data->dictionary->mapping_table[2];
	cr_expect_eq(bare->memory_start, 0);
	cr_expect_eq(bare->memory_limit, 0);
	cr_expect_eq(bare->n_attribute_indices, 0);
	free_data(data);
}

Test(otlp_profile, every_kind_of_frame_has_its_word)
{
	static const char *const words[] = {
		[EO_FRAME_UNKNOWN] = NULL, [EO_FRAME_NATIVE] = "native",
		[EO_FRAME_KERNEL] = "kernel", [EO_FRAME_JIT] = "jit",
		[EO_FRAME_SYNTHETIC] = "synthetic",
	};

	for (enum eo_frame_kind kind = 0; kind < EO_ARRAY_SIZE(words); kind++) {
		struct eo_profile *profile = cpu_profile();
		struct eo_location location = { .address = 1, .kind = kind };
		uint32_t frame = eo_profile_location(profile, &location, NULL, 0);
		const P(Location) *written_location;
		const P(KeyValueAndUnit) *type;
		ProfilesData *data;

		eo_profile_add_sample(profile, eo_profile_stack(profile, &frame, 1), 0,
				      (int64_t[]){ 1, 10000000 });
		data = otlp_of(profile);
		written_location = data->dictionary->location_table[1];
		type = attribute(data, written_location->attribute_indices,
				 written_location->n_attribute_indices, EO_OTLP_FRAME_TYPE);
		cr_expect_eq(type != NULL, words[kind] != NULL);
		if (type && words[kind])
			cr_expect_str_eq(type->value->string_value, words[kind]);
		free_data(data);
	}
}

Test(otlp_profile, a_line_without_a_function_refers_to_none)
{
	struct eo_profile *profile = cpu_profile();
	uint32_t name = eo_profile_string(profile, "f");
	uint32_t function = eo_profile_function(
		profile, &(struct eo_function){ .name = name, .start_line = -4 });
	struct eo_location location = { .address = 1 };
	struct eo_line lines[] = { { .function = 0, .line = 3 },
				   { .function = function, .line = -1, .column = -2 } };
	uint32_t frame = eo_profile_location(profile, &location, lines, 2);
	const P(Location) *first;
	ProfilesData *data;

	eo_profile_add_sample(profile, eo_profile_stack(profile, &frame, 1), 0,
			      (int64_t[]){ 1, 10000000 });
	data = otlp_of(profile);
	first = data->dictionary->location_table[1];
	cr_expect_eq(first->lines[0]->function_index, 0);
	cr_expect_eq(first->lines[0]->line, 3);
	cr_expect_str_eq(string(data, data->dictionary->function_table[first->lines[1]->function_index]
					      ->name_strindex), "f");
	cr_expect_eq(first->lines[1]->line, 0, "negative lines are unknown");
	cr_expect_eq(first->lines[1]->column, 0);
	free_data(data);
}

Test(otlp_profile, odd_names_become_utf8_and_stay_apart_from_nothing)
{
	struct eo_profile *profile = cpu_profile();
	const struct eo_attribute extra[] = { { .key = "k\xff", .str = "v\xfe" } };
	const struct eo_write_options options = { .value_type = SIZE_MAX, .resource = extra,
						  .resource_count = 1 };
	struct eo_label labels[] = { text_label(profile, "comm", "bad\xff"),
				     text_label(profile, "\xfe", "\xfd\n\"") };
	struct eo_label resource = text_label(profile, "a\xff", "b\xff");
	ProfilesData *data;

	/* The text that bad bytes become is there as well, and so is one of OTLP's own names. */
	add_sample(profile, 0, "f\xff", 0, 1);
	add_sample(profile, 0, "f\xef\xbf\xbd", label_set(profile, labels, 2), 2);
	add_sample(profile, label_set(profile, &resource, 1), EO_OTLP_FRAME_TYPE, 0, 3);
	add_sample(profile, 0, "", 0, 4);
	eo_profile_add_comment(profile, "\x80");
	data = NULL;
	{
		size_t len;
		EO_AUTO_FREE char *bytes = written(eo_write_otlp, profile, &options, &len);
		EO_AUTO_FREE char *report = NULL;
		size_t report_len, complaints;
		FILE *out = open_memstream(&report, &report_len);

		data = unpack(bytes, len);
		complaints = otlp_check(data, out);
		fclose(out);
		/* The two functions have become equal, and with them their locations and stacks. */
		for (const char *line = report; *line; line += strcspn(line, "\n") + 1)
			complaints -= !!strstr(line, " has equal elements ");
		cr_expect_eq(complaints, 0, "%s", report);
		cr_expect_null(strstr(report, "string_table"));
		cr_expect_null(strstr(report, "attribute_table"));
	}
	cr_expect_eq(total(data, 0), 10);
	cr_expect_str_eq(resource_value(data, 0, "k\xef\xbf\xbd")->string_value, "v\xef\xbf\xbd");
	cr_expect_str_eq(resource_value(data, 1, "a\xef\xbf\xbd") ?
				 resource_value(data, 1, "a\xef\xbf\xbd")->string_value :
				 resource_value(data, 0, "a\xef\xbf\xbd")->string_value,
			 "b\xef\xbf\xbd");
	free_data(data);
	eo_profile_free(profile);
}

Test(otlp_profile, negative_values_stay)
{
	struct eo_profile *profile = cpu_profile();
	ProfilesData *data;

	add_sample(profile, 0, "less", 0, -5);
	add_sample(profile, 0, "more", 0, 3);
	data = otlp_of(profile);
	cr_expect_eq(total(data, 0), -2);
	free_data(data);

	profile = cpu_profile();
	eo_profile_add_sample(profile, 0, 0, (int64_t[]){ INT64_MIN, INT64_MAX });
	data = otlp_of(profile);
	cr_expect_eq(total(data, 0), INT64_MAX);
	cr_expect_eq(total(data, 1), INT64_MIN);
	free_data(data);
}

Test(otlp_profile, times_before_1970_are_unknown)
{
	struct eo_profile *profile = cpu_profile();
	ProfilesData *data;

	profile->time_ns = -1;
	profile->duration_ns = -1;
	data = otlp_of(profile);
	cr_expect_eq(scope_of(data, 0)->profiles[0]->time_unix_nano, 0);
	cr_expect_eq(scope_of(data, 0)->profiles[0]->duration_nano, 0);
	free_data(data);
}

Test(otlp_profile, what_pprof_says_of_the_whole_is_in_attributes)
{
	struct eo_profile *profile = heap_profile();
	ProfilesData *data;

	profile->drop_frames = eo_profile_string(profile, "drop.*");
	profile->keep_frames = eo_profile_string(profile, "keep.*");
	profile->doc_url = eo_profile_string(profile, "https://example.com/");
	eo_profile_add_comment(profile, "one");
	data = otlp_of(profile);
	for (size_t i = 0; i < 4; i++) {
		const P(Profile) *written_profile = scope_of(data, 0)->profiles[i];
		const int32_t *indices = written_profile->attribute_indices;
		const C(AnyValue) *comments;

		cr_assert_eq(written_profile->n_attribute_indices, 4);
		cr_expect_str_eq(attribute(data, indices, 4, EO_OTLP_DROP_FRAMES)->value->string_value,
				 "drop.*");
		cr_expect_str_eq(attribute(data, indices, 4, EO_OTLP_KEEP_FRAMES)->value->string_value,
				 "keep.*");
		cr_expect_str_eq(attribute(data, indices, 4, EO_OTLP_DOC_URL)->value->string_value,
				 "https://example.com/");
		comments = attribute(data, indices, 4, EO_OTLP_COMMENT)->value;
		cr_assert_eq(comments->value_case, ANY(ARRAY_VALUE), "an array, even of one");
		cr_assert_eq(comments->array_value->n_values, 1);
		cr_expect_str_eq(comments->array_value->values[0]->string_value, "one");
	}
	free_data(data);
}

/* --- labels ------------------------------------------------------------------------------ */

/* The only sample of a profile with these labels. */
static const P(Sample) *labelled(const struct eo_label *labels, size_t count,
				 struct eo_profile *profile, ProfilesData **data)
{
	add_sample(profile, 0, "f", label_set(profile, labels, count), 1);
	*data = otlp_of(profile);
	cr_assert_eq(scope_of(*data, 0)->profiles[0]->n_samples, 1);
	return scope_of(*data, 0)->profiles[0]->samples[0];
}

Test(otlp_profile, labels_have_the_names_of_otlp)
{
	struct eo_profile *profile = cpu_profile();
	struct eo_label labels[] = {
		number_label(profile, "pid", 42),	 number_label(profile, "tid", 43),
		text_label(profile, "comm", "app"),	 text_label(profile, "thread", "worker"),
		number_label(profile, "bytes", 0),	 text_label(profile, "empty", ""),
	};
	ProfilesData *data;
	const P(Sample) *sample;

	labels[4].unit = eo_profile_string(profile, "kilobytes");
	sample = labelled(labels, 6, profile, &data);
	cr_expect_eq(sample->n_attribute_indices, 6);
	cr_expect_eq(sample_attribute(data, sample, "process.pid")->value->int_value, 42);
	cr_expect_eq(sample_attribute(data, sample, "thread.id")->value->int_value, 43);
	cr_expect_str_eq(sample_attribute(data, sample, "process.title")->value->string_value, "app");
	cr_expect_str_eq(sample_attribute(data, sample, "thread.name")->value->string_value, "worker");
	cr_expect_eq(sample_attribute(data, sample, "bytes")->value->value_case, ANY(INT_VALUE));
	cr_expect_eq(sample_attribute(data, sample, "bytes")->value->int_value, 0);
	cr_expect_str_eq(string(data, sample_attribute(data, sample, "bytes")->unit_strindex),
			 "kilobytes");
	cr_expect_eq(sample_attribute(data, sample, "empty")->value->value_case, ANY(STRING_VALUE));
	free_data(data);
}

Test(otlp_profile, labels_of_another_kind_keep_their_names)
{
	struct eo_profile *profile = cpu_profile();
	struct eo_label labels[] = { text_label(profile, "pid", "42"), number_label(profile, "tid", 1),
				     number_label(profile, "comm", 2) };
	ProfilesData *data;
	const P(Sample) *sample;

	labels[1].unit = eo_profile_string(profile, "count");
	sample = labelled(labels, 3, profile, &data);
	cr_expect_str_eq(sample_attribute(data, sample, "pid")->value->string_value, "42");
	cr_expect_eq(sample_attribute(data, sample, "tid")->value->int_value, 1);
	cr_expect_eq(sample_attribute(data, sample, "comm")->value->int_value, 2);
	free_data(data);
}

Test(otlp_profile, no_label_is_renamed_where_one_has_such_a_name)
{
	struct eo_profile *profile = cpu_profile();
	struct eo_label labels[] = { number_label(profile, "pid", 42),
				     text_label(profile, "thread.name", "x") };
	ProfilesData *data;
	const P(Sample) *sample = labelled(labels, 2, profile, &data);

	cr_expect_eq(sample_attribute(data, sample, "pid")->value->int_value, 42);
	cr_assert(scope_value(data, EO_OTLP_LABELS_KEPT));
	cr_expect(scope_value(data, EO_OTLP_LABELS_KEPT)->bool_value);
	free_data(data);
}

Test(otlp_profile, several_labels_of_a_key_are_an_array)
{
	struct eo_profile *profile = cpu_profile();
	struct eo_label labels[] = { number_label(profile, "size", 4096),
				     text_label(profile, "other", "x"),
				     number_label(profile, "size", -1),
				     text_label(profile, "size", "large") };
	const P(KeyValueAndUnit) *size;
	ProfilesData *data;
	const P(Sample) *sample;

	labels[0].unit = labels[2].unit = eo_profile_string(profile, "bytes");
	sample = labelled(labels, 4, profile, &data);
	cr_expect_eq(sample->n_attribute_indices, 2);
	size = sample_attribute(data, sample, "size");
	cr_expect_str_eq(string(data, size->unit_strindex), "bytes");
	cr_assert_eq(size->value->value_case, ANY(ARRAY_VALUE));
	cr_assert_eq(size->value->array_value->n_values, 3);
	cr_expect_eq(size->value->array_value->values[0]->int_value, 4096);
	cr_expect_eq(size->value->array_value->values[1]->int_value, -1);
	cr_expect_str_eq(size->value->array_value->values[2]->string_value, "large");
	free_data(data);
}

Test(otlp_profile, label_sets_of_the_same_labels_are_one_sample)
{
	struct eo_profile *profile = cpu_profile();
	struct eo_label a = text_label(profile, "a", "1"), b = text_label(profile, "b", "2");
	uint32_t ab = label_set(profile, (struct eo_label[]){ a, b }, 2);
	uint32_t ba = label_set(profile, (struct eo_label[]){ b, a }, 2);
	uint32_t only_b = label_set(profile, &b, 1);
	ProfilesData *data;

	cr_assert_neq(ab, ba);
	add_sample(profile, 0, "f", ab, 1);
	add_sample(profile, 0, "f", only_b, 2);
	add_sample(profile, 0, "f", ba, 4);
	add_sample(profile, 0, "g", ba, 8);
	data = otlp_of(profile);
	cr_expect_eq(scope_of(data, 0)->profiles[0]->n_samples, 3);
	cr_expect_eq(total(data, 0), 15);
	free_data(data);
}

Test(otlp_profile, trace_and_span_ids_are_a_link)
{
	static const char trace[] = "5b8efff798038103d269b633813fc60c", span[] = "eee19b7ec3c1b174";
	struct eo_profile *profile = cpu_profile();
	struct eo_label labels[] = { text_label(profile, "trace_id", trace),
				     text_label(profile, "k", "v"),
				     text_label(profile, "span_id", span) };
	ProfilesData *data;
	const P(Sample) *sample;
	const P(Link) *link;

	sample = labelled(labels, 3, profile, &data);
	cr_assert_eq(sample->link_index, 1);
	cr_expect_eq(sample->n_attribute_indices, 1);
	cr_assert_eq(data->dictionary->n_link_table, 2);
	link = data->dictionary->link_table[1];
	cr_expect_eq(link->trace_id.len, 16);
	cr_expect_eq(link->trace_id.data[0], 0x5b);
	cr_expect_eq(link->trace_id.data[15], 0x0c);
	cr_expect_eq(link->span_id.len, 8);
	cr_expect_eq(link->span_id.data[0], 0xee);
	free_data(data);
}

Test(otlp_profile, other_ids_stay_labels)
{
	static const char good[] = "5b8efff798038103d269b633813fc60c";
	static const struct {
		const char *trace, *span;
	} cases[] = {
		{ good, NULL },
		{ NULL, "eee19b7ec3c1b174" },
		{ good, "eee19b7ec3c1b17" },
		{ good, "EEE19B7EC3C1B174" },
		{ good, "0000000000000000" },
		{ good, "eee19b7ec3c1b17g" },
		{ "00000000000000000000000000000000", "eee19b7ec3c1b174" },
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(cases); i++) {
		struct eo_profile *profile = cpu_profile();
		struct eo_label labels[2];
		size_t count = 0;
		ProfilesData *data;
		const P(Sample) *sample;

		if (cases[i].trace)
			labels[count++] = text_label(profile, "trace_id", cases[i].trace);
		if (cases[i].span)
			labels[count++] = text_label(profile, "span_id", cases[i].span);
		sample = labelled(labels, count, profile, &data);
		cr_expect_eq(sample->link_index, 0, "case %zu", i);
		cr_expect_eq(sample->n_attribute_indices, count, "case %zu", i);
		cr_expect_eq(data->dictionary->n_link_table, 1);
		free_data(data);
	}
}

/* --- resources --------------------------------------------------------------------------- */

Test(otlp_profile, samples_are_grouped_by_resource_the_largest_first)
{
	struct eo_profile *profile = cpu_profile();
	const struct eo_attribute extra[] = { { .key = "host.name", .str = "box" },
					      { .key = "service.name", .str = "chosen" },
					      { .key = "n", .num = 7 } };
	const struct eo_write_options options = { .value_type = SIZE_MAX, .resource = extra,
						  .resource_count = 3 };
	struct eo_label small[] = { text_label(profile, "service.name", "small"),
				    number_label(profile, "process.pid", 1) };
	struct eo_label large[] = { text_label(profile, "service.name", "large"),
				    number_label(profile, "process.pid", 2),
				    number_label(profile, "process.pid", 3) };
	uint32_t set_small = label_set(profile, small, 2), set_large = label_set(profile, large, 3);
	ProfilesData *data;

	add_sample(profile, set_small, "f", 0, 1);
	add_sample(profile, 0, "f", 0, 5);
	add_sample(profile, set_large, "f", 0, 20);
	add_sample(profile, set_large, "g", 0, 30);
	data = written_with(profile, NULL);
	cr_assert_eq(data->n_resource_profiles, 3);
	cr_expect_str_eq(resource_value(data, 0, "service.name")->string_value, "large");
	cr_expect_eq(resource_value(data, 0, "process.pid")->int_value, 2, "the first of a key");
	cr_expect_eq(data->resource_profiles[1]->resource->n_attributes, 0);
	cr_expect_str_eq(resource_value(data, 2, "service.name")->string_value, "small");
	cr_expect_eq(scope_of(data, 0)->profiles[0]->n_samples, 2);
	cr_expect_eq(scope_of(data, 1)->profiles[0]->n_samples, 1);
	cr_expect_eq(scope_of(data, 2)->profiles[0]->n_samples, 1);
	cr_expect_eq(data->dictionary->n_stack_table, 3, "stacks are shared");
	cr_expect_eq(total(data, 0), 56);
	free_data(data);

	data = written_with(profile, &options);
	cr_assert_eq(data->n_resource_profiles, 3);
	for (size_t i = 0; i < 3; i++) {
		cr_expect_str_eq(resource_value(data, i, "host.name")->string_value, "box");
		cr_expect_str_eq(resource_value(data, i, "service.name")->string_value, "chosen");
		cr_expect_eq(resource_value(data, i, "n")->int_value, 7);
	}
	free_data(data);
	eo_profile_free(profile);
}

Test(otlp_profile, a_pid_that_the_resource_says_is_not_repeated)
{
	struct eo_profile *profile = cpu_profile();
	struct eo_label process = number_label(profile, "process.pid", 42);
	uint32_t resource = label_set(profile, &process, 1);
	struct eo_label same[] = { number_label(profile, "pid", 42), text_label(profile, "comm", "a") };
	struct eo_label other[] = { number_label(profile, "pid", 43), text_label(profile, "comm", "a") };
	struct eo_label none = same[1];
	const P(Profile) *first;
	ProfilesData *data;

	add_sample(profile, resource, "f", label_set(profile, same, 2), 10);
	add_sample(profile, resource, "f", label_set(profile, other, 2), 1);
	add_sample(profile, resource, "f", label_set(profile, &none, 1), 100);
	add_sample(profile, 0, "f", label_set(profile, same, 2), 1000);
	data = otlp_of(profile);
	cr_assert_eq(data->n_resource_profiles, 2);
	first = scope_of(data, 1)->profiles[0];
	cr_expect_eq(scope_of(data, 0)->profiles[0]->samples[0]->n_attribute_indices, 2);
	cr_assert_eq(first->n_samples, 2, "one of pid 42, one of pid 43");
	for (size_t i = 0; i < 2; i++) {
		const P(KeyValueAndUnit) *pid =
			sample_attribute(data, first->samples[i], "process.pid");

		cr_expect_eq(first->samples[i]->values[0], pid ? 1 : 110);
		cr_expect(!pid || pid->value->int_value == 43);
	}
	free_data(data);
}

/* --- timestamps -------------------------------------------------------------------------- */

Test(otlp_profile, samples_with_all_their_timestamps_have_no_values)
{
	struct eo_profile *profile = cpu_profile();
	uint64_t start = (uint64_t)profile->time_ns;
	uint32_t f = add_sample(profile, 0, "f", 0, 3), g = add_sample(profile, 0, "g", 0, 1);
	const P(Profile) *written_profile;
	ProfilesData *data;

	eo_profile_add_timestamp(profile, f, start + 30);
	eo_profile_add_timestamp(profile, g, start + 999999999);
	eo_profile_add_timestamp(profile, f, start + 10);
	eo_profile_add_timestamp(profile, f, start + 20);
	data = otlp_of(profile);
	written_profile = scope_of(data, 0)->profiles[0];
	cr_assert_eq(written_profile->n_samples, 2);
	cr_expect_eq(total(data, 0), 4);
	for (size_t i = 0; i < 2; i++) {
		const P(Sample) *sample = written_profile->samples[i];

		cr_expect_eq(sample->n_values, 0);
		if (sample->n_timestamps_unix_nano == 3)
			for (size_t at = 0; at < 3; at++)
				cr_expect_eq(sample->timestamps_unix_nano[at], start + 10 * (at + 1));
		else
			cr_expect_eq(sample->timestamps_unix_nano[0], start + 999999999);
	}
	cr_expect_eq(written_profile->time_unix_nano, start);
	cr_expect_eq(written_profile->duration_nano, 1000000000);
	free_data(data);
}

Test(otlp_profile, the_window_reaches_to_the_outermost_timestamps)
{
	static const struct {
		int64_t time_ns, duration_ns;
		uint64_t start_ns;
		uint64_t expected_duration_ns;
	} cases[] = {
		{ 1000, 100, 500, 1501 }, /* both sides */
		{ 0, 0, 500, 1501 },	  /* nothing known */
		{ 600, 0, 500, 1501 },
		{ 400, 5000, 400, 5000 }, /* wide enough */
		{ 400, 1600, 400, 1601 }, /* the end is outside */
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(cases); i++) {
		struct eo_profile *profile = cpu_profile();
		uint32_t sample = add_sample(profile, 0, "f", 0, 2);
		ProfilesData *data;

		profile->time_ns = cases[i].time_ns;
		profile->duration_ns = cases[i].duration_ns;
		eo_profile_add_timestamp(profile, sample, 2000);
		eo_profile_add_timestamp(profile, sample, 500);
		data = otlp_of(profile);
		cr_expect_eq(scope_of(data, 0)->profiles[0]->time_unix_nano, cases[i].start_ns,
			     "case %zu", i);
		cr_expect_eq(scope_of(data, 0)->profiles[0]->duration_nano,
			     cases[i].expected_duration_ns, "case %zu", i);
		free_data(data);
	}
}

Test(otlp_profile, one_sample_that_lacks_timestamps_makes_all_of_them_values)
{
	for (int64_t count = 1; count <= 3; count++) {
		struct eo_profile *profile = cpu_profile();
		uint32_t f = add_sample(profile, 0, "f", 0, 1);
		uint32_t g = add_sample(profile, 0, "g", 0, count);
		const P(Profile) *written_profile;
		ProfilesData *data;

		eo_profile_add_timestamp(profile, f, 1700000000000000001);
		for (int i = 0; i < 2; i++)
			eo_profile_add_timestamp(profile, g, 1700000000000000002);
		data = otlp_of(profile);
		written_profile = scope_of(data, 0)->profiles[0];
		cr_expect_eq(written_profile->samples[0]->n_values, count != 2);
		cr_expect_eq(total(data, 0), 1 + count);
		free_data(data);
	}
}

Test(otlp_profile, only_counts_become_timestamps)
{
	struct eo_profile *profile = cpu_profile();
	uint32_t sample = eo_profile_add_sample_of(profile, 0, 0, 0, (int64_t[]){ 1, 1 });
	ProfilesData *data;

	eo_profile_add_timestamp(profile, sample, 1700000000000000001);
	data = otlp_of(profile);
	expect_type(data, 0, "cpu", "nanoseconds");
	cr_expect_eq(scope_of(data, 0)->profiles[0]->samples[0]->n_values, 1);
	cr_expect_eq(scope_of(data, 0)->profiles[1]->samples[0]->n_timestamps_unix_nano, 1);
	free_data(data);
}

Test(otlp_profile, timestamps_of_samples_that_become_one_are_joined)
{
	struct eo_profile *profile = cpu_profile();
	struct eo_label a = text_label(profile, "a", "1"), b = text_label(profile, "b", "2");
	uint32_t first = add_sample(profile, 0, "f",
				    label_set(profile, (struct eo_label[]){ a, b }, 2), 1);
	uint32_t second = add_sample(profile, 0, "f",
				     label_set(profile, (struct eo_label[]){ b, a }, 2), 2);
	const P(Profile) *written_profile;
	ProfilesData *data;

	eo_profile_add_timestamp(profile, second, 1700000000000000003);
	eo_profile_add_timestamp(profile, first, 1700000000000000002);
	eo_profile_add_timestamp(profile, second, 1700000000000000001);
	data = otlp_of(profile);
	written_profile = scope_of(data, 0)->profiles[0];
	cr_assert_eq(written_profile->n_samples, 1);
	cr_assert_eq(written_profile->samples[0]->n_timestamps_unix_nano, 3);
	for (size_t i = 0; i < 3; i++)
		cr_expect_eq(written_profile->samples[0]->timestamps_unix_nano[i],
			     1700000000000000001 + i);
	free_data(data);
}

/* --- the checker ------------------------------------------------------------------------- */

static void expect_complaint(ProfilesData *data, const char *what)
{
	EO_AUTO_FREE char *report = NULL;
	size_t len, count;
	FILE *out = open_memstream(&report, &len);

	count = otlp_check(data, out);
	fclose(out);
	cr_expect_gt(count, 0, "%s", what);
	cr_expect(strstr(report, what), "\"%s\" is not in: %s", what, report);
}

Test(otlp_check, each_rule_can_be_broken)
{
	ProfilesData *data = otlp_of(rich_profile());
	P(ProfilesDictionary) *d = data->dictionary;
	P(Profile) *profile = data->resource_profiles[0]->scope_profiles[0]->profiles[0];
	P(Sample) *sample = profile->samples[2];
	int32_t index;
	uint64_t time = 1;
	size_t count;
	char *text;

/* Break one thing, look, and mend it. */
#define BREAK(thing, value, complaint)                  \
	do {                                            \
		__typeof__(thing) whole_ = (thing);     \
		(thing) = (value);                      \
		expect_complaint(data, complaint);      \
		(thing) = whole_;                       \
	} while (0)

	BREAK(sample->stack_index, -1, "sample refers to element -1 of stack_table");
	BREAK(sample->stack_index, 99, "sample refers to element 99 of stack_table");
	BREAK(sample->link_index, 1, "sample refers to element 1 of link_table");
	BREAK(sample->attribute_indices[0], 0, "sample has attribute 0");
	index = sample->attribute_indices[0];
	BREAK(sample->attribute_indices[1], index, "has the key of attribute");
	BREAK(sample->n_values, 0, "has 0 values and 0 timestamps");
	sample->timestamps_unix_nano = &time;
	BREAK(sample->n_timestamps_unix_nano, 1, "has another shape");
	BREAK(sample->n_timestamps_unix_nano, 1, "outside of its profile's window");
	sample->timestamps_unix_nano = NULL;
	BREAK(profile->samples[3], sample, "profile has equal elements");
	BREAK(profile->sample_type, NULL, "without a sample type");
	BREAK(profile->original_payload_format, (char *)"x", "go together");
	BREAK(d->n_link_table, 0, "link_table has no element 0");
	BREAK(d->mapping_table[0]->memory_limit, 1, "element 0 of mapping_table is not empty");
	BREAK(d->mapping_table[1]->memory_limit, 1, "mapping from 1000 to 1");
	BREAK(d->mapping_table[1], d->mapping_table[2], "mapping_table has equal elements");
	BREAK(d->location_table[1]->mapping_index, 77, "location refers to element 77");
	BREAK(d->location_table[2]->lines[0]->line, -1, "negative line");
	BREAK(d->function_table[1]->start_line, -1, "negative start line");
	BREAK(d->function_table[1]->name_strindex, 1000, "function refers to element 1000");
	BREAK(d->string_table[1], d->string_table[2], "string_table has equal elements");
	BREAK(d->string_table[1], (char *)"\xff", "is no UTF-8");
	BREAK(d->stack_table[1]->location_indices[0], 0, "has location 0");
	BREAK(d->stack_table[1]->n_location_indices, 0, "stack_table has equal elements");
	count = profile->n_samples;
	BREAK(profile->n_samples, count - 1, "nothing refers to element");
	text = data->resource_profiles[0]->scope_profiles[0]->scope->name;
	BREAK(text[0], (char)0xc0, "is no UTF-8");
	BREAK(data->n_resource_profiles, 0, "no resource profiles");
	BREAK(data->dictionary, NULL, "no dictionary");
#undef BREAK
	cr_expect_eq(otlp_check(data, stderr), 0, "all is mended");
	free_data(data);
}
