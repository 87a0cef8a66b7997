/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/http_head.h"

#include <string.h>
#include <strings.h>

#include "core/auto.h"
#include "otlp/ids.h"

#define HOST_MAX 255

/* Registered methods that occur; a token that is not here begins no request. */
static const char *const methods[] = {
	"GET",	     "HEAD",	  "POST",     "PUT",	  "DELETE",   "CONNECT",   "OPTIONS",
	"TRACE",     "PATCH",	  "QUERY",    "PROPFIND", "PROPPATCH", "MKCOL",	   "COPY",
	"MOVE",	     "LOCK",	  "UNLOCK",   "SEARCH",	  "REPORT",   "MKACTIVITY", "CHECKOUT",
	"CHECKIN",   "UNCHECKOUT", "MERGE",   "UPDATE",	  "LABEL",    "BASELINE-CONTROL",
	"MKWORKSPACE", "VERSION-CONTROL", "MKCALENDAR", "ACL", "BIND", "UNBIND", "REBIND",
	"LINK",	     "UNLINK",	  "PURGE",    "NOTIFY",	  "SUBSCRIBE", "UNSUBSCRIBE", "M-SEARCH",
};

static const char version[] = "HTTP/1.";
#define VERSION_BYTES (sizeof(version) - 1)

const char *eo_http_method(const char *text, size_t size)
{
	for (size_t i = 0; i < EO_ARRAY_SIZE(methods); i++)
		if (strlen(methods[i]) == size && !memcmp(methods[i], text, size))
			return methods[i];
	return NULL;
}

static bool begins(const char *text, size_t size, const char *whole, size_t whole_size)
{
	return !memcmp(text, whole, size < whole_size ? size : whole_size);
}

enum eo_http_start eo_http_sniff(const void *bytes, size_t size)
{
	const char *text = bytes;

	if (!size)
		return EO_HTTP_START_SHORT;
	if (begins(text, size, version, VERSION_BYTES))
		return size < VERSION_BYTES ? EO_HTTP_START_SHORT : EO_HTTP_START_RESPONSE;
	for (size_t i = 0; i < EO_ARRAY_SIZE(methods); i++) {
		size_t length = strlen(methods[i]);

		if (!begins(text, size, methods[i], length))
			continue;
		if (size < length + 2) {
			if (size <= length || text[length] == ' ')
				return EO_HTTP_START_SHORT;
			continue;
		}
		if (text[length] == ' ' && text[length + 1] > ' ' && text[length + 1] != 0x7f)
			return EO_HTTP_START_REQUEST;
	}
	return EO_HTTP_START_NONE;
}

