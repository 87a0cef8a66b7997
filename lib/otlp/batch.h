/* SPDX-License-Identifier: BSD-2-Clause */
/* Spans or log records that wait to be written, in the order in which they came. */
#ifndef EO_OTLP_BATCH_H
#define EO_OTLP_BATCH_H

#include "core/index.h"
#include "otlp/attribute_list.h"
#include "otlp/envelope.h"

/* Zeroed memory is an empty batch. */
struct eo_otlp_batch {
	struct eo_arena arena; /* for the messages */
	struct eo_otlp_item *items;
	size_t first, count, capacity; /* those before @first are written */
	size_t bytes;		       /* of the others, without their resources */
	struct eo_index resources;     /* items that brought a resource */
	size_t resource_bytes;
};

void eo_otlp_batch_fini(struct eo_otlp_batch *batch);

/** @message lives in the batch's arena. Returns 0 or -ENOMEM. */
int eo_otlp_batch_add(struct eo_otlp_batch *batch, ProtobufCMessage *message, size_t bytes,
		      struct eo_otlp_resource *resource);

/** One request with as many items as fit; they leave the batch also when writing fails. */
int eo_otlp_batch_write(struct eo_otlp_batch *batch, enum eo_otlp_signal signal,
			enum eo_otlp_encoding encoding, FILE *out, struct eo_error *err);

#endif
