/* SPDX-License-Identifier: BSD-2-Clause */
#include "format/utf8.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Lead bytes by their high bits. The least code point of each length shuts out overlong forms. */
static const struct {
	unsigned char mask, bits;
	size_t len;
	uint32_t least;
} leads[] = {
	{ 0x80, 0x00, 1, 0x1 },
	{ 0xe0, 0xc0, 2, 0x80 },
	{ 0xf0, 0xe0, 3, 0x800 },
	{ 0xf8, 0xf0, 4, 0x10000 },
};

size_t eo_utf8_char(const char *text, uint32_t *ret)
{
	const unsigned char *p = (const unsigned char *)text;

	for (size_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++) {
		uint32_t code = p[0] & (unsigned char)~leads[i].mask;

		if ((p[0] & leads[i].mask) != leads[i].bits)
			continue;
		for (size_t at = 1; at < leads[i].len; at++) {
			if ((p[at] & 0xc0) != 0x80)
				return 0;
			code = code << 6 | (p[at] & 0x3f);
		}
		/* Surrogates belong to UTF-16. */
		if (code < leads[i].least || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
			return 0;
		if (ret)
			*ret = code;
		return leads[i].len;
	}
	return 0;
}

const char *eo_utf8_repair(const char *text, struct eo_utf8_buffer *buffer)
{
	static const char replacement[] = "\xef\xbf\xbd";
	size_t bad = 0, good = 0, len;
	char *end;

	for (const char *p = text; *p; p += len ? len : 1) {
		len = eo_utf8_char(p, NULL);
		bad += len == 0;
		good += len;
	}
	if (!bad)
		return text;

	if (buffer->size < good + bad * strlen(replacement) + 1) {
		size_t size = good + bad * strlen(replacement) + 1;
		char *larger = realloc(buffer->bytes, size);

		if (!larger)
			return NULL;
		buffer->bytes = larger;
		buffer->size = size;
	}
	end = buffer->bytes;
	for (const char *p = text; *p; p += len ? len : 1) {
		len = eo_utf8_char(p, NULL);
		end = len ? mempcpy(end, p, len) : mempcpy(end, replacement, strlen(replacement));
	}
	*end = '\0';
	return buffer->bytes;
}

void eo_utf8_print(const char *text, FILE *out)
{
	size_t len;

	for (const char *p = text; *p; p += len ? len : 1) {
		uint32_t code = 0;
		bool is_control;

		len = eo_utf8_char(p, &code);
		is_control = code < 0x20 || (code >= 0x7f && code < 0xa0);
		if (len && !is_control)
			fwrite(p, 1, len, out);
		for (size_t i = 0; is_control && i < (len ? len : 1); i++)
			fprintf(out, "\\x%02x", (unsigned char)p[i]);
	}
}
