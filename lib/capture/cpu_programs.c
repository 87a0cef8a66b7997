// SPDX-License-Identifier: BSD-2-Clause
#include "capture/cpu_programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

#include "capture/filter.h"
#include "capture/load_error.h"
#include "capture/privileges.h"
#include "core/clock.h"
#include "cpu_profiler.skel.h"
#include "unwind/table_store.h"

/* On each CPU, unless snapshots were asked for: unwinding one takes some 0.2 ms. */
#define SNAPSHOTS_PER_SECOND 100u

struct eo_cpu_programs {
	struct cpu_profiler_bpf *skel;
	struct bpf_program *sampler; /* one of two; the other is not loaded */
	bool tables;
	enum eo_snapshots snapshots;
};

void eo_cpu_programs_free(struct eo_cpu_programs *programs)
{
	if (!programs)
		return;
	cpu_profiler_bpf__destroy(programs->skel);
	free(programs);
}

/* A way to load the object: not every kernel can do everything. */
struct variant {
	bool tables;	    /* needs bpf_loop(), v5.17, and a walker for this machine */
	enum eo_snapshots snapshots;
	uint32_t map_flags; /* of the counts maps */
};

static uint32_t ring_bytes(const struct eo_cpu_profiler_options *options, const struct variant *variant)
{
	/* Two ticks of new stacks of 1 KB at the highest rate are 200 KB a CPU, and of snapshots of
	 * 17 KB at 100 Hz 350 KB. With tables, the maps are to stay below 24 MB in all; and what of a
	 * ring is mapped counts twice in our own memory. */
	uint32_t a_cpu = (variant->snapshots ? 350 : 200) * 1024;
	uint32_t bytes = (!variant->snapshots ? 512 : variant->tables ? 1024 : 2048) * 1024;
	uint32_t cpus = (uint32_t)libbpf_num_possible_cpus();
	uint32_t most = (variant->tables && variant->snapshots ? 8u : 16u) << 20;

	if (options->ring_bytes)
		return options->ring_bytes;
	while (bytes < most && bytes < cpus * a_cpu)
		bytes *= 2;
	return bytes;
}

static int load_failed(int code, struct eo_error *err)
{
	return eo_load_failed("load the CPU profiler's BPF programs", code, err);
}

static bool is_wanted(const struct variant *variant, enum eo_unwind unwind)
{
	switch (unwind) {
	case EO_UNWIND_FP:
		return !variant->tables && !variant->snapshots;
	case EO_UNWIND_DWARF:
		return variant->tables && !variant->snapshots;
	case EO_UNWIND_SNAPSHOT:
		return variant->snapshots == EO_SNAPSHOTS_ALWAYS;
	default:
		return !variant->tables || variant->snapshots;
	}
}

/* Choose the sampler, and size its tables. */
static int prepare_sampler(struct eo_cpu_programs *programs, const struct variant *variant, struct eo_error *err)
{
	bool tables = variant->tables;
	struct bpf_object *object = programs->skel->obj;
	struct bpf_program *with_tables = bpf_object__find_program_by_name(object, "on_sample_tables");

	if (tables && !with_tables)
		return eo_error_set(err, EO_ERROR_UNSUPPORTED_PLATFORM, 0, "use --unwind=fp",
				    "stacks cannot be walked by tables on this kind of machine");
	if (variant->snapshots && !bpf_object__find_map_by_name(object, "snapshots"))
		return eo_error_set(err, EO_ERROR_UNSUPPORTED_PLATFORM, 0, "use --unwind=fp",
				    "stacks cannot be copied for unwinding on this kind of machine");
	programs->tables = tables;
	programs->snapshots = variant->snapshots;
	programs->sampler = tables ? with_tables : programs->skel->progs.on_sample;
	bpf_program__set_autoload(programs->skel->progs.on_sample, !tables);
	if (with_tables)
		bpf_program__set_autoload(with_tables, tables);
	return tables ? eo_table_store_prepare(object, err) : 0;
}

/* Open the object, size it for this run, and load it. */
static int open_and_load(struct eo_cpu_programs *programs, const struct eo_config *config,
			 const struct eo_cpu_profiler_options *options, const struct variant *variant,
			 struct eo_error *err)
{
	struct cpu_profiler_bpf *skel = cpu_profiler_bpf__open();
	bool follows = eo_filter_has_ids(&options->target);
	uint32_t bytes = ring_bytes(options, variant);
	int r;

