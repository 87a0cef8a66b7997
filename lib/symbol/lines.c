/* SPDX-License-Identifier: BSD-2-Clause */
#include "symbol/lines.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BUFFER_BYTES (2 * EO_LINE_MAX)

int eo_lines_init(struct eo_lines *lines, int fd)
{
	*lines = (struct eo_lines){.fd = fd};
	lines->buffer = malloc(BUFFER_BYTES);
	return lines->buffer ? 0 : -ENOMEM;
}

void eo_lines_fini(struct eo_lines *lines)
{
	free(lines->buffer);
	lines->buffer = NULL;
}

/* Returns the bytes added, 0 at the end of the file, or a negative errno. */
static int fill(struct eo_lines *lines)
{
	ssize_t n;

	if (lines->begin > 0) {
		memmove(lines->buffer, lines->buffer + lines->begin, lines->end - lines->begin);
		lines->end -= lines->begin;
		lines->begin = 0;
	}
	if (lines->end >= EO_LINE_MAX) {
		/* No newline in all that: forget it, and what follows up to the next one. */
		lines->consumed += lines->end;
		lines->end = 0;
		lines->skipping = true;
	}
	do
		n = read(lines->fd, lines->buffer + lines->end, BUFFER_BYTES - lines->end);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	lines->end += (size_t)n;
	return (int)n;
}

int eo_lines_next(struct eo_lines *lines, char **ret, size_t *size)
{
	size_t searched = 0;

	for (;;) {
		char *line = lines->buffer + lines->begin;
		size_t have = lines->end - lines->begin;
		char *newline = memchr(line + searched, '\n', have - searched);
		int r;

		if (newline) {
			size_t length = (size_t)(newline - line);
			bool whole = !lines->skipping && length < EO_LINE_MAX;

			lines->begin += length + 1;
			lines->consumed += length + 1;
			lines->skipping = false;
			searched = 0;
			if (!whole)
				continue;
			*newline = '\0';
			*ret = line;
			*size = length;
			return 1;
		}
		r = fill(lines);
		if (r <= 0)
			return r;
		searched = lines->end - lines->begin - (size_t)r;
	}
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int eo_parse_hex(const char **text, uint64_t *ret)
{
	const char *p = *text;
	uint64_t value = 0;
	int d;

	for (; (d = digit(*p)) >= 0; p++) {
		if (value >> 60)
			return -EINVAL;
		value = value << 4 | (unsigned int)d;
	}
	if (p == *text)
		return -EINVAL;
	*text = p;
	*ret = value;
	return 0;
}
