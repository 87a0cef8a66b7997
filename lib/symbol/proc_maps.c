/* SPDX-License-Identifier: BSD-2-Clause */
#include "symbol/proc_maps.h"

#include <errno.h>
#include <string.h>

#include "symbol/lines.h"

/* seq_path() writes a newline in a path as \012 and leaves everything else as it is. */
static void restore_newlines(char *path)
{
	char *to = strchr(path, '\\');

	if (!to)
		return;
	for (const char *from = to; *from;) {
		if (!strncmp(from, "\\012", 4)) {
			*to++ = '\n';
			from += 4;
		} else {
			*to++ = *from++;
		}
	}
	*to = '\0';
}

static bool expect(const char **p, char c)
{
	if (**p != c)
		return false;
	++*p;
	return true;
}

static bool parse_decimal(const char **p, uint64_t *ret)
{
	const char *start = *p;
	uint64_t value = 0;

	for (; **p >= '0' && **p <= '9'; ++*p)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(**p - '0'), &value))
			return false;
	*ret = value;
	return *p > start;
}

/* "START-END rwxp OFFSET MAJOR:MINOR INODE   PATH" */
static bool parse(char *line, struct eo_proc_map *ret)
{
	const char *p = line;
	uint64_t number;
	char *path;

	if (eo_parse_hex(&p, &ret->start) < 0 || !expect(&p, '-') ||
	    eo_parse_hex(&p, &ret->end) < 0 || !expect(&p, ' ') || ret->start >= ret->end)
		return false;
	if (strnlen(p, 5) < 5)
		return false;
	ret->executable = p[2] == 'x';
	p += 4;
	if (!expect(&p, ' ') || eo_parse_hex(&p, &ret->offset) < 0 || !expect(&p, ' ') ||
	    eo_parse_hex(&p, &number) < 0 || !expect(&p, ':') || eo_parse_hex(&p, &number) < 0 ||
	    !expect(&p, ' ') || !parse_decimal(&p, &ret->inode) || (*p != ' ' && *p != '\0'))
		return false;

	/* Padding only: a path starts with a slash or a bracket, or is a plain word. */
	path = line + (p - line);
	path += strspn(path, " ");
	restore_newlines(path);
	ret->path = path;
	return true;
}

int eo_proc_maps_read(int fd, eo_proc_maps_fn fn, void *arg)
{
	struct eo_lines lines;
	char *line;
	size_t size;
	int r = eo_lines_init(&lines, fd);

	while (r >= 0) {
		struct eo_proc_map map;

		r = eo_lines_next(&lines, &line, &size);
		if (r <= 0)
			break;
		if (parse(line, &map) && !fn(arg, &map)) {
			r = 0;
			break;
		}
	}
	eo_lines_fini(&lines);
	return r;
}
