/* SPDX-License-Identifier: BSD-2-Clause */
/* pprof, in several passes over the message in memory: whoever writes samples as they come has
 * their locations and strings only at the end, so everything has to be there before the first
 * sample means anything.
 *
 * The fields are walked here and not unpacked by protobuf-c: a tree of the message would be several
 * times the message, and a million small allocations take longer than the model does. The walker
 * also knows the byte at which a damaged file stops making sense. */
#include "format/reader.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "format/read_ids.h"
#include "format/read_message.h"

enum { /* fields of a Profile */
       SAMPLE_TYPE = 1,
       SAMPLE,
       MAPPING,
       LOCATION,
       FUNCTION,
       STRING_TABLE,
       DROP_FRAMES,
       KEEP_FRAMES,
       TIME_NANOS,
       DURATION_NANOS,
       PERIOD_TYPE,
       PERIOD,
       COMMENT,
       DEFAULT_SAMPLE_TYPE,
       DOC_URL,
       FIELD_COUNT,
};

enum { VALUE_TYPE_TYPE = 1, VALUE_TYPE_UNIT, VALUE_TYPE_FIELDS };
enum { SAMPLE_LOCATION_ID = 1, SAMPLE_VALUE, SAMPLE_LABEL };
enum { LABEL_KEY = 1, LABEL_STR, LABEL_NUM, LABEL_NUM_UNIT, LABEL_FIELDS };
enum { LOCATION_ID = 1, LOCATION_MAPPING_ID, LOCATION_ADDRESS, LOCATION_LINE, LOCATION_IS_FOLDED };
enum { LINE_FUNCTION_ID = 1, LINE_LINE, LINE_COLUMN, LINE_FIELDS };
enum {
	MAPPING_ID = 1,
	MAPPING_START,
	MAPPING_LIMIT,
	MAPPING_OFFSET,
	MAPPING_FILENAME,
	MAPPING_BUILD_ID,
	MAPPING_HAS_FUNCTIONS,
	MAPPING_HAS_FILENAMES,
	MAPPING_HAS_LINE_NUMBERS,
	MAPPING_HAS_INLINE_FRAMES,
	MAPPING_FIELDS,
};
enum {
	FUNCTION_ID = 1,
	FUNCTION_NAME,
	FUNCTION_SYSTEM_NAME,
	FUNCTION_FILENAME,
	FUNCTION_START_LINE,
	FUNCTION_FIELDS,
};

static const struct {
	const char *name;
	bool is_message; /* or a string: bytes, and not a number */
} fields[FIELD_COUNT] = {
	[SAMPLE_TYPE] = {"sample_type", true},
	[SAMPLE] = {"sample", true},
	[MAPPING] = {"mapping", true},
	[LOCATION] = {"location", true},
	[FUNCTION] = {"function", true},
	[STRING_TABLE] = {"string_table", true},
	[DROP_FRAMES] = {"drop_frames", false},
	[KEEP_FRAMES] = {"keep_frames", false},
	[TIME_NANOS] = {"time_nanos", false},
	[DURATION_NANOS] = {"duration_nanos", false},
	[PERIOD_TYPE] = {"period_type", true},
	[PERIOD] = {"period", false},
	[COMMENT] = {"comment", false},
	[DEFAULT_SAMPLE_TYPE] = {"default_sample_type", false},
	[DOC_URL] = {"doc_url", false},
};

struct reader {
	struct eo_message_reader message;
	struct eo_profile *profile;
	unsigned char *bytes;
	size_t size;
	size_t checked; /* while reading: whole fields up to here */

	struct {
		size_t count;
		struct eo_wire range; /* from the first of them to the end of the last */
	} found[FIELD_COUNT];
	uint64_t numbers[FIELD_COUNT]; /* values of the fields that are one number */
	struct eo_wires value_types;
	struct eo_wire period_type;
	struct eo_values comments;

	struct eo_numbers strings; /* the file's, as the model's */
	struct eo_id_table mappings, functions, locations;
	unsigned char *kinds; /* of frames, by the model's mappings */

	/* scratch */
	struct eo_lines lines;
	/* One is read and looked ahead for while the one before waits to go into the model. */
	struct sample {
		struct eo_numbers stack;
		struct eo_values values;
		struct eo_labels labels;
	} samples[2];
	struct sample *reading, *waiting; /* NULL: there is none */
};

