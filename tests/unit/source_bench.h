/* SPDX-License-Identifier: BSD-2-Clause */
/* Programs with debug information, compiled in a folder, and a reader of their lines. */
#ifndef TESTS_SOURCE_BENCH_H
#define TESTS_SOURCE_BENCH_H

#include "folder.h"
#include "symbol/source.h"

/* The programs' functions. */
#define PLAIN_SYMBOL	 "_Z5plainl"
#define OUTER_SYMBOL	 "_Z5outerl"
#define ELSEWHERE_SYMBOL "_Z9elsewherel"

/* The folder, with what is to be compiled, and an empty root for debug files. */
void make_source_programs(void);
void compile(const char *compiler, const char *flags, const char *name);

/* The executable bytes from the begin of a function on. */
struct source_range {
	uint64_t start, size;
};

struct source_range function_of(const char *name, const char *symbol);

struct source_bench {
	struct eo_string_pool *strings;
	struct eo_source *source;
	uint64_t budget;
};

/* Of the file with that name in the folder, with debug files below @root there; "": no others. @dir: that
 * the file is in, below @root, or NULL. Returns what eo_source_open() does. */
int source_bench_try(struct source_bench *b, const char *name, const char *root, const char *dir);
/* It has to succeed without other files. */
struct source_bench source_bench_open(const char *name);
void source_bench_free(struct source_bench *b);

/* Find the lines of one address. */
size_t lines_of(struct source_bench *b, uint64_t vaddr, const struct eo_source_line **ret);

#endif
