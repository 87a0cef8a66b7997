/* SPDX-License-Identifier: BSD-2-Clause */
/* Which valid word did the user mean? */
#ifndef EO_CLI_WORDS_H
#define EO_CLI_WORDS_H

#include <stddef.h>

/** Insertions, deletions, replacements and swaps of neighbours that turn @a into @b. */
size_t cli_edit_distance(const char *a, const char *b);

/**
 * The word nearest to @word, where an abbreviation is near to what it abbreviates.
 * @words: ends with NULL
 * Returns an element of @words, or NULL when none is near enough to be meant.
 */
const char *cli_nearest(const char *word, const char *const *words);

/** "a, b or c", where @last is "or"; cut at @size. @words: ends with NULL. */
void cli_list_words(const char *const *words, const char *last, char *ret, size_t size);

#endif