static int check_field(const struct reader *r, const struct eo_wire_field *field)
{
	bool is_bytes = field->type == EO_WIRE_BYTES;
	bool good;

	if (field->number >= FIELD_COUNT)
		return 0; /* newer than we are */
	good = fields[field->number].is_message ? is_bytes : field->type == EO_WIRE_VARINT;
	if (field->number == COMMENT)
		good |= is_bytes; /* packed */
	return good ? 0
		    : eo_message_bad(&r->message, field->start, "%s has the wrong type",
				     fields[field->number].name);
}

/* While the file is being read: what cannot be a profile is not read to its end. */
static int check_top(void *ctx, const unsigned char *bytes, size_t size, struct eo_error *err)
{
	struct reader *r = ctx;
	struct eo_wire wire = {bytes + r->checked, bytes + size};
	struct eo_wire_field field;
	int status;

	(void)err; /* r->message.err */
	r->message.bytes = bytes;
	while ((status = eo_wire_next(&wire, &field)) > 0) {
		status = check_field(r, &field);
		if (status < 0)
			return status;
	}
	r->checked = (size_t)(wire.at - bytes);
	return status == 0 || status == -ENODATA
		       ? 0
		       : eo_message_bad(&r->message, wire.at, "%s", eo_wire_reason(status));
}

static int add_string(struct reader *r, const struct eo_wire_field *field)
{
	size_t size = (size_t)(field->bytes.end - field->bytes.at);

	if (!r->strings.count && size)
		return eo_message_bad(&r->message, field->start, "the first string is not empty");
	/* The model's strings end at a NUL, which no name has. */
	return eo_numbers_add(&r->strings,
			      eo_profile_string_n(r->profile, (const char *)field->bytes.at, size))
		       ? 0
		       : eo_message_no_memory(&r->message);
}

static int collect_field(struct reader *r, const struct eo_wire_field *field,
			 const unsigned char *end)
{
	int status = check_field(r, field);

	if (status < 0 || field->number >= FIELD_COUNT)
		return status;
	if (!r->found[field->number].count++)
		r->found[field->number].range.at = field->start;
	r->found[field->number].range.end = end;
	switch (field->number) {
	case SAMPLE_TYPE:
		return eo_wires_add(&r->value_types, field->bytes)
			       ? 0
			       : eo_message_no_memory(&r->message);
	case STRING_TABLE:
		return add_string(r, field);
	case PERIOD_TYPE:
		r->period_type = field->bytes;
		return 0;
	case COMMENT:
		return eo_message_integers(&r->message, field, "comments", &r->comments);
	case TIME_NANOS:
		if (field->value && r->numbers[TIME_NANOS])
			return eo_message_bad(&r->message, field->start,
					      "several profiles one after the other; "
					      "give each its own file");
		break;
	}
	if (!fields[field->number].is_message)
		r->numbers[field->number] = field->value;
	return 0;
}

/* The first pass: what there is, the strings, and all that is no message. */
static int collect(struct reader *r)
{
	struct eo_wire wire = {r->bytes, r->bytes + r->size};
	struct eo_wire_field field;
	int status;

	while ((status = eo_message_next(&r->message, &wire, &field)) > 0) {
		status = collect_field(r, &field, wire.at);
		if (status < 0)
			return status;
	}
	if (status < 0)
		return status;
	if (!r->size)
		return eo_read_failed(r->message.input, UINT64_MAX, r->message.err, "it is empty");
	if (!r->strings.count)
		return eo_read_failed(r->message.input, UINT64_MAX, r->message.err,
				      "there is no string table");
	if (r->found[SAMPLE].count && !r->value_types.count)
		return eo_read_failed(r->message.input, UINT64_MAX, r->message.err,
				      "there are samples, and nothing says of what type");
	return 0;
}

static int string(const struct reader *r, const unsigned char *at, uint64_t index, uint32_t *ret)
{
	if (index >= r->strings.count)
		return eo_message_bad(&r->message, at, "string %" PRId64 " of %zu", (int64_t)index,
				      r->strings.count);
	*ret = r->strings.items[index];
	return 0;
}

static int read_value_type(const struct reader *r, struct eo_wire wire, struct eo_value_type *ret)
{
	uint64_t numbers[VALUE_TYPE_FIELDS];
	int status = eo_message_numbers(&r->message, wire, "value type", "vv", numbers);

	if (status == 0)
		status = string(r, wire.at, numbers[VALUE_TYPE_TYPE], &ret->type);
	if (status == 0)
		status = string(r, wire.at, numbers[VALUE_TYPE_UNIT], &ret->unit);
	return status;
}

