// SPDX-License-Identifier: BSD-2-Clause
#include "capture/net_http_rows.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/net_attributes.h"
#include "core/array.h"
#include "core/hash.h"
#include "core/index.h"

#define ROWS_MAX  16384
#define TEXT_MAX  512 /* of a host or path in a row */
#define OCTAVES	  44  /* up to five hours */
#define QUARTERS  (4 * OCTAVES)
#define TOO_MANY  "[path limit]"

/* Compared as bytes: always zeroed. */
struct key {
	uint32_t pid;
	enum eo_net_role role;
	char comm[EO_COMM_BYTES];
	struct eo_net_end peer;
	char host[TEXT_MAX], path[TEXT_MAX];
};

struct row {
	struct key key;
	uint64_t count, errors, tx_bytes, rx_bytes;
	uint64_t total_ns, min_ns, max_ns;
	uint32_t slots[QUARTERS]; /* four for each power of two */
};

struct eo_net_http_rows {
	struct eo_net_http_rows_options options;
	struct row **rows; /* index.element is the place */
	size_t count, room;
	struct eo_index index;
	uint64_t seed;
};

struct eo_net_http_rows *eo_net_http_rows_new(const struct eo_net_http_rows_options *options)
{
	struct eo_net_http_rows *rows = calloc(1, sizeof(*rows));

	if (!rows)
		return NULL;
	rows->options = *options;
	if (!rows->options.rows_max)
		rows->options.rows_max = ROWS_MAX;
	rows->seed = eo_hash_seed();
	return rows;
}

static void clear(struct eo_net_http_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++)
		free(rows->rows[i]);
	rows->count = 0;
	eo_index_fini(&rows->index);
	rows->index = (struct eo_index){0};
}

void eo_net_http_rows_free(struct eo_net_http_rows *rows)
{
	if (!rows)
		return;
	clear(rows);
	free(rows->rows);
	free(rows);
}

/* --- add ---------------------------------------------------------------------------------- */

static uint64_t number_of(const struct eo_event *event, const char *key)
{
	int64_t number;

	return eo_event_number(event, key, NULL, &number) ? (uint64_t)number : 0;
}

static enum eo_net_role role_of(const struct eo_event *event)
{
	const char *name = eo_event_text(event, "role", NULL);

	for (enum eo_net_role role = EO_ROLE_CLIENT; name && role <= EO_ROLE_SERVER; role++)
		if (!strcmp(name, eo_net_role_name(role)))
			return role;
	return EO_ROLE_UNKNOWN;
}

/* @from: may be NULL */
static void copy_text(char to[TEXT_MAX], const char *from)
{
	if (from)
		memcpy(to, from, strnlen(from, TEXT_MAX - 1));
}

static void fill_peer(struct eo_net_end *end, const struct eo_event *event, bool with_port)
{
	const struct eo_attr *peer = eo_event_data(event, "peer");
	const struct eo_attr *address = eo_attr_member(peer, "address");
	const struct eo_attr *port = eo_attr_member(peer, "port");

	if (!address)
		return;
	end->family = strchr(address->str, ':') ? AF_INET6 : AF_INET;
	if (inet_pton(end->family, address->str, end->address) != 1)
		end->family = 0;
	if (port && with_port)
		end->port = (uint16_t)port->unum;
}

static void fill_key(const struct eo_net_http_rows *rows, const struct eo_event *event,
		     struct key *key)
{
	memset(key, 0, sizeof(*key));
	key->role = role_of(event);
	if (rows->options.by_pid)
		key->pid = event->pid;
	if (rows->options.by_comm)
		memcpy(key->comm, event->comm, strnlen(event->comm, sizeof(key->comm) - 1));
	if (rows->options.by_peer)
		fill_peer(&key->peer, event, key->role != EO_ROLE_SERVER);
	copy_text(key->host, eo_event_text(event, "host", NULL));
	copy_text(key->path, eo_event_text(event, "path", NULL));
}

static struct row *find(const struct eo_net_http_rows *rows, const struct key *key, uint32_t hash)
{
	uint32_t cursor = 0, place;

	while ((place = eo_index_next(&rows->index, hash, &cursor)) != EO_INDEX_NONE)
		if (!memcmp(&rows->rows[place]->key, key, sizeof(*key)))
			return rows->rows[place];
	return NULL;
}

static struct row *make(struct eo_net_http_rows *rows, const struct key *key, uint32_t hash)
{
	struct row *row = calloc(1, sizeof(*row));

	if (!row || !EO_ARRAY_RESERVE(rows->rows, rows->count + 1, rows->room, 64) ||
	    eo_index_add(&rows->index, hash, (uint32_t)rows->count) < 0) {
		free(row);
		return NULL;
	}
	row->key = *key;
	rows->rows[rows->count++] = row;
	return row;
}

static struct row *find_or_make(struct eo_net_http_rows *rows, struct key *key)
{
	uint32_t hash = (uint32_t)eo_hash(rows->seed, key, sizeof(*key));
	struct row *row = find(rows, key, hash);

	if (row || rows->count < rows->options.rows_max)
		return row ? row : make(rows, key, hash);
	/* One for each process still, whatever strangers ask it for. */
	memset(key->host, 0, sizeof(key->host));
	memset(key->path, 0, sizeof(key->path));
	memset(&key->peer, 0, sizeof(key->peer));
	copy_text(key->path, TOO_MANY);
	hash = (uint32_t)eo_hash(rows->seed, key, sizeof(*key));
	row = find(rows, key, hash);
	return row ? row : make(rows, key, hash);
}

