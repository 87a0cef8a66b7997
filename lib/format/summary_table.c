/* SPDX-License-Identifier: BSD-2-Clause */
#include "format/summary_table.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture/event_list.h"
#include "core/array.h"
#include "format/event_text.h"
#include "format/quantity.h"

#define COLUMNS_MAX 24
#define CELL_MAX    400

struct eo_summary_table {
	struct eo_event_list *list;
	const struct eo_event **rows; /* in order */
	size_t count, capacity;
};

struct eo_summary_table *eo_summary_table_new(void)
{
	EO_AUTO(eo_summary_table) table = calloc(1, sizeof(*table));

	if (table)
		table->list = eo_event_list_new();
	return table && table->list ? eo_steal(&table) : NULL;
}

void eo_summary_table_free(struct eo_summary_table *table)
{
	if (!table)
		return;
	eo_event_list_free(table->list);
	free(table->rows);
	free(table);
}

int eo_summary_table_add(struct eo_summary_table *table, const struct eo_event *row)
{
	if (!EO_ARRAY_RESERVE(table->rows, table->count + 1, table->capacity, 64))
		return -ENOMEM;
	if (eo_event_list_add(table->list, row) < 0)
		return -ENOMEM;
	table->rows[table->count] = eo_event_list_get(table->list, table->count);
	table->count++;
	return 0;
}

size_t eo_summary_table_count(const struct eo_summary_table *table)
{
	return table->count;
}

const struct eo_event *eo_summary_table_row(const struct eo_summary_table *table, size_t index)
{
	return index < table->count ? table->rows[index] : NULL;
}

/* --- order --- */

static bool is_number(const struct eo_attr *attr)
{
	return attr && (attr->type == EO_ATTR_UINT || attr->type == EO_ATTR_INT);
}

static int compare(const void *a, const void *b, void *key)
{
	const struct eo_event *one = *(const struct eo_event *const *)a;
	const struct eo_event *other = *(const struct eo_event *const *)b;
	const struct eo_attr *x = eo_event_data(one, key), *y = eo_event_data(other, key);

	if (!x || !y)
		return !x - !y;
	if (x->type == EO_ATTR_STRING && y->type == EO_ATTR_STRING)
		return strcmp(x->str, y->str);
	if (is_number(x) && is_number(y) && x->num != y->num)
		return x->num < y->num ? 1 : -1;
	return 0;
}

void eo_summary_table_sort(struct eo_summary_table *table, const char *key)
{
	/* glibc merges, so that equal rows stay as they were. */
	qsort_r(table->rows, table->count, sizeof(struct eo_event *), compare, (void *)key);
}

/* --- the table --- */

struct column {
	const char *key;
	bool is_text, is_summed;
	uint64_t sum;
	int width;
};

struct layout {
	struct column columns[COLUMNS_MAX];
	size_t count;
};

/* Sums of averages and of extremes say nothing. */
static bool is_summed(const char *key)
{
	static const char *const never[] = {"pid",	  "min_ns", "mean_ns",  "p50_ns",
					    "p99_ns", "max_ns", "oldest_ns", "rtt_p50_ns",
					    "rtt_p99_ns"};

	for (size_t i = 0; i < EO_ARRAY_SIZE(never); i++)
		if (!strcmp(key, never[i]))
			return false;
	return true;
}

static void add_column(struct layout *layout, const struct eo_summary_table *table,
		       const struct eo_event_key *row)
{
	struct column column = {.key = row->key};
	bool is_there = false;

	for (size_t i = 0; i < table->count; i++) {
		const struct eo_attr *attr = eo_event_data(table->rows[i], row->key);

		is_there |= attr != NULL;
		if (is_number(attr))
			column.sum += attr->unum;
	}
	/* The frames of a stack have no room in a row, nor has a histogram. */
	if (!is_there || row->type == EO_ATTR_ARRAY || layout->count == COLUMNS_MAX)
		return;
	column.is_text = row->type != EO_ATTR_UINT && row->type != EO_ATTR_INT;
	column.is_summed = !column.is_text && is_summed(row->key);
	layout->columns[layout->count++] = column;
}

/* Columns on a terminal, where every character takes one. */
static int width_of(const char *text)
{
	int width = 0;

	for (; *text; text++)
		width += (*text & 0xc0) != 0x80;
	return width;
}

/* "total_ns" is TOTAL: the unit stands in the cells. */
static void heading(const char *key, char ret[CELL_MAX])
{
	static const char *const endings[] = {"_ns", "_bytes", "_id"};
	size_t len = strlen(key);

	for (size_t i = 0; i < EO_ARRAY_SIZE(endings); i++) {
		size_t ending = strlen(endings[i]);

		if (len > ending && !strcmp(key + len - ending, endings[i]))
			len -= ending;
	}
	for (size_t i = 0; i < len; i++)
		ret[i] = key[i] == '_' ? ' ' : (char)toupper((unsigned char)key[i]);
	ret[len] = '\0';
}

