/* SPDX-License-Identifier: BSD-2-Clause */
/* The rows of a summary of system calls: out of the kernel, and what can be said of them. */
#ifndef EO_CAPTURE_SYSCALL_SUMMARY_H
#define EO_CAPTURE_SYSCALL_SUMMARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/syscall_tracer.h"

/**
 * Tell @fn the rows of a map that no program writes to any more, each summed up over the CPUs, and
 * empty it.
 * @key_size: of the map; what is missing of the key is zero
 */
int eo_syscall_summary_take(int map_fd, uint32_t key_size, uint32_t cpu_count, eo_syscall_row_fn fn,
			    void *ctx, struct eo_error *err);

/** The same of an array whose index is a native number, @generation times EO_SYSCALL_MAX behind it. */
int eo_syscall_summary_take_dense(int map_fd, uint32_t generation, uint32_t cpu_count,
				  eo_syscall_row_fn fn, void *ctx, struct eo_error *err);

/* What a row's event may say besides its figures. */
struct eo_syscall_summary_keys {
	bool comm, pid;
	const struct eo_cgroup_paths *cgroups; /* NULL: it does not say */
};

/** Tell @fn the row as an event. @ktime_ns: now. Returns what @fn does. */
int eo_syscall_summary_event(const struct eo_syscall_key *key, const struct eo_syscall_row *row,
			     const struct eo_syscall_summary_keys *keys, uint64_t ktime_ns,
			     eo_trace_event_fn fn, void *ctx);

#endif
