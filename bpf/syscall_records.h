/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the system call tracer's program and its user space say to each other. */
#ifndef EO_SYSCALL_RECORDS_H
#define EO_SYSCALL_RECORDS_H

#include <linux/types.h>

#include "trace_records.h"

#define EO_SYSCALL_MAX	      512 /* numbers below it have a place in tables; the largest is 469 in v6.18 */
#define EO_SYSCALL_ARGS	      6
#define EO_SYSCALL_CAPTURES   4 /* pieces of memory taken of one call */
#define EO_SYSCALL_PATH_BYTES 4096 /* PATH_MAX, with its NUL */
#define EO_SYSCALL_BYTES_MAX  12288 /* of all pieces of a call, headers included */
#define EO_SYSCALL_STRING_MAX 4096 /* the highest string limit */
#define EO_SYSCALL_ARGV_MAX   32   /* texts of an array */
#define EO_SYSCALL_ARRAY_MAX  16   /* elements of an array of structs */
#define EO_SYSCALL_ERRNOS     576 /* error numbers below it have a place in tables; the largest is 530 */

enum eo_syscall_abi {
	EO_ABI_NATIVE,
	EO_ABI_COMPAT, /* 32-bit: i386 on x86-64, arm on arm64; has numbers of its own */
	EO_ABI_X32,    /* x86-64's numbers; the marking bit is taken off */
	EO_ABI_COUNT,
};

/* What memory an argument points to, and how much of it is taken. */
enum eo_capture_kind {
	EO_CAPTURE_NONE,
	EO_CAPTURE_PATH,     /* text up to its NUL, at most EO_SYSCALL_PATH_BYTES */
	EO_CAPTURE_STRING,   /* text up to its NUL, at most the string limit */
	EO_CAPTURE_STRUCT,   /* @size bytes */
	EO_CAPTURE_BUFFER,   /* as many bytes as @length says, at most the string limit; payload only */
	EO_CAPTURE_SOCKADDR, /* as many bytes as @length says, at most 128 */
	EO_CAPTURE_IOVEC,    /* struct iovec, as many as @length says, at most 16 */
	EO_CAPTURE_ARGV,     /* an array of texts, each with its NUL and at most 511 bytes long: those
				that begin within the first 1024 bytes */
	EO_CAPTURE_FD,	     /* no memory: the path of the descriptor, with fd_paths only */
	EO_CAPTURE_TEXT,     /* as many bytes as @length says, at most EO_SYSCALL_PATH_BYTES - 1 */
	EO_CAPTURE_ARRAY,    /* @size bytes each, as many as @length says, at most EO_SYSCALL_ARRAY_MAX */
};

/* Where a length stands. */
enum eo_capture_length {
	EO_LENGTH_NONE,
	EO_LENGTH_ARG,	 /* the value of argument length_arg */
	EO_LENGTH_RET,	 /* the call's result */
	EO_LENGTH_ARG_PTR, /* the int that argument length_arg points to */
};

#define EO_CAPTURE_AT_EXIT 1 /* the kernel has filled it by then; not when the call failed */

struct eo_capture {
	__u8 kind; /* enum eo_capture_kind */
	__u8 arg;
	__u8 length; /* enum eo_capture_length */
	__u8 length_arg;
	__u16 size;
	__u16 flags;
};

/* What is taken of a call. A row of zeros takes nothing; what is taken at the start comes first. */
struct eo_syscall_captures {
	struct eo_capture capture[EO_SYSCALL_CAPTURES];
};

#define EO_PIECE_CUT   1 /* there was more */
#define EO_PIECE_FAULT 2 /* the memory could not be read; has no bytes */
#define EO_PIECE_LATE  4 /* read when the call ended, though it belongs to its start */
#define EO_PIECE_FD    8 /* not memory: the absolute path of the descriptor in this argument */

/* A piece of memory behind the record, followed by its bytes and padding to 8. Texts have no NUL. */
struct eo_syscall_piece {
	__u8 arg;
	__u8 flags;
	__u16 bytes;
	/* How many there would be; of EO_CAPTURE_IOVEC the number of elements, of EO_CAPTURE_ARGV
	 * that of the texts that are here, and of other texts nothing. */
	__u32 total;
};

_Static_assert(sizeof(struct eo_syscall_piece) == 8, "records are an ABI between bpf/ and lib/");

