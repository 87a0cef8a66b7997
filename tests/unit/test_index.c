// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>
#include <string.h>

#include "core/hash.h"
#include "core/index.h"

Test(index, elements_of_one_hash_come_one_after_the_other)
{
	struct eo_index index = {0};
	uint32_t cursor = 0, element, seen = 0;

	cr_assert_eq(eo_index_next(&index, 77, &cursor), EO_INDEX_NONE);
	for (uint32_t i = 0; i < 1009; i++) {
		cr_assert_eq(eo_index_add(&index, 77, i), 0);
		cr_assert_eq(eo_index_add(&index, 78 + i, 5000 + i), 0);
	}
	while ((element = eo_index_next(&index, 77, &cursor)) != EO_INDEX_NONE) {
		cr_assert_lt(element, 1009);
		seen++;
	}
	cr_assert_eq(seen, 1009);
	eo_index_fini(&index);
}

Test(index, what_is_removed_is_gone_and_the_rest_is_found)
{
	struct eo_index index = {0};

	/* Few hashes, so that runs of full slots are long and wrap around. */
	for (uint32_t i = 0; i < 997; i++)
		cr_assert_eq(eo_index_add(&index, i % 13, i), 0);
	for (uint32_t i = 0; i < 997; i += 3)
		eo_index_remove(&index, i % 13, i);
	eo_index_remove(&index, 5, 123456); /* never was there */
	for (uint32_t i = 0; i < 997; i++) {
		uint32_t cursor = 0, element;

		while ((element = eo_index_next(&index, i % 13, &cursor)) != EO_INDEX_NONE && element != i)
			;
		cr_assert_eq(element == i, i % 3 != 0, "element %u", i);
	}
	eo_index_fini(&index);
}

Test(hash, every_byte_and_the_length_count)
{
	unsigned char data[40] = {0};
	uint64_t plain = eo_hash(1, data, sizeof(data));

	cr_assert_neq(eo_hash(2, data, sizeof(data)), plain);
	for (size_t i = 0; i < sizeof(data); i++) {
		cr_assert_neq(eo_hash(1, data, i), plain);
		data[i] = 1;
		cr_assert_neq(eo_hash(1, data, sizeof(data)), plain, "byte %zu", i);
		data[i] = 0;
	}
	cr_assert_eq(eo_hash_string(1, "abc"), eo_hash(1, "abc", 3));
}
