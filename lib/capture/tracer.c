// SPDX-License-Identifier: BSD-2-Clause
#include "capture/tracer.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "capture/filter.h"
#include "capture/load_error.h"
#include "capture/privileges.h"
#include "capture/probe.h"
#include "capture/tracer_class.h"
#include "core/clock.h"
#include "core/grace.h"

#define PUMP_LIMIT_NS 5000000ull    /* of work in one pump */
#define LAST_DRAIN_NS EO_NS_PER_SEC /* for a reader that is slow but not stopped */
#define RETRY_NS      2000000
#define TICK_NS	      50000000ull
#define RING_BYTES_MIN (256u * 1024)
#define RINGS_BYTES    (16u << 20) /* of all CPUs together */

static int wrong_state(const struct eo_tracer *tracer, struct eo_error *err, int code,
		       const char *text)
{
	eo_error_set(err, EO_ERROR_CONFIG, 0, NULL, "%s tracer %s", tracer->class->name, text);
	return -code;
}

/* --- a tracer ---------------------------------------------------------------------------- */

int eo_tracer_init(struct eo_tracer *tracer, const struct eo_tracer_class *class,
		   const struct eo_config *config, const struct eo_tracer_options *options,
		   struct eo_error *err)
{
	uint32_t bytes = options->ring_bytes;
	int r = eo_config_validate(config, err);

	if (r < 0)
		return r;
	if (bytes & (bytes - 1) || (bytes && bytes < (uint32_t)sysconf(_SC_PAGESIZE)))
		return eo_error_set(err, EO_ERROR_CONFIG, 0, NULL,
				    "ring_bytes is %u, must be a power of two and at least a page",
				    bytes);
	tracer->class = class;
	tracer->config = *config;
	tracer->options = *options;
	tracer->ring_type_fd = -1;
	return 0;
}

static void unwatch(struct eo_tracer *tracer)
{
	if (!tracer->loop)
		return;
	if (tracer->rings)
		eo_rings_unwatch(tracer->rings);
	if (tracer->stacks)
		eo_trace_stacks_unwatch(tracer->stacks);
	eo_loop_remove(tracer->loop, eo_steal(&tracer->probe_news));
	eo_loop_remove(tracer->loop, eo_steal(&tracer->tick_source));
	tracer->loop = NULL;
}

/* Everything that exists only while running; order is the reverse of start. */
static void release(struct eo_tracer *tracer)
{
	unwatch(tracer);
	eo_function_probes_free(eo_steal(&tracer->probes));
	eo_rings_free(eo_steal(&tracer->rings));
	eo_trace_stacks_free(eo_steal(&tracer->stacks));
	free(eo_steal(&tracer->rows));
	eo_event_list_free(eo_steal(&tracer->collected));
	eo_spares_free(eo_steal(&tracer->spares));
	if (tracer->class->unload)
		tracer->class->unload(tracer);
	tracer->object = NULL;
	if (tracer->ring_type_fd >= 0)
		close(eo_steal_fd(&tracer->ring_type_fd));
	free(eo_steal(&tracer->gaps));
	tracer->running = false;
}

void eo_tracer_free(struct eo_tracer *tracer)
{
	if (!tracer)
		return;
	if (tracer->running)
		tracer->class->detach(tracer);
	release(tracer);
	tracer->class->free(tracer);
}

const char *eo_tracer_name(const struct eo_tracer *tracer)
{
	return tracer->class->name;
}

bool eo_tracer_is_running(const struct eo_tracer *tracer)
{
	return tracer->running;
}

const struct eo_config *eo_tracer_config(const struct eo_tracer *tracer)
{
	return &tracer->config;
}

bool eo_tracer_targets_gone(const struct eo_tracer *tracer)
{
	return tracer->running && eo_filter_has_ids(&tracer->options.target) &&
	       __atomic_load_n(tracer->targets_live, __ATOMIC_RELAXED) == 0;
}

void eo_tracer_add_hook(struct eo_tracer *tracer, const char *key, const char *value)
{
	if (tracer->hook_count < EO_TRACE_HOOKS_MAX)
		tracer->hooks[tracer->hook_count++] = (struct eo_trace_hook){key, value};
}

size_t eo_tracer_hooks(const struct eo_tracer *tracer, const struct eo_trace_hook **ret)
{
	*ret = tracer->hooks;
	return tracer->hook_count;
}

/* --- load and attach --------------------------------------------------------------------- */

static uint32_t ring_bytes(const struct eo_tracer *tracer)
{
	uint32_t bytes = RING_BYTES_MIN;

	if (tracer->options.ring_bytes)
		return tracer->options.ring_bytes;
	while (2 * bytes * tracer->cpu_count <= RINGS_BYTES)
		bytes *= 2;
	return bytes;
}

