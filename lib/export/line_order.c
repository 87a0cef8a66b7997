// SPDX-License-Identifier: BSD-2-Clause
#include "export/line_order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/array.h"

#define LINES 32768u
#define BYTES (4u << 20)

struct held {
	uint64_t time_ns;
	size_t at, size;
	uint32_t weight;
};

struct eo_line_order {
	struct held held[LINES];
	size_t count;
	char *bytes;
	size_t used, room;
};

struct eo_line_order *eo_line_order_new(void)
{
	return calloc(1, sizeof(struct eo_line_order));
}

void eo_line_order_free(struct eo_line_order *order)
{
	if (!order)
		return;
	free(order->bytes);
	free(order);
}

char *eo_line_order_room(struct eo_line_order *order, size_t size)
{
	if (!EO_ARRAY_RESERVE(order->bytes, order->used + size, order->room, 65536))
		return NULL;
	return order->bytes + order->used;
}

void eo_line_order_add(struct eo_line_order *order, size_t size, uint64_t time_ns, uint32_t weight)
{
	order->held[order->count++] = (struct held){
		.time_ns = time_ns, .at = order->used, .size = size, .weight = weight,
	};
	order->used += size;
}

bool eo_line_order_is_full(const struct eo_line_order *order)
{
	return order->count == LINES || order->used >= BYTES;
}

size_t eo_line_order_waiting(const struct eo_line_order *order)
{
	return order->used;
}

static int by_time(const void *a, const void *b)
{
	const struct held *x = a, *y = b;

	if (x->time_ns != y->time_ns)
		return x->time_ns < y->time_ns ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

int eo_line_order_release(struct eo_line_order *order, struct eo_stream *stream)
{
	int r = 0;

	qsort(order->held, order->count, sizeof(order->held[0]), by_time);
	for (size_t i = 0; i < order->count && !r; i++) {
		const struct held *line = &order->held[i];

		r = eo_stream_put(stream, order->bytes + line->at, line->size, line->weight);
	}
	order->count = order->used = 0;
	return r;
}
