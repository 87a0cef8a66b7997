/* SPDX-License-Identifier: BSD-2-Clause */
#include "otlp/batch.h"

#include <errno.h>
#include <stdlib.h>

#include "core/array.h"

void eo_otlp_batch_fini(struct eo_otlp_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		eo_otlp_resource_unref(batch->items[i].resource);
	free(batch->items);
	eo_index_fini(&batch->resources);
	eo_arena_fini(&batch->arena);
}

static int add_resource(struct eo_otlp_batch *batch, const struct eo_otlp_resource *resource)
{
	uint32_t cursor = 0, i;
	int status;

	do
		i = eo_index_next(&batch->resources, resource->hash, &cursor);
	while (i != EO_INDEX_NONE && !eo_otlp_resource_equal(batch->items[i].resource, resource));
	if (i != EO_INDEX_NONE)
		return 0;
	status = eo_index_add(&batch->resources, resource->hash, (uint32_t)batch->count);
	if (status == 0)
		batch->resource_bytes += resource->bytes;
	return status;
}

int eo_otlp_batch_add(struct eo_otlp_batch *batch, ProtobufCMessage *message, size_t bytes,
		      struct eo_otlp_resource *resource)
{
	struct eo_otlp_item *item;

	if (!EO_ARRAY_RESERVE(batch->items, batch->count + 1, batch->capacity, 256))
		return -ENOMEM;
	if (add_resource(batch, resource) < 0)
		return -ENOMEM;
	item = &batch->items[batch->count++];
	*item = (struct eo_otlp_item){ message, eo_otlp_resource_ref(resource), bytes };
	batch->bytes += bytes;
	return 0;
}

static void forget_all(struct eo_otlp_batch *batch)
{
	for (size_t i = 0; i < batch->count; i++)
		eo_otlp_resource_unref(batch->items[i].resource);
	batch->first = batch->count = batch->bytes = batch->resource_bytes = 0;
	eo_index_fini(&batch->resources);
	batch->resources = (struct eo_index){ .slots = NULL };
	eo_arena_reset(&batch->arena);
}

int eo_otlp_batch_write(struct eo_otlp_batch *batch, enum eo_otlp_signal signal,
			enum eo_otlp_encoding encoding, FILE *out, struct eo_error *err)
{
	const struct eo_otlp_item *items;
	struct eo_arena arena = { .blocks = NULL };
	ssize_t count;
	size_t bytes;
	int status;

	if (batch->first == batch->count)
		return 0;
	items = &batch->items[batch->first];
	count = eo_otlp_envelope_fit(items, batch->count - batch->first, &bytes);
	if (count < 0)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, ENOMEM, NULL,
				    "write OTLP");
	status = eo_otlp_envelope_write(signal, items, (size_t)count, encoding, &arena, out, err);
	eo_arena_fini(&arena);
	for (ssize_t i = 0; i < count; i++)
		batch->bytes -= items[i].bytes;
	batch->first += (size_t)count;
	if (batch->first == batch->count)
		forget_all(batch);
	return status;
}
