// SPDX-License-Identifier: BSD-2-Clause
/* A sample of blocks, by bytes, stands for all of them. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mem_run.h"

TestSuite(mem_sampling, .timeout = 240);

/* What an estimate of a sum may be off by: six times its standard deviation, which happens once in
 * 500 million. The variance of the count of one block that is sampled with the probability p is
 * (1 - p) / p. */
#define SIGMAS 6.0
#define SAMPLE_BYTES 1009

static double odds_against(double size)
{
	double p = -expm1(-size / SAMPLE_BYTES);

	return (1 - p) / p;
}

struct spread {
	double count, bytes; /* variances */
};

static void spread_more(struct spread *spread, double size)
{
	spread->count += odds_against(size);
	spread->bytes += size * size * odds_against(size);
}

/* Of all that count_step() allocates. */
static struct spread count_spread(void)
{
	struct spread spread = {0};

	for (int i = 0; i < 100003; i++)
		spread_more(&spread, i < 500 ? 1009 : i < 997 ? 2003 : 16 + i % 257);
	for (int i = 0; i < 10007; i++)
		spread_more(&spread, (1 + i % 7) * 24);
	for (int i = 0; i < 4; i++)
		spread_more(&spread, 1000);
	for (int i = 0; i < 5003; i++)
		if (i % 3 != 2)
			spread_more(&spread, i % 3 == 0 ? 3000 : 100);
	for (int i = 0; i < 1009; i++)
		spread_more(&spread, i % 3 == 0 ? 192 : i % 3 == 1 ? 300 : 96);
	return spread;
}

#define EXPECT_NEAR(estimate, truth, variance)                                            \
	cr_expect_leq(fabs((double)(estimate) - (double)(truth)), SIGMAS *sqrt(variance), \
		      "%s: %.0f, not %.0f +- %.0f", #estimate, (double)(estimate),        \
		      (double)(truth), SIGMAS *sqrt(variance))

static struct spread leak_spread(void)
{
	return (struct spread){
		.count = 500 * odds_against(1009) + 497 * odds_against(2003),
		.bytes = 500 * 1009.0 * 1009 * odds_against(1009) +
			 497 * 2003.0 * 2003 * odds_against(2003),
	};
}

static void expect_estimates(const struct eo_trace_stats *stats)
{
	struct spread spread = count_spread(), held = leak_spread();
	struct sums sums = count_sums();

	EXPECT_NEAR(total(stats, "allocations"), sums.allocations, spread.count);
	EXPECT_NEAR(total(stats, "total_allocated"), sums.allocated, spread.bytes);
	EXPECT_NEAR(total(stats, "frees"), sums.frees, spread.count);
	EXPECT_NEAR(total(stats, "total_freed"), sums.freed, spread.bytes);
	EXPECT_NEAR(total(stats, "active_allocations"), 997, held.count);
	EXPECT_NEAR(total(stats, "active_bytes"), 500 * 1009 + 497 * 2003, held.bytes);
	EXPECT_TOTAL(stats, "failed_allocations", sums.failed);
	EXPECT_TOTAL(stats, "unknown_frees", 0);
	cr_expect_eq(stats->seen, sums.allocations + sums.frees + sums.failed);
	/* One in eight is sampled: what is not is neither counted nor kept. */
	cr_expect_gt(stats->filtered, stats->seen / 2);
	cr_expect_gt(stats->aggregated, stats->seen / 20);
}

Test(mem_sampling, a_sample_by_bytes_estimates_all)
{
	SETUP();
	struct program heap = start_heap("counts", NULL);
	const struct eo_mem_options mem = {.profile = true, .sample_bytes = SAMPLE_BYTES};
	struct eo_tracer *tracer = begin(heap.pid, &mem, false);
	struct spread spread = count_spread();
	struct sums sums = count_sums();
	struct eo_profile *profile;
	struct eo_trace_stats stats;
	double callocs = 0;

	for (int i = 0; i < 10007; i++)
		callocs += odds_against((1 + i % 7) * 24);
	stats = last_step(&heap, tracer);
	expect_sound(&stats);
	expect_estimates(&stats);
	profile = eo_mem_tracer_take_profile(tracer);
	cr_assert(profile);
	cr_expect_eq(profile->period, SAMPLE_BYTES);
	EXPECT_NEAR(eo_profile_total(profile, 0), sums.allocations, spread.count);
	EXPECT_NEAR(eo_profile_total(profile, 1), sums.allocated, spread.bytes);
	cr_expect_eq((uint64_t)eo_profile_total(profile, 1), total(&stats, "total_allocated"));
	cr_expect_eq((uint64_t)eo_profile_total(profile, 3), total(&stats, "active_bytes"));
	EXPECT_NEAR(sum_of(profile, "leak_a", 2), 500, 500 * odds_against(1009));
	EXPECT_NEAR(sum_of(profile, "leak_b", 2), 497, 497 * odds_against(2003));
	EXPECT_NEAR(sum_of(profile, "some_callocs", 0), 10007, callocs);
	/* All blocks of one place are of one size. */
	cr_expect_lt(llabs(sum_of(profile, "leak_a", 3) - 1009 * sum_of(profile, "leak_a", 2)),
		     1009);
	eo_profile_free(profile);
	done(&heap, tracer);
}

