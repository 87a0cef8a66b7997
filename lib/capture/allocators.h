/* SPDX-License-Identifier: BSD-2-Clause */
/* Finds the allocators of processes and probes them. A file is an allocator's when it has both
 * malloc() and free(), or when it was named; where it declares probes of its own, these are taken. */
#ifndef EO_CAPTURE_ALLOCATORS_H
#define EO_CAPTURE_ALLOCATORS_H

#include "capture/function_probes.h"
#include "capture/target.h"

struct eo_allocators_options {
	struct eo_function_probes_options probes; /* functions and what is needed are set here */
	const char *command; /* that target->command_pid will become: a file, or looked for in PATH; NULL */
	const char *const *libraries; /* files that are an allocator's whatever they have */
	size_t library_count;
};

/**
 * Probe what the targets have now. Named libraries that cannot be read are an error, as is a
 * process of target->pids in which no allocator was found.
 * @ret: set even then; what it has found until now says what became of it
 */
int eo_allocators_begin(const struct eo_allocators_options *options, const struct eo_target *target,
			struct eo_function_probes **ret, struct eo_error *err);

#endif
