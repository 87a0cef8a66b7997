// SPDX-License-Identifier: BSD-2-Clause
#include "capture/mem_tracer.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "capture/allocator_functions.h"
#include "capture/allocators.h"
#include "capture/filter.h"
#include "capture/mem_blocks.h"
#include "capture/tracer_class.h"
#include "capture/uprobes.h"
#include "core/clock.h"
#include "core/grace.h"
#include "mem_records.h"
#include "mem_tracer.skel.h"

/* What a call costs whoever makes it: malloc() is two traps and free() is one, of some 0.8 us each
 * where little else runs. */
#define CALL_NS 1250

struct mem_tracer {
	struct eo_tracer base;
	struct eo_mem_options options;

	/* While running. */
	struct mem_tracer_bpf *skel;
	struct eo_function_probes *allocators; /* NULL once detached */
	struct eo_function_probes_stats allocator_stats; /* as they were then */
	struct eo_mem_blocks *blocks;
	bool multi;
	struct eo_loop_source *news;
	int64_t started_wall_ns;

	/* What the last run left behind. */
	struct eo_profile *profile;
	struct eo_mem_class told[EO_MEM_CLASSES]; /* in earlier summaries */
};

_Static_assert(EO_MEM_SAMPLE_BYTES_MAX == EO_MEM_SAMPLE_MAX, "as far as the programs can count");

static const struct eo_stack_layout layout = {
	.values = {{"alloc_objects", "count"},
		   {"alloc_space", "bytes"},
		   {"inuse_objects", "count"},
		   {"inuse_space", "bytes"}},
};

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

static int size_maps(struct mem_tracer *tracer)
{
	struct mem_tracer_bpf *skel = tracer->skel;
	uint64_t live = tracer->options.max_live ? tracer->options.max_live : EO_MEM_LIVE_DEFAULT;

	bpf_map__set_max_entries(skel->maps.blocks, (uint32_t)live);
	if (wants_stacks(tracer))
		bpf_map__set_max_entries(skel->maps.totals, (uint32_t)tracer->base.config.max_samples + 1);
	return 0;
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

static int load(struct eo_tracer *base, struct eo_error *err)
{
	struct mem_tracer *tracer = (struct mem_tracer *)base;
	struct mem_tracer_bpf *skel = mem_tracer_bpf__open();
	int r;

	eo_profile_free(eo_steal(&tracer->profile));
	memset(tracer->told, 0, sizeof(tracer->told));
	if (!skel)
		return eo_tracer_load_failed(base, errno, err);
	tracer->skel = skel;
	base->object = skel->obj;
	base->targets_live = (uint64_t *)&skel->bss->targets_live;
	base->targets_missed = (uint64_t *)&skel->bss->targets_missed;
	tracer->multi = eo_uprobes_have_multi();
	eo_uprobes_prepare(skel->progs.on_enter, tracer->multi);
	eo_uprobes_prepare(skel->progs.on_leave, tracer->multi);
	bpf_program__set_autoattach(skel->progs.on_enter, false);
	bpf_program__set_autoattach(skel->progs.on_leave, false);
	skel->rodata->mem.events = wants_events(tracer);
	skel->rodata->mem.stacks = wants_stacks(tracer);
	skel->rodata->mem.classes = tracer->base.options.summary && !wants_stacks(tracer);
	skel->rodata->mem.min_size = tracer->options.min_size;
	set_sampling((struct eo_mem_config *)&skel->rodata->mem, tracer->options.sample_bytes);
	r = eo_tracer_prepare(base, skel->obj, (struct eo_filter_config *)&skel->rodata->filter,
			      (struct eo_tracer_config *)&skel->rodata->tracer, true, err);
	if (r == 0 && wants_stacks(tracer))
		r = eo_tracer_prepare_stacks(base, skel->obj,
					     (struct eo_stack_config *)&skel->rodata->stack_config, err);
	if (r == 0)
		r = size_maps(tracer);
	if (r < 0)
		return r;
	r = mem_tracer_bpf__load(skel);
	if (r < 0)
		return eo_tracer_load_failed(base, -r, err);
	if (wants_stacks(tracer))
		r = eo_tracer_open_stacks(base, skel->obj, (uint32_t *)&skel->bss->unwind_tick, &layout, err);
	if (r == 0)
		r = eo_mem_blocks_new(bpf_map__fd(skel->maps.blocks), bpf_map__fd(skel->maps.ended),
				      &tracer->blocks, err);
	return r;
}

static int attach(struct eo_tracer *base, struct eo_error *err)
{
	struct mem_tracer *tracer = (struct mem_tracer *)base;
	struct mem_tracer_bpf *skel = tracer->skel;
	const struct eo_target *target = &base->options.target;
	bool by_pid = skel->rodata->filter.by_pid;
	const struct eo_allocators_options options = {
		.probes.enter = skel->progs.on_enter,
		.probes.leave = skel->progs.on_leave,
		.probes.multi = tracer->multi,
		.probes.everywhere = !by_pid || (target->command_pid && !target->no_follow),
		.probes.targets_fd = by_pid ? bpf_map__fd(skel->maps.target_pids) : -1,
		.libraries = tracer->options.libraries,
		.library_count = tracer->options.library_count,
	};
	int r = mem_tracer_bpf__attach(skel); /* the life of processes */

	if (r < 0)
		return eo_error_set(err, eo_error_kind_of(-r, EO_ERROR_ATTACH_FAILED), -r, NULL,
				    "attach to the scheduler's tracepoints");
	tracer->started_wall_ns = (int64_t)eo_clock_wall_ns();
	r = eo_allocators_begin(&options, target, &tracer->allocators, err);
	skel->bss->is_open = 1;
	eo_tracer_add_hook(base, "libc", tracer->multi ? "uprobe_multi" : "uprobe");
	if (wants_stacks(tracer))
		eo_tracer_add_hook(base, "stacks",
				   skel->rodata->stack_config.tables ? "tables" : "frame_pointers");
	return r;
}

/* ---- events ---- */

static void add_text(struct eo_event *event, struct eo_attr *data, const char *key, const char *text)
{
	data[event->data_count++] = (struct eo_attr){.key = key, .type = EO_ATTR_STRING, .str = text};
}

static void add_number(struct eo_event *event, struct eo_attr *data, const char *key,
		       enum eo_attr_type type, uint64_t number)
{
	data[event->data_count++] = (struct eo_attr){.key = key, .type = type, .unum = number};
}

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
	add_text(&event, data, "function", eo_allocator_function_name(record->function));
	add_text(&event, data, "source", "libc");
	if (record->address)
		add_number(&event, data, "address", EO_ATTR_HEX, record->address);
	if (!is_free || record->known)
		add_number(&event, data, "size_bytes", EO_ATTR_UINT, record->size);
	if (is_free && record->known)
		add_number(&event, data, "lifetime_ns", EO_ATTR_UINT, record->lifetime_ns);
	error = record->error ? strerrorname_np(record->error) : NULL;
	if (error)
		add_text(&event, data, "error", error);
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
	int r = eo_function_probes_update(tracer->allocators);

	return r < 0 ? r : eo_mem_blocks_sweep(tracer->blocks, report_age(tracer), true);
}

