/* SPDX-License-Identifier: BSD-2-Clause */
/* Profiles as OTLP, written piece by piece.
 *
 * The tree of a large profile would be several times the profile. So messages are made one at a
 * time, a sample, a stack, a string, and an encoder puts each where it belongs. What is in memory
 * besides the profile is its order, eight bytes a sample and a number for each string, stack and
 * label set; and, as protobuf wants lengths before contents, the packed bytes. The file that the
 * profile was read from took about as many, and they are free by now. JSON is streamed.
 *
 * Indices in the dictionary are those of the profile's order, or are given as things are met. The
 * table of strings therefore comes after all that names strings, except for attributes and stacks,
 * whose strings have their numbers before. */
#include "otlp/otlp_profile.h"

#include <errno.h>
#include <string.h>

#include "format/utf8.h"
#include "format/writer.h"
#include "opentelemetry/proto/profiles/v1development/profiles.pb-c.h"
#include "otlp/otlp_profile_tables.h"
#include "otlp/otlp_profile_encoder.h"
#include "otlp/otlp_profile_plan.h"

#define PROFILES(name) Opentelemetry__Proto__Profiles__V1development__##name
#define PROFILES_INIT(NAME) OPENTELEMETRY__PROTO__PROFILES__V1DEVELOPMENT__##NAME##__INIT
#define COMMON(name) Opentelemetry__Proto__Common__V1__##name
#define COMMON_INIT(NAME) OPENTELEMETRY__PROTO__COMMON__V1__##NAME##__INIT
#define STRING_VALUE OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_STRING_VALUE
#define INT_VALUE OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_INT_VALUE
#define BOOL_VALUE OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_BOOL_VALUE
#define ARRAY_VALUE OPENTELEMETRY__PROTO__COMMON__V1__ANY_VALUE__VALUE_ARRAY_VALUE

#define MAX_SCOPE_ATTRIBUTES 4
#define MAX_PROFILE_ATTRIBUTES 4

/* Attributes with room for as many as were asked for. */
struct key_values {
	COMMON(KeyValue) *messages, **pointers;
	COMMON(AnyValue) *values;
	size_t count;
};

struct writer {
	const struct eo_profile *profile;
	struct eo_otlp_tables tables;
	struct eo_otlp_plan plan;
	struct eo_otlp_encoder encoder;

	/* from the options, as valid UTF-8 */
	struct eo_attribute *extra;
	size_t extra_count;

	struct key_values scope;
	COMMON(AnyValue) *order_values, **order_pointers;
	COMMON(ArrayValue) order_array;
	uint32_t profile_attributes[MAX_PROFILE_ATTRIBUTES];
	size_t profile_attribute_count;
};

static void key_values_fini(struct key_values *list)
{
	free(list->messages);
	free(list->pointers);
	free(list->values);
}

static bool key_values_init(struct key_values *list, size_t capacity)
{
	*list = (struct key_values){ .messages = calloc(capacity + 1, sizeof(*list->messages)),
				     .pointers = calloc(capacity + 1, sizeof(*list->pointers)),
				     .values = calloc(capacity + 1, sizeof(*list->values)) };
	return list->messages && list->pointers && list->values;
}

/* The next value, which is empty. @key: protobuf-c only reads it. */
static COMMON(AnyValue) *add_key(struct key_values *list, const char *key)
{
	size_t at = list->count++;

	opentelemetry__proto__common__v1__key_value__init(&list->messages[at]);
	opentelemetry__proto__common__v1__any_value__init(&list->values[at]);
	list->messages[at].key = (char *)key;
	list->messages[at].value = &list->values[at];
	list->pointers[at] = &list->messages[at];
	return &list->values[at];
}

static void set_string(COMMON(AnyValue) *value, const char *text)
{
	value->value_case = STRING_VALUE;
	value->string_value = (char *)text;
}

static void set_int(COMMON(AnyValue) *value, int64_t number)
{
	value->value_case = INT_VALUE;
	value->int_value = number;
}

static void set_bool(COMMON(AnyValue) *value, bool is_true)
{
	value->value_case = BOOL_VALUE;
	value->bool_value = is_true;
}

static void writer_fini(struct writer *w)
{
	eo_otlp_plan_fini(&w->plan);
	eo_otlp_tables_fini(&w->tables);
	eo_otlp_encoder_fini(&w->encoder);
	for (size_t i = 0; i < w->extra_count; i++) {
		free((char *)w->extra[i].key);
		free((char *)w->extra[i].str);
	}
	free(w->extra);
	key_values_fini(&w->scope);
	free(w->order_values);
	free(w->order_pointers);
}

