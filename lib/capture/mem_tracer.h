/* SPDX-License-Identifier: BSD-2-Clause */
/* Follows what programs allocate and free, or the kernel for them: events, exact counters, heap profiles, and what is still
 * held. Used through tracer.h, and what is here. */
#ifndef EO_CAPTURE_MEM_TRACER_H
#define EO_CAPTURE_MEM_TRACER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/mem_sources.h"
#include "capture/tracer.h"
#include "model/profile.h"

#define EO_MEM_LIVE_DEFAULT	   1000000u
#define EO_MEM_LIVE_DEFAULT_KERNEL 131072u /* whose room is taken at the start, 128 bytes each */
#define EO_MEM_LIVE_MAX		   100000000u

#define EO_MEM_SAMPLE_BYTES_MAX (1u << 30)

struct eo_mem_options {
	unsigned int sources; /* EO_MEM_BIT()s; 0: EO_MEM_LIBC */
	/* What target.command_pid will execute: a file, or a name in PATH; needed until start()
	 * returns. NULL: not known. */
	const char *command;
	/* Allocators whatever functions they have, beside those that are found; needed until start()
	 * returns. */
	const char *const *libraries;
	size_t library_count;
	uint64_t min_size; /* bytes; smaller allocations are filtered out */
	/* Sample, one block every so many bytes on average, 1 to EO_MEM_SAMPLE_BYTES_MAX; 0: all.
	 * All figures are estimates then, without bias: a block of S bytes is sampled with the
	 * probability p = 1 - exp(-S / sample_bytes), and stands for 1 / p. Not for events. */
	uint64_t sample_bytes;
	uint64_t max_live; /* blocks in use that are kept, of each source; 0: the defaults above */
	/* Instead of events: what stop() leaves behind. Of one source, as each has bytes of its own. */
	bool profile;
	/* With a summary, whose rows are by size class otherwise. By stack they go on from one to the
	 * next, and do not begin anew. */
	bool by_stack;
	bool leaks; /* only what is held, by stack, with oldest_ns; not of EO_MEM_FAULTS */
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
 * use is what was held at the stop, or when its program exited. Of EO_MEM_FAULTS the first two.
 * Returns the profile, which becomes the caller's, once; else NULL.
 */
struct eo_profile *eo_mem_tracer_take_profile(struct eo_tracer *tracer);

#endif
