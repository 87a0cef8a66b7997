/* SPDX-License-Identifier: BSD-2-Clause */
/* Queries stand in slots, in a list by the time of their last try: the ones to give up next are at
 * its head. The index knows them by socket, id and server; the question is compared, for the same
 * id can be under way for A and AAAA. */
#include "net/dns_table.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "core/hash.h"
#include "core/index.h"
#include "net/budget.h"

#define QUERIES_DEFAULT 4096
#define MEMORY_DEFAULT (1u << 20)
#define NONE UINT32_MAX

struct query {
	uint64_t first_ns, last_ns;
	uint64_t cookie;
	char *question;
	struct eo_net_endpoint server;
	struct eo_net_owner owner;
	uint32_t hash, retries;
	uint32_t previous, next; /* by last_ns; next also links the free ones */
	uint16_t id, qtype, qclass;
};

struct eo_dns_table {
	struct eo_dns_table_options options;
	struct eo_dns_counts counts;
	struct eo_budget budget;
	struct eo_index index;
	struct query *queries;
	uint32_t used, free, waiting; /* @used: slots that were ever in use */
	uint32_t oldest, newest;
	uint64_t seed;
};

struct eo_dns_table *eo_dns_table_new(const struct eo_dns_table_options *options)
{
	EO_AUTO(eo_dns_table) table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->options = *options;
	if (!table->options.queries_max)
		table->options.queries_max = QUERIES_DEFAULT;
	if (!table->options.timeout_ns)
		table->options.timeout_ns = EO_DNS_TIMEOUT_NS;
	table->budget.limit = options->memory_max ? options->memory_max : MEMORY_DEFAULT;
	table->seed = eo_hash_seed();
	table->free = table->oldest = table->newest = NONE;
	/* Pages that are never written cost nothing. */
	table->queries = calloc(table->options.queries_max, sizeof(*table->queries));
	return table->queries ? eo_steal(&table) : NULL;
}

void eo_dns_table_free(struct eo_dns_table *table)
{
	if (!table)
		return;
	for (uint32_t i = 0; i < table->used; i++)
		free(table->queries[i].question);
	eo_index_fini(&table->index);
	free(table->queries);
	free(table);
}

static uint32_t hash_of(const struct eo_dns_table *table, uint64_t cookie, uint16_t id,
			const struct eo_net_endpoint *server)
{
	uint64_t words[5] = {cookie, id};

	memcpy(words + 2, server, sizeof(*server));
	return (uint32_t)eo_hash_words(table->seed, words, EO_ARRAY_SIZE(words));
}

/* Servers may answer without repeating the question, and in letters of another case. */
static bool fits(const struct query *query, const struct eo_dns_message *message, uint64_t cookie,
		 const struct eo_net_endpoint *server)
{
	return query->cookie == cookie && query->id == message->id &&
	       !memcmp(&query->server, server, sizeof(*server)) &&
	       ((message->response && !message->has_question) ||
		(query->qtype == message->qtype && query->qclass == message->qclass &&
		 !strcasecmp(query->question, message->question)));
}

static uint32_t find(const struct eo_dns_table *table, const struct eo_dns_message *message,
		     uint64_t cookie, const struct eo_net_endpoint *server)
{
	uint32_t hash = hash_of(table, cookie, message->id, server), cursor = 0, i;

	while ((i = eo_index_next(&table->index, hash, &cursor)) != EO_INDEX_NONE)
		if (fits(&table->queries[i], message, cookie, server))
			return i;
	return NONE;
}

static void unlink_query(struct eo_dns_table *table, uint32_t i)
{
	struct query *query = &table->queries[i];

	if (query->previous == NONE)
		table->oldest = query->next;
	else
		table->queries[query->previous].next = query->next;
	if (query->next == NONE)
		table->newest = query->previous;
	else
		table->queries[query->next].previous = query->previous;
}

static void link_newest(struct eo_dns_table *table, uint32_t i)
{
	table->queries[i].previous = table->newest;
	table->queries[i].next = NONE;
	if (table->newest == NONE)
		table->oldest = i;
	else
		table->queries[table->newest].next = i;
	table->newest = i;
}

