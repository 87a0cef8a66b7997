// SPDX-License-Identifier: BSD-2-Clause
/* The life of a profiler. */
#include "capture/cpu_profiler.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "capture/cpu_records.h"
#include "capture/cpus.h"
#include "capture/filter.h"
#include "core/clock.h"
#include "core/grace.h"

#define PUMP_LIMIT_NS 5000000ull      /* of work in one pump */
#define LAST_DRAIN_NS EO_NS_PER_SEC   /* a full ring takes a few ms; the limit is for a broken one */
#define TICK_NS 100000000ull	      /* between pumps when nothing wakes us */
#define SECOND_NS EO_NS_PER_SEC       /* between looks at the list of CPUs */

int eo_cpu_profiler_new(const struct eo_config *config, const struct eo_cpu_profiler_options *options,
			struct eo_cpu_profiler **ret, struct eo_error *err)
{
	EO_AUTO(eo_cpu_profiler) profiler = NULL;
	int r = eo_config_validate(config, err);

	if (r < 0)
		return r;
	if (options->kernel_only && options->user_only)
		return eo_error_set(err, EO_ERROR_CONFIG, 0, NULL,
				    "kernel_only and user_only together leave nothing");
	if (options->table_memory && (options->table_memory < EO_TABLE_MEMORY_MIN ||
				      options->table_memory > EO_TABLE_MEMORY_MAX))
		return eo_error_set(err, EO_ERROR_CONFIG, 0, NULL, "table_memory is %llu bytes, must be %u to %u",
				    (unsigned long long)options->table_memory, EO_TABLE_MEMORY_MIN,
				    EO_TABLE_MEMORY_MAX);
	if (options->ring_bytes & (options->ring_bytes - 1) ||
	    (options->ring_bytes && options->ring_bytes < (uint32_t)sysconf(_SC_PAGESIZE)))
		return eo_error_set(err, EO_ERROR_CONFIG, 0, NULL,
				    "ring_bytes is %u, must be a power of two and at least a page",
				    options->ring_bytes);
	profiler = calloc(1, sizeof(*profiler));
	if (!profiler)
		return eo_error_set(err, EO_ERROR_LOAD_FAILED, ENOMEM, NULL, "allocate profiler");
	profiler->config = *config;
	profiler->options = *options;
	profiler->options.cpus = NULL;
	if (options->cpus && options->cpu_count) {
		profiler->cpus = calloc(options->cpu_count, sizeof(*profiler->cpus));
		if (!profiler->cpus)
			return eo_error_set(err, EO_ERROR_LOAD_FAILED, ENOMEM, NULL, "allocate profiler");
		memcpy(profiler->cpus, options->cpus, options->cpu_count * sizeof(*profiler->cpus));
	}
	*ret = eo_steal(&profiler);
	return 0;
}

static void unwatch(struct eo_cpu_profiler *profiler)
{
	if (!profiler->loop)
		return;
	eo_loop_remove(profiler->loop, profiler->tick);
	eo_loop_remove(profiler->loop, profiler->second);
	eo_loop_remove(profiler->loop, profiler->records);
	eo_stack_source_unwatch(profiler->source);
	profiler->loop = NULL;
}

/* Everything that exists only while running; order is the reverse of start. */
static void release(struct eo_cpu_profiler *profiler)
{
	unwatch(profiler);
	eo_cpu_events_free(eo_steal(&profiler->events));
	eo_stack_store_free(eo_steal(&profiler->store));
	eo_cpu_records_close(profiler);
	eo_stack_source_free(eo_steal(&profiler->source));
	eo_cpu_programs_free(eo_steal(&profiler->programs));
	eo_process_resource_free(eo_steal(&profiler->resources));
	profiler->running = profiler->paused = false;
}

void eo_cpu_profiler_free(struct eo_cpu_profiler *profiler)
{
	if (!profiler)
		return;
	release(profiler);
	free(profiler->cpus);
	free(profiler);
}

static int wrong_state(struct eo_error *err, int code, const char *text)
{
	eo_error_set(err, EO_ERROR_CONFIG, 0, NULL, "CPU profiler %s", text);
	return -code;
}

/* ---- start ---- */