static size_t slot_of(uint64_t ns)
{
	unsigned int octave = ns ? 63 - (unsigned int)__builtin_clzll(ns) : 0;
	uint64_t quarter = octave >= 2 ? ns >> (octave - 2) & 3 : 0;

	return octave < OCTAVES ? 4 * octave + quarter : QUARTERS - 1;
}

/* As OpenTelemetry sees it: a server that says 404 did its work, a client did not get its own. */
static bool is_error(const struct eo_event *event, const struct key *key)
{
	return eo_event_data(event, "error") ||
	       number_of(event, "status") >= (key->role == EO_ROLE_CLIENT ? 400 : 500);
}

int eo_net_http_rows_add(struct eo_net_http_rows *rows, const struct eo_event *event)
{
	uint64_t ns = number_of(event, "duration_ns");
	uint64_t request = number_of(event, "request_bytes");
	uint64_t response = number_of(event, "response_bytes");
	bool is_client;
	struct row *row;
	struct key key;

	fill_key(rows, event, &key);
	is_client = key.role == EO_ROLE_CLIENT;
	row = find_or_make(rows, &key);
	if (!row)
		return -ENOMEM;
	if (!row->count || ns < row->min_ns)
		row->min_ns = ns;
	if (ns > row->max_ns)
		row->max_ns = ns;
	row->count++;
	row->total_ns += ns;
	row->slots[slot_of(ns)]++;
	row->errors += is_error(event, &key);
	row->tx_bytes += is_client ? request : response;
	row->rx_bytes += is_client ? response : request;
	return 0;
}

/* --- tell --------------------------------------------------------------------------------- */

/* The upper end of the slot in which it lies. */
static uint64_t quantile(const struct row *row, unsigned int percent)
{
	uint64_t passed = 0, ns = row->max_ns;

	for (unsigned int i = 0; i < QUARTERS && passed * 100 < row->count * percent; i++) {
		passed += row->slots[i];
		ns = ((uint64_t)(4 + i % 4 + 1) << (i / 4)) / 4;
	}
	return ns > row->max_ns ? row->max_ns : ns < row->min_ns ? row->min_ns : ns;
}

static void add_buckets(struct eo_net_attributes *attrs, struct eo_attr *buckets,
			const struct row *row)
{
	uint32_t last = 0;

	memcpy(buckets, attrs->attrs, attrs->count * sizeof(*buckets));
	buckets += attrs->count;
	*buckets = (struct eo_attr){.key = "buckets", .type = EO_ATTR_ARRAY};
	for (uint32_t k = 0; k < OCTAVES; k++) {
		const uint32_t *slots = &row->slots[4 * k];

		buckets[1 + k] = (struct eo_attr){
			.type = EO_ATTR_UINT,
			.unum = (uint64_t)slots[0] + slots[1] + slots[2] + slots[3],
		};
		if (buckets[1 + k].unum)
			last = k + 1;
	}
	buckets->count = last;
}

static int tell(const struct row *row, uint64_t ktime_ns, eo_trace_event_fn fn, void *ctx)
{
	struct eo_attr data[EO_NET_ATTRIBUTES_MAX + 1 + OCTAVES];
	struct eo_net_attributes attrs = {0};
	const struct key *key = &row->key;
	struct eo_event event = {.type = EO_EVENT_NET_SUMMARY, .ktime_ns = ktime_ns, .data = data};

	if (*key->comm)
		eo_net_attributes_string(&attrs, "comm", key->comm);
	if (key->pid) {
		eo_net_attributes_uint(&attrs, "pid", key->pid);
		event.pid = event.tid = key->pid;
		memcpy(event.comm, key->comm, sizeof(event.comm));
	}
	eo_net_attributes_end(&attrs, "peer", &key->peer);
	eo_net_attributes_string(&attrs, "proto", "http");
	eo_net_attributes_string(&attrs, "role", eo_net_role_name(key->role));
	if (*key->host)
		eo_net_attributes_string(&attrs, "host", key->host);
	if (*key->path)
		eo_net_attributes_string(&attrs, "path", key->path);
	eo_net_attributes_uint(&attrs, "count", row->count);
	eo_net_attributes_uint(&attrs, "errors", row->errors);
	eo_net_attributes_uint(&attrs, "tx_bytes", row->tx_bytes);
	eo_net_attributes_uint(&attrs, "rx_bytes", row->rx_bytes);
	eo_net_attributes_uint(&attrs, "total_ns", row->total_ns);
	eo_net_attributes_uint(&attrs, "min_ns", row->min_ns);
	eo_net_attributes_uint(&attrs, "mean_ns", row->total_ns / row->count);
	eo_net_attributes_uint(&attrs, "p50_ns", quantile(row, 50));
	eo_net_attributes_uint(&attrs, "p99_ns", quantile(row, 99));
	eo_net_attributes_uint(&attrs, "max_ns", row->max_ns);
	add_buckets(&attrs, data, row);
	event.data_count = attrs.count + 1 + data[attrs.count].count;
	return fn(ctx, &event);
}

int eo_net_http_rows_tell(struct eo_net_http_rows *rows, uint64_t ktime_ns, eo_trace_event_fn fn,
			  void *ctx)
{
	int r = 0;

	for (size_t i = 0; i < rows->count && r >= 0; i++)
		r = tell(rows->rows[i], ktime_ns, fn, ctx);
	clear(rows);
	return r < 0 ? r : 0;
}
