/* SPDX-License-Identifier: BSD-2-Clause */
/* What to tell somebody whom the kernel turned away. */
#ifndef EO_CAPTURE_PRIVILEGES_H
#define EO_CAPTURE_PRIVILEGES_H

#define EO_HINT_PRIVILEGES                                                             \
	"run as root, or grant the binary CAP_BPF and CAP_PERFMON (and, for the names of " \
	"other processes and the kernel, CAP_SYS_PTRACE and CAP_SYSLOG)"

#endif
