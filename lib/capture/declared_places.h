/* SPDX-License-Identifier: BSD-2-Clause */
/* Probes by which allocators tell of themselves, otel_memory:alloc and free: where they are in a file,
 * and, for the BPF programs, where they have their arguments. */
#ifndef EO_CAPTURE_DECLARED_PLACES_H
#define EO_CAPTURE_DECLARED_PLACES_H

#include <stdint.h>

#include "capture/uprobes.h"

struct eo_declared_places {
	int map_fd;	/* of struct eo_mem_place */
	uint32_t count; /* in it; begins with 0 */
};

/**
 * The probes that a file declares, when it has both of them and all are understood.
 * @ctx: a struct eo_declared_places, which gets them
 * @ret: the caller's
 * Returns how many there are, 0 for none, or -ENOMEM.
 */
int eo_declared_places_read(void *ctx, int fd, struct eo_uprobe **ret);

#endif