/* Have sampling events on all wanted CPUs that are online. */
static int cover_cpus(struct eo_cpu_profiler *profiler, struct eo_error *err)
{
	const struct eo_cpu_profiler_options *options = &profiler->options;
	EO_AUTO_FREE uint32_t *online = NULL;
	EO_AUTO_FREE uint32_t *wanted = NULL;
	size_t wanted_count = 0;
	int count = eo_cpus_online(&online, err);

	if (count < 0)
		return count;
	wanted = calloc((size_t)count, sizeof(*wanted));
	if (!wanted)
		return eo_error_set(err, EO_ERROR_ATTACH_FAILED, ENOMEM, NULL, "list the CPUs");
	for (int i = 0; i < count; i++)
		if (!options->cpu_count || eo_cpus_contain(profiler->cpus, options->cpu_count, online[i]))
			wanted[wanted_count++] = online[i];
	return eo_cpu_events_cover(profiler->events, wanted, wanted_count, err);
}

static int check_cpus(const struct eo_cpu_profiler *profiler, struct eo_error *err)
{
	EO_AUTO_FREE uint32_t *online = NULL;
	int count = eo_cpus_online(&online, err);

	if (count < 0)
		return count;
	for (size_t i = 0; i < profiler->options.cpu_count; i++)
		if (!eo_cpus_contain(online, (size_t)count, profiler->cpus[i]))
			return eo_error_set(err, EO_ERROR_CONFIG, 0,
					    "/sys/devices/system/cpu/online lists those that are",
					    "CPU %u is not online", profiler->cpus[i]);
	return 0;
}

static int new_store(const struct eo_cpu_profiler *profiler, struct eo_stack_store **ret, struct eo_error *err)
{
	const struct eo_stack_layout layout = eo_stack_layout_cpu(
		EO_NS_PER_SEC / profiler->config.sample_rate_hz, profiler->options.per_thread);
	int r = eo_stack_store_new(eo_stack_source_symbolizer(profiler->source), &layout, ret);

	if (r < 0)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, -r, NULL, "allocate profile");
	if (profiler->resources)
		eo_stack_store_with_resources(*ret, profiler->resources);
	return 0;
}

static int prepare(struct eo_cpu_profiler *profiler, struct eo_error *err)
{
	const struct eo_symbolizer_options options = {
		.no_symbols = profiler->options.no_symbols,
		.lines = profiler->options.lines,
	};
	int r;

	r = eo_stack_source_new(&options, &profiler->source, err);
	if (r == 0 && profiler->options.resources && eo_process_resource_new(&profiler->resources) < 0)
		r = eo_error_set(err, EO_ERROR_LOAD_FAILED, ENOMEM, NULL, "allocate resources");
	return r == 0 ? new_store(profiler, &profiler->store, err) : r;
}

static int attach(struct eo_cpu_profiler *profiler, struct eo_error *err)
{
	int r = eo_cpu_programs_attach(profiler->programs, &profiler->options.target, err);

	if (r < 0)
		return r;
	r = eo_cpu_events_new(eo_cpu_programs_sampler(profiler->programs), profiler->config.sample_rate_hz,
			      &profiler->events);
	if (r < 0)
		return eo_error_set(err, EO_ERROR_ATTACH_FAILED, -r, NULL, "allocate perf events");
	r = eo_stack_source_listen(profiler->source, err);
	return r < 0 ? r : cover_cpus(profiler, err);
}

static void begin_generation(struct eo_cpu_profiler *profiler)
{
	profiler->since_ns = eo_clock_monotonic_ns();
	profiler->wall = eo_wall_clock_begin();
	profiler->started_wall_ns = (int64_t)profiler->since_ns + profiler->wall.offset_ns;
	profiler->generation_ns = 0;
}

int eo_cpu_profiler_start(struct eo_cpu_profiler *profiler, struct eo_error *err)
{
	int r;

	if (profiler->running)
		return wrong_state(err, EALREADY, "is running already");
	profiler->mark = eo_overhead_mark();
	profiler->latency = (struct eo_latency){0};
	profiler->total_ns = profiler->limit_taken = 0;
	profiler->lost_ring_full = profiler->lost_map_full = profiler->refused = 0;
	profiler->stacks_unknown = profiler->stacks_done = 0;
	profiler->generation = 0;

	r = check_cpus(profiler, err);
	if (r == 0)
		r = eo_target_validate(&profiler->options.target, err);
	if (r == 0)
		r = prepare(profiler, err);
	if (r == 0)
		r = eo_cpu_programs_load(&profiler->config, &profiler->options, &profiler->programs, err);
	if (r == 0)
		r = eo_cpu_records_open(profiler, err);
	if (r == 0 && eo_cpu_programs_has_tables(profiler->programs))
		r = eo_stack_source_use_tables(profiler->source, eo_cpu_programs_object(profiler->programs),
					       eo_cpu_programs_tick(profiler->programs),
					       profiler->options.table_memory, err);
	if (r == 0 && eo_cpu_programs_has_snapshots(profiler->programs))
		r = eo_stack_source_use_snapshots(profiler->source, err);
	if (r == 0) {
		begin_generation(profiler);
		r = attach(profiler, err);
	}
	if (r < 0) {
		release(profiler);
		return r;
	}
	profiler->running = true;
	eo_stack_source_scan(profiler->source, &profiler->options.target);
	/* What the caller's target points to may go away now. */
	profiler->options.target = (struct eo_target){
		.pid_count = profiler->options.target.pid_count,
		.tid_count = profiler->options.target.tid_count,
		.command_pid = profiler->options.target.command_pid,
		.all = profiler->options.target.all,
	};
	return 0;
}

