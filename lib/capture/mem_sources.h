/* SPDX-License-Identifier: BSD-2-Clause */
/* The sources of memory that the tracer follows: what they are called, and which BPF programs and
 * maps each of them needs. */
#ifndef EO_CAPTURE_MEM_SOURCES_H
#define EO_CAPTURE_MEM_SOURCES_H

#include <stdbool.h>
#include <stddef.h>

#include "core/error.h"
#include "mem_records.h"

struct bpf_object;
struct btf;

/* Sets of sources are bits. */
#define EO_MEM_BIT(source) (1u << (source))

/** As users ask for it, "faults"; by enum eo_mem_source, ends with NULL. */
extern const char *const eo_mem_source_options[];

/** As events say it, "fault"; "?" out of range. Static text. */
const char *eo_mem_source_name(unsigned int source);

/** "mmap", "malloc"; "?" out of range. Static text. */
const char *eo_mem_function_name(unsigned int source, unsigned int function);

/**
 * Between open and load: load the programs of @sources only.
 * @kernel: its types; NULL: it tells of none
 * @events: with records, which say more than sums do
 * Returns 0, or a negative errno when this kernel lacks what a source needs, and @err says what.
 */
int eo_mem_sources_choose(struct bpf_object *object, const struct btf *kernel,
			  unsigned int sources, bool events, struct eo_error *err);

#endif
