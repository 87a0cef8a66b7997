/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/http2.h"

#include <errno.h>
#include <string.h>

#include "core/auto.h"

#define HOST_MAX 255

/* --- streams -------------------------------------------------------------------------------- */

static void link_stream(struct eo_http2 *http2, struct eo_http_request *stream, uint32_t id)
{
	stream->exchange.version = "2";
	stream->exchange.stream = id;
	if (http2->newest)
		http2->newest->next = stream;
	else
		http2->oldest = stream;
	http2->newest = stream;
	http2->count++;
}

static void unlink_stream(struct eo_http2 *http2, struct eo_http_request *stream)
{
	struct eo_http_request **from = &http2->oldest, *previous = NULL;

	while (*from != stream) {
		previous = *from;
		from = &previous->next;
	}
	*from = stream->next;
	if (http2->newest == stream)
		http2->newest = previous;
	http2->count--;
}

static void drop_stream(struct eo_http2 *http2, struct eo_http_request *stream)
{
	unlink_stream(http2, stream);
	eo_http_request_free(http2->sink, stream);
}

static void finish(struct eo_http2 *http2, struct eo_http_request *stream, uint64_t ktime_ns,
		   int error)
{
	unlink_stream(http2, stream);
	eo_http_request_finish(http2->sink, stream, ktime_ns, error);
}

/* Nothing more will be seen of it. A response goes out as far as it came. */
static void give_up(struct eo_http2 *http2, struct eo_http_request *stream)
{
	if (stream->exchange.status) {
		stream->exchange.response_inexact = true;
		finish(http2, stream, stream->response_ns, 0);
	} else {
		http2->sink->counts->unpaired_requests++;
		drop_stream(http2, stream);
	}
}

/* Of those whose end may have been missed the one that was silent longest, else the oldest. */
static struct eo_http_request *likely_over(const struct eo_http2 *http2)
{
	struct eo_http_request *found = NULL;

	for (struct eo_http_request *stream = http2->oldest; stream; stream = stream->next)
		if (stream->exchange.status && stream->exchange.response_inexact &&
		    (!found || stream->response_ns < found->response_ns))
			found = stream;
	return found ? found : http2->oldest;
}

static struct eo_http_request *find(const struct eo_http2 *http2, uint32_t id)
{
	struct eo_http_request *stream = http2->oldest;

	while (stream && stream->exchange.stream != id)
		stream = stream->next;
	return stream;
}

/* --- header blocks -------------------------------------------------------------------------- */

/* What a block says, in memory of our own. */
struct fields {
	struct eo_http_counts *counts;
	bool is_request, has_status;
	uint16_t status;
	int16_t grpc_status;
	const char *method;
	bool has_path, has_host;
	char path[EO_HPACK_VALUE_MAX + 1], host[HOST_MAX + 1];
	char traceparent[EO_HTTP_TRACEPARENT_BYTES];
};

/* False for what is no number between 0 and 999. */
static bool take_number(const char *text, uint16_t *ret)
{
	size_t size = strlen(text);

	*ret = 0;
	if (!size || size > 3 || strspn(text, "0123456789") != size)
		return false;
	while (*text)
		*ret = (uint16_t)(*ret * 10 + (*text++ - '0'));
	return true;
}

static void take_host(struct fields *fields, const char *value)
{
	size_t size = strlen(value);

	if (!size || size > HOST_MAX)
		return;
	memcpy(fields->host, value, size + 1);
	fields->has_host = true;
}

static void take_field(void *arg, enum eo_hpack_name name, const char *value)
{
	struct fields *fields = arg;
	uint16_t number;

	fields->is_request |= name == EO_HPACK_METHOD || name == EO_HPACK_PATH ||
			      name == EO_HPACK_AUTHORITY;
	fields->has_status |= name == EO_HPACK_STATUS;
	if (name == EO_HPACK_OTHER)
		return;
	if (!value) {
		fields->counts->unknown_fields++;
		return;
	}
	switch (name) {
	case EO_HPACK_METHOD:
		fields->method = eo_http_method(value, strlen(value));
		if (!fields->method)
			fields->method = "_OTHER"; /* the word of the semantic conventions */
		break;
	case EO_HPACK_PATH:
		memcpy(fields->path, value, strlen(value) + 1);
		fields->has_path = true;
		break;
	case EO_HPACK_AUTHORITY:
		take_host(fields, value);
		break;
	case EO_HPACK_HOST:
		if (!fields->has_host)
			take_host(fields, value);
		break;
	case EO_HPACK_STATUS:
		if (take_number(value, &number))
			fields->status = number;
		break;
	case EO_HPACK_GRPC_STATUS:
		if (take_number(value, &number))
			fields->grpc_status = (int16_t)number;
		break;
	case EO_HPACK_TRACEPARENT:
		eo_http_traceparent(value, strlen(value), fields->traceparent);
		break;
	default:
		break;
	}
}

