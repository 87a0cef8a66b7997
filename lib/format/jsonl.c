/* SPDX-License-Identifier: BSD-2-Clause */
/* The writer stands in the path of every event, so it formats by hand: printf() alone would cost
 * more than all the rest. A line is put together on the stack and handed to stdio in one piece,
 * or in a few where it is long. */
#include "format/jsonl.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/auto.h"
#include "core/clock.h"
#include "format/utf8.h"

#define LINE_BYTES 4096
/* More than the longest piece that is put without looking: a number, an escape, a timestamp. */
#define SLACK 64

struct line {
	char *start, *at, *end; /* SLACK bytes are left behind @end */
	FILE *out;		/* NULL: the bytes go to @memory */
	char *memory;
	size_t room, gone; /* bytes that @memory still takes; bytes that left so far */
};

static void flush(struct line *line)
{
	size_t size = (size_t)(line->at - line->start);

	if (line->out) {
		fwrite_unlocked(line->start, 1, size, line->out);
	} else {
		size_t part = size < line->room ? size : line->room;

		line->memory = mempcpy(line->memory, line->start, part);
		line->room -= part;
	}
	line->gone += size;
	line->at = line->start;
}

static inline void reserve(struct line *line)
{
	if (line->at >= line->end)
		flush(line);
}

static void put_bytes(struct line *line, const char *bytes, size_t size)
{
	while (size) {
		size_t room, part;

		reserve(line);
		room = (size_t)(line->end - line->at) + SLACK / 2;
		part = size < room ? size : room;
		memcpy(line->at, bytes, part);
		line->at += part;
		bytes += part;
		size -= part;
	}
}

/* Text that is known at compile time, and short. */
#define PUT(line, text)                                             \
	do {                                                        \
		_Static_assert(sizeof(text) <= SLACK / 2, "short"); \
		reserve(line);                                      \
		memcpy((line)->at, text, sizeof(text) - 1);         \
		(line)->at += sizeof(text) - 1;                     \
	} while (0)

static const char digit_pairs[] = "00010203040506070809101112131415161718192021222324"
				  "25262728293031323334353637383940414243444546474849"
				  "50515253545556575859606162636465666768697071727374"
				  "75767778798081828384858687888990919293949596979899";

static void put_decimal(struct line *line, uint64_t value)
{
	char digits[20], *p = digits + sizeof(digits);

	while (value >= 100) {
		p -= 2;
		memcpy(p, digit_pairs + value % 100 * 2, 2);
		value /= 100;
	}
	if (value >= 10) {
		p -= 2;
		memcpy(p, digit_pairs + value * 2, 2);
	} else {
		*--p = (char)('0' + value);
	}
	reserve(line);
	line->at = mempcpy(line->at, p, (size_t)(digits + sizeof(digits) - p));
}

/* @digits: an even number of them, zeros in front */
static void put_padded(struct line *line, uint64_t value, unsigned int digits)
{
	char *p = line->at + digits;

	while (p > line->at) {
		p -= 2;
		memcpy(p, digit_pairs + value % 100 * 2, 2);
		value /= 100;
	}
	line->at += digits;
}

/* @prefix: a quote and what stands before the digits */
static void put_hex_digits(struct line *line, const char *prefix, uint64_t value)
{
	unsigned int digits = value ? (67 - (unsigned int)__builtin_clzll(value)) / 4 : 1;

	reserve(line);
	line->at = stpcpy(line->at, prefix);
	while (digits--)
		*line->at++ = "0123456789abcdef"[value >> digits * 4 & 15];
	*line->at++ = '"';
}

static void put_hex(struct line *line, uint64_t value)
{
	put_hex_digits(line, "\"0x", value);
}

static void put_unsigned(struct line *line, uint64_t value)
{
	if (value < EO_JSONL_EXACT_LIMIT)
		put_decimal(line, value);
	else
		put_hex(line, value);
}

static void put_signed(struct line *line, int64_t value)
{
	uint64_t size = -(uint64_t)value;

	if (value >= 0) {
		put_unsigned(line, (uint64_t)value);
	} else if (size < EO_JSONL_EXACT_LIMIT) {
		PUT(line, "-");
		put_decimal(line, size);
	} else {
		put_hex_digits(line, "\"-0x", size);
	}
}

/* The shortest form that gives the same number again, and no integer that is too large for one.
 * Such values are rare, in the closing statistics, so that printf() may do it. JSON has neither
 * nan nor inf. */
