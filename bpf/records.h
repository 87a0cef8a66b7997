/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the programs in the kernel and lib/capture say to each other. Fixed-width fields only;
 * kinds are appended and never renumbered. */
#ifndef EO_RECORDS_H
#define EO_RECORDS_H

#include <linux/types.h>

#define EO_MAX_FRAMES 127 /* per half: the kernel's own default, perf_event_max_stack */
#define EO_COMM_LEN 16
#define EO_FILTER_CGROUPS 64

enum eo_record_kind {
	EO_RECORD_STACK = 1,
	EO_RECORD_SAMPLE = 2,
};

/* How the walk of the user half ended. */
enum eo_user_walk {
	EO_USER_NONE = 0,   /* not wanted, or a kernel thread */
	EO_USER_FP = 1,	    /* by frame pointers; whether it is complete cannot be known */
	EO_USER_CUT = 2,    /* at EO_MAX_FRAMES */
	EO_USER_FAILED = 3, /* nothing could be read */
	EO_USER_WALK_COUNT = 4,
};

/* A distinct stack; frames[] holds kernel_frames of the kernel half, then user_frames of the
 * user half, each leaf first. The record is cut behind the last frame. */
struct eo_stack_record {
	__u32 kind;
	__u32 generation; /* which of the two counts maps holds the hash */
	__u64 ktime_ns; /* CLOCK_MONOTONIC, of the first sample with this stack */
	__u64 hash;	/* key in the counts map */
	__u32 tgid, tid;
	__u16 kernel_frames, user_frames;
	__u32 user_walk; /* enum eo_user_walk */
	__u32 in_kernel; /* taken in kernel mode */
	__u32 exec_id;	 /* low half of the task's count of execs: old names are not new ones */
	char comm[EO_COMM_LEN];	  /* of the process */
	char thread[EO_COMM_LEN]; /* of the thread */
	__u64 frames[2 * (EO_MAX_FRAMES + 1)];
};

/* With timestamps: one for each sample, behind the record of its stack. */
struct eo_sample_record {
	__u32 kind;
	__u32 generation;
	__u64 ktime_ns;
	__u64 hash; /* 0: [stack limit] */
};

#define EO_STACK_HEADER_BYTES __builtin_offsetof(struct eo_stack_record, frames)
_Static_assert(EO_STACK_HEADER_BYTES == 80, "records are an ABI between bpf/ and lib/");

/* Read-only for the programs: set between open and load. */
struct eo_filter_config {
	__u32 own_tgid;	    /* never looked at */
	__u32 command_tgid; /* looked at from its exec on; 0: none */
	__u32 by_pid, by_tid, by_uid, by_comm; /* these maps are in use */
	__u32 cgroups;	    /* elements of target_cgroups */
	__u32 follow;	    /* children of pids and tids too */
};

/* Values of the target_pids and target_tids maps. */
enum eo_target_state {
	EO_TARGET_LIVE = 1,
	EO_TARGET_ENDED = 2, /* but its number is not free yet, and late samples are still its own */
};

struct eo_profiler_config {
	__u32 kernel_only, user_only;
	__u32 per_thread;
	__u32 timestamps;   /* send each sample too */
	__u32 wakeup_bytes; /* ring fill level from which user space is woken */
};

/* Value of the counts maps, key: the stack's hash. */
struct eo_stack_count {
	__u64 count;
	__u32 sent; /* its record went into the ring */
	__u32 reserved;
};

/* Per CPU, only ever increased; user space sums them up. */
struct eo_profile_counters {
	__u64 seen;
	__u64 aggregated;
	__u64 filtered;
	__u64 busy;
	__u64 ring_retries; /* failed sends of a stack; the next sample tries again */
	__u64 idle;
	__u64 stack_limit;
	__u64 kernel;
	__u64 user_walk[EO_USER_WALK_COUNT];
	__u64 run_ns; /* time spent in our programs */
	__u64 runs;
};

#endif