static struct eo_http_request *open_stream(struct eo_http2 *http2, const struct fields *fields,
					   uint32_t id, uint64_t ktime_ns, bool cut)
{
	struct eo_http_head head = {.request = true, .method = fields->method, .cut = cut};
	struct eo_http_request *stream;
	struct eo_http_piece ignored;

	/* As HTTP/1.x has it, without the query. CONNECT has no path. */
	if (fields->has_path &&
	    !eo_http_target(fields->path, strlen(fields->path), false,
			    http2->sink->options->keep_query, &head.path, &ignored))
		head.path = (struct eo_http_piece){0};
	if (fields->has_host)
		head.host = (struct eo_http_piece){fields->host, strlen(fields->host)};
	memcpy(head.traceparent, fields->traceparent, sizeof(head.traceparent));

	if (http2->count == EO_HTTP2_STREAMS_MAX) {
		give_up(http2, likely_over(http2));
		http2->sink->counts->streams_dropped++;
	}
	stream = eo_http_request_new(http2->sink, &head, ktime_ns);
	if (!stream) {
		http2->sink->counts->unpaired_requests++;
		return NULL;
	}
	link_stream(http2, stream, id);
	http2->sink->counts->heads_cut += cut;
	return stream;
}

static void take_request(struct eo_http2 *http2, const struct fields *fields, uint32_t id,
			 uint64_t ktime_ns, bool cut)
{
	/* What comes later on a stream are trailers, and so are fields without a request. */
	if (!(id & 1) || id <= http2->highest || !fields->is_request)
		return;
	http2->highest = id;
	open_stream(http2, fields, id, ktime_ns, cut);
}

static void take_response(struct eo_http2 *http2, const struct fields *fields, uint32_t id,
			  uint64_t ktime_ns, bool cut, bool end)
{
	struct eo_http_request *stream = find(http2, id);
	struct eo_http_exchange *exchange;

	if (!stream) {
		http2->sink->counts->unpaired_responses +=
			fields->has_status && fields->status >= 200;
		return;
	}
	stream->response_ns = ktime_ns;
	exchange = &stream->exchange;
	if (fields->has_status && fields->status / 100 != 1 && !exchange->first_byte_ns) {
		exchange->status = fields->status;
		exchange->first_byte_ns =
			ktime_ns > exchange->ktime_ns ? ktime_ns - exchange->ktime_ns : 0;
		exchange->head_cut |= cut;
		http2->sink->counts->heads_cut += cut;
	}
	if (fields->grpc_status >= 0)
		exchange->grpc_status = fields->grpc_status;
	if (end)
		finish(http2, stream, ktime_ns, 0);
}

/* Most connections are idle, and there are many of them. */
static void drop_block(struct eo_http2_reader *reader)
{
	eo_budget_free(reader->hpack.budget, reader->block, EO_HTTP2_BLOCK_MAX);
	reader->block = NULL;
	reader->in_block = false;
}

static void lose(struct eo_http2 *http2, struct eo_http2_reader *reader)
{
	reader->lost = true;
	drop_block(reader);
	reader->header_bytes = 0;
	eo_hpack_forget(&reader->hpack);
	http2->sink->counts->places_lost++;
	/* Data and ends of any stream may be missing. */
	for (struct eo_http_request *stream = http2->oldest; stream; stream = stream->next) {
		stream->exchange.request_inexact |= reader->requests;
		stream->exchange.response_inexact |= !reader->requests;
	}
}

static void malformed(struct eo_http2 *http2, struct eo_http2_reader *reader)
{
	http2->sink->counts->malformed++;
	lose(http2, reader);
}

