/* SPDX-License-Identifier: BSD-2-Clause */
/* What /proc/PID/stat says of a process, or of a thread; see proc_pid_stat(5). */
#ifndef EO_CORE_PROCESS_STAT_H
#define EO_CORE_PROCESS_STAT_H

#include <stdbool.h>
#include <stdint.h>

struct eo_process_stat {
	char name[64]; /* threads of the kernel have longer ones than others */
	char state;    /* R, S, Z … */
	uint32_t ppid;
	uint32_t flags; /* PF_*: include/linux/sched.h */
	uint32_t threads; /* of the process, with a main thread that has ended while others have not */
	uint64_t start_ticks; /* since boot, the time asleep included; see below */
};

/**
 * Returns 0, or a negative errno: -ENOENT where /proc has no such process, or hides it; -ESRCH when
 * it went meanwhile; -EPROTO for what is no such file.
 */
int eo_process_stat_read(uint32_t pid, struct eo_process_stat *ret);

/** The same of the process whose directory in /proc is @dir, whoever has its number by now. */
int eo_process_stat_read_at(int dir, struct eo_process_stat *ret);

/** The same of a file's text, which ends with a NUL. Returns 0 or -EPROTO. */
int eo_process_stat_parse(const char *text, struct eo_process_stat *ret);

/**
 * Of a process: whether its main thread has ended and others have not, as after pthread_exit() in main().
 * The kernel shows a zombie then.
 */
bool eo_process_stat_is_headless(const struct eo_process_stat *stat);

/** When it began, by CLOCK_MONOTONIC, or up to a tick of the clock before. */
uint64_t eo_process_stat_began_ns(const struct eo_process_stat *stat);
uint64_t eo_process_stat_tick_ns(void); /* 1 / sysconf(_SC_CLK_TCK) s */

#endif
