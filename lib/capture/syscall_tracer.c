// SPDX-License-Identifier: BSD-2-Clause
#include "capture/syscall_tracer.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/cgroup.h"
#include "capture/privileges.h"
#include "capture/probe.h"
#include "capture/syscall_summary.h"
#include "capture/syscall_takes.h"
#include "capture/tracer_class.h"
#include "core/clock.h"
#include "core/grace.h"
#include "syscall/call_list.h"
#include "syscall/decode.h"
#include "syscall_tracer.skel.h"

#define SUMMARY_ROWS	 2048u	/* kinds of calls alone */
#define SUMMARY_KEY_ROWS 16384u /* with comms, processes or cgroups */
#define DENSE_CPUS	 16u

struct eo_syscall_tracer {
	struct eo_tracer base;
	struct eo_syscall_options options;
	struct syscall_tracer_bpf *skel;
	uint32_t generation; /* whose rows the programs count into */
	struct eo_syscall_stats last_stats;
	uint64_t strings_cut, read_faults; /* of the records that came out of the rings */

	/* Of the event that is being made. */
	struct eo_attr attrs[EO_SYSCALL_ATTRS];
	char text[EO_SYSCALL_TEXT_BYTES];
};

_Static_assert(sizeof(struct eo_errno_set) == EO_SYSCALL_ERRNOS / 8, "one set of errors");

static struct eo_syscall_tracer *of(struct eo_tracer *tracer)
{
	return (struct eo_syscall_tracer *)tracer;
}

/* --- load -------------------------------------------------------------------------------- */

/* A way to load the object: not every kernel can do everything. */
struct variant {
	bool btf; /* tp_btf and task storage, v5.11; else raw tracepoints and hash maps */
};

static const struct variant variants[] = {{true}, {false}}; /* best first */

/* When programs and maps are needed: all that is said must be so. */
enum {
	STREAM = 1,
	SUMMARY = 2,
	BTF = 4,
	RAW = 8,
	STACK = 16,
	NO_STACK = 32,
	STORES_LARGE = 64, /* large calls in task storage */
	HASHES_LARGE = 128,
};

struct part {
	const char *name;
	unsigned int when;
};

static const struct part programs[] = {
	{"on_enter", STREAM | BTF},
	{"on_return", STREAM | BTF | NO_STACK},
	{"on_task_end", STREAM | BTF | NO_STACK},
	{"on_return_stack", STREAM | BTF | STACK},
	{"on_task_end_stack", STREAM | BTF | STACK},
	{"on_enter_raw", STREAM | RAW},
	{"on_return_raw", STREAM | RAW | NO_STACK},
	{"on_task_end_raw", STREAM | RAW | NO_STACK},
	{"on_enter_sum", SUMMARY | BTF},
	{"on_return_sum", SUMMARY | BTF},
	{"on_task_end_sum", SUMMARY | BTF},
	{"on_enter_sum_raw", SUMMARY | RAW},
	{"on_return_sum_raw", SUMMARY | RAW},
	{"on_task_end_sum_raw", SUMMARY | RAW},
};

static const struct part maps[] = {
	{"calls", STREAM | BTF},
	{"large_calls", STREAM | STORES_LARGE},
	{"calls_by_task", STREAM | RAW},
	{"large_calls_by_task", STREAM | HASHES_LARGE},
	{"fresh_large_call", STREAM | HASHES_LARGE},
	{"fd_paths", STREAM},
	{"captures", STREAM},
	{"rows_even", SUMMARY},
	{"rows_odd", SUMMARY},
	{"dense_rows", SUMMARY},
	{"summed_calls", SUMMARY | BTF},
	{"summed_calls_by_task", SUMMARY | RAW},
	{"stack_slots", STACK},
	{"stack_ids", STACK},
	{"stacks", STACK},
	/* Not on every kind of machine. */
	{"unwind_chunks", STACK},
	{"unwind_directory", STACK},
	{"unwind_rules", STACK},
	{"unwind_files", STACK},
	{"unwind_mappings", STACK},
	{"unwind_processes", STACK},
};

static bool wants_stacks(const struct eo_syscall_tracer *tracer)
{
	return tracer->base.options.stack && !tracer->base.options.summary;
}

static bool stores_large(const struct variant *variant)
{
	return variant->btf && !eo_probe_task_storage_is_small();
}

