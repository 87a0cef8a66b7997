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
	EO_RECORD_MISS = 3,
	EO_RECORD_SNAPSHOT = 4,
};

/* How the walk of the user half ended. */
enum eo_user_walk {
	EO_USER_NONE = 0,   /* not wanted, or a kernel thread */
	EO_USER_FP = 1,	    /* by the kernel's frame pointer walk; its end cannot be known */
	EO_USER_CUT = 2,    /* at EO_MAX_FRAMES */
	EO_USER_FAILED = 3, /* that walk could read nothing */
	EO_USER_COMPLETE = 4,	 /* to the bottom of the stack */
	EO_USER_NO_PROCESS = 5,	 /* its mappings are not known yet */
	EO_USER_NO_MAPPING = 6,	 /* a pc in none of them */
	EO_USER_NOT_LOADED = 7,	 /* a file whose table is not there yet */
	EO_USER_NO_ROW = 8,	 /* no rule for a pc, and no frame pointer either */
	EO_USER_UNSUPPORTED = 9, /* a rule that cannot be followed */
	EO_USER_READ_FAULT = 10, /* the stack could not be read there */
	EO_USER_BROKEN = 11,	 /* the caller's frame would lie below its callee's */
	EO_USER_EXITING = 12,	 /* the process has given up its memory */
	EO_USER_SNAPSHOT = 13,	   /* to the bottom of the stack, by user space from a copy */
	EO_USER_SNAPSHOT_CUT = 14, /* the same, but not to the bottom */
	EO_USER_WALK_COUNT = 16, /* a power of two */
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

/* x86-64 numbers its registers thus in DWARF: rax, rdx, rcx, rbx, rsi, rdi, rbp, rsp, r8 to r15,
 * rip. */
#define EO_SNAPSHOT_SP 7
#define EO_SNAPSHOT_PC 16
#define EO_SNAPSHOT_REGISTERS 17
#define EO_SNAPSHOT_STEP 1024u
#define EO_SNAPSHOT_STEPS 16u
#define EO_SNAPSHOT_FP_FRAMES 64u

/* A sample whose user half is for user space to unwind, and which is counted by nobody else. Beside
 * the copy of one stack there is the chain of frame pointers, which may lead to another. bytes[] holds kernel_frames addresses, leaf first, then stack_bytes from user address stack_at.
 * The record is cut there. */
struct eo_snapshot_record {
	__u32 kind;
	__u32 generation;
	__u64 ktime_ns;
	__u64 stack_at;
	__u32 tgid, tid;
	__u16 kernel_frames, fp_frames;
	__u32 stack_bytes;
	__u32 in_kernel;
	__u32 exec_id;
	char comm[EO_COMM_LEN];
	char thread[EO_COMM_LEN];
	__u64 registers[EO_SNAPSHOT_REGISTERS];
	__u64 fp[EO_SNAPSHOT_FP_FRAMES]; /* leaf first */
	__u8 bytes[(EO_MAX_FRAMES + 1) * sizeof(__u64) + EO_SNAPSHOT_STEPS * EO_SNAPSHOT_STEP];
};

#define EO_SNAPSHOT_HEADER_BYTES __builtin_offsetof(struct eo_snapshot_record, bytes)
_Static_assert(EO_SNAPSHOT_HEADER_BYTES == 728, "records are an ABI between bpf/ and lib/");

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

/* Of every object that takes stacks. */
struct eo_stack_config {
	__u32 per_thread;   /* stacks of two threads are two, and carry their names */
	__u32 wakeup_bytes; /* ring fill level from which user space is woken */
	__u32 tables;	    /* by tables, else by frame pointers; the profiler has two samplers instead */
	__u32 reserved;
};

struct eo_profiler_config {
	__u32 kernel_only, user_only;
	__u32 timestamps;   /* send each sample too */
	__u32 snapshots;    /* enum eo_snapshots */
	__u64 snapshot_interval_ns; /* on each CPU, in the long run; 0: no limit */
};

/* When a sample is sent as a snapshot. */
enum eo_snapshots {
	EO_SNAPSHOTS_NEVER = 0,
	EO_SNAPSHOTS_FOR_TABLES = 1, /* where tables are wanting */
	EO_SNAPSHOTS_ALWAYS = 2,
};

/* A walk that found user space's tables wanting. */
struct eo_miss_record {
	__u32 kind;
	__u32 tgid;
	__u64 ktime_ns;
	__u64 pc;
	__u32 user_walk; /* EO_USER_NO_PROCESS, _NO_MAPPING or _NOT_LOADED */
	__u32 reserved;
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
	__u64 snapshots;	 /* sent; not in aggregated */
	__u64 snapshots_lost;	 /* that found the ring full */
	__u64 snapshots_limited; /* not taken for their number: walked as far as possible */
	__u64 run_ns; /* time spent in our programs */
	__u64 runs;
};

#endif
