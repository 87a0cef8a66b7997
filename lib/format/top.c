/* SPDX-License-Identifier: BSD-2-Clause */
/* A table of functions for reading, in the columns that users of pprof know: flat is what a
 * function did itself, cum what it and everything below it did. */
#include "format/writer.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "model/module_name.h"
#include "format/utf8.h"
#include "core/hash.h"
#include "core/index.h"

struct row {
	const char *name; /* "" when the function has none */
	const char *module;
	int64_t flat, cum;
	size_t seen; /* 1 + the last sample that counted for cum: recursion counts once */
};

struct top {
	const struct eo_profile *profile;
	size_t value_type;
	struct eo_index set;
	uint64_t seed;
	struct row *rows; /* from 1 */
	size_t row_count;
	/* Rows of location i are line_rows[first_row[i]] up to [first_row[i + 1]], innermost
	 * function first. */
	size_t *first_row;
	uint32_t *line_rows;
};

static void top_fini(struct top *t)
{
	eo_index_fini(&t->set);
	free(t->rows);
	free(t->first_row);
	free(t->line_rows);
}

/* Functions of one name in one module are one row, whatever their addresses and files, and so is
 * everything in a module that has no name. */
static int find_row(struct top *t, const char *name, const char *module, uint32_t *ret)
{
	uint64_t hash = eo_hash_string(eo_hash_string(t->seed, module), name);
	uint32_t cursor = 0;
	uint32_t number;

	while ((number = eo_index_next(&t->set, hash, &cursor)) != EO_INDEX_NONE)
		if (!strcmp(t->rows[number].name, name) &&
		    !strcmp(t->rows[number].module, module)) {
			*ret = number;
			return 0;
		}
	*ret = (uint32_t)t->row_count + 1;
	t->rows[*ret] = (struct row){ .name = name, .module = module };
	t->row_count++;
	return eo_index_add(&t->set, hash, *ret);
}

static int top_init(struct top *t, const struct eo_profile *profile, size_t value_type)
{
	size_t most = profile->location_count + profile->line_count;
	size_t at = 0;
	int r = 0;

	*t = (struct top){ .profile = profile, .value_type = value_type,
			   .seed = eo_hash_seed() };
	t->rows = calloc(most + 1, sizeof(*t->rows));
	t->first_row = calloc(profile->location_count + 1, sizeof(*t->first_row));
	t->line_rows = calloc(most, sizeof(*t->line_rows));
	if (!t->rows || !t->first_row || !t->line_rows)
		return -ENOMEM;
	/* Element 0 is no location; it keeps an empty run. */
	for (size_t i = 1; r == 0 && i < profile->location_count; i++) {
		const struct eo_location *location = &profile->locations[i];
		const char *module = eo_module_name(profile, location->mapping);

		t->first_row[i] = at;
		if (!location->line_count)
			r = find_row(t, "", module, &t->line_rows[at++]);
		for (uint32_t line = 0; r == 0 && line < location->line_count; line++) {
			uint32_t function = profile->lines[location->first_line + line].function;

			r = find_row(t, profile->strings[profile->functions[function].name], module,
				     &t->line_rows[at++]);
		}
		t->first_row[i + 1] = at;
	}
	return r;
}

static void add(int64_t *sum, int64_t value)
{
	if (__builtin_add_overflow(*sum, value, sum))
		*sum = value < 0 ? INT64_MIN : INT64_MAX;
}

static void count(struct top *t)
{
	const struct eo_profile *profile = t->profile;

	for (size_t i = 0; i < profile->sample_count; i++) {
		const struct eo_sample *sample = &profile->samples[i];
		struct eo_span stack = profile->stacks[sample->stack];
		int64_t value = profile->values[sample->values + t->value_type];

		for (uint32_t frame = 0; frame < stack.count; frame++) {
			uint32_t location = profile->frames[stack.first + frame];

			for (size_t at = t->first_row[location]; at < t->first_row[location + 1];
			     at++) {
				struct row *row = &t->rows[t->line_rows[at]];

				if (frame == 0 && at == t->first_row[location])
					add(&row->flat, value);
				if (row->seen != i + 1)
					add(&row->cum, value);
				row->seen = i + 1;
			}
		}
	}
}

static int compare_rows(const void *left, const void *right)
{
	const struct row *a = left, *b = right;
	int r;

	if (a->flat != b->flat)
		return a->flat < b->flat ? 1 : -1;
	r = strcmp(a->name, b->name);
	return r ? r : strcmp(a->module, b->module);
}

/* Units, each family from small to large. Values of other units are printed as they are. */
static const struct unit {
	const char *family[3]; /* what the base unit is called in profiles */
	const char *symbol;
	double size;
} units[] = {
	{ { "nanoseconds", "nanosecond", "ns" }, "ns", 1 },
	{ { "nanoseconds", "nanosecond", "ns" }, "us", 1e3 },
	{ { "nanoseconds", "nanosecond", "ns" }, "ms", 1e6 },
	{ { "nanoseconds", "nanosecond", "ns" }, "s", 1e9 },
	{ { "bytes", "byte", "B" }, "B", 1 },
	{ { "bytes", "byte", "B" }, "kB", 1024.0 },
	{ { "bytes", "byte", "B" }, "MB", 1024.0 * 1024 },
	{ { "bytes", "byte", "B" }, "GB", 1024.0 * 1024 * 1024 },
	{ { "bytes", "byte", "B" }, "TB", 1024.0 * 1024 * 1024 * 1024 },
};