static bool is_needed(const struct eo_syscall_tracer *tracer, const struct part *part,
		      const struct variant *variant)
{
	unsigned int now = (tracer->base.options.summary ? SUMMARY : STREAM) |
			   (variant->btf ? BTF : RAW) | (wants_stacks(tracer) ? STACK : NO_STACK) |
			   (stores_large(variant) ? STORES_LARGE : HASHES_LARGE);

	return (part->when & now) == part->when;
}

static int choose(struct eo_syscall_tracer *tracer, const struct variant *variant)
{
	struct bpf_object *object = tracer->skel->obj;
	int r = 0;

	for (size_t i = 0; i < EO_ARRAY_SIZE(programs) && !r; i++)
		r = bpf_program__set_autoload(
			bpf_object__find_program_by_name(object, programs[i].name),
			is_needed(tracer, &programs[i], variant));
	for (size_t i = 0; i < EO_ARRAY_SIZE(maps) && !r; i++) {
		struct bpf_map *map = bpf_object__find_map_by_name(object, maps[i].name);

		if (map)
			r = bpf_map__set_autocreate(map, is_needed(tracer, &maps[i], variant));
	}
	return r;
}

static bool has_key(const struct eo_syscall_options *options)
{
	return options->by_comm || options->by_pid || options->by_cgroup;
}

/* An array of rows for all numbers takes 1.3 MB on each CPU. */
static bool has_dense_rows(const struct eo_syscall_tracer *tracer)
{
	return !has_key(&tracer->options) && tracer->base.cpu_count <= DENSE_CPUS;
}

/* One row of the summary is over 1 KB on each CPU, so maps grow as they are used where programs
 * may allocate. Keys are no longer than what is told apart. */
static int size_rows(struct eo_syscall_tracer *tracer, struct bpf_map *rows,
		     const struct variant *variant)
{
	const struct eo_syscall_options *options = &tracer->options;
	int r;

	if (!tracer->base.options.summary)
		return 0;
	r = bpf_map__set_max_entries(rows, has_key(options) ? SUMMARY_KEY_ROWS : SUMMARY_ROWS);
	if (!r)
		r = bpf_map__set_map_flags(rows, variant->btf ? BPF_F_NO_PREALLOC : 0);
	if (!r && !has_key(options))
		r = bpf_map__set_key_size(rows, EO_SYSCALL_KEY_SHORT);
	return r;
}

/* Numbers of other ABIs are wanted where a native call of their name is. */
static bool is_wanted(const struct eo_syscall_set *calls, unsigned int abi, uint32_t nr)
{
	const char *name = eo_syscall_name(abi, nr);
	int native;

	if (!name)
		return eo_syscall_set_has(calls, EO_SYSCALL_MAX - 1);
	native = abi == EO_ABI_NATIVE ? (int)nr : eo_syscall_find(name);
	return native < 0 ? eo_syscall_set_has(calls, EO_SYSCALL_MAX - 1) :
			    eo_syscall_set_has(calls, (uint32_t)native);
}

static void configure(struct eo_syscall_tracer *tracer, const struct variant *variant,
		      struct eo_syscall_config *config)
{
	const struct eo_syscall_options *options = &tracer->options;

	config->by_call = options->by_calls;
	config->other_calls = eo_syscall_set_has(&options->calls, EO_SYSCALL_MAX - 1);
	for (uint32_t i = 0; options->by_calls && i < EO_ABI_COUNT * EO_SYSCALL_MAX; i++)
		if (is_wanted(&options->calls, i / EO_SYSCALL_MAX, i % EO_SYSCALL_MAX))
			((uint64_t *)config->calls)[i / 64] |= 1ull << i % 64;
	config->failed = options->failed;
	config->by_errno = options->by_errnos;
	memcpy(config->errnos, &options->errnos, sizeof(config->errnos));
	config->min_duration_ns = options->min_duration_ns;
	config->captures = !tracer->base.options.summary;
	config->fd_paths = options->fd_paths;
	config->dense = has_dense_rows(tracer);
	config->hashes_large = !stores_large(variant);
	config->by_comm = options->by_comm;
	config->by_pid = options->by_pid;
	config->by_cgroup = options->by_cgroup;
}

static int open_and_load(struct eo_syscall_tracer *tracer, const struct variant *variant,
			 struct eo_error *err)
{
	struct syscall_tracer_bpf *skel = syscall_tracer_bpf__open();
	int r;

