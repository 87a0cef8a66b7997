/* SPDX-License-Identifier: BSD-2-Clause */
/* The programs that processes ran before, and the processes that had their numbers before: kept while
 * late samples of them may still come. Not thread-safe. */
#ifndef EO_SYMBOL_PROCESS_PAST_H
#define EO_SYMBOL_PROCESS_PAST_H

#include <stdint.h>

#include "symbol/vma_set.h"

/* Of CLOCK_MONOTONIC. */
struct eo_past_program {
	uint32_t tgid;
	uint64_t begun_ns; /* its number was another's before; 0: nobody knows */
	uint64_t until_ns; /* the first moment at which it was not there any more */
	uint64_t known_ns; /* it was surely this one then */
	uint64_t generation;
	struct eo_vma_set *vmas;
};

/* All zeros: none. */
struct eo_process_past {
	struct eo_past_program *list; /* what comes to be past comes last */
	uint32_t count, room;
};

void eo_process_past_fini(struct eo_process_past *past, struct eo_vma_parts *parts);

/**
 * Takes over the mappings; what has none is not kept. When there are too many, or memory is out, the
 * older half is forgotten.
 */
void eo_process_past_add(struct eo_process_past *past, struct eo_vma_parts *parts,
			 const struct eo_past_program *program);

/** Who had @tgid at @ktime_ns; NULL: nobody who is past, or @ktime_ns is 0. Until the next change. */
const struct eo_past_program *eo_process_past_find(const struct eo_process_past *past, uint32_t tgid,
						   uint64_t ktime_ns);

/** The latest former program of @tgid ended at @ktime_ns, if that is earlier than it seemed. */
void eo_process_past_shorten(struct eo_process_past *past, uint32_t tgid, uint64_t ktime_ns);

/** Forget what ended before @ktime_ns. */
void eo_process_past_reap(struct eo_process_past *past, struct eo_vma_parts *parts, uint64_t ktime_ns);

#endif