enum eo_syscall_record_kind {
	EO_RECORD_SYSCALL = 1,
};

#define EO_SYSCALL_NO_RETURN 1 /* the call never ends: no result and no duration */
/* Its start was not seen, so no arguments and no duration: it began before the trace or before its
 * thread was a target, or seccomp refused it. */
#define EO_SYSCALL_NO_ENTRY 2

/* header.ktime_ns is when the call began (with NO_ENTRY: when it ended). */
struct eo_syscall_record {
	struct eo_record_header header;
	__u32 nr;
	__u8 abi; /* enum eo_syscall_abi */
	__u8 flags;
	__u8 pieces;
	__u8 piece_flags; /* of all pieces, together */
	__s64 ret;	  /* of rt_sigreturn 0: the register holds what the signal interrupted */
	__u64 duration_ns;
	__u64 stack; /* its hash; 0: none */
	__u64 args[EO_SYSCALL_ARGS];
	__u8 bytes[EO_SYSCALL_BYTES_MAX]; /* the pieces; the record is cut behind the last one */
};

#define EO_SYSCALL_HEADER_BYTES __builtin_offsetof(struct eo_syscall_record, bytes)
_Static_assert(EO_SYSCALL_HEADER_BYTES == 144, "records are an ABI between bpf/ and lib/");

#define EO_SYSCALL_WORDS (EO_SYSCALL_MAX / 64)

/* Read-only for the programs: set between open and load. */
struct eo_syscall_config {
	__u32 by_call, by_errno, failed; /* these filters are in use */
	__u32 captures;			 /* there is something in the captures map */
	__u64 min_duration_ns;
	__u64 calls[EO_ABI_COUNT][EO_SYSCALL_WORDS]; /* bits, by number */
	__u64 other_calls; /* nonzero: numbers from EO_SYSCALL_MAX on are wanted too */
	__u64 errnos[EO_SYSCALL_ERRNOS / 64];
	__u32 by_comm, by_pid, by_cgroup; /* what a summary's rows are told apart by */
	__u32 fd_paths;			  /* there are descriptors among the captures */
	__u32 dense;			  /* rows of native calls are in an array, by number */
	__u32 hashes_large;		  /* large calls are in a hash map */
};

/* Key of the captures map. */
#define EO_SYSCALL_CAPTURES_KEY(abi, nr) ((abi) * EO_SYSCALL_MAX + (nr))

/* As the map has it: kinds are made simpler, and sizes settled by the limits of this run. */
enum eo_take_kind {
	EO_TAKE_NOTHING,
	EO_TAKE_TEXT,  /* up to its NUL, at most @size bytes without it */
	EO_TAKE_BYTES, /* @length times @unit, at most @size; without a length @size */
	EO_TAKE_ARGV,
	EO_TAKE_FD,
};

struct eo_take {
	__u8 kind; /* enum eo_take_kind */
	__u8 arg;
	__u8 length; /* enum eo_capture_length */
	__u8 length_arg;
	__u8 unit;
	__u8 flags; /* EO_CAPTURE_AT_EXIT */
	__u16 size;
};

/* Value of the captures map. */
struct eo_syscall_takes {
	struct eo_take take[EO_SYSCALL_CAPTURES];
};

/* Per CPU, only ever increased; user space sums them up. */
struct eo_syscall_counters {
	__u64 errors; /* of the calls that passed the filters, also of those that got lost */
};

/* A row of the summary. What the rows are not told apart by is zero. */
struct eo_syscall_key {
	__u32 nr;
	__u32 abi;
	__u64 cgroup;
	__u32 tgid;
	__u32 reserved;
	char comm[EO_COMM_LEN]; /* of the process */
};

#define EO_SYSCALL_KEY_SHORT __builtin_offsetof(struct eo_syscall_key, cgroup)

/* Durations: four slots for each power of two. Slot 4k+q counts 2^k * (1 + q/4) <= ns <
 * 2^k * (1 + (q+1)/4); k below 2 has the same slots, of which it cannot use all. The last slot
 * also counts what is longer. */
#define EO_SYSCALL_SLOTS 160

struct eo_syscall_row {
	__u64 errors;
	__u64 untimed; /* calls without a duration: not in slots[] */
	__u64 total_ns, max_ns;
	__u64 min_ns; /* in the kernel its complement, so that zeros are a fresh row */
	__u64 slots[EO_SYSCALL_SLOTS];
};

#endif
