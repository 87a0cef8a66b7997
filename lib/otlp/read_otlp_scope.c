/* SPDX-License-Identifier: BSD-2-Clause */
#include "otlp/read_otlp_scope.h"

#include <errno.h>
#include <string.h>

#include "otlp/otlp_profile.h"

enum { SCOPE_PROFILES_SCOPE = 1, SCOPE_PROFILES_PROFILES };
enum { SCOPE_ATTRIBUTES = 3 };
enum {
	PROFILE_SAMPLE_TYPE = 1,
	PROFILE_TIME = 3,
	PROFILE_DURATION,
	PROFILE_PERIOD_TYPE,
	PROFILE_PERIOD,
};

int eo_otlp_each(const struct eo_message_reader *message, struct eo_wire wire, uint32_t number,
		 const char *what, eo_otlp_message_fn fn, void *ctx)
{
	struct eo_wire_field field;
	int status = 0;

	while (status >= 0 && (status = eo_message_next(message, &wire, &field)) > 0) {
		if (field.number != number)
			continue;
		status = field.type == EO_WIRE_BYTES
				 ? fn(ctx, field.bytes)
				 : eo_message_bad(message, field.start, "%s has the wrong type",
						  what);
	}
	return status;
}

static bool is_type(const struct eo_profile *profile, struct eo_value_type type, const char *name,
		    const char *unit)
{
	return !strcmp(profile->strings[type.type], name) &&
	       !strcmp(profile->strings[type.unit], unit);
}

static int take_scope_attribute(void *ctx, const struct eo_otlp_value *value)
{
	struct eo_otlp_scope *scope = ctx;
	const char *key = scope->dictionary->profile->strings[value->key];

	if (!strcmp(key, EO_OTLP_SAMPLE_TYPE_ORDER)) {
		scope->has_order = true;
		return eo_values_add(&scope->order, value->num) ? 0 : -ENOMEM;
	}
	if (!strcmp(key, EO_OTLP_DEFAULT_SAMPLE_TYPE))
		scope->default_type = value->str;
	else if (!strcmp(key, EO_OTLP_CPU_FROM_PERIOD))
		scope->not_cpu_from_period = !value->num;
	else if (!strcmp(key, EO_OTLP_LABELS_KEPT))
		scope->labels_kept = value->num;
	return 0;
}

static int scope_attribute(void *ctx, struct eo_wire wire)
{
	struct eo_otlp_scope *scope = ctx;
	int status = eo_otlp_key_value(scope->dictionary, wire, take_scope_attribute, scope);

	return status == -ENOMEM ? eo_message_no_memory(scope->dictionary->message) : status;
}

static int scope_message(void *ctx, struct eo_wire wire)
{
	struct eo_otlp_scope *scope = ctx;

	return eo_otlp_each(scope->dictionary->message, wire, SCOPE_ATTRIBUTES,
			    "an attribute of a scope", scope_attribute, scope);
}

/* What is later than the model can say is unknown. */
static int64_t nanoseconds(uint64_t value)
{
	return value <= INT64_MAX ? (int64_t)value : 0;
}

static int profile_head(void *ctx, struct eo_wire wire)
{
	struct eo_otlp_scope *scope = ctx;
	const struct eo_message_reader *message = scope->dictionary->message;
	struct eo_otlp_head head = {.wire = wire};
	struct eo_wire_field field;
	uint64_t numbers[PROFILE_PERIOD + 1];
	int status = eo_message_numbers(message, wire, "profile", "--fv-v", numbers);

	while (status >= 0 && (status = eo_message_next(message, &wire, &field)) > 0) {
		if (field.number != PROFILE_SAMPLE_TYPE && field.number != PROFILE_PERIOD_TYPE)
			continue;
		status = field.type != EO_WIRE_BYTES
				 ? eo_message_bad(message, field.start,
						  "a value type has the wrong type")
				 : eo_otlp_value_type(scope->dictionary, field.bytes,
						      field.number == PROFILE_SAMPLE_TYPE
							      ? &head.type
							      : &head.period_type);
	}
	if (status < 0)
		return status;
	head.time_ns = nanoseconds(numbers[PROFILE_TIME]);
	head.duration_ns = nanoseconds(numbers[PROFILE_DURATION]);
	head.period = (int64_t)numbers[PROFILE_PERIOD];
	return eo_otlp_heads_add(&scope->heads, head) ? 0 : eo_message_no_memory(message);
}

int eo_otlp_scope_read(struct eo_otlp_scope *scope, const struct eo_otlp_dictionary *dictionary,
		       struct eo_wire wire)
{
	int status;

	scope->dictionary = dictionary;
	scope->heads.count = scope->order.count = 0;
	scope->default_type = 0;
	scope->has_order = scope->not_cpu_from_period = scope->labels_kept = false;
	status = eo_otlp_each(dictionary->message, wire, SCOPE_PROFILES_SCOPE, "a scope",
			      scope_message, scope);
	if (status < 0)
		return status;
	return eo_otlp_each(dictionary->message, wire, SCOPE_PROFILES_PROFILES, "a profile",
			    profile_head, scope);
}

void eo_otlp_scope_fini(struct eo_otlp_scope *scope)
{
	free(scope->heads.items);
	free(scope->order.items);
}

bool eo_otlp_stands_for_cpu(const struct eo_otlp_scope *scope, const struct eo_otlp_head *head)
{
	const struct eo_profile *profile = scope->dictionary->profile;

	if (scope->not_cpu_from_period || head->period <= 0 ||
	    !is_type(profile, head->type, "samples", "count") ||
	    !is_type(profile, head->period_type, "cpu", "nanoseconds"))
		return false;
	/* Who gives several types in an order gives CPU time if there is any. */
	for (size_t i = 0; i < scope->heads.count; i++)
		if ((scope->has_order && &scope->heads.items[i] != head) ||
		    is_type(profile, scope->heads.items[i].type, "cpu", "nanoseconds"))
			return false;
	return true;
}

bool eo_otlp_scope_places(const struct eo_otlp_scope *scope, size_t *ret)
{
	uint64_t taken = 0;

	if (!scope->order.count || scope->order.count > EO_READ_VALUE_TYPES_MAX ||
	    scope->order.count != scope->heads.count)
		return false;
	for (size_t i = 0; i < scope->order.count; i++) {
		uint64_t place = (uint64_t)scope->order.items[i];

		if (place >= scope->order.count || taken & 1ull << place)
			return false;
		taken |= 1ull << place;
		ret[place] = i;
	}
	return true;
}
