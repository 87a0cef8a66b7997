/* SPDX-License-Identifier: BSD-2-Clause */
/* Follows what programs allocate and free: events, exact counters, heap profiles, and what is still
 * held. Used through tracer.h, and what is here. */
#ifndef EO_CAPTURE_MEM_TRACER_H
#define EO_CAPTURE_MEM_TRACER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/tracer.h"
#include "model/profile.h"

#define EO_MEM_LIVE_DEFAULT 1000000u
#define EO_MEM_LIVE_MAX	    100000000u

struct eo_mem_options {
	/* Allocators whatever functions they have, beside those that are found; needed until start()
	 * returns. */
	const char *const *libraries;
	size_t library_count;
	uint64_t min_size; /* bytes; smaller allocations are filtered out */
	uint64_t max_live; /* blocks in use that are kept; 0: EO_MEM_LIVE_DEFAULT */
	/* Instead of events: what stop() leaves behind. */
	bool profile;
	/* With a summary, whose rows are by size class otherwise. By stack they go on from one to the
	 * next, and do not begin anew. */
	bool by_stack;
	bool leaks; /* only what is held, by stack, with oldest_ns */
	uint64_t min_age_ns; /* of what is held, to be a leak */
};

/** @config, @options and @mem are copied. The target must name somebody, or everybody with all. */
int eo_mem_tracer_new(const struct eo_config *config, const struct eo_tracer_options *options,
		      const struct eo_mem_options *mem, struct eo_tracer **ret, struct eo_error *err);

/**
 * Watch the targets for @for_ns while pumping, and estimate what the probes cost them: percent of
 * one CPU. While running.
 */
int eo_mem_tracer_measure(struct eo_tracer *tracer, uint64_t for_ns, double *percent,
			  struct eo_error *err);

/**
 * After stop(), with options.profile: alloc_objects, alloc_space, inuse_objects, inuse_space. In
 * use is what was held at the stop, or when its program exited.
 * Returns the profile, which becomes the caller's, once; else NULL.
 */
struct eo_profile *eo_mem_tracer_take_profile(struct eo_tracer *tracer);

#endif