static int on_news(void *ctx, uint32_t events)
{
	(void)events;
	return eo_tracer_pump(ctx, NULL);
}

static int watch(struct eo_tracer *base, struct eo_loop *loop, struct eo_error *err)
{
	struct mem_tracer *tracer = (struct mem_tracer *)base;

	return eo_loop_add_fd(loop, eo_function_probes_fd(tracer->allocators), EPOLLIN, on_news, base,
			      &tracer->news, err);
}

static void unwatch(struct eo_tracer *base, struct eo_loop *loop)
{
	struct mem_tracer *tracer = (struct mem_tracer *)base;

	eo_loop_remove(loop, eo_steal(&tracer->news));
}

/* ---- stop ---- */

static void detach(struct eo_tracer *base)
{
	struct mem_tracer *tracer = (struct mem_tracer *)base;

	tracer->skel->bss->is_open = 0;
	eo_grace_wait();
	tracer->allocator_stats = eo_function_probes_stats(tracer->allocators);
	eo_function_probes_free(eo_steal(&tracer->allocators));
	mem_tracer_bpf__detach(tracer->skel);
}

static void add_values(struct eo_stack_store *store, uint64_t stack, const int64_t values[4])
{
	if (!eo_stack_store_add_values(store, stack, values))
		eo_stack_store_add_unknown(store, values);
}

static int add_totals(struct mem_tracer *tracer, struct eo_stack_store *store)
{
	int fd = bpf_map__fd(tracer->skel->maps.totals);
	struct eo_mem_totals totals;
	uint64_t key, next;
	bool first = true;

	while (bpf_map_get_next_key(fd, first ? NULL : &key, &next) == 0) {
		key = next;
		first = false;
		if (bpf_map_lookup_elem(fd, &key, &totals) == 0)
			add_values(store, key,
				   (const int64_t[]){(int64_t)eo_mem_count(totals.allocations),
						     (int64_t)totals.allocated_bytes, 0, 0});
	}
	return 0;
}

