/* SPDX-License-Identifier: BSD-2-Clause */
/* pprof, written piece by piece.
 *
 * protobuf-c packs trees, and the tree of a large profile would be several times the profile. But
 * the concatenation of two encoded messages is the encoding of their merger, so this writer packs
 * one Profile after the other, each holding a single sample, mapping or string, in the order of
 * the fields. The bytes are those of one large message; the memory is that of its largest part.
 * Samples, which are nearly all of it, are packed here. */
#include "format/writer.h"

#include <errno.h>
#include <string.h>

#include "format/gzip.h"
#include "format/order.h"
#include "format/utf8.h"
#include "format/write_wire.h"
#include "proto/pprof.pb-c.h"

#define PACKED_BYTES 65536

enum { PROFILE_SAMPLE = 2 };
enum { SAMPLE_LOCATION_ID = 1, SAMPLE_VALUE, SAMPLE_LABEL };
enum { LABEL_KEY = 1, LABEL_STR, LABEL_NUM, LABEL_NUM_UNIT };
#define LABEL_BYTES_MAX (4 * (1 + EO_WIRE_VARINT_MAX))

typedef Perftools__Profiles__Profile Part;

static const Part empty_part = PERFTOOLS__PROFILES__PROFILE__INIT;

struct pprof {
	const struct eo_profile *profile;
	struct eo_order *order;
	struct eo_gzip *gzip;
	int status; /* of the first write that failed */

	/* strings are numbered as they are met, by index in the profile's table */
	uint32_t *string_numbers;
	uint32_t *strings; /* the reverse */
	size_t string_count;
	bool *unit_keys; /* strings that as label keys need a unit, see find_unit_keys(); or NULL */

	/* scratch, large enough for the largest stack, label set and location */
	uint32_t *locations;
	uint8_t *labels; /* packed */
	Perftools__Profiles__Line *lines;
	Perftools__Profiles__Line **line_pointers;
	struct eo_utf8_buffer repaired;
	uint8_t *packed; /* not yet compressed */
	size_t packed_size, packed_used;
};

static void pprof_fini(struct pprof *p)
{
	eo_order_free(p->order);
	eo_gzip_free(p->gzip);
	free(p->string_numbers);
	free(p->strings);
	free(p->unit_keys);
	free(p->locations);
	free(p->labels);
	free(p->lines);
	free(p->line_pointers);
	free(p->repaired.bytes);
	free(p->packed);
}

/*
 * Go's pprof drops a numeric label that is 0 and has no unit, and complains when only some values
 * of a key have one. Where a key has such a 0, all its bare values get the unit that pprof infers
 * for a key without units, so nothing but the 0 changes.
 */
static bool find_unit_keys(struct pprof *p)
{
	const struct eo_profile *profile = p->profile;

	for (size_t i = 0; i < profile->label_count; i++) {
		const struct eo_label *label = &profile->labels[i];

		if (!label->is_number || label->num || label->unit)
			continue;
		if (!p->unit_keys)
			p->unit_keys = calloc(profile->string_count, sizeof(*p->unit_keys));
		if (!p->unit_keys)
			return false;
		p->unit_keys[label->key] = true;
	}
	return true;
}

static bool pprof_init(struct pprof *p, const struct eo_profile *profile, FILE *out)
{
	size_t stack = 1, labels = 1, lines = 1;

	*p = (struct pprof){ .profile = profile };
	for (size_t i = 0; i < profile->stack_count; i++)
		if (profile->stacks[i].count > stack)
			stack = profile->stacks[i].count;
	for (size_t i = 0; i < profile->label_set_count; i++)
		if (profile->label_sets[i].count > labels)
			labels = profile->label_sets[i].count;
	for (size_t i = 0; i < profile->location_count; i++)
		if (profile->locations[i].line_count > lines)
			lines = profile->locations[i].line_count;

	p->order = eo_order_new(profile);
	p->gzip = eo_gzip_new(out);
	p->string_numbers = calloc(profile->string_count, sizeof(*p->string_numbers));
	p->strings = calloc(profile->string_count, sizeof(*p->strings));
	p->string_count = 1; /* "" */
	p->locations = calloc(stack, sizeof(*p->locations));
	p->labels = calloc(labels, 2 + LABEL_BYTES_MAX); /* tag, length */
	p->lines = calloc(lines, sizeof(*p->lines));
	p->line_pointers = calloc(lines, sizeof(*p->line_pointers));
	if (!p->order || !p->gzip || !p->string_numbers || !p->strings || !p->locations ||
	    !p->labels || !p->lines || !p->line_pointers)
		return false;
	for (size_t i = 0; i < lines; i++)
		p->line_pointers[i] = &p->lines[i];
	return find_unit_keys(p);
}

