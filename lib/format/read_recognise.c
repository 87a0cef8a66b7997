/* SPDX-License-Identifier: BSD-2-Clause */
/* pprof and OTLP profiles are both protobuf without any magic number. What tells them apart is the
 * shape: pprof's fields 1 and 2 hold numbers (a value type) and arrays of numbers (a sample),
 * OTLP's hold messages, and its dictionary begins with an empty one. */
#include "format/read_recognise.h"

#include <ctype.h>
#include <string.h>

#include "core/auto.h"
#include "format/input.h"
#include "format/read_folded.h"
#include "format/read_perf_script.h"
#include "format/read_wire.h"

/* Bit TYPE of allowed[NUMBER - 1] is set when the field may have that wire type; into children,
 * where there are any, one looks. */
struct shape {
	unsigned char allowed[15];
	const struct shape *children[6];
	bool begins_with_empty; /* the first field is number 1 and has no content */
};

#define V (1u << EO_WIRE_VARINT)
#define B (1u << EO_WIRE_BYTES)

static const struct shape pprof_value_type = {.allowed = {V, V}};
static const struct shape pprof_label = {.allowed = {V, V, V, V}};
static const struct shape pprof_sample = {.allowed = {V | B, V | B, B},
					  .children = {NULL, NULL, &pprof_label}};
static const struct shape pprof_mapping = {.allowed = {V, V, V, V, V, V, V, V, V, V}};
static const struct shape pprof_line = {.allowed = {V, V, V}};
static const struct shape pprof_location = {.allowed = {V, V, V, B, V},
					    .children = {NULL, NULL, NULL, &pprof_line}};
static const struct shape pprof_function = {.allowed = {V, V, V, V, V}};
static const struct shape pprof = {
	.allowed = {B, B, B, B, B, B, V, V, V, V, B, V, V | B, V, V},
	.children = {&pprof_value_type, &pprof_sample, &pprof_mapping, &pprof_location,
		     &pprof_function},
};

static const struct shape otlp_scope_profiles = {.allowed = {B, B, B}};
static const struct shape otlp_resource = {.allowed = {B, V, B}};
static const struct shape otlp_resource_profiles = {
	.allowed = {B, B, B},
	.children = {&otlp_resource, &otlp_scope_profiles},
};
static const struct shape otlp_dictionary = {.allowed = {B, B, B, B, B, B, B},
					     .begins_with_empty = true};
static const struct shape otlp = {.allowed = {B, B},
				  .children = {&otlp_resource_profiles, &otlp_dictionary}};

static bool fits(const struct shape *shape, struct eo_wire wire, bool is_whole);

static bool field_fits(const struct shape *shape, const struct eo_wire_field *field, bool is_first,
		       bool is_whole)
{
	size_t i = (size_t)field->number - 1;

	if (i >= EO_ARRAY_SIZE(shape->allowed) || !(shape->allowed[i] & 1u << field->type))
		return false;
	if (shape->begins_with_empty && is_first && (i || field->bytes.at != field->bytes.end))
		return false;
	return field->type != EO_WIRE_BYTES || i >= EO_ARRAY_SIZE(shape->children) ||
	       !shape->children[i] || fits(shape->children[i], field->bytes, is_whole);
}

/* A field whose end is missing, as far as it goes. */
static bool rest_fits(const struct shape *shape, struct eo_wire wire, bool is_first)
{
	struct eo_wire_field field = {.start = wire.at};
	uint64_t tag, size;

	if (eo_wire_varint(&wire, &tag) < 0)
		return true;
	field.number = (uint32_t)(tag >> 3);
	field.type = tag & 7;
	if (field.type != EO_WIRE_BYTES)
		return field_fits(shape, &field, is_first, false);
	if (eo_wire_varint(&wire, &size) < 0)
		return true;
	field.bytes = wire;
	return field_fits(shape, &field, is_first, false);
}

/* The shapes are three deep, and so is the recursion. */
static bool fits(const struct shape *shape, struct eo_wire wire, bool is_whole)
{
	const unsigned char *begin = wire.at;
	struct eo_wire_field field;
	int status;

	while ((status = eo_wire_next(&wire, &field)) > 0)
		if (!field_fits(shape, &field, field.start == begin, true))
			return false;
	if (status == 0)
		return true;
	return status == -ENODATA && !is_whole && rest_fits(shape, wire, wire.at == begin);
}