static void release(struct eo_dns_table *table, uint32_t i)
{
	struct query *query = &table->queries[i];

	unlink_query(table, i);
	eo_index_remove(&table->index, query->hash, i);
	eo_budget_free(&table->budget, query->question, strlen(query->question) + 1);
	*query = (struct query){.next = table->free};
	table->free = i;
	table->waiting--;
}

static void finish(struct eo_dns_table *table, uint32_t i, uint64_t end_ns,
		   const struct eo_dns_message *answer)
{
	struct query *query = &table->queries[i];
	struct eo_dns_lookup lookup = {
		.ktime_ns = query->first_ns,
		.duration_ns = end_ns > query->first_ns ? end_ns - query->first_ns : 0,
		.cookie = query->cookie,
		.server = &query->server,
		.owner = &query->owner,
		.question = query->question,
		.qtype = query->qtype,
		.error = answer ? 0 : ETIMEDOUT,
		.retries = query->retries,
		.answer = answer,
	};

	if (table->options.lookup)
		table->options.lookup(table->options.arg, &lookup);
	release(table, i);
}

static bool add(struct eo_dns_table *table, uint64_t ktime_ns, uint64_t cookie,
		const struct eo_net_endpoint *server, const struct eo_net_owner *owner,
		const struct eo_dns_message *message)
{
	size_t size = strlen(message->question) + 1;
	uint32_t hash = hash_of(table, cookie, message->id, server), i;
	struct query *query;
	char *question;

	/* Names are short next to what all of them may need: this ends. */
	while (table->waiting && (table->waiting == table->options.queries_max ||
				  table->budget.used + size > table->budget.limit)) {
		release(table, table->oldest);
		table->counts.evicted++;
	}
	question = eo_budget_alloc(&table->budget, size);
	if (!question)
		return false;
	i = table->free != NONE ? table->free : table->used;
	if (eo_index_add(&table->index, hash, i) < 0) {
		eo_budget_free(&table->budget, question, size);
		return false;
	}
	query = &table->queries[i];
	if (i == table->used)
		table->used++;
	else
		table->free = query->next;
	*query = (struct query){
		.first_ns = ktime_ns,
		.last_ns = ktime_ns,
		.cookie = cookie,
		.question = memcpy(question, message->question, size),
		.server = *server,
		.hash = hash,
		.id = message->id,
		.qtype = message->qtype,
		.qclass = message->qclass,
	};
	if (owner)
		query->owner = *owner;
	link_newest(table, i);
	table->waiting++;
	return true;
}

void eo_dns_table_take(struct eo_dns_table *table, uint64_t ktime_ns, uint64_t cookie,
		       const struct eo_net_endpoint *server, const struct eo_net_owner *owner,
		       const struct eo_dns_message *message)
{
	uint32_t i;

	/* Before the search: an answer that comes too late finds nothing, whoever expires when. */
	eo_dns_table_expire(table, ktime_ns);
	if (message->opcode != 0 || (!message->response && !message->has_question)) {
		table->counts.ignored++;
		return;
	}
	i = find(table, message, cookie, server);
	if (message->response) {
		if (i == NONE) {
			table->counts.unmatched++;
			return;
		}
		table->counts.answered++;
		finish(table, i, ktime_ns, message);
	} else if (i != NONE) {
		struct query *query = &table->queries[i];

		query->retries++;
		if (ktime_ns > query->last_ns)
			query->last_ns = ktime_ns;
		unlink_query(table, i);
		link_newest(table, i);
		table->counts.retries++;
	} else if (add(table, ktime_ns, cookie, server, owner, message)) {
		table->counts.queries++;
	} else {
		table->counts.refused++;
	}
}

void eo_dns_table_expire(struct eo_dns_table *table, uint64_t now_ns)
{
	while (table->oldest != NONE) {
		const struct query *query = &table->queries[table->oldest];

		if (now_ns < query->last_ns || now_ns - query->last_ns < table->options.timeout_ns)
			break;
		table->counts.timed_out++;
		finish(table, table->oldest, query->last_ns + table->options.timeout_ns, NULL);
	}
}

const struct eo_dns_counts *eo_dns_table_counts(const struct eo_dns_table *table)
{
	return &table->counts;
}

uint32_t eo_dns_table_waiting(const struct eo_dns_table *table)
{
	return table->waiting;
}