static void end_block(struct eo_http2 *http2, struct eo_http2_reader *reader, uint64_t ktime_ns)
{
	struct fields fields = {.counts = http2->sink->counts, .grpc_status = -1};
	bool end = reader->block_flags & EO_HTTP2_END_STREAM;
	const uint8_t *block = reader->block ? reader->block : (const uint8_t *)"";
	int r = eo_hpack_decode(&reader->hpack, block, reader->held, !reader->block_cut, take_field,
				&fields);

	drop_block(reader);
	if (r == -EBADMSG) {
		malformed(http2, reader);
		return;
	}
	/* What a server promises to send was not asked for. */
	if (reader->block_type == EO_HTTP2_PUSH_PROMISE)
		return;
	if (reader->requests)
		take_request(http2, &fields, reader->block_stream, reader->block_ns,
			     reader->block_cut);
	else
		take_response(http2, &fields, reader->block_stream, ktime_ns, reader->block_cut,
			      end);
}

/* Take away what stands around the fragment of the block in this frame. */
static bool strip_fragment(struct eo_http2_reader *reader, const struct eo_http2_frame *frame)
{
	uint32_t size = reader->held - reader->fragment, before = 0, padding = 0;
	uint8_t *bytes;

	if (frame->type == EO_HTTP2_CONTINUATION || !reader->block)
		return true;
	bytes = reader->block + reader->fragment;
	if (frame->flags & EO_HTTP2_PADDED) {
		before = 1;
		padding = size ? bytes[0] : 0;
	}
	if (frame->type == EO_HTTP2_PUSH_PROMISE)
		before += 4;
	else if (frame->flags & EO_HTTP2_HAS_PRIORITY)
		before += 5;
	if (before + padding > frame->length)
		return false;
	/* Of what was cut, the padding may be a part. */
	if (size > frame->length - padding)
		size = frame->length - padding;
	size = size > before ? size - before : 0;
	memmove(bytes, bytes + before, size);
	reader->held = reader->fragment + size;
	return true;
}

/* --- frames --------------------------------------------------------------------------------- */

static bool is_block(uint8_t type)
{
	return type == EO_HTTP2_HEADERS || type == EO_HTTP2_PUSH_PROMISE ||
	       type == EO_HTTP2_CONTINUATION;
}

/* Returns false for a frame that cannot be. */
static bool begin_frame(struct eo_http2_reader *reader, const struct eo_http2_frame *frame,
			uint64_t ktime_ns)
{
	reader->remaining = frame->length;
	reader->beginning = 0;
	if (reader->in_block != (frame->type == EO_HTTP2_CONTINUATION) ||
	    (reader->in_block && frame->stream != reader->block_stream) ||
	    ((is_block(frame->type) || frame->type == EO_HTTP2_DATA) && !frame->stream))
		return false;
	if (frame->type == EO_HTTP2_HEADERS || frame->type == EO_HTTP2_PUSH_PROMISE) {
		reader->in_block = true;
		reader->block_cut = false;
		reader->block_type = frame->type;
		reader->block_flags = frame->flags;
		reader->block_stream = frame->stream;
		reader->block_ns = ktime_ns;
		reader->held = 0;
	}
	reader->fragment = reader->held;
	return true;
}

static uint64_t *body_bytes(const struct eo_http2_reader *reader, struct eo_http_request *stream)
{
	return reader->requests ? &stream->exchange.request_bytes
				: &stream->exchange.response_bytes;
}

static void take_data(struct eo_http2 *http2, const struct eo_http2_reader *reader, uint32_t id,
		      uint32_t size, uint64_t ktime_ns)
{
	struct eo_http_request *stream = find(http2, id);

	if (!stream)
		return;
	*body_bytes(reader, stream) += size;
	if (!reader->requests)
		stream->response_ns = ktime_ns;
}

static void end_data(struct eo_http2 *http2, const struct eo_http2_reader *reader,
		     const struct eo_http2_frame *frame, uint64_t ktime_ns)
{
	struct eo_http_request *stream = find(http2, frame->stream);

	if (!stream)
		return;
	if ((frame->flags & EO_HTTP2_PADDED) && reader->beginning &&
	    frame->length > reader->payload[0])
		*body_bytes(reader, stream) -= reader->payload[0] + 1u;
	if (!reader->requests && (frame->flags & EO_HTTP2_END_STREAM))
		finish(http2, stream, ktime_ns, 0);
}