	if (!skel)
		return eo_tracer_load_failed(&tracer->base, errno, err);
	tracer->skel = skel;
	tracer->base.object = skel->obj;
	tracer->base.targets_live = (uint64_t *)&skel->bss->targets_live;
	tracer->base.targets_missed = (uint64_t *)&skel->bss->targets_missed;
	r = eo_tracer_prepare(&tracer->base, skel->obj, (struct eo_filter_config *)&skel->rodata->filter,
			      (struct eo_tracer_config *)&skel->rodata->tracer, false, err);
	if (r < 0)
		return r;
	configure(tracer, variant, (struct eo_syscall_config *)&skel->rodata->config);
	r = choose(tracer, variant);
	if (!r)
		r = size_rows(tracer, skel->maps.rows_even, variant);
	if (!r)
		r = size_rows(tracer, skel->maps.rows_odd, variant);
	if (!r && !has_dense_rows(tracer))
		r = bpf_map__set_max_entries(skel->maps.dense_rows, 1);
	if (r < 0)
		return eo_tracer_load_failed(&tracer->base, -r, err);
	if (wants_stacks(tracer)) {
		r = eo_tracer_prepare_stacks(&tracer->base, skel->obj,
					     (struct eo_stack_config *)&skel->rodata->stack_config, err);
		if (r < 0)
			return r;
	}
	r = syscall_tracer_bpf__load(skel);
	if (r < 0)
		return eo_tracer_load_failed(&tracer->base, -r, err);
	eo_tracer_add_hook(&tracer->base, "sys_enter", variant->btf ? "tp_btf" : "raw_tp");
	eo_tracer_add_hook(&tracer->base, "state", variant->btf ? "task_storage" : "hash");
	return 0;
}

static void unload(struct eo_tracer *base)
{
	struct eo_syscall_tracer *tracer = of(base);

	syscall_tracer_bpf__destroy(eo_steal(&tracer->skel));
	base->object = NULL;
}

static int open_stacks(struct eo_syscall_tracer *tracer, struct eo_error *err)
{
	static const struct eo_stack_layout layout = {
		.values = {{"calls", "count"}},
		.tracepoints = true,
	};
	struct syscall_tracer_bpf *skel = tracer->skel;
	uint32_t *tick = (uint32_t *)&skel->bss->unwind_tick;
	bool tables = skel->rodata->stack_config.tables;

	eo_tracer_add_hook(&tracer->base, "stacks", tables ? "tables" : "frame_pointers");
	return eo_tracer_open_stacks(&tracer->base, skel->obj, tables ? tick : NULL, &layout, err);
}

static int load(struct eo_tracer *base, struct eo_error *err)
{
	struct eo_syscall_tracer *tracer = of(base);
	const struct eo_syscall_capture_options wanted = {
		.payload = tracer->options.payload,
		.fd_paths = tracer->options.fd_paths,
	};
	int r = -EINVAL;

	tracer->generation = 0;
	tracer->strings_cut = tracer->read_faults = 0;
	/* Not allowed is -EPERM; -EACCES is the verifier's word for what it does not understand. */
	for (size_t i = 0; i < EO_ARRAY_SIZE(variants) && r < 0 && r != -EPERM; i++) {
		if (wants_stacks(tracer) && !variants[i].btf)
			break;
		unload(base);
		r = open_and_load(tracer, &variants[i], err);
	}
	if (!r && wants_stacks(tracer))
		r = open_stacks(tracer, err);
	if (!r && !base->options.summary)
		r = eo_syscall_takes_fill(bpf_map__fd(tracer->skel->maps.captures), &wanted,
					  tracer->options.string_limit, err);
	return r;
}

/* --- attach ------------------------------------------------------------------------------ */

/* Ends before beginnings: of a call whose beginning was seen, the end is seen too. */
static const struct {
	size_t program, link; /* offsets in the skeleton */
} order[] = {
#define IN_SKELETON(name)                                              \
	{offsetof(struct syscall_tracer_bpf, progs.name),              \
	 offsetof(struct syscall_tracer_bpf, links.name)}
	IN_SKELETON(on_free),	      IN_SKELETON(on_exit),
	IN_SKELETON(on_exec),	      IN_SKELETON(on_fork),
	IN_SKELETON(on_task_end),     IN_SKELETON(on_task_end_raw),
	IN_SKELETON(on_task_end_stack), IN_SKELETON(on_return_stack),
	IN_SKELETON(on_task_end_sum), IN_SKELETON(on_task_end_sum_raw),
	IN_SKELETON(on_return),	      IN_SKELETON(on_return_raw),
	IN_SKELETON(on_return_sum),   IN_SKELETON(on_return_sum_raw),
	IN_SKELETON(on_enter),	      IN_SKELETON(on_enter_raw),
	IN_SKELETON(on_enter_sum),    IN_SKELETON(on_enter_sum_raw),
};

