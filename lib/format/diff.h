/* SPDX-License-Identifier: BSD-2-Clause */
/* The difference between two profiles is a profile as well: it holds the new samples as they are,
 * and those of the base negated, with one label more, pprof::base=true. That is what go tool pprof
 * makes of -diff_base, so that a difference survives being written and read.
 *
 * Writers that add values up show new minus base without knowing of it. Those that want both sides
 * tell them apart by the label. Values are never scaled: a base of another length has to be put
 * into proportion by who shows it, for only there are whole numbers no longer needed. Durations
 * of both sides are at hand: the profile's own, and the comment that the base leaves behind. */
#ifndef EO_FORMAT_DIFF_H
#define EO_FORMAT_DIFF_H

#include <stdbool.h>
#include <stdint.h>

#include "core/error.h"
#include "model/profile.h"

/**
 * Subtract @base from @profile.
 *
 * Value types must be equal. Time, duration and period stay those of @profile; comments of @base
 * are added with "base: " in front, and one that tells its duration. Its timestamps are left out:
 * what is taken away has no moment.
 *
 * Returns 0 or a negative errno: -EINVAL, other value types or @base is a difference itself;
 * -EOVERFLOW, a value left 64 bits; or what eo_profile_status() says of @profile, which is then
 * only good for freeing.
 */
int eo_profile_subtract(struct eo_profile *profile, const struct eo_profile *base,
			struct eo_error *err);

/** Do samples with this label set come from a base? */
bool eo_profile_is_base(const struct eo_profile *profile, uint32_t label_set);

/** Was something subtracted from @profile? */
bool eo_profile_is_difference(const struct eo_profile *profile);

#endif