static const struct unit no_unit = { .symbol = "", .size = 1 };

static bool is_in_family(const struct unit *unit, const char *name)
{
	for (size_t i = 0; i < EO_ARRAY_SIZE(unit->family); i++)
		if (!strcmp(unit->family[i], name))
			return true;
	return false;
}

/* The largest unit of which @value is at least one; the smallest for less. */
static struct unit unit_for(double value, const char *name)
{
	const struct unit *best = NULL;

	for (size_t i = 0; i < EO_ARRAY_SIZE(units); i++)
		if (is_in_family(&units[i], name) && (!best || fabs(value) >= units[i].size))
			best = &units[i];
	return best ? *best : no_unit;
}

/* "1.50s", "10ms", "0", right-aligned when @width says so. */
static void print_value(double value, struct unit unit, int width, FILE *out)
{
	char text[64];
	char *end;

	snprintf(text, sizeof(text), "%.2f", value / unit.size);
	end = strchr(text, '.');
	if (end && !strcmp(end, ".00"))
		*end = '\0';
	if (strcmp(text, "0") && strcmp(text, "-0"))
		strcat(text, unit.symbol);
	else
		strcpy(text, "0");
	fprintf(out, "%*s", width, text);
}

static double percent(double part, double whole)
{
	return whole != 0 ? 100 * part / whole : 0;
}

/* Percentages are of the sum of magnitudes, so that they mean something for differences too. */
static double total_of(const struct top *t)
{
	double total = 0;

	for (size_t i = 0; i < t->profile->sample_count; i++)
		total += fabs((double)t->profile->values[t->profile->samples[i].values +
							 t->value_type]);
	return total;
}

static void print_header(const struct top *t, double total, const char *unit_name, FILE *out)
{
	const struct eo_profile *profile = t->profile;
	time_t seconds = (time_t)(profile->time_ns / 1000000000);
	char text[64];
	struct tm utc;

	fputs("Type: ", out);
	eo_utf8_print(profile->strings[profile->value_types[t->value_type].type], out);
	fputc('\n', out);
	if (profile->time_ns && gmtime_r(&seconds, &utc) &&
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &utc))
		fprintf(out, "Time: %s\n", text);
	if (profile->duration_ns) {
		double duration = (double)profile->duration_ns;

		fputs("Duration: ", out);
		print_value(duration, unit_for(duration, "ns"), 0, out);
		fputs(", ", out);
	}
	fputs("Total samples = ", out);
	print_value(total, unit_for(total, unit_name), 0, out);
	if (profile->duration_ns && is_in_family(&units[0], unit_name))
		fprintf(out, " (%.2f%%)", percent(total, (double)profile->duration_ns));
	fputc('\n', out);
}

static void print_row(const struct row *row, double flat_sum, double total, struct unit unit,
		      FILE *out)
{
	print_value((double)row->flat, unit, 10, out);
	fprintf(out, " %6.2f%% %6.2f%% ", percent((double)row->flat, total),
		percent(flat_sum, total));
	print_value((double)row->cum, unit, 10, out);
	fprintf(out, " %6.2f%%  ", percent((double)row->cum, total));
	if (row->name[0]) {
		eo_utf8_print(row->name, out);
		if (row->module[0]) {
			fputs("  ", out);
			eo_utf8_print(row->module, out);
		}
	} else if (row->module[0] == '[') {
		eo_utf8_print(row->module, out);
	} else {
		fputc('[', out);
		eo_utf8_print(row->module[0] ? row->module : "unknown", out);
		fputc(']', out);
	}
	fputc('\n', out);
}

static void print(struct top *t, const struct eo_write_options *options, FILE *out)
{
	const char *unit_name = t->profile->strings[t->profile->value_types[t->value_type].unit];
	size_t shown = options->top_rows && options->top_rows < t->row_count ? options->top_rows :
										t->row_count;
	double total = total_of(t), flat_sum = 0;
	/* One unit for the whole table, fine enough for what is a hundredth of the total. */
	struct unit unit = unit_for(total / 100, unit_name);

	print_header(t, total, unit_name, out);
	if (shown < t->row_count)
		fprintf(out, "Showing %zu of %zu functions\n", shown, t->row_count);
	fprintf(out, "%s%10s %7s %7s %10s %7s  %s%s\n", options->color ? "\033[1m" : "", "flat",
		"flat%", "sum%", "cum", "cum%", "function", options->color ? "\033[0m" : "");
	qsort(t->rows + 1, t->row_count, sizeof(*t->rows), compare_rows);
	for (size_t i = 1; i <= shown; i++) {
		flat_sum += (double)t->rows[i].flat;
		print_row(&t->rows[i], flat_sum, total, unit, out);
	}
}

int eo_write_top(const struct eo_profile *profile, const struct eo_write_options *options,
		 FILE *out, struct eo_error *err)
{
	size_t type = options->value_type == SIZE_MAX ? eo_profile_default_value_type(profile) :
							options->value_type;
	struct top t;
	int r;

	r = eo_profile_check_value_type(profile, type, err);
	if (r < 0)
		return r;
	r = top_init(&t, profile, type);
	if (r == 0) {
		count(&t);
		print(&t, options, out);
	}
	top_fini(&t);
	if (r < 0)
		return eo_error_set(err, EO_ERROR_EVENT_PROCESSING_FAILED, -r, NULL,
				    "write profile as a table of functions");
	return 0;
}
