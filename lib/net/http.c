/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/http.h"

#include <string.h>

#include "core/auto.h"

#define CHUNK_LINE_MAX 256 /* a size and its extensions */

static void drop_head(struct eo_http_reader *reader)
{
	eo_budget_free(reader->budget, reader->head, EO_HTTP_HEAD_MAX);
	reader->head = NULL;
	reader->held = 0;
}

void eo_http_reader_fini(struct eo_http_reader *reader)
{
	drop_head(reader);
}

enum eo_http_body eo_http_body_of(const struct eo_http_head *head, const char *method)
{
	if (!head->request) {
		bool connect = method && !strcmp(method, "CONNECT");

		if (head->status == 101 || (connect && head->status / 100 == 2))
			return EO_HTTP_BODY_OPAQUE;
		if (head->status / 100 == 1 || head->status == 204 || head->status == 304 ||
		    (method && !strcmp(method, "HEAD")))
			return head->cut ? EO_HTTP_BODY_UNKNOWN : EO_HTTP_BODY_NONE;
		if (!method)
			return EO_HTTP_BODY_UNKNOWN;
	}
	if (head->cut)
		return EO_HTTP_BODY_UNKNOWN;
	if (head->chunked)
		return EO_HTTP_BODY_CHUNKED;
	if (head->has_length && !head->has_coding)
		return head->length ? EO_HTTP_BODY_LENGTH : EO_HTTP_BODY_NONE;
	return head->request ? EO_HTTP_BODY_NONE : EO_HTTP_BODY_CLOSE;
}

/* One chunk on its way through the reader. */
struct feed {
	struct eo_http_reader *reader;
	const struct eo_http_listener *listener;
	void *arg;
	const char *bytes;
	uint64_t at, captured, length, ktime_ns;
};

static void lose(struct feed *in)
{
	drop_head(in->reader);
	in->reader->place = EO_HTTP_AT_LOST;
	in->listener->lost(in->arg);
}

static void refuse(struct feed *in)
{
	drop_head(in->reader);
	in->reader->place = EO_HTTP_AT_OPAQUE;
	in->listener->malformed(in->arg);
}

static void end_message(struct feed *in)
{
	in->reader->place = EO_HTTP_AT_START;
	in->listener->end(in->arg, in->ktime_ns);
}

/* @bytes: the head, wherever it is; the place in the chunk is behind it */
static void take_head(struct feed *in, const char *bytes, size_t size, bool complete)
{
	struct eo_http_reader *reader = in->reader;
	bool guessed = reader->guessed;
	struct eo_http_head head;
	enum eo_http_verdict verdict;
	enum eo_http_body body;

	verdict = eo_http_head_parse(bytes, size, complete, reader->keep_query, &head);
	if (!verdict && head.request != reader->requests)
		verdict = EO_HTTP_NONE;
	reader->guessed = false;
	if (verdict) {
		/* A guess that went wrong was no message, and so not a malformed one. */
		if (!guessed) {
			/* Too little of one is no fault of the sender's. */
			if (verdict == EO_HTTP_NONE && !complete)
				lose(in);
			else
				refuse(in);
			return;
		}
		drop_head(reader);
		reader->place = EO_HTTP_AT_LOST;
		return;
	}
	/* Set first, for the listener may make the connection opaque. */
	reader->place = EO_HTTP_AT_START;
	body = in->listener->head(in->arg, &head, reader->start_ns, in->ktime_ns, guessed);
	drop_head(reader);
	if (reader->place == EO_HTTP_AT_OPAQUE)
		return;
	switch (body) {
	case EO_HTTP_BODY_NONE:
		end_message(in);
		break;
	case EO_HTTP_BODY_LENGTH:
		reader->place = EO_HTTP_AT_BODY;
		reader->remaining = head.length;
		break;
	case EO_HTTP_BODY_CHUNKED:
		reader->place = EO_HTTP_AT_CHUNK_SIZE;
		reader->remaining = reader->line = 0;
		reader->digits = true;
		break;
	case EO_HTTP_BODY_CLOSE:
		reader->place = EO_HTTP_AT_CLOSE;
		break;
	case EO_HTTP_BODY_OPAQUE:
		reader->place = EO_HTTP_AT_OPAQUE;
		break;
	case EO_HTTP_BODY_UNKNOWN:
		lose(in);
		break;
	}
}

