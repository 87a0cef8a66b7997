/* SPDX-License-Identifier: BSD-2-Clause */
/* What tables.py makes of calls.txt, numbers.txt and lists.txt; for the files of this folder and
 * their tests. */
#ifndef EO_SYSCALL_TABLES_H
#define EO_SYSCALL_TABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "syscall/call.h"

/* How an argument is shown. tables.py takes these names, in small letters, from calls.txt. */
enum eo_arg_kind {
	EO_ARG_SKIP, /* says nothing: padding */

	/* Numbers. */
	EO_ARG_INT, /* 32 bits */
	EO_ARG_UINT,
	EO_ARG_LONG, /* as wide as a register */
	EO_ARG_SIZE,
	EO_ARG_HEX,
	EO_ARG_PTR,
	EO_ARG_FD,
	EO_ARG_DFD, /* a folder that the path behind it starts from */
	EO_ARG_ID,  /* of a user or group; -1: none */

	/* Numbers with names. */
	EO_ARG_FLAGS,
	EO_ARG_ENUM,
	EO_ARG_MODE,
	EO_ARG_MODE_CREAT, /* only when the flags before it create something */
	EO_ARG_FILE_MODE,
	EO_ARG_DEV,
	EO_ARG_SIGNO,
	EO_ARG_CLONE_FLAGS,
	EO_ARG_PROTOCOL,      /* of the family two before it */
	EO_ARG_SOCKET_OPTION, /* of the level before it */
	EO_ARG_IOCTL,
	EO_ARG_IPC_KEY,
	EO_ARG_IPC_GET,	 /* flags, and a mode in the lowest bits */
	EO_ARG_FCNTL_ARG, /* by the command before it */
	EO_ARG_PRCTL_ARG,
	EO_ARG_PRCTL_MORE,
	EO_ARG_FUTEX_TIME,
	EO_ARG_FUTEX_ADDR2,
	EO_ARG_FUTEX_VAL3,

	/* Texts and bytes. */
	EO_ARG_PATH,
	EO_ARG_TARGET, /* a path that names nothing yet: what a symbolic link says */
	EO_ARG_STR,
	EO_ARG_TEXT,  /* as long as the length says */
	EO_ARG_BYTES, /* the same, taken only when asked for */
	EO_ARG_SOCKADDR,
	EO_ARG_IOVEC,
	EO_ARG_ARGV,

	/* Structs, and arrays of them. */
	EO_ARG_INT_AT,
	EO_ARG_UINT_AT,
	EO_ARG_LONG_AT,
	EO_ARG_MASK_AT,
	EO_ARG_TWO_FDS,
	EO_ARG_OPTION_VALUE,
	EO_ARG_TIMESPEC,
	EO_ARG_TIMEVAL,
	EO_ARG_TWO_TIMESPECS,
	EO_ARG_TWO_TIMEVALS,
	EO_ARG_ITIMERSPEC,
	EO_ARG_ITIMERVAL,
	EO_ARG_UTIMBUF,
	EO_ARG_RLIMIT,
	EO_ARG_RUSAGE,
	EO_ARG_SIGSET,
	EO_ARG_SIGACTION,
	EO_ARG_SIGINFO,
	EO_ARG_WAIT_STATUS,
	EO_ARG_STAT,
	EO_ARG_STATX,
	EO_ARG_OPEN_HOW,
	EO_ARG_CLONE_ARGS,
	EO_ARG_UTSNAME,
	EO_ARG_MSGHDR,
	EO_ARG_PERF_ATTR,
	EO_ARG_POLLFDS,
	EO_ARG_FDSET,
	EO_ARG_EPOLL_EVENT,
	EO_ARG_EPOLL_EVENTS,
	EO_ARG_KIND_COUNT,
};

struct eo_call_arg {
	const char *name;
	const char *ptr_name; /* instead of it, where the address is all that is known */
	uint8_t kind;	/* enum eo_arg_kind */
	uint8_t list;	/* enum eo_name_list_id, of EO_ARG_FLAGS and EO_ARG_ENUM */
	uint8_t length; /* enum eo_capture_length */
	uint8_t length_arg;
	bool at_exit;
};

struct eo_call {
	const char *name;
	uint16_t classes; /* bits of enum eo_syscall_class */
	uint8_t arg_count;
	bool returns_address;
	struct eo_call_arg args[6];
};

extern const struct eo_call eo_calls[];

/* A number far from all others. */
struct eo_far_call {
	uint32_t nr;
	uint16_t call;
};

/* One of the kernel's interfaces. */
struct eo_call_interface {
	const uint16_t *calls; /* by number: index into eo_calls, EO_NO_CALL where there is none */
	uint32_t call_count;
	uint32_t far_count;
	const struct eo_far_call *far;
	const uint32_t *by_name; /* all numbers, in the order of their names */
	uint32_t name_count;
};

#define EO_NO_CALL UINT16_MAX

enum eo_call_interface_id {
	EO_INTERFACE_X86_64,
	EO_INTERFACE_I386,
	EO_INTERFACE_X32,
	EO_INTERFACE_ARM64,
	EO_INTERFACE_ARM,
	EO_INTERFACE_COUNT,
};

extern const struct eo_call_interface eo_call_interfaces[EO_INTERFACE_COUNT];

/* A number's name. Of flags: the bits of @mask have the value @value. */
struct eo_name {
	const char *name;
	uint64_t value, mask;
};

struct eo_name_list {
	const char *name;
	bool flags;
	uint32_t count;
	const struct eo_name *names; /* enum: sorted by value */
};

/* By enum eo_name_list_id of the generated lists.h. */
extern const struct eo_name_list *const eo_name_lists[EO_MACHINE_COUNT];
extern const uint32_t eo_name_list_count;

/** The interface behind an ABI; NULL where the machine has no such. */
const struct eo_call_interface *eo_call_interface(enum eo_machine machine, unsigned int abi);
/** What is known of a call; NULL for an unknown number. */
const struct eo_call *eo_call_of(enum eo_machine machine, unsigned int abi, uint32_t nr);

/** Whether what an argument points to lies in memory in the same way whatever the ABI. */
bool eo_arg_is_the_same(enum eo_arg_kind kind);

#endif