static int read_header(struct reader *r)
{
	size_t earlier = r->profile->comment_count;
	struct eo_read_header header = {.value_type_count = r->value_types.count,
					.period = (int64_t)r->numbers[PERIOD],
					.time_ns = (int64_t)r->numbers[TIME_NANOS],
					.duration_ns = (int64_t)r->numbers[DURATION_NANOS]};
	const struct {
		int number;
		uint32_t *ret;
	} names[] = {
		{DROP_FRAMES, &header.drop_frames},
		{KEEP_FRAMES, &header.keep_frames},
		{DEFAULT_SAMPLE_TYPE, &header.default_value_type},
		{DOC_URL, &header.doc_url},
	};
	EO_AUTO_FREE struct eo_value_type *types = calloc(r->value_types.count + 1, sizeof(*types));
	int status = 0;

	if (!types)
		return eo_message_no_memory(&r->message);
	header.value_types = types;
	for (size_t i = 0; status == 0 && i < r->value_types.count; i++)
		status = read_value_type(r, r->value_types.items[i], &types[i]);
	if (status == 0 && r->period_type.at)
		status = read_value_type(r, r->period_type, &header.period_type);
	for (size_t i = 0; status == 0 && i < EO_ARRAY_SIZE(names); i++)
		status = string(r, r->found[names[i].number].range.at, r->numbers[names[i].number],
				names[i].ret);
	if (status == 0)
		status = eo_read_join(r->message.input, &header, r->profile, r->message.err);
	for (size_t i = 0; status == 0 && i < r->comments.count; i++) {
		uint32_t text = 0;

		status = string(r, r->found[COMMENT].range.at, (uint64_t)r->comments.items[i],
				&text);
		if (status == 0)
			status = eo_read_comment(r->message.input, r->profile, earlier, text,
						 r->message.err);
	}
	return status;
}

/* Put an id into its table. */
static int add_id(const struct reader *r, const unsigned char *at, struct eo_id_table *table,
		  uint64_t id, uint32_t index, const char *what)
{
	switch (eo_id_table_add(table, id, index)) {
	case 0:
		return 0;
	case -EINVAL:
		return eo_message_bad(&r->message, at, "a %s has the id 0, which is reserved",
				      what);
	case -EEXIST:
		return eo_message_bad(&r->message, at, "two %ss have the id %" PRIu64, what, id);
	default:
		return eo_message_no_memory(&r->message);
	}
}

static int read_mapping(struct reader *r, struct eo_wire wire)
{
	uint64_t numbers[MAPPING_FIELDS];
	struct eo_mapping mapping = {0};
	int status = eo_message_numbers(&r->message, wire, "mapping", "vvvvvvvvvv", numbers);

	if (status == 0)
		status = string(r, wire.at, numbers[MAPPING_FILENAME], &mapping.filename);
	if (status == 0)
		status = string(r, wire.at, numbers[MAPPING_BUILD_ID], &mapping.build_id);
	if (status < 0)
		return status;
	mapping.start = numbers[MAPPING_START];
	mapping.limit = numbers[MAPPING_LIMIT];
	mapping.offset = numbers[MAPPING_OFFSET];
	mapping.has_functions = numbers[MAPPING_HAS_FUNCTIONS];
	mapping.has_filenames = numbers[MAPPING_HAS_FILENAMES];
	mapping.has_line_numbers = numbers[MAPPING_HAS_LINE_NUMBERS];
	mapping.has_inline_frames = numbers[MAPPING_HAS_INLINE_FRAMES];
	return add_id(r, wire.at, &r->mappings, numbers[MAPPING_ID],
		      eo_profile_mapping(r->profile, &mapping), fields[MAPPING].name);
}

static int read_function(struct reader *r, struct eo_wire wire)
{
	uint64_t numbers[FUNCTION_FIELDS];
	struct eo_function function = {0};
	int status = eo_message_numbers(&r->message, wire, "function", "vvvvv", numbers);

	if (status == 0)
		status = string(r, wire.at, numbers[FUNCTION_NAME], &function.name);
	if (status == 0)
		status = string(r, wire.at, numbers[FUNCTION_SYSTEM_NAME], &function.system_name);
	if (status == 0)
		status = string(r, wire.at, numbers[FUNCTION_FILENAME], &function.filename);
	if (status < 0)
		return status;
	function.start_line = (int64_t)numbers[FUNCTION_START_LINE];
	return add_id(r, wire.at, &r->functions, numbers[FUNCTION_ID],
		      eo_profile_function(r->profile, &function), fields[FUNCTION].name);
}