/* ---- pump ---- */

int eo_cpu_profiler_pump(struct eo_cpu_profiler *profiler, struct eo_error *err)
{
	if (!profiler->running)
		return wrong_state(err, EINVAL, "is not running");
	return eo_cpu_records_drain(profiler, PUMP_LIMIT_NS, err);
}

static int on_tick(void *ctx)
{
	return eo_cpu_profiler_pump(ctx, NULL);
}

static int on_records(void *ctx, uint32_t events)
{
	(void)events;
	return eo_cpu_profiler_pump(ctx, NULL);
}

static int on_second(void *ctx)
{
	return cover_cpus(ctx, NULL);
}

int eo_cpu_profiler_watch(struct eo_cpu_profiler *profiler, struct eo_loop *loop, struct eo_error *err)
{
	int r;

	if (!profiler->running)
		return wrong_state(err, EINVAL, "is not running");
	if (profiler->loop)
		return wrong_state(err, EALREADY, "is watched already");
	profiler->loop = loop;
	r = eo_loop_add_timer(loop, TICK_NS, TICK_NS, on_tick, profiler, &profiler->tick, err);
	if (r == 0)
		r = eo_loop_add_timer(loop, SECOND_NS, SECOND_NS, on_second, profiler, &profiler->second, err);
	if (r == 0)
		r = eo_loop_add_fd(loop, ring_buffer__epoll_fd(profiler->ring), EPOLLIN, on_records, profiler,
				   &profiler->records, err);
	if (r == 0)
		r = eo_stack_source_watch(profiler->source, loop, on_tick, profiler, err);
	if (r < 0)
		unwatch(profiler);
	return r;
}

/* ---- pause and resume ---- */

static void add_profiled_time(struct eo_cpu_profiler *profiler)
{
	uint64_t now = eo_clock_monotonic_ns();

	if (!profiler->paused) {
		profiler->generation_ns += now - profiler->since_ns;
		profiler->total_ns += now - profiler->since_ns;
	}
	profiler->since_ns = now;
}

/* What is sampled from this moment on belongs to the next generation. */
static void end_generation(struct eo_cpu_profiler *profiler)
{
	add_profiled_time(profiler);
	profiler->ended_ns = profiler->generation_ns;
	profiler->generation_ns = 0;
}

static int set_paused(struct eo_cpu_profiler *profiler, bool paused, struct eo_error *err)
{
	int r;

	if (!profiler->running)
		return wrong_state(err, EINVAL, "is not running");
	if (profiler->paused == paused)
		return wrong_state(err, EALREADY, paused ? "is paused already" : "is not paused");
	r = eo_cpu_events_pause(profiler->events, paused, err);
	if (r < 0)
		return r;
	add_profiled_time(profiler);
	profiler->paused = paused;
	return 0;
}

int eo_cpu_profiler_pause(struct eo_cpu_profiler *profiler, struct eo_error *err)
{
	return set_paused(profiler, true, err);
}

int eo_cpu_profiler_resume(struct eo_cpu_profiler *profiler, struct eo_error *err)
{
	return set_paused(profiler, false, err);
}

bool eo_cpu_profiler_is_paused(const struct eo_cpu_profiler *profiler)
{
	return profiler->paused;
}

/* ---- cut and stop ---- */

static void add_count(void *ctx, uint64_t hash, uint64_t count)
{
	struct eo_cpu_profiler *profiler = ctx;

	profiler->counted += count;
	if (profiler->options.timestamps)
		return;
	if (eo_stack_store_count(profiler->store, hash, count))
		return;
	profiler->lost_ring_full += count;
	profiler->stacks_unknown++;
}

