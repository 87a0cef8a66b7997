// SPDX-License-Identifier: BSD-2-Clause
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "capture/cgroup.h"
#include "capture/syscall_summary.h"

static struct eo_syscall_row row_of(uint64_t min_ns, uint64_t max_ns)
{
	return (struct eo_syscall_row){.min_ns = min_ns, .max_ns = max_ns};
}

Test(syscall_row, row_without_durations_has_no_quantile)
{
	struct eo_syscall_row row = {.untimed = 7};

	cr_assert_eq(eo_syscall_row_count(&row), 7);
	cr_assert_eq(eo_syscall_row_quantile(&row, 0.5), 0);
}

Test(syscall_row, quantile_is_the_end_of_its_slot)
{
	struct eo_syscall_row row = row_of(1000, 5000);

	row.slots[4 * 10] = 53;	    /* 1024 to 1279 */
	row.slots[4 * 10 + 1] = 46; /* 1280 to 1535 */
	row.slots[4 * 12] = 1;	    /* 4096 to 5119 */
	row.untimed = 3;
	cr_assert_eq(eo_syscall_row_count(&row), 103);
	cr_assert_eq(eo_syscall_row_quantile(&row, 0.5), 1279);
	cr_assert_eq(eo_syscall_row_quantile(&row, 0.53), 1279);
	cr_assert_eq(eo_syscall_row_quantile(&row, 0.54), 1535);
	cr_assert_eq(eo_syscall_row_quantile(&row, 0.99), 1535);
	cr_assert_eq(eo_syscall_row_quantile(&row, 1), 5000, "never beyond the maximum");
}

Test(syscall_row, quantile_stays_between_minimum_and_maximum)
{
	struct eo_syscall_row row = row_of(1100, 1100);

	row.slots[4 * 10] = 11;
	cr_assert_eq(eo_syscall_row_quantile(&row, 0), 1100);
	cr_assert_eq(eo_syscall_row_quantile(&row, 0.5), 1100);
	cr_assert_eq(eo_syscall_row_quantile(&row, 1), 1100);
}

Test(syscall_row, smallest_durations_have_whole_numbers)
{
	struct eo_syscall_row row = row_of(0, 1000);

	row.slots[0] = 1; /* 0 and 1 */
	row.slots[4] = 1; /* 2 */
	row.slots[6] = 1; /* 3 */
	row.slots[8] = 1; /* 4 */
	row.slots[40] = 1;
	cr_assert_eq(eo_syscall_row_quantile(&row, 0.2), 1);
	cr_assert_eq(eo_syscall_row_quantile(&row, 0.4), 2);
	cr_assert_eq(eo_syscall_row_quantile(&row, 0.6), 3);
	cr_assert_eq(eo_syscall_row_quantile(&row, 0.8), 4);
}

struct told {
	bool timed;
	const char *cgroup; /* NULL: it does not say */
	unsigned int events;
};

static int check(void *ctx, const struct eo_event *event)
{
	struct told *told = ctx;

	told->events++;
	cr_assert_eq(event->type, EO_EVENT_SYSCALL_SUMMARY);
	cr_assert_eq(event->ktime_ns, 7919);
	cr_assert_str_eq(eo_event_data(event, "name")->str, "getppid");
	cr_assert_str_eq(eo_event_data(event, "comm")->str, "sixteen bytes no");
	cr_assert_eq(eo_event_data(event, "pid")->unum, 4711);
	cr_assert_eq(!eo_event_data(event, "cgroup"), !told->cgroup);
	if (told->cgroup)
		cr_assert_str_eq(eo_event_data(event, "cgroup")->str, told->cgroup);
	cr_assert_null(eo_event_data(event, "abi"));
	cr_assert_eq(eo_event_data(event, "count")->unum, told->timed ? 10 : 3);
	cr_assert_eq(eo_event_data(event, "errors")->unum, 2);
	if (!told->timed) {
		cr_assert_null(eo_event_data(event, "mean_ns"));
		return 0;
	}
	cr_assert_eq(eo_event_data(event, "total_ns")->unum, 7700);
	cr_assert_eq(eo_event_data(event, "min_ns")->unum, 1100);
	cr_assert_eq(eo_event_data(event, "mean_ns")->unum, 1100);
	cr_assert_eq(eo_event_data(event, "p50_ns")->unum, 1100);
	cr_assert_eq(eo_event_data(event, "max_ns")->unum, 1100);
	return 0;
}

Test(syscall_row, event_says_what_the_rows_are_told_apart_by)
{
	struct eo_cgroup_path shop = {.id = 3, .path = strdup("/shop.slice")};
	const struct eo_cgroup_paths cgroups = {.list = &shop, .count = 1};
	struct eo_syscall_summary_keys keys = {.comm = true, .pid = true};
	struct eo_syscall_key key = {.nr = (uint32_t)eo_syscall_find("getppid"), .tgid = 4711, .cgroup = 3};
	struct eo_syscall_row row = row_of(1100, 1100);
	struct told told = {.timed = true};

	memcpy(key.comm, "sixteen bytes no", sizeof(key.comm));
	row.errors = 2;
	row.untimed = 3;
	row.total_ns = 7700;
	row.slots[4 * 10] = 7;
	cr_assert_eq(eo_syscall_summary_event(&key, &row, &keys, 7919, check, &told), 0);
	row.slots[4 * 10] = 0;
	told.timed = false;
	cr_assert_eq(eo_syscall_summary_event(&key, &row, &keys, 7919, check, &told), 0);
	keys.cgroups = &cgroups;
	told.cgroup = "/shop.slice";
	cr_assert_eq(eo_syscall_summary_event(&key, &row, &keys, 7919, check, &told), 0);
	key.cgroup = 4; /* which is gone */
	told.cgroup = "4";
	cr_assert_eq(eo_syscall_summary_event(&key, &row, &keys, 7919, check, &told), 0);
	cr_assert_eq(told.events, 4);
	free(shop.path);
}
