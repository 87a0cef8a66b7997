/* SPDX-License-Identifier: BSD-2-Clause */
#include "otlp_written.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/auto.h"

void free_data(ProfilesData *data)
{
	opentelemetry__proto__profiles__v1development__profiles_data__free_unpacked(data, NULL);
}

ProfilesData *unpack(const void *bytes, size_t len)
{
	ProfilesData *data =
		opentelemetry__proto__profiles__v1development__profiles_data__unpack(NULL, len,
										     bytes);

	cr_assert(data, "no ProfilesData");
	return data;
}

ProfilesData *written_with(const struct eo_profile *profile,
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

ProfilesData *otlp_of(struct eo_profile *profile)
{
	ProfilesData *data;

	cr_assert_eq(eo_profile_status(profile), 0);
	data = written_with(profile, NULL);
	eo_profile_free(profile);
	return data;
}

const P(ScopeProfiles) *scope_of(const ProfilesData *data, size_t resource)
{
	cr_assert_lt(resource, data->n_resource_profiles);
	cr_assert_eq(data->resource_profiles[resource]->n_scope_profiles, 1);
	return data->resource_profiles[resource]->scope_profiles[0];
}

const char *string(const ProfilesData *data, int32_t index)
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

const C(AnyValue) *scope_value(const ProfilesData *data, const char *key)
{
	const P(ScopeProfiles) *scope = scope_of(data, 0);

	return value_of(scope->scope->attributes, scope->scope->n_attributes, key);
}

const C(AnyValue) *resource_value(const ProfilesData *data, size_t resource, const char *key)
{
	const Opentelemetry__Proto__Resource__V1__Resource *message =
		data->resource_profiles[resource]->resource;

	return value_of(message->attributes, message->n_attributes, key);
}

const P(KeyValueAndUnit) *attribute(const ProfilesData *data, const int32_t *indices,
					   size_t count, const char *key)
{
	for (size_t i = 0; i < count; i++) {
		const P(KeyValueAndUnit) *found = data->dictionary->attribute_table[indices[i]];

		if (!strcmp(string(data, found->key_strindex), key))
			return found;
	}
	return NULL;
}

const P(KeyValueAndUnit) *sample_attribute(const ProfilesData *data, const P(Sample) *sample,
						  const char *key)
{
	return attribute(data, sample->attribute_indices, sample->n_attribute_indices, key);
}

void expect_type(const ProfilesData *data, size_t at, const char *type, const char *unit)
{
	const P(Profile) *profile = scope_of(data, 0)->profiles[at];

	cr_expect_str_eq(string(data, profile->sample_type->type_strindex), type);
	cr_expect_str_eq(string(data, profile->sample_type->unit_strindex), unit);
}

int64_t total(const ProfilesData *data, size_t at)
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

struct eo_label text_label(struct eo_profile *profile, const char *key, const char *text)
{
	return (struct eo_label){ .key = eo_profile_string(profile, key),
				  .str = eo_profile_string(profile, text) };
}

struct eo_label number_label(struct eo_profile *profile, const char *key, int64_t number)
{
	return (struct eo_label){ .key = eo_profile_string(profile, key), .num = number,
				  .is_number = true };
}

uint32_t add_sample(struct eo_profile *profile, uint32_t resource, const char *name,
			   uint32_t labels, int64_t count)
{
	uint32_t frame = add_frame(profile, (struct frame){ name, "/usr/bin/app", 0x1000 });

	return eo_profile_add_sample_of(profile, resource, eo_profile_stack(profile, &frame, 1),
					labels, (int64_t[]){ count, count * 10000000 });
}
