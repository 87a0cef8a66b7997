/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's own news of processes, without BPF: a dummy perf event on each CPU whose ring tells
 * of mmap, exec, fork and exit. Not thread-safe. */
#ifndef EO_CAPTURE_SIDEBAND_H
#define EO_CAPTURE_SIDEBAND_H

#include <stddef.h>
#include <stdint.h>

#include "core/auto.h"
#include "core/error.h"
#include "symbol/process.h"

struct eo_sideband;

/** @processes: what the news is told to; stays the caller's and must outlive the sideband. */
int eo_sideband_new(struct eo_processes *processes, struct eo_sideband **ret, struct eo_error *err);
void eo_sideband_free(struct eo_sideband *sideband); /* NULL is fine */
EO_DEFINE_AUTO(eo_sideband)

/**
 * Listen on exactly these CPUs. One that goes offline meanwhile is left out and is no error.
 */
int eo_sideband_cover(struct eo_sideband *sideband, const uint32_t *cpus, size_t cpu_count,
		      struct eo_error *err);

/** Becomes readable when there is news on any CPU. Stays the sideband's. */
int eo_sideband_fd(const struct eo_sideband *sideband);

/**
 * Apply the news up to @ktime_ns, which may not lie in the future, in the order of time over all
 * CPUs. Later news stays for the next call.
 * Returns 0 or -ENOMEM.
 */
int eo_sideband_apply(struct eo_sideband *sideband, uint64_t ktime_ns);

/** Records that the kernel could not deliver so far. */
uint64_t eo_sideband_lost(const struct eo_sideband *sideband);

/** Bytes of ring memory. */
uint64_t eo_sideband_bytes(const struct eo_sideband *sideband);

#endif
