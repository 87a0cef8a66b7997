/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <string.h>

#include "core/auto.h"
#include "core/array.h"
#include "core/clock.h"
#include "core/json_load.h"
#include "format/jsonl.h"
#include "format/reader.h"

#define MAX_LINE_BYTES (1u << 20)
#define MAX_DEPTH      16
#define MAX_ATTRS      4096

static const char hint_newer[] = "was it written by a newer version?";

struct reading {
	struct eo_input *input;
	struct eo_error *err;
	struct eo_attr *attrs;
	size_t count, capacity;
	uint64_t start_ns;
};

/* What a file says may end up on a terminal: quote it as the lines themselves do. */
struct quoted {
	char text[72];
};

static struct quoted quote(const char *text)
{
	const struct eo_attr attr = { .type = EO_ATTR_STRING, .str = text };
	struct quoted quoted;

	if (eo_jsonl_value(&attr, quoted.text, sizeof(quoted.text)) >= sizeof(quoted.text))
		strcpy(quoted.text + sizeof(quoted.text) - 5, "...\"");
	return quoted;
}

static int fail(const struct reading *r, const char *hint, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(const struct reading *r, const char *hint, const char *format, ...)
{
	char reason[160];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	return eo_error_set(r->err, EO_ERROR_EVENT_PROCESSING_FAILED, 0, hint,
			    "read %.80s: line %" PRIu64 ": %s", eo_input_name(r->input),
			    eo_input_line_number(r->input), reason);
}

/* --- values ------------------------------------------------------------------------------ */

static const char *type_name(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "an array";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
		return "an integer";
	case JSON_REAL:
		return "a number with a fraction";
	case JSON_TRUE:
	case JSON_FALSE:
		return "a truth value";
	case JSON_NULL:
		break;
	}
	return "null";
}

/* What a file may hold for a type, in words. */
static const char *const expected[] = {
	[EO_ATTR_STRING] = "a string",
	[EO_ATTR_INT] = "an integer",
	[EO_ATTR_UINT] = "an integer from 0",
	[EO_ATTR_HEX] = "a string \"0x...\" of up to 64 bits",
	[EO_ATTR_BOOL] = "true or false",
	[EO_ATTR_OBJECT] = "an object",
	[EO_ATTR_ARRAY] = "an array",
	[EO_ATTR_REAL] = "a number",
};

/* "0x" and 1 to 16 digits, nothing else: what is no number stays text. */
static bool parse_hex(const char *text, uint64_t *ret)
{
	uint64_t value = 0;
	size_t digits = 0;

	if (strncmp(text, "0x", 2))
		return false;
	for (text += 2; *text; text++, digits++) {
		static const char hex[] = "0123456789abcdef";
		const char *digit = strchr(hex, *text);

		if (!digit || digits == 16)
			return false;
		value = value << 4 | (uint64_t)(digit - hex);
	}
	*ret = value;
	return digits > 0;
}

/* The same with a sign, for what is too large for a JSON number. */
static bool parse_signed_hex(const char *text, int64_t *ret)
{
	bool negative = *text == '-';
	uint64_t value;

	if (!parse_hex(text + negative, &value) || value > (uint64_t)INT64_MAX + negative)
		return false;
	*ret = (int64_t)(negative ? -value : value);
	return true;
}

/* Anything but objects and arrays. Returns false for another type. */
static bool take_scalar(const json_t *value, struct eo_attr *attr)
{
	const char *text = json_string_value(value);

	switch (attr->type) {
	case EO_ATTR_STRING:
		attr->str = text;
		return text;
	case EO_ATTR_INT:
		if (text)
			return parse_signed_hex(text, &attr->num);
		attr->num = json_integer_value(value);
		return json_is_integer(value);
	case EO_ATTR_UINT:
		if (text)
			return parse_hex(text, &attr->unum);
		attr->num = json_integer_value(value);
		return json_is_integer(value) && attr->num >= 0;
	case EO_ATTR_HEX:
		return text && parse_hex(text, &attr->unum);
	case EO_ATTR_BOOL:
		attr->num = json_is_true(value);
		return json_is_boolean(value);
	case EO_ATTR_REAL:
		attr->real = json_number_value(value);
		return json_is_number(value);
	case EO_ATTR_OBJECT:
	case EO_ATTR_ARRAY:
		break;
	}
	return false;
}