/* Returns false when the chunk is done with. */
static bool feed_start(struct feed *in)
{
	struct eo_http_reader *reader = in->reader;
	enum eo_http_start start;

	if (in->at >= in->captured) {
		lose(in);
		return false;
	}
	/* Empty lines before a message are passed over. */
	if (in->bytes[in->at] == '\r' || in->bytes[in->at] == '\n') {
		in->at++;
		return true;
	}
	start = eo_http_sniff(in->bytes + in->at, in->captured - in->at);
	if (start == EO_HTTP_START_NONE ||
	    start == (reader->requests ? EO_HTTP_START_RESPONSE : EO_HTTP_START_REQUEST)) {
		refuse(in);
		return false;
	}
	reader->place = EO_HTTP_AT_HEAD;
	reader->start_ns = in->ktime_ns;
	reader->guessed = false;
	return true;
}

/* Bodies hold anything: a whole start line, at least, has to be there. */
static bool is_start_line(const struct eo_http_reader *reader, const char *bytes, size_t size)
{
	const char *lf;
	struct eo_http_head head;

	if (size > EO_HTTP_HEAD_MAX)
		size = EO_HTTP_HEAD_MAX;
	if (eo_http_sniff(bytes, size) !=
	    (reader->requests ? EO_HTTP_START_REQUEST : EO_HTTP_START_RESPONSE))
		return false;
	lf = memchr(bytes, '\n', size);
	return lf && !eo_http_head_parse(bytes, (size_t)(lf + 1 - bytes), false, false, &head);
}

static bool feed_lost(struct feed *in)
{
	struct eo_http_reader *reader = in->reader;

	if (in->at > 0 || !is_start_line(reader, in->bytes, in->captured) ||
	    !in->listener->may_start(in->arg))
		return false;
	reader->place = EO_HTTP_AT_HEAD;
	reader->start_ns = in->ktime_ns;
	reader->guessed = true;
	return true;
}

/* A head is read where it lies when it is there at once; pieces are put together. */
static bool feed_head(struct feed *in)
{
	struct eo_http_reader *reader = in->reader;
	size_t here = in->captured > in->at ? in->captured - in->at : 0, room, size, held;
	const char *from = in->bytes + in->at;

	held = reader->held;
	room = EO_HTTP_HEAD_MAX - held;
	if (here > room)
		here = room;
	if (!held) {
		size = eo_http_head_size(from, here, 0);
		if (size) {
			in->at += size;
			take_head(in, from, size, true);
			return true;
		}
	}
	if (held || here) {
		if (!reader->head)
			reader->head = eo_budget_alloc(reader->budget, EO_HTTP_HEAD_MAX);
		if (!reader->head) {
			lose(in);
			return false;
		}
		if (here)
			memcpy(reader->head + held, from, here);
		reader->held += (uint32_t)here;
	}
	size = held ? eo_http_head_size(reader->head, reader->held, held) : 0;
	if (size) {
		in->at += size - held;
		take_head(in, reader->head, size, true);
		return true;
	}
	in->at += here;
	if (reader->held == EO_HTTP_HEAD_MAX || in->at < in->length) {
		take_head(in, reader->head ? reader->head : "", reader->held, false);
		return false;
	}
	return true;
}

