/* SPDX-License-Identifier: BSD-2-Clause */
/* The executable mappings of a process, as /proc shows them now. */
#ifndef EO_SYMBOL_PROCESS_MAPS_H
#define EO_SYMBOL_PROCESS_MAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "symbol/vma_set.h"

struct eo_process_maps {
	struct eo_vma_set *vmas; /* the caller's, also where it has failed */
	bool any;		 /* there are mappings, executable or not: it is not on its way out */
	bool headless;		 /* its main thread has ended, others have not */
};

/** Returns 0, -ESRCH (it has gone), -ENOMEM or another negative errno. */
int eo_process_maps_read(struct eo_vma_parts *parts, uint32_t tgid, struct eo_process_maps *ret);

/** Whether the main thread of a process has ended and others have not. */
bool eo_process_is_headless(uint32_t tgid);

#endif
