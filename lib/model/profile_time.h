/* SPDX-License-Identifier: BSD-2-Clause */
/* A profile moved in time, for backends that take only what is recent. */
#ifndef EO_MODEL_PROFILE_TIME_H
#define EO_MODEL_PROFILE_TIME_H

#include <stdint.h>

#include "model/profile.h"

/**
 * Shift the profile and its timestamps so that it ends at @end_ns, Unix time. It ends after its
 * duration, and not before its last timestamp.
 * Returns 0, or -ERANGE, nothing changed, when a time would leave 64 bits or come before 1970.
 */
int eo_profile_end_at(struct eo_profile *profile, uint64_t end_ns);

#endif