static bool feed_bytes(struct feed *in)
{
	struct eo_http_reader *reader = in->reader;
	uint64_t size = in->length - in->at;
	bool until_close = reader->place == EO_HTTP_AT_CLOSE;

	if (!until_close && size > reader->remaining)
		size = reader->remaining;
	in->at += size;
	in->listener->body(in->arg, size, in->ktime_ns);
	if (until_close)
		return true;
	reader->remaining -= size;
	if (reader->remaining)
		return true;
	if (reader->place == EO_HTTP_AT_CHUNK_DATA) {
		reader->place = EO_HTTP_AT_CHUNK_END;
		reader->line = 0;
	} else {
		end_message(in);
	}
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "1a2b", perhaps blanks and extensions behind a semicolon, end of line. False: malformed. */
static bool take_size(struct eo_http_reader *reader, char c)
{
	int digit = reader->digits ? hex_digit(c) : -1;

	if (++reader->line > CHUNK_LINE_MAX)
		return false;
	if (digit >= 0) {
		if (reader->remaining >> 56)
			return false;
		reader->remaining = reader->remaining << 4 | (unsigned int)digit;
		return true;
	}
	if (reader->digits && reader->line == 1)
		return false;
	if (c == '\n') {
		reader->place = reader->remaining ? EO_HTTP_AT_CHUNK_DATA : EO_HTTP_AT_TRAILER;
		reader->line = 0;
		reader->digits = true; /* also: the trailer's line is empty so far */
		return true;
	}
	if (reader->digits && c != ';' && c != '\r' && c != ' ' && c != '\t')
		return false;
	reader->digits = false;
	return true;
}

static bool take_chunk_end(struct eo_http_reader *reader, char c)
{
	if (c == '\r' && reader->line == 0) {
		reader->line = 1;
		return true;
	}
	reader->place = EO_HTTP_AT_CHUNK_SIZE;
	reader->remaining = reader->line = 0;
	reader->digits = true;
	return c == '\n';
}

/* The framing of chunks is read byte by byte: it is short. */
static bool feed_framing(struct feed *in)
{
	struct eo_http_reader *reader = in->reader;
	bool fine = true;
	char c;

	if (in->at >= in->captured) {
		lose(in);
		return false;
	}
	c = in->bytes[in->at++];
	if (reader->place == EO_HTTP_AT_CHUNK_SIZE) {
		fine = take_size(reader, c);
	} else if (reader->place == EO_HTTP_AT_CHUNK_END) {
		fine = take_chunk_end(reader, c);
	} else if (c == '\n' && reader->digits) {
		end_message(in);
	} else {
		/* Trailers say nothing that is wanted. */
		reader->digits = c == '\n' || (c == '\r' && reader->digits);
		fine = ++reader->line <= EO_HTTP_HEAD_MAX;
	}
	if (!fine)
		refuse(in);
	return fine;
}

static bool feed_nothing(struct feed *in)
{
	(void)in;
	return false;
}

static bool (*const steps[])(struct feed *in) = {
	[EO_HTTP_AT_START] = feed_start,
	[EO_HTTP_AT_HEAD] = feed_head,
	[EO_HTTP_AT_BODY] = feed_bytes,
	[EO_HTTP_AT_CHUNK_SIZE] = feed_framing,
	[EO_HTTP_AT_CHUNK_DATA] = feed_bytes,
	[EO_HTTP_AT_CHUNK_END] = feed_framing,
	[EO_HTTP_AT_TRAILER] = feed_framing,
	[EO_HTTP_AT_CLOSE] = feed_bytes,
	[EO_HTTP_AT_OPAQUE] = feed_nothing,
	[EO_HTTP_AT_LOST] = feed_lost,
};

uint64_t eo_http_reader_feed(struct eo_http_reader *reader, uint64_t ktime_ns, const void *bytes,
			     size_t captured, uint64_t length,
			     const struct eo_http_listener *listener, void *arg)
{
	struct feed in = {
		.reader = reader,
		.listener = listener,
		.arg = arg,
		.bytes = captured ? bytes : "",
		.captured = captured < length ? captured : length,
		.length = length,
		.ktime_ns = ktime_ns,
	};

	while (in.at < in.length && steps[reader->place](&in))
		;
	return in.at;
}

void eo_http_reader_gap(struct eo_http_reader *reader, const struct eo_http_listener *listener,
			void *arg)
{
	struct feed in = {.reader = reader, .listener = listener, .arg = arg};

	if (reader->place < EO_HTTP_AT_CLOSE)
		lose(&in);
}
