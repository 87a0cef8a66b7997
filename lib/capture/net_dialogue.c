// SPDX-License-Identifier: BSD-2-Clause
#include "capture/net_dialogue.h"

#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "core/auto.h"
#include "core/hash.h"
#include "core/index.h"
#include "net/dns_stream.h"
#include "net/dns_table.h"
#include "net/http_exchange.h"

#define DIALOGUES_MAX 65536u

/* A connection of which something is read. */
struct dialogue {
	uint64_t cookie; /* 0: the place is free */
	bool tls;	 /* what goes through the connection inside of TLS */
	uint32_t place;
	struct dialogue *older, *newer; /* by what was said last; free ones are linked by @newer */
	struct eo_net_owner owner;
	struct eo_net_ends ends;
	struct eo_net_dialogues *all;
	struct eo_dns_stream *streams[2]; /* out and in */
	uint64_t expected[2]; /* offsets of what comes next in them */
	struct eo_http_connection *http;
	bool deaf; /* nothing more is wanted of it */
	/* Of the message of DNS that is read right now. */
	uint64_t ktime_ns;
};

struct eo_net_dialogues {
	struct eo_net_payloads_options options;
	struct dialogue **dialogues; /* index.element is the place */
	uint32_t count, room;
	struct dialogue *oldest, *newest, *free;
	struct eo_index index;
	uint64_t seed;
	struct eo_dns_table *dns;
	struct eo_dns_message *message; /* too large for the stack */
	struct eo_http *http;
	uint64_t events, malformed, dropped;
	int error; /* the first negative return of the event function */
};

_Static_assert(sizeof(struct eo_net_endpoint) == sizeof(struct eo_net_end), "they are the same");

/* --- events ------------------------------------------------------------------------------- */

static void fill_event(struct eo_event *event, enum eo_event_type type, uint64_t ktime_ns,
		       const struct eo_net_owner *owner, const struct eo_net_attributes *attrs)
{
	*event = (struct eo_event){
		.type = type,
		.ktime_ns = ktime_ns,
		.pid = owner->pid,
		.tid = owner->tid,
		.ns_pid = owner->ns_pid,
		.data = attrs->attrs,
		.data_count = attrs->count,
	};
	memcpy(event->comm, owner->comm, sizeof(event->comm));
	memcpy(event->thread, owner->thread, sizeof(event->thread));
	if (!strncmp(event->comm, event->thread, sizeof(event->comm)))
		memset(event->thread, 0, sizeof(event->thread));
}

static void emit(struct eo_net_dialogues *all, enum eo_event_type type, uint64_t ktime_ns,
		 const struct eo_net_owner *owner, const struct eo_net_attributes *attrs,
		 uint64_t stack)
{
	struct eo_event event;
	int r;

	fill_event(&event, type, ktime_ns, owner, attrs);
	all->events++;
	r = all->error < 0 ? 0 : all->options.event(all->options.ctx, &event, stack);
	if (r < 0)
		all->error = r;
}

static void on_lookup(void *arg, const struct eo_dns_lookup *lookup)
{
	struct eo_net_attributes attrs = {0};
	char type[EO_DNS_WORD_BYTES], rcode[EO_DNS_WORD_BYTES];
	const struct eo_dns_message *answer = lookup->answer;
	struct eo_net_end server;

	memcpy(&server, lookup->server, sizeof(server));
	eo_net_attributes_end(&attrs, "server", &server);
	eo_net_attributes_string(&attrs, "question", lookup->question);
	eo_net_attributes_string(&attrs, "qtype", eo_dns_type_name(lookup->qtype, type));
	if (answer) {
		eo_net_attributes_string(&attrs, "rcode", eo_dns_rcode_name(answer->rcode, rcode));
		for (uint16_t i = 0; i < answer->answers_kept; i++)
			eo_net_attributes_element(&attrs, "answers", answer->answers[i].text);
	}
	eo_net_attributes_uint(&attrs, "duration_ns", lookup->duration_ns);
	eo_net_attributes_error(&attrs, lookup->error);
	emit(arg, EO_EVENT_DNS, lookup->ktime_ns, lookup->owner, &attrs, lookup->owner->stack);
}

static const char *http_role(enum eo_http_role role)
{
	return role == EO_HTTP_CLIENT ? "client" : role == EO_HTTP_SERVER ? "server" : NULL;
}

