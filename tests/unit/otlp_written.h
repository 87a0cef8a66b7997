/* SPDX-License-Identifier: BSD-2-Clause */
/* Profiles written as OTLP, and a look into them. */
#ifndef TESTS_OTLP_WRITTEN_H
#define TESTS_OTLP_WRITTEN_H

#include "otlp/otlp_profile.h"
#include "otlp_check.h"
#include "profile_samples.h"

#define P(name) Opentelemetry__Proto__Profiles__V1development__##name
#define C(name) Opentelemetry__Proto__Common__V1__##name
#define ANY(member) OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_##member

void free_data(ProfilesData *data);

/** A message, which must be one. */
ProfilesData *unpack(const void *bytes, size_t len);

/** What is written of a profile: sound, and the same as JSON in one line. free_data() ends it. */
ProfilesData *written_with(const struct eo_profile *profile,
			   const struct eo_write_options *options);

/** Of a sound profile that is not needed any more. */
ProfilesData *otlp_of(struct eo_profile *profile);

/** The only scope of a resource. */
const P(ScopeProfiles) *scope_of(const ProfilesData *data, size_t resource);
const char *string(const ProfilesData *data, int32_t index);

/** NULL when there is no such attribute, as below. */
const C(AnyValue) *scope_value(const ProfilesData *data, const char *key);
const C(AnyValue) *resource_value(const ProfilesData *data, size_t resource, const char *key);

/** One of @count attributes of the dictionary, by key. */
const P(KeyValueAndUnit) *attribute(const ProfilesData *data, const int32_t *indices,
				    size_t count, const char *key);
const P(KeyValueAndUnit) *sample_attribute(const ProfilesData *data, const P(Sample) *sample,
					   const char *key);

/** Of the first resource's Profile @at. */
void expect_type(const ProfilesData *data, size_t at, const char *type, const char *unit);

/** Of the values of Profile @at, over all resources; timestamps count 1. */
int64_t total(const ProfilesData *data, size_t at);
struct eo_label text_label(struct eo_profile *profile, const char *key, const char *text);
struct eo_label number_label(struct eo_profile *profile, const char *key, int64_t number);

/** A sample of one frame. Returns its index. */
uint32_t add_sample(struct eo_profile *profile, uint32_t resource, const char *name,
		    uint32_t labels, int64_t count);

#endif
