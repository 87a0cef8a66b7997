/* SPDX-License-Identifier: BSD-2-Clause */
/* A workload of known calls, and a tracer that counts the records of it. */
#ifndef EO_TESTS_SYSCALL_RUN_H
#define EO_TESTS_SYSCALL_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "capture/syscall_tracer.h"

struct workload {
	pid_t pid;
	int go; /* a byte lets it begin */
};

/** workloads/calls.c, which waits. */
struct workload eo_workload_start(const char *kind, const char *count);
void eo_workload_go(struct workload *workload);
void eo_workload_wait(struct workload *workload); /* until it has ended */

/** getppid calls of the kind "mixed": 1000003, or what EO_MANY says, to spare a slow machine. */
uint64_t eo_many(void);

#define KEPT_RECORDS 64

struct kept_record {
	struct eo_syscall_record record;
	size_t size;
};

/* What came out of the rings. */
struct taken {
	uint64_t count, by_nr[EO_SYSCALL_MAX], failed[EO_SYSCALL_MAX], bytes_read;
	uint64_t no_entry, no_return, disordered;
	uint32_t keep_nr; /* records of this call are kept; UINT32_MAX: of all, others than read's */
	struct kept_record kept[KEPT_RECORDS];
	size_t kept_count;
	uint64_t loss_events, loss_count;
	bool not_ready;
	int fail_after; /* the sink fails at that record; 0: never */
};

/* Records and events of losses go to @taken. */
struct eo_syscall_options eo_taken_options(struct taken *taken);

struct eo_tracer *eo_tracer_begin(const struct eo_syscall_options *options);
/* Let the workload run to its end under a tracer that is pumped all the while. */
void eo_tracer_through(struct eo_tracer *tracer, struct workload *workload);
struct eo_trace_stats eo_tracer_end(struct eo_tracer *tracer); /* stop, check the identity */

/* The piece of @arg: its bytes end with a NUL, which they do not count. NULL: there is none. */
const struct eo_syscall_piece *eo_piece_of(const struct kept_record *kept, unsigned int arg);
const char *eo_piece_text(const struct kept_record *kept, unsigned int arg);

/* --- all of it ------------------------------------------------------------------------------ */

struct run {
	struct taken *taken;
	struct eo_syscall_options options;
	struct workload workload;
	uint32_t pid;
	struct eo_tracer *tracer;
	struct eo_trace_stats stats;
	struct eo_syscall_stats figures;
};

/* A workload that waits, and options to trace it alone. */
void eo_run_prepare(struct run *run, const char *kind, const char *count);
void eo_run_only(struct run *run, const char *list); /* these calls, as -e has them */
void eo_run_trace(struct run *run);		      /* from start to finish */
void eo_run_finish(struct run *run);
void eo_run_done(struct run *run);
uint64_t eo_run_degraded(const struct run *run, const char *key);

#endif
