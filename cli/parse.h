/* SPDX-License-Identifier: BSD-2-Clause */
/* Words to numbers, strictly: the whole word or nothing, no sign, no blank, no overflow.
 * All return 0, -EINVAL for a word that is none, or -ERANGE; outputs are untouched on failure. */
#ifndef EO_CLI_PARSE_H
#define EO_CLI_PARSE_H

#include <stddef.h>
#include <stdint.h>

/* A list that options add to. Zeroed is empty. */
struct cli_numbers {
	uint32_t *values;
	size_t count;
};

/** Append @value unless it is there already. -ENOMEM, or -ERANGE when @limit are held. */
int cli_numbers_add(struct cli_numbers *numbers, uint32_t value, size_t limit);
void cli_numbers_fini(struct cli_numbers *numbers);

/* The same of texts. */
struct cli_texts {
	char **values; /* ends with NULL unless empty */
	size_t count;
};

/** Append a copy of @text. Returns 0 or -ENOMEM. */
int cli_texts_add(struct cli_texts *texts, const char *text);
void cli_texts_fini(struct cli_texts *texts);

int cli_parse_uint(const char *text, uint64_t min, uint64_t max, uint64_t *ret);

/** Bytes, or a number of k, M or G behind it, which are powers of 1,024. */
int cli_parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *ret);

/**
 * Seconds with an optional fraction, or a number with one of us, ms, s, m, h behind it.
 * Digits finer than a nanosecond are refused. 0 is valid whatever @min_ns is.
 */
int cli_parse_time(const char *text, uint64_t min_ns, uint64_t max_ns, uint64_t *ret_ns);

/** "0-3,6": numbers and ranges up to @max, at most @limit in all. Added to @numbers. */
int cli_parse_ranges(const char *text, uint32_t max, size_t limit, struct cli_numbers *numbers);

#endif
