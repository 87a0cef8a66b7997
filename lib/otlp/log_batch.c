/* SPDX-License-Identifier: BSD-2-Clause */
#include "otlp/log_batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "otlp/batch.h"

struct eo_log_batch {
	struct eo_otlp_batch batch;
};

struct eo_log_batch *eo_log_batch_new(void)
{
	return calloc(1, sizeof(struct eo_log_batch));
}

void eo_log_batch_free(struct eo_log_batch *batch)
{
	if (batch)
		eo_otlp_batch_fini(&batch->batch);
	free(batch);
}

size_t eo_log_batch_count(const struct eo_log_batch *batch)
{
	return batch->batch.count - batch->batch.first;
}

size_t eo_log_batch_bytes(const struct eo_log_batch *batch)
{
	return batch->batch.bytes + batch->batch.resource_bytes;
}

int eo_log_batch_write(struct eo_log_batch *batch, enum eo_otlp_encoding encoding, FILE *out,
		       struct eo_error *err)
{
	return eo_otlp_batch_write(&batch->batch, EO_OTLP_LOGS, encoding, out, err);
}

struct eo_attribute_list eo_log_batch_attributes(struct eo_log_batch *batch)
{
	return (struct eo_attribute_list){ .arena = &batch->batch.arena };
}

int eo_log_batch_add(struct eo_log_batch *batch, const struct eo_otlp_log *log,
		     const struct eo_attribute_list *attributes,
		     struct eo_otlp_resource *resource)
{
	struct eo_arena *arena = &batch->batch.arena;
	EoLogRecord *record = eo_arena_alloc(arena, sizeof(*record));
	struct eo_traceparent *context =
		log->context ? eo_arena_alloc(arena, sizeof(*context)) : NULL;

	if (!record || (log->context && !context) || attributes->failed)
		return -ENOMEM;
	*record = (EoLogRecord)OPENTELEMETRY__PROTO__LOGS__V1__LOG_RECORD__INIT;
	record->event_name = (char *)log->event_name;
	record->time_unix_nano = log->time_ns;
	record->observed_time_unix_nano = log->time_ns;
	record->severity_number = (Opentelemetry__Proto__Logs__V1__SeverityNumber)log->severity;
	record->severity_text = (char *)(log->severity == EO_SEVERITY_WARN ? "WARN" : "INFO");
	record->attributes = attributes->items;
	record->n_attributes = attributes->count;
	record->dropped_attributes_count = attributes->dropped;
	if (context) {
		*context = *log->context;
		record->trace_id.data = context->trace_id;
		record->trace_id.len = sizeof(context->trace_id);
		record->span_id.data = context->span_id;
		record->span_id.len = sizeof(context->span_id);
		record->flags = context->flags;
	}
	return eo_otlp_batch_add(&batch->batch, &record->base, 512 + attributes->bytes, resource);
}
