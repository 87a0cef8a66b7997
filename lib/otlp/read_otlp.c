/* SPDX-License-Identifier: BSD-2-Clause */
/* OTLP profiles, after otlp_profile.h. The model wants all types of values before the first sample,
 * so messages are read twice: for the types, and then for the rest.
 *
 * As for pprof, the fields are walked and not unpacked by protobuf-c: its parser follows nested
 * values as deep as a file likes, and takes fifty times the memory of small messages.
 *
 * A few bytes of a message can refer to much. What is read of them is bounded by the types of
 * values there may be, the labels of a sample and the values of attributes in all. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "format/read_message.h"
#include "format/read_recognise.h"
#include "format/reader.h"
#include "opentelemetry/proto/profiles/v1development/profiles.pb-c.h"
#include "otlp/json_reader.h"
#include "otlp/otlp_profile.h"
#include "otlp/read_otlp_dictionary.h"
#include "otlp/read_otlp_scope.h"

#define TYPES_MAX EO_READ_VALUE_TYPES_MAX
#define LABELS_MAX 1024u /* of a sample */
#define VALUES_FREE (1u << 20) /* of attributes, see values_left */
#define COMMENTS_READ_MAX 100000u
#define JSON_MAX (1u << 30)

enum { DATA_RESOURCE_PROFILES = 1, DATA_DICTIONARY };
enum { RESOURCE_PROFILES_RESOURCE = 1, RESOURCE_PROFILES_SCOPES };
enum { RESOURCE_ATTRIBUTES = 1 };
enum { PROFILE_SAMPLES = 2, PROFILE_ATTRIBUTES = 11 };
enum { SAMPLE_STACK = 1, SAMPLE_ATTRIBUTES, SAMPLE_LINK, SAMPLE_VALUES, SAMPLE_TIMESTAMPS };

struct otlp {
	struct eo_message_reader message;
	struct eo_profile *profile;
	struct eo_otlp_dictionary dictionary;
	struct eo_wires messages;

	struct eo_value_type types[TYPES_MAX];
	size_t type_count;
	uint32_t default_type;
	size_t earlier_comments, comments_read;

	/* where the reading is */
	struct eo_otlp_scope scope;
	uint32_t resource;
	struct eo_label pid;	   /* of the resource, key 0 when it has none */
	size_t column, cpu_column; /* where values go; SIZE_MAX: nowhere */
	int64_t period;

	/* scratch */
	struct eo_labels labels;
	struct eo_values values;
	struct eo_times times;
};

static void otlp_fini(struct otlp *o)
{
	eo_otlp_dictionary_fini(&o->dictionary);
	free(o->messages.items);
	eo_otlp_scope_fini(&o->scope);
	free(o->labels.items);
	free(o->values.items);
	free(o->times.items);
}

static int find_dictionary(struct otlp *o, struct eo_wire wire, struct eo_wire *ret)
{
	struct eo_wire_field field;
	int status;

	*ret = (struct eo_wire){wire.at, wire.at};
	while ((status = eo_message_next(&o->message, &wire, &field)) > 0) {
		if (field.number != DATA_DICTIONARY)
			continue;
		if (field.type != EO_WIRE_BYTES)
			return eo_message_bad(&o->message, field.start,
					      "the dictionary has the wrong type");
		if (ret->at != ret->end)
			return eo_message_bad(&o->message, field.start,
					      "a second dictionary: messages one after the other "
					      "need a length before each");
		*ret = field.bytes;
	}
	return status;
}

/* --- types of values, the first reading ----------------------------------------------------- */

static size_t find_type(const struct eo_value_type *types, size_t count, struct eo_value_type type)
{
	for (size_t i = 0; i < count; i++)
		if (types[i].type == type.type && types[i].unit == type.unit)
			return i;
	return SIZE_MAX;
}

static int add_type(struct otlp *o, struct eo_value_type type)
{
	if (find_type(o->types, o->type_count, type) != SIZE_MAX)
		return 0;
	if (o->type_count == TYPES_MAX)
		return eo_read_failed(o->message.input, UINT64_MAX, o->message.err,
				      "more than %u types of values", TYPES_MAX);
	o->types[o->type_count++] = type;
	return 0;
}

