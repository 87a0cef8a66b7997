// SPDX-License-Identifier: BSD-2-Clause
#include "capture/mem_tracer.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <errno.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "capture/allocators.h"
#include "capture/declared_places.h"
#include "capture/filter.h"
#include "capture/mem_blocks.h"
#include "capture/mem_rows.h"
#include "capture/mem_sources.h"
#include "capture/tracer_class.h"
#include "capture/uprobes.h"
#include "core/clock.h"
#include "core/grace.h"
#include "mem_records.h"
#include "mem_tracer.skel.h"

/* What a call costs whoever makes it: malloc() is two traps and free() is one, of some 0.8 us each
 * where little else runs. */
#define CALL_NS 1250

/* Of other sources: a tracepoint's program. */
#define TRACEPOINT_NS 500

struct mem_tracer {
	struct eo_tracer base;
	struct eo_mem_options options;

	/* While running. */
	struct mem_tracer_bpf *skel;
	struct eo_declared_places places;
	struct eo_mem_blocks *blocks;
	bool multi;
	int64_t started_wall_ns;

	/* What the last run left behind. */
	struct eo_profile *profile;
	struct eo_mem_class told[EO_MEM_ROWS_CLASSES]; /* in earlier summaries */
};

_Static_assert(EO_MEM_SAMPLE_BYTES_MAX == EO_MEM_SAMPLE_MAX, "as far as the programs can count");

static const struct eo_stack_layout layout = {
	.values = {{"alloc_objects", "count"},
		   {"alloc_space", "bytes"},
		   {"inuse_objects", "count"},
		   {"inuse_space", "bytes"}},
	.tracepoints = true,
};

/* Pages that are given back do not say where they were brought in. */
static const struct eo_stack_layout layout_of_faults = {
	.values = {{"alloc_objects", "count"}, {"alloc_space", "bytes"}},
	.tracepoints = true,
};

static bool has_source(const struct mem_tracer *tracer, enum eo_mem_source source)
{
	return tracer->options.sources & EO_MEM_BIT(source);
}

static bool wants_events(const struct mem_tracer *tracer)
{
	return !tracer->base.options.summary && !tracer->options.profile;
}

static bool wants_stacks(const struct mem_tracer *tracer)
{
	const struct eo_mem_options *options = &tracer->options;

	return options->profile || options->by_stack || options->leaks || tracer->base.options.stack;
}

/* ---- start ---- */

#define PROCESSES_MAX 8192u

static void size_blocks(struct mem_tracer *tracer, enum eo_mem_source source, struct bpf_map *map,
			uint64_t room)
{
	if (has_source(tracer, source))
		bpf_map__set_max_entries(map, (uint32_t)(tracer->options.max_live ?: room));
}

static void size_maps(struct mem_tracer *tracer)
{
	struct mem_tracer_bpf *skel = tracer->skel;

	size_blocks(tracer, EO_MEM_LIBC, skel->maps.blocks, EO_MEM_LIVE_DEFAULT);
	size_blocks(tracer, EO_MEM_MMAP, skel->maps.mappings, EO_MEM_LIVE_DEFAULT);
	size_blocks(tracer, EO_MEM_KERNEL, skel->maps.kernel_blocks, EO_MEM_LIVE_DEFAULT_KERNEL);
	if (has_source(tracer, EO_MEM_FAULTS))
		bpf_map__set_max_entries(skel->maps.residents, PROCESSES_MAX);
	if (wants_stacks(tracer))
		bpf_map__set_max_entries(skel->maps.totals,
					 (uint32_t)tracer->base.config.max_samples + EO_MEM_SOURCES);
}

static void set_sampling(struct eo_mem_config *mem, uint64_t distance)
{
	if (!distance)
		return;
	mem->sample_all = distance * EO_MEM_SHARES_END;
	mem->sample_byte = (UINT64_C(1) << EO_MEM_SAMPLE_SHIFT) / distance;
	mem->shares[0] = EO_MEM_ONE;
	for (int i = 1; i < EO_MEM_SHARES; i++) {
		double x = (double)i / EO_MEM_SHARES_STEPS;

		mem->shares[i] = (uint32_t)lround(-expm1(-x) / x * EO_MEM_ONE);
	}
}

