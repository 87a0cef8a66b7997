/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "core/auto.h"
#include "core/clock.h"
#include "core/words.h"
#include "parse.h"

#define MS 1000000ull

Test(parse, sizes_are_bytes_or_powers_of_1024)
{
	uint64_t value = 7;

	cr_assert_eq(cli_parse_size("1048576", 1, UINT64_MAX, &value), 0);
	cr_assert_eq(value, 1048576);
	cr_assert_eq(cli_parse_size("12M", 1 << 20, 256u << 20, &value), 0);
	cr_assert_eq(value, 12u << 20);
	cr_assert_eq(cli_parse_size("3k", 1, UINT64_MAX, &value), 0);
	cr_assert_eq(value, 3072);
	cr_assert_eq(cli_parse_size("2G", 1, UINT64_MAX, &value), 0);
	cr_assert_eq(value, 2ull << 30);
	cr_assert_eq(cli_parse_size("257M", 1 << 20, 256u << 20, &value), -ERANGE);
	cr_assert_eq(cli_parse_size("18446744073709551615k", 1, UINT64_MAX, &value), -ERANGE);
	for (size_t i = 0; i < 7; i++)
		cr_assert_eq(cli_parse_size(((const char *[]){"", "M", "12m", "12MB", "-1", "1.5M", " 1"})[i], 0,
					    UINT64_MAX, &value), -EINVAL);
	cr_assert_eq(value, 2ull << 30, "untouched on failure");
}

Test(parse_uint, takes_whole_numbers_inside_the_bounds)
{
	uint64_t value = 0;

	cr_assert_eq(cli_parse_uint("1", 1, 1000, &value), 0);
	cr_assert_eq(value, 1);
	cr_assert_eq(cli_parse_uint("1000", 1, 1000, &value), 0);
	cr_assert_eq(value, 1000);
	cr_assert_eq(cli_parse_uint("18446744073709551615", 0, UINT64_MAX, &value), 0);
	cr_assert_eq(value, UINT64_MAX);
}

Test(parse_uint, refuses_half_numbers_and_leaves_the_output_alone)
{
	static const char *const words[] = {"",	  "10x", "x10",	 " 10", "10 ", "+10",
					    "-1", "1.5", "0x10", "1e3", "--",  "1\n"};

	for (size_t i = 0; i < EO_ARRAY_SIZE(words); i++) {
		uint64_t value = 77;

		cr_expect_eq(cli_parse_uint(words[i], 0, UINT64_MAX, &value), -EINVAL, "'%s'",
			     words[i]);
		cr_expect_eq(value, 77);
	}
}

Test(parse_uint, numbers_outside_the_bounds_or_of_any_length_are_erange)
{
	uint64_t value = 77;

	cr_expect_eq(cli_parse_uint("0", 1, 1000, &value), -ERANGE);
	cr_expect_eq(cli_parse_uint("1001", 1, 1000, &value), -ERANGE);
	cr_expect_eq(cli_parse_uint("18446744073709551616", 0, UINT64_MAX, &value), -ERANGE);
	cr_expect_eq(cli_parse_uint("99999999999999999999999999999999", 0, UINT64_MAX, &value),
		     -ERANGE);
	cr_expect_eq(value, 77);
}

Test(parse_time, understands_every_unit)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} times[] = {
		{"0", 0},
		{"0s", 0},
		{"10", 10 * EO_NS_PER_SEC},
		{"1.5", 1500 * MS},
		{"1.50", 1500 * MS},
		{"0.001", MS},
		{"10s", 10 * EO_NS_PER_SEC},
		{"500ms", 500 * MS},
		{"2.5ms", 2500000},
		{"1500us", 1500000},
		{"5m", 300 * EO_NS_PER_SEC},
		{"0.5m", 30 * EO_NS_PER_SEC},
		{"0.05m", 3 * EO_NS_PER_SEC},
		{"2h", 7200 * EO_NS_PER_SEC},
		{"1.25h", 4500 * EO_NS_PER_SEC},
		{"1.000000001", EO_NS_PER_SEC + 1},
	};

	for (size_t i = 0; i < EO_ARRAY_SIZE(times); i++) {
		uint64_t ns = 77;

		cr_expect_eq(cli_parse_time(times[i].text, MS, UINT64_MAX, &ns), 0, "'%s'",
			     times[i].text);
		cr_expect_eq(ns, times[i].ns, "'%s' is %llu ns", times[i].text,
			     (unsigned long long)ns);
	}
}