static void detach(struct eo_tracer *base)
{
	struct eo_syscall_tracer *tracer = of(base);

	/* In the order of attachment, so that no end is without its beginning. */
	for (size_t i = 0; tracer->skel && i < EO_ARRAY_SIZE(order); i++) {
		struct bpf_link **link = (void *)((char *)tracer->skel + order[i].link);

		bpf_link__destroy(eo_steal(link));
	}
}

static int attach(struct eo_tracer *base, struct eo_error *err)
{
	struct eo_syscall_tracer *tracer = of(base);

	for (size_t i = 0; i < EO_ARRAY_SIZE(order); i++) {
		struct bpf_program *program =
			*(struct bpf_program **)((char *)tracer->skel + order[i].program);
		struct bpf_link **link = (void *)((char *)tracer->skel + order[i].link);

		if (!bpf_program__autoload(program))
			continue;
		*link = bpf_program__attach(program);
		if (!*link) {
			int code = errno;

			detach(base);
			return eo_error_set(err, eo_error_kind_of(code, EO_ERROR_ATTACH_FAILED), code,
					    EO_HINT_PRIVILEGES, "attach %s to its tracepoint",
					    bpf_program__name(program));
		}
	}
	return 0;
}

/* --- records and figures ----------------------------------------------------------------- */

static int record(struct eo_tracer *base, const struct eo_record_header *header, size_t size)
{
	struct eo_syscall_tracer *tracer = of(base);
	const struct eo_syscall_record *call = (const void *)header;
	const struct eo_syscall_room room = {
		.attrs = tracer->attrs,
		.attr_count = EO_ARRAY_SIZE(tracer->attrs),
		.text = tracer->text,
		.text_bytes = sizeof(tracer->text),
		.redact = tracer->options.redact,
	};
	struct eo_event event;

	if (size < EO_SYSCALL_HEADER_BYTES)
		return 0;
	if (call->piece_flags) {
		tracer->strings_cut += (call->piece_flags & EO_PIECE_CUT) != 0;
		tracer->read_faults += (call->piece_flags & EO_PIECE_FAULT) != 0;
	}
	eo_tracer_add_latency(base, header->ktime_ns + call->duration_ns);
	if (tracer->options.record)
		return tracer->options.record(base->options.sink.ctx, call, size);
	eo_tracer_fill_event(&event, EO_EVENT_SYSCALL, header);
	if (eo_syscall_decode(call, size, &room, &event) < 0)
		return 0;
	return eo_tracer_emit_with_stack(base, &event, call->stack);
}

static uint64_t count_kinds(const struct eo_syscall_tracer *tracer)
{
	const volatile uint8_t *met = tracer->skel->bss->calls_met;
	uint64_t count = 0;

	for (size_t i = 0; i < sizeof(tracer->skel->bss->calls_met); i++)
		count += met[i];
	return count;
}

struct eo_syscall_stats eo_syscall_tracer_get_stats(struct eo_tracer *base)
{
	struct eo_syscall_tracer *tracer = of(base);
	struct eo_tracer_counters counters;
	struct eo_syscall_counters own;

	if (!base->running)
		return tracer->last_stats;
	eo_tracer_counters(base, &counters);
	eo_tracer_sum_map(base, "syscall_counters", &own, sizeof(own));
	return (struct eo_syscall_stats){
		.syscalls_traced = counters.seen - counters.filtered,
		.unique_syscalls = count_kinds(tracer),
		.errors = own.errors,
	};
}

static void stats(struct eo_tracer *base, struct eo_trace_stats *stats)
{
	struct eo_syscall_tracer *tracer = of(base);

	tracer->last_stats = eo_syscall_tracer_get_stats(base);
	eo_trace_stats_degraded(stats, "string_cut", "strings cut", tracer->strings_cut);
	eo_trace_stats_degraded(stats, "read_fault", "arguments unreadable", tracer->read_faults);
	eo_trace_stats_total(stats, "syscalls_traced", "system calls", tracer->last_stats.syscalls_traced);
	eo_trace_stats_total(stats, "unique_syscalls", "kinds of calls", tracer->last_stats.unique_syscalls);
	eo_trace_stats_total(stats, "errors", "failed calls", tracer->last_stats.errors);
}

/* --- summary ----------------------------------------------------------------------------- */