static void flush(struct pprof *p)
{
	if (p->status == 0)
		p->status = eo_gzip_write(p->gzip, p->packed, p->packed_used);
	p->packed_used = 0;
}

/* Room for @size bytes, which are then taken; NULL without memory, which the status says. */
static uint8_t *reserve(struct pprof *p, size_t size)
{
	uint8_t *room;

	if (p->packed_size - p->packed_used < size) {
		flush(p);
		if (p->packed_size < size) {
			size_t wanted = size < PACKED_BYTES ? PACKED_BYTES : 2 * size;
			uint8_t *larger = realloc(p->packed, wanted);

			if (!larger) {
				p->status = -ENOMEM;
				return NULL;
			}
			p->packed = larger;
			p->packed_size = wanted;
		}
	}
	room = p->packed + p->packed_used;
	p->packed_used += size;
	return room;
}

static void put(struct pprof *p, const Part *part)
{
	uint8_t *to = reserve(p, perftools__profiles__profile__get_packed_size(part));

	if (to)
		perftools__profiles__profile__pack(part, to);
}

static int64_t string(struct pprof *p, uint32_t index)
{
	if (index && !p->string_numbers[index]) {
		p->strings[p->string_count] = index;
		p->string_numbers[index] = (uint32_t)p->string_count++;
	}
	return p->string_numbers[index];
}

static Perftools__Profiles__ValueType value_type(struct pprof *p, const struct eo_value_type *type)
{
	Perftools__Profiles__ValueType message = PERFTOOLS__PROFILES__VALUE_TYPE__INIT;

	message.type = string(p, type->type);
	message.unit = string(p, type->unit);
	return message;
}

static void put_value_types(struct pprof *p)
{
	for (size_t i = 0; i < p->profile->value_type_count; i++) {
		Perftools__Profiles__ValueType message =
			value_type(p, &p->profile->value_types[i]);
		Perftools__Profiles__ValueType *pointer = &message;
		Part part = empty_part;

		part.n_sample_type = 1;
		part.sample_type = &pointer;
		put(p, &part);
	}
}

/* Zero is not written. */
static uint8_t *put_number(uint8_t *to, uint32_t field, uint64_t number)
{
	return number ? eo_wire_put_varint(eo_wire_put_varint(to, field << 3 | EO_WIRE_VARINT),
					   number) :
			to;
}

static uint8_t *put_label(struct pprof *p, uint8_t *to, const struct eo_label *label)
{
	uint8_t packed[LABEL_BYTES_MAX], *end = packed;
	uint64_t key = (uint64_t)string(p, label->key), str = (uint64_t)string(p, label->str);
	uint64_t unit = (uint64_t)string(p, label->unit);
	size_t size;

	if (label->is_number && !label->unit && p->unit_keys && p->unit_keys[label->key])
		unit = key;
	end = put_number(end, LABEL_KEY, key);
	end = put_number(end, LABEL_STR, str);
	end = put_number(end, LABEL_NUM, (uint64_t)label->num);
	end = put_number(end, LABEL_NUM_UNIT, unit);
	size = (size_t)(end - packed);
	to = eo_wire_put_header(to, SAMPLE_LABEL, size);
	memcpy(to, packed, size);
	return to + size;
}