static void on_exchange(void *arg, void *user, const struct eo_http_exchange *exchange)
{
	struct eo_net_attributes attrs = {0};
	struct dialogue *dialogue = user;

	eo_net_attributes_hex(&attrs, "conn", dialogue->cookie);
	eo_net_attributes_string(&attrs, "role", http_role(exchange->role));
	eo_net_attributes_string(&attrs, "scheme", dialogue->tls ? "https" : "http");
	eo_net_attributes_string(&attrs, "method", exchange->method);
	eo_net_attributes_string(&attrs, "host", exchange->host);
	eo_net_attributes_string(&attrs, "path", exchange->path);
	eo_net_attributes_string(&attrs, "version", exchange->version);
	if (exchange->status)
		eo_net_attributes_uint(&attrs, "status", exchange->status);
	eo_net_attributes_uint(&attrs, "request_bytes", exchange->request_bytes);
	eo_net_attributes_uint(&attrs, "response_bytes", exchange->response_bytes);
	eo_net_attributes_uint(&attrs, "duration_ns", exchange->duration_ns);
	eo_net_attributes_ends(&attrs, &dialogue->ends);
	eo_net_attributes_string(&attrs, "traceparent", exchange->traceparent);
	if (dialogue->tls)
		eo_net_attributes_true(&attrs, "tls");
	eo_net_attributes_error(&attrs, exchange->error);
	emit(arg, EO_EVENT_HTTP_REQUEST, exchange->ktime_ns, &dialogue->owner, &attrs, exchange->stack);
}

/* --- dialogues ---------------------------------------------------------------------------- */

struct eo_net_dialogues *eo_net_dialogues_new(const struct eo_net_payloads_options *options)
{
	EO_AUTO(eo_net_dialogues) all = calloc(1, sizeof(*all));
	struct eo_dns_table_options dns = {.lookup = on_lookup, .arg = all};
	struct eo_http_options http = {
		.keep_query = options->keep_query, .exchange = on_exchange, .arg = all};

	if (!all)
		return NULL;
	all->options = *options;
	all->seed = eo_hash_seed();
	all->dns = eo_dns_table_new(&dns);
	all->message = calloc(1, sizeof(*all->message));
	all->http = eo_http_new(&http);
	return all->dns && all->message && all->http ? eo_steal(&all) : NULL;
}

static void clear(struct dialogue *dialogue)
{
	free(eo_steal(&dialogue->streams[0]));
	free(eo_steal(&dialogue->streams[1]));
	eo_http_connection_free(eo_steal(&dialogue->http));
}

void eo_net_dialogues_free(struct eo_net_dialogues *all)
{
	if (!all)
		return;
	for (uint32_t i = 0; i < all->count; i++) {
		clear(all->dialogues[i]);
		free(all->dialogues[i]);
	}
	free(all->dialogues);
	eo_index_fini(&all->index);
	eo_dns_table_free(all->dns);
	free(all->message);
	eo_http_free(all->http);
	free(all);
}

static uint32_t hash_of(const struct eo_net_dialogues *all, uint64_t cookie)
{
	return (uint32_t)eo_hash_words(all->seed, &cookie, 1);
}

static uint32_t find(const struct eo_net_dialogues *all, uint64_t cookie, bool tls)
{
	uint32_t cursor = 0, place;

	do {
		place = eo_index_next(&all->index, hash_of(all, cookie), &cursor);
	} while (place != EO_INDEX_NONE &&
		 (all->dialogues[place]->cookie != cookie || all->dialogues[place]->tls != tls));
	return place;
}

static void unlink_dialogue(struct eo_net_dialogues *all, struct dialogue *dialogue)
{
	if (dialogue->older)
		dialogue->older->newer = dialogue->newer;
	else
		all->oldest = dialogue->newer;
	if (dialogue->newer)
		dialogue->newer->older = dialogue->older;
	else
		all->newest = dialogue->older;
}

static void link_newest(struct eo_net_dialogues *all, struct dialogue *dialogue)
{
	dialogue->older = all->newest;
	dialogue->newer = NULL;
	if (all->newest)
		all->newest->newer = dialogue;
	else
		all->oldest = dialogue;
	all->newest = dialogue;
}

static void release(struct eo_net_dialogues *all, struct dialogue *dialogue)
{
	unlink_dialogue(all, dialogue);
	clear(dialogue);
	eo_index_remove(&all->index, hash_of(all, dialogue->cookie), dialogue->place);
	dialogue->cookie = 0;
	dialogue->newer = all->free;
	all->free = dialogue;
}

