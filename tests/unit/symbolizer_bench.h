/* SPDX-License-Identifier: BSD-2-Clause */
/* A symbolizer, and programs in the test's folder that it is to name. */
#ifndef TESTS_SYMBOLIZER_BENCH_H
#define TESTS_SYMBOLIZER_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "folder.h"
#include "symbol/symbolizer.h"

struct symbolizer_bench {
	struct eo_processes *processes;
	struct eo_symbolizer *symbolizer;
};

extern const struct eo_symbolizer_options default_options;

struct symbolizer_bench symbolizer_bench_new(const struct eo_symbolizer_options *options);
void symbolizer_bench_free(struct symbolizer_bench *b);

/* A function of the test itself. */
int eo_test_here(int x);

struct child {
	pid_t pid;
	uint64_t leaf; /* where its eo_test_leaf() is; 0: it did not come so far */
};

/* Compile such a program from p.c, where that function is on line 3. Returns its path, the caller's. */
char *compile_program(const char *name, const char *flags);
/* @root: change to it, in a mount namespace of the child's own; NULL: stay. */
struct child start_child(const char *path, const char *root);
/* Both. */
struct child start_program(const char *name, const char *flags);
void stop_child(const struct child *child);

/* What is at an address of a process. */
struct eo_frame user_frame(struct symbolizer_bench *b, pid_t pid, uint64_t address);
void expect_name(const struct eo_frame *frame, const char *name, uint64_t offset);

#endif
