/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/words.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* Longer words are no misspelling of ours; the bound keeps the rows on the stack. */
#define WORD_MAX 64

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

size_t eo_edit_distance(const char *a, const char *b)
{
	size_t rows[3][WORD_MAX + 1];
	size_t *before = rows[0], *last = rows[1], *row = rows[2];
	size_t a_len = strlen(a), b_len = strlen(b);

	if (a_len > WORD_MAX || b_len > WORD_MAX)
		return a_len > b_len ? a_len : b_len;

	for (size_t j = 0; j <= b_len; j++)
		row[j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *spare = before;

		before = last;
		last = row;
		row = spare;
		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			row[j] = min3(last[j] + 1, row[j - 1] + 1,
				      last[j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    before[j - 2] + 1 < row[j])
				row[j] = before[j - 2] + 1;
		}
	}
	return row[b_len];
}

const char *eo_nearest_word(const char *word, const char *const *words)
{
	const char *nearest = NULL;
	size_t len = strlen(word);
	size_t best = SIZE_MAX;

	for (; *words; words++) {
		size_t distance = eo_edit_distance(word, *words);
		/* A third of the letters may be wrong, and one or two of a short word. */
		bool near = distance <= 1 + len / 3;

		if (len && !strncmp(word, *words, len)) {
			distance = 0;
			near = true;
		}
		if (near && distance < best && distance < strlen(*words)) {
			best = distance;
			nearest = *words;
		}
	}
	return nearest;
}
