/* SPDX-License-Identifier: BSD-2-Clause */
#include "model/profile_time.h"

#include <errno.h>

/* Times of foreign profiles can be anything, so sums of them need more than 64 bits. */
typedef __int128 wide;

static wide end_of(const struct eo_profile *profile)
{
	wide end = (wide)profile->time_ns + profile->duration_ns;

	/* A moment lies inside the time profiled, whose end is behind it. */
	for (size_t i = 0; i < profile->timestamp_count; i++)
		if ((wide)profile->timestamps[i].time_ns + 1 > end)
			end = (wide)profile->timestamps[i].time_ns + 1;
	return end;
}

static bool fits(wide time)
{
	return time >= 0 && time <= INT64_MAX;
}

int eo_profile_end_at(struct eo_profile *profile, uint64_t end_ns)
{
	wide shift = (wide)end_ns - end_of(profile);

	if (!fits(profile->time_ns + shift))
		return -ERANGE;
	for (size_t i = 0; i < profile->timestamp_count; i++)
		if (!fits(profile->timestamps[i].time_ns + shift))
			return -ERANGE;
	profile->time_ns = (int64_t)(profile->time_ns + shift);
	for (size_t i = 0; i < profile->timestamp_count; i++)
		profile->timestamps[i].time_ns =
			(uint64_t)(profile->timestamps[i].time_ns + shift);
	return 0;
}
