// SPDX-License-Identifier: BSD-2-Clause
#include "capture/user_walk.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/auto.h"

const struct eo_user_walk_name eo_user_walk_names[] = {
	{EO_USER_COMPLETE, "complete", "complete"},
	{EO_USER_SNAPSHOT, "snapshot", "complete by snapshot"},
	{EO_USER_SNAPSHOT_CUT, "snapshot_cut", "cut snapshot"},
	{EO_USER_FP, "fp", "by frame pointers"},
	{EO_USER_CUT, "cut", "cut"},
	{EO_USER_FAILED, "failed", "unreadable"},
	{EO_USER_NO_PROCESS, "no_process", "process unknown"},
	{EO_USER_NO_MAPPING, "no_mapping", "no mapping"},
	{EO_USER_NOT_LOADED, "not_loaded", "table not there yet"},
	{EO_USER_NO_ROW, "no_row", "no rule"},
	{EO_USER_UNSUPPORTED, "unsupported", "unsupported rule"},
	{EO_USER_READ_FAULT, "read_fault", "read fault"},
	{EO_USER_BROKEN, "broken", "broken"},
	{EO_USER_EXITING, "exiting", "exiting"},
	{EO_USER_NONE, "none", "none"},
};
const size_t eo_user_walk_name_count = EO_ARRAY_SIZE(eo_user_walk_names);

bool eo_user_walks_text(const struct eo_user_walks *walks, char *text, size_t size)
{
	size_t used = (size_t)snprintf(text, size, "user stacks:");
	const char *separator = " ";

	for (size_t i = 0; i < eo_user_walk_name_count && used < size; i++) {
		uint64_t count = walks->counts[eo_user_walk_names[i].walk];

		if (!count)
			continue;
		used += (size_t)snprintf(text + used, size - used, "%s%" PRIu64 " %s", separator, count,
					 eo_user_walk_names[i].words);
		separator = ", ";
	}
	return *separator == ',';
}