static void choose_program(struct bpf_object *object, const char *name, bool wanted)
{
	struct bpf_program *program = bpf_object__find_program_by_name(object, name);

	if (program)
		bpf_program__set_autoload(program, wanted);
}

/* Before v5.10 the ring that stands for the type of all must be as large as they are. libbpf 1.1
 * crashes when asked to size its own. */
static int set_ring_type(struct eo_tracer *tracer, struct bpf_map *rings, struct eo_error *err)
{
	int r = bpf_map__set_max_entries(rings, tracer->cpu_count);

	if (tracer->ring_type_fd >= 0)
		close(tracer->ring_type_fd);
	tracer->ring_type_fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "ring", 0, 0, ring_bytes(tracer), NULL);
	if (tracer->ring_type_fd < 0)
		r = -errno;
	if (!r)
		r = bpf_map__set_inner_map_fd(rings, tracer->ring_type_fd);
	return r < 0 ? eo_tracer_load_failed(tracer, -r, err) : 0;
}

int eo_tracer_prepare(struct eo_tracer *tracer, struct bpf_object *object,
		      struct eo_filter_config *filter, struct eo_tracer_config *tracer_config,
		      bool needs_all, struct eo_error *err)
{
	const struct eo_target *target = &tracer->options.target;
	struct bpf_map *rings = bpf_object__find_map_by_name(object, "rings");
	bool follows = eo_filter_has_ids(target);
	int r = eo_filter_prepare(object, target, filter, err);

	if (r < 0)
		return r;
	tracer_config->wakeup_bytes = ring_bytes(tracer) / 4;
	tracer_config->tracepoints_hold_cpu = eo_probe_tracepoints_are_preempted();
	eo_spares_prepare(object, tracer_config);
	tracer->shared = tracer_config;
	r = set_ring_type(tracer, rings, err);
	if (r < 0)
		return r;
	choose_program(object, "on_fork", needs_all || (follows && !target->no_follow));
	choose_program(object, "on_exec", needs_all || target->command_pid || target->tid_count);
	choose_program(object, "on_exit", needs_all || follows);
	choose_program(object, "on_free", needs_all || follows);
	return 0;
}

void eo_tracer_hold_cpu(struct eo_tracer_config *config, const struct btf *kernel)
{
	config->holds_cpu =
		kernel && btf__find_by_name_kind(kernel, "bpf_preempt_disable", BTF_KIND_FUNC) > 0;
}

int eo_tracer_prepare_stacks(struct eo_tracer *tracer, struct bpf_object *object,
			     struct eo_stack_config *config, struct eo_error *err)
{
	return eo_trace_stacks_prepare(object, config, eo_trace_stacks_have_tables(object),
				       (size_t)tracer->config.max_samples, err);
}

int eo_tracer_open_stacks(struct eo_tracer *tracer, struct bpf_object *object, uint32_t *tick,
			  const struct eo_stack_layout *layout, struct eo_error *err)
{
	tracer->rows = calloc(EO_TRACER_ROWS, sizeof(*tracer->rows));
	if (!tracer->rows)
		return eo_error_set(err, EO_ERROR_LOAD_FAILED, ENOMEM, NULL, "allocate tracer");
	return eo_trace_stacks_new(object, tick, 0, layout, (size_t)tracer->config.max_samples,
				   &tracer->stacks, err);
}

void eo_tracer_aim_probes(const struct eo_tracer *tracer, struct eo_function_probes_options *options)
{
	const struct eo_target *target = &tracer->options.target;
	bool by_pid = eo_filter_has_pids(target);

	options->everywhere = !by_pid || (target->command_pid && !target->no_follow);
	options->targets_fd =
		by_pid ? bpf_object__find_map_fd_by_name(tracer->object, "target_pids") : -1;
}

void eo_tracer_end_probes(struct eo_tracer *tracer)
{
	if (!tracer->probes)
		return;
	eo_loop_remove(tracer->loop, eo_steal(&tracer->probe_news)); /* a loop that still watches us */
	tracer->probe_stats = eo_function_probes_stats(tracer->probes);
	eo_function_probes_free(eo_steal(&tracer->probes));
}

int eo_tracer_load_failed(const struct eo_tracer *tracer, int code, struct eo_error *err)
{
	char operation[64];
	int r;

	snprintf(operation, sizeof(operation), "load the BPF programs of the %s tracer",
		 tracer->class->name);
	r = eo_load_failed(operation, code, err);
	if (tracer->options.stack && code != EPERM &&
	    libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_loop, NULL) != 1)
		eo_error_hint(err, "leave the stacks out: they need Linux 5.17");
	return r;
}

