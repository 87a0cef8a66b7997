/* SPDX-License-Identifier: BSD-2-Clause */
#include "otlp/otlp_profile_tables.h"

#include <errno.h>
#include <stdlib.h>

#include "otlp/otlp_profile.h"

#define MESSAGE(name) Opentelemetry__Proto__Profiles__V1development__##name
#define MESSAGE_INIT(NAME) OPENTELEMETRY__PROTO__PROFILES__V1DEVELOPMENT__##NAME##__INIT

#define MAX_MAPPING_ATTRIBUTES 5
#define MAX_LOCATION_ATTRIBUTES 2

int eo_otlp_tables_init(struct eo_otlp_tables *t, const struct eo_profile *profile)
{
	size_t stack = 1, lines = 1;
	int r;

	*t = (struct eo_otlp_tables){ .profile = profile };
	if (profile->string_count > INT32_MAX / 2 || profile->location_count > INT32_MAX ||
	    profile->stack_count > INT32_MAX || profile->function_count > INT32_MAX ||
	    profile->mapping_count > INT32_MAX)
		return -E2BIG;
	r = eo_otlp_strings_init(&t->strings, profile);
	if (r < 0)
		return r;
	r = eo_otlp_attributes_init(&t->attributes, &t->strings);
	if (r < 0)
		return r;

	for (size_t i = 0; i < profile->stack_count; i++)
		if (profile->stacks[i].count > stack)
			stack = profile->stacks[i].count;
	for (size_t i = 0; i < profile->location_count; i++)
		if (profile->locations[i].line_count > lines)
			lines = profile->locations[i].line_count;
	t->order = eo_order_new(profile);
	t->stack_numbers = calloc(profile->stack_count, sizeof(*t->stack_numbers));
	t->locations = calloc(stack, sizeof(*t->locations));
	t->lines = calloc(lines, sizeof(*t->lines));
	t->line_pointers = calloc(lines, sizeof(*t->line_pointers));
	if (!t->order || !t->stack_numbers || !t->locations || !t->lines || !t->line_pointers)
		return -ENOMEM;
	for (size_t i = 0; i < lines; i++)
		t->line_pointers[i] = &t->lines[i];
	return 0;
}

void eo_otlp_tables_fini(struct eo_otlp_tables *t)
{
	eo_otlp_attributes_fini(&t->attributes);
	eo_otlp_strings_fini(&t->strings);
	eo_order_free(t->order);
	free(t->stack_numbers);
	free(t->locations);
	free(t->lines);
	free(t->line_pointers);
}

int32_t eo_otlp_tables_stack(struct eo_otlp_tables *t, uint32_t stack)
{
	if (stack && !t->stack_numbers[stack])
		t->stack_numbers[stack] = ++t->stack_count;
	return (int32_t)t->stack_numbers[stack];
}

static int32_t number(struct eo_otlp_tables *t, uint32_t string)
{
	return (int32_t)eo_otlp_strings_number(&t->strings, t->strings.ids[string]);
}

static const ProtobufCFieldDescriptor *table(const char *name)
{
	return protobuf_c_message_descriptor_get_field_by_name(
		&opentelemetry__proto__profiles__v1development__profiles_dictionary__descriptor,
		name);
}

static int32_t text_attribute(struct eo_otlp_tables *t, const char *name, uint32_t text)
{
	return (int32_t)eo_otlp_attributes_add_text(&t->attributes, name, text);
}

static int32_t true_attribute(struct eo_otlp_tables *t, const char *name)
{
	return (int32_t)eo_otlp_attributes_add_true(&t->attributes, name);
}