static void configure(struct mem_tracer *tracer, struct eo_mem_config *mem)
{
	mem->events = wants_events(tracer);
	mem->stacks = wants_stacks(tracer);
	mem->classes = tracer->base.options.summary && !wants_stacks(tracer);
	mem->faults = has_source(tracer, EO_MEM_FAULTS);
	mem->min_size = tracer->options.min_size;
	set_sampling(mem, tracer->options.sample_bytes);
}

static void prepare_probes(struct mem_tracer *tracer)
{
	struct bpf_program *const programs[] = {tracer->skel->progs.on_enter,
						tracer->skel->progs.on_leave,
						tracer->skel->progs.on_declared};

	tracer->multi = has_source(tracer, EO_MEM_LIBC) && eo_uprobes_have_multi();
	for (size_t i = 0; i < EO_ARRAY_SIZE(programs); i++) {
		eo_uprobes_prepare(programs[i], tracer->multi);
		bpf_program__set_autoattach(programs[i], false);
	}
}

static int open_blocks(struct mem_tracer *tracer, struct eo_error *err)
{
	const struct mem_tracer_bpf *skel = tracer->skel;
	const struct eo_mem_block_map maps[EO_MEM_BLOCK_MAPS] = {
		{bpf_map__fd(skel->maps.blocks), EO_MEM_LIBC},
		{bpf_map__fd(skel->maps.mappings), EO_MEM_MMAP},
		{bpf_map__fd(skel->maps.kernel_blocks), EO_MEM_KERNEL},
	};

	return eo_mem_blocks_new(maps, bpf_map__fd(skel->maps.ended), &tracer->blocks, err);
}

static int open_stacks(struct mem_tracer *tracer, struct eo_error *err)
{
	struct mem_tracer_bpf *skel = tracer->skel;
	uint32_t *tick = (uint32_t *)&skel->bss->unwind_tick;

	return eo_tracer_open_stacks(&tracer->base, skel->obj,
				     skel->rodata->stack_config.tables ? tick : NULL,
				     has_source(tracer, EO_MEM_FAULTS) ? &layout_of_faults : &layout, err);
}

static int prepare(struct mem_tracer *tracer, const struct btf *kernel, struct eo_error *err)
{
	struct eo_tracer *base = &tracer->base;
	struct mem_tracer_bpf *skel = tracer->skel;
	struct eo_tracer_config *config = (struct eo_tracer_config *)&skel->rodata->tracer;
	int r = eo_mem_sources_choose(skel->obj, kernel, tracer->options.sources,
				      wants_events(tracer), err);

	if (r < 0)
		return r;
	prepare_probes(tracer);
	configure(tracer, (struct eo_mem_config *)&skel->rodata->mem);
	eo_tracer_hold_cpu(config, kernel);
	r = eo_tracer_prepare(base, skel->obj, (struct eo_filter_config *)&skel->rodata->filter, config,
			      true, err);
	if (r == 0 && wants_stacks(tracer))
		r = eo_tracer_prepare_stacks(base, skel->obj,
					     (struct eo_stack_config *)&skel->rodata->stack_config, err);
	if (r < 0)
		return r;
	size_maps(tracer);
	return 0;
}

static int load(struct eo_tracer *base, struct eo_error *err)
{
	struct mem_tracer *tracer = (struct mem_tracer *)base;
	struct mem_tracer_bpf *skel = mem_tracer_bpf__open();
	struct btf *kernel;
	int r;

	eo_profile_free(eo_steal(&tracer->profile));
	memset(tracer->told, 0, sizeof(tracer->told));
	if (!skel)
		return eo_tracer_load_failed(base, errno, err);
	tracer->skel = skel;
	base->object = skel->obj;
	base->targets_live = (uint64_t *)&skel->bss->targets_live;
	base->targets_missed = (uint64_t *)&skel->bss->targets_missed;
	kernel = btf__load_vmlinux_btf();
	r = prepare(tracer, kernel, err);
	btf__free(kernel);
	if (r < 0)
		return r;
	r = mem_tracer_bpf__load(skel);
	/* The youngest of what the sources need. */
	if (r < 0 && libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_loop, NULL) != 1)
		return eo_error_set(err, EO_ERROR_INCOMPATIBLE_KERNEL, -r, "needs Linux 5.17 or newer",
				    "trace memory without bpf_loop() and task storage");
	if (r < 0)
		return eo_tracer_load_failed(base, -r, err);
	if (wants_stacks(tracer))
		r = open_stacks(tracer, err);
	return r < 0 ? r : open_blocks(tracer, err);
}