static void describe(const struct eo_cpu_profiler *profiler, const struct eo_user_walks *walks,
		     struct eo_profile *profile)
{
	char text[512];

	profile->time_ns = profiler->started_wall_ns;
	profile->duration_ns = (int64_t)profiler->ended_ns;
	profile->period_type.type = eo_profile_string(profile, "cpu");
	profile->period_type.unit = eo_profile_string(profile, "nanoseconds");
	profile->period = (int64_t)(EO_NS_PER_SEC / profiler->config.sample_rate_hz);
	eo_profile_add_comment(profile, "ebpfotel " EO_VERSION);
	snprintf(text, sizeof(text), "sampled by %s at %u Hz", eo_cpu_events_clock(profiler->events),
		 profiler->config.sample_rate_hz);
	eo_profile_add_comment(profile, text);
	if (eo_user_walks_text(walks, text, sizeof(text)))
		eo_profile_add_comment(profile, text);
	if (profiler->lost_ring_full) {
		snprintf(text, sizeof(text), "%llu samples were lost because their stacks did not get through the ring",
			 (unsigned long long)profiler->lost_ring_full);
		eo_profile_add_comment(profile, text);
	}
}

/* Every sample was counted in the kernel, so what of @counted did not come is known. */
static void take_samples(struct eo_cpu_profiler *profiler, uint64_t counted)
{
	uint64_t emitted = eo_stack_store_take_samples(profiler->store, profiler->wall.offset_ns);
	uint64_t refused = profiler->lost_map_full - profiler->refused;

	counted += profiler->snapshots.kept[profiler->generation & 1];
	profiler->lost_ring_full += counted - emitted - refused;
	profiler->refused = profiler->lost_map_full;
}

/* Nobody writes to the generation's counts any more: make its profile, and go on with @next. */
static int finish_generation(struct eo_cpu_profiler *profiler, struct eo_stack_store *next,
			     struct eo_profile **ret, struct eo_error *err)
{
	EO_AUTO(eo_profile) profile = NULL;
	struct eo_user_walks walks;
	uint64_t limited;
	int r;

	eo_stack_store_settle(profiler->store);
	profiler->counted = 0;
	r = eo_cpu_programs_take_counts(profiler->programs, profiler->generation, add_count, profiler, err);
	limited = eo_cpu_programs_counters(profiler->programs).stack_limit;
	if (profiler->options.timestamps)
		take_samples(profiler, profiler->counted + limited - profiler->limit_taken);
	else
		eo_stack_store_count_limit(profiler->store, limited - profiler->limit_taken);
	profiler->snapshots.kept[profiler->generation & 1] = 0;
	profiler->limit_taken = limited;
	profiler->stacks_done += eo_stack_store_size(profiler->store);
	walks = eo_stack_store_walks(profiler->store);
	profile = eo_stack_store_take(profiler->store);
	eo_stack_store_free(profiler->store);
	profiler->store = next;
	profiler->generation++;

	describe(profiler, &walks, profile);
	if (r == 0 && eo_profile_status(profile) < 0)
		r = eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, -eo_profile_status(profile), NULL,
				 "make the profile");
	if (r == 0)
		*ret = eo_steal(&profile);
	return r;
}

int eo_cpu_profiler_cut(struct eo_cpu_profiler *profiler, struct eo_profile **ret, struct eo_error *err)
{
	EO_AUTO(eo_stack_store) next = NULL;
	struct eo_wall_clock wall;
	int64_t wall_ns;
	int r;

	if (!profiler->running)
		return wrong_state(err, EINVAL, "is not running");
	r = new_store(profiler, &next, err);
	if (r < 0)
		return r;
	profiler->next = next;
	wall = eo_wall_clock_begin();
	wall_ns = (int64_t)eo_clock_monotonic_ns() + wall.offset_ns;
	end_generation(profiler);
	eo_cpu_programs_set_generation(profiler->programs, profiler->generation + 1);
	add_profiled_time(profiler); /* what follows is the next one's time */
	eo_grace_wait();
	r = eo_cpu_records_drain(profiler, LAST_DRAIN_NS, err);
	profiler->next = NULL;
	if (r == 0)
		r = finish_generation(profiler, eo_steal(&next), ret, err);
	profiler->wall = wall;
	profiler->started_wall_ns = wall_ns;
	return r;
}