/* Protobuf is full of control bytes: tags, lengths, indices. */
static bool is_text(const unsigned char *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] < ' ' && bytes[i] != '\t' && bytes[i] != '\n' && bytes[i] != '\r')
			return false;
	return true;
}

bool eo_is_pprof(const unsigned char *bytes, size_t size)
{
	return size && !is_text(bytes, size) &&
	       fits(&pprof, (struct eo_wire){bytes, bytes + size}, false);
}

static bool is_plain_otlp(const unsigned char *bytes, size_t size)
{
	return size && !is_text(bytes, size) &&
	       fits(&otlp, (struct eo_wire){bytes, bytes + size}, false);
}

/* As the Collector writes files: four bytes, big-endian. */
bool eo_is_otlp_behind_length(const unsigned char *bytes, size_t size)
{
	size_t length = 0;

	if (size > EO_INPUT_PEEK_MAX)
		size = EO_INPUT_PEEK_MAX;
	if (size <= 4 || is_plain_otlp(bytes, size))
		return false;
	for (size_t i = 0; i < 4; i++)
		length = length << 8 | bytes[i];
	size -= 4;
	return is_plain_otlp(bytes + 4, size < length ? size : length);
}

bool eo_is_otlp(const unsigned char *bytes, size_t size)
{
	return is_plain_otlp(bytes, size) || eo_is_otlp_behind_length(bytes, size);
}

/* Is @key among the keys of the object that begins @bytes? What stands between is skipped by its
 * brackets and not checked. */
static bool has_key(const unsigned char *bytes, size_t size, const char *key)
{
	size_t depth = 0, len = strlen(key);

	for (size_t i = 0; i < size; i++) {
		size_t begin = i + 1, end;

		if (bytes[i] == '{' || bytes[i] == '[')
			depth++;
		else if (!depth && !isspace(bytes[i]))
			return false;
		else if (bytes[i] == '}' || bytes[i] == ']')
			depth--;
		if (bytes[i] != '"')
			continue;
		for (i = begin; i < size && bytes[i] != '"'; i++)
			i += bytes[i] == '\\';
		end = i++;
		while (i < size && isspace(bytes[i]))
			i++;
		if (depth == 1 && i < size && bytes[i] == ':' && end - begin == len &&
		    !memcmp(bytes + begin, key, len))
			return true;
		i--; /* what follows the text has not been looked at */
	}
	return false;
}

static bool is_object(const unsigned char *bytes, size_t size)
{
	size_t i = 0;

	while (i < size && isspace(bytes[i]))
		i++;
	return i < size && bytes[i] == '{';
}

bool eo_is_otlp_json(const unsigned char *bytes, size_t size)
{
	return is_object(bytes, size) &&
	       (has_key(bytes, size, "resourceProfiles") || has_key(bytes, size, "dictionary"));
}

bool eo_is_jsonl(const unsigned char *bytes, size_t size)
{
	return is_object(bytes, size) && has_key(bytes, size, "event_type");
}

/* The next line that is neither empty nor a comment, with the end of the input or of the line
 * behind it. */
static bool next_line(const unsigned char **bytes, size_t *size, const char **line, size_t *len)
{
	while (*size) {
		const unsigned char *end = memchr(*bytes, '\n', *size);
		size_t taken;

		if (!end && *size == EO_INPUT_PEEK_MAX)
			return false; /* a line that long */
		*line = (const char *)*bytes;
		*len = end ? (size_t)(end - *bytes) : *size;
		taken = *len + (end != NULL);
		*bytes += taken;
		*size -= taken;
		while (*len && isspace((unsigned char)(*line)[*len - 1]))
			--*len;
		if (*len && **line != '#')
			return true;
	}
	return false;
}

bool eo_is_folded(const unsigned char *bytes, size_t size)
{
	bool is_cut = size == EO_INPUT_PEEK_MAX, has_semicolon = false;
	const char *line;
	size_t len;

	if (!is_text(bytes, size))
		return false;
	while (next_line(&bytes, &size, &line, &len)) {
		size_t stack_len;
		int64_t value;

		if (!eo_folded_split(line, len, &stack_len, &value))
			return has_semicolon && is_cut && !size; /* the last one is not whole */
		has_semicolon |= memchr(line, ';', stack_len) != NULL;
	}
	return has_semicolon;
}

bool eo_is_perf_script(const unsigned char *bytes, size_t size)
{
	struct eo_perf_header header;
	const char *line;
	size_t len;

	return is_text(bytes, size) && next_line(&bytes, &size, &line, &len) &&
	       eo_perf_script_header(line, len, &header);
}
