/* SPDX-License-Identifier: BSD-2-Clause */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "capture/record_queue.h"

struct record {
	struct eo_record_header header;
	char bytes[9000];
};

static struct record record; /* each test is a process of its own */

static bool add(struct eo_record_queue *queue, uint64_t ktime_ns, size_t size)
{
	memset(&record, 0, sizeof(record));
	record.header.ktime_ns = ktime_ns;
	record.header.tid = (uint32_t)size;
	memset(record.bytes, (int)(ktime_ns % 251), sizeof(record.bytes));
	return eo_record_queue_add(queue, &record.header, size);
}

/* The time of what is taken; 0: nothing is. */
static uint64_t take(struct eo_record_queue *queue, uint64_t until_ns)
{
	size_t size = 0;
	const struct eo_record_header *header = eo_record_queue_take(queue, until_ns, &size);
	const char *bytes = (const void *)header;

	if (!header)
		return 0;
	cr_assert_eq(header->tid, size);
	for (size_t i = sizeof(*header); i < size; i++)
		cr_assert_eq(bytes[i], (char)(header->ktime_ns % 251));
	return header->ktime_ns;
}

Test(record_queue, nothing_is_taken_of_nothing)
{
	EO_AUTO(eo_record_queue) queue = eo_record_queue_new(10, 1000);

	cr_assert_eq(take(queue, UINT64_MAX), 0);
	eo_record_queue_free(NULL);
}

Test(record_queue, the_earliest_comes_first_and_the_late_ones_wait)
{
	EO_AUTO(eo_record_queue) queue = eo_record_queue_new(10, 1000);

	cr_assert(add(queue, 30, 64));
	cr_assert(add(queue, 10, 65));
	cr_assert(add(queue, 20, 71));
	cr_assert_eq(take(queue, 9), 0);
	cr_assert_eq(take(queue, 20), 10);
	cr_assert_eq(take(queue, 20), 20);
	cr_assert_eq(take(queue, 20), 0);
	cr_assert(add(queue, 25, 64)); /* before one that was sorted already */
	cr_assert_eq(take(queue, 30), 25);
	cr_assert_eq(take(queue, 30), 30);
	cr_assert_eq(take(queue, UINT64_MAX), 0);
}

Test(record_queue, what_comes_from_two_rings_in_turns_is_in_order)
{
	EO_AUTO(eo_record_queue) queue = eo_record_queue_new(100000, 64u << 20);
	uint64_t added = 0, taken = 0, last = 0, now = 0, next;

	srand(7);
	for (int turn = 0; turn < 200; turn++) {
		for (int ring = 0; ring < 2; ring++)
			for (int i = 0; i < 101; i++, added++)
				cr_assert(add(queue,
					      1000 + now + (uint64_t)(i * 10 + ring + rand() % 7),
					      64 + (size_t)rand() % 300));
		now += 101 * 10;
		while ((next = take(queue, now))) {
			cr_assert_geq(next, last);
			last = next;
			taken++;
		}
	}
	while ((next = take(queue, UINT64_MAX))) {
		cr_assert_geq(next, last);
		last = next;
		taken++;
	}
	cr_assert_eq(taken, added);
}

Test(record_queue, what_is_taken_stays_until_the_next_one)
{
	EO_AUTO(eo_record_queue) queue = eo_record_queue_new(10, 100000);
	const struct eo_record_header *header;
	size_t size;

	cr_assert(add(queue, 1, 100));
	header = eo_record_queue_take(queue, 1, &size);
	cr_assert_not_null(header);
	cr_assert(add(queue, 2, 100)); /* not over it */
	cr_assert_eq(header->ktime_ns, 1);
	cr_assert_eq(((const char *)header)[99], 1);
	cr_assert_eq(take(queue, 2), 2);
}

Test(record_queue, no_more_than_so_many_wait)
{
	EO_AUTO(eo_record_queue) queue = eo_record_queue_new(3, 100000);

	cr_assert(add(queue, 1, 64));
	cr_assert(add(queue, 2, 64));
	cr_assert(add(queue, 3, 64));
	cr_assert_not(add(queue, 4, 64));
	cr_assert_eq(take(queue, 1), 1);
	cr_assert(add(queue, 4, 64));
	cr_assert_not(add(queue, 5, 64));
}

Test(record_queue, no_more_bytes_than_so_many_wait)
{
	EO_AUTO(eo_record_queue) queue = eo_record_queue_new(100, 200);

	cr_assert(add(queue, 1, 100));
	cr_assert(add(queue, 2, 100));
	cr_assert_not(add(queue, 3, 64));
	cr_assert_eq(take(queue, 1), 1);
	cr_assert(add(queue, 3, 100));
	cr_assert_eq(take(queue, UINT64_MAX), 2);
	cr_assert_eq(take(queue, UINT64_MAX), 3);
}

Test(record_queue, records_of_all_sizes_pass_through_many_times)
{
	EO_AUTO(eo_record_queue) queue = eo_record_queue_new(1000, 4u << 20);
	uint64_t time = 0, next = 0;

	for (int round = 0; round < 50; round++) {
		for (size_t size = 64; size < sizeof(record); size += 151)
			cr_assert(add(queue, ++time, size));
		while (next < time - 10)
			cr_assert_eq(take(queue, UINT64_MAX), ++next);
	}
}
