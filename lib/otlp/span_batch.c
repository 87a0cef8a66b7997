/* SPDX-License-Identifier: BSD-2-Clause */
#include "otlp/span_batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "otlp/batch.h"

struct eo_span_batch {
	struct eo_otlp_batch batch;
};

struct eo_span_batch *eo_span_batch_new(void)
{
	return calloc(1, sizeof(struct eo_span_batch));
}

void eo_span_batch_free(struct eo_span_batch *batch)
{
	if (batch)
		eo_otlp_batch_fini(&batch->batch);
	free(batch);
}

size_t eo_span_batch_count(const struct eo_span_batch *batch)
{
	return batch->batch.count - batch->batch.first;
}

size_t eo_span_batch_bytes(const struct eo_span_batch *batch)
{
	return batch->batch.bytes + batch->batch.resource_bytes;
}

int eo_span_batch_write(struct eo_span_batch *batch, enum eo_otlp_encoding encoding, FILE *out,
			struct eo_error *err)
{
	return eo_otlp_batch_write(&batch->batch, EO_OTLP_TRACES, encoding, out, err);
}

struct eo_attribute_list eo_span_batch_attributes(struct eo_span_batch *batch)
{
	return (struct eo_attribute_list){ .arena = &batch->batch.arena };
}

static ProtobufCBinaryData copy_id(uint8_t *to, const uint8_t *id, size_t size)
{
	return (ProtobufCBinaryData){ .len = size, .data = memcpy(to, id, size) };
}

static bool add_events(struct eo_arena *arena, const struct eo_otlp_span *span, EoSpan *to)
{
	to->events = eo_arena_alloc(arena, span->event_count * sizeof(EoSpanEvent *));
	if (!to->events)
		return false;
	for (uint32_t i = 0; i < span->event_count; i++) {
		struct eo_attribute_list list = { .arena = arena };
		EoSpanEvent *event = eo_arena_alloc(arena, sizeof(*event));

		if (span->events[i].count)
			eo_attribute_list_int(&list, "ebpfotel.count",
					       (int64_t)span->events[i].count);
		if (!event || list.failed)
			return false;
		*event = (EoSpanEvent)OPENTELEMETRY__PROTO__TRACE__V1__SPAN__EVENT__INIT;
		event->name = (char *)span->events[i].name;
		event->time_unix_nano = span->events[i].time_ns;
		event->attributes = list.items;
		event->n_attributes = list.count;
		to->events[to->n_events++] = event;
	}
	to->dropped_events_count = span->dropped_events;
	return true;
}

int eo_span_batch_add(struct eo_span_batch *batch, const struct eo_otlp_span *span,
		      const struct eo_attribute_list *attributes,
		      struct eo_otlp_resource *resource)
{
	struct eo_arena *arena = &batch->batch.arena;
	struct eo_attribute_list texts = { .arena = arena };
	EoSpan *message = eo_arena_alloc(arena, sizeof(*message));
	EoStatus *status = span->failed ? eo_arena_alloc(arena, sizeof(*status)) : NULL;
	uint8_t *ids = eo_arena_alloc(arena, sizeof(span->trace_id) + 2 * sizeof(span->span_id));
	size_t bytes = 512 + attributes->bytes + 160 * (size_t)span->event_count;

	if (!message || (span->failed && !status) || !ids || attributes->failed)
		return -ENOMEM;
	*message = (EoSpan)OPENTELEMETRY__PROTO__TRACE__V1__SPAN__INIT;
	message->name = eo_otlp_text(&texts, span->name, &bytes);
	if (!message->name)
		return -ENOMEM;
	message->kind = (Opentelemetry__Proto__Trace__V1__Span__SpanKind)span->kind;
	message->trace_id = copy_id(ids, span->trace_id, sizeof(span->trace_id));
	ids += sizeof(span->trace_id);
	message->span_id = copy_id(ids, span->span_id, sizeof(span->span_id));
	ids += sizeof(span->span_id);
	if (span->has_parent)
		message->parent_span_id = copy_id(ids, span->parent_id, sizeof(span->parent_id));
	message->flags = span->flags;
	message->start_time_unix_nano = span->start_ns;
	message->end_time_unix_nano = span->end_ns;
	message->attributes = attributes->items;
	message->n_attributes = attributes->count;
	message->dropped_attributes_count = attributes->dropped;
	if (span->event_count && !add_events(arena, span, message))
		return -ENOMEM;
	if (status) {
		*status = (EoStatus)OPENTELEMETRY__PROTO__TRACE__V1__STATUS__INIT;
		status->code =
			OPENTELEMETRY__PROTO__TRACE__V1__STATUS__STATUS_CODE__STATUS_CODE_ERROR;
		message->status = status;
	}
	return eo_otlp_batch_add(&batch->batch, &message->base, bytes, resource);
}
