/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What all tracers' programs and lib/capture/tracer say to each other. Fixed-width fields only. */
#ifndef EO_TRACE_RECORDS_H
#define EO_TRACE_RECORDS_H

#include <linux/types.h>

#include "records.h"

/* Why an event was not delivered; names: eo_loss_name(). */
enum eo_loss {
	EO_LOSS_RING_FULL,    /* the reader was too slow */
	EO_LOSS_MAP_FULL,     /* no room for state that the event needs */
	EO_LOSS_BUSY,	      /* scratch memory or a lock was taken */
	EO_LOSS_RATE_LIMITED,
	EO_LOSS_STOPPED,      /* still on its way when the run ended */
	EO_LOSS_COUNT,
};

/* Odd, because programs often take turns. */
#define EO_TIMED_PERIOD 251

/* Per CPU, only ever increased; user space sums them up. A tracer that needs more has a map of its
 * own. seen = emitted + aggregated + filtered + lost[]. */
struct eo_tracer_counters {
	__u64 seen;	  /* behind the target filter */
	__u64 emitted;	  /* got into a ring */
	__u64 aggregated; /* counted in a map */
	__u64 filtered;	  /* by the tracer's own, finer filters */
	__u64 lost[EO_LOSS_COUNT];
	__u64 timed_runs;   /* of our programs: one in EO_TIMED_PERIOD */
	__u64 timed_ns;	    /* the time that they took */
	__u64 timed_next;   /* runs until the next one is timed */
	__u64 woken_at;	    /* where the ring's end was when user space was last woken */
};

/* Read-only for the programs: set between open and load. */
struct eo_tracer_config {
	__u32 wakeup_bytes; /* ring fill level from which user space is woken */
	__u32 holds_cpu;    /* programs of probes must not be preempted; see UNPREEMPTED() */
	__u32 tracepoints_hold_cpu; /* nor those of tracepoints; see UNPREEMPTED_TP() */
	__u32 spares; /* programs that stand by for each one; see bpf/spare.bpf.h */
	__u32 spare;  /* which of them this is; 0: the one they stand by for */
};

#define EO_SPARES 3 /* where there are any; at most 7 */

/* Tracepoints whose programs have spares: where a thread can be preempted. Elsewhere no more than an
 * interrupt comes by. */
enum eo_spared {
	EO_SPARED_SYS_ENTER,
	EO_SPARED_SYS_EXIT,
	EO_SPARED_FORK,
	EO_SPARED_EXEC,
	EO_SPARED_EXIT,
	EO_SPARED_FREE,
	EO_SPARED_SEND,
	EO_SPARED_RECEIVE,
	EO_SPARED_STATE,
	EO_SPARED_DESTROY,
	EO_SPARED_RECEIVE_RESET,
	EO_SPARED_SEND_RESET,
	EO_SPARED_COUNT,
};

/* Every record in the rings begins thus. */
struct eo_record_header {
	__u32 kind;  /* the tracer's own */
	__u32 tgid;  /* root namespace; 0: unknown owner */
	__u32 tid;
	__u32 ns_tgid; /* in the process's own pid namespace; 0 where it is the same */
	__u64 ktime_ns;
	__u64 ring_lost; /* lost[EO_LOSS_RING_FULL] of this CPU when the record was made */
	char comm[EO_COMM_LEN];	  /* of the process; anything may follow the NUL */
	char thread[EO_COMM_LEN]; /* of the thread, likewise */
};

_Static_assert(sizeof(struct eo_record_header) == 64, "records are an ABI between bpf/ and lib/");

#endif
