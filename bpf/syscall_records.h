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
	EO_CAPTURE_ARGV,     /* an array of texts: the first few, each with its NUL, within the string limit */
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

/* Value of the captures map, key: the number. A row of zeros takes nothing. */
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
	__u32 total; /* how many there would be; of EO_CAPTURE_IOVEC the number of elements */
};

enum eo_syscall_record_kind {
	EO_RECORD_SYSCALL = 1,
};

#define EO_SYSCALL_NO_RETURN 1 /* the call never ends: no result and no duration */
#define EO_SYSCALL_NO_ENTRY  2 /* it began before the trace: no arguments, no duration */

/* header.ktime_ns is when the call began (with NO_ENTRY: when it ended). */
struct eo_syscall_record {
	struct eo_record_header header;
	__u32 nr;
	__u8 abi; /* enum eo_syscall_abi */
	__u8 flags;
	__u8 pieces;
	__u8 reserved;
	__s64 ret;
	__u64 duration_ns;
	__u64 args[EO_SYSCALL_ARGS];
	__u8 bytes[EO_SYSCALL_BYTES_MAX]; /* the pieces; the record is cut behind the last one */
};

#define EO_SYSCALL_HEADER_BYTES __builtin_offsetof(struct eo_syscall_record, bytes)
_Static_assert(EO_SYSCALL_HEADER_BYTES == 136, "records are an ABI between bpf/ and lib/");

#endif