static int scope_types(void *ctx, struct eo_wire wire)
{
	struct otlp *o = ctx;
	const struct eo_otlp_scope *scope = &o->scope;
	size_t place[TYPES_MAX], before = o->type_count;
	int status = eo_otlp_scope_read(&o->scope, &o->dictionary, wire);
	bool ordered;

	if (status < 0)
		return status;
	ordered = eo_otlp_scope_places(scope, place);
	for (size_t i = 0; status == 0 && i < scope->heads.count; i++) {
		const struct eo_otlp_head *head = &scope->heads.items[ordered ? place[i] : i];

		status = add_type(o, head->type);
		if (status == 0 && eo_otlp_stands_for_cpu(&o->scope, head))
			status = add_type(o, (struct eo_value_type){
						     eo_profile_string(o->profile, "cpu"),
						     eo_profile_string(o->profile, "nanoseconds"),
					     });
	}
	if (scope->default_type && !o->default_type)
		o->default_type = scope->default_type;
	/* OTLP's first type is the default, and pprof's last is. */
	if (!scope->default_type && !scope->has_order && !before && scope->heads.count > 1 &&
	    find_type(o->types, o->type_count, scope->heads.items[0].type) + 1 < o->type_count &&
	    !eo_otlp_stands_for_cpu(&o->scope, &scope->heads.items[0]))
		o->default_type = scope->heads.items[0].type.type;
	return status;
}

static int resource_types(void *ctx, struct eo_wire wire)
{
	struct otlp *o = ctx;
	return eo_otlp_each(&o->message, wire, RESOURCE_PROFILES_SCOPES, "a scope's profiles",
			    scope_types, o);
}

static int message_types(struct otlp *o, struct eo_wire wire)
{
	struct eo_wire dictionary;
	int status = find_dictionary(o, wire, &dictionary);

	if (status == 0)
		status = eo_otlp_dictionary_read_strings(&o->dictionary, dictionary);
	if (status == 0)
		status = eo_otlp_each(&o->message, wire, DATA_RESOURCE_PROFILES,
				      "a resource's profiles", resource_types, o);
	return status;
}

/* --- samples, the second reading ------------------------------------------------------------ */

struct take_label {
	struct otlp *o;
	bool rename;
};

/* The label of an attribute, its own name when it has no other. */
static uint32_t label_key(struct eo_profile *profile, const struct eo_otlp_value *value)
{
	for (const struct eo_otlp_label *label = eo_otlp_labels; label->label; label++)
		if (label->is_number == value->is_number && !value->unit &&
		    !strcmp(profile->strings[value->key], label->attribute))
			return eo_profile_string(profile, label->label);
	return value->key;
}

static int take_label(void *ctx, const struct eo_otlp_value *value)
{
	struct take_label *take = ctx;
	struct otlp *o = take->o;
	struct eo_label label = {.key = value->key, .is_number = value->is_number};

	if (take->rename)
		label.key = label_key(o->profile, value);
	if (label.is_number) {
		label.num = value->num;
		label.unit = value->unit;
	} else {
		label.str = value->str;
	}
	if (o->labels.count == LABELS_MAX)
		return eo_read_failed(o->message.input, UINT64_MAX, o->message.err,
				      "a sample or a resource with more than %u attributes",
				      LABELS_MAX);
	return eo_labels_add(&o->labels, label) ? 0 : eo_message_no_memory(&o->message);
}

static int resource_attribute(void *ctx, struct eo_wire wire)
{
	struct otlp *o = ctx;
	struct take_label take = {.o = o};

	return eo_otlp_key_value(&o->dictionary, wire, take_label, &take);
}

static int resource_message(void *ctx, struct eo_wire wire)
{
	struct otlp *o = ctx;
	return eo_otlp_each(&o->message, wire, RESOURCE_ATTRIBUTES, "an attribute of a resource",
			    resource_attribute, o);
}

static bool has_label(const struct otlp *o, const char *key)
{
	for (size_t i = 0; i < o->labels.count; i++)
		if (!strcmp(o->profile->strings[o->labels.items[i].key], key))
			return true;
	return false;
}

static int add_label(struct otlp *o, const char *key, uint32_t str)
{
	struct eo_label label = {.key = eo_profile_string(o->profile, key), .str = str};

	if (!str)
		return 0;
	return eo_labels_add(&o->labels, label) ? 0 : eo_message_no_memory(&o->message);
}

/* The pid of the resource goes before the others, where our own profiles have it. */
static int add_pid(struct otlp *o)
{
	if (!o->pid.key || has_label(o, "pid") || has_label(o, EO_OTLP_PID))
		return 0;
	if (!eo_labels_add(&o->labels, o->pid))
		return eo_message_no_memory(&o->message);
	memmove(o->labels.items + 1, o->labels.items,
		(o->labels.count - 1) * sizeof(*o->labels.items));
	o->labels.items[0] = o->pid;
	return 0;
}

