/* SPDX-License-Identifier: BSD-2-Clause */
/* Arrays that grow: each time to twice their room, so that adding one element is cheap. */
#ifndef EO_CORE_ARRAY_H
#define EO_CORE_ARRAY_H

#include <stdbool.h>
#include <stddef.h>

/**
 * What EO_ARRAY_RESERVE() is made of.
 * @array: address of the pointer to the elements, which may move
 * @first: elements of the first room
 * @limit: elements that @room can count
 */
bool eo_array_reserve(void *array, size_t wanted, size_t *room, size_t first, size_t limit,
		      size_t element);

/**
 * Have room for @wanted elements in @list, whose @room is a field or variable of an unsigned type.
 * @first: how many there is room for at first
 * Returns false, and nothing has changed, when memory is out or @room cannot count so many.
 */
#define EO_ARRAY_RESERVE(list, wanted, room, first)                                            \
	({                                                                                     \
		size_t room_ = (room), wanted_ = (wanted);                                     \
		bool fits_ = wanted_ <= room_ ||                                               \
			     eo_array_reserve(&(list), wanted_, &room_, (first),               \
					      (__typeof__(room))-1, sizeof(*(list)));          \
		(room) = (__typeof__(room))room_;                                              \
		fits_;                                                                         \
	})

#endif
