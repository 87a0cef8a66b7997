/* SPDX-License-Identifier: BSD-2-Clause */
/* A folder of a test's own, and what is built there. */
#ifndef TESTS_FOLDER_H
#define TESTS_FOLDER_H

#include <criterion/criterion.h>
#include <stdbool.h>
#include <stddef.h>

extern char folder[];

void make_folder(void);
void remove_folder(void);

/** The path of a file in it; the caller's. @name: an absolute one stays what it is */
char *in_folder(const char *name);
int open_in_folder(const char *name); /* to read; it has to be there */
void write_in_folder(const char *name, const void *bytes, size_t size);
void write_text(const char *name, const char *text);

/** Run a command in it. Returns whether it succeeded. */
bool try_run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/** It has to succeed. */
#define run(...) cr_assert(try_run(__VA_ARGS__), "%s", #__VA_ARGS__)
bool has_program(const char *name);

/** Make a program of @source with these options of the compiler, in a folder that is gone on return.
 * Returns a descriptor of it. */
int build_c(const char *source, const char *options);

#endif
