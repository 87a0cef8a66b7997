/* SPDX-License-Identifier: BSD-2-Clause */
/* A folder of a test's own, and what is built there. */
#ifndef TESTS_FOLDER_H
#define TESTS_FOLDER_H

#include <stdbool.h>
#include <stddef.h>

void make_folder(void);
void remove_folder(void);

/** The path of a file in it; the caller's. */
char *in_folder(const char *name);
void write_in_folder(const char *name, const void *bytes, size_t size);

/** Run a command in it. Returns whether it succeeded. */
bool try_run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/** Make a program of @source with these options of the compiler, in a folder that is gone on return.
 * Returns a descriptor of it. */
int build_c(const char *source, const char *options);

#endif