/* What is known of it goes out. */
static void leave(struct eo_net_dialogues *all, struct dialogue *dialogue)
{
	if (dialogue->http)
		eo_http_connection_leave(dialogue->http);
	release(all, dialogue);
}

static bool make_place(struct eo_net_dialogues *all)
{
	if (!EO_ARRAY_RESERVE(all->dialogues, all->count + 1, all->room, 64))
		return false;
	all->free = all->dialogues[all->count] = calloc(1, sizeof(struct dialogue));
	if (!all->free)
		return false;
	all->free->place = all->count++;
	return true;
}

static void fill_owner(struct eo_net_owner *owner, const struct eo_record_header *header)
{
	*owner = (struct eo_net_owner){
		.pid = header->tgid, .tid = header->tid, .ns_pid = header->ns_tgid};
	memcpy(owner->comm, header->comm, strnlen(header->comm, sizeof(owner->comm) - 1));
	memcpy(owner->thread, header->thread, strnlen(header->thread, sizeof(owner->thread) - 1));
}

/* The end of those that have been silent longest may have been lost: they make room. */
static struct dialogue *begin(struct eo_net_dialogues *all, const struct eo_payload_record *record)
{
	uint32_t place = find(all, record->cookie, record->tls);
	struct dialogue *dialogue;

	if (place != EO_INDEX_NONE) {
		unlink_dialogue(all, all->dialogues[place]);
		link_newest(all, all->dialogues[place]);
		return all->dialogues[place];
	}
	if (!all->free && all->count == DIALOGUES_MAX)
		leave(all, all->oldest);
	if (!all->free && !make_place(all))
		return NULL;
	dialogue = all->free;
	if (eo_index_add(&all->index, hash_of(all, record->cookie), dialogue->place) < 0)
		return NULL;
	all->free = dialogue->newer;
	*dialogue = (struct dialogue){.cookie = record->cookie,
				      .tls = record->tls,
				      .place = dialogue->place,
				      .ends = record->ends,
				      .all = all};
	fill_owner(&dialogue->owner, &record->header);
	link_newest(all, dialogue);
	return dialogue;
}

static void end(struct eo_net_dialogues *all, const struct eo_tcp_record *record, bool tls)
{
	uint32_t place = find(all, record->cookie, tls);

	if (place == EO_INDEX_NONE)
		return;
	if (all->dialogues[place]->http)
		eo_http_connection_end(all->dialogues[place]->http, record->header.ktime_ns,
				       record->error);
	release(all, all->dialogues[place]);
}

/* --- DNS ---------------------------------------------------------------------------------- */

static void take_message(struct eo_net_dialogues *all, uint64_t ktime_ns, uint64_t cookie,
			 const struct eo_net_end *server_end, const struct eo_net_owner *owner,
			 const void *bytes, size_t captured, size_t length)
{
	struct eo_net_endpoint server;

	memcpy(&server, server_end, sizeof(server));
	if (eo_dns_parse(bytes, captured, length, all->message) == EO_DNS_OK)
		eo_dns_table_take(all->dns, ktime_ns, cookie, &server, owner, all->message);
	else
		all->malformed++;
}

static void on_stream_message(void *arg, const void *bytes, size_t captured, size_t length)
{
	struct dialogue *dialogue = arg;

	take_message(dialogue->all, dialogue->ktime_ns, dialogue->cookie, &dialogue->ends.peer,
		     &dialogue->owner, bytes, captured, length);
}

static void take_dns_stream(struct eo_net_dialogues *all, const struct eo_payload_record *record)
{
	struct dialogue *dialogue = begin(all, record);
	bool received = record->received;
	struct eo_dns_stream *stream;

	if (dialogue && dialogue->deaf)
		return;
	if (dialogue && !dialogue->streams[received])
		dialogue->streams[received] = calloc(1, sizeof(*stream));
	if (!dialogue || !dialogue->streams[received]) {
		all->dropped++;
		return;
	}
	stream = dialogue->streams[received];
	stream->lost |= record->offset != dialogue->expected[received];
	dialogue->expected[received] = record->offset + record->length;
	dialogue->ktime_ns = record->header.ktime_ns;
	dialogue->owner.stack = record->stack;
	eo_dns_stream_feed(stream, record->bytes, record->captured, record->length,
			   on_stream_message, dialogue);
	/* What is said in the other direction would have no counterpart. */
	if (stream->lost) {
		dialogue->deaf = true;
		clear(dialogue);
	}
}

