/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the memory tracer's programs and its user space say to each other. */
#ifndef EO_MEM_RECORDS_H
#define EO_MEM_RECORDS_H

#include <linux/types.h>

#include "trace_records.h"

/* How a function takes and gives memory: the low byte of a probe's cookie. What stands above it is
 * the function's number, which the programs only pass on. */
enum eo_mem_shape {
	EO_MEM_ALLOC = 1,	 /* void *f(size) */
	EO_MEM_CALLOC = 2,	 /* void *f(count, size) */
	EO_MEM_ALIGNED = 3,	 /* void *f(alignment, size) */
	EO_MEM_POSIX = 4,	 /* int f(void **, alignment, size) */
	EO_MEM_REALLOC = 5,	 /* void *f(old, size) */
	EO_MEM_REALLOCARRAY = 6, /* void *f(old, count, size) */
	EO_MEM_FREE = 7,	 /* void f(old, …) */
	EO_MEM_SHAPE_COUNT = 8,
};
#define EO_MEM_COOKIE(shape, function) ((__u64)(function) << 8 | (shape))

/* Kinds of records. */
enum eo_mem_record_kind {
	EO_MEM_RECORD_ALLOC = 1,
	EO_MEM_RECORD_FREE = 2,
};

struct eo_mem_record {
	struct eo_record_header header;
	__u64 address; /* 0: the allocation failed */
	__u64 size;
	__u64 stack;	   /* 0: none */
	__u64 lifetime_ns; /* of what was freed */
	__u32 function;
	__u32 known; /* EO_MEM_RECORD_FREE: size and lifetime are */
	__s32 error; /* errno, positive */
	__u32 reserved;
};
_Static_assert(sizeof(struct eo_mem_record) == 112, "records are an ABI between bpf/ and lib/");

/* A program in an address space: from its exec, or the fork that made it, to its end. A child of
 * vfork() has its parent's. */
struct eo_mem_image {
	__u32 tgid;
	__u32 serial; /* tells programs that had this number one after the other apart */
};

/* Key of the blocks in use. */
struct eo_mem_block_key {
	struct eo_mem_image image;
	__u64 address;
};

struct eo_mem_block {
	__u64 size;
	__u64 stack; /* where it was allocated; 0: unknown */
	__u64 ktime_ns;
};

/* Value of the map of ended images. */
struct eo_mem_end {
	__u64 ktime_ns;
	__u32 by_exec; /* its memory went with an exec: nobody calls that a leak */
	__u32 reserved;
};

/* Sums of a stack, with options that ask for stacks; key: its hash, 0 for those that have none. */
struct eo_mem_totals {
	__u64 allocations, allocated_bytes;
	__u64 frees, freed_bytes; /* of what was allocated here, by whomever */
};

/* Per CPU, only ever increased. Blocks in use: added - removed - those that went with their image. */
struct eo_mem_counters {
	__u64 allocations, allocated_bytes;
	__u64 frees, freed_bytes; /* of known blocks */
	__u64 unknown_frees;
	__u64 failed;
	__u64 added, added_bytes; /* to the blocks in use */
	__u64 removed, removed_bytes;
	__u64 replaced;	 /* blocks whose free was not seen: their address was given out again */
	__u64 untracked; /* allocations that found no room among the blocks in use */
	__u64 abandoned; /* calls that never returned: longjmp() */
	__u64 images_lost; /* ends of programs that could not be told */
};

/* Sums of the sizes from 2^k to 2^(k+1) - 1, and of 0 with 1; element k, per CPU. */
#define EO_MEM_CLASSES 64
struct eo_mem_class {
	__u64 allocations, allocated_bytes;
	__u64 frees, freed_bytes;
	__u64 failed;
};

struct eo_mem_config {
	__u32 events;  /* send records */
	__u32 stacks;  /* take them, and sum up by them */
	__u32 classes; /* sum up by size */
	__u32 reserved;
	__u64 min_size;
};

#endif