Test(mem_sampling, a_sample_by_bytes_estimates_leaks_and_rows)
{
	SETUP();
	const struct eo_mem_options kinds[] = {{.leaks = true, .sample_bytes = SAMPLE_BYTES},
					       {.sample_bytes = SAMPLE_BYTES}};
	const char *const keys[] = {"active_bytes", "total_allocated"};
	const char *const counts[] = {"active_allocations", "count"};
	struct spread held = leak_spread(), all = count_spread();
	struct sums sums = count_sums();

	for (int kind = 0; kind < 2; kind++) {
		struct program heap = start_heap("counts", NULL);
		struct eo_tracer *tracer = begin(heap.pid, &kinds[kind], true);
		uint64_t bytes = 0, count = 0;
		struct eo_trace_stats stats;
		struct eo_event_list *rows;

		stats = last_step(&heap, tracer);
		expect_sound(&stats);
		rows = rows_of(tracer);
		for (size_t i = 0; i < eo_event_list_count(rows); i++) {
			bytes += number(eo_event_list_get(rows, i), keys[kind]);
			count += number(eo_event_list_get(rows, i), counts[kind]);
		}
		EXPECT_NEAR(bytes, kind ? sums.allocated : 500 * 1009 + 497 * 2003,
			    kind ? all.bytes : held.bytes);
		EXPECT_NEAR(count, kind ? sums.allocations : 997, kind ? all.count : held.count);
		cr_expect_eq(bytes, total(&stats, keys[kind]));
		eo_event_list_free(rows);
		done(&heap, tracer);
	}
}

Test(mem_sampling, a_sample_of_every_byte_is_exact)
{
	SETUP();
	struct program heap = start_heap("counts", NULL);
	const struct eo_mem_options mem = {.sample_bytes = 1};
	struct eo_tracer *tracer = begin(heap.pid, &mem, true);
	struct eo_trace_stats stats;

	stats = last_step(&heap, tracer);
	expect_counts(&stats);
	expect_sound(&stats);
	cr_expect_eq(stats.aggregated, stats.seen);
	done(&heap, tracer);
}

Test(mem_sampling, what_a_sample_left_out_is_filtered_when_it_is_freed)
{
	SETUP();
	struct program heap = start_heap("older", NULL);
	const struct eo_mem_options mem = {.sample_bytes = 101};
	struct eo_tracer *tracer = begin(heap.pid, &mem, true);
	double p = -expm1(-80.0 / 101);
	struct eo_trace_stats stats;

	do_step(&heap, tracer);
	stats = eo_tracer_stats(tracer);
	cr_expect_eq(stats.filtered, 503, "whether they are older or left out, nobody can tell");
	stats = last_step(&heap, tracer);
	expect_sound(&stats);
	cr_expect_eq(stats.seen, 3 * 503);
	cr_expect_eq(stats.aggregated % 2, 0, "each is freed");
	EXPECT_NEAR(stats.aggregated / 2, 503 * p, 503 * p * (1 - p));
	EXPECT_NEAR(total(&stats, "allocations"), 503, 503 * (1 - p) / p);
	EXPECT_TOTAL(&stats, "frees", total(&stats, "allocations"));
	EXPECT_TOTAL(&stats, "total_freed", total(&stats, "total_allocated"));
	EXPECT_TOTAL(&stats, "unknown_frees", 0);
	EXPECT_TOTAL(&stats, "active_allocations", 0);
	EXPECT_TOTAL(&stats, "active_bytes", 0);
	done(&heap, tracer);
}

Test(mem_sampling, events_are_no_sample)
{
	const uint32_t pid = 1;
	const struct eo_target target = {.pids = &pid, .pid_count = 1};
	const struct eo_tracer_options options = {.target = target};
	const struct eo_tracer_options summary = {.target = target, .summary = true};
	const struct eo_mem_options mem = {.sample_bytes = 1};
	const struct eo_mem_options large = {.sample_bytes = EO_MEM_SAMPLE_BYTES_MAX + 1};
	struct eo_config config = tracing_config();
	struct eo_tracer *tracer;
	struct eo_error err = {0};

	cr_assert_lt(eo_mem_tracer_new(&config, &options, &mem, &tracer, &err), 0);
	cr_expect_eq(err.kind, EO_ERROR_CONFIG);
	cr_expect_not_null(err.hint);
	cr_assert_lt(eo_mem_tracer_new(&config, &summary, &large, &tracer, &err), 0);
	cr_expect(strstr(err.text, "sample_bytes is 1073741825"), "%s", err.text);
}
