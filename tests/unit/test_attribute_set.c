// SPDX-License-Identifier: BSD-2-Clause
#include "core/attribute_set.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

Test(attribute_set, keeps_texts_and_numbers_of_its_own)
{
	struct eo_attribute_set set = {0};
	char key[] = "key", text[] = "text";

	eo_attribute_set_text(&set, key, text);
	eo_attribute_set_number(&set, "pid", 7);
	memset(key, 'x', 3);
	memset(text, 'x', 4);
	cr_assert_eq(set.count, 2);
	cr_expect_str_eq(set.attributes[0].key, "key");
	cr_expect_str_eq(set.attributes[0].str, "text");
	cr_expect_str_eq(set.attributes[1].key, "pid");
	cr_expect_null(set.attributes[1].str);
	cr_expect_eq(set.attributes[1].num, 7);
	cr_expect(eo_attribute_set_has(&set, "pid"));
	cr_expect_not(eo_attribute_set_has(&set, "pi"));
}

Test(attribute_set, the_first_of_a_key_stays_and_nothing_said_is_left_out)
{
	struct eo_attribute_set set = {0};

	eo_attribute_set_text(&set, "a", NULL);
	eo_attribute_set_text(&set, "a", "");
	eo_attribute_set_text(&set, "", "keyless");
	cr_assert_eq(set.count, 0);
	eo_attribute_set_text(&set, "a", "1");
	eo_attribute_set_text(&set, "a", "2");
	eo_attribute_set_number(&set, "a", 3);
	cr_assert_eq(set.count, 1);
	cr_expect_str_eq(set.attributes[0].str, "1");
}

Test(attribute_set, long_values_are_cut_between_characters_and_long_keys_left_out)
{
	static const char euro[] = "\xe2\x82\xac";
	struct eo_attribute_set set = {0};
	char text[3 * EO_ATTRIBUTE_VALUE_MAX + 1] = "";

	for (size_t i = 0; i < EO_ATTRIBUTE_VALUE_MAX; i++)
		memcpy(text + 3 * i, euro, 3);
	eo_attribute_set_text(&set, "euros", text);
	cr_assert_eq(set.count, 1);
	cr_expect_eq(strlen(set.attributes[0].str), EO_ATTRIBUTE_VALUE_MAX / 3 * 3);

	memset(text, 'k', EO_ATTRIBUTE_KEY_MAX + 1);
	text[EO_ATTRIBUTE_KEY_MAX + 1] = '\0';
	eo_attribute_set_text(&set, text, "v");
	cr_expect_eq(set.count, 1);
	text[EO_ATTRIBUTE_KEY_MAX] = '\0';
	eo_attribute_set_text(&set, text, "v");
	cr_expect_eq(set.count, 2);
}

Test(attribute_set, the_largest_attributes_all_have_room_and_no_more_are_taken)
{
	struct eo_attribute_set set = {0};
	char key[EO_ATTRIBUTE_KEY_MAX + 1], value[EO_ATTRIBUTE_VALUE_MAX + 1];

	memset(value, 'v', EO_ATTRIBUTE_VALUE_MAX);
	value[EO_ATTRIBUTE_VALUE_MAX] = '\0';
	for (int i = 0; i <= EO_ATTRIBUTE_SET_MAX; i++) {
		snprintf(key, sizeof(key), "%0*d", EO_ATTRIBUTE_KEY_MAX, i);
		eo_attribute_set_text(&set, key, value);
	}
	cr_assert_eq(set.count, EO_ATTRIBUTE_SET_MAX);
	cr_expect_eq(set.used, sizeof(set.texts));
	cr_expect_str_eq(set.attributes[EO_ATTRIBUTE_SET_MAX - 1].str, value);
}