static void number_cell(const char *key, uint64_t value, char ret[CELL_MAX])
{
	const struct eo_attr attr = {.key = key, .type = EO_ATTR_UINT, .unum = value};
	char text[64];

	/* Only where the key says no unit. */
	eo_event_text_value(&attr, text, sizeof(text));
	if (strspn(text, "0123456789") == strlen(text))
		strcpy(text, eo_quantity_grouped(value).s);
	strcpy(ret, text);
}

static void cell(const struct column *column, const struct eo_event *row, char ret[CELL_MAX])
{
	const struct eo_attr *attr = eo_event_data(row, column->key);

	*ret = '\0';
	if (!attr)
		strcpy(ret, column->is_text ? "-" : "");
	else if (!strcmp(column->key, "pid"))
		sprintf(ret, "%llu", (unsigned long long)attr->unum);
	else if (is_number(attr))
		number_cell(column->key, attr->unum, ret);
	else
		eo_event_text_value(attr, ret, CELL_MAX);
}

static void fit(struct column *column, const char *text)
{
	int width = width_of(text);

	if (width > column->width)
		column->width = width;
}

static void put_cell(const struct column *column, const char *text, bool is_last, FILE *out)
{
	int blanks = column->width - width_of(text);

	if (column->is_text)
		fprintf(out, "%s%*s", text, is_last ? 0 : blanks + 2, "");
	else
		fprintf(out, "%*s%s%s", blanks, "", text, is_last ? "" : "  ");
}

static void put_row(const struct layout *layout, const struct eo_event *row, FILE *out)
{
	char text[CELL_MAX];

	for (size_t i = 0; i < layout->count; i++) {
		cell(&layout->columns[i], row, text);
		put_cell(&layout->columns[i], text, i + 1 == layout->count, out);
	}
	fputc('\n', out);
}

/* The frames of its stack have no room in the row: they stand below it. */
static void put_stack(const struct eo_event *row, FILE *out)
{
	char text[CELL_MAX * 64];
	size_t len = eo_event_text_stack(row, text, sizeof(text));

	fwrite(text, 1, len < sizeof(text) ? len : sizeof(text), out);
}

static void put_headings(const struct layout *layout, bool color, FILE *out)
{
	char text[CELL_MAX];

	if (color)
		fputs("\033[1m", out);
	for (size_t i = 0; i < layout->count; i++) {
		heading(layout->columns[i].key, text);
		put_cell(&layout->columns[i], text, i + 1 == layout->count, out);
	}
	fputs(color ? "\033[0m\n" : "\n", out);
}

static void sum_cell(const struct layout *layout, size_t i, char ret[CELL_MAX])
{
	*ret = '\0';
	if (layout->columns[i].is_summed)
		number_cell(layout->columns[i].key, layout->columns[i].sum, ret);
	else if (!i)
		strcpy(ret, "total");
}

static void put_sums(const struct layout *layout, FILE *out)
{
	size_t last = layout->count;
	char text[CELL_MAX];

	while (last && !layout->columns[last - 1].is_summed)
		last--;
	for (size_t i = 0; i < last; i++) {
		sum_cell(layout, i, text);
		put_cell(&layout->columns[i], text, i + 1 == last, out);
	}
	fputc('\n', out);
}

static void measure(struct layout *layout, const struct eo_summary_table *table, size_t rows)
{
	char text[CELL_MAX];

	for (size_t i = 0; i < layout->count; i++) {
		heading(layout->columns[i].key, text);
		fit(&layout->columns[i], text);
		sum_cell(layout, i, text);
		fit(&layout->columns[i], text);
		for (size_t j = 0; j < rows; j++) {
			cell(&layout->columns[i], table->rows[j], text);
			fit(&layout->columns[i], text);
		}
	}
}

void eo_summary_table_write(const struct eo_summary_table *table, size_t rows, bool color,
			    FILE *out)
{
	struct layout layout = {.count = 0};
	const struct eo_event_key *key;

	if (!table->count)
		return;
	if (!rows || rows > table->count)
		rows = table->count;
	for (key = eo_event_keys(table->rows[0]->type); key && key->key; key++)
		add_column(&layout, table, key);
	measure(&layout, table, rows);
	put_headings(&layout, color, out);
	for (size_t i = 0; i < rows; i++) {
		put_row(&layout, table->rows[i], out);
		put_stack(table->rows[i], out);
	}
	if (table->count > 1)
		put_sums(&layout, out);
}