/* strdup() of valid UTF-8; NULL without memory. */
static char *repaired_copy(const char *text, struct eo_utf8_buffer *buffer)
{
	text = eo_utf8_repair(text, buffer);
	return text ? strdup(text) : NULL;
}

static bool copy_extra(struct writer *w, const struct eo_write_options *options)
{
	struct eo_utf8_buffer buffer = { 0 };
	bool ok = true;

	w->extra = calloc(options->resource_count + 1, sizeof(*w->extra));
	if (!w->extra)
		return false;
	for (size_t i = 0; ok && i < options->resource_count; i++) {
		const struct eo_attribute *from = &options->resource[i];
		struct eo_attribute *to = &w->extra[w->extra_count++];

		to->key = repaired_copy(from->key, &buffer);
		to->str = from->str ? repaired_copy(from->str, &buffer) : NULL;
		to->num = from->num;
		ok = to->key && !to->str == !from->str;
	}
	free(buffer.bytes);
	return ok;
}

static const char *text_of(const struct writer *w, uint32_t string)
{
	return eo_otlp_strings_text(&w->tables.strings, w->tables.strings.ids[string]);
}

static bool fill_scope(struct writer *w)
{
	const struct eo_otlp_plan *plan = &w->plan;
	COMMON(AnyValue) *value;

	w->order_values = calloc(plan->type_count, sizeof(*w->order_values));
	w->order_pointers = calloc(plan->type_count, sizeof(*w->order_pointers));
	if (!w->order_values || !w->order_pointers ||
	    !key_values_init(&w->scope, MAX_SCOPE_ATTRIBUTES))
		return false;
	if (plan->type_count > 1) {
		opentelemetry__proto__common__v1__array_value__init(&w->order_array);
		w->order_array.n_values = plan->type_count;
		w->order_array.values = w->order_pointers;
		for (size_t i = 0; i < plan->type_count; i++) {
			opentelemetry__proto__common__v1__any_value__init(&w->order_values[i]);
			set_int(&w->order_values[i], (int64_t)plan->types[i].value_type);
			w->order_pointers[i] = &w->order_values[i];
		}
		value = add_key(&w->scope, EO_OTLP_SAMPLE_TYPE_ORDER);
		value->value_case = ARRAY_VALUE;
		value->array_value = &w->order_array;
	}
	if (w->profile->default_value_type)
		set_string(add_key(&w->scope, EO_OTLP_DEFAULT_SAMPLE_TYPE),
			   text_of(w, w->profile->default_value_type));
	if (plan->cpu_from_period != EO_OTLP_CPU_NOT_SAID)
		set_bool(add_key(&w->scope, EO_OTLP_CPU_FROM_PERIOD),
			 plan->cpu_from_period == EO_OTLP_CPU_FOLLOWS);
	if (w->tables.attributes.labels_kept)
		set_bool(add_key(&w->scope, EO_OTLP_LABELS_KEPT), true);
	return true;
}

static bool add_profile_attributes(struct writer *w)
{
	const struct eo_profile *profile = w->profile;
	const uint32_t *ids = w->tables.strings.ids;
	const struct {
		const char *name;
		uint32_t string;
	} texts[] = {
		{ EO_OTLP_DROP_FRAMES, profile->drop_frames },
		{ EO_OTLP_KEEP_FRAMES, profile->keep_frames },
		{ EO_OTLP_DOC_URL, profile->doc_url },
	};
	EO_AUTO_FREE struct eo_otlp_value *comments =
		calloc(profile->comment_count + 1, sizeof(*comments));

	if (!comments)
		return false;
	for (size_t i = 0; i < EO_ARRAY_SIZE(texts); i++)
		if (texts[i].string)
			w->profile_attributes[w->profile_attribute_count++] =
				eo_otlp_attributes_add_text(&w->tables.attributes, texts[i].name,
							    ids[texts[i].string]);
	for (size_t i = 0; i < profile->comment_count; i++)
		comments[i] = (struct eo_otlp_value){ EO_OTLP_VALUE_STRING,
						      ids[profile->comments[i]] };
	if (profile->comment_count)
		w->profile_attributes[w->profile_attribute_count++] = eo_otlp_attributes_add(
			&w->tables.attributes,
			eo_otlp_strings_name(&w->tables.strings, EO_OTLP_COMMENT), 0, comments,
			profile->comment_count, true);
	return true;
}