static int add_link(struct otlp *o, const unsigned char *at, uint64_t index)
{
	const struct eo_links *links = &o->dictionary.links;
	int status;

	if (!index)
		return 0;
	if (index >= links->count)
		return eo_message_bad(&o->message, at, "link %" PRId64 " of a table of %zu",
				      (int64_t)index, links->count);
	status = add_label(o, EO_OTLP_TRACE_ID_LABEL, links->items[index].type);
	return status < 0 ? status : add_label(o, EO_OTLP_SPAN_ID_LABEL, links->items[index].unit);
}

/* Packed or not. */
static int add_times(struct otlp *o, const struct eo_wire_field *field)
{
	const unsigned char *at = field->bytes.at;

	if (field->type == EO_WIRE_FIXED64)
		return eo_times_add(&o->times, field->value) ? 0
							     : eo_message_no_memory(&o->message);
	if (field->type != EO_WIRE_BYTES || (field->bytes.end - at) % 8)
		return eo_message_bad(&o->message, field->start,
				      "timestamps of a sample have the wrong type");
	for (; at < field->bytes.end; at += 8) {
		uint64_t time = 0;

		for (unsigned int i = 0; i < 8; i++)
			time |= (uint64_t)at[i] << (8 * i);
		if (!eo_times_add(&o->times, time))
			return eo_message_no_memory(&o->message);
	}
	return 0;
}

/* What all the values and times of a sample come to. */
static int sample_value(struct otlp *o, const unsigned char *at, int64_t *ret)
{
	*ret = 0;
	if (!o->values.count && !o->times.count)
		return eo_message_bad(&o->message, at,
				      "a sample with neither a value nor a timestamp");
	if (!o->values.count) {
		*ret = (int64_t)o->times.count;
		return 0;
	}
	if (o->times.count ? o->times.count != o->values.count : o->values.count > 1)
		return eo_message_bad(&o->message, at,
				      "a sample with %zu values and %zu timestamps",
				      o->values.count, o->times.count);
	for (size_t i = 0; i < o->values.count; i++)
		if (__builtin_add_overflow(*ret, o->values.items[i], ret))
			return eo_message_bad(&o->message, at,
					      "the values of a sample exceed 64 bits");
	return 0;
}

static int put_sample(struct otlp *o, const unsigned char *at, uint32_t stack)
{
	int64_t values[TYPES_MAX] = {0};
	int64_t value;
	uint32_t sample;
	int status = sample_value(o, at, &value);

	if (status < 0)
		return status;
	values[o->column] = value;
	if (o->cpu_column != SIZE_MAX &&
	    __builtin_mul_overflow(value, o->period, &values[o->cpu_column]))
		return eo_message_bad(&o->message, at, "the CPU time of a sample exceeds 64 bits");
	sample = eo_profile_add_sample_of(
		o->profile, o->resource, stack,
		eo_profile_label_set(o->profile, o->labels.items, o->labels.count), values);
	for (size_t i = 0; i < o->times.count; i++)
		eo_profile_add_timestamp(o->profile, sample, o->times.items[i]);
	return eo_read_status(o->message.input, o->profile, o->message.err);
}

static int read_sample(void *ctx, struct eo_wire wire)
{
	struct otlp *o = ctx;
	const unsigned char *start = wire.at;
	struct take_label take = {.o = o, .rename = !o->scope.labels_kept};
	struct eo_wire_field field;
	uint64_t numbers[SAMPLE_TIMESTAMPS + 1];
	uint32_t stack;
	int status = eo_message_numbers(&o->message, wire, "sample", "v-v--", numbers);

	o->labels.count = o->values.count = o->times.count = 0;
	while (status >= 0 && (status = eo_message_next(&o->message, &wire, &field)) > 0) {
		switch (field.number) {
		case SAMPLE_ATTRIBUTES:
			status = eo_otlp_attributes(&o->dictionary, &field, take_label, &take);
			break;
		case SAMPLE_VALUES:
			status = eo_message_integers(&o->message, &field, "the values of a sample",
						     &o->values);
			break;
		case SAMPLE_TIMESTAMPS:
			status = add_times(o, &field);
			break;
		}
	}
	if (status == 0)
		status = eo_otlp_find(&o->dictionary, &o->dictionary.stacks, start,
				      numbers[SAMPLE_STACK], "stack", &stack);
	if (status == 0)
		status = add_pid(o);
	if (status == 0)
		status = add_link(o, start, numbers[SAMPLE_LINK]);
	return status < 0 ? status : put_sample(o, start, stack);
}

struct take_profile_attribute {
	struct otlp *o;
	struct eo_read_header *header;
};

