/* SPDX-License-Identifier: BSD-2-Clause */
/* Programs that allocate known numbers of blocks, and a memory tracer that is pointed at them. */
#ifndef EO_TESTS_MEM_RUN_H
#define EO_TESTS_MEM_RUN_H

#include <bpf/libbpf.h>
#include <criterion/criterion.h>
#include <sys/types.h>
#include <unistd.h>

#include "capture/mem_tracer.h"

#define SETUP()                                                                                      \
	do {                                                                                         \
		if (geteuid() != 0)                                                                  \
			cr_skip_test("needs root to load BPF programs");                             \
		if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_KPROBE, BPF_FUNC_loop, NULL) == 0)         \
			cr_skip_test("needs bpf_loop(), Linux 5.17");                                \
	} while (0)

struct program {
	pid_t pid;
	int in, out;
};

struct program start_program(const char *const *argv);

/** @variant: of the environment's variable, the workload; it is ready on return */
struct program start_variant(const char *variant, const char *what, const char *number);
struct program start_heap(const char *what, const char *number); /* workloads/heap.c */
void expect_line(const struct program *program, const char *line);
void end_program(struct program *program);

/** One step of the workload, while the tracer is pumped. */
void do_step(struct program *program, struct eo_tracer *tracer);

/** Stop, and all figures. */
struct eo_trace_stats stop(struct eo_tracer *tracer);
/** do_step() and stop(). */
struct eo_trace_stats last_step(struct program *program, struct eo_tracer *tracer);
/** Pump until at least so many are counted, of a program that goes on. */
void run_until(struct eo_tracer *tracer, uint64_t allocations);
/** Free one, end the other. */
void done(struct program *program, struct eo_tracer *tracer);

struct eo_config tracing_config(void);
struct eo_tracer *begin(pid_t pid, const struct eo_mem_options *mem, bool summary);

/** A figure of mem, or of what is degraded. */
uint64_t total(const struct eo_trace_stats *stats, const char *key);

#define EXPECT_TOTAL(stats, key, expected)                                                       \
	cr_expect_eq(total(stats, key), (uint64_t)(expected), "%s: %llu, not %llu", key,         \
		     (unsigned long long)total(stats, key), (unsigned long long)(expected))

/** What is seen is all that became of it. */
void expect_identity(const struct eo_trace_stats *stats);
/** That, and nothing lost or missing. */
void expect_sound(const struct eo_trace_stats *stats);

/** What a step of "heap counts" does. */
struct sums {
	uint64_t allocations, allocated, frees, freed, failed;
};

struct sums count_sums(void);
void expect_counts(const struct eo_trace_stats *stats);

/** The rows of its summary; the caller's. */
struct eo_event_list *rows_of(struct eo_tracer *tracer);
uint64_t number(const struct eo_event *event, const char *key);
/** The function of frame @i of the event's stack; "" beyond it. */
const char *frame_name(const struct eo_event *event, uint32_t i);
/** Does it have a frame of this function? */
bool has_frame(const struct eo_event *event, const char *function);

/** Sum of a value over the samples that have a frame of this name. */
int64_t sum_of(const struct eo_profile *profile, const char *function, size_t value);

#endif