static void put_mappings(struct eo_otlp_tables *t, struct eo_otlp_encoder *encoder)
{
	const ProtobufCFieldDescriptor *field = table("mapping_table");
	MESSAGE(Mapping) none = MESSAGE_INIT(MAPPING);

	eo_otlp_encoder_message(encoder, field, &none.base);
	for (size_t i = 0; i < t->order->mappings.count; i++) {
		const struct eo_mapping *mapping =
			&t->profile->mappings[t->order->mappings.indices[i]];
		const struct {
			const char *name;
			bool is_set;
		} flags[] = {
			{ EO_OTLP_HAS_FUNCTIONS, mapping->has_functions },
			{ EO_OTLP_HAS_FILENAMES, mapping->has_filenames },
			{ EO_OTLP_HAS_LINE_NUMBERS, mapping->has_line_numbers },
			{ EO_OTLP_HAS_INLINE_FRAMES, mapping->has_inline_frames },
		};
		int32_t attributes[MAX_MAPPING_ATTRIBUTES];
		MESSAGE(Mapping) message = MESSAGE_INIT(MAPPING);

		if (mapping->start < mapping->limit) {
			message.memory_start = mapping->start;
			message.memory_limit = mapping->limit;
		}
		message.file_offset = mapping->offset;
		message.filename_strindex = number(t, mapping->filename);
		message.attribute_indices = attributes;
		if (mapping->build_id)
			attributes[message.n_attribute_indices++] = text_attribute(
				t, EO_OTLP_BUILD_ID_GNU, t->strings.ids[mapping->build_id]);
		for (size_t at = 0; at < EO_ARRAY_SIZE(flags); at++)
			if (flags[at].is_set)
				attributes[message.n_attribute_indices++] =
					true_attribute(t, flags[at].name);
		eo_otlp_encoder_message(encoder, field, &message.base);
	}
}

/* A line may have no function, but none has no number in OTLP but 0. */
static int32_t function_number(const struct eo_otlp_tables *t, uint32_t function)
{
	uint32_t none = t->order->functions.numbers[0];
	uint32_t at = t->order->functions.numbers[function];

	if (!function)
		return 0;
	return (int32_t)(none && at > none ? at - 1 : at);
}

/* Every kind has a word. */
static int32_t frame_type(struct eo_otlp_tables *t, enum eo_frame_kind kind)
{
	for (const struct eo_otlp_frame_type *row = eo_otlp_frame_types; row->word; row++)
		if (row->kind == kind)
			return text_attribute(t, EO_OTLP_FRAME_TYPE,
					      eo_otlp_strings_name(&t->strings, row->word));
	return 0;
}

static int64_t not_negative(int64_t value)
{
	return value > 0 ? value : 0;
}

/* Nothing is known of it but that it was there. As it is, it would be element 0 once more. */
static bool is_nowhere(const struct eo_location *location)
{
	return !location->address && !location->mapping && !location->line_count &&
	       !location->is_folded;
}

static void put_locations(struct eo_otlp_tables *t, struct eo_otlp_encoder *encoder)
{
	const ProtobufCFieldDescriptor *field = table("location_table");
	MESSAGE(Location) none = MESSAGE_INIT(LOCATION);

	eo_otlp_encoder_message(encoder, field, &none.base);
	for (size_t i = 0; i < t->order->locations.count; i++) {
		const struct eo_location *location =
			&t->profile->locations[t->order->locations.indices[i]];
		int32_t attributes[MAX_LOCATION_ATTRIBUTES];
		MESSAGE(Location) message = MESSAGE_INIT(LOCATION);

		for (uint32_t at = 0; at < location->line_count; at++) {
			const struct eo_line *line =
				&t->profile->lines[location->first_line + at];

			opentelemetry__proto__profiles__v1development__line__init(&t->lines[at]);
			t->lines[at].function_index = function_number(t, line->function);
			t->lines[at].line = not_negative(line->line);
			t->lines[at].column = not_negative(line->column);
		}
		message.mapping_index = (int32_t)t->order->mappings.numbers[location->mapping];
		message.address = location->address;
		message.n_lines = location->line_count;
		message.lines = t->line_pointers;
		message.attribute_indices = attributes;
		if (location->kind != EO_FRAME_UNKNOWN || is_nowhere(location))
			attributes[message.n_attribute_indices++] = frame_type(t, location->kind);
		if (location->is_folded)
			attributes[message.n_attribute_indices++] = true_attribute(t, EO_OTLP_IS_FOLDED);
		eo_otlp_encoder_message(encoder, field, &message.base);
	}
}