bool eo_cpu_profiler_is_running(const struct eo_cpu_profiler *profiler)
{
	return profiler->running;
}

const struct eo_config *eo_cpu_profiler_config(const struct eo_cpu_profiler *profiler)
{
	return &profiler->config;
}

bool eo_cpu_profiler_targets_gone(const struct eo_cpu_profiler *profiler)
{
	return profiler->running && eo_filter_has_ids(&profiler->options.target) &&
	       eo_cpu_programs_targets_live(profiler->programs) == 0;
}

/* ---- figures ---- */

struct eo_profile_stats eo_cpu_profiler_stats(struct eo_cpu_profiler *profiler)
{
	struct eo_profile_stats stats;
	struct eo_stack_source_stats source;
	struct eo_profile_counters counters;
	uint64_t delivered, emitted;

	if (!profiler->running)
		return profiler->last_stats;
	counters = eo_cpu_programs_counters(profiler->programs);
	delivered = counters.aggregated + counters.snapshots - profiler->lost_ring_full - profiler->lost_map_full;
	emitted = profiler->options.timestamps ? delivered : counters.snapshots - profiler->snapshots.dropped;
	source = eo_stack_source_stats(profiler->source);
	stats = (struct eo_profile_stats){
		.duration_ns = profiler->total_ns +
			       (profiler->paused ? 0 : eo_clock_monotonic_ns() - profiler->since_ns),
		.seen = counters.seen,
		.emitted = emitted,
		.aggregated = delivered - emitted,
		.filtered = counters.filtered,
		.lost_ring_full = profiler->lost_ring_full + counters.snapshots_lost,
		.lost_map_full = profiler->lost_map_full,
		.lost_busy = counters.busy,
		.idle = counters.idle,
		.kernel = counters.kernel,
		.stack_limit = counters.stack_limit + profiler->snapshots.stack_limit,
		.snapshots_limited = counters.snapshots_limited,
		.stacks = profiler->stacks_done + (profiler->store ? eo_stack_store_size(profiler->store) : 0),
		.has_tables = source.has_tables,
		.unwinder = source.unwinder,
		.mappings_lost = source.mappings_lost,
		.stacks_unknown = profiler->stacks_unknown,
		.targets_missed = eo_cpu_programs_targets_missed(profiler->programs),
		.frames_named = source.names.named,
		.frames_unnamed = source.names.unnamed_in_module + source.names.no_module,
		.kernel_names_hidden = source.names.kernel_hidden,
		.files_denied = source.names.files_denied,
		.clock = eo_cpu_events_clock(profiler->events),
	};
	for (size_t i = 0; i < EO_USER_WALK_COUNT; i++)
		stats.user_walk[i] = counters.user_walk[i] + profiler->snapshots.walk[i];
	return stats;
}

struct eo_overhead eo_cpu_profiler_get_overhead(struct eo_cpu_profiler *profiler)
{
	if (!profiler->running)
		return profiler->last_overhead;
	return eo_overhead_since(&profiler->mark, eo_cpu_programs_counters(profiler->programs).run_ns, true,
				 eo_cpu_programs_map_bytes(profiler->programs) +
					 eo_stack_source_bytes(profiler->source),
				 &profiler->latency);
}

/* Should there have been no time for all of them: what is in the ring stays there. */
static void drop_snapshots(struct eo_cpu_profiler *profiler)
{
	uint64_t left = eo_cpu_programs_counters(profiler->programs).snapshots - profiler->snapshots.received;

	profiler->snapshots.dropped += left;
	profiler->lost_ring_full += left;
}

int eo_cpu_profiler_stop(struct eo_cpu_profiler *profiler, struct eo_profile **ret, struct eo_error *err)
{
	int r;

	if (!profiler->running)
		return wrong_state(err, EINVAL, "is not running");
	/* No sample is taken any more once this returns. The events stay for the last statistics. */
	eo_cpu_events_pause(profiler->events, true, NULL);
	end_generation(profiler);
	profiler->paused = true;
	eo_grace_wait();
	r = eo_cpu_records_drain(profiler, LAST_DRAIN_NS, err);
	drop_snapshots(profiler);
	if (r == 0)
		r = finish_generation(profiler, NULL, ret, err);
	if (r == 0) {
		profiler->last_stats = eo_cpu_profiler_stats(profiler);
		profiler->last_overhead = eo_cpu_profiler_get_overhead(profiler);
	}
	release(profiler);
	return r;
}