static int attach_allocators(struct mem_tracer *tracer, struct eo_error *err)
{
	struct mem_tracer_bpf *skel = tracer->skel;
	struct eo_tracer *base = &tracer->base;
	struct eo_allocators_options options = {
		.probes.enter = skel->progs.on_enter,
		.probes.leave = skel->progs.on_leave,
		.probes.declared = skel->progs.on_declared,
		.probes.declares = eo_declared_places_read,
		.probes.declares_ctx = &tracer->places,
		.probes.multi = tracer->multi,
		.command = tracer->options.command,
		.libraries = tracer->options.libraries,
		.library_count = tracer->options.library_count,
	};

	tracer->places = (struct eo_declared_places){.map_fd = bpf_map__fd(skel->maps.places)};
	eo_tracer_aim_probes(base, &options.probes);
	return eo_allocators_begin(&options, &base->options.target, &base->probes, err);
}

static void tell_hooks(struct mem_tracer *tracer)
{
	static const char *const hooks[] = {
		[EO_MEM_MMAP] = "tp_btf", [EO_MEM_FAULTS] = "tp", [EO_MEM_KERNEL] = "raw_tp"};
	struct eo_tracer *base = &tracer->base;

	for (unsigned int i = 0; i < EO_MEM_SOURCES; i++)
		if (has_source(tracer, i))
			eo_tracer_add_hook(base, eo_mem_source_options[i],
					   i != EO_MEM_LIBC ? hooks[i] :
					   tracer->multi    ? "uprobe_multi" :
							      "uprobe");
	if (wants_stacks(tracer))
		eo_tracer_add_hook(base, "stacks",
				   tracer->skel->rodata->stack_config.tables ? "tables" :
									       "frame_pointers");
}

static int attach(struct eo_tracer *base, struct eo_error *err)
{
	struct mem_tracer *tracer = (struct mem_tracer *)base;
	int r = mem_tracer_bpf__attach(tracer->skel); /* the tracepoints */

	if (r < 0)
		return eo_error_set(err, eo_error_kind_of(-r, EO_ERROR_ATTACH_FAILED), -r, NULL,
				    "attach to the kernel's tracepoints");
	tracer->started_wall_ns = (int64_t)eo_clock_wall_ns();
	if (has_source(tracer, EO_MEM_LIBC))
		r = attach_allocators(tracer, err);
	tracer->skel->bss->is_open = 1;
	tell_hooks(tracer);
	return r;
}

/* ---- events ---- */

static int record(struct eo_tracer *base, const struct eo_record_header *header, size_t size)
{
	const struct eo_mem_record *record = (const void *)header;
	bool is_free = header->kind == EO_MEM_RECORD_FREE;
	struct eo_attr data[8];
	struct eo_event event;
	const char *error;

	if (size < sizeof(*record))
		return 0;
	eo_tracer_fill_event(&event, is_free ? EO_EVENT_MEMORY_FREE : EO_EVENT_MEMORY_ALLOC, header);
	event.data = data;
	eo_mem_add_text(&event, data, "function", eo_mem_function_name(record->source, record->function));
	eo_mem_add_text(&event, data, "source", eo_mem_source_name(record->source));
	if (record->address)
		data[event.data_count++] = (struct eo_attr){
			.key = "address", .type = EO_ATTR_HEX, .unum = record->address};
	if (!is_free || record->known & EO_MEM_KNOWN_SIZE)
		eo_mem_add_number(&event, data, "size_bytes", record->size);
	if (is_free && record->known & EO_MEM_KNOWN_LIFETIME)
		eo_mem_add_number(&event, data, "lifetime_ns", record->lifetime_ns);
	error = record->error ? strerrorname_np(record->error) : NULL;
	if (error)
		eo_mem_add_text(&event, data, "error", error);
	eo_tracer_add_latency(base, header->ktime_ns);
	return eo_tracer_emit_with_stack(base, &event, record->stack);
}

