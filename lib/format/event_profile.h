/* SPDX-License-Identifier: BSD-2-Clause */
/* Events that carry stacks, added up to a profile.
 *
 * What is counted depends on what happened: allocations give alloc_objects, alloc_space,
 * inuse_objects and inuse_space, as a heap profile has them (a block that is freed leaves the
 * last two where it was allocated); samples of CPUs give samples; everything else gives samples
 * and the time that it took. One profile holds one of these kinds. */
#ifndef EO_FORMAT_EVENT_PROFILE_H
#define EO_FORMAT_EVENT_PROFILE_H

#include <stdint.h>

#include "core/auto.h"
#include "core/error.h"
#include "core/event.h"
#include "format/jsonl.h"
#include "model/profile.h"

struct eo_event_profile;

int eo_event_profile_new(struct eo_event_profile **ret, struct eo_error *err);
void eo_event_profile_free(struct eo_event_profile *events); /* NULL is fine */
EO_DEFINE_AUTO(eo_event_profile)

/**
 * Returns 1 when the event counted, 0 when it has no stack (or is a free, or failed), -EINVAL when
 * it is of another kind than those before it, or another negative errno.
 */
int eo_event_profile_add(struct eo_event_profile *events, const struct eo_event *event,
			 const struct eo_event_clock *clock, struct eo_error *err);

/**
 * The profile, which is the caller's. @events then is only good for freeing.
 * -ENODATA, with a hint, when no event had a stack.
 */
int eo_event_profile_finish(struct eo_event_profile *events, struct eo_profile **ret,
			    struct eo_error *err);

#endif
