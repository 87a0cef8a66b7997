/* SPDX-License-Identifier: BSD-2-Clause */
/* The CPU profiler's BPF object: sized for a run, loaded, attached to the life of processes, and
 * its maps read. Not thread-safe. */
#ifndef EO_CAPTURE_CPU_PROGRAMS_H
#define EO_CAPTURE_CPU_PROGRAMS_H

#include <stdbool.h>
#include <stdint.h>

#include "capture/cpu_profiler.h"
#include "core/auto.h"
#include "records.h"

struct bpf_object;
struct bpf_program;
struct eo_cpu_programs;

int eo_cpu_programs_load(const struct eo_config *config, const struct eo_cpu_profiler_options *options,
			 struct eo_cpu_programs **ret, struct eo_error *err);
void eo_cpu_programs_free(struct eo_cpu_programs *programs); /* NULL is fine; detaches */
EO_DEFINE_AUTO(eo_cpu_programs)

/** Fill the filters and follow processes from now on. The sampler is attached by the caller. */
int eo_cpu_programs_attach(struct eo_cpu_programs *programs, const struct eo_target *target,
			   struct eo_error *err);
/** Are user stacks walked by tables? Then these are the object and the clock of eo_table_store. */
bool eo_cpu_programs_has_tables(const struct eo_cpu_programs *programs);
struct bpf_object *eo_cpu_programs_object(const struct eo_cpu_programs *programs);
uint32_t *eo_cpu_programs_tick(const struct eo_cpu_programs *programs);

/** Are there snapshots in the ring, to be unwound? */
bool eo_cpu_programs_has_snapshots(const struct eo_cpu_programs *programs);

struct bpf_program *eo_cpu_programs_sampler(const struct eo_cpu_programs *programs);
int eo_cpu_programs_ring_fd(const struct eo_cpu_programs *programs); /* of stack records */

/** Let new samples count into the map of this generation; there are two, used in turns. */
void eo_cpu_programs_set_generation(struct eo_cpu_programs *programs, uint32_t generation);

typedef void (*eo_stack_count_fn)(void *ctx, uint64_t hash, uint64_t count);

/** Tell @fn each count of a generation that no program adds to any more, and empty its map. */
int eo_cpu_programs_take_counts(const struct eo_cpu_programs *programs, uint32_t generation,
				eo_stack_count_fn fn, void *ctx, struct eo_error *err);

struct eo_profile_counters eo_cpu_programs_counters(const struct eo_cpu_programs *programs); /* sums */
uint64_t eo_cpu_programs_targets_live(const struct eo_cpu_programs *programs);
uint64_t eo_cpu_programs_targets_missed(const struct eo_cpu_programs *programs);
uint64_t eo_cpu_programs_map_bytes(const struct eo_cpu_programs *programs);

#endif