/* ---- pump ---- */

static uint64_t report_age(const struct mem_tracer *tracer)
{
	return tracer->options.leaks ? tracer->options.min_age_ns : 0;
}

static int pump(struct eo_tracer *base)
{
	struct mem_tracer *tracer = (struct mem_tracer *)base;

	return eo_mem_blocks_sweep(tracer->blocks, report_age(tracer), true);
}

/* ---- stop ---- */

static void detach(struct eo_tracer *base)
{
	struct mem_tracer *tracer = (struct mem_tracer *)base;

	tracer->skel->bss->is_open = 0;
	eo_grace_wait();
	eo_tracer_end_probes(base);
	mem_tracer_bpf__detach(tracer->skel);
}

static void add_values(struct eo_stack_store *store, uint64_t stack, const int64_t values[4])
{
	if (!eo_stack_store_add_values(store, stack, values))
		eo_stack_store_add_unknown(store, values);
}

static void add_totals(struct mem_tracer *tracer, struct eo_stack_store *store)
{
	int fd = bpf_map__fd(tracer->skel->maps.totals);
	struct eo_mem_totals_key key, next;
	struct eo_mem_totals totals;
	bool first = true;

	while (bpf_map_get_next_key(fd, first ? NULL : &key, &next) == 0) {
		key = next;
		first = false;
		if (bpf_map_lookup_elem(fd, &key, &totals) == 0)
			add_values(store, key.stack,
				   (const int64_t[]){(int64_t)eo_mem_count(totals.allocations),
						     (int64_t)totals.allocated_bytes, 0, 0});
	}
}

static void describe(const struct mem_tracer *tracer, struct eo_profile *profile)
{
	profile->time_ns = tracer->started_wall_ns;
	profile->duration_ns = (int64_t)(eo_clock_monotonic_ns() - tracer->base.since_ns);
	profile->period_type.type = eo_profile_string(profile, "space");
	profile->period_type.unit = eo_profile_string(profile, "bytes");
	profile->period = tracer->options.sample_bytes ? (int64_t)tracer->options.sample_bytes : 1;
	profile->default_value_type = eo_profile_string(
		profile, has_source(tracer, EO_MEM_FAULTS) ? "alloc_space" : "inuse_space");
	eo_profile_add_comment(profile, "ebpfotel " EO_VERSION);
}

static int make_profile(struct mem_tracer *tracer, const struct eo_mem_held *held, size_t count)
{
	struct eo_stack_store *store = eo_trace_stacks_store(tracer->base.stacks);

	eo_stack_store_settle(store);
	add_totals(tracer, store);
	for (size_t i = 0; i < count; i++)
		add_values(store, held[i].stack,
			   (const int64_t[]){0, 0, (int64_t)held[i].count, (int64_t)held[i].bytes});
	tracer->profile = eo_stack_store_take(store);
	describe(tracer, tracer->profile);
	return eo_profile_status(tracer->profile);
}

static int finish(struct eo_tracer *base)
{
	struct mem_tracer *tracer = (struct mem_tracer *)base;
	EO_AUTO_FREE struct eo_mem_held *held = NULL;
	size_t count;
	int r;

	if (!tracer->options.profile)
		return 0;
	r = eo_mem_blocks_held(tracer->blocks, 0, &held, &count);
	return r < 0 ? r : make_profile(tracer, held, count);
}

/* ---- what it leaves behind ---- */

