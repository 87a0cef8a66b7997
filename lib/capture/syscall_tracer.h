/* SPDX-License-Identifier: BSD-2-Clause */
/* System calls: an event for each one, or a summary by kind of call. A tracer made here is used
 * through the functions of capture/tracer.h.
 *
 * A call is seen when it has ended; one that began before the trace is seen without its arguments,
 * one that is still open at the end is not seen. */
#ifndef EO_CAPTURE_SYSCALL_TRACER_H
#define EO_CAPTURE_SYSCALL_TRACER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "capture/tracer.h"
#include "core/config.h"
#include "core/error.h"
#include "syscall_records.h"

#define EO_SYSCALL_STRING_LIMIT 64 /* unless something else is asked for */

/* Takes records as they come, instead of the making of events. For tests and measurements. */
struct eo_syscall_raw {
	int (*record)(void *ctx, const struct eo_syscall_record *record, size_t size); /* NULL: events */
	/* What is taken of a call; NULL: nothing. */
	const struct eo_syscall_captures *(*captures)(unsigned int abi, uint32_t nr);
	void *ctx;
};

struct eo_syscall_options {
	struct eo_tracer_options base;

	/* Which calls; by_call false: all. Bits by number, for each enum eo_syscall_abi. */
	bool by_call;
	uint64_t calls[EO_ABI_COUNT][EO_SYSCALL_WORDS];
	bool other_calls; /* numbers from EO_SYSCALL_MAX on */

	bool failed;				     /* only those that failed */
	bool by_errno;				     /* only those that failed with one of these */
	uint64_t errnos[EO_SYSCALL_ERRNOS / 64];     /* bits */
	uint64_t min_duration_ns;

	uint32_t string_limit; /* bytes of a text that is no path; at most EO_SYSCALL_STRING_MAX */
	bool payload;	       /* buffers of reads and writes too, up to the string limit */
	bool fd_paths;	       /* paths of descriptors */

	/* With base.summary: what the rows are told apart by, besides the call. */
	bool by_comm, by_pid, by_cgroup;

	struct eo_syscall_raw raw;
};

struct eo_syscall_stats {
	uint64_t syscalls_traced; /* that passed the filters, also those that got lost */
	uint64_t unique_syscalls; /* kinds of calls among them; unknown numbers together are one */
	uint64_t errors;	  /* failed ones among them */
};

/** Returns 0, or -EINVAL and a CONFIG error. @ret is freed with eo_tracer_free(). */
int eo_syscall_tracer_new(const struct eo_config *config, const struct eo_syscall_options *options,
			  struct eo_tracer **ret, struct eo_error *err);

/** While running, and after stop() those of the last run. @tracer: made by eo_syscall_tracer_new() */
struct eo_syscall_stats eo_syscall_tracer_get_stats(struct eo_tracer *tracer);

/* @row lives until the return. A negative return ends the telling with that value. */
typedef int (*eo_syscall_row_fn)(void *ctx, const struct eo_syscall_key *key,
				 const struct eo_syscall_row *row);

/**
 * The summary as numbers: eo_tracer_summary() makes events of the same rows. What one of the two
 * has told, the other does not tell again.
 */
int eo_syscall_tracer_rows(struct eo_tracer *tracer, eo_syscall_row_fn fn, void *ctx,
			   struct eo_error *err);

uint64_t eo_syscall_row_count(const struct eo_syscall_row *row); /* calls */

/**
 * @q: 0 to 1. The duration below which that part of the calls stayed, in ns: the upper end of the
 * slot it is in, within the row's minimum and maximum. 0 when no call has a duration.
 */
uint64_t eo_syscall_row_quantile(const struct eo_syscall_row *row, double q);

#endif
