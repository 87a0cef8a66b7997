// SPDX-License-Identifier: BSD-2-Clause
#include "capture/net_payloads.h"

#include <stdlib.h>

#include "capture/net_dialogue.h"
#include "capture/record_queue.h"

/* At most, of records that wait. */
#define WAITING_MAX	  131072u
#define WAITING_BYTES_MAX (32u << 20)

struct eo_net_payloads {
	struct eo_net_dialogues *dialogues;
	struct eo_record_queue *waiting;
	uint64_t dropped;
};

struct eo_net_payloads *eo_net_payloads_new(const struct eo_net_payloads_options *options)
{
	EO_AUTO(eo_net_payloads) payloads = calloc(1, sizeof(*payloads));

	if (!payloads)
		return NULL;
	payloads->dialogues = eo_net_dialogues_new(options);
	payloads->waiting = eo_record_queue_new(WAITING_MAX, WAITING_BYTES_MAX);
	return payloads->dialogues && payloads->waiting ? eo_steal(&payloads) : NULL;
}

void eo_net_payloads_free(struct eo_net_payloads *payloads)
{
	if (!payloads)
		return;
	eo_record_queue_free(payloads->waiting);
	eo_net_dialogues_free(payloads->dialogues);
	free(payloads);
}

void eo_net_payloads_add(struct eo_net_payloads *payloads, const struct eo_record_header *record,
			 size_t size)
{
	if (!eo_record_queue_add(payloads->waiting, record, size))
		payloads->dropped++;
}

int eo_net_payloads_run(struct eo_net_payloads *payloads, uint64_t until_ns)
{
	const struct eo_record_header *record;
	size_t size;
	int r = 0;

	while (r >= 0 && (record = eo_record_queue_take(payloads->waiting, until_ns, &size)))
		r = eo_net_dialogues_take(payloads->dialogues, record, size);
	if (r >= 0)
		r = eo_net_dialogues_expire(payloads->dialogues, until_ns);
	return r;
}

int eo_net_payloads_finish(struct eo_net_payloads *payloads, uint64_t now_ns)
{
	int r = eo_net_payloads_run(payloads, now_ns);

	return r < 0 ? r : eo_net_dialogues_leave(payloads->dialogues);
}

struct eo_net_payloads_counts eo_net_payloads_counts(const struct eo_net_payloads *payloads)
{
	struct eo_net_payloads_counts counts = eo_net_dialogues_counts(payloads->dialogues);

	counts.dropped += payloads->dropped;
	return counts;
}
