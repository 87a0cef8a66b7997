/* SPDX-License-Identifier: BSD-2-Clause */
/* ELF files that are built in a folder, and what they are asked. */
#ifndef TESTS_ELF_BENCH_H
#define TESTS_ELF_BENCH_H

#include "folder.h"
#include "symbol/elf_file.h"

/* An empty folder in the test's: no debug files are found there. */
extern char *empty_root;

/* The folder, with main.c, and lib.c that has every kind of symbol. */
void make_elf_sources(void);

/* The caller's. @name: in the folder, or of the system */
struct eo_elf *open_elf(const char *name);

/* Address of a function, of any type, as nm tells it. */
uint64_t address_of(const char *name, const char *symbol);

/* What is found there without debug files. */
void expect_name(struct eo_elf *elf, uint64_t at, const char *name, uint64_t start);
void expect_none(struct eo_elf *elf, uint64_t at);

#endif
