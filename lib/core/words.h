/* SPDX-License-Identifier: BSD-2-Clause */
/* Which valid word did the user mean? */
#ifndef EO_CORE_WORDS_H
#define EO_CORE_WORDS_H

#include <stddef.h>

/** Insertions, deletions, replacements and swaps of neighbours that turn @a into @b. */
size_t eo_edit_distance(const char *a, const char *b);

/**
 * The word nearest to @word, where an abbreviation is near to what it abbreviates.
 * @words: ends with NULL
 * Returns an element of @words, or NULL when none is near enough to be meant.
 */
const char *eo_nearest_word(const char *word, const char *const *words);

#endif
