/* SPDX-License-Identifier: BSD-2-Clause */
/* Ids of traces and spans, made of the run's id and of what is special about an event, so that the
 * same events give the same ids; and the context that comes from others, as W3C writes it. */
#ifndef EO_OTLP_IDS_H
#define EO_OTLP_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define EO_TRACE_ID_BYTES 16
#define EO_SPAN_ID_BYTES  8

struct eo_otlp_ids {
	uint64_t seeds[3];
};

void eo_otlp_ids_init(struct eo_otlp_ids *ids, const void *run_id, size_t size);

/** Never all zero. @words: @count numbers that no other trace (span) of the run has */
void eo_otlp_ids_trace(const struct eo_otlp_ids *ids, const uint64_t *words, size_t count,
		       uint8_t ret[EO_TRACE_ID_BYTES]);
void eo_otlp_ids_span(const struct eo_otlp_ids *ids, const uint64_t *words, size_t count,
		      uint8_t ret[EO_SPAN_ID_BYTES]);

struct eo_traceparent {
	uint8_t trace_id[EO_TRACE_ID_BYTES];
	uint8_t span_id[EO_SPAN_ID_BYTES];
	uint8_t flags;
};

/** False, @ret then undefined, for a text that is no traceparent. */
bool eo_traceparent_parse(const char *text, struct eo_traceparent *ret);

/** Two digits a byte, any case. False when @text is not @size bytes in hex and nothing else. */
bool eo_hex_parse(const char *text, uint8_t *ret, size_t size);

#endif
