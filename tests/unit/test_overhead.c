/* SPDX-License-Identifier: BSD-2-Clause */
#include "core/overhead.h"
#include "emulation.h"

#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define BURN_NS 30000000

static void *burn(void *unused)
{
	struct timespec ts;

	do
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	while (ts.tv_sec == 0 && ts.tv_nsec < BURN_NS);
	return unused;
}

Test(overhead, cpu_time_of_every_thread_counts)
{
	struct eo_overhead_mark mark = eo_overhead_mark();
	struct eo_overhead overhead;
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, burn, NULL), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	overhead = eo_overhead_since(&mark, 0, true, 0, NULL);
	/* getrusage may round each of four figures down to a microsecond. */
	cr_expect_geq(overhead.own_cpu_ns, 2 * BURN_NS - 4000);
	cr_expect_gt(overhead.own_cpu_percent, 0);
	cr_expect_eq(overhead.bpf_percent, 0);
	cr_expect_eq(overhead.cpu_percent, overhead.own_cpu_percent);
}

Test(overhead, figures_handed_in_come_out_and_add_up)
{
	struct eo_overhead_mark mark = eo_overhead_mark();
	struct eo_latency latency = { .slots = { [10] = 98, [20] = 2 }, .count = 100 };
	struct eo_overhead overhead;

	mark.wall_ns -= 1000000000; /* as if a second ago */
	overhead = eo_overhead_since(&mark, 5000, false, 123456, &latency);
	cr_expect_eq(overhead.bpf_time_ns, 5000);
	cr_expect_not(overhead.bpf_time_measured);
	cr_expect_gt(overhead.bpf_percent, 0);
	cr_expect_eq(overhead.cpu_percent, overhead.own_cpu_percent + overhead.bpf_percent);
	cr_expect_eq(overhead.map_bytes, 123456);
	cr_expect_gt(overhead.rss_bytes, 0);
	cr_expect_eq(overhead.memory_bytes, overhead.rss_bytes + 123456);
	cr_expect_eq(overhead.event_latency_us, 2.048);
	cr_expect_eq(overhead.event_latency_p99_us, 2097.152);
}

Test(overhead, memory_is_the_peak_not_what_is_left)
{
	size_t size = 48u << 20;
	struct eo_overhead_mark mark = eo_overhead_mark();
	struct eo_overhead overhead;
	void *block = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	SKIP_IN_EMULATION("no memory of its own");
	cr_assert_neq(block, MAP_FAILED);
	munmap(block, size);
	overhead = eo_overhead_since(&mark, 0, true, 0, NULL);
	cr_expect_geq(overhead.rss_bytes, size);
}

Test(overhead, latencies_fall_into_their_power_of_two)
{
	static const struct {
		uint64_t ns;
		int slot;
	} expected[] = {
		{ 0, 0 },	  { 1, 0 },	     { 2, 1 },
		{ 3, 1 },	  { 4, 2 },	     { 1023, 9 },
		{ 1024, 10 },	  { 1ull << 39, 39 }, { 1ull << 40, 39 },
		{ UINT64_MAX, 39 },
	};

	for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		struct eo_latency latency = { .count = 0 };

		eo_latency_add(&latency, expected[i].ns);
		cr_expect_eq(latency.count, 1);
		cr_expect_eq(latency.slots[expected[i].slot], 1, "%zu", i);
		cr_expect_eq(eo_latency_quantile(&latency, 0.5), 2ull << expected[i].slot);
	}
}

Test(overhead, quantiles_are_the_upper_end_of_their_slot)
{
	struct eo_latency latency = { .slots = { [3] = 50, [5] = 49, [7] = 1 }, .count = 100 };

	cr_expect_eq(eo_latency_quantile(&latency, 0), 16);
	cr_expect_eq(eo_latency_quantile(&latency, 0.5), 16);
	cr_expect_eq(eo_latency_quantile(&latency, 0.51), 64);
	cr_expect_eq(eo_latency_quantile(&latency, 0.99), 64);
	cr_expect_eq(eo_latency_quantile(&latency, 0.995), 256);
	cr_expect_eq(eo_latency_quantile(&latency, 1), 256);
}

Test(overhead, empty_latency_has_quantile_zero)
{
	struct eo_latency latency = { .count = 0 };

	cr_expect_eq(eo_latency_quantile(&latency, 0.5), 0);
	cr_expect_eq(eo_latency_quantile(&latency, 1), 0);
}

Test(overhead, what_is_no_map_has_no_map_bytes)
{
	int fd = open("/dev/null", O_RDONLY);

	cr_assert_geq(fd, 0);
	cr_expect_eq(eo_overhead_map_bytes(fd), 0);
	close(fd);
	cr_expect_eq(eo_overhead_map_bytes(fd), 0);
	cr_expect_eq(eo_overhead_map_bytes(-1), 0);
}

Test(overhead, a_map_is_at_least_as_large_as_its_values)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "test", 4, 4096, 64, NULL);

	if (fd < 0)
		cr_skip_test("cannot create BPF maps here: %s", strerror(errno));
	cr_expect_geq(eo_overhead_map_bytes(fd), 64 * 4096);
	close(fd);
}
