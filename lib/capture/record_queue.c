/* SPDX-License-Identifier: BSD-2-Clause */
#include "capture/record_queue.h"

#include <stdlib.h>
#include <string.h>

#include "core/array.h"

#define SLAB_BYTES ((size_t)64 << 10)

/* Bytes of records, one behind the other. It goes when all of them were taken. */
struct slab {
	size_t used, room;
	size_t waiting; /* records */
	_Alignas(8) char bytes[];
};

struct place {
	uint64_t ktime_ns;
	struct slab *slab;
	uint32_t at, size;
};

struct eo_record_queue {
	size_t max_count, max_bytes;
	size_t bytes;
	struct place *sorted; /* from `first` on */
	size_t first, sorted_count, sorted_room;
	struct place *fresh; /* as they came */
	size_t fresh_count, fresh_room;
	struct slab *filling; /* NULL: none */
	struct slab *taken;   /* has the record that was taken last; NULL: none */
};

struct eo_record_queue *eo_record_queue_new(size_t max_count, size_t max_bytes)
{
	struct eo_record_queue *queue = calloc(1, sizeof(*queue));

	if (!queue)
		return NULL;
	queue->max_count = max_count;
	queue->max_bytes = max_bytes;
	return queue;
}

static void forget(struct eo_record_queue *queue, struct slab *slab)
{
	if (!slab || --slab->waiting)
		return;
	if (slab == queue->filling)
		slab->used = 0;
	else
		free(slab);
}

void eo_record_queue_free(struct eo_record_queue *queue)
{
	if (!queue)
		return;
	for (size_t i = queue->first; i < queue->sorted_count; i++)
		forget(queue, queue->sorted[i].slab);
	for (size_t i = 0; i < queue->fresh_count; i++)
		forget(queue, queue->fresh[i].slab);
	forget(queue, queue->taken);
	free(queue->filling);
	free(queue->sorted);
	free(queue->fresh);
	free(queue);
}

/* With room for @size bytes more. */
static struct slab *slab_for(struct eo_record_queue *queue, size_t size)
{
	struct slab *slab = queue->filling;
	size_t room = size > SLAB_BYTES ? size : SLAB_BYTES;

	if (slab && slab->room - slab->used >= size)
		return slab;
	slab = malloc(sizeof(*slab) + room);
	if (!slab)
		return NULL;
	*slab = (struct slab){.room = room};
	if (queue->filling && !queue->filling->waiting)
		free(queue->filling);
	queue->filling = slab;
	return slab;
}

bool eo_record_queue_add(struct eo_record_queue *queue, const struct eo_record_header *record,
			 size_t size)
{
	size_t count = queue->sorted_count - queue->first + queue->fresh_count;
	size_t space = (size + 7) / 8 * 8;
	struct slab *slab;

	if (count >= queue->max_count || queue->bytes + size > queue->max_bytes ||
	    !EO_ARRAY_RESERVE(queue->fresh, queue->fresh_count + 1, queue->fresh_room, 256))
		return false;
	slab = slab_for(queue, space);
	if (!slab)
		return false;
	queue->fresh[queue->fresh_count++] =
		(struct place){record->ktime_ns, slab, (uint32_t)slab->used, (uint32_t)size};
	memcpy(slab->bytes + slab->used, record, size);
	slab->used += space;
	slab->waiting++;
	queue->bytes += size;
	return true;
}

static int by_time(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return (x->ktime_ns > y->ktime_ns) - (x->ktime_ns < y->ktime_ns);
}

/* From the end on, as what is fresh lies behind nearly all that is sorted. */
static bool sort_in(struct eo_record_queue *queue)
{
	size_t kept = queue->sorted_count - queue->first, fresh = queue->fresh_count;
	struct place *sorted;

	if (queue->first)
		memmove(queue->sorted, queue->sorted + queue->first, kept * sizeof(*sorted));
	queue->first = 0;
	queue->sorted_count = kept;
	if (!EO_ARRAY_RESERVE(queue->sorted, kept + fresh, queue->sorted_room, 256))
		return false;
	qsort(queue->fresh, fresh, sizeof(*queue->fresh), by_time);
	sorted = queue->sorted;
	queue->sorted_count = kept + fresh;
	for (size_t to = kept + fresh; fresh > 0; to--) {
		if (kept > 0 && sorted[kept - 1].ktime_ns > queue->fresh[fresh - 1].ktime_ns)
			sorted[to - 1] = sorted[--kept];
		else
			sorted[to - 1] = queue->fresh[--fresh];
	}
	queue->fresh_count = 0;
	return true;
}

const struct eo_record_header *eo_record_queue_take(struct eo_record_queue *queue,
						    uint64_t until_ns, size_t *size)
{
	const struct place *next;

	forget(queue, eo_steal(&queue->taken));
	if (queue->fresh_count && !sort_in(queue))
		return NULL;
	if (queue->first == queue->sorted_count)
		return NULL;
	next = &queue->sorted[queue->first];
	if (next->ktime_ns > until_ns)
		return NULL;
	queue->first++;
	queue->bytes -= next->size;
	queue->taken = next->slab;
	*size = next->size;
	return (const void *)(next->slab->bytes + next->at);
}
