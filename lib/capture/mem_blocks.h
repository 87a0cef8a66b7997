/* SPDX-License-Identifier: BSD-2-Clause */
/* The memory tracer's blocks in use, as its BPF object keeps them: those of programs that have
 * ended are taken out here, and the others are summed up by stack. Not thread-safe. */
#ifndef EO_CAPTURE_MEM_BLOCKS_H
#define EO_CAPTURE_MEM_BLOCKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/auto.h"
#include "core/error.h"
#include "mem_records.h"

/* What is held of one stack. */
struct eo_mem_held {
	uint64_t stack; /* hash; 0: unknown */
	uint32_t source; /* enum eo_mem_source */
	uint64_t count, bytes;
	uint64_t oldest_ns; /* age of the oldest, when its program ended or was looked at */
};

/* A sum of weights as a number of blocks. */
static inline uint64_t eo_mem_count(uint64_t weights)
{
	return (weights + EO_MEM_ONE / 2) / EO_MEM_ONE;
}

struct eo_mem_blocks;

/* A map of blocks, of bpf/mem_tracer.bpf.c. */
struct eo_mem_block_map {
	int fd;
	uint32_t source;
};

#define EO_MEM_BLOCK_MAPS 3

/** @maps, @ended_fd: they must outlive the object */
int eo_mem_blocks_new(const struct eo_mem_block_map maps[EO_MEM_BLOCK_MAPS], int ended_fd,
		      struct eo_mem_blocks **ret, struct eo_error *err);
void eo_mem_blocks_free(struct eo_mem_blocks *blocks); /* NULL is fine */
EO_DEFINE_AUTO(eo_mem_blocks)

/**
 * Take the blocks of ended programs out; the kernel's stay, whoever they were for. Those that were held when a program exited are remembered
 * by stack; what an exec swept away is not.
 * @min_age_ns: of what is remembered
 * @may_wait: it may be left for a later call, should the last one have taken long
 * Returns 0 or a negative errno.
 */
int eo_mem_blocks_sweep(struct eo_mem_blocks *blocks, uint64_t min_age_ns, bool may_wait);

/** What sweeps took out so far, in parts of EO_MEM_ONE; @bytes weighted. */
uint64_t eo_mem_blocks_swept(const struct eo_mem_blocks *blocks, uint64_t *bytes);

/**
 * What is held by stack and source, most bytes first: of live programs now, and of ended ones when they exited.
 * @ret: the caller's, @count elements; NULL when there are none
 */
int eo_mem_blocks_held(struct eo_mem_blocks *blocks, uint64_t min_age_ns, struct eo_mem_held **ret,
		       size_t *count);

#endif
