/* SPDX-License-Identifier: BSD-2-Clause */
/* The text of /proc/PID/maps. */
#ifndef EO_SYMBOL_PROC_MAPS_H
#define EO_SYMBOL_PROC_MAPS_H

#include <stdbool.h>
#include <stdint.h>

struct eo_proc_map {
	uint64_t start, end, offset, inode;
	bool executable;
	const char *path; /* newlines restored; "" when there is none; until the call returns */
};

/** Return false to read no further. */
typedef bool (*eo_proc_maps_fn)(void *arg, const struct eo_proc_map *map);

/**
 * Call @fn for each mapping of the file behind @fd. Lines that are none are left out.
 * Returns 0 or a negative errno of reading.
 */
int eo_proc_maps_read(int fd, eo_proc_maps_fn fn, void *arg);

#endif
