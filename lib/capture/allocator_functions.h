/* SPDX-License-Identifier: BSD-2-Clause */
/* The functions by which allocators give and take memory. */
#ifndef EO_CAPTURE_ALLOCATOR_FUNCTIONS_H
#define EO_CAPTURE_ALLOCATOR_FUNCTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "mem_records.h"

struct eo_allocator_function {
	const char *name; /* the linker's */
	enum eo_mem_shape shape;
	const char *shown; /* to people; NULL: the name */
};

/* Probes by which an allocator tells of itself: alloc(address, size) and free(address). */
#define EO_ALLOCATOR_PROVIDER "otel_memory"

enum {
	EO_ALLOCATOR_DECLARED_ALLOC,
	EO_ALLOCATOR_DECLARED_FREE,
};

/* Numbers of functions are indices of this table. */
extern const struct eo_allocator_function eo_allocator_functions[];
extern const size_t eo_allocator_function_count;

/** "malloc", "operator new"; "?" out of range. Static text. */
const char *eo_allocator_function_name(size_t number);

#endif
