/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/line.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void eo_line_put(struct eo_line *line, const char *bytes, size_t size)
{
	if (line->length < line->size) {
		size_t room = line->size - line->length;

		memcpy(line->to + line->length, bytes, size < room ? size : room);
	}
	line->length += size;
}

void eo_line_text(struct eo_line *line, const char *text)
{
	eo_line_put(line, text, strlen(text));
}

void eo_line_format(struct eo_line *line, const char *format, ...)
{
	char text[128];
	va_list args;
	int size;

	va_start(args, format);
	size = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (size > 0)
		eo_line_put(line, text, (size_t)size < sizeof(text) ? (size_t)size : sizeof(text) - 1);
}
