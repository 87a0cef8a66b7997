/* SPDX-License-Identifier: BSD-2-Clause */
/* Finds functions of given names in what processes map, and probes them: each copy of a library, in
 * whatever container, and programs that have the functions in themselves. Not thread-safe. */
#ifndef EO_CAPTURE_FUNCTION_PROBES_H
#define EO_CAPTURE_FUNCTION_PROBES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/auto.h"
#include "core/error.h"

struct bpf_program;
struct eo_uprobe;

struct eo_probed_function {
	const char *name; /* the linker's; static text */
	uint64_t cookie;  /* of its probes */
	bool returns;	  /* probed at its return too */
	bool first;	  /* probed before those that are not */
};

struct eo_function_probes_options {
	struct bpf_program *enter, *leave;
	bool multi; /* see eo_uprobes_prepare() */
	/* One probe for all processes of the machine that map a file, so that what begins later is
	 * seen from its first call, at the price of a trap in the others. Else one for each target. */
	bool everywhere;
	int targets_fd; /* map of the pids that are targets; negative: all are */
	const struct eo_probed_function *functions; /* copied */
	size_t function_count;
	/* A file is of interest when it has all of these, or when it was named. Ended by NULL. */
	const char *const *needed;
	/* Places that a file declares itself, and which are probed in place of its functions by
	 * declared. @ret: malloc()ed. Returns how many there are, 0 for none, or -ENOMEM. NULL: none is
	 * looked for. */
	int (*declares)(void *ctx, int fd, struct eo_uprobe **ret);
	void *declares_ctx;
	struct bpf_program *declared;
};

struct eo_function_probes_stats {
	uint64_t late;	 /* processes that had run for a moment when they were probed */
	uint64_t denied; /* files that could not be opened or probed */
};

struct eo_function_probes;

/** From here on the news of processes are noted. */
int eo_function_probes_new(const struct eo_function_probes_options *options,
			   struct eo_function_probes **ret, struct eo_error *err);
void eo_function_probes_free(struct eo_function_probes *probes); /* NULL is fine; detaches */
EO_DEFINE_AUTO(eo_function_probes)

/* Between new() and begin(). */

/**
 * Probe a file's functions now, if probes are for everybody; else in each target that maps it.
 * @named: it is of interest whatever it has
 * Returns how many functions were found in it, or a negative errno.
 */
int eo_function_probes_add_file(struct eo_function_probes *probes, const char *path, bool named,
				struct eo_error *err);

/**
 * Probe what a process has now.
 * Returns how many of its files were probed for it, or a negative errno: -ESRCH when it has gone.
 */
int eo_function_probes_add_process(struct eo_function_probes *probes, uint32_t tgid,
				   struct eo_error *err);

/** Where everybody is a target, probe what everybody has. */
int eo_function_probes_begin(struct eo_function_probes *probes, struct eo_error *err);

/** Probe what has come since: libraries, programs, children. 0 or -ENOMEM. */
int eo_function_probes_update(struct eo_function_probes *probes);

/** Becomes readable when there is something for update(). */
int eo_function_probes_fd(const struct eo_function_probes *probes);

struct eo_function_probes_stats eo_function_probes_stats(const struct eo_function_probes *probes);

#endif