static int add_comment(struct otlp *o, uint32_t text)
{
	if (++o->comments_read > COMMENTS_READ_MAX)
		return eo_read_failed(o->message.input, UINT64_MAX, o->message.err,
				      "more than %u comments", COMMENTS_READ_MAX);
	return eo_read_comment(o->message.input, o->profile, o->earlier_comments, text,
			       o->message.err);
}

static int take_profile_attribute(void *ctx, const struct eo_otlp_value *value)
{
	struct take_profile_attribute *take = ctx;
	struct eo_profile *profile = take->o->profile;
	const char *key = profile->strings[value->key];
	size_t comment = strlen(EO_OTLP_COMMENT);

	if (value->is_number)
		return 0;
	if (!strcmp(key, EO_OTLP_DOC_URL))
		take->header->doc_url = value->str;
	else if (!strcmp(key, EO_OTLP_DROP_FRAMES))
		take->header->drop_frames = value->str;
	else if (!strcmp(key, EO_OTLP_KEEP_FRAMES))
		take->header->keep_frames = value->str;
	else if (!strncmp(key, EO_OTLP_COMMENT, comment) &&
		 (key[comment] == '\0' || key[comment] == '.')) /* the Collector's ".0", ".1" */
		return add_comment(take->o, value->str);
	return 0;
}

static int profile_attributes(struct otlp *o, const struct eo_otlp_head *head,
			      struct eo_read_header *header)
{
	struct take_profile_attribute take = {.o = o, .header = header};
	struct eo_wire wire = head->wire;
	struct eo_wire_field field;
	int status = 0;

	while (status >= 0 && (status = eo_message_next(&o->message, &wire, &field)) > 0)
		if (field.number == PROFILE_ATTRIBUTES)
			status = eo_otlp_attributes(&o->dictionary, &field, take_profile_attribute,
						    &take);
	return status;
}

static int read_profile(struct otlp *o, const struct eo_otlp_head *head)
{
	struct eo_read_header header = {.period_type = head->period_type,
					.period = head->period,
					.time_ns = head->time_ns,
					.duration_ns = head->duration_ns};
	int status;

	/* Each Profile repeats the comments. */
	o->earlier_comments = o->profile->comment_count;
	status = profile_attributes(o, head, &header);
	if (status == 0)
		status = eo_read_join(o->message.input, &header, o->profile, o->message.err);
	if (status < 0)
		return status;
	o->period = head->period;
	o->column = find_type(o->profile->value_types, o->profile->value_type_count, head->type);
	o->cpu_column = SIZE_MAX;
	if (eo_otlp_stands_for_cpu(&o->scope, head))
		o->cpu_column = find_type(o->profile->value_types, o->profile->value_type_count,
					  (struct eo_value_type){
						  eo_profile_string(o->profile, "cpu"),
						  eo_profile_string(o->profile, "nanoseconds"),
					  });
	return eo_otlp_each(&o->message, head->wire, PROFILE_SAMPLES, "a sample", read_sample, o);
}

static int scope_samples(void *ctx, struct eo_wire wire)
{
	struct otlp *o = ctx;
	int status = eo_otlp_scope_read(&o->scope, &o->dictionary, wire);

	for (size_t i = 0; status == 0 && i < o->scope.heads.count; i++)
		status = read_profile(o, &o->scope.heads.items[i]);
	return status;
}

static int resource_samples(void *ctx, struct eo_wire wire)
{
	struct otlp *o = ctx;
	int status;

	o->labels.count = 0;
	o->pid = (struct eo_label){0};
	status = eo_otlp_each(&o->message, wire, RESOURCE_PROFILES_RESOURCE, "a resource",
			      resource_message, o);
	if (status < 0)
		return status;
	o->resource = eo_profile_label_set(o->profile, o->labels.items, o->labels.count);
	for (size_t i = 0; i < o->labels.count; i++)
		if (o->labels.items[i].is_number &&
		    !strcmp(o->profile->strings[o->labels.items[i].key], EO_OTLP_PID))
			o->pid = (struct eo_label){.key = eo_profile_string(o->profile, "pid"),
						   .num = o->labels.items[i].num,
						   .is_number = true};
	return eo_otlp_each(&o->message, wire, RESOURCE_PROFILES_SCOPES, "a scope's profiles",
			    scope_samples, o);
}