static int read_line(struct reader *r, struct eo_wire wire)
{
	uint64_t numbers[LINE_FIELDS];
	struct eo_line line;
	int status = eo_message_numbers(&r->message, wire, "line", "vvv", numbers);

	if (status < 0)
		return status;
	line.function = eo_id_table_find(&r->functions, numbers[LINE_FUNCTION_ID]);
	if (line.function == EO_ID_NONE)
		return eo_message_bad(&r->message, wire.at,
				      "a line of function %" PRIu64 ", which is not there",
				      numbers[LINE_FUNCTION_ID]);
	/* A function without any name is none to the model, nor is its line. */
	if (!line.function)
		return 0;
	line.line = (int64_t)numbers[LINE_LINE];
	line.column = (int64_t)numbers[LINE_COLUMN];
	return eo_lines_add(&r->lines, line) ? 0 : eo_message_no_memory(&r->message);
}

static int read_location(struct reader *r, struct eo_wire wire)
{
	const unsigned char *start = wire.at;
	struct eo_location location = {0};
	struct eo_wire_field field;
	uint64_t id = 0;
	int status;

	r->lines.count = 0;
	while ((status = eo_message_next(&r->message, &wire, &field)) > 0) {
		if (field.number > LOCATION_IS_FOLDED)
			continue;
		if ((field.type == EO_WIRE_BYTES) != (field.number == LOCATION_LINE) ||
		    (field.type != EO_WIRE_BYTES && field.type != EO_WIRE_VARINT))
			return eo_message_bad(&r->message, field.start,
					      "field %" PRIu32 " of a location has the wrong type",
					      field.number);
		switch (field.number) {
		case LOCATION_ID:
			id = field.value;
			break;
		case LOCATION_MAPPING_ID:
			/* One that is not there is none: pprof sees it so too. */
			location.mapping = eo_id_table_find(&r->mappings, field.value);
			if (location.mapping == EO_ID_NONE)
				location.mapping = 0;
			break;
		case LOCATION_ADDRESS:
			location.address = field.value;
			break;
		case LOCATION_LINE:
			status = read_line(r, field.bytes);
			if (status < 0)
				return status;
			break;
		case LOCATION_IS_FOLDED:
			location.is_folded = field.value;
			break;
		}
	}
	if (status < 0)
		return status;
	location.kind = r->kinds[location.mapping];
	return add_id(r, start, &r->locations, id,
		      eo_profile_location(r->profile, &location, r->lines.items, r->lines.count),
		      fields[LOCATION].name);
}

static int read_label(struct reader *r, struct eo_wire wire)
{
	uint64_t numbers[LABEL_FIELDS];
	struct eo_label label = {0};
	int status = eo_message_numbers(&r->message, wire, "label", "vvvv", numbers);

	if (status == 0)
		status = string(r, wire.at, numbers[LABEL_KEY], &label.key);
	if (status == 0)
		status = string(r, wire.at, numbers[LABEL_STR], &label.str);
	if (status == 0)
		status = string(r, wire.at, numbers[LABEL_NUM_UNIT], &label.unit);
	if (status < 0)
		return status;
	/* What is neither a text nor a number nor has a unit says nothing, as pprof has it. */
	if (!numbers[LABEL_STR] && !numbers[LABEL_NUM] && !numbers[LABEL_NUM_UNIT])
		return 0;
	label.is_number = !numbers[LABEL_STR];
	label.num = (int64_t)numbers[LABEL_NUM];
	return eo_labels_add(&r->reading->labels, label) ? 0 : eo_message_no_memory(&r->message);
}

static int read_stack(struct reader *r, const struct eo_wire_field *field)
{
	struct eo_wire_integers integers;
	uint64_t id;
	int status;

	if (!eo_wire_integers(field, &integers))
		return eo_message_bad(&r->message, field->start,
				      "the location ids of a sample have the wrong type");
	while ((status = eo_wire_next_integer(&integers, &id)) > 0) {
		uint32_t location = eo_id_table_find(&r->locations, id);

		if (location == EO_ID_NONE)
			return eo_message_bad(&r->message, field->start,
					      "a sample at location %" PRIu64
					      ", which is not there",
					      id);
		if (!eo_numbers_add(&r->reading->stack, location))
			return eo_message_no_memory(&r->message);
	}
	return status < 0 ? eo_message_bad(&r->message, integers.packed.at, "%s",
					   eo_wire_reason(status))
			  : 0;
}

static void add_waiting(struct reader *r)
{
	const struct sample *sample = r->waiting;
	uint32_t stack, labels;

	if (!sample)
		return;
	stack = eo_profile_stack(r->profile, sample->stack.items, sample->stack.count);
	labels = eo_profile_label_set(r->profile, sample->labels.items, sample->labels.count);
	eo_profile_add_sample(r->profile, stack, labels, sample->values.items);
}