static void describe(const struct mem_tracer *tracer, struct eo_profile *profile)
{
	profile->time_ns = tracer->started_wall_ns;
	profile->duration_ns = (int64_t)(eo_clock_monotonic_ns() - tracer->base.since_ns);
	profile->period_type.type = eo_profile_string(profile, "space");
	profile->period_type.unit = eo_profile_string(profile, "bytes");
	profile->period = tracer->options.sample_bytes ? (int64_t)tracer->options.sample_bytes : 1;
	profile->default_value_type = eo_profile_string(profile, "inuse_space");
	eo_profile_add_comment(profile, "ebpfotel " EO_VERSION);
}

static int make_profile(struct mem_tracer *tracer, const struct eo_mem_held *held, size_t count)
{
	struct eo_stack_store *store = eo_trace_stacks_store(tracer->base.stacks);
	int r;

	eo_stack_store_settle(store);
	r = add_totals(tracer, store);
	for (size_t i = 0; i < count; i++)
		add_values(store, held[i].stack,
			   (const int64_t[]){0, 0, (int64_t)held[i].count, (int64_t)held[i].bytes});
	tracer->profile = eo_stack_store_take(store);
	describe(tracer, tracer->profile);
	return r < 0 ? r : eo_profile_status(tracer->profile);
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

/* ---- summaries ---- */

struct summary {
	eo_trace_event_fn fn;
	void *ctx;
	struct eo_event event;
	struct eo_attr *rows;
};

static int class_row(struct summary *summary, size_t k, const struct eo_mem_class *sums)
{
	char name[48];

	if (!sums->allocations && !sums->frees && !sums->failed)
		return 0;
	snprintf(name, sizeof(name), "%" PRIu64 "-%" PRIu64, k ? UINT64_C(1) << k : 0,
		 UINT64_MAX >> (63 - k));
	summary->event.data_count = 0;
	add_text(&summary->event, summary->rows, "name", name);
	add_number(&summary->event, summary->rows, "count", EO_ATTR_UINT,
		   eo_mem_count(sums->allocations));
	add_number(&summary->event, summary->rows, "errors", EO_ATTR_UINT, sums->failed);
	add_number(&summary->event, summary->rows, "frees", EO_ATTR_UINT,
		   eo_mem_count(sums->frees));
	add_number(&summary->event, summary->rows, "total_allocated", EO_ATTR_UINT, sums->allocated_bytes);
	add_number(&summary->event, summary->rows, "total_freed", EO_ATTR_UINT, sums->freed_bytes);
	return summary->fn(summary->ctx, &summary->event);
}

/* Since the last time. */
static int summarise_classes(struct mem_tracer *tracer, struct summary *summary)
{
	struct eo_mem_class sums[EO_MEM_CLASSES];
	struct eo_attr data[8];
	int r = 0;

	summary->rows = data;
	summary->event.data = data;
	eo_tracer_sum_map(&tracer->base, "classes", sums, sizeof(sums));
	for (size_t k = 0; k < EO_MEM_CLASSES && r == 0; k++) {
		const struct eo_mem_class *told = &tracer->told[k];
		const struct eo_mem_class fresh = {
			.allocations = sums[k].allocations - told->allocations,
			.allocated_bytes = sums[k].allocated_bytes - told->allocated_bytes,
			.frees = sums[k].frees - told->frees,
			.freed_bytes = sums[k].freed_bytes - told->freed_bytes,
			.failed = sums[k].failed - told->failed,
		};

		r = class_row(summary, k, &fresh);
	}
	memcpy(tracer->told, sums, sizeof(sums));
	return r;
}

/* @totals: NULL: only what is held */
static int stack_row(struct mem_tracer *tracer, struct summary *summary, uint64_t stack,
		     const struct eo_mem_totals *totals, const struct eo_mem_held *held)
{
	struct eo_event *event = &summary->event;
	struct eo_attr *rows = tracer->base.rows;

	event->data = rows;
	event->data_count = eo_trace_stacks_rows(tracer->base.stacks, stack, rows);
	event->pid = event->tid = 0;
	memset(event->comm, 0, sizeof(event->comm));
	if (eo_stack_store_owner(eo_trace_stacks_store(tracer->base.stacks), stack, &event->pid, event->comm))
		event->tid = event->pid;
	if (totals) {
		add_number(event, rows, "count", EO_ATTR_UINT, eo_mem_count(totals->allocations));
		add_number(event, rows, "frees", EO_ATTR_UINT, eo_mem_count(totals->frees));
		add_number(event, rows, "total_allocated", EO_ATTR_UINT, totals->allocated_bytes);
		add_number(event, rows, "total_freed", EO_ATTR_UINT, totals->freed_bytes);
	}
	add_number(event, rows, "active_allocations", EO_ATTR_UINT, held->count);
	add_number(event, rows, "active_bytes", EO_ATTR_UINT, held->bytes);
	if (!totals)
		add_number(event, rows, "oldest_ns", EO_ATTR_UINT, held->oldest_ns);
	return summary->fn(summary->ctx, event);
}

static int by_hash(const void *a, const void *b)
{
	const struct eo_mem_held *x = a, *y = b;

	return (x->stack > y->stack) - (x->stack < y->stack);
}

static int summarise_stacks(struct mem_tracer *tracer, struct summary *summary, struct eo_mem_held *held,
			    size_t count)
{
	int fd = bpf_map__fd(tracer->skel->maps.totals), r = 0;
	struct eo_mem_totals totals;
	uint64_t key, next;
	bool first = true;

	if (count > 0)
		qsort(held, count, sizeof(*held), by_hash);
	while (r == 0 && bpf_map_get_next_key(fd, first ? NULL : &key, &next) == 0) {
		const struct eo_mem_held none = {.stack = next}, *found;

		key = next;
		first = false;
		found = count ? bsearch(&none, held, count, sizeof(*held), by_hash) : NULL;
		if (bpf_map_lookup_elem(fd, &key, &totals) == 0)
			r = stack_row(tracer, summary, key, &totals, found ? found : &none);
	}
	return r;
}

static int summary(struct eo_tracer *base, eo_trace_event_fn fn, void *ctx, struct eo_error *err)
{
	struct mem_tracer *tracer = (struct mem_tracer *)base;
	struct summary summary = {
		.fn = fn,
		.ctx = ctx,
		.event = {.type = EO_EVENT_MEM_SUMMARY, .ktime_ns = eo_clock_monotonic_ns()},
	};
	EO_AUTO_FREE struct eo_mem_held *held = NULL;
	size_t count = 0;
	int r;

	if (!wants_stacks(tracer))
		return summarise_classes(tracer, &summary);
	r = eo_mem_blocks_held(tracer->blocks, report_age(tracer), &held, &count);
	if (r < 0)
		return eo_error_set(err, EO_ERROR_MAP_OPERATION_FAILED, -r, NULL, "read the blocks in use");
	if (!tracer->options.leaks)
		return summarise_stacks(tracer, &summary, held, count);
	for (size_t i = 0; i < count && r == 0; i++)
		r = stack_row(tracer, &summary, held[i].stack, NULL, &held[i]);
	return r;
}

static void stats(struct eo_tracer *base, struct eo_trace_stats *stats)
{
	struct mem_tracer *tracer = (struct mem_tracer *)base;
	struct eo_function_probes_stats allocators = tracer->allocator_stats;
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
	if (tracer->allocators)
		allocators = eo_function_probes_stats(tracer->allocators);
	eo_trace_stats_degraded(stats, "processes_late", "processes probed after their start", allocators.late);
	eo_trace_stats_degraded(stats, "files_denied", "files that could not be probed", allocators.denied);
}

static void unload(struct eo_tracer *base)
{
	struct mem_tracer *tracer = (struct mem_tracer *)base;

	eo_function_probes_free(eo_steal(&tracer->allocators));
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
	.free = free_tracer,
	.load = load,
	.attach = attach,
	.record = record,
	.pump = pump,
	.watch = watch,
	.unwatch = unwatch,
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
	*ret = &eo_steal(&tracer)->base;
	return 0;
}

int eo_mem_tracer_measure(struct eo_tracer *base, uint64_t for_ns, double *percent, struct eo_error *err)
{
	uint64_t began_ns = eo_clock_monotonic_ns(), now_ns = began_ns, calls;
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
	*percent = 100.0 * (double)(calls * CALL_NS) / (double)(now_ns - began_ns);
	return r;
}

struct eo_profile *eo_mem_tracer_take_profile(struct eo_tracer *base)
{
	struct mem_tracer *tracer = (struct mem_tracer *)base;

	return eo_steal(&tracer->profile);
}
