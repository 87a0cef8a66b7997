/* SPDX-License-Identifier: BSD-2-Clause */
/* System calls by name, number and class, and the names of errors. */
#ifndef EO_SYSCALL_CALL_H
#define EO_SYSCALL_CALL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "syscall_records.h"

/* All machines' tables are there on each machine, for tests and for files from elsewhere. */
enum eo_machine {
	EO_MACHINE_X86, /* native: x86-64, compat: i386, and x32 */
	EO_MACHINE_ARM, /* native: arm64, compat: arm */
	EO_MACHINE_COUNT,
};

#if defined(__x86_64__)
#define EO_MACHINE_HERE EO_MACHINE_X86
#elif defined(__aarch64__)
#define EO_MACHINE_HERE EO_MACHINE_ARM
#else
#error "no tables of system calls for this machine"
#endif

enum eo_syscall_class {
	EO_CLASS_FILE,	  /* takes the name of a file */
	EO_CLASS_DESC,	  /* takes or makes a descriptor */
	EO_CLASS_NETWORK,
	EO_CLASS_PROCESS, /* makes, ends, changes or waits for processes */
	EO_CLASS_MEMORY,
	EO_CLASS_SIGNAL,
	EO_CLASS_IPC,	  /* System V */
	EO_CLASS_COUNT,
};

/** "openat"; NULL for an unknown number. Static text. @abi: enum eo_syscall_abi of this machine */
const char *eo_syscall_name(unsigned int abi, uint32_t nr);
const char *eo_syscall_name_on(enum eo_machine machine, unsigned int abi, uint32_t nr);

/** The word that stands for an ABI in events: "i386", "x32", "arm"; NULL for the native one. */
const char *eo_syscall_abi_name(enum eo_machine machine, unsigned int abi);
/** The reverse; NULL is native. Returns -1 for a name that is none. */
int eo_syscall_abi_find(enum eo_machine machine, const char *name);

/** The native number of a name; -1 where this machine has no such call. */
int eo_syscall_find(const char *name);
int eo_syscall_find_on(enum eo_machine machine, unsigned int abi, const char *name);

/** A bit (1 << enum eo_syscall_class) for each class that the native call @nr is in. */
unsigned int eo_syscall_classes(uint32_t nr);
/** "file"; NULL out of range. */
const char *eo_syscall_class_name(unsigned int class);

/** "ENOENT" for 2, also of the kernel's own up to 531; NULL for a number that has none. */
const char *eo_errno_name(unsigned int code);
/** The number of "ENOENT"; 0 for a name that is none. */
unsigned int eo_errno_find(const char *name);
/** "SIGTERM" for 15; NULL for 0, real-time signals and what is none. */
const char *eo_signal_name(unsigned int signal);

#endif
