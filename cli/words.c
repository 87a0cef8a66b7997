/* SPDX-License-Identifier: BSD-2-Clause */
#include "words.h"

#include <stdio.h>

void cli_list_words(const char *const *words, const char *last, char *ret, size_t size)
{
	size_t len = 0;

	*ret = '\0';
	for (size_t i = 0; words[i] && len < size; i++) {
		if (i && words[i + 1])
			len += (size_t)snprintf(ret + len, size - len, ", ");
		else if (i)
			len += (size_t)snprintf(ret + len, size - len, " %s ", last);
		if (len < size)
			len += (size_t)snprintf(ret + len, size - len, "%s", words[i]);
	}
}