static int open_rings(struct eo_tracer *tracer, struct eo_error *err)
{
	const struct bpf_map *outer = bpf_object__find_map_by_name(tracer->object, "rings");

	return eo_rings_new(bpf_map__fd(outer), tracer->cpu_count, ring_bytes(tracer),
			    eo_tracer_on_record, tracer, &tracer->rings, err);
}

static int load_spares(struct eo_tracer *tracer, struct eo_error *err)
{
	int r = eo_spares_load(tracer->object, tracer->shared, tracer->class->elf, &tracer->spares);

	return r < 0 ? eo_tracer_load_failed(tracer, -r, err) : 0;
}

static int attach_spares(struct eo_tracer *tracer, struct eo_error *err)
{
	int r = eo_spares_attach(tracer->spares);

	if (r < 0)
		return eo_error_set(err, eo_error_kind_of(-r, EO_ERROR_ATTACH_FAILED), -r,
				    EO_HINT_PRIVILEGES, "attach the spares of programs to tracepoints");
	return 0;
}

static int attach(struct eo_tracer *tracer, struct eo_error *err)
{
	const struct eo_target *target = &tracer->options.target;
	int r = eo_filter_fill(tracer->object, target, tracer->targets_live, err);

	if (tracer->stacks)
		eo_trace_stacks_scan(tracer->stacks, target);
	if (!r)
		r = tracer->class->attach(tracer, err);
	if (!r)
		r = attach_spares(tracer, err);
	if (!r)
		eo_filter_settle(tracer->object, target, tracer->targets_live);
	return r;
}

static int prepare(struct eo_tracer *tracer, struct eo_error *err)
{
	tracer->cpu_count = (uint32_t)libbpf_num_possible_cpus();
	tracer->collected_full = tracer->records_taken = tracer->stopped = 0;
	tracer->hook_count = 0;
	tracer->latency = (struct eo_latency){0};
	tracer->probe_stats = (struct eo_function_probes_stats){0};
	memset(tracer->told, 0, sizeof(tracer->told));
	tracer->mark = eo_overhead_mark();
	tracer->gaps = calloc(tracer->cpu_count, sizeof(*tracer->gaps));
	if (!tracer->options.sink.event)
		tracer->collected = eo_event_list_new();
	if (!tracer->gaps || (!tracer->options.sink.event && !tracer->collected))
		return eo_error_set(err, EO_ERROR_LOAD_FAILED, ENOMEM, NULL, "allocate tracer");
	return eo_target_validate(&tracer->options.target, err);
}

int eo_tracer_start(struct eo_tracer *tracer, struct eo_error *err)
{
	int r;

	if (tracer->running)
		return wrong_state(tracer, err, EALREADY, "is running already");
	release(tracer); /* what a summary was read from */
	r = prepare(tracer, err);
	if (!r)
		r = tracer->class->load(tracer, err);
	if (!r)
		r = load_spares(tracer, err);
	if (!r)
		r = open_rings(tracer, err);
	tracer->since_ns = eo_clock_monotonic_ns();
	if (!tracer->options.start_ns)
		tracer->options.start_ns = tracer->since_ns;
	if (!r)
		r = attach(tracer, err);
	if (!r) {
		tracer->running = true;
		r = tracer->class->begin ? tracer->class->begin(tracer, err) : 0;
	}
	if (r < 0) {
		if (tracer->running)
			tracer->class->detach(tracer);
		release(tracer);
		return r;
	}
	return 0;
}

/* --- pump -------------------------------------------------------------------------------- */

int eo_tracer_pump(struct eo_tracer *tracer, struct eo_error *err)
{
	const struct eo_trace_sink *sink = &tracer->options.sink;
	int r;

	if (!tracer->running)
		return wrong_state(tracer, err, EINVAL, "is not running");
	tracer->now_ns = 0;
	r = eo_rings_read(tracer->rings, eo_clock_monotonic_ns() + PUMP_LIMIT_NS, sink->ready,
			  sink->ctx);
	if (r >= 0 && tracer->stacks)
		r = eo_trace_stacks_pump(tracer->stacks);
	if (r >= 0 && tracer->probes)
		r = eo_function_probes_update(tracer->probes);
	if (r >= 0 && tracer->class->pump)
		r = tracer->class->pump(tracer);
	return r < 0 ? r : 0;
}

static bool is_ready(const struct eo_tracer *tracer)
{
	const struct eo_trace_sink *sink = &tracer->options.sink;

	return !sink->ready || sink->ready(sink->ctx);
}

