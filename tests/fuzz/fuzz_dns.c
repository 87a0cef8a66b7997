/* SPDX-License-Identifier: BSD-2-Clause */
/* Messages of DNS made of anything: read whole, read cut, and taken by a table that gets its
 * queries and answers from the same bytes; and as a stream of TCP. */
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "net/dns_stream.h"
#include "net/dns_table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct state {
	struct eo_dns_table *table;
	struct eo_dns_message message;
	uint64_t now_ns, lookups;
};

static void count(void *arg, const struct eo_dns_lookup *lookup)
{
	struct state *state = arg;

	if (strlen(lookup->question) >= EO_DNS_NAME_BYTES)
		__builtin_trap();
	state->lookups++;
}

static void take(void *arg, const void *bytes, size_t captured, size_t length)
{
	static const struct eo_net_endpoint server = {{127, 0, 0, 1}, 53, AF_INET};
	static const struct eo_net_owner owner = {.pid = 1};
	struct state *state = arg;
	struct eo_dns_message *message = &state->message;
	char room[EO_DNS_WORD_BYTES];

	if (eo_dns_parse(bytes, captured, length, message))
		return;
	for (size_t i = 0; i < message->answers_kept; i++)
		if (message->answers[i].text + strlen(message->answers[i].text) >=
		    message->texts + sizeof(message->texts))
			__builtin_trap();
	if (!*eo_dns_type_name(message->qtype, room) || !*eo_dns_rcode_name(message->rcode, room))
		__builtin_trap();
	state->now_ns += EO_DNS_TIMEOUT_NS / 4;
	for (int response = 0; response < 2; response++) {
		message->response = response ? !message->response : message->response;
		eo_dns_table_take(state->table, state->now_ns, message->qtype & 3, &server, &owner,
				  message);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct state *state = calloc(1, sizeof(*state));
	struct eo_dns_stream *stream = calloc(1, sizeof(*stream));

	if (state && stream)
		state->table = eo_dns_table_new(&(struct eo_dns_table_options){
			.queries_max = 5, .memory_max = 300, .lookup = count, .arg = state});
	if (state && state->table) {
		const struct eo_dns_counts *counts = eo_dns_table_counts(state->table);

		take(state, data, size, size);
		take(state, data, size / 2, size);
		eo_dns_stream_feed(stream, data, size - size / 3, size, take, state);
		eo_dns_stream_feed(stream, data, size, size, take, state);
		eo_dns_table_expire(state->table, UINT64_MAX);
		if (counts->queries != counts->answered + counts->timed_out + counts->evicted ||
		    state->lookups != counts->answered + counts->timed_out ||
		    eo_dns_table_waiting(state->table))
			__builtin_trap();
		eo_dns_table_free(state->table);
	}
	free(stream);
	free(state);
	return 0;
}