/* What the codes of RFC 9113, section 7 are to those who know errno. */
static const int reset_errors[] = {
	[0x0] = ECONNABORTED, /* NO_ERROR */
	[0x1] = EPROTO,	      /* PROTOCOL_ERROR */
	[0x2] = EIO,	      /* INTERNAL_ERROR */
	[0x3] = EPROTO,	      /* FLOW_CONTROL_ERROR */
	[0x4] = ETIMEDOUT,    /* SETTINGS_TIMEOUT */
	[0x5] = EPIPE,	      /* STREAM_CLOSED */
	[0x6] = EPROTO,	      /* FRAME_SIZE_ERROR */
	[0x7] = ECONNREFUSED, /* REFUSED_STREAM */
	[0x8] = ECANCELED,    /* CANCEL */
	[0x9] = EPROTO,	      /* COMPRESSION_ERROR */
	[0xa] = ECONNRESET,   /* CONNECT_ERROR */
	[0xb] = EBUSY,	      /* ENHANCE_YOUR_CALM */
	[0xc] = EPERM,	      /* INADEQUATE_SECURITY */
	[0xd] = EPROTONOSUPPORT, /* HTTP_1_1_REQUIRED */
};

static void take_reset(struct eo_http2 *http2, const struct eo_http2_reader *reader,
		       const struct eo_http2_frame *frame, uint64_t ktime_ns)
{
	struct eo_http_request *stream = find(http2, frame->stream);
	uint32_t code = (uint32_t)reader->payload[0] << 24 | (uint32_t)reader->payload[1] << 16 |
			(uint32_t)reader->payload[2] << 8 | reader->payload[3];

	if (!stream)
		return;
	finish(http2, stream, ktime_ns,
	       reader->beginning == 4 && code < EO_ARRAY_SIZE(reset_errors) ? reset_errors[code]
									   : EPROTO);
}

static void end_frame(struct eo_http2 *http2, struct eo_http2_reader *reader, uint64_t ktime_ns)
{
	struct eo_http2_frame frame = eo_http2_frame_read(reader->header);

	reader->header_bytes = 0;
	if (is_block(frame.type)) {
		if (!strip_fragment(reader, &frame))
			malformed(http2, reader);
		else if (frame.flags & EO_HTTP2_END_HEADERS)
			end_block(http2, reader, ktime_ns);
	} else if (frame.type == EO_HTTP2_DATA) {
		end_data(http2, reader, &frame, ktime_ns);
	} else if (frame.type == EO_HTTP2_RST_STREAM) {
		take_reset(http2, reader, &frame, ktime_ns);
	}
}

/* @bytes: NULL for those that were not captured */
static void take_payload(struct eo_http2 *http2, struct eo_http2_reader *reader,
			 const uint8_t *bytes, uint32_t size, uint64_t ktime_ns)
{
	struct eo_http2_frame frame = eo_http2_frame_read(reader->header);
	uint32_t done = frame.length - reader->remaining, room;

	if (bytes && done == reader->beginning && done < sizeof(reader->payload)) {
		room = (uint32_t)sizeof(reader->payload) - done;
		memcpy(reader->payload + done, bytes, size < room ? size : room);
		reader->beginning += size < room ? size : room;
	}
	if (frame.type == EO_HTTP2_DATA)
		take_data(http2, reader, frame.stream, size, ktime_ns);
	if (is_block(frame.type) && size) {
		if (!reader->block)
			reader->block = eo_budget_alloc(reader->hpack.budget, EO_HTTP2_BLOCK_MAX);
		room = reader->block ? EO_HTTP2_BLOCK_MAX - reader->held : 0;
		if (!bytes || size > room)
			reader->block_cut = true;
		/* Behind a hole nothing fits. */
		if (bytes && room && reader->held - reader->fragment == done) {
			memcpy(reader->block + reader->held, bytes, size < room ? size : room);
			reader->held += size < room ? size : room;
		}
	}
	reader->remaining -= size;
}

