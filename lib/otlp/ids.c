/* SPDX-License-Identifier: BSD-2-Clause */
#include "otlp/ids.h"

#include <endian.h>
#include <string.h>

#include "core/auto.h"
#include "core/hash.h"

void eo_otlp_ids_init(struct eo_otlp_ids *ids, const void *run_id, size_t size)
{
	for (size_t i = 0; i < EO_ARRAY_SIZE(ids->seeds); i++)
		ids->seeds[i] = eo_hash(i + 1, run_id, size);
}

static void put(uint8_t *to, uint64_t hash)
{
	hash = htobe64(hash ? hash : 1);
	memcpy(to, &hash, sizeof(hash));
}

void eo_otlp_ids_trace(const struct eo_otlp_ids *ids, const uint64_t *words, size_t count,
		       uint8_t ret[EO_TRACE_ID_BYTES])
{
	put(ret, eo_hash_words(ids->seeds[0], words, count));
	put(ret + 8, eo_hash_words(ids->seeds[1], words, count));
}

void eo_otlp_ids_span(const struct eo_otlp_ids *ids, const uint64_t *words, size_t count,
		      uint8_t ret[EO_SPAN_ID_BYTES])
{
	put(ret, eo_hash_words(ids->seeds[2], words, count));
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Stops at the first character that is no digit, so never behind a NUL. */
static bool bytes_of(const char **text, uint8_t *ret, size_t size)
{
	for (; size; size--, *text += 2) {
		int high = digit((*text)[0]), low = high < 0 ? -1 : digit((*text)[1]);

		if (low < 0)
			return false;
		*ret++ = (uint8_t)(high << 4 | low);
	}
	return true;
}

bool eo_hex_parse(const char *text, uint8_t *ret, size_t size)
{
	return bytes_of(&text, ret, size) && !*text;
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
	while (size && !*bytes) {
		bytes++;
		size--;
	}
	return !size;
}

/* Later versions may say more behind a further '-'. Upper case is not allowed in any. */
bool eo_traceparent_parse(const char *text, struct eo_traceparent *ret)
{
	const char *p = text;
	uint8_t version;

	return !text[strcspn(text, "ABCDEF")] && bytes_of(&p, &version, 1) && version != 0xff &&
	       *p++ == '-' && bytes_of(&p, ret->trace_id, sizeof(ret->trace_id)) && *p++ == '-' &&
	       bytes_of(&p, ret->span_id, sizeof(ret->span_id)) && *p++ == '-' &&
	       bytes_of(&p, &ret->flags, 1) && (!*p || (version && *p == '-')) &&
	       !is_zero(ret->trace_id, sizeof(ret->trace_id)) &&
	       !is_zero(ret->span_id, sizeof(ret->span_id));
}