/* Returns 0 or a negative errno; fini is fine either way. */
static int writer_init(struct writer *w, const struct eo_profile *profile,
		       const struct eo_write_options *options, enum eo_otlp_encoder_kind kind,
		       FILE *out)
{
	struct eo_otlp_tables *t = &w->tables;
	int r;

	*w = (struct writer){ .profile = profile };
	eo_otlp_encoder_init(&w->encoder, kind, out);
	r = eo_otlp_tables_init(t, profile);
	if (r < 0)
		return r;
	if (!copy_extra(w, options) || !add_profile_attributes(w))
		return -ENOMEM;
	r = eo_otlp_plan_init(&w->plan, profile, t->order, &t->attributes);
	if (r < 0)
		return r;
	return fill_scope(w) ? w->tables.attributes.status : -ENOMEM;
}

static const ProtobufCFieldDescriptor *field_of(const ProtobufCMessageDescriptor *message,
						const char *name)
{
	return protobuf_c_message_descriptor_get_field_by_name(message, name);
}

static int32_t number(struct writer *w, uint32_t string)
{
	return (int32_t)eo_otlp_strings_number(&w->tables.strings, w->tables.strings.ids[string]);
}

static PROFILES(ValueType) value_type(struct writer *w, const struct eo_value_type *type)
{
	PROFILES(ValueType) message = PROFILES_INIT(VALUE_TYPE);

	message.type_strindex = number(w, type->type);
	message.unit_strindex = number(w, type->unit);
	return message;
}

/* Sum of a Sample's rows; stops at the limits of 64 bits. */
static int64_t sum_of(const struct writer *w, size_t row, size_t end, size_t type)
{
	int64_t sum = 0;

	for (; row < end; row++) {
		int64_t value =
			w->profile->values[w->profile->samples[w->plan.rows[row].sample].values + type];

		if (__builtin_add_overflow(sum, value, &sum))
			sum = value < 0 ? INT64_MIN : INT64_MAX;
	}
	return sum;
}

static void put_samples(struct writer *w, const struct eo_otlp_resource *resource,
			const struct eo_otlp_type *type)
{
	const ProtobufCFieldDescriptor *field = field_of(
		&opentelemetry__proto__profiles__v1development__profile__descriptor, "samples");
	size_t end = resource->first_row + resource->row_count, next;

	for (size_t row = resource->first_row; row < end; row = next) {
		uint32_t stack = w->profile->samples[w->plan.rows[row].sample].stack;
		const struct eo_otlp_attribute_set *set =
			&w->tables.attributes.sets[w->plan.rows[row].set];
		PROFILES(Sample) message = PROFILES_INIT(SAMPLE);
		int64_t value;

		eo_otlp_tables_look_ahead(&w->tables, &w->plan, row);
		next = eo_otlp_plan_sample_end(&w->plan, w->profile, resource, row);
		message.stack_index = eo_otlp_tables_stack(&w->tables, stack);
		message.link_index = (int32_t)set->link;
		message.n_attribute_indices = set->members.count;
		if (set->members.count) /* their numbers have 31 bits */
			message.attribute_indices =
				(int32_t *)&w->tables.attributes.members[set->members.first];
		if (type->timed) {
			message.n_timestamps_unix_nano =
				w->plan.first_time[next] - w->plan.first_time[row];
			message.timestamps_unix_nano = w->plan.times + w->plan.first_time[row];
		} else {
			value = sum_of(w, row, next, type->value_type);
			message.n_values = 1;
			message.values = &value;
		}
		eo_otlp_encoder_message(&w->encoder, field, &message.base);
	}
}

static void put_profile(struct writer *w, const struct eo_otlp_resource *resource,
			const struct eo_otlp_type *type)
{
	PROFILES(Profile) head = PROFILES_INIT(PROFILE), tail = PROFILES_INIT(PROFILE);
	PROFILES(ValueType) sample_type =
		value_type(w, &w->profile->value_types[type->value_type]);
	PROFILES(ValueType) period_type = value_type(w, &w->profile->period_type);

	head.sample_type = &sample_type;
	eo_otlp_encoder_fields(&w->encoder, &head.base);
	put_samples(w, resource, type);
	tail.time_unix_nano = w->plan.start_ns;
	tail.duration_nano = w->plan.duration_ns;
	if (period_type.type_strindex || period_type.unit_strindex)
		tail.period_type = &period_type;
	tail.period = w->profile->period;
	tail.n_attribute_indices = w->profile_attribute_count;
	tail.attribute_indices = (int32_t *)w->profile_attributes;
	eo_otlp_encoder_fields(&w->encoder, &tail.base);
}

static bool has_key(const struct key_values *list, const char *key)
{
	for (size_t i = 0; i < list->count; i++)
		if (!strcmp(list->messages[i].key, key))
			return true;
	return false;
}

