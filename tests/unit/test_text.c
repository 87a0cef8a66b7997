/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"

Test(text, pieces_follow_each_other)
{
	char text[32];
	struct eo_text line = {.to = text, .size = sizeof(text)};

	eo_text_string(&line, "open");
	eo_text_bytes(&line, "(x)", 2);
	eo_text_format(&line, "%d)", 5);
	cr_assert_eq(line.length, 8);
	cr_assert_eq(memcmp(text, "open(x5)", 8), 0);
}

Test(text, nothing_is_written_behind_the_end_and_the_length_is_counted_on)
{
	for (size_t size = 0; size <= 9; size++) {
		char *exact = malloc(size + 1);
		struct eo_text line = {.to = exact, .size = size};

		cr_assert_not_null(exact);
		exact[size] = '!';
		eo_text_string(&line, "1234");
		eo_text_string(&line, "");
		eo_text_string(&line, "56789");
		cr_assert_eq(line.length, 9);
		cr_assert_eq(memcmp(exact, "123456789", size), 0);
		cr_assert_eq(exact[size], '!');
		free(exact);
	}
}

Test(text, a_format_that_is_too_long_is_cut)
{
	char text[512];
	struct eo_text line = {.to = text, .size = sizeof(text)};

	eo_text_format(&line, "%300d", 1);
	cr_assert_eq(line.length, 127);
}