/* The type of a value that is not laid down; false for null. */
static bool free_type(const json_t *value, enum eo_attr_type *ret)
{
	static const struct {
		json_type json;
		enum eo_attr_type type;
	} types[] = {
		{ JSON_STRING, EO_ATTR_STRING }, { JSON_INTEGER, EO_ATTR_INT },
		{ JSON_REAL, EO_ATTR_REAL },	 { JSON_TRUE, EO_ATTR_BOOL },
		{ JSON_FALSE, EO_ATTR_BOOL },	 { JSON_OBJECT, EO_ATTR_OBJECT },
		{ JSON_ARRAY, EO_ATTR_ARRAY },
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(types); i++) {
		if (json_typeof(value) == types[i].json) {
			*ret = types[i].type;
			return true;
		}
	}
	return false;
}

static int grow(struct reading *r)
{
	if (EO_ARRAY_RESERVE(r->attrs, r->count + 1, r->capacity, 64))
		return 0;
	return eo_error_set(r->err, EO_ERROR_EVENT_PROCESSING_FAILED, ENOMEM, NULL, "read %s",
			    eo_input_name(r->input));
}

static int take_object(struct reading *r, json_t *object, const struct eo_event_key *keys,
		       unsigned int depth);
static int take_array(struct reading *r, json_t *array, const struct eo_event_key *members,
		      unsigned int depth);

/*
 * Append @value and what is inside it.
 * @row: what is laid down about it, or NULL; @depth: levels of braces around it
 */
static int take(struct reading *r, const char *key, json_t *value, const struct eo_event_key *row,
		unsigned int depth)
{
	const struct eo_event_key *members = row ? row->members : NULL;
	struct eo_attr attr = { .key = key };
	size_t at = r->count;
	int err;

	if (at == MAX_ATTRS)
		return fail(r, NULL, "more than %d values", MAX_ATTRS);
	err = grow(r);
	if (err)
		return err;
	if (row)
		attr.type = row->type;
	else if (!free_type(value, &attr.type))
		return fail(r, NULL, "%s is null", key ? quote(key).text : "an element");

	r->count++;
	if (attr.type == EO_ATTR_OBJECT && json_is_object(value))
		err = take_object(r, value, members, depth + 1);
	else if (attr.type == EO_ATTR_ARRAY && json_is_array(value))
		err = take_array(r, value, members, depth + 1);
	else if (!take_scalar(value, &attr))
		err = fail(r, NULL, "%s is %s, not %s", key ? quote(key).text : "an element",
			   type_name(value), expected[attr.type]);
	attr.count = (uint32_t)(r->count - at - 1);
	r->attrs[at] = attr;
	return err;
}

static int take_object(struct reading *r, json_t *object, const struct eo_event_key *keys,
		       unsigned int depth)
{
	const char *key;
	json_t *value;
	int err;

	if (depth > MAX_DEPTH)
		return fail(r, NULL, "nested deeper than %d levels", MAX_DEPTH);
	json_object_foreach(object, key, value) {
		err = take(r, key, value, eo_event_key_find(keys, key), depth);
		if (err)
			return err;
	}
	return 0;
}

static int take_array(struct reading *r, json_t *array, const struct eo_event_key *members,
		      unsigned int depth)
{
	const struct eo_event_key element = { .type = EO_ATTR_OBJECT, .members = members };
	json_t *value;
	size_t i;
	int err;

	if (depth > MAX_DEPTH)
		return fail(r, NULL, "nested deeper than %d levels", MAX_DEPTH);
	json_array_foreach(array, i, value) {
		err = take(r, NULL, value, members ? &element : NULL, depth);
		if (err)
			return err;
	}
	return 0;
}

/* --- the outer keys ---------------------------------------------------------------------- */

/* @digits of them, no sign and no blank. Moves @text behind. */
static bool parse_digits(const char **text, unsigned int digits, unsigned int *ret)
{
	*ret = 0;
	for (; digits; digits--, ++*text) {
		if (**text < '0' || **text > '9')
			return false;
		*ret = *ret * 10 + (unsigned int)(**text - '0');
	}
	return true;
}

static bool parse_char(const char **text, char c)
{
	return *(*text)++ == c;
}