static int read_sample(struct reader *r, struct eo_wire wire)
{
	const unsigned char *start = wire.at;
	struct eo_wire_field field;
	struct sample *sample = r->reading;
	int status;

	sample->stack.count = sample->values.count = sample->labels.count = 0;
	while ((status = eo_message_next(&r->message, &wire, &field)) > 0) {
		switch (field.number) {
		case SAMPLE_LOCATION_ID:
			status = read_stack(r, &field);
			break;
		case SAMPLE_VALUE:
			status = eo_message_integers(&r->message, &field, "the values of a sample",
						     &sample->values);
			break;
		case SAMPLE_LABEL:
			status = field.type == EO_WIRE_BYTES
					 ? read_label(r, field.bytes)
					 : eo_message_bad(&r->message, field.start,
							  "a label has the wrong type");
			break;
		}
		if (status < 0)
			return status;
	}
	if (status < 0)
		return status;
	if (sample->values.count != r->value_types.count)
		return eo_message_bad(&r->message, start, "a sample with %zu values of %zu types",
				      sample->values.count, r->value_types.count);
	eo_profile_look_ahead(r->profile, sample->stack.items, sample->stack.count);
	add_waiting(r);
	r->reading = r->waiting ? r->waiting : &r->samples[1];
	r->waiting = sample;
	return 0;
}

/* Hand all messages of field @number to @read. */
static int each(struct reader *r, uint32_t number, int (*read)(struct reader *, struct eo_wire))
{
	struct eo_wire wire = r->found[number].range;
	struct eo_wire_field field;
	int status = 0;

	while (status >= 0 && (status = eo_message_next(&r->message, &wire, &field)) > 0)
		if (field.number == number)
			status = read(r, field.bytes);
	return status < 0 ? status : eo_read_status(r->message.input, r->profile, r->message.err);
}

/* Once for each mapping: names may be long and locations many. */
static int find_kinds(struct reader *r)
{
	r->kinds = malloc(r->profile->mapping_count);
	if (!r->kinds)
		return eo_message_no_memory(&r->message);
	for (size_t i = 0; i < r->profile->mapping_count; i++)
		r->kinds[i] = eo_read_frame_kind(
			r->profile->strings[r->profile->mappings[i].filename]);
	return 0;
}

static int read_tables(struct reader *r)
{
	int status;

	if (eo_id_table_init(&r->mappings, r->found[MAPPING].count) < 0 ||
	    eo_id_table_init(&r->functions, r->found[FUNCTION].count) < 0 ||
	    eo_id_table_init(&r->locations, r->found[LOCATION].count) < 0)
		return eo_message_no_memory(&r->message);
	status = each(r, MAPPING, read_mapping);
	if (status == 0)
		status = find_kinds(r);
	if (status == 0)
		status = each(r, FUNCTION, read_function);
	if (status == 0)
		status = each(r, LOCATION, read_location);
	return status;
}

static int read_samples(struct reader *r)
{
	int status;

	r->reading = &r->samples[0];
	status = each(r, SAMPLE, read_sample);
	if (status < 0)
		return status;
	add_waiting(r);
	return eo_read_status(r->message.input, r->profile, r->message.err);
}

static void reader_fini(struct reader *r)
{
	free(r->bytes);
	free(r->value_types.items);
	free(r->comments.items);
	free(r->strings.items);
	eo_id_table_fini(&r->mappings);
	eo_id_table_fini(&r->functions);
	eo_id_table_fini(&r->locations);
	free(r->kinds);
	free(r->lines.items);
	for (size_t i = 0; i < EO_ARRAY_SIZE(r->samples); i++) {
		free(r->samples[i].stack.items);
		free(r->samples[i].values.items);
		free(r->samples[i].labels.items);
	}
}

int eo_read_pprof(struct eo_input *input, struct eo_profile *profile, struct eo_error *err)
{
	struct reader r = {.message = {.input = input, .err = err}, .profile = profile};
	unsigned char *bytes;
	int status = eo_read_all(input, EO_WIRE_MAX, check_top, &r, &bytes, &r.size, err);

	if (status < 0)
		return status;
	r.bytes = bytes;
	r.message.bytes = bytes;
	status = collect(&r);
	if (status == 0)
		status = read_header(&r);
	if (status == 0)
		status = read_tables(&r);
	if (status == 0)
		status = read_samples(&r);
	reader_fini(&r);
	return status;
}
