/* SPDX-License-Identifier: BSD-2-Clause */
/* Values by number, of which only so many are kept: where there is no room, one that was not
 * looked for in a while makes place. Not thread-safe. */
#ifndef EO_OTLP_RECENT_H
#define EO_OTLP_RECENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/index.h"

struct eo_recent {
	size_t value_bytes;
	uint32_t limit;
	void (*drop)(void *value); /* what a value needs before it goes; NULL: nothing */

	/* private */
	struct eo_index index;
	struct eo_recent_slot *slots;
	char *values;
	uint32_t count, capacity, hand, free; /* @free: a slot and those behind it, from 1 */
	uint64_t seed;
};

void eo_recent_init(struct eo_recent *recent, size_t value_bytes, uint32_t limit,
		    void (*drop)(void *value));
void eo_recent_fini(struct eo_recent *recent);

/** NULL where there is none. The pointer holds until the next put. */
void *eo_recent_get(struct eo_recent *recent, uint64_t key);
/** The value, or a new one of zeros (@is_new). NULL when memory is out. */
void *eo_recent_put(struct eo_recent *recent, uint64_t key, bool *is_new);
void eo_recent_remove(struct eo_recent *recent, uint64_t key);

#endif