	if (!skel)
		return load_failed(errno, err);
	programs->skel = skel;
	r = eo_filter_prepare(skel->obj, &options->target, (struct eo_filter_config *)&skel->rodata->filter, err);
	if (r < 0)
		return r;
	r = prepare_sampler(programs, variant, err);
	if (r < 0)
		return r;
	skel->rodata->profiler.kernel_only = options->kernel_only;
	skel->rodata->profiler.user_only = options->user_only;
	skel->rodata->stack_config.per_thread = options->per_thread;
	skel->rodata->profiler.timestamps = options->timestamps;
	skel->rodata->stack_config.wakeup_bytes = bytes / 4;
	skel->rodata->stack_config.tables = variant->tables;
	skel->rodata->profiler.snapshots = variant->snapshots;
	skel->rodata->profiler.snapshot_interval_ns =
		options->unwind == EO_UNWIND_SNAPSHOT ? 0 : EO_NS_PER_SEC / SNAPSHOTS_PER_SECOND;
	bpf_map__set_max_entries(skel->maps.stacks, bytes);
	bpf_map__set_max_entries(skel->maps.counts_even, (uint32_t)config->max_samples);
	bpf_map__set_max_entries(skel->maps.counts_odd, (uint32_t)config->max_samples);
	bpf_map__set_map_flags(skel->maps.counts_even, variant->map_flags);
	bpf_map__set_map_flags(skel->maps.counts_odd, variant->map_flags);
	bpf_program__set_autoload(skel->progs.on_fork,
				  variant->tables || (follows && !options->target.no_follow));
	bpf_program__set_autoload(skel->progs.on_exec, variant->tables || options->target.command_pid ||
							       options->target.tid_count);
	bpf_program__set_autoload(skel->progs.on_exit, follows);
	bpf_program__set_autoload(skel->progs.on_free, follows);
	r = cpu_profiler_bpf__load(skel);
	return r < 0 ? load_failed(-r, err) : 0;
}

int eo_cpu_programs_load(const struct eo_config *config, const struct eo_cpu_profiler_options *options,
			 struct eo_cpu_programs **ret, struct eo_error *err)
{
	/* Best first. Before v6.1 a program of this type may only use preallocated maps, which cost
	 * their full size from the start: kernel commit 7645629f7dc8. */
	static const struct variant variants[] = {
		{true, EO_SNAPSHOTS_FOR_TABLES, BPF_F_NO_PREALLOC},
		{true, EO_SNAPSHOTS_FOR_TABLES, 0},
		{true, EO_SNAPSHOTS_NEVER, BPF_F_NO_PREALLOC},
		{true, EO_SNAPSHOTS_NEVER, 0},
		{false, EO_SNAPSHOTS_ALWAYS, BPF_F_NO_PREALLOC},
		{false, EO_SNAPSHOTS_ALWAYS, 0},
		{false, EO_SNAPSHOTS_NEVER, BPF_F_NO_PREALLOC},
		{false, EO_SNAPSHOTS_NEVER, 0},
	};
	EO_AUTO(eo_cpu_programs) programs = calloc(1, sizeof(*programs));
	int r = -EINVAL;

	if (!programs)
		return load_failed(ENOMEM, err);
	for (size_t i = 0; i < EO_ARRAY_SIZE(variants) && r < 0 && r != -EPERM && r != -EACCES; i++) {
		if (!is_wanted(&variants[i], options->unwind))
			continue;
		cpu_profiler_bpf__destroy(eo_steal(&programs->skel));
		r = open_and_load(programs, config, options, &variants[i], err);
	}
	if (r == 0)
		*ret = eo_steal(&programs);
	return r;
}

int eo_cpu_programs_attach(struct eo_cpu_programs *programs, const struct eo_target *target,
			   struct eo_error *err)
{
	struct cpu_profiler_bpf *skel = programs->skel;
	uint64_t *targets_live = (uint64_t *)&skel->bss->targets_live;
	int r = eo_filter_fill(skel->obj, target, targets_live, err);

