/* SPDX-License-Identifier: BSD-2-Clause */
/* Text that is put together in the caller's memory: what does not fit is cut, the length is counted on. */
#ifndef EO_CORE_TEXT_H
#define EO_CORE_TEXT_H

#include <stddef.h>

struct eo_text {
	char *to; /* no NUL is written */
	size_t size;
	size_t length; /* without the cut */
};

void eo_text_bytes(struct eo_text *text, const char *bytes, size_t size);
void eo_text_string(struct eo_text *text, const char *string);
/** As printf(3), up to 127 bytes. */
__attribute__((format(printf, 2, 3))) void eo_text_format(struct eo_text *text, const char *format, ...);

#endif
