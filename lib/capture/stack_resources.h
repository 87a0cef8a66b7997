/* SPDX-License-Identifier: BSD-2-Clause */
/* The resources of a profile's samples: read once for each program that a process runs, and put into the
 * profile as label sets. Not thread-safe. */
#ifndef EO_CAPTURE_STACK_RESOURCES_H
#define EO_CAPTURE_STACK_RESOURCES_H

#include <stddef.h>
#include <stdint.h>

#include "capture/process_resource.h"
#include "core/index.h"
#include "model/profile.h"
#include "records.h"

struct eo_stack_program;

/* All zeros: samples have none. */
struct eo_stack_resources {
	struct eo_process_resource *source; /* the caller's */
	struct eo_profile *profile;	    /* the caller's */
	uint32_t host;			    /* label set of what is no process's */
	struct eo_stack_program *programs;
	size_t count, room, bytes;
	struct eo_index index;
	uint64_t seed;
};

void eo_stack_resources_init(struct eo_stack_resources *resources, struct eo_process_resource *source,
			     struct eo_profile *profile);
void eo_stack_resources_fini(struct eo_stack_resources *resources);

/** The label set of the process of @record as it is now; of one that has gone, its pid and name. */
uint32_t eo_stack_resources_of(struct eo_stack_resources *resources, const struct eo_stack_record *record);

#endif