	if (r < 0)
		return r;
	r = cpu_profiler_bpf__attach(skel); /* the tracepoints; the sampler has no place of its own */
	if (r < 0)
		return eo_error_set(err, eo_error_kind_of(-r, EO_ERROR_ATTACH_FAILED), -r, EO_HINT_PRIVILEGES,
				    "attach to the scheduler's tracepoints");
	eo_filter_settle(skel->obj, target, targets_live);
	return 0;
}

bool eo_cpu_programs_has_tables(const struct eo_cpu_programs *programs)
{
	return programs->tables;
}

bool eo_cpu_programs_has_snapshots(const struct eo_cpu_programs *programs)
{
	return programs->snapshots != EO_SNAPSHOTS_NEVER;
}

struct bpf_object *eo_cpu_programs_object(const struct eo_cpu_programs *programs)
{
	return programs->skel->obj;
}

uint32_t *eo_cpu_programs_tick(const struct eo_cpu_programs *programs)
{
	return (uint32_t *)&programs->skel->bss->unwind_tick;
}

struct bpf_program *eo_cpu_programs_sampler(const struct eo_cpu_programs *programs)
{
	return programs->sampler;
}

int eo_cpu_programs_ring_fd(const struct eo_cpu_programs *programs)
{
	return bpf_map__fd(programs->skel->maps.stacks);
}

void eo_cpu_programs_set_generation(struct eo_cpu_programs *programs, uint32_t generation)
{
	programs->skel->bss->generation = generation;
}

int eo_cpu_programs_take_counts(const struct eo_cpu_programs *programs, uint32_t generation,
				eo_stack_count_fn fn, void *ctx, struct eo_error *err)
{
	enum { CHUNK = 4096 };
	const struct bpf_map *map = generation & 1 ? programs->skel->maps.counts_odd
						   : programs->skel->maps.counts_even;
	EO_AUTO_FREE uint64_t *hashes = calloc(CHUNK, sizeof(*hashes));
	EO_AUTO_FREE struct eo_stack_count *entries = calloc(CHUNK, sizeof(*entries));
	uint32_t place = 0, count;
	bool first = true, more = true;

	if (!hashes || !entries)
		return eo_error_set(err, EO_ERROR_MAP_OPERATION_FAILED, ENOMEM, NULL, "read the counts of stacks");
	while (more) {
		count = CHUNK;
		if (bpf_map_lookup_and_delete_batch(bpf_map__fd(map), first ? NULL : &place, &place, hashes,
						    entries, &count, NULL) < 0) {
			if (errno != ENOENT) /* the end, with the last elements */
				return eo_error_set(err, EO_ERROR_MAP_OPERATION_FAILED, errno, NULL,
						    "read the counts of stacks");
			more = false;
		}
		first = false;
		for (uint32_t i = 0; i < count; i++)
			fn(ctx, hashes[i], entries[i].count);
	}
	return 0;
}

struct eo_profile_counters eo_cpu_programs_counters(const struct eo_cpu_programs *programs)
{
	struct eo_profile_counters sum = {0};
	int cpus = libbpf_num_possible_cpus();
	EO_AUTO_FREE struct eo_profile_counters *values = calloc((size_t)cpus, sizeof(*values));
	uint32_t zero = 0;

	_Static_assert(sizeof(sum) % sizeof(uint64_t) == 0, "counters are 64 bits each, so they add up as an array");
	if (!values || bpf_map_lookup_elem(bpf_map__fd(programs->skel->maps.counters), &zero, values) < 0)
		return sum;
	for (int cpu = 0; cpu < cpus; cpu++)
		for (size_t i = 0; i < sizeof(sum) / sizeof(uint64_t); i++)
			((uint64_t *)&sum)[i] += ((const uint64_t *)&values[cpu])[i];
	return sum;
}

uint64_t eo_cpu_programs_targets_live(const struct eo_cpu_programs *programs)
{
	return __atomic_load_n(&programs->skel->bss->targets_live, __ATOMIC_RELAXED);
}

uint64_t eo_cpu_programs_targets_missed(const struct eo_cpu_programs *programs)
{
	return __atomic_load_n(&programs->skel->bss->targets_missed, __ATOMIC_RELAXED);
}

uint64_t eo_cpu_programs_map_bytes(const struct eo_cpu_programs *programs)
{
	const struct bpf_map *map;
	uint64_t sum = 0;

	bpf_object__for_each_map(map, programs->skel->obj)
		sum += eo_overhead_map_bytes(bpf_map__fd(map));
	return sum;
}
