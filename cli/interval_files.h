/* SPDX-License-Identifier: BSD-2-Clause */
/* The files of --interval: their names come from a template, and --keep has the old ones removed. */
#ifndef EO_CLI_INTERVAL_FILES_H
#define EO_CLI_INTERVAL_FILES_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli.h"

/* Zeroed but for @keep and @cli is empty. */
struct interval_files {
	uint32_t keep; /* 0: all */
	const struct cli *cli;

	/* private */
	char **names; /* a ring of the newest */
	size_t count;
};

void interval_files_fini(struct interval_files *files);

/** @name has been written: remember it, and remove what is now too old. */
void interval_files_add(struct interval_files *files, const char *name);

/**
 * The name that @path, a strftime template, has at Unix time @time_ns. In the hour that comes a
 * second time when clocks are set back it also holds the zone's offset, or it would be that of an
 * earlier file. Returns false when it is too long.
 */
bool interval_name(const char *path, uint64_t time_ns, char *ret, size_t size);

/** Whether intervals that begin one after the other from @now_ns on get different names. */
bool interval_names_differ(const char *path, uint64_t now_ns, uint64_t interval_ns);

/* Where the first interval begins, which the names of all are counted from. Else zeroed. */
struct interval_clock {
	uint64_t started_wall_ns, interval_ns;

	/* private */
	uint64_t index; /* of the interval that runs */
};

/**
 * Unix time at which the next interval begins, about @passed_ns after the first one: a late timer
 * skips no name, and no two intervals have one.
 */
uint64_t interval_clock_next(struct interval_clock *clock, uint64_t passed_ns);

#endif