Test(parse_time, refuses_what_is_no_time)
{
	static const char *const words[] = {"",	   ".5",  "5.",	   "5.s",  "-1",
					    "1 s", "1x",  "s",	   "1ms2", "1h30m",
					    "1e3", "1,5", "1.2.3", "5M",   "1.0000000001"};

	for (size_t i = 0; i < EO_ARRAY_SIZE(words); i++) {
		uint64_t ns = 77;

		cr_expect_eq(cli_parse_time(words[i], MS, UINT64_MAX, &ns), -EINVAL, "'%s'",
			     words[i]);
		cr_expect_eq(ns, 77);
	}
}

Test(parse_time, bounds_and_overflow_are_erange_and_zero_is_free)
{
	uint64_t ns = 77;

	cr_expect_eq(cli_parse_time("999us", MS, UINT64_MAX, &ns), -ERANGE);
	cr_expect_eq(cli_parse_time("11", MS, 10 * EO_NS_PER_SEC, &ns), -ERANGE);
	cr_expect_eq(cli_parse_time("5124096h", MS, UINT64_MAX, &ns), -ERANGE);
	cr_expect_eq(cli_parse_time("18446744073.9", MS, UINT64_MAX, &ns), -ERANGE);
	cr_expect_eq(ns, 77);
	cr_expect_eq(cli_parse_time("0", MS, UINT64_MAX, &ns), 0);
	cr_expect_eq(ns, 0);
}

Test(parse_ranges, lists_numbers_and_ranges_once_each)
{
	static const uint32_t expected[] = {0, 1, 2, 3, 6};
	struct cli_numbers numbers = {0};

	cr_assert_eq(cli_parse_ranges("0-3,6,2", 100, 100, &numbers), 0);
	cr_assert_arr_eq(numbers.values, expected, sizeof(expected));
	cr_assert_eq(numbers.count, EO_ARRAY_SIZE(expected));
	cr_assert_eq(cli_parse_ranges("6,7", 100, 100, &numbers), 0);
	cr_assert_eq(numbers.count, 6);
	cli_numbers_fini(&numbers);
}

Test(parse_ranges, a_bad_item_adds_nothing)
{
	static const char *const words[] = {"",	  ",",	   "1,", ",1",	"1,,2", "1-",
					    "-1", "1-2-3", "a",	 "1-b", "1 ,2"};
	struct cli_numbers numbers = {0};

	for (size_t i = 0; i < EO_ARRAY_SIZE(words); i++)
		cr_expect_eq(cli_parse_ranges(words[i], 100, 100, &numbers), -EINVAL, "'%s'",
			     words[i]);
	cr_expect_eq(cli_parse_ranges("1,3-2", 100, 100, &numbers), -ERANGE);
	cr_expect_eq(cli_parse_ranges("1,101", 100, 100, &numbers), -ERANGE);
	cr_expect_eq(cli_parse_ranges("0-10", 100, 10, &numbers), -ERANGE);
	cr_expect_eq(cli_parse_ranges("0-4294967295", UINT32_MAX, 10, &numbers), -ERANGE);
	cr_expect_eq(numbers.count, 0);
	cli_numbers_fini(&numbers);
}

Test(words, distance_counts_edits_and_swaps)
{
	cr_expect_eq(eo_edit_distance("", ""), 0);
	cr_expect_eq(eo_edit_distance("profile", "profile"), 0);
	cr_expect_eq(eo_edit_distance("profil", "profile"), 1);
	cr_expect_eq(eo_edit_distance("profiles", "profile"), 1);
	cr_expect_eq(eo_edit_distance("porfile", "profile"), 1);
	cr_expect_eq(eo_edit_distance("prefile", "profile"), 1);
	cr_expect_eq(eo_edit_distance("", "abc"), 3);
	cr_expect_eq(eo_edit_distance("kitten", "sitting"), 3);
}

Test(words, distance_of_endless_words_is_bounded)
{
	char word[5001];

	memset(word, 'a', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	cr_expect_eq(eo_edit_distance(word, "aaa"), 5000);
}

Test(words, nearest_is_the_misspelt_or_abbreviated_word_or_none)
{
	static const char *const words[] = {"check", "profile", "trace", "convert", NULL};

	cr_expect_str_eq(eo_nearest_word("profle", words), "profile");
	cr_expect_str_eq(eo_nearest_word("prof", words), "profile");
	cr_expect_str_eq(eo_nearest_word("c", words), "check");
	cr_expect_str_eq(eo_nearest_word("chekc", words), "check");
	cr_expect_str_eq(eo_nearest_word("convrt", words), "convert");
	cr_expect_null(eo_nearest_word("xyzzy", words));
	cr_expect_null(eo_nearest_word("", words));
}