/* Returns the bytes of the sample's labels in the scratch. */
static size_t pack_labels(struct pprof *p, const struct eo_sample *sample)
{
	struct eo_span span = p->profile->label_sets[sample->label_set];
	uint8_t *to = p->labels;

	for (uint32_t i = 0; i < span.count; i++)
		to = put_label(p, to, &p->profile->labels[span.first + i]);
	return (size_t)(to - p->labels);
}

static size_t packed_field_size(uint32_t field, size_t size)
{
	return size ? eo_wire_header_size(field, size) + size : 0;
}

static void put_sample(struct pprof *p, const struct eo_sample *sample)
{
	struct eo_span stack = p->profile->stacks[sample->stack];
	const int64_t *values = p->profile->values + sample->values;
	size_t location_bytes = 0, value_bytes = 0, label_bytes = pack_labels(p, sample), size;
	uint8_t *to;

	for (uint32_t i = 0; i < stack.count; i++) {
		p->locations[i] = p->order->locations.numbers[p->profile->frames[stack.first + i]];
		location_bytes += eo_wire_varint_size(p->locations[i]);
	}
	for (size_t i = 0; i < p->profile->value_type_count; i++)
		value_bytes += eo_wire_varint_size((uint64_t)values[i]);
	size = packed_field_size(SAMPLE_LOCATION_ID, location_bytes) +
	       packed_field_size(SAMPLE_VALUE, value_bytes) + label_bytes;
	to = reserve(p, eo_wire_header_size(PROFILE_SAMPLE, size) + size);
	if (!to)
		return;
	to = eo_wire_put_header(to, PROFILE_SAMPLE, size);
	if (location_bytes)
		to = eo_wire_put_header(to, SAMPLE_LOCATION_ID, location_bytes);
	for (uint32_t i = 0; i < stack.count; i++)
		to = eo_wire_put_varint(to, p->locations[i]);
	to = eo_wire_put_header(to, SAMPLE_VALUE, value_bytes);
	for (size_t i = 0; i < p->profile->value_type_count; i++)
		to = eo_wire_put_varint(to, (uint64_t)values[i]);
	memcpy(to, p->labels, label_bytes);
}

static void put_samples(struct pprof *p)
{
	const struct eo_profile *profile = p->profile;

	for (size_t i = 0; i < profile->sample_count; i++) {
		if (i + EO_ORDER_AHEAD < profile->sample_count)
			eo_order_look_ahead(profile, p->order->samples[i + EO_ORDER_AHEAD],
					    p->order->samples[i + EO_ORDER_AHEAD * 2 / 3],
					    p->order->samples[i + EO_ORDER_AHEAD / 3]);
		put_sample(p, &profile->samples[p->order->samples[i]]);
	}
}

static void put_mappings(struct pprof *p)
{
	for (size_t i = 0; i < p->order->mappings.count; i++) {
		const struct eo_mapping *mapping =
			&p->profile->mappings[p->order->mappings.indices[i]];
		Perftools__Profiles__Mapping message = PERFTOOLS__PROFILES__MAPPING__INIT;
		Perftools__Profiles__Mapping *pointer = &message;
		Part part = empty_part;

		message.id = i + 1;
		message.memory_start = mapping->start;
		message.memory_limit = mapping->limit;
		message.file_offset = mapping->offset;
		message.filename = string(p, mapping->filename);
		message.build_id = string(p, mapping->build_id);
		message.has_functions = mapping->has_functions;
		message.has_filenames = mapping->has_filenames;
		message.has_line_numbers = mapping->has_line_numbers;
		message.has_inline_frames = mapping->has_inline_frames;
		part.n_mapping = 1;
		part.mapping = &pointer;
		put(p, &part);
	}
}

