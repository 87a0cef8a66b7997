/* SPDX-License-Identifier: BSD-2-Clause */
/* A thread that turns ELF files into packed tables, the smallest first. */
#ifndef EO_UNWIND_PARSER_H
#define EO_UNWIND_PARSER_H

#include <stdbool.h>
#include <stdint.h>

#include "core/auto.h"
#include "core/error.h"
#include "unwind/packed_table.h"

struct eo_parser;

/** @dictionary: used by the thread alone until the parser is freed. */
int eo_parser_new(struct eo_rule_dictionary *dictionary, struct eo_parser **ret, struct eo_error *err);
void eo_parser_free(struct eo_parser *parser); /* NULL is fine; waits for the file at work */
EO_DEFINE_AUTO(eo_parser)

int eo_parser_fd(const struct eo_parser *parser); /* readable when there are results */

/** @fd: an ELF file; becomes the parser's, on failure too. @file: comes back with the result. */
int eo_parser_submit(struct eo_parser *parser, uint32_t file, int fd);

/**
 * The next result. Returns false when there is none.
 * @table: empty when the file has no usable table; the caller's
 */
bool eo_parser_result(struct eo_parser *parser, uint32_t *file, struct eo_packed_table *table);

#endif
