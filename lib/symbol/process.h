/* SPDX-License-Identifier: BSD-2-Clause */
/* Processes and their executable mappings: read from /proc once, kept up to date by the kernel's
 * sideband (PERF_RECORD_MMAP2, COMM, FORK, EXIT). Not thread-safe. */
#ifndef EO_SYMBOL_PROCESS_H
#define EO_SYMBOL_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/auto.h"
#include "core/error.h"

/* An executable mapping of a process. */
struct eo_vma {
	uint64_t start, end; /* user addresses, end is the first behind */
	uint64_t offset;     /* in the file */
	uint64_t inode;	     /* 0: no file */
	const char *path;    /* as the kernel names it: "/usr/bin/x", "[vdso]", "//anon", "" … */
	uint64_t part; /* set by find(): one number for each path, inode, offset and size, never
			  used for another */
};

struct eo_processes;

int eo_processes_new(struct eo_processes **ret, struct eo_error *err);
void eo_processes_free(struct eo_processes *processes); /* NULL is fine */
EO_DEFINE_AUTO(eo_processes)

/**
 * Read the mappings of one live process anew, as of now.
 * Returns 0, or a negative errno (-ESRCH when it has gone); never fills an error: an unreadable
 * process is one without mappings.
 */
int eo_processes_scan(struct eo_processes *processes, uint32_t tgid);

/** Scan every process of /proc. Returns how many were read, or a negative errno. */
int eo_processes_scan_all(struct eo_processes *processes);

/* Sideband, in time order. Those of @ktime_ns before a process's scan change nothing. */
void eo_processes_mmap(struct eo_processes *processes, uint32_t tgid, const struct eo_vma *vma,
		       uint64_t ktime_ns);
void eo_processes_exec(struct eo_processes *processes, uint32_t tgid, uint64_t ktime_ns);
void eo_processes_fork(struct eo_processes *processes, uint32_t parent_tgid, uint32_t child_tgid,
		       uint64_t ktime_ns);
/**
 * A thread has ended. Its process has when that was the main one (@tid is @tgid) and no other goes on, or
 * the last of those. Marks only: late samples still find the mappings. eo_processes_reap() drops them.
 */
void eo_processes_exit(struct eo_processes *processes, uint32_t tgid, uint32_t tid,
		       uint64_t ktime_ns);

/**
 * Events from between these moments were lost, and may have been of anybody. Who was known before is not
 * believed to be the same for moments after @from_ns: find() reads it anew, and who has ended is unknown.
 */
void eo_processes_doubt(struct eo_processes *processes, uint64_t from_ns, uint64_t until_ns);

/** Forget processes, and former programs of processes, that ended before @ktime_ns. */
void eo_processes_reap(struct eo_processes *processes, uint64_t ktime_ns);

/**
 * The mapping that holds @address, or NULL. A process never seen is scanned first, and a known
 * live one is scanned again (not more than once a second) when the address is in none.
 * The result lives until the next call.
 */
const struct eo_vma *eo_processes_find(struct eo_processes *processes, uint32_t tgid,
				       uint64_t address);

/**
 * From now on find() and generation() answer for @ktime_ns: a process that has called exec since, or
 * another that has its number now, is not taken for the one of then, as long as that one is not
 * reaped. 0: for the present, as in the beginning.
 */
void eo_processes_as_of(struct eo_processes *processes, uint64_t ktime_ns);

/** A number that a process shares with no other and loses with exec; 0 for an unknown process. */
uint64_t eo_processes_generation(const struct eo_processes *processes, uint32_t tgid);

typedef void (*eo_process_fn)(void *ctx, uint32_t tgid);

/**
 * Tell @fn of each process that has changed since the last call: other mappings, another program,
 * or forgotten. The first call begins to take notes.
 */
void eo_processes_changes(struct eo_processes *processes, eo_process_fn fn, void *ctx);

typedef void (*eo_vma_fn)(void *ctx, const struct eo_vma *vma);

/** Each mapping, ascending. Returns false for an unknown process. */
bool eo_processes_each_vma(const struct eo_processes *processes, uint32_t tgid, eo_vma_fn fn, void *ctx);

/** Known processes, ended ones included until they are reaped. */
size_t eo_processes_count(const struct eo_processes *processes);

#endif
