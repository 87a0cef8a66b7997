/* SPDX-License-Identifier: BSD-2-Clause */
/* What stands around spans, metrics and log records: the request, one entry per resource, the
 * scope. The three signals differ in nothing but the names. */
#ifndef EO_OTLP_ENVELOPE_H
#define EO_OTLP_ENVELOPE_H

#include <stdio.h>
#include <sys/types.h>

#include "core/error.h"
#include "otlp/arena.h"
#include "otlp/converter.h"
#include "otlp/messages.h"
#include "otlp/resource.h"

enum eo_otlp_signal {
	EO_OTLP_TRACES,
	EO_OTLP_METRICS,
	EO_OTLP_LOGS,
};

/* "Batches stay under": what a request may have at most. */
#define EO_OTLP_MESSAGE_BYTES 1000000u
#define EO_OTLP_MESSAGE_ITEMS 5000u

/* One span, metric or log record. */
struct eo_otlp_item {
	ProtobufCMessage *message;
	struct eo_otlp_resource *resource;
	size_t bytes; /* at most, without the resource */
};

/* Besides its items and resources. */
#define EO_OTLP_REQUEST_BYTES 64u

/**
 * How many of @items fit into one request: all, or the first so many, but at least one.
 * @bytes: what it will have at most
 * Returns their number, or -ENOMEM.
 */
ssize_t eo_otlp_envelope_fit(const struct eo_otlp_item *items, size_t count, size_t *bytes);

/**
 * Write one request with these items: resources in the order in which the items bring them, and
 * within one the items in theirs. JSON is a line.
 * @arena: for what is needed meanwhile
 */
int eo_otlp_envelope_write(enum eo_otlp_signal signal, const struct eo_otlp_item *items,
			   size_t count, enum eo_otlp_encoding encoding, struct eo_arena *arena,
			   FILE *out, struct eo_error *err);

#endif
