/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "allocations.h"
#include "core/auto.h"
#include "otlp_written.h"

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
		uint32_t set = eo_profile_label_set(profile, labels, 2);

		add_sample(profile, eo_profile_label_set(profile, &process, 1), names[i % 5], set, (int64_t)i);
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
	add_sample(profile, 0, "f\xef\xbf\xbd", eo_profile_label_set(profile, labels, 2), 2);
	add_sample(profile, eo_profile_label_set(profile, &resource, 1), EO_OTLP_FRAME_TYPE, 0, 3);
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

Test(otlp_profile, running_out_of_memory_is_an_error_wherever_it_happens)
{
	const struct eo_attribute extra[] = { { .key = "k\xff", .str = "v" } };
	const struct eo_write_options options = { .resource = extra, .resource_count = 1 };
	eo_profile_write_fn writers[] = { eo_write_otlp, eo_write_otlp_json };
	struct eo_profile *profile = rich_profile();
	FILE *out = fopen("/dev/null", "w");

	add_sample(profile, 0, "bad\xff", 0, 1);
	eo_profile_add_timestamp(profile, 0, 1);
	eo_profile_add_comment(profile, "comment");
	for (size_t i = 0; i < EO_ARRAY_SIZE(writers); i++) {
		struct eo_error err = { 0 };
		int r = -ENOMEM;
		long failing = 0;

		for (; r; failing++) {
			allow_allocations(failing);
			r = writers[i](profile, &options, out, &err);
			allow_allocations(-1);
			cr_assert(r == 0 || r == -ENOMEM, "%ld: %d", failing, r);
			cr_assert_lt(failing, 1000);
		}
		cr_expect_gt(failing, 20);
	}
	fclose(out);
	eo_profile_free(profile);
}
