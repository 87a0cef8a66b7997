/* SPDX-License-Identifier: BSD-2-Clause */
/* One order for equal profiles: what is written depends on what a profile holds, never on when it
 * came in.
 *
 * Strings are ordered by bytes, mappings, functions and locations by their fields, stacks from
 * the root by their locations, samples by stack, then by labels, then by resource. That puts
 * stacks with common callers side by side, which also compresses best. Locations are numbered from
 * 1, those first that stand in most samples, for small numbers take fewer bytes, a tenth of a large
 * profile's; mappings and functions follow in the order in which locations name them. What no
 * sample uses has no number.
 *
 * The exception is mapping 1, which readers take for the program. A stack's program is its
 * root-most file that is no shared library: threads begin in libc, and the kernel stands for no
 * program. Mapping 1 is the program with the most samples, measured by their first value. */
#ifndef EO_FORMAT_ORDER_H
#define EO_FORMAT_ORDER_H

#include <stddef.h>
#include <stdint.h>

#include "core/auto.h"
#include "model/profile.h"

struct eo_numbering {
	uint32_t *numbers; /* by index in the profile's table; 0: not used */
	uint32_t *indices; /* the reverse: of number n it is indices[n - 1] */
	size_t count;
};

struct eo_order {
	uint32_t *samples; /* all of the profile's, in order */
	struct eo_numbering mappings, functions, locations;
};

/** Returns NULL when memory is out. */
struct eo_order *eo_order_new(const struct eo_profile *profile);
void eo_order_free(struct eo_order *order); /* NULL is fine */
EO_DEFINE_AUTO(eo_order)

/* Samples in order lie anywhere in the profile's tables, and waiting for memory takes longer than
 * all the work on them. Who goes through samples in order asks for what comes: when it is at one,
 * for the sample that is this many further, for its stack when it has come nearer, and so on. */
#define EO_ORDER_AHEAD 24

/**
 * @far, @nearer, @near: samples that come EO_ORDER_AHEAD, two thirds and one third of it later;
 * near the end any others
 * Inlined by all means: gcc before 14 takes a function that only prefetches for one that does
 * nothing and drops the call.
 */
__attribute__((always_inline)) static inline void
eo_order_look_ahead(const struct eo_profile *profile, uint32_t far, uint32_t nearer, uint32_t near)
{
	struct eo_span stack = profile->stacks[profile->samples[near].stack];

	__builtin_prefetch(&profile->samples[far]);
	__builtin_prefetch(&profile->stacks[profile->samples[nearer].stack]);
	__builtin_prefetch(&profile->values[profile->samples[nearer].values]);
	/* Two lines of the cache, 32 frames. */
	__builtin_prefetch(&profile->frames[stack.first]);
	__builtin_prefetch(&profile->frames[stack.first] + 16);
}

#endif
