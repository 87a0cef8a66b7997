// SPDX-License-Identifier: BSD-2-Clause
#include "capture/net_payloads.h"

#include <stdlib.h>
#include <string.h>

#include "capture/net_dialogue.h"
#include "core/array.h"
#include "core/auto.h"

/* Records that wait at most: 32 MB. */
#define WAITING_MAX	 65536u
#define WAITING_BYTES_MAX (32u << 20)

struct waiting {
	uint64_t ktime_ns;
	size_t size;
	struct eo_record_header *record;
};

struct eo_net_payloads {
	struct eo_net_dialogues *dialogues;
	struct waiting *waiting;
	size_t count, room, bytes;
	uint64_t dropped;
};

struct eo_net_payloads *eo_net_payloads_new(const struct eo_net_payloads_options *options)
{
	EO_AUTO(eo_net_payloads) payloads = calloc(1, sizeof(*payloads));

	if (!payloads)
		return NULL;
	payloads->dialogues = eo_net_dialogues_new(options);
	return payloads->dialogues ? eo_steal(&payloads) : NULL;
}

void eo_net_payloads_free(struct eo_net_payloads *payloads)
{
	if (!payloads)
		return;
	for (size_t i = 0; i < payloads->count; i++)
		free(payloads->waiting[i].record);
	free(payloads->waiting);
	eo_net_dialogues_free(payloads->dialogues);
	free(payloads);
}

void eo_net_payloads_add(struct eo_net_payloads *payloads, const struct eo_record_header *record,
			 size_t size)
{
	struct eo_record_header *copy = NULL;

	if (payloads->count < WAITING_MAX && payloads->bytes + size <= WAITING_BYTES_MAX &&
	    EO_ARRAY_RESERVE(payloads->waiting, payloads->count + 1, payloads->room, 256))
		copy = malloc(size);
	if (!copy) {
		payloads->dropped++;
		return;
	}
	memcpy(copy, record, size);
	payloads->bytes += size;
	payloads->waiting[payloads->count++] = (struct waiting){record->ktime_ns, size, copy};
}

static int by_time(const void *a, const void *b)
{
	const struct waiting *x = a, *y = b;

	return (x->ktime_ns > y->ktime_ns) - (x->ktime_ns < y->ktime_ns);
}

int eo_net_payloads_run(struct eo_net_payloads *payloads, uint64_t until_ns)
{
	size_t done = 0;
	int r = 0;

	qsort(payloads->waiting, payloads->count, sizeof(*payloads->waiting), by_time);
	while (done < payloads->count && payloads->waiting[done].ktime_ns <= until_ns && r >= 0) {
		struct waiting *next = &payloads->waiting[done++];

		r = eo_net_dialogues_take(payloads->dialogues, next->record, next->size);
		payloads->bytes -= next->size;
		free(next->record);
	}
	payloads->count -= done;
	if (done)
		memmove(payloads->waiting, payloads->waiting + done,
			payloads->count * sizeof(*payloads->waiting));
	if (r >= 0)
		r = eo_net_dialogues_expire(payloads->dialogues, until_ns);
	return r;
}

struct eo_net_payloads_counts eo_net_payloads_counts(const struct eo_net_payloads *payloads)
{
	struct eo_net_payloads_counts counts = eo_net_dialogues_counts(payloads->dialogues);

	counts.dropped += payloads->dropped;
	return counts;
}
