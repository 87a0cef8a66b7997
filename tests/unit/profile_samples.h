/* SPDX-License-Identifier: BSD-2-Clause */
/* Profiles to write, and what came of it. */
#ifndef TESTS_PROFILE_SAMPLES_H
#define TESTS_PROFILE_SAMPLES_H

#include <stdbool.h>
#include <stddef.h>

#include "format/writer.h"
#include "model/profile.h"

/* One frame of a stack that is told in words. */
struct frame {
	const char *name; /* NULL: no line */
	const char *file; /* mapping, NULL none; "[kernel.kallsyms]" makes it a kernel frame */
	uint64_t address;
};

/** Index of the location; mappings span 0x1000–0x9000 at offset 0x1000. */
uint32_t add_frame(struct eo_profile *profile, struct frame frame);

/** @frames: root first, @count of them. @comm: NULL none; @pid: negative none. */
void add_stack(struct eo_profile *profile, const struct frame *frames, size_t count,
	       const char *comm, int64_t pid, int64_t samples);

/** A profile with samples/count and cpu/nanoseconds at 100 Hz and no samples. */
struct eo_profile *cpu_profile(void);

/** The one of test_pprof.c's golden bytes. */
struct eo_profile *golden_profile(void);

/** Something of everything: a kernel, inlined functions, unnamed frames, recursion, labels. */
struct eo_profile *rich_profile(void);

/** What @write writes, NUL-terminated, malloc()ed. @len may be NULL. */
char *written(eo_profile_write_fn write, const struct eo_profile *profile,
	      const struct eo_write_options *options, size_t *len);

/** The output of a shell command, malloc()ed; NULL when it failed. */
char *output_of(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** Where the program is, malloc()ed; NULL, and the reason is printed, when it is nowhere. */
char *find_tool(const char *name);

#endif