size_t eo_http_head_size(const void *bytes, size_t size, size_t from)
{
	const char *text = bytes;

	/* The three bytes before may be the beginning of the end. */
	for (size_t i = from > 3 ? from - 3 : 0; i < size; i++) {
		const char *lf = memchr(text + i, '\n', size - i);

		if (!lf)
			return 0;
		i = (size_t)(lf - text);
		if (i + 1 < size && text[i + 1] == '\n')
			return i + 2;
		if (i + 2 < size && text[i + 1] == '\r' && text[i + 2] == '\n')
			return i + 3;
	}
	return 0;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static struct eo_http_piece trim(const char *text, size_t size)
{
	while (size && is_blank(*text)) {
		text++;
		size--;
	}
	while (size && is_blank(text[size - 1]))
		size--;
	return (struct eo_http_piece){text, size};
}

static bool is_word(struct eo_http_piece piece, const char *word)
{
	return piece.size == strlen(word) && !strncasecmp(piece.text, word, piece.size);
}

static bool is_scheme(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (!(((text[i] | 0x20) >= 'a' && (text[i] | 0x20) <= 'z') ||
		      (text[i] >= '0' && text[i] <= '9') || text[i] == '+' || text[i] == '-' ||
		      text[i] == '.'))
			return false;
	return size > 0;
}

bool eo_http_target(const char *target, size_t size, bool authority, bool keep_query,
		    struct eo_http_piece *path, struct eo_http_piece *host)
{
	const char *end;

	for (size_t i = 0; i < size; i++)
		if ((unsigned char)target[i] <= ' ' || target[i] == 0x7f)
			return false;
	*path = (struct eo_http_piece){0};
	if (authority) {
		*host = (struct eo_http_piece){target, size};
		return size > 0 && size <= HOST_MAX;
	}
	if (!size)
		return false;
	if (target[0] != '/' && !(target[0] == '*' && size == 1)) {
		const char *colon = memmem(target, size, "://", 3);
		const char *name, *at;

		if (!colon || !is_scheme(target, (size_t)(colon - target)))
			return false;
		name = colon + 3;
		size -= (size_t)(name - target);
		target = name;
		while (size && !strchr("/?#", *target)) {
			target++;
			size--;
		}
		/* Names and passwords are nobody's business. */
		at = memrchr(name, '@', (size_t)(target - name));
		if (at)
			name = at + 1;
		*host = (struct eo_http_piece){name, (size_t)(target - name)};
		if (!host->size || host->size > HOST_MAX)
			return false;
		if (!size || *target != '/') {
			*path = (struct eo_http_piece){"/", 1};
			return true;
		}
	}
	end = memchr(target, '#', size);
	if (end)
		size = (size_t)(end - target);
	end = keep_query ? NULL : memchr(target, '?', size);
	*path = (struct eo_http_piece){target, end ? (size_t)(end - target) : size};
	return true;
}

bool eo_http_traceparent(const char *text, size_t size, char ret[EO_HTTP_TRACEPARENT_BYTES])
{
	char whole[2 * EO_HTTP_TRACEPARENT_BYTES] = "";
	struct eo_traceparent parsed;

	*ret = '\0';
	if (size < EO_HTTP_TRACEPARENT_BYTES - 1 || size >= sizeof(whole) || memchr(text, 0, size))
		return false;
	memcpy(whole, text, size);
	if (!eo_traceparent_parse(whole, &parsed))
		return false;
	memcpy(ret, whole, EO_HTTP_TRACEPARENT_BYTES - 1);
	ret[EO_HTTP_TRACEPARENT_BYTES - 1] = '\0';
	return true;
}

/* What is remembered between the fields of a head. */
struct fields {
	struct eo_http_head *head;
	bool absolute; /* the target names the host, and overrules the field */
	unsigned int hosts, traceparents;
};

/* "5", or "5, 5" as some proxies join what came twice. Values that differ are a contradiction. */
static bool take_length(struct fields *fields, struct eo_http_piece value)
{
	const char *p = value.text, *end = p + value.size;

	for (;;) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		struct eo_http_piece item = trim(p, (size_t)((comma ? comma : end) - p));
		uint64_t number = 0;

		if (!item.size)
			return false;
		for (size_t i = 0; i < item.size; i++) {
			if (item.text[i] < '0' || item.text[i] > '9' ||
			    __builtin_mul_overflow(number, 10, &number) ||
			    __builtin_add_overflow(number, (uint64_t)(item.text[i] - '0'), &number))
				return false;
		}
		if (number > INT64_MAX ||
		    (fields->head->has_length && fields->head->length != number))
			return false;
		fields->head->has_length = true;
		fields->head->length = number;
		if (!comma)
			return true;
		p = comma + 1;
	}
}

static bool take_coding(struct fields *fields, struct eo_http_piece value)
{
	const char *p = value.text, *end = p + value.size;

	for (;;) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		struct eo_http_piece item = trim(p, (size_t)((comma ? comma : end) - p));

		/* Nothing may follow chunked, not even itself. */
		if (!item.size || fields->head->chunked)
			return false;
		fields->head->has_coding = true;
		fields->head->chunked = is_word(item, "chunked");
		if (!comma)
			return true;
		p = comma + 1;
	}
}

static bool take_host(struct fields *fields, struct eo_http_piece value)
{
	if (!fields->head->request)
		return true;
	if (++fields->hosts > 1 || value.size > HOST_MAX)
		return false;
	for (size_t i = 0; i < value.size; i++)
		if ((unsigned char)value.text[i] <= ' ' || strchr("/?#@,", value.text[i]))
			return false;
	if (!fields->absolute && value.size)
		fields->head->host = value;
	return true;
}

/* One that came twice, or that is none, is as if it were not there: so says the specification. */
static bool take_traceparent(struct fields *fields, struct eo_http_piece value)
{
	if (++fields->traceparents > 1)
		fields->head->traceparent[0] = '\0';
	else
		eo_http_traceparent(value.text, value.size, fields->head->traceparent);
	return true;
}

static bool take_upgrade(struct fields *fields, struct eo_http_piece value)
{
	if (is_word(value, "h2c"))
		fields->head->h2c = true;
	return true;
}

static const struct {
	const char *name;
	bool (*take)(struct fields *fields, struct eo_http_piece value);
} field_rows[] = {
	{"content-length", take_length},
	{"transfer-encoding", take_coding},
	{"host", take_host},
	{"traceparent", take_traceparent},
	{"upgrade", take_upgrade},
};

/* RFC 9110, 5.6.2: what names of fields are made of. */
static const bool is_token_char[256] = {
	['0' ... '9'] = true, ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['!'] = true,
	['#'] = true,	      ['$'] = true,	    ['%'] = true,	  ['&'] = true,
	['\''] = true,	      ['*'] = true,	    ['+'] = true,	  ['-'] = true,
	['.'] = true,	      ['^'] = true,	    ['_'] = true,	  ['`'] = true,
	['|'] = true,	      ['~'] = true,
};

static bool is_token(const char *text, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (!is_token_char[(unsigned char)text[i]])
			return false;
	return size > 0;
}