static void put_functions(struct eo_otlp_tables *t, struct eo_otlp_encoder *encoder)
{
	const ProtobufCFieldDescriptor *field = table("function_table");
	MESSAGE(Function) none = MESSAGE_INIT(FUNCTION);

	eo_otlp_encoder_message(encoder, field, &none.base);
	for (size_t i = 0; i < t->order->functions.count; i++) {
		uint32_t index = t->order->functions.indices[i];
		const struct eo_function *function = &t->profile->functions[index];
		MESSAGE(Function) message = MESSAGE_INIT(FUNCTION);

		if (!index)
			continue;
		message.name_strindex = number(t, function->name);
		message.system_name_strindex = number(t, function->system_name);
		message.filename_strindex = number(t, function->filename);
		message.start_line = not_negative(function->start_line);
		eo_otlp_encoder_message(encoder, field, &message.base);
	}
}

static void put_links(struct eo_otlp_tables *t, struct eo_otlp_encoder *encoder)
{
	const ProtobufCFieldDescriptor *field = table("link_table");
	MESSAGE(Link) none = MESSAGE_INIT(LINK);

	/* The schema would have it be zeros; checkers and the Collector have it empty. */
	eo_otlp_encoder_message(encoder, field, &none.base);
	for (size_t i = 1; i < t->attributes.link_count; i++) {
		struct eo_otlp_link *link = &t->attributes.links[i];
		MESSAGE(Link) message = MESSAGE_INIT(LINK);

		message.trace_id = (ProtobufCBinaryData){ sizeof(link->trace_id), link->trace_id };
		message.span_id = (ProtobufCBinaryData){ sizeof(link->span_id), link->span_id };
		eo_otlp_encoder_message(encoder, field, &message.base);
	}
}

static void put_strings(struct eo_otlp_tables *t, struct eo_otlp_encoder *encoder)
{
	const ProtobufCFieldDescriptor *field = table("string_table");

	for (size_t i = 0; i < t->strings.count; i++)
		eo_otlp_encoder_text(encoder, field,
				     eo_otlp_strings_text(&t->strings, t->strings.used[i]));
}

static void put_attributes(struct eo_otlp_tables *t, struct eo_otlp_encoder *encoder)
{
	const ProtobufCFieldDescriptor *field = table("attribute_table");

	for (size_t i = 0; i < t->attributes.count; i++) {
		MESSAGE(KeyValueAndUnit) message = eo_otlp_attributes_message(&t->attributes, i);

		eo_otlp_encoder_message(encoder, field, &message.base);
	}
}

/* Stacks have their numbers in the order in which rows meet them. */
static void put_stacks(struct eo_otlp_tables *t, const struct eo_otlp_plan *plan,
		       struct eo_otlp_encoder *encoder)
{
	const ProtobufCFieldDescriptor *field = table("stack_table");
	MESSAGE(Stack) none = MESSAGE_INIT(STACK);
	uint32_t next = 1;

	eo_otlp_encoder_message(encoder, field, &none.base);
	for (size_t row = 0; row < plan->row_count; row++) {
		uint32_t stack = t->profile->samples[plan->rows[row].sample].stack;
		struct eo_span span = t->profile->stacks[stack];
		MESSAGE(Stack) message = MESSAGE_INIT(STACK);

		eo_otlp_tables_look_ahead(t, plan, row);
		if (t->stack_numbers[stack] != next)
			continue;
		next++;
		for (uint32_t i = 0; i < span.count; i++)
			t->locations[i] =
				(int32_t)t->order->locations.numbers[t->profile->frames[span.first + i]];
		message.n_location_indices = span.count;
		message.location_indices = t->locations;
		eo_otlp_encoder_message(encoder, field, &message.base);
	}
}

void eo_otlp_tables_write(struct eo_otlp_tables *t, const struct eo_otlp_plan *plan,
			      struct eo_otlp_encoder *encoder)
{
	put_mappings(t, encoder);
	put_locations(t, encoder);
	put_functions(t, encoder);
	put_links(t, encoder);
	put_strings(t, encoder);
	put_attributes(t, encoder);
	put_stacks(t, plan, encoder);
}
