/* SPDX-License-Identifier: BSD-2-Clause */
/* For those who make a tracer: what a kind of tracer supplies, and what it gets from the base. */
#ifndef EO_CAPTURE_TRACER_CLASS_H
#define EO_CAPTURE_TRACER_CLASS_H

#include <bpf/libbpf.h>

#include "capture/function_probes.h"
#include "capture/rings.h"
#include "capture/trace_stacks.h"
#include "capture/tracer.h"
#include "capture/spares.h"

struct btf;

/* Everything may be NULL but name, elf, free, load, attach, detach, record and stats. */
struct eo_tracer_class {
	const char *name;
	eo_spares_elf_fn elf; /* of the BPF object */
	void (*free)(struct eo_tracer *tracer); /* the whole object; it does not run any more */

	/* Open the BPF object, hand it to eo_tracer_prepare(), choose and load; set
	 * tracer->object as soon as there is one. It may be tried again with another object. */
	int (*load)(struct eo_tracer *tracer, struct eo_error *err);
	/* The target's maps are filled. Attach, and set tracer->hooks. */
	int (*attach)(struct eo_tracer *tracer, struct eo_error *err);
	/* Attached, and the rings are being read: look at what exists already. */
	int (*begin)(struct eo_tracer *tracer, struct eo_error *err);
	/* One record of the ring, from its header on: make events of it and hand them to
	 * eo_tracer_emit(). Its return is the result. */
	int (*record)(struct eo_tracer *tracer, const struct eo_record_header *header, size_t size);
	/* At each pump, after the rings were read. */
	int (*pump)(struct eo_tracer *tracer);
	/* Twenty times a second, after the rings were read: timeouts, news. */
	int (*tick)(struct eo_tracer *tracer);
	/* No program runs any more when this returns, once the base has waited. Maps stay. */
	void (*detach)(struct eo_tracer *tracer);
	/* The last record was read: emit what waits for more. */
	int (*finish)(struct eo_tracer *tracer);
	/* Add to what the base has filled in: degraded and totals, and what else it counted. */
	void (*stats)(struct eo_tracer *tracer, struct eo_trace_stats *stats);
	int (*summary)(struct eo_tracer *tracer, eo_trace_event_fn fn, void *ctx,
		       struct eo_error *err);
	/* Everything that exists only while running: the object is still there. */
	void (*unload)(struct eo_tracer *tracer);
};

#define EO_TRACE_HOOKS_MAX 16

/* Where the records of a CPU are. */
struct eo_cpu_gap {
	uint64_t lost;		/* ring_lost of the latest record */
	uint64_t last_ktime_ns; /* of that record */
};

/* The first member of each tracer's own struct. */
struct eo_tracer {
	const struct eo_tracer_class *class;
	struct eo_config config;
	struct eo_tracer_options options;

	/* While running. */
	struct bpf_object *object; /* the class's; NULL: not loaded */
	const struct eo_tracer_config *shared; /* in its rodata */
	struct eo_spares *spares;		       /* of its programs; NULL: they need none */
	uint64_t *targets_live, *targets_missed; /* in the object's bss; see bpf/filter.bpf.h */
	struct eo_rings *rings;
	int ring_type_fd; /* what the map of rings is told that it holds; negative: none */
	struct eo_trace_stacks *stacks; /* NULL: none are taken */
	struct eo_attr *rows;		/* of an event with its stack; EO_TRACER_ROWS */
	struct eo_function_probes *probes; /* NULL: there are none, or none any more */
	struct eo_function_probes_stats probe_stats; /* of those that have ended */
	struct eo_event_list *collected;
	uint64_t since_ns;
	bool running;

	uint64_t collected_full; /* events beyond config.max_samples */
	uint64_t records_taken;	 /* out of the rings */
	uint64_t stopped;	 /* records left in the rings when the run ended */
	uint64_t told[EO_LOSS_COUNT]; /* in loss records */
	uint64_t now_ns;	 /* about now; 0: to be read again */
	struct eo_cpu_gap *gaps; /* of each CPU */
	uint32_t cpu_count;

	struct eo_trace_hook hooks[EO_TRACE_HOOKS_MAX];
	size_t hook_count;
	struct eo_overhead_mark mark;
	struct eo_latency latency;
	struct eo_trace_stats last_stats; /* once stopped */
	struct eo_overhead last_overhead;

