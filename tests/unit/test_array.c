/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/array.h"

Test(array, room_doubles_and_elements_stay)
{
	uint64_t *list = NULL;
	uint32_t room = 0, moves = 0;

	for (uint32_t i = 0; i < 1009; i++) {
		uint32_t before = room;

		cr_assert_eq(true, EO_ARRAY_RESERVE(list, i + 1, room, 8));
		moves += room != before;
		list[i] = i;
	}
	cr_assert_eq(room, 1024);
	cr_assert_eq(moves, 8);
	for (uint32_t i = 0; i < 1009; i++)
		cr_assert_eq(list[i], i);
	free(list);
}

Test(array, many_at_once_are_one_step)
{
	char *list = NULL;
	size_t room = 0;

	cr_assert_eq(true, EO_ARRAY_RESERVE(list, 100, room, 8));
	cr_assert_eq(room, 128);
	cr_assert_eq(true, EO_ARRAY_RESERVE(list, 3, room, 8));
	cr_assert_eq(room, 128);
	free(list);
}

Test(array, what_the_room_cannot_count_is_refused)
{
	char *list = NULL;
	uint8_t room = 0;

	cr_assert_eq(true, EO_ARRAY_RESERVE(list, 129, room, 8));
	cr_assert_eq(room, 255);
	cr_assert_eq(true, EO_ARRAY_RESERVE(list, 255, room, 8));
	cr_assert_eq(false, EO_ARRAY_RESERVE(list, 256, room, 8));
	cr_assert_eq(room, 255);
	free(list);
}

Test(array, without_memory_nothing_changes)
{
	struct { char bytes[4096]; } *list = NULL;
	size_t room = 0;

	cr_assert_eq(true, EO_ARRAY_RESERVE(list, 1, room, 1));
	list->bytes[0] = 'x';
	cr_assert_eq(false, EO_ARRAY_RESERVE(list, SIZE_MAX / 4096, room, 1));
	cr_assert_eq(room, 1);
	cr_assert_eq(list->bytes[0], 'x');
	free(list);
}