/* While the sink has no room, a ring that stays full would wake the loop for nothing. */
static int follow_sink(struct eo_tracer *tracer);

static int on_ring(void *ctx, uint32_t events)
{
	struct eo_tracer *tracer = ctx;
	int r = eo_tracer_pump(tracer, NULL);

	(void)events;
	return r < 0 ? r : follow_sink(tracer);
}

static int follow_sink(struct eo_tracer *tracer)
{
	bool ready = is_ready(tracer);

	if (!ready)
		eo_rings_unwatch(tracer->rings);
	else if (!eo_rings_is_watched(tracer->rings))
		return eo_rings_watch(tracer->rings, tracer->loop, on_ring, tracer, NULL);
	return 0;
}

static int on_tick(void *ctx)
{
	struct eo_tracer *tracer = ctx;
	int r = eo_tracer_pump(tracer, NULL);

	if (r >= 0 && tracer->class->tick)
		r = tracer->class->tick(tracer);
	if (r >= 0 && is_ready(tracer))
		r = eo_tracer_tell_losses(tracer, false);
	return r < 0 ? r : follow_sink(tracer);
}

/* Whatever is mapped anywhere wakes us, so nothing else is done here. */
static int on_probe_news(void *ctx, uint32_t events)
{
	struct eo_tracer *tracer = ctx;

	(void)events;
	return tracer->probes ? eo_function_probes_update(tracer->probes) : 0;
}

int eo_tracer_watch(struct eo_tracer *tracer, struct eo_loop *loop, struct eo_error *err)
{
	int r;

	if (!tracer->running)
		return wrong_state(tracer, err, EINVAL, "is not running");
	if (tracer->loop)
		return wrong_state(tracer, err, EALREADY, "is watched already");
	tracer->loop = loop;
	r = eo_loop_add_timer(loop, TICK_NS, TICK_NS, on_tick, tracer, &tracer->tick_source, err);
	if (!r)
		r = eo_rings_watch(tracer->rings, loop, on_ring, tracer, err);
	if (!r && tracer->stacks)
		r = eo_trace_stacks_watch(tracer->stacks, loop, err);
	if (!r && tracer->probes)
		r = eo_loop_add_fd(loop, eo_function_probes_fd(tracer->probes), EPOLLIN, on_probe_news,
				   tracer, &tracer->probe_news, err);
	if (r < 0)
		unwatch(tracer);
	return r;
}

/* --- stop -------------------------------------------------------------------------------- */

static int drain(struct eo_tracer *tracer)
{
	const struct eo_trace_sink *sink = &tracer->options.sink;
	uint64_t until_ns = eo_clock_monotonic_ns() + LAST_DRAIN_NS;
	int r;

	tracer->now_ns = 0;
	while ((r = eo_rings_read(tracer->rings, until_ns, sink->ready, sink->ctx)) > 0 &&
	       eo_clock_monotonic_ns() < until_ns)
		if (!is_ready(tracer))
			usleep(RETRY_NS / 1000);
	return r < 0 ? r : 0;
}

int eo_tracer_stop(struct eo_tracer *tracer, struct eo_event_list **ret, struct eo_error *err)
{
	struct eo_tracer_counters counters;
	int r;

	if (!tracer->running)
		return wrong_state(tracer, err, EINVAL, "is not running");
	unwatch(tracer);
	eo_spares_detach(tracer->spares);
	tracer->class->detach(tracer);
	eo_grace_wait();
	r = drain(tracer);
	if (r >= 0 && tracer->stacks)
		r = eo_trace_stacks_pump(tracer->stacks);
	if (r >= 0 && tracer->class->finish)
		r = tracer->class->finish(tracer);
	eo_tracer_counters(tracer, &counters);
	tracer->stopped = counters.emitted - tracer->records_taken;
	if (r >= 0)
		r = eo_tracer_tell_losses(tracer, true);
	tracer->last_stats = eo_tracer_stats(tracer);
	tracer->last_overhead = eo_tracer_get_overhead(tracer);
	if (ret)
		*ret = eo_steal(&tracer->collected);
	tracer->running = false;
	if (!tracer->options.summary)
		release(tracer);
	return r < 0 ? r : 0;
}

/* --- summary ----------------------------------------------------------------------------- */

int eo_tracer_summary(struct eo_tracer *tracer, eo_trace_event_fn fn, void *ctx,
		      struct eo_error *err)
{
	if (!tracer->options.summary || !tracer->class->summary)
		return wrong_state(tracer, err, EINVAL, "makes no summary");
	if (!tracer->object)
		return wrong_state(tracer, err, EINVAL, "has not run");
	return tracer->class->summary(tracer, fn, ctx, err);
}