static void take_dns(struct eo_net_dialogues *all, const struct eo_payload_record *record)
{
	struct eo_net_owner owner;

	if (record->protocol != IPPROTO_UDP) {
		take_dns_stream(all, record);
		return;
	}
	fill_owner(&owner, &record->header);
	owner.stack = record->stack;
	take_message(all, record->header.ktime_ns, record->cookie, &record->ends.peer, &owner,
		     record->bytes, record->captured, record->length);
}

/* --- HTTP --------------------------------------------------------------------------------- */

static void take_http(struct eo_net_dialogues *all, const struct eo_payload_record *record)
{
	static const enum eo_http_role roles[] = {
		[EO_ROLE_UNKNOWN] = EO_HTTP_ROLE_UNKNOWN,
		[EO_ROLE_CLIENT] = EO_HTTP_CLIENT,
		[EO_ROLE_SERVER] = EO_HTTP_SERVER,
	};
	struct dialogue *dialogue = begin(all, record);
	struct eo_http_chunk chunk = {
		.direction = record->received ? EO_HTTP_RECEIVED : EO_HTTP_SENT,
		.ktime_ns = record->header.ktime_ns,
		.stack = record->stack,
		.offset = record->offset,
		.bytes = record->bytes,
		.captured = record->captured,
		.length = record->length,
	};

	if (!dialogue) {
		all->dropped++;
		return;
	}
	if (dialogue->deaf)
		return;
	while (!eo_http_has_room(all->http) && all->oldest != dialogue)
		leave(all, all->oldest);
	if (!dialogue->http)
		dialogue->http = eo_http_connection_new(
			all->http,
			record->role < EO_ARRAY_SIZE(roles) ? roles[record->role] :
							      EO_HTTP_ROLE_UNKNOWN,
			!record->existed && !record->offset, dialogue);
	if (!dialogue->http) {
		all->dropped++;
	} else if (!eo_http_connection_feed(dialogue->http, &chunk)) {
		dialogue->deaf = true;
		eo_http_connection_free(eo_steal(&dialogue->http));
	}
}

/* --- records ------------------------------------------------------------------------------ */

static bool is_whole(const struct eo_payload_record *record, size_t size)
{
	return size >= EO_PAYLOAD_HEADER_BYTES && record->captured <= EO_PAYLOAD_BYTES &&
	       record->captured <= size - EO_PAYLOAD_HEADER_BYTES &&
	       record->captured <= record->length;
}

int eo_net_dialogues_take(struct eo_net_dialogues *all, const struct eo_record_header *header,
			  size_t size)
{
	const struct eo_payload_record *record = (const void *)header;

	if (header->kind == EO_RECORD_TCP_CLOSE && size >= sizeof(struct eo_tcp_record)) {
		end(all, (const void *)header, false);
		end(all, (const void *)header, true);
	} else if (header->kind != EO_RECORD_PAYLOAD || !is_whole(record, size)) {
		all->dropped++;
	} else if (record->use == EO_PAYLOAD_DNS) {
		take_dns(all, record);
	} else {
		take_http(all, record);
	}
	return all->error;
}

int eo_net_dialogues_expire(struct eo_net_dialogues *all, uint64_t now_ns)
{
	eo_dns_table_expire(all->dns, now_ns);
	return all->error;
}

int eo_net_dialogues_leave(struct eo_net_dialogues *all)
{
	while (all->oldest)
		leave(all, all->oldest);
	return all->error;
}

struct eo_net_payloads_counts eo_net_dialogues_counts(const struct eo_net_dialogues *all)
{
	const struct eo_dns_counts *dns = eo_dns_table_counts(all->dns);
	const struct eo_http_counts *http = eo_http_counts(all->http);

	return (struct eo_net_payloads_counts){
		.events = all->events,
		.dns_malformed = all->malformed,
		.dns_unmatched = dns->unmatched + dns->evicted + dns->refused,
		.http_unpaired = http->unpaired_requests + http->unpaired_responses,
		.http_inexact = http->malformed + http->heads_cut + http->places_lost,
		.dropped = all->dropped + eo_http_refused(all->http),
	};
}
