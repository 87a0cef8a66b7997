/* SPDX-License-Identifier: BSD-2-Clause */
/* Programs that stand by for those of a tracer where the kernel leaves out runs of a program that
 * is preempted: see bpf/spare.bpf.h. */
#ifndef EO_CAPTURE_SPARES_H
#define EO_CAPTURE_SPARES_H

#include <bpf/libbpf.h>
#include <stdint.h>

#include "trace_records.h"

struct eo_spares;

/* The bytes of a BPF object; what skeletons call NAME__elf_bytes. They are never freed. */
typedef const void *(*eo_spares_elf_fn)(size_t *size);

/**
 * Between open and load of @object: have it work with spares, where the kernel calls for them.
 * @config: in its rodata
 */
void eo_spares_prepare(struct bpf_object *object, struct eo_tracer_config *config);

/**
 * Load the spares of the programs of @object, which is loaded and outlives them. Where there are to
 * be none, *@ret is NULL. Returns 0 or a negative errno.
 * @config: the same as above
 * @elf: what @object was opened from
 */
int eo_spares_load(struct bpf_object *object, const struct eo_tracer_config *config,
		   eo_spares_elf_fn elf, struct eo_spares **ret);

/** After the programs of the object were attached. Returns 0 or a negative errno. NULL is nothing.
 */
int eo_spares_attach(struct eo_spares *spares);
/** Before those of the object are; they stay loaded. What is missed is counted up to here. NULL is nothing. */
void eo_spares_detach(struct eo_spares *spares);

/**
 * Runs that the kernel left out of what is loaded of @object, which it tells since 5.12. Of
 * programs with spares no fewer than those that none of them stood in for. @spares: NULL: there are
 * none
 */
uint64_t eo_spares_missed(const struct eo_spares *spares, struct bpf_object *object);

/** NULL is nothing. */
void eo_spares_free(struct eo_spares *spares);

#endif
