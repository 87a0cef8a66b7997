/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void eo_text_bytes(struct eo_text *text, const char *bytes, size_t size)
{
	if (text->length < text->size) {
		size_t room = text->size - text->length;

		memcpy(text->to + text->length, bytes, size < room ? size : room);
	}
	text->length += size;
}

void eo_text_string(struct eo_text *text, const char *string)
{
	eo_text_bytes(text, string, strlen(string));
}

void eo_text_format(struct eo_text *text, const char *format, ...)
{
	char made[128];
	va_list args;
	int size;

	va_start(args, format);
	size = vsnprintf(made, sizeof(made), format, args);
	va_end(args);
	if (size > 0)
		eo_text_bytes(text, made, (size_t)size < sizeof(made) ? (size_t)size : sizeof(made) - 1);
}
