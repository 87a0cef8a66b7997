/* SPDX-License-Identifier: BSD-2-Clause */
/* Finds the allocators of processes and probes them: each copy of a library that a process maps, in
 * whatever container, and programs that have an allocator in themselves. A file is an allocator's
 * when it has both malloc() and free(), or when it was named; where it declares probes of its own, they
 * alone are taken. Not thread-safe. */
#ifndef EO_CAPTURE_ALLOCATORS_H
#define EO_CAPTURE_ALLOCATORS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/target.h"
#include "core/auto.h"
#include "core/error.h"

struct bpf_program;

struct eo_allocators_options {
	struct bpf_program *enter, *leave; /* of functions */
	struct bpf_program *declared;	   /* of probes that an allocator declares */
	int places_fd; /* map of where these have their arguments */
	bool multi; /* see eo_uprobes_prepare() */
	/* One probe for all processes of the machine that map a file, so that what begins later is
	 * seen from its first call, at the price of a trap in the others. Else one for each target. */
	bool everywhere;
	int targets_fd; /* map of the pids that are targets; negative: all are */
	const char *command; /* that target->command_pid will become: a file, or looked for in PATH; NULL */
	const char *const *libraries; /* files that are an allocator's whatever they have; copied */
	size_t library_count;
};

struct eo_allocators_stats {
	size_t files;	  /* with functions that are probed now */
	size_t functions; /* in them */
	uint64_t late;	  /* processes that had run for a moment when they were probed */
	uint64_t denied;  /* files that could not be opened or probed */
	uint64_t news_lost;
};

struct eo_allocators;

int eo_allocators_new(const struct eo_allocators_options *options, struct eo_allocators **ret,
		      struct eo_error *err);
void eo_allocators_free(struct eo_allocators *allocators); /* NULL is fine; detaches */
EO_DEFINE_AUTO(eo_allocators)

/**
 * Probe what the targets have now. Named libraries that cannot be read are an error, as is a
 * process of target->pids in which no allocator was found.
 */
int eo_allocators_begin(struct eo_allocators *allocators, const struct eo_target *target,
			struct eo_error *err);

/** Probe what has come since: libraries, programs, children. 0 or -ENOMEM. */
int eo_allocators_update(struct eo_allocators *allocators);

/** Becomes readable when there is something for update(). */
int eo_allocators_fd(const struct eo_allocators *allocators);

struct eo_allocators_stats eo_allocators_stats(const struct eo_allocators *allocators);
uint64_t eo_allocators_bytes(const struct eo_allocators *allocators); /* of the kernel's memory */

#endif
