/* SPDX-License-Identifier: BSD-2-Clause */
#include "syscall/names.h"

#include <stdbool.h>
#include <string.h>

#include "syscall/tables.h"

const char *eo_name_of(const struct eo_name_list *list, uint64_t value)
{
	uint32_t from = 0, to = list->count;

	while (from < to) {
		uint32_t middle = from + (to - from) / 2;
		const struct eo_name *name = &list->names[middle];

		if (name->value == value)
			return name->name;
		if (value < name->value)
			to = middle;
		else
			from = middle + 1;
	}
	return NULL;
}

static char *put(char *to, const char *end, const char *text)
{
	size_t len = strlen(text), room = (size_t)(end - to);

	return mempcpy(to, text, len < room ? len : room);
}

static char *put_hex(char *to, const char *end, uint64_t value)
{
	char text[19] = "0x";
	unsigned int digits = value ? (67 - (unsigned int)__builtin_clzll(value)) / 4 : 1;

	for (unsigned int i = 0; i < digits; i++)
		text[2 + i] = "0123456789abcdef"[value >> (digits - 1 - i) * 4 & 15];
	text[2 + digits] = '\0';
	return put(to, end, text);
}

char *eo_names_of_flags(const struct eo_name_list *list, uint64_t value, char *to, const char *end)
{
	const char *start = to;
	uint64_t rest = value, done = 0;

	for (uint32_t i = 0; i < list->count; i++) {
		const struct eo_name *name = &list->names[i];

		/* A field that has been named is not named again by a part of it. */
		if ((value & name->mask) != name->value || done & name->mask)
			continue;
		if (to > start)
			to = put(to, end, "|");
		to = put(to, end, name->name);
		done |= name->mask;
		rest &= ~name->mask;
		if (!rest)
			break;
	}
	if (rest && to > start)
		to = put(to, end, "|");
	if (rest)
		to = put_hex(to, end, rest);
	else if (to == start)
		to = put(to, end, "0");
	return to;
}