/* Returns how many bytes were taken; 0: no place here. */
static uint64_t take_some(struct eo_http2 *http2, struct eo_http2_reader *reader,
			  const uint8_t *bytes, uint64_t captured, uint64_t length,
			  uint64_t ktime_ns)
{
	struct eo_http2_frame frame;
	uint64_t size;

	if (reader->preface_left) {
		uint8_t at = EO_HTTP2_PREFACE_BYTES - reader->preface_left;

		if (!captured) {
			lose(http2, reader);
			return 0;
		}
		if (*bytes != (uint8_t)eo_http2_preface[at]) {
			malformed(http2, reader);
			return 0;
		}
		reader->preface_left--;
		return 1;
	}
	if (reader->header_bytes < EO_HTTP2_FRAME_BYTES) {
		if (!captured) {
			lose(http2, reader);
			return 0;
		}
		reader->header[reader->header_bytes++] = *bytes;
		if (reader->header_bytes < EO_HTTP2_FRAME_BYTES)
			return 1;
		frame = eo_http2_frame_read(reader->header);
		if (!begin_frame(reader, &frame, ktime_ns)) {
			malformed(http2, reader);
			return 0;
		}
		if (!reader->remaining)
			end_frame(http2, reader, ktime_ns);
		return 1;
	}
	size = captured ? captured : length;
	if (size > reader->remaining)
		size = reader->remaining;
	take_payload(http2, reader, captured ? bytes : NULL, (uint32_t)size, ktime_ns);
	if (!reader->remaining)
		end_frame(http2, reader, ktime_ns);
	return size;
}

/* --- the connection ------------------------------------------------------------------------- */

void eo_http2_init(struct eo_http2 *http2, struct eo_http_sink *sink, bool from_start)
{
	*http2 = (struct eo_http2){
		.sink = sink,
		.requests = {
			.requests = true,
			.lost = !from_start,
			.preface_left = from_start ? EO_HTTP2_PREFACE_BYTES : 0,
			.hpack = {.budget = sink->budget, .partial = !from_start},
		},
		.responses = {
			.lost = !from_start,
			.hpack = {.budget = sink->budget, .partial = !from_start},
		},
	};
}

/* RFC 7540, section 3.2. The client's preface is looked for: a body may come before it. */
void eo_http2_upgraded(struct eo_http2 *http2, struct eo_http_request *request)
{
	link_stream(http2, request, 1);
	http2->highest = 1;
	http2->responses.lost = false;
	http2->responses.hpack.partial = false;
}

static void reader_fini(struct eo_http2_reader *reader)
{
	drop_block(reader);
	eo_hpack_fini(&reader->hpack);
}

void eo_http2_fini(struct eo_http2 *http2)
{
	while (http2->oldest)
		drop_stream(http2, http2->oldest);
	reader_fini(&http2->requests);
	reader_fini(&http2->responses);
}

void eo_http2_feed(struct eo_http2 *http2, bool request, uint64_t ktime_ns, const void *bytes,
		   size_t captured, uint64_t length)
{
	struct eo_http2_reader *reader = request ? &http2->requests : &http2->responses;
	const uint8_t *p = bytes;
	uint64_t at = 0, taken = 1;

	if (reader->lost) {
		enum eo_http2_start start = eo_http2_sniff(bytes, captured, length);

		if (start == EO_HTTP2_START_NONE || (start == EO_HTTP2_START_PREFACE && !request))
			return;
		reader->lost = false;
		reader->preface_left = 0;
		if (start == EO_HTTP2_START_PREFACE) {
			reader->preface_left = EO_HTTP2_PREFACE_BYTES;
			reader->hpack.partial = false;
		}
		http2->sink->counts->found_again++;
	}
	for (; at < length && taken && !reader->lost; at += taken)
		taken = take_some(http2, reader, at < captured ? p + at : NULL,
				  at < captured ? captured - at : 0, length - at, ktime_ns);
}

void eo_http2_gap(struct eo_http2 *http2, bool request)
{
	struct eo_http2_reader *reader = request ? &http2->requests : &http2->responses;

	lose(http2, reader);
}

void eo_http2_end(struct eo_http2 *http2, uint64_t ktime_ns, int error)
{
	while (http2->oldest) {
		/* The end of the response may have been among what was lost. */
		if (http2->oldest->exchange.response_inexact)
			give_up(http2, http2->oldest);
		else
			finish(http2, http2->oldest, ktime_ns, error ? error : ECONNABORTED);
	}
}

void eo_http2_leave(struct eo_http2 *http2)
{
	while (http2->oldest)
		give_up(http2, http2->oldest);
}