static void put_locations(struct pprof *p)
{
	for (size_t i = 0; i < p->order->locations.count; i++) {
		const struct eo_location *location =
			&p->profile->locations[p->order->locations.indices[i]];
		Perftools__Profiles__Location message = PERFTOOLS__PROFILES__LOCATION__INIT;
		Perftools__Profiles__Location *pointer = &message;
		Part part = empty_part;

		for (uint32_t at = 0; at < location->line_count; at++) {
			const struct eo_line *line = &p->profile->lines[location->first_line + at];

			perftools__profiles__line__init(&p->lines[at]);
			p->lines[at].function_id = p->order->functions.numbers[line->function];
			p->lines[at].line = line->line;
			p->lines[at].column = line->column;
		}
		message.id = i + 1;
		message.mapping_id = p->order->mappings.numbers[location->mapping];
		message.address = location->address;
		message.n_line = location->line_count;
		message.line = p->line_pointers;
		message.is_folded = location->is_folded;
		part.n_location = 1;
		part.location = &pointer;
		put(p, &part);
	}
}

static void put_functions(struct pprof *p)
{
	for (size_t i = 0; i < p->order->functions.count; i++) {
		const struct eo_function *function =
			&p->profile->functions[p->order->functions.indices[i]];
		Perftools__Profiles__Function message = PERFTOOLS__PROFILES__FUNCTION__INIT;
		Perftools__Profiles__Function *pointer = &message;
		Part part = empty_part;

		message.id = i + 1;
		message.name = string(p, function->name);
		message.system_name = string(p, function->system_name);
		message.filename = string(p, function->filename);
		message.start_line = function->start_line;
		part.n_function = 1;
		part.function = &pointer;
		put(p, &part);
	}
}

static void put_strings(struct pprof *p)
{
	for (size_t i = 0; i < p->string_count; i++) {
		const char *text = eo_utf8_repair(p->profile->strings[p->strings[i]], &p->repaired);
		char *pointer = (char *)text; /* protobuf-c only reads it */
		Part part = empty_part;

		if (!text) {
			p->status = -ENOMEM;
			return;
		}
		part.n_string_table = 1;
		part.string_table = &pointer;
		put(p, &part);
	}
}

/* The fields that stand behind the table of strings name some of them, so they are filled in
 * before that table is written. @period_type and @comments are what @part points to. */
static void fill_trailer(struct pprof *p, Part *part, Perftools__Profiles__ValueType *period_type,
			 int64_t *comments)
{
	const struct eo_profile *profile = p->profile;

	part->drop_frames = string(p, profile->drop_frames);
	part->keep_frames = string(p, profile->keep_frames);
	part->time_nanos = profile->time_ns;
	part->duration_nanos = profile->duration_ns;
	*period_type = value_type(p, &profile->period_type);
	if (period_type->type || period_type->unit)
		part->period_type = period_type;
	part->period = profile->period;
	for (size_t i = 0; i < profile->comment_count; i++)
		comments[i] = string(p, profile->comments[i]);
	part->n_comment = profile->comment_count;
	part->comment = comments;
	part->default_sample_type = string(p, profile->default_value_type);
	part->doc_url = string(p, profile->doc_url);
}

static int put_profile(struct pprof *p)
{
	EO_AUTO_FREE int64_t *comments = calloc(p->profile->comment_count + 1, sizeof(*comments));
	Perftools__Profiles__ValueType period_type;
	Part trailer = empty_part;

	if (!comments)
		return -ENOMEM;
	put_value_types(p);
	put_samples(p);
	put_mappings(p);
	put_locations(p);
	put_functions(p);
	fill_trailer(p, &trailer, &period_type, comments);
	put_strings(p);
	put(p, &trailer);
	flush(p);
	if (p->status < 0)
		return p->status;
	return eo_gzip_finish(p->gzip);
}

int eo_write_pprof(const struct eo_profile *profile, const struct eo_write_options *options,
		   FILE *out, struct eo_error *err)
{
	struct pprof p;
	int r;

	(void)options; /* a pprof file holds all values */
	r = pprof_init(&p, profile, out) ? put_profile(&p) : -ENOMEM;
	pprof_fini(&p);
	if (r < 0)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, -r, NULL,
				    "write profile as pprof");
	return 0;
}
