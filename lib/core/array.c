/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/array.h"

#include <stdlib.h>

bool eo_array_reserve(void *array, size_t wanted, size_t *room, size_t first, size_t limit,
		      size_t element)
{
	size_t larger = *room ? *room : first;
	void *moved;

	if (wanted <= *room)
		return true;
	if (wanted > limit)
		return false;
	while (larger < wanted)
		larger = larger > limit / 2 ? limit : larger * 2;
	moved = reallocarray(*(void **)array, larger, element);
	if (!moved)
		return false;
	*(void **)array = moved;
	*room = larger;
	return true;
}