static int summary(struct eo_tracer *base, eo_trace_event_fn fn, void *ctx, struct eo_error *err)
{
	struct mem_tracer *tracer = (struct mem_tracer *)base;
	EO_AUTO_FREE struct eo_mem_held *held = NULL;
	size_t count = 0;
	int r;

	if (!wants_stacks(tracer))
		return eo_mem_rows_by_size(base, tracer->told, fn, ctx);
	r = eo_mem_blocks_held(tracer->blocks, report_age(tracer), &held, &count);
	if (r < 0)
		return eo_error_set(err, EO_ERROR_MAP_OPERATION_FAILED, -r, NULL, "read the blocks in use");
	if (tracer->options.leaks)
		return eo_mem_rows_of_held(base, held, count, fn, ctx);
	return eo_mem_rows_by_stack(base, bpf_map__fd(tracer->skel->maps.totals), held, count, fn, ctx);
}

static void stats(struct eo_tracer *base, struct eo_trace_stats *stats)
{
	struct mem_tracer *tracer = (struct mem_tracer *)base;
	struct eo_mem_counters counters;
	uint64_t swept, swept_bytes;

	eo_mem_blocks_sweep(tracer->blocks, report_age(tracer), false);
	swept = eo_mem_blocks_swept(tracer->blocks, &swept_bytes);
	eo_tracer_sum_map(base, "mem_counters", &counters, sizeof(counters));
	eo_trace_stats_total(stats, "allocations", "allocations",
			     eo_mem_count(counters.allocations));
	eo_trace_stats_total(stats, "frees", "frees", eo_mem_count(counters.frees));
	eo_trace_stats_total(stats, "total_allocated", "bytes allocated", counters.allocated_bytes);
	eo_trace_stats_total(stats, "total_freed", "bytes freed", counters.freed_bytes);
	eo_trace_stats_total(stats, "active_allocations", "blocks in use",
			     eo_mem_count(counters.added - counters.removed - swept));
	eo_trace_stats_total(stats, "active_bytes", "bytes in use",
			     counters.added_bytes - counters.removed_bytes - swept_bytes);
	eo_trace_stats_total(stats, "unknown_frees", "frees of older blocks", counters.unknown_frees);
	eo_trace_stats_total(stats, "failed_allocations", "failed allocations", counters.failed);
	eo_trace_stats_degraded(stats, "blocks_untracked", "blocks beyond --max-live", counters.untracked);
	eo_trace_stats_degraded(stats, "frees_missed", "frees that were not seen", counters.replaced);
	eo_trace_stats_degraded(stats, "calls_abandoned", "calls that never returned", counters.abandoned);
	eo_trace_stats_degraded(stats, "programs_missed", "ends of programs not seen", counters.images_lost);
	eo_tracer_add_probe_stats(base, stats);
}

static void unload(struct eo_tracer *base)
{
	struct mem_tracer *tracer = (struct mem_tracer *)base;

	eo_mem_blocks_free(eo_steal(&tracer->blocks));
	mem_tracer_bpf__destroy(eo_steal(&tracer->skel));
}

static void free_tracer(struct eo_tracer *base)
{
	struct mem_tracer *tracer = (struct mem_tracer *)base;

	eo_profile_free(tracer->profile);
	free(tracer);
}

static const struct eo_tracer_class class = {
	.name = "mem",
	.elf = mem_tracer_bpf__elf_bytes,
	.free = free_tracer,
	.load = load,
	.attach = attach,
	.record = record,
	.pump = pump,
	.detach = detach,
	.finish = finish,
	.stats = stats,
	.summary = summary,
	.unload = unload,
};

static int check_options(const struct eo_tracer_options *options, const struct eo_mem_options *mem,
			 struct eo_error *err)
{
	const struct eo_target *target = &options->target;