/* The caller's attributes win: somebody asked for them. Of equal keys the first counts. */
static bool put_resource(struct writer *w, uint32_t label_set)
{
	struct eo_span span = w->profile->label_sets[label_set];
	Opentelemetry__Proto__Resource__V1__Resource resource =
		OPENTELEMETRY__PROTO__RESOURCE__V1__RESOURCE__INIT;
	PROFILES(ResourceProfiles) part = PROFILES_INIT(RESOURCE_PROFILES);
	struct key_values list;
	bool ok = key_values_init(&list, span.count + w->extra_count);

	for (size_t i = 0; ok && i < w->extra_count; i++) {
		const struct eo_attribute *extra = &w->extra[i];

		if (has_key(&list, extra->key))
			continue;
		if (extra->str)
			set_string(add_key(&list, extra->key), extra->str);
		else
			set_int(add_key(&list, extra->key), extra->num);
	}
	for (uint32_t i = 0; ok && i < span.count; i++) {
		const struct eo_label *label = &w->profile->labels[span.first + i];
		const char *key = text_of(w, label->key);

		if (has_key(&list, key))
			continue;
		if (label->is_number)
			set_int(add_key(&list, key), label->num);
		else
			set_string(add_key(&list, key), text_of(w, label->str));
	}
	resource.n_attributes = list.count;
	resource.attributes = list.pointers;
	part.resource = &resource;
	if (ok)
		eo_otlp_encoder_fields(&w->encoder, &part.base);
	key_values_fini(&list);
	return ok;
}

static void put_scope(struct writer *w)
{
	COMMON(InstrumentationScope) scope = COMMON_INIT(INSTRUMENTATION_SCOPE);
	PROFILES(ScopeProfiles) part = PROFILES_INIT(SCOPE_PROFILES);

	scope.name = (char *)EO_OTLP_SCOPE_NAME;
	scope.version = (char *)EO_VERSION;
	scope.n_attributes = w->scope.count;
	scope.attributes = w->scope.pointers;
	part.scope = &scope;
	eo_otlp_encoder_fields(&w->encoder, &part.base);
}

static bool put_resources(struct writer *w)
{
	const ProtobufCFieldDescriptor *resource_profiles = field_of(
		&opentelemetry__proto__profiles__v1development__profiles_data__descriptor,
		"resource_profiles");
	const ProtobufCFieldDescriptor *scope_profiles = field_of(
		&opentelemetry__proto__profiles__v1development__resource_profiles__descriptor,
		"scope_profiles");
	const ProtobufCFieldDescriptor *profiles = field_of(
		&opentelemetry__proto__profiles__v1development__scope_profiles__descriptor,
		"profiles");

	for (size_t i = 0; i < w->plan.resource_count; i++) {
		eo_otlp_encoder_open(&w->encoder, resource_profiles);
		if (!put_resource(w, w->plan.resources[i].label_set))
			return false;
		eo_otlp_encoder_open(&w->encoder, scope_profiles);
		put_scope(w);
		for (size_t at = 0; at < w->plan.type_count; at++) {
			eo_otlp_encoder_open(&w->encoder, profiles);
			put_profile(w, &w->plan.resources[i], &w->plan.types[at]);
			eo_otlp_encoder_close(&w->encoder);
		}
		eo_otlp_encoder_close(&w->encoder);
		eo_otlp_encoder_close(&w->encoder);
	}
	return true;
}

static int put_all(struct writer *w)
{
	eo_otlp_encoder_begin(&w->encoder);
	if (!put_resources(w))
		return -ENOMEM;
	eo_otlp_encoder_open(&w->encoder,
			     field_of(&opentelemetry__proto__profiles__v1development__profiles_data__descriptor,
				      "dictionary"));
	eo_otlp_tables_write(&w->tables, &w->plan, &w->encoder);
	eo_otlp_encoder_close(&w->encoder);
	if (w->tables.attributes.status < 0)
		return w->tables.attributes.status;
	return eo_otlp_encoder_end(&w->encoder);
}

static int write_profile(const struct eo_profile *profile, const struct eo_write_options *options,
			 bool as_json, FILE *out, struct eo_error *err)
{
	struct writer w;
	int r;

	if (!profile->value_type_count)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, 0, NULL,
				    "write profile as OTLP: it has no value types");
	r = writer_init(&w, profile, options, as_json ? EO_OTLP_JSON : EO_OTLP_PROTOBUF, out);
	if (r == 0)
		r = put_all(&w);
	writer_fini(&w);
	if (r < 0)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, -r, NULL,
				    "write profile as OTLP");
	return 0;
}

int eo_write_otlp(const struct eo_profile *profile, const struct eo_write_options *options,
		  FILE *out, struct eo_error *err)
{
	return write_profile(profile, options, false, out, err);
}

int eo_write_otlp_json(const struct eo_profile *profile, const struct eo_write_options *options,
		       FILE *out, struct eo_error *err)
{
	return write_profile(profile, options, true, out, err);
}
