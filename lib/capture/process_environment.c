// SPDX-License-Identifier: BSD-2-Clause
#include "capture/process_environment.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

const char *eo_environment_value(const char *bytes, size_t size, const char *name)
{
	size_t name_len = strlen(name);

	while (size) {
		size_t len = strnlen(bytes, size);

		if (len == size)
			return NULL;
		if (len > name_len && bytes[name_len] == '=' && !memcmp(bytes, name, name_len))
			return bytes + name_len + 1;
		bytes += len + 1;
		size -= len + 1;
	}
	return NULL;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

static void trim(const char **start, const char **end)
{
	while (*start < *end && is_space(**start))
		++*start;
	while (*start < *end && is_space((*end)[-1]))
		--*end;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Checks all of the text and writes as much of it as fits; false: malformed. */
static bool decode(const char *start, const char *end, char *to, size_t size)
{
	size_t len = 0;

	for (const char *p = start; p < end; p++) {
		int c = (unsigned char)*p;

		if (c == '%') {
			if (end - p < 3 || hex_value(p[1]) < 0 || hex_value(p[2]) < 0)
				return false;
			c = hex_value(p[1]) << 4 | hex_value(p[2]);
			p += 2;
		}
		if (c == '\0')
			return false;
		if (len < size - 1)
			to[len++] = (char)c;
	}
	to[len] = '\0';
	return true;
}

/* Room for one byte more than is kept, so that the set sees what is too long. */
struct pair {
	char key[EO_ATTRIBUTE_KEY_MAX + 2];
	char value[EO_ATTRIBUTE_VALUE_MAX + 2];
};

/* An empty pair, as behind a last comma, has an empty key; false: malformed. */
static bool read_pair(const char *start, const char *end, struct pair *ret)
{
	const char *value, *key_end;

	*ret->key = '\0';
	trim(&start, &end);
	if (start == end)
		return true;
	key_end = memchr(start, '=', (size_t)(end - start));
	if (!key_end)
		return false;
	value = key_end + 1;
	trim(&start, &key_end);
	trim(&value, &end);
	if (end - value >= 2 && *value == '"' && end[-1] == '"') {
		value++;
		end--;
	}
	return start < key_end && decode(start, key_end, ret->key, sizeof(ret->key)) &&
	       decode(value, end, ret->value, sizeof(ret->value));
}

int eo_environment_attributes(const char *text, struct eo_attribute_set *set)
{
	const char *end = text + strlen(text);
	struct pair pair;

	for (const char *start = text;; start++) {
		const char *comma = strchrnul(start, ',');

		if (!read_pair(start, comma, &pair))
			return -EINVAL;
		start = comma;
		if (!*comma)
			break;
	}
	/* From the last to the first, since the set keeps what came first. */
	while (end > text && set->count < EO_ATTRIBUTE_SET_MAX - 1) {
		const char *comma = memrchr(text, ',', (size_t)(end - text));
		const char *start = comma ? comma + 1 : text;

		read_pair(start, end, &pair);
		if (strncmp(pair.key, "process.", 8))
			eo_attribute_set_text(set, pair.key, pair.value);
		end = comma ? comma : text;
	}
	return 0;
}