	if (!eo_filter_has_ids(target) && !target->all)
		return eo_error_set(err, EO_ERROR_CONFIG, 0,
				    "-p PID, -- COMMAND, or -a for the whole machine",
				    "trace memory of nobody: a target is required");
	if (mem->sources >> EO_MEM_SOURCES)
		return eo_error_set(err, EO_ERROR_CONFIG, 0, NULL, "sources are 0x%x", mem->sources);
	if (mem->profile && mem->sources & (mem->sources - 1))
		return eo_error_set(err, EO_ERROR_CONFIG, 0, "run one for each source",
				    "a heap profile of several sources: one holds the other's bytes");
	if (mem->sources & EO_MEM_BIT(EO_MEM_FAULTS) && mem->leaks)
		return eo_error_set(err, EO_ERROR_CONFIG, 0, "rows by stack, or a profile",
				    "what is held of pages: they do not say where they came from");
	if (mem->sources & EO_MEM_BIT(EO_MEM_FAULTS) && mem->sample_bytes)
		return eo_error_set(err, EO_ERROR_CONFIG, 0, NULL, "faults are no sample");
	if (mem->library_count && mem->sources && !(mem->sources & EO_MEM_BIT(EO_MEM_LIBC)))
		return eo_error_set(err, EO_ERROR_CONFIG, 0, NULL, "libraries are for the source libc");
	if (mem->profile && options->summary)
		return eo_error_set(err, EO_ERROR_CONFIG, 0, NULL, "a heap profile and a summary exclude each other");
	if ((mem->by_stack || mem->leaks) && !options->summary)
		return eo_error_set(err, EO_ERROR_CONFIG, 0, NULL, "leaks and rows by stack are a summary");
	if (mem->sample_bytes && !mem->profile && !options->summary)
		return eo_error_set(err, EO_ERROR_CONFIG, 0, "a summary, leaks or a heap profile",
				    "sample by bytes for events: they have no weights");
	if (mem->sample_bytes > EO_MEM_SAMPLE_BYTES_MAX)
		return eo_error_set(err, EO_ERROR_CONFIG, 0, NULL,
				    "sample_bytes is %llu, must be 1 to %u",
				    (unsigned long long)mem->sample_bytes, EO_MEM_SAMPLE_BYTES_MAX);
	if (mem->max_live > EO_MEM_LIVE_MAX)
		return eo_error_set(err, EO_ERROR_CONFIG, 0, NULL, "max_live is %llu, must be 1 to %u",
				    (unsigned long long)mem->max_live, EO_MEM_LIVE_MAX);
	return 0;
}

int eo_mem_tracer_new(const struct eo_config *config, const struct eo_tracer_options *options,
		      const struct eo_mem_options *mem, struct eo_tracer **ret, struct eo_error *err)
{
	EO_AUTO_FREE struct mem_tracer *tracer = calloc(1, sizeof(*tracer));
	int r;

	if (!tracer)
		return eo_error_set(err, EO_ERROR_LOAD_FAILED, ENOMEM, NULL, "allocate tracer");
	r = check_options(options, mem, err);
	if (r == 0)
		r = eo_tracer_init(&tracer->base, &class, config, options, err);
	if (r < 0)
		return r;
	tracer->options = *mem;
	if (!tracer->options.sources)
		tracer->options.sources = EO_MEM_BIT(EO_MEM_LIBC);
	*ret = &eo_steal(&tracer)->base;
	return 0;
}

int eo_mem_tracer_measure(struct eo_tracer *base, uint64_t for_ns, double *percent, struct eo_error *err)
{
	const struct mem_tracer *tracer = (struct mem_tracer *)base;
	uint64_t began_ns = eo_clock_monotonic_ns(), now_ns = began_ns, calls, call_ns;
	struct eo_tracer_counters before, after;
	int r = 0;

	if (!base->running)
		return eo_tracer_pump(base, err); /* which says so */
	eo_tracer_counters(base, &before);
	while (r == 0 && now_ns - began_ns < for_ns) {
		usleep(5000);
		r = eo_tracer_pump(base, err);
		now_ns = eo_clock_monotonic_ns();
	}
	eo_tracer_counters(base, &after);
	calls = after.seen - before.seen;
	call_ns = has_source(tracer, EO_MEM_LIBC) ? CALL_NS : TRACEPOINT_NS;
	*percent = 100.0 * (double)(calls * call_ns) / (double)(now_ns - began_ns);
	return r;
}

struct eo_profile *eo_mem_tracer_take_profile(struct eo_tracer *base)
{
	struct mem_tracer *tracer = (struct mem_tracer *)base;

	return eo_steal(&tracer->profile);
}
