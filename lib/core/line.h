/* SPDX-License-Identifier: BSD-2-Clause */
/* Text that is put together in the caller's memory: what does not fit is cut, the length is counted on. */
#ifndef EO_CORE_LINE_H
#define EO_CORE_LINE_H

#include <stddef.h>

struct eo_line {
	char *to; /* no NUL is written */
	size_t size;
	size_t length; /* without the cut */
};

void eo_line_put(struct eo_line *line, const char *bytes, size_t size);
void eo_line_text(struct eo_line *line, const char *text);
/** As printf(3), up to 127 bytes. */
__attribute__((format(printf, 2, 3))) void eo_line_format(struct eo_line *line, const char *format, ...);

#endif
