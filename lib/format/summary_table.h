/* SPDX-License-Identifier: BSD-2-Clause */
/* Rows of a summary, which are events of one of the …_summary types: sorted, and as a table for
 * people, whose columns are those keys of the type that any row has. Not thread-safe. */
#ifndef EO_FORMAT_SUMMARY_TABLE_H
#define EO_FORMAT_SUMMARY_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "core/auto.h"
#include "core/event.h"

struct eo_summary_table;

struct eo_summary_table *eo_summary_table_new(void); /* NULL when memory is out */
void eo_summary_table_free(struct eo_summary_table *table); /* NULL is fine */
EO_DEFINE_AUTO(eo_summary_table)

/** A copy of @row. Returns 0 or -ENOMEM. */
int eo_summary_table_add(struct eo_summary_table *table, const struct eo_event *row);

/** Numbers from the largest on, texts in alphabetical order; rows without @key come last. */
void eo_summary_table_sort(struct eo_summary_table *table, const char *key);

size_t eo_summary_table_count(const struct eo_summary_table *table);
/** In order. Lives as long as @table. */
const struct eo_event *eo_summary_table_row(const struct eo_summary_table *table, size_t index);

/**
 * @rows: the first so many, 0: all. Below several rows stand the sums of all. Write errors stay in
 * @out.
 */
void eo_summary_table_write(const struct eo_summary_table *table, size_t rows, bool color,
			    FILE *out);

#endif
