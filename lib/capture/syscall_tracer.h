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
#include "syscall/call_list.h"
#include "syscall_records.h"

#define EO_SYSCALL_STRING_LIMIT 64 /* unless something else is asked for */

struct eo_syscall_options {
	struct eo_tracer_options base;

	/* Which calls, by native number; those of other ABIs are taken by their names. The last bit
	 * stands for all numbers that have no name. by_calls false: all. */
	bool by_calls;
	struct eo_syscall_set calls;

	bool failed;		    /* only those that failed */
	bool by_errnos;		    /* only those that failed with one of these */
	struct eo_errno_set errnos;
	uint64_t min_duration_ns;

	uint32_t string_limit; /* bytes of a text that is no path; at most EO_SYSCALL_STRING_MAX */
	bool payload;	       /* buffers of reads and writes too, up to the string limit */
	bool fd_paths;	       /* paths of descriptors */
	bool redact;	       /* events without the texts of programs: see syscall/decode.h */

	/* With base.summary: what the rows are told apart by, besides the call. */
	bool by_comm, by_pid, by_cgroup;

	/* Takes records as they come, instead of the making of events; gets base.sink.ctx. For tests
	 * and measurements. NULL: events. */
	int (*record)(void *ctx, const struct eo_syscall_record *record, size_t size);
};

struct eo_syscall_stats {
	uint64_t syscalls_traced; /* that passed the filters, also those that got lost */
	uint64_t unique_syscalls; /* kinds of calls among them; unknown numbers together are one */
	uint64_t errors;	  /* failed ones among them */
};

/** Returns 0, or -EINVAL and a CONFIG error. @ret is freed with eo_tracer_free(). */
int eo_syscall_tracer_new(const struct eo_config *config, const struct eo_syscall_options *options,
			  struct eo_tracer **ret, struct eo_error *err);

/**
 * Trace only the calls of @list, as that of -e: see eo_syscall_list_parse(). -EBUSY when running.
 */
int eo_syscall_tracer_filter(struct eo_tracer *tracer, const char *list, struct eo_error *err);

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