static void put_real(struct line *line, double value)
{
	char *comma;
	int size;

	reserve(line);
	if (!isfinite(value) || value == 0)
		value = 0; /* and no "-0" either */
	size = sprintf(line->at, "%.15g", value);
	if (strtod(line->at, NULL) != value)
		size = sprintf(line->at, fabs(value) < EO_JSONL_EXACT_LIMIT ? "%.17g" : "%.16e",
			       value);
	comma = memchr(line->at, ',', (size_t)size); /* of the locale */
	if (comma)
		*comma = '.';
	line->at += size;
}

/* Characters that do more than show themselves: controls of C1, separators at which programs
 * split lines, and marks that turn the direction of text around. */
static bool is_dangerous(uint32_t code)
{
	static const uint32_t ranges[][2] = {
		{ 0x7f, 0x9f },	    { 0x61c, 0x61c },	{ 0x200b, 0x200f }, { 0x2028, 0x202e },
		{ 0x2060, 0x206f }, { 0xfeff, 0xfeff }, { 0xfff9, 0xfffb },
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(ranges); i++)
		if (code >= ranges[i][0] && code <= ranges[i][1])
			return true;
	return false;
}

static void put_escape(struct line *line, uint32_t code)
{
	static const char shorts[128] = {
		['"'] = '"', ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f',
		['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't',
	};

	reserve(line);
	*line->at++ = '\\';
	if (code < sizeof(shorts) && shorts[code]) {
		*line->at++ = shorts[code];
		return;
	}
	*line->at++ = 'u';
	for (int shift = 12; shift >= 0; shift -= 4)
		*line->at++ = "0123456789abcdef"[code >> shift & 15];
}

static inline bool is_plain(unsigned char byte)
{
	return byte >= 0x20 && byte < 0x7f && byte != '"' && byte != '\\';
}

static void put_string(struct line *line, const char *text)
{
	PUT(line, "\"");
	while (*text) {
		const char *run = text;
		uint32_t code = 0;
		size_t len;

		while (is_plain((unsigned char)*text))
			text++;
		if (text > run)
			put_bytes(line, run, (size_t)(text - run));
		if (!*text)
			break;
		len = eo_utf8_char(text, &code);
		if (!len)
			PUT(line, "\xef\xbf\xbd");
		else if (len == 1 || is_dangerous(code))
			put_escape(line, code);
		else
			put_bytes(line, text, len);
		text += len ? len : 1;
	}
	PUT(line, "\"");
}

/* Keys of our own tables are plain; those of files can be anything. */
static void put_key(struct line *line, const char *key)
{
	put_string(line, key);
	PUT(line, ":");
}

/* The whole of @attr. Depth is the event's: writers of events nest a few levels. */
static void put_value(struct line *line, const struct eo_attr *attr);

static void put_members(struct line *line, const struct eo_attr *attrs, size_t count, bool keys)
{
	for (size_t i = 0; i < count; i++) {
		const struct eo_attr *attr = &attrs[i];

		if (i)
			PUT(line, ",");
		if (keys)
			put_key(line, attr->key);
		put_value(line, attr);
		if (attr->type == EO_ATTR_OBJECT || attr->type == EO_ATTR_ARRAY)
			i += attr->count;
	}
}

static void put_value(struct line *line, const struct eo_attr *attr)
{
	switch (attr->type) {
	case EO_ATTR_STRING:
		put_string(line, attr->str);
		break;
	case EO_ATTR_INT:
		put_signed(line, attr->num);
		break;
	case EO_ATTR_UINT:
		put_unsigned(line, attr->unum);
		break;
	case EO_ATTR_HEX:
		put_hex(line, attr->unum);
		break;
	case EO_ATTR_BOOL:
		if (attr->num)
			PUT(line, "true");
		else
			PUT(line, "false");
		break;
	case EO_ATTR_OBJECT:
		PUT(line, "{");
		put_members(line, attr + 1, attr->count, true);
		PUT(line, "}");
		break;
	case EO_ATTR_ARRAY:
		PUT(line, "[");
		put_members(line, attr + 1, attr->count, false);
		PUT(line, "]");
		break;
	case EO_ATTR_REAL:
		put_real(line, attr->real);
		break;
	}
}

/* "2026-11-21T23:01:02.123456789Z". All 64-bit times are in years of four digits. */
static void put_timestamp(struct line *line, int64_t wall_ns)
{
	const int64_t day_ns = 86400 * (int64_t)EO_NS_PER_SEC;
	int64_t days = wall_ns / day_ns, in_day = wall_ns % day_ns;
	uint64_t era_day, era_year, year_day, month, seconds;

	if (in_day < 0) {
		in_day += day_ns;
		days--;
	}
	/* The Gregorian calendar repeats every 146097 days. Years are counted from March, so that
	 * the leap day is a year's last. Day 0 is the 1st of March of the year 1600, 135080 days
	 * before 1970. */
	era_day = (uint64_t)(days + 135080);
	era_year = era_day / 146097 * 400;
	era_day %= 146097;
	year_day = (era_day - era_day / 1460 + era_day / 36524 - era_day / 146096) / 365;
	era_year += year_day;
	year_day = era_day - (365 * year_day + year_day / 4 - year_day / 100);
	month = (5 * year_day + 2) / 153; /* 0 is March; the months' lengths repeat every five */

	reserve(line);
	put_padded(line, 1600 + era_year + (month >= 10), 4);
	*line->at++ = '-';
	put_padded(line, month < 10 ? month + 3 : month - 9, 2);
	*line->at++ = '-';
	put_padded(line, year_day - (153 * month + 2) / 5 + 1, 2);
	*line->at++ = 'T';
	seconds = (uint64_t)in_day / EO_NS_PER_SEC;
	put_padded(line, seconds / 3600, 2);
	*line->at++ = ':';
	put_padded(line, seconds / 60 % 60, 2);
	*line->at++ = ':';
	put_padded(line, seconds % 60, 2);
	*line->at++ = '.';
	put_padded(line, (uint64_t)in_day % EO_NS_PER_SEC * 10, 10);
	line->at[-1] = 'Z'; /* in place of the tenth digit */
}

/* The kernel's names fill their array in the worst case. */
static void put_name(struct line *line, const char comm[EO_COMM_BYTES])
{
	char name[EO_COMM_BYTES + 1];

	memcpy(name, comm, EO_COMM_BYTES);
	name[EO_COMM_BYTES] = '\0';
	put_string(line, name);
}

static void put_event(struct line *line, const struct eo_event *event,
		      const struct eo_event_clock *clock)
{
	const char *name = eo_event_type_name(event->type);
	uint64_t elapsed = event->ktime_ns - clock->start_ns;

	PUT(line, "{\"event_type\":\"");
	put_bytes(line, name, strlen(name));
	PUT(line, "\",\"timestamp\":\"");
	put_timestamp(line, (int64_t)(event->ktime_ns + (uint64_t)clock->wall_offset_ns));
	PUT(line, "\",\"elapsed_ns\":");
	/* Calls that were open when the trace began are older than it. */
	if ((int64_t)elapsed < 0) {
		PUT(line, "-");
		elapsed = -elapsed;
	}
	put_decimal(line, elapsed);
	if (event->pid) {
		PUT(line, ",\"pid\":");
		put_decimal(line, event->pid);
		if (event->tid) {
			PUT(line, ",\"tid\":");
			put_decimal(line, event->tid);
		}
		if (event->ns_pid && event->ns_pid != event->pid) {
			PUT(line, ",\"ns_pid\":");
			put_decimal(line, event->ns_pid);
		}
	}
	if (event->comm[0]) {
		PUT(line, ",\"comm\":");
		put_name(line, event->comm);
	}
	if (event->thread[0]) {
		PUT(line, ",\"thread\":");
		put_name(line, event->thread);
	}
	PUT(line, ",\"data\":{");
	put_members(line, event->data, event->data_count, true);
	PUT(line, "}}\n");
}

int eo_jsonl_write(const struct eo_event *event, const struct eo_event_clock *clock, FILE *out)
{
	char bytes[LINE_BYTES + SLACK];
	struct line line = { .start = bytes, .at = bytes, .end = bytes + LINE_BYTES, .out = out };

	put_event(&line, event, clock);
	flush(&line);
	return ferror_unlocked(out) ? -EIO : 0;
}

size_t eo_jsonl_line(const struct eo_event *event, const struct eo_event_clock *clock, char *to,
		     size_t size)
{
	char bytes[LINE_BYTES + SLACK];
	struct line line = { .start = bytes, .at = bytes, .end = bytes + LINE_BYTES,
			     .memory = to, .room = size };

	put_event(&line, event, clock);
	flush(&line);
	return line.gone;
}

size_t eo_jsonl_value(const struct eo_attr *attr, char *to, size_t size)
{
	char bytes[LINE_BYTES + SLACK];
	struct line line = { .start = bytes, .at = bytes, .end = bytes + LINE_BYTES,
			     .memory = to, .room = size - 1 };

	put_value(&line, attr);
	flush(&line);
	*line.memory = '\0';
	return line.gone;
}
