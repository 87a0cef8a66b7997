// SPDX-License-Identifier: BSD-2-Clause
/* What a tracer has seen, what became of it, and what that cost. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <stdlib.h>
#include <string.h>

#include "capture/tracer_class.h"
#include "core/clock.h"

void eo_tracer_sum_map(const struct eo_tracer *tracer, const char *map, void *ret, size_t size)
{
	int fd = bpf_map__fd(bpf_object__find_map_by_name(tracer->object, map));
	size_t words = size / sizeof(uint64_t);
	EO_AUTO_FREE uint64_t *values = calloc(tracer->cpu_count, size);
	uint64_t *sums = ret;
	uint32_t zero = 0;

	memset(ret, 0, size);
	if (!values || bpf_map_lookup_elem(fd, &zero, values) < 0)
		return;
	for (size_t i = 0; i < tracer->cpu_count * words; i++)
		sums[i % words] += values[i];
}

void eo_tracer_counters(const struct eo_tracer *tracer, struct eo_tracer_counters *ret)
{
	eo_tracer_sum_map(tracer, "counters", ret, sizeof(*ret));
}

static void add_count(struct eo_trace_count *counts, size_t *count, const char *key,
		      const char *words, uint64_t value)
{
	if (*count < EO_TRACE_COUNTS_MAX)
		counts[(*count)++] = (struct eo_trace_count){key, words, value};
}

void eo_trace_stats_degraded(struct eo_trace_stats *stats, const char *key, const char *words,
			     uint64_t value)
{
	add_count(stats->degraded, &stats->degraded_count, key, words, value);
}

void eo_trace_stats_total(struct eo_trace_stats *stats, const char *key, const char *words,
			  uint64_t value)
{
	add_count(stats->totals, &stats->total_count, key, words, value);
}

static void add_stack_stats(const struct eo_tracer *tracer, struct eo_trace_stats *stats)
{
	struct eo_trace_stacks_stats stacks = eo_trace_stacks_stats(tracer->stacks);

	eo_trace_stats_degraded(stats, "stacks_missing", "events without their stack", stacks.unknown);
	eo_trace_stats_degraded(stats, "stacks_refused", "stacks beyond --max-samples", stacks.refused);
	eo_trace_stats_degraded(stats, "mappings_lost", "news of mappings lost", stacks.source.mappings_lost);
}

void eo_tracer_add_probe_stats(const struct eo_tracer *tracer, struct eo_trace_stats *stats)
{
	struct eo_function_probes_stats probes =
		tracer->probes ? eo_function_probes_stats(tracer->probes) : tracer->probe_stats;

	eo_trace_stats_degraded(stats, "processes_late", "processes probed after their start", probes.late);
	eo_trace_stats_degraded(stats, "files_denied", "files that could not be probed", probes.denied);
}

struct eo_trace_stats eo_tracer_stats(struct eo_tracer *tracer)
{
	struct eo_tracer_counters counters;
	struct eo_trace_stats stats = {0};

	if (!tracer->running)
		return tracer->last_stats;
	eo_tracer_counters(tracer, &counters);
	stats.duration_ns = eo_clock_monotonic_ns() - tracer->since_ns;
	stats.seen = counters.seen;
	stats.emitted = counters.emitted - tracer->stopped - tracer->collected_full;
	stats.aggregated = counters.aggregated;
	stats.filtered = counters.filtered;
	memcpy(stats.lost, counters.lost, sizeof(stats.lost));
	stats.lost[EO_LOSS_STOPPED] += tracer->stopped;
	stats.lost[EO_LOSS_MAP_FULL] += tracer->collected_full;
	eo_trace_stats_degraded(&stats, "targets_missed", "children not followed",
				__atomic_load_n(tracer->targets_missed, __ATOMIC_RELAXED));
	eo_trace_stats_degraded(&stats, "runs_missed", "runs of our programs that the kernel left out",
				eo_spares_missed(tracer->spares, tracer->object));
	if (tracer->stacks)
		add_stack_stats(tracer, &stats);
	tracer->class->stats(tracer, &stats);
	return stats;
}

uint64_t eo_trace_stats_lost(const struct eo_trace_stats *stats)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < EO_LOSS_COUNT; i++)
		sum += stats->lost[i];
	return sum;
}

/* Most runs are not timed, and those that are take a little longer for it. */
static uint64_t run_time_ns(const struct eo_tracer *tracer)
{
	struct eo_tracer_counters counters;
	uint64_t runs;

	eo_tracer_counters(tracer, &counters);
	if (!counters.timed_runs)
		return 0;
	runs = counters.timed_runs * EO_TIMED_PERIOD - counters.timed_next;
	return (uint64_t)((double)counters.timed_ns / (double)counters.timed_runs * (double)runs);
}

static uint64_t map_bytes(const struct eo_tracer *tracer)
{
	uint64_t sum = (tracer->rings ? eo_rings_bytes(tracer->rings) : 0) +
		       (tracer->stacks ? eo_trace_stacks_bytes(tracer->stacks) : 0);
	const struct bpf_map *map;

	bpf_object__for_each_map(map, tracer->object)
		sum += eo_overhead_map_bytes(bpf_map__fd(map));
	return sum;
}

struct eo_overhead eo_tracer_get_overhead(struct eo_tracer *tracer)
{
	if (!tracer->running)
		return tracer->last_overhead;
	return eo_overhead_since(&tracer->mark, run_time_ns(tracer), false, map_bytes(tracer),
				 &tracer->latency);
}
