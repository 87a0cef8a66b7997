/* SPDX-License-Identifier: BSD-2-Clause */
/* Where things stand in the kernel's structs, on machines of 64 bits. */
#ifndef EO_SYSCALL_LAYOUT_H
#define EO_SYSCALL_LAYOUT_H

#define EO_TIME_BYTES	     16 /* struct timespec, struct timeval */
#define EO_SIGSET_BYTES	     8
#define EO_SIGACTION_BYTES   32
#define EO_SIGINFO_BYTES     32 /* what comes before the fields of rarer signals */
#define EO_STAT_BYTES	     56 /* up to st_size */
#define EO_STATX_BYTES	     48 /* up to stx_size */
#define EO_OPEN_HOW_BYTES    24
#define EO_CLONE_ARGS_BYTES  64 /* the first version */
#define EO_UTSNAME_BYTES     325 /* five texts, without the domain */
#define EO_UTSNAME_FIELD     65
#define EO_MSGHDR_BYTES	     56
#define EO_RUSAGE_BYTES	     40 /* up to ru_maxrss */
#define EO_PERF_ATTR_BYTES   24 /* up to the period */
#define EO_POLLFD_BYTES	     8
#define EO_FDSET_BYTES	     128
#define EO_EPOLL_EVENT_BYTES 16 /* 12 on x86-64, where it is packed */
#define EO_IOVEC_BYTES	     16
#define EO_MASK_BYTES	     8	/* of a CPU mask; more CPUs are marked as cut */
#define EO_SOCKADDR_BYTES    128

static inline unsigned int eo_epoll_event_bytes(enum eo_machine machine)
{
	return machine == EO_MACHINE_X86 ? 12 : EO_EPOLL_EVENT_BYTES;
}

#endif