int eo_syscall_tracer_rows(struct eo_tracer *base, eo_syscall_row_fn fn, void *ctx, struct eo_error *err)
{
	struct eo_syscall_tracer *tracer = of(base);
	const struct bpf_map *rows[2];
	uint32_t old = tracer->generation;

	if (!base->options.summary || !tracer->skel) {
		eo_error_set(err, EO_ERROR_CONFIG, 0, NULL, "syscall tracer %s",
			     base->options.summary ? "has not run" : "makes no summary");
		return -EINVAL;
	}
	rows[0] = tracer->skel->maps.rows_even;
	rows[1] = tracer->skel->maps.rows_odd;
	tracer->generation = !old;
	tracer->skel->bss->generation = tracer->generation;
	eo_grace_wait();
	if (has_dense_rows(tracer)) {
		int r = eo_syscall_summary_take_dense(bpf_map__fd(tracer->skel->maps.dense_rows), old,
						      base->cpu_count, fn, ctx, err);

		if (r < 0)
			return r;
	}
	return eo_syscall_summary_take(bpf_map__fd(rows[old]), bpf_map__key_size(rows[old]),
				       base->cpu_count, fn, ctx, err);
}

struct telling {
	eo_trace_event_fn fn;
	void *ctx;
	struct eo_syscall_summary_keys keys;
	uint64_t ktime_ns;
};

static int tell_row(void *ctx, const struct eo_syscall_key *key, const struct eo_syscall_row *row)
{
	const struct telling *telling = ctx;

	return eo_syscall_summary_event(key, row, &telling->keys, telling->ktime_ns, telling->fn,
					telling->ctx);
}

static int summary(struct eo_tracer *base, eo_trace_event_fn fn, void *ctx, struct eo_error *err)
{
	const struct eo_syscall_options *options = &of(base)->options;
	struct eo_cgroup_paths cgroups = {.list = NULL};
	struct telling telling = {
		.fn = fn,
		.ctx = ctx,
		.keys = {options->by_comm, options->by_pid, options->by_cgroup ? &cgroups : NULL},
		.ktime_ns = eo_clock_monotonic_ns(),
	};
	EO_AUTO_FREE char *root = NULL;
	int r;

	if (options->by_cgroup && eo_cgroup_root(&root, NULL) == 0)
		eo_cgroup_paths_read(&cgroups, root); /* else they keep their numbers */
	r = eo_syscall_tracer_rows(base, tell_row, &telling, err);
	eo_cgroup_paths_fini(&cgroups);
	return r;
}

/* --- class ------------------------------------------------------------------------------- */

static void free_tracer(struct eo_tracer *base)
{
	free(of(base));
}

static const struct eo_tracer_class class = {
	.name = "syscall",
	.elf = syscall_tracer_bpf__elf_bytes,
	.free = free_tracer,
	.load = load,
	.attach = attach,
	.record = record,
	.detach = detach,
	.stats = stats,
	.summary = summary,
	.unload = unload,
};

int eo_syscall_tracer_filter(struct eo_tracer *base, const char *list, struct eo_error *err)
{
	struct eo_syscall_tracer *tracer = of(base);
	struct eo_syscall_set calls;
	int r;

	if (base->running) {
		eo_error_set(err, EO_ERROR_CONFIG, 0, NULL, "syscall tracer is running");
		return -EBUSY;
	}
	r = eo_syscall_list_parse(list, &calls, err);
	if (r < 0)
		return r;
	tracer->options.by_calls = true;
	tracer->options.calls = calls;
	return 0;
}

int eo_syscall_tracer_new(const struct eo_config *config, const struct eo_syscall_options *options,
			  struct eo_tracer **ret, struct eo_error *err)
{
	struct eo_syscall_tracer *tracer;
	int r;

	if (options->string_limit > EO_SYSCALL_STRING_MAX)
		return eo_error_set(err, EO_ERROR_CONFIG, 0, NULL, "string_limit is %u, at most %d",
				    options->string_limit, EO_SYSCALL_STRING_MAX);
	tracer = calloc(1, sizeof(*tracer));
	if (!tracer)
		return eo_error_set(err, EO_ERROR_LOAD_FAILED, ENOMEM, NULL, "allocate tracer");
	r = eo_tracer_init(&tracer->base, &class, config, &options->base, err);
	if (r < 0) {
		free(tracer);
		return r;
	}
	tracer->options = *options;
	if (options->base.summary && !options->base.ring_bytes)
		tracer->base.options.ring_bytes = (uint32_t)sysconf(_SC_PAGESIZE); /* nothing is sent */
	*ret = &tracer->base;
	return 0;
}
