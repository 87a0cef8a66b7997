/* SPDX-License-Identifier: BSD-2-Clause */
/* Giving up rights: once a capture is attached, most of what loading it took is of no use any more
 * except to somebody who takes the process over. */
#ifndef EO_CORE_CONFINE_H
#define EO_CORE_CONFINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"

/* Sets of capabilities, a bit each, as <linux/capability.h> numbers them. */

/** What reading the files of others' processes takes, for the names in them. */
uint64_t eo_confine_for_files(void);
/** The same, and what a running capture takes: maps, new CPUs, new processes to attach to. */
uint64_t eo_confine_for_capture(void);
/** What it takes to put files into @directory; nothing where it is one's own. */
uint64_t eo_confine_for_directory(const char *directory);
/** What it takes to send signals to processes of other users. */
uint64_t eo_confine_for_signals(void);

/**
 * Drop all capabilities of the calling thread that are not in @keep, for good.
 * CAP_SYS_ADMIN stays where it stands for CAP_BPF and CAP_PERFMON, which are wanted and missing.
 * Returns 0 or a negative errno.
 */
int eo_confine_capabilities(uint64_t keep);

/**
 * For all threads: no new privileges by exec, and no system call any more that starts programs,
 * changes identities, mounts, debugs, or loads kernel code. Those calls fail with EPERM.
 * Without libseccomp only the first.
 */
int eo_confine_calls(struct eo_error *err);

/** Was this built with a filter of system calls? */
bool eo_confine_has_filter(void);

#endif
