/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the memory tracer's programs and its user space say to each other. */
#ifndef EO_MEM_RECORDS_H
#define EO_MEM_RECORDS_H

#include <linux/types.h>

#include "trace_records.h"

/* Where memory comes from. */
enum eo_mem_source {
	EO_MEM_LIBC = 0,   /* allocators of programs and libraries */
	EO_MEM_MMAP = 1,   /* address space */
	EO_MEM_FAULTS = 2, /* what becomes resident */
	EO_MEM_KERNEL = 3, /* the slab allocator, on behalf of programs */
	EO_MEM_SOURCES = 4, /* a power of two */
};

/* Functions of those sources that have no probes, and so no cookies. */
enum eo_mem_function {
	EO_MEM_CALL_NONE = 0,
	EO_MEM_CALL_MMAP = 1,
	EO_MEM_CALL_MUNMAP = 2,
	EO_MEM_CALL_MREMAP = 3,
	EO_MEM_CALL_BRK = 4,
	EO_MEM_PAGE_FAULT = 5, /* a program touched a page */
	EO_MEM_RESIDENT = 6,   /* the kernel did, in a system call */
	EO_MEM_RELEASED = 7,
	EO_MEM_KMALLOC = 8,
	EO_MEM_KFREE = 9,
	EO_MEM_KMEM_CACHE_ALLOC = 10,
	EO_MEM_KMEM_CACHE_FREE = 11,
	EO_MEM_FUNCTIONS = 12,
};

/* How an allocator's function takes and gives memory: the low byte of a probe's cookie. What stands
 * above it is the function's number, which the programs only pass on. */
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

/* A probe that an allocator declares itself: its cookie has the number of a place besides, which says
 * where the address is, and the size. */
#define EO_MEM_PLACE_COOKIE(shape, function, place) ((__u64)(place) << 32 | EO_MEM_COOKIE(shape, function))
#define EO_MEM_PLACES 512 /* in one run */

struct eo_mem_argument {
	__u8 kind; /* enum eo_mem_argument_kind */
	__u8 bytes;
	__u8 is_signed;
	__u8 scale;
	__u16 base, index; /* offsets in pt_regs; EO_MEM_NO_REGISTER: none */
	__s64 value;
};

enum eo_mem_argument_kind {
	EO_MEM_ARGUMENT_CONSTANT = 0,
	EO_MEM_ARGUMENT_REGISTER = 1,
	EO_MEM_ARGUMENT_MEMORY = 2,
};

#define EO_MEM_NO_REGISTER 0xffff

struct eo_mem_place {
	struct eo_mem_argument address, size;
};

/* Kinds of records. */
enum eo_mem_record_kind {
	EO_MEM_RECORD_ALLOC = 1,
	EO_MEM_RECORD_FREE = 2,
};

/* Bits of what is known of memory that is given back. */
enum eo_mem_known {
	EO_MEM_KNOWN_SIZE = 1,
	EO_MEM_KNOWN_LIFETIME = 2,
};

struct eo_mem_record {
	struct eo_record_header header; /* no tgid: given back by nobody that could be told */
	__u64 address; /* 0: the allocation failed */
	__u64 size;
	__u64 stack;	   /* 0: none */
	__u64 lifetime_ns; /* of what was freed */
	__u32 function;
	__u32 known; /* EO_MEM_RECORD_FREE: enum eo_mem_known */
	__s32 error; /* errno, positive */
	__u32 source; /* enum eo_mem_source */
};
_Static_assert(sizeof(struct eo_mem_record) == 112, "records are an ABI between bpf/ and lib/");

/* A program in an address space: from its exec, or the fork that made it, to its end. A child of
 * vfork() has its parent's. */
struct eo_mem_image {
	__u32 tgid;
	__u32 serial; /* tells programs that had this number one after the other apart */
};

/* Key of the blocks in use: of an allocator, of address space, or of the kernel, which have a map
 * each. Those of the kernel have no image. */
struct eo_mem_block_key {
	struct eo_mem_image image;
	__u64 address;
};

struct eo_mem_block {
	__u64 size;
	__u64 stack; /* where it was allocated; 0: unknown */
	__u64 ktime_ns;
	__u64 weight; /* how many blocks it stands for, in parts of EO_MEM_ONE */
};

/* Numbers of blocks are summed up by their weights: with sampling by bytes one block stands for
 * several, and hardly ever for a whole number. */
#define EO_MEM_ONE (1u << 19)

/* What a block's bytes stand for. Below EO_MEM_SHARES_END times the sampling distance, where the
 * weight is more than one, the product is less than 2^54. */
static inline __u64 eo_mem_weighted(__u64 size, __u64 weight)
{
	return weight == EO_MEM_ONE ? size : (size * weight + EO_MEM_ONE / 2) / EO_MEM_ONE;
}

/* Value of the map of ended images. */
struct eo_mem_end {
	__u64 ktime_ns;
	__u32 by_exec; /* its memory went with an exec: nobody calls that a leak */
	__u32 reserved;
};

/* Below, numbers of what was allocated, freed, added and removed are in parts of EO_MEM_ONE, and
 * their bytes are weighted. */

/* Sums of a stack, with options that ask for stacks. */
struct eo_mem_totals_key {
	__u64 stack; /* hash; 0: none */
	__u32 source;
	__u32 reserved;
};

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

/* Sums of the sizes from 2^k to 2^(k+1) - 1, and of 0 with 1; by source and k, per CPU. */
#define EO_MEM_CLASSES 64
struct eo_mem_class {
	__u64 allocations, allocated_bytes;
	__u64 frees, freed_bytes;
	__u64 failed;
};

/* A block is sampled when one of the points that lie at random along all bytes, on average at a
 * distance, lies in it: with the probability 1 - exp(-x), x being its size by the distance.
 * Here are (1 - exp(-x)) / x in steps of 1 / EO_MEM_SHARES_STEPS, in parts of EO_MEM_ONE: between
 * two of them a line will do, and the quotient is as exact for small sizes as for large ones.
 * Whoever is as large as EO_MEM_SHARES_END distances is always sampled. */
#define EO_MEM_SHARES_STEPS 64
#define EO_MEM_SHARES_END   16
#define EO_MEM_SHARES	    (EO_MEM_SHARES_STEPS * EO_MEM_SHARES_END + 1)

/* Sizes by the distance, and probabilities, are in parts of 2^40. */
#define EO_MEM_SAMPLE_SHIFT 40
#define EO_MEM_SAMPLE_MAX   (1u << 30) /* the longest distance: a byte is 2^10 such parts of it */

struct eo_mem_config {
	__u32 events;  /* send records */
	__u32 stacks;  /* take them, and sum up by them */
	__u32 classes; /* sum up by size */
	__u32 faults;  /* follow what becomes resident */
	__u64 min_size;
	__u64 sample_all;  /* bytes; who is as large is always sampled; 0: everybody is */
	__u64 sample_byte; /* one byte by the distance */
	__u32 shares[EO_MEM_SHARES];
};

#endif
