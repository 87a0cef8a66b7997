/* SPDX-License-Identifier: BSD-2-Clause */
#include "otlp/envelope.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/auto.h"
#include "core/index.h"
#include "otlp/attribute_list.h"
#include "otlp/json.h"

/* The three messages of each signal have one layout, as the assertions below say: they are filled
 * through these and packed by their own descriptors. */
struct scope_level {
	ProtobufCMessage base;
	EoScope *scope;
	size_t count;
	ProtobufCMessage **items;
	char *schema_url;
};

struct resource_level {
	ProtobufCMessage base;
	EoResource *resource;
	size_t count;
	struct scope_level **scopes;
	char *schema_url;
};

struct request_level {
	ProtobufCMessage base;
	size_t count;
	struct resource_level **resources;
};

#define SAME(ours, our_member, theirs, their_member)                             \
	_Static_assert(offsetof(struct ours, our_member) == offsetof(theirs, their_member) && \
			       sizeof(struct ours) == sizeof(theirs),              \
		       "layout of " #theirs)
#define SAME_LAYOUT(Request, resources_, Resources, scopes_, Scopes, items_) \
	SAME(request_level, count, Request, n_##resources_);                 \
	SAME(request_level, resources, Request, resources_);                 \
	SAME(resource_level, resource, Resources, resource);                 \
	SAME(resource_level, count, Resources, n_##scopes_);                 \
	SAME(resource_level, scopes, Resources, scopes_);                    \
	SAME(scope_level, scope, Scopes, scope);                             \
	SAME(scope_level, count, Scopes, n_##items_);                        \
	SAME(scope_level, items, Scopes, items_)

SAME_LAYOUT(Opentelemetry__Proto__Collector__Trace__V1__ExportTraceServiceRequest, resource_spans,
	    Opentelemetry__Proto__Trace__V1__ResourceSpans, scope_spans,
	    Opentelemetry__Proto__Trace__V1__ScopeSpans, spans);
SAME_LAYOUT(Opentelemetry__Proto__Collector__Metrics__V1__ExportMetricsServiceRequest,
	    resource_metrics, Opentelemetry__Proto__Metrics__V1__ResourceMetrics, scope_metrics,
	    Opentelemetry__Proto__Metrics__V1__ScopeMetrics, metrics);
SAME_LAYOUT(Opentelemetry__Proto__Collector__Logs__V1__ExportLogsServiceRequest, resource_logs,
	    Opentelemetry__Proto__Logs__V1__ResourceLogs, scope_logs,
	    Opentelemetry__Proto__Logs__V1__ScopeLogs, log_records);

static const struct {
	const ProtobufCMessageDescriptor *request, *resource, *scope;
} levels[] = {
	[EO_OTLP_TRACES] =
		{
			&opentelemetry__proto__collector__trace__v1__export_trace_service_request__descriptor,
			&opentelemetry__proto__trace__v1__resource_spans__descriptor,
			&opentelemetry__proto__trace__v1__scope_spans__descriptor,
		},
	[EO_OTLP_METRICS] =
		{
			&opentelemetry__proto__collector__metrics__v1__export_metrics_service_request__descriptor,
			&opentelemetry__proto__metrics__v1__resource_metrics__descriptor,
			&opentelemetry__proto__metrics__v1__scope_metrics__descriptor,
		},
	[EO_OTLP_LOGS] =
		{
			&opentelemetry__proto__collector__logs__v1__export_logs_service_request__descriptor,
			&opentelemetry__proto__logs__v1__resource_logs__descriptor,
			&opentelemetry__proto__logs__v1__scope_logs__descriptor,
		},
};

ssize_t eo_otlp_envelope_fit(const struct eo_otlp_item *items, size_t count, size_t *bytes)
{
	struct eo_index seen = { .slots = NULL }; /* items that brought a resource */
	size_t fit;
	int status = 0;

	*bytes = EO_OTLP_REQUEST_BYTES;
	for (fit = 0; fit < count && fit < EO_OTLP_MESSAGE_ITEMS; fit++) {
		const struct eo_otlp_resource *resource = items[fit].resource;
		uint32_t cursor = 0, i;
		size_t more = items[fit].bytes;

		do
			i = eo_index_next(&seen, resource->hash, &cursor);
		while (i != EO_INDEX_NONE && !eo_otlp_resource_equal(items[i].resource, resource));
		if (i == EO_INDEX_NONE)
			more += resource->bytes;
		if (fit && *bytes + more > EO_OTLP_MESSAGE_BYTES)
			break;
		if (i == EO_INDEX_NONE)
			status = eo_index_add(&seen, resource->hash, (uint32_t)fit);
		if (status < 0)
			break;
		*bytes += more;
	}
	eo_index_fini(&seen);
	return status < 0 ? status : (ssize_t)fit;
}

struct writing {
	enum eo_otlp_signal signal;
	struct eo_arena *arena;
	struct request_level request;
	const struct eo_otlp_resource **of; /* by entry of the request */
	size_t *rooms;			    /* how many items each has */
	struct eo_index index;		    /* of the entries */
};

static EoResource *resource_message(struct writing *w, const struct eo_otlp_resource *resource)
{
	struct eo_attribute_list list = { .arena = w->arena };
	EoResource *message = eo_arena_alloc(w->arena, sizeof(*message));

	for (size_t i = 0; i < resource->count; i++) {
		struct eo_attribute attribute = resource->attributes[i];

		attribute.key = eo_otlp_text(&list, attribute.key, NULL);
		if (attribute.key)
			eo_attribute_list_add(&list, &attribute);
	}
	if (!message || list.failed)
		return NULL;
	*message = (EoResource)OPENTELEMETRY__PROTO__RESOURCE__V1__RESOURCE__INIT;
	message->attributes = list.items;
	message->n_attributes = list.count;
	message->dropped_attributes_count = resource->dropped + list.dropped;
	return message;
}

/* Without items yet. */
static bool add_entry(struct writing *w, const struct eo_otlp_resource *resource)
{
	struct resource_level *entry = eo_arena_alloc(w->arena, sizeof(*entry));
	struct scope_level *scope = eo_arena_alloc(w->arena, sizeof(*scope));
	struct scope_level **scopes = eo_arena_alloc(w->arena, sizeof(struct scope_level *));
	EoScope *name = eo_arena_alloc(w->arena, sizeof(*name));
	EoResource *message = resource_message(w, resource);

	if (!entry || !scope || !scopes || !name || !message ||
	    eo_index_add(&w->index, resource->hash, (uint32_t)w->request.count) < 0)
		return false;
	*name = (EoScope)OPENTELEMETRY__PROTO__COMMON__V1__INSTRUMENTATION_SCOPE__INIT;
	name->name = (char *)"ebpfotel";
	name->version = (char *)EO_VERSION;
	protobuf_c_message_init(levels[w->signal].scope, scope);
	scope->scope = name;
	scope->items = NULL;
	protobuf_c_message_init(levels[w->signal].resource, entry);
	entry->resource = message;
	entry->scopes = scopes;
	entry->scopes[0] = scope;
	entry->count = 1;
	w->of[w->request.count] = resource;
	w->rooms[w->request.count] = 0;
	w->request.resources[w->request.count++] = entry;
	return true;
}

static uint32_t entry_of(const struct writing *w, const struct eo_otlp_resource *resource)
{
	uint32_t cursor = 0, i;

	do
		i = eo_index_next(&w->index, resource->hash, &cursor);
	while (i != EO_INDEX_NONE && !eo_otlp_resource_equal(w->of[i], resource));
	return i;
}

/* First the entries and how much each gets, then the items. */
static bool fill(struct writing *w, const struct eo_otlp_item *items, size_t count)
{
	uint32_t *entries = eo_arena_alloc(w->arena, count * sizeof(*entries));

	w->of = eo_arena_alloc(w->arena, count * sizeof(struct eo_otlp_resource *));
	w->rooms = eo_arena_alloc(w->arena, count * sizeof(*w->rooms));
	w->request.resources = eo_arena_alloc(w->arena, count * sizeof(struct resource_level *));
	if (!entries || !w->of || !w->rooms || !w->request.resources)
		return false;
	for (size_t i = 0; i < count; i++) {
		entries[i] = entry_of(w, items[i].resource);
		if (entries[i] == EO_INDEX_NONE) {
			entries[i] = (uint32_t)w->request.count;
			if (!add_entry(w, items[i].resource))
				return false;
		}
		w->rooms[entries[i]]++;
	}
	for (size_t i = 0; i < w->request.count; i++) {
		struct scope_level *scope = w->request.resources[i]->scopes[0];

		scope->items = eo_arena_alloc(w->arena, w->rooms[i] * sizeof(ProtobufCMessage *));
		if (!scope->items)
			return false;
	}
	for (size_t i = 0; i < count; i++) {
		struct scope_level *scope = w->request.resources[entries[i]]->scopes[0];

		scope->items[scope->count++] = items[i].message;
	}
	return true;
}

static int write_request(const struct request_level *request, enum eo_otlp_encoding encoding,
			 FILE *out, struct eo_error *err)
{
	EO_AUTO_FREE uint8_t *bytes = NULL;
	size_t size;

	if (encoding == EO_OTLP_JSON) {
		eo_otlp_json_message(&request->base, out);
		putc('\n', out);
	} else {
		size = protobuf_c_message_get_packed_size(&request->base);
		bytes = malloc(size);
		if (!bytes)
			return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, ENOMEM, NULL,
					    "write OTLP");
		protobuf_c_message_pack(&request->base, bytes);
		fwrite(bytes, 1, size, out);
	}
	if (ferror(out))
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, EIO, NULL, "write OTLP");
	return 0;
}

int eo_otlp_envelope_write(enum eo_otlp_signal signal, const struct eo_otlp_item *items,
			   size_t count, enum eo_otlp_encoding encoding, struct eo_arena *arena,
			   FILE *out, struct eo_error *err)
{
	struct writing w = { .signal = signal, .arena = arena };
	int status;

	protobuf_c_message_init(levels[signal].request, &w.request);
	if (fill(&w, items, count))
		status = write_request(&w.request, encoding, out, err);
	else
		status = eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, ENOMEM, NULL,
				      "write OTLP");
	eo_index_fini(&w.index);
	return status;
}