/* A field's line. Continued lines and blanks before the colon are what smuggling is made of. */
static bool take_field(struct fields *fields, const char *line, size_t size)
{
	const char *colon = memchr(line, ':', size);
	struct eo_http_piece value, name;

	if (!colon || memchr(line, '\0', size) || memchr(line, '\r', size))
		return false;
	name = (struct eo_http_piece){line, (size_t)(colon - line)};
	if (!is_token(name.text, name.size))
		return false;
	value = trim(colon + 1, size - name.size - 1);
	for (size_t i = 0; i < EO_ARRAY_SIZE(field_rows); i++)
		if (is_word(name, field_rows[i].name))
			return field_rows[i].take(fields, value);
	return true;
}

/* "1.0", "1.1" and what may come. */
static bool take_version(struct eo_http_head *head, const char *text, size_t size)
{
	if (size != VERSION_BYTES + 1 || memcmp(text, version, VERSION_BYTES) ||
	    text[VERSION_BYTES] < '0' || text[VERSION_BYTES] > '9')
		return false;
	head->minor = (uint8_t)(text[VERSION_BYTES] - '0');
	return true;
}

static enum eo_http_verdict take_request(struct fields *fields, bool keep_query, const char *line,
					 size_t size)
{
	const char *space = memchr(line, ' ', size), *last = memrchr(line, ' ', size);
	struct eo_http_head *head = fields->head;

	if (!space || !(head->method = eo_http_method(line, (size_t)(space - line))))
		return EO_HTTP_NONE;
	if (space == last ||
	    !take_version(head, last + 1, size - (size_t)(last + 1 - line)) ||
	    !eo_http_target(space + 1, (size_t)(last - space - 1), !strcmp(head->method, "CONNECT"),
			    keep_query, &head->path, &head->host))
		return EO_HTTP_MALFORMED;
	fields->absolute = head->host.text;
	return EO_HTTP_OK;
}

/* A request line whose end is missing: nearly always it is the query that is so long. Without one
 * nobody knows how the path goes on. */
static enum eo_http_verdict take_cut_request(struct eo_http_head *head, bool keep_query,
					     const char *line, size_t size)
{
	const char *space = memchr(line, ' ', size);

	if (!space || !(head->method = eo_http_method(line, (size_t)(space - line))))
		return EO_HTTP_NONE;
	head->request = true;
	head->minor = 1;
	size -= (size_t)(space + 1 - line);
	if (!memchr(space + 1, '?', size))
		return EO_HTTP_OK;
	return eo_http_target(space + 1, size, false, keep_query, &head->path, &head->host)
		       ? EO_HTTP_OK
		       : EO_HTTP_MALFORMED;
}

/* "HTTP/1.1 200 OK"; the reason may be missing, and its space with it. */
static enum eo_http_verdict take_status(struct eo_http_head *head, const char *line, size_t size)
{
	const char *digits = line + VERSION_BYTES + 2;

	if (size < VERSION_BYTES + 5 || digits[-1] != ' ' ||
	    !take_version(head, line, VERSION_BYTES + 1) ||
	    (size > VERSION_BYTES + 5 && digits[3] != ' '))
		return EO_HTTP_MALFORMED;
	for (size_t i = 0; i < 3; i++) {
		if (digits[i] < '0' || digits[i] > '9')
			return EO_HTTP_MALFORMED;
		head->status = (uint16_t)(head->status * 10 + (digits[i] - '0'));
	}
	return head->status >= 100 ? EO_HTTP_OK : EO_HTTP_MALFORMED;
}

/* A head whose fields say two things about its end. */
static bool contradicts(const struct eo_http_head *head)
{
	if (!head->has_coding)
		return false;
	return head->has_length || head->minor == 0 || (head->request && !head->chunked);
}

enum eo_http_verdict eo_http_head_parse(const void *bytes, size_t size, bool complete,
					bool keep_query, struct eo_http_head *ret)
{
	const char *p = bytes, *end = p + size;
	struct fields fields = {.head = ret};
	bool first = true;

	*ret = (struct eo_http_head){.cut = !complete};
	while (p < end) {
		const char *lf = memchr(p, '\n', (size_t)(end - p));
		size_t length;

		if (!lf)
			break;
		length = (size_t)(lf - p);
		if (length && p[length - 1] == '\r')
			length--;
		if (first) {
			enum eo_http_verdict verdict;

			ret->request = length < VERSION_BYTES || memcmp(p, version, VERSION_BYTES);
			verdict = ret->request ? take_request(&fields, keep_query, p, length)
					       : take_status(ret, p, length);
			if (verdict)
				return verdict;
			first = false;
		} else if (!length) {
			break;
		} else if (!take_field(&fields, p, length)) {
			return EO_HTTP_MALFORMED;
		}
		p = lf + 1;
	}
	if (first)
		return complete ? EO_HTTP_MALFORMED : take_cut_request(ret, keep_query, p, size);
	return contradicts(ret) ? EO_HTTP_MALFORMED : EO_HTTP_OK;
}
