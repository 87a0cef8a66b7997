/* SPDX-License-Identifier: BSD-2-Clause */
/* Lists of words in sentences. */
#ifndef EO_CLI_WORDS_H
#define EO_CLI_WORDS_H

#include <stddef.h>

/** "a, b or c", where @last is "or"; cut at @size. @words: ends with NULL. */
void cli_list_words(const char *const *words, const char *last, char *ret, size_t size);

#endif