static int message_samples(struct otlp *o, struct eo_wire wire)
{
	struct eo_wire dictionary;
	int status = find_dictionary(o, wire, &dictionary);

	o->dictionary.values_left = VALUES_FREE + (uint64_t)(wire.end - wire.at);
	if (status == 0)
		status = eo_otlp_dictionary_read(&o->dictionary, dictionary);
	if (status == 0)
		status = eo_otlp_each(&o->message, wire, DATA_RESOURCE_PROFILES,
				      "a resource's profiles", resource_samples, o);
	return status < 0 ? status : eo_read_status(o->message.input, o->profile, o->message.err);
}

static int read_messages(struct otlp *o)
{
	struct eo_read_header header = {.value_types = o->types};
	int status = 0;

	o->dictionary.message = &o->message;
	o->dictionary.profile = o->profile;
	for (size_t i = 0; status == 0 && i < o->messages.count; i++)
		status = message_types(o, o->messages.items[i]);
	if (status < 0)
		return status;
	header.value_type_count = o->type_count;
	header.default_value_type = o->default_type;
	status = eo_read_join(o->message.input, &header, o->profile, o->message.err);
	for (size_t i = 0; status == 0 && i < o->messages.count; i++)
		status = message_samples(o, o->messages.items[i]);
	return status;
}

/* --- protobuf ------------------------------------------------------------------------------- */

/* Messages behind their lengths. */
static int cut_messages(struct otlp *o, struct eo_wire wire)
{
	while (wire.at < wire.end) {
		size_t left = (size_t)(wire.end - wire.at), length = 0;

		for (size_t i = 0; i < 4 && i < left; i++)
			length = length << 8 | wire.at[i];
		if (left < 4 || length > left - 4)
			return eo_message_bad(&o->message, wire.at,
					      "the data end inside a message of %zu bytes", length);
		wire.at += 4;
		if (!eo_wires_add(&o->messages, (struct eo_wire){wire.at, wire.at + length}))
			return eo_message_no_memory(&o->message);
		wire.at += length;
	}
	return 0;
}

int eo_read_otlp(struct eo_input *input, struct eo_profile *profile, struct eo_error *err)
{
	struct otlp o = {.message = {.input = input, .err = err}, .profile = profile};
	unsigned char *bytes;
	size_t size;
	int status = eo_read_all(input, EO_WIRE_MAX, NULL, NULL, &bytes, &size, err);

	if (status < 0)
		return status;
	o.message.bytes = bytes;
	if (!size)
		status = eo_read_failed(input, UINT64_MAX, err, "it is empty");
	else if (eo_is_otlp_behind_length(bytes, size))
		status = cut_messages(&o, (struct eo_wire){bytes, bytes + size});
	else if (!eo_wires_add(&o.messages, (struct eo_wire){bytes, bytes + size}))
		status = eo_message_no_memory(&o.message);
	if (status == 0)
		status = read_messages(&o);
	otlp_fini(&o);
	free(bytes);
	return status;
}

/* --- JSON ----------------------------------------------------------------------------------- */

/* Objects one after the other become messages one after the other. */
static int read_objects(struct otlp *o, struct eo_json_text *text, struct eo_json_message *to)
{
	struct eo_values ends = {0};
	size_t begin = 0;
	int status;

	while ((status = eo_otlp_json_read(
			text,
			&opentelemetry__proto__profiles__v1development__profiles_data__descriptor,
			to, o->message.input, o->message.err)) > 0)
		if (!eo_values_add(&ends, (int64_t)to->size)) {
			status = eo_message_no_memory(&o->message);
			break;
		}
	/* Now that the bytes do not move any more. */
	for (size_t i = 0; status == 0 && i < ends.count; i++) {
		size_t end = (size_t)ends.items[i];

		if (!eo_wires_add(&o->messages,
				  (struct eo_wire){to->bytes + begin, to->bytes + end}))
			status = eo_message_no_memory(&o->message);
		begin = end;
	}
	if (status == 0 && !ends.count)
		status =
			eo_read_failed(o->message.input, UINT64_MAX, o->message.err, "it is empty");
	free(ends.items);
	return status;
}

int eo_read_otlp_json(struct eo_input *input, struct eo_profile *profile, struct eo_error *err)
{
	struct otlp o = {.message = {.input = input, .err = err}, .profile = profile};
	struct eo_json_text text = {.line = 1};
	struct eo_json_message message = {0};
	unsigned char *bytes;
	size_t size;
	int status = eo_read_all(input, JSON_MAX, NULL, NULL, &bytes, &size, err);

	if (status < 0)
		return status;
	text.at = text.line_start = (const char *)bytes;
	text.end = text.at + size;
	status = read_objects(&o, &text, &message);
	free(bytes);
	if (status == 0)
		status = read_messages(&o);
	otlp_fini(&o);
	free(message.bytes);
	return status;
}