	/* While watched by a loop. */
	struct eo_loop *loop;
	struct eo_loop_source *tick_source, *probe_news;
};

/** Check @config and @options, and fill the base of a zeroed object. */
int eo_tracer_init(struct eo_tracer *tracer, const struct eo_tracer_class *class,
		   const struct eo_config *config, const struct eo_tracer_options *options,
		   struct eo_error *err);

/**
 * Between open and load: size the rings and the target's maps, choose the programs that follow
 * targets (on_fork, on_exec, on_exit, on_free; @needs_all: the tracer itself needs them too).
 * @filter and @tracer_config lie in the object's rodata.
 */
int eo_tracer_prepare(struct eo_tracer *tracer, struct bpf_object *object,
		      struct eo_filter_config *filter, struct eo_tracer_config *tracer_config,
		      bool needs_all, struct eo_error *err);

/**
 * In load(), before the load: have programs that are UNPREEMPTED() hold their CPU, where they can.
 * @config: in the object's rodata
 * @kernel: its types; NULL: it tells of none
 */
void eo_tracer_hold_cpu(struct eo_tracer_config *config, const struct btf *kernel);

/** An error for a failed load, with the hint that helps. */
int eo_tracer_load_failed(const struct eo_tracer *tracer, int code, struct eo_error *err);

/**
 * In load(), before the load: have the object take stacks, which has bpf/trace_stack.bpf.h.
 * @config: stack_config in the object's rodata
 */
int eo_tracer_prepare_stacks(struct eo_tracer *tracer, struct bpf_object *object,
			     struct eo_stack_config *config, struct eo_error *err);
/**
 * In load(), after the load, for an object that was prepared thus.
 * @tick: unwind_tick in its memory; NULL where config->tables says that there are none
 * @layout: see eo_stack_store_new()
 */
int eo_tracer_open_stacks(struct eo_tracer *tracer, struct bpf_object *object, uint32_t *tick,
			  const struct eo_stack_layout *layout, struct eo_error *err);

/**
 * In attach(), before tracer->probes are made of @options: whom they are for. The base then follows
 * them until eo_tracer_end_probes().
 */
void eo_tracer_aim_probes(const struct eo_tracer *tracer, struct eo_function_probes_options *options);
/** In detach(), when no call is to be seen any more; their figures stay. */
void eo_tracer_end_probes(struct eo_tracer *tracer);
/** In stats(): how far the probes reached. */
void eo_tracer_add_probe_stats(const struct eo_tracer *tracer, struct eo_trace_stats *stats);

#define EO_TRACER_DATA_MAX 512 /* attributes of an event before its stack */
#define EO_TRACER_ROWS	   (EO_TRACER_DATA_MAX + EO_TRACE_STACK_ROWS)

/** Hand one event over, with the stack of @hash behind its data (0: without). */
int eo_tracer_emit_with_stack(struct eo_tracer *tracer, const struct eo_event *event, uint64_t hash);

/** Hand one event over. Returns what the sink says. */
int eo_tracer_emit(struct eo_tracer *tracer, const struct eo_event *event);

/** The event behind a record was ready at @ktime_ns and is delivered now. */
void eo_tracer_add_latency(struct eo_tracer *tracer, uint64_t ktime_ns);

/** The outer keys of an event, from the header of its record. */
void eo_tracer_fill_event(struct eo_event *event, enum eo_event_type type,
			  const struct eo_record_header *header);

void eo_tracer_add_hook(struct eo_tracer *tracer, const char *key, const char *value);
void eo_trace_stats_degraded(struct eo_trace_stats *stats, const char *key, const char *words,
			     uint64_t value);
void eo_trace_stats_total(struct eo_trace_stats *stats, const char *key, const char *words,
			  uint64_t value);

/** The sum over all CPUs of the map "counters", or of another per-CPU array of 64-bit numbers. */
void eo_tracer_counters(const struct eo_tracer *tracer, struct eo_tracer_counters *ret);
void eo_tracer_sum_map(const struct eo_tracer *tracer, const char *map, void *ret, size_t size);

/** One record of @cpu's ring. @ctx: the tracer. */
int eo_tracer_on_record(void *ctx, uint32_t cpu, const void *record, size_t size);

/**
 * Tell of losses that no record told, because none followed or because they have no place among them.
 * @last: no record will follow
 */
int eo_tracer_tell_losses(struct eo_tracer *tracer, bool last);

#endif