/* RFC 3339 in UTC, with up to nine digits of a second, in the range of 64-bit nanoseconds. */
static bool parse_timestamp(const char *text, int64_t *ret)
{
	static const unsigned char lengths[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	unsigned int year, month, day, hour, minute, second, leap, fraction = 0, scale = 100000000;
	int64_t days, seconds;

	/* Each step reads one character at most behind the last good one, so never past the NUL. */
	if (!parse_digits(&text, 4, &year) || !parse_char(&text, '-') ||
	    !parse_digits(&text, 2, &month) || !parse_char(&text, '-') ||
	    !parse_digits(&text, 2, &day) || !parse_char(&text, 'T') ||
	    !parse_digits(&text, 2, &hour) || !parse_char(&text, ':') ||
	    !parse_digits(&text, 2, &minute) || !parse_char(&text, ':') ||
	    !parse_digits(&text, 2, &second))
		return false;
	if (*text == '.') {
		text++;
		do {
			if (*text < '0' || *text > '9' || !scale)
				return false;
			fraction += (unsigned int)(*text++ - '0') * scale;
			scale /= 10;
		} while (*text != 'Z');
	}
	if (strcmp(text, "Z"))
		return false;

	leap = year % 4 == 0 && (year % 100 || year % 400 == 0);
	if (year < 1678 || year > 2261 || month < 1 || month > 12 || day < 1 ||
	    day > lengths[month - 1] + (month == 2 ? leap : 0) || hour > 23 || minute > 59 ||
	    second > 59)
		return false;
	/* Days since the year 0, which the Gregorian calendar would have had. */
	days = 365 * (int64_t)year + (year + 3) / 4 - (year + 99) / 100 + (year + 399) / 400;
	for (unsigned int m = 0; m + 1 < month; m++)
		days += lengths[m];
	days += day - 1 + (month > 2 && leap);
	seconds = (days - 719528) * 86400 + hour * 3600 + minute * 60 + second;
	*ret = seconds * (int64_t)EO_NS_PER_SEC + fraction;
	return true;
}

/*
 * A name of the kernel has 15 bytes, but a byte that is no character takes three once it is
 * written as U+FFFD. Here it becomes one bad byte again, so that the name fits and the line comes
 * out as it was.
 */
static bool parse_name(const char *text, char ret[EO_COMM_BYTES])
{
	static const char replacement[] = "\xef\xbf\xbd";
	size_t at = 0;

	while (*text) {
		if (at == EO_COMM_BYTES - 1)
			return false;
		if (!strncmp(text, replacement, 3)) {
			ret[at++] = '\xff';
			text += 3;
		} else {
			ret[at++] = *text++;
		}
	}
	ret[at] = '\0';
	return true;
}

static bool parse_id(const json_t *value, uint32_t *ret)
{
	json_int_t number = json_integer_value(value);

	if (!json_is_integer(value) || number < 1 || number > UINT32_MAX)
		return false;
	*ret = (uint32_t)number;
	return true;
}

struct outer {
	struct eo_event event;
	json_t *data;
	int64_t wall_ns, elapsed_ns;
	const char *type_name;
	bool has_timestamp, has_elapsed;
};

static bool take_type(struct outer *o, const json_t *value)
{
	o->type_name = json_string_value(value);
	return o->type_name;
}

static bool take_timestamp(struct outer *o, const json_t *value)
{
	const char *text = json_string_value(value);

	o->has_timestamp = text && parse_timestamp(text, &o->wall_ns);
	return o->has_timestamp;
}

static bool take_elapsed(struct outer *o, const json_t *value)
{
	o->elapsed_ns = json_integer_value(value);
	o->has_elapsed = json_is_integer(value);
	return o->has_elapsed;
}

static bool take_pid(struct outer *o, const json_t *value)
{
	return parse_id(value, &o->event.pid);
}

static bool take_tid(struct outer *o, const json_t *value)
{
	return parse_id(value, &o->event.tid);
}

static bool take_ns_pid(struct outer *o, const json_t *value)
{
	return parse_id(value, &o->event.ns_pid);
}

static bool take_comm(struct outer *o, const json_t *value)
{
	return json_is_string(value) && parse_name(json_string_value(value), o->event.comm);
}

static bool take_thread(struct outer *o, const json_t *value)
{
	return json_is_string(value) && parse_name(json_string_value(value), o->event.thread);
}

static bool take_data(struct outer *o, const json_t *value)
{
	o->data = (json_t *)value; /* json_object_foreach() knows no const */
	return json_is_object(value);
}

static const struct {
	const char *key;
	bool (*take)(struct outer *o, const json_t *value);
	const char *expected;
} outer_keys[] = {
	{ "event_type", take_type, "a string" },
	{ "timestamp", take_timestamp, "a time like \"2026-11-21T23:01:02.123456789Z\"" },
	{ "elapsed_ns", take_elapsed, "an integer" },
	{ "pid", take_pid, "a number of 32 bits, at least 1" },
	{ "tid", take_tid, "a number of 32 bits, at least 1" },
	{ "ns_pid", take_ns_pid, "a number of 32 bits, at least 1" },
	{ "comm", take_comm, "a name of at most 15 bytes" },
	{ "thread", take_thread, "a name of at most 15 bytes" },
	{ "data", take_data, "an object" },
};

static int take_outer(const struct reading *r, json_t *root, struct outer *o)
{
	const char *key;
	json_t *value;

	json_object_foreach(root, key, value) {
		size_t i = 0;

		while (i < EO_ARRAY_SIZE(outer_keys) && strcmp(key, outer_keys[i].key))
			i++;
		if (i == EO_ARRAY_SIZE(outer_keys))
			return fail(r, hint_newer, "unknown key %s", quote(key).text);
		if (!outer_keys[i].take(o, value))
			return fail(r, NULL, "\"%s\" wants %s", key, outer_keys[i].expected);
	}
	if (!o->type_name || !o->has_timestamp || !o->has_elapsed || !o->data)
		return fail(r, NULL, "no \"%s\"",
			    !o->type_name     ? "event_type" :
			    !o->has_timestamp ? "timestamp" :
			    !o->has_elapsed   ? "elapsed_ns" :
						"data");
	if (!eo_event_type_parse(o->type_name, &o->event.type))
		return fail(r, hint_newer, "unknown event_type %s", quote(o->type_name).text);
	return 0;
}

/* --- lines ------------------------------------------------------------------------------- */

static int take_event(struct reading *r, json_t *root, eo_event_fn fn, void *ctx)
{
	struct outer o = { .data = NULL };
	struct eo_event_clock clock;
	const struct eo_attr *ktime;
	int err = take_outer(r, root, &o);

	if (err)
		return err;
	r->count = 0;
	err = take_object(r, o.data, eo_event_keys(o.event.type), 2);
	if (err)
		return err;
	o.event.data = r->attrs;
	o.event.data_count = r->count;

	/* Unsigned, because what began before the trace may be before the clock's zero as well. */
	ktime = o.event.type == EO_EVENT_START ? eo_event_data(&o.event, "ktime_ns") : NULL;
	if (ktime)
		r->start_ns = ktime->unum - (uint64_t)o.elapsed_ns;
	o.event.ktime_ns = r->start_ns + (uint64_t)o.elapsed_ns;
	clock.start_ns = r->start_ns;
	clock.wall_offset_ns = (int64_t)((uint64_t)o.wall_ns - o.event.ktime_ns);
	return fn(ctx, &o.event, &clock, r->err);
}

static int take_line(struct reading *r, const char *line, size_t size, eo_event_fn fn, void *ctx)
{
	json_error_t error;
	json_t *root;
	int err;

	if (strspn(line, " \t\r") == size)
		return 0;
	root = eo_json_load(line, size, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		return fail(r, NULL, "column %d: %s", error.column, quote(error.text).text);
	err = json_is_object(root) ? take_event(r, root, fn, ctx) :
				     fail(r, NULL, "%s, not an object", type_name(root));
	json_decref(root);
	return err;
}

int eo_read_events(struct eo_input *input, eo_event_fn fn, void *ctx, struct eo_error *err)
{
	struct reading r = { .input = input, .err = err };
	ssize_t size;
	char *line;
	int status = 0;

	while (status >= 0) {
		size = eo_input_line(input, MAX_LINE_BYTES, &line, err);
		if (size == -ENODATA)
			break;
		status = size < 0 ? (int)size : take_line(&r, line, (size_t)size, fn, ctx);
	}
	free(r.attrs);
	return status < 0 ? status : 0;
}
